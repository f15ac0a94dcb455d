//! Counters, or-sets, or-maps, and containers in containers, behaviour by behaviour.

use std::sync::Arc;

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Document, DocumentEvent, ReplicaId, Wall,
    document::{
        Action, BodyFault, ContainerEdit, ContainerId, ContainerKind, Dictionary, EditError, Held, Operation,
        Operations, PathStep, Place, Slot, TextEdit, Transaction, Value, ValueError,
    },
};
use crdt_socket_sync_tests::{
    scenarios,
    short::document::{document, edit, exchange, fork, receive},
};

/// The elements of the or-set.
fn elements(document: &Document) -> Vec<u8> {
    document.or_set::<u8>("set").iter().map(|element| element.expect("a small number")).collect()
}

fn put(document: &mut Document, wall: u64, key: &str, value: u64) -> Change {
    let edited = document.edit::<_, EditError>(Wall::from_millis(wall), |txn| txn.or_map("or-map").put(key, &value));
    edited.expect("a good edit").change.expect("a change")
}

fn value(document: &Document, key: &str) -> Option<u64> {
    document.or_map("or-map").get(key).expect("a number")
}

#[test]
fn all_that_is_added_to_a_counter_counts() {
    let mut ann = document(1);
    edit(&mut ann, |txn| txn.counter("counter").add(5));
    let mut bob = fork(&ann, 2);
    edit(&mut ann, |txn| txn.counter("counter").add(2));
    edit(&mut bob, |txn| txn.counter("counter").add(-1));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!((ann.counter("counter").value(), bob.counter("counter").value()), (6, 6));
    assert_eq!(edit(&mut ann, |txn| txn.counter("counter").add(0)), None);
    for by in [i64::MAX, i64::MAX, i64::MIN] {
        edit(&mut bob, |txn| txn.counter("counter").add(by));
    }
    assert_eq!(bob.counter("counter").value(), 6 + i128::from(i64::MAX) - 1);
    assert_eq!(ann.counter("other").value(), 0);
}

/// Acceptance line 36.
#[test]
fn an_element_is_there_however_often_it_was_added_until_it_is_removed_once() {
    let mut ann = document(1);
    let add = |txn: &mut Transaction<'_>| txn.or_set("set").add(&7);
    let remove = |txn: &mut Transaction<'_>| txn.or_set("set").remove(&7);
    assert_eq!(edit(&mut ann, remove), None, "what is not there");
    edit(&mut ann, add);
    assert_eq!(elements(&ann), [7]);
    edit(&mut ann, remove);
    assert!(elements(&ann).is_empty());
    edit(&mut ann, add);
    let mut bob = fork(&ann, 2);
    edit(&mut ann, add).expect("another addition is an edit");
    edit(&mut bob, add);
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!((elements(&ann), ann.or_set::<u8>("set").len()), (vec![7], 1));
    edit(&mut bob, remove);
    exchange(&mut [&mut ann, &mut bob]);
    assert!(ann.or_set::<u8>("set").is_empty() && !ann.or_set("set").contains(&7));
}

/// Acceptance line 37.
#[test]
fn what_is_added_or_put_outlives_what_is_removed_at_the_same_time() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        txn.or_set("set").add(&7)?;
        txn.or_set("set").add(&8)?;
        txn.or_map("or-map").put("k", &100_u64)
    });
    let mut bob = fork(&ann, 2);
    edit(&mut ann, |txn| {
        txn.or_set("set").remove(&7)?;
        txn.or_set("set").remove(&8)?;
        txn.or_map::<u64>("or-map").remove("k")
    });
    edit(&mut bob, |txn| txn.or_set("set").add(&7));
    put(&mut bob, 1, "k", 200);
    exchange(&mut [&mut ann, &mut bob]);
    for document in [&ann, &bob] {
        assert_eq!((elements(document), value(document, "k")), (vec![7], Some(200)));
    }
}

/// Acceptance line 38.
#[test]
fn of_values_put_at_once_the_greatest_clocks_is_shown_then_the_greatest_replicas_in_any_order_of_arrival() {
    for (walls, expected) in [([1, 2], 2), ([2, 1], 1), ([5, 5], 2)] {
        let changes = [1, 2].map(|replica| put(&mut document(replica), walls[replica as usize - 1], "k", replica));
        for order in [[0, 1], [1, 0]] {
            let mut reader = document(3);
            order.iter().for_each(|index| drop(receive(&mut reader, &changes[*index])));
            assert_eq!(value(&reader, "k"), Some(expected));
            // Who has seen both has put something in the place of both.
            put(&mut reader, 0, "k", 9);
            assert_eq!(value(&reader, "k"), Some(9));
            edit(&mut reader, |txn| txn.or_map::<u64>("or-map").remove("k"));
            assert!(reader.or_map::<u64>("or-map").is_empty(), "none comes back");
        }
    }
}

