//! What a server has confirmed as stored is there after it was killed; what it cannot store it does not confirm.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use std::{path::Path, time::Duration};

use common::Server;
use crdt_socket_sync::{Change, ChangeLog, Limits, Storage, VersionVector};
use crdt_socket_sync_sqlite::{FILE_NAME, SqliteStorage};
use crdt_socket_sync_tokio::{Client, Level};
use tokio::{runtime::Runtime, sync::watch, time::timeout};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn whatever_was_confirmed_as_stored_before_a_kill_is_there_after_it() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start(&data);
    let addr = server.addr().to_owned();
    let (confirms, mut confirmed) = watch::channel(VersionVector::new());
    let typing = runtime.spawn(type_on(server.url.clone(), confirms));
    let mut seen = 0;
    for round in 0..5 {
        // Somewhere in the middle of the typing, once more of it was confirmed than before the last kill.
        let more = confirmed.wait_for(|version| operations(version) > seen + 20 * round);
        runtime.block_on(async { timeout(PATIENCE, more).await.unwrap().unwrap() });
        server.kill();
        // Read after the kill: all that this names was confirmed before it.
        let confirmed = confirmed.borrow().clone();
        let stored = stored(&data.join(FILE_NAME));
        assert!(stored.covers(&confirmed), "round {round}: {confirmed:?} was confirmed, {stored:?} is there");
        let count = operations(&confirmed);
        assert!(count > seen, "round {round}: something new was confirmed");
        seen = count;
        server = Server::start_at(&addr, &data);
    }
    typing.abort();
}

/// Types and types, and tells what is confirmed.
async fn type_on(url: String, confirms: watch::Sender<VersionVector>) {
    let client = Client::connect(url);
    let doc = client.open("page").unwrap();
    loop {
        for _ in 0..5 {
            doc.edit(|txn| txn.text("text").push_str("x")).unwrap();
            tokio::task::yield_now().await;
        }
        let version = doc.read(|document| document.log().version().clone()).unwrap();
        doc.synced(Level::Stored).await.unwrap();
        confirms.send_replace(version);
    }
}

#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing_stops_nobody_and_is_never_called_stored() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start_on_a_small_disk(&data);
    let (addr, complaints) = (server.addr().to_owned(), server.complaints());
    let _entered = runtime.enter();
    let (ann, bob) = (Client::connect(&server.url), Client::connect(&server.url));
    let (page, copy) = (ann.open("page").unwrap(), bob.open("page").unwrap());
    let wait = |what: &str, done: std::pin::Pin<Box<dyn Future<Output = bool> + Send>>| {
        assert!(runtime.block_on(async { timeout(PATIENCE, done).await }).unwrap_or(false), "{what}");
    };

    for _ in 0..20 {
        page.edit(|txn| txn.text("text").push_str(&"x".repeat(50_000))).unwrap();
    }
    let received = page.synced(Level::Received);
    wait("received", Box::pin(async { received.await.is_ok() }));
    let complaint = std::iter::from_fn(|| complaints.recv_timeout(PATIENCE).ok()).find(|line| line.contains("attempt"));
    assert!(complaint.is_some_and(|line| line.contains("\"page\"")), "the server says what it cannot store");
    assert!(page.pending(Level::Stored) > 0, "nor does it say that it has");
    let arrived = copy.until(|document| document.text("text").len() == 1_000_000);
    wait("the other one has it", Box::pin(async { arrived.await.is_ok() }));

    // There is room again.
    server.kill();
    let confirmed = page.read(|document| document.log().version().clone()).unwrap();
    let server = Server::start_at(&addr, &data);
    let everything = page.synced(Level::Stored);
    wait("stored", Box::pin(async { everything.await.is_ok() }));
    server.kill();
    assert!(stored(&data.join(FILE_NAME)).covers(&confirmed));
}

fn operations(version: &VersionVector) -> u64 {
    version.iter().map(|(_, next)| next).sum()
}

fn stored(path: &Path) -> VersionVector {
    let stored = SqliteStorage::open_read_only(path).unwrap().load("page").unwrap();
    let mut log = ChangeLog::new();
    for bytes in stored.into_iter().flat_map(|stored| stored.changes) {
        log.receive(Change::decode(bytes).unwrap(), &Limits::default()).unwrap();
    }
    log.version().clone()
}
