//! `replay`: types a recorded session again, with one real client for each of its agents.
//!
//! Each agent's edits are made in exactly the version that the recording names. A client's own document runs ahead of
//! that: it has whatever has arrived. So beside it every agent keeps a *shadow*, a document that holds no more than the
//! transaction's past; the edit is made there, and the change that comes of it is merged into the client's document,
//! which sends it. What the shadow lacks of that past it takes from the client's document, once the server has brought it.

mod agent;
mod summary;

use std::{
    io::IsTerminal,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use crdt_socket_sync::{Level, ReplicaId, VersionVector};
use crdt_socket_sync_websocket::{Client, Doc, Runtime};
use futures_util::future::try_join_all;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    Outcome, connect,
    failure::Failure,
    output,
    runtime::{Job, RuntimeName, spawn},
    trace::Trace,
};
use agent::Agent;
use summary::{Keystrokes, Replica, Summary};

/// The text that a session is typed into.
const TEXT: &str = "text";

/// Type a recorded editing session again, with one client for each of its agents
///
/// Each edit is made in the version that the recording names. Ends with a summary, and with exit code 1 if the replicas
/// are not equal or not what the recording ends with. The server may go away and come back meanwhile.
///
///     crdt-socket-sync replay friendsforever.json.gz --server ws://127.0.0.1:7070 --doc page
///     crdt-socket-sync replay rustcode.json.gz --server ws://127.0.0.1:7070 --doc code --rate 1000
///
/// Recordings: <https://github.com/josephg/editing-traces>
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The recording, a .json.gz file of the editing-traces collection
    trace: PathBuf,
    /// The server, as ws://HOST:PORT or wss://HOST:PORT
    #[arg(long, value_name = "URL")]
    server: String,
    /// The document to type into; it must be empty
    #[arg(long, value_name = "NAME")]
    doc: String,
    /// At most this many transactions a second, over all agents; as fast as possible if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// The async runtime that the clients run on
    #[arg(long, value_enum, default_value_t)]
    runtime: RuntimeName,
}

/// What the agents of one replay share.
struct Shared {
    trace: Trace,
    /// Who each agent writes as.
    replicas: Vec<ReplicaId>,
    /// For each agent, the operation number after each of its transactions, as far as they are made.
    ends: Vec<Mutex<Vec<u64>>>,
    /// How many transactions are made.
    made: AtomicUsize,
    bar: ProgressBar,
    start: Instant,
    rate: Option<u32>,
}

struct Replay(Args, bool);

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    args.runtime.run(Replay(args, json))
}

impl Job for Replay {
    async fn run<R: Runtime + Default>(self) -> Outcome {
        let Self(args, json) = self;
        let trace = Trace::open(&args.trace)?;
        let keystrokes = Arc::new(Mutex::new(Keystrokes::default()));
        let clients = connect_all::<R>(&args, trace.agents(), &keystrokes).await?;

        let bar = progress(&trace, &args);
        let ids = (0..trace.agents()).map(|_| getrandom::u64().map(ReplicaId::new));
        let shared = Arc::new(Shared {
            replicas: ids.collect::<Result<_, _>>().map_err(Failure::bug)?,
            ends: (0..trace.agents()).map(|_| Mutex::default()).collect(),
            made: AtomicUsize::new(0),
            bar,
            start: Instant::now(),
            rate: args.rate,
            trace,
        });
        let agents = clients.iter().enumerate().map(|(index, (_, doc))| {
            let agent = Agent::new(index, doc.clone(), shared.clone());
            let typing = spawn::<R, _>(agent.run::<R>());
            async { typing.await? }
        });
        try_join_all(agents).await?;
        let typed = shared.start.elapsed();

        shared.bar.set_message("waiting until all is stored");
        let whole = shared.whole();
        try_join_all(clients.iter().map(|(_, doc)| settled(doc, &whole))).await?;
        let took = shared.start.elapsed();
        shared.bar.finish_and_clear();

        let replicas = clients.iter().map(|(client, doc)| Replica::of(client, doc)).collect::<Result<_, _>>()?;
        let keystrokes = *keystrokes.lock().map_err(Failure::bug)?;
        let summary = Summary::new(&args, &shared.trace, [typed, took], replicas, keystrokes);
        if json {
            output::json(&summary)?;
        } else {
            output::text(&summary.to_string())?;
        }
        for (client, doc) in clients {
            drop(doc);
            client.close().await;
        }
        Ok(summary.exit_code())
    }
}

/// One client for each agent, each with the document open.
async fn connect_all<R: Runtime + Default>(
    args: &Args,
    agents: usize,
    keystrokes: &Arc<Mutex<Keystrokes>>,
) -> Result<Vec<(Client<R>, Doc)>, Failure> {
    let mut clients = Vec::with_capacity(agents);
    for _ in 0..agents {
        let keystrokes = keystrokes.clone();
        let client: Client<R> = Client::builder(args.server.clone())
            .on_frame(move |direction, bytes, frame| {
                if let Ok(mut keystrokes) = keystrokes.lock() {
                    keystrokes.count(direction, bytes, frame);
                }
            })
            .connect();
        connect::first_attempt(&client, &args.server).await?;
        let doc = connect::open(&client, &args.doc).await?;
        if !doc.read(|document| document.log().is_empty()).map_err(connect::misuse)? {
            return Err(Failure::new(
                format!("the document {:?} has something in it already", args.doc),
                "name a new one with --doc",
            ));
        }
        clients.push((client, doc));
    }
    Ok(clients)
}

/// Waits until a replica has everything, and everything of it is stored.
async fn settled(doc: &Doc, whole: &VersionVector) -> Result<(), Failure> {
    let wanted = whole.clone();
    let error = |error| connect::not_synced(doc.name(), &error);
    doc.until(move |document| document.log().version().covers(&wanted)).await.map_err(error)?;
    doc.synced(Level::Stored).await.map_err(error)
}

impl Shared {
    /// The version that has everything.
    fn whole(&self) -> VersionVector {
        let last = |ends: &Mutex<Vec<u64>>| ends.lock().ok().and_then(|ends| ends.last().copied()).unwrap_or(0);
        self.replicas.iter().zip(&self.ends).map(|(replica, ends)| (*replica, last(ends))).collect()
    }

    /// When the next transaction may be made.
    fn due(&self, made: usize) -> Option<Duration> {
        let rate = self.rate?;
        let at = Duration::from_secs_f64(made as f64 / f64::from(rate));
        at.checked_sub(self.start.elapsed()).filter(|wait| !wait.is_zero())
    }
}

/// A bar on a terminal, a line otherwise.
fn progress(trace: &Trace, args: &Args) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        output::say(format_args!(
            "replaying {} transactions of {} into {:?}",
            trace.txns().len(),
            if trace.agents() == 1 { "1 agent".into() } else { format!("{} agents", trace.agents()) },
            args.doc
        ));
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:32.cyan/dim} {percent:>3} %  {human_pos} of {human_len}  {msg:.dim}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸━");
    ProgressBar::new(trace.txns().len() as u64).with_style(style)
}
