//! Runs: changes of one writer one after another, which lie packed side by side.
//!
//! Only the first of a run names dependencies, and if there are several each covers one operation. So one header is enough for
//! all, beside their clocks and how long their bodies are; and whoever has a use for many changes at once can look at the bodies
//! of all of them without making any.

use bytes::Bytes;

use super::{change::Change, clock::Hlc, log::LogPosition, version::Frontier};
use crate::{
    id::{OpId, ReplicaId},
    packed::pack_number,
    proof::{Fault, planted},
};

/// Changes of one writer one after another, as they lie in a log. At least one, unless they have been passed over.
#[derive(Clone)]
pub(crate) struct ChangeRun<'a> {
    /// The position of the first.
    pub(crate) position: LogPosition,
    /// How the log calls their maker.
    pub(crate) writer: usize,
    /// The number of the first operation.
    pub(crate) seq: u64,
    /// How many operations each covers; one, if there are several.
    pub(crate) len: u64,
    pub(crate) count: usize,
    /// That of the first.
    pub(crate) clock: Hlc,
    /// What the first depends on, packed.
    pub(super) deps: &'a [u8],
    pub(super) steps: Steps<'a>,
    pub(super) sizes: Sizes<'a>,
    pub(super) bodies: Lies<'a>,
}

/// How the clocks of a run go on.
#[derive(Clone, Copy)]
pub(super) enum Steps<'a> {
    /// Each is the very next.
    Steady,
    /// Packed, one for each but the first.
    Packed(&'a [u8]),
}

/// How long bodies are: groups of bodies that are as long as each other.
#[derive(Clone, Copy, Default)]
pub(super) struct Sizes<'a> {
    /// Of the first so many that have not been passed over.
    pub(super) size: usize,
    pub(super) left: usize,
    /// Packed: for each further group how long, and how many.
    pub(super) rest: &'a [u8],
    /// The same of the group behind these, which is not packed yet; of none if there is no such group.
    pub(super) open: (usize, usize),
}

/// Where bodies lie, one behind the other.
#[derive(Clone, Copy)]
pub(super) enum Lies<'a> {
    InFull(&'a Bytes, usize),
    InOpen(&'a [u8]),
    Elsewhere(&'a Bytes),
}

impl<'a> ChangeRun<'a> {
    /// The number after that of the last operation.
    pub(crate) const fn end(&self) -> u64 {
        if self.count > 1 { self.seq.saturating_add(self.count as u64) } else { self.seq.saturating_add(self.len) }
    }

    /// Whether the first depends on anything but the one before it.
    pub(crate) const fn names_dependencies(&self) -> bool {
        !self.deps.is_empty()
    }

    /// What the first depends on.
    pub(crate) fn deps(&self, writers: &[ReplicaId]) -> Frontier {
        let mut deps = Vec::new();
        if !self.deps.is_empty() {
            each_dep(&mut { self.deps }, |named, seq| {
                let replica = named.map_or_else(|replica| replica, |number| writers[number]);
                deps.push(OpId::new(replica, seq));
            });
        }
        deps.into_iter().collect()
    }

    /// The first change, made again but for its body.
    pub(crate) fn header(&self, writers: &[ReplicaId]) -> Change {
        let deps = if self.deps.is_empty() { Frontier::new() } else { self.deps(writers) };
        Change {
            replica: writers[self.writer],
            seq: self.seq,
            len: self.len,
            clock: self.clock,
            deps,
            body: Bytes::new(),
        }
    }

    /// The first change, made again. `writers` are the replicas by their numbers.
    pub(crate) fn change(&self, writers: &[ReplicaId]) -> Change {
        let size = self.sizes.size;
        let body = match self.bodies {
            Lies::InFull(bytes, from) => bytes.slice(from..from + size),
            Lies::InOpen(bytes) => Bytes::copy_from_slice(&bytes[..size]),
            Lies::Elsewhere(body) => body.clone(),
        };
        Change { body, ..self.header(writers) }
    }

    /// How many bytes all bodies have.
    pub(crate) fn bytes(&self) -> usize {
        let mut sizes = self.sizes;
        let (mut count, mut bytes) = (self.count, 0);
        while count > 0 {
            let now = sizes.left.min(count);
            bytes += now * sizes.size;
            count -= now;
            sizes.next();
        }
        bytes
    }

    /// The bodies that come first and are as long as each other: how long, how many, and all of them one behind the other.
    pub(crate) fn alike(&self) -> (usize, usize, &'a [u8]) {
        let Sizes { size, left, .. } = self.sizes;
        let count = left.min(self.count);
        (size, count, &self.bodies()[..size * count])
    }

    /// All bodies, and perhaps what is behind them.
    fn bodies(&self) -> &'a [u8] {
        match self.bodies {
            Lies::InFull(bytes, from) => &bytes[from..],
            Lies::InOpen(bytes) => bytes,
            Lies::Elsewhere(body) => body,
        }
    }

    /// How many of the clocks from the first on are each the very next after the one before, as far as is known at once.
    pub(crate) const fn steady(&self) -> usize {
        if matches!(self.steps, Steps::Steady) { self.count } else { 1 }
    }

    /// Passes over some of the changes, at most all.
    pub(crate) fn skip(&mut self, count: usize) {
        match &mut self.steps {
            Steps::Steady => self.clock = Hlc::from_bits(self.clock.bits().wrapping_add(count as u64)),
            Steps::Packed(_) => (0..count).for_each(|_| self.step()),
        }
        self.pass(count);
    }

    /// Goes on to the next clock that is not each the very next.
    pub(super) fn step(&mut self) {
        if let Steps::Packed(steps) = &mut self.steps {
            if !steps.is_empty() {
                let step = if planted(Fault::RunClocksForgotten) { NEXT_STEP.into() } else { number(steps) };
                self.clock = step_from(self.clock, step);
            }
        }
    }

    /// Passes over some of the changes, but for their clocks.
    pub(crate) fn pass(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        self.position += count;
        self.seq = if self.count > 1 { self.seq.saturating_add(count as u64) } else { self.end() };
        self.deps = &[];
        self.count -= count;
        let (mut passed, mut left) = (0, count);
        while left > 0 {
            let now = left.min(self.sizes.left);
            passed += now * self.sizes.size;
            left -= now;
            self.sizes.left -= now;
            if self.sizes.left == 0 {
                self.sizes.next();
            }
        }
        match &mut self.bodies {
            Lies::InFull(_, from) => *from += passed,
            Lies::InOpen(bytes) => *bytes = &bytes[passed..],
            Lies::Elsewhere(_) => {}
        }
    }

    /// How many of the changes come before the one that covers this operation, or one behind it.
    pub(crate) fn until(&self, seq: u64) -> usize {
        if self.count > 1 { seq.saturating_sub(self.seq) as usize } else { 0 }
    }
}

impl Sizes<'_> {
    /// Goes on with the next group, if there is one.
    pub(super) fn next(&mut self) {
        (self.size, self.left) = if self.rest.is_empty() {
            std::mem::take(&mut self.open)
        } else {
            (number(&mut self.rest) as usize, number(&mut self.rest) as usize)
        };
    }
}

