//! What stands in place of what: characters, writes and tags that came back as others.
//!
//! Each comes back once at most: what came back and went again is itself in place of that. It takes as much memory as what
//! came back, of which the document holds the more.

use std::collections::BTreeMap;

use crate::{
    document::{journal::State, local::LocalId},
    id::OpId,
};

/// Old names, and new ones.
#[derive(Clone, Default)]
pub(super) struct Reborn {
    /// By the first item of a run: how many there are, and the first in their place.
    items: BTreeMap<LocalId, (u32, LocalId)>,
    /// Writes, and tags.
    operations: BTreeMap<OpId, OpId>,
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

    /// Takes in what more came back.
    pub(super) fn extend(&mut self, more: Self) {
        self.items.extend(more.items);
        self.operations.extend(more.operations);
    }

    /// What stands in place of some items with consecutive ids, in runs. These itself, where nothing does.
    pub(super) fn items(&self, first: LocalId, len: u32) -> Vec<(LocalId, u32)> {
        let (mut found, mut left) = (Vec::new(), vec![(first, len)]);
        while let Some((first, len)) = left.pop() {
            let before = self.items.range(..=first).next_back();
            let covering = before.and_then(|(old, (count, new))| {
                let offset = first.since(*old).filter(|offset| offset < count)?;
                Some((new.plus(offset), (count - offset).min(len)))
            });
            let next = self.items.range(first.plus(1)..).next().and_then(|(old, _)| old.since(first));
            let (part, here) = match covering {
                Some((new, here)) => {
                    left.push((new, here));
                    (None, here)
                }
                None => {
                    let here = next.map_or(len, |next| next.min(len));
                    (Some((first, here)), here)
                }
            };
            found.extend(part);
            if here < len {
                left.push((first.plus(here), len - here));
            }
        }
        found
    }

    /// What stands in place of one element of a movable list.
    pub(super) fn element(&self, element: LocalId) -> LocalId {
        self.items(element, 1).first().map_or(element, |(id, _)| *id)
    }

    /// What stands in place of one item, by its name.
    pub(super) fn item(&self, state: &State, item: OpId) -> OpId {
        let ids = &state.sequences.ids;
        let found = ids.find(item).and_then(|id| self.items(id, 1).first().copied());
        found.map_or(item, |(id, _)| ids.op(id))
    }

    /// What stands in place of a write, or a tag.
    pub(super) fn operation(&self, old: OpId) -> OpId {
        std::iter::successors(Some(old), |old| self.operations.get(old).copied()).last().unwrap_or(old)
    }
}
