//! Bodies that say the same as the one before: a letter typed on, or one deleted beside the last. Nearly all bodies are such,
//! and they are looked at many at once.

pub(super) use super::body::form::{DELETED, TYPED_ON};
use crate::packed::{common, pack_number};

/// Where something stands that is deleted: beside what was deleted last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Before,
    Behind,
}

/// How many of these bodies, all of the same size, are ASCII characters typed on, before the first that is not.
pub(super) fn typed(size: usize, bodies: &[u8]) -> usize {
    if size != 2 {
        return 0;
    }
    let is_typed = |body: &[u8]| body[0] == TYPED_ON && body[1].is_ascii();
    let mut count = 0;
    // Several at a time, because then it is a few instructions for all of them.
    for some in bodies.chunks_exact(2 * SOME) {
        if !some.chunks_exact(2).fold(true, |all, body| all & is_typed(body)) {
            break;
        }
        count += SOME;
    }
    count + bodies[2 * count..].chunks_exact(2).take_while(|body| is_typed(body)).count()
}

const SOME: usize = 16;

/// The one character that this body types on, if it does nothing else.
pub(super) fn letter(body: &[u8]) -> Option<&str> {
    let (tag, letter) = body.split_first()?;
    let letter = std::str::from_utf8(letter).ok().filter(|_| *tag == TYPED_ON)?;
    let mut chars = letter.chars();
    (chars.next().is_some() && chars.next().is_none()).then_some(letter)
}

/// The number of the writer's own item that this body deletes, if it is the operation `seq` and does nothing else.
pub(super) fn deleted(seq: u64, body: &[u8]) -> Option<u64> {
    let (tag, digits) = body.split_first()?;
    let last = *digits.last().filter(|_| *tag == DELETED && digits.len() <= MOST_DIGITS)?;
    let mut reference = 0;
    for (at, digit) in digits.iter().enumerate() {
        let ends = at + 1 == digits.len();
        if (*digit < 0x80) != ends {
            return None;
        }
        reference |= u64::from(digit & 0x7f) << (7 * at);
    }
    let own = reference > 0 && reference % 2 == 0 && (last > 0 || digits.len() == 1);
    seq.checked_sub(reference / 2).filter(|_| own)
}

/// As many digits are sure to be a number of 64 bits.
const MOST_DIGITS: usize = 9;

/// Whether a body deletes one item by this reference, and does nothing else.
fn is_deletion(body: &[u8], mut reference: u64) -> bool {
    let [tag, digits @ .., last] = body else { return false };
    let all = digits.iter().all(|digit| {
        let same = *digit == reference as u8 | 0x80;
        reference >>= 7;
        same
    });
    // No digit more than it takes.
    let ends = reference < 0x80 && (reference > 0 || digits.is_empty());
    *tag == DELETED && all && ends && u64::from(*last) == reference
}

/// How many of these bodies, all of the same size and the first of them of the operation `seq`, delete one item after another
/// on the same side of those that are deleted; and on which.
pub(super) fn deleted_on(seq: u64, size: usize, bodies: &[u8], items: Option<(u64, u64)>) -> (Side, u64) {
    let none = (Side::Before, 0);
    let Some((first, last)) = items else { return none };
    let Some(body) = bodies.get(..size) else { return none };
    let Some(target) = deleted(seq, body) else { return none };
    if last.checked_add(1) == Some(target) {
        // What is deleted is as far from its deletion each time, and the bodies are the same.
        let same = common(bodies, &bodies[size..]) / size + 1;
        (Side::Behind, same as u64)
    } else if target.checked_add(1) == Some(first) {
        // It is two further off each time: one back, and one later.
        let first = 2 * (seq - target);
        let is_next = |(body, at): &(&[u8], u64)| is_deletion(body, first + 4 * at);
        (Side::Before, bodies.chunks_exact(size).zip(0..=target).take_while(is_next).count() as u64)
    } else {
        none
    }
}

/// Appends the bodies of that many operations from `seq` on that delete one own item after another, the first of them
/// `target`. All of these come before. Tells how long each is.
pub(super) fn push_deleted(
    out: &mut Vec<u8>,
    seq: u64,
    target: u64,
    side: Side,
    count: u64,
    mut tell: impl FnMut(usize),
) {
    let mut reference = 2 * (seq - target);
    for _ in 0..count {
        let from = out.len();
        out.push(DELETED);
        pack_number(out, reference);
        tell(out.len() - from);
        if side == Side::Before {
            reference += 4;
        }
    }
}
