//! What people who edit rely on: that what fails is undone, that cursors stay, that undoing is about one's own.

use crdt_socket_sync::{
    Document, Wall,
    document::{ContainerEdit, ContainerId, ContainerKind, EditError, Side, UndoOptions},
};

use crate::short::document::{document, edit, exchange, fork, text, write};

/// One whose edits can be undone, each by itself.
fn undoing(document: &Document, replica: u64) -> Document {
    let mut document = fork(document, replica);
    document.track_undo(UndoOptions { group_within: std::time::Duration::ZERO, ..UndoOptions::default() });
    document
}

/// Edits, and ends the group.
fn step(document: &mut Document, at: usize, removed: usize, inserted: &str) {
    edit(document, |txn| txn.text("text").replace(at, removed, inserted));
    document.end_undo_group();
}

fn undo(document: &mut Document) {
    document.undo(Wall::from_millis(1_000)).expect("a small change").expect("something to undo");
    document.check().expect("sound inside");
}

/// What is inside of it goes, and what is around it stays.
pub fn an_error_inside_a_nested_transaction_undoes_that_one_and_what_is_around_it_goes_on() {
    let mut ann = document(1);
    let change = edit(&mut ann, |txn| {
        txn.text("text").push_str("a")?;
        let undone = txn.nested(|txn| {
            txn.text("text").push_str("b")?;
            txn.map("map").set("k", &1)?;
            txn.nested(|txn| txn.text("text").push_str("c"))?;
            txn.text("text").insert(1_000, "x")
        });
        assert_eq!(undone, Err(EditError::PositionOutOfRange { at: 1_000, len: 3 }));
        txn.nested(|txn| txn.text("text").push_str("d"))
    });
    assert_eq!(text(&ann), "ad");
    assert!(!ann.map::<u8>("map").contains("k"));
    assert_eq!((change.expect("a change").len, ann.log().end()), (2, 1));
}

/// What it is stuck to is named, not counted; and where it was is told by what is around it.
pub fn a_cursor_stays_where_its_deleted_item_was_whatever_is_edited_since() {
    let mut ann = document(1);
    write(&mut ann, 0, "one two three");
    let id = ContainerId::root(ContainerKind::Text, "text");
    let cursors = [Side::Left, Side::Right].map(|side| ann.cursor(&id, 6, side).expect("a text"));
    edit(&mut ann, |txn| txn.text("text").delete(4, 4));
    write(&mut ann, 0, "0 ");
    for document in [&ann, &fork(&ann, 9)] {
        assert_eq!(text(document), "0 one three");
        assert_eq!(cursors.each_ref().map(|cursor| document.position_of(cursor)), [Some(6); 2]);
    }
}

/// What one typed goes, what others typed amidst it or deleted of it stays as they left it.
pub fn undoing_an_insertion_deletes_what_is_left_of_it_and_nothing_of_others() {
    let mut ann = undoing(&document(9), 1);
    let mut bob = fork(&ann, 2);
    write(&mut bob, 0, "[]");
    exchange(&mut [&mut ann, &mut bob]);
    step(&mut ann, 1, 0, "very");
    exchange(&mut [&mut ann, &mut bob]);
    edit(&mut bob, |txn| txn.text("text").replace(2, 1, "BOB"));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(text(&ann), "[vBOBry]");
    undo(&mut ann);
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(text(&bob), "[BOB]");
    ann.redo(Wall::from_millis(1_000)).expect("a small change").expect("something to redo");
    assert_eq!(text(&ann), "[vBOBry]");
}

/// It comes back between those that it stood between, whatever has become of these.
pub fn undoing_a_deletion_inserts_it_again_at_its_place_even_without_its_neighbours() {
    let mut ann = document(1);
    write(&mut ann, 0, "<one two three>");
    let mut ann = undoing(&ann, 3);
    let mut bob = fork(&ann, 2);
    step(&mut ann, 5, 4, "");
    // Into its midst, and all around it.
    edit(&mut bob, |txn| txn.text("text").insert(7, "-BOB-"));
    edit(&mut bob, |txn| txn.text("text").delete(1, 4));
    edit(&mut bob, |txn| txn.text("text").delete(10, 5));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(text(&ann), "<-BOB->");
    undo(&mut ann);
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(text(&bob), "<tw-BOB-o >");
}

