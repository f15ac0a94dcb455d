//! Lists, and containers in them, behaviour by behaviour.

use crdt_socket_sync::{
    Change, Document, DocumentEvent, Wall,
    document::{
        ContainerEdit, ContainerId, ContainerKind, EditError, Held, Inserted, ListEdit, ListMut, PathStep, Transaction,
    },
};
use crdt_socket_sync_tests::short::document::{document, edit, exchange, fork, receive};

fn words(document: &Document) -> Vec<String> {
    document.list("list").to_vec().expect("words")
}

fn list_of(replica: u64, words: &[&str]) -> Document {
    let mut document = document(replica);
    edit(&mut document, |txn| txn.list("list").extend(words));
    document
}

fn in_list(
    document: &mut Document,
    edits: impl FnOnce(&mut ListMut<'_, &str>) -> Result<(), EditError>,
) -> Option<Change> {
    edit(document, |txn| edits(&mut txn.list("list")))
}

/// Acceptance lines 27, 70: several at once are one change, and nothing is none.
#[test]
fn what_is_done_to_a_list_in_one_transaction_builds_on_itself_and_nothing_is_no_change() {
    let mut ann = document(1);
    let change = edit(&mut ann, |txn| {
        let mut list = txn.list("list");
        list.extend(&["a", "b", "c", "d"])?;
        list.delete(1, 1)?;
        list.delete(1, 1)?;
        list.insert(1, &"x")?;
        list.push(&"y")?;
        list.set(0, &"A")?;
        list.replace(2, 1, &["e", "f"])
    });
    let mut bob = document(2);
    receive(&mut bob, &change.expect("one change"));
    assert_eq!(words(&bob), ["A", "x", "e", "f", "y"]);
    assert_eq!((words(&ann), ann.digest()), (words(&bob), bob.digest()));
    type Edits = fn(&mut ListMut<'_, &str>) -> Result<(), EditError>;
    let nothing: [Edits; 4] = [
        |list| list.extend(&[]),
        |list| list.delete(2, 0),
        |list| list.replace(0, 0, &[]),
        |list| list.update(&["A", "x", "e", "f", "y"]),
    ];
    for edits in nothing {
        assert_eq!(in_list(&mut ann, edits), None);
    }
    in_list(&mut ann, |list| list.delete(1, 3)).expect("one change");
    assert_eq!(words(&ann), ["A", "y"]);
    in_list(&mut ann, |list| list.clear()).expect("one change");
    assert!(ann.list::<&str>("list").is_empty());
}

/// Acceptance line 28.
#[test]
fn of_several_values_an_item_is_set_to_in_one_transaction_the_last_is_there() {
    let mut ann = list_of(1, &["a", "b"]);
    in_list(&mut ann, |list| ["x", "y", "z"].iter().try_for_each(|word| list.set(0, word))).expect("one change");
    in_list(&mut ann, |list| list.set(0, &"u").and_then(|()| list.set(1, &"v"))).expect("one change");
    assert_eq!((words(&ann), words(&fork(&ann, 2))), (vec!["u".into(), "v".into()], vec!["u".into(), "v".into()]));
}

/// Acceptance line 70: positions are not bent to what may have been meant.
#[test]
fn a_position_past_the_end_of_a_list_is_an_error_and_changes_nothing() {
    type Mistake = fn(&mut ListMut<'_, &str>) -> Result<(), EditError>;
    let mistakes: [Mistake; 7] = [
        |list| list.insert(4, &"x"),
        |list| list.delete(1, 99),
        |list| list.delete(4, 0),
        |list| list.delete(usize::MAX, usize::MAX),
        |list| list.set(3, &"x"),
        |list| list.replace(2, 2, &["x"]),
        |list| list.insert_text(4).map(drop),
    ];
    let mut ann = list_of(1, &["a", "b", "c"]);
    for mistake in mistakes {
        let refused = ann.edit(Wall::from_millis(1_000), |txn| mistake(&mut txn.list("list")));
        assert!(matches!(refused, Err(EditError::ItemOutOfRange { len: 3, .. })), "{refused:?}");
        assert_eq!((words(&ann).len(), ann.log().end()), (3, 1));
    }
    let list = ann.list::<String>("list");
    assert_eq!((list.get(2), list.get(3), list.get(usize::MAX)), (Ok(Some("c".into())), Ok(None), Ok(None)));
    assert!(ann.list::<u8>("list").get(0).is_err() && ann.list::<u8>("list").to_vec().is_err());
}

#[test]
fn concurrent_deletions_each_delete_the_items_they_meant() {
    let mut ann = list_of(1, &["a", "b", "c"]);
    let mut bob = fork(&ann, 2);
    in_list(&mut ann, |list| list.delete(0, 1));
    in_list(&mut bob, |list| list.delete(2, 1));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(words(&ann), ["b"]);
}

#[test]
fn an_item_that_two_set_at_once_gives_way_to_both_and_what_it_is_set_to_outlives_its_deletion() {
    let base = list_of(9, &["a", "b", "c", "d"]);
    let (mut ann, mut bob) = (fork(&base, 1), fork(&base, 2));
    in_list(&mut ann, |list| list.set(1, &"B").and_then(|()| list.set(3, &"D")));
    in_list(&mut bob, |list| list.set(1, &"B!").and_then(|()| list.delete(3, 1)));
    exchange(&mut [&mut ann, &mut bob]);
    let both = [["a", "B", "B!", "c", "D"], ["a", "B!", "B", "c", "D"]];
    assert!(both.iter().any(|words| words[..] == self::words(&ann)[..]), "{:?}", words(&ann));
}

#[test]
fn what_several_insert_at_one_place_stays_in_one_piece_each() {
    let base = list_of(9, &["a", "z"]);
    let (mut ann, mut bob) = (fork(&base, 1), fork(&base, 2));
    in_list(&mut ann, |list| (1..4).try_for_each(|at| list.insert(at, &"ann")));
    in_list(&mut bob, |list| list.replace(1, 0, &["bob", "bob"]));
    exchange(&mut [&mut ann, &mut bob]);
    let either = [["a", "ann", "ann", "ann", "bob", "bob", "z"], ["a", "bob", "bob", "ann", "ann", "ann", "z"]];
    assert!(either.iter().any(|words| words[..] == self::words(&ann)[..]), "{:?}", words(&ann));
}

#[test]
fn a_list_is_updated_where_it_differs_and_what_others_do_elsewhere_stays() {
    let base = list_of(9, &["a", "b", "c", "d"]);
    let (mut ann, mut bob) = (fork(&base, 1), fork(&base, 2));
    in_list(&mut ann, |list| list.update(&["a", "B", "c", "d", "e"]));
    in_list(&mut bob, |list| list.set(2, &"C"));
    exchange(&mut [&mut ann, &mut bob]);
    assert_eq!(words(&ann), ["a", "B", "C", "d", "e"]);
    edit(&mut ann, |txn| txn.list::<&str>("list").insert_text(0)?.push_str("in a container"));
    in_list(&mut ann, |list| list.update(&["a", "d"]));
    assert_eq!((words(&ann), ann.list::<&str>("list").len()), (vec!["a".to_owned(), "d".to_owned()], 2));
}

/// Acceptance lines 73, 74: for items of lists.
#[test]
fn a_tree_of_containers_in_lists_is_there_for_whoever_has_the_changes() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        let mut list = txn.list::<u8>("list");
        list.push(&7)?;
        list.insert_text(1)?.push_str("Hello")?;
        list.insert_map::<u8>(2)?.list::<u8>("inner")?.insert_counter(0)?.add(3)?;
        list.insert_list::<u8>(0)?.push(&1)?;
        list.insert_register::<u8>(4)?.set(&2)?;
        list.insert_or_set::<u8>(5)?.add(&3)?;
        list.insert_or_map::<u8>(6)?.put("k", &4)
    });
    let bob = fork(&ann, 2);
    assert_eq!(bob.digest(), ann.digest());
    let list = bob.list::<u8>("list");
    assert_eq!((list.len(), list.iter().count(), list.get(0), list.get(1)), (7, 1, Ok(None), Ok(Some(7))));
    assert_eq!(list.list::<u8>(0).and_then(|inner| inner.get(0).ok()), Some(Some(1)));
    assert_eq!(list.text(2).expect("a text"), "Hello");
    let counter = list.map::<u8>(3).and_then(|map| map.list::<u8>("inner")?.counter(0));
    assert_eq!(counter.map(|counter| counter.value()), Some(3));
    assert_eq!(list.register::<u8>(4).expect("a register").get(), Ok(Some(2)));
    assert!(list.or_set(5).expect("an or-set").contains(&3_u8));
    assert_eq!(list.or_map::<u8>(6).expect("an or-map").get("k"), Ok(Some(4)));
    // A value, another kind, and nothing.
    assert!(list.text(1).is_none() && list.text(3).is_none() && list.text(7).is_none());
    assert!(list.held().map(|held| matches!(held, Held::Container(_))).eq([true, false, true, true, true, true, true]));
}