/// Acceptance line 39.
#[test]
fn three_who_hear_of_each_other_in_part_have_the_same_in_the_end_and_every_key() {
    let (mut ann, mut bob, mut cyd) = (document(1), document(2), document(3));
    let give = |from: &Document, to: &mut Document| {
        from.log().iter().collect::<Vec<_>>().iter().for_each(|change| drop(receive(to, change)));
    };
    put(&mut ann, 1, "ann", 1);
    give(&ann, &mut bob);
    put(&mut bob, 2, "bob", 2);
    give(&bob, &mut cyd);
    put(&mut cyd, 3, "cyd", 3);
    give(&cyd, &mut ann);
    put(&mut ann, 4, "shared", 1);
    put(&mut bob, 4, "shared", 2);
    put(&mut cyd, 4, "shared", 3);
    exchange(&mut [&mut ann, &mut bob, &mut cyd]);
    assert!(bob.or_map::<u64>("or-map").keys().eq(["ann", "bob", "cyd", "shared"]));
    assert_eq!(value(&ann, "shared"), value(&cyd, "shared"));
}

/// Acceptance line 40.
#[test]
fn what_is_put_after_a_removal_is_there() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        let mut map = txn.or_map("or-map");
        map.put("k", &1)?;
        map.remove("k")?;
        map.put("k", &2)
    });
    put(&mut ann, 1, "l", 3);
    edit(&mut ann, |txn| txn.or_map::<u64>("or-map").remove("l"));
    put(&mut ann, 1, "l", 4);
    let bob = fork(&ann, 2);
    assert_eq!((value(&bob, "k"), value(&bob, "l"), bob.digest()), (Some(2), Some(4), ann.digest()));
}

#[test]
fn an_element_or_a_value_of_another_type_is_an_error_for_the_reader_alone() {
    let mut ann = document(1);
    edit(&mut ann, |txn| txn.or_set("set").add(&"text").and_then(|()| txn.or_map("or-map").put("k", &"text")));
    assert!(matches!(ann.or_set::<u8>("set").iter().next(), Some(Err(ValueError::Mismatch(_)))));
    assert!(matches!(ann.or_map::<u8>("or-map").get("k"), Err(ValueError::Mismatch(_))));
    assert!(ann.or_set("set").contains(&"text") && !ann.or_set("set").contains(&1));
}

/// A tree of every kind, in maps and or-maps.
fn tree(txn: &mut Transaction<'_>) -> Result<(), EditError> {
    let mut page = txn.map::<u8>("page");
    page.set("number", &1)?;
    page.text("title")?.push_str("Hello")?;
    page.register("owner")?.set(&"ann")?;
    page.counter("visits")?.add(3)?;
    page.or_set("tags")?.add(&"new")?;
    let mut parts = page.or_map::<u8>("parts")?;
    parts.put("number", &2)?;
    let mut first = parts.map::<u8>("first")?;
    first.text("body")?.push_str("deep")?;
    first.or_map::<u8>("more")?.counter("words")?.add(1)
}

/// Acceptance lines 73, 74: nothing but changes is needed, and there are no cycles, since a container has one place.
#[test]
fn a_tree_of_containers_is_there_for_whoever_has_the_changes_and_another_kind_is_not_there() {
    let mut ann = document(1);
    edit(&mut ann, tree);
    let bob = fork(&ann, 2);
    assert_eq!(bob.digest(), ann.digest());
    let page = bob.map::<u8>("page");
    assert_eq!((page.get("number"), page.text("title").expect("a text").to_string()), (Ok(Some(1)), "Hello".into()));
    assert_eq!(page.register::<String>("owner").expect("a register").get(), Ok(Some("ann".into())));
    assert_eq!(page.counter("visits").map(|counter| counter.value()), Some(3));
    assert!(page.or_set("tags").expect("an or-set").contains(&"new"));
    let parts = page.or_map::<u8>("parts").expect("an or-map");
    let first = parts.map::<u8>("first").expect("a map");
    assert_eq!(first.text("body").expect("a text"), "deep");
    assert_eq!(first.or_map::<u8>("more").and_then(|more| Some(more.counter("words")?.value())), Some(1));
    assert!(page.keys().eq(["number", "owner", "parts", "tags", "title", "visits"]));
    assert_eq!((page.len(), page.iter().count(), page.get("title")), (6, 1, Ok(None)));
    let held = parts.held().map(|(key, held)| (key, matches!(held, Held::Container(_))));
    assert!(held.eq([("first", true), ("number", false)]));
    // Nothing, a value, and another kind.
    assert!(page.text("nothing").is_none() && page.text("number").is_none() && page.map::<u8>("title").is_none());
    assert!(page.counter("parts").is_none() && parts.text("first").is_none() && parts.or_map::<u8>("first").is_none());
}

