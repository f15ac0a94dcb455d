//! A deflater for what is short: it looks back at one place only and needs little memory, so that it is quick from the first
//! byte on.
//!
//! What it writes is a raw deflate stream (RFC 1951) of one block with codes of its own.

use std::iter::repeat_n;

/// The shortest and the longest copy, and how far back its original may be.
const SHORTEST: usize = 4;
const LONGEST: usize = 258;
const FARTHEST: usize = 1 << 15;
/// Of what is copied, so many places at its beginning are found again.
const FOUND_AGAIN: usize = 16;
/// Where something is found again, by so many bits of a hash.
const HASH_BITS: u32 = 12;

/// Symbols for literals and lengths, for distances, and for how long the codes of those are.
const LITERALS: usize = 286;
const DISTANCES: usize = 30;
const LENGTHS: usize = 19;
/// The literal behind the last.
const END: usize = 256;
/// The length of no code eleven times or more, or three times or more; and of the code before three times or more.
const NONE_LONG: u8 = 18;
const NONE: u8 = 17;
const AGAIN: u8 = 16;
/// The order in which it is written how long the codes for lengths are.
const ORDER: [usize; LENGTHS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Deflates bytes, of which there may be as many as `u32` counts.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let Parsed { tokens, literals, distances } = Parsed::of(bytes);
    let (literals, distances) = (Code::of(&literals, 15), Code::of(&distances, 15));
    let mut out = Bits { out: Vec::with_capacity(bytes.len() / 2 + 100), bits: 0, count: 0 };
    // The last block, with codes of its own.
    out.push(1 | 2 << 1, 3);
    push_codes(&literals, &distances, &mut out);
    for token in tokens {
        match token.copied() {
            Ok(literal) => literals.push(literal.into(), &mut out),
            Err((len, distance)) => {
                let Symbol { symbol, rest, bits } = Symbol::of_length(len);
                literals.push(symbol, &mut out);
                out.push(rest, bits);
                let Symbol { symbol, rest, bits } = Symbol::of_distance(distance);
                distances.push(symbol, &mut out);
                out.push(rest, bits);
            }
        }
    }
    literals.push(END, &mut out);
    out.finish()
}

/// Bytes as literals and copies, and how often each symbol comes.
struct Parsed {
    tokens: Vec<Token>,
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
}

/// A literal; or a copy: its distance, and in the lowest nine bits its length.
#[derive(Clone, Copy)]
struct Token(u32);

impl Token {
    /// The literal, or the length and the distance.
    fn copied(self) -> Result<u8, (usize, usize)> {
        if self.0 < 256 { Ok(self.0 as u8) } else { Err(((self.0 & 511) as usize, (self.0 >> 9) as usize)) }
    }
}

impl Parsed {
    fn of(bytes: &[u8]) -> Self {
        let mut parsed =
            Self { tokens: Vec::with_capacity(bytes.len()), literals: [0; LITERALS], distances: [0; DISTANCES] };
        parsed.literals[END] = 1;
        let four = |at: usize| bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four));
        // One more than the place where something like it was last.
        let mut last = [0_u32; 1 << HASH_BITS];
        let hash = |four: u32| (four.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)) as usize;
        let mut at = 0;
        while let Some(here) = four(at) {
            let before = std::mem::replace(&mut last[hash(here)], at as u32 + 1) as usize;
            let before = before.checked_sub(1).filter(|before| at - before <= FARTHEST && four(*before) == Some(here));
            let Some(before) = before else {
                parsed.literal(bytes[at]);
                at += 1;
                continue;
            };
            let more = bytes[before + SHORTEST..].iter().zip(&bytes[at + SHORTEST..]).take(LONGEST - SHORTEST);
            let len = SHORTEST + more.take_while(|(before, here)| before == here).count();
            parsed.copy(len, at - before);
            for again in at + 1..at + len.min(FOUND_AGAIN) {
                if let Some(four) = four(again) {
                    last[hash(four)] = again as u32 + 1;
                }
            }
            at += len;
        }
        bytes[at..].iter().for_each(|byte| parsed.literal(*byte));
        parsed
    }

    fn literal(&mut self, byte: u8) {
        self.tokens.push(Token(byte.into()));
        self.literals[usize::from(byte)] += 1;
    }

    fn copy(&mut self, len: usize, distance: usize) {
        self.tokens.push(Token((distance << 9 | len) as u32));
        self.literals[Symbol::of_length(len).symbol] += 1;
        self.distances[Symbol::of_distance(distance).symbol] += 1;
    }
}

