//! Undo and redo: of one's own edits, and nothing of others.

use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use bytes::Bytes;
use crdt_socket_sync::{
    Document, DocumentEvent, ReplicaId, Wall,
    document::{ContainerId, ContainerKind, EditError, MovableListMut, Origin, Selection, Side, UndoOptions},
};
use crdt_socket_sync_tests::{
    cases,
    exchange::{MOST_STEPS, Program, Step, edit::Edit},
    scenarios,
    short::document::{document, edit, exchange, fork, receive, text},
    view::{Shown, View, shown},
};
use proptest::prelude::*;

fn undoing(replica: u64) -> Document {
    let mut document = document(replica);
    document.track_undo(UndoOptions::default());
    document
}

fn at(document: &mut Document, millis: u64, inserted: &str) {
    let edited = document.edit::<_, EditError>(Wall::from_millis(millis), |txn| txn.text("text").push_str(inserted));
    edited.expect("a good edit");
}

/// Undoes, or redoes; whether there was anything.
fn take_back(document: &mut Document, redo: bool) -> bool {
    let wall = Wall::from_millis(1_000_000);
    let undone = if redo { document.redo(wall) } else { document.undo(wall) };
    document.check().expect("sound inside");
    undone.expect("a small change").is_some()
}

fn undo(document: &mut Document) -> bool {
    take_back(document, false)
}

fn redo(document: &mut Document) -> bool {
    take_back(document, true)
}

#[test]
fn undoing_an_insertion_deletes_what_is_left_of_it_and_nothing_of_others() {
    scenarios::undoing_an_insertion_deletes_what_is_left_of_it_and_nothing_of_others();
}

#[test]
fn undoing_a_deletion_inserts_it_again_at_its_place_even_without_its_neighbours() {
    scenarios::undoing_a_deletion_inserts_it_again_at_its_place_even_without_its_neighbours();
}

#[test]
fn older_edits_find_what_came_back_by_undoing_younger_ones() {
    scenarios::older_edits_find_what_came_back_by_undoing_younger_ones();
}

#[test]
fn undoing_a_write_gives_back_what_stood_there_unless_others_have_written_since() {
    scenarios::undoing_a_write_gives_back_what_stood_there_unless_others_have_written_since();
}

#[test]
fn undoing_a_move_or_a_value_gives_back_what_was_before_unless_others_have_moved_or_set_it_since() {
    scenarios::undoing_a_move_or_a_value_gives_back_what_was_before_unless_others_have_moved_or_set_it_since();
}

#[test]
fn an_element_that_comes_back_is_what_it_was_where_it_was_and_older_edits_find_it() {
    scenarios::an_element_that_comes_back_is_what_it_was_where_it_was_and_older_edits_find_it();
}

#[test]
fn a_container_that_comes_back_as_an_item_holds_what_it_held_and_older_edits_are_undone_in_it() {
    scenarios::a_container_that_comes_back_as_an_item_holds_what_it_held_and_older_edits_are_undone_in_it();
}

#[test]
fn edits_that_follow_one_another_soon_are_undone_together_unless_a_group_is_ended_by_hand() {
    let mut ann = undoing(1);
    for (millis, inserted) in [(1_000, "a"), (1_500, "b"), (2_000, "c"), (2_501, "d")] {
        at(&mut ann, millis, inserted);
    }
    ann.end_undo_group();
    at(&mut ann, 2_502, "e");
    // The wall clock may jump either way.
    at(&mut ann, 10, "f");
    let mut seen = Vec::new();
    while undo(&mut ann) {
        seen.push(text(&ann));
    }
    assert_eq!(seen, ["abcde", "abcd", "abc", ""]);
    while redo(&mut ann) {}
    // What is undone or redone is no part of a group that goes on.
    at(&mut ann, 10, "g");
    assert!(undo(&mut ann));
    assert_eq!(text(&ann), "abcdef");
}

