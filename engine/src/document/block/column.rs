//! Columns: numbers of one kind side by side, and how they are put together and deflated.

use bytes::Bytes;
use miniz_oxide::{
    deflate::core::{
        CompressionStrategy, CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
    },
    inflate::decompress_to_vec_with_limit,
};

use super::BlockFault;
use crate::{
    error::Malformed,
    limits::Limits,
    packed::{Unpacker, pack_number},
};

/// A higher one takes longer and saves next to nothing.
const LEVEL: i32 = 6;
/// Less is not worth the time.
const SHORTEST: usize = 100;
/// A column of as many bytes stands by itself. Who reads them has to know.
const LONG: usize = 512;
/// Deflate makes no more than this of a byte.
const MOST_INFLATED: usize = 1032;

/// A value, and how often it came in a row.
#[derive(Clone, Copy, Default)]
struct Row {
    value: u64,
    count: u64,
}

impl Row {
    /// Takes in a value so many times. What came until now, and how often, if this is another one.
    #[inline]
    fn push(&mut self, value: u64, count: u64) -> Option<(u64, u64)> {
        if count == 0 || self.count > 0 && self.value == value {
            self.count += count;
            return None;
        }
        let before = std::mem::replace(self, Self { value, count });
        Some((before.value, before.count))
    }
}

/// A column of numbers many of which, one after another, are the same.
///
/// In groups: twice how many there are, a number, and what they all are; or that and one more, and each of them.
#[derive(Default)]
pub(super) struct Runs {
    out: Vec<u8>,
    /// Those that differ from their neighbours and are not written yet.
    single: Vec<u64>,
    row: Row,
}

impl Runs {
    #[inline]
    pub(super) fn push(&mut self, value: u64) {
        self.push_all(value, 1);
    }

    /// The same value many times.
    #[inline]
    pub(super) fn push_all(&mut self, value: u64, count: u64) {
        if let Some((value, count)) = self.row.push(value, count) {
            self.write(value, count);
        }
    }

