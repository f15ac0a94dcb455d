//! Columns: numbers of one kind side by side, and how they are put together and deflated.

use std::ops::Range;

use bytes::Bytes;
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};

use super::{BlockFault, deflate::deflate};
use crate::{
    error::Malformed,
    limits::Limits,
    packed::{Unpacker, pack_number},
};

/// A higher one takes longer and saves next to nothing.
const LEVEL: u8 = 6;
/// A section of as many bytes is deflated well, and one that is shorter quickly: it is something that somebody waits for.
const LONG: usize = 1 << 16;
/// A shorter section is not worth the time.
const SHORTEST: usize = 100;
/// Deflate makes no more than this of a byte.
const MOST_INFLATED: usize = 1032;

/// A column of numbers many of which, one after another, are the same.
///
/// In groups: twice how many there are, a number, and what they all are; or that and one more, and each of them.
#[derive(Default)]
pub(super) struct Runs {
    out: Vec<u8>,
    /// Those that differ from their neighbours and are not written yet.
    single: Vec<u64>,
    value: u64,
    count: u64,
}

impl Runs {
    #[inline]
    pub(super) fn push(&mut self, value: u64) {
        if self.count > 0 && self.value == value {
            self.count += 1;
            return;
        }
        self.close();
        (self.value, self.count) = (value, 1);
    }

    /// The same value many times.
    pub(super) fn push_all(&mut self, value: u64, count: u64) {
        if count > 0 {
            self.push(value);
            self.count += count - 1;
        }
    }

    fn close(&mut self) {
        match self.count {
            0 => {}
            1 => self.single.push(self.value),
            count => {
                self.close_singles();
                pack_number(&mut self.out, 2 * count);
                pack_number(&mut self.out, self.value);
            }
        }
    }

    fn close_singles(&mut self) {
        if !self.single.is_empty() {
            pack_number(&mut self.out, 2 * self.single.len() as u64 + 1);
            self.single.drain(..).for_each(|value| pack_number(&mut self.out, value));
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.close();
        self.close_singles();
        self.out
    }
}

/// Reads what [`Runs`] wrote.
pub(super) struct Repeats {
    bytes: Unpacker,
    value: u64,
    left: u64,
    /// Whether those that are left differ from each other, and the next has been read.
    single: bool,
    read: bool,
}

impl Repeats {
    pub(super) const fn new(bytes: Unpacker) -> Self {
        Self { bytes, value: 0, left: 0, single: false, read: false }
    }

    #[inline]
    pub(super) fn next(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let value = self.peek(what)?;
        self.skip(1);
        Ok(value)
    }

    /// The next, without going on.
    #[inline]
    pub(super) fn peek(&mut self, what: &'static str) -> Result<u64, Malformed> {
        while self.left == 0 {
            let group = self.bytes.number(what)?;
            (self.left, self.single) = (group / 2, group % 2 == 1);
            if !self.single {
                self.value = self.bytes.number(what)?;
            }
        }
        if self.single && !self.read {
            self.value = self.bytes.number(what)?;
            self.read = true;
        }
        Ok(self.value)
    }

    /// How many of the next are this, as far as is known at once.
    #[inline]
    pub(super) fn ahead(&mut self, value: u64, what: &'static str) -> Result<u64, Malformed> {
        Ok(match self.peek(what)? == value {
            true if self.single => 1,
            true => self.left,
            false => 0,
        })
    }

    /// Goes on behind so many of those that are known at once.
    #[inline]
    pub(super) fn skip(&mut self, count: u64) {
        self.left -= count;
        self.read &= count == 0;
    }
}

/// Numbers that mostly come in runs, of which the ends are of interest: each value in one column and how often it comes in
/// another.
#[derive(Default)]
pub(super) struct Spells {
    pub(super) values: Vec<u8>,
    pub(super) counts: Vec<u8>,
    value: u64,
    count: u64,
}

impl Spells {
    #[inline]
    pub(super) fn push(&mut self, value: u64) {
        if self.count > 0 && self.value == value {
            self.count += 1;
            return;
        }
        self.close();
        (self.value, self.count) = (value, 1);
    }