/// A symbol, and so many bits that follow its code.
struct Symbol {
    symbol: usize,
    rest: u32,
    bits: u32,
}

impl Symbol {
    fn of_length(len: usize) -> Self {
        if len == LONGEST { Self { symbol: 285, rest: 0, bits: 0 } } else { Self::of(len as u32 - 3, 257, 2) }
    }

    fn of_distance(distance: usize) -> Self {
        Self::of(distance as u32 - 1, 0, 1)
    }

    /// Symbols from `first` on, for numbers that have the same highest bits: the highest that is set, and `precise` behind it.
    fn of(number: u32, first: usize, precise: u32) -> Self {
        let bits = (u32::BITS - number.leading_zeros()).saturating_sub(precise + 1);
        let symbol = first + ((bits << precise) + (number >> bits)) as usize;
        Self { symbol, rest: number & ((1 << bits) - 1), bits }
    }
}

/// A code: for each symbol its bits, the first the lowest, and how many they are.
struct Code<const N: usize> {
    bits: [u16; N],
    lens: [u8; N],
}

impl<const N: usize> Code<N> {
    /// The shortest for symbols that come so often, nearly so if it would have codes of more than `most` bits.
    fn of(counts: &[u32; N], most: usize) -> Self {
        // The symbols, each behind how often it comes, from the rarest on. Two at least, so that the code is complete.
        let mut leaves: Vec<_> =
            (0..N).filter(|symbol| counts[*symbol] > 0).map(|symbol| (counts[symbol], symbol)).collect();
        let unused: Vec<_> = (0..2).filter(|symbol| counts[*symbol] == 0).collect();
        leaves.extend(unused.into_iter().map(|symbol| (1, symbol)).take(2_usize.saturating_sub(leaves.len())));
        leaves.sort_unstable();
        let mut per_len = Self::depths(&leaves, most);
        // Where codes are cut, others become longer until all fit.
        let mut total: usize = (1..=most).map(|len| per_len[len] << (most - len)).sum();
        while total > 1 << most {
            let len = (1..most).rev().find(|len| per_len[*len] > 0).unwrap_or(1);
            per_len[most] -= 1;
            per_len[len] -= 1;
            per_len[len + 1] += 2;
            total -= 1;
        }
        let mut code = Self { bits: [0; N], lens: [0; N] };
        let lens = (1..=most).rev().flat_map(|len| repeat_n(len as u8, per_len[len]));
        leaves.iter().zip(lens).for_each(|((_, symbol), len)| code.lens[*symbol] = len);
        let mut next = [0_usize; 17];
        for len in 1..=most {
            next[len + 1] = (next[len] + per_len[len]) << 1;
        }
        for (bits, len) in code.bits.iter_mut().zip(code.lens).filter(|(_, len)| *len > 0) {
            *bits = (next[usize::from(len)] as u16).reverse_bits() >> (16 - len);
            next[usize::from(len)] += 1;
        }
        code
    }

    /// How many symbols have codes of each length, if those that would be longer are cut. The two rarest become one until all
    /// are: in each step the rarest is either a symbol or the oldest of those that became one.
    fn depths(leaves: &[(u32, usize)], most: usize) -> [usize; 17] {
        let joints = leaves.len() - 1;
        let mut counts = vec![0_u32; joints];
        // Of each joint, and of each leaf, the joint that it is in.
        let (mut joint_in, mut leaf_in) = (vec![0; joints], vec![0; leaves.len()]);
        let (mut leaf, mut joint) = (0, 0);
        for made in 0..joints {
            for _ in 0..2 {
                let rarest = leaves.get(leaf).filter(|(count, _)| joint == made || *count <= counts[joint]);
                if let Some((count, _)) = rarest {
                    counts[made] += count;
                    leaf_in[leaf] = made;
                    leaf += 1;
                } else {
                    counts[made] += counts[joint];
                    joint_in[joint] = made;
                    joint += 1;
                }
            }
        }
        let mut depths = vec![0; joints];
        for joint in (0..joints - 1).rev() {
            depths[joint] = depths[joint_in[joint]] + 1;
        }
        let mut per_len = [0; 17];
        leaf_in.iter().for_each(|joint| per_len[most.min(depths[*joint] + 1)] += 1);
        per_len
    }

    fn push(&self, symbol: usize, out: &mut Bits) {
        out.push(self.bits[symbol].into(), self.lens[symbol].into());
    }

    /// How many symbols there are up to the last that has a code.
    fn used(&self, least: usize) -> usize {
        self.lens.iter().rposition(|len| *len > 0).map_or(0, |last| last + 1).max(least)
    }
}