/// What was deleted and came back is, for older edits, what it was.
pub fn older_edits_find_what_came_back_by_undoing_younger_ones() {
    let mut ann = undoing(&document(9), 1);
    step(&mut ann, 0, 0, "abcdef");
    step(&mut ann, 1, 4, "");
    step(&mut ann, 0, 1, "");
    assert_eq!(text(&ann), "f");
    for _ in 0..3 {
        undo(&mut ann);
        undo(&mut ann);
        assert_eq!(text(&ann), "abcdef");
        undo(&mut ann);
        assert_eq!(text(&ann), "");
        let mut shown = Vec::new();
        while ann.redo(Wall::from_millis(1_000)).expect("a small change").is_some() {
            shown.push(text(&ann));
        }
        assert_eq!(shown, ["abcdef", "af", "f"]);
    }
}

/// A key that someone else has written since is theirs; and so is one that someone else has put into an or-map.
pub fn undoing_a_write_gives_back_what_stood_there_unless_others_have_written_since() {
    let set = |document: &mut Document, value: u8| {
        edit(document, |txn| {
            txn.map("map").set("k", &value)?;
            txn.register("register").set(&value)?;
            txn.or_map("or-map").put("k", &value)
        });
        document.end_undo_group();
    };
    let shown = |document: &Document| {
        let map = document.map("map").get("k").expect("a number");
        (map, document.register("register").get().expect("a number"), document.or_map("or-map").get("k").expect("one"))
    };
    let mut ann = undoing(&document(9), 1);
    let mut bob = fork(&ann, 2);
    set(&mut ann, 1);
    set(&mut ann, 2);
    undo(&mut ann);
    assert_eq!(shown(&ann), (Some(1_u8), Some(1_u8), Some(1_u8)));
    undo(&mut ann);
    assert_eq!(shown(&ann), (None, None, None));
    set(&mut ann, 3);
    exchange(&mut [&mut ann, &mut bob]);
    set(&mut bob, 4);
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(ann.undo(Wall::from_millis(1_000)), Ok(None));
    assert_eq!(shown(&ann), (Some(4), Some(4), Some(4)));

    // Of what is removed here and put there at once, what is put there stands.
    edit(&mut ann, |txn| txn.or_map::<u8>("or-map").remove("k"));
    edit(&mut bob, |txn| txn.or_map("or-map").put("k", &5));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(ann.undo(Wall::from_millis(1_000)), Ok(None));
    assert_eq!(shown(&ann).2, Some(5));
}

/// Both ways, and what is different is no more than what was edited.
pub fn a_view_of_a_past_version_shows_what_was_shown_then_and_a_difference_leads_there_and_back() {
    let mut ann = document(1);
    let mut versions = vec![(ann.log().version().clone(), String::new())];
    for (at, removed, inserted) in [(0, 0, "one three"), (4, 0, "two "), (0, 3, "1"), (2, 3, "2")] {
        edit(&mut ann, |txn| txn.text("text").replace(at, removed, inserted));
        versions.push((ann.log().version().clone(), text(&ann)));
    }
    for (from, shown) in &versions {
        assert_eq!(text(&ann.at(from).expect("a version")), *shown);
        for (to, then) in &versions {
            let mut patched: Vec<char> = shown.chars().collect();
            for edit in ann.diff(from, to).expect("two versions") {
                let ContainerEdit::Text { edits, .. } = edit else { panic!("{edit:?}") };
                for edit in edits {
                    patched.splice(edit.at..edit.at + edit.removed, edit.inserted.chars());
                }
            }
            assert_eq!(patched.iter().collect::<String>(), *then);
        }
    }
}
