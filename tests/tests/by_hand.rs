//! One end of a link, and the other end written out by hand, frame by frame: what may be said when, and what comes of it.

use bytes::Bytes;
use crdt_socket_sync::{
    ReplicaId, ServerEvent, Status, Storage, Transmit, VersionVector,
    error::{Code, Misuse, PeerFault, Reason, ReceiveError},
    wire::{FullNames, Level, Message},
};
use crdt_socket_sync_tests::{
    by_hand::{Caller, Host, ack, at, change, changes, hello, join, join_as, joined, names, welcome},
    scenarios,
};

/// Acceptance lines 93, 136.
#[test]
fn a_client_that_is_not_welcomed_in_time_begins_from_scratch_on_the_next_link() {
    let mut caller = Caller::new();
    let link = caller.link_up(at(0));
    assert_eq!(names(&caller.says(at(0), link)), ["hello"]);
    caller.0.timeout(at(9));
    assert!(!caller.0.is_closing(link));
    caller.0.timeout(at(10));
    assert_eq!(names(&caller.says(at(10), link)), ["close"]);
    caller.hears(at(10), link, &welcome()).expect("passed over: it comes too late");
    assert!(matches!(caller.0.status(), Status::Reconnecting { .. }));
    caller.0.link_down(at(10), link, "closed").expect("it was up");

    caller.0.timeout(at(11));
    let next = caller.link_up(at(11));
    assert_eq!(names(&caller.says(at(11), next)), ["hello"]);
    let late = caller.hears(at(11), link, &welcome());
    assert_eq!(late, Err(ReceiveError::Misuse(Misuse::UnknownLink(link))), "it is no answer to the second one");
    assert_ne!(caller.0.status(), &Status::Connected);
    caller.hears(at(11), next, &welcome()).expect("a good frame");
    assert_eq!(caller.0.status(), &Status::Connected);
    assert_eq!(names(&caller.says(at(11), next)), ["join"]);
}

