//! Movable lists, and containers in them, behaviour by behaviour.

use crdt_socket_sync::{
    Change, Document, DocumentEvent, Limits, Wall,
    document::{ContainerEdit, ContainerId, ContainerKind, EditError, ListEdit, MovableListMut, PathStep, Transaction},
};
use crdt_socket_sync_tests::{
    scenarios,
    short::document::{document, edit, exchange, fork, receive},
};

fn words(document: &Document) -> Vec<String> {
    document.movable_list("list").to_vec().expect("words")
}

fn list_of(replica: u64, words: &[&str]) -> Document {
    let mut document = document(replica);
    edit(&mut document, |txn| txn.movable_list("list").extend(words));
    document
}

fn in_list(
    document: &mut Document,
    edits: impl FnOnce(&mut MovableListMut<'_, &str>) -> Result<(), EditError>,
) -> Option<Change> {
    edit(document, |txn| edits(&mut txn.movable_list("list")))
}

/// Acceptance line 65: positions are not bent to what may have been meant.
#[test]
fn an_element_is_moved_to_where_it_is_to_be_and_past_the_end_is_an_error() {
    let mut ann = list_of(1, &["milk", "plants", "joe"]);
    in_list(&mut ann, |list| list.move_to(2, 0)).expect("a change");
    assert_eq!(words(&ann), ["joe", "milk", "plants"]);
    in_list(&mut ann, |list| list.move_to(0, 2)).expect("a change");
    assert_eq!(words(&ann), ["milk", "plants", "joe"]);
    in_list(&mut ann, |list| list.move_to(0, 1)).expect("a change");
    assert_eq!((words(&ann), words(&fork(&ann, 2))), (words(&ann), vec!["plants".into(), "milk".into(), "joe".into()]));
    assert_eq!(in_list(&mut ann, |list| list.move_to(1, 1)), None);
    for (from, to) in [(5, 0), (3, 3), (0, 3), (0, 99)] {
        let refused = ann.edit(Wall::from_millis(1_000), |txn| txn.movable_list::<u8>("list").move_to(from, to));
        assert!(matches!(refused, Err(EditError::ItemOutOfRange { len: 3, .. })), "{refused:?}");
    }
    assert_eq!(ann.log().end(), 4);
}

/// Acceptance line 66.
#[test]
fn an_element_that_two_move_at_once_is_in_one_of_the_two_places() {
    scenarios::an_element_that_two_move_at_once_is_where_the_later_one_moved_it_in_any_order_of_arrival();
}

/// Acceptance line 67.
#[test]
fn elements_that_change_places_are_there_once_each() {
    let mut ann = list_of(1, &["a", "b", "c", "d"]);
    let mut bob = fork(&ann, 2);
    in_list(&mut ann, |list| list.move_to(0, 3));
    in_list(&mut bob, |list| list.move_to(3, 0));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(words(&ann), ["d", "b", "c", "a"]);
}

/// Acceptance line 68: who deletes an element means it, wherever it is and whatever it is.
#[test]
fn a_deletion_wins_over_what_others_do_with_the_element_in_any_order_of_arrival() {
    scenarios::a_deletion_wins_over_moves_and_values_in_any_order_of_arrival();
}

/// Acceptance line 69.
#[test]
fn an_element_that_two_set_at_once_is_one_element_of_the_later_value() {
    scenarios::an_element_that_two_set_at_once_has_the_later_value_in_any_order_of_arrival();
}

#[test]
fn a_place_of_an_element_is_no_element() {
    scenarios::a_place_of_an_element_is_no_element();
}

#[test]
fn lists_of_other_values_have_another_digest() {
    scenarios::lists_of_other_values_have_another_digest();
}

#[test]
fn an_element_that_one_moves_and_another_one_sets_is_there_with_that_value() {
    let mut ann = list_of(1, &["a", "b", "joe"]);
    let mut bob = fork(&ann, 2);
    in_list(&mut ann, |list| list.move_to(2, 0));
    in_list(&mut bob, |list| list.set(2, &"phone joe"));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(words(&ann), ["phone joe", "a", "b"]);
}

/// Acceptance line 70: in movable lists.
#[test]
fn several_elements_at_once_are_one_change_and_none_is_no_change() {
    let mut ann = list_of(1, &["a", "b", "c", "d", "e"]);
    in_list(&mut ann, |list| list.delete(1, 3)).expect("one change");
    assert_eq!(words(&ann), ["a", "e"]);
    type Edits = fn(&mut MovableListMut<'_, &str>) -> Result<(), EditError>;
    let nothing: [Edits; 3] = [|list| list.delete(1, 0), |list| list.extend(&[]), |list| list.insert_all(0, &[])];
    for edits in nothing {
        assert_eq!(in_list(&mut ann, edits), None);
    }
    let mistakes: [Edits; 4] = [
        |list| list.delete(1, 99),
        |list| list.insert(3, &"x"),
        |list| list.set(2, &"x"),
        |list| list.insert_map::<u8>(3).map(drop),
    ];
    for mistake in mistakes {
        let refused = ann.edit(Wall::from_millis(1_000), |txn| mistake(&mut txn.movable_list("list")));
        assert!(matches!(refused, Err(EditError::ItemOutOfRange { len: 2, .. })), "{refused:?}");
    }
    in_list(&mut ann, |list| list.clear()).expect("one change");
    assert!(ann.movable_list::<&str>("list").is_empty() && words(&fork(&ann, 2)).is_empty());
}

/// Acceptance line 71: from changes, and without them.
#[test]
fn a_list_that_is_made_anew_from_its_changes_can_be_edited_on() {
    let mut ann = list_of(1, &["a", "b", "c", "gone"]);
    in_list(&mut ann, |list| list.move_to(2, 0));
    in_list(&mut ann, |list| list.set(1, &"A"));
    in_list(&mut ann, |list| list.delete(3, 1));
    for mut again in [fork(&ann, 1), pruned(&ann)] {
        go_on(&ann, &mut again);
    }
}

/// What is left of a document without its history.
fn pruned(document: &Document) -> Document {
    Document::from_snapshot(document.replica_id(), document.snapshot(), &Limits::default()).expect("what was written")
}

fn go_on(ann: &Document, again: &mut Document) {
    assert_eq!(words(again), ["c", "A", "b"]);
    let mut bob = fork(ann, 2);
    let late = in_list(&mut bob, |list| list.move_to(2, 0).and_then(|()| list.set(1, &"C"))).expect("a change");
    let changes = [
        in_list(again, |list| list.insert(3, &"x").and_then(|()| list.move_to(3, 0))),
        in_list(again, |list| list.push(&"y")),
    ];
    changes.iter().flatten().for_each(|change| drop(receive(&mut bob, change)));
    receive(again, &late);
    assert_eq!((words(again), again.digest()), (words(&bob), bob.digest()));
    let mut sorted = words(again);
    sorted.sort_unstable();
    assert_eq!(sorted, ["A", "C", "b", "x", "y"]);
}

/// Acceptance line 72.
#[test]
fn of_several_moves_or_values_in_one_transaction_the_last_counts_also_of_what_was_just_inserted() {
    let mut ann = list_of(1, &["a", "b", "c"]);
    in_list(&mut ann, |list| list.move_to(0, 2).and_then(|()| list.move_to(2, 1))).expect("one change");
    assert_eq!((words(&ann), words(&fork(&ann, 2))), (words(&fork(&ann, 3)), vec!["b".into(), "a".into(), "c".into()]));
    in_list(&mut ann, |list| list.set(1, &"x").and_then(|()| list.set(1, &"y"))).expect("one change");
    let mut bob = document(2);
    let change = in_list(&mut bob, |list| {
        list.extend(&["p", "q"])?;
        list.move_to(1, 0)?;
        list.set(0, &"Q")
    });
    receive(&mut ann, &change.expect("one change"));
    assert_eq!(words(&bob), ["Q", "p"]);
    let both = [["Q", "p", "b", "y", "c"], ["b", "y", "c", "Q", "p"]];
    assert!(both.iter().any(|words| words[..] == self::words(&ann)[..]), "{:?}", words(&ann));
}

/// Acceptance line 75.
#[test]
fn slides_are_reordered_while_others_move_what_is_on_them() {
    let mut ann = document(1);
    let slide = |list: &mut MovableListMut<'_, u8>, at: usize, label: &'static str| {
        let mut slide = list.insert_map::<&str>(at)?;
        slide.set("label", &label)?;
        let mut position = slide.map::<u64>("pos")?;
        position.set("x", &0)?;
        position.set("y", &0)
    };
    edit(&mut ann, |txn| {
        let mut slides = txn.movable_list("slides");
        slide(&mut slides, 0, "A")?;
        slide(&mut slides, 1, "B")
    });
    let mut bob = fork(&ann, 2);
    let set = |txn: &mut Transaction<'_>, at: usize, axis: &str, value: u64| {
        let mut slides = txn.movable_list::<u8>("slides");
        slides.map::<u8>(at).expect("a slide").map::<u64>("pos")?.set(axis, &value)
    };
    edit(&mut ann, |txn| {
        txn.movable_list::<u8>("slides").move_to(1, 0)?;
        set(txn, 1, "y", 20)
    });
    edit(&mut bob, |txn| set(txn, 0, "x", 10));
    exchange(&mut [&mut ann, &mut bob]);
    for document in [&ann, &bob] {
        let shown = [0, 1].map(|at| {
            let slide = document.movable_list::<u8>("slides").map::<String>(at).expect("a slide");
            let position = slide.map::<u64>("pos").expect("a position");
            (slide.get("label").expect("a word").expect("one"), ["x", "y"].map(|axis| position.get(axis)))
        });
        let at = |x, y| [Ok(Some(x)), Ok(Some(y))];
        assert_eq!(shown, [("B".to_owned(), at(0, 0)), ("A".to_owned(), at(10, 20))]);
    }
}

/// Acceptance line 77.
#[test]
fn what_is_typed_in_a_text_that_another_one_moves_goes_with_it() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        let mut list = txn.movable_list::<u8>("list");
        list.insert_text(0)?.push_str("zero")?;
        list.insert_text(1)?.push_str("one")
    });
    let mut bob = fork(&ann, 2);
    let id = ann.movable_list::<u8>("list").held().nth(1).map(|held| format!("{held:?}"));
    edit(&mut ann, |txn| txn.movable_list::<u8>("list").move_to(1, 0));
    edit(&mut bob, |txn| txn.movable_list::<u8>("list").text(1).expect("a text").push_str("-edited"));
    exchange(&mut [&mut ann, &mut bob]);
    for document in [&ann, &bob] {
        let list = document.movable_list::<u8>("list");
        let texts = [0, 1].map(|at| list.text(at).expect("a text").to_string());
        assert_eq!((list.len(), texts), (2, ["one-edited".to_owned(), "zero".to_owned()]));
        assert_eq!(list.held().next().map(|held| format!("{held:?}")), id, "the same text");
    }
}

