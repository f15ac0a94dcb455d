//! Deflate (RFC 1951), the half that writes.
//!
//! Columns are short, most of them, and there are a dozen in a block. So nothing is made ready that a column does not need, and
//! what was made ready for one serves the next. Of each piece it is known to the bit how long it becomes in each way to write
//! it, before it is written.

mod codes;
mod matches;

use codes::{Codes, Counts};
use matches::Matches;

/// So many letters and repetitions are one piece, with codes of its own.
const PIECE: usize = 1 << 15;
/// The end of a piece, among the letters.
const END: usize = 256;
/// Repetitions are no longer, no shorter, and no further back.
const LONGEST: usize = 258;
const SHORTEST: usize = 3;
const FURTHEST: usize = 1 << 15;

/// A letter, or a repetition of what came before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Symbol(u32);

impl Symbol {
    const REPETITION: u32 = 1 << 31;

    const fn letter(letter: u8) -> Self {
        Self(letter as u32)
    }

    /// So many letters as they stand so far back.
    const fn repetition(len: usize, back: usize) -> Self {
        Self(Self::REPETITION | ((len - SHORTEST) as u32) << 16 | (back - 1) as u32)
    }

    /// The length less the shortest, and how far back less one.
    const fn repeated(self) -> Option<(u32, u32)> {
        if self.0 & Self::REPETITION == 0 { None } else { Some((self.0 >> 16 & 0xff, self.0 & 0xffff)) }
    }
}

/// A number as its code, and bits that say the rest: how many and which.
#[derive(Clone, Copy)]
struct Coded {
    code: usize,
    bits: u32,
    rest: u32,
}

/// A length less the shortest, among the letters.
const fn coded_len(len: u32) -> Coded {
    let first = END + 1;
    match len {
        0..8 => Coded { code: first + len as usize, bits: 0, rest: 0 },
        255 => Coded { code: first + 28, bits: 0, rest: 0 },
        _ => {
            let bits = len.ilog2() - 2;
            Coded { code: first + (4 * bits + (len >> bits)) as usize, bits, rest: len & ((1 << bits) - 1) }
        }
    }
}

/// How far back less one.
const fn coded_back(back: u32) -> Coded {
    match back {
        0..4 => Coded { code: back as usize, bits: 0, rest: 0 },
        _ => {
            let bits = back.ilog2() - 1;
            Coded { code: (2 * bits + (back >> bits)) as usize, bits, rest: back & ((1 << bits) - 1) }
        }
    }
}

/// Bits, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    out: Vec<u8>,
    held: u64,
    count: u32,
}

impl Bits {
    /// Appends at most 32 bits.
    #[inline]
    fn push(&mut self, value: u32, count: u32) {
        self.held |= u64::from(value) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.out.extend_from_slice(&(self.held as u32).to_le_bytes());
            self.held >>= 32;
            self.count -= 32;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let held = self.held.to_le_bytes();
        self.out.extend_from_slice(&held[..self.count.div_ceil(8) as usize]);
        self.out
    }
}

/// Deflates one thing after another.
#[derive(Default)]
pub(in crate::document) struct Deflater {
    matches: Matches,
    symbols: Vec<Symbol>,
}

impl Deflater {
    /// These bytes deflated, which may take more than they do.
    pub(in crate::document) fn deflate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Bits::default();
        let mut at = 0;
        self.matches.begin(bytes.len());
        loop {
            let from = at;
            self.symbols.clear();
            at = self.matches.split(bytes, from, PIECE, &mut self.symbols);
            let last = at == bytes.len();
            write_piece(&mut out, &self.symbols, &bytes[from..at], last);
            if last {
                return out.finish();
            }
        }
    }
}

