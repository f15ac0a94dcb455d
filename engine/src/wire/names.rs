//! Short names for replicas: on a link, a writer of a document is named by its number in the server's list of writers.
//!
//! The list is in the order in which the server's log first saw each writer, so it is the same on every link and one
//! encoded frame can go to all of them. A link learns the list when it joins and, from then on, ahead of the first
//! change of each new writer. A replica that is not in the list (yet) is named by its eight bytes.

use std::collections::BTreeMap;

use crate::{
    causal::ChangeLog,
    causal::change::read_replica,
    codec::{Reader, Writer},
    error::Malformed,
    id::ReplicaId,
    packed::{Unpacker, pack_number},
};

/// What two sides of a link call the writers of a document.
pub trait Names {
    /// The number of a writer, if it has one.
    fn index(&self, replica: ReplicaId) -> Option<usize>;
    /// The writer with this number.
    fn replica(&self, index: usize) -> Option<ReplicaId>;
    /// How many have a number; the next one that is introduced gets this one.
    fn count(&self) -> usize;
}

/// No short names: every replica is written in full.
#[derive(Clone, Copy, Debug, Default)]
pub struct FullNames;

impl Names for FullNames {
    fn index(&self, _: ReplicaId) -> Option<usize> {
        None
    }

    fn replica(&self, _: usize) -> Option<ReplicaId> {
        None
    }

    fn count(&self) -> usize {
        0
    }
}

/// A list of writers as a client learns it from its server.
#[derive(Clone, Debug, Default)]
pub struct Writers {
    replicas: Vec<ReplicaId>,
    index: BTreeMap<ReplicaId, usize>,
}

impl Writers {
    /// Gives a writer the next number.
    pub fn introduce(&mut self, replica: ReplicaId) {
        self.index.insert(replica, self.replicas.len());
        self.replicas.push(replica);
    }
}

impl Names for Writers {
    fn index(&self, replica: ReplicaId) -> Option<usize> {
        self.index.get(&replica).copied()
    }

    fn replica(&self, index: usize) -> Option<ReplicaId> {
        self.replicas.get(index).copied()
    }

    fn count(&self) -> usize {
        self.replicas.len()
    }
}

/// The server's side of the list: the log's own order of writers, as far as a link has been told.
pub(crate) struct Told<'a> {
    pub(crate) log: &'a ChangeLog,
    pub(crate) count: usize,
}

impl Names for Told<'_> {
    fn index(&self, replica: ReplicaId) -> Option<usize> {
        self.log.writer_index(replica).filter(|index| *index < self.count)
    }

    fn replica(&self, index: usize) -> Option<ReplicaId> {
        if index < self.count { self.log.writers().get(index).copied() } else { None }
    }

    fn count(&self) -> usize {
        self.count
    }
}

/// Names as they are once `new` have been introduced.
pub(crate) struct Introduced<'a, N> {
    pub(crate) known: &'a N,
    pub(crate) new: &'a [ReplicaId],
}

impl<N: Names> Names for Introduced<'_, N> {
    fn index(&self, replica: ReplicaId) -> Option<usize> {
        self.known.index(replica).or_else(|| {
            let place = self.new.iter().position(|new| *new == replica)?;
            Some(self.known.count() + place)
        })
    }

    fn replica(&self, index: usize) -> Option<ReplicaId> {
        match index.checked_sub(self.known.count()) {
            None => self.known.replica(index),
            Some(place) => self.new.get(place).copied(),
        }
    }

    fn count(&self) -> usize {
        self.known.count() + self.new.len()
    }
}

/// Packs a replica: its number and one, if it has a number, or zero and its eight bytes.
pub(crate) fn pack_replica(names: &impl Names, replica: ReplicaId, out: &mut Vec<u8>) {
    match names.index(replica) {
        Some(index) => pack_number(out, index as u64 + 1),
        None => {
            out.push(0);
            out.extend(replica.bits().to_be_bytes());
        }
    }
}

/// Reads what [`pack_replica`] packed.
pub(crate) fn unpack_replica(names: &impl Names, bytes: &mut Unpacker) -> Result<ReplicaId, Malformed> {
    match bytes.number("a replica")?.checked_sub(1) {
        None => Ok(ReplicaId::new(bytes.eight("a replica id")?)),
        Some(index) => {
            let replica = usize::try_from(index).ok().and_then(|index| names.replica(index));
            replica.ok_or_else(|| bytes.fault("a writer that was introduced"))
        }
    }
}

/// Writes a replica by its number if it has one, in full if not.
pub(crate) fn write_replica(names: &impl Names, replica: ReplicaId, writer: &mut Writer) {
    match names.index(replica) {
        Some(index) => writer.uint(index as u64),
        None => writer.bytes(&replica.bits().to_be_bytes()),
    };
}

/// Reads what [`write_replica`] wrote.
pub(crate) fn read_named(names: &impl Names, reader: &mut Reader) -> Result<ReplicaId, Malformed> {
    if reader.at_bytes() {
        return read_replica(reader);
    }
    let index = reader.uint("a replica")?;
    let replica = usize::try_from(index).ok().and_then(|index| names.replica(index));
    replica.ok_or_else(|| reader.fault("a writer that was introduced"))
}
