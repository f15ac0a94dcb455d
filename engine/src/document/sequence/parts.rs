//! What one document has of a sequence, taken into the same sequence of another one.
//!
//! A part is a run of items as everyone names them, with what they say and between what they were inserted. Items that
//! were inserted after those they name are integrated like any insertion from elsewhere, so the order is the one that all
//! changes would have given.

use super::{Misplaced, Origins, Place, Said, Saying, SequenceId, Sequences, Sum, span::Span};
use crate::id::OpId;

/// A run of items, deleted or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    pub(crate) first: OpId,
    pub(crate) len: u32,
    pub(crate) deleted: bool,
    left: Option<OpId>,
    right: Option<OpId>,
    /// What they say; nothing if they are deleted and that is not kept.
    says: Option<Saying<'a>>,
}

impl Part<'_> {
    /// How many of its items, from the first on, have a smaller number than this.
    pub(crate) fn before(&self, next: u64) -> u32 {
        next.saturating_sub(self.first.seq).min(self.len.into()) as u32
    }

    /// All but the first `count` of its items, of which there are more.
    fn from(self, count: u32) -> Self {
        let Some(previous) = count.checked_sub(1) else { return self };
        let op = |offset: u32| OpId::new(self.first.replica, self.first.seq + u64::from(offset));
        let says = self.says.map(|says| match says {
            Saying::Text(text) => {
                let byte = text.char_indices().nth(count as usize).map_or(text.len(), |(byte, _)| byte);
                Saying::Text(&text[byte..])
            }
            Saying::Items(items) => Saying::Items(items.get(count as usize..).unwrap_or_default()),
        });
        Self { first: op(count), len: self.len - count, left: Some(op(previous)), says, ..self }
    }
}

impl Sequences {
    /// All items of a sequence of characters, or of values, in its order.
    pub(crate) fn parts(&self, sequence: SequenceId, characters: bool) -> impl Iterator<Item = Part<'_>> + '_ {
        self.tree.spans(sequence).map(move |span| {
            let says = |span| match characters {
                true => Saying::Text(self.contents.text(&self.ids, span)),
                false => Saying::Items(self.contents.items(&self.ids, span)),
            };
            let name = |id| self.ids.op(id);
            Part {
                first: name(span.first),
                len: span.len(),
                deleted: span.is_deleted(),
                left: span.left.map(name),
                right: span.right.map(name),
                says: span.has_text().then(|| says(span)),
            }
        })
    }

    /// Inserts the items of a part behind its first `known`, which are here already. They are seen unless they are deleted, or
    /// are to be `hidden`. `None` if there are no ids left for them.
    ///
    /// # Errors
    ///
    /// If what they were inserted between is not here or cannot be.
    pub(crate) fn insert_part(
        &mut self,
        sequence: SequenceId,
        part: Part<'_>,
        known: u32,
        hidden: bool,
    ) -> Option<Result<(), Misplaced>> {
        let Part { first, len, deleted, left, right, says } = part.from(known);
        let origin = |op: Option<OpId>| op.map(|op| self.ids.find(op)).map_or(Some(None), |found| found.map(Some));
        let (Some(left), Some(right)) = (origin(left), origin(right)) else {
            return Some(Err(Misplaced::NeverNeighbours));
        };
        let origins = Origins { left, right };
        let writer = self.ids.writer(first.replica);
        let id = self.ids.give(writer, first.seq, len)?;
        let said = says.filter(|_| hidden || !deleted).map(|says| match says {
            Saying::Text(text) => self.contents.push_text(writer, text),
            Saying::Items(items) => self.contents.push_items(writer, items.iter().cloned()),
        });
        Some(match said {
            Some(said) if !hidden => self.integrate(sequence, id, len, said, origins).map(drop),
            said => self.place_for(sequence, id, origins).map(|place| {
                let span = match said.map(Said::extent) {
                    Some((content, size)) => Span::new(id, len, left, right, content, size).with_deleted(true),
                    None => Span::without_text(id, len, left, right),
                };
                self.put_unseen(place, span);
            }),
        })
    }

    /// Puts deleted items at a place.
    fn put_unseen(&mut self, place: Place, span: Span) {
        let before = self.tree.items_before(place);
        let there = self.tree.span(place).copied().filter(|_| place.offset > 0);
        let parts = there.map(|there| {
            let (head, tail) = there.cut(place.offset, self.contents.byte_offset(&self.ids, &there, place.offset));
            [Some(head), Some(span), Some(tail)]
        });
        let Self { ids, tree, contents } = self;
        let sum = |span: &Span| contents.sum(ids, span);
        match parts {
            None => tree.put(place, span, before, Sum::default(), sum),
            Some(parts) => {
                tree.index.set(span.first, span.len(), place.leaf);
                tree.rewrite(place, &parts, before, Sum::default(), sum);
            }
        }
    }
}
