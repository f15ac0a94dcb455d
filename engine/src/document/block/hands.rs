//! What each writer of a block did last, and what is expected of it next: the same when a block is written and when it is read.
//!
//! Whoever types or deletes goes on where the last operation was, and what stands behind an item is known from the insertions
//! in the block. What is expected takes no bytes.

use std::collections::BTreeMap;

use super::{
    replicas::{INDICES, Point, Who},
    sorted::Sorted,
};
use crate::{
    document::stretch::Side,
    proof::{Fault, planted},
};

/// All writers of a block.
#[derive(Default)]
pub(super) struct Hands {
    list: Vec<Hand>,
    /// What stands at the beginning.
    beginning: Option<Point>,
    /// Of those who are in the table, by their places, and of all others.
    named: Vec<Items>,
    unnamed: BTreeMap<Who, Items>,
}

/// The items that somebody inserted, by their numbers.
#[derive(Default)]
struct Items {
    /// What stands right behind an item, where that is not the item with the next number.
    behind: Sorted<Option<Point>>,
    /// What stands right before an item, where that is not the item with the number before.
    before: Sorted<Option<Point>>,
    /// Runs of deleted items: by the first the number of the last.
    deleted: Sorted<u64>,
}

/// So many runs of deleted items are passed over to guess what is deleted next.
const MOST_PASSED: usize = 8;

/// One writer.
#[derive(Default)]
pub(super) struct Hand {
    pub(super) place: u32,
    last: Last,
    /// Of the writer's own operations, the last that one of them was about.
    touched: u64,
    /// The same of others' operations, by the index of the other.
    others: BTreeMap<u64, u64>,
    /// Who was introduced in the block, by the index, and back.
    introduced: BTreeMap<u64, u32>,
    indices: BTreeMap<u32, u64>,
}

/// The last operation.
#[derive(Clone, Copy, Default)]
enum Last {
    #[default]
    Other,
    /// Inserted until here, before there.
    Inserted { last: Point, right: Option<Point> },
    /// Deleted from here to there.
    Deleted { first: Point, last: Point },
}

/// How a body names an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mention {
    /// The beginning, or the end.
    None,
    /// One of the writer's own.
    Own { seq: u64 },
    /// One of another writer's, who is known by an index.
    Known { index: u64, seq: u64 },
    /// One of another writer's, who has the index from then on. The other's place in the table.
    New { index: u64, place: u32, seq: u64 },
}

impl Hand {
    /// Enters who is introduced. `None` if the index or the replica is introduced already, or is the writer itself.
    pub(super) fn introduce(&mut self, index: u64, place: u32) -> Option<()> {
        let new = !self.introduced.contains_key(&index) && !self.indices.contains_key(&place) && place != self.place;
        new.then(|| {
            self.introduced.insert(index, place);
            self.indices.insert(place, index);
        })
    }

    /// Takes back the last introductions, but for this many.
    pub(super) fn keep_introduced(&mut self, count: usize) {
        while self.introduced.len() > count {
            let Some((_, place)) = self.introduced.pop_last() else { break };
            self.indices.remove(&place);
        }
    }

    /// How many have been introduced.
    pub(super) fn introduced(&self) -> usize {
        self.introduced.len()
    }

    /// The operation that is mentioned.
    pub(super) fn point(&self, mention: Mention) -> Option<Point> {
        match mention {
            Mention::None => None,
            Mention::Own { seq } => Some(Point { who: Who::named(self.place), seq }),
            Mention::New { place, seq, .. } => Some(Point { who: Who::named(place), seq }),
            Mention::Known { index, seq } => {
                let named = self.introduced.get(&index).map(|place| Who::named(*place));
                Some(Point { who: named.unwrap_or_else(|| Who::unnamed(self.place, index % INDICES)), seq })
            }
        }
    }

    /// How this writer mentions an operation, if it can.
    pub(super) fn mention(&self, point: Option<Point>) -> Option<Mention> {
        let Some(Point { who, seq }) = point else { return Some(Mention::None) };
        match who.place() {
            Some(place) if place == self.place => Some(Mention::Own { seq }),
            Some(place) => self.indices.get(&place).map(|index| Mention::Known { index: *index, seq }),
            None => who.index_of(self.place).map(|index| Mention::Known { index, seq }),
        }
    }

