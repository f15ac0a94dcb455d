//! `serve`: a server with a store in a data folder.

use std::{io, path::PathBuf, time::Duration};

use crdt_socket_sync::{
    Storage,
    error::StoreFault,
    store::{Append, StoredDocument},
};
use crdt_socket_sync_sqlite::SqliteStorage;
use crdt_socket_sync_tokio::{Server, ServerEvent, ServerHandle};
use serde_json::json;
use tokio::sync::oneshot;

use crate::{
    Outcome,
    failure::Failure,
    output,
    record::RecordArgs,
    runtime::{done, tokio},
    stop::Stop,
};

/// How long a server that was told to stop may take to store what it has.
const STOP_TIME: Duration = Duration::from_secs(10);

/// How long closing the store may take.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// Serve documents until SIGINT (ctrl-c) or SIGTERM
///
/// Documents are kept in the data folder, which is created if there is none. A change is confirmed as stored only when
/// it would survive a power cut.
///
///     crdt-socket-sync serve
///     crdt-socket-sync serve --listen 0.0.0.0:9000 --data /var/lib/pages
///     crdt-socket-sync serve --memory -v
///
/// Everyone who can reach the address may read and write every document.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7070")]
    listen: String,
    /// The folder to keep documents in
    #[arg(long, value_name = "DIR", default_value = "./crdt-socket-sync-data")]
    data: PathBuf,
    /// Keep documents in memory only: they are gone when the server stops
    #[arg(long, conflicts_with = "data")]
    memory: bool,
    /// Say who comes, goes and joins; twice for every change
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    record: RecordArgs,
    /// Stop when standard input ends, too: for a program that starts a server and must not leave it behind
    #[arg(long, hide = true)]
    with_stdin: bool,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    tokio()?.block_on(serve(args, json))
}

async fn serve(args: Args, json: bool) -> Outcome {
    let mut builder = Server::builder();
    let (closing, closed) = oneshot::channel::<()>();
    if !args.memory {
        let storage = SqliteStorage::open_in_dir(&args.data).map_err(Failure::complete)?;
        builder = builder.storage(Watched { storage, _closed: closing });
    }
    if let Some(file) = args.record.file()? {
        builder = builder.record(file);
    }
    let server = builder.bind(&args.listen).await.map_err(|error| {
        args.record.discard();
        not_bound(&args.listen, &error)
    })?;
    let mut stop = if args.with_stdin { Stop::with_stdin()? } else { Stop::new()? };
    let url = format!("ws://{}", server.local_addr());
    let handle = server.handle();
    tokio::spawn(log(handle.clone(), args.verbose));
    if json {
        output::json(&json!({ "listening": url, "data": (!args.memory).then(|| args.data.display().to_string()) }))?;
    } else {
        let place = if args.memory { "in memory only".to_owned() } else { format!("in {}", args.data.display()) };
        output::line(format_args!("listening at {url}, documents {place}"))?;
    }

    let serving = tokio::spawn(server.serve());
    stop.wait().await;
    if args.verbose > 0 {
        output::say("stopping");
    }
    // Whoever says it twice means at once.
    let stopped = tokio::select! {
        stopped = handle.shutdown(STOP_TIME) => stopped,
        () = stop.wait() => std::process::exit(130),
    };
    if stopped.is_ok() {
        let _ = serving.await;
    }
    // The storage's thread closes the store when nobody is left who could ask for anything: only then is all in one file.
    drop(handle);
    let _ = tokio::time::timeout(CLOSE_TIME, closed).await;
    stopped.map_err(|unstored| {
        let todo = "the clients that made the changes have them still: see to the disk, then start the server again";
        Failure::new(unstored.to_string(), todo)
    })?;
    done()
}

fn not_bound(addr: &str, error: &io::Error) -> Failure {
    let (why, todo) = match error.kind() {
        io::ErrorKind::AddrInUse => {
            ("the port is in use".to_owned(), "stop what uses it, or choose another one with --listen")
        }
        io::ErrorKind::AddrNotAvailable => {
            ("this machine does not have that address".to_owned(), "choose another one with --listen")
        }
        io::ErrorKind::PermissionDenied => {
            ("that port takes special permissions".to_owned(), "choose one above 1023 with --listen")
        }
        _ => (error.to_string(), "give an address like 127.0.0.1:7070 with --listen"),
    };
    Failure::new(format!("cannot listen at {addr}: {why}"), todo)
}

/// A store that lets someone know when it is closed.
struct Watched {
    storage: SqliteStorage,
    /// Dropped after the store.
    _closed: oneshot::Sender<()>,
}

impl Storage for Watched {
    fn load(&mut self, name: &str) -> Result<Option<StoredDocument>, StoreFault> {
        self.storage.load(name)
    }

    fn append(&mut self, batch: &[Append]) -> Result<(), StoreFault> {
        self.storage.append(batch)
    }

    fn list(&mut self) -> Result<Vec<String>, StoreFault> {
        self.storage.list()
    }
}

/// Says what happens: always what someone should see to, and as much more as is asked for.
async fn log(handle: ServerHandle, verbose: u8) {
    let mut events = handle.events();
    drop(handle);
    while let Some(event) = events.next().await {
        let (level, line) = described(&event);
        if level <= verbose {
            output::say(line);
        }
    }
}

fn described(event: &ServerEvent) -> (u8, String) {
    match event {
        ServerEvent::StoreFailed { name, fault, failures } => {
            (0, format!("{name:?}: {fault} (attempt {failures}; trying again)"))
        }
        ServerEvent::RecordFailed { error } => (0, format!("the session is not recorded any more: {error}")),
        ServerEvent::AcceptFailed { error } => (0, format!("cannot accept a connection: {error}")),
        ServerEvent::LinkUp { link, peer: Some(peer) } => (1, format!("{link} up, from {peer}")),
        ServerEvent::LinkUp { link, peer: None } => (1, format!("{link} up")),
        ServerEvent::Admitted { link } => (2, format!("{link} let in")),
        ServerEvent::LinkDown { link, reason } => (1, format!("{link} down: {reason}")),
        ServerEvent::Fault { link, fault } => (1, format!("{link} closed: {fault}")),
        ServerEvent::Joined { link, name, .. } => (1, format!("{link} joined {name:?}")),
        ServerEvent::Left { link, name } => (1, format!("{link} left {name:?}")),
        ServerEvent::Refused { link, name, reason } => (1, format!("{link} may not have {name:?}: {reason}")),
        ServerEvent::Applied { link, name, changes } => (2, format!("{link} changed {name:?}: {changes} new")),
        ServerEvent::Stored { name, changes } => (2, format!("stored {changes} of {name:?}")),
        ServerEvent::Lagged => (1, "(events came too fast; some are not shown)".into()),
        other => (2, format!("{other:?}")),
    }
}
