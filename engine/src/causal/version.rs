//! What a replica has: version vectors and frontiers.

use std::fmt;

use crate::{
    id::{OpId, ReplicaId},
    proof::{Fault, planted},
};

/// For each replica, the number of the first operation that is *not* had: everything before it is.
///
/// Kept sorted by replica and without zeroes, so that equal sets are equal values.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct VersionVector {
    next: Vec<(ReplicaId, u64)>,
}

impl VersionVector {
    /// Nothing at all.
    pub const fn new() -> Self {
        Self { next: Vec::new() }
    }

    /// The first operation of `replica` that is not had.
    #[inline]
    pub fn next(&self, replica: ReplicaId) -> u64 {
        self.find(replica).map_or(0, |index| self.next[index].1)
    }

    /// Whether one operation is had.
    pub fn contains(&self, op: OpId) -> bool {
        op.seq < self.next(op.replica)
    }

    /// Whether everything in `other` is had.
    pub fn covers(&self, other: &Self) -> bool {
        other.iter().all(|(replica, next)| self.next(replica) >= next)
    }

    /// Takes in everything of `replica` before `next`.
    #[inline]
    pub fn extend(&mut self, replica: ReplicaId, next: u64) {
        match &mut self.next[..] {
            [(only, last)] if *only == replica && *last <= next => *last = next,
            _ => self.extend_one_of(replica, next),
        }
    }

    fn extend_one_of(&mut self, replica: ReplicaId, next: u64) {
        match self.find(replica) {
            Ok(index) if planted(Fault::VersionGoesBack) => self.next[index].1 = next,
            Ok(index) => self.next[index].1 = self.next[index].1.max(next),
            Err(index) if next > 0 => self.next.insert(index, (replica, next)),
            Err(_) => {}
        }
    }

    /// Takes in everything in `other`.
    pub fn merge(&mut self, other: &Self) {
        for (replica, next) in other.iter() {
            self.extend(replica, next);
        }
    }

    /// What both have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.iter().map(|(replica, next)| (replica, next.min(other.next(replica)))).collect()
    }

    /// Each replica with the first of its operations that is not had, in the order of the ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ReplicaId, u64)> + '_ {
        self.next.iter().copied()
    }

    /// How many replicas have at least one operation here.
    pub fn len(&self) -> usize {
        self.next.len()
    }

    /// Whether nothing is had.
    pub fn is_empty(&self) -> bool {
        self.next.is_empty()
    }

    #[inline]
    fn find(&self, replica: ReplicaId) -> Result<usize, usize> {
        match &self.next[..] {
            // Most histories are one person's for long.
            [(only, _)] if *only == replica => Ok(0),
            next => next.binary_search_by_key(&replica, |(known, _)| *known),
        }
    }
}

impl FromIterator<(ReplicaId, u64)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (ReplicaId, u64)>>(entries: I) -> Self {
        let mut version = Self::new();
        for (replica, next) in entries {
            version.extend(replica, next);
        }
        version
    }
}

impl fmt::Debug for VersionVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// The heads of a history: the last operations of the changes that no other change depends on.
///
/// Kept sorted, so that equal histories have equal frontiers.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Frontier {
    heads: Vec<OpId>,
}

impl Frontier {
    /// The frontier of an empty history.
    pub const fn new() -> Self {
        Self { heads: Vec::new() }
    }

    /// The heads, in the order of their replicas.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = OpId> + '_ {
        self.heads.iter().copied()
    }

    /// The heads from one on, in the same order.
    pub(crate) fn from(&self, op: OpId) -> impl Iterator<Item = OpId> + '_ {
        self.heads[self.heads.partition_point(|head| *head < op)..].iter().copied()
    }

    /// How many heads there are: more than one after concurrent edits.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether the history is empty.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Whether this is a head.
    pub fn contains(&self, op: OpId) -> bool {
        self.heads.binary_search(&op).is_ok()
    }

    pub(crate) fn insert(&mut self, op: OpId) {
        if let Err(index) = self.heads.binary_search(&op) {
            self.heads.insert(index, op);
        }
    }

    /// The heads of all others.
    pub(crate) fn without(&self, replica: ReplicaId) -> Self {
        match &self.heads[..] {
            [own] if own.replica == replica => Self::new(),
            _ => self.iter().filter(|head| head.replica != replica).collect(),
        }
    }

    /// Puts a head in the place of an earlier operation of the same replica, which may not be one.
    #[inline]
    pub(crate) fn replace(&mut self, earlier: OpId, op: OpId) {
        match &mut self.heads[..] {
            [only] if *only == earlier => *only = op,
            _ => self.replace_one_of(earlier, op),
        }
    }

    fn replace_one_of(&mut self, earlier: OpId, op: OpId) {
        match self.heads.binary_search(&earlier) {
            Ok(index) => self.heads[index] = op,
            Err(_) => self.insert(op),
        }
    }

    pub(crate) fn remove(&mut self, op: OpId) {
        if let Ok(index) = self.heads.binary_search(&op) {
            self.heads.remove(index);
        }
    }
}

impl FromIterator<OpId> for Frontier {
    fn from_iter<I: IntoIterator<Item = OpId>>(ops: I) -> Self {
        let mut heads: Vec<_> = ops.into_iter().collect();
        heads.sort_unstable();
        heads.dedup();
        Self { heads }
    }
}

impl fmt::Debug for Frontier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(entries: &[(u64, u64)]) -> VersionVector {
        entries.iter().map(|(replica, next)| (ReplicaId::new(*replica), *next)).collect()
    }

    /// Acceptance line 13.
    #[test]
    fn an_intersection_is_the_least_and_a_merge_the_greatest_of_each_replica() {
        let (a, b, c) =
            (version(&[(1, 1), (2, 1), (3, 3)]), version(&[(1, 1), (2, 2), (3, 3)]), version(&[(1, 1), (2, 1)]));
        assert_eq!(a.intersection(&b).intersection(&c), version(&[(1, 1), (2, 1)]));
        let mut merged = a.clone();
        merged.merge(&b);
        assert_eq!(merged, version(&[(1, 1), (2, 2), (3, 3)]));
        assert!(merged.covers(&a) && merged.covers(&b) && !a.covers(&b));
    }

    #[test]
    fn a_replica_of_which_nothing_is_had_leaves_no_entry() {
        assert_eq!(version(&[(1, 0)]), VersionVector::new());
        assert_eq!(version(&[(1, 4)]).intersection(&version(&[(2, 4)])), VersionVector::new());
    }
}
