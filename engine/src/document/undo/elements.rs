//! What edits did to elements of movable lists, and how that is taken back.
//!
//! An element has a place and a value, and each is like a register: the last move, or write, stands. It is deleted for good;
//! what comes back is another one in its place.

use bytes::Bytes;

use super::back::Back;
use crate::{
    document::{
        container::{Content, Item, Stamp},
        journal::State,
        local::LocalId,
        movable::Movable,
    },
    id::OpId,
    proof::{Fault, planted},
};

/// What some edits did to one element.
#[derive(Clone, Default)]
pub(super) struct Element {
    inserted: bool,
    /// Before which slot it comes back.
    deleted: Option<LocalId>,
    moved: Option<Moved>,
    set: Option<Set>,
}

#[derive(Clone)]
struct Moved {
    /// The last slot that it was moved to.
    last: LocalId,
    /// The one that it was in before.
    from: LocalId,
}

#[derive(Clone)]
struct Set {
    last: OpId,
    before: Shown,
}

/// What an element shows, and by which operation: by that which inserted it if it was never set.
#[derive(Clone)]
pub(super) struct Shown {
    by: OpId,
    /// `None` if that is not here any more.
    item: Option<Item>,
}

impl Shown {
    /// What an element showed before a write, given the one before.
    pub(super) fn before(
        state: &State,
        (container, element): (usize, LocalId),
        previous: Option<&(Stamp, Bytes)>,
    ) -> Self {
        match previous {
            Some((stamp, value)) => Self { by: stamp.op(), item: Some(Item::Plain(value.clone())) },
            None => Self::inserted(state, (container, element)),
        }
    }

    fn inserted(state: &State, (container, element): (usize, LocalId)) -> Self {
        let item = state.sequences.item(state.sequence_of(container), element).cloned();
        Self { by: state.sequences.ids.op(element), item }
    }

    /// What an element shows, or showed when it was deleted.
    fn now(state: &State, (container, element): (usize, LocalId), movable: &Movable) -> Self {
        match movable.value(element).zip(movable.write(element)) {
            Some((value, by)) if !planted(Fault::ElementBackAsInserted) => {
                Self { by, item: Some(Item::Plain(value.clone())) }
            }
            _ => Self::inserted(state, (container, element)),
        }
    }
}

impl Element {
    pub(super) const fn is_inserted(&self) -> bool {
        self.inserted
    }

    pub(super) const fn take_insertion(&mut self) {
        self.inserted = true;
    }

    pub(super) fn take_deletion(&mut self, slot: LocalId) {
        let from = self.moved.as_ref().filter(|moved| moved.last == slot).map(|moved| moved.from);
        self.deleted = Some(from.unwrap_or(slot));
    }

    pub(super) fn take_move(&mut self, slot: LocalId, before: LocalId) {
        match &mut self.moved {
            Some(moved) if moved.last == before => moved.last = slot,
            // It was not any more where these edits had moved it.
            moved => *moved = Some(Moved { last: slot, from: before }),
        }
    }

    pub(super) fn take_write(&mut self, op: OpId, before: Shown) {
        match &mut self.set {
            Some(set) if set.last == before.by => set.last = op,
            set => *set = Some(Set { last: op, before }),
        }
    }
}

impl Back<'_> {
    fn movable(&self, container: usize) -> &Movable {
        match &self.state.containers[container].content {
            Content::MovableList(movable) => movable,
            _ => unreachable!("a container is of the kind in its id"),
        }
    }

    /// Takes back what was done to an element.
    pub(super) fn element(&mut self, (container, element): (usize, LocalId), did: &Element) -> Option<()> {
        let (into, now) = (self.reborn.container(container), self.reborn.element(element));
        let place = self.movable(into).place(now);
        if did.inserted {
            return self.delete(into, place, 1);
        }
        let is_last = |shown: &Shown, set: &Set| shown.by == self.reborn.operation(set.last);
        if let Some(from) = did.deleted {
            let shown = Shown::now(self.state, (container, element), self.movable(container));
            let before = did.set.as_ref().filter(|set| is_last(&shown, set)).map(|set| set.before.clone());
            return self.again((container, element), (container, from), before.unwrap_or(shown));
        }
        if self.state.sequences.position(self.state.sequence_of(into), place).is_none() {
            return Some(());
        }
        let moved = did
            .moved
            .as_ref()
            .filter(|moved| place == self.reborn.place(moved.last) || planted(Fault::UndoMovesWhatOthersMoved));
        let shown = Shown::now(self.state, (into, now), self.movable(into));
        let set = did.set.as_ref().filter(|set| is_last(&shown, set) || planted(Fault::UndoSetsWhatOthersSet));
        match set.map(|set| (&set.before, &set.before.item)) {
            // An element that was set can be no container any more.
            Some((before, Some(Item::Child(_)))) => {
                let from = moved.map_or((into, place), |moved| (container, moved.from));
                self.again((container, element), from, before.clone())?;
                return self.delete(into, place, 1);
            }
            Some((before, Some(Item::Plain(value)))) => {
                let same = matches!(&shown.item, Some(Item::Plain(shown)) if shown == value);
                let back = if same { shown.by } else { self.state.set_back(into, now, value.clone())? };
                self.born.set_operation(self.reborn.operation(before.by), back);
            }
            _ => {}
        }
        if let Some(Moved { from, .. }) = moved {
            let before = self.place_in(container, *from, into);
            let slot = self.state.move_back(into, now, before)?;
            self.born.set_place(self.reborn.place(*from), slot);
        }
        Some(())
    }
    /// Inserts an element again, where a slot stands that is in this container, with what it showed.
    fn again(&mut self, old: (usize, LocalId), (container, from): (usize, LocalId), shown: Shown) -> Option<()> {
        let (into, now) = (self.reborn.container(old.0), self.reborn.element(old.1));
        let Some(item) = shown.item else { return Some(()) };
        let before = self.place_in(container, from, into);
        let new = self.state.insert_items_again(into, vec![item.clone()], before)?;
        self.born.set_items(now, 1, new);
        self.born.set_place(self.reborn.place(from), new);
        self.born.set_operation(self.reborn.operation(shown.by), self.state.sequences.ids.op(new));
        self.fill_item(old, (into, new), &item)
    }
}
