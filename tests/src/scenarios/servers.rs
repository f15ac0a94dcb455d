//! What a server promises, to clients that are written out by hand and to simulated ones.

use std::time::Duration;

use bytes::Bytes;
use crdt_socket_sync::{
    Change, ChangeLog, ClientEvent, Document, Now, ReplicaId, Seed, ServerConfig, Transmit, Wall,
    document::{EditError, Transaction},
    error::{Code, Retry},
    wire::Message,
};
use crdt_socket_sync_loopback::Simulation;

use super::{config, document, text, write};
use crate::by_hand::{Host, at, change, changes, join, join_as, names};
use crate::short::world::refusals;

/// A link joins only so many documents at a time, and others when it has left some.
pub fn a_link_joins_only_so_many_documents_at_a_time() {
    let mut config = ServerConfig::new(Seed::from_number(1));
    config.limits.joins_per_link = 2;
    let mut host = Host::with(config);
    let link = host.greeted();
    let refused =
        |said: &[Message]| matches!(said, [Message::Refused { reason, .. }] if reason.code == Code::OverLimit);
    for (request, name) in [(1, "page"), (2, "diary"), (3, "letter")] {
        host.hears(link, &join(request, name)).expect("a good frame");
        assert_eq!(refused(&host.says(link)), request == 3);
    }
    host.hears(link, &Message::Leave { request: 1 }).expect("a good frame");
    host.hears(link, &join(4, "letter")).expect("a good frame");
    assert_eq!(names(&host.says(link)), ["joined"]);
}

/// A document that was joined again stays joined when the leave of the first time comes.
pub fn a_leave_ends_no_other_join_than_its_own() {
    let mut host = Host::new();
    let (ann, bob) = (host.greeted(), host.greeted());
    host.hears(ann, &join(1, "page")).expect("a good frame");
    for request in [1, 2] {
        host.hears(bob, &join_as(Some(8), request, "page")).expect("a good frame");
        assert_eq!(names(&host.says(bob)), ["joined"]);
    }
    host.hears(bob, &Message::Leave { request: 1 }).expect("a good frame");
    host.hears(ann, &changes(vec![change(7, 0)])).expect("a good frame");
    assert!(matches!(host.server.poll_transmit(at(0), bob), Some(Transmit::Frame(_))), "it is still there");
    host.hears(bob, &Message::Leave { request: 2 }).expect("a good frame");
    host.hears(ann, &changes(vec![change(7, 1)])).expect("a good frame");
    assert_eq!(host.server.poll_transmit(at(0), bob), None, "and now it is not");
}

/// Whoever waits for one document is not held up by what there is of another one.
pub fn documents_of_one_link_take_turns() {
    let mut config = ServerConfig::new(Seed::from_number(1));
    config.limits.batch_bytes = 100;
    let mut host = Host::with(config);
    let (ann, bob) = (host.greeted(), host.greeted());
    for (doc, name) in [(1, "page"), (2, "diary")] {
        host.hears(ann, &join(doc, name)).expect("a good frame");
        let large = |seq| Change { body: Bytes::from_static(&[0; 80]), ..change(7, seq) };
        let changes = (0..3).map(large).collect();
        host.hears(ann, &Message::Changes { doc, introduced: Vec::new(), changes }).expect("a good frame");
        host.hears(bob, &join_as(None, doc, name)).expect("a good frame");
    }
    let sent = std::iter::from_fn(|| host.server.poll_transmit(at(0), bob));
    let documents = sent.filter_map(|transmit| match transmit {
        Transmit::Frame(frame) => Message::document_of(&frame),
        Transmit::Close(_) => None,
    });
    assert_eq!(documents.collect::<Vec<_>>(), [1, 2, 1, 2, 1, 2]);
}

