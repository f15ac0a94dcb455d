//! Movable lists, step by step: elements that stay themselves wherever they are moved and whatever they are set to.
//!
//! An element is named by the operation that inserted it. It has *slots* in a sequence, one that was made with it and one for
//! each of its moves, named by the move. The slot with the greatest stamp is the element's place; the others are not seen, as
//! if they were deleted, so that positions are found as in any sequence. An element is deleted when its place is: a slot
//! that a later move makes for it is not seen either, so a deletion wins.
//!
//! Kleppmann, "Moving Elements in List CRDTs" (PaPoC 2020).

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    body::BodyFault,
    container::{ContainerId, Content, Item, Stamp},
    items::Items,
    journal::{State, Step},
    local::LocalId,
    sequence::{Origins, Removed, Said, SequenceId, Sequences},
    transaction::EditError,
    union::Covers,
};
use crate::{
    id::OpId,
    proof::{Fault, Situation, note, planted},
};

/// The elements of a movable list.
#[derive(Clone)]
pub(super) struct Movable {
    pub(super) slots: SequenceId,
    /// Of the elements that were moved, the greatest move and its slot.
    places: BTreeMap<LocalId, (Stamp, LocalId)>,
    /// Of the slots that were made by moves, the elements.
    moved: BTreeMap<LocalId, LocalId>,
    /// Of the elements that were set, the greatest write.
    values: BTreeMap<LocalId, (Stamp, Bytes)>,
}

impl Movable {
    pub(super) const fn new(slots: SequenceId) -> Self {
        Self { slots, places: BTreeMap::new(), moved: BTreeMap::new(), values: BTreeMap::new() }
    }

    /// The element of a slot.
    pub(super) fn element(&self, slot: LocalId) -> LocalId {
        self.moved.get(&slot).copied().unwrap_or(slot)
    }

    /// The slot in which an element is, or was when it was deleted.
    pub(super) fn place(&self, element: LocalId) -> LocalId {
        self.places.get(&element).map_or(element, |(_, slot)| *slot)
    }

    /// What an element was set to, if it ever was.
    pub(super) fn value(&self, element: LocalId) -> Option<&Bytes> {
        self.values.get(&element).map(|(_, value)| value)
    }

    /// The write by which an element has its value; `None` if it was never set.
    pub(super) fn write(&self, element: LocalId) -> Option<OpId> {
        self.values.get(&element).map(|(stamp, _)| stamp.op())
    }

    /// Takes a move back.
    pub(super) fn unmove(&mut self, element: LocalId, slot: LocalId, previous: Option<(Stamp, LocalId)>) {
        self.moved.remove(&slot);
        match previous {
            Some(place) => self.places.insert(element, place),
            None => self.places.remove(&element),
        };
    }

    /// Takes a write back.
    pub(super) fn unset(&mut self, element: LocalId, previous: Option<(Stamp, Bytes)>) {
        match previous {
            Some(value) => self.values.insert(element, value),
            None => self.values.remove(&element),
        };
    }

    /// What is not in the sequence, by the names of slots and elements.
    pub(super) fn known(&self, sequences: &Sequences) -> Known {
        let name = |item: LocalId| sequences.ids.op(item);
        let mut moves: Vec<_> = self.moved.iter().map(|(slot, element)| (name(*slot), name(*element))).collect();
        let mut places: Vec<_> = self.places.values().map(|(stamp, _)| *stamp).collect();
        let value = |(element, (stamp, value)): (&LocalId, &(Stamp, Bytes))| (name(*element), *stamp, value.clone());
        let mut values: Vec<_> = self.values.iter().map(value).collect();
        // Ids are in the order of arrival, and not the same everywhere.
        moves.sort_unstable();
        places.sort_unstable_by_key(|stamp| stamp.op());
        values.sort_unstable_by_key(|(element, ..)| *element);
        Known { moves, places, values }
    }

    /// The elements of a sequence of which this is known; `None` if that cannot be.
    pub(super) fn of(sequences: &Sequences, slots: SequenceId, known: &Known) -> Option<Self> {
        let item = |op: OpId| sequences.ids.find(op).filter(|item| sequences.item(slots, *item).is_some());
        let mut movable = Self::new(slots);
        for (slot, element) in &known.moves {
            movable.moved.insert(item(*slot)?, item(*element)?);
        }
        for stamp in &known.places {
            let slot = item(stamp.op())?;
            let element = *movable.moved.get(&slot)?;
            if movable.places.insert(element, (*stamp, slot)).is_some() {
                return None;
            }
        }
        for (element, stamp, value) in &known.values {
            if movable.values.insert(item(*element)?, (*stamp, value.clone())).is_some() {
                return None;
            }
        }
        (movable.moved.len() == known.moves.len() && movable.is_sound(sequences)).then_some(movable)
    }

