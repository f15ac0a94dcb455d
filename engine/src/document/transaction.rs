//! Transactions: several edits that become one change, or none.

use std::{marker::PhantomData, sync::Arc};

use super::{
    container::{ContainerId, ContainerKind},
    counter::CounterMut,
    journal::{Mark, State},
    list::ListMut,
    map::MapMut,
    movable_list::MovableListMut,
    or_map::OrMapMut,
    or_set::OrSetMut,
    register::RegisterMut,
    text::TextMut,
    value::ValueError,
};
use crate::{
    causal::Change,
    proof::{Fault, Situation, note, planted},
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
    /// A position is past the end of the list, in items.
    #[error("position {at} is past the end of a list of {len} items")]
    ItemOutOfRange {
        /// The position, or the end of the range.
        at: usize,
        /// How many items the list has.
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
    /// There is no container of this id here, or it is of another kind.
    #[error("there is no {id:?} here")]
    NoSuchContainer {
        /// The id.
        id: ContainerId,
    },
    /// A container would be nested deeper in others than can be.
    #[error("containers cannot be nested more than {limit} deep")]
    TooDeep {
        /// How deep they can be nested.
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
    /// Where to return to, and the label there; `None` once complete.
    undo: Option<(Mark, Option<Arc<str>>)>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(state: &'a mut State) -> Self {
        let undo = Some((state.mark(), state.label.clone()));
        Self { state, undo }
    }

    /// Keeps what was done.
    pub(super) fn complete(mut self) {
        self.undo = None;
    }

    pub(super) fn state(&mut self) -> &mut State {
        self.state
    }

    /// Says what the edit is: anything that means something to the application, such as `paste`. The event that reports the
    /// edit here carries it, and [undo](super::UndoOptions::exclude) can go by it; it is not sent to others.
    ///
    /// The last label stays. One that was given in a [nested](Self::nested) transaction which is undone is forgotten.
    pub fn set_label(&mut self, label: &str) {
        self.state.label = Some(label.into());
    }

    /// The text of this name at the root. It begins to exist with the first character.
    pub fn text(&mut self, name: &str) -> TextMut<'_> {
        TextMut { id: self.state.root_text(name), state: self.state }
    }

    /// The list of this name at the root. It begins to exist with the first item.
    pub fn list<T>(&mut self, name: &str) -> ListMut<'_, T> {
        ListMut { id: self.state.root(ContainerKind::List, name), state: self.state, values: PhantomData }
    }

    /// The movable list of this name at the root. It begins to exist with the first element.
    pub fn movable_list<T>(&mut self, name: &str) -> MovableListMut<'_, T> {
        MovableListMut { id: self.state.root(ContainerKind::MovableList, name), state: self.state, values: PhantomData }
    }

    /// The map of this name at the root. It begins to exist with the first value.
    pub fn map<V>(&mut self, name: &str) -> MapMut<'_, V> {
        MapMut { id: self.state.root(ContainerKind::Map, name), state: self.state, values: PhantomData }
    }

    /// The register of this name at the root. It begins to exist with the first value.
    pub fn register<T>(&mut self, name: &str) -> RegisterMut<'_, T> {
        RegisterMut { id: self.state.root(ContainerKind::Register, name), state: self.state, values: PhantomData }
    }

    /// The counter of this name at the root. It begins to exist with the first addition.
    pub fn counter(&mut self, name: &str) -> CounterMut<'_> {
        CounterMut { id: self.state.root(ContainerKind::Counter, name), state: self.state }
    }

    /// The or-set of this name at the root. It begins to exist with the first element.
    pub fn or_set<T>(&mut self, name: &str) -> OrSetMut<'_, T> {
        OrSetMut { id: self.state.root(ContainerKind::OrSet, name), state: self.state, values: PhantomData }
    }

    /// The or-map of this name at the root. It begins to exist with the first value.
    pub fn or_map<V>(&mut self, name: &str) -> OrMapMut<'_, V> {
        OrMapMut { id: self.state.root(ContainerKind::OrMap, name), state: self.state, values: PhantomData }
    }

    /// The text of this id, wherever it is, also if it is not shown any more.
    ///
    /// # Errors
    ///
    /// If there is no such text here.
    pub fn text_of(&mut self, id: &ContainerId) -> Result<TextMut<'_>, EditError> {
        Ok(TextMut { id: self.state.named(self.known(id, ContainerKind::Text)?), state: self.state })
    }

    /// The list of this id: see [`text_of`](Self::text_of).
    ///
    /// # Errors
    ///
    /// If there is no such list here.
    pub fn list_of<T>(&mut self, id: &ContainerId) -> Result<ListMut<'_, T>, EditError> {
        Ok(ListMut { id: self.known(id, ContainerKind::List)?, state: self.state, values: PhantomData })
    }

    /// The movable list of this id: see [`text_of`](Self::text_of).
    ///
    /// # Errors
    ///
    /// If there is no such movable list here.
    pub fn movable_list_of<T>(&mut self, id: &ContainerId) -> Result<MovableListMut<'_, T>, EditError> {
        Ok(MovableListMut { id: self.known(id, ContainerKind::MovableList)?, state: self.state, values: PhantomData })
    }

    /// The map of this id: see [`text_of`](Self::text_of).
    ///
    /// # Errors
    ///
    /// If there is no such map here.
    pub fn map_of<V>(&mut self, id: &ContainerId) -> Result<MapMut<'_, V>, EditError> {
        Ok(MapMut { id: self.known(id, ContainerKind::Map)?, state: self.state, values: PhantomData })
    }

    /// The register of this id: see [`text_of`](Self::text_of).
    ///
    /// # Errors
    ///
    /// If there is no such register here.
    pub fn register_of<T>(&mut self, id: &ContainerId) -> Result<RegisterMut<'_, T>, EditError> {
        Ok(RegisterMut { id: self.known(id, ContainerKind::Register)?, state: self.state, values: PhantomData })
    }

    /// The counter of this id: see [`text_of`](Self::text_of).
    ///
    /// # Errors
    ///
    /// If there is no such counter here.
    pub fn counter_of(&mut self, id: &ContainerId) -> Result<CounterMut<'_>, EditError> {
        Ok(CounterMut { id: self.known(id, ContainerKind::Counter)?, state: self.state })
    }

    /// The or-set of this id: see [`text_of`](Self::text_of).
    ///
    /// # Errors
    ///
    /// If there is no such or-set here.
    pub fn or_set_of<T>(&mut self, id: &ContainerId) -> Result<OrSetMut<'_, T>, EditError> {
        Ok(OrSetMut { id: self.known(id, ContainerKind::OrSet)?, state: self.state, values: PhantomData })
    }

    /// The or-map of this id: see [`text_of`](Self::text_of).
    ///
    /// # Errors
    ///
    /// If there is no such or-map here.
    pub fn or_map_of<V>(&mut self, id: &ContainerId) -> Result<OrMapMut<'_, V>, EditError> {
        Ok(OrMapMut { id: self.known(id, ContainerKind::OrMap)?, state: self.state, values: PhantomData })
    }

    /// An id that others can have seen, too, when they read what is written there.
    fn known(&self, id: &ContainerId, kind: ContainerKind) -> Result<ContainerId, EditError> {
        let here = id.parent().is_none() || self.state.content(id).is_some();
        (here && id.kind == kind).then(|| id.clone()).ok_or_else(|| EditError::NoSuchContainer { id: id.clone() })
    }

    /// A transaction inside this one: joins it, or is undone alone.
    ///
    /// # Errors
    ///
    /// Those of the closure. What it did is undone; what this transaction did before stays.
    pub fn nested<T, E>(&mut self, edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut inner = Transaction::new(self.state);
        let edited = edit(&mut inner);
        if edited.is_ok() || planted(Fault::NestedRollbackKeeps) {
            inner.complete();
        }
        edited
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if let Some((mark, label)) = self.undo.take() {
            note(Situation::TransactionRolledBack);
            self.state.return_to(mark);
            self.state.label = label;
        }
    }
}
