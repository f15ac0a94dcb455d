//! What snapshots promise.

use crdt_socket_sync::{
    Access, ClientConfig, ClientEvent, Document, Epoch, Limits, MemoryStorage, ReplicaId, Seed, Storage,
    document::SnapshotFault,
    error::{Code, Misuse},
    wire::{Message, WriterVersion},
};
use crdt_socket_sync_loopback::Simulation;

use super::{config, document, text, until, write};
use crate::{
    by_hand::{Caller, at, joined, names},
    short::{
        document::edit,
        world::{client_events, refusals},
    },
};

/// A snapshot of which a bit is another one is no snapshot any more.
pub fn a_snapshot_of_which_a_bit_is_another_one_is_refused() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        txn.text("text").push_str("some text, and some text more")?;
        txn.text("text").delete(4, 20)?;
        txn.map("map").set("key", &1)
    });
    let snapshot = ann.snapshot();
    for at in 0..8 * snapshot.len() {
        let mut bytes = snapshot.to_vec();
        bytes[at / 8] ^= 1 << (at % 8);
        let read = Document::from_snapshot(ReplicaId::new(2), bytes, &Limits::default());
        assert!(read.is_err(), "bit {at} is another one");
    }
}

/// What a few bytes inflate to, and what is built from that, has a bound.
pub fn a_snapshot_that_would_take_more_than_the_limit_is_refused() {
    let long = "a".repeat(100_000);
    let mut seen = document(1);
    edit(&mut seen, |txn| txn.text("text").push_str(&long));
    let mut deleted = document(1);
    edit(&mut deleted, |txn| {
        txn.text("text").push_str(&long)?;
        txn.text("text").delete(0, 100_000)
    });
    let mut runs = document(1);
    edit(&mut runs, |txn| (0..1_000).try_for_each(|_| txn.text("text").insert(0, "a")));
    for document in [seen, deleted, runs] {
        let snapshot = document.snapshot();
        assert!(snapshot.len() < 1_000, "{} bytes", snapshot.len());
        let mut limits = Limits::default();
        Document::from_snapshot(ReplicaId::new(2), snapshot.clone(), &limits).expect("what was just written");
        limits.snapshot_bytes = 40_000;
        let read = Document::from_snapshot(ReplicaId::new(2), snapshot, &limits);
        assert_eq!(read.err(), Some(SnapshotFault::TooLarge { limit: 40_000 }));
    }
}

/// A client that lacks nothing but to unpack it does so when a server needs it.
pub fn changes_that_are_packed_with_a_snapshot_are_given_to_a_server_that_lacks_them() {
    let mut ann = document(1);
    edit(&mut ann, |txn| txn.text("text").push_str("old "));
    let packed = ann.full_snapshot().expect("all history is here");
    let packed = Document::from_snapshot(ReplicaId::new(2), packed, &Limits::default()).expect("a snapshot");
    assert_eq!(packed.log().end(), 0);

    let mut world = Simulation::new(config());
    let [bob, eve] = [(); 2].map(|()| world.add_client());
    let bobs = world.open(bob, "page", packed);
    write(&mut world, bob, bobs, "new");
    let eves = world.open(eve, "page", document(3));
    until(&mut world, |world| text(world, eve, eves) == "old new");
    assert_eq!(refusals(&mut world, bob), []);
}