#[test]
fn what_a_key_holds_is_edited_and_another_kind_takes_its_place() {
    let mut ann = document(1);
    edit(&mut ann, tree);
    edit(&mut ann, |txn| txn.map::<u8>("page").text("title")?.push_str(", World"));
    assert_eq!(ann.map::<u8>("page").text("title").expect("a text"), "Hello, World");
    edit(&mut ann, |txn| txn.map::<u8>("page").counter("title")?.add(1));
    assert!(ann.map::<u8>("page").text("title").is_none());
    assert_eq!(ann.map::<u8>("page").counter("title").map(|counter| counter.value()), Some(1));
    assert_eq!(edit(&mut ann, |txn| txn.map::<u8>("page").counter("title").map(drop)), None, "it is there");
}

#[test]
fn two_who_make_a_container_at_once_make_one_and_what_both_write_is_kept() {
    scenarios::two_who_make_a_container_at_once_make_one_and_what_both_write_is_kept();
}

#[test]
fn a_container_that_is_made_again_is_another_one() {
    scenarios::a_container_that_is_made_again_is_another_one();
}

#[test]
fn containers_are_nested_only_so_deep() {
    scenarios::containers_are_nested_only_so_deep();
}

#[test]
fn what_is_written_in_a_container_that_is_not_shown_any_more_is_there_for_whoever_asks_by_id() {
    let mut ann = document(1);
    edit(&mut ann, tree);
    let mut bob = fork(&ann, 2);
    let title = edit(&mut bob, |txn| txn.map::<u8>("page").text("title")?.push_str("!")).expect("a change");
    edit(&mut ann, |txn| txn.map("page").set("title", &7_u8));
    let id = ann.containers().find(|id| format!("{id:?}") == "text \"page\"/\"title\"").expect("it is known").clone();
    let path = |document: &Document| document.path(&id);
    assert_eq!(path(&bob), Some(vec![PathStep::Root("page".into()), PathStep::Key("title".into())]));
    assert_eq!(path(&ann), None);
    let digest = ann.digest();
    receive(&mut ann, &title);
    assert_eq!((ann.digest(), ann.text_of(&id).expect("a text").to_string()), (digest, "Hello!".to_owned()));
    edit(&mut ann, |txn| txn.text_of(&id)?.push_str("?"));
    assert_eq!((ann.digest(), ann.text_of(&id).expect("a text").to_string()), (digest, "Hello!?".to_owned()));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!((bob.text_of(&id).expect("a text").to_string(), path(&bob)), ("Hello!?".to_owned(), None));
    assert!(bob.counter_of(&id).is_none());
}

#[test]
fn what_is_in_a_container_that_was_taken_away_is_not_shown_either() {
    let mut ann = document(1);
    edit(&mut ann, tree);
    let deep = ann.containers().find(|id| id.depth() == 4).expect("a counter").clone();
    let path = [
        PathStep::Root("page".into()),
        PathStep::Key("parts".into()),
        PathStep::Key("first".into()),
        PathStep::Key("more".into()),
        PathStep::Key("words".into()),
    ];
    assert_eq!(ann.path(&deep).as_deref(), Some(&path[..]));
    edit(&mut ann, |txn| txn.map::<u8>("page").or_map::<u8>("parts")?.remove("first"));
    assert_eq!((ann.path(&deep), ann.counter_of(&deep).map(|counter| counter.value())), (None, Some(1)));
}

