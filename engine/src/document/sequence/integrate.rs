//! Where an insertion made elsewhere goes.
//!
//! The list form of FugueMax, after `YjsMod` in Gentle's *reference-crdts*: walk over what stands between the two
//! origins, all of which was inserted without knowledge of the new item, and decide for each whether the new item goes
//! before it.
//!
//! In the tree of the paper an item is a child of one of its origins, and the document is the tree's in-order walk: a
//! function of the *set* of items. The list form gives the same order only for origins that once were neighbours, so
//! those of others are checked first. Whether items are neighbours in some past cannot be seen any more, but what
//! follows from it can, and it is all that the proof of equality needs:
//!
//! - the left origin stands before the right one;
//! - the right origin's own left origin does not stand after the left one, or it would have stood between the two;
//! - the left origin's own right origin does not stand before the right one, for the same reason.
//!
//! The order of two items never changes, so every replica judges alike.

use std::cmp::Ordering;

use super::{ItemId, Origins, Place, Sequence, Span, Writers};
use crate::proof::{Fault, Situation, note, planted};

/// Why an insertion has no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Misplaced {
    /// An origin is no item of this sequence.
    Missing(ItemId),
    /// The two origins can never have been neighbours.
    NeverNeighbours,
}

impl Sequence {
    /// Inserts a run that was typed elsewhere between `origins`. How many visible characters are before it.
    ///
    /// `text` has `len` characters, at least one.
    ///
    /// # Errors
    ///
    /// If the origins are not here or cannot be. Nothing has changed.
    pub(crate) fn integrate(
        &mut self,
        id: ItemId,
        len: usize,
        text: String,
        origins: Origins,
        writers: &Writers,
    ) -> Result<usize, Misplaced> {
        let Origins { left, right } = origins;
        let left_place = self.origin(left)?;
        let right_place = self.origin(right)?.unwrap_or_else(|| self.end());
        let buried = left_place.is_some_and(|place| self.spans[place.index].text.is_none());
        if buried {
            note(Situation::InsertionAfterTombstone);
        }
        let found = left_place.filter(|_| !(buried && planted(Fault::TombstoneForgotten)));
        let start = found.map_or(Place { index: 0, offset: 0 }, |place| self.after(place));
        let place = if start == right_place {
            start
        } else {
            self.check_neighbours(origins, left_place, right_place)?;
            self.choose(id, origins, left_place, right_place, start, writers)
        };
        Ok(self.put(place, Span { id, len, left, right, text: Some(text) }))
    }

    fn end(&self) -> Place {
        Place { index: self.spans.len(), offset: 0 }
    }

    fn origin(&self, origin: Option<ItemId>) -> Result<Option<Place>, Misplaced> {
        origin.map(|id| self.find(id).ok_or(Misplaced::Missing(id))).transpose()
    }

    fn check_neighbours(&self, origins: Origins, left: Option<Place>, right: Place) -> Result<(), Misplaced> {
        if left.is_some_and(|left| left >= right) {
            return Err(Misplaced::NeverNeighbours);
        }
        let lefts_right = left.and_then(|place| self.spans[place.index].right);
        if lefts_right.is_some()
            && lefts_right != origins.right
            && self.origin(lefts_right)?.is_some_and(|at| at < right)
        {
            return Err(Misplaced::NeverNeighbours);
        }
        let rights_left = self.spans.get(right.index).and_then(|span| span.left_of(right.offset));
        if rights_left != origins.left && self.origin(rights_left)? > left {
            return Err(Misplaced::NeverNeighbours);
        }
        Ok(())
    }

    /// Walks from the left origin to the right one.
    fn choose(
        &self,
        id: ItemId,
        origins: Origins,
        left: Option<Place>,
        right: Place,
        start: Place,
        writers: &Writers,
    ) -> Place {
        let mut chosen = start;
        let mut at = start;
        // Set while the items walked over may belong, with one still to come, after the new item.
        let mut scanning = false;
        loop {
            if !scanning {
                chosen = at;
            }
            let Some(other) = self.spans.get(at.index).filter(|_| at != right) else {
                return chosen;
            };
            match self.compare_left(other.left_of(at.offset), origins.left, left) {
                // Out of the left origin's subtree.
                Ordering::Less => return chosen,
                // Inside the subtree of something that has been decided already.
                Ordering::Greater => {}
                Ordering::Equal => match self.compare_right(other.right, origins.right, right) {
                    Ordering::Less => {
                        note(Situation::ConcurrentRunWithNearerEnd);
                        scanning = true;
                    }
                    Ordering::Greater => scanning = false,
                    Ordering::Equal => {
                        note(Situation::ConcurrentSiblings);
                        let other = other.id.plus(at.offset);
                        if (writers.id(id.writer), id.seq) < (writers.id(other.writer), other.seq)
                            || planted(Fault::SiblingsByArrival)
                        {
                            return chosen;
                        }
                        scanning = false;
                    }
                },
            }
            // The rest of a run hangs on its first item.
            at = if right.index == at.index { right } else { Place { index: at.index + 1, offset: 0 } };
        }
    }

    fn compare_left(&self, other: Option<ItemId>, ours: Option<ItemId>, our_place: Option<Place>) -> Ordering {
        if other == ours {
            return Ordering::Equal;
        }
        other.and_then(|id| self.find(id)).cmp(&our_place)
    }

    fn compare_right(&self, other: Option<ItemId>, ours: Option<ItemId>, our_place: Place) -> Ordering {
        if other == ours || planted(Fault::RightOriginIgnored) {
            return Ordering::Equal;
        }
        other.and_then(|id| self.find(id)).unwrap_or_else(|| self.end()).cmp(&our_place)
    }
}
