//! The log: every change a replica has, in the order in which it arrived.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use bytes::Bytes;

use super::{
    base::{Base, Run},
    change::Change,
    clock::{Hlc, HybridClock},
    entries::{Entries, Header, Reading},
    run::ChangeRun,
    version::{Frontier, VersionVector},
    waiting::{Waiting, bytes_of},
};
use crate::{
    error::ChangeFault,
    id::{Epoch, OpId, ReplicaId},
    limits::Limits,
    proof::{Fault, Situation, note, planted},
    replica::Replica,
    time::Wall,
};

/// A place in a log: the number of changes before it. What a link still has to be sent is one of these.
pub type LogPosition = usize;

/// What became of a change that was handed to a replica.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Received {
    /// It was here already.
    Duplicate,
    /// It depends on something that is not here yet, and waits for it.
    Waiting,
    /// It is in the log now, and so is what had waited for it.
    Appended {
        /// The log positions of all that was appended.
        positions: Range<LogPosition>,
        /// Changes that had waited and turned out to be no part of any history; they are gone.
        refused: Vec<ChangeFault>,
    },
}

/// Keeps changes as they are and never looks inside.
///
/// The simplest [`Replica`]: it is what a server's room is, and what sits under a [`Document`](crate::Document). Append
/// only, in causal order: nothing in it depends on anything after it.
#[derive(Clone, Default)]
pub struct ChangeLog {
    epoch: Option<Epoch>,
    /// What came before the first change.
    base: Arc<Base>,
    entries: Entries,
    /// Writers, in the order in which each first appears.
    writers: Vec<ReplicaId>,
    /// The clock of the last change of each of them.
    clocks: Vec<Hlc>,
    by_replica: BTreeMap<ReplicaId, Writer>,
    version: VersionVector,
    frontier: Frontier,
    clock: Hlc,
    waiting: Waiting,
}

/// What the log knows of one writer.
#[derive(Clone)]
struct Writer {
    /// Its place in the order of first appearance.
    index: usize,
    /// The chunks of entries in which it has changes, each behind the number of its first operation there.
    chunks: Vec<(u64, usize)>,
}

impl ChangeLog {
    /// An empty log of a history that has no birth mark yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A log that goes on with a history of which only the shape is here.
    pub(crate) fn after(base: Base) -> Self {
        let mut log =
            Self { version: base.version().clone(), frontier: base.frontier(), clock: base.clock(), ..Self::default() };
        for (index, (replica, clock)) in base.writers().iter().enumerate() {
            log.writers.push(*replica);
            log.clocks.push(*clock);
            log.by_replica.insert(*replica, Writer { index, chunks: Vec::new() });
        }
        log.base = Arc::new(base);
        log
    }

    /// The birth mark of the history, once it has one: from the server at the first join, or from the store.
    pub const fn epoch(&self) -> Option<Epoch> {
        self.epoch
    }

    /// Gives the history its birth mark, or takes it away.
    ///
    /// The engine does this when two sides agree. An application calls it only to decide a mismatch by hand.
    pub fn set_epoch(&mut self, epoch: Option<Epoch>) {
        self.epoch = epoch;
    }

    /// What is here.
    pub const fn version(&self) -> &VersionVector {
        &self.version
    }

    /// Puts the changes in their place that were not kept. Whether these are all of those and no others; nothing has changed if
    /// not.
    pub(crate) fn go_on_from(&mut self, mut before: Self) -> bool {
        let base = &self.base;
        let same = before.version() == base.version() && *before.frontier() == base.frontier();
        if same {
            if !planted(Fault::UnpackingForgetsLater) {
                self.runs(0).for_each(|run| before.push_run(run, &self.writers));
            }
            before.epoch = self.epoch;
            before.waiting = std::mem::take(&mut self.waiting);
            *self = before;
        }
        same
    }

