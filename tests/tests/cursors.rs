//! Cursors: places in a text that stay where they are.

use crdt_socket_sync::{
    Document, Wall,
    document::{ContainerId, ContainerKind, Cursor, EditError, Side},
};
use crdt_socket_sync_tests::{
    scenarios,
    short::document::{document, edit, exchange, fork, receive, text, write},
};
use proptest::prelude::*;

fn root() -> ContainerId {
    ContainerId::root(ContainerKind::Text, "text")
}

fn cursor(document: &Document, at: usize, side: Side) -> Cursor {
    document.cursor(&root(), at, side).expect("a text")
}

/// Acceptance line 62.
#[test]
fn a_cursor_is_found_again_behind_what_others_insert_before_it() {
    let mut ann = document(1);
    write(&mut ann, 0, "hello world");
    let mut bob = fork(&ann, 2);
    let start = cursor(&ann, 0, Side::Left);
    let caret = cursor(&ann, 5, Side::Left);
    write(&mut bob, 0, "XXX ");
    write(&mut bob, 15, "!!!");
    exchange(&mut [&mut ann, &mut bob]);
    for document in [&ann, &bob] {
        assert_eq!(document.position_of(&start), Some(0));
        assert_eq!(document.position_of(&caret), Some(9));
    }
}

/// Acceptance line 63.
#[test]
fn what_is_edited_behind_a_cursor_does_not_move_it_and_bytes_find_the_same_place() {
    let mut ann = document(1);
    write(&mut ann, 0, "hello world");
    let behind_o = cursor(&ann, 5, Side::Left);
    write(&mut ann, 11, "!");
    edit(&mut ann, |txn| txn.text("text").delete(6, 2));
    assert_eq!(ann.position_of(&behind_o), Some(5));
    // With what it stands behind, and more.
    edit(&mut ann, |txn| txn.text("text").delete(2, 3));
    assert_eq!((text(&ann).as_str(), ann.position_of(&behind_o)), ("he rld!", Some(2)));
    assert_eq!(cursor(&ann, 100, Side::Left), cursor(&ann, 7, Side::Left));
    assert_eq!(cursor(&ann, 100, Side::Right), cursor(&ann, 7, Side::Right));

    let bob = fork(&ann, 2);
    let sent = Cursor::decode(behind_o.encode()).expect("a cursor");
    assert_eq!(bob.position_of(&sent), Some(2));
    // In something that has not arrived.
    write(&mut ann, 0, "X");
    let early = cursor(&ann, 1, Side::Left);
    assert_eq!((ann.position_of(&early), bob.position_of(&early)), (Some(1), None));
}

#[test]
fn what_is_inserted_at_a_cursor_comes_behind_it_or_before_it_as_its_side_says() {
    let mut ann = document(1);
    write(&mut ann, 0, "ab");
    let sides = [Side::Left, Side::Right];
    let cursors: Vec<_> = (0..=2).flat_map(|at| sides.map(|side| cursor(&ann, at, side))).collect();
    for at in [2, 1, 0] {
        write(&mut ann, at, "--");
    }
    let positions: Vec<_> = cursors.iter().map(|cursor| ann.position_of(cursor)).collect();
    assert_eq!(positions, [0, 2, 3, 5, 6, 8].map(Some));
}

#[test]
fn a_cursor_is_taken_inside_a_transaction_too_and_only_in_what_has_an_order() -> Result<(), EditError> {
    let mut ann = document(1);
    let caret = ann.edit::<_, EditError>(Wall::from_millis(1), |txn| {
        let mut text = txn.text("text");
        text.push_str("ab")?;
        Ok(text.cursor(1, Side::Left))
    })?;
    write(&mut ann, 0, "x");
    assert_eq!(ann.position_of(&caret.value), Some(2));
    assert_eq!(ann.cursor(&ContainerId::root(ContainerKind::Map, "text"), 0, Side::Left), None);
    // Where nobody has written there is one place only.
    let nowhere = ContainerId::root(ContainerKind::Text, "nobody's");
    let ends = [Side::Left, Side::Right].map(|side| ann.cursor(&nowhere, 3, side).expect("a text"));
    assert_eq!(ends.map(|cursor| ann.position_of(&cursor)), [Some(0); 2]);
    Ok(())
}

/// Acceptance line 64.
#[test]
fn a_cursor_stays_where_its_deleted_item_was_whatever_is_edited_since() {
    scenarios::a_cursor_stays_where_its_deleted_item_was_whatever_is_edited_since();
}

