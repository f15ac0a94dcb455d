//! What a document does, behaviour by behaviour.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Document, DocumentEvent, Epoch, Limits, OpId, Replica, ReplicaId, Wall,
    causal::{Hlc, Received},
    document::{
        Action, BodyFault, ContainerEdit, ContainerId, ContainerKind, EditError, Origin, Place, TextEdit, Transaction,
        Value, ValueError,
    },
    error::ChangeFault,
};
use crdt_socket_sync_tests::scenarios;
use crdt_socket_sync_tests::short::document::{document, edit, exchange, fork, opened, receive, text, write};

/// Acceptance line 15.
#[test]
fn each_change_has_a_later_clock_and_not_before_the_wall() {
    let mut ann = document(1);
    let (first, second) = (write(&mut ann, 0, "a"), write(&mut ann, 1, "b"));
    assert_eq!(first.clock, Hlc::new(1_000, 0));
    assert!(second.clock > first.clock);
}

/// Acceptance line 16.
#[test]
fn a_duplicate_changes_and_reports_nothing_and_one_that_is_early_waits() {
    let (mut ann, mut bob) = (document(1), document(2));
    let (first, second) = (write(&mut ann, 0, "a"), write(&mut ann, 1, "b"));
    assert_eq!(receive(&mut bob, &second), Received::Waiting);
    assert_eq!((text(&bob).as_str(), bob.poll_event()), ("", None));
    receive(&mut bob, &first);
    assert_eq!(text(&bob), "ab");
    while bob.poll_event().is_some() {}
    assert_eq!(receive(&mut bob, &first), Received::Duplicate);
    assert_eq!(bob.poll_event(), None);
}

/// Acceptance line 9.
#[test]
fn characters_outside_the_basic_plane_count_as_one_and_survive() {
    let mut ann = document(1);
    write(&mut ann, 0, "a😀b🎉c");
    edit(&mut ann, |txn| txn.text("text").replace(1, 1, "😃"));
    assert_eq!(text(&ann), "a😃b🎉c");
    assert_eq!(ann.text("text").slice(1, 3).as_deref(), Some("😃b🎉"));
    assert_eq!(ann.text("text").slice(1, 5), None);
    write(&mut ann, 5, "😀 x 𐐷");
    let bob = fork(&ann, 2);
    assert_eq!((text(&bob).as_str(), bob.text("text").len()), ("a😃b🎉c😀 x 𐐷", 10));
}

/// Acceptance line 24.
#[test]
fn a_transaction_is_one_change_and_one_event_and_nested_ones_join_it() {
    let mut ann = document(1);
    let change = edit(&mut ann, |txn| {
        txn.text("text").push_str("one ")?;
        txn.nested(|txn| txn.nested(|txn| txn.text("text").push_str("two ")))?;
        txn.text("text").push_str("three")
    });
    let change = change.expect("a change");
    assert_eq!((ann.log().end(), change.len), (1, 13));
    let Some(DocumentEvent::Changed { origin: Origin::Local, change: id, edits, .. }) = ann.poll_event() else {
        panic!("one event");
    };
    let typed = TextEdit { at: 0, removed: 0, inserted: "one two three".into() };
    assert_eq!(id, change.id());
    let id = ContainerId::root(ContainerKind::Text, "text");
    assert_eq!(edits, [ContainerEdit::Text { id, edits: vec![typed] }]);
    assert_eq!(ann.poll_event(), None);
    assert_eq!(opened(&ann, &change).0.list.len(), 1);
}

