//! The changes of a log, packed one after another in the order of their arrival.
//!
//! What someone types is a few bytes, and a [`Change`](super::Change) many times that. So changes lie packed, those of one
//! writer in a row as one [run](ChangeRun), each run as what tells it from the one before, and are made again when they are
//! asked for. Runs lie in chunks, each of which can be read from its beginning: to find one change a few are passed over,
//! however long the log is. A full chunk belongs to the bodies that are handed out; a large body is never copied.

use bytes::Bytes;

use super::{
    clock::Hlc,
    log::LogPosition,
    run::{ChangeRun, Lies, OpenRun, Sizes, Steps, each_dep, number, signed},
    version::Frontier,
};
use crate::{
    id::ReplicaId,
    packed::{pack_number, pack_signed},
};

/// How many runs a chunk holds at most: as many are passed over to find one. Few where faults are planted, so that short
/// histories have many chunks.
const MOST: usize = if cfg!(feature = "proof") { 4 } else { 16 };
/// A chunk of as many bytes is full.
const FULL: usize = 1 << 12;
/// A body of more bytes stays in the memory that it came in.
const LARGE: usize = 1 << 10;

/// Each covers one operation.
const ONE: u8 = 1;
/// The run goes on where the one before it ended.
const GOES_ON: u8 = 2;
/// Its first change names dependencies.
const AFTER: u8 = 4;
/// Its clock is the next after what the run before it left.
const NEXT: u8 = 8;
/// The counter of its clock is zero.
const FIRST: u8 = 16;
/// Its body lies elsewhere.
const ELSEWHERE: u8 = 32;
/// It is several changes.
const SEVERAL: u8 = 64;
/// Their clocks are not each the very next.
const UNSTEADY: u8 = 128;

/// Packed changes.
#[derive(Clone, Default)]
pub(crate) struct Entries {
    /// The position of the first change of each chunk, and of the open one.
    firsts: Vec<LogPosition>,
    full: Vec<Chunk<Bytes>>,
    open: Chunk<Vec<u8>>,
    /// How many runs are packed in the open chunk.
    packed: usize,
    /// What they leave to go on from.
    before: Before,
    /// Behind these, in the same chunk: the run that the last change is in.
    last: OpenRun,
    len: usize,
}

#[derive(Clone, Default)]
struct Chunk<B> {
    bytes: B,
    /// The bodies that lie elsewhere, in order.
    elsewhere: Vec<Bytes>,
}

/// What a run is told apart from: nothing, at the beginning of a chunk.
#[derive(Clone, Copy, Default)]
struct Before {
    /// A writer, by the number that the log gives it, and the number after its last operation.
    writer: Option<(usize, u64)>,
    /// The last clock, or the first if it takes time to find the last.
    clock: Hlc,
}

impl Before {
    fn after(run: &ChangeRun<'_>) -> Self {
        let on = if run.steady() == run.count { run.count as u64 - 1 } else { 0 };
        let clock = Hlc::from_bits(run.clock.bits().wrapping_add(on));
        Self { writer: Some((run.writer, run.end())), clock }
    }
}

/// A change to be packed, but for its body.
pub(crate) struct Header<'a> {
    /// The number of its maker in this log.
    pub(crate) writer: usize,
    pub(crate) seq: u64,
    pub(crate) len: u64,
    pub(crate) clock: Hlc,
    pub(crate) deps: &'a Frontier,
}

impl Entries {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The number of the last change's maker.
    pub(crate) fn last_writer(&self) -> Option<usize> {
        (self.last.count > 0).then_some(self.last.writer)
    }

