//! What the items of sequences say: every text ever inserted, one buffer per writer, in the order of insertion.
//!
//! Spans hold offsets into these buffers, so splitting, deleting and restoring move no text, and what one writer types
//! stays in one piece however it is mixed with what others type.

use super::{span::Span, tree::Sum};
use crate::document::local::LocalIds;

/// All that was ever inserted.
#[derive(Clone, Default)]
pub(crate) struct Contents {
    texts: Vec<String>,
}

impl Contents {
    /// Takes in a text of a writer. Where it begins.
    pub(super) fn push(&mut self, writer: u32, text: &str) -> u32 {
        let writer = writer as usize;
        if writer >= self.texts.len() {
            self.texts.resize_with(writer + 1, String::new);
        }
        let buffer = &mut self.texts[writer];
        let at = buffer.len() as u32;
        buffer.push_str(text);
        at
    }

    /// Gives back the memory that is not needed for what is here.
    pub(super) fn shrink(&mut self) {
        self.texts.iter_mut().for_each(String::shrink_to_fit);
    }

    /// Takes back what was pushed last.
    pub(super) fn take_back(&mut self, writer: u32, at: u32) {
        self.texts[writer as usize].truncate(at as usize);
    }

    /// What a span says.
    pub(super) fn text(&self, ids: &LocalIds, span: &Span) -> &str {
        if !span.has_text() {
            return "";
        }
        let from = span.content as usize;
        &self.texts[ids.writer_of(span.first) as usize][from..from + span.bytes as usize]
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