    /// What an own operation's number is told by its distance from.
    pub(super) const fn near(&self) -> u64 {
        self.touched
    }

    /// The same for those of somebody else.
    pub(super) fn near_other(&self, index: u64) -> u64 {
        self.others.get(&index).copied().unwrap_or_default()
    }

    fn touch(&mut self, mention: Mention) {
        match mention {
            Mention::None => {}
            Mention::Own { seq } => self.touched = seq,
            Mention::Known { index, seq } | Mention::New { index, seq, .. } => drop(self.others.insert(index, seq)),
        }
    }
}

impl Hands {
    /// A writer, by its place in the table.
    pub(super) fn hand(&mut self, place: u32) -> &mut Hand {
        while self.list.len() <= place as usize {
            let place = self.list.len() as u32;
            self.list.push(Hand { place, ..Hand::default() });
        }
        &mut self.list[place as usize]
    }

    /// What stands right behind an item, or the beginning.
    pub(super) fn behind(&self, left: Option<Point>) -> Option<Point> {
        let Some(left) = left else { return self.beginning };
        let known = self.items(left.who).and_then(|items| items.behind.get(left.seq));
        known.unwrap_or_else(|| Some(left.plus(1)))
    }

    fn items(&self, who: Who) -> Option<&Items> {
        match who.place() {
            Some(place) => self.named.get(place as usize),
            None => self.unnamed.get(&who),
        }
    }

    fn items_mut(&mut self, who: Who) -> &mut Items {
        let Some(place) = who.place() else { return self.unnamed.entry(who).or_default() };
        if self.named.len() <= place as usize {
            self.named.resize_with(place as usize + 1, Items::default);
        }
        &mut self.named[place as usize]
    }

    /// Where an insertion is expected that does not go on: behind what stood before the last deletion.
    pub(super) fn expected_left(&self, place: u32) -> Option<Point> {
        match self.list[place as usize].last {
            Last::Other => None,
            Last::Inserted { last, .. } => Some(last),
            Last::Deleted { first, .. } => self.seen_before(first),
        }
    }

    /// The first of `count` items that are deleted backwards from where the last operation was.
    pub(super) fn backwards(&self, place: u32, count: u64) -> Option<Point> {
        self.expected_left(place)?.minus(count.checked_sub(1)?)
    }

    /// The first item that is deleted forwards from where the last operation was.
    pub(super) fn forwards(&self, place: u32) -> Option<Point> {
        let mut at = match self.list[place as usize].last {
            Last::Other => None,
            Last::Inserted { right, .. } => right,
            Last::Deleted { last, .. } => self.behind(Some(last)),
        };
        for _ in 0..MOST_PASSED {
            let Some((_, last)) = self.run_around(at?) else { break };
            at = self.behind(at.map(|at| Point { seq: last, ..at }));
        }
        at
    }

    /// The numbers of the writer's own items that its last operations deleted, the first and the last; none if that was
    /// something else.
    pub(super) fn deleted(&self, place: u32) -> Option<(u64, u64)> {
        match self.list[place as usize].last {
            Last::Deleted { first, last } if first.who == Who::named(place) => Some((first.seq, last.seq)),
            _ => None,
        }
    }

    /// How many items beside these are expected to be deleted next, one after another, and have the next number each.
    pub(super) fn beside(&self, place: u32, side: Side) -> u64 {
        let Some((first, last)) = self.deleted(place) else { return 0 };
        let Some(items) = self.items(Who::named(place)) else { return 0 };
        match side {
            Side::Before => {
                let Some(next) = first.checked_sub(1) else { return 0 };
                let deleted = items.deleted.at_or_before(next).map_or(first, |(_, to)| next.saturating_sub(to));
                let moved = items.before.at_or_before(first).filter(|_| !planted(Fault::DeletionsRunOn));
                deleted.min(first - moved.map_or(0, |(moved, _)| moved))
            }
            Side::Behind => {
                let Some(next) = last.checked_add(1).filter(|next| items.run_around(*next).is_none()) else { return 0 };
                let deleted = items.deleted.at_or_behind(next).unwrap_or(u64::MAX);
                (deleted - next).min(items.behind.at_or_behind(last).unwrap_or(u64::MAX) - last)
            }
        }
    }