    /// Adds a change that is one more of the last run, as most are. Whether it is; nothing has changed if not.
    #[inline]
    pub(crate) fn go_on(&mut self, header: &Header<'_>, body: &Bytes) -> bool {
        let Header { writer, seq, len, clock, deps } = *header;
        let last = &mut self.last;
        let next = last.room() > 0 && writer == last.writer && seq == last.end() && seq < u64::MAX;
        let goes_on = next && len == 1 && deps.is_empty() && body.len() <= LARGE && last.can_step_to(clock);
        if goes_on {
            last.step_to(clock);
            last.add_bodies(body.len(), 1, body);
            self.len += 1;
        }
        goes_on
    }

    /// Makes room for a change that [is not](Self::go_on), and tells the chunk in which it will be.
    pub(crate) fn make_room(&mut self) -> usize {
        self.close_run();
        if self.packed >= MOST || self.open.bytes.len() >= FULL {
            let mut open = std::mem::take(&mut self.open);
            self.open.bytes.reserve(open.bytes.len().min(FULL));
            open.bytes.shrink_to_fit();
            self.full.push(Chunk { bytes: open.bytes.into(), elsewhere: open.elsewhere });
            (self.packed, self.before) = (0, Before::default());
        }
        if self.firsts.len() == self.full.len() {
            self.firsts.push(self.len);
        }
        self.full.len()
    }

    /// Adds a change for which there has been [made room](Self::make_room). `number` is what the log calls a replica.
    pub(crate) fn push(&mut self, header: &Header<'_>, body: &Bytes, number: impl Fn(ReplicaId) -> Option<usize>) {
        let last = &mut self.last;
        last.begin(header.writer, header.seq, header.len, header.clock);
        if !header.deps.is_empty() {
            pack_deps(&mut last.deps, header.deps, number);
        }
        if body.len() > LARGE {
            last.add_bodies(body.len(), 1, &[]);
            last.elsewhere = Some(body.clone());
        } else {
            last.add_bodies(body.len(), 1, body);
        }
        self.len += 1;
    }

    /// Adds changes of the last one's writer that go on where that ended, as many as are in the same run.
    pub(crate) fn extend(&mut self, run: &mut ChangeRun<'_>) {
        let last = &mut self.last;
        debug_assert!(run.count == 0 || last.end() == run.seq && !run.names_dependencies());
        while run.count > 0 {
            let (size, alike, bodies) = run.alike();
            let most = if size > LARGE { 0 } else { alike.min(last.room()) };
            let mut count = 0;
            if run.steady() >= most {
                if most > 0 && last.can_step_to(run.clock) {
                    count = most;
                    last.step_to(run.clock);
                    last.step_on(count - 1);
                    run.skip(count);
                }
            } else {
                while count < most && last.can_step_to(run.clock) {
                    last.step_to(run.clock);
                    run.step();
                    count += 1;
                }
                run.pass(count);
            }
            if count == 0 {
                break;
            }
            last.add_bodies(size, count, &bodies[..size * count]);
            self.len += count;
        }
    }

    /// The clock of the last change.
    pub(crate) const fn last_clock(&self) -> Hlc {
        self.last.last
    }

    /// Packs the last run, to which nothing is added any more.
    fn close_run(&mut self) {
        let OpenRun { writer, seq, len, count, clock, steady, .. } = self.last;
        if count == 0 {
            return;
        }
        let last = &mut self.last;
        last.close_sizes();
        let goes_on = self.before.writer == Some((writer, seq));
        let next = clock.bits() == self.before.clock.bits().wrapping_add(1);
        let mut flags = 0;
        for (flag, applies) in [
            (ONE, len == 1),
            (GOES_ON, goes_on),
            (AFTER, !last.deps.is_empty()),
            (NEXT, next),
            (FIRST, clock.counter() == 0),
            (ELSEWHERE, last.elsewhere.is_some()),
            (SEVERAL, count > 1),
            (UNSTEADY, !steady),
        ] {
            flags |= if applies { flag } else { 0 };
        }
        let out = &mut self.open.bytes;
        out.push(flags);
        if !goes_on {
            pack_number(out, writer as u64);
            pack_number(out, seq);
        }
        if len != 1 {
            pack_number(out, len);
        }
        if !next {
            pack_signed(out, clock.millis().wrapping_sub(self.before.clock.millis()) as i64);
            if clock.counter() > 0 {
                pack_number(out, u64::from(clock.counter()));
            }
        }
        out.extend_from_slice(&last.deps);
        if count > 1 {
            pack_number(out, count as u64);
            if !steady {
                pack_number(out, last.steps.len() as u64);
                out.extend_from_slice(&last.steps);
            }
            pack_number(out, last.sizes.len() as u64);
            out.extend_from_slice(&last.sizes);
            pack_number(out, last.bodies.len() as u64);
        } else if let Some(body) = last.elsewhere.take() {
            self.open.elsewhere.push(body);
        } else {
            pack_number(out, last.bodies.len() as u64);
        }
        out.extend_from_slice(&last.bodies);
        self.before = Before::after(&last.read(0));
        last.count = 0;
        self.packed += 1;
    }

