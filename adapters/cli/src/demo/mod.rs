//! `demo`: four writers, one page, a cut link, a killed server, and one text in the end.

mod relay;
mod server;
mod stage;
mod story;
mod writer;

use std::{fmt::Write as _, net::SocketAddr, path::Path, process::ExitCode, time::Duration};

use crdt_socket_sync::{Change, Document, Level, Limits, ReplicaId, Storage, VersionVector};
use crdt_socket_sync_sqlite::{FILE_NAME, SqliteStorage};
use crdt_socket_sync_tokio::Client;
use crdt_socket_sync_websocket::SyncError;
use futures_util::future::{join_all, try_join_all};
use serde::Serialize;

use self::{relay::Relay, server::Server, stage::Stage, story::PARTS, writer::Writer};
use crate::{Outcome, connect, failure::Failure, hash::text_hash, output, runtime::tokio, stop::Stop};

const TEXT: &str = "text";
const PAGE: &str = "page";

/// The one whose link is cut.
const CUT: usize = 2;

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// Watch four writers on one page, a cut link and a killed server
///
/// Needs nothing: starts a server of its own on a free port, with a store in a temporary folder, and cleans up after itself.
/// Takes seven to eight seconds. Ends with the text that every replica and the store on disk hold, and with exit code 0
/// if it is the same.
///
///     crdt-socket-sync demo
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {}

/// What someone holds in the end.
#[derive(Serialize)]
struct Held {
    name: &'static str,
    hash: String,
    chars: usize,
    #[serde(skip)]
    digest: [u8; 16],
}

#[derive(Serialize)]
struct Report {
    replicas: Vec<Held>,
    store: Held,
    equal: bool,
    seconds: f64,
}

pub(crate) fn run(_: Args, json: bool) -> Outcome {
    tokio()?.block_on(async {
        let mut stop = Stop::new()?;
        tokio::select! {
            outcome = demo(json) => outcome,
            // Everything is dropped on the way, and with it the server process and the folder.
            () = stop.wait() => Err(Failure::new("the demonstration was stopped", "start it again to see its end")),
        }
    })
}

