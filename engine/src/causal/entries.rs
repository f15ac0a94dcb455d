//! The changes of a log, packed one after another in the order of their arrival.
//!
//! What someone types is a few bytes, and a [`Change`] many times that. So changes lie packed, each as what tells it from the
//! one before, and are made again when they are asked for. They lie in chunks, each of which can be read from its beginning:
//! to find one change a few are passed over, however long the log is. A full chunk belongs to the bodies that are handed
//! out; a large body is never copied.

use bytes::Bytes;

use super::{change::Change, clock::Hlc, log::LogPosition, version::Frontier};
use crate::{
    id::{OpId, ReplicaId},
    packed::{pack_number, pack_signed},
};

/// How many changes a chunk holds at most: as many are passed over to find one. Few where faults are planted, so that short
/// histories have many chunks.
const MOST: usize = if cfg!(feature = "proof") { 4 } else { 64 };
/// A chunk of as many bytes is full.
const FULL: usize = 1 << 12;
/// A body of more bytes stays in the memory that it came in.
const LARGE: usize = 1 << 10;

/// It covers one operation.
const ONE: u8 = 1;
/// It goes on where the change before it ended.
const GOES_ON: u8 = 2;
/// It names dependencies.
const AFTER: u8 = 4;
/// Its clock is the next after that of the change before it.
const NEXT: u8 = 8;
/// The counter of its clock is zero.
const FIRST: u8 = 16;
/// Its body lies elsewhere.
const ELSEWHERE: u8 = 32;

/// Packed changes.
#[derive(Clone, Default)]
pub(super) struct Entries {
    /// The position of the first change of each chunk, and of the open one.
    firsts: Vec<LogPosition>,
    full: Vec<Chunk<Bytes>>,
    open: Chunk<Vec<u8>>,
    /// What the last change left to go on from.
    last: Before,
    len: usize,
}

#[derive(Clone, Default)]
struct Chunk<B> {
    bytes: B,
    /// The bodies that lie elsewhere, in order.
    elsewhere: Vec<Bytes>,
}

/// What an entry is told apart from: nothing, at the beginning of a chunk.
#[derive(Clone, Copy, Default)]
struct Before {
    /// A writer, by the number that the log gives it, and the number after its last operation.
    writer: Option<(usize, u64)>,
    clock: Hlc,
}

/// A change to be packed, but for its body.
pub(super) struct Header<'a> {
    /// The number of its maker in this log.
    pub(super) writer: usize,
    pub(super) seq: u64,
    pub(super) len: u64,
    pub(super) clock: Hlc,
    pub(super) deps: &'a Frontier,
}

impl Entries {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The chunk in which the next change will be.
    pub(super) fn next_chunk(&self) -> usize {
        if self.is_full() { self.full.len() + 1 } else { self.full.len() }
    }

    fn is_full(&self) -> bool {
        let in_open = self.firsts.last().map_or(0, |first| self.len - first);
        in_open >= MOST || self.open.bytes.len() >= FULL
    }

    /// Adds a change. `number` is what the log calls a replica.
    pub(super) fn push(&mut self, header: &Header<'_>, body: &Bytes, number: impl Fn(ReplicaId) -> Option<usize>) {
        if self.is_full() {
            let mut open = std::mem::take(&mut self.open);
            self.open.bytes.reserve(open.bytes.len().min(FULL));
            open.bytes.shrink_to_fit();
            self.full.push(Chunk { bytes: open.bytes.into(), elsewhere: open.elsewhere });
            self.last = Before::default();
        }
        if self.firsts.len() == self.full.len() {
            self.firsts.push(self.len);
        }
        let Header { writer, seq, len, clock, deps } = *header;
        let Before { writer: before, clock: clock_before } = self.last;
        let goes_on = before == Some((writer, seq));
        let next = clock.bits() == clock_before.bits().wrapping_add(1);
        let elsewhere = body.len() > LARGE;
        let mut flags = 0;
        for (flag, applies) in [
            (ONE, len == 1),
            (GOES_ON, goes_on),
            (AFTER, !deps.is_empty()),
            (NEXT, next),
            (FIRST, clock.counter() == 0),
            (ELSEWHERE, elsewhere),
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
            pack_signed(out, clock.millis().wrapping_sub(clock_before.millis()) as i64);
            if clock.counter() > 0 {
                pack_number(out, u64::from(clock.counter()));
            }
        }
        if !deps.is_empty() {
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
        if elsewhere {
            self.open.elsewhere.push(body.clone());
        } else {
            pack_number(out, body.len() as u64);
            out.extend_from_slice(body);
        }
        self.last = Before { writer: Some((writer, seq.saturating_add(len))), clock };
        self.len += 1;
    }

    /// The changes from a position on, as the log calls their makers.
    pub(super) fn read(&self, from: LogPosition) -> Reading<'_> {
        let chunk = self.firsts.partition_point(|first| *first <= from).saturating_sub(1);
        let mut reading = self.read_chunk(chunk);
        while reading.position < from && reading.skip().is_some() {}
        reading
    }