/// Whoever began with a snapshot cannot give others what that covers, and does not take part where that would be needed.
pub fn a_document_without_its_history_is_joined_only_where_nothing_of_that_is_lacking() {
    let mut world = Simulation::new(config());
    let [ann, bob, eve] = [(); 3].map(|()| world.add_client());
    let page = world.open(ann, "page", document(1));
    write(&mut world, ann, page, "old ");
    world.settle().expect("it comes to rest");
    let snapshot = world.replica(ann, page).snapshot();
    let pruned = |replica| {
        Document::from_snapshot(ReplicaId::new(replica), snapshot.clone(), &Limits::default()).expect("a snapshot")
    };

    let bobs = world.open(bob, "page", pruned(2));
    write(&mut world, bob, bobs, "new");
    until(&mut world, |world| text(world, ann, page) == "old new");
    write(&mut world, ann, page, "er");
    until(&mut world, |world| text(world, bob, bobs) == "old newer");
    assert_eq!(refusals(&mut world, bob), []);

    let elsewhere = world.open(eve, "elsewhere", pruned(3));
    write(&mut world, eve, elsewhere, "!");
    world.run_for(std::time::Duration::from_secs(5));
    let told = client_events(&mut world, eve);
    let said = |event: &ClientEvent<_>| match event {
        ClientEvent::Refused { reason, .. } => Some(reason.code),
        ClientEvent::Joined { .. } | ClientEvent::CaughtUp { .. } | ClientEvent::Synced { .. } => Some(Code::Done),
        _ => None,
    };
    let said: Vec<_> = told.iter().filter_map(said).collect();
    assert!(!said.is_empty() && said.iter().all(|code| *code == Code::Pruned), "{said:?}");
    assert_eq!(text(&world, eve, elsewhere), "old !");

    // Someone who has it all brings it.
    let history: Vec<_> = world.replica(ann, page).log().iter().collect();
    let epoch = world.replica(ann, page).log().epoch();
    let whole = Document::from_changes(ReplicaId::new(4), epoch, history, &Limits::default()).expect("good headers");
    let anns = world.open(ann, "elsewhere", whole);
    until(&mut world, |world| {
        [(ann, anns), (eve, elsewhere)].iter().all(|(who, doc)| {
            let text = text(world, *who, *doc);
            text.contains('!') && text.contains("newer")
        })
    });
}

/// What a server has and has not stored has to be sent again to learn when it is; so whoever cannot do that waits until it is.
pub fn a_document_without_its_history_is_joined_only_where_all_of_that_is_stored() {
    let mut ann = document(1);
    edit(&mut ann, |txn| txn.text("text").push_str("old"));
    let packed = ann.full_snapshot().expect("all history is here");
    for (snapshot, has_history) in [(ann.snapshot(), false), (packed, true)] {
        let mut caller = Caller::new();
        caller.0.leave(caller.doc()).expect("it is open");
        let again = Document::from_snapshot(ReplicaId::new(1), snapshot, &Limits::default()).expect("a snapshot");
        caller.0.open("page", again).expect("it was left");
        let link = caller.asked(at(0));
        let joined = |stored| {
            let writers = vec![WriterVersion { replica: ReplicaId::new(1), received: 3, stored }];
            Message::Joined { request: 2, doc: 1, epoch: Epoch::new(1), access: Access::Write, writers }
        };
        caller.hears(at(0), link, &joined(0)).expect("a good frame");
        if has_history {
            let kept = caller.0.replica(caller.doc()).expect("it is open").log().end();
            assert_eq!((kept, caller.pending()), (1, [0, 3]), "it can be sent again");
            continue;
        }
        assert_eq!(names(&caller.says(at(0), link)), ["leave"]);
        caller.0.timeout(at(10));
        assert_eq!(names(&caller.says(at(10), link)), ["join"]);
        caller.hears(at(10), link, &joined(3)).expect("a good frame");
        assert_eq!((caller.says(at(10), link), caller.pending()), (vec![], [0, 0]));
    }
}

