//! The parts of a snapshot: values of one kind side by side, each part packed on its own.

use bytes::Bytes;
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_slice_iter_to_slice};

use super::SnapshotFault;
use crate::{
    error::Malformed,
    packed::{Unpacker, pack_number},
    proof::{Fault, planted},
};

/// The parts, in the order in which they stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Column {
    /// The shape of the history.
    History,
    /// Which containers there are, how much is in each, and what each writer has mentioned.
    Shape,
    /// Names and keys.
    Names,
    /// Values and elements, in CBOR.
    Values,
    /// When writes were made, and as which operations.
    Stamps,
    /// Which of the earlier runs of items each one goes on, if it does.
    Divided,
    /// Whose the others are.
    Writers,
    /// With which number each of these begins.
    Firsts,
    /// How long each is, and whether it is deleted.
    Lengths,
    /// Runs that were not inserted where the others suggest.
    Origins,
    /// What the items say that are not deleted.
    Text,
}

const COLUMNS: usize = 11;
/// As small as it gets in a time that nobody notices.
const LEVEL: u8 = 9;
/// What is not worth while to deflate.
const SMALL: usize = 64;
/// No deflated byte says more than this many.
const MOST_INFLATED: usize = 1_032;

/// Parts that are being written.
#[derive(Default)]
pub(super) struct Columns {
    parts: [Vec<u8>; COLUMNS],
}

impl Columns {
    pub(super) fn of(&mut self, column: Column) -> &mut Vec<u8> {
        &mut self.parts[column as usize]
    }

    pub(super) fn number(&mut self, column: Column, number: u64) {
        pack_number(self.of(column), number);
    }

    /// Writes all of them: for each its length, the length of what follows, and that: itself, or deflated if that is less.
    pub(super) fn pack(&self, out: &mut Vec<u8>) {
        for part in &self.parts {
            pack_number(out, part.len() as u64);
            let deflated = if part.len() < SMALL { Vec::new() } else { compress_to_vec(part, LEVEL) };
            let stored = if (1..part.len()).contains(&deflated.len()) { &deflated } else { part };
            pack_number(out, stored.len() as u64);
            out.extend_from_slice(stored);
        }
    }
}

/// Parts that are being read.
pub(super) struct Reading {
    parts: [Unpacker; COLUMNS],
    budget: Budget,
}

impl Reading {
    /// Reads what [`Columns::pack`] wrote, and nothing else is left.
    pub(super) fn unpack(bytes: &mut Unpacker, mut budget: Budget) -> Result<Self, SnapshotFault> {
        let mut parts = [const { Unpacker::new(Bytes::new()) }; COLUMNS];
        for part in &mut parts {
            let len = bytes.number("a part's length")?;
            let stored = bytes.bytes("a part of this length")?;
            let len = usize::try_from(len).ok().filter(|len| len / MOST_INFLATED <= stored.len());
            let len = len.ok_or_else(|| bytes.fault("a length that can be true"))?;
            budget.take(len)?;
            *part = Unpacker::new(if len == stored.len() {
                stored
            } else {
                let mut inflated = vec![0; len];
                let read = decompress_slice_iter_to_slice(&mut inflated, [&stored[..]].into_iter(), false, true);
                if read != Ok(len) {
                    return Err(bytes.fault("a part that inflates to its length").into());
                }
                inflated.into()
            });
        }
        if bytes.left() > 0 {
            return Err(bytes.fault("the end").into());
        }
        Ok(Self { parts, budget })
    }

    pub(super) fn of(&mut self, column: Column) -> &mut Unpacker {
        &mut self.parts[column as usize]
    }

    /// All that is left of a part.
    pub(super) fn rest(&mut self, column: Column) -> Bytes {
        std::mem::replace(self.of(column), Unpacker::new(Bytes::new())).rest()
    }

    pub(super) fn number(&mut self, column: Column, what: &'static str) -> Result<u64, Malformed> {
        self.of(column).number(what)
    }

    /// How many things follow, of which each takes up to `bytes` in memory.
    pub(super) fn count(&mut self, column: Column, what: &'static str, bytes: usize) -> Result<usize, SnapshotFault> {
        let count = self.number(column, what)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.budget.take(count.saturating_mul(bytes))?;
        Ok(count)
    }

    pub(super) fn fault(&self, column: Column, what: &'static str) -> SnapshotFault {
        self.parts[column as usize].fault(what).into()
    }

    pub(super) fn budget(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// Every part was read to its end.
    pub(super) fn finish(self) -> Result<(), SnapshotFault> {
        self.parts.iter().try_for_each(|part| if part.left() == 0 { Ok(()) } else { Err(part.fault("the end").into()) })
    }
}

/// What a snapshot may still come to in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) left: usize,
    pub(super) limit: usize,
}

impl Budget {
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), SnapshotFault> {
        if planted(Fault::SnapshotUnbounded) {
            return Ok(());
        }
        self.left = self.left.checked_sub(bytes).ok_or(SnapshotFault::TooLarge { limit: self.limit })?;
        Ok(())
    }
}
