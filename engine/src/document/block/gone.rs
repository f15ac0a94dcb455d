//! Which items are deleted, as far as the block tells, in runs.

use std::collections::BTreeMap;

use super::replicas::{Point, Who};

/// Runs of deleted items, no two of which touch.
#[derive(Default)]
pub(super) struct Gone {
    /// By the place of the replica in the table: the number of the last by that of the first.
    rows: Vec<BTreeMap<u64, u64>>,
    /// The same of those who are not in it.
    rest: BTreeMap<Who, BTreeMap<u64, u64>>,
}

impl Gone {
    fn row(&self, who: Who) -> Option<&BTreeMap<u64, u64>> {
        who.place().map_or_else(|| self.rest.get(&who), |place| self.rows.get(place as usize))
    }

    /// The run in which an item is: the numbers of its first and its last.
    pub(super) fn around(&self, item: Point) -> Option<(u64, u64)> {
        let (first, last) = self.row(item.who)?.range(..=item.seq).next_back()?;
        (item.seq <= *last).then_some((*first, *last))
    }

    /// The last item of the last run that begins before this one.
    pub(super) fn last_before(&self, item: Point) -> Option<u64> {
        self.row(item.who)?.range(..item.seq).next_back().map(|(_, last)| *last)
    }

    /// The first item from this one on that a run begins with.
    pub(super) fn first_from(&self, item: Point) -> Option<u64> {
        self.row(item.who)?.range(item.seq..).next().map(|(first, _)| *first)
    }

    /// Items are deleted that were not.
    pub(super) fn add(&mut self, who: Who, mut first: u64, mut last: u64) {
        let row = match who.place() {
            Some(place) => {
                if self.rows.len() <= place as usize {
                    self.rows.resize_with(place as usize + 1, BTreeMap::new);
                }
                &mut self.rows[place as usize]
            }
            None => self.rest.entry(who).or_default(),
        };
        if let Some((before, end)) = row.range(..first).next_back() {
            if end.saturating_add(1) == first {
                first = *before;
            }
        }
        if let Some(end) = row.remove(&last.saturating_add(1)) {
            last = end;
        }
        row.insert(first, last);
    }
}