/// Writes a piece with its repetitions, or letter by letter if that is shorter: it is for what looks random.
fn write_piece(out: &mut Bits, symbols: &[Symbol], letters: &[u8], last: bool) {
    let mut counts = Counts::default();
    for symbol in symbols {
        match symbol.repeated() {
            None => counts.letters[symbol.0 as usize] += 1,
            Some((len, back)) => {
                let (len, back) = (coded_len(len), coded_back(back));
                counts.letters[len.code] += 1;
                counts.backs[back.code] += 1;
                counts.rest += u64::from(len.bits + back.bits);
            }
        }
    }
    let repeated = Codes::of(&counts);
    out.push(u32::from(last), 1);
    if repeated.bits() > 4 * letters.len() as u64 {
        let mut counts = Counts::default();
        letters.iter().for_each(|letter| counts.letters[usize::from(*letter)] += 1);
        let plain = Codes::of(&counts);
        if plain.bits() < repeated.bits() {
            plain.write(out);
            letters.iter().for_each(|letter| plain.write_letter(out, usize::from(*letter)));
            return plain.write_letter(out, END);
        }
    }
    repeated.write(out);
    for symbol in symbols {
        match symbol.repeated() {
            None => repeated.write_letter(out, symbol.0 as usize),
            Some((len, back)) => repeated.write_repetition(out, coded_len(len), coded_back(back)),
        }
    }
    repeated.write_letter(out, END);
}

#[cfg(test)]
mod tests {
    use miniz_oxide::inflate::decompress_to_vec;

    use super::*;

    fn same(deflater: &mut Deflater, bytes: &[u8]) -> usize {
        let deflated = deflater.deflate(bytes);
        assert!(decompress_to_vec(&deflated).is_ok_and(|inflated| inflated == bytes));
        deflated.len()
    }

    #[test]
    fn anything_inflates_to_what_it_was() {
        let mut deflater = Deflater::default();
        let mut dice = 7_u64;
        let mut roll = |sides: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice % sides
        };
        for round in 0..600 {
            let (len, sides) = (roll(if round % 20 == 0 { 100_000 } else { 700 }), 1 + roll(256));
            let mut bytes: Vec<u8> = Vec::new();
            while bytes.len() < len as usize {
                let again = roll(40) as usize;
                if roll(3) == 0 && again < bytes.len() {
                    let from = roll((bytes.len() - again) as u64) as usize;
                    bytes.extend_from_within(from..from + again);
                } else {
                    bytes.extend((0..roll(20)).map(|_| roll(sides) as u8));
                }
            }
            same(&mut deflater, &bytes);
        }
    }

    #[test]
    fn every_length_and_every_distance_there_is_inflates_to_what_it_was() {
        let mut deflater = Deflater::default();
        for len in 0..600 {
            same(&mut deflater, &vec![7; len]);
            let word: Vec<u8> = (0..len).map(|at| ((at * at * 31) >> 3) as u8).collect();
            same(&mut deflater, &[&word[..], &word[..]].concat());
        }
        for back in (10..70_000).step_by(997) {
            let mut bytes: Vec<u8> = (0..back).map(|at: u32| (at.wrapping_mul(0x9e37_79b9) >> 20) as u8).collect();
            bytes.extend_from_within(..10);
            same(&mut deflater, &bytes);
        }
    }

    #[test]
    fn frequencies_that_would_make_codes_too_long_are_written_all_the_same() {
        let (mut bytes, mut counts) = (Vec::new(), (1_usize, 1));
        for letter in 0..24_u8 {
            bytes.extend(std::iter::repeat_n(letter, counts.0));
            counts = (counts.1, counts.0 + counts.1);
        }
        // So that nothing comes again: any order will do that no repetition is found in.
        let len = bytes.len();
        let shuffled: Vec<u8> = (0..len).map(|at| bytes[at * 48_271 % len]).collect();
        same(&mut Deflater::default(), &shuffled);
        same(&mut Deflater::default(), &bytes);
    }

    #[test]
    fn what_came_before_is_no_part_of_what_comes_next() {
        let mut used = Deflater::default();
        for text in ["the same words again", "the same words again and the same words again", "the same"] {
            assert_eq!(used.deflate(text.as_bytes()), Deflater::default().deflate(text.as_bytes()));
        }
    }
}
