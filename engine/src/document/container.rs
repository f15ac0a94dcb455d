//! Names for what a document holds, and what is in each container.

use std::{collections::BTreeMap, fmt, iter, sync::Arc};

use bytes::Bytes;

use super::{counter::Sums, local::LocalId, movable::Movable, sequence::SequenceId, tagged::Tagged};
use crate::{
    causal::Hlc,
    id::{OpId, ReplicaId},
    proof::{Fault, planted},
};

/// How deep containers can be nested in each other.
pub(super) const MOST_DEPTH: usize = 64;

/// What kind of container.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum ContainerKind {
    /// Characters in an order.
    Text,
    /// Values by key, of which the last writer's stays.
    Map,
    /// One value, of which the last writer's stays.
    Register,
    /// A sum.
    Counter,
    /// Values, each once: what one adds and another one removes at once is there.
    OrSet,
    /// Values by key: what one puts and another one removes at once is there.
    OrMap,
    /// Values in an order.
    List,
    /// Values in an order, which stay themselves when they are moved or set.
    MovableList,
}

impl ContainerKind {
    const ALL: [Self; 8] =
        [Self::Text, Self::Map, Self::Register, Self::Counter, Self::OrSet, Self::OrMap, Self::List, Self::MovableList];

    /// The number by which a body names the kind.
    pub(super) const fn number(self) -> u64 {
        self as u64
    }

    pub(super) fn from_number(number: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Whether it is items in an order, among which cursors stand.
    pub(super) const fn is_sequence(self) -> bool {
        matches!(self, Self::Text)
    }

    /// Whether there can be containers in it, by key.
    pub(super) const fn has_keys(self) -> bool {
        matches!(self, Self::Map | Self::OrMap)
    }

    /// Whether there can be containers in it, as items.
    pub(super) const fn has_items(self) -> bool {
        matches!(self, Self::List | Self::MovableList)
    }
}

impl fmt::Display for ContainerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Map => "map",
            Self::Register => "register",
            Self::Counter => "counter",
            Self::OrSet => "or-set",
            Self::OrMap => "or-map",
            Self::List => "list",
            Self::MovableList => "movable list",
        })
    }
}

/// Which container: where it was made, and of which kind it is. Two kinds at one place are two containers.
///
/// It means the same on every replica, and for ever: a container whose place has been given to something else is not shown
/// any more, but keeps its id and takes in what those write in it who do not know yet. There is one place for each, so there
/// are no cycles and nothing is in two places.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId {
    /// Where it was made.
    pub place: Place,
    /// Its kind.
    pub kind: ContainerKind,
}

/// Where a container was made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Place {
    /// At the root of the document, under a name.
    Root(Arc<str>),
    /// In a map, or an or-map, at a key.
    Key(Arc<Slot>),
    /// In a list, or a movable list, as an item.
    Item(Arc<Spot>),
}

/// A key of a map, between two writes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The map, or the or-map.
    pub parent: ContainerId,
    /// The key.
    pub key: Arc<str>,
    /// In a map the write that stood at the key when the container was made; in an or-map the last one that had put a container
    /// there. `None` if there had been none.
    ///
    /// So those who make "the same" container at once make one, in which the edits of all are kept; and who makes one again
    /// after it was deleted makes another one.
    pub over: Option<OpId>,
}

/// An item of a list that is a container. Nobody else makes the same one: who inserts one inserts an item.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The list, or the movable list.
    pub parent: ContainerId,
    /// The operation that inserted the item.
    pub item: OpId,
}

impl ContainerId {
    /// The container of this kind and name at the root.
    pub fn root(kind: ContainerKind, name: &str) -> Self {
        Self { place: Place::Root(name.into()), kind }
    }

    /// Whether it is that.
    pub(super) fn is_root(&self, kind: ContainerKind, name: &str) -> bool {
        self.kind == kind && matches!(&self.place, Place::Root(its) if **its == *name)
    }

    /// The one at a key of another one; `None` if that would be nested too deep.
    pub(super) fn nested(parent: &Self, key: &Arc<str>, kind: ContainerKind, over: Option<OpId>) -> Option<Self> {
        let over = over.filter(|_| !planted(Fault::ChildIsWhatItWas));
        let slot = || Slot { parent: parent.clone(), key: key.clone(), over };
        parent.nests().then(|| Self { place: Place::Key(Arc::new(slot())), kind })
    }

    /// The one that an item of another one is; `None` if that would be nested too deep.
    pub(super) fn inserted(parent: &Self, item: OpId, kind: ContainerKind) -> Option<Self> {
        let spot = || Spot { parent: parent.clone(), item };
        parent.nests().then(|| Self { place: Place::Item(Arc::new(spot())), kind })
    }

    /// Whether it is this one. Found at once if both lie in the same memory, as names do that were copied from each other.
    pub(super) fn is(&self, other: &Self) -> bool {
        let same = match (&self.place, &other.place) {
            (Place::Root(name), Place::Root(its)) => Arc::ptr_eq(name, its),
            (Place::Key(slot), Place::Key(its)) => Arc::ptr_eq(slot, its),
            (Place::Item(spot), Place::Item(its)) => Arc::ptr_eq(spot, its),
            _ => false,
        };
        self.kind == other.kind && (same || self.place == other.place)
    }

    /// Whether it is not nested so deep that nothing can be nested in it.
    pub(super) fn nests(&self) -> bool {
        self.depth() < MOST_DEPTH || planted(Fault::NestingUnbounded)
    }

    /// The container that it is nested in; `None` at the root.
    pub fn parent(&self) -> Option<&Self> {
        match &self.place {
            Place::Root(_) => None,
            Place::Key(slot) => Some(&slot.parent),
            Place::Item(spot) => Some(&spot.parent),
        }
    }

