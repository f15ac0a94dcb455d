//! Huffman's codes: the more frequent a letter, the fewer bits.

use super::{Bits, Coded, END};

/// How many codes there are for letters, the end and lengths, of which two are for nothing, and for how far back.
const LETTERS: usize = 288;
const BACKS: usize = 30;
/// How many for the lengths of codes; three of them say that lengths come again.
const LENS: usize = 19;
const AGAIN: u8 = 16;
const FEW_ZEROS: u8 = 17;
const ZEROS: u8 = 18;
/// The order in which the lengths of these are written.
const ORDER: [usize; LENS] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// The longest codes.
const LONGEST: usize = 15;
const LONGEST_LEN: usize = 7;

const FIXED: u32 = 1;
const OWN: u32 = 2;

/// How often each code is used in a piece.
pub(super) struct Counts {
    pub(super) letters: [u32; LETTERS],
    pub(super) backs: [u32; BACKS],
    /// How many bits there are beside the codes.
    pub(super) rest: u64,
}

impl Default for Counts {
    fn default() -> Self {
        let mut counts = Self { letters: [0; LETTERS], backs: [0; BACKS], rest: 0 };
        counts.letters[END] = 1;
        counts
    }
}

/// The codes of a piece, and how they are told.
pub(super) struct Codes {
    letters: Set<LETTERS>,
    backs: Set<BACKS>,
    /// The lengths of all codes as they are written; nothing if it is the codes that everyone knows.
    told: Option<Told>,
    bits: u64,
}

struct Told {
    letters: usize,
    backs: usize,
    /// Each with what it says about how often.
    lens: Vec<(u8, u32)>,
    set: Set<LENS>,
    sets: usize,
}

/// A code for each of `N`, with its bits turned round, and how long that is; zero for one that is not used.
struct Set<const N: usize> {
    lens: [u8; N],
    codes: [u16; N],
}

impl<const N: usize> Set<N> {
    fn of(counts: &[u32; N], longest: usize) -> Self {
        Self::with(lens(counts, longest))
    }

    fn with(lens: [u8; N]) -> Self {
        let mut next = [0_u16; LONGEST + 2];
        lens.iter().for_each(|len| next[usize::from(*len) + 1] += u16::from(*len > 0));
        for len in 1..=LONGEST {
            next[len] = 2 * (next[len - 1] + next[len]);
        }
        let mut codes = [0; N];
        for (code, len) in codes.iter_mut().zip(&lens).filter(|(_, len)| **len > 0) {
            let next = &mut next[usize::from(*len)];
            *code = next.reverse_bits() >> (16 - len);
            *next += 1;
        }
        Self { lens, codes }
    }

    fn bits(&self, counts: &[u32; N]) -> u64 {
        counts.iter().zip(&self.lens).map(|(count, len)| u64::from(*count) * u64::from(*len)).sum()
    }

    #[inline]
    fn write(&self, out: &mut Bits, index: usize) {
        out.push(self.codes[index].into(), self.lens[index].into());
    }
}

impl Codes {
    /// The best for what is used so often.
    pub(super) fn of(counts: &Counts) -> Self {
        let (letters, backs) = (Set::of(&counts.letters, LONGEST), Set::of(&counts.backs, LONGEST));
        let told = Told::of(&letters.lens, &backs.lens);
        let bits = told.bits() + letters.bits(&counts.letters) + backs.bits(&counts.backs) + counts.rest;
        let fixed = Self::fixed(counts);
        if fixed.bits <= bits { fixed } else { Self { letters, backs, told: Some(told), bits } }
    }

    fn fixed(counts: &Counts) -> Self {
        let len = |index| match index {
            0..144 | 280.. => 8,
            144..256 => 9,
            _ => 7,
        };
        let (letters, backs) = (std::array::from_fn(len), [5; BACKS]);
        let (letters, backs) = (Set::with(letters), Set::with(backs));
        let bits = letters.bits(&counts.letters) + backs.bits(&counts.backs) + counts.rest;
        Self { letters, backs, told: None, bits }
    }

    /// How many bits a piece takes.
    pub(super) const fn bits(&self) -> u64 {
        self.bits
    }

    /// Writes what the codes are.
    pub(super) fn write(&self, out: &mut Bits) {
        match &self.told {
            None => out.push(FIXED, 2),
            Some(told) => {
                out.push(OWN, 2);
                told.write(out);
            }
        }
    }

    #[inline]
    pub(super) fn write_letter(&self, out: &mut Bits, letter: usize) {
        self.letters.write(out, letter);
    }

    #[inline]
    pub(super) fn write_repetition(&self, out: &mut Bits, len: Coded, back: Coded) {
        self.letters.write(out, len.code);
        out.push(len.rest, len.bits);
        self.backs.write(out, back.code);
        out.push(back.rest, back.bits);
    }
}