    /// The changes from the beginning of a chunk on.
    pub(super) fn read_chunk(&self, chunk: usize) -> Reading<'_> {
        let position = self.firsts.get(chunk).copied().unwrap_or(self.len);
        Reading { entries: self, chunk, at: 0, elsewhere: 0, before: Before::default(), position }
    }

    fn chunk(&self, chunk: usize) -> (&[u8], &[Bytes]) {
        match self.full.get(chunk) {
            Some(full) => (&full.bytes, &full.elsewhere),
            None => (&self.open.bytes, &self.open.elsewhere),
        }
    }
}

/// Goes over packed changes.
#[derive(Clone)]
pub(super) struct Reading<'a> {
    entries: &'a Entries,
    chunk: usize,
    /// How many bytes, and bodies that lie elsewhere, of the chunk have been read.
    at: usize,
    elsewhere: usize,
    before: Before,
    position: LogPosition,
}

/// What one entry says. The rest of it is read when it is asked for.
pub(super) struct Entry<'a> {
    pub(super) position: LogPosition,
    pub(super) writer: usize,
    pub(super) seq: u64,
    pub(super) len: u64,
    pub(super) clock: Hlc,
    /// Packed.
    deps: &'a [u8],
    body: Lies<'a>,
}

/// Where a body lies.
enum Lies<'a> {
    InFull(&'a Bytes, usize, usize),
    InOpen(&'a [u8]),
    Elsewhere(&'a Bytes),
}

impl<'a> Reading<'a> {
    /// The next entry.
    pub(super) fn next(&mut self) -> Option<Entry<'a>> {
        let (mut bytes, mut elsewhere) = self.entries.chunk(self.chunk);
        if self.at >= bytes.len() {
            if self.chunk >= self.entries.full.len() {
                return None;
            }
            *self = self.entries.read_chunk(self.chunk + 1);
            (bytes, elsewhere) = self.entries.chunk(self.chunk);
        }
        let mut rest = &bytes[self.at..];
        let flags = *rest.first()?;
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
        let deps = if flags & AFTER != 0 { &deps[..deps.len() - rest.len()] } else { &[] };
        let body = if flags & ELSEWHERE != 0 {
            self.elsewhere += 1;
            Lies::Elsewhere(&elsewhere[self.elsewhere - 1])
        } else {
            let len = number(&mut rest) as usize;
            let from = bytes.len() - rest.len();
            rest = &rest[len..];
            match self.entries.full.get(self.chunk) {
                Some(full) => Lies::InFull(&full.bytes, from, from + len),
                None => Lies::InOpen(&bytes[from..from + len]),
            }
        };
        self.at = bytes.len() - rest.len();
        self.before = Before { writer: Some((writer, seq.saturating_add(len))), clock };
        self.position += 1;
        Some(Entry { position: self.position - 1, writer, seq, len, clock, deps, body })
    }

    fn skip(&mut self) -> Option<()> {
        self.next().map(drop)
    }

    pub(super) const fn position(&self) -> LogPosition {
        self.position
    }
}

impl Entry<'_> {
    pub(super) const fn end(&self) -> u64 {
        self.seq.saturating_add(self.len)
    }

    /// The change, made again. `writers` are the replicas by their numbers.
    pub(super) fn change(&self, writers: &[ReplicaId]) -> Change {
        let mut deps = Vec::new();
        if !self.deps.is_empty() {
            each_dep(&mut { self.deps }, |named, seq| {
                let replica = named.map_or_else(|replica| replica, |number| writers[number]);
                deps.push(OpId::new(replica, seq));
            });
        }
        let body = match self.body {
            Lies::InFull(bytes, from, to) => bytes.slice(from..to),
            Lies::InOpen(bytes) => Bytes::copy_from_slice(bytes),
            Lies::Elsewhere(body) => body.clone(),
        };
        let deps = deps.into_iter().collect();
        Change { replica: writers[self.writer], seq: self.seq, len: self.len, clock: self.clock, deps, body }
    }
}

