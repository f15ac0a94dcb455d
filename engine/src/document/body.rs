//! What a change of a document says: its body, opened.
//!
//! A body is one CBOR array ([RFC 8949](https://www.rfc-editor.org/rfc/rfc8949), definite lengths). A keystroke takes
//! about 25 bytes.
//!
//! | item | what it is |
//! |---|---|
//! | replicas | a byte string: the ids of other replicas that are referred to, 8 bytes each, big-endian |
//! | containers | an array: kind, name, kind, name … (an unsigned integer and a text each) |
//! | operations | an array of arrays, in the order of their numbers |
//! | more | ignored: what a later version says *about* a change |
//!
//! Container kinds are 0 text, 1 map, 2 register. An operation is an array of exactly these items:
//!
//! | kind | then | numbers it covers | what it does |
//! |---|---|---|---|
//! | 0 | container, left, right, text | one per character | inserts a run between two neighbours: see [`document`](crate::document) |
//! | 1 | container, first, count | 1 | deletes characters with consecutive ids |
//! | 2 | container, key, value | 1 | sets a key of a map |
//! | 3 | container, key | 1 | deletes a key of a map |
//! | 4 | container, value | 1 | sets a register |
//! | 5 | container | 1 | clears a register |
//!
//! `container` is an index into the containers, `key` a text, `value` a byte string that holds CBOR. `left`, `right` and
//! `first` name a character:
//!
//! | written | means |
//! |---|---|
//! | `null` (not for `first`) | the beginning or the end of the text |
//! | a negative integer −*d* | the change's own replica, *d* numbers before this operation's first |
//! | two unsigned integers | an index into the replicas, and the number |
//!
//! The first operation has the change's own number, and together they cover as many as the change's header says.
//!
//! A body that breaks any of this, has an unknown kind, or refers to what is not there ([`BodyFault`]) is a no-op as a whole, on
//! every replica alike: each rule can be judged from the change and its causal past alone.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::container::{ContainerId, ContainerKind};
use crate::{
    causal::Change,
    codec::{Reader, Writer},
    error::Malformed,
    id::{OpId, ReplicaId},
    proof::{Fault, Situation, planted},
};

/// Why a body is a no-op.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyFault {
    /// It is not in the form of a body. Offsets are into the body.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its operations do not cover as many numbers as the change's header says.
    #[error("the header says {says} operations, the body holds {holds}")]
    Length {
        /// What the header says.
        says: u64,
        /// How many there are.
        holds: u64,
    },
    /// It refers to an operation that its maker had not seen when it made the change.
    #[error("refers to {op}, which its maker had not seen")]
    Unseen {
        /// The operation.
        op: OpId,
    },
    /// It refers to an operation that is no character of that text.
    #[error("refers to {op}, which is no character of that text")]
    Missing {
        /// The operation.
        op: OpId,
    },
    /// The document has as many operations on texts as this library can keep apart: 2^30.
    #[error("the document holds too many operations")]
    TooMany,
    /// An insertion stands between two characters that can never have been neighbours.
    #[error("operation {op} inserts between two characters that were never neighbours")]
    Misplaced {
        /// The insertion.
        op: OpId,
    },
}

impl From<&BodyFault> for Situation {
    fn from(fault: &BodyFault) -> Self {
        match fault {
            BodyFault::Malformed(_) | BodyFault::Length { .. } | BodyFault::TooMany => Self::BodyMalformed,
            BodyFault::Unseen { .. } => Self::BodyUnseen,
            BodyFault::Missing { .. } => Self::BodyMissing,
            BodyFault::Misplaced { .. } => Self::BodyMisplaced,
        }
    }
}

/// A change's operations, read and checked for form; for tools and tests that look inside.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Operations {
    /// The containers that are written to.
    pub containers: Vec<ContainerId>,
    /// The operations, in order.
    pub list: Vec<Operation>,
}

/// One operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    /// Its number, or that of its first character.
    pub seq: u64,
    /// What it writes to: an index into [`Operations::containers`].
    pub container: usize,
    /// What it does there.
    pub action: Action,
}

/// What an operation does to its container.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Inserts a run of characters; each after the first has the one before it as its left neighbour.
    Insert {
        /// The character before the run, or the beginning.
        left: Option<OpId>,
        /// The character after the run, deleted or not, or the end.
        right: Option<OpId>,
        /// The characters, at least one.
        text: String,
    },
    /// Deletes characters with consecutive ids.
    Delete {
        /// The first of them.
        first: OpId,
        /// How many, at least one.
        count: u64,
    },
    /// Sets a key of a map, or deletes it.
    Map {
        /// The key.
        key: Arc<str>,
        /// The value in CBOR; `None` deletes.
        value: Option<Bytes>,
    },
    /// Sets a register, or clears it.
    Register {
        /// The value in CBOR; `None` clears.
        value: Option<Bytes>,
    },
}

