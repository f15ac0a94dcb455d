//! Transactions: what becomes one change, what is undone, and what an edit is called.

use crdt_socket_sync::{
    DocumentEvent, Wall,
    document::{EditError, Transaction},
};
use crdt_socket_sync_tests::{
    scenarios,
    short::document::{document, edit, receive},
};

fn labels(document: &mut crdt_socket_sync::Document) -> Vec<Option<String>> {
    let events = std::iter::from_fn(|| document.poll_event());
    let label = |event| match event {
        DocumentEvent::Changed { label, .. } => label.map(|label| label.to_string()),
        event => panic!("{event:?}"),
    };
    events.map(label).collect()
}

fn fail(txn: &mut Transaction<'_>) -> Result<(), EditError> {
    txn.text("text").insert(1_000, "x")
}

#[test]
fn a_label_comes_with_the_event_of_the_edit_here_and_nowhere_else() {
    let mut ann = document(1);
    let change = edit(&mut ann, |txn| {
        txn.set_label("typing");
        txn.text("text").push_str("a")
    });
    edit(&mut ann, |txn| txn.text("text").push_str("b"));
    assert_eq!(labels(&mut ann), [Some("typing".to_owned()), None]);
    let mut bob = document(2);
    receive(&mut bob, &change.expect("a change"));
    assert_eq!(labels(&mut bob), [None]);
}

#[test]
fn a_label_of_what_was_undone_is_forgotten() {
    let mut ann = document(1);
    let failed = ann.edit(Wall::from_millis(1), |txn| {
        txn.set_label("failed");
        txn.text("text").push_str("a")?;
        fail(txn)
    });
    assert!(failed.is_err());
    edit(&mut ann, |txn| txn.text("text").push_str("b"));
    edit(&mut ann, |txn| {
        txn.set_label("outer");
        let undone = txn.nested(|txn| {
            txn.set_label("inner");
            fail(txn)
        });
        assert!(undone.is_err());
        txn.text("text").push_str("c")
    });
    edit(&mut ann, |txn| {
        txn.set_label("outer");
        txn.nested(|txn| {
            txn.set_label("inner");
            txn.text("text").push_str("d")
        })
    });
    let expected = [None, Some("outer"), Some("inner")];
    assert_eq!(labels(&mut ann), expected.map(|label| label.map(str::to_owned)));
}

#[test]
fn an_error_inside_a_nested_transaction_undoes_that_one_and_what_is_around_it_goes_on() {
    scenarios::an_error_inside_a_nested_transaction_undoes_that_one_and_what_is_around_it_goes_on();
}
