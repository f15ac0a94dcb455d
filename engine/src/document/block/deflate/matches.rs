//! Where bytes came before, and which of that is worth to be said.

use super::{FURTHEST, LONGEST, SHORTEST, Symbol};
use crate::packed::common;

const HASH_BITS: u32 = 13;
/// At so many places something longer is looked for.
const MOST_TRIED: usize = 32;
/// At fewer if there is something already that is longer than the shortest.
const MORE_TRIED: usize = 8;
/// A repetition that long is taken without a look at what begins with the next letter.
const GOOD: usize = 64;
/// The shortest repetitions take as much as their letters if they are further back.
const NEAR: usize = 1 << 13;

/// Places by the bytes that begin there.
#[derive(Default)]
pub(super) struct Matches {
    /// By hash the last place, counted from a beginning that is further on for each thing that is deflated: so what is left of
    /// those before is further back than this one begins.
    last: Vec<u32>,
    begin: u32,
    /// By the lowest bits of a place how far back the one before with the same hash is; zero if there is none.
    before: Vec<u16>,
    /// The first place that is not in them.
    next: usize,
}

/// A repetition that was found, or none: it is no way back then.
#[derive(Clone, Copy)]
struct Found {
    len: usize,
    back: usize,
}

impl Matches {
    /// Begins with something else of so many bytes.
    pub(super) fn begin(&mut self, len: usize) {
        self.last.resize(1 << HASH_BITS, 0);
        self.before.resize(self.before.len().max(len.min(FURTHEST)), 0);
        self.begin = self.begin.wrapping_add(self.next as u32).wrapping_add(1);
        self.next = 0;
    }

    /// Says what there is from a place on in about as many symbols; what is behind these.
    pub(super) fn split(&mut self, bytes: &[u8], from: usize, most: usize, symbols: &mut Vec<Symbol>) -> usize {
        let mut at = from;
        let mut found = self.find(bytes, at, SHORTEST - 1);
        while at < bytes.len() && symbols.len() < most {
            if found.back == 0 {
                symbols.push(Symbol::letter(bytes[at]));
                at += 1;
                found = self.find(bytes, at, SHORTEST - 1);
                continue;
            }
            if found.len < GOOD {
                let longer = self.find(bytes, at + 1, found.len);
                if longer.back > 0 {
                    symbols.push(Symbol::letter(bytes[at]));
                    at += 1;
                    found = longer;
                    continue;
                }
            }
            symbols.push(Symbol::repetition(found.len, found.back));
            at += found.len;
            found = self.find(bytes, at, SHORTEST - 1);
        }
        at
    }

    /// The longest repetition that begins at a place and is longer than this.
    #[inline]
    fn find(&mut self, bytes: &[u8], at: usize, than: usize) -> Found {
        self.enter(bytes, at + 1);
        let mut found = Found { len: than, back: 0 };
        let most = bytes.len().saturating_sub(at).min(LONGEST);
        if than >= most {
            return found;
        }
        let here = &bytes[at..at + most];
        let mut place = at;
        for _ in 0..if than < SHORTEST { MOST_TRIED } else { MORE_TRIED } {
            let step = usize::from(self.before[place % FURTHEST]);
            if step == 0 || at - place + step >= FURTHEST {
                break;
            }
            place -= step;
            if bytes[place + found.len] != here[found.len] {
                continue;
            }
            let len = common(&bytes[place..], here);
            if len > found.len {
                found = Found { len, back: at - place };
                if len == most {
                    break;
                }
            }
        }
        if found.len == SHORTEST && found.back > NEAR {
            found.back = 0;
        }
        found
    }

    /// Enters all places up to one, but for the last two, where too little begins.
    #[inline]
    fn enter(&mut self, bytes: &[u8], end: usize) {
        while self.next < end {
            let at = self.next;
            self.next += 1;
            let Some([one, two, three]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) else { continue };
            let three = u32::from_le_bytes([*one, *two, *three, 0]);
            let hash = three.wrapping_mul(0x9e37_79b1) >> (u32::BITS - HASH_BITS);
            let here = self.begin.wrapping_add(at as u32);
            let back = here.wrapping_sub(std::mem::replace(&mut self.last[hash as usize], here)) as usize;
            self.before[at % FURTHEST] = if back <= at && back < FURTHEST { back as u16 } else { 0 };
        }
    }
}