impl Action {
    /// How many operation numbers it covers.
    pub fn covers(&self) -> u64 {
        match self {
            Self::Insert { text, .. } => text.chars().count() as u64,
            _ => 1,
        }
    }

    const fn kind(&self) -> ContainerKind {
        match self {
            Self::Insert { .. } | Self::Delete { .. } => ContainerKind::Text,
            Self::Map { .. } => ContainerKind::Map,
            Self::Register { .. } => ContainerKind::Register,
        }
    }

    /// The characters it refers to.
    fn references(&self) -> impl Iterator<Item = OpId> + '_ {
        let (one, other) = match self {
            Self::Insert { left, right, .. } => (*left, *right),
            // In the form of the last one, since that decides whether all were seen.
            Self::Delete { first, count } => (Some(OpId::new(first.replica, first.seq + (count - 1))), None),
            _ => (None, None),
        };
        one.into_iter().chain(other)
    }
}

const INSERT: u64 = 0;
const DELETE: u64 = 1;
const SET_KEY: u64 = 2;
const DELETE_KEY: u64 = 3;
const SET: u64 = 4;
const CLEAR: u64 = 5;

impl Operations {
    /// Reads the body of a change.
    ///
    /// # Errors
    ///
    /// If it is not in the form of one. Whether what it refers to exists, only a document can say.
    pub fn decode(change: &Change) -> Result<Self, BodyFault> {
        let mut reader = Reader::new(change.body.clone());
        let more = reader.fields(3, "a body")?;
        let replicas = read_replicas(&mut reader, change.replica)?;
        let containers = read_containers(&mut reader)?;
        let count = reader.array("the operations")?;
        let mut list = Vec::new();
        let mut covered = 0_u64;
        for _ in 0..count {
            let seq = change.seq.checked_add(covered).ok_or_else(|| reader.fault("numbers that fit"))?;
            let mut names = Names { change, replicas: &replicas, seq, items: 0 };
            let operation = read_operation(&mut reader, &mut names, &containers)?;
            covered = covered.saturating_add(operation.action.covers());
            list.push(operation);
        }
        reader.skip(more)?;
        reader.finish()?;
        if covered != change.len && !planted(Fault::LengthUnchecked) {
            return Err(BodyFault::Length { says: change.len, holds: covered });
        }
        Ok(Self { containers, list })
    }

    /// Writes the body of a change of `replica`.
    pub fn encode(&self, replica: ReplicaId) -> Bytes {
        let mut mentioned = Mentioned::default();
        let mut list = Writer::new();
        list.array(self.list.len());
        for operation in &self.list {
            let mut items = Writer::new();
            let count = write_operation(operation, replica, &mut mentioned, &mut items);
            list.array(count).raw(&items.finish());
        }
        let mut body = Writer::new();
        body.array(3).bytes(&mentioned.ids).array(2 * self.containers.len());
        for container in &self.containers {
            body.uint(container.kind.number()).text(&container.name);
        }
        body.raw(&list.finish());
        body.finish()
    }

    /// For each other replica the last of its operations that is referred to.
    pub(super) fn foreign_references(&self, own: ReplicaId) -> impl Iterator<Item = OpId> + use<> {
        let mut last: BTreeMap<ReplicaId, u64> = BTreeMap::new();
        for op in self.list.iter().flat_map(|operation| operation.action.references()) {
            if op.replica != own {
                let known = last.entry(op.replica).or_default();
                *known = op.seq.max(*known);
            }
        }
        last.into_iter().map(|(replica, seq)| OpId::new(replica, seq))
    }
}

/// The other replicas that a body refers to, numbered in the order of their first mention.
#[derive(Default)]
struct Mentioned {
    ids: Vec<u8>,
    indices: BTreeMap<ReplicaId, u64>,
}

impl Mentioned {
    fn index(&mut self, replica: ReplicaId) -> u64 {
        let next = self.indices.len() as u64;
        *self.indices.entry(replica).or_insert_with(|| {
            self.ids.extend(replica.bits().to_be_bytes());
            next
        })
    }
}

/// What is needed to read the names of characters in one operation.
struct Names<'a> {
    change: &'a Change,
    replicas: &'a [ReplicaId],
    seq: u64,
    /// How many items the names read so far took.
    items: usize,
}

impl Names<'_> {
    fn character(&mut self, reader: &mut Reader) -> Result<OpId, Malformed> {
        match reader.signed("a character's name")? {
            Err(distance) => {
                self.items += 1;
                let seq = distance.checked_add(1).and_then(|distance| self.seq.checked_sub(distance));
                let seq = seq.ok_or_else(|| reader.fault("one of the replica's earlier operations"))?;
                Ok(OpId::new(self.change.replica, seq))
            }
            Ok(index) => {
                self.items += 2;
                let replica = usize::try_from(index).ok().and_then(|index| self.replicas.get(index));
                let replica = *replica.ok_or_else(|| reader.fault("an index into the replicas"))?;
                Ok(OpId::new(replica, reader.uint("an operation's number")?))
            }
        }
    }

    fn neighbour(&mut self, reader: &mut Reader) -> Result<Option<OpId>, Malformed> {
        if reader.null() {
            self.items += 1;
            return Ok(None);
        }
        self.character(reader).map(Some)
    }
}