#[test]
fn a_container_is_found_where_its_element_was_moved_and_not_once_that_is_set_to_a_value_or_deleted() {
    for ending in [true, false] {
        let mut ann = document(1);
        edit(&mut ann, |txn| {
            let mut list = txn.movable_list::<u8>("list");
            list.extend(&[1, 2])?;
            list.insert_text(0)?.push_str("text")?;
            list.move_to(0, 2)
        });
        let id = ann.containers().find(|id| id.kind == ContainerKind::Text).expect("a text").clone();
        assert_eq!(ann.path(&id), Some(vec![PathStep::Root("list".into()), PathStep::Index(2)]));
        let digest = ann.digest();
        edit(&mut ann, |txn| txn.text_of(&id)?.push_str("!"));
        assert_ne!(ann.digest(), digest);
        edit(&mut ann, |txn| {
            let mut list = txn.movable_list::<u8>("list");
            if ending { list.set(2, &3) } else { list.delete(2, 1) }
        });
        assert_eq!((ann.path(&id), ann.text_of(&id).map(|text| text.len())), (None, Some(5)));
        assert_eq!(ann.movable_list::<u8>("list").len(), if ending { 3 } else { 2 });
        assert_eq!(fork(&ann, 2).digest(), ann.digest());
    }
}

#[test]
fn of_a_transaction_that_fails_nothing_is_left_in_any_kind_of_container() {
    scenarios::of_a_transaction_that_fails_nothing_is_left_in_any_kind_of_container();
}

