//! Documents without their history: what a snapshot keeps, and what comes of it.
//!
//! That they go on like those that have it is judged step by step by `convergence.rs`.

use crdt_socket_sync::{
    Change, Document, DocumentEvent, Epoch, Limits, OpId, Replica, ReplicaId, VersionVector, Wall,
    causal::Received,
    document::{BodyFault, ContainerEdit, Origin, SnapshotFault, UndoOptions},
    error::ChangeFault,
};
use crdt_socket_sync_tests::{
    scenarios,
    short::document::{document, edit, exchange, receive, text, write},
    view::shown,
};

/// A snapshot of a document, opened again.
fn pruned(document: &Document, replica: u64) -> Document {
    let snapshot = document.snapshot();
    let pruned = Document::from_snapshot(ReplicaId::new(replica), snapshot, &Limits::default()).expect("a snapshot");
    pruned.check().expect("sound inside");
    assert_eq!(shown(&pruned), shown(document));
    assert_eq!(pruned.digest(), document.digest());
    pruned
}

fn everything() -> Document {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        txn.text("text").push_str("a😀b🎉c")?;
        txn.register("set").set(&1)?;
        txn.register("unset").set(&1)?;
        txn.register::<u8>("unset").clear()?;
        txn.counter("counter").add(i64::MIN)?;
        txn.counter("counter").add(i64::MIN)?;
        txn.map("map").set("kept", &"value")?;
        txn.map("map").set("gone", &"value")?;
        txn.map::<&str>("map").delete("gone")?;
        txn.map::<u8>("map").map::<u8>("deep")?.text("deeper")?.push_str("nested")?;
        txn.or_set("or-set").add(&1)?;
        txn.or_set("or-set").add(&2)?;
        txn.or_set("or-set").remove(&1)?;
        txn.or_map("or-map").put("key", &3)?;
        txn.or_map::<u8>("or-map").counter("nested")?.add(4)
    });
    ann
}

/// Acceptance lines 9, 33, 41 and 74.
#[test]
fn everything_there_is_survives_a_snapshot_and_can_be_edited_then() {
    let mut ann = everything();
    let mut bob = pruned(&ann, 2);
    assert_eq!(bob.text("text"), "a😀b🎉c");
    assert_eq!(bob.register("set").get(), Ok(Some(1)));
    assert_eq!(bob.register::<u8>("unset").get(), Ok(None));
    assert_eq!(bob.counter("counter").value(), 2 * i128::from(i64::MIN));
    assert_eq!(bob.map::<u8>("map").map::<u8>("deep").and_then(|map| map.text("deeper")).expect("a text"), "nested");
    let changes = [&mut ann, &mut bob].map(|document| {
        edit(document, |txn| {
            txn.text("text").replace(1, 1, "é")?;
            txn.map("map").set("gone", &"again")?;
            txn.or_map("or-map").put("key", &5)?;
            txn.or_set("or-set").remove(&2)?;
            txn.counter("counter").add(1)?;
            txn.register("set").set(&2)
        })
        .expect("a change")
    });
    receive(&mut ann, &changes[1]);
    receive(&mut bob, &changes[0]);
    assert_eq!(shown(&ann), shown(&bob));
    assert_eq!(ann.digest(), bob.digest());
}

/// Acceptance line 57.
#[test]
fn numbers_of_what_was_deleted_before_a_snapshot_are_not_given_again() {
    let (mut ann, mut peer) = (document(1), document(2));
    write(&mut ann, 0, "abcdefghij");
    edit(&mut ann, |txn| txn.text("text").delete(5, 5));
    exchange(&mut [&mut ann, &mut peer]);
    let mut again = pruned(&ann, 1);
    let change = write(&mut again, 5, "XY");
    receive(&mut peer, &change);
    assert_eq!((text(&again), text(&peer)), ("abcdeXY".into(), "abcdeXY".into()));
}