    /// The changes from a position on, as the log calls their makers.
    pub(crate) fn read(&self, from: LogPosition) -> Reading<'_> {
        if from + self.last.count >= self.len {
            return Reading { rest: self.read_last(from), ..self.read_chunk(self.full.len() + 1) };
        }
        let chunk = self.firsts.partition_point(|first| *first <= from).saturating_sub(1);
        let mut reading = self.read_chunk(chunk);
        while let Some(mut run) = reading.next() {
            if run.position + run.count > from {
                run.skip(from - run.position);
                reading.rest = Some(run);
                break;
            }
        }
        reading
    }

    /// The changes from the beginning of a chunk on.
    pub(crate) fn read_chunk(&self, chunk: usize) -> Reading<'_> {
        let position = self.firsts.get(chunk).copied().unwrap_or(self.len);
        Reading { entries: self, chunk, at: 0, elsewhere: 0, before: Before::default(), position, rest: None }
    }

    /// What is in the last run of the changes from a position on.
    fn read_last(&self, from: LogPosition) -> Option<ChangeRun<'_>> {
        let position = self.len - self.last.count;
        let mut run = (self.last.count > 0 && from < self.len).then(|| self.last.read(position))?;
        run.skip(from - position);
        Some(run)
    }

    fn chunk(&self, chunk: usize) -> (&[u8], &[Bytes]) {
        match self.full.get(chunk) {
            Some(full) => (&full.bytes, &full.elsewhere),
            None => (&self.open.bytes, &self.open.elsewhere),
        }
    }
}

pub(super) fn pack_deps(out: &mut Vec<u8>, deps: &Frontier, number: impl Fn(ReplicaId) -> Option<usize>) {
    pack_number(out, deps.len() as u64);
    for dep in deps.iter() {
        // Whoever is depended on is known; if not, the name stands in full.
        let number = number(dep.replica);
        pack_number(out, number.map_or(0, |number| number as u64 + 1));
        if number.is_none() {
            out.extend(dep.replica.bits().to_be_bytes());
        }
        pack_number(out, dep.seq);
    }
}

/// Goes over packed changes.
#[derive(Clone)]
pub(crate) struct Reading<'a> {
    entries: &'a Entries,
    /// The last run is behind all in the open chunk; if that has been read, too, this is the chunk behind.
    chunk: usize,
    /// How many bytes, and bodies that lie elsewhere, of the chunk have been read.
    at: usize,
    elsewhere: usize,
    before: Before,
    /// Of the next run.
    position: LogPosition,
    /// What is left of a run in the middle of which reading begins.
    rest: Option<ChangeRun<'a>>,
}

