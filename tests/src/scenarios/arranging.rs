//! What people who arrange items rely on: that undoing gives them back as they were, and where they were.

use crdt_socket_sync::{
    Document, Wall,
    document::{EditError, MovableListMut},
};

use super::editing::{redo, undo, undoing};
use crate::short::document::{document, edit, exchange, fork};

fn arrange(
    document: &mut Document,
    arrange: impl FnOnce(&mut MovableListMut<'_, &'static str>) -> Result<(), EditError>,
) {
    edit(document, |txn| arrange(&mut txn.movable_list("list")));
    document.end_undo_group();
}

fn elements(document: &Document) -> String {
    document.movable_list::<String>("list").to_vec().expect("texts").join("")
}

/// By someone else, who takes no part.
fn abc() -> Document {
    let mut base = document(9);
    arrange(&mut base, |list| list.extend(&["a", "b", "c"]));
    base
}

/// Where someone else has put it, it stays, and so does what someone else has set it to.
pub fn undoing_a_move_or_a_value_gives_back_what_was_before_unless_others_have_moved_or_set_it_since() {
    let (mut ann, mut bob) = (undoing(&abc(), 1), fork(&abc(), 2));
    arrange(&mut ann, |list| list.move_to(0, 2));
    arrange(&mut ann, |list| list.set(0, &"B"));
    for _ in 0..2 {
        assert_eq!(elements(&ann), "Bca");
        undo(&mut ann);
        assert_eq!(elements(&ann), "bca");
        undo(&mut ann);
        assert_eq!(elements(&ann), "abc");
        redo(&mut ann);
        redo(&mut ann);
    }
    exchange(&mut [&mut ann, &mut bob]);
    arrange(&mut bob, |list| list.move_to(2, 1));
    arrange(&mut bob, |list| list.set(0, &"x"));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(ann.undo(Wall::from_millis(1_000)), Ok(None));
    assert_eq!(elements(&ann), "xac");
}

/// With the value that it was set to, also by others meanwhile; and what was done to it before is undone where it is now.
pub fn an_element_that_comes_back_is_what_it_was_where_it_was_and_older_edits_find_it() {
    let (mut ann, mut bob) = (undoing(&abc(), 1), fork(&abc(), 2));
    arrange(&mut ann, |list| list.set(0, &"A"));
    arrange(&mut ann, |list| list.move_to(0, 2));
    arrange(&mut ann, |list| list.delete(2, 1));
    arrange(&mut bob, |list| list.delete(1, 2));
    arrange(&mut bob, |list| list.push(&"-"));
    exchange(&mut [&mut ann, &mut bob]);
    for _ in 0..2 {
        let mut shown = vec![elements(&ann)];
        for _ in 0..3 {
            undo(&mut ann);
            shown.push(elements(&ann));
        }
        assert_eq!(shown, ["-", "-A", "A-", "a-"]);
        for _ in 0..3 {
            redo(&mut ann);
        }
    }
    arrange(&mut ann, |list| list.insert_all(0, &["d", "e"]));
    arrange(&mut ann, |list| list.move_to(0, 2));
    arrange(&mut ann, |list| list.delete(2, 1));
    assert_eq!(elements(&ann), "e-");
    let mut shown = Vec::new();
    for _ in 0..3 {
        undo(&mut ann);
        shown.push(elements(&ann));
    }
    assert_eq!(shown, ["e-d", "de-", "-"]);
}

/// As another container, which is why others who write in the old one are not heard; but one's own edits go on in it.
pub fn a_container_that_comes_back_as_an_item_holds_what_it_held_and_older_edits_are_undone_in_it() {
    let mut ann = undoing(&document(9), 1);
    let shown = |document: &Document| document.to_json();
    let mut seen = Vec::new();
    macro_rules! step {
        ($edit:expr) => {
            edit(&mut ann, $edit);
            ann.end_undo_group();
            seen.push(shown(&ann));
        };
    }
    step!(|txn| {
        txn.list::<u8>("list").insert_text(0)?.push_str("note")?;
        txn.movable_list::<u8>("movable").insert_map::<u8>(0)?.set("k", &1)
    });
    step!(|txn| {
        txn.list::<u8>("list").text(0).expect("a text").replace(1, 2, "0")?;
        txn.movable_list::<u8>("movable").map::<u8>(0).expect("a map").set("k", &2)
    });
    step!(|txn| txn.movable_list("movable").set(0, &3));
    step!(|txn| {
        txn.list::<u8>("list").delete(0, 1)?;
        txn.movable_list::<u8>("movable").delete(0, 1)
    });
    assert_eq!(seen[1], r#"{"list":["n0e"],"movable":[{"k":2}]}"#);
    for _ in 0..2 {
        for before in seen.iter().rev().skip(1) {
            undo(&mut ann);
            assert_eq!(shown(&ann), *before);
        }
        undo(&mut ann);
        assert_eq!(shown(&ann), r#"{"list":[],"movable":[]}"#);
        for after in &seen {
            redo(&mut ann);
            assert_eq!(shown(&ann), *after);
        }
    }
}
