//! A movable list: all that was ever done to its elements.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use crdt_socket_sync::{
    OpId,
    document::{Action, Item},
};

use super::{container::Stamp, tree::Tree};

/// One movable list.
#[derive(Clone)]
pub(super) struct Movable {
    /// One for each element, and one for each move, named by it.
    slots: Tree<()>,
    elements: BTreeMap<OpId, Item>,
    /// By what they are about: an element, by whom and when.
    moves: BTreeSet<(OpId, Stamp)>,
    sets: BTreeMap<(OpId, Stamp), Bytes>,
    deleted: BTreeSet<OpId>,
}

impl Movable {
    pub(super) const fn new() -> Self {
        Self {
            slots: Tree::new(),
            elements: BTreeMap::new(),
            moves: BTreeSet::new(),
            sets: BTreeMap::new(),
            deleted: BTreeSet::new(),
        }
    }

    /// `None` if there is no such action on it.
    pub(super) fn apply(&mut self, action: Action, stamp: Stamp) -> Option<()> {
        match action {
            Action::InsertItems { mut left, right, items } => {
                for (seq, item) in (stamp.op.seq..).zip(items) {
                    let id = OpId { seq, ..stamp.op };
                    self.slots.insert(id, (), left, right)?;
                    self.elements.insert(id, item);
                    left = Some(id);
                }
            }
            Action::Move { element, left, right } => {
                self.elements.get(&element)?;
                self.slots.insert(stamp.op, (), left, right)?;
                self.moves.insert((element, stamp));
            }
            Action::SetElement { element, value } => {
                self.elements.get(&element)?;
                self.sets.insert((element, stamp), value);
            }
            Action::Delete { first, count } => {
                for seq in first.seq..first.seq + count {
                    let element = OpId::new(first.replica, seq);
                    self.elements.get(&element)?;
                    self.deleted.insert(element);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// The elements that are not deleted, each in the slot of its last move, and as what it was set to last.
    pub(super) fn walk(&self) -> Vec<(OpId, Item)> {
        let mut shown = Vec::new();
        for (slot, ()) in self.slots.walk() {
            let element = self.moves.iter().find(|(_, stamp)| stamp.op == slot).map_or(slot, |(element, _)| *element);
            let last = self.moves.iter().rfind(|(moved, _)| *moved == element);
            if last.map_or(element, |(_, stamp)| stamp.op) != slot || self.deleted.contains(&element) {
                continue;
            }
            let set = self.sets.iter().rfind(|((set, _), _)| *set == element);
            shown.push((
                element,
                set.map_or_else(|| self.elements[&element].clone(), |(_, value)| Item::Plain(value.clone())),
            ));
        }
        shown
    }
}
