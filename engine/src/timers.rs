//! Many timers, of which only the next one matters.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::Time;

/// Timers by key.
///
/// A timer that is set to a later time than before still fires at the earlier one; whoever set it looks at what is
/// really due and sets it again. That keeps moving a deadline, which happens with every frame, free of charge.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    queue: BTreeSet<(Time, K)>,
    set: BTreeMap<K, Time>,
}

impl<K: Ord + Copy> Timers<K> {
    pub(crate) fn new() -> Self {
        Self { queue: BTreeSet::new(), set: BTreeMap::new() }
    }

    /// Has `key` fire at `at`, or earlier.
    pub(crate) fn set(&mut self, key: K, at: Time) {
        if let Some(before) = self.set.get(&key) {
            if *before <= at {
                return;
            }
            self.queue.remove(&(*before, key));
        }
        self.set.insert(key, at);
        self.queue.insert((at, key));
    }

    /// Forgets a key.
    pub(crate) fn clear(&mut self, key: K) {
        if let Some(at) = self.set.remove(&key) {
            self.queue.remove(&(at, key));
        }
    }

    /// When the next one fires.
    pub(crate) fn next(&self) -> Option<Time> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes out the next one that is due.
    pub(crate) fn pop(&mut self, now: Time) -> Option<K> {
        let (at, key) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.queue.remove(&(at, key));
        self.set.remove(&key);
        Some(key)
    }
}