    /// Goes on from all that another log of the same history had, of which only the shape is here. Its changes are not kept from
    /// then on, those either that were here; what waited is handed back.
    pub(crate) fn go_on_with(&mut self, shape: &Base) -> Vec<Change> {
        let mut base = Base::clone(&self.base);
        base.unite(shape);
        let mut log = Self { epoch: self.epoch, ..Self::after(base) };
        for mut run in self.runs(0) {
            let next = log.base.version().next(self.writers[run.writer]);
            if run.end() > next {
                run.skip(run.until(next));
                log.push_run(run, &self.writers);
            }
        }
        std::mem::replace(self, log).waiting.into_changes()
    }

    /// What came before the first change. As long as it is the same one, positions mean what they meant.
    pub(crate) fn beginning(&self) -> Arc<Base> {
        self.base.clone()
    }

    /// What came before the first change and is not kept: what a snapshot covered that a document began with, or took in.
    /// Empty for all others.
    ///
    /// Such changes are had, and recognised, and cannot be given to anyone; [`end`](Self::end), [`range`](Self::range),
    /// [`iter`](Self::iter) and [`since`](Self::since) are about those after them.
    pub fn not_kept(&self) -> &VersionVector {
        self.base.version()
    }

    /// The shape of all that is here, from the beginning on.
    pub(crate) fn shape(&self) -> Base {
        let mut shape = Base::clone(&self.base);
        for run in self.runs(0) {
            let first = OpId::new(self.writers[run.writer], run.seq);
            shape.push(Run { first, end: run.end(), deps: run.deps(&self.writers) }, run.clock);
        }
        shape.set_clocks(self.clocks.iter().copied());
        shape
    }

    /// Where in the history an operation is: a number that is greater than that of all it depends on.
    pub(crate) fn step(&self, op: OpId) -> Option<usize> {
        match self.base.run(op) {
            Some(run) => Some(run),
            None => self.position(op).map(|position| self.base.runs().len() + position),
        }
    }

    /// The first operation of a step, and what it depended on besides its maker's own earlier ones.
    pub(crate) fn came_after(&self, step: usize) -> Option<(OpId, Frontier)> {
        match self.base.runs().get(step) {
            Some(run) => Some((run.first, run.deps.clone())),
            None => {
                let run = self.entries.read(step - self.base.runs().len()).next()?;
                Some((OpId::new(self.writers[run.writer], run.seq), run.deps(&self.writers)))
            }
        }
    }

    /// The heads of what is here.
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The greatest clock of any change here.
    pub const fn clock(&self) -> Hlc {
        self.clock
    }

    /// The position after the last change that is kept: how many there are.
    pub fn end(&self) -> LogPosition {
        self.entries.len()
    }

    /// Whether no change is here, and none ever was.
    pub fn is_empty(&self) -> bool {
        self.version.is_empty()
    }

    /// The change at a position, if there is one.
    pub fn get(&self, position: LogPosition) -> Option<Change> {
        self.entries.read(position).next().map(|run| run.change(&self.writers))
    }