    /// A writer deletes that many items beside those that it deleted last.
    pub(super) fn delete_on(&mut self, place: u32, side: Side, count: u64) {
        let hand = &mut self.list[place as usize];
        let Last::Deleted { first, last } = &mut hand.last else { return };
        hand.touched = match side {
            _ if count == 0 => return,
            Side::Before => {
                first.seq -= count;
                first.seq
            }
            Side::Behind => {
                last.seq += count;
                last.seq
            }
        };
    }

    /// The next item before this one that is not deleted, as far as the block tells.
    fn seen_before(&self, item: Point) -> Option<Point> {
        let before = |item: Point| {
            let known = self.items(item.who).and_then(|items| items.before.get(item.seq));
            known.unwrap_or_else(|| item.minus(1))
        };
        let mut at = before(item)?;
        for _ in 0..MOST_PASSED {
            let Some((first, _)) = self.run_around(at) else { break };
            at = before(first)?;
        }
        Some(at)
    }

    /// The run of deleted items in which one is.
    fn run_around(&self, item: Point) -> Option<(Point, u64)> {
        let (first, last) = self.items(item.who)?.run_around(item.seq)?;
        Some((Point { seq: first, ..item }, last))
    }

    /// A writer goes on typing: `count` characters up to the number before `end`.
    pub(super) fn go_on(&mut self, place: u32, end: u64) {
        let hand = &mut self.list[place as usize];
        let right = if let Last::Inserted { right, .. } = hand.last { right } else { None };
        hand.touched = end - 1;
        hand.last = Last::Inserted { last: Point { who: Who::named(place), seq: end - 1 }, right };
    }

    /// A writer inserts what has the numbers from `seq` on and before `end`.
    pub(super) fn insert(&mut self, place: u32, left: Mention, right: Mention, seq: u64, end: u64) {
        self.close(place);
        let hand = &mut self.list[place as usize];
        let (left, right) = (hand.point(left), hand.point(right));
        let own = |seq| Point { who: Who::named(place), seq };
        hand.touched = end - 1;
        hand.last = Last::Inserted { last: own(end - 1), right };
        match left {
            Some(left) => self.items_mut(left.who).behind.insert(left.seq, Some(own(seq))),
            None => self.beginning = Some(own(seq)),
        }
        self.items_mut(Who::named(place)).before.insert(seq, left);
    }

    /// A writer deletes `count` items.
    pub(super) fn delete(&mut self, place: u32, first: Mention, count: u64) {
        let hand = &mut self.list[place as usize];
        hand.touch(first);
        let Some(first) = hand.point(first) else { return };
        let last = first.plus(count - 1);
        if let Last::Deleted { first: next, last: previous } = &mut hand.last {
            if first == previous.plus(1) {
                *previous = last;
                return;
            }
            if *next == last.plus(1) {
                *next = first;
                return;
            }
        }
        self.close(place);
        self.list[place as usize].last = Last::Deleted { first, last };
    }

    /// A writer does something else.
    pub(super) fn other(&mut self, place: u32) {
        self.close(place);
        self.list[place as usize].last = Last::Other;
    }

    fn close(&mut self, place: u32) {
        match self.list[place as usize].last {
            Last::Other => {}
            Last::Inserted { last, right } => {
                self.items_mut(last.who).behind.insert(last.seq, right);
                if let Some(right) = right {
                    self.items_mut(right.who).before.insert(right.seq, Some(last));
                }
            }
            Last::Deleted { first, last } => self.items_mut(first.who).delete(first.seq, last.seq),
        }
    }
}

impl Items {
    /// The run of deleted items in which one is.
    fn run_around(&self, item: u64) -> Option<(u64, u64)> {
        self.deleted.at_or_before(item).filter(|(_, last)| item <= *last)
    }

    fn delete(&mut self, mut first: u64, mut last: u64) {
        if let Some((before, end)) = first.checked_sub(1).and_then(|before| self.deleted.at_or_before(before)) {
            if end.checked_add(1) == Some(first) {
                first = before;
            }
        }
        if let Some(end) = last.checked_add(1).and_then(|next| self.deleted.remove(next)) {
            last = end;
        }
        self.deleted.insert(first, last);
    }
}
