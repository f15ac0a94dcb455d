//! What has been written where: what the next operations are told by.
//!
//! The same when a block is written and when it is read. A *room* is what operations that name the same container write to,
//! as far as the block tells; a *slot* is a key of it, or an element.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    notes::Notes,
    replicas::{Point, Who},
    within::Within,
};

/// All rooms of a block.
#[derive(Default)]
pub(super) struct Rooms {
    list: Vec<Room>,
    /// By the writer, and the index that it has of the container, plus one; by nothing if the block does not tell.
    by_index: Notes<usize>,
    /// Those that were introduced at the root, by kind and name.
    roots: BTreeMap<(u64, Bytes), usize>,
}

/// What operations on one container have written.
#[derive(Default)]
pub(super) struct Room {
    pub(super) slots: Vec<Slot>,
    /// The last integer that was written.
    pub(super) number: i64,
}

/// What has been written at a key, or with an element.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    /// The key or the element, as an index into all words.
    pub(super) word: usize,
    /// The last integer that was written at the key.
    pub(super) number: i64,
    /// The last operation that put something there, unless that was removed.
    pub(super) tag: Option<Point>,
}

impl Rooms {
    /// The room of the container that a writer has under an index.
    pub(super) fn find(&mut self, place: u32, within: Option<u64>) -> usize {
        let name = by_index(place, within);
        self.by_index.get(name).unwrap_or_else(|| {
            self.by_index.set(name, self.list.len());
            self.list.push(Room::default());
            self.list.len() - 1
        })
    }

    /// A writer introduces a container. At the root it is the one that others have introduced.
    pub(super) fn introduce(&mut self, place: u32, within: &Within) {
        let Some((kind, name)) = within.root() else { return };
        let next = self.list.len();
        let room = *self.roots.entry((kind, name.clone())).or_insert(next);
        if room == next {
            self.list.push(Room::default());
        }
        self.by_index.set(by_index(place, within.index()), room);
    }

    pub(super) fn room(&mut self, room: usize) -> &mut Room {
        &mut self.list[room]
    }
}

fn by_index(place: u32, within: Option<u64>) -> Point {
    Point { who: Who::named(place), seq: within.map_or(0, |index| index.wrapping_add(1)) }
}
