//! Lists to be read, and what is done to them here.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{
    container::{ContainerId, ContainerKind, Held, Item, MOST_DEPTH},
    journal::State,
    sequence::SequenceId,
    transaction::EditError,
    value::{self, ValueError},
};
use crate::id::OpId;

/// The items of a list to be read.
#[derive(Clone, Copy)]
pub(super) struct Items<'a> {
    pub(super) state: &'a State,
    /// `None` if nobody has written to it.
    there: Option<(&'a ContainerId, SequenceId)>,
}

impl<'a> Items<'a> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        let container = state.container(id).filter(|container| container.id.kind.has_items());
        Self { state, there: container.and_then(|known| Some((&known.id, known.content.sequence()?))) }
    }

    pub(super) fn len(&self) -> usize {
        self.there.map_or(0, |(_, sequence)| self.state.sequences.len(sequence))
    }

    /// What the item at a position holds.
    pub(super) fn at(&self, at: usize) -> Option<Held<'a>> {
        let (id, sequence) = self.there.filter(|_| at < self.len())?;
        let (item, says) = self.state.sequences.item_at(sequence, at);
        says.held(id, self.state.sequences.ids.op(item))
    }

    /// What the items hold, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = Held<'a>> + use<'a> {
        let sequences = &self.state.sequences;
        let items =
            self.there.into_iter().flat_map(|(id, sequence)| sequences.items(sequence).map(move |item| (id, item)));
        items.filter_map(|(id, (item, says))| says.held(id, sequences.ids.op(item)))
    }

    /// What the items hold, in order, each with its name.
    pub(super) fn named(&self) -> impl Iterator<Item = (OpId, Held<'a>)> + use<'a> {
        let sequences = &self.state.sequences;
        let items =
            self.there.into_iter().flat_map(|(id, sequence)| sequences.items(sequence).map(move |item| (id, item)));
        items.filter_map(|(id, (item, says))| Some((sequences.ids.op(item), says.held(id, sequences.ids.op(item))?)))
    }

    /// The container of a kind that the item at a position is.
    pub(super) fn child(&self, at: usize, kind: ContainerKind) -> Option<ContainerId> {
        match self.at(at)? {
            Held::Container(id) if id.kind == kind => Some(id),
            _ => None,
        }
    }

    /// The value at a position.
    pub(super) fn value<T: DeserializeOwned>(&self, at: usize) -> Result<Option<T>, ValueError> {
        match self.at(at) {
            Some(Held::Value(bytes)) => value::decode(bytes).map(Some),
            _ => Ok(None),
        }
    }

    /// The values, in order.
    pub(super) fn values<T: DeserializeOwned>(&self) -> impl Iterator<Item = Result<T, ValueError>> + use<'a, T> {
        self.all().filter_map(|held| match held {
            Held::Value(bytes) => Some(value::decode(bytes)),
            Held::Container(_) => None,
        })
    }
}

impl State {
    /// Where the container of a kind is shown that an item is.
    pub(super) fn position(&self, parent: &ContainerId, item: OpId, kind: ContainerKind) -> Option<usize> {
        let (sequence, item) = (self.sequence(parent)?, self.sequences.ids.find(item)?);
        let is_it = parent.kind.has_items() && *self.sequences.item(sequence, item)? == Item::Child(kind);
        self.sequences.position(sequence, item).filter(|_| is_it)
    }

    /// Inserts values here; none is no edit.
    ///
    /// # Errors
    ///
    /// If the position is past the end, or the numbers are used up.
    pub(super) fn insert_values(&mut self, id: &ContainerId, at: usize, values: Vec<Bytes>) -> Result<(), EditError> {
        self.check_range(id, at, 0)?;
        if values.is_empty() {
            return Ok(());
        }
        let items = values.into_iter().map(Item::Plain).collect();
        self.insert_items(id, at, items).map(drop).ok_or(EditError::Exhausted)
    }

    /// Inserts a new container here.
    ///
    /// # Errors
    ///
    /// If the position is past the end, it would be nested too deep, or the numbers are used up.
    pub(super) fn insert_child(
        &mut self,
        id: &ContainerId,
        at: usize,
        kind: ContainerKind,
    ) -> Result<ContainerId, EditError> {
        self.check_range(id, at, 0)?;
        let too_deep = EditError::TooDeep { limit: MOST_DEPTH };
        if !id.nests() {
            return Err(too_deep);
        }
        let seq = self.insert_items(id, at, vec![Item::Child(kind)]).ok_or(EditError::Exhausted)?;
        ContainerId::inserted(id, OpId::new(self.author.replica, seq), kind).ok_or(too_deep)
    }

    /// Deletes items here; none is no edit.
    ///
    /// # Errors
    ///
    /// If they reach past the end, or the numbers are used up.
    pub(super) fn delete_items(&mut self, id: &ContainerId, at: usize, count: usize) -> Result<(), EditError> {
        self.check_range(id, at, count)?;
        if count == 0 {
            return Ok(());
        }
        self.delete(id, at, count).ok_or(EditError::Exhausted)
    }

    fn check_range(&self, id: &ContainerId, at: usize, count: usize) -> Result<(), EditError> {
        let (end, len) = (at.saturating_add(count), Items::of(self, id).len());
        if end > len { Err(EditError::ItemOutOfRange { at: end, len }) } else { Ok(()) }
    }
}