    fn write(&mut self, value: u64, count: u64) {
        match count {
            0 => {}
            1 => self.single.push(value),
            count => {
                self.close_singles();
                pack_number(&mut self.out, 2 * count);
                pack_number(&mut self.out, value);
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
        let Row { value, count } = self.row;
        self.write(value, count);
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
    row: Row,
}

impl Spells {
    #[inline]
    pub(super) fn push(&mut self, value: u64) {
        self.push_all(value, 1);
    }

    /// The same value many times.
    #[inline]
    pub(super) fn push_all(&mut self, value: u64, count: u64) {
        if let Some((value, count)) = self.row.push(value, count) {
            self.write(value, count);
        }
    }

    pub(super) fn close(&mut self) {
        let Row { value, count } = std::mem::take(&mut self.row);
        self.write(value, count);
    }

    fn write(&mut self, value: u64, count: u64) {
        if let Some(more) = count.checked_sub(1) {
            pack_number(&mut self.values, value);
            pack_number(&mut self.counts, more);
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

/// Numbers of which nothing is expected: the lowest eight bits of each in one column, the next eight in another, and what is
/// left in a third.
#[derive(Default)]
pub(super) struct Planes {
    low: Vec<u8>,
    middle: Vec<u8>,
    high: Runs,
}

impl Planes {
    #[inline]
    pub(super) fn push(&mut self, number: u64) {
        self.low.push(number as u8);
        self.middle.push((number >> 8) as u8);
        self.high.push(number >> 16);
    }

    pub(super) fn finish(self) -> [Vec<u8>; 3] {
        [self.low, self.middle, self.high.finish()]
    }
}

/// Reads what [`Planes`] wrote.
pub(super) struct Planed {
    low: Unpacker,
    middle: Unpacker,
    high: Repeats,
}

impl Planed {
    pub(super) const fn new(low: Unpacker, middle: Unpacker, high: Unpacker) -> Self {
        Self { low, middle, high: Repeats::new(high) }
    }

    #[inline]
    pub(super) fn next(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let (low, middle) = (self.low.byte(what)?, self.middle.byte(what)?);
        Ok(self.high.next(what)? << 16 | u64::from(middle) << 8 | u64::from(low))
    }
}

/// A number of either sign as one without: 0, -1, 1, -2, 2 …
pub(super) const fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

pub(super) const fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// How a section is made short.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// By what comes again.
    Again,
    /// The same, or just by which bytes are frequent, if that is shorter: it is for what looks random.
    Frequent,
}

/// Writes some columns as one section, deflated where that is shorter: the long ones each by itself, since each has numbers of its
/// own kind, and the others together. Nothing for columns without anything in them.
pub(super) fn pack_section<const N: usize>(
    out: &mut Vec<u8>,
    columns: [Vec<u8>; N],
    packing: Packing,
    deflater: &mut Deflater,
) {
    let len: usize = columns.iter().map(Vec::len).sum();
    pack_number(out, len as u64);
    if len == 0 {
        return;
    }
    columns.iter().for_each(|column| pack_number(out, column.len() as u64));
    let mut short = Vec::new();
    for column in &columns {
        if column.len() < LONG {
            short.extend_from_slice(column);
        } else {
            pack_stream(out, column, packing, deflater);
        }
    }
    if !short.is_empty() {
        pack_stream(out, &short, Packing::Again, deflater);
    }
}

/// Deflates one stream after another. What it takes is made ready once: that costs more than most streams do.
#[derive(Default)]
pub(super) struct Deflater {
    again: Option<CompressorOxide>,
    frequent: Option<CompressorOxide>,
}

impl Deflater {
    fn deflate(&mut self, bytes: &[u8], packing: Packing) -> Option<Vec<u8>> {
        if bytes.len() < SHORTEST {
            return None;
        }
        let deflated = deflate(&mut self.again, Packing::Again, bytes);
        let len = deflated.as_ref().map_or(bytes.len(), Vec::len);
        if packing == Packing::Again || len <= bytes.len() / 2 {
            return deflated;
        }
        deflate(&mut self.frequent, Packing::Frequent, bytes).filter(|other| other.len() < len).or(deflated)
    }
}

/// What bytes are deflated to. `None` if that is no shorter.
fn deflate(compressor: &mut Option<CompressorOxide>, packing: Packing, bytes: &[u8]) -> Option<Vec<u8>> {
    let compressor = match compressor {
        Some(compressor) => {
            compressor.reset();
            compressor
        }
        None => {
            let (level, strategy) = match packing {
                Packing::Again => (LEVEL, CompressionStrategy::Default),
                Packing::Frequent => (1, CompressionStrategy::HuffmanOnly),
            };
            let flags = create_comp_flags_from_zip_params(level, 0, strategy as i32);
            compressor.insert(CompressorOxide::new(flags))
        }
    };
    let mut out = vec![0; bytes.len()];
    let (status, _, len) = compress(compressor, bytes, &mut out, TDEFLFlush::Finish);
    out.truncate(len);
    (status == TDEFLStatus::Done).then_some(out)
}

fn pack_stream(out: &mut Vec<u8>, bytes: &[u8], packing: Packing, deflater: &mut Deflater) {
    let deflated = deflater.deflate(bytes, packing);
    let kept = deflated.as_deref().filter(|deflated| deflated.len() < bytes.len()).unwrap_or(bytes);
    pack_number(out, kept.len() as u64);
    out.extend_from_slice(kept);
}

fn unpack_stream(bytes: &mut Unpacker, len: usize) -> Result<Bytes, Malformed> {
    let kept = bytes.bytes("a section")?;
    if len == kept.len() {
        return Ok(kept);
    }
    // Nothing is inflated for a length that cannot be true.
    let possible = len > kept.len() && len <= kept.len().saturating_mul(MOST_INFLATED);
    let inflated = possible.then(|| decompress_to_vec_with_limit(&kept, len).ok()).flatten();
    Ok(Bytes::from(inflated.filter(|whole| whole.len() == len).ok_or_else(|| bytes.fault("a section of this length"))?))
}

/// Reads what [`pack_section`] wrote, of at most `most` bytes when it is inflated; these are then fewer.
pub(super) fn unpack_section<const N: usize>(
    bytes: &mut Unpacker,
    most: &mut usize,
    limits: &Limits,
) -> Result<[Unpacker; N], BlockFault> {
    let len = bytes.number("a section's length")?;
    let allowed = usize::try_from(len).ok().filter(|len| *len <= *most);
    let over = BlockFault::OverLimit { what: "bytes in a block", limit: limits.block_bytes };
    let len = allowed.ok_or(over)?;
    *most -= len;
    let mut columns = [const { Unpacker::new(Bytes::new()) }; N];
    if len == 0 {
        return Ok(columns);
    }
    let mut lens = [0; N];
    let mut left = len;
    for column in &mut lens {
        let said = bytes.number("a column's length")?;
        let said = usize::try_from(said).ok().filter(|said| *said <= left);
        *column = said.ok_or_else(|| bytes.fault("columns that fit their section"))?;
        left -= *column;
    }
    if left > 0 {
        return Err(bytes.fault("columns that fill their section").into());
    }
    for (column, len) in columns.iter_mut().zip(lens) {
        if len >= LONG {
            *column = Unpacker::new(unpack_stream(bytes, len)?);
        }
    }
    let short = lens.iter().filter(|len| **len < LONG).sum();
    if short > 0 {
        let short = unpack_stream(bytes, short)?;
        let mut at = 0;
        for (column, len) in columns.iter_mut().zip(lens) {
            if len < LONG {
                *column = Unpacker::new(short.slice(at..at + len));
                at += len;
            }
        }
    }
    Ok(columns)
}
