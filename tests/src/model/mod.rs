//! The naive twins: obviously right, slow, and written from the papers rather than from the engine.
//!
//! A [`Model`] is given changes in causal order and says what a document that holds them shows. It shares with the
//! engine only the reading of a body's form; that what is read and written again is the same, it checks by the way.

mod tree;

use std::collections::{BTreeMap, BTreeSet};

use crdt_socket_sync::{
    Change, OpId, ReplicaId, VersionVector,
    document::{Action, ContainerId, Dictionary, Operations},
};
use tree::Tree;

use crate::view::{Shown, View};

/// All writes to one place, of which the greatest stays: by clock, writer and number.
type Writes = BTreeMap<(u64, u64, u64), Option<Vec<u8>>>;

#[derive(Clone)]
enum Container {
    Text(Tree),
    Map(BTreeMap<String, Writes>),
    Register(Writes),
}

/// What a set of changes adds up to.
#[derive(Clone, Default)]
pub struct Model {
    containers: BTreeMap<ContainerId, Container>,
    /// What the changes of each writer have mentioned that are not unreadable.
    dictionaries: BTreeMap<ReplicaId, Dictionary>,
    /// Every change with all that its maker had seen, the change itself included.
    seen: Vec<(Change, VersionVector)>,
    /// The changes that cannot be applied.
    pub unreadable: BTreeSet<OpId>,
}

impl Model {
    /// The document of these changes, each of which comes after what it depends on.
    pub fn of<'a>(changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut model = Self::default();
        for change in changes {
            model.take(change);
        }
        model
    }

    /// What can be seen of it.
    pub fn shown(&self) -> Shown {
        let last = |writes: &Writes| writes.last_key_value().and_then(|(_, value)| value.clone());
        let view = |container: &Container| match container {
            Container::Text(tree) => View::Text(tree.text().chars().collect()),
            Container::Map(keys) => {
                View::Map(keys.iter().filter_map(|(key, writes)| Some((key.clone(), last(writes)?))).collect())
            }
            Container::Register(writes) => View::Register(last(writes)),
        };
        self.containers.iter().map(|(id, container)| (id.clone(), view(container))).collect()
    }

    fn take(&mut self, change: &Change) {
        let mut past: VersionVector = [(change.replica, change.seq)].into_iter().collect();
        let previous = change.seq.checked_sub(1).map(|seq| OpId::new(change.replica, seq));
        for dependency in previous.into_iter().chain(change.deps.iter()) {
            past.extend(dependency.replica, dependency.seq + 1);
            for (other, seen) in &self.seen {
                if other.replica == dependency.replica && (other.seq..other.end()).contains(&dependency.seq) {
                    // Of the change itself only what was named.
                    let before = seen.iter().filter(|(replica, _)| *replica != other.replica).collect();
                    past.merge(&before);
                }
            }
        }
        let (before, known) = (self.containers.clone(), self.dictionaries.clone());
        if self.apply(change, &past).is_none() {
            (self.containers, self.dictionaries) = (before, known);
            self.unreadable.insert(change.id());
        }
        past.extend(change.replica, change.end());
        self.seen.push((change.clone(), past));
    }

    /// `None` if the change says something that cannot be.
    fn apply(&mut self, change: &Change, past: &VersionVector) -> Option<()> {
        let dictionary = self.dictionaries.entry(change.replica).or_default();
        let mut before = dictionary.clone();
        let operations = Operations::decode(change, dictionary).ok()?;
        assert_eq!(operations.encode(change.replica, &mut before), change.body, "{change:?} has another form, too");
        assert_eq!(before, *dictionary, "{change:?} is read and written with two dictionaries");
        for operation in operations.list {
            let id = &operation.container;
            let seen = |op: OpId| past.contains(op) || (op.replica == change.replica && op.seq < operation.seq);
            let op = OpId::new(change.replica, operation.seq);
            let stamp = (change.clock.bits(), change.replica.bits(), operation.seq);
            let container = self.containers.entry(id.clone()).or_insert_with(|| match operation.action {
                Action::Map { .. } => Container::Map(BTreeMap::new()),
                Action::Register { .. } => Container::Register(Writes::new()),
                _ => Container::Text(Tree::default()),
            });
            match (operation.action, container) {
                (Action::Insert { left, right, text }, Container::Text(tree)) => {
                    if !left.into_iter().chain(right).all(seen) {
                        return None;
                    }
                    let mut left = left;
                    for (number, character) in text.chars().enumerate() {
                        let id = OpId::new(op.replica, op.seq + number as u64);
                        tree.insert(id, character, left, right)?;
                        left = Some(id);
                    }
                }
                (Action::Delete { first, count }, Container::Text(tree)) => {
                    for seq in first.seq..first.seq + count {
                        let id = OpId::new(first.replica, seq);
                        if !seen(id) {
                            return None;
                        }
                        tree.delete(id)?;
                    }
                }
                (Action::Map { key, value }, Container::Map(keys)) => {
                    keys.entry(key.to_string()).or_default().insert(stamp, value.map(Into::into));
                }
                (Action::Register { value }, Container::Register(writes)) => {
                    writes.insert(stamp, value.map(Into::into));
                }
                _ => return None,
            }
        }
        Some(())
    }
}
