//! The naive twins: obviously right, slow, and written from the papers rather than from the engine.
//!
//! A [`Model`] is given changes in causal order and says what a document that holds them shows. It shares with the
//! engine only the reading of a body's form; that what is read and written again is the same, it checks by the way.

mod container;
mod movable;
mod tree;

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    iter::successors,
    sync::Arc,
};

use container::{Container, Stamp};
use crdt_socket_sync::{
    Change, OpId, ReplicaId, VersionVector,
    document::{Action, ContainerId, ContainerKind, Dictionary, Item, Operation, Operations, Place, Slot, Spot, Value},
};

use crate::view::Shown;

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
    pub fn of(changes: impl IntoIterator<Item = impl Borrow<Change>>) -> Self {
        let mut model = Self::default();
        for change in changes {
            model.take(change.borrow());
        }
        model
    }

    /// What can be seen of it.
    pub fn shown(&self) -> Shown {
        self.containers.iter().map(|(id, container)| (id.clone(), container.view(id))).collect()
    }

    /// Takes in one more change.
    pub fn take(&mut self, change: &Change) {
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
            // Where it is was told by this change, or by one of its maker's that comes before it.
            if !overs(id).all(seen) || !mentioned(&operation.action).all(seen) {
                return None;
            }
            for child in children(change.replica, &operation) {
                self.containers.entry(child.clone()).or_insert_with(|| Container::empty(child.kind));
            }
            let op = OpId::new(change.replica, operation.seq);
            let stamp = Stamp { clock: change.clock, op };
            let container = self.containers.entry(id.clone()).or_insert_with(|| Container::empty(id.kind));
            container.apply(operation.action, stamp)?;
        }
        Some(())
    }
}

/// The operations between which a container, and those it is in, were made, or by which.
fn overs(id: &ContainerId) -> impl Iterator<Item = OpId> + '_ {
    successors(Some(id), |id| id.parent()).filter_map(|id| match &id.place {
        Place::Key(slot) => slot.over,
        Place::Item(spot) => Some(spot.item),
        _ => None,
    })
}

/// The operations that an action refers to: one by one, since someone may claim that there are as many as there are numbers.
fn mentioned(action: &Action) -> Box<dyn Iterator<Item = OpId> + '_> {
    let over = |value: &Value| match value {
        Value::Child { over, .. } => *over,
        Value::Plain(_) => None,
    };
    match action {
        Action::Insert { left, right, .. } | Action::InsertItems { left, right, .. } => {
            Box::new(left.iter().chain(right).copied())
        }
        Action::Move { element, left, right } => Box::new([*element].into_iter().chain(*left).chain(*right)),
        Action::SetElement { element, .. } => Box::new(std::iter::once(*element)),
        Action::Delete { first, count } => Box::new((0..*count).map(|more| OpId::new(first.replica, first.seq + more))),
        Action::Map { value, .. } => Box::new(value.iter().filter_map(over)),
        Action::Add { over: tags, .. } | Action::Remove { tags } => Box::new(tags.iter().copied()),
        Action::Put { value, over: tags, .. } => Box::new(tags.iter().copied().chain(over(value))),
        _ => Box::new(std::iter::empty()),
    }
}

/// The containers that an operation of this replica makes.
fn children(replica: ReplicaId, operation: &Operation) -> Vec<ContainerId> {
    let parent = &operation.container;
    match &operation.action {
        Action::Map { key, value: Some(value) } | Action::Put { key, value, .. } => {
            nested(parent, key, value).into_iter().collect()
        }
        Action::InsertItems { items, .. } => {
            let made = (operation.seq..).zip(items).filter_map(|(seq, item)| match item {
                Item::Child(kind) => Some(inserted(parent, OpId::new(replica, seq), *kind)),
                Item::Plain(_) => None,
            });
            made.collect()
        }
        _ => Vec::new(),
    }
}

/// The container that an item is.
fn inserted(list: &ContainerId, item: OpId, kind: ContainerKind) -> ContainerId {
    ContainerId { place: Place::Item(Arc::new(Spot { parent: list.clone(), item })), kind }
}

/// The container that is at a key, if one is.
fn nested(parent: &ContainerId, key: &Arc<str>, value: &Value) -> Option<ContainerId> {
    let Value::Child { kind, over } = value else { return None };
    let slot = Slot { parent: parent.clone(), key: key.clone(), over: *over };
    Some(ContainerId { place: Place::Key(Arc::new(slot)), kind: *kind })
}
