//! What is stored, where, and when.

use std::{
    pin::pin,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use crdt_socket_sync::{
    Level, MemoryStorage, Storage,
    error::StoreFault,
    store::{Append, StoredDocument},
};
use crdt_socket_sync_websocket::{Client, Server, ServerEvent, Unstored};

use futures_util::future::poll_immediate;

use super::{Tested, push, run, serve, soon, stored, text};

/// A storage that outlives its server, and whose appends can be held up.
#[derive(Clone, Default)]
pub(crate) struct SharedStorage {
    memory: Arc<Mutex<MemoryStorage>>,
    /// Whether appends wait, and someone to tell them when they need no longer.
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Default)]
struct Gate {
    closed: bool,
    waiting: usize,
    written: usize,
}

impl SharedStorage {
    fn close_gate(&self) {
        self.gate.0.lock().unwrap().closed = true;
    }

    fn open_gate(&self) {
        self.gate.0.lock().unwrap().closed = false;
        self.gate.1.notify_all();
    }

    /// Waits until an append has come to the closed gate.
    fn is_asked(&self) {
        let gate = self.gate.0.lock().unwrap();
        let waited = self.gate.1.wait_timeout_while(gate, Duration::from_secs(30), |gate| gate.waiting == 0);
        assert!(!waited.unwrap().1.timed_out(), "nothing was appended");
    }

    /// Waits until an append was written.
    fn has_written(&self) {
        let gate = self.gate.0.lock().unwrap();
        let waited = self.gate.1.wait_timeout_while(gate, Duration::from_secs(30), |gate| gate.written == 0);
        assert!(!waited.unwrap().1.timed_out(), "nothing was written");
    }

    fn holds(&self, name: &str) -> usize {
        self.memory.lock().unwrap().load(name).unwrap().map_or(0, |stored| stored.changes.len())
    }
}

impl Storage for SharedStorage {
    fn load(&mut self, name: &str) -> Result<Option<StoredDocument>, StoreFault> {
        self.memory.lock().unwrap().load(name)
    }

    fn append(&mut self, batch: &[Append]) -> Result<(), StoreFault> {
        let mut gate = self.gate.0.lock().unwrap();
        gate.waiting += 1;
        self.gate.1.notify_all();
        let mut gate = self.gate.1.wait_while(gate, |gate| gate.closed).unwrap();
        gate.waiting -= 1;
        gate.written += 1;
        self.gate.1.notify_all();
        self.memory.lock().unwrap().append(batch)
    }

    fn list(&mut self) -> Result<Vec<String>, StoreFault> {
        self.memory.lock().unwrap().list()
    }
}

pub(crate) async fn stored_is_said_once_it_is_so<R: Tested>() {
    let storage = SharedStorage::default();
    let server = Server::<R>::builder().storage(storage.clone()).bind("127.0.0.1:0").await.unwrap();
    let (url, server) = run(server);
    let ann = Client::<R>::connect(&url);
    let (notes, other) = (ann.open("notes").unwrap(), ann.open("other").unwrap());
    soon::<R, _>("caught up", notes.caught_up()).await.unwrap();
    soon::<R, _>("caught up", other.caught_up()).await.unwrap();
    storage.close_gate();
    push(&notes, "durable");
    soon::<R, _>("received", notes.synced(Level::Received)).await.unwrap();
    storage.is_asked();
    // Another round trip, so that an acknowledgement that was sent too early would be here.
    push(&other, "x");
    soon::<R, _>("received", other.synced(Level::Received)).await.unwrap();
    assert_eq!((notes.pending(Level::Received), storage.holds("notes")), (0, 0));
    assert!(notes.pending(Level::Stored) > 0);
    assert_eq!(server.stats().unstored, ["notes", "other"]);
    storage.open_gate();
    stored::<R>(&notes).await;
    assert_eq!(storage.holds("notes"), 1);
}

pub(crate) async fn shutting_down_stores_everything_first<R: Tested>() {
    let storage = SharedStorage::default();
    let server = Server::<R>::builder().storage(storage.clone()).bind("127.0.0.1:0").await.unwrap();
    let (url, server) = run(server);
    let mut events = server.events();
    let ann = Client::<R>::connect(&url);
    let notes = ann.open("notes").unwrap();
    // That there is such a document is stored before anyone is told.
    soon::<R, _>("joined", notes.caught_up()).await.unwrap();
    storage.close_gate();
    push(&notes, "not lost");
    soon::<R, _>("received", notes.synced(Level::Received)).await.unwrap();
    let synced = notes.synced(Level::Stored);
    storage.is_asked();
    let mut ended = pin!(server.shutdown(Duration::from_secs(20)));
    assert!(poll_immediate(&mut ended).await.is_none(), "the storage is not done yet");
    storage.open_gate();
    // The acknowledgement is still sent before the goodbye.
    soon::<R, _>("stored", synced).await.unwrap();
    soon::<R, _>("shut down", ended).await.unwrap();
    while events.next().await.is_some() {}
    assert_eq!(storage.holds("notes"), 1);
}

pub(crate) async fn shutting_down_ends_in_time<R: Tested>() {
    let storage = SharedStorage::default();
    let server = Server::<R>::builder().storage(storage.clone()).bind("127.0.0.1:0").await.unwrap();
    let (url, server) = run(server);
    let ann = Client::<R>::connect(&url);
    let notes = ann.open("notes").unwrap();
    // That there is such a document is stored before anyone is told.
    soon::<R, _>("joined", notes.caught_up()).await.unwrap();
    storage.close_gate();
    push(&notes, "too late");
    soon::<R, _>("received", notes.synced(Level::Received)).await.unwrap();
    let ended = soon::<R, _>("shut down", server.shutdown(Duration::from_millis(20))).await;
    assert_eq!(ended, Err(Unstored { names: vec!["notes".to_owned()] }));
    assert_eq!(text(&notes), "too late", "the client has it still");
    storage.open_gate();
}

pub(crate) async fn a_client_keeps_its_documents_in_a_storage_of_its_own<R: Tested>() {
    let own = SharedStorage::default();
    {
        // Nobody listens there.
        let ann = Client::<R>::builder("ws://127.0.0.1:1").storage(own.clone()).connect();
        let notes = ann.open("notes").unwrap();
        soon::<R, _>("loaded", notes.loaded()).await.unwrap();
        push(&notes, "from last week");
        own.has_written();
    }
    let (url, server) = serve::<R>().await;
    let mut events = server.events();
    let ann = Client::<R>::builder(&url).storage(own.clone()).connect();
    let notes = ann.open("notes").unwrap();
    stored::<R>(&notes).await;
    assert_eq!(text(&notes), "from last week");
    soon::<R, _>("the server's storage", async {
        while !matches!(events.next().await, Some(ServerEvent::Stored { .. })) {}
    })
    .await;
}
