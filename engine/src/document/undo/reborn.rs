//! What stands in place of what: items, places, writes, tags and containers that came back as others.
//!
//! Each comes back once at most: what came back and went again is itself in place of that. It takes as much memory as what
//! came back, of which the document holds the more.

use std::collections::BTreeMap;

use crate::{
    document::{journal::State, local::LocalId},
    id::OpId,
    proof::{Fault, planted},
};

/// Old names, and new ones.
#[derive(Clone, Default)]
pub(super) struct Reborn {
    /// By the first item of a run: how many there are, and the first in their place.
    items: BTreeMap<LocalId, (u32, LocalId)>,
    /// The places of elements, by their slots.
    places: BTreeMap<LocalId, LocalId>,
    /// Writes, and tags. Where an element was never set, it has its value by the operation that inserted it.
    operations: BTreeMap<OpId, OpId>,
    /// Containers that are items, and what is in them.
    containers: BTreeMap<usize, usize>,
}

impl Reborn {
    /// Items stand in place of others.
    pub(super) fn set_items(&mut self, old: LocalId, len: u32, new: LocalId) {
        self.items.insert(old, (len, new));
    }

    /// A write, or a tag, stands in place of another one.
    pub(super) fn set_operation(&mut self, old: OpId, new: OpId) {
        if old != new {
            self.operations.insert(old, new);
        }
    }

    /// A place of an element is in place of another one.
    pub(super) fn set_place(&mut self, old: LocalId, new: LocalId) {
        if old != new {
            self.places.insert(old, new);
        }
    }

    /// A container stands in place of another one.
    pub(super) fn set_container(&mut self, old: usize, new: usize) {
        self.containers.insert(old, new);
    }

    /// Takes in what more came back.
    pub(super) fn extend(&mut self, more: Self) {
        self.items.extend(more.items);
        if !planted(Fault::PlaceForgotten) {
            self.places.extend(more.places);
        }
        self.operations.extend(more.operations);
        self.containers.extend(more.containers);
    }

    /// What stands in place of some items with consecutive ids, in runs and in order. These itself, where nothing does.
    pub(super) fn items(&self, first: LocalId, len: u32) -> Vec<(LocalId, u32)> {
        let (mut found, mut left) = (Vec::new(), vec![(first, len)]);
        while let Some((first, len)) = left.pop() {
            let before = self.items.range(..=first).next_back();
            let covering = before.and_then(|(old, (count, new))| {
                let offset = first.since(*old).filter(|offset| offset < count)?;
                Some((new.plus(offset), (count - offset).min(len)))
            });
            let next = self.items.range(first.plus(1)..).next().and_then(|(old, _)| old.since(first));
            let here = match covering {
                Some((_, here)) => here,
                None => next.map_or(len, |next| next.min(len)),
            };
            if here < len {
                left.push((first.plus(here), len - here));
            }
            match covering {
                Some(new) => left.push(new),
                None => found.push((first, here)),
            }
        }
        found
    }

    /// What stands in place of one item, by its name.
    pub(super) fn item(&self, state: &State, item: OpId) -> OpId {
        let ids = &state.sequences.ids;
        ids.find(item).map_or(item, |id| ids.op(self.element(id)))
    }

    /// What stands in place of an element.
    pub(super) fn element(&self, old: LocalId) -> LocalId {
        self.items(old, 1).first().map_or(old, |(new, _)| *new)
    }

    /// What is in place of a place.
    pub(super) fn place(&self, old: LocalId) -> LocalId {
        last(&self.places, old)
    }

    /// What stands in place of a write, or a tag.
    pub(super) fn operation(&self, old: OpId) -> OpId {
        last(&self.operations, old)
    }

    /// Whether another container stands in place of this one.
    pub(super) fn has_container(&self, old: usize) -> bool {
        self.containers.contains_key(&old)
    }

    /// What stands in place of a container.
    pub(super) fn container(&self, old: usize) -> usize {
        last(&self.containers, old)
    }
}

/// Where it ends to follow new names.
fn last<T: Copy + Ord>(names: &BTreeMap<T, T>, old: T) -> T {
    std::iter::successors(Some(old), |old| names.get(old).copied()).last().unwrap_or(old)
}