#[test]
fn moves_and_values_are_undone_with_their_transaction() {
    let mut ann = list_of(1, &["a", "b", "c"]);
    let before = ann.digest();
    let failed = ann.edit(Wall::from_millis(1_000), |txn| {
        let mut list = txn.movable_list("list");
        list.move_to(0, 2)?;
        list.set(2, &"A")?;
        list.move_to(2, 1)?;
        list.delete(1, 1)?;
        list.move_to(1, 0)?;
        list.set(9, &"x")
    });
    assert!(failed.is_err());
    ann.check().expect("sound inside");
    assert_eq!((words(&ann), ann.digest()), (["a", "b", "c"].map(String::from).into(), before));
    in_list(&mut ann, |list| list.move_to(0, 2));
    assert_eq!(words(&fork(&ann, 2)), ["b", "c", "a"]);
}

#[test]
fn a_move_and_its_receipt_report_the_same_and_what_alters_nothing_is_not_reported() {
    let (mut ann, mut bob) = (document(1), document(2));
    type Edits = fn(&mut MovableListMut<'_, u8>) -> Result<(), EditError>;
    let cases: Vec<(Edits, Option<ListEdit>)> = vec![
        (|list| list.move_to(0, 2), Some(ListEdit::Move { from: 0, to: 2 })),
        (|list| list.move_to(3, 1), Some(ListEdit::Move { from: 3, to: 1 })),
        (|list| list.set(1, &9), Some(ListEdit::Set { at: 1, value: vec![9].into() })),
        (|list| list.set(1, &9), None),
        (|list| list.delete(1, 2), Some(ListEdit::Replace { at: 1, removed: 2, inserted: vec![] })),
    ];
    let change = edit(&mut ann, |txn| txn.movable_list("list").extend(&[1_u8, 2, 3, 4]));
    receive(&mut bob, &change.expect("a change"));
    assert!(ann.poll_event().is_some() && bob.poll_event().is_some());
    for (edits, expected) in cases {
        let change = edit(&mut ann, |txn| edits(&mut txn.movable_list("list"))).expect("a change");
        receive(&mut bob, &change);
        for document in [&mut ann, &mut bob] {
            let edits = match document.poll_event() {
                Some(DocumentEvent::Changed { edits, .. }) => edits,
                other => other.into_iter().map(|event| panic!("{event:?}")).collect(),
            };
            let id = ContainerId::root(ContainerKind::MovableList, "list");
            let expected = expected.clone().map(|edit| ContainerEdit::MovableList { id, edits: vec![edit] });
            assert_eq!(edits, Vec::from_iter(expected));
        }
    }
}
