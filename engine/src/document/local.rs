//! Short numbers for operations, inside one document only.
//!
//! On the wire an operation is a replica of 64 bits and a number of 64 bits. Inside, everything that refers to
//! operations does so millions of times, so each gets a [`LocalId`] of 32 bits. Writers get ids in stretches, each twice as
//! long as the last, so that what one writer types stays consecutive however it is mixed with what others type at the
//! same time. The stretches begin at multiples of 64, so a table over blocks says whose an id is. The last id of a stretch is
//! nobody's: so ids that follow one another are one writer's, in the order of its numbers.
//!
//! Which id an operation gets depends on the order of arrival: nothing that replicas must agree on may depend on it.

use std::{collections::BTreeMap, num::NonZeroU32};

use crate::{
    id::{OpId, ReplicaId},
    proof::{Fault, planted},
};

/// An operation, by its short number in this document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct LocalId(NonZeroU32);

impl LocalId {
    /// None is before it.
    pub(crate) const FIRST: Self = Self(NonZeroU32::MIN);

    const fn from_bits(bits: u32) -> Option<Self> {
        match NonZeroU32::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0.get()
    }

    /// The operation `count` further on, of the same writer and stretch.
    pub(crate) const fn plus(self, count: u32) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// How far this one is behind another one, if it is not before it.
    pub(crate) const fn since(self, other: Self) -> Option<u32> {
        self.0.get().checked_sub(other.0.get())
    }
}

/// How many ids there are at most in one document: 2^30. A replica that would need more refuses.
pub(crate) const MOST_IDS: u32 = 1 << 30;

/// Few where faults are planted, so that short texts have many stretches.
const BLOCK_BITS: u32 = if cfg!(feature = "proof") { 3 } else { 6 };
const BLOCK: u32 = 1 << BLOCK_BITS;
/// A stretch that nobody asked to be longer.
const LONGEST: u32 = if cfg!(feature = "proof") { 1 << 5 } else { 1 << 16 };

/// Who has which ids.
#[derive(Clone)]
pub(crate) struct LocalIds {
    writers: Vec<Writer>,
    by_replica: BTreeMap<ReplicaId, u32>,
    /// For each block of ids, whose it is and the number of the first operation in it.
    blocks: Vec<Block>,
}

#[derive(Clone, Copy)]
struct Block {
    writer: u32,
    seq: u64,
}

#[derive(Clone)]
struct Writer {
    replica: ReplicaId,
    /// In the order of their numbers. Where one ends before the next begins, nothing has an id; where two overlap, the
    /// later one counts.
    stretches: Vec<Stretch>,
}

#[derive(Clone, Copy)]
struct Stretch {
    seq: u64,
    first: u32,
    len: u32,
}

impl Default for LocalIds {
    fn default() -> Self {
        // Id zero is nobody's.
        let nobody = Block { writer: u32::MAX, seq: 0 };
        Self { writers: Vec::new(), by_replica: BTreeMap::new(), blocks: vec![nobody] }
    }
}

impl LocalIds {
    /// The number of a writer, given at the first call.
    pub(crate) fn writer(&mut self, replica: ReplicaId) -> u32 {
        let writers = &mut self.writers;
        *self.by_replica.entry(replica).or_insert_with(|| {
            writers.push(Writer { replica, stretches: Vec::new() });
            u32::try_from(writers.len() - 1).expect("fewer writers than the memory for their changes")
        })
    }

    /// The number of a writer that has one.
    pub(crate) fn find_writer(&self, replica: ReplicaId) -> Option<u32> {
        self.by_replica.get(&replica).copied()
    }

    /// Whose number this is.
    pub(crate) fn replica(&self, writer: u32) -> ReplicaId {
        self.writers[writer as usize].replica
    }

    /// Consecutive ids for `len` operations of a writer, the first of which has the number `seq`: the greatest so far.
    /// `None` if there are not as many left.
    pub(crate) fn give(&mut self, writer: u32, seq: u64, len: u32) -> Option<LocalId> {
        let mut room = BLOCK - 1;
        if let Some(last) = self.writers[writer as usize].stretches.last() {
            if let Some(from) = seq.checked_sub(last.seq) {
                if from.checked_add(u64::from(len)).is_some_and(|to| to <= u64::from(last.len))
                    || planted(Fault::StretchOverrun)
                {
                    return LocalId::from_bits(last.first + from as u32);
                }
            }
            room = (2 * last.len.min(LONGEST) + 1).min(LONGEST - 1);
        }
        self.give_stretch(writer, seq, room.max(len))
    }

    /// The same, and room for no more than these before the next block begins.
    pub(crate) fn give_stretch(&mut self, writer: u32, seq: u64, len: u32) -> Option<LocalId> {
        let after = if planted(Fault::StretchesTouch) { 0 } else { 1 };
        let size = len.checked_add(after)?.checked_next_multiple_of(BLOCK)?;
        let first = u32::try_from(self.blocks.len()).ok()? << BLOCK_BITS;
        if first.checked_add(size)? > MOST_IDS {
            return None;
        }
        self.writers[writer as usize].stretches.push(Stretch { seq, first, len: size - after });
        let blocks = (0..size >> BLOCK_BITS).map(|block| Block { writer, seq: seq + u64::from(block << BLOCK_BITS) });
        self.blocks.extend(blocks);
        LocalId::from_bits(first)
    }