/// What was left out of a frame because its reader had sent it is in the frame of the next reader.
pub fn what_one_reader_had_sent_itself_the_next_one_is_sent() {
    let mut host = Host::new();
    let (ann, bob, eve) = (host.greeted(), host.greeted(), host.greeted());
    for (link, replica) in [(ann, Some(7)), (bob, Some(8)), (eve, None)] {
        host.hears(link, &join_as(replica, 1, "page")).expect("a good frame");
        assert_eq!(names(&host.says(link)), ["joined"]);
    }
    host.hears(ann, &changes(vec![change(7, 0)])).expect("a good frame");
    host.hears(bob, &changes(vec![change(8, 0)])).expect("a good frame");
    let mut sent = |link| {
        let changes = |message| match message {
            Message::Changes { changes, .. } => changes,
            _ => Vec::new(),
        };
        host.says(link).into_iter().flat_map(changes).collect::<Vec<_>>()
    };
    assert_eq!(sent(ann), [change(8, 0)]);
    assert_eq!(sent(eve), [change(7, 0), change(8, 0)]);
}

/// A change that just fits into a frame of its maker's would fit into none of the server's, which may have to say more.
pub fn a_change_that_is_too_large_is_refused_by_the_server_and_others_go_on() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", Document::new(ReplicaId::new(1)));
    let other = world.open(bob, "page", Document::new(ReplicaId::new(2)));
    world.settle().expect("joined");

    let most = world.client(ann).limits().change_bytes;
    // Made where nobody looks at its size, and passed on.
    let mut careless = Document::new(ReplicaId::new(9));
    careless.set_change_limit(usize::MAX);
    let huge = careless.edit::<_, EditError>(world.now().wall, |txn| txn.text("text").push_str(&"x".repeat(most)));
    let huge = huge.expect("a legal edit").change.expect("an edit");
    world.with_client(ann, |client, _| client.merge(doc, [huge])).expect("open").expect("a good change");
    world.run_for(Duration::from_secs(30));
    let refused: Vec<_> = std::iter::from_fn(|| world.client_event(ann))
        .filter_map(|event| match event {
            ClientEvent::Refused { reason, .. } => Some(reason.code),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [Code::TooLarge], "and not asked again");
    assert_eq!(Code::TooLarge.retry(), Retry::Never);
    assert_eq!(world.replica(ann, doc).text("text").len(), most, "it stays with its maker");

    let carol = world.add_client();
    let third = world.open(carol, "page", Document::new(ReplicaId::new(3)));
    write(&mut world, bob, other, "hello");
    world.run_for(Duration::from_secs(30));
    assert_eq!(world.replica(bob, other).text("text"), "hello");
    assert_eq!(world.replica(carol, third).text("text"), "hello");
}

/// A clock that nobody else could reach is not taken.
pub fn a_change_from_a_clock_that_is_a_year_ahead_is_refused_and_stays_with_its_maker() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    world.settle().expect("joined");
    let clock = |world: &Simulation| world.server().and_then(|server| server.log("page")).map(ChangeLog::clock);
    let before = clock(&world);
    let year = Wall::from_millis(world.now().wall.as_millis() + 365 * 24 * 3_600_000);
    let ahead = Now::new(world.now().mono, year);
    let edit = |txn: &mut Transaction<'_>| txn.text("text").push_str("tomorrow");
    world.with_client(ann, |client, _| client.edit::<_, EditError>(ahead, doc, edit)).expect("open").expect("legal");
    refusals(&mut world, ann);
    world.run_for(Duration::from_secs(10));
    let codes = refusals(&mut world, ann);
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == Code::ClockAhead), "{codes:?}");
    assert_eq!(text(&world, ann, doc), "tomorrow");
    assert_eq!((text(&world, bob, other), clock(&world)), (String::new(), before));
    // Once the time has come, it is taken.
    world.jump_wall_clock(366 * 24 * 3_600_000);
    world.settle().expect("stored");
    assert_eq!(text(&world, ann, doc), "tomorrow");
}