/// Acceptance lines 25, 26, 27, 30, 137.
#[test]
fn edits_of_one_transaction_build_on_each_other_and_replay_alike_elsewhere() {
    type Patch = (usize, usize, &'static str);
    let cases: [(&[Patch], &str); 6] = [
        (&[(0, 0, "Hello"), (5, 0, " World"), (6, 5, ""), (6, 0, "Dart!")], "Hello Dart!"),
        (&[(0, 0, "Hello Flutter"), (5, 0, " World Dart")], "Hello World Dart Flutter"),
        (&[(0, 0, "Hello Flutter"), (5, 8, "")], "Hello"),
        (&[(0, 0, "Hello World"), (5, 1, ""), (5, 5, "")], "Hello"),
        (&[(0, 0, "Hello World"), (10, 1, ""), (9, 1, ""), (8, 1, "")], "Hello Wo"),
        (&[(0, 0, "abcde"), (5, 0, "x"), (0, 0, "y")], "yabcdex"),
    ];
    for (patches, expected) in cases {
        let mut ann = document(1);
        let change = edit(&mut ann, |txn| {
            patches.iter().try_for_each(|(at, removed, inserted)| txn.text("text").replace(*at, *removed, inserted))
        });
        let mut bob = document(2);
        receive(&mut bob, &change.expect("one change"));
        assert_eq!((text(&ann).as_str(), text(&bob).as_str()), (expected, expected));
        assert_eq!(ann.digest(), bob.digest());
    }
}

/// Acceptance line 29.
#[test]
fn of_several_writes_to_one_key_in_one_transaction_the_last_counts() {
    type Edits = fn(&mut Transaction<'_>) -> Result<(), EditError>;
    let cases: [(Edits, Option<u8>); 5] = [
        (|txn| txn.map("map").set("k", &1).and_then(|()| txn.map("map").set("k", &2)), Some(2)),
        (|txn| txn.map("map").set("k", &1).and_then(|()| txn.map::<u8>("map").delete("k")), None),
        (|txn| txn.map::<u8>("map").delete("k").and_then(|()| txn.map::<u8>("map").delete("k")), None),
        (|txn| txn.map::<u8>("map").delete("k").and_then(|()| txn.map("map").set("k", &3)), Some(3)),
        (|txn| txn.map("map").set("k", &4).and_then(|()| txn.map("map").set("other", &5)), Some(4)),
    ];
    for (edits, expected) in cases {
        let mut ann = document(1);
        edit(&mut ann, |txn| txn.map("map").set("k", &0));
        edit(&mut ann, edits).expect("one change");
        let bob = fork(&ann, 2);
        assert_eq!(ann.map("map").get("k"), Ok(expected));
        assert_eq!(bob.map("map").get("k"), Ok(expected));
    }
    let mut ann = document(1);
    let change = edit(&mut ann, |txn| (1..=3).try_for_each(|value| txn.register("register").set(&value)));
    assert_eq!((change.map(|change| change.len), ann.register("register").get()), (Some(3), Ok(Some(3))));
}

/// Acceptance line 31.
#[test]
fn an_error_or_a_panic_inside_a_transaction_leaves_no_trace() {
    let mut ann = document(1);
    write(&mut ann, 0, "Hello");
    while ann.poll_event().is_some() {}
    let (digest, end) = (ann.digest(), ann.log().end());
    let mut twin = ann.clone();
    let spoil = |txn: &mut Transaction<'_>| {
        txn.text("text").replace(1, 3, "😀")?;
        txn.text("new").push_str("new")?;
        txn.map("map").set("k", &1)?;
        txn.register("register").set(&1)
    };
    let failed = ann.edit(Wall::from_millis(2_000), |txn| {
        spoil(txn)?;
        txn.text("text").delete(0, 100)
    });
    assert_eq!(failed.expect_err("refused"), EditError::PositionOutOfRange { at: 100, len: 3 });
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        ann.edit::<(), EditError>(Wall::from_millis(2_000), |txn| {
            spoil(txn)?;
            panic!("in the application");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!((ann.digest(), ann.log().end(), ann.poll_event()), (digest, end, None));
    ann.check().expect("sound inside");
    assert_eq!(write(&mut ann, 5, "!"), write(&mut twin, 5, "!"));
}

#[test]
fn an_error_in_a_nested_transaction_undoes_that_one_alone() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        txn.text("text").push_str("ab")?;
        txn.text("text").delete(0, 1)?;
        let failed = txn.nested(|txn| {
            txn.text("text").delete(0, 1)?;
            txn.text("other").push_str("x")?;
            txn.text("text").insert(9, "far")
        });
        assert_eq!(failed, Err(EditError::PositionOutOfRange { at: 9, len: 0 }));
        txn.text("text").push_str("c")
    });
    assert_eq!(text(&ann), "bc");
    assert_eq!(ann.containers().count(), 1);
    assert_eq!(fork(&ann, 2).digest(), ann.digest());
}