/// How many bodies in a row are how long.
#[derive(Clone, Copy, Default)]
pub(super) struct Alike {
    size: usize,
    count: usize,
}

impl Alike {
    /// Counts more bodies. Those before are packed if they are not as long.
    #[inline]
    pub(super) fn add(&mut self, size: usize, count: usize, sizes: &mut Vec<u8>) {
        if size != self.size {
            self.pack(sizes);
            self.size = size;
        }
        self.count += count;
    }

    /// Packs what was counted, if that is anything, and counts anew.
    pub(super) fn pack(&mut self, sizes: &mut Vec<u8>) {
        if self.count > 0 {
            pack_number(sizes, self.size as u64);
            pack_number(sizes, self.count as u64);
            self.count = 0;
        }
    }
}

/// A run that may go on.
#[derive(Clone, Default)]
pub(super) struct OpenRun {
    pub(super) writer: usize,
    pub(super) seq: u64,
    pub(super) len: u64,
    pub(super) count: usize,
    /// That of the first, and of the last.
    pub(super) clock: Hlc,
    pub(super) last: Hlc,
    pub(super) deps: Vec<u8>,
    /// Whether each clock is the very next; if not, how they go on.
    pub(super) steady: bool,
    pub(super) steps: Vec<u8>,
    pub(super) sizes: Vec<u8>,
    /// Of the last bodies. That is not among the sizes yet.
    alike: Alike,
    pub(super) bodies: Vec<u8>,
    /// A body that lies elsewhere. It is the only one then.
    pub(super) elsewhere: Option<Bytes>,
}

/// How many changes are in a run at most, and bytes of bodies: as many are passed over to find one. Few where faults are
/// planted, so that short histories have many runs.
const MOST: usize = if cfg!(feature = "proof") { 5 } else { 256 };
const MOST_BYTES: usize = 1 << 10;

impl OpenRun {
    /// Begins another run, whose dependencies are still to be packed.
    pub(super) fn begin(&mut self, writer: usize, seq: u64, len: u64, clock: Hlc) {
        (self.writer, self.seq, self.len, self.count) = (writer, seq, len, 1);
        (self.clock, self.last) = (clock, clock);
        self.steady = true;
        for bytes in [&mut self.deps, &mut self.steps, &mut self.sizes, &mut self.bodies] {
            bytes.clear();
        }
        self.alike = Alike::default();
        self.elsewhere = None;
    }

