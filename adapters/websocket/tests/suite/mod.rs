//! What every runtime's adapter has to pass: included by the tests of each, as `suite!(Runtime, block_on)`.
//!
//! Nothing here waits for a time to pass. Every wait is for something that happens, under a guard against hanging.
#![allow(clippy::unwrap_used, reason = "tests")]

mod errors;
mod records;
mod stores;

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crdt_socket_sync::{
    Access, Document, Level, Limits, ReplicaId, Status, Wall,
    document::{EditError, UndoOptions},
    error::Code,
};
use crdt_socket_sync_websocket::{
    Client, ConnectError, Direction, Doc, DocEvent, Listen, Server, ServerEvent, ServerHandle, SyncError, Traffic,
};
pub(crate) use errors::*;
use futures_util::future::{Either, select};
pub(crate) use records::*;
pub(crate) use stores::*;

/// A runtime that can be tested.
pub(crate) trait Tested: Listen + Default {}
impl<R: Listen + Default> Tested for R {}

/// Fails the test instead of hanging.
pub(crate) async fn soon<R: Tested, T>(what: &str, future: impl Future<Output = T>) -> T {
    match select(pin!(future), pin!(R::default().sleep(Duration::from_secs(30)))).await {
        Either::Left((value, _)) => value,
        Either::Right(_) => panic!("this never came: {what}"),
    }
}

/// A server that runs; its address as a URL, and its handle.
pub(crate) fn run<R: Tested>(server: Server<R>) -> (String, ServerHandle) {
    let url = format!("ws://{}", server.local_addr());
    let handle = server.handle();
    R::default().spawn(server.serve());
    (url, handle)
}

pub(crate) async fn serve<R: Tested>() -> (String, ServerHandle) {
    run(Server::<R>::bind("127.0.0.1:0").await.unwrap())
}

/// Short waits between attempts, so that tests are quick.
pub(crate) fn eager() -> Limits {
    let mut limits = Limits::default();
    limits.retry_first = Duration::from_millis(5);
    limits.retry_most = Duration::from_millis(50);
    limits
}

pub(crate) fn text(doc: &Doc) -> String {
    doc.read(|document| document.text("body").to_string()).unwrap()
}

pub(crate) fn push(doc: &Doc, what: &str) {
    doc.edit(|txn| txn.text("body").push_str(what)).unwrap();
}

/// Waits until a document's text is as expected.
pub(crate) async fn shows<R: Tested>(doc: &Doc, expected: &str) {
    let mut events = doc.events();
    soon::<R, _>(&format!("the text {expected:?}"), async {
        while text(doc) != expected {
            assert!(events.next().await.is_some(), "the document was left");
        }
    })
    .await;
}

pub(crate) async fn stored<R: Tested>(doc: &Doc) {
    soon::<R, _>("stored", doc.synced(Level::Stored)).await.unwrap();
}

pub(crate) async fn two_clients_write_one_text<R: Tested>() {
    let (url, server) = serve::<R>().await;
    let (ann, bob) = (Client::<R>::connect(&url), Client::<R>::connect(&url));
    let (anns, bobs) = (ann.open("notes").unwrap(), bob.open("notes").unwrap());
    push(&anns, "Hello");
    stored::<R>(&anns).await;
    shows::<R>(&bobs, "Hello").await;
    push(&bobs, ", world");
    anns.edit(|txn| txn.text("body").insert(0, ">> ")).unwrap();
    shows::<R>(&anns, ">> Hello, world").await;
    shows::<R>(&bobs, ">> Hello, world").await;
    stored::<R>(&anns).await;
    assert_eq!(anns.pending(Level::Stored), 0);
    assert_eq!(anns.read(Document::digest), bobs.read(Document::digest));
    let stats = server.stats();
    assert_eq!((stats.links, stats.documents), (2, vec!["notes".to_owned()]));
}

pub(crate) async fn what_was_written_offline_arrives<R: Tested>() {
    let (url, _server) = serve::<R>().await;
    let mut draft = Document::new(ReplicaId::new(7));
    draft.edit(Wall::from_millis(1), |txn| txn.text("body").push_str("written on the train")).unwrap();
    let ann = Client::<R>::connect(&url);
    let notes = ann.open_with("notes", draft).unwrap();
    push(&notes, ", and at home");
    stored::<R>(&notes).await;
    let bob = Client::<R>::connect(&url);
    let copy = bob.open("notes").unwrap();
    soon::<R, _>("caught up", copy.caught_up()).await.unwrap();
    assert_eq!(text(&copy), "written on the train, and at home");
}