/// Acceptance line 76.
#[test]
fn a_row_that_one_adds_to_a_table_and_what_another_types_in_a_cell_are_both_there() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        let mut chapters = txn.list::<u8>("chapters");
        let mut chapter = chapters.insert_map::<&str>(0)?;
        chapter.set("title", &"Title")?;
        let mut blocks = chapter.list::<&str>("blocks")?;
        blocks.push(&"para")?;
        blocks.insert_list::<u8>(1)?.insert_list::<u8>(0)?.insert_text(0)?.push_str("hi")
    });
    let mut bob = fork(&ann, 2);
    let table = |txn: &mut Transaction<'_>| -> Result<ContainerId, EditError> {
        let mut chapters = txn.list::<u8>("chapters");
        let mut chapter = chapters.map::<u8>(0).expect("a chapter");
        let mut blocks = chapter.list::<u8>("blocks")?;
        Ok(blocks.list::<u8>(1).expect("a table").id().clone())
    };
    edit(&mut ann, |txn| {
        let table = table(txn)?;
        txn.list_of::<u8>(&table)?.insert_list::<u8>(1)?.insert_text(0)?.push_str("X")
    });
    edit(&mut bob, |txn| {
        let table = table(txn)?;
        txn.list_of::<u8>(&table)?.list::<u8>(0).expect("a row").text(0).expect("a cell").push_str("!")
    });
    exchange(&mut [&mut ann, &mut bob]);
    for document in [&ann, &bob] {
        let chapter = document.list::<u8>("chapters").map::<String>(0).expect("a chapter");
        let blocks = chapter.list::<String>("blocks").expect("blocks");
        let table = blocks.list::<u8>(1).expect("a table");
        let cell = |row: usize| table.list::<u8>(row).expect("a row").text(0).expect("a cell").to_string();
        assert_eq!((chapter.get("title"), blocks.get(0)), (Ok(Some("Title".into())), Ok(Some("para".into()))));
        assert_eq!((table.len(), cell(0), cell(1)), (2, "hi!".to_owned(), "X".to_owned()));
    }
}