#[test]
fn cursors_in_nested_texts_survive_their_bytes() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        txn.map::<u8>("map").set("k", &1)?;
        let mut map = txn.map::<u8>("map");
        let mut inner = map.map::<u8>("k")?;
        inner.text("inside")?.push_str("text")
    });
    let inner = ann.containers().find(|id| id.depth() == 2).expect("a nested text").clone();
    let caret = ann.cursor(&inner, 2, Side::Right).expect("a text");
    let bytes = caret.encode();
    assert_eq!(Cursor::decode(bytes.clone()), Ok(caret.clone()));
    assert_eq!(fork(&ann, 2).position_of(&caret), Some(2));
    for end in 0..bytes.len() {
        assert!(Cursor::decode(bytes.slice(..end)).is_err(), "{end} bytes of {bytes:02x?}");
    }
    let longer = [&bytes[..], b"\0"].concat();
    assert!(Cursor::decode(longer.into()).is_err());
}

/// Byte by byte, as `docs/format.md` says: others may read it in another language.
#[test]
fn the_bytes_of_a_cursor_are_what_the_format_says() {
    let mut ann = document(7);
    write(&mut ann, 0, "abc");
    let of = |at, side| cursor(&ann, at, side).encode().to_vec();
    let text = b"\x01\x04text\x00";
    assert_eq!(of(2, Side::Left), [b"\x02\0\0\0\0\0\0\0\x07\x01", &text[..]].concat());
    assert_eq!(of(2, Side::Right), [b"\x03\0\0\0\0\0\0\0\x07\x02", &text[..]].concat());
    assert_eq!(of(0, Side::Left), [b"\x00", &text[..]].concat());
    assert_eq!(of(3, Side::Right), [b"\x01", &text[..]].concat());
    edit(&mut ann, |txn| {
        txn.map("m").set("k", &1)?;
        txn.map::<u8>("m").text("k").map(drop)
    });
    let nested = ann.containers().find(|id| id.depth() == 1).expect("a nested text");
    let bytes = ann.cursor(nested, 0, Side::Left).expect("a text").encode();
    assert_eq!(bytes[..], b"\x00\x02\x01m\x01\x01\x01k\0\0\0\0\0\0\0\x07\x03\x00"[..]);
}

/// An edit of a text by one of two: who, where, what goes, what comes.
type Edit = (bool, usize, usize, String);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec((any::<bool>(), 0..40_usize, 0..4_usize, "[a-z😀]{0,3}"), 1..20)
}

proptest! {
    /// The twin: a text in which the cursor is a mark that is edited around.
    #[test]
    fn a_cursor_is_where_the_simplest_mark_is(edits in edits(), at in 0..12_usize, right: bool) {
        let mut ann = document(1);
        write(&mut ann, 0, "some letters");
        let side = if right { Side::Right } else { Side::Left };
        let cursor = cursor(&ann, at, side);
        let mut bob = fork(&ann, 2);
        let (mut len, mut mark) = (12, at);
        // While its item is there, its side counts.
        let mut held = if right { at < 12 } else { at > 0 };
        for (by_bob, at, removed, inserted) in edits {
            let at = at % (len + 1);
            let removed = removed.min(len - at);
            let (writer, reader) = if by_bob { (&mut bob, &mut ann) } else { (&mut ann, &mut bob) };
            let change = edit(writer, |txn| txn.text("text").replace(at, removed, &inserted));
            change.iter().for_each(|change| drop(receive(reader, change)));
            let typed = inserted.chars().count();
            let item = if right { Some(mark) } else { mark.checked_sub(1) };
            if held && item.is_some_and(|item| (at..at + removed).contains(&item)) {
                held = false;
            }
            let gone = removed.min(mark.saturating_sub(at));
            let known = held || !(at..=at + removed).contains(&mark);
            mark -= gone;
            if mark > at || (mark == at && right && held) {
                mark += typed;
            }
            len = len - removed + typed;
            let found = ann.position_of(&cursor).expect("it is here");
            prop_assert_eq!(bob.position_of(&cursor), Some(found));
            if !known {
                // Once its item is gone, either end of what is inserted at that very place will do.
                prop_assert!((at..=at + typed).contains(&found));
                mark = found;
            }
            prop_assert_eq!(found, mark);
        }
    }

    #[test]
    fn any_bytes_are_a_cursor_of_one_form_or_an_error(bytes in prop::collection::vec(0..6_u8, 0..40)) {
        if let Ok(cursor) = Cursor::decode(bytes.clone().into()) {
            prop_assert_eq!(&cursor.encode()[..], &bytes[..]);
            prop_assert!(document(1).position_of(&cursor).is_none_or(|at| at == 0));
        }
    }
}