    /// The number after that of its last operation.
    pub(super) const fn end(&self) -> u64 {
        self.seq.saturating_add(if self.count > 1 { self.count as u64 } else { self.len })
    }

    /// How many more changes fit; none if changes cannot go on here at all.
    #[inline]
    pub(super) fn room(&self) -> usize {
        let may = self.count > 0 && self.len == 1 && self.elsewhere.is_none() && self.bodies.len() < MOST_BYTES;
        if may { MOST.saturating_sub(self.count) } else { 0 }
    }

    /// Whether a clock can come next.
    pub(super) fn can_step_to(&self, clock: Hlc) -> bool {
        can_step(self.last, clock)
    }

    /// Adds the clock of one more change.
    #[inline]
    pub(super) fn step_to(&mut self, clock: Hlc) {
        if !self.steady || clock.bits() != self.last.bits() + 1 {
            self.pack_step_to(clock);
        }
        self.last = clock;
        self.count += 1;
    }

    fn pack_step_to(&mut self, clock: Hlc) {
        if self.steady {
            self.steady = false;
            // So many were the very next until now.
            self.steps.extend(std::iter::repeat_n(NEXT_STEP, self.count - 1));
        }
        pack_step(&mut self.steps, self.last, clock);
    }

    /// Adds the clocks of more changes, each the very next.
    pub(super) fn step_on(&mut self, count: usize) {
        if !self.steady {
            self.steps.extend(std::iter::repeat_n(NEXT_STEP, count));
        }
        self.last = Hlc::from_bits(self.last.bits() + count as u64);
        self.count += count;
    }

    /// Adds bodies that are as long as each other.
    #[inline]
    pub(super) fn add_bodies(&mut self, size: usize, count: usize, bodies: &[u8]) {
        self.alike.add(size, count, &mut self.sizes);
        match *bodies {
            // Of a letter typed.
            [tag, letter] => self.bodies.extend_from_slice(&[tag, letter]),
            _ => self.bodies.extend_from_slice(bodies),
        }
    }

    /// Packs how long the last bodies are.
    pub(super) fn close_sizes(&mut self) {
        self.alike.pack(&mut self.sizes);
    }

    /// The same run, to be read.
    pub(super) fn read(&self, position: LogPosition) -> ChangeRun<'_> {
        let mut sizes = Sizes { rest: &self.sizes, open: (self.alike.size, self.alike.count), ..Sizes::default() };
        sizes.next();
        ChangeRun {
            position,
            writer: self.writer,
            seq: self.seq,
            len: self.len,
            count: self.count,
            clock: self.clock,
            deps: &self.deps,
            steps: if self.steady { Steps::Steady } else { Steps::Packed(&self.steps) },
            sizes,
            bodies: self.elsewhere.as_ref().map_or(Lies::InOpen(&self.bodies), Lies::Elsewhere),
        }
    }
}

/// The step to the very next clock, unless its counter is zero.
pub(super) const NEXT_STEP: u8 = 2;

/// The clock after another one: odd, so many milliseconds later and with a counter of zero; even, so much greater as a number.
fn step_from(clock: Hlc, step: u64) -> Hlc {
    if step % 2 == 1 {
        Hlc::new(clock.millis().wrapping_add(step / 2), 0)
    } else {
        Hlc::from_bits(clock.bits().wrapping_add(step / 2))
    }
}

/// Whether `next` is later, and near enough to be a step.
pub(super) fn can_step(clock: Hlc, next: Hlc) -> bool {
    next > clock && next.bits() - clock.bits() < 1 << 62
}

/// Writes the step to a later clock that is near enough.
pub(super) fn pack_step(out: &mut Vec<u8>, clock: Hlc, next: Hlc) {
    let step = match next.counter() {
        0 => (next.millis() - clock.millis()) * 2 + 1,
        _ => (next.bits() - clock.bits()) * 2,
    };
    pack_number(out, step);
}

/// Reads dependencies, each with the number of its replica, or the replica.
pub(super) fn each_dep(bytes: &mut &[u8], mut tell: impl FnMut(Result<usize, ReplicaId>, u64)) {
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
pub(super) fn number(bytes: &mut &[u8]) -> u64 {
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

/// Reads what [`pack_signed`](crate::packed::pack_signed) wrote here.
pub(super) fn signed(bytes: &mut &[u8]) -> i64 {
    let number = number(bytes);
    (number >> 1) as i64 ^ -((number & 1) as i64)
}
