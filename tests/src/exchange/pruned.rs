//! A document without its history, beside the one that has it.
//!
//! Whatever is done to the one is done to the other. It shows the same, says the same, judges the changes of others alike,
//! makes the same changes byte for byte, and is written down as the same bytes.

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Document, DocumentEvent, Limits, Replica, Wall,
    causal::Received,
    document::{ContainerEdit, EditError, Origin, TextEdit, Transaction},
};

use crate::view::shown;

/// What a snapshot of a document gave.
pub(super) struct Pruned {
    document: Document,
}

impl Pruned {
    pub(super) fn new(document: &Document) -> Self {
        let snapshot = document.snapshot();
        let mut pruned = Document::from_snapshot(document.replica_id(), snapshot.clone(), &Limits::default())
            .expect("what was just written");
        assert_eq!(pruned.poll_event(), None);
        assert_eq!(pruned.snapshot(), snapshot);
        let pruned = Self { document: pruned };
        pruned.assert_is(document);
        pruned
    }

    pub(super) const fn document(&self) -> &Document {
        &self.document
    }

    pub(super) fn snapshot(&self) -> Bytes {
        self.document.snapshot()
    }

    /// Takes in again what arrived too early and may wait still.
    pub(super) fn wait_again(&mut self, early: &[Change]) {
        for change in early {
            let received = self.document.receive(change.clone(), &Limits::default()).expect("good headers");
            assert!(!matches!(received, Received::Appended { .. }), "{change:?} was here, or waited");
        }
    }

    pub(super) fn assert_is(&self, document: &Document) {
        self.document.check().expect("sound inside");
        assert_eq!(shown(&self.document), shown(document));
        assert_eq!(self.document.digest(), document.digest());
        let (ours, theirs) = (self.document.log(), document.log());
        assert_eq!(ours.version(), theirs.version());
        assert_eq!(ours.frontier(), theirs.frontier());
        assert_eq!(ours.clock(), theirs.clock());
        assert_eq!(ours.writers(), theirs.writers());
        assert_eq!(ours.epoch(), theirs.epoch());
    }

    pub(super) fn edit(
        &mut self,
        made: Option<&Change>,
        wall: Wall,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), EditError>,
    ) {
        let edited = self.document.edit(wall, edit).expect("edits inside");
        assert_eq!(edited.change.as_ref(), made);
    }

    pub(super) fn fail(&mut self, why: EditError, edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), EditError>) {
        let before = self.document.snapshot();
        let failed = self.document.edit(Wall::from_millis(9), edit);
        assert_eq!(failed.map(|edited| edited.change), Err(why));
        assert_eq!(self.document.poll_event(), None);
        assert_eq!(self.document.snapshot(), before);
    }

    pub(super) fn receive(&mut self, change: &Change, theirs: &Received) {
        let ours = self.document.receive(change.clone(), &Limits::default()).expect("good headers");
        match (&ours, theirs) {
            (
                Received::Appended { positions: ours, refused: our_refused },
                Received::Appended { positions: theirs, refused: their_refused },
            ) => assert_eq!((ours.len(), our_refused), (theirs.len(), their_refused)),
            _ => assert_eq!(&ours, theirs),
        }
    }

    /// It says what the other one says; what that one has undone, this one has received. What goes from a movable list then
    /// went there one by one and here at once, so it may be told in other pieces; and what goes from a text lies in other
    /// pieces where it came by a snapshot.
    pub(super) fn look(&mut self, document: &Document, events: &[DocumentEvent]) {
        let undone =
            |event: &DocumentEvent| matches!(event, DocumentEvent::Changed { origin: Origin::Undo | Origin::Redo, .. });
        let any_undone = events.iter().any(undone);
        let received = |mut event: DocumentEvent| {
            if let DocumentEvent::Changed { origin, edits, .. } = &mut event {
                if any_undone {
                    *origin = Origin::Remote;
                    edits.iter_mut().for_each(in_one_piece);
                }
                for edit in edits {
                    if let ContainerEdit::Text { edits, .. } = edit {
                        *edits = from_left_to_right(edits);
                    }
                }
            }
            event
        };
        let said: Vec<_> = std::iter::from_fn(|| self.document.poll_event()).map(received).collect();
        assert_eq!(said, events.iter().cloned().map(received).collect::<Vec<_>>());
        self.assert_is(document);
    }
}

fn in_one_piece(edit: &mut ContainerEdit) {
    if let ContainerEdit::MovableList { edits, .. } = edit {
        edits.clear();
    }
}

/// The edits that come to the same, each behind the one before.
fn from_left_to_right(edits: &[TextEdit]) -> Vec<TextEdit> {
    // The characters before, by their places, as many as can be meant, and between them those that are new.
    let reach = edits.iter().map(|edit| edit.at + edit.removed).sum();
    let mut chars: Vec<Result<usize, char>> = (0..reach).map(Ok).collect();
    for TextEdit { at, removed, inserted } in edits {
        chars.splice(*at..at + removed, inserted.chars().map(Err));
    }
    let mut told: Vec<TextEdit> = Vec::new();
    let (mut next, mut open) = (0, false);
    for (at, char) in chars.into_iter().chain([Ok(reach)]).enumerate() {
        let removed = char.map_or(0, |place| place - next);
        if char.is_err() || removed > 0 {
            if !open {
                told.push(TextEdit { at, removed: 0, inserted: String::new() });
            }
            let last = told.last_mut().expect("it was just told");
            last.removed += removed;
            last.inserted.extend(char.err());
        }
        open = char.is_err();
        next = char.map_or(next, |place| place + 1);
    }
    told
}

#[test]
fn edits_that_come_to_the_same_are_told_alike() {
    let edit = |at, removed, inserted: &str| TextEdit { at, removed, inserted: inserted.into() };
    let same = [
        vec![edit(14, 3, ""), edit(3, 11, ""), edit(2, 0, "x")],
        vec![edit(3, 14, ""), edit(2, 0, "x")],
        vec![edit(2, 0, "xy"), edit(3, 1, ""), edit(4, 14, "")],
    ];
    let told = vec![edit(2, 0, "x"), edit(4, 14, "")];
    assert!(same.iter().all(|edits| from_left_to_right(edits) == told));
    assert_eq!(from_left_to_right(&[edit(1, 0, "a"), edit(1, 1, "")]), vec![]);
}
