//! Texts: reading and editing. Positions are characters, that is, Unicode scalar values.

use std::fmt;

use super::{
    container::ContainerId,
    diff,
    event::TextEdit,
    journal::State,
    sequence::{SequenceId, Sequences},
    transaction::EditError,
};

/// A text to be read. One that nobody has written to is empty.
#[derive(Clone, Copy)]
pub struct TextRef<'a> {
    /// `None` if nobody has written to it.
    pub(super) sequence: Option<(&'a Sequences, SequenceId)>,
}

impl<'a> TextRef<'a> {
    /// How many characters it has.
    pub fn len(&self) -> usize {
        self.sequence.map_or(0, |(sequences, id)| sequences.len(id))
    }

    /// Whether it has no character.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its characters, in order.
    pub fn chars(&self) -> impl Iterator<Item = char> + 'a {
        self.pieces().flat_map(str::chars)
    }

    /// Its characters in pieces, as they are kept: to be read without putting them together.
    pub fn pieces(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.sequence.into_iter().flat_map(|(sequences, id)| sequences.pieces(id))
    }

    /// `count` characters from `at` on; `None` if it has not as many.
    pub fn slice(&self, at: usize, count: usize) -> Option<String> {
        let inside = at.checked_add(count).is_some_and(|end| end <= self.len());
        inside.then(|| self.sequence.map_or_else(String::new, |(sequences, id)| sequences.slice(id, at, count)))
    }
}

impl fmt::Display for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().try_for_each(|piece| f.write_str(piece))
    }
}

impl fmt::Debug for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl PartialEq<str> for TextRef<'_> {
    fn eq(&self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }
}

impl PartialEq<&str> for TextRef<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

/// A text to be edited, inside a transaction.
pub struct TextMut<'a> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
}

impl TextMut<'_> {
    /// The text as it stands in the transaction.
    pub fn view(&self) -> TextRef<'_> {
        self.state.text(&self.id)
    }

    /// How many characters it has.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether it has no character.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Inserts before the character `at`; at the end if that is the length.
    ///
    /// # Errors
    ///
    /// If the position is past the end.
    pub fn insert(&mut self, at: usize, text: &str) -> Result<(), EditError> {
        self.check(at, 0)?;
        if text.is_empty() {
            return Ok(());
        }
        self.state.insert(&self.id, at, text).ok_or(EditError::Exhausted)
    }

    /// Inserts at the end.
    ///
    /// # Errors
    ///
    /// None of its own: [`EditError::Exhausted`].
    pub fn push_str(&mut self, text: &str) -> Result<(), EditError> {
        self.insert(self.len(), text)
    }

    /// Deletes `count` characters, from `at` on.
    ///
    /// # Errors
    ///
    /// If they reach past the end.
    pub fn delete(&mut self, at: usize, count: usize) -> Result<(), EditError> {
        self.check(at, count)?;
        if count == 0 {
            return Ok(());
        }
        self.state.delete(&self.id, at, count).ok_or(EditError::Exhausted)
    }

    /// Deletes `count` characters from `at` on and inserts others in their place.
    ///
    /// # Errors
    ///
    /// If they reach past the end.
    pub fn replace(&mut self, at: usize, count: usize, text: &str) -> Result<(), EditError> {
        let mark = self.state.mark();
        self.delete(at, count)?;
        self.insert(at, text).inspect_err(|_| self.state.return_to(mark))
    }

    /// Makes the text `new` by [editing](diff::edits) only what is different, so that what others do elsewhere in it stays.
    ///
    /// # Errors
    ///
    /// None of its own: [`EditError::Exhausted`].
    pub fn update(&mut self, new: &str) -> Result<(), EditError> {
        let edits = diff::edits(&self.to_string(), new);
        self.apply(edits)
    }

    /// Makes the text `new` by the [one replacement](diff::delta) that someone has made whose caret stands before its
    /// character `caret` now. For an editor that tells what its text is after each stroke, and not what was typed.
    ///
    /// # Errors
    ///
    /// None of its own: [`EditError::Exhausted`].
    pub fn update_with_caret(&mut self, new: &str, caret: usize) -> Result<(), EditError> {
        let edit = diff::delta(&self.to_string(), new, Some(caret));
        self.apply(edit)
    }

    /// Applies one edit after another, all of them or none.
    fn apply(&mut self, edits: impl IntoIterator<Item = TextEdit>) -> Result<(), EditError> {
        let mark = self.state.mark();
        let mut edits = edits.into_iter();
        edits
            .try_for_each(|edit| self.replace(edit.at, edit.removed, &edit.inserted))
            .inspect_err(|_| self.state.return_to(mark))
    }

    fn check(&self, at: usize, count: usize) -> Result<(), EditError> {
        let (end, len) = (at.saturating_add(count), self.len());
        if end > len { Err(EditError::PositionOutOfRange { at: end, len }) } else { Ok(()) }
    }
}

impl fmt::Display for TextMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.view(), f)
    }
}
