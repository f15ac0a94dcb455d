//! What a writer has mentioned, so that what it mentions again takes a byte or nothing.

use std::collections::BTreeMap;

use super::Action;
use crate::{
    document::container::{ContainerId, ContainerKind, Item},
    id::{OpId, ReplicaId},
};

/// What the changes of one writer have mentioned until now, as far as they could be read.
///
/// Whoever opens bodies keeps one for each writer, and hands it to [`Operations::decode`](super::Operations::decode) with
/// each of the writer's changes, in their order. One that turns out to be a no-op leaves nothing in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dictionary {
    pub(super) replicas: Table<ReplicaId>,
    pub(super) containers: Table<ContainerId>,
    /// What the last operation wrote to, as an index.
    pub(super) container: Option<usize>,
    /// The last operation, if it inserted characters or items.
    pub(super) insertion: Option<Insertion>,
}

/// What can be gone on with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Insertion {
    /// The number after that of its last character or item.
    pub(super) end: u64,
    /// What it stands before.
    pub(super) right: Option<OpId>,
}

/// A state of a dictionary to return to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::document) struct Known {
    replicas: usize,
    containers: usize,
    container: Option<usize>,
    insertion: Option<Insertion>,
}

/// What a dictionary holds, to be written down.
pub(in crate::document) struct Mentioned<'a> {
    pub(in crate::document) replicas: &'a [ReplicaId],
    pub(in crate::document) containers: &'a [ContainerId],
    /// What the last operation wrote to, as an index.
    pub(in crate::document) container: Option<usize>,
    /// The last operation, if it inserted characters: the number after it, and what it stands before.
    pub(in crate::document) insertion: Option<(u64, Option<OpId>)>,
}

impl Dictionary {
    pub(in crate::document) fn mentioned(&self) -> Mentioned<'_> {
        Mentioned {
            replicas: &self.replicas.list,
            containers: &self.containers.list,
            container: self.container,
            insertion: self.insertion.map(|Insertion { end, right }| (end, right)),
        }
    }

    /// One that holds this; `None` if something is there twice, or the last operation wrote to nothing that is there.
    pub(in crate::document) fn holding(mentioned: &Mentioned<'_>) -> Option<Self> {
        let Mentioned { replicas, containers, container, insertion } = mentioned;
        let mut dictionary = Self {
            container: *container,
            insertion: insertion.map(|(end, right)| Insertion { end, right }),
            ..Self::default()
        };
        replicas.iter().try_for_each(|replica| dictionary.replicas.introduce(*replica).map(drop))?;
        containers.iter().try_for_each(|container| dictionary.containers.introduce(container.clone()).map(drop))?;
        container.is_none_or(|container| container < containers.len()).then_some(dictionary)
    }

    pub(in crate::document) fn known(&self) -> Known {
        Known {
            replicas: self.replicas.list.len(),
            containers: self.containers.list.len(),
            container: self.container,
            insertion: self.insertion,
        }
    }

    /// Forgets what was mentioned since.
    pub(in crate::document) fn return_to(&mut self, known: Known) {
        self.replicas.truncate(known.replicas);
        self.containers.truncate(known.containers);
        self.container = known.container;
        self.insertion = known.insertion;
    }

    /// The index of what the last operation wrote to, if that was a text.
    pub(in crate::document) fn last_text(&self) -> Option<usize> {
        let last = self.container?;
        self.container(last).filter(|last| last.kind == ContainerKind::Text).map(|_| last)
    }

    /// Notes a deletion there.
    pub(in crate::document) fn note_deletion(&mut self) {
        self.insertion = None;
    }

    /// Whether an insertion into the container of the last operation, by this writer, goes on where that one ended.
    pub(super) fn is_continued_by(&self, own: ReplicaId, seq: u64, left: Option<OpId>, right: Option<OpId>) -> bool {
        let before = seq.checked_sub(1).map(|before| OpId::new(own, before));
        left.is_some() && left == before && self.insertion == Some(Insertion { end: seq, right })
    }

    /// Takes note of a letter that its writer inserted behind the one before, if it goes on where the last operation ended.
    /// Whether it does.
    #[inline]
    pub(in crate::document) fn type_on(&mut self, seq: u64, right: Option<OpId>) -> bool {
        let last = self.insertion.as_mut().filter(|last| last.end == seq && last.right == right);
        last.map(|last| last.end = seq + 1).is_some()
    }

    /// What the last operation wrote to, as an index.
    pub(in crate::document) const fn last(&self) -> Option<usize> {
        self.container
    }

    /// The container of an index.
    pub(in crate::document) fn container(&self, index: usize) -> Option<&ContainerId> {
        self.containers.list.get(index)
    }

    /// Notes an operation by this writer on the container of this index, which covers the numbers before `end`. A container
    /// that it makes is mentioned by that.
    pub(super) fn note<T: AsRef<str>, I: AsRef<[Item]>>(
        &mut self,
        container: usize,
        op: OpId,
        end: u64,
        action: &Action<T, I>,
    ) {
        if action.nests() {
            let Some(parent) = self.container(container).cloned() else { return };
            for child in action.children(&parent, op) {
                self.containers.introduce(child);
            }
        }
        self.container = Some(container);
        self.insertion = match action {
            Action::Insert { right, .. } | Action::InsertItems { right, .. } => Some(Insertion { end, right: *right }),
            _ => None,
        };
    }
}

/// Things in the order of their first mention.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Table<T> {
    list: Vec<T>,
    indices: BTreeMap<T, usize>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { list: Vec::new(), indices: BTreeMap::new() }
    }
}

impl<T: Clone + Ord> Table<T> {
    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// The entry that a number names, if it names one.
    pub(super) fn get(&self, index: u64) -> Option<&T> {
        self.list.get(usize::try_from(index).ok()?)
    }

    pub(super) fn index(&self, entry: &T) -> Option<usize> {
        self.indices.get(entry).copied()
    }

    /// Enters what is not there. Its index; `None` if it is there.
    pub(super) fn introduce(&mut self, entry: T) -> Option<usize> {
        let index = self.list.len();
        let std::collections::btree_map::Entry::Vacant(vacant) = self.indices.entry(entry) else { return None };
        self.list.push(vacant.key().clone());
        vacant.insert(index);
        Some(index)
    }

    fn truncate(&mut self, len: usize) {
        for entry in self.list.drain(len..) {
            self.indices.remove(&entry);
        }
    }
}
