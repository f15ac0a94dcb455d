//! The headers of changes as columns.

use std::collections::BTreeMap;

use super::{
    column::{Repeats, Runs, unzigzag, zigzag},
    replicas::{Entry, Table},
};
use crate::{
    causal::{Change, ChangeRun, ChangeRuns, Frontier, Hlc},
    error::Malformed,
    id::{OpId, ReplicaId},
    packed::{Unpacker, pack_number, pack_signed},
    proof::{Fault, planted},
};

/// How many columns there are.
pub(super) const COLUMNS: usize = 7;

/// What a change depends on besides its writer's earlier ones.
const NOTHING: u64 = 0;
/// All of the others' changes that come before it in the block and that no other one there depends on.
const HEADS: u64 = 1;
const NAMED: u64 = 2;

/// What is known of the changes until now, when they are written and when they are read.
#[derive(Default)]
struct Before {
    writers: Vec<Writer>,
    /// The last operations of changes that nothing depends on, by writer.
    heads: BTreeMap<u32, u64>,
    clock: Hlc,
}

#[derive(Clone, Copy, Default)]
struct Writer {
    /// The number of its next operation, once it has written in the block.
    next: Option<u64>,
    /// The last that was named of its operations until then.
    named: u64,
}

impl Before {
    fn writer(&mut self, place: u32) -> &mut Writer {
        let place = place as usize;
        if self.writers.len() <= place {
            self.writers.resize(place + 1, Writer::default());
        }
        &mut self.writers[place]
    }

    /// What the number of a dependency is told by its distance from.
    fn near(&mut self, place: u32) -> u64 {
        let writer = self.writer(place);
        writer.next.unwrap_or(writer.named)
    }

    fn take_dependency(&mut self, place: u32, seq: u64) {
        self.writer(place).named = seq;
        if self.heads.get(&place) == Some(&seq) {
            self.heads.remove(&place);
        }
    }

    fn take(&mut self, place: u32, end: u64, clock: Hlc) {
        self.writer(place).next = Some(end);
        self.heads.insert(place, end - 1);
        self.clock = clock;
    }

    /// The counter that a clock is expected to have whose milliseconds are known.
    fn counter(&self, millis: u64) -> u16 {
        if millis == self.clock.millis() { self.clock.counter().wrapping_add(1) } else { 0 }
    }
}

/// Headers that are being written.
#[derive(Default)]
pub(super) struct Headers {
    before: Before,
    /// Who wrote the last change.
    last: Option<u32>,
    writers: Runs,
    lens: Runs,
    millis: Runs,
    counters: Runs,
    deps: Runs,
    named: Vec<u8>,
}

impl Headers {
    /// Its writer's place in the table.
    pub(super) fn push(&mut self, change: &Change, table: &mut Table) -> u32 {
        let who = self.last.filter(|last| table.list[*last as usize].id == change.replica);
        let who = who.unwrap_or_else(|| table.place(change.replica));
        self.last = Some(who);
        let next = self.before.writer(who).next.get_or_insert_with(|| {
            table.list[who as usize].first = change.seq;
            change.seq
        });
        debug_assert!(*next == change.seq, "a writer's changes follow one another");
        self.writers.push(who.into());
        self.lens.push(change.len);
        self.push_clock(change.clock);
        self.push_deps(who, &change.deps, table);
        self.before.take(who, change.end(), change.clock);
        who
    }

    /// Those of a run of changes, of which only the first has dependencies.
    pub(super) fn push_run(&mut self, run: &ChangeRun<'_>, writers: &[ReplicaId], table: &mut Table) -> u32 {
        let who = self.push(&run.header(writers), table);
        let count = run.count as u64 - 1;
        self.writers.push_all(who.into(), count);
        self.lens.push_all(1, count);
        self.deps.push_all(NOTHING, count);
        let mut run = run.clone();
        let mut left = count;
        while left > 0 {
            // Within a millisecond all is as expected.
            let alike = (run.steady() as u64 - 1).min(u64::from(u16::MAX - run.clock.counter()));
            self.millis.push_all(0, alike);
            self.counters.push_all(0, alike);
            run.skip(alike as usize);
            left -= alike;
            if left > 0 {
                self.before.clock = run.clock;
                run.skip(1);
                self.push_clock(run.clock);
                left -= 1;
            }
        }
        self.before.take(who, run.end(), run.clock);
        who
    }