#[test]
fn nothing_edited_is_no_change() {
    let mut ann = document(1);
    let nothing = edit(&mut ann, |txn| {
        txn.text("text").push_str("")?;
        txn.text("text").delete(0, 0)?;
        txn.map::<u8>("map").delete("absent")?;
        txn.register::<u8>("register").clear()
    });
    assert_eq!((nothing, ann.log().end(), ann.containers().count()), (None, 0, 0));
}

#[test]
fn a_change_that_would_be_too_large_is_refused_when_it_is_made() {
    let mut ann = document(1);
    ann.set_change_limit(200);
    let refused = ann.edit(Wall::from_millis(1), |txn| txn.text("text").push_str(&"x".repeat(200)));
    assert!(matches!(refused, Err(EditError::ChangeTooLarge { bytes: 201.., limit: 200 })), "{refused:?}");
    assert_eq!((text(&ann).as_str(), ann.log().end(), ann.poll_event()), ("", 0, None));
    assert!(write(&mut ann, 0, &"x".repeat(100)).encode().len() <= 200);
}

/// Acceptance line 32.
#[test]
fn a_register_is_unset_at_first_and_concurrent_writes_converge_on_the_later_clock_then_the_greater_replica() {
    let (mut ann, mut bob) = (document(1), document(2));
    assert_eq!(ann.register::<u8>("register").get(), Ok(None));
    edit(&mut ann, |txn| txn.register("register").set(&9));
    edit(&mut ann, |txn| txn.register("register").set(&1));
    edit(&mut bob, |txn| txn.register("register").set(&2));
    exchange(&mut [&mut ann, &mut bob]);
    // Ann's second change has a later clock.
    assert_eq!(bob.register("register").get(), Ok(Some(1)));
    edit(&mut ann, |txn| txn.register("register").set(&3));
    edit(&mut bob, |txn| txn.register("register").set(&4));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(ann.register("register").get(), Ok(Some(4)));
    edit(&mut ann, |txn| txn.register::<u8>("register").clear());
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(bob.register::<u8>("register").get(), Ok(None));
}

/// Acceptance line 8: of writes by clock and then replica, and of ids, which are a replica and a number.
#[test]
fn of_two_writes_the_later_clock_counts_and_between_equal_ones_the_greater_replica_in_any_order_of_arrival() {
    for (walls, expected) in [([1, 2], 2), ([2, 1], 1), ([5, 5], 2)] {
        let write = |replica, wall| {
            let edit = |txn: &mut Transaction<'_>| {
                txn.map("map").set("k", &replica)?;
                txn.register("register").set(&replica)
            };
            document(replica).edit(Wall::from_millis(wall), edit).expect("a good edit").change.expect("a change")
        };
        let changes = [write(1, walls[0]), write(2, walls[1])];
        for order in [[0, 1], [1, 0]] {
            let mut reader = document(3);
            order.iter().for_each(|index| drop(receive(&mut reader, &changes[*index])));
            assert_eq!(reader.map("map").get("k"), Ok(Some(expected)));
            assert_eq!(reader.register("register").get(), Ok(Some(expected)));
        }
    }
    let op = |replica, seq| OpId::new(ReplicaId::new(replica), seq);
    let mut ids = [op(2, 0), op(1, 5), op(2, 0), op(1, 0)];
    ids.sort_unstable();
    assert_eq!(ids, [op(1, 0), op(1, 5), op(2, 0), op(2, 0)]);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3, "equal ones have one hash");
}

/// Acceptance lines 34, 35.
#[test]
fn concurrent_writes_to_different_keys_are_all_kept_and_to_one_key_the_last() {
    let mut ann = document(1);
    edit(&mut ann, |txn| ["a", "b", "c"].iter().try_for_each(|key| txn.map("map").set(key, &key.to_string())));
    let mut bob = fork(&ann, 2);
    edit(&mut ann, |txn| txn.map::<String>("map").delete("a"));
    edit(&mut bob, |txn| txn.map::<String>("map").delete("c"));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(ann.map::<String>("map").keys().collect::<Vec<_>>(), ["b"]);

    edit(&mut ann, |txn| txn.map::<String>("map").delete("b"));
    bob.edit(Wall::from_millis(5_000), |txn| txn.map("map").set("b", &"Hi".to_owned()))
        .map_err(|fault: EditError| fault)
        .expect("a good edit");
    edit(&mut bob, |txn| txn.map("map").set("d", &"new".to_owned()));
    exchange(&mut [&mut ann, &mut bob]);
    let entries: Vec<_> = ann.map::<String>("map").iter().map(|(key, value)| (key, value.expect("a text"))).collect();
    assert_eq!(entries, [("b", "Hi".to_owned()), ("d", "new".to_owned())]);
}

