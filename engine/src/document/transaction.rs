//! Transactions: several edits that become one change, or none.

use std::marker::PhantomData;

use super::{
    container::{ContainerId, ContainerKind},
    journal::{Mark, State},
    map::MapMut,
    register::RegisterMut,
    text::TextMut,
    value::ValueError,
};
use crate::{
    causal::Change,
    proof::{Situation, note},
};

/// An edit that was refused. It changed nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// A position is past the end of the text, in characters.
    #[error("position {at} is past the end of a text of {len} characters")]
    PositionOutOfRange {
        /// The position, or the end of the range.
        at: usize,
        /// How many characters the text has.
        len: usize,
    },
    /// The transaction as a whole would be a change larger than [the limit](super::Document::set_change_limit).
    #[error("a change of {bytes} bytes is over the limit of {limit}: make several smaller ones")]
    ChangeTooLarge {
        /// The encoded change's size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A value cannot be written, or the one that is there cannot be read.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The replica has no later clock reading, or no operation numbers, left; only a hostile peer can bring that about.
    #[error("the clock or the operation numbers of this replica are used up")]
    Exhausted,
}

/// What a transaction gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edited<T> {
    /// What the closure returned.
    pub value: T,
    /// The change that was made, to be sent and stored; `None` if nothing was edited.
    pub change: Option<Change>,
}

/// A document while it is being edited. Every edit is seen by the next one at once.
///
/// Unless it is brought to its end without an error, everything is undone: also when the closure panics and the
/// application catches that.
pub struct Transaction<'a> {
    state: &'a mut State,
    /// Where to return to; `None` once complete.
    undo: Option<Mark>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(state: &'a mut State) -> Self {
        let undo = Some(state.mark());
        Self { state, undo }
    }

    /// Keeps what was done.
    pub(super) fn complete(mut self) {
        self.undo = None;
    }

    pub(super) fn state(&mut self) -> &mut State {
        self.state
    }

    /// The text of this name. It begins to exist with the first character.
    pub fn text(&mut self, name: &str) -> TextMut<'_> {
        TextMut { state: self.state, id: ContainerId::new(ContainerKind::Text, name) }
    }

    /// The map of this name. It begins to exist with the first value.
    pub fn map<V>(&mut self, name: &str) -> MapMut<'_, V> {
        MapMut { state: self.state, id: ContainerId::new(ContainerKind::Map, name), values: PhantomData }
    }

    /// The register of this name. It begins to exist with the first value.
    pub fn register<T>(&mut self, name: &str) -> RegisterMut<'_, T> {
        RegisterMut { state: self.state, id: ContainerId::new(ContainerKind::Register, name), values: PhantomData }
    }

    /// A transaction inside this one: joins it, or is undone alone.
    ///
    /// # Errors
    ///
    /// Those of the closure. What it did is undone; what this transaction did before stays.
    pub fn nested<T, E>(&mut self, edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut inner = Transaction::new(self.state);
        let value = edit(&mut inner)?;
        inner.complete();
        Ok(value)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if let Some(mark) = self.undo {
            note(Situation::TransactionRolledBack);
            self.state.return_to(mark);
        }
    }
}
