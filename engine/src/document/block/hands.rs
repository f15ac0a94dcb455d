//! What each writer of a block did last, and what is expected of it next: the same when a block is written and when it is read.
//!
//! Whoever types or deletes goes on where the last operation was, and what stands behind an item is known from the insertions
//! in the block. What is expected takes no bytes.

use std::collections::BTreeMap;

use super::{
    gone::Gone,
    mention::Mention,
    notes::Notes,
    replicas::{INDICES, Point, Who},
};
use crate::{
    document::stretch::Side,
    proof::{Fault, planted},
};

/// All writers of a block.
#[derive(Default)]
pub(super) struct Hands {
    list: Vec<Hand>,
    /// What stands right behind an item, or the beginning, where that is not the item with the next number.
    behind: Beside,
    /// What stands right before an item, or the end, where that is not the item with the number before.
    before: Beside,
    gone: Gone,
}

/// What stands on one side of items, and of the beginning, or the end.
#[derive(Default)]
struct Beside {
    items: Notes<Option<Point>>,
    end: Option<Option<Point>>,
}

impl Beside {
    fn get(&self, item: Option<Point>) -> Option<Option<Point>> {
        item.map_or(self.end, |item| self.items.get(item))
    }

    fn set(&mut self, item: Option<Point>, beside: Option<Point>) {
        match item {
            Some(item) => self.items.set(item, beside),
            None => self.end = Some(beside),
        }
    }
}

/// So many runs of deleted items are passed over to guess what is deleted next.
const MOST_PASSED: usize = 8;

/// One writer.
#[derive(Default)]
pub(super) struct Hand {
    pub(super) place: u32,
    /// The index of what it wrote to last, as far as that is known.
    pub(super) within: Option<u64>,
    /// The element that it moved or set last.
    pub(super) item: Option<Point>,
    last: Last,
    /// The first number that it inserted something with, other than going on.
    first: Option<u64>,
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
    /// Inserted until here, before there; characters or items.
    Inserted { last: Point, right: Option<Point>, items: bool },
    /// Deleted from here to there.
    Deleted { first: Point, last: Point },
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

    /// How an operation is mentioned that is expected, if there is one that can be.
    pub(super) fn expected(&self, point: Option<Point>) -> Option<Mention> {
        point.and_then(|point| self.mention(Some(point)))
    }

    fn touch(&mut self, mention: Mention) {
        if let Mention::Own { seq } = mention {
            self.touched = seq;
        }
        self.touch_other(mention);
    }

    /// Notes what was mentioned, if it is somebody else's.
    pub(super) fn touch_other(&mut self, mention: Mention) {
        if let Mention::Known { index, seq } | Mention::New { index, seq, .. } = mention {
            self.others.insert(index, seq);
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
        self.behind.get(left).unwrap_or_else(|| left.map(|left| left.plus(1)))
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
            let Some((_, last)) = self.gone.around(at?) else { break };
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
        let who = Who::named(place);
        let at = |seq| Point { who, seq };
        match side {
            Side::Before => {
                let moved = self.before.items.last_until(at(first)).filter(|_| !planted(Fault::DeletionsRunOn));
                let deleted = self.gone.last_before(at(first));
                let deleted = deleted.map_or(first, |last| (first - 1).saturating_sub(last));
                deleted.min(first - moved.unwrap_or(0))
            }
            Side::Behind => {
                let moved = self.behind.items.first_from(at(last));
                let Some(next) = last.checked_add(1).map(at).filter(|next| self.gone.around(*next).is_none()) else {
                    return 0;
                };
                let deleted = self.gone.first_from(next);
                (deleted.unwrap_or(u64::MAX) - next.seq).min(moved.unwrap_or(u64::MAX) - last)
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
        let before = |item: Point| self.before.get(Some(item)).unwrap_or_else(|| item.minus(1));
        let mut at = before(item)?;
        for _ in 0..MOST_PASSED {
            let Some((first, _)) = self.gone.around(at) else { break };
            at = before(Point { seq: first, ..at })?;
        }
        Some(at)
    }

    /// A writer goes on typing: `count` characters up to the number before `end`.
    pub(super) fn go_on(&mut self, place: u32, end: u64) {
        let hand = &mut self.list[place as usize];
        let last = Point { who: Who::named(place), seq: end - 1 };
        hand.touched = last.seq;
        hand.last = match hand.last {
            Last::Inserted { right, items, .. } => Last::Inserted { last, right, items },
            _ => Last::Inserted { last, right: None, items: false },
        };
    }

    /// A writer inserts characters, or items, with the numbers from `seq` on and before `end`.
    pub(super) fn insert(&mut self, place: u32, neighbours: (Mention, Mention), seq: u64, end: u64, items: bool) {
        self.close(place);
        let hand = &mut self.list[place as usize];
        let (left, right) = (hand.point(neighbours.0), hand.point(neighbours.1));
        let own = |seq| Point { who: Who::named(place), seq };
        hand.touched = end - 1;
        hand.last = Last::Inserted { last: own(end - 1), right, items };
        hand.first = hand.first.or(Some(seq));
        if items {
            // Rarely does anybody go back in a list item by item, or insert twice beside the same old one.
            if self.is_new(left) {
                self.behind.set(left, Some(own(seq)));
            }
            return;
        }
        self.behind.set(left, Some(own(seq)));
        self.before.set(Some(own(seq)), left);
    }

    /// Whether an item was inserted in the block, as far as its number tells; the beginning is new, too.
    fn is_new(&self, item: Option<Point>) -> bool {
        let Some(item) = item else { return true };
        let hand = item.who.place().and_then(|place| self.list.get(place as usize));
        hand.and_then(|hand| hand.first).is_some_and(|first| first <= item.seq)
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

    /// A writer moves or sets an element, if any is mentioned.
    pub(super) fn note_item(&mut self, place: u32, item: Mention) {
        let hand = self.hand(place);
        hand.item = hand.point(item).or(hand.item);
    }

    /// A writer does something else.
    pub(super) fn other(&mut self, place: u32) {
        self.close(place);
        self.list[place as usize].last = Last::Other;
    }

    fn close(&mut self, place: u32) {
        match self.list[place as usize].last {
            Last::Other => {}
            Last::Inserted { last, right, items } => {
                self.behind.set(Some(last), right);
                if !items {
                    self.before.set(right, Some(last));
                }
            }
            Last::Deleted { first, last } => self.gone.add(first.who, first.seq, last.seq),
        }
    }
}