/// Acceptance lines 82 and 121.
#[test]
fn what_was_typed_meanwhile_finds_its_place_among_characters_that_are_long_deleted() {
    let (mut ann, mut bob) = (document(1), document(2));
    write(&mut ann, 0, "one two three four");
    exchange(&mut [&mut ann, &mut bob]);
    let late = [write(&mut bob, 8, "2.5 "), write(&mut bob, 0, "0 ")];
    edit(&mut ann, |txn| txn.text("text").delete(4, 10));
    edit(&mut ann, |txn| txn.text("text").insert(4, "…"));
    let mut without = pruned(&ann, 3);
    for change in late {
        receive(&mut ann, &change);
        receive(&mut without, &change);
        assert_eq!(text(&without), text(&ann));
    }
    assert_eq!(text(&without), "0 one …2.5 four");
}

/// Acceptance line 42.
#[test]
fn whoever_has_seen_something_added_removes_it_also_where_a_snapshot_was_loaded() {
    let (mut ann, mut bob) = (everything(), document(2));
    exchange(&mut [&mut ann, &mut bob]);
    let mut without = pruned(&ann, 3);
    let removal = edit(&mut bob, |txn| {
        txn.or_set("or-set").remove(&2)?;
        txn.or_map::<u8>("or-map").remove("key")
    });
    receive(&mut without, &removal.expect("a change"));
    assert!(without.or_set::<u8>("or-set").is_empty());
    assert!(!without.or_map::<u8>("or-map").contains("key"));
}

/// Acceptance lines 84 and 123.
#[test]
fn what_a_snapshot_covers_is_recognised_and_what_lacks_something_else_waits() {
    let (mut ann, mut bob) = (document(1), document(2));
    write(&mut ann, 0, "a");
    exchange(&mut [&mut ann, &mut bob]);
    let covered: Vec<Change> = ann.log().iter().collect();
    let mut without = pruned(&ann, 3);
    assert_eq!(without.log().not_kept(), ann.log().version());
    assert!(without.log().iter().next().is_none() && !without.log().is_empty());
    for change in &covered {
        assert_eq!(receive(&mut without, change), Received::Duplicate);
        assert_eq!(without.log().position(change.id()), None);
    }
    let [first, second] = [write(&mut bob, 1, "b"), write(&mut bob, 2, "c")];
    let third = write(&mut document(4), 0, "d");
    assert_eq!(receive(&mut without, &second), Received::Waiting);
    receive(&mut without, &third);
    assert_eq!(receive(&mut without, &first), Received::Appended { positions: 1..3, refused: vec![] });
    [first, second, third].iter().for_each(|change| drop(receive(&mut ann, change)));
    assert_eq!(text(&without), text(&ann));
}

#[test]
fn a_change_that_goes_beyond_what_a_snapshot_covers_contradicts_it() {
    let mut ann = document(1);
    let mut change = write(&mut ann, 0, "abc");
    let mut without = pruned(&ann, 3);
    change.len += 1;
    let refused = without.receive(change.clone(), &Limits::default());
    assert_eq!(refused, Err(ChangeFault::Contradiction { id: change.id() }));
}

#[test]
fn what_a_changes_maker_had_seen_is_known_without_the_history() {
    let (mut ann, mut bob, mut cyd) = (document(1), document(2), document(3));
    let first = write(&mut ann, 0, "a");
    receive(&mut bob, &first);
    write(&mut ann, 1, "b");
    let theirs = write(&mut bob, 1, "c");
    receive(&mut cyd, &first);
    receive(&mut cyd, &theirs);
    receive(&mut ann, &theirs);
    let mut without = pruned(&ann, 9);
    // One who had seen `a` and `c` and not `b` deletes what has the number of `b`.
    let mut blind = edit(&mut cyd, |txn| txn.text("text").delete(0, 1)).expect("a change");
    let at = blind.body.len() - 1;
    let mut body = blind.body.to_vec();
    assert_eq!(body[at], 0, "the number of `a`");
    body[at] = 1;
    blind.body = body.into();
    for document in [&mut ann, &mut without] {
        while document.poll_event().is_some() {}
        receive(document, &blind);
        let event = document.poll_event();
        let unseen = matches!(event, Some(DocumentEvent::Unreadable { why: BodyFault::Unseen { .. }, .. }));
        assert!(unseen, "{event:?}");
    }
}

#[test]
fn the_same_changes_in_the_same_order_give_the_same_bytes_whoever_has_them() {
    let mut ann = everything();
    let mut bob = document(2);
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(ann.snapshot(), bob.snapshot());
    assert_eq!(pruned(&ann, 3).snapshot(), bob.snapshot());
}