#[test]
fn a_value_of_another_type_or_of_garbage_is_an_error_for_the_reader_alone() {
    let (mut ann, mut bob) = (document(1), document(2));
    edit(&mut ann, |txn| txn.map("map").set("k", &"text"));
    assert!(matches!(ann.map::<u64>("map").get("k"), Err(ValueError::Mismatch(_))));
    let mut change = edit(&mut ann, |txn| txn.map("map").set("k", &1)).expect("a change");
    let (mut operations, mut dictionary) = opened(&ann, &change);
    operations.list[0].action = Action::Map { key: "k".into(), value: Some(Value::Plain(vec![0x81; 100_000].into())) };
    change.body = operations.encode(change.replica, &mut dictionary);
    receive(&mut bob, &ann.log().iter().next().expect("the first"));
    receive(&mut bob, &change);
    assert!(matches!(bob.map::<Vec<u64>>("map").get("k"), Err(ValueError::Mismatch(_))));
    assert_eq!(bob.map::<()>("map").len(), 1);
}

/// Acceptance line 23: nothing is registered. What changes write to is there, and its kind is part of what it is.
#[test]
fn two_kinds_of_one_name_are_two_containers() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        txn.text("x").push_str("text")?;
        txn.map("x").set("k", &1)?;
        txn.register("x").set(&2)
    });
    let kinds = [ContainerKind::Text, ContainerKind::Map, ContainerKind::Register];
    assert!(ann.containers().eq(&kinds.map(|kind| ContainerId::root(kind, "x"))));
    let bob = fork(&ann, 2);
    assert_eq!(bob.digest(), ann.digest());
    assert_eq!((bob.text("x").to_string(), bob.map("x").get("k"), bob.register("x").get()), {
        ("text".into(), Ok(Some(1)), Ok(Some(2)))
    });
    assert!(bob.text("y").is_empty() && bob.map::<u8>("y").is_empty() && bob.register::<u8>("y").get() == Ok(None));
    assert_eq!(bob.containers().count(), 3, "reading makes nothing");
}

/// Acceptance line 57.
#[test]
fn a_replica_that_continues_from_its_changes_numbers_on() {
    let mut ann = document(1);
    write(&mut ann, 0, "abcdefghij");
    edit(&mut ann, |txn| txn.text("text").delete(5, 5));
    let mut bob = fork(&ann, 2);
    let changes = ann.log().iter();
    let epoch = Some(Epoch::new(7));
    let mut again = Document::from_changes(ReplicaId::new(1), epoch, changes, &Limits::default()).expect("its own log");
    assert_eq!((again.log().epoch(), again.poll_event()), (epoch, None));
    let change = write(&mut again, 5, "XY");
    assert_eq!(change.seq, ann.log().version().next(ReplicaId::new(1)));
    receive(&mut bob, &change);
    assert_eq!((text(&again).as_str(), text(&bob).as_str()), ("abcdeXY", "abcdeXY"));
}

/// Acceptance line 20: in changes, however they come.
#[test]
fn an_edit_and_its_receipt_report_the_same_and_what_changes_nothing_is_not_reported() {
    let (mut ann, mut bob) = (document(1), document(2));
    let changes = [
        write(&mut ann, 0, "Hello World"),
        edit(&mut ann, |txn| txn.text("text").replace(0, 5, "Bye")).expect("a change"),
        edit(&mut ann, |txn| txn.map("map").set("k", &1)).expect("a change"),
        edit(&mut ann, |txn| txn.map("map").set("k", &1)).expect("a change that changes nothing"),
        edit(&mut ann, |txn| txn.register("register").set(&1)).expect("a change"),
    ];
    changes.iter().for_each(|change| drop(receive(&mut bob, change)));
    for _ in 0..4 {
        let (Some(DocumentEvent::Changed { edits: ours, .. }), Some(DocumentEvent::Changed { origin, edits, .. })) =
            (ann.poll_event(), bob.poll_event())
        else {
            panic!("an event each");
        };
        assert_eq!((origin, edits), (Origin::Remote, ours));
    }
    assert_eq!((ann.poll_event(), bob.poll_event()), (None, None));
}

