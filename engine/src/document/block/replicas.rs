//! Who is mentioned in a block, and what each of them did last.

use std::collections::BTreeMap;

use crate::id::ReplicaId;

/// Somebody in a block, as a number: a place in its table, or someone whom its bodies mention by an index that was introduced
/// before the block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Who(u64);

const UNNAMED: u64 = 1 << 63;
const INDEX_BITS: u32 = 31;
/// Indices of those who are not in the table are below this.
pub(super) const INDICES: u64 = 1 << INDEX_BITS;

impl Who {
    pub(super) const fn named(place: u32) -> Self {
        Self(place as u64)
    }

    /// Whom the replica at this place of the table mentions by this index, which is below [`INDICES`].
    pub(super) const fn unnamed(place: u32, index: u64) -> Self {
        Self(UNNAMED | (place as u64) << INDEX_BITS | index)
    }

    /// The place of someone in the table.
    pub(super) const fn place(self) -> Option<u32> {
        if self.0 & UNNAMED == 0 { Some(self.0 as u32) } else { None }
    }

    /// The index by which the replica at this place of the table mentions someone who is not in it.
    pub(super) const fn index_of(self, place: u32) -> Option<u64> {
        let index = self.0 & (INDICES - 1);
        if self.0 == Self::unnamed(place, index).0 { Some(index) } else { None }
    }
}

/// An operation in a block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Point {
    pub(super) who: Who,
    pub(super) seq: u64,
}

impl Point {
    /// The operation some numbers before, if there is one.
    pub(super) fn minus(self, count: u64) -> Option<Self> {
        Some(Self { seq: self.seq.checked_sub(count)?, ..self })
    }

    /// The operation some numbers behind.
    pub(super) const fn plus(self, count: u64) -> Self {
        Self { seq: self.seq.saturating_add(count), ..self }
    }
}

/// The table of a block: everyone who wrote a change in it, or is mentioned by id.
#[derive(Default)]
pub(super) struct Table {
    pub(super) list: Vec<Entry>,
    by_id: BTreeMap<ReplicaId, u32>,
}

#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) id: ReplicaId,
    /// The number of its first operation in the block; zero if it has none.
    pub(super) first: u64,
}

impl Table {
    /// The place of a replica, which is entered at the first call.
    pub(super) fn place(&mut self, id: ReplicaId) -> u32 {
        let list = &mut self.list;
        *self.by_id.entry(id).or_insert_with(|| {
            list.push(Entry { id, first: 0 });
            list.len() as u32 - 1
        })
    }

    /// The place of a replica that has one.
    pub(super) fn find(&self, id: ReplicaId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }
}