#[test]
fn bytes_that_are_no_snapshot_say_why_not() {
    let ann = everything();
    let snapshot = ann.snapshot();
    let read = |bytes: &[u8], limits: &Limits| {
        Document::from_snapshot(ReplicaId::new(1), bytes.to_vec(), limits).map(drop).expect_err("no snapshot")
    };
    let limits = Limits::default();
    assert_eq!(read(b"", &limits), SnapshotFault::NotASnapshot);
    assert_eq!(read(b"CSSX\x01\x00\x00\x00\x00\x00", &limits), SnapshotFault::NotASnapshot);
    assert_eq!(
        read(&[&snapshot[..4], &[2], &snapshot[5..]].concat(), &limits),
        SnapshotFault::Format { format: 2, kind: 0 }
    );
    for len in 10..snapshot.len() {
        assert_eq!(read(&snapshot[..len], &limits), SnapshotFault::Damaged);
    }
    let mut few = limits;
    few.replicas = 0;
    assert_eq!(read(&snapshot, &few), SnapshotFault::TooManyWriters { writers: 1, limit: 0 });
}

/// Acceptance line 83.
#[test]
fn an_edit_goes_on_after_a_snapshot_that_was_taken_long_after_the_wall_clocks_time() {
    let mut ann = document(1);
    ann.edit::<_, crdt_socket_sync::document::EditError>(Wall::from_millis(9_000_000), |txn| {
        txn.map("map").set("k", &1)
    })
    .expect("a good edit");
    let mut merged = document(3);
    merged.merge_snapshot(ann.snapshot(), &Limits::default()).expect("a snapshot");
    for (mut without, value) in [(pruned(&ann, 2), 2), (merged, 3)] {
        assert_eq!(without.log().clock(), ann.log().clock());
        let change = edit(&mut without, |txn| txn.map("map").set("k", &value)).expect("a change");
        let mut peer = ann.clone();
        receive(&mut peer, &change);
        assert_eq!(peer.map("map").get("k"), Ok(Some(value)));
    }
}

/// Acceptance line 12.
#[test]
fn all_heads_of_a_history_that_is_not_kept_are_heads_still() {
    let mut people = [1, 2, 3].map(document);
    people.iter_mut().for_each(|person| drop(write(person, 0, "a")));
    let [ann, bob, eve] = &mut people;
    exchange(&mut [ann, bob, eve]);
    let mut without = pruned(ann, 4);
    assert_eq!((without.log().frontier(), without.log().frontier().len()), (ann.log().frontier(), 3));
    let change = write(&mut without, 3, "b");
    assert_eq!(change.deps.len(), 3);
    assert!(matches!(receive(ann, &change), Received::Appended { .. }));
}

/// Acceptance line 46.
#[test]
fn a_list_that_loses_its_first_items_as_it_grows_goes_on_from_snapshot_to_snapshot() {
    let mut ann = document(1);
    for number in 1..=30 {
        edit(&mut ann, |txn| txn.list("list").push(&format!("Item {number}")));
        if number % 5 == 0 {
            edit(&mut ann, |txn| txn.list::<String>("list").delete(0, 1));
        }
        if number % 10 == 0 {
            ann = pruned(&ann, 1);
        }
    }
    let left: Vec<_> = (7..=30).map(|number| format!("Item {number}")).collect();
    assert_eq!(ann.list::<String>("list").to_vec(), Ok(left));
}

/// Acceptance line 85.
#[test]
fn a_snapshot_has_what_was_imported_right_before() {
    let ann = everything();
    let block = ann.export(&VersionVector::new()).expect("all is kept");
    let mut bob = document(2);
    bob.import(block, &Limits::default()).expect("a good block");
    assert_eq!(bob.snapshot(), ann.snapshot());
    assert_eq!(shown(&pruned(&bob, 3)), shown(&ann));
}

