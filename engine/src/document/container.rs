//! Names for what a document holds, and the entries of those containers in which the last writer wins.

use std::{collections::BTreeMap, fmt, sync::Arc};

use bytes::Bytes;

use super::sequence::SequenceId;
use crate::{causal::Hlc, id::ReplicaId};

/// What kind of container.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum ContainerKind {
    /// Characters in an order.
    Text,
    /// Values by key.
    Map,
    /// One value.
    Register,
}

impl ContainerKind {
    /// The number by which a body names the kind.
    pub(super) const fn number(self) -> u64 {
        match self {
            Self::Text => 0,
            Self::Map => 1,
            Self::Register => 2,
        }
    }

    pub(super) const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Text),
            1 => Some(Self::Map),
            2 => Some(Self::Register),
            _ => None,
        }
    }
}

impl fmt::Display for ContainerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Map => "map",
            Self::Register => "register",
        })
    }
}

/// A container at the root of a document. Two kinds with one name are two containers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId {
    /// Its name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: ContainerKind,
}

impl ContainerId {
    /// The container of this kind and name.
    pub fn new(kind: ContainerKind, name: &str) -> Self {
        Self { name: name.into(), kind }
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.name)
    }
}

/// What decides between two writes to one place: the greater one stays.
///
/// The clock of the change, then its maker, then the operation's number, so that two writes of one change are ordered too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Stamp {
    pub(super) clock: Hlc,
    pub(super) replica: ReplicaId,
    pub(super) seq: u64,
}

/// The write that stays, of all that went to one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) stamp: Stamp,
    /// The value in CBOR; `None` after a deletion, which competes like any write.
    pub(super) value: Option<Bytes>,
}

/// What is in a container.
#[derive(Clone)]
pub(super) enum Content {
    Text(SequenceId),
    Map(BTreeMap<Arc<str>, Entry>),
    Register(Option<Entry>),
}

impl Content {
    /// An empty one; `begin` begins a sequence.
    pub(super) fn new(kind: ContainerKind, begin: impl FnOnce() -> SequenceId) -> Self {
        match kind {
            ContainerKind::Text => Self::Text(begin()),
            ContainerKind::Map => Self::Map(BTreeMap::new()),
            ContainerKind::Register => Self::Register(None),
        }
    }

    /// The entry at a key of a map, or of a register.
    pub(super) fn entry(&self, key: Option<&str>) -> Option<&Entry> {
        match (self, key) {
            (Self::Map(entries), Some(key)) => entries.get(key),
            (Self::Register(entry), None) => entry.as_ref(),
            _ => None,
        }
    }

    /// Puts an entry in place, or leaves none there. What was there before.
    pub(super) fn set_entry(&mut self, key: Option<&Arc<str>>, entry: Option<Entry>) -> Option<Entry> {
        match self {
            Self::Map(entries) => match entry {
                Some(entry) => entries.insert(key?.clone(), entry),
                None => entries.remove(key?),
            },
            Self::Register(there) => std::mem::replace(there, entry),
            Self::Text(_) => None,
        }
    }
}