    /// The changes at some positions, in order. They lie packed, and are made as they are asked for.
    ///
    /// # Panics
    ///
    /// If the range is not within the log.
    pub fn range(&self, positions: Range<LogPosition>) -> impl ExactSizeIterator<Item = Change> + Clone + '_ {
        let Range { start, end } = positions;
        assert!(start <= end && end <= self.end(), "{start}..{end} is not within a log of {} changes", self.end());
        let mut reading = self.entries.read(start);
        Changes { run: reading.next(), reading, writers: &self.writers, at: start, end }
    }

    /// All changes, in the order of their arrival.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Change> + Clone + '_ {
        self.range(0..self.end())
    }

    /// The changes from a position on as they lie here: in runs. Their writers are places in [`writers`](Self::writers).
    pub(crate) fn runs(&self, from: LogPosition) -> impl Iterator<Item = ChangeRun<'_>> + '_ {
        let mut reading = self.entries.read(from);
        std::iter::from_fn(move || reading.next())
    }

    /// Everyone who ever made a change here, in the order of first appearance.
    pub fn writers(&self) -> &[ReplicaId] {
        &self.writers
    }

    /// The place of a writer in [`writers`](Self::writers).
    pub fn writer_index(&self, replica: ReplicaId) -> Option<usize> {
        self.by_replica.get(&replica).map(|writer| writer.index)
    }

    /// Where the change that covers an operation is; `None` also if it is not kept.
    pub fn position(&self, op: OpId) -> Option<LogPosition> {
        let run = self.covering(op)?;
        Some(run.position + run.until(op.seq))
    }

    /// The run in which the change is that covers an operation.
    fn covering(&self, op: OpId) -> Option<ChangeRun<'_>> {
        let writer = self.by_replica.get(&op.replica)?;
        let mut reading = self.entries.read_chunk(writer.chunk(op.seq)?);
        loop {
            let run = reading.next()?;
            if run.writer == writer.index && run.end() > op.seq {
                return Some(run);
            }
        }
    }

    /// The same from that change on.
    fn covering_change(&self, op: OpId) -> Option<ChangeRun<'_>> {
        let mut run = self.covering(op)?;
        run.skip(run.until(op.seq));
        Some(run)
    }

    /// The first position at which something stands that `version` lacks; the end if it lacks nothing.
    ///
    /// Everything before it can be left out of a delta unread, so a peer that is up to date costs nothing however long
    /// the history is.
    pub fn first_missing(&self, version: &VersionVector) -> LogPosition {
        let lacking = self.by_replica.iter().filter_map(|(replica, writer)| {
            let next = version.next(*replica);
            let lacking = next < self.version.next(*replica);
            writer.chunk(next).or_else(|| writer.chunks.first().map(|(_, chunk)| *chunk)).filter(|_| lacking)
        });
        let mut first = self.end();
        if let Some(chunk) = lacking.min() {
            let mut reading = self.entries.read_chunk(chunk);
            while let Some(run) = reading.next() {
                let next = version.next(self.writers[run.writer]);
                if run.end() > next {
                    first = run.position + run.until(next);
                    break;
                }
            }
        }
        if planted(Fault::CursorOneTooFar) { (first + 1).min(self.end()) } else { first }
    }

    /// What is here and not in `version`, in an order in which it can be taken in.
    pub fn since<'a>(&'a self, version: &'a VersionVector) -> impl Iterator<Item = Change> + 'a {
        self.range(self.first_missing(version)..self.end()).filter(|change| !version.contains(change.last()))
    }

    /// The same as they lie here: in runs.
    pub(crate) fn runs_since<'a>(&'a self, version: &'a VersionVector) -> impl Iterator<Item = ChangeRun<'a>> + 'a {
        self.runs(self.first_missing(version)).filter_map(|mut run| {
            let next = version.next(self.writers[run.writer]);
            (run.end() > next).then(|| {
                run.skip(run.until(next));
                run
            })
        })
    }

    /// Changes that wait for others: how many, and the bytes of their bodies and dependencies.
    pub fn waiting(&self) -> (usize, usize) {
        (self.waiting.len(), self.waiting.bytes())
    }

    /// These changes.
    pub(crate) fn changes_waiting(&self) -> impl Iterator<Item = &Change> + '_ {
        self.waiting.iter()
    }

    /// The clock for a change that is made here at a wall clock's reading; `None` if there is no later one, which only a
    /// hostile peer can bring about.
    pub fn next_clock(&self, wall: Wall) -> Option<Hlc> {
        let clock = HybridClock::starting_after(self.clock).tick(wall);
        if clock.counter() > 0 {
            note(Situation::WallClockBehind);
        }
        (clock > self.clock).then_some(clock)
    }

    /// Appends a change of `len` operations made here, by the replica that this log is edited as: what a replica of one's
    /// own calls for its edits. It comes after everything in the log.
    ///
    /// # Panics
    ///
    /// If `len` is zero, or `clock` is not after [`clock`](Self::clock): it is to come from
    /// [`next_clock`](Self::next_clock).
    pub fn append(&mut self, replica: ReplicaId, len: u64, clock: Hlc, body: Bytes) -> Change {
        let change = Change { body, ..self.next_header(replica, len, clock) };
        self.append_next(&change);
        change
    }

    /// What a change that is made here now says but for its body.
    pub(crate) fn next_header(&self, replica: ReplicaId, len: u64, clock: Hlc) -> Change {
        let seq = self.version.next(replica);
        let deps = self.frontier.without(replica);
        Change { replica, seq, len, clock, deps, body: Bytes::new() }
    }

    /// Appends a change with the [next header](Self::next_header).
    pub(crate) fn append_next(&mut self, change: &Change) {
        let later = change.clock > self.clock && change.len > 0;
        assert!(later, "a change covers something, and is later than what was there");
        self.push(change);
    }

    /// Takes in a change from elsewhere.
    ///
    /// # Errors
    ///
    /// If it can be part of no history that this log can hold. The log is as it was before.
    pub fn receive(&mut self, change: Change, limits: &Limits) -> Result<Received, ChangeFault> {
        self.receive_each(change, limits, |_, _| {})
    }

    /// Takes in all changes of a run from elsewhere whose clocks increase, unless it takes a closer look at one of them; whether
    /// it did. `names` are their makers by the numbers that they have there.
    pub(crate) fn receive_run(&mut self, run: &ChangeRun<'_>, names: &[ReplicaId], limits: &Limits) -> bool {
        let first = run.header(names);
        let last = run.seq.checked_add(run.count.max(1) as u64 - 1).and_then(|last| last.checked_add(run.len));
        let plain = run.len > 0
            && last.is_some()
            && self.waiting.len() == 0
            && first.seq == self.version.next(first.replica)
            && (self.missing_for(&first).is_none() || planted(Fault::RunNotAwaited))
            && self.check(&first, limits).is_ok();
        if plain {
            self.push_run(run.clone(), names);
        }
        plain
    }

    /// The same for someone who opens the changes: tells each that is appended, right then.
    pub(crate) fn receive_each(
        &mut self,
        change: Change,
        limits: &Limits,
        mut appended: impl FnMut(&Self, &Change),
    ) -> Result<Received, ChangeFault> {
        let id = change.id();
        if change.len == 0 || change.seq.checked_add(change.len).is_none() {
            return Err(ChangeFault::Length { id });
        }
        if self.version.contains(id) && !planted(Fault::DuplicateAppended) {
            let known = self.covering_change(id).map(|run| run.change(&self.writers));
            // Of a change that is not kept, no more can be said than that it does not go beyond the others.
            let covered = self.base.version().contains(change.last());
            return if known.as_ref() == Some(&change) || covered || planted(Fault::ContradictionAccepted) {
                note(Situation::DuplicateRecognised);
                Ok(Received::Duplicate)
            } else {
                note(Situation::ContradictionRefused);
                Err(ChangeFault::Contradiction { id })
            };
        }
        if let Some(missing) = self.missing_for(&change) {
            return self.wait(change, missing, limits);
        }
        self.check(&change, limits)?;
        let (from, clock) = (self.end(), self.clock);
        let mut refused = Vec::new();
        let mut append = |log: &mut Self, change: &Change| {
            log.push(change);
            appended(log, change);
            if planted(Fault::WaitingNeverReleased) { Vec::new() } else { log.waiting.release(change) }
        };
        let mut released = append(self, &change);
        while let Some(change) = self.next_ready(&mut released, &mut refused, limits) {
            released.extend(append(self, &change));
        }
        if planted(Fault::ClockNotObserved) {
            self.clock = clock;
        }
        Ok(Received::Appended { positions: from..self.end(), refused })
    }

    /// The next of the released changes that can be appended; those that still lack something go back to wait.
    fn next_ready(
        &mut self,
        released: &mut Vec<(OpId, Change)>,
        refused: &mut Vec<ChangeFault>,
        limits: &Limits,
    ) -> Option<Change> {
        while let Some((awaited, change)) = released.pop() {
            if let Some(missing) = self.missing_after(awaited, &change) {
                note(Situation::ReleasedChangeWaitsOn);
                self.waiting.insert(change, missing);
                continue;
            }
            match self.check(&change, limits) {
                Ok(()) => {
                    note(Situation::WaitingChangeReleased);
                    return Some(change);
                }
                Err(fault) => {
                    note(Situation::ReleasedChangeRefused);
                    refused.push(fault);
                }
            }
        }
        None
    }

    fn wait(&mut self, mut change: Change, missing: OpId, limits: &Limits) -> Result<Received, ChangeFault> {
        let id = change.id();
        if self.waiting.contains(id) {
            return Ok(Received::Waiting);
        }
        if self.waiting.len() >= limits.waiting_changes && !planted(Fault::WaitingChangesUnbounded) {
            note(Situation::WaitingBoundReached);
            return Err(ChangeFault::OverLimit { id, what: "waiting changes", limit: limits.waiting_changes });
        }
        if self.waiting.bytes() + bytes_of(&change) > limits.waiting_bytes && !planted(Fault::WaitingBytesUnbounded) {
            note(Situation::WaitingBoundReached);
            return Err(ChangeFault::OverLimit { id, what: "bytes of waiting changes", limit: limits.waiting_bytes });
        }
        note(Situation::ChangeWaits);
        // A body is a slice of the frame it came in, which it would hold as a whole.
        change.body = Bytes::copy_from_slice(&change.body);
        self.waiting.insert(change, missing);
        Ok(Received::Waiting)
    }

    /// One operation that `change` depends on and that is not here, if there is one.
    fn missing_for(&self, change: &Change) -> Option<OpId> {
        if change.seq > self.version.next(change.replica) {
            return Some(OpId::new(change.replica, change.seq - 1));
        }
        if planted(Fault::DependencyNotAwaited) {
            return None;
        }
        change.deps.iter().find(|dep| !self.version.contains(*dep))
    }

    /// The same for a change that waited for `awaited`, which is here now: what comes before that in the order in which
    /// [`missing_for`](Self::missing_for) looks is here too, and is not looked at again.
    fn missing_after(&self, awaited: OpId, change: &Change) -> Option<OpId> {
        if awaited.replica == change.replica {
            return self.missing_for(change);
        }
        change.deps.from(awaited).find(|dep| !self.version.contains(*dep))
    }

    /// Whether a change whose dependencies are all here may be appended.
    fn check(&self, change: &Change, limits: &Limits) -> Result<(), ChangeFault> {
        let id = change.id();
        if self.version.contains(id) && !planted(Fault::DuplicateAppended) {
            return Err(ChangeFault::Contradiction { id });
        }
        if change.seq == 0 && self.writers.len() >= limits.replicas && !planted(Fault::WritersUnbounded) {
            return Err(ChangeFault::OverLimit { id, what: "writers of one document", limit: limits.replicas });
        }
        let behind = |clock: Option<Hlc>| clock.is_some_and(|clock| clock >= change.clock);
        let behind =
            behind(self.last_clock(change.replica)) || change.deps.iter().any(|dep| behind(self.clock_of(dep)));
        if behind && !planted(Fault::ClockBehindAccepted) {
            note(Situation::ClockBehindRefused);
            return Err(ChangeFault::ClockBehind { id });
        }
        Ok(())
    }

    /// The clock of the change that covers an operation. Of those that are not kept, it is known for each writer's last one.
    fn clock_of(&self, op: OpId) -> Option<Hlc> {
        let is_last = |version: &VersionVector| op.seq.checked_add(1) == Some(version.next(op.replica));
        if is_last(&self.version) {
            return self.last_clock(op.replica);
        }
        if is_last(self.base.version()) {
            return self.base.writers().get(self.writer_index(op.replica)?).map(|(_, clock)| *clock);
        }
        self.covering_change(op).map(|run| run.clock)
    }

    /// The clock of a writer's last change.
    fn last_clock(&self, replica: ReplicaId) -> Option<Hlc> {
        let recent = self.entries.last_writer().filter(|recent| self.writers[*recent] == replica);
        self.clocks.get(recent.or_else(|| self.writer_index(replica))?).copied()
    }

    #[inline]
    fn push(&mut self, change: &Change) {
        let Change { replica, seq, len, clock, ref deps, ref body } = *change;
        let last = self.entries.last_writer().filter(|last| self.writers[*last] == replica);
        match last {
            Some(writer) if self.entries.go_on(&Header { writer, seq, len, clock, deps }, body) => {
                self.clocks[writer] = clock;
            }
            _ => self.push_entry(change),
        }
        for dep in deps.iter().filter(|_| !planted(Fault::HeadNotRetired)) {
            self.frontier.remove(dep);
        }
        match seq.checked_sub(1) {
            Some(previous) => self.frontier.replace(OpId::new(replica, previous), change.last()),
            None => self.frontier.insert(change.last()),
        }
        self.version.extend(replica, change.end());
        self.clock = self.clock.max(clock);
    }

    /// Adds an entry for a change with which another run of changes begins.
    fn push_entry(&mut self, change: &Change) {
        let Change { replica, seq, len, clock, ref deps, ref body } = *change;
        let writer = self.by_replica.entry(replica).or_insert_with(|| {
            self.writers.push(replica);
            self.clocks.push(clock);
            Writer { index: self.writers.len() - 1, chunks: Vec::new() }
        });
        self.clocks[writer.index] = clock;
        let header = Header { writer: writer.index, seq, len, clock, deps };
        let chunk = self.entries.make_room();
        if writer.chunks.last().is_none_or(|(_, last)| *last != chunk) {
            writer.chunks.push((seq, chunk));
        }
        let by_replica = &self.by_replica;
        self.entries.push(&header, body, |replica| by_replica.get(&replica).map(|writer| writer.index));
    }

    /// The changes of a run, which comes from where its writers have the numbers of these `names`.
    fn push_run(&mut self, mut run: ChangeRun<'_>, names: &[ReplicaId]) {
        while run.count > 0 {
            let first = run.change(names);
            self.push(&first);
            run.skip(1);
            let Some(writer) = self.writer_index(first.replica).filter(|_| run.count > 0) else { continue };
            self.entries.extend(&mut run);
            self.clocks[writer] = self.entries.last_clock();
            self.clock = self.clock.max(self.clocks[writer]);
            self.frontier.replace(first.last(), OpId::new(first.replica, run.seq - 1));
            self.version.extend(first.replica, run.seq);
        }
    }
}