/// Acceptance line 89.
#[test]
fn what_was_before_a_snapshot_with_history_can_be_seen_after_it() {
    let mut ann = document(1);
    write(&mut ann, 0, "old");
    let then = ann.log().version().clone();
    edit(&mut ann, |txn| txn.text("text").replace(0, 3, "new"));
    let snapshot = ann.full_snapshot().expect("all history is here");
    let mut again = Document::from_snapshot(ReplicaId::new(2), snapshot, &Limits::default()).expect("a snapshot");
    assert!(again.at(&then).is_err(), "it is packed");
    assert_eq!(again.recall(&Limits::default()), Ok(true));
    assert_eq!((text(&again), again.at(&then).map(|view| text(&view))), ("new".into(), Ok("old".into())));
}

#[test]
fn a_snapshot_of_which_a_bit_is_another_one_is_refused() {
    scenarios::a_snapshot_of_which_a_bit_is_another_one_is_refused();
}

#[test]
fn a_snapshot_that_would_take_more_than_the_limit_is_refused() {
    scenarios::a_snapshot_that_would_take_more_than_the_limit_is_refused();
}

#[test]
fn a_document_without_its_history_is_joined_only_where_nothing_of_that_is_lacking() {
    scenarios::a_document_without_its_history_is_joined_only_where_nothing_of_that_is_lacking();
}

#[test]
fn changes_that_are_packed_with_a_snapshot_are_given_to_a_server_that_lacks_them() {
    scenarios::changes_that_are_packed_with_a_snapshot_are_given_to_a_server_that_lacks_them();
}

#[test]
fn a_document_without_its_history_has_no_snapshot_with_it() {
    let mut ann = document(1);
    write(&mut ann, 0, "old");
    let mut pruned = pruned(&ann, 2);
    assert_eq!((pruned.full_snapshot(), pruned.recall(&Limits::default())), (None, Ok(false)));
}

#[test]
fn a_document_without_its_history_is_joined_only_where_all_of_that_is_stored() {
    scenarios::a_document_without_its_history_is_joined_only_where_all_of_that_is_stored();
}

#[test]
fn a_replica_that_is_put_in_the_place_of_another_one_is_joined_anew() {
    scenarios::a_replica_that_is_put_in_the_place_of_another_one_is_joined_anew();
}

#[test]
fn a_replica_that_is_kept_in_a_clients_own_store_is_not_replaced() {
    scenarios::a_replica_that_is_kept_in_a_clients_own_store_is_not_replaced();
}

#[test]
fn a_replica_that_has_taken_in_a_snapshot_is_joined_anew() {
    scenarios::a_replica_that_has_taken_in_a_snapshot_is_joined_anew();
}

/// Acceptance line 86.
#[test]
fn snapshots_of_two_who_know_nothing_of_each_other_give_all_that_both_did_in_either_order() {
    scenarios::snapshots_of_two_who_know_nothing_of_each_other_give_all_that_both_did_in_either_order();
}

/// Acceptance line 78.
#[test]
fn snapshots_of_one_version_cover_the_same_whoever_takes_them_and_stay_what_they_are() {
    let (mut ann, mut bob) = (document(1), document(2));
    write(&mut ann, 0, "a");
    let others = write(&mut bob, 0, "b");
    receive(&mut ann, &others);
    exchange(&mut [&mut ann, &mut bob]);
    let snapshots = [&ann, &bob].map(Document::snapshot);
    let copies = snapshots.each_ref().map(|snapshot| snapshot.to_vec());
    let covered = snapshots.each_ref().map(|snapshot| {
        let read = Document::from_snapshot(ReplicaId::new(3), snapshot.clone(), &Limits::default());
        read.expect("what was just written").log().version().clone()
    });
    assert_eq!(covered[0], covered[1]);
    edit(&mut ann, |txn| txn.text("text").delete(0, 2));
    assert_eq!(snapshots.map(|snapshot| snapshot.to_vec()), copies);
}

/// Acceptance lines 20, 22 and 79.
#[test]
fn to_take_a_snapshot_changes_nothing_and_reports_nothing() {
    let mut ann = everything();
    let changes: Vec<Change> = ann.log().iter().collect();
    while ann.poll_event().is_some() {}
    let (state, full) = (ann.snapshot(), ann.full_snapshot());
    assert!(full.is_some() && ann.poll_event().is_none());
    assert!(ann.log().iter().eq(changes));
    assert!(ann.log().not_kept().is_empty());
    assert_eq!(ann.snapshot(), state);
}