    /// Whether slots are of elements, each of which is where it is seen.
    fn is_sound(&self, sequences: &Sequences) -> bool {
        let is_element = |element: &LocalId| !self.moved.contains_key(element);
        let is_moved = |element: &LocalId| is_element(element) && self.places.contains_key(element);
        self.moved.values().all(is_moved) && self.values.keys().all(is_element) && self.check(sequences).is_ok()
    }

    /// Takes in what another state knows of its elements. Their slots are here; those that came from there are not seen yet.
    /// `None` if the two contradict each other.
    pub(super) fn unite(
        &mut self,
        sequences: &mut Sequences,
        other: &Self,
        theirs: &Sequences,
        covers: Covers<'_>,
    ) -> Option<()> {
        let Known { moves, places, values } = other.known(theirs);
        let slots = self.slots;
        let item = |sequences: &Sequences, op: OpId| {
            sequences.ids.find(op).filter(|item| sequences.item(slots, *item).is_some())
        };
        // Before anything is moved: where each element is seen, and whether it is deleted here or there.
        let mut seen = Vec::new();
        for (slot, _) in theirs.slots(other.slots).filter(|(slot, _)| !other.moved.contains_key(slot)) {
            let op = theirs.ids.op(slot);
            let element = item(sequences, op)?;
            let place = sequences.position(slots, self.place(element)).map(|_| self.place(element));
            let deleted_here = covers.ours.contains(op) && place.is_none();
            let deleted_there = theirs.position(other.slots, other.place(slot)).is_none();
            let deleted_there = deleted_there && !planted(Fault::UnionForgetsDeletedElements);
            seen.push((element, place, deleted_here || deleted_there));
        }
        for (slot, element) in moves {
            let (slot, element) = (item(sequences, slot)?, item(sequences, element)?);
            self.moved.insert(slot, element).is_none_or(|before| before == element).then_some(())?;
        }
        for stamp in places {
            let slot = item(sequences, stamp.op())?;
            let element = *self.moved.get(&slot)?;
            let later = self.places.get(&element).is_none_or(|(there, _)| *there < stamp);
            if later || planted(Fault::UnionTakesTheirs) {
                self.places.insert(element, (stamp, slot));
            }
        }
        for (element, stamp, value) in values {
            let element = item(sequences, element)?;
            let later = self.values.get(&element).is_none_or(|(there, _)| *there < stamp);
            if later || planted(Fault::UnionTakesTheirs) {
                self.values.insert(element, (stamp, value));
            }
        }
        for (element, before, deleted) in seen {
            let place = Some(self.place(element)).filter(|_| !deleted);
            if place == before {
                continue;
            }
            if let Some(before) = before {
                sequences.hide(slots, before);
            }
            if let Some(place) = place.filter(|place| sequences.position(slots, *place).is_none()) {
                sequences.restore(slots, Removed { first: place, len: 1, at: 0 });
            }
        }
        self.is_sound(sequences).then_some(())
    }

    /// Whether a slot is that in which an element was inserted which is shown, and as what it was then.
    pub(super) fn is_shown_as_inserted(&self, sequences: &Sequences, slot: LocalId) -> bool {
        let shown = || sequences.position(self.slots, self.place(slot)).is_some();
        !self.moved.contains_key(&slot) && !self.values.contains_key(&slot) && shown()
    }

    /// What is wrong inside, for tests.
    pub(super) fn check(&self, sequences: &Sequences) -> Result<(), String> {
        let misplaced = sequences.items(self.slots).find(|(slot, _)| self.place(self.element(*slot)) != *slot);
        misplaced.map_or(Ok(()), |(slot, _)| Err(format!("{:?} is not where it is seen", sequences.ids.op(slot))))
    }

    /// Where the elements are that have these ids; `None` if one of them is no element but a slot of another one.
    fn places_of(&self, first: LocalId, len: u32) -> Option<impl Iterator<Item = LocalId> + '_> {
        let range = first..first.plus(len);
        let alien = self.moved.range(range.clone()).next().is_some() && !planted(Fault::SlotTakenForElement);
        (!alien).then(|| self.places.range(range).map(|(_, (_, slot))| *slot))
    }
}