    /// Takes back what was given since, and including, the operation `seq` of a writer: the last that anyone was given.
    pub(crate) fn take_back(&mut self, writer: u32, seq: u64) {
        let stretches = &mut self.writers[writer as usize].stretches;
        while let Some(last) = stretches.last().copied().filter(|last| last.seq >= seq) {
            stretches.pop();
            if (last.first + last.len).next_multiple_of(BLOCK) as usize == self.blocks.len() << BLOCK_BITS {
                self.blocks.truncate((last.first >> BLOCK_BITS) as usize);
            }
        }
    }

    /// The id of an operation. One that has no id may be given one that nothing bears.
    pub(crate) fn find(&self, op: OpId) -> Option<LocalId> {
        self.find_of(self.find_writer(op.replica)?, op.seq)
    }

    /// The same for an operation of a writer by its number.
    pub(crate) fn find_of(&self, writer: u32, seq: u64) -> Option<LocalId> {
        self.run_of(writer, seq).map(|(id, _)| id)
    }

    /// The id of an operation, and how many operations from it on have consecutive ids.
    pub(crate) fn run(&self, op: OpId) -> Option<(LocalId, u32)> {
        self.run_of(self.find_writer(op.replica)?, op.seq)
    }

    fn run_of(&self, writer: u32, number: u64) -> Option<(LocalId, u32)> {
        let stretches = &self.writers[writer as usize].stretches;
        let after = match stretches.last() {
            Some(last) if last.seq <= number => stretches.len(),
            _ => stretches.partition_point(|stretch| stretch.seq <= number),
        };
        let Stretch { seq, first, len } = stretches[after.checked_sub(1)?];
        let end = stretches.get(after).map_or(u64::MAX, |next| next.seq).min(seq.saturating_add(u64::from(len)));
        let left = end.checked_sub(number).filter(|left| *left > 0)?;
        Some((LocalId::from_bits(first + (number - seq) as u32)?, left as u32))
    }

    /// Whose an id is.
    pub(crate) fn writer_of(&self, id: LocalId) -> u32 {
        self.blocks[(id.bits() >> BLOCK_BITS) as usize].writer
    }

    /// Which operation has this id.
    pub(crate) fn op(&self, id: LocalId) -> OpId {
        let Block { writer, seq } = self.blocks[(id.bits() >> BLOCK_BITS) as usize];
        OpId::new(self.replica(writer), seq + u64::from(id.bits() & (BLOCK - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_ids_name_each_other_however_writers_are_mixed() {
        let mut ids = LocalIds::default();
        let replicas = [ReplicaId::new(7), ReplicaId::new(3), ReplicaId::new(9)];
        let writers = replicas.map(|replica| ids.writer(replica));
        let mut given = Vec::new();
        let mut next = [0_u64; 3];
        for round in 0..400_u32 {
            let who = (round * 7 % 5 % 3) as usize;
            let len = if round % 50 == 0 { 100 + round } else { 1 + round % 3 };
            // Some operations never ask for an id.
            next[who] += u64::from(round % 4);
            let first = ids.give(writers[who], next[who], len).expect("there is room");
            given.extend((0..len).map(|at| (OpId::new(replicas[who], next[who] + u64::from(at)), first.plus(at))));
            next[who] += u64::from(len);
        }
        for (op, id) in &given {
            assert_eq!((ids.op(*id), ids.find(*op)), (*op, Some(*id)));
            assert_eq!(ids.replica(ids.writer_of(*id)), op.replica);
        }
        given.sort_unstable_by_key(|(_, id)| *id);
        for pair in given.windows(2) {
            let [(one, id), (next, next_id)] = [pair[0], pair[1]];
            let follows = next == OpId::new(one.replica, one.seq + 1);
            assert!(id < next_id && (follows || id.plus(1) != next_id), "{one:?} and {next:?} have ids side by side");
        }
    }

    #[test]
    fn what_is_taken_back_is_given_again_and_the_space_is_bounded() {
        let mut ids = LocalIds::default();
        let writer = ids.writer(ReplicaId::new(1));
        ids.give(writer, 0, 3).expect("there is room");
        for _ in 0..100_000 {
            let id = ids.give(writer, 3, 1_000_000).expect("there is room again");
            assert_eq!(ids.op(id.plus(5)).seq, 8);
            ids.take_back(writer, 3);
            assert_eq!(ids.give(writer, 3, 2).map(|id| ids.op(id).seq), Some(3));
        }
        assert_eq!(ids.give(writer, 5, MOST_IDS), None);
        assert!(ids.give(writer, 5, 1).is_some());
    }
}