    /// The same value many times.
    pub(super) fn push_all(&mut self, value: u64, count: u64) {
        if count > 0 {
            self.push(value);
            self.count += count - 1;
        }
    }

    pub(super) fn close(&mut self) {
        if self.count > 0 {
            pack_number(&mut self.values, self.value);
            pack_number(&mut self.counts, self.count - 1);
            self.count = 0;
        }
    }
}

/// Reads what [`Spells`] wrote.
pub(super) struct Spelled {
    values: Unpacker,
    counts: Unpacker,
    value: u64,
    left: u64,
}

impl Spelled {
    pub(super) const fn new(values: Unpacker, counts: Unpacker) -> Self {
        Self { values, counts, value: 0, left: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let (value, _) = self.ahead(what)?;
        self.skip(1);
        Ok(value)
    }

    /// The next, and how many of the next are the same.
    #[inline]
    pub(super) fn ahead(&mut self, what: &'static str) -> Result<(u64, u64), Malformed> {
        if self.left == 0 {
            self.value = self.values.number(what)?;
            self.left = self.counts.number(what)?.saturating_add(1);
        }
        Ok((self.value, self.left))
    }

    /// Goes on behind so many of these.
    #[inline]
    pub(super) fn skip(&mut self, count: u64) {
        self.left -= count;
    }
}

/// Writes some columns as one section, deflated if that is shorter.
pub(super) fn pack_section<const N: usize>(out: &mut Vec<u8>, columns: [Vec<u8>; N]) {
    let mut whole = Vec::with_capacity(columns.iter().map(|column| column.len() + 5).sum());
    for column in &columns[..N - 1] {
        pack_number(&mut whole, column.len() as u64);
    }
    columns.iter().for_each(|column| whole.extend_from_slice(column));
    pack_number(out, whole.len() as u64);
    let deflated = match whole.len() {
        0..SHORTEST => None,
        SHORTEST..LONG => Some(deflate(&whole)),
        LONG.. => Some(compress_to_vec(&whole, LEVEL)),
    };
    let kept = deflated.filter(|deflated| deflated.len() < whole.len()).unwrap_or(whole);
    pack_number(out, kept.len() as u64);
    out.extend_from_slice(&kept);
}

/// Reads what [`pack_section`] wrote, of at most `most` bytes when it is inflated; these are then fewer.
pub(super) fn unpack_section<const N: usize>(
    bytes: &mut Unpacker,
    most: &mut usize,
    limits: &Limits,
) -> Result<[Unpacker; N], BlockFault> {
    let len = bytes.number("a section's length")?;
    let kept = bytes.bytes("a section")?;
    let allowed = usize::try_from(len).ok().filter(|len| *len <= *most);
    let over = BlockFault::OverLimit { what: "bytes in a block", limit: limits.block_bytes };
    let len = allowed.ok_or(over)?;
    let whole = if len == kept.len() {
        kept
    } else {
        // Nothing is inflated for a length that cannot be true.
        let possible = len > kept.len() && len <= kept.len().saturating_mul(MOST_INFLATED);
        let inflated = possible.then(|| decompress_to_vec_with_limit(&kept, len).ok()).flatten();
        Bytes::from(inflated.filter(|whole| whole.len() == len).ok_or_else(|| bytes.fault("a section of this length"))?)
    };
    *most -= len;
    let mut whole = Unpacker::new(whole);
    let mut lens = [0; N];
    for len in &mut lens[..N - 1] {
        *len = whole.count("a column's length")?;
    }
    let mut at = 0;
    let fits = lens.iter().try_fold(0_usize, |sum, len| sum.checked_add(*len)).filter(|sum| *sum <= whole.left());
    let fits = fits.ok_or_else(|| whole.fault("columns that fit their section"))?;
    lens[N - 1] = whole.left() - fits;
    let rest = whole.rest();
    Ok(lens.map(|len| {
        let column: Range<usize> = at..at + len;
        at = column.end;
        Unpacker::new(rest.slice(column))
    }))
}
