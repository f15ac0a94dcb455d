//! Landmarks of two sequences that differ too much for the shortest way: runs of elements that each of them has once.
//!
//! It is what *patience* diff (B. Cohen) does with lines and *histogram* diff with rare ones, here with runs of a fixed
//! number of elements, so that it makes no difference whether a text has lines. A run that both have once is very likely the
//! same one; of all of these the most are taken that come in one order in both.

/// As many pairs of places as there can be, in the order of both sequences, where a run of `len` begins that each sequence
/// has once. Hashes alone are compared: a pair may be wrong, though it never is but by malice.
pub(super) fn common<T: Copy + Into<u64>>(before: &[T], after: &[T], len: usize) -> Vec<(usize, usize)> {
    // Of long sequences some of the runs will do: which ones depends on the hash, so it is the same ones in both.
    let dropped = usize::BITS - ((before.len() + after.len()) >> 16).leading_zeros();
    let (before, after) = (runs(before, len, dropped), runs(after, len, dropped));
    let there = |hash| after.binary_search_by_key(&hash, |(hash, _)| *hash).ok().map(|found| after[found].1);
    in_one_order(before.into_iter().filter_map(|(hash, at)| Some((at, there(hash)?))).collect())
}

/// The hashes of the runs that are there once, in their order, and where they begin. Of the hashes, all that begin with
/// fewer zeros than `zeros` are left out, once they are well mixed.
fn runs<T: Copy + Into<u64>>(sequence: &[T], len: usize, zeros: u32) -> Vec<(u64, usize)> {
    const BASE: u64 = 0x0000_0100_0000_01B3;
    const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
    let value = |element: &T| (*element).into().wrapping_add(1);
    // What an element counts for when it is the one that leaves the run.
    let oldest = (0..len).fold(1_u64, |factor, _| factor.wrapping_mul(BASE));
    let (mut hash, mut found) = (0_u64, Vec::new());
    for (end, element) in sequence.iter().enumerate() {
        hash = hash.wrapping_mul(BASE).wrapping_add(value(element));
        if end >= len {
            hash = hash.wrapping_sub(value(&sequence[end - len]).wrapping_mul(oldest));
        }
        if end + 1 >= len && hash.wrapping_mul(MIX).leading_zeros() >= zeros {
            found.push((hash, end + 1 - len));
        }
    }
    found.sort_unstable();
    let once = found.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() == 1);
    once.map(|same| same[0]).collect()
}

/// The most of these pairs that rise on both sides: a longest increasing subsequence, by patience sorting.
fn in_one_order(mut pairs: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    pairs.sort_unstable();
    // For each length, which pair ends a chain of that length with the smallest second place; and what comes before each.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, (_, place)) in pairs.iter().enumerate() {
        let longer = ends.partition_point(|end| pairs[*end].1 < *place);
        previous.push(longer.checked_sub(1).map(|before| ends[before]));
        if longer == ends.len() {
            ends.push(index);
        } else {
            ends[longer] = index;
        }
    }
    let mut chain: Vec<_> = std::iter::successors(ends.last().copied(), |index| previous[*index]).collect();
    chain.reverse();
    chain.into_iter().map(|index| pairs[index]).collect()
}