/// Acceptance line 124.
pub(crate) async fn a_client_survives_a_restart_of_the_server<R: Tested>() {
    let storage = SharedStorage::default();
    let server = Server::<R>::builder().storage(storage.clone()).bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr();
    let (url, handle) = run(server);
    let ann = Client::<R>::builder(&url).limits(eager()).connect();
    let notes = ann.open("notes").unwrap();
    push(&notes, "one ");
    stored::<R>(&notes).await;

    let mut statuses = ann.statuses();
    assert_eq!(statuses.next().await, Some(Status::Connected), "the first one is what it is");
    soon::<R, _>("shutdown", handle.shutdown(Duration::from_secs(10))).await.unwrap();
    let lost = soon::<R, _>("the loss", statuses.next()).await;
    assert!(matches!(lost, Some(Status::Reconnecting { .. })), "{lost:?}");
    push(&notes, "two ");
    let synced = notes.synced(Level::Stored);

    let server = Server::<R>::builder().storage(storage.clone()).bind(addr).await.unwrap();
    run(server);
    soon::<R, _>("stored after the restart", synced).await.unwrap();
    let bob = Client::<R>::connect(&url);
    let copy = bob.open("notes").unwrap();
    soon::<R, _>("caught up", copy.caught_up()).await.unwrap();
    assert_eq!(text(&copy), "one two ");
}

pub(crate) async fn no_status_is_told_twice<R: Tested>() {
    // Nobody listens there.
    let ann = Client::<R>::builder("ws://127.0.0.1:1").limits(eager()).connect();
    let mut statuses = ann.statuses();
    let mut last = soon::<R, _>("where it stands", statuses.next()).await;
    for _ in 0..3 {
        let next = soon::<R, _>("the next status", statuses.next()).await;
        assert_ne!(next, last);
        last = next;
    }
}

pub(crate) async fn a_server_that_is_dropped_drops_its_connections<R: Tested>() {
    let server = Server::<R>::bind("127.0.0.1:0").await.unwrap();
    let (addr, handle) = (server.local_addr(), server.handle());
    let serving = server.serve();
    let ann = Client::<R>::builder(format!("ws://{addr}")).limits(eager()).connect();
    let mut statuses = ann.statuses();
    {
        let connected = pin!(soon::<R, _>("connected", ann.connected()));
        assert!(matches!(select(pin!(serving), connected).await, Either::Right((Ok(()), _))));
    }
    soon::<R, _>("the loss", async { while !matches!(statuses.next().await.unwrap(), Status::Reconnecting { .. }) {} })
        .await;
    let next = Server::<R>::bind(addr).await.unwrap();
    run(next);
    soon::<R, _>("connected to the next one", ann.connected()).await.unwrap();
    assert_eq!(handle.events().next().await, None);
}

/// Acceptance line 103.
pub(crate) async fn shutting_down_closes_every_connection<R: Tested>() {
    let (url, server) = serve::<R>().await;
    let mut events = server.events();
    let people = [(); 3].map(|()| Client::<R>::builder(&url).limits(eager()).connect());
    let mut statuses = people.each_ref().map(|client| client.statuses());
    for client in &people {
        soon::<R, _>("connected", client.connected()).await.unwrap();
    }
    soon::<R, _>("shutdown", server.shutdown(Duration::from_secs(20))).await.unwrap();
    for statuses in &mut statuses {
        let lost = async { while !matches!(statuses.next().await, Some(Status::Reconnecting { .. })) {} };
        soon::<R, _>("the loss", lost).await;
    }
    let mut down = Vec::new();
    while let Some(event) = soon::<R, _>("the end of events", events.next()).await {
        if let ServerEvent::LinkDown { reason, .. } = event {
            down.push(reason.code);
        }
    }
    assert_eq!(down, [Code::Shutdown; 3]);
}