#[test]
fn only_so_many_groups_are_kept() {
    let mut ann = document(1);
    assert!(!undo(&mut ann));
    assert_eq!(ann.undo_depth(), (0, 0));
    ann.track_undo(UndoOptions { depth: 2, ..UndoOptions::default() });
    for (millis, inserted) in [(0, "a"), (1_000, "b"), (2_000, "c")] {
        at(&mut ann, millis, inserted);
    }
    assert_eq!(ann.undo_depth(), (2, 0));
    assert!(undo(&mut ann) && undo(&mut ann) && !undo(&mut ann));
    assert_eq!((text(&ann).as_str(), ann.undo_depth()), ("a", (0, 2)));
    ann.track_undo(UndoOptions { depth: 0, ..UndoOptions::default() });
    at(&mut ann, 0, "x");
    assert!(!undo(&mut ann));
}

#[test]
fn edits_with_a_label_that_is_excluded_stay_and_do_not_keep_others_from_being_redone() {
    let mut ann = document(1);
    ann.track_undo(UndoOptions { exclude: vec!["import".into()], ..UndoOptions::default() });
    at(&mut ann, 0, "a");
    assert!(undo(&mut ann));
    edit(&mut ann, |txn| {
        txn.set_label("import");
        txn.text("text").push_str("X")
    });
    assert!(redo(&mut ann));
    assert!(["aX", "Xa"].contains(&text(&ann).as_str()));
    assert!(undo(&mut ann) && !undo(&mut ann));
    assert_eq!(text(&ann), "X");
    at(&mut ann, 0, "b");
    assert!(!redo(&mut ann));
}

#[test]
fn an_undo_is_reported_like_any_edit_and_says_what_it_is_and_elsewhere_it_is_an_edit() {
    let mut ann = undoing(1);
    at(&mut ann, 0, "a");
    let undone = ann.undo(Wall::from_millis(1)).expect("a small change").expect("an edit");
    let redone = ann.redo(Wall::from_millis(2)).expect("a small change").expect("an undo");
    let mut events = std::iter::from_fn(|| ann.poll_event()).map(|event| match event {
        DocumentEvent::Changed { origin, change, .. } => (origin, change),
        event => panic!("{event:?}"),
    });
    assert_eq!(events.next().map(|(origin, _)| origin), Some(Origin::Local));
    assert_eq!(events.next(), Some((Origin::Undo, undone.change.id())));
    assert_eq!(events.next(), Some((Origin::Redo, redone.change.id())));
    let mut bob = fork(&ann, 2);
    let last = edit(&mut ann, |txn| txn.text("text").push_str("b")).expect("a change");
    let undone = ann.undo(Wall::from_millis(4)).expect("a small change").expect("an edit");
    for change in [&last, &undone.change] {
        receive(&mut bob, change);
        let event = bob.poll_event();
        assert!(matches!(event, Some(DocumentEvent::Changed { origin: Origin::Remote, .. })), "{event:?}");
    }
    assert_eq!(text(&bob), "a");
}

#[test]
fn an_undo_that_would_be_too_large_changes_nothing_and_can_be_tried_again() {
    let mut ann = undoing(1);
    at(&mut ann, 0, &"long ".repeat(100));
    ann.end_undo_group();
    edit(&mut ann, |txn| txn.text("text").delete(0, 500));
    ann.set_change_limit(100);
    let before = ann.digest();
    assert!(matches!(ann.undo(Wall::from_millis(1)), Err(EditError::ChangeTooLarge { .. })));
    assert_eq!((ann.digest(), ann.undo_depth()), (before, (2, 0)));
    ann.set_change_limit(10_000);
    assert!(undo(&mut ann));
    assert_eq!(text(&ann).len(), 500);
}

