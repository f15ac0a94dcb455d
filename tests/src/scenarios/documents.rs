//! What a document promises.

use std::sync::Arc;

use bytes::Bytes;

use crate::short::document::{document, edit, exchange, fork, receive, write};
use crdt_socket_sync::{
    Change, Document, DocumentEvent, Wall,
    document::{
        Action, BodyFault, ContainerId, ContainerKind, Dictionary, EditError, MovableListMut, Operation, Operations,
        Place, Slot, Transaction, Value,
    },
};

/// A document that has these changes.
fn of(replica: u64, changes: &[&Change]) -> Document {
    let mut document = document(replica);
    changes.iter().for_each(|change| drop(receive(&mut document, change)));
    document
}

/// What a header says of the body holds, or the body counts for nothing.
pub fn a_header_that_says_another_length_than_the_body_makes_it_a_no_op() {
    let mut ann = document(1);
    let mut change = write(&mut ann, 0, "abc");
    change.len = 4;
    let mut bob = document(2);
    receive(&mut bob, &change);
    let why = BodyFault::Length { says: 4, holds: 3 };
    assert_eq!(bob.poll_event(), Some(DocumentEvent::Unreadable { change: change.id(), why }));
    assert_eq!(bob.containers().count(), 0);
}

/// Two letters of one writer that stand side by side are not one run if what was to their right differs: what others put
/// between them goes by that.
pub fn letters_side_by_side_that_had_different_neighbours_stay_two_runs() {
    for (ann, bob, eve) in [(1, 2, 3), (2, 3, 1), (1, 3, 2)] {
        let base = write(&mut document(9), 0, "AB");
        let (mut ann, mut bob) = (of(ann, &[&base]), of(bob, &[&base]));
        let first = write(&mut ann, 1, "p");
        let other = write(&mut bob, 1, "y");
        let mut eve = of(eve, &[&base, &first]);
        let late = write(&mut eve, 2, "z");
        receive(&mut ann, &other);
        let second = write(&mut ann, 2, "q");
        let orders = [[&other, &second, &late], [&other, &late, &second], [&late, &other, &second]];
        let shown = orders.map(|order| {
            let mut reader = of(8, &[&base, &first]);
            order.iter().for_each(|change| drop(receive(&mut reader, change)));
            reader.text("text").to_string()
        });
        assert!(shown.iter().all(|text| *text == shown[0]), "{shown:?}");
    }
}

/// What two writers write one behind the other is not one run, wherever it lies in the memory of those who read it.
pub fn what_two_write_one_behind_the_other_is_two_runs_however_long_they_are() {
    for len in (1..20).chain([63, 64]) {
        let (mut ann, mut bob) = (document(1), document(2));
        let first = write(&mut bob, 0, &"b".repeat(len));
        receive(&mut ann, &first);
        let second = write(&mut ann, len, &"a".repeat(len));
        receive(&mut bob, &second);
        let third = write(&mut bob, 2 * len, "x");
        let reader = of(3, &[&first, &second, &third]);
        assert_eq!(reader.check(), Ok(()));
        assert_eq!(reader.text("text").to_string(), bob.text("text").to_string());
    }
}

/// A run that is split keeps, in both its parts, what was to its right: what others put between them goes by that.
pub fn both_parts_of_a_split_run_have_the_same_right_neighbour() {
    for (ann, eve) in [(1, 2), (2, 1)] {
        let base = write(&mut document(9), 0, "Z");
        let mut ann = of(ann, &[&base]);
        let first = write(&mut ann, 0, "ab");
        let mut eve = of(eve, &[&base, &first]);
        let late = write(&mut eve, 2, "y");
        let second = write(&mut ann, 2, "cd");
        let middle = write(&mut of(5, &[&base, &first, &second]), 2, "x");
        let orders = [[&second, &middle, &late], [&second, &late, &middle], [&late, &second, &middle]];
        let shown = orders.map(|order| {
            let mut reader = of(8, &[&base, &first]);
            order.iter().for_each(|change| drop(receive(&mut reader, change)));
            reader.text("text").to_string()
        });
        assert!(shown.iter().all(|text| *text == shown[0]), "{shown:?}");
    }
}
/// Two who do not know of each other make a text at the same key, in a map and in an or-map: it is one text.
pub fn two_who_make_a_container_at_once_make_one_and_what_both_write_is_kept() {
    let make = |word: &'static str| {
        move |txn: &mut Transaction<'_>| {
            txn.map::<u8>("map").text("k")?.push_str(word)?;
            txn.or_map::<u8>("or-map").text("k")?.push_str(word)?;
            txn.map::<u8>("map").map::<u8>("m")?.counter("k")?.add(1)
        }
    };
    let mut base = document(9);
    // Neither at the beginning nor after something else was there.
    for round in 0..2 {
        let (mut ann, mut bob) = (fork(&base, 1 + 2 * round), fork(&base, 2 + 2 * round));
        edit(&mut ann, make("ann"));
        edit(&mut bob, make("bob"));
        exchange(&mut [&mut ann, &mut bob]);
        let texts = [ann.map::<u8>("map").text("k"), bob.or_map::<u8>("or-map").text("k")];
        for text in texts.map(|text| text.expect("a text").to_string()) {
            assert!(["annbob", "bobann"].contains(&text.as_str()), "{text}");
        }
        let counter = bob.map::<u8>("map").map::<u8>("m").and_then(|map| Some(map.counter("k")?.value()));
        assert_eq!(counter, Some(2));
        exchange(&mut [&mut base, &mut ann]);
        edit(&mut base, |txn| {
            txn.map::<u8>("map").delete("k")?;
            txn.map::<u8>("map").set("m", &1)?;
            txn.or_map::<u8>("or-map").remove("k")
        });
    }
}