impl<'a> Reading<'a> {
    /// The next run.
    pub(crate) fn next(&mut self) -> Option<ChangeRun<'a>> {
        if let Some(rest) = self.rest.take() {
            return Some(rest);
        }
        let entries = self.entries;
        let mut bytes = entries.chunk(self.chunk).0;
        if self.at >= bytes.len() || self.chunk > entries.full.len() {
            if self.chunk >= entries.full.len() {
                let last = (self.chunk == entries.full.len()).then(|| entries.read_last(self.position)).flatten();
                self.chunk = entries.full.len() + 1;
                return last;
            }
            *self = entries.read_chunk(self.chunk + 1);
            bytes = entries.chunk(self.chunk).0;
            if bytes.is_empty() {
                return self.next();
            }
        }
        let run = self.packed(bytes);
        self.before = Before::after(&run);
        self.position += run.count;
        Some(run)
    }

    /// The run that stands next in the bytes of this chunk.
    fn packed(&mut self, bytes: &'a [u8]) -> ChangeRun<'a> {
        let mut rest = &bytes[self.at..];
        let flags = rest[0];
        rest = &rest[1..];
        let (writer, seq) = match self.before.writer.filter(|_| flags & GOES_ON != 0) {
            Some(before) => before,
            None => (number(&mut rest) as usize, number(&mut rest)),
        };
        let len = if flags & ONE != 0 { 1 } else { number(&mut rest) };
        let clock = if flags & NEXT != 0 {
            Hlc::from_bits(self.before.clock.bits().wrapping_add(1))
        } else {
            let millis = self.before.clock.millis().wrapping_add(signed(&mut rest) as u64);
            Hlc::new(millis, if flags & FIRST != 0 { 0 } else { number(&mut rest) as u16 })
        };
        let deps = rest;
        if flags & AFTER != 0 {
            each_dep(&mut rest, |_, _| {});
        }
        let deps = &deps[..deps.len() - rest.len()];
        let (mut count, mut steps, mut sizes) = (1, Steps::Steady, Sizes::default());
        let full = self.entries.full.get(self.chunk);
        let bodies = if flags & ELSEWHERE != 0 {
            let (full, open) = (full.map(|full| &full.elsewhere), &self.entries.open.elsewhere);
            let body = &full.unwrap_or(open)[self.elsewhere];
            self.elsewhere += 1;
            (sizes.size, sizes.left) = (body.len(), 1);
            Lies::Elsewhere(body)
        } else {
            if flags & SEVERAL != 0 {
                count = number(&mut rest) as usize;
                if flags & UNSTEADY != 0 {
                    steps = Steps::Packed(slice(&mut rest));
                }
                sizes.rest = slice(&mut rest);
                sizes.next();
            }
            let bodies = slice(&mut rest);
            if flags & SEVERAL == 0 {
                (sizes.size, sizes.left) = (bodies.len(), 1);
            }
            match full {
                Some(full) => Lies::InFull(&full.bytes, bytes.len() - rest.len() - bodies.len()),
                None => Lies::InOpen(bodies),
            }
        };
        self.at = bytes.len() - rest.len();
        ChangeRun { position: self.position, writer, seq, len, count, clock, deps, steps, sizes, bodies }
    }
}