#[test]
fn what_was_selected_before_a_group_is_given_back_where_it_is_now() {
    let mut ann = undoing(1);
    let id = ContainerId::root(ContainerKind::Text, "text");
    at(&mut ann, 0, "one two");
    ann.end_undo_group();
    let select = |document: &mut Document, places: &[usize], name: &'static str| {
        let cursor = |at: &usize| document.cursor(&id, *at, Side::Right).expect("a text");
        let cursors = places.iter().map(cursor).collect();
        document.select(Selection { cursors, data: Bytes::from_static(name.as_bytes()) });
    };
    // "two" is selected and deleted, and something typed instead.
    select(&mut ann, &[4, 7], "before");
    edit(&mut ann, |txn| txn.text("text").delete(4, 3));
    select(&mut ann, &[4], "between");
    at(&mut ann, 1_000, "2");
    select(&mut ann, &[5], "after");
    let mut bob = fork(&ann, 2);
    edit(&mut bob, |txn| txn.text("text").insert(0, "--"));
    exchange(&mut [&mut ann, &mut bob]);

    let given = |document: &Document, selection: &Selection| -> (Vec<_>, Bytes) {
        let positions = selection.cursors.iter().map(|cursor| document.position_of(cursor).expect("it is here"));
        (positions.collect(), selection.data.clone())
    };
    for _ in 0..2 {
        let undone = ann.undo(Wall::from_millis(9)).expect("a small change").expect("an edit");
        assert_eq!(text(&ann), "--one two");
        assert_eq!(given(&ann, &undone.selection), (vec![6, 9], Bytes::from_static(b"before")));
        let redone = ann.redo(Wall::from_millis(9)).expect("a small change").expect("an undo");
        assert_eq!(text(&ann), "--one 2");
        assert_eq!(given(&ann, &redone.selection), (vec![7], Bytes::from_static(b"after")));
    }
}

/// What is shown that is not as if it had never been.
fn filled(shown: Shown) -> Shown {
    shown.into_iter().filter(|(id, view)| *view != View::empty(id.kind)).collect()
}

/// The same of a document in which items come back, which are other containers then.
fn as_one_value(document: &Document) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(&document.to_json()).expect("JSON");
    let empty = ["\"\"", "[]", "{}", "0", "null"];
    value.as_object_mut().expect("what is at the root").retain(|_, value| !empty.contains(&value.to_string().as_str()));
    value
}

/// Of one kind of program.
fn edits(kind: u8) -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec(any::<[u8; 4]>(), 1..MOST_STEPS).prop_map(move |steps| {
        let bytes = [&[kind], steps.as_flattened()].concat();
        let steps = Program::decode(&bytes).steps.into_iter();
        steps.filter_map(|step| if let Step::Edit { edit, .. } = step { Some(edit) } else { None }).collect()
    })
}

/// Does some edits, the groups of which are those that have the same number; and makes sure that they are all undone, and
/// redone, to what was shown before and after them.
fn undone_and_redone<T: PartialEq + Debug>(
    mut document: Document,
    edits: &[Edit],
    group: usize,
    seen_in: impl Fn(&Document) -> T,
) {
    document.track_undo(UndoOptions { group_within: Duration::ZERO, ..UndoOptions::default() });
    let begin = seen_in(&document);
    for (number, edit) in edits.iter().enumerate() {
        let wall = Wall::from_millis((number / group) as u64);
        document.edit::<_, EditError>(wall, |txn| edit.perform(txn)).expect("edits inside");
    }
    let end = seen_in(&document);
    for _ in 0..2 {
        while undo(&mut document) {}
        assert_eq!(seen_in(&document), begin);
        while redo(&mut document) {}
        assert_eq!(seen_in(&document), end);
    }
    // One by one, each is what it was.
    let mut seen = BTreeMap::from([(0, end)]);
    let mut depth = 0;
    while undo(&mut document) {
        depth += 1;
        seen.insert(depth, seen_in(&document));
    }
    while redo(&mut document) {
        depth -= 1;
        assert_eq!(seen_in(&document), seen[&depth]);
    }
}

/// What someone else gets after these edits.
fn edited(edits: &[Edit]) -> Document {
    let mut base = document(1);
    for edit in edits {
        base.edit::<_, EditError>(Wall::from_millis(1), |txn| edit.perform(txn)).expect("edits inside");
    }
    fork(&base, 2)
}