/// Acceptance lines 20, 80, 81 and 122.
#[test]
fn a_snapshot_of_what_is_here_is_passed_over_and_what_is_here_beside_it_stays() {
    let mut ann = document(1);
    edit(&mut ann, |txn| txn.list("list").extend(&["Hello", "World"]));
    let old = ann.snapshot();
    let covered: Vec<Change> = ann.log().iter().collect();
    let limits = Limits::default();
    let mut bob = document(2);
    assert_eq!(bob.merge_snapshot(old.clone(), &limits), Ok(true));
    covered.iter().for_each(|change| assert_eq!(receive(&mut bob, change), Received::Duplicate));
    while bob.poll_event().is_some() {}

    let newer = [",", "Dart"].map(|word| edit(&mut bob, |txn| txn.list("list").insert(1, &word)).expect("a change"));
    while bob.poll_event().is_some() {}
    assert_eq!(bob.merge_snapshot(old.clone(), &limits), Ok(false));
    assert_eq!((bob.poll_event(), bob.log().end()), (None, 2));
    assert_eq!(bob.list("list").to_vec(), Ok(["Hello", "Dart", ",", "World"].map(str::to_owned).into()));
    newer.iter().for_each(|change| drop(receive(&mut ann, change)));
    assert_eq!(ann.digest(), bob.digest());
    assert_eq!(pruned(&bob, 4).merge_snapshot(bob.snapshot(), &limits), Ok(false));

    // Someone who has the newer ones alone.
    let mut eve = document(3);
    newer.iter().for_each(|change| assert_eq!(receive(&mut eve, change), Received::Waiting));
    assert_eq!(eve.merge_snapshot(old, &limits), Ok(true));
    assert_eq!((eve.log().waiting(), eve.digest()), ((0, 0), ann.digest()));
}

/// Acceptance lines 20, 22 and 24.
#[test]
fn what_a_snapshot_changes_is_one_event_about_the_containers_that_changed() {
    let mut ann = document(1);
    write(&mut ann, 0, "text");
    let mut bob = document(2);
    bob.merge_snapshot(ann.snapshot(), &Limits::default()).expect("a snapshot");
    while bob.poll_event().is_some() {}
    for word in ["one", "two"] {
        edit(&mut ann, |txn| txn.list("list").push(&word));
    }
    edit(&mut bob, |txn| txn.counter("counter").add(1));
    while bob.poll_event().is_some() {}
    assert_eq!(bob.merge_snapshot(ann.snapshot(), &Limits::default()), Ok(true));
    let event = bob.poll_event();
    let Some(DocumentEvent::Changed { origin: Origin::Snapshot, change, edits, .. }) = event else {
        panic!("{event:?}")
    };
    assert_eq!(change, OpId::new(ReplicaId::new(1), 4));
    assert!(matches!(&edits[..], [ContainerEdit::List { edits, .. }] if edits.len() == 1), "{edits:?}");
    assert_eq!(bob.poll_event(), None);
}

/// Acceptance line 61.
#[test]
fn three_who_hear_of_each_other_in_part_and_take_in_snapshots_have_the_same_in_the_end() {
    let mut people = [1, 2, 3].map(document);
    let limits = Limits::default();
    write(&mut people[0], 0, "Wow! Greetings");
    for round in 0..6 {
        let (from, to) = (round % 3, (round + 1 + round / 3) % 3);
        let (snapshot, log) = (people[from].snapshot(), people[from].log().iter().collect::<Vec<_>>());
        if round % 2 == 0 {
            people[to].merge_snapshot(snapshot, &limits).expect("a snapshot of this history");
        } else {
            log.iter().take(2).for_each(|change| drop(receive(&mut people[to], change)));
        }
        let len = people[to].text("text").len();
        edit(&mut people[to], |txn| {
            txn.text("text").delete(len / 2, usize::from(len > 0))?;
            txn.text("text").insert(len / 3, "new ")
        });
    }
    for _ in 0..2 {
        let snapshots = people.each_ref().map(Document::snapshot);
        for person in &mut people {
            snapshots.iter().for_each(|snapshot| {
                person.merge_snapshot(snapshot.clone(), &limits).expect("a snapshot of this history");
                person.check().expect("sound inside");
            });
        }
    }
    let [ann, bob, eve] = people.each_ref().map(|person| (text(person), person.digest()));
    assert!(ann == bob && bob == eve && ann.0.contains("new "), "{ann:?} {bob:?} {eve:?}");
}

