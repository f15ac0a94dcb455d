//! Runs of changes on their way from elsewhere into a log.

use bytes::Bytes;

use super::{
    change::Change,
    clock::Hlc,
    entries::pack_deps,
    run::{Alike, ChangeRun, Lies, NEXT_STEP, Sizes, Steps, can_step, pack_step},
};
#[cfg(test)]
use crate::id::ReplicaId;

/// Runs of changes side by side: what they say is each in one piece of memory for all of them. Of each run clocks increase.
#[derive(Default)]
pub(crate) struct ChangeRuns {
    list: Vec<Begun>,
    /// The last clock.
    last: Hlc,
    /// Of the last bodies. That is not among the sizes yet.
    alike: Alike,
    deps: Vec<u8>,
    steps: Vec<u8>,
    sizes: Vec<u8>,
    bodies: Bytes,
}

/// A run, and where begins what it says.
struct Begun {
    writer: usize,
    seq: u64,
    len: u64,
    count: usize,
    clock: Hlc,
    steady: bool,
    deps: usize,
    steps: usize,
    sizes: usize,
    bodies: usize,
}

impl ChangeRuns {
    /// Begins a run with a change, whose body, and those of all that follow in the run, are still to be added.
    pub(crate) fn begin(&mut self, writer: usize, first: &Change) {
        self.alike.pack(&mut self.sizes);
        let bodies = self.list.last().map_or(0, |last| last.bodies);
        let Change { seq, len, clock, ref deps, .. } = *first;
        let (at, steps, sizes) = (self.deps.len(), self.steps.len(), self.sizes.len());
        self.list.push(Begun { writer, seq, len, count: 1, clock, steady: true, deps: at, steps, sizes, bodies });
        if !deps.is_empty() {
            pack_deps(&mut self.deps, deps, |_| None);
        }
        self.last = clock;
    }

    /// Adds a change with this clock; whether that is possible.
    pub(crate) fn step_to(&mut self, clock: Hlc) -> bool {
        let Some(run) = self.list.last_mut().filter(|_| can_step(self.last, clock)) else { return false };
        let next = clock.bits() == self.last.bits() + 1;
        if run.steady && !next {
            run.steady = false;
            // So many were the very next until now.
            self.steps.extend(std::iter::repeat_n(NEXT_STEP, run.count - 1));
        }
        if !run.steady {
            pack_step(&mut self.steps, self.last, clock);
        }
        run.count += 1;
        self.last = clock;
        true
    }

    /// Adds changes whose clocks are each the very next. There are so many.
    pub(crate) fn step_on(&mut self, count: u64) {
        let Some(run) = self.list.last_mut() else { return };
        if !run.steady {
            self.steps.extend(std::iter::repeat_n(NEXT_STEP, count as usize));
        }
        run.count += count as usize;
        self.last = Hlc::from_bits(self.last.bits() + count);
    }

    /// The next bodies are so long.
    pub(crate) fn add_sizes(&mut self, size: usize, count: usize) {
        if let Some(run) = self.list.last_mut() {
            run.bodies += size * count;
        }
        self.alike.add(size, count, &mut self.sizes);
    }

    /// The bodies, one behind the other: as many as there are changes, and as long as has been said.
    pub(crate) fn finish(mut self, bodies: Bytes) -> Self {
        self.alike.pack(&mut self.sizes);
        // Until now it was where they end.
        let mut end = 0;
        for run in &mut self.list {
            end = std::mem::replace(&mut run.bodies, end);
        }
        self.bodies = bodies;
        self
    }

    /// The runs, in their order. All names of dependencies stand in full.
    pub(crate) fn iter(&self) -> impl Iterator<Item = ChangeRun<'_>> + '_ {
        let next = self.list.iter().skip(1).map(Some).chain([None]);
        self.list.iter().zip(next).map(|(run, next)| {
            let end = |at: fn(&Begun) -> usize, len: usize| next.map_or(len, at);
            let steps = &self.steps[run.steps..end(|run| run.steps, self.steps.len())];
            let mut sizes =
                Sizes { rest: &self.sizes[run.sizes..end(|run| run.sizes, self.sizes.len())], ..Sizes::default() };
            sizes.next();
            ChangeRun {
                position: 0,
                writer: run.writer,
                seq: run.seq,
                len: run.len,
                count: run.count,
                clock: run.clock,
                deps: &self.deps[run.deps..end(|run| run.deps, self.deps.len())],
                steps: if run.steady { Steps::Steady } else { Steps::Packed(steps) },
                sizes,
                bodies: Lies::InFull(&self.bodies, run.bodies),
            }
        })
    }

    /// All changes, made one by one. `writers` are the replicas by their numbers.
    #[cfg(test)]
    pub(crate) fn changes(&self, writers: &[ReplicaId]) -> Vec<Change> {
        let mut changes = Vec::new();
        for mut run in self.iter() {
            while run.count > 0 {
                changes.push(run.change(writers));
                run.skip(1);
            }
        }
        changes
    }
}
