//! What changes have done, to be taken back.
//!
//! Of several edits what they add up to is kept: a run that was typed letter by letter is one run, a key that was written
//! twice has one value that stood there before, and what was inserted and deleted again is nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    sync::Arc,
};

use bytes::Bytes;

use super::{
    back::Back,
    elements::{Element, Shown},
};
use crate::{
    document::{
        container::{ContainerId, ContainerKind, Entry, Place, Spot, Stamp, Value},
        journal::{State, Step},
        local::LocalId,
        transaction::EditError,
    },
    id::OpId,
};

/// What some edits add up to. Containers are by their numbers in the document.
#[derive(Clone, Default)]
pub(super) struct Effects {
    inserted: Runs,
    deleted: Runs,
    elements: BTreeMap<(usize, LocalId), Element>,
    written: BTreeMap<(usize, Option<Arc<str>>), Written>,
    counted: BTreeMap<usize, i128>,
    tagged: BTreeMap<(usize, Bytes), Tagged>,
}

/// Items of sequences in runs with consecutive ids: by the container and the first, how many.
type Runs = BTreeMap<(usize, LocalId), u32>;

/// What was written to a key, or a register.
#[derive(Clone)]
pub(super) struct Written {
    pub(super) last: OpId,
    /// What stood there before.
    pub(super) previous: Option<Entry>,
}

/// What was done to an element, or a key of an or-map.
#[derive(Clone, Default)]
pub(super) struct Tagged {
    pub(super) added: BTreeSet<OpId>,
    /// What was there before and was taken away.
    pub(super) taken: BTreeMap<Stamp, Value>,
}

impl Effects {
    /// Takes in the edit that is in the journal.
    pub(super) fn take(&mut self, state: &State) {
        let author = state.author.replica;
        for step in &state.steps {
            if step.container().is_some_and(|container| self.is_in_own_item(state, container)) {
                continue;
            }
            match step {
                Step::Created => {}
                Step::Inserted { container, first, len, .. } if is_movable(state, *container) => {
                    for at in 0..*len {
                        self.element(*container, first.plus(at)).take_insertion();
                    }
                }
                Step::Deleted { container, removed, .. } if is_movable(state, *container) => {
                    for slot in (0..removed.len).map(|at| removed.first.plus(at)) {
                        self.element(*container, state.element_in(*container, slot)).take_deletion(slot);
                    }
                }
                Step::Moved { container, element, slot, previous, .. } => {
                    let before = previous.map_or(*element, |(_, slot)| slot);
                    self.element(*container, *element).take_move(*slot, before);
                }
                Step::Set { container, seq, element, previous, .. } => {
                    let before = Shown::before(state, (*container, *element), previous.as_ref());
                    self.element(*container, *element).take_write(OpId::new(author, *seq), before);
                }
                Step::Inserted { container, first, len, .. } => add_run(&mut self.inserted, *container, *first, *len),
                Step::Deleted { container, removed, .. } => self.take_deletion(*container, removed.first, removed.len),
                Step::Written { container, seq, key, previous, .. } => {
                    let last = OpId::new(author, *seq);
                    let place = (*container, key.clone());
                    let before = previous.as_ref().map(|entry| entry.stamp.op());
                    match self.written.get_mut(&place) {
                        Some(known) if before == Some(known.last) => known.last = last,
                        // Nothing of these edits stood there any more.
                        _ => drop(self.written.insert(place, Written { last, previous: previous.clone() })),
                    }
                }
                Step::Counted { container, by, .. } => *self.counted.entry(*container).or_default() += i128::from(*by),
                Step::Tagged { container, key, tag, .. } => {
                    self.tagged.entry((*container, key.clone())).or_default().added.insert(tag.op());
                }
                Step::Untagged { container, key, tag, value, .. } => {
                    let there = self.tagged.entry((*container, key.clone())).or_default();
                    if !there.added.remove(&tag.op()) {
                        there.taken.insert(*tag, value.clone());
                    }
                }
            }
        }
    }

    fn element(&mut self, container: usize, element: LocalId) -> &mut Element {
        self.elements.entry((container, element)).or_default()
    }

