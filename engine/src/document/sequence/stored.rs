//! Whole sequences, to be written down and to be put in place again.
//!
//! What is written are runs of items as operations name them, as long as they can be: where one ends in memory can be
//! because a leaf was full, or a stretch of ids.

use super::{LeafId, Said, SequenceId, Sequences, span::Span, tree::build::FULL};
use crate::{
    document::{container::Item, local::LocalId},
    id::OpId,
};

/// A run of items to be written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Items {
    pub(crate) first: OpId,
    pub(crate) len: u32,
    pub(crate) deleted: bool,
    /// What the first of them was inserted behind.
    pub(crate) left: Option<OpId>,
    /// What all of them were inserted before.
    pub(crate) right: Option<OpId>,
}

impl Items {
    /// The last of them.
    pub(crate) fn last(&self) -> OpId {
        OpId::new(self.first.replica, self.end() - 1)
    }

    /// The number after that of the last of them.
    pub(crate) fn end(&self) -> u64 {
        self.first.seq + u64::from(self.len)
    }

    /// Whether these and the next ones are one run.
    fn precedes(&self, next: &Self) -> bool {
        next.left == Some(self.last())
            && next.first.replica == self.first.replica
            && next.first.seq == self.end()
            && next.right == self.right
            && next.deleted == self.deleted
    }
}

/// A run of items to be put in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) first: LocalId,
    pub(crate) len: u32,
    pub(crate) deleted: bool,
    pub(crate) left: Option<LocalId>,
    pub(crate) right: Option<LocalId>,
}

/// What the items that are to be put in place say, one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Says<'a> {
    Text(&'a str),
    Items(&'a [Item]),
    /// Those that are deleted say something, too.
    Slots(&'a [Item]),
}

impl Says<'_> {
    pub(crate) const fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Items(items) | Self::Slots(items) => items.is_empty(),
        }
    }
}

impl Sequences {
    /// All items of a sequence, in order, in as few runs as there are.
    pub(crate) fn runs(&self, sequence: SequenceId) -> Vec<Items> {
        let mut runs: Vec<Items> = Vec::new();
        for span in self.tree.spans(sequence) {
            let name = |id| self.ids.op(id);
            let next = Items {
                first: name(span.first),
                len: span.len(),
                deleted: span.is_deleted(),
                left: span.left.map(name),
                right: span.right.map(name),
            };
            match runs.last_mut() {
                Some(last) if last.precedes(&next) => last.len += next.len,
                _ => runs.push(next),
            }
        }
        runs
    }

    /// Another sequence, of these items, whose ids are nobody's yet. `says` is what those say that are not deleted; it
    /// begins behind them then. `None` if it is too short.
    ///
    /// `leaves` goes on with where each run is; until [`find_in`](Self::find_in) is told, nothing is found by its id.
    pub(crate) fn place(
        &mut self,
        items: &[Placed],
        says: &mut Says<'_>,
        leaves: &mut Vec<LeafId>,
    ) -> Option<SequenceId> {
        let mut at = Vec::with_capacity(items.len());
        let mut spans: Vec<Span> = Vec::with_capacity(items.len());
        for Placed { first, len, deleted, left, right } in items.iter().copied() {
            let span = if deleted && !matches!(says, Says::Slots(_)) {
                Span::without_text(first, len, left, right)
            } else {
                let (content, size) = self.say(self.ids.writer_of(first), len as usize, says)?.extent();
                Span::new(first, len, left, right, content, size).with_deleted(deleted)
            };
            match spans.last_mut() {
                Some(last) if last.precedes(&span) => last.append(&span),
                _ => spans.push(span),
            }
            at.push(spans.len() - 1);
        }
        let Self { ids, tree, contents } = self;
        let (sequence, its) = tree.fill(&spans, |span| contents.sum(ids, span));
        leaves.extend(at.into_iter().map(|span| its[span / FULL]));
        Some(sequence)
    }

    /// From now on items are found where they are: from the first id on, so many. It costs the least in the order of the ids.
    pub(crate) fn find_in(&mut self, first: LocalId, len: u32, leaf: LeafId) {
        self.tree.index.set(first, len, leaf);
    }

    /// Takes in what the next `len` items of a writer say.
    fn say(&mut self, writer: u32, len: usize, says: &mut Says<'_>) -> Option<Said> {
        Some(match says {
            Says::Text(text) => {
                let (said, rest) = text.split_at_checked(bytes_of(text, len)?)?;
                *text = rest;
                self.contents.push_text(writer, said)
            }
            Says::Items(items) | Says::Slots(items) => {
                let (said, rest) = items.split_at_checked(len)?;
                *items = rest;
                self.contents.push_items(writer, said.iter().cloned())
            }
        })
    }

    /// Gives back the memory that is not needed for what was put in place.
    pub(crate) fn shrink(&mut self) {
        self.contents.shrink();
    }
}

/// How many bytes the first `chars` characters of a text are, if there are as many.
fn bytes_of(text: &str, chars: usize) -> Option<usize> {
    if text.as_bytes().get(..chars)?.is_ascii() {
        return Some(chars);
    }
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.nth(chars)
}
