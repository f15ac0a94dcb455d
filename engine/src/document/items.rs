//! Lists and movable lists to be read, and what is done to them here.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{
    container::{Container, ContainerId, ContainerKind, Content, Held, Item, MOST_DEPTH},
    journal::State,
    local::LocalId,
    movable::Movable,
    sequence::SequenceId,
    transaction::EditError,
    value::{self, ValueError},
};
use crate::id::OpId;

/// The items of a list, or the elements of a movable list, to be read.
#[derive(Clone, Copy)]
pub(super) struct Items<'a> {
    pub(super) state: &'a State,
    /// `None` if nobody has written to it.
    there: Option<There<'a>>,
}

#[derive(Clone, Copy)]
struct There<'a> {
    id: &'a ContainerId,
    slots: SequenceId,
    /// Of a movable list.
    movable: Option<&'a Movable>,
}

impl<'a> There<'a> {
    /// What is in a slot, given also what the slot says.
    fn held(&self, state: &'a State, (slot, says): (LocalId, &'a Item)) -> Option<Held<'a>> {
        let Some(movable) = self.movable else { return says.held(self.id, state.sequences.ids.op(slot)) };
        let element = movable.element(slot);
        if let Some(value) = movable.value(element) {
            return Some(Held::Value(value));
        }
        state.sequences.item(self.slots, element)?.held(self.id, state.sequences.ids.op(element))
    }
}

impl<'a> Items<'a> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        let container = state.container(id).filter(|container| container.id.kind.has_items());
        let there = container.and_then(|Container { id, content }| {
            let movable = match content {
                Content::MovableList(movable) => Some(movable),
                _ => None,
            };
            Some(There { id, slots: content.sequence()?, movable })
        });
        Self { state, there }
    }

    pub(super) fn len(&self) -> usize {
        self.there.map_or(0, |there| self.state.sequences.len(there.slots))
    }

    /// What the item at a position holds.
    pub(super) fn at(&self, at: usize) -> Option<Held<'a>> {
        let there = self.there.filter(|_| at < self.len())?;
        there.held(self.state, self.state.sequences.item_at(there.slots, at))
    }

    /// What the items hold, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = Held<'a>> + use<'a> {
        let state = self.state;
        let items =
            move |there: There<'a>| state.sequences.items(there.slots).filter_map(move |slot| there.held(state, slot));
        self.there.into_iter().flat_map(items)
    }

    /// What the items hold, in order, each with its name.
    pub(super) fn named(&self) -> impl Iterator<Item = (OpId, Held<'a>)> + use<'a> {
        let state = self.state;
        let items = move |there: There<'a>| {
            let named = move |slot: (LocalId, &'a Item)| {
                let name = there.movable.map_or(slot.0, |movable| movable.element(slot.0));
                Some((state.sequences.ids.op(name), there.held(state, slot)?))
            };
            state.sequences.items(there.slots).filter_map(named)
        };
        self.there.into_iter().flat_map(items)
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
        let there = Items::of(self, parent).there?;
        let item = self.sequences.ids.find(item)?;
        let (place, set) = there.movable.map_or((item, false), |all| (all.place(item), all.value(item).is_some()));
        let is_it = !set && *self.sequences.item(there.slots, item)? == Item::Child(kind);
        self.sequences.position(there.slots, place).filter(|_| is_it)
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
        let container = self.open(id);
        self.delete(container, at, count).ok_or(EditError::Exhausted)
    }

    fn check_range(&self, id: &ContainerId, at: usize, count: usize) -> Result<(), EditError> {
        let (end, len) = (at.saturating_add(count), Items::of(self, id).len());
        if end > len { Err(EditError::ItemOutOfRange { at: end, len }) } else { Ok(()) }
    }
}