/// Acceptance lines 105, 112: an edit is never refused for want of a link; it waits where it is.
#[test]
fn nothing_but_the_greeting_is_sent_before_the_welcome_and_no_change_before_its_document_is_joined() {
    let mut caller = Caller::new();
    caller.write("a");
    let link = caller.link_up(at(0));
    caller.write("b");
    assert_eq!(names(&caller.says(at(0), link)), ["hello"]);
    caller.write("c");
    assert_eq!(names(&caller.says(at(0), link)), [""; 0]);
    caller.hears(at(0), link, &welcome()).expect("a good frame");
    assert_eq!(names(&caller.says(at(0), link)), ["join"]);
    caller.write("d");
    assert_eq!(names(&caller.says(at(0), link)), [""; 0]);
    caller.hears(at(0), link, &joined()).expect("a good frame");
    let said = caller.says(at(0), link);
    let [Message::Changes { changes, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(changes.iter().map(|change| change.seq).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(names(&caller.says(at(0), link)), [""; 0], "once");
}

/// Acceptance line 112.
#[test]
fn what_was_sent_and_not_acknowledged_is_sent_again_on_the_next_link() {
    let mut caller = Caller::new();
    let link = caller.joined(at(0));
    caller.write("a");
    assert_eq!(names(&caller.says(at(0), link)), ["changes"]);
    caller.hears(at(0), link, &ack(Level::Received, 1)).expect("a good frame");
    caller.write("b");
    assert_eq!(names(&caller.says(at(0), link)), ["changes"]);
    caller.0.link_down(at(1), link, "cut").expect("it was up");
    caller.0.timeout(at(2));
    // The server was started again, and had stored nothing.
    let next = caller.joined(at(2));
    assert_eq!(caller.pending(), [2, 2]);
    let said = caller.says(at(2), next);
    let [Message::Changes { changes, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(changes.len(), 2);
}

/// Acceptance lines 112, 113.
#[test]
fn an_acknowledgement_that_is_late_or_names_more_than_there_is_takes_nothing_back_and_counts_no_further() {
    let mut caller = Caller::new();
    let link = caller.joined(at(0));
    for word in ["a", "b", "c"] {
        caller.write(word);
        caller.says(at(0), link);
    }
    for ack in [ack(Level::Stored, 2), ack(Level::Stored, 1), ack(Level::Received, 1), ack(Level::Received, 2)] {
        caller.hears(at(0), link, &ack).expect("a good frame");
        assert_eq!(caller.pending(), [1, 1]);
    }
    caller.hears(at(0), link, &ack(Level::Received, 3)).expect("a good frame");
    assert_eq!(caller.pending(), [0, 1]);
    caller.hears(at(0), link, &ack(Level::Stored, u64::MAX)).expect("a good frame");
    assert_eq!(caller.pending(), [0, 0]);
    let doc = caller.doc();
    let left = caller.0.leave(doc).expect("open");
    caller.hears(at(0), link, &ack(Level::Stored, 3)).expect("passed over: it crossed the news");
    assert_eq!(left.text("text"), "abc");
}

/// Acceptance line 98: what came too early is kept, and the gap is asked for once.
#[test]
fn whoever_misses_something_asks_for_it_once_however_much_there_is_that_waits_for_it() {
    scenarios::whoever_misses_something_asks_for_it_once_however_much_there_is_that_waits_for_it();
}

/// Acceptance lines 96, 116.
#[test]
fn what_concerns_a_document_that_was_not_joined_is_reported_and_passed_over() {
    let mut host = Host::new();
    let (ann, eve) = (host.greeted(), host.greeted());
    host.hears(ann, &join(1, "page")).expect("a good frame");
    host.hears(ann, &changes(vec![change(7, 0)])).expect("a good frame");
    host.events();
    let messages =
        [changes(vec![change(8, 0)]), Message::Want { doc: 1, version: VersionVector::new() }, changes(vec![])];
    for message in messages {
        host.hears(eve, &message).expect("passed over");
        let events = host.events();
        assert!(matches!(&events[..], [ServerEvent::NotJoined { link, doc: 1 }] if *link == eve), "{events:?}");
    }
    assert_eq!((host.log_end(), host.says(eve)), (Some(1), vec![]));
    assert_eq!(host.store.load("page").expect("it works").map(|stored| stored.changes.len()), Some(1));
    // The link serves on.
    host.hears(eve, &Message::Ping { nonce: 77 }).expect("a good frame");
    assert_eq!(host.says(eve), [Message::Pong { nonce: 77 }]);
}

/// Acceptance line 96: there is no document that is not found. Whether one may be begun is the application's decision.
#[test]
fn a_document_that_nobody_has_written_is_empty_and_begins_when_it_is_joined() {
    let mut host = Host::new();
    let link = host.greeted();
    assert_eq!(host.store.load("page"), Ok(None));
    host.hears(link, &join(1, "page")).expect("a good frame");
    let said = host.says(link);
    let [Message::Joined { request: 1, writers, epoch, .. }] = &said[..] else { panic!("{said:?}") };
    assert!(writers.is_empty());
    let stored = host.store.load("page").expect("it works").expect("its birth mark is there");
    assert_eq!((stored.epoch, stored.changes.len()), (Some(*epoch), 0));
}

/// Acceptance line 99: whoever talks nonsense loses the link, with a reason, and nobody else notices.
#[test]
fn a_malformed_frame_ends_its_link_and_no_other_and_a_later_link_is_served() {
    let mut host = Host::new();
    let (eve, bob) = (host.greeted(), host.greeted());
    let refused = host.server.receive(at(0), eve, Bytes::from_static(b"\xff\xfe\x00\x01"));
    assert!(matches!(refused, Err(ReceiveError::Peer(PeerFault::Malformed(_)))), "{refused:?}");
    let said = host.says(eve);
    assert!(matches!(&said[..], [Message::Close { reason }] if reason.code == Code::Malformed), "{said:?}");
    host.server.link_down(at(0), eve, "closed").expect("it was up");
    let later = host.greeted();
    for (link, replica, end) in [(bob, 7, 1), (later, 8, 2)] {
        host.hears(link, &join_as(Some(replica), 1, "page")).expect("a good frame");
        while host.server.poll_transmit(at(0), link).is_some() {}
        host.hears(link, &changes(vec![change(replica, 0)])).expect("a good frame");
        assert_eq!(host.log_end(), Some(end));
    }
}

/// Acceptance lines 105, 116.
#[test]
fn who_does_not_greet_or_greets_twice_loses_the_link_and_nothing_is_stored() {
    let messages = [join(1, "page"), changes(vec![change(7, 0)]), Message::Leave { request: 1 }];
    for message in messages {
        let mut host = Host::new();
        let link = host.server.link_up(at(0));
        let refused = host.hears(link, &message);
        assert!(matches!(refused, Err(ReceiveError::Peer(PeerFault::Unexpected { .. }))), "{refused:?}");
        let said = host.says(link);
        assert!(matches!(&said[..], [Message::Close { reason }] if reason.code == Code::Unexpected), "{said:?}");
        // Nor does it help to greet then.
        host.hears(link, &hello((1, 1))).expect("passed over");
        host.hears(link, &join(1, "page")).expect("passed over");
        assert_eq!((host.says(link), host.log_end(), host.store.list()), (vec![], None, Ok(vec![])));
    }
    let mut host = Host::new();
    let link = host.greeted();
    let twice = host.hears(link, &hello((1, 1)));
    assert!(matches!(twice, Err(ReceiveError::Peer(PeerFault::Unexpected { .. }))), "{twice:?}");
    let mut caller = Caller::new();
    let link = caller.link_up(at(0));
    caller.hears(at(0), link, &welcome()).expect("a good frame");
    let twice = caller.hears(at(0), link, &welcome());
    assert!(matches!(twice, Err(ReceiveError::Peer(PeerFault::Unexpected { .. }))), "{twice:?}");
}

/// Acceptance line 116.
#[test]
fn a_join_that_is_repeated_or_a_history_that_is_asked_for_twice_doubles_nothing() {
    let mut host = Host::new();
    let (ann, bob) = (host.greeted(), host.greeted());
    host.hears(ann, &join(1, "page")).expect("a good frame");
    host.says(ann);
    for request in [1, 1, 2] {
        host.hears(bob, &join_as(None, request, "page")).expect("a good frame");
    }
    host.says(bob);
    host.hears(ann, &changes(vec![change(7, 0)])).expect("a good frame");
    let introduced = vec![ReplicaId::new(7)];
    let frame = Message::Changes { doc: 1, introduced, changes: vec![change(7, 0)] };
    let sent = std::iter::from_fn(|| host.server.poll_transmit(at(0), bob));
    let mut writers = crdt_socket_sync::wire::Writers::default();
    writers.introduce(ReplicaId::new(7));
    assert_eq!(sent.collect::<Vec<_>>(), [Transmit::Frame(frame.encode(&writers))]);
    let mut caller = Caller::new();
    caller.write("x");
    let link = caller.joined(at(0));
    assert_eq!(names(&caller.says(at(0), link)), ["changes"]);
    for _ in 0..2 {
        caller.hears(at(0), link, &Message::Want { doc: 1, version: VersionVector::new() }).expect("a good frame");
    }
    assert_eq!(names(&caller.says(at(0), link)), ["changes"], "one answer");
    let again = caller.0.replica(caller.doc()).expect("open").log().get(0).expect("the one");
    caller.hears(at(0), link, &changes(vec![again.clone(), again])).expect("a good frame");
    assert_eq!(caller.0.replica(caller.doc()).expect("open").text("text"), "x");
}

/// Acceptance line 103: an adapter that is late with news of a link does no harm.
#[test]
fn a_link_that_is_gone_takes_nothing_and_gives_nothing() {
    let mut host = Host::new();
    let link = host.greeted();
    host.hears(link, &join(1, "page")).expect("a good frame");
    host.says(link);
    host.server.close(at(0), link, Code::Forbidden.into()).expect("it is up");
    host.hears(link, &changes(vec![change(7, 0)])).expect("passed over");
    assert_eq!((names(&host.says(link)), host.log_end()), (vec!["close"], Some(0)));
    host.server.link_down(at(0), link, "closed").expect("it was up");
    let unknown = Misuse::UnknownLink(link);
    assert_eq!(host.hears(link, &changes(vec![change(7, 0)])), Err(unknown.clone().into()));
    assert_eq!(host.server.close(at(0), link, Code::Done.into()), Err(unknown.clone()));
    assert_eq!(host.server.link_down(at(0), link, "again"), Err(unknown));
    assert_eq!((host.server.poll_transmit(at(0), link), host.log_end()), (None, Some(0)));
}

/// A client of this version and a server of a later one.
#[test]
fn a_server_of_a_newer_protocol_is_not_tried_again() {
    let mut caller = Caller::new();
    let link = caller.link_up(at(0));
    let refusal = Message::Close { reason: Reason::new(Code::Version, "this server speaks versions 2 to 3") };
    caller.hears(at(0), link, &refusal).expect("a good frame");
    let status = caller.0.status();
    assert!(matches!(status, Status::Refused(reason) if reason.code == Code::Version), "{status:?}");
    caller.0.link_down(at(0), link, "closed").expect("it was up");
    assert_eq!((caller.0.poll_timeout(), caller.0.poll_dial()), (None, false));
}

#[test]
fn a_peer_that_speaks_no_common_version_is_told_which_ones_there_are() {
    let mut host = Host::new();
    let link = host.server.link_up(at(0));
    host.hears(link, &hello((2, 9))).expect_err("no common version");
    let sent: Vec<_> = std::iter::from_fn(|| host.server.poll_transmit(at(0), link)).collect();
    let [Transmit::Frame(frame), Transmit::Close(reason)] = &sent[..] else { panic!("{sent:?}") };
    let Ok(Message::Close { reason: told }) = Message::decode(frame.clone(), &FullNames) else { panic!("{frame:?}") };
    assert_eq!(&told, reason);
    assert_eq!(told.code, Code::Version);
    assert!(told.detail.contains("2 to 9") && told.detail.contains("1 to 1"), "{}", told.detail);
}
