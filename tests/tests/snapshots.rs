//! Documents without their history: what a snapshot keeps, and what comes of it.
//!
//! That they go on like those that have it is judged step by step by `convergence.rs`.

use crdt_socket_sync::{
    Change, Document, DocumentEvent, Limits, Replica, ReplicaId, VersionVector, Wall,
    causal::Received,
    document::{BodyFault, SnapshotFault},
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
    let mut without = pruned(&ann, 2);
    assert_eq!(without.log().clock(), ann.log().clock());
    let change = edit(&mut without, |txn| txn.map("map").set("k", &2)).expect("a change");
    receive(&mut ann, &change);
    assert_eq!(ann.map("map").get("k"), Ok(Some(2)));
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