    fn push_clock(&mut self, clock: Hlc) {
        let millis = clock.millis().wrapping_sub(self.before.clock.millis());
        self.millis.push(zigzag(millis as i64));
        let counter = i64::from(clock.counter()) - i64::from(self.before.counter(clock.millis()));
        self.counters.push(zigzag(counter));
        self.before.clock = clock;
    }

    fn push_deps(&mut self, who: u32, deps: &Frontier, table: &mut Table) {
        if deps.is_empty() {
            return self.deps.push(NOTHING);
        }
        let heads = &mut self.before.heads;
        let own = heads.remove(&who);
        let is_head = |dep: OpId| Some(&dep.seq) == table.find(dep.replica).and_then(|place| heads.get(&place));
        if heads.len() == deps.len() && deps.iter().all(is_head) {
            heads.clear();
            return self.deps.push(HEADS);
        }
        heads.extend(own.map(|seq| (who, seq)));
        self.deps.push(NAMED);
        pack_number(&mut self.named, deps.len() as u64);
        for dep in deps.iter() {
            let place = table.place(dep.replica);
            pack_number(&mut self.named, place.into());
            pack_signed(&mut self.named, self.before.near(place).wrapping_sub(dep.seq) as i64);
            self.before.take_dependency(place, dep.seq);
        }
    }

    /// Its columns, with the table as the first.
    pub(super) fn finish(self, table: &Table) -> [Vec<u8>; COLUMNS] {
        let mut replicas = Vec::new();
        pack_number(&mut replicas, table.list.len() as u64);
        for Entry { id, first } in &table.list {
            replicas.extend(id.bits().to_be_bytes());
            pack_number(&mut replicas, *first);
        }
        let runs = [self.writers, self.lens, self.millis, self.counters, self.deps];
        let [writers, lens, millis, counters, deps] = runs.map(Runs::finish);
        [replicas, writers, lens, millis, counters, deps, self.named]
    }
}

/// Headers that are being read.
pub(super) struct HeaderReader {
    table: Vec<Entry>,
    before: Before,
    writers: Repeats,
    lens: Repeats,
    millis: Repeats,
    counters: Repeats,
    deps: Repeats,
    named: Unpacker,
}

impl HeaderReader {
    pub(super) fn new(
        [mut replicas, writers, lens, millis, counters, deps, named]: [Unpacker; COLUMNS],
    ) -> Result<Self, Malformed> {
        let count = replicas.count("how many replicas")?;
        let mut table = Vec::new();
        for _ in 0..count {
            let id = ReplicaId::new(replicas.eight("a replica")?);
            table.push(Entry { id, first: replicas.number("a replica's first operation")? });
        }
        let [writers, lens, millis, counters, deps] = [writers, lens, millis, counters, deps].map(Repeats::new);
        Ok(Self { table, before: Before::default(), writers, lens, millis, counters, deps, named })
    }

    /// Everyone who is mentioned.
    pub(super) fn table(&self) -> &[Entry] {
        &self.table
    }

    /// The next change, without its body, and its writer's place in the table.
    pub(super) fn next(&mut self) -> Result<(u32, Change), Malformed> {
        let who = place_in(&self.table, self.writers.next("a writer")?);
        let who = who.ok_or_else(|| self.named.fault("a writer in the table"))?;
        let Entry { id: replica, first } = self.table[who as usize];
        let seq = self.before.writer(who).next.unwrap_or(first);
        let len = self.lens.next("a change's length")?;
        let end = seq.checked_add(len).filter(|_| len > 0);
        let end = end.ok_or_else(|| self.named.fault("a change's length that can be true"))?;
        let clock = self.peek_clock()?;
        self.millis.skip(1);
        self.counters.skip(1);
        let deps = self.next_deps(who)?;
        self.before.take(who, end, clock);
        Ok((who, Change { replica, seq, len, clock, deps, body: Default::default() }))
    }