/// What was in a container that was deleted, or given up for something else, is not in the next one at its place.
pub fn a_container_that_is_made_again_is_another_one() {
    let mut ann = document(1);
    let write = |txn: &mut Transaction<'_>| {
        txn.map::<u8>("map").text("k")?.push_str("new")?;
        txn.or_map::<u8>("or-map").text("k")?.push_str("new")
    };
    type Ending = fn(&mut Transaction<'_>) -> Result<(), EditError>;
    let endings: [Ending; 3] = [
        |txn| txn.map::<u8>("map").delete("k").and_then(|()| txn.or_map::<u8>("or-map").remove("k")),
        |txn| txn.map("map").set("k", &1).and_then(|()| txn.or_map("or-map").put("k", &1)),
        |txn| {
            txn.map::<u8>("map").counter("k")?.add(1)?;
            txn.or_map::<u8>("or-map").counter("k")?.add(1)
        },
    ];
    for ending in endings {
        edit(&mut ann, write);
        for document in [&ann, &fork(&ann, 2)] {
            assert_eq!(document.map::<u8>("map").text("k").expect("a text"), "new");
            assert_eq!(document.or_map::<u8>("or-map").text("k").expect("a text"), "new");
        }
        edit(&mut ann, ending);
    }
}

/// Who nests deeper is refused, and so is a change that does, whether it begins there or goes on.
pub fn containers_are_nested_only_so_deep() {
    let mut ann = document(1);
    let mut at = ContainerId::root(ContainerKind::Map, "map");
    let deeper = |at: &ContainerId| {
        let slot = Slot { parent: at.clone(), key: "k".into(), over: None };
        ContainerId { place: Place::Key(Arc::new(slot)), kind: ContainerKind::Map }
    };
    for _ in 0..64 {
        edit(&mut ann, |txn| txn.map_of::<u8>(&at)?.map::<u8>("k").map(drop));
        at = deeper(&at);
    }
    let (digest, next) = (ann.digest(), ann.log().version().next(ann.replica_id()));
    let refused = ann.edit(Wall::from_millis(1), |txn| txn.map_of::<u8>(&at)?.map::<u8>("k").map(drop));
    assert_eq!(refused.map(|edited| edited.change), Err(EditError::TooDeep { limit: 64 }));
    assert_eq!((ann.digest(), ann.path(&at).map(|path| path.len())), (digest, Some(65)));

    let child = Value::Child { kind: ContainerKind::Map, over: None };
    let nest = Action::Map { key: "k".into(), value: Some(child) };
    let set = Action::Map { key: "k".into(), value: None };
    for (container, action) in [(at.clone(), nest), (deeper(&at), set)] {
        let mut change = edit(&mut document(2), |txn| txn.map("map").set("k", &1)).expect("a change");
        let operations = Operations { list: vec![Operation { seq: 0, container, action }] };
        change.body = operations.encode(change.replica, &mut Dictionary::default());
        let mut bob = fork(&ann, 3);
        receive(&mut bob, &change);
        let event = bob.poll_event();
        assert!(matches!(event, Some(DocumentEvent::Unreadable { why: BodyFault::Malformed(_), .. })), "{event:?}");
        assert_eq!(bob.digest(), digest);
    }
    assert_eq!(write(&mut ann, 0, "x").seq, next);
}

