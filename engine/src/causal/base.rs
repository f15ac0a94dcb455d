//! What a log has whose changes are not in it any more: who made them, and what they depended on.
//!
//! A document that begins with a snapshot of its state has no changes, and still has to recognise those that the snapshot
//! covers, and to judge what a later change may refer to. For that it needs the shape of the history and nothing else. A
//! writer's changes that depend on nothing but the one before them are one [`Run`]; in an ordinary history there are few.

use std::collections::{BTreeMap, BTreeSet};

use super::version::{Frontier, VersionVector};
use crate::{
    causal::clock::Hlc,
    id::{OpId, ReplicaId},
};

/// Changes of one writer one after another, of which only the first depends on anything but the one before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    /// The first operation.
    pub(crate) first: OpId,
    /// The number after that of the last one.
    pub(crate) end: u64,
    /// What the first change depended on, besides its maker's own earlier ones.
    pub(crate) deps: Frontier,
}

/// The shape of a history, from its beginning to some version.
#[derive(Clone, Default, Debug)]
pub(crate) struct Base {
    /// In the order in which each began: none depends on a later one.
    runs: Vec<Run>,
    /// Writers, in the order in which each first appears, each with the clock of its last change.
    writers: Vec<(ReplicaId, Hlc)>,
    /// For each writer, which runs are its own.
    by_replica: BTreeMap<ReplicaId, Vec<u32>>,
    version: VersionVector,
}

impl Base {
    /// Goes on with a change, or with a run of them, and with the clock of the last of these. It is not here, and all that it
    /// depends on is.
    pub(crate) fn push(&mut self, run: Run, clock: Hlc) {
        let Run { first, end, deps } = &run;
        let (replica, index) = (first.replica, self.runs.len() as u32);
        self.version.extend(replica, *end);
        let own = self.by_replica.entry(replica).or_default();
        match own.last() {
            None => self.writers.push((replica, clock)),
            Some(last) if deps.is_empty() => {
                self.runs[*last as usize].end = *end;
                return;
            }
            Some(_) => {}
        }
        own.push(index);
        self.runs.push(run);
    }

    /// Goes on with what another shape of the same history has more.
    pub(crate) fn unite(&mut self, other: &Self) {
        for run in &other.runs {
            let Run { first: OpId { replica, seq }, end, deps } = run;
            let next = self.version.next(*replica);
            if *end <= next {
                continue;
            }
            // Only its first change depends on others.
            let deps = if *seq < next { Frontier::default() } else { deps.clone() };
            self.push(Run { first: OpId::new(*replica, next), end: *end, deps }, Hlc::default());
        }
        let clocks: BTreeMap<_, _> = other.writers.iter().copied().collect();
        for (replica, clock) in &mut self.writers {
            let theirs = clocks.get(replica).filter(|_| other.version.next(*replica) == self.version.next(*replica));
            *clock = theirs.copied().unwrap_or(*clock);
        }
    }

    /// Says when the last change of each writer was made; in the order of [`writers`](Self::writers).
    pub(crate) fn set_clocks(&mut self, clocks: impl IntoIterator<Item = Hlc>) {
        for (writer, clock) in self.writers.iter_mut().zip(clocks) {
            writer.1 = clock;
        }
    }

    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    pub(crate) fn writers(&self) -> &[(ReplicaId, Hlc)] {
        &self.writers
    }

    pub(crate) const fn version(&self) -> &VersionVector {
        &self.version
    }

    /// The heads: the last operation of each writer on which nobody else's change depends. Goes through all runs.
    pub(crate) fn frontier(&self) -> Frontier {
        let is_last = |op: &OpId| op.seq + 1 == self.version.next(op.replica);
        let retired: BTreeSet<_> = self.runs.iter().flat_map(|run| run.deps.iter()).filter(is_last).collect();
        let lasts = self.version.iter().map(|(replica, next)| OpId::new(replica, next - 1));
        lasts.filter(|last| !retired.contains(last)).collect()
    }

    /// The greatest clock of all.
    pub(crate) fn clock(&self) -> Hlc {
        self.writers.iter().map(|(_, clock)| *clock).max().unwrap_or_default()
    }

    /// Which run an operation is in.
    pub(crate) fn run(&self, op: OpId) -> Option<usize> {
        let own = self.by_replica.get(&op.replica)?;
        let after = own.partition_point(|run| self.runs[*run as usize].end <= op.seq);
        own.get(after).map(|run| *run as usize)
    }
}
