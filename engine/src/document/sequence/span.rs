//! Spans: runs of characters that one writer typed one after another, kept as one.

use std::fmt;

use crate::proof::{Fault, planted};

/// One character of a sequence: the writer by its number in the document, and the operation's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ItemId {
    /// The writer's number; see [`Writers`](super::Writers). Its order means nothing.
    pub(crate) writer: u32,
    /// Which of the writer's operations put the character here.
    pub(crate) seq: u64,
}

impl fmt::Debug for ItemId {
    /// `7@w3`: the number, and the writer by its number here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@w{}", self.seq, self.writer)
    }
}

impl ItemId {
    pub(crate) const fn new(writer: u32, seq: u64) -> Self {
        Self { writer, seq }
    }

    /// The item `count` numbers on. The caller knows that it exists, so the number fits.
    pub(crate) const fn plus(self, count: usize) -> Self {
        Self { writer: self.writer, seq: self.seq + count as u64 }
    }
}

/// A run of consecutive items of one writer that stand next to each other and share their fate.
///
/// Each item but the first has the item before it as its left origin; all share the right origin. A deleted span has no
/// text any more and keeps its ids, because operations that were made without knowing of the deletion name them.
///
/// Four laws, as for every run-length form: a length; `split` cuts anywhere inside; `append` takes what `precedes`
/// allows; and splitting and appending again changes nothing.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) id: ItemId,
    pub(super) len: usize,
    /// Left origin of the first item; `None` is the beginning of the sequence.
    pub(super) left: Option<ItemId>,
    /// Right origin of every item; `None` is the end of the sequence.
    pub(super) right: Option<ItemId>,
    /// The characters, `len` of them; `None` once deleted.
    pub(super) text: Option<String>,
}

impl Span {
    /// How many characters of it are seen.
    pub(super) const fn visible(&self) -> usize {
        if self.text.is_some() { self.len } else { 0 }
    }

    /// Where in the span an item is, if it is.
    pub(super) fn offset(&self, id: ItemId) -> Option<usize> {
        if self.id.writer != id.writer {
            return None;
        }
        let offset = usize::try_from(id.seq.checked_sub(self.id.seq)?).ok()?;
        (offset < self.len).then_some(offset)
    }

    /// The left origin of the item at `offset`.
    pub(super) fn left_of(&self, offset: usize) -> Option<ItemId> {
        match offset.checked_sub(1) {
            Some(before) => Some(self.id.plus(before)),
            None => self.left,
        }
    }

    /// Whether `next`, standing right after this span, is its continuation.
    pub(super) fn precedes(&self, next: &Self) -> bool {
        self.id.plus(self.len) == next.id
            && next.left == Some(self.id.plus(self.len - 1))
            && (self.right == next.right || planted(Fault::UnlikeRunsJoined))
            && self.text.is_some() == next.text.is_some()
    }

    /// Takes in its continuation.
    pub(super) fn append(&mut self, next: Self) {
        self.len += next.len;
        if let (Some(text), Some(more)) = (&mut self.text, next.text) {
            text.push_str(&more);
        }
    }

    /// Takes the span out to be cut up; what is left holds its place for as long as that takes.
    pub(super) fn take(&mut self) -> Self {
        Self { text: self.text.take(), ..*self }
    }

    /// Cuts off what begins at `offset`, which lies inside.
    pub(super) fn split(&mut self, offset: usize) -> Self {
        let text = self.text.as_mut().map(|text| {
            let byte = byte_offset(text, self.len, offset);
            text.split_off(byte)
        });
        let tail = Self {
            id: self.id.plus(offset),
            len: self.len - offset,
            left: Some(self.id.plus(offset - 1)),
            right: self.right.filter(|_| !planted(Fault::SplitForgetsRightOrigin)),
            text,
        };
        self.len = offset;
        tail
    }
}

/// The byte at which the `chars`-th character of `text` begins; `len` is how many it has.
pub(super) fn byte_offset(text: &str, len: usize, chars: usize) -> usize {
    if text.len() == len {
        return chars;
    }
    text.char_indices().nth(chars).map_or(text.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_anywhere_and_appending_again_changes_nothing() {
        for text in [Some("a😀b🎉c".to_owned()), Some("plain".to_owned()), None] {
            let whole = Span { id: ItemId::new(3, 7), len: 5, left: None, right: Some(ItemId::new(1, 1)), text };
            for offset in 1..whole.len {
                let mut head = whole.clone();
                let tail = head.split(offset);
                assert_eq!((head.len, tail.len), (offset, whole.len - offset));
                assert!(head.precedes(&tail));
                head.append(tail);
                assert!(head == whole);
            }
        }
    }
}