/// Acceptance line 125.
pub(crate) async fn what_is_larger_than_a_megabyte_passes_in_many_messages_or_in_one<R: Tested>() {
    const WHOLE: usize = 3 << 20;
    for parts in [16, 1] {
        let mut limits = Limits::default();
        if parts == 1 {
            (limits.frame_bytes, limits.change_bytes) = (8 << 20, 4 << 20);
        }
        let server = Server::<R>::builder().limits(limits.clone()).bind("127.0.0.1:0").await.unwrap();
        let (url, _server) = run(server);
        let largest = Arc::new(AtomicUsize::new(0));
        let seen = largest.clone();
        let ann = Client::<R>::builder(&url).limits(limits.clone()).connect();
        let bob = Client::<R>::builder(&url)
            .limits(limits)
            .on_frame(move |_, bytes, _| {
                seen.fetch_max(bytes, Ordering::Relaxed);
            })
            .connect();
        let notes = ann.open("notes").unwrap();
        let part = "0123456789abcdef".repeat(WHOLE / parts / 16);
        for _ in 0..parts {
            push(&notes, &part);
        }
        stored::<R>(&notes).await;
        let copy = bob.open("notes").unwrap();
        soon::<R, _>("caught up", copy.caught_up()).await.unwrap();
        assert!(text(&copy) == part.repeat(parts), "another text");
        let largest = largest.load(Ordering::Relaxed);
        assert_eq!(largest > 1 << 20, parts == 1, "{largest} bytes in one message");
    }
}

pub(crate) async fn leaving_is_polite<R: Tested>() {
    let (url, server) = serve::<R>().await;
    let mut events = server.events();
    let mut down = async || loop {
        if let ServerEvent::LinkDown { reason, .. } = events.next().await.unwrap() {
            return reason.code;
        }
    };
    let ann = Client::<R>::connect(&url);
    let notes = ann.open("notes").unwrap();
    push(&notes, "kept");
    stored::<R>(&notes).await;
    soon::<R, _>("disconnected", ann.disconnect()).await;
    assert_eq!(ann.status(), Status::Disconnected);
    assert_eq!(soon::<R, _>("goodbye", down()).await, Code::Done);

    push(&notes, ", and more");
    ann.reconnect();
    stored::<R>(&notes).await;
    let mut doc_events = notes.events();
    soon::<R, _>("closed", ann.close()).await;
    assert_eq!(soon::<R, _>("goodbye", down()).await, Code::Done);
    assert!(doc_events.reread(|document| document.text("body") == "kept, and more").unwrap());
    while let Some(event) = doc_events.next().await {
        assert!(!matches!(event, DocEvent::Lagged));
    }
    assert_eq!(notes.synced(Level::Stored).await, Err(ConnectError::Closed.into()), "nobody is there to say so");

    let bob = Client::<R>::connect(&url);
    soon::<R, _>("connected", bob.connected()).await.unwrap();
    drop(bob);
    assert_eq!(soon::<R, _>("goodbye", down()).await, Code::Done);
}

pub(crate) async fn the_application_decides_who_may_what<R: Tested>() {
    let server = Server::<R>::builder()
        .admit(|token| token != b"mallory")
        .access(|token, name| match (token, name) {
            (_, "diary") => None,
            (b"ann", _) => Some(Access::Write),
            _ => Some(Access::Read),
        })
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let (url, _server) = run(server);
    let as_whom = |token: &'static str| Client::<R>::builder(&url).token(token).limits(eager()).connect();
    let (ann, bob, mallory) = (as_whom("ann"), as_whom("bob"), as_whom("mallory"));

    let refused = soon::<R, _>("refusal", mallory.connected()).await;
    assert!(matches!(refused, Err(ConnectError::Refused(reason)) if reason.code == Code::Forbidden));

    let (written, read) = (ann.open("notes").unwrap(), bob.open("notes").unwrap());
    push(&written, "for all to read");
    stored::<R>(&written).await;
    shows::<R>(&read, "for all to read").await;
    push(&read, "!");
    let synced = soon::<R, _>("an answer", read.synced(Level::Received)).await;
    assert_eq!(synced, Err(SyncError::ReadOnly));

    let diary = ann.open("diary").unwrap();
    let synced = soon::<R, _>("an answer", diary.synced(Level::Received)).await;
    assert!(matches!(synced, Err(SyncError::Refused(reason)) if reason.code == Code::Forbidden));
}

pub(crate) async fn who_does_not_fetch_events_is_told<R: Tested>() {
    let ann = Client::<R>::connect("ws://127.0.0.1:1");
    let notes = ann.open("notes").unwrap();
    let mut events = notes.events();
    for _ in 0..5_000 {
        push(&notes, "x");
    }
    assert_eq!(events.next().await, Some(DocEvent::Lagged));
    assert_eq!(events.reread(|document| document.text("body").to_string().len()), Ok(5_000));
    push(&notes, "y");
    assert!(matches!(events.next().await, Some(DocEvent::Document(_))), "exactly what the reading has not shown");
    let left = notes.leave().unwrap();
    assert_eq!(left.text("body").to_string().len(), 5_001);
    assert_eq!(events.next().await, None);
}

