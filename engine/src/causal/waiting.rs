//! Changes that arrived before something they depend on.

use std::collections::{BTreeMap, BTreeSet};

use super::change::Change;
use crate::{
    id::OpId,
    proof::{Fault, planted},
};

/// What a change costs while it waits.
pub(super) fn bytes_of(change: &Change) -> usize {
    change.body.len() + change.deps.len() * size_of::<OpId>()
}

/// A bounded buffer of changes, indexed by the operation each one waits for.
///
/// A change waits for one operation at a time; when that arrives, the log looks for the next one that is missing.
#[derive(Clone, Default)]
pub(super) struct Waiting {
    changes: BTreeMap<OpId, Change>,
    /// (awaited operation, waiting change), so that a range finds all that wait for a range of operations.
    awaited: BTreeSet<(OpId, OpId)>,
    bytes: usize,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Bytes held: of bodies, and of the dependencies, of which a small change can have very many.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All that wait, by who made them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Change> + '_ {
        self.changes.values()
    }

    /// The same, when they need not wait any more.
    pub(super) fn into_changes(self) -> Vec<Change> {
        self.changes.into_values().collect()
    }

    pub(super) fn contains(&self, id: OpId) -> bool {
        self.changes.contains_key(&id)
    }

    pub(super) fn insert(&mut self, change: Change, awaits: OpId) {
        self.awaited.insert((awaits, change.id()));
        self.bytes += bytes_of(&change);
        if let Some(replaced) = self.changes.insert(change.id(), change) {
            self.bytes -= bytes_of(&replaced);
        }
    }

    /// Takes out what waits for any operation of `arrived`, each with that operation.
    pub(super) fn release(&mut self, arrived: &Change) -> Vec<(OpId, Change)> {
        if self.changes.is_empty() {
            return Vec::new();
        }
        let first = (arrived.id(), OpId::new(crate::id::ReplicaId::new(0), 0));
        let last = (arrived.last(), OpId::new(crate::id::ReplicaId::new(u64::MAX), u64::MAX));
        let keys: Vec<_> = self.awaited.range(first..=last).copied().collect();
        let mut released = Vec::with_capacity(keys.len());
        for key in keys {
            if !released.is_empty() && planted(Fault::OneWaitingReleased) {
                break;
            }
            self.awaited.remove(&key);
            if let Some(change) = self.changes.remove(&key.1) {
                self.bytes -= bytes_of(&change);
                released.push((key.0, change));
            }
        }
        released
    }
}