/// What was still to be sent is sent, wherever it is in the log of a replica that is put in the place of another one.
pub fn a_replica_that_is_put_in_the_place_of_another_one_is_joined_anew() {
    let mut caller = Caller::new();
    let link = caller.joined(at(0));
    caller.write("a");
    assert_eq!(names(&caller.says(at(0), link)), ["changes"]);
    caller.write("b");
    let doc = caller.doc();
    let replaced = caller.0.update(doc, |document| {
        let packed = document.full_snapshot().expect("all history is here");
        *document = Document::from_snapshot(ReplicaId::new(1), packed, &Limits::default()).expect("a snapshot");
    });
    assert_eq!(replaced, Ok(()));
    caller.write("c");
    assert_eq!(names(&caller.says(at(0), link)), ["leave", "join"]);
    caller.hears(at(0), link, &joined()).expect("a good frame");
    let said = caller.says(at(0), link);
    let [Message::Changes { changes, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(changes.iter().map(|change| change.seq).collect::<Vec<_>>(), [0, 1, 2]);
}

/// What it does not keep any more may be what was still to be sent.
pub fn a_replica_that_has_taken_in_a_snapshot_is_joined_anew() {
    let mut caller = Caller::new();
    let link = caller.joined(at(0));
    let doc = caller.doc();
    caller.write("a");
    let mut bob = document(2);
    bob.merge_snapshot(caller.0.replica(doc).expect("it is open").snapshot(), &Limits::default()).expect("a snapshot");
    edit(&mut bob, |txn| txn.text("text").push_str("b"));
    let merged = caller.0.update(doc, |document| document.merge_snapshot(bob.snapshot(), &Limits::default()));
    assert_eq!(merged, Ok(Ok(true)));
    caller.write("c");
    assert_eq!(names(&caller.says(at(0), link)), ["leave", "join"]);
    let writers = [1, 2].map(|replica| WriterVersion { replica: ReplicaId::new(replica), received: 1, stored: 1 });
    let joined =
        Message::Joined { request: 1, doc: 1, epoch: Epoch::new(1), access: Access::Write, writers: writers.into() };
    caller.hears(at(0), link, &joined).expect("a good frame");
    assert_eq!(caller.pending(), [1, 1]);
    assert!(caller.0.poll_transmit(at(0), link).is_some(), "it is sent");
}

/// Acceptance line 86. What one deleted, took away or moved stays so although the other one's snapshot still has it, and what both
/// counted is counted once.
pub fn snapshots_of_two_who_know_nothing_of_each_other_give_all_that_both_did_in_either_order() {
    let limits = Limits::default();
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        txn.text("text").push_str("some words")?;
        txn.counter("counter").add(1)?;
        txn.or_set("set").add(&1)?;
        txn.or_set("set").add(&2)?;
        txn.map("map").set("key", &1)?;
        txn.movable_list("list").extend(&["a", "b", "c", "d"])
    });
    let [mut bob, old] = [2, 3].map(|replica| {
        Document::from_snapshot(ReplicaId::new(replica), ann.snapshot(), &limits).expect("what was just written")
    });
    edit(&mut ann, |txn| {
        txn.text("text").delete(0, 5)?;
        txn.counter("counter").add(10)?;
        txn.or_set("set").remove(&1)?;
        txn.movable_list::<&str>("list").delete(0, 1)?;
        txn.movable_list::<&str>("list").move_to(0, 2)
    });
    edit(&mut bob, |txn| {
        txn.text("text").push_str("!")?;
        txn.counter("counter").add(100)?;
        txn.or_set("set").remove(&2)?;
        txn.or_set("set").add(&3)?;
        txn.map("map").set("key", &2)?;
        txn.movable_list("list").set(0, &"A")?;
        txn.movable_list("list").set(2, &"C")
    });
    // The one who begins has a counter's additions of its own that the other one has in part.
    for (one, other) in [(&ann, &bob), (&bob, &ann)] {
        let begin = [document(4), old.clone(), one.clone()];
        for mut merged in begin {
            for snapshot in [one.snapshot(), other.snapshot()] {
                merged.merge_snapshot(snapshot, &limits).expect("a snapshot of this history");
                merged.check().expect("sound inside");
            }
            assert_eq!(merged.text("text"), "words!");
            assert_eq!(merged.counter("counter").value(), 111);
            assert!(merged.or_set("set").contains(&3) && merged.or_set::<u8>("set").len() == 1);
            assert_eq!(merged.map("map").get("key"), Ok(Some(2)));
            assert_eq!(merged.movable_list("list").to_vec(), Ok(["C", "d", "b"].map(str::to_owned).into()));
            assert_eq!(merged.merge_snapshot(old.snapshot(), &limits), Ok(false));
        }
    }
}

/// A client's own store holds what there was. It is not mixed with what there is instead.
pub fn a_replica_that_is_kept_in_a_clients_own_store_is_not_replaced() {
    let (mut config, mut store) = (ClientConfig::new(Seed::from_number(1)), MemoryStorage::default());
    config.persist = true;
    config.record = true;
    let mut caller = Caller::with(config);
    caller.keeps(at(0), &mut store);
    let (link, doc) = (caller.joined(at(0)), caller.doc());
    caller.write("a");
    caller.keeps(at(0), &mut store);
    assert_eq!(names(&caller.says(at(0), link)), ["changes"]);
    let replaced = caller.0.update(doc, |document| *document = Document::new(ReplicaId::new(1)));
    assert_eq!(replaced, Err(Misuse::Replaced(doc)));
    caller.write("b");
    caller.keeps(at(0), &mut store);
    assert_eq!(names(&caller.says(at(0), link)), ["leave"]);
    let stored = store.load("page").expect("a memory store does not fail").expect("it was written");
    assert_eq!(stored.changes.len(), 1);
}