/// What is known of the elements of a movable list beside its slots.
#[derive(Default)]
pub(super) struct Known {
    /// The slots that were made by moves, and their elements.
    pub(super) moves: Vec<(OpId, OpId)>,
    /// The moves that are the places of elements.
    pub(super) places: Vec<Stamp>,
    /// The elements that were set.
    pub(super) values: Vec<(OpId, Stamp, Bytes)>,
}

/// A slot that was made by a move.
pub(super) struct MovedTo {
    element: LocalId,
    slot: LocalId,
    origins: Origins,
    said: Said,
    /// How many visible slots are before it.
    at: usize,
}

impl State {
    fn movable(&mut self, container: usize) -> &mut Movable {
        match &mut self.containers[container].content {
            Content::MovableList(movable) => movable,
            _ => unreachable!("a container is of the kind in its id"),
        }
    }

    /// The element that an item of a list is in.
    pub(super) fn element_in(&self, container: usize, slot: LocalId) -> LocalId {
        self.containers[container].content.element(slot)
    }

    /// The element that stands at a position here.
    fn element_at(&mut self, id: &ContainerId, at: usize) -> Result<(usize, LocalId), EditError> {
        let len = Items::of(self, id).len();
        if at >= len {
            return Err(EditError::ItemOutOfRange { at, len });
        }
        let (container, sequence) = self.open_sequence(id);
        let (slot, _) = self.sequences.item_at(sequence, at);
        Ok((container, self.element_in(container, slot)))
    }

    /// Moves the element at `from` here so that it stands at `to`.
    ///
    /// # Errors
    ///
    /// If there are not as many elements, or the numbers are used up.
    pub(super) fn move_element(&mut self, id: &ContainerId, from: usize, to: usize) -> Result<(), EditError> {
        let (container, element) = self.element_at(id, from)?;
        self.element_at(id, to)?;
        if from == to {
            return Ok(());
        }
        let (seq, slot) = self.number_run(1).ok_or(EditError::Exhausted)?;
        let said = self.say_slot(slot);
        // The slot that it leaves is still there.
        let at = if to > from { to + 1 } else { to };
        let sequence = self.movable(container).slots;
        let origins = self.sequences.insert(sequence, at, slot, 1, said);
        self.settle(container, MovedTo { element, slot, origins, said, at }, seq);
        Ok(())
    }

    /// Moves an element here right before a slot, whether that is seen or not; to the end, if there is none. The slot that it
    /// has then; `None` if the numbers are used up.
    pub(super) fn move_back(&mut self, container: usize, element: LocalId, before: Option<LocalId>) -> Option<LocalId> {
        let (seq, slot) = self.number_run(1)?;
        let said = self.say_slot(slot);
        let sequence = self.movable(container).slots;
        let (origins, at) = self.sequences.insert_before(sequence, before, slot, 1, said)?;
        self.settle(container, MovedTo { element, slot, origins, said, at }, seq);
        Some(slot)
    }

    /// Slots that moves make say nothing.
    fn say_slot(&mut self, slot: LocalId) -> Said {
        self.sequences.say_items(slot, [Item::Plain(Bytes::new())])
    }

    /// Moves what was moved elsewhere.
    pub(super) fn move_as(
        &mut self,
        container: usize,
        element: OpId,
        (left, right): (Option<OpId>, Option<OpId>),
        seq: u64,
    ) -> Result<(), BodyFault> {
        let element = self.element(container, element)?;
        let origins = self.origins(container, left, right)?;
        let op = OpId::new(self.author.replica, seq);
        let (slot, _) = self.ids_for(op, 1).ok_or(BodyFault::TooMany)?;
        let said = self.say_slot(slot);
        let sequence = self.movable(container).slots;
        let at = self.sequences.integrate(sequence, slot, 1, said, origins);
        let at = at.map_err(|why| self.misplaced(why, op))? as usize;
        self.settle(container, MovedTo { element, slot, origins, said, at }, seq);
        Ok(())
    }