/// Reads dependencies, each with the number of its replica, or the replica.
fn each_dep(bytes: &mut &[u8], mut tell: impl FnMut(Result<usize, ReplicaId>, u64)) {
    for _ in 0..number(bytes) {
        let named = match number(bytes).checked_sub(1) {
            Some(number) => Ok(number as usize),
            None => {
                let (replica, rest) = bytes.split_first_chunk().expect("what was packed here");
                *bytes = rest;
                Err(ReplicaId::new(u64::from_be_bytes(*replica)))
            }
        };
        tell(named, number(bytes));
    }
}

/// Reads what [`pack_number`] wrote here.
fn number(bytes: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}

/// Reads what [`pack_signed`] wrote here.
fn signed(bytes: &mut &[u8]) -> i64 {
    let number = number(bytes);
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, Seed};

    /// Changes of every shape, with few large bodies and clocks that go anywhere.
    fn changes(count: usize) -> (Vec<ReplicaId>, Vec<Change>) {
        let writers: Vec<_> = (0..5).map(|number| ReplicaId::new(1_000 - number)).collect();
        let mut rng = Rng::new(Seed::from_number(3));
        let mut below = |bound: u64| rng.next_u64() % bound;
        let mut ends = [0; 5];
        let (mut writer, mut clock) = (0, Hlc::default());
        let mut change = |number: usize| {
            if below(3) == 0 {
                writer = below(5) as usize;
            }
            clock = match below(4) {
                0 => Hlc::from_bits(clock.bits().wrapping_add(1)),
                1 => Hlc::new(below(1 << 48), 0),
                2 => Hlc::new(clock.millis() + below(200), below(3) as u16),
                _ => Hlc::from_bits(u64::MAX - below(2)),
            };
            let seq = if below(50) == 0 { below(u64::MAX) } else { ends[writer] };
            let len = if below(2) == 0 { 1 } else { 1 + below(100) };
            ends[writer] = seq.saturating_add(len);
            let deps = 0..below(3).saturating_sub(below(3));
            let deps = deps.map(|_| OpId::new(ReplicaId::new(997 + below(5)), below(1 << 40))).collect();
            let bytes = [0, 2, 2, 7, 300, 2 * LARGE][if number % 97 == 0 { 5 } else { below(5) as usize }];
            Change { replica: writers[writer], seq, len, clock, deps, body: vec![number as u8; bytes].into() }
        };
        let changes = (0..count).map(&mut change).collect();
        (writers, changes)
    }

    #[test]
    fn what_is_packed_is_read_as_it_was_from_every_position_on() {
        let (writers, changes) = changes(700);
        let number = |replica| writers.iter().position(|writer| *writer == replica);
        let mut entries = Entries::default();
        for (position, change) in changes.iter().enumerate() {
            assert_eq!(entries.len(), position);
            let writer = number(change.replica).expect("one of them");
            let Change { seq, len, clock, ref deps, ref body, .. } = *change;
            entries.push(&Header { writer, seq, len, clock, deps }, body, number);
        }
        for from in 0..=changes.len() {
            let mut reading = entries.read(from);
            assert_eq!(reading.position(), from);
            let ahead = if from % 50 == 0 { changes.len() } else { 3 };
            for (position, change) in changes.iter().enumerate().skip(from).take(ahead) {
                let entry = reading.next().expect("there is one");
                assert_eq!((entry.position, &entry.change(&writers)), (position, change));
            }
        }
        assert!(entries.read(changes.len()).next().is_none());
    }
}
