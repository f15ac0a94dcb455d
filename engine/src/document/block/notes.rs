//! What is noted of each of many items, most of which come in the order of their numbers.

use std::{collections::BTreeMap, ops::Range};

use super::replicas::{Point, Who};

/// A row is looked at in stretches of so many numbers.
const STRETCH_BITS: u32 = 6;
/// So many stretches of a row may be empty, and as many as there are notes.
const MOST_EMPTY: u64 = 64;
/// A row of no more notes begins anew with one that is too far from them.
const SHORT: usize = 64;

/// A note of each item. Of those of one replica, each that is further than all before is found in a few steps, if not too many
/// are left out in between.
pub(super) struct Notes<T> {
    /// By the place of the replica in the table.
    rows: Vec<Row<T>>,
    /// All others.
    rest: BTreeMap<Point, T>,
}

/// Notes in the order of their numbers.
struct Row<T> {
    notes: Vec<(u64, T)>,
    /// By the stretch, counted from the first number on, how many notes are before it.
    stretches: Vec<u32>,
}

impl<T> Default for Notes<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), rest: BTreeMap::new() }
    }
}

impl<T: Copy> Notes<T> {
    #[inline]
    pub(super) fn get(&self, item: Point) -> Option<T> {
        let in_row = self.row(item.who).and_then(|row| Some(row.notes[row.find(item.seq)?].1));
        in_row.or_else(|| if self.rest.is_empty() { None } else { self.rest.get(&item).copied() })
    }

    pub(super) fn set(&mut self, item: Point, note: T) {
        if !self.set_in_row(item, note) {
            self.rest.insert(item, note);
        }
    }

    /// The greatest number up to that of this item of which something is noted, of the same replica.
    pub(super) fn last_until(&self, item: Point) -> Option<u64> {
        let in_row = self.row(item.who).and_then(|row| Some(row.notes[row.until(item.seq).checked_sub(1)?].0));
        let other = self.rest.range(..=item).next_back().filter(|(other, _)| other.who == item.who);
        in_row.max(other.map(|(other, _)| other.seq))
    }

    /// The smallest number from that of this item on of which something is noted, of the same replica.
    pub(super) fn first_from(&self, item: Point) -> Option<u64> {
        let until = |row: &Row<T>| item.seq.checked_sub(1).map_or(0, |before| row.until(before));
        let in_row = self.row(item.who).and_then(|row| row.notes.get(until(row)).map(|(seq, _)| *seq));
        let other = self.rest.range(item..).next().filter(|(other, _)| other.who == item.who);
        in_row.into_iter().chain(other.map(|(other, _)| other.seq)).min()
    }

    fn row(&self, who: Who) -> Option<&Row<T>> {
        self.rows.get(who.place()? as usize)
    }

    #[inline]
    fn set_in_row(&mut self, item: Point, note: T) -> bool {
        let Some(place) = item.who.place() else { return false };
        if self.rows.len() <= place as usize {
            self.rows.resize_with(place as usize + 1, || Row { notes: Vec::new(), stretches: Vec::new() });
        }
        let row = &mut self.rows[place as usize];
        if row.notes.last().is_some_and(|(last, _)| *last >= item.seq) {
            let found = row.find(item.seq);
            found.into_iter().for_each(|at| row.notes[at].1 = note);
            return found.is_some();
        }
        if !row.push(item.seq, note) {
            if row.notes.len() > SHORT {
                return false;
            }
            // A few old items are not to be in the way of all new ones.
            self.rest.extend(row.notes.drain(..).map(|(seq, note)| (Point { seq, ..item }, note)));
            row.stretches.clear();
            row.push(item.seq, note);
        }
        true
    }
}

impl<T> Row<T> {
    /// The stretch in which a number is; `None` if it is before all others.
    #[inline]
    fn stretch(&self, seq: u64) -> Option<u64> {
        let first = self.notes.first().map_or(seq, |(first, _)| *first);
        Some(seq.checked_sub(first)? >> STRETCH_BITS)
    }

    /// Where the notes of a stretch are.
    #[inline]
    fn within(&self, stretch: u64) -> Range<usize> {
        let start =
            |stretch: u64| self.stretches.get(stretch as usize).map_or(self.notes.len(), |start| *start as usize);
        start(stretch)..start(stretch + 1)
    }

    #[inline]
    fn find(&self, seq: u64) -> Option<usize> {
        let within = self.within(self.stretch(seq)?);
        let found = self.notes[within.clone()].binary_search_by_key(&seq, |(seq, _)| *seq);
        found.ok().map(|at| within.start + at)
    }

    /// How many have this number or a smaller one.
    fn until(&self, seq: u64) -> usize {
        let Some(stretch) = self.stretch(seq) else { return 0 };
        let within = self.within(stretch);
        within.start + self.notes[within].partition_point(|(other, _)| *other <= seq)
    }

    /// Adds one that is behind all others, if it is not too far behind.
    #[inline]
    fn push(&mut self, seq: u64, note: T) -> bool {
        let Some(stretch) = self.stretch(seq).filter(|stretch| *stretch <= MOST_EMPTY + self.notes.len() as u64) else {
            return false;
        };
        self.stretches.resize(self.stretches.len().max(stretch as usize + 1), self.notes.len() as u32);
        self.notes.push((seq, note));
        true
    }
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