impl Writer {
    /// The chunk in which an operation is, if it is anywhere.
    fn chunk(&self, seq: u64) -> Option<usize> {
        let after = self.chunks.partition_point(|(first, _)| *first <= seq);
        Some(self.chunks[after.checked_sub(1)?].1)
    }
}

/// Makes changes as they are asked for.
#[derive(Clone)]
struct Changes<'a> {
    reading: Reading<'a>,
    /// What is next.
    run: Option<ChangeRun<'a>>,
    writers: &'a [ReplicaId],
    at: LogPosition,
    end: LogPosition,
}

impl Iterator for Changes<'_> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        let run = self.run.as_mut().filter(|_| self.at < self.end)?;
        let change = run.change(self.writers);
        self.at += 1;
        if run.count > 1 {
            run.skip(1);
        } else {
            self.run = self.reading.next();
        }
        Some(change)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end.saturating_sub(self.at);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Changes<'_> {}

impl fmt::Debug for ChangeLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeLog")
            .field("epoch", &self.epoch)
            .field("changes", &self.iter().collect::<Vec<_>>())
            .field("waiting", &self.waiting.len())
            .finish()
    }
}

impl Replica for ChangeLog {
    /// A log reports nothing of its own: that changes arrived, the engine says.
    type Event = std::convert::Infallible;

    fn writes_as(&self) -> Option<ReplicaId> {
        None
    }

    fn log(&self) -> &ChangeLog {
        self
    }

    fn log_mut(&mut self) -> &mut ChangeLog {
        self
    }

    fn receive(&mut self, change: Change, limits: &Limits) -> Result<Received, ChangeFault> {
        Self::receive(self, change, limits)
    }

    fn poll_event(&mut self) -> Option<Self::Event> {
        None
    }
}