    /// Whether a container is an item that these edits inserted, or in one: then it goes and comes back with that.
    fn is_in_own_item(&self, state: &State, container: usize) -> bool {
        let around = iter::successors(Some(&state.containers[container].id), |id| id.parent());
        around.filter_map(spot).any(|spot| self.has_inserted(state, spot).unwrap_or(false))
    }

    fn has_inserted(&self, state: &State, spot: &Spot) -> Option<bool> {
        let (container, item) = (*state.index.get(&spot.parent)?, state.sequences.ids.find(spot.item)?);
        if is_movable(state, container) {
            return self.elements.get(&(container, item)).map(Element::is_inserted);
        }
        let ((_, first), len) = self.inserted.range((container, LocalId::FIRST)..=(container, item)).next_back()?;
        Some(item.since(*first)? < *len)
    }

    /// What these edits inserted themselves needs no coming back.
    fn take_deletion(&mut self, container: usize, first: LocalId, len: u32) {
        let mut at = 0;
        while at < len {
            let id = first.plus(at);
            let before = self.inserted.range((container, LocalId::FIRST)..=(container, id)).next_back();
            let own = before.and_then(|((_, own), count)| count.checked_sub(id.since(*own)?)).filter(|left| *left > 0);
            let here = match own {
                Some(own) => own.min(len - at),
                None => {
                    let next = self.inserted.range((container, id)..).next();
                    let free = next.filter(|((of, _), _)| *of == container).and_then(|((_, own), _)| own.since(id));
                    let here = free.map_or(len - at, |free| free.min(len - at));
                    add_run(&mut self.deleted, container, id, here);
                    here
                }
            };
            at += here;
        }
    }

    /// Takes back what still stands of it.
    ///
    /// # Errors
    ///
    /// If the numbers are used up.
    pub(super) fn take_back(&self, back: &mut Back<'_>) -> Result<(), EditError> {
        self.take_all_back(back).ok_or(EditError::Exhausted)
    }

    fn take_all_back(&self, back: &mut Back<'_>) -> Option<()> {
        for ((container, first), len) in &self.inserted {
            back.insertion(*container, *first, *len)?;
        }
        for (container, by) in &self.counted {
            back.count(*container, *by)?;
        }
        // What is in a container comes back before it, and with it.
        let items = self.deleted.keys().chain(self.elements.keys()).map(|(container, _)| *container);
        let keys = self.written.keys().map(|(container, _)| *container);
        let all = items.chain(keys).chain(self.tagged.keys().map(|(container, _)| *container));
        for container in all.collect::<BTreeSet<_>>().into_iter().rev() {
            self.take_container_back(container, back)?;
        }
        Some(())
    }

    fn take_container_back(&self, container: usize, back: &mut Back<'_>) -> Option<()> {
        for ((_, key), written) in self.written.range((container, None)..(container + 1, None)) {
            back.write((container, key.as_ref()), written)?;
        }
        for ((_, key), tagged) in self.tagged.range((container, Bytes::new())..(container + 1, Bytes::new())) {
            back.tags((container, key), tagged)?;
        }
        let items = (container, LocalId::FIRST)..(container + 1, LocalId::FIRST);
        for ((_, first), len) in self.deleted.range(items.clone()) {
            back.deletion(container, *first, *len)?;
        }
        for ((_, element), did) in self.elements.range(items) {
            back.element((container, *element), did)?;
        }
        Some(())
    }
}

fn add_run(runs: &mut Runs, container: usize, mut first: LocalId, mut len: u32) {
    let before = runs.range((container, LocalId::FIRST)..(container, first)).next_back();
    if let Some((key, count)) =
        before.map(|(key, count)| (*key, *count)).filter(|(key, count)| key.1.plus(*count) == first)
    {
        (first, len) = (key.1, count + len);
    }
    if let Some(count) = runs.remove(&(container, first.plus(len))) {
        len += count;
    }
    runs.insert((container, first), len);
}

fn is_movable(state: &State, container: usize) -> bool {
    state.containers[container].id.kind == ContainerKind::MovableList
}

fn spot(id: &ContainerId) -> Option<&Spot> {
    match &id.place {
        Place::Item(spot) => Some(spot),
        _ => None,
    }
}