#[test]
fn a_container_whose_item_was_deleted_is_not_shown_and_takes_in_what_others_write_in_it() {
    let mut ann = list_of(1, &["a"]);
    edit(&mut ann, |txn| txn.list::<u8>("list").insert_text(1)?.push_str("text"));
    let id = ann.containers().find(|id| id.kind == ContainerKind::Text).expect("a text").clone();
    let path = vec![PathStep::Root("list".into()), PathStep::Index(1)];
    assert_eq!((ann.path(&id), id.depth()), (Some(path), 1));
    let mut bob = fork(&ann, 2);
    in_list(&mut ann, |list| list.delete(1, 1));
    edit(&mut bob, |txn| txn.list::<u8>("list").text(1).expect("a text").push_str("!"));
    in_list(&mut bob, |list| list.insert(0, &"before"));
    assert_eq!(bob.path(&id).and_then(|path| path.last().cloned()), Some(PathStep::Index(2)));
    exchange(&mut [&mut ann, &mut bob]);
    for document in [&ann, &bob] {
        assert_eq!((document.path(&id), words(document)), (None, vec!["before".to_owned(), "a".to_owned()]));
        assert_eq!(document.text_of(&id).expect("it is known"), "text!");
    }
}

#[test]
fn containers_are_nested_in_lists_only_so_deep() {
    let mut ann = document(1);
    let mut at = ContainerId::root(ContainerKind::List, "list");
    for _ in 0..64 {
        let mut inner = None;
        edit(&mut ann, |txn| {
            inner = Some(txn.list_of::<u8>(&at)?.insert_list::<u8>(0)?.id().clone());
            Ok(())
        });
        at = inner.expect("it was made");
    }
    let digest = ann.digest();
    let refused = ann.edit(Wall::from_millis(1), |txn| txn.list_of::<u8>(&at)?.insert_text(0).map(drop));
    assert_eq!(refused.map(|edited| edited.change), Err(EditError::TooDeep { limit: 64 }));
    assert_eq!((ann.digest(), fork(&ann, 2).digest()), (digest, digest));
}

