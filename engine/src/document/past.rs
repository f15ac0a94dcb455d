//! What a change may refer to: only what its maker had seen.
//!
//! A body that names an operation outside its change's causal past must be judged alike by a replica that happens to
//! have that operation and by one that does not. So it is not enough that the operation is here: it must be in the
//! past. Keeping a version vector per change would answer that at once, at a cost in memory of writers times changes.
//! Instead the log's dependencies are walked back, newest first, and what was found is remembered for each pair of
//! writers: what a writer had seen once it has seen in all its later changes. In an ordinary session nearly every question
//! is answered by that memory or by the first step.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    causal::{Change, ChangeLog, Frontier},
    id::{OpId, ReplicaId},
};

/// What is known about who had seen what.
#[derive(Clone, Default)]
pub(super) struct Past {
    /// By who saw, and whose operations.
    seen: BTreeMap<(ReplicaId, ReplicaId), Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    /// From which of the seer's operations on this is so.
    since: u64,
    /// The last operation that is known to have been seen.
    last: u64,
}

impl Past {
    /// Whether the maker of `change`, which is in `log`, had seen `op` when it made the change.
    pub(super) fn covers(&mut self, log: &ChangeLog, change: &Change, op: OpId) -> bool {
        if op.replica == change.replica {
            return op.seq < change.seq;
        }
        if !log.version().contains(op) {
            return false;
        }
        if self.known(change.last(), op) {
            return true;
        }
        // Mostly not needed, and to find it costs more than all the rest.
        let target = LazyCell::new(|| log.step(op));
        let target = || *target;
        let mut ahead = BTreeSet::new();
        let mut found = self.back(log, (change.id(), &change.deps), op, &target, &mut ahead);
        while found.is_none() {
            // Steps are a causal order: once they are all before the target, nothing can lead to it any more.
            let Some((first, deps)) = ahead.pop_last().and_then(|step| log.came_after(step)) else { break };
            found = self.back(log, (first, &deps), op, &target, &mut ahead);
        }
        if let Some(last) = found {
            self.seen.insert((change.replica, op.replica), Seen { since: change.seq, last });
        }
        found.is_some()
    }

    /// Whether it is known that `by` came after `op`.
    fn known(&self, by: OpId, op: OpId) -> bool {
        self.seen.get(&(by.replica, op.replica)).is_some_and(|seen| seen.since <= by.seq && seen.last >= op.seq)
    }

    /// Back from the beginning of a change, or of several in a row: the operation that proves that `op` was seen, or more places to step back from.
    fn back(
        &self,
        log: &ChangeLog,
        (first, deps): (OpId, &Frontier),
        op: OpId,
        target: &impl Fn() -> Option<usize>,
        ahead: &mut BTreeSet<usize>,
    ) -> Option<u64> {
        let previous = first.seq.checked_sub(1).map(|seq| OpId::new(first.replica, seq));
        for dependency in previous.into_iter().chain(deps.iter()) {
            if dependency.replica == op.replica {
                if dependency.seq >= op.seq {
                    return Some(dependency.seq);
                }
                // What an earlier operation of the same writer saw cannot lead to a later one.
                continue;
            }
            if self.known(dependency, op) {
                return Some(op.seq);
            }
            ahead.extend(log.step(dependency).filter(|step| Some(*step) > target()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        causal::Hlc,
        limits::Limits,
        rng::{Rng, Seed},
    };

    fn change(replica: u64, seq: u64, clock: u64, deps: &[(u64, u64)]) -> Change {
        Change {
            replica: ReplicaId::new(replica),
            seq,
            len: 2,
            clock: Hlc::new(clock, 0),
            deps: deps.iter().map(|(replica, seq)| OpId::new(ReplicaId::new(*replica), *seq)).collect(),
            body: Bytes::new(),
        }
    }

    #[test]
    fn only_what_was_seen_is_in_the_past_whatever_else_has_arrived() {
        let history = [
            change(1, 0, 1, &[]),
            change(1, 2, 2, &[]),
            change(2, 0, 3, &[(1, 1)]),
            change(3, 0, 4, &[(2, 1)]),
            change(3, 2, 5, &[]),
            // In the middle of a change: the rest of it was not seen.
            change(4, 0, 6, &[(3, 2)]),
        ];
        let mut log = ChangeLog::new();
        for change in &history {
            log.receive(change.clone(), &Limits::default()).expect("a good history");
        }
        let mut past = Past::default();
        let mut covers =
            |change: usize, replica, seq| past.covers(&log, &history[change], OpId::new(ReplicaId::new(replica), seq));
        for _ in 0..2 {
            assert!(covers(3, 1, 1) && covers(4, 1, 0) && covers(5, 1, 1) && covers(5, 2, 1));
            assert!(!covers(2, 1, 2) && !covers(3, 1, 2) && !covers(4, 1, 3) && !covers(5, 1, 2));
            assert!(covers(5, 3, 2) && !covers(5, 3, 3) && !covers(5, 3, 4));
            assert!(covers(4, 3, 1) && !covers(4, 3, 2) && !covers(4, 9, 0));
        }
    }

    #[test]
    fn the_shape_of_a_history_tells_what_was_seen_as_the_changes_themselves_do() {
        let mut rng = Rng::new(Seed::from_number(3));
        let mut below = |bound: usize| (rng.next_u64() % bound as u64) as usize;
        for _ in 0..60 {
            let mut logs = vec![ChangeLog::new(); 3];
            let mut all: Vec<Change> = Vec::new();
            let (mut known, mut short) = (ChangeLog::new(), None);
            for at in 0..40 {
                let who = below(3);
                let clock = Hlc::new(at + 1, 0);
                let made = logs[who].append(ReplicaId::new(who as u64), 1 + below(3) as u64, clock, Bytes::new());
                let made = made.clone();
                let to = below(3);
                for change in all.iter().take(if below(4) == 0 { all.len() } else { 0 }) {
                    logs[to].receive(change.clone(), &Limits::default()).expect("a good history");
                }
                all.push(made.clone());
                if at == 25 {
                    short = Some(ChangeLog::after(known.shape()));
                }
                known.receive(made.clone(), &Limits::default()).expect("a good history");
                let Some(short) = &mut short else { continue };
                short.receive(made.clone(), &Limits::default()).expect("a good history");
                let (mut with, mut without) = (Past::default(), Past::default());
                for op in all.iter().flat_map(|change| (change.seq..change.end()).map(|seq| (change.replica, seq))) {
                    let op = OpId::new(op.0, op.1);
                    assert_eq!(with.covers(&known, &made, op), without.covers(short, &made, op), "{made:?} {op:?}");
                }
            }
            let short = short.expect("it was pruned");
            assert_eq!(short.shape().runs(), known.shape().runs());
            assert_eq!((short.version(), short.frontier()), (known.version(), known.frontier()));
        }
    }
}
