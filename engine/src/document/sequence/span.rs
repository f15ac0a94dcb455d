//! Spans: runs of items that one writer inserted one after another, kept as one.

use crate::{
    document::local::LocalId,
    proof::{Fault, planted},
};

/// A run of consecutive items of one writer that stand next to each other and share their fate.
///
/// Each item but the first has the item before it as its left origin; all share the right origin. A deleted span keeps
/// its ids, because operations that were made without knowing of the deletion name them.
///
/// Four laws, as for every run-length form: a length; [`cut`](Self::cut) cuts anywhere inside; `append` takes what
/// `precedes` allows; and cutting and appending again changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) first: LocalId,
    /// How many items, and in the highest bit whether they are deleted.
    len: u32,
    /// Left origin of the first item; `None` is the beginning of the sequence.
    pub(super) left: Option<LocalId>,
    /// Right origin of every item; `None` is the end of the sequence.
    pub(super) right: Option<LocalId>,
    /// Where what it says begins among the writer's contents.
    pub(super) content: u32,
    /// How many bytes that is.
    pub(super) bytes: u32,
}

const DELETED: u32 = 1 << 31;
/// Where the text of items is that were deleted before all that is here: nowhere.
const NOWHERE: u32 = u32::MAX;

impl Span {
    pub(super) const fn new(
        first: LocalId,
        len: u32,
        left: Option<LocalId>,
        right: Option<LocalId>,
        content: u32,
        bytes: u32,
    ) -> Self {
        Self { first, len, left, right, content, bytes }
    }

    /// Deleted items of which only that they were is known.
    pub(super) const fn without_text(first: LocalId, len: u32, left: Option<LocalId>, right: Option<LocalId>) -> Self {
        Self { first, len: len | DELETED, left, right, content: NOWHERE, bytes: 0 }
    }

    /// Whether what it says is here.
    pub(super) const fn has_text(&self) -> bool {
        self.content != NOWHERE
    }

    pub(super) const fn len(&self) -> u32 {
        self.len & !DELETED
    }

    pub(super) const fn is_deleted(&self) -> bool {
        self.len & DELETED != 0
    }

    #[must_use]
    pub(super) const fn with_deleted(self, deleted: bool) -> Self {
        Self { len: self.len() | if deleted { DELETED } else { 0 }, ..self }
    }

    /// How many of its items are seen.
    pub(super) const fn visible(&self) -> u32 {
        if self.is_deleted() { 0 } else { self.len }
    }

    /// Whether each item is one byte.
    pub(super) const fn is_plain(&self) -> bool {
        self.bytes == self.len()
    }

    pub(super) const fn last(&self) -> LocalId {
        self.first.plus(self.len() - 1)
    }

    /// Where in the span an item is, if it is.
    pub(super) const fn offset(&self, id: LocalId) -> Option<u32> {
        match id.since(self.first) {
            Some(offset) if offset < self.len() => Some(offset),
            _ => None,
        }
    }

    /// The left origin of the item at `offset`.
    pub(super) const fn left_of(&self, offset: u32) -> Option<LocalId> {
        if offset == 0 { self.left } else { Some(self.first.plus(offset - 1)) }
    }

    /// Whether `next`, standing right after this span, is its continuation.
    #[inline]
    pub(super) fn precedes(&self, next: &Self) -> bool {
        next.left == Some(self.last())
            && next.first == self.first.plus(self.len())
            && (self.right == next.right || planted(Fault::UnlikeRunsJoined))
            && self.is_deleted() == next.is_deleted()
            && self.content + self.bytes == next.content
    }

    /// Takes in its continuation.
    #[inline]
    pub(super) const fn append(&mut self, next: &Self) {
        self.len += next.len();
        self.bytes += next.bytes;
    }

    /// The two parts, of which the second begins at the item `offset` and at the byte `byte`; both lie inside.
    #[inline]
    pub(super) fn cut(self, offset: u32, byte: u32) -> (Self, Self) {
        let deleted = self.len & DELETED;
        let head = Self { len: offset | deleted, bytes: byte, ..self };
        let tail = Self {
            first: self.first.plus(offset),
            len: (self.len() - offset) | deleted,
            left: Some(head.last()),
            right: self.right.filter(|_| !planted(Fault::SplitForgetsRightOrigin)),
            content: self.content + byte,
            bytes: self.bytes - byte,
        };
        (head, tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document::local::LocalIds, id::ReplicaId};

    #[test]
    fn cutting_anywhere_and_appending_again_changes_nothing() {
        let mut ids = LocalIds::default();
        let writer = ids.writer(ReplicaId::new(1));
        let first = ids.give(writer, 7, 5).expect("there is room");
        for deleted in [false, true] {
            let whole = Span::new(first, 5, None, Some(first.plus(9)), 100, 10).with_deleted(deleted);
            for offset in 1..whole.len() {
                let (mut head, tail) = whole.cut(offset, 2 * offset);
                assert_eq!((head.len(), tail.len()), (offset, whole.len() - offset));
                assert!(head.precedes(&tail) && !tail.precedes(&head));
                head.append(&tail);
                assert_eq!(head, whole);
            }
        }
    }
}
