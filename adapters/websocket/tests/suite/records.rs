//! What is recorded, and what becomes of a session when that fails.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use crdt_socket_sync::{Access, Document, MemoryStorage};
use crdt_socket_sync_loopback::{Replayed, replay};
use crdt_socket_sync_websocket::{Client, DocEvent, Server, ServerEvent};

use super::{Tested, push, run, shows, soon, stored};

/// A file in memory, on a disk with room for so many bytes.
#[derive(Clone)]
struct File {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl File {
    fn with_room(room: usize) -> Self {
        Self { bytes: Arc::default(), room }
    }

    fn replay(&self) -> Replayed {
        replay(self.bytes.lock().unwrap().clone().into()).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl io::Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.bytes.lock().unwrap();
        let len = bytes.len().min(self.room - written.len());
        if len == 0 {
            return Err(io::Error::new(io::ErrorKind::StorageFull, "no room"));
        }
        written.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) async fn a_recorded_session_replays_to_the_same_frames<R: Tested>() {
    let [servers, anns, bobs] = [(); 3].map(|()| File::with_room(usize::MAX));
    let builder = Server::<R>::builder().access(|token, _| (token == b"may write").then_some(Access::Write));
    let (url, server) = run(builder.record(servers.clone()).bind("127.0.0.1:0").await.unwrap());
    let client = || Client::<R>::builder(&url).token("may write");
    let ann = client().storage(MemoryStorage::default()).record(anns.clone()).connect();
    let bob = client().record(bobs.clone()).connect();
    let (notes, copy) = (ann.open("notes").unwrap(), bob.open("notes").unwrap());
    soon::<R, _>("loaded", notes.loaded()).await.unwrap();
    for word in ["one ", "two ", "three"] {
        push(&notes, word);
        stored::<R>(&notes).await;
    }
    shows::<R>(&copy, "one two three").await;
    bob.disconnect().await;
    push(&copy, ", four");
    bob.reconnect();
    stored::<R>(&copy).await;
    shows::<R>(&notes, "one two three, four").await;
    let digest = notes.read(Document::digest).unwrap();
    ann.close().await;
    bob.close().await;
    server.shutdown(Duration::from_secs(30)).await.unwrap();

    let [server, ann, bob] = [servers, anns, bobs].map(|file| file.replay());
    assert!(server.server && !ann.server && !bob.server);
    assert_eq!(ann.documents, bob.documents);
    assert_eq!((ann.documents[0].digest, ann.documents[0].changes), (digest, 4));
    assert_eq!(server.received, ann.sent + bob.sent);
    assert!(ann.received > 5 && server.sent >= ann.received + bob.received);
}

pub(crate) async fn a_recording_that_cannot_be_written_is_told_once_and_hurts_nobody<R: Tested>() {
    let files = [File::with_room(500), File::with_room(2_000)];
    let (url, server) = run(Server::<R>::builder().record(files[0].clone()).bind("127.0.0.1:0").await.unwrap());
    let mut events = server.events();
    let ann = Client::<R>::builder(&url).record(files[1].clone()).connect();
    let notes = ann.open("notes").unwrap();
    let mut doc_events = notes.events();
    for _ in 0..20 {
        push(&notes, "some more words for the recording, of which there is only a part");
        stored::<R>(&notes).await;
    }
    ann.close().await;
    let (mut told, mut told_server) = (Vec::new(), Vec::new());
    while let Some(event) = soon::<R, _>("an event", doc_events.next()).await {
        told.extend(matches!(&event, DocEvent::RecordFailed { .. }).then_some(event));
    }
    server.shutdown(Duration::from_secs(30)).await.unwrap();
    while let Some(event) = soon::<R, _>("an event", events.next()).await {
        told_server.extend(matches!(&event, ServerEvent::RecordFailed { .. }).then_some(event));
    }
    assert_eq!(told, [DocEvent::RecordFailed { error: "no room".into() }]);
    assert_eq!(told_server, [ServerEvent::RecordFailed { error: "no room".into() }]);
    // What had been written until then is a recording still.
    assert!(files.map(|file| file.replay().records > 1).iter().all(|some| *some));
}