    /// The element that an operation names.
    fn element(&mut self, container: usize, op: OpId) -> Result<LocalId, BodyFault> {
        let missing = BodyFault::Missing { op };
        let sequence = self.sequence_of(container);
        let item = self.sequences.ids.find(op).ok_or_else(|| missing.clone())?;
        let is_there = self.sequences.item(sequence, item).is_some();
        let is_element = self.movable(container).places_of(item, 1).is_some();
        if is_there && is_element { Ok(item) } else { Err(missing) }
    }

    /// Shows an element whose new slot is there in one of its slots.
    fn settle(&mut self, container: usize, moved: MovedTo, seq: u64) {
        let MovedTo { element, slot, origins, said, at } = moved;
        let stamp = self.stamp(seq);
        let movable = self.movable(container);
        let (sequence, old) = (movable.slots, movable.place(element));
        let previous = movable.places.get(&element).copied();
        movable.moved.insert(slot, element);
        let wins = previous.is_none_or(|(there, _)| there < stamp) || planted(Fault::LastMoveToArriveWins);
        if wins {
            movable.places.insert(element, (stamp, slot));
        } else {
            note(Situation::LateMoveLost);
        }
        let deleted = self.sequences.position(sequence, old).is_none();
        if deleted {
            note(Situation::DeletedElementMoved);
        }
        let leaves = wins && (!deleted || planted(Fault::MoveBringsBack));
        let hidden = if leaves { old } else { slot };
        let gone = match planted(Fault::MovedElementShownTwice) {
            true => None,
            false => self.sequences.hide(sequence, hidden),
        };
        let left = gone.filter(|_| leaves);
        self.steps.push(Step::Moved { container, element, slot, origins, said, previous, left, at });
    }

    /// Sets the element at a position here.
    ///
    /// # Errors
    ///
    /// If there are not as many elements, or the numbers are used up.
    pub(super) fn set_element(&mut self, id: &ContainerId, at: usize, value: Bytes) -> Result<(), EditError> {
        let (container, element) = self.element_at(id, at)?;
        let seq = self.take_numbers(1).ok_or(EditError::Exhausted)?;
        self.write_element(container, element, value, seq);
        Ok(())
    }

    /// Sets an element. The operation; `None` if the numbers are used up.
    pub(super) fn set_back(&mut self, container: usize, element: LocalId, value: Bytes) -> Option<OpId> {
        let seq = self.take_numbers(1)?;
        self.write_element(container, element, value, seq);
        Some(OpId::new(self.author.replica, seq))
    }

    /// Sets what was set elsewhere.
    pub(super) fn set_as(&mut self, container: usize, element: OpId, value: Bytes, seq: u64) -> Result<(), BodyFault> {
        let element = self.element(container, element)?;
        self.write_element(container, element, value, seq);
        Ok(())
    }

    fn write_element(&mut self, container: usize, element: LocalId, value: Bytes, seq: u64) {
        let stamp = self.stamp(seq);
        let movable = self.movable(container);
        let there = movable.values.get(&element).map(|(stamp, _)| *stamp);
        if there.is_some_and(|there| there > stamp) && !planted(Fault::LastSetToArriveWins) {
            note(Situation::LateWriteLost);
            return;
        }
        let previous = movable.values.insert(element, (stamp, value.clone()));
        let (sequence, place) = (movable.slots, movable.place(element));
        let at = self.sequences.position(sequence, place);
        self.steps.push(Step::Set { container, seq, element, value, previous, at });
    }

    /// Deletes those elements among some with consecutive ids that were moved; the others are where they were inserted.
    ///
    /// # Errors
    ///
    /// If one of them is no element.
    pub(super) fn delete_moved_as(
        &mut self,
        container: usize,
        first: OpId,
        count: u64,
        seq: u64,
    ) -> Result<(), BodyFault> {
        let mut places = Vec::new();
        let mut at = 0;
        while at < count {
            let op = OpId::new(first.replica, first.seq + at);
            let missing = BodyFault::Missing { op };
            let (id, consecutive) = self.sequences.ids.run(op).ok_or_else(|| missing.clone())?;
            let here = u32::try_from(count - at).map_or(consecutive, |left| left.min(consecutive));
            places.extend(self.movable(container).places_of(id, here).ok_or(missing)?);
            at += u64::from(here);
        }
        let sequence = self.movable(container).slots;
        for slot in places {
            if planted(Fault::MovedElementNotDeleted) {
                break;
            }
            let removed = self.sequences.hide(sequence, slot);
            self.steps.extend(removed.map(|removed| Step::Deleted { container, seq, removed }));
        }
        Ok(())
    }
}