fn read_replicas(reader: &mut Reader, own: ReplicaId) -> Result<Vec<ReplicaId>, Malformed> {
    let bytes = reader.bytes("the replicas referred to")?;
    let ids = bytes.chunks_exact(8);
    if !ids.remainder().is_empty() {
        return Err(reader.fault("replica ids of 8 bytes"));
    }
    let replicas: Vec<_> =
        ids.map(|id| ReplicaId::new(id.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))).collect();
    // Its own operations are named by distance, so that none can be named that does not exist yet.
    if replicas.contains(&own) { Err(reader.fault("replicas other than its own")) } else { Ok(replicas) }
}

fn read_containers(reader: &mut Reader) -> Result<Vec<ContainerId>, Malformed> {
    let items = reader.array("the containers")?;
    if items % 2 != 0 {
        return Err(reader.fault("pairs of kind and name"));
    }
    let mut containers = Vec::new();
    for _ in 0..items / 2 {
        let kind = ContainerKind::from_number(reader.uint("a container's kind")?);
        let kind = kind.ok_or_else(|| reader.fault("a known kind of container"))?;
        containers.push(ContainerId { kind, name: reader.text("a container's name")?.into() });
    }
    Ok(containers)
}

fn read_operation(
    reader: &mut Reader,
    names: &mut Names<'_>,
    containers: &[ContainerId],
) -> Result<Operation, Malformed> {
    let items = reader.array("an operation")?;
    let kind = reader.uint("an operation's kind")?;
    let container = reader.uint("a container")?;
    let container = usize::try_from(container).ok().filter(|index| *index < containers.len());
    let container = container.ok_or_else(|| reader.fault("an index into the containers"))?;
    let (action, others) = match kind {
        INSERT => {
            let (left, right) = (names.neighbour(reader)?, names.neighbour(reader)?);
            let text = reader.text("the inserted text")?;
            if text.is_empty() {
                return Err(reader.fault("at least one character"));
            }
            (Action::Insert { left, right, text }, 1)
        }
        DELETE => {
            let first = names.character(reader)?;
            let count = reader.uint("how many characters")?;
            if count == 0 || first.seq.checked_add(count).is_none() {
                return Err(reader.fault("a count that can be true"));
            }
            if first.replica == names.change.replica && first.seq + count > names.seq {
                return Err(reader.fault("characters that exist already"));
            }
            (Action::Delete { first, count }, 1)
        }
        SET_KEY => {
            let key = reader.text("a key")?.into();
            (Action::Map { key, value: Some(reader.bytes("a value")?) }, 2)
        }
        DELETE_KEY => (Action::Map { key: reader.text("a key")?.into(), value: None }, 1),
        SET => (Action::Register { value: Some(reader.bytes("a value")?) }, 1),
        CLEAR => (Action::Register { value: None }, 0),
        _ => return Err(reader.fault("a known kind of operation")),
    };
    if items != 2 + names.items + others {
        return Err(reader.fault("an operation of exactly its items"));
    }
    if action.kind() != containers[container].kind {
        return Err(reader.fault("an operation on its own kind of container"));
    }
    Ok(Operation { seq: names.seq, container, action })
}

/// Writes the items of one operation. How many they are.
fn write_operation(operation: &Operation, own: ReplicaId, mentioned: &mut Mentioned, items: &mut Writer) -> usize {
    let container = operation.container as u64;
    let mut name = |op: Option<OpId>, items: &mut Writer| match op {
        None => {
            items.null();
            1
        }
        Some(op) if op.replica == own => {
            // At least one back; anything else cannot be written, and nothing here makes it.
            items.negative(operation.seq.saturating_sub(op.seq).saturating_sub(1));
            1
        }
        Some(op) => {
            items.uint(mentioned.index(op.replica)).uint(op.seq);
            2
        }
    };
    match &operation.action {
        Action::Insert { left, right, text } => {
            items.uint(INSERT).uint(container);
            let names = name(*left, items) + name(*right, items);
            items.text(text);
            3 + names
        }
        Action::Delete { first, count } => {
            items.uint(DELETE).uint(container);
            let names = name(Some(*first), items);
            items.uint(*count);
            3 + names
        }
        Action::Map { key, value: Some(value) } => {
            items.uint(SET_KEY).uint(container).text(key).bytes(value);
            4
        }
        Action::Map { key, value: None } => {
            items.uint(DELETE_KEY).uint(container).text(key);
            3
        }
        Action::Register { value: Some(value) } => {
            items.uint(SET).uint(container).bytes(value);
            3
        }
        Action::Register { value: None } => {
            items.uint(CLEAR).uint(container);
            2
        }
    }
}