    /// How many containers it is nested in.
    pub fn depth(&self) -> usize {
        iter::successors(self.parent(), |id| id.parent()).count()
    }
}

impl fmt::Debug for ContainerId {
    /// Domain notation: `text "title"`, or nested `text "people"/"ann" over 3@r1`, `text "list"/5@r1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.kind, self.place)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(name) => write!(f, "{name:?}"),
            Self::Key(slot) => write!(f, "{slot:?}"),
            Self::Item(spot) => write!(f, "{spot:?}"),
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{:?}", self.parent.place, self.key)?;
        self.over.map_or(Ok(()), |over| write!(f, " over {over:?}"))
    }
}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{:?}", self.parent.place, self.item)
    }
}

/// A step of the way from a document to a container in it: see [`Document::path`](crate::Document::path).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum PathStep {
    /// To what has this name at the root.
    Root(Arc<str>),
    /// To what is at this key.
    Key(Arc<str>),
    /// To the item at this position.
    Index(usize),
}

/// What stands at a key: a value, or a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// A value in CBOR.
    Plain(Bytes),
    /// A container, made when `over` stood there: see [`Slot::over`].
    Child {
        /// Its kind.
        kind: ContainerKind,
        /// What stood there.
        over: Option<OpId>,
    },
}

impl Value {
    pub(super) const fn plain(&self) -> Option<&Bytes> {
        match self {
            Self::Plain(bytes) => Some(bytes),
            Self::Child { .. } => None,
        }
    }

    /// The container that it is, at this key of this one.
    pub(super) fn child(&self, parent: &ContainerId, key: &Arc<str>) -> Option<ContainerId> {
        match self {
            Self::Plain(_) => None,
            Self::Child { kind, over } => ContainerId::nested(parent, key, *kind, *over),
        }
    }
}

/// What an item of a list says: a value, or a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// A value in CBOR.
    Plain(Bytes),
    /// A container of this kind, made with the item.
    Child(ContainerKind),
}

impl Item {
    pub(super) const fn plain(&self) -> Option<&Bytes> {
        match self {
            Self::Plain(bytes) => Some(bytes),
            Self::Child(_) => None,
        }
    }

    /// The container that it is, inserted into this one by an operation.
    pub(super) fn child(&self, parent: &ContainerId, op: OpId) -> Option<ContainerId> {
        match self {
            Self::Plain(_) => None,
            Self::Child(kind) => ContainerId::inserted(parent, op, *kind),
        }
    }

    /// What it holds, inserted into this one by an operation.
    pub(super) fn held(&self, parent: &ContainerId, op: OpId) -> Option<Held<'_>> {
        match self {
            Self::Plain(bytes) => Some(Held::Value(bytes)),
            Self::Child(_) => self.child(parent, op).map(Held::Container),
        }
    }
}

/// What a key of a map, or an item of a list, holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Held<'a> {
    /// A value in CBOR.
    Value(&'a Bytes),
    /// A container.
    Container(ContainerId),
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

impl Stamp {
    pub(super) const fn op(self) -> OpId {
        OpId::new(self.replica, self.seq)
    }
}

/// The write that stays, of all that went to one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) stamp: Stamp,
    /// The value; `None` after a deletion, which competes like any write.
    pub(super) value: Option<Value>,
}

/// One container and its name.
#[derive(Clone)]
pub(super) struct Container {
    pub(super) id: ContainerId,
    pub(super) content: Content,
}

/// What is in a container.
#[derive(Clone)]
pub(super) enum Content {
    Text(SequenceId),
    List(SequenceId),
    MovableList(Movable),
    Map(BTreeMap<Arc<str>, Entry>),
    Register(Option<Entry>),
    Counter(Sums),
    /// Of an or-set or an or-map.
    Tagged(Tagged),
}

impl Content {
    /// An empty one; `begin` begins a sequence.
    pub(super) fn new(kind: ContainerKind, begin: impl FnOnce() -> SequenceId) -> Self {
        match kind {
            ContainerKind::Text => Self::Text(begin()),
            ContainerKind::List => Self::List(begin()),
            ContainerKind::MovableList => Self::MovableList(Movable::new(begin())),
            ContainerKind::Map => Self::Map(BTreeMap::new()),
            ContainerKind::Register => Self::Register(None),
            ContainerKind::Counter => Self::Counter(Sums::default()),
            ContainerKind::OrSet | ContainerKind::OrMap => Self::Tagged(Tagged::default()),
        }
    }

    /// The sequence of a text, a list or a movable list.
    pub(super) const fn sequence(&self) -> Option<SequenceId> {
        match self {
            Self::Text(sequence) | Self::List(sequence) => Some(*sequence),
            Self::MovableList(movable) => Some(movable.slots),
            _ => None,
        }
    }

    /// The element that an item of a list is in; the item itself if it is a list of another kind.
    pub(super) fn element(&self, item: LocalId) -> LocalId {
        match self {
            Self::MovableList(movable) => movable.element(item),
            _ => item,
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

    /// The same, to be written over.
    pub(super) fn entry_mut(&mut self, key: Option<&str>) -> Option<&mut Entry> {
        match (self, key) {
            (Self::Map(entries), Some(key)) => entries.get_mut(key),
            (Self::Register(entry), None) => entry.as_mut(),
            _ => None,
        }
    }

    /// What a key of a map or an or-map holds.
    pub(super) fn held(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Tagged(tagged) => tagged.shown(key.as_bytes()),
            content => content.entry(Some(key))?.value.as_ref(),
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
            _ => None,
        }
    }
}
