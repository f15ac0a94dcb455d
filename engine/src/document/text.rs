//! Texts: reading and editing. Positions are characters, that is, Unicode scalar values.

use std::fmt;

use super::{container::ContainerId, journal::State, sequence::Sequence, transaction::EditError};

/// A text to be read. One that nobody has written to is empty.
///
/// **What is typed stays between the two characters that it was typed between**, and what several people type at one place at
/// once stays in one piece each. So when ann types `very ` into `a good day` before `good` while bob deletes `good `, it is
/// `a very day` for everyone; and when both type a word at the end, one is behind the other, not letter between letter.
#[derive(Clone, Copy)]
pub struct TextRef<'a> {
    sequence: Option<&'a Sequence>,
}

impl<'a> TextRef<'a> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        Self { sequence: state.sequence(id) }
    }

    /// How many characters it has.
    pub fn len(&self) -> usize {
        self.sequence.map_or(0, Sequence::len)
    }

    /// Whether it has no character.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its characters, in order.
    pub fn chars(&self) -> impl Iterator<Item = char> + 'a {
        self.sequence.into_iter().flat_map(|sequence| sequence.pieces().flat_map(str::chars))
    }

    /// `count` characters from `at` on; `None` if it has not as many.
    pub fn slice(&self, at: usize, count: usize) -> Option<String> {
        let inside = at.checked_add(count).is_some_and(|end| end <= self.len());
        inside.then(|| self.sequence.map_or_else(String::new, |sequence| sequence.slice(at, count)))
    }
}

impl fmt::Display for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sequence.map_or(Ok(()), |sequence| fmt::Display::fmt(sequence, f))
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
    /// Which container it is.
    pub const fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The text as it stands in the transaction.
    pub fn view(&self) -> TextRef<'_> {
        TextRef::of(self.state, &self.id)
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