    /// The next change, and those of the same run behind it, which are entered there: how many these are with it, of at most
    /// `most`.
    pub(super) fn next_run(&mut self, most: u64, runs: &mut ChangeRuns) -> Result<(u32, Change, u64), Malformed> {
        let (who, change) = self.next()?;
        runs.begin(who as usize, &change);
        let left = most.min(u64::MAX - change.end()).saturating_sub(1);
        if change.len > 1 || left == 0 {
            return Ok((who, change, 1));
        }
        let left = left.min(self.writers.ahead(who.into(), "a writer")?);
        let left = if left > 0 { left.min(self.lens.ahead(1, "a change's length")?) } else { 0 };
        let left = if left > 0 { left.min(self.deps.ahead(NOTHING, "what a change depends on")?) } else { 0 };
        let mut count = 0;
        while count < left {
            let alike = self.millis.ahead(0, "a clock")?.min(self.counters.ahead(0, "a clock's counter")?);
            let alike = alike.min(left - count).min(u64::from(u16::MAX - self.before.clock.counter()));
            if alike > 0 {
                self.millis.skip(alike);
                self.counters.skip(alike);
                runs.step_on(alike);
                self.before.clock = Hlc::from_bits(self.before.clock.bits() + alike);
                count += alike;
            } else {
                let clock = self.peek_clock()?;
                if !runs.step_to(clock) {
                    break;
                }
                self.millis.skip(1);
                self.counters.skip(1);
                self.before.clock = clock;
                count += 1;
            }
        }
        if count > 0 {
            self.writers.skip(count);
            self.lens.skip(count);
            self.deps.skip(count);
            self.before.take(who, change.end() + count, self.before.clock);
        }
        Ok((who, change, 1 + count))
    }

    /// The clock of the next change.
    fn peek_clock(&mut self) -> Result<Hlc, Malformed> {
        let last = self.before.clock.millis();
        let millis = last.wrapping_add(unzigzag(self.millis.peek("a clock")?) as u64);
        let counter = i64::from(self.before.counter(millis));
        let difference = unzigzag(self.counters.peek("a clock's counter")?);
        let counter = counter.wrapping_add(if planted(Fault::CounterAsExpected) { 0 } else { difference });
        let counter = u16::try_from(counter).ok().filter(|_| millis >> 48 == 0);
        Ok(Hlc::new(millis, counter.ok_or_else(|| self.named.fault("a clock that can be"))?))
    }

    fn next_deps(&mut self, who: u32) -> Result<Frontier, Malformed> {
        let Self { before, table, named, .. } = self;
        match self.deps.next("what a change depends on")? {
            NOTHING => Ok(Frontier::new()),
            HEADS => {
                let heads = std::mem::take(&mut before.heads);
                let others = heads.into_iter().filter(|(place, _)| *place != who && !planted(Fault::HeadsForgotten));
                Ok(others.map(|(place, seq)| OpId::new(table[place as usize].id, seq)).collect())
            }
            NAMED => {
                let count = named.count("how many dependencies")?;
                let mut deps = Vec::new();
                for _ in 0..count {
                    let place = place_in(table, named.number("a dependency's replica")?);
                    let place = place.ok_or_else(|| named.fault("a replica in the table"))?;
                    let back = named.signed("a dependency's number")?;
                    let seq = before.near(place).wrapping_sub(back as u64);
                    before.take_dependency(place, seq);
                    deps.push(OpId::new(table[place as usize].id, seq));
                }
                Ok(deps.into_iter().collect())
            }
            _ => Err(named.fault("a known way to depend")),
        }
    }
}

fn place_in(table: &[Entry], number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|place| (*place as usize) < table.len())
}
