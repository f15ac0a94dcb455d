//! Texts: reading and editing. Positions are characters, that is, Unicode scalar values.

use std::fmt;

use super::{
    container::ContainerId,
    diff,
    event::TextEdit,
    journal::{Named, State},
    sequence::{SequenceId, Sequences, Sum, Unit},
    transaction::EditError,
};

/// A text to be read. One that nobody has written to is empty.
///
/// **What is typed stays between the two characters that it was typed between**, and what several people type at one place at
/// once stays in one piece each. So when ann types `very ` into `a good day` before `good` while bob deletes `good `, it is
/// `a very day` for everyone; and when both type a word at the end, one is behind the other, not letter between letter.
#[derive(Clone, Copy)]
pub struct TextRef<'a> {
    /// `None` if nobody has written to it.
    sequence: Option<(&'a Sequences, SequenceId)>,
}

impl<'a> TextRef<'a> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        Self { sequence: state.sequence(id).map(|sequence| (&state.sequences, sequence)) }
    }

    /// How many characters it has.
    pub fn len(&self) -> usize {
        self.sequence.map_or(0, |(sequences, id)| sequences.len(id))
    }

    /// Whether it has no character.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many UTF-16 units it has: what browsers and many editors call its length.
    pub fn utf16_len(&self) -> usize {
        self.size().utf16 as usize
    }

    /// How many bytes of UTF-8 it has.
    pub fn byte_len(&self) -> usize {
        self.size().bytes as usize
    }

    /// The position in UTF-16 units of the character `at`, or the length in UTF-16 units if it has not as many.
    pub fn chars_to_utf16(&self, at: usize) -> usize {
        self.before(at, Unit::Item).utf16 as usize
    }

    /// The character in which a UTF-16 unit is; the length if it has not as many. The second half of a surrogate pair
    /// belongs to the character of the first.
    pub fn utf16_to_chars(&self, units: usize) -> usize {
        self.before(units, Unit::Utf16).items as usize
    }

    /// The position in bytes of UTF-8 of the character `at`, or the length in bytes if it has not as many.
    pub fn chars_to_bytes(&self, at: usize) -> usize {
        self.before(at, Unit::Item).bytes as usize
    }

    /// The character in which a byte of the UTF-8 is; the length if it has not as many.
    pub fn bytes_to_chars(&self, bytes: usize) -> usize {
        self.before(bytes, Unit::Byte).items as usize
    }

    fn size(&self) -> Sum {
        self.sequence.map_or_else(Sum::default, |(sequences, id)| sequences.size(id))
    }

    fn before(&self, at: usize, unit: Unit) -> Sum {
        self.sequence.map_or_else(Sum::default, |(sequences, id)| sequences.before_unit(id, at, unit))
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
    pub(super) id: Named,
}

impl TextMut<'_> {
    /// Which container it is.
    pub fn id(&self) -> &ContainerId {
        self.state.id_of(&self.id)
    }

    /// The text as it stands in the transaction.
    pub fn view(&self) -> TextRef<'_> {
        let Named::Here(index) = &self.id else { return TextRef::of(self.state, self.id()) };
        TextRef { sequence: Some((&self.state.sequences, self.state.sequence_of(*index))) }
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
        self.delete_here(at, count).ok_or(EditError::Exhausted)
    }

    /// Deletes `count` characters from `at` on and inserts others in their place.
    ///
    /// # Errors
    ///
    /// If they reach past the end.
    pub fn replace(&mut self, at: usize, count: usize, text: &str) -> Result<(), EditError> {
        self.check(at, count)?;
        let mark = self.state.mark();
        let deleted = count == 0 || self.delete_here(at, count).is_some();
        if deleted && (text.is_empty() || self.state.insert(&self.id, at, text).is_some()) {
            return Ok(());
        }
        self.state.return_to(mark);
        Err(EditError::Exhausted)
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

    /// Deletes characters that are there.
    fn delete_here(&mut self, at: usize, count: usize) -> Option<()> {
        let container = self.state.open_named(&self.id);
        self.state.delete(container, at, count)
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