#[test]
fn a_container_that_is_not_here_cannot_be_edited_by_its_id() {
    let mut ann = document(1);
    edit(&mut ann, tree);
    let id = ann.containers().find(|id| id.depth() == 1).expect("one is nested").clone();
    let other = ContainerId { kind: ContainerKind::Text, ..id.clone() };
    let mut bob = document(2);
    for (document, id) in [(&mut bob, id), (&mut ann, other)] {
        let refused = document.edit(Wall::from_millis(1), |txn| txn.text_of(&id).map(drop));
        assert_eq!(refused.map(|edited| edited.change), Err(EditError::NoSuchContainer { id }));
    }
    edit(&mut bob, |txn| txn.text_of(&ContainerId::root(ContainerKind::Text, "new"))?.push_str("at the root"));
    assert_eq!(bob.text("new"), "at the root");
}

#[test]
fn the_digest_is_that_of_what_is_shown_whoever_made_the_containers() {
    let (mut ann, mut bob) = (document(1), document(2));
    edit(&mut ann, tree);
    edit(&mut bob, |txn| {
        txn.map("page").set("title", &1_u8)?;
        txn.map::<u8>("page").map::<u8>("parts")?.text("first")?.push_str("not shown")
    });
    edit(&mut bob, tree);
    assert_eq!(ann.digest(), bob.digest());
    type Differ = fn(&mut Transaction<'_>) -> Result<(), EditError>;
    let differ: [Differ; 6] = [
        |txn| txn.map::<u8>("page").text("title")?.push_str("!"),
        |txn| txn.map::<u8>("page").text("empty").map(drop),
        |txn| txn.map::<u8>("page").or_set("tags")?.add(&"another"),
        |txn| txn.map::<u8>("page").counter("visits")?.add(-1),
        |txn| txn.map::<u8>("page").or_map::<u8>("parts")?.remove("number"),
        |txn| txn.map::<u8>("page").or_map::<u8>("parts")?.map::<u8>("first")?.or_map::<u8>("more")?.put("words", &1),
    ];
    let mut digests = vec![ann.digest()];
    for differ in differ {
        edit(&mut ann, differ);
        assert!(!digests.contains(&ann.digest()));
        digests.push(ann.digest());
        assert_ne!(ann.digest(), bob.digest());
        edit(&mut bob, differ);
        assert_eq!(ann.digest(), bob.digest());
    }
}

#[test]
fn an_edit_and_its_receipt_report_the_same_of_every_kind_and_what_changes_nothing_is_not_reported() {
    let (mut ann, mut bob) = (document(1), document(2));
    let root = ContainerId::root;
    let nested = |parent: &ContainerId, key: &str, kind| {
        let slot = Slot { parent: parent.clone(), key: key.into(), over: None };
        ContainerId { place: Place::Key(Arc::new(slot)), kind }
    };
    let (map, or_map) = (root(ContainerKind::Map, "map"), root(ContainerKind::OrMap, "or-map"));
    type Edits = fn(&mut Transaction<'_>) -> Result<(), EditError>;
    let cases: Vec<(Edits, Vec<ContainerEdit>)> = vec![
        (|txn| txn.counter("counter").add(3).and_then(|()| txn.counter("counter").add(-1)), {
            vec![ContainerEdit::Counter { id: root(ContainerKind::Counter, "counter"), by: 2 }]
        }),
        (|txn| txn.counter("counter").add(1).and_then(|()| txn.counter("counter").add(-1)), vec![]),
        (|txn| txn.or_set("set").add(&1).and_then(|()| txn.or_set("set").add(&2)), {
            let elements = vec![Bytes::from_static(b"\x01"), Bytes::from_static(b"\x02")];
            vec![ContainerEdit::OrSet { id: root(ContainerKind::OrSet, "set"), elements }]
        }),
        (|txn| txn.or_set("set").add(&1), vec![]),
        (|txn| txn.or_set("set").remove(&1), {
            let elements = vec![Bytes::from_static(b"\x01")];
            vec![ContainerEdit::OrSet { id: root(ContainerKind::OrSet, "set"), elements }]
        }),
        (|txn| txn.or_map("or-map").put("k", &1), {
            vec![ContainerEdit::OrMap { id: or_map.clone(), keys: vec!["k".into()] }]
        }),
        (|txn| txn.or_map("or-map").put("k", &1), vec![]),
        (|txn| txn.or_map::<u8>("or-map").remove("k"), {
            vec![ContainerEdit::OrMap { id: or_map.clone(), keys: vec!["k".into()] }]
        }),
        (|txn| txn.map::<u8>("map").text("t")?.push_str("x"), {
            let typed = TextEdit { at: 0, removed: 0, inserted: "x".into() };
            let text = ContainerEdit::Text { id: nested(&map, "t", ContainerKind::Text), edits: vec![typed] };
            vec![ContainerEdit::Map { id: map, keys: vec!["t".into()] }, text]
        }),
        (|txn| txn.or_map::<u8>("or-map").counter("c")?.add(1), {
            let counter = ContainerEdit::Counter { id: nested(&or_map, "c", ContainerKind::Counter), by: 1 };
            vec![ContainerEdit::OrMap { id: or_map, keys: vec!["c".into()] }, counter]
        }),
    ];
    for (edits, expected) in cases {
        let change = edit(&mut ann, edits).expect("a change");
        receive(&mut bob, &change);
        for document in [&mut ann, &mut bob] {
            let said = match document.poll_event() {
                Some(DocumentEvent::Changed { edits, .. }) => edits,
                other => other.into_iter().map(|event| panic!("{event:?}")).collect(),
            };
            // The order of containers is that of their first change, and a container is made before it is put anywhere.
            assert_eq!(said.len(), expected.len(), "{said:?}");
            assert!(expected.iter().all(|edit| said.contains(edit)), "{said:?} and not {expected:?}");
            assert_eq!(document.poll_event(), None);
        }
    }
}

#[test]
fn a_change_that_is_refused_for_its_size_leaves_nothing_in_the_next_one() {
    let mut ann = document(1);
    ann.set_change_limit(300);
    let (limit, long) = (300, "x".repeat(300));
    let refused = ann.edit(Wall::from_millis(1_000), |txn| tree(txn).and_then(|()| txn.text("text").push_str(&long)));
    assert!(matches!(refused, Err(EditError::ChangeTooLarge { limit: known, .. }) if known == limit), "{refused:?}");
    edit(&mut ann, tree);
    assert_eq!(fork(&ann, 2).digest(), ann.digest());
}

/// A change whose body says this, by someone who has seen nothing.
fn by_stranger(list: Vec<(ContainerId, Action)>) -> Change {
    let replica = ReplicaId::new(9);
    let mut change = edit(&mut document(9), |txn| txn.text("text").push_str("x")).expect("a change");
    change.len = list.iter().map(|(_, action)| action.covers()).sum();
    let mut seq = 0;
    let operation = |(container, action): (ContainerId, Action)| {
        let operation = Operation { seq, container, action };
        seq += operation.action.covers();
        operation
    };
    let operations = Operations { list: list.into_iter().map(operation).collect() };
    change.body = operations.encode(replica, &mut Dictionary::default());
    change
}

#[test]
fn an_operation_on_another_kind_of_container_makes_the_whole_body_a_no_op() {
    let root = ContainerId::root;
    let value = || Value::Plain(Bytes::from_static(b"\x01"));
    let inside = |parent| {
        let slot = Slot { parent, key: "k".into(), over: None };
        ContainerId { place: Place::Key(Arc::new(slot)), kind: ContainerKind::Counter }
    };
    let count = || Action::Count { by: 1 };
    let add = || Action::Add { element: Bytes::from_static(b"\x01"), over: vec![] };
    let bad = [
        (root(ContainerKind::OrSet, "x"), Action::Put { key: "k".into(), value: value(), over: vec![] }),
        (root(ContainerKind::OrMap, "x"), add()),
        (root(ContainerKind::Map, "x"), count()),
        (root(ContainerKind::Counter, "x"), Action::Map { key: "k".into(), value: Some(value()) }),
        (root(ContainerKind::Counter, "x"), Action::Count { by: 0 }),
        (root(ContainerKind::OrSet, "x"), Action::Remove { tags: vec![] }),
        // Only maps and or-maps have keys.
        (inside(root(ContainerKind::OrSet, "x")), count()),
        (inside(root(ContainerKind::Register, "x")), count()),
    ];
    for (id, action) in bad {
        let change = by_stranger(vec![(root(ContainerKind::Counter, "good"), count()), (id, action)]);
        let mut reader = document(1);
        receive(&mut reader, &change);
        let event = reader.poll_event();
        assert!(matches!(event, Some(DocumentEvent::Unreadable { why: BodyFault::Malformed(_), .. })), "{event:?}");
        assert_eq!(reader.containers().count(), 0);
    }
    let good =
        by_stranger(vec![(inside(root(ContainerKind::Map, "x")), count()), (root(ContainerKind::OrSet, "x"), add())]);
    let mut reader = document(1);
    receive(&mut reader, &good);
    assert!(elements(&reader).is_empty(), "another name");
    assert_eq!(reader.or_set::<u8>("x").len(), 1);
    assert_eq!(reader.map::<u8>("x").len(), 0, "what nobody has put there is not shown");
}