/// Bytes behind their count.
fn slice<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let len = number(bytes) as usize;
    let (slice, rest) = bytes.split_at(len);
    *bytes = rest;
    slice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        causal::Change,
        id::OpId,
        rng::{Rng, Seed},
    };

    /// Changes of every shape, with few large bodies and clocks that go anywhere, and typing in between.
    fn changes(count: usize) -> (Vec<ReplicaId>, Vec<Change>) {
        let writers: Vec<_> = (0..5).map(|number| ReplicaId::new(1_000 - number)).collect();
        let mut rng = Rng::new(Seed::from_number(3));
        let mut below = |bound: u64| rng.next_u64() % bound;
        let mut ends = [0; 5];
        let (mut writer, mut clock) = (0, Hlc::default());
        let mut typing = 0_u64;
        let mut change = |number: usize| {
            typing = if below(40) == 0 { below(700) } else { typing.saturating_sub(1) };
            if below(3) == 0 && typing == 0 {
                writer = below(5) as usize;
            }
            clock = match if typing > 0 { below(20) * below(2) } else { below(4) } {
                0 => Hlc::from_bits(clock.bits().wrapping_add(1)),
                1 => Hlc::new(below(1 << 48), 0),
                3 => Hlc::from_bits(u64::MAX - below(2)),
                _ => Hlc::new(clock.millis() + below(200), below(3) as u16),
            };
            let seq = if below(50) == 0 { below(u64::MAX) } else { ends[writer] };
            let len = if typing > 0 || below(2) == 0 { 1 } else { 1 + below(100) };
            ends[writer] = seq.saturating_add(len);
            let deps = 0..if typing > 0 { 0 } else { below(3).saturating_sub(below(3)) };
            let deps = deps.map(|_| OpId::new(ReplicaId::new(997 + below(5)), below(1 << 40))).collect();
            let bytes = [2, 2, 0, 7, 300, 2 * LARGE];
            let bytes = bytes[if number % 97 == 0 { 5 } else { below(if typing > 0 { 3 } else { 5 }) as usize }];
            Change { replica: writers[writer], seq, len, clock, deps, body: vec![number as u8; bytes].into() }
        };
        let changes = (0..count).map(&mut change).collect();
        (writers, changes)
    }

    fn add(entries: &mut Entries, writers: &[ReplicaId], change: &Change) {
        let number = |replica| writers.iter().position(|writer| *writer == replica);
        let writer = number(change.replica).expect("one of them");
        let Change { seq, len, clock, ref deps, ref body, .. } = *change;
        let header = Header { writer, seq, len, clock, deps };
        if !entries.go_on(&header, body) {
            entries.make_room();
            entries.push(&header, body, number);
        }
    }

    fn each(mut reading: Reading<'_>, writers: &[ReplicaId], mut tell: impl FnMut(LogPosition, Change)) {
        while let Some(mut run) = reading.next() {
            while run.count > 0 {
                tell(run.position, run.change(writers));
                run.skip(1);
            }
        }
    }

    #[test]
    fn what_is_packed_is_read_as_it_was_from_every_position_on() {
        let (writers, changes) = changes(2_000);
        let mut entries = Entries::default();
        for (position, change) in changes.iter().enumerate() {
            assert_eq!(entries.len(), position);
            add(&mut entries, &writers, change);
            let mut last = entries.read(position);
            assert_eq!(last.next().map(|run| run.change(&writers)).as_ref(), Some(change));
            assert!(last.next().is_none());
        }
        for from in 0..=changes.len() {
            if from % 100 == 0 {
                let mut read = Vec::new();
                each(entries.read(from), &writers, |position, change| {
                    assert_eq!(position, from + read.len());
                    read.push(change);
                });
                assert!(read == changes[from..]);
            } else {
                let run = entries.read(from).next();
                assert_eq!(
                    run.map(|run| (run.position, run.change(&writers))),
                    changes.get(from).map(|change| (from, change.clone()))
                );
            }
        }
    }

    #[test]
    fn runs_that_are_added_at_once_are_the_same_changes() {
        let (writers, changes) = changes(2_000);
        let (mut one_by_one, mut at_once) = (Entries::default(), Entries::default());
        changes.iter().for_each(|change| add(&mut one_by_one, &writers, change));
        let mut reading = one_by_one.read(0);
        let mut extended = 0;
        while let Some(mut run) = reading.next() {
            while run.count > 0 {
                add(&mut at_once, &writers, &run.change(&writers));
                let end = run.end();
                run.skip(1);
                if run.count > 0 && end > run.seq {
                    let before = at_once.len();
                    at_once.extend(&mut run);
                    extended += at_once.len() - before;
                }
            }
        }
        let mut read = Vec::new();
        each(at_once.read(0), &writers, |_, change| read.push(change));
        assert!(read == changes);
        assert!(extended > 200, "{extended}");
    }
}