/// Some of the base's letters, and capitals for those of others.
fn replace(document: &mut Document, at: usize, removed: usize, inserted: &str) {
    edit(document, |txn| {
        let mut text = txn.text("text");
        let at = at % (text.len() + 1);
        let removed = removed.min(text.len() - at);
        text.replace(at, removed, inserted)
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(200)) })]

    #[test]
    fn what_nobody_else_has_touched_is_as_before_when_all_is_undone(
        before in edits(0),
        edits in edits(0),
        group in 1..5_usize,
    ) {
        undone_and_redone(edited(&before), &edits, group, |document| filled(shown(document)));
    }

    #[test]
    fn lists_and_what_is_in_them_are_as_before_when_all_is_undone(
        before in edits(4),
        edits in edits(4),
        group in 1..5_usize,
    ) {
        undone_and_redone(edited(&before), &edits, group, as_one_value);
    }

    #[test]
    fn whatever_two_write_into_each_others_words_undoing_takes_all_of_ones_own_and_nothing_of_the_others(
        steps in prop::collection::vec((0..8_u8, 0..30_usize, 0..4_usize, 0..4_usize), 1..40),
    ) {
        let mut base = document(9);
        replace(&mut base, 0, 0, "------");
        let mut ann = Document::new(ReplicaId::new(1));
        ann.track_undo(UndoOptions { group_within: Duration::ZERO, depth: 1_000, ..UndoOptions::default() });
        let mut bob = document(2);
        exchange(&mut [&mut ann, &mut bob, &mut base]);
        for (what, at, removed, typed) in steps {
            match what {
                0..=2 => {
                    replace(&mut ann, at, removed, &"a"[..typed.min(1)].repeat(typed));
                    if removed < 2 {
                        ann.end_undo_group();
                    }
                }
                3 | 4 => replace(&mut bob, at, removed, &"B".repeat(typed)),
                5 => drop(undo(&mut ann)),
                6 => drop(redo(&mut ann)),
                _ => exchange(&mut [&mut ann, &mut bob]),
            }
        }
        exchange(&mut [&mut ann, &mut bob]);
        let theirs = |document: &Document| text(document).chars().filter(|char| *char == 'B').count();
        let mut before = theirs(&ann);
        while undo(&mut ann) {
            prop_assert!(theirs(&ann) >= before);
            before = theirs(&ann);
        }
        prop_assert!(!text(&ann).contains('a'), "{}", text(&ann));
        exchange(&mut [&mut ann, &mut bob]);
    }
}

#[test]
fn what_one_did_to_elements_of_a_movable_list_is_undone_and_redone_unless_others_did_more() {
    let words = |document: &Document| document.movable_list::<String>("list").to_vec().expect("words").join(" ");
    let mut ann = undoing(1);
    type Edits = fn(&mut MovableListMut<'_, &str>) -> Result<(), EditError>;
    let steps: [(Edits, &str); 6] = [
        (|list| list.extend(&["a", "b", "c", "d"]), "a b c d"),
        (|list| list.move_to(0, 2), "b c a d"),
        (|list| list.set(2, &"A").and_then(|()| list.set(2, &"A!")), "b c A! d"),
        (|list| list.move_to(2, 3).and_then(|()| list.move_to(3, 1)), "b A! c d"),
        (|list| list.delete(1, 2), "b d"),
        (|list| list.insert(1, &"new"), "b new d"),
    ];
    for (number, (edits, expected)) in steps.iter().enumerate() {
        let wall = Wall::from_millis(5_000 * (1 + number as u64));
        ann.edit::<_, EditError>(wall, |txn| edits(&mut txn.movable_list("list"))).expect("a good edit");
        assert_eq!(words(&ann), *expected);
    }
    for _ in 0..2 {
        for (_, expected) in steps[..5].iter().rev() {
            assert!(undo(&mut ann));
            assert_eq!(words(&ann), *expected);
        }
        assert!(undo(&mut ann));
        assert_eq!(words(&ann), "");
        for (_, expected) in &steps {
            assert!(take_back(&mut ann, true));
            assert_eq!(words(&ann), *expected);
        }
    }
    assert_eq!(fork(&ann, 2).digest(), ann.digest());

    let mut ann = undoing(1);
    edit(&mut ann, |txn| txn.movable_list("list").extend(&["a", "b", "c"]));
    let mut bob = fork(&ann, 2);
    ann.edit::<_, EditError>(Wall::from_millis(60_000), |txn| {
        let mut list = txn.movable_list("list");
        list.move_to(0, 2)?;
        list.move_to(0, 1)?;
        list.set(0, &"C")
    })
    .expect("a good edit");
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(words(&bob), "C b a");
    bob.edit::<_, EditError>(Wall::from_millis(61_000), |txn| txn.movable_list::<&str>("list").move_to(2, 0))
        .expect("a good edit");
    exchange(&mut [&mut ann, &mut bob]);
    assert!(undo(&mut ann));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(words(&bob), "a b c");
}