pub(crate) async fn what_one_undoes_is_undone_for_everyone<R: Tested>() {
    let (url, _server) = serve::<R>().await;
    let (ann, bob) = (Client::<R>::connect(&url), Client::<R>::connect(&url));
    let (anns, bobs) = (ann.open("notes").unwrap(), bob.open("notes").unwrap());
    push(&bobs, "bob");
    shows::<R>(&anns, "bob").await;
    anns.update(|document, _| document.track_undo(UndoOptions::default())).unwrap();
    anns.edit(|txn| txn.text("body").insert(1, "ann")).unwrap();
    shows::<R>(&bobs, "bannob").await;
    anns.update(|document, wall| document.undo(wall)).unwrap().unwrap().unwrap();
    shows::<R>(&bobs, "bob").await;
    stored::<R>(&anns).await;
    anns.clone().leave().unwrap();
    assert!(anns.update(|document, wall| document.redo(wall)).is_err(), "it was left");
}

/// Acceptance line 21.
pub(crate) async fn a_failing_edit_says_why<R: Tested>() {
    let ann = Client::<R>::connect("ws://127.0.0.1:1");
    let notes = ann.open("notes").unwrap();
    let failed = notes.edit(|txn| txn.text("body").insert(5, "x")).map(|_| ());
    assert_eq!(failed, Err(EditError::PositionOutOfRange { at: 5, len: 0 }.into()));
    assert!(ann.open("notes").is_err(), "it is open already");
    notes.clone().leave().unwrap();
    assert!(notes.edit(|txn| txn.text("body").push_str("x")).is_err(), "it was left");
    assert_eq!(soon::<R, _>("an answer", notes.synced(Level::Stored)).await, Err(SyncError::Left));
}

pub(crate) async fn traffic_is_counted_as_on_the_wire<R: Tested>() {
    let (url, _server) = serve::<R>().await;
    let seen = Arc::new(std::sync::Mutex::new(Traffic::default()));
    let sum = seen.clone();
    let ann = Client::<R>::builder(&url)
        .on_frame(move |direction, bytes, frame| {
            assert_eq!(bytes, direction.wire_bytes(frame.len()));
            let mut sum = sum.lock().unwrap();
            let Traffic { frames_in, frames_out, bytes_in, bytes_out, .. } = &mut *sum;
            let (frames, all) = match direction {
                Direction::In => (frames_in, bytes_in),
                Direction::Out => (frames_out, bytes_out),
            };
            *frames += 1;
            *all += bytes as u64;
        })
        .connect();
    let notes = ann.open("notes").unwrap();
    stored::<R>(&notes).await;
    let before = ann.traffic();
    push(&notes, "x");
    stored::<R>(&notes).await;
    ann.close().await;
    let (traffic, seen) = (ann.traffic(), *seen.lock().unwrap());
    assert!(traffic.bytes_out - before.bytes_out < 200, "one keystroke, and the goodbye: {before:?} {traffic:?}");
    assert_eq!((traffic.frames_in, traffic.bytes_in), (seen.frames_in, seen.bytes_in));
    assert_eq!((traffic.frames_out, traffic.bytes_out), (seen.frames_out, seen.bytes_out));
}

/// Every test of the suite, for a runtime and its way to run a future.
#[macro_export]
macro_rules! suite {
    ($runtime:ty, $block_on:path: $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $block_on(suite::$test::<$runtime>());
            }
        )*
    };
    ($runtime:ty, $block_on:path) => {
        $crate::suite! { $runtime, $block_on:
            two_clients_write_one_text
            what_was_written_offline_arrives
            a_client_survives_a_restart_of_the_server
            no_status_is_told_twice
            a_server_that_is_dropped_drops_its_connections
            shutting_down_closes_every_connection
            what_is_larger_than_a_megabyte_passes_in_many_messages_or_in_one
            leaving_is_polite
            the_application_decides_who_may_what
            who_does_not_fetch_events_is_told
            what_one_undoes_is_undone_for_everyone
            a_failing_edit_says_why
            traffic_is_counted_as_on_the_wire
            stored_is_said_once_it_is_so
            shutting_down_stores_everything_first
            shutting_down_ends_in_time
            a_client_keeps_its_documents_in_a_storage_of_its_own
            a_recorded_session_replays_to_the_same_frames
            a_recording_that_cannot_be_written_is_told_once_and_hurts_nobody
            every_failure_to_connect_has_its_error
            an_address_that_is_taken_is_an_error_and_its_owner_serves_on
            a_client_waits_for_its_server_to_appear
            a_text_message_closes_the_link
            a_message_that_is_too_large_closes_the_link
            who_does_not_read_holds_nobody_up
        }
    };
}
