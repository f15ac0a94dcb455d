//! What a server has confirmed as stored is there after it was killed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use common::Server;
use crdt_socket_sync::{Change, ChangeLog, Limits, Storage, VersionVector};
use crdt_socket_sync_sqlite::{FILE_NAME, SqliteStorage};
use crdt_socket_sync_tokio::{Client, Level};

#[test]
fn whatever_was_confirmed_as_stored_before_a_kill_is_there_after_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Server::start(&data);
    let addr = server.addr().to_owned();
    let confirmed = Arc::new(Mutex::new(VersionVector::new()));
    let typing = runtime.spawn(type_on(server.url.clone(), confirmed.clone()));
    let mut seen = 0;
    for round in 0..5 {
        std::thread::sleep(Duration::from_millis(300));
        server.kill();
        // Read after the kill: all that this names was confirmed before it.
        let confirmed = confirmed.lock().unwrap().clone();
        let stored = stored(&data.join(FILE_NAME));
        assert!(stored.covers(&confirmed), "round {round}: {confirmed:?} was confirmed, {stored:?} is there");
        let count = confirmed.iter().map(|(_, next)| next).sum();
        assert!(count > seen, "round {round}: something new was confirmed");
        seen = count;
        server = Server::start_at(&addr, &data);
    }
    typing.abort();
}

/// Types and types, and takes note of what is confirmed.
async fn type_on(url: String, confirmed: Arc<Mutex<VersionVector>>) {
    let client = Client::connect(url);
    let doc = client.open("page").unwrap();
    loop {
        for _ in 0..5 {
            doc.edit(|txn| txn.text("text").push_str("x")).unwrap();
            tokio::task::yield_now().await;
        }
        let version = doc.read(|document| document.log().version().clone()).unwrap();
        doc.synced(Level::Stored).await.unwrap();
        *confirmed.lock().unwrap() = version;
    }
}

fn stored(path: &std::path::Path) -> VersionVector {
    let stored = SqliteStorage::open_read_only(path).unwrap().load("page").unwrap();
    let mut log = ChangeLog::new();
    for bytes in stored.into_iter().flat_map(|stored| stored.changes) {
        log.receive(Change::decode(bytes).unwrap(), &Limits::default()).unwrap();
    }
    log.version().clone()
}
