//! What a thousand idle clients cost a server, and what it costs to deliver a change.
//!
//! ```text
//! cargo run --release -p crdt-socket-sync-benches --bin idle -- [CLIENTS] [CHANGES] [memory]
//! ```
//!
//! The server is a process of its own, so that its memory and its processor time are the operating system's word (`/proc`,
//! Linux only). It has a SQLite store in a temporary folder, or none if the last word is `memory`. Idle clients are bare
//! WebSocket connections that speak the protocol; the two writers are clients of the tokio adapter. Takes about a minute.
#![allow(clippy::print_stdout, reason = "this is a program that prints what it measures")]

use std::{
    error::Error, path::Path, process::Stdio, sync::Arc, sync::atomic::AtomicU64, sync::atomic::Ordering,
    time::Duration,
};

use bytes::Bytes;
use crdt_socket_sync::{
    VersionVector,
    wire::{Capabilities, FullNames, Message},
};
use crdt_socket_sync_sqlite::SqliteStorage;
use crdt_socket_sync_tokio::{Client, Doc, Level, Server};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    task::JoinSet,
};
use tokio_tungstenite::tungstenite;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    if let [flag, folder] = &args[..]
        && flag == "--serve"
    {
        return serve(Path::new(folder)).await;
    }
    let number = |index: usize, default| args.get(index).map_or(Ok(default), |text| text.parse::<u64>());
    let memory = args.get(2).is_some_and(|word| word == "memory");
    measure(number(0, 1_000)?, number(1, 2_000)?, memory).await
}

async fn serve(folder: &Path) -> Result<(), Failure> {
    let mut server = Server::builder();
    if folder != Path::new("memory") {
        server = server.storage(SqliteStorage::open(folder.join("documents.sqlite3"))?);
    }
    let server = server.bind("127.0.0.1:0").await?;
    println!("ws://{}", server.local_addr());
    server.serve().await;
    Ok(())
}

async fn measure(clients: u64, changes: u64, memory: bool) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let mut child = tokio::process::Command::new(std::env::current_exe()?)
        .arg("--serve")
        .arg(if memory { Path::new("memory") } else { folder.path() })
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id().ok_or("the server has ended")?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    let url = lines.next_line().await?.ok_or("the server said nothing")?;

    let (ann, bob) = (Client::connect(&url), Client::connect(&url));
    let (ann_doc, bob_doc) = (ann.open("page")?, bob.open("page")?);
    write(&ann_doc, &bob_doc, 50, Duration::ZERO).await?;
    let alone = cost(pid, changes, 1, write(&ann_doc, &bob_doc, changes, Duration::from_millis(2))).await?;
    println!("2 writers, nobody else:       {alone:.1} µs of processor time per delivered change");

    let before = resident(pid)?;
    let delivered = Arc::new(AtomicU64::new(0));
    let mut idle = JoinSet::new();
    let (ready, mut connected) = tokio::sync::mpsc::unbounded_channel();
    let (join, _) = tokio::sync::watch::channel(false);
    for number in 0..clients {
        let watcher = Watcher { number, delivered: delivered.clone(), ready: ready.clone(), join: join.subscribe() };
        idle.spawn(watcher.run(url.clone()));
    }
    wait_for(&mut connected, clients).await?;
    let after = resident(pid)?;
    println!("{clients} idle clients, connected: {:.1} kB per client", kilobytes(after, before, clients));
    let apart = cost(pid, changes, 1, write(&ann_doc, &bob_doc, changes, Duration::from_millis(2))).await?;
    println!("2 writers, {clients} idle:         {apart:.1} µs of processor time per delivered change");

    join.send(true)?;
    wait_for(&mut connected, clients).await?;
    let joined = resident(pid)?;
    println!("{clients} idle clients, joined:    {:.1} kB per client", kilobytes(joined, before, clients));
    for (name, pause) in [("one by one", Duration::from_millis(20)), ("as fast as they go", Duration::ZERO)] {
        let changes = if pause.is_zero() { changes * 5 } else { changes / 10 };
        delivered.store(0, Ordering::Relaxed);
        let deliveries = clients + 1;
        let cost = cost(pid, changes, deliveries, async {
            write(&ann_doc, &bob_doc, changes, pause).await?;
            while delivered.load(Ordering::Relaxed) < changes * clients {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(())
        });
        let cost = cost.await?;
        println!("2 writers, {clients} readers, {name}: {cost:.2} µs of processor time per delivered change");
    }
    child.kill().await?;
    Ok(())
}