impl Told {
    fn of(letters: &[u8], backs: &[u8]) -> Self {
        let used =
            |lens: &[u8], least: usize| lens.iter().rposition(|len| *len > 0).map_or(0, |last| last + 1).max(least);
        let (letters, backs) = (&letters[..used(letters, END + 1)], &backs[..used(backs, 1)]);
        let all: Vec<u8> = letters.iter().chain(backs).copied().collect();
        let mut lens = Vec::new();
        for row in all.chunk_by(|one, other| one == other) {
            let (len, mut left) = (row[0], row.len());
            if len > 0 {
                lens.push((len, 0));
                left -= 1;
            }
            while left >= 3 {
                let (code, most, least) = match (len, left) {
                    (0, 11..) => (ZEROS, 138, 11),
                    (0, _) => (FEW_ZEROS, 10, 3),
                    _ => (AGAIN, 6, 3),
                };
                let count = left.min(most);
                lens.push((code, (count - least) as u32));
                left -= count;
            }
            lens.extend(std::iter::repeat_n((len, 0), left));
        }
        let mut counts = [0; LENS];
        lens.iter().for_each(|(code, _)| counts[usize::from(*code)] += 1);
        let set = Set::of(&counts, LONGEST_LEN);
        let sets = ORDER.iter().rposition(|code| set.lens[*code] > 0).map_or(0, |last| last + 1).max(4);
        Self { letters: letters.len(), backs: backs.len(), lens, set, sets }
    }

    fn bits(&self) -> u64 {
        let len = |(code, _): &(u8, u32)| u64::from(self.set.lens[usize::from(*code)]) + u64::from(more(*code));
        5 + 5 + 4 + 3 * self.sets as u64 + self.lens.iter().map(len).sum::<u64>()
    }

    fn write(&self, out: &mut Bits) {
        out.push((self.letters - END - 1) as u32, 5);
        out.push((self.backs - 1) as u32, 5);
        out.push((self.sets - 4) as u32, 4);
        ORDER[..self.sets].iter().for_each(|code| out.push(self.set.lens[*code].into(), 3));
        for (code, count) in &self.lens {
            self.set.write(out, usize::from(*code));
            out.push(*count, more(*code));
        }
    }
}

/// In how many bits it stands behind the code of a length how often that comes.
const fn more(code: u8) -> u32 {
    match code {
        AGAIN => 2,
        FEW_ZEROS => 3,
        ZEROS => 7,
        _ => 0,
    }
}

/// How long each code is best. None is longer than `longest`.
fn lens<const N: usize>(counts: &[u32; N], longest: usize) -> [u8; N] {
    let mut lens = [0; N];
    let mut leaves: Vec<(u32, usize)> = counts.iter().copied().zip(0..).filter(|(count, _)| *count > 0).collect();
    if let [(_, only)] = leaves[..] {
        lens[only] = 1;
    }
    if leaves.len() < 2 {
        return lens;
    }
    leaves.sort_unstable();
    let mut left = with_len(&leaves, longest);
    let mut len = longest;
    for (_, index) in &leaves {
        while left[len] == 0 {
            len -= 1;
        }
        left[len] -= 1;
        lens[*index] = len as u8;
    }
    lens
}

/// How many codes have each length, for two or more in the order of how often they are used.
fn with_len(leaves: &[(u32, usize)], longest: usize) -> [u32; LONGEST + 1] {
    // The two that are least frequent are put together, again and again. What was put together is in its order of itself.
    let count = leaves.len();
    let mut weights: Vec<u32> = leaves.iter().map(|(weight, _)| *weight).collect();
    let mut parents = vec![0; 2 * count - 2];
    let (mut leaf, mut pair) = (0, count);
    for new in count..2 * count - 1 {
        let mut weight = 0;
        for _ in 0..2 {
            let next =
                if leaf < count && (pair == new || weights[leaf] <= weights[pair]) { &mut leaf } else { &mut pair };
            weight += weights[*next];
            parents[*next] = new;
            *next += 1;
        }
        weights.push(weight);
    }
    let mut depths = vec![0; 2 * count - 1];
    let mut with_len = [0; LONGEST + 1];
    for node in (0..parents.len()).rev() {
        depths[node] = depths[parents[node]] + 1;
        if node < count {
            with_len[longest.min(depths[node])] += 1;
        }
    }
    // Where some were too long, there are more codes now than can be: shorter ones become longer until there are not.
    let taken: u32 = (1..=longest).map(|len| with_len[len] << (longest - len)).sum();
    for _ in 1 << longest..taken {
        let Some(shorter) = (1..longest).rev().find(|len| with_len[*len] > 0) else { break };
        with_len[longest] -= 1;
        with_len[shorter] -= 1;
        with_len[shorter + 1] += 2;
    }
    with_len
}