/// Acceptance line 22: there are no revisions to compare; a view of a container follows the events that name it.
#[test]
fn an_event_names_the_containers_that_changed_here_or_there_and_no_others() {
    let (mut ann, mut bob) = (document(1), document(2));
    type Edits = fn(&mut Transaction<'_>) -> Result<(), EditError>;
    let edits: [(Edits, &[&str]); 4] = [
        (|txn| txn.text("text").push_str("a"), &["text"]),
        (|txn| txn.map("map").set("k", &1), &["map"]),
        (|txn| txn.register("register").set(&1).and_then(|()| txn.text("other").push_str("b")), &["register", "other"]),
        (|txn| txn.map("map").set("k", &2).and_then(|()| txn.map("map").set("k", &1)), &[]),
    ];
    for (edits, expected) in edits {
        let change = edit(&mut ann, edits).expect("a change");
        receive(&mut bob, &change);
        for document in [&mut ann, &mut bob] {
            let edits: Vec<_> = match document.poll_event() {
                Some(DocumentEvent::Changed { edits, .. }) => edits,
                other => other.into_iter().map(|event| panic!("{event:?}")).collect(),
            };
            let names = edits.iter().map(|edit| match &edit.id().place {
                Place::Root(name) => &**name,
                _ => "nested",
            });
            assert_eq!(names.collect::<Vec<_>>(), expected);
            assert_eq!(document.poll_event(), None);
        }
    }
}

/// Acceptance line 6.
#[test]
fn a_body_cut_short_or_with_something_after_it_is_a_reported_no_op() {
    let mut ann = document(1);
    let base = write(&mut ann, 0, "base");
    let mut bob = fork(&ann, 2);
    let whole = edit(&mut bob, |txn| {
        txn.text("text").replace(1, 2, "😀")?;
        txn.map("map").set("k", &"v")?;
        txn.register("register").set(&1)
    });
    let whole = whole.expect("a change");
    let cut = (0..whole.body.len()).map(|len| whole.body.slice(..len));
    let longer = Bytes::from([&whole.body[..], b"\0"].concat());
    for body in cut.chain([longer]) {
        let change = Change { body, ..whole.clone() };
        let mut eve = document(3);
        receive(&mut eve, &base);
        let digest = eve.digest();
        eve.poll_event();
        receive(&mut eve, &change);
        let event = eve.poll_event();
        let Some(DocumentEvent::Unreadable { change: id, why: BodyFault::Malformed(_) | BodyFault::Length { .. } }) =
            event
        else {
            panic!("{event:?}");
        };
        assert_eq!((id, eve.digest(), eve.log().end()), (change.id(), digest, 2));
    }
}

/// Acceptance line 56: neither what is there nor what was deleted can be said again.
#[test]
fn an_operation_whose_number_is_taken_is_refused_and_the_document_stays_as_it_is() {
    let mut ann = document(1);
    let typed = write(&mut ann, 0, "AB");
    let mut bob = fork(&ann, 2);
    edit(&mut bob, |txn| txn.text("text").replace(0, 1, "X"));
    exchange(&mut [&mut ann, &mut bob]);
    while bob.poll_event().is_some() {}
    let (digest, end) = (bob.digest(), bob.log().end());
    let mut again = typed.clone();
    again.body = write(&mut document(1), 0, "CD").body;
    let mut inside = again.clone();
    (inside.seq, inside.len) = (1, 1);
    for change in [again, inside] {
        let refused = bob.receive(change.clone(), &Limits::default());
        assert_eq!(refused, Err(ChangeFault::Contradiction { id: change.id() }));
        assert_eq!((text(&bob).as_str(), bob.digest(), bob.log().end(), bob.poll_event()), ("XB", digest, end, None));
        bob.check().expect("sound inside");
    }
    assert_eq!(receive(&mut bob, &typed), Received::Duplicate);
}

#[test]
fn a_reference_that_its_maker_had_not_seen_is_refused_also_where_it_could_be_followed() {
    let (mut ann, mut bob, mut eve) = (document(1), document(2), document(3));
    let (seen, unseen) = (write(&mut ann, 0, "a"), write(&mut ann, 1, "b"));
    receive(&mut bob, &seen);
    let mut change = write(&mut bob, 1, "x");
    let (mut operations, mut dictionary) = opened(&bob, &change);
    let op = OpId::new(ReplicaId::new(1), 1);
    operations.list[0].action = Action::Insert { left: Some(op), right: None, text: "x".into() };
    change.body = operations.encode(change.replica, &mut dictionary);
    for first in [[&seen, &unseen, &change], [&seen, &change, &unseen]] {
        let mut reader = document(4);
        first.into_iter().for_each(|change| drop(receive(&mut reader, change)));
        assert_eq!(text(&reader), "ab");
        let reported: Vec<_> = std::iter::from_fn(|| reader.poll_event()).collect();
        assert!(reported.contains(&DocumentEvent::Unreadable { change: change.id(), why: BodyFault::Unseen { op } }));
    }
    // What builds on it cannot be read either, and that too everywhere.
    [&seen, &change].into_iter().for_each(|change| drop(receive(&mut eve, change)));
    assert_eq!(text(&eve), "a");
}

#[test]
fn a_header_that_says_another_length_than_the_body_makes_it_a_no_op() {
    scenarios::a_header_that_says_another_length_than_the_body_makes_it_a_no_op();
}

#[test]
fn a_clock_at_its_very_end_makes_editing_an_error_and_not_a_panic() {
    let mut ann = document(1);
    let (replica, body) = (ReplicaId::new(2), Bytes::new());
    let change = Change { replica, seq: 0, len: 1, clock: Hlc::from_bits(u64::MAX), deps: Default::default(), body };
    receive(&mut ann, &change);
    let refused = ann.edit(Wall::from_millis(1), |txn| txn.text("text").push_str("x"));
    assert_eq!(refused.expect_err("refused"), EditError::Exhausted);
}

#[test]
fn numbers_at_their_very_end_make_editing_an_error_and_not_a_panic() {
    let mut ann = document(1);
    let (replica, body) = (ReplicaId::new(1), Bytes::new());
    let change = Change { replica, seq: 0, len: (1 << 63) - 2, clock: Hlc::new(1, 0), deps: Default::default(), body };
    receive(&mut ann, &change);
    let refused = ann.edit(Wall::from_millis(1), |txn| txn.text("text").push_str("xyz"));
    assert_eq!(refused.expect_err("refused"), EditError::Exhausted);
    write(&mut ann, 0, "xy");
    assert_eq!(
        ann.edit(Wall::from_millis(1), |txn| txn.text("text").delete(0, 1)).expect_err("refused"),
        EditError::Exhausted
    );
    assert_eq!(text(&ann), "xy");
    ann.check().expect("sound inside");
}

#[test]
fn a_document_that_is_told_not_to_report_shows_the_same_and_says_only_what_it_cannot_read() {
    let (mut ann, mut bob) = (document(1), document(2));
    bob.set_reporting(false);
    let mut made = vec![write(&mut ann, 0, "one"), write(&mut ann, 3, " two")];
    made.extend(edit(&mut ann, |txn| txn.text("text").delete(0, 1)));
    made.iter().for_each(|change| drop(receive(&mut bob, change)));
    edit(&mut bob, |txn| txn.text("text").insert(0, "T"));
    assert_eq!((text(&bob).as_str(), bob.poll_event()), ("Tne two", None));

    let id = OpId::new(ReplicaId::new(3), 0);
    let unreadable = Change {
        replica: id.replica,
        seq: 0,
        len: 1,
        clock: Hlc::new(9, 0),
        deps: Default::default(),
        body: "?".into(),
    };
    receive(&mut bob, &unreadable);
    assert!(matches!(bob.poll_event(), Some(DocumentEvent::Unreadable { change, .. }) if change == id));

    bob.set_reporting(true);
    edit(&mut bob, |txn| txn.text("text").insert(0, "!"));
    assert!(matches!(bob.poll_event(), Some(DocumentEvent::Changed { origin: Origin::Local, .. })));
}