type Edits = fn(&mut MovableListMut<'_, &str>) -> Result<(), EditError>;

/// What `[milk, plants, joe]` is after two have edited it at once, at these times by their clocks, in either order of arrival.
fn errands(edits: [Edits; 2], walls: [u64; 2]) -> Vec<String> {
    let mut base = document(9);
    edit(&mut base, |txn| txn.movable_list("list").extend(&["milk", "plants", "joe"]));
    let made = [0, 1].map(|who| {
        let mut document = fork(&base, 1 + who as u64);
        let wall = Wall::from_millis(2_000 + walls[who]);
        let edited = document.edit::<_, EditError>(wall, |txn| edits[who](&mut txn.movable_list("list")));
        edited.expect("a good edit").change.expect("a change")
    });
    let shown = [[0, 1], [1, 0]].map(|order| {
        let mut reader = fork(&base, 3);
        order.iter().for_each(|who| drop(receive(&mut reader, &made[*who])));
        reader.movable_list::<String>("list").to_vec().expect("words")
    });
    assert_eq!(shown[0], shown[1]);
    shown[0].clone()
}

/// Of two moves the later one by the clocks counts, and of two of one clock the greater replica's.
pub fn an_element_that_two_move_at_once_is_where_the_later_one_moved_it_in_any_order_of_arrival() {
    let moves: [Edits; 2] = [|list| list.move_to(2, 0), |list| list.move_to(2, 1)];
    assert_eq!(errands(moves, [2, 1]), ["joe", "milk", "plants"]);
    assert_eq!(errands(moves, [1, 2]), ["milk", "joe", "plants"]);
    assert_eq!(errands(moves, [1, 1]), ["milk", "joe", "plants"]);
}

/// The same for values.
pub fn an_element_that_two_set_at_once_has_the_later_value_in_any_order_of_arrival() {
    let values: [Edits; 2] = [|list| list.set(2, &"ann"), |list| list.set(2, &"bob")];
    assert_eq!(errands(values, [2, 1]), ["milk", "plants", "ann"]);
    assert_eq!(errands(values, [1, 2]), ["milk", "plants", "bob"]);
    assert_eq!(errands(values, [1, 1]), ["milk", "plants", "bob"]);
}

/// Whatever the clocks say.
pub fn a_deletion_wins_over_moves_and_values_in_any_order_of_arrival() {
    let others: [Edits; 3] = [
        |list| list.move_to(1, 0),
        |list| list.set(1, &"flowers"),
        |list| list.set(1, &"flowers").and_then(|()| list.move_to(1, 2)).and_then(|()| list.move_to(2, 0)),
    ];
    for other in others {
        for walls in [[1, 2], [2, 1], [1, 1]] {
            assert_eq!(errands([|list| list.delete(1, 1), other], walls), ["milk", "joe"]);
        }
    }
}

/// Elements are named by who inserted them: who moves, sets or deletes the place of a move instead changes nothing.
pub fn a_place_of_an_element_is_no_element() {
    let mut ann = document(1);
    edit(&mut ann, |txn| txn.movable_list("list").extend(&[1, 2]));
    let moved = edit(&mut ann, |txn| txn.movable_list::<u8>("list").move_to(0, 1)).expect("a change");
    let (place, digest) = (moved.id(), ann.digest());
    let wrong = [
        Action::Move { element: place, left: None, right: None },
        Action::SetElement { element: place, value: Bytes::from_static(b"\x01") },
        Action::Delete { first: place, count: 1 },
    ];
    for action in wrong {
        let mut bob = fork(&ann, 2);
        let mut change = edit(&mut bob, |txn| txn.map("map").set("k", &1)).expect("a change");
        let container = ContainerId::root(ContainerKind::MovableList, "list");
        let operations = Operations { list: vec![Operation { seq: change.seq, container, action }] };
        change.body = operations.encode(change.replica, &mut Dictionary::default());
        let mut reader = fork(&ann, 3);
        receive(&mut reader, &change);
        let event = reader.poll_event();
        assert!(matches!(event, Some(DocumentEvent::Unreadable { why: BodyFault::Missing { .. }, .. })), "{event:?}");
        assert_eq!(reader.digest(), digest);
    }
}

/// As many, and in another order, too.
pub fn lists_of_other_values_have_another_digest() {
    let lists: [&[u8]; 4] = [&[1, 2], &[2, 1], &[1, 3], &[1]];
    let digests = lists.map(|values| {
        let (mut list, mut movable) = (document(1), document(1));
        edit(&mut list, |txn| txn.list("list").extend(values));
        edit(&mut movable, |txn| txn.movable_list("list").extend(values));
        [list.digest(), movable.digest()]
    });
    let all: std::collections::BTreeSet<_> = digests.as_flattened().iter().collect();
    assert_eq!(all.len(), 8);
}

/// Neither of what was done to each of them, nor of what was done first.
pub fn of_a_transaction_that_fails_nothing_is_left_in_any_kind_of_container() {
    let mut ann = document(1);
    let edits = |txn: &mut Transaction<'_>| {
        txn.text("text").insert(0, "ab")?;
        txn.text("text").delete(1, 1)?;
        txn.list("list").insert(0, &1)?;
        txn.list::<u8>("list").delete(0, 1)?;
        txn.movable_list("movable").insert_all(0, &[1, 2])?;
        txn.movable_list::<u8>("movable").move_to(0, 1)?;
        txn.movable_list("movable").set(0, &3)?;
        txn.map("map").set("key", &1)?;
        txn.register("register").set(&1)?;
        txn.counter("counter").add(2)?;
        txn.or_set("set").add(&1)?;
        txn.or_map("or-map").put("key", &1)
    };
    edit(&mut ann, edits);
    let (shown, next) = (ann.digest(), edit(&mut fork(&ann, 1), edits));
    let failed = ann.edit(Wall::from_millis(1_000), |txn| {
        edits(txn)?;
        txn.or_set("set").remove(&1)?;
        txn.text("text").insert(99, "past the end")
    });
    assert!(failed.is_err());
    ann.check().expect("sound inside");
    assert_eq!((ann.digest(), edit(&mut ann, edits)), (shown, next));
}