/// Writes how long the codes are.
fn push_codes(literals: &Code<LITERALS>, distances: &Code<DISTANCES>, out: &mut Bits) {
    let (used, used_distances) = (literals.used(END + 1), distances.used(1));
    let lens = [&literals.lens[..used], &distances.lens[..used_distances]].concat();
    // Each with the bits that follow it.
    let mut symbols: Vec<(u8, u32)> = Vec::with_capacity(lens.len());
    let mut rest = &lens[..];
    while let Some(len) = rest.first() {
        let same = rest.iter().take_while(|other| *other == len).count();
        let taken = match (*len, same) {
            (0, 11..) => {
                symbols.push((NONE_LONG, same.min(138) as u32 - 11));
                same.min(138)
            }
            (0, 3..) => {
                symbols.push((NONE, same as u32 - 3));
                same
            }
            (1.., 4..) => {
                symbols.extend([(*len, 0), (AGAIN, same.min(7) as u32 - 4)]);
                same.min(7)
            }
            _ => {
                symbols.push((*len, 0));
                1
            }
        };
        rest = &rest[taken..];
    }
    let mut counts = [0; LENGTHS];
    symbols.iter().for_each(|(symbol, _)| counts[usize::from(*symbol)] += 1);
    let code = Code::of(&counts, 7);
    let last = ORDER.iter().rposition(|symbol| code.lens[*symbol] > 0).unwrap_or(0).max(3);
    out.push((used - END - 1) as u32, 5);
    out.push(used_distances as u32 - 1, 5);
    out.push(last as u32 - 3, 4);
    ORDER[..=last].iter().for_each(|symbol| out.push(code.lens[*symbol].into(), 3));
    for (symbol, rest) in symbols {
        code.push(symbol.into(), out);
        let bits = match symbol {
            NONE_LONG => 7,
            NONE => 3,
            AGAIN => 2,
            _ => 0,
        };
        out.push(rest, bits);
    }
}

/// Bits, of which the first are the lowest of the first byte.
struct Bits {
    out: Vec<u8>,
    bits: u64,
    count: u32,
}

impl Bits {
    /// Adds some bits, at most 32.
    fn push(&mut self, bits: u32, count: u32) {
        self.bits |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.out.extend((self.bits as u32).to_le_bytes());
            self.bits >>= 32;
            self.count -= 32;
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let bytes = self.bits.to_le_bytes();
        self.out.extend(&bytes[..self.count.div_ceil(8) as usize]);
        self.out
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::inflate::decompress_to_vec_with_limit;

    use super::*;
    use crate::rng::{Rng, Seed};

    fn comes_back(bytes: &[u8]) -> usize {
        let deflated = deflate(bytes);
        let inflated = decompress_to_vec_with_limit(&deflated, bytes.len()).map_err(|error| error.status);
        assert!(inflated.as_deref() == Ok(bytes), "{} bytes: {inflated:?}", bytes.len());
        deflated.len()
    }

    #[test]
    fn whatever_is_deflated_comes_back() {
        let mut rng = Rng::new(Seed::from_number(11));
        for round in 0..600_u64 {
            let mut below = |bound: u64| rng.next_u64() % bound;
            let len = below(1 << (round % 17)) as usize;
            let letters = 1 + below(1 << (round % 9));
            let mut bytes = Vec::new();
            while bytes.len() < len {
                let far = below(1 << (round % 17)) as usize + 1;
                if below(4) == 0 && far <= bytes.len() {
                    let from = bytes.len() - far;
                    (0..below(1 << (round % 10))).for_each(|at| bytes.push(bytes[from + at as usize]));
                } else {
                    // Some come much more often than others.
                    bytes.push((below(letters) * below(letters) / letters) as u8);
                }
            }
            comes_back(&bytes);
        }
    }

    #[test]
    fn codes_that_would_be_too_long_are_cut() {
        // The best code has a bit more for each symbol that comes half as often.
        let bytes: Vec<_> =
            (0..20_u8).flat_map(|symbol| repeat_n([symbol, symbol ^ 0x55], 1 << (20 - symbol) >> 4)).collect();
        comes_back(bytes.as_flattened());
        let mut halves = Vec::new();
        let mut state = 1_u32;
        for _ in 0..1 << 18 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            halves.push(state.leading_zeros() as u8);
        }
        comes_back(&halves);
    }

    #[test]
    fn what_is_alike_takes_little() {
        let text = "The quick brown fox jumps over the lazy dog. ".repeat(50);
        assert!(comes_back(text.as_bytes()) < 150);
        assert!(comes_back(&[7; 10_000]) < 60);
    }
}
