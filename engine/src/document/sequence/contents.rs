//! What the items of sequences say: all that was ever inserted, one buffer of text and one of values per writer, in the order
//! of insertion.
//!
//! Spans hold offsets into these buffers, so splitting, deleting and restoring move nothing, and what one writer inserts
//! stays in one piece however it is mixed with what others insert. A sequence is of characters or of values; to its spans a
//! value is a character of one byte.

use super::{span::Span, tree::Sum};
use crate::document::{container::Item, local::LocalIds};

/// All that was ever inserted.
#[derive(Clone, Default)]
pub(crate) struct Contents {
    writers: Vec<Written>,
}

#[derive(Clone, Default)]
struct Written {
    text: String,
    items: Vec<Item>,
}

/// Where that lies which a run of items says, among the contents of its writer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Said {
    Text { at: u32, bytes: u32 },
    Items { at: u32, count: u32 },
}

/// What a run of items says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Saying<'a> {
    Text(&'a str),
    Items(&'a [Item]),
}

impl Said {
    /// Together with everything up to the end of what was taken in later.
    pub(crate) const fn through(self, last: Self) -> Self {
        match (self, last) {
            (Self::Text { at, .. }, Self::Text { at: last, bytes }) => Self::Text { at, bytes: last + bytes - at },
            (Self::Items { at, .. }, Self::Items { at: last, count }) => Self::Items { at, count: last + count - at },
            _ => self,
        }
    }

    /// What a span keeps of it: where it begins, and its size.
    pub(super) const fn extent(self) -> (u32, u32) {
        match self {
            Self::Text { at, bytes: size } | Self::Items { at, count: size } => (at, size),
        }
    }
}

impl Contents {
    fn of(&mut self, writer: u32) -> &mut Written {
        let writer = writer as usize;
        if writer >= self.writers.len() {
            self.writers.resize_with(writer + 1, Written::default);
        }
        &mut self.writers[writer]
    }

    /// Takes in a text of a writer.
    pub(super) fn push_text(&mut self, writer: u32, text: &str) -> Said {
        let buffer = &mut self.of(writer).text;
        let at = buffer.len() as u32;
        match text.as_bytes() {
            [letter] => buffer.push(char::from(*letter)),
            _ => buffer.push_str(text),
        }
        Said::Text { at, bytes: text.len() as u32 }
    }

    /// Takes in values of a writer.
    pub(super) fn push_items(&mut self, writer: u32, items: impl IntoIterator<Item = Item>) -> Said {
        let buffer = &mut self.of(writer).items;
        let at = buffer.len() as u32;
        buffer.extend(items);
        Said::Items { at, count: buffer.len() as u32 - at }
    }

    /// Gives back the memory that is not needed for what is here.
    pub(super) fn shrink(&mut self) {
        for Written { text, items } in &mut self.writers {
            text.shrink_to_fit();
            items.shrink_to_fit();
        }
    }

    /// Takes back what was pushed last.
    pub(super) fn take_back(&mut self, writer: u32, said: Said) {
        let Written { text, items } = self.of(writer);
        match said {
            Said::Text { at, .. } => text.truncate(at as usize),
            Said::Items { at, .. } => items.truncate(at as usize),
        }
    }

    /// What was pushed.
    pub(super) fn saying(&self, writer: u32, said: Said) -> Saying<'_> {
        let Written { text, items } = &self.writers[writer as usize];
        let (from, size) = said.extent();
        let range = from as usize..from as usize + size as usize;
        match said {
            Said::Text { .. } => Saying::Text(&text[range]),
            Said::Items { .. } => Saying::Items(&items[range]),
        }
    }

    /// What a span of characters says.
    pub(super) fn text(&self, ids: &LocalIds, span: &Span) -> &str {
        if !span.has_text() {
            return "";
        }
        let from = span.content as usize;
        &self.writers[ids.writer_of(span.first) as usize].text[from..from + span.bytes as usize]
    }

    /// What a span of values says.
    pub(super) fn items(&self, ids: &LocalIds, span: &Span) -> &[Item] {
        if !span.has_text() {
            return &[];
        }
        let from = span.content as usize;
        &self.writers[ids.writer_of(span.first) as usize].items[from..from + span.bytes as usize]
    }

    /// The byte of a span's text at which its `chars`-th item begins.
    pub(super) fn byte_offset(&self, ids: &LocalIds, span: &Span, chars: u32) -> u32 {
        if span.is_plain() {
            return chars;
        }
        let text = self.text(ids, span);
        text.char_indices().nth(chars as usize).map_or(text.len(), |(byte, _)| byte) as u32
    }

    /// What a span adds to the sums above it.
    pub(super) fn sum(&self, ids: &LocalIds, span: &Span) -> Sum {
        if span.is_deleted() {
            return Sum::default();
        }
        let wide = if span.is_plain() { 0 } else { wide_chars(self.text(ids, span)) };
        Sum { items: span.len(), utf16: span.len() + wide, bytes: span.bytes }
    }
}

/// How many characters take two UTF-16 units.
fn wide_chars(text: &str) -> u32 {
    // Those whose first UTF-8 byte says that there are four.
    text.bytes().filter(|byte| *byte >= 0xF0).count() as u32
}
