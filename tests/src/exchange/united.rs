//! Documents that take in each other's snapshots.
//!
//! Whether what another one has comes as a snapshot or change by change makes no difference: to what is shown, to what is
//! said next, byte for byte, and to what is made of all that comes later. A view that is patched with what is reported shows
//! what there is.

use crdt_socket_sync::{
    Change, Document, DocumentEvent, Limits, OpId, Replica, Wall,
    document::{EditError, Origin},
};

use crate::view::{Patched, shown};

/// Someone whose document takes in what another one has; `early` may wait there. `all` are changes that come later, each
/// after what it depends on.
pub(super) fn check(ours: &Document, early: &[Change], theirs: &Document, all: &[Change]) {
    let of_changes = |early: &[Change]| {
        let changes = ours.log().iter().chain(theirs.log().iter()).chain(early.iter().cloned());
        let document = Document::from_changes(ours.replica_id(), None, changes, &Limits::default());
        let mut document = document.expect("good headers");
        while document.poll_event().is_some() {}
        document
    };
    let (expected, early_expected) = (of_changes(&[]), of_changes(early));
    let pruned = |document: &Document| {
        Document::from_snapshot(ours.replica_id(), document.snapshot(), &Limits::default()).expect("a snapshot")
    };
    let full = theirs.full_snapshot().expect("all history is here");
    for (document, snapshot, expected) in [
        (ours.clone(), theirs.snapshot(), &early_expected),
        (ours.clone(), full.clone(), &early_expected),
        (pruned(ours), theirs.snapshot(), &expected),
        (pruned(theirs), ours.snapshot(), &expected),
        (pruned(ours), full, &expected),
    ] {
        let merged = merge(document, &snapshot);
        assert_same(&merged, expected);
        assert_eq!(Document::merge_snapshot(&mut merged.clone(), snapshot, &Limits::default()), Ok(false));
        go_on(merged, expected.clone(), all);
    }
}

fn merge(mut document: Document, snapshot: &bytes::Bytes) -> Document {
    let mut view = Patched::of(&document);
    let waits = document.log().waiting().0 > 0;
    let before = shown(&document);
    let new = document.merge_snapshot(snapshot.clone(), &Limits::default()).expect("a snapshot of this history");
    let mut said = 0;
    while let Some(event) = document.poll_event() {
        if let DocumentEvent::Changed { origin, .. } = &event {
            said += 1;
            assert!(*origin == Origin::Snapshot || *origin == Origin::Remote);
        }
        // What was waiting is told after it; keys are read as they are in the end.
        view.take(event, &document);
    }
    assert!(new || said == 0);
    assert!(view.matches(&document), "a patched view shows something else");
    assert!(waits || said > 0 || Patched::of(&document).matches(&document) && before.len() <= shown(&document).len());
    document.check().expect("sound inside");
    document
}

fn assert_same(merged: &Document, expected: &Document) {
    assert_eq!(shown(merged), shown(expected));
    assert_eq!(merged.digest(), expected.digest());
    let (ours, theirs) = (merged.log(), expected.log());
    assert_eq!(ours.version(), theirs.version());
    assert_eq!(ours.frontier(), theirs.frontier());
    assert_eq!(ours.clock(), theirs.clock());
    assert_eq!(ours.waiting(), theirs.waiting());
    let again = Document::from_snapshot(merged.replica_id(), merged.snapshot(), &Limits::default());
    assert_eq!(again.expect("what was just written").digest(), merged.digest());
}

/// Both say the same, and take in the same.
fn go_on(mut merged: Document, mut expected: Document, all: &[Change]) {
    let [ours, theirs] = [&mut merged, &mut expected].map(|document| {
        let edited = document.edit::<_, EditError>(Wall::from_millis(9), |txn| {
            let (len, items) = (txn.text("text").len(), txn.movable_list::<&str>("movable list").len());
            txn.text("text").insert(len / 2, "!")?;
            txn.counter("counter").add(1)?;
            txn.map("map").set("a", &"new")?;
            txn.or_map("or-map").put("a", &"new")?;
            txn.or_set("set").remove(&1)?;
            if items > 1 {
                txn.movable_list::<&str>("movable list").move_to(0, items - 1)?;
            }
            txn.list("list").insert(0, &"new")
        });
        let mut events = Vec::new();
        events.extend(std::iter::from_fn(|| document.poll_event()));
        (edited.expect("edits inside").change, events)
    });
    assert_eq!(ours, theirs);
    for change in all {
        let [ours, theirs] = [&mut merged, &mut expected].map(|document| {
            let received = document.receive(change.clone(), &Limits::default());
            (received.is_ok(), unreadable(document))
        });
        assert_eq!(ours, theirs, "{change:?}");
    }
    merged.check().expect("sound inside");
    assert_same(&merged, &expected);
}

/// The changes that were called unreadable.
fn unreadable(document: &mut Document) -> Vec<OpId> {
    let events = std::iter::from_fn(|| document.poll_event());
    let unreadable = |event| match event {
        DocumentEvent::Unreadable { change, .. } => Some(change),
        _ => None,
    };
    events.filter_map(unreadable).collect()
}