async fn demo(json: bool) -> Outcome {
    let folder = tempfile::Builder::new().prefix("crdt-socket-sync-demo-").tempdir().map_err(|error| {
        Failure::new(format!("cannot make a temporary folder: {error}"), "set TMPDIR to one that can be written to")
    })?;
    let data = folder.path().join("data");
    let stage = Stage::new(json);

    let server = Server::start("127.0.0.1:0".into(), &data).await?;
    stage.server(running(&server));
    let addr = server.addr;
    stage.tell(&format!("a server listens at ws://{addr}, with a new store on disk"))?;
    let relay = Relay::to(addr).await?;
    let mut writers = open_writers(addr, &relay).await?;
    stage.show(&writers)?;
    stage.tell(&format!("{} have the same empty page open", stage::names()))?;

    let clients: Vec<Client> = writers.iter().map(|writer| writer.client.clone()).collect();
    let connected = |index: usize| clients[index].status() == crdt_socket_sync::Status::Connected;
    let play = async {
        let mut server = Some(server);
        writers[0].begin().await?;
        let write = try_join_all(writers.iter_mut().map(Writer::write));
        let (_, ()) = tokio::try_join!(write, accidents(&stage, &relay, &mut server, &data, addr))?;
        agree(&writers).await?;
        stage.tell("all have all; each mends a word of someone else's, and all sign below")?;
        try_join_all(writers.iter_mut().map(Writer::finish)).await?;
        agree(&writers).await?;
        // The last changes are only as safe as "stored" says they are.
        if let Some(server) = server.take() {
            server.kill()?;
        }
        stage.tell("all is stored; the server is killed, and the store read from disk")?;
        stage.server("\x1b[31m○\x1b[0m killed".into());
        Ok::<_, Failure>(())
    };
    let late = || Failure::new("the writers have not come to agree in time", "try again on a less busy machine");
    tokio::select! {
        played = tokio::time::timeout(PATIENCE, play) => played.map_err(|_| late())??,
        failed = stage.run(connected) => failed?,
    }
    stage.refresh(connected)?;
    stage.close();

    let replicas = writers.iter().map(Held::by).collect::<Result<Vec<_>, _>>()?;
    let store = Held::on_disk(&data.join(FILE_NAME))?;
    let equal = store.chars > 0 && replicas.iter().all(|held| held.digest == store.digest && held.hash == store.hash);
    let report = Report { replicas, store, equal, seconds: stage.elapsed().as_secs_f64() };
    if json {
        output::json(&report)?;
    } else {
        output::text(&report.table())?;
    }
    drop(writers);
    folder
        .close()
        .map_err(|error| Failure::new(format!("cannot remove the temporary folder: {error}"), "remove it by hand"))?;
    Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn running(server: &Server) -> String {
    format!("\x1b[32m●\x1b[0m ws://{}  \x1b[2mprocess {}\x1b[0m", server.addr, server.pid())
}

/// Everyone with the page open; one of them by way of a relay.
async fn open_writers(server: SocketAddr, relay: &Relay) -> Result<Vec<Writer>, Failure> {
    let mut writers = Vec::new();
    for (index, part) in PARTS.iter().enumerate() {
        let addr = if index == CUT { relay.addr() } else { server };
        writers.push(Writer::new(part, &format!("ws://{addr}"), PAGE)?);
    }
    let ready = writers.iter().map(|writer| writer.doc.caught_up());
    try_join_all(ready).await.map_err(|error| connect::not_synced(PAGE, &error))?;
    Ok(writers)
}

/// What goes wrong while they write.
async fn accidents(
    stage: &Stage,
    relay: &Relay,
    server: &mut Option<Server>,
    data: &Path,
    addr: SocketAddr,
) -> Result<(), Failure> {
    let name = PARTS[CUT].name;
    stage.at(2.0).await;
    relay.cut();
    stage.tell(&format!("{name}'s link is cut; she goes on writing"))?;
    stage.at(3.2).await;
    relay.mend();
    stage.tell(&format!("{name}'s link is whole again"))?;
    stage.at(4.2).await;
    if let Some(server) = server.take() {
        let pid = server.pid();
        server.kill()?;
        stage.server(format!("\x1b[31m○\x1b[0m killed  \x1b[2mprocess {pid}\x1b[0m"));
        stage.tell("the server is killed (SIGKILL); everyone goes on writing")?;
    }
    stage.at(5.4).await;
    let again = Server::start(addr.to_string(), data).await?;
    stage.server(running(&again));
    stage.tell("the server is started again on the same store")?;
    *server = Some(again);
    Ok(())
}

/// Waits until every replica has what all of them have, and all of it is stored.
async fn agree(writers: &[Writer]) -> Result<(), Failure> {
    let mut whole = VersionVector::new();
    for writer in writers {
        writer.doc.read(|document| whole.merge(document.log().version())).map_err(connect::misuse)?;
    }
    let settled = writers.iter().map(|writer| {
        let whole = whole.clone();
        async move {
            writer.doc.until(move |document| document.log().version().covers(&whole)).await?;
            writer.doc.synced(Level::Stored).await
        }
    });
    let all: Result<(), SyncError> = join_all(settled).await.into_iter().collect();
    all.map_err(|error| connect::not_synced(PAGE, &error))
}

impl Held {
    fn new(name: &'static str, document: &Document) -> Self {
        let text = document.text(TEXT).to_string();
        Self { name, hash: text_hash(&text), chars: text.chars().count(), digest: document.digest() }
    }

    fn by(writer: &Writer) -> Result<Self, Failure> {
        writer.doc.read(|document| Self::new(writer.part.name, document)).map_err(connect::misuse)
    }

    /// What the store holds, with nothing between it and the file.
    fn on_disk(path: &Path) -> Result<Self, Failure> {
        let mut storage = SqliteStorage::open_read_only(path).map_err(Failure::complete)?;
        let stored = storage.load(PAGE).map_err(Failure::bug)?;
        let stored = stored.ok_or_else(|| Failure::bug("the page is not in the store"))?;
        let changes = stored.changes.into_iter().map(Change::decode).collect::<Result<Vec<_>, _>>();
        let changes = changes.map_err(Failure::bug)?;
        let document = Document::from_changes(ReplicaId::new(0), stored.epoch, changes, &Limits::default());
        Ok(Self::new("the store", &document.map_err(Failure::bug)?))
    }
}

impl Report {
    fn table(&self) -> String {
        let mut table = format!("\n  {:<10} {:<17} {}\n", "", "hash of the text", "chars");
        for held in self.replicas.iter().chain([&self.store]) {
            let _ = writeln!(table, "  {:<10} {:<17} {:>5}", held.name, held.hash, held.chars);
        }
        let verdict = if self.equal { "all equal ✓" } else { "NOT EQUAL ✗" };
        let _ = writeln!(table, "\n  {verdict}  after a cut link, a killed server and {:.1} s", self.seconds);
        table
    }
}