#[test]
fn what_was_edited_before_a_snapshot_was_taken_in_is_undone_after_it() {
    let (mut ann, mut bob) = (document(1), document(2));
    ann.track_undo(UndoOptions::default());
    write(&mut ann, 0, "mine");
    let change = write(&mut bob, 0, "theirs ");
    ann.merge_snapshot(bob.snapshot(), &Limits::default()).expect("a snapshot of this history");
    assert!(text(&ann).contains("mine") && text(&ann).contains("theirs "));
    ann.undo(Wall::from_millis(2_000)).expect("a small change").expect("something to undo");
    assert_eq!(text(&ann), "theirs ");
    assert_eq!(receive(&mut ann, &change), Received::Duplicate);
}

/// What a snapshot has packed comes as changes, and what is packed here is there still when it is asked for.
#[test]
fn a_snapshot_with_history_that_is_taken_in_brings_its_changes() {
    let limits = Limits::default();
    let (mut ann, mut bob) = (document(1), document(2));
    write(&mut ann, 0, "ann");
    write(&mut bob, 0, "bob");
    let packed = |document: &Document| document.full_snapshot().expect("all history is here");
    let mut merged = Document::from_snapshot(ReplicaId::new(3), packed(&ann), &limits).expect("a snapshot");
    assert_eq!(merged.merge_snapshot(packed(&bob), &limits), Ok(true));
    assert_eq!((merged.log().end(), merged.recall(&limits)), (1, Ok(true)));
    exchange(&mut [&mut ann, &mut bob, &mut merged]);
    assert_eq!(merged.log().end(), 2);

    // Of what is packed here, a snapshot without history leaves what it does not cover.
    let mut merged = Document::from_snapshot(ReplicaId::new(3), packed(&ann), &limits).expect("a snapshot");
    let apart = document_with("eve");
    assert_eq!(merged.merge_snapshot(apart.snapshot(), &limits), Ok(true));
    assert_eq!(merged.log().not_kept(), apart.log().version());
    assert!(merged.log().iter().eq(ann.log().iter()));
}

/// One that somebody else wrote.
fn document_with(words: &str) -> Document {
    let mut document = document(9);
    write(&mut document, 0, words);
    document
}

#[test]
fn a_snapshot_that_is_of_another_history_or_of_too_many_writers_is_not_taken_in() {
    let mut ann = document(1);
    let first = write(&mut ann, 0, "text");
    let before = (ann.snapshot(), ann.log().end());
    // The same numbers for something else.
    let mut other = document(1);
    edit(&mut other, |txn| txn.list("list").extend(&["a", "b", "c", "d"]));
    edit(&mut other, |txn| txn.list("list").push(&"e"));
    let limits = Limits::default();
    assert_eq!(ann.merge_snapshot(other.snapshot(), &limits), Err(SnapshotFault::OtherHistory));
    assert_eq!((ann.snapshot(), ann.log().end()), before);
    assert_eq!(receive(&mut ann, &first), Received::Duplicate);

    let apart = document_with("apart");
    let mut few = limits.clone();
    few.replicas = 1;
    let refused = ann.merge_snapshot(apart.snapshot(), &few);
    assert_eq!(refused, Err(SnapshotFault::TooManyWriters { writers: 2, limit: 1 }));
    let (ours, theirs) = (Epoch::new(1), Epoch::new(2));
    let [mut ann, mut other] = [(ann, ours), (apart, theirs)].map(|(document, epoch)| {
        Document::from_changes(document.replica_id(), Some(epoch), document.log().iter(), &limits)
            .expect("good headers")
    });
    assert_eq!(ann.merge_snapshot(other.snapshot(), &limits), Err(SnapshotFault::Epochs { ours, theirs }));
    other = document(8);
    assert_eq!(other.merge_snapshot(ann.snapshot(), &limits), Ok(true));
    assert_eq!(other.log().epoch(), Some(ours));
}
