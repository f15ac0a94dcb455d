//! What is noted of each of many items, most of which come in the order of their numbers.

use std::collections::BTreeMap;

use super::replicas::{Point, Who};

/// So many may be left out of a row, and as many as are in it.
const MOST_LEFT_OUT: u64 = 64;

/// A note of each item. Of those of one replica, each that is further than all before is found in a step or two, if not many
/// are left out in between.
pub(super) struct Notes<T> {
    /// By the place of the replica in the table: the numbers in their order.
    rows: Vec<Vec<(u64, T)>>,
    /// All others.
    rest: BTreeMap<Point, T>,
}

impl<T> Default for Notes<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), rest: BTreeMap::new() }
    }
}

impl<T: Copy> Notes<T> {
    #[inline]
    pub(super) fn get(&self, item: Point) -> Option<T> {
        let row = self.row(item.who);
        if let Some(at) = find(row, item.seq) {
            return Some(row[at].1);
        }
        self.rest.get(&item).copied()
    }

    pub(super) fn set(&mut self, item: Point, note: T) {
        if !self.set_in_row(item, note) {
            self.rest.insert(item, note);
        }
    }

    /// The greatest number up to that of this item of which something is noted, of the same replica.
    pub(super) fn last_until(&self, item: Point) -> Option<u64> {
        let row = self.row(item.who);
        let in_row = row[..row.partition_point(|(seq, _)| *seq <= item.seq)].last().map(|(seq, _)| *seq);
        let other = self.rest.range(..=item).next_back().filter(|(other, _)| other.who == item.who);
        in_row.max(other.map(|(other, _)| other.seq))
    }

    /// The smallest number from that of this item on of which something is noted, of the same replica.
    pub(super) fn first_from(&self, item: Point) -> Option<u64> {
        let row = self.row(item.who);
        let in_row = row.get(row.partition_point(|(seq, _)| *seq < item.seq)).map(|(seq, _)| *seq);
        let other = self.rest.range(item..).next().filter(|(other, _)| other.who == item.who);
        in_row.into_iter().chain(other.map(|(other, _)| other.seq)).min()
    }

    fn row(&self, who: Who) -> &[(u64, T)] {
        who.place().and_then(|place| self.rows.get(place as usize)).map_or(&[], Vec::as_slice)
    }

    #[inline]
    fn set_in_row(&mut self, item: Point, note: T) -> bool {
        let Some(place) = item.who.place() else { return false };
        if self.rows.len() <= place as usize {
            self.rows.resize_with(place as usize + 1, Vec::new);
        }
        let row = &mut self.rows[place as usize];
        let (Some((first, _)), Some((last, _))) = (row.first(), row.last()) else {
            row.push((item.seq, note));
            return true;
        };
        if *last < item.seq {
            let dense = item.seq - first <= MOST_LEFT_OUT + 2 * row.len() as u64;
            if dense {
                row.push((item.seq, note));
            }
            return dense;
        }
        let found = find(row, item.seq);
        found.into_iter().for_each(|at| row[at].1 = note);
        found.is_some()
    }
}

/// Where a number stands among numbers in their order: as far behind the first as it is greater, but for those left out.
#[inline]
fn find<T>(row: &[(u64, T)], seq: u64) -> Option<usize> {
    let ((first, _), (last, _)) = (row.first()?, row.last()?);
    let far = seq.checked_sub(*first).filter(|_| seq <= *last)?;
    let left_out = last - first - (row.len() as u64 - 1);
    // Both are indices: no number is there twice.
    let (from, to) = (far.saturating_sub(left_out) as usize, far.min(row.len() as u64 - 1) as usize);
    let found = row[from..=to].binary_search_by_key(&seq, |(seq, _)| *seq);
    found.ok().map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_has_its_own_note_and_the_last_one_counts_in_whatever_order_they_come() {
        let mut notes = Notes::default();
        let mut twin = BTreeMap::new();
        let mut dice = 7_u64;
        for note in 0..3_000 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (high, low) = (dice >> 40, dice >> 60);
            let who = if low == 0 { Who::unnamed(0, 1) } else { Who::named((low % 3) as u32) };
            // Now in order with gaps, now anywhere.
            let seq = if low % 2 == 0 { note * 2 } else { high % 6_000 };
            let item = Point { who, seq };
            assert_eq!(notes.get(item), twin.get(&item).copied());
            notes.set(item, note);
            twin.insert(item, note);
        }
        for (item, note) in &twin {
            assert_eq!(notes.get(*item), Some(*note));
            let near = |step: u64| Point { seq: item.seq.saturating_add(step), ..*item };
            for from in [near(0), near(1), near(2)] {
                let of_the_same = |(other, _): &(&Point, &u64)| other.who == item.who;
                let seq = |(other, _): (&Point, &u64)| other.seq;
                assert_eq!(notes.last_until(from), twin.range(..=from).next_back().filter(of_the_same).map(seq));
                assert_eq!(notes.first_from(from), twin.range(from..).next().filter(of_the_same).map(seq));
            }
        }
    }
}
