//! A map whose keys are numbers, for some thousands of entries that are looked up by what is next to them.

/// Values by numbers, in the order of these.
///
/// Two levels of sorted arrays: what is looked up is found in two short searches, what is added moves few others, and what is
/// added at the end none.
pub(super) struct Sorted<V> {
    /// The first key of each leaf, none of which is empty.
    firsts: Vec<u64>,
    leaves: Vec<Leaf<V>>,
}

struct Leaf<V> {
    keys: Vec<u64>,
    values: Vec<V>,
}

/// How many entries a leaf has at most.
const MOST: usize = 64;

impl<V> Default for Sorted<V> {
    fn default() -> Self {
        Self { firsts: Vec::new(), leaves: Vec::new() }
    }
}

impl<V: Copy> Sorted<V> {
    /// The last leaf that does not begin behind a key, and how many entries there are not behind it.
    #[inline]
    fn find(&self, key: u64) -> Option<(usize, usize)> {
        let leaf = match self.firsts.last() {
            Some(last) if *last <= key => self.firsts.len() - 1,
            _ => self.firsts.partition_point(|first| *first <= key).checked_sub(1)?,
        };
        let keys = &self.leaves[leaf].keys;
        let all = keys.last().is_some_and(|last| *last <= key);
        Some((leaf, if all { keys.len() } else { keys.partition_point(|other| *other <= key) }))
    }

    /// What is at this number.
    pub(super) fn get(&self, key: u64) -> Option<V> {
        self.at_or_before(key).filter(|(found, _)| *found == key).map(|(_, value)| value)
    }

    /// Puts something at this number, in place of what is there.
    pub(super) fn insert(&mut self, key: u64, value: V) {
        let Some((leaf, index)) = self.find(key) else {
            match self.leaves.first_mut().filter(|first| first.keys.len() < MOST) {
                Some(first) => {
                    first.keys.insert(0, key);
                    first.values.insert(0, value);
                    self.firsts[0] = key;
                }
                None => self.insert_leaf(0, key, value),
            }
            return;
        };
        let Leaf { keys, values } = &mut self.leaves[leaf];
        if keys[index - 1] == key {
            values[index - 1] = value;
        } else if keys.len() < MOST {
            keys.insert(index, key);
            values.insert(index, value);
        } else if index == MOST {
            // What grows at its end is left full.
            self.insert_leaf(leaf + 1, key, value);
        } else {
            let upper = Leaf { keys: keys.split_off(MOST / 2), values: values.split_off(MOST / 2) };
            self.firsts.insert(leaf + 1, upper.keys[0]);
            self.leaves.insert(leaf + 1, upper);
            self.insert(key, value);
        }
    }

    fn insert_leaf(&mut self, at: usize, key: u64, value: V) {
        let mut leaf = Leaf { keys: Vec::with_capacity(MOST), values: Vec::with_capacity(MOST) };
        leaf.keys.push(key);
        leaf.values.push(value);
        self.firsts.insert(at, key);
        self.leaves.insert(at, leaf);
    }

    /// Takes out what is at this number.
    pub(super) fn remove(&mut self, key: u64) -> Option<V> {
        let (leaf, index) = self.find(key)?;
        let Leaf { keys, values } = &mut self.leaves[leaf];
        if keys[index - 1] != key {
            return None;
        }
        keys.remove(index - 1);
        let value = values.remove(index - 1);
        match keys.first() {
            Some(first) => self.firsts[leaf] = *first,
            None => {
                self.firsts.remove(leaf);
                self.leaves.remove(leaf);
            }
        }
        Some(value)
    }

    /// The last entry that is not behind this number.
    pub(super) fn at_or_before(&self, key: u64) -> Option<(u64, V)> {
        let (leaf, index) = self.find(key)?;
        let Leaf { keys, values } = &self.leaves[leaf];
        Some((keys[index - 1], values[index - 1]))
    }

    /// The first number at which something is that is not before this one.
    pub(super) fn at_or_behind(&self, key: u64) -> Option<u64> {
        let Some((leaf, index)) = self.find(key) else { return self.firsts.first().copied() };
        let keys = &self.leaves[leaf].keys;
        if keys[index - 1] == key {
            return Some(key);
        }
        keys.get(index).or_else(|| self.firsts.get(leaf + 1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rng::{Rng, Seed};

    #[test]
    fn entries_are_found_as_in_the_map_of_the_standard_library() {
        let mut rng = Rng::new(Seed::from_number(5));
        let mut below = |bound: u64| rng.next_u64() % bound;
        let (mut sorted, mut map) = (Sorted::default(), BTreeMap::new());
        for step in 0..30_000_u64 {
            let key = if below(2) == 0 { step } else { below(if step % 2_000 < 1_000 { 2_000 } else { 20 }) };
            match below(if step % 5_000 < 4_000 { 4 } else { 1 }) {
                0 => assert_eq!(sorted.remove(key), map.remove(&key)),
                1.. => {
                    sorted.insert(key, step);
                    map.insert(key, step);
                }
            }
            let at = key + below(3);
            assert_eq!(sorted.get(at), map.get(&at).copied());
            assert_eq!(sorted.at_or_before(at), map.range(..=at).next_back().map(|(key, value)| (*key, *value)));
            assert_eq!(sorted.at_or_behind(at), map.range(at..).next().map(|(key, _)| *key));
        }
        assert!(sorted.leaves.len() > 50);
        while let Some((at, value)) = map.pop_last() {
            assert_eq!(sorted.remove(at), Some(value));
        }
        assert_eq!((sorted.at_or_behind(0), sorted.at_or_before(u64::MAX)), (None, None));
    }
}
