//! What a client promises, to a server that is written out by hand.

use crdt_socket_sync::{
    Access, ClientConfig, ClientEvent, Epoch, MemoryStorage, ReplicaId, Seed, VersionVector,
    error::StoreFault,
    wire::{Level, Message, WriterVersion},
};

use crate::by_hand::{Caller, Host, ack, at, change, changes, join, names, version};

/// What came too early is kept, and the gap is asked for once; of servers too.
pub fn whoever_misses_something_asks_for_it_once_however_much_there_is_that_waits_for_it() {
    let mut host = Host::new();
    let link = host.greeted();
    host.hears(link, &join(1, "page")).expect("a good frame");
    assert_eq!(names(&host.says(link)), ["joined"]);
    let mut caller = Caller::new();
    let callers_link = caller.joined(at(0));

    let want = Message::Want { doc: 1, version: VersionVector::new() };
    for (early, asked) in [(vec![change(7, 1), change(7, 2)], vec![want]), (vec![change(7, 4), change(7, 3)], vec![])] {
        host.hears(link, &changes(early.clone())).expect("a good frame");
        assert_eq!(host.says(link), asked);
        caller.hears(at(0), callers_link, &changes(early)).expect("a good frame");
        assert_eq!(caller.says(at(0), callers_link), asked);
        assert_eq!((host.log_end(), caller.0.replica(caller.doc()).expect("open").log().end()), (Some(0), 0));
    }
    let first = changes(vec![change(7, 0)]);
    host.hears(link, &first).expect("a good frame");
    caller.hears(at(0), callers_link, &first).expect("a good frame");
    assert_eq!((host.log_end(), caller.0.replica(caller.doc()).expect("open").log().end()), (Some(5), 5));
    assert_eq!(names(&host.says(link)), ["ack"]);
    assert_eq!(names(&caller.says(at(0), callers_link)), [""; 0]);

    // Another gap is another question.
    let early = changes(vec![change(7, 9)]);
    host.hears(link, &early).expect("a good frame");
    caller.hears(at(0), callers_link, &early).expect("a good frame");
    let want = Message::Want { doc: 1, version: version(&[(7, 5)]) };
    assert_eq!((host.says(link), caller.says(at(0), callers_link)), (vec![want.clone()], vec![want]));
}

/// A document has caught up when all is here that the server had when it was joined.
pub fn a_document_has_caught_up_when_all_is_here_that_the_server_had() {
    let mut caller = Caller::new();
    let link = caller.asked(at(0));
    let writers = vec![WriterVersion { replica: ReplicaId::new(9), received: 2, stored: 2 }];
    let joined = Message::Joined { request: 1, doc: 1, epoch: Epoch::new(1), access: Access::Write, writers };
    for (message, caught_up) in [(joined, 0), (changes(vec![change(9, 0)]), 0), (changes(vec![change(9, 1)]), 1)] {
        caller.hears(at(0), link, &message).expect("a good frame");
        let told = std::iter::from_fn(|| caller.0.poll_event());
        assert_eq!(told.filter(|event| matches!(event, ClientEvent::CaughtUp { .. })).count(), caught_up);
        assert_eq!(caller.0.is_caught_up(caller.doc()), Ok(caught_up == 1));
    }
}

/// A server that lost what it was sent gets it again.
pub fn what_a_server_asks_for_is_sent_again_from_there_on() {
    let mut caller = Caller::new();
    let link = caller.joined(at(0));
    for word in ["a", "b", "c"] {
        caller.write(word);
    }
    assert_eq!(names(&caller.says(at(0), link)), ["changes"]);
    caller.hears(at(0), link, &Message::Want { doc: 1, version: version(&[(1, 1)]) }).expect("a good frame");
    let said = caller.says(at(0), link);
    let [Message::Changes { changes, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(changes.iter().map(|change| change.seq).collect::<Vec<_>>(), [1, 2]);
}

/// A change of one's own that comes back, for another client had it too, says nothing about the server's store.
pub fn a_change_of_ones_own_that_comes_back_is_not_taken_for_stored() {
    let mut caller = Caller::new();
    let link = caller.joined(at(0));
    caller.write("a");
    let said = caller.says(at(0), link);
    let [Message::Changes { changes: sent, .. }] = &said[..] else { panic!("{said:?}") };
    caller.hears(at(0), link, &changes(sent.clone())).expect("a good frame");
    assert_eq!(caller.pending(), [0, 1]);
    caller.hears(at(0), link, &ack(Level::Stored, 1)).expect("a good frame");
    assert_eq!(caller.pending(), [0, 0]);
}

/// What a client could forget in a crash, nobody else hears of.
pub fn what_a_clients_own_store_fails_to_write_is_not_sent_until_it_is_written() {
    let (mut config, mut store) = (ClientConfig::new(Seed::from_number(1)), MemoryStorage::default());
    config.persist = true;
    let mut caller = Caller::with(config);
    caller.keeps(at(0), &mut store);
    let link = caller.joined(at(0));
    caller.write("a");
    let append = caller.0.poll_store().expect("something to write");
    caller.0.stored(at(0), append.ticket(), Err(StoreFault::Unavailable("full".into()))).expect("it was asked");
    assert_eq!(names(&caller.says(at(0), link)), [""; 0]);
    let told =
        std::iter::from_fn(|| caller.0.poll_event()).any(|event| matches!(event, ClientEvent::StoreFailed { .. }));
    assert!(told, "the application hears of it");
    caller.0.timeout(at(1));
    caller.keeps(at(1), &mut store);
    assert_eq!(names(&caller.says(at(1), link)), ["changes"]);
}
