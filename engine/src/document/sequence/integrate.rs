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

use super::{Origins, Said, SequenceId, Sequences, tree::Place};
use crate::{
    document::local::LocalId,
    proof::{Fault, Situation, note, planted},
};

/// Why an insertion has no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Misplaced {
    /// An origin is no item of this sequence.
    Missing(LocalId),
    /// The two origins can never have been neighbours.
    NeverNeighbours,
}

impl Sequences {
    /// Inserts a run that was made elsewhere between `origins`. How many visible items are before it.
    ///
    /// The new items are `len`, at least one, their ids begin with `first`, and they say what was [taken in](Self::say_text)
    /// last.
    ///
    /// # Errors
    ///
    /// If the origins are not here or cannot be. Nothing has changed then, and nothing is taken in.
    pub(crate) fn integrate(
        &mut self,
        sequence: SequenceId,
        first: LocalId,
        len: u32,
        said: Said,
        origins: Origins,
    ) -> Result<u32, Misplaced> {
        if let Some(before) = self.type_on(sequence, origins, (first, len), said) {
            return Ok(before);
        }
        let found = self.place_for(sequence, first, origins);
        let place = found.inspect_err(|_| self.contents.take_back(self.ids.writer_of(first), said))?;
        let before = self.tree.items_before(place);
        Ok(self.put(place, before, first, len, said, origins))
    }

    pub(super) fn place_for(&self, sequence: SequenceId, first: LocalId, origins: Origins) -> Result<Place, Misplaced> {
        let Origins { left, right } = origins;
        let left_place = self.origin(sequence, left)?;
        let right_place = self.origin(sequence, right)?.unwrap_or_else(|| self.tree.end(sequence));
        let buried = left_place.and_then(|place| self.tree.span(place)).is_some_and(|span| span.is_deleted());
        if buried {
            note(Situation::InsertionAfterTombstone);
        }
        let found = left_place.filter(|_| !(buried && planted(Fault::TombstoneForgotten)));
        let beginning = Place { leaf: self.tree.first_leaf(sequence), index: 0, offset: 0 };
        let start = found.map_or(beginning, |place| self.after(place));
        if self.tree.normal(start) == right_place {
            return Ok(start);
        }
        self.check_neighbours(sequence, origins, left_place, right_place)?;
        let concurrent = Concurrent { sequence, first, origins, left: left_place, right: right_place };
        Ok(self.choose(&concurrent, self.tree.normal(start)))
    }

    fn origin(&self, sequence: SequenceId, origin: Option<LocalId>) -> Result<Option<Place>, Misplaced> {
        origin.map(|id| self.find(sequence, id).ok_or(Misplaced::Missing(id))).transpose()
    }

    fn check_neighbours(
        &self,
        sequence: SequenceId,
        origins: Origins,
        left: Option<Place>,
        right: Place,
    ) -> Result<(), Misplaced> {
        let in_order = left.is_none_or(|left| self.tree.is_before(left, right));
        let lefts_right = left.and_then(|place| self.tree.span(place)?.right);
        let reaches = lefts_right.is_none()
            || lefts_right == origins.right
            || self.origin(sequence, lefts_right)?.is_none_or(|at| !self.tree.is_before(at, right));
        let rights_left = self.tree.span(right).and_then(|span| span.left_of(right.offset));
        let reached = rights_left == origins.left
            || match (self.origin(sequence, rights_left)?, left) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(its), Some(left)) => !self.tree.is_before(left, its),
            };
        if in_order && reaches && reached { Ok(()) } else { Err(Misplaced::NeverNeighbours) }
    }

    /// Walks from the left origin to the right one.
    fn choose(&self, new: &Concurrent, start: Place) -> Place {
        let mut chosen = start;
        let mut at = start;
        // Set while the items walked over may belong, with one still to come, after the new item.
        let mut scanning = false;
        loop {
            if !scanning {
                chosen = at;
            }
            let Some(other) = self.tree.span(at).filter(|_| at != new.right) else {
                return chosen;
            };
            match self.compare_left(new, other.left_of(at.offset)) {
                // Out of the left origin's subtree.
                Ordering::Less => return chosen,
                // Inside the subtree of something that has been decided already.
                Ordering::Greater => {}
                Ordering::Equal => match self.compare_right(new, other.right) {
                    Ordering::Less => {
                        note(Situation::ConcurrentRunWithNearerEnd);
                        scanning = true;
                    }
                    Ordering::Greater => scanning = false,
                    Ordering::Equal => {
                        note(Situation::ConcurrentSiblings);
                        let other = self.ids.op(other.first.plus(at.offset));
                        if self.ids.op(new.first) < other || planted(Fault::SiblingsByArrival) {
                            return chosen;
                        }
                        scanning = false;
                    }
                },
            }
            // The rest of a run hangs on its first item.
            let same = (new.right.leaf, new.right.index) == (at.leaf, at.index);
            let next = Place { leaf: at.leaf, index: at.index + 1, offset: 0 };
            at = if same { new.right } else { self.tree.normal(next) };
        }
    }

    fn compare_left(&self, new: &Concurrent, other: Option<LocalId>) -> Ordering {
        if other == new.origins.left {
            return Ordering::Equal;
        }
        match (other.and_then(|id| self.find(new.sequence, id)), new.left) {
            (Some(other), Some(left)) => self.compare(other, left),
            (other, left) => other.is_some().cmp(&left.is_some()),
        }
    }

    fn compare_right(&self, new: &Concurrent, other: Option<LocalId>) -> Ordering {
        if other == new.origins.right || planted(Fault::RightOriginIgnored) {
            return Ordering::Equal;
        }
        let other = other.and_then(|id| self.find(new.sequence, id));
        self.compare(other.unwrap_or_else(|| self.tree.end(new.sequence)), new.right)
    }

    fn compare(&self, one: Place, other: Place) -> Ordering {
        if one == other {
            Ordering::Equal
        } else if self.tree.is_before(one, other) {
            Ordering::Less
        } else {
            Ordering::Greater
        }
    }
}

/// An insertion between whose origins other items stand.
struct Concurrent {
    sequence: SequenceId,
    first: LocalId,
    origins: Origins,
    left: Option<Place>,
    right: Place,
}