/// Has two people write by turns, and waits until all of it is stored and has arrived.
async fn write(ann: &Doc, bob: &Doc, changes: u64, pause: Duration) -> Result<(), Failure> {
    for number in 0..changes {
        let doc = if number % 2 == 0 { ann } else { bob };
        doc.edit(|txn| {
            let mut text = txn.text("text");
            let at = text.len() / 2;
            text.insert(at, "x")
        })?;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    ann.synced(Level::Stored).await?;
    bob.synced(Level::Stored).await?;
    let version = |doc: &Doc| doc.read(|document| document.log().version().clone());
    while version(ann)? != version(bob)? {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Microseconds of the server's processor time per change and receiver.
async fn cost(
    pid: u32,
    changes: u64,
    receivers: u64,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<f64, Failure> {
    let before = processor(pid)?;
    work.await?;
    Ok((processor(pid)? - before).as_secs_f64() * 1e6 / (changes * receivers) as f64)
}

/// A client that is connected, later joins, and reads.
struct Watcher {
    number: u64,
    delivered: Arc<AtomicU64>,
    ready: tokio::sync::mpsc::UnboundedSender<()>,
    join: tokio::sync::watch::Receiver<bool>,
}

impl Watcher {
    async fn run(mut self, url: String) -> Result<(), Failure> {
        let (mut socket, _) = tokio_tungstenite::connect_async(&url).await?;
        let hello = Message::Hello {
            versions: (1, 1),
            capabilities: Capabilities::OURS,
            frame_bytes: 1 << 20,
            secret: u128::from(self.number).to_be_bytes(),
            token: Bytes::new(),
        };
        let binary = |message: &Message| tungstenite::Message::Binary(message.encode(&FullNames));
        socket.send(binary(&hello)).await?;
        loop {
            tokio::select! {
                frame = socket.next() => {
                    let Some(frame) = frame else { return Ok(()) };
                    let frame = frame?.into_data();
                    match frame.get(1) {
                        // welcome, joined
                        Some(1 | 6) => self.ready.send(())?,
                        Some(10) => {
                            self.delivered.fetch_add(changes_in(&frame)?, Ordering::Relaxed);
                        }
                        _ => {}
                    }
                }
                Ok(()) = self.join.changed() => {
                    let (request, name, epoch, replica) = (1, "page".to_owned(), None, None);
                    // It has nothing, so it is first sent everything: as it is not a document, it does not mind.
                    let join = Message::Join { request, name, epoch, replica, version: VersionVector::new() };
                    socket.send(binary(&join)).await?;
                }
                () = tokio::time::sleep(Duration::from_secs(10)) => {
                    socket.send(binary(&Message::Ping { nonce: 1 })).await?;
                }
            }
        }
    }
}

fn changes_in(frame: &[u8]) -> Result<u64, Failure> {
    let value: ciborium::Value = ciborium::from_reader(frame)?;
    let changes = value.as_array().and_then(|fields| fields.get(3)).and_then(|changes| changes.as_array());
    Ok(changes.map_or(0, Vec::len) as u64)
}

async fn wait_for(ready: &mut tokio::sync::mpsc::UnboundedReceiver<()>, clients: u64) -> Result<(), Failure> {
    for _ in 0..clients {
        ready.recv().await.ok_or("a client has ended")?;
    }
    // What was sent because of it has gone out.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

fn kilobytes(after: u64, before: u64, clients: u64) -> f64 {
    after.saturating_sub(before) as f64 / clients as f64 / 1_000.0
}

/// Bytes of memory that a process has resident.
fn resident(pid: u32) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_024)
}

/// Processor time that a process has used, in user and kernel mode.
fn processor(pid: u32) -> Result<Duration, Failure> {
    let schedstat = |path: std::path::PathBuf| -> Result<u64, Failure> {
        let text = std::fs::read_to_string(path)?;
        Ok(text.split_whitespace().next().ok_or("empty schedstat")?.parse()?)
    };
    // Nanoseconds, thread by thread: the process's own figure is in ticks of ten milliseconds.
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        nanos += schedstat(thread?.path().join("schedstat"))?;
    }
    Ok(Duration::from_nanos(nanos))
}