#[test]
fn the_digest_of_a_list_is_that_of_its_items_in_their_order_whoever_inserted_them() {
    let mut ann = document(1);
    edit(&mut ann, |txn| ["b", "a"].iter().try_for_each(|word| txn.list("list").insert(0, word)));
    assert_eq!(ann.digest(), list_of(2, &["a", "b"]).digest());
    let others: [&[&str]; 4] = [&["b", "a"], &["a"], &["a", "b", "c"], &["ab", ""]];
    assert!(others.iter().all(|words| list_of(2, words).digest() != ann.digest()));
    let nested = [Some("a"), Some("b"), None].map(|typed| {
        let mut document = document(3);
        edit(&mut document, |txn| match typed {
            Some(word) => txn.list::<u8>("list").insert_text(0)?.push_str(word),
            None => txn.list::<u8>("list").insert_counter(0).map(drop),
        });
        document.digest()
    });
    assert!(nested[0] != nested[1] && nested[0] != nested[2]);
}

#[test]
fn an_edit_of_a_list_and_its_receipt_report_the_same() {
    let (mut ann, mut bob) = (document(1), document(2));
    type Edits = fn(&mut ListMut<'_, u8>) -> Result<(), EditError>;
    let value = |byte: u8| Inserted::Value(vec![byte].into());
    let replace = |at, removed, inserted| ListEdit::Replace { at, removed, inserted };
    let cases: Vec<(Edits, ListEdit)> = vec![
        (|list| list.extend(&[1, 2]).and_then(|()| list.push(&3)), replace(0, 0, [1, 2, 3].map(value).into())),
        (|list| list.delete(1, 2), replace(1, 2, vec![])),
        (|list| list.set(0, &9), replace(0, 1, vec![value(9)])),
    ];
    for (edits, expected) in cases {
        let change = edit(&mut ann, |txn| edits(&mut txn.list("list"))).expect("a change");
        receive(&mut bob, &change);
        for document in [&mut ann, &mut bob] {
            let Some(DocumentEvent::Changed { edits, .. }) = document.poll_event() else { panic!("nothing") };
            let id = ContainerId::root(ContainerKind::List, "list");
            assert_eq!(edits, [ContainerEdit::List { id, edits: vec![expected.clone()] }]);
        }
    }
    let change = edit(&mut ann, |txn| txn.list::<u8>("list").insert_text(0)?.push_str("x")).expect("a change");
    receive(&mut bob, &change);
    let said = [&mut ann, &mut bob].map(Document::poll_event);
    let Some(DocumentEvent::Changed { edits, .. }) = &said[1] else { panic!("nothing") };
    let text = edits.iter().find(|edit| edit.id().kind == ContainerKind::Text).expect("what is typed");
    let inserted = replace(0, 0, vec![Inserted::Container(text.id().clone())]);
    assert!(edits.iter().any(|edit| matches!(edit, ContainerEdit::List { edits, .. } if *edits == [inserted.clone()])));
}
