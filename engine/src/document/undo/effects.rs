//! What changes have done, and how each kind of that is taken back.
//!
//! Of several edits what they add up to is kept: a run that was typed letter by letter is one run, a key that was written
//! twice has one value that stood there before, and what was inserted and deleted again is nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use super::reborn::Reborn;
use crate::{
    document::{
        container::{Content, Entry, Item, Stamp, Value},
        journal::{State, Step},
        local::LocalId,
        transaction::EditError,
    },
    id::OpId,
    proof::{Fault, planted},
};

/// What some edits add up to. Containers are by their numbers in the document.
#[derive(Clone, Default)]
pub(super) struct Effects {
    inserted: Runs,
    deleted: Runs,
    written: BTreeMap<(usize, Option<Arc<str>>), Written>,
    /// Elements of movable lists that were moved.
    moved: BTreeMap<(usize, LocalId), Moved>,
    /// Elements of movable lists that were set.
    set: BTreeMap<(usize, LocalId), Set>,
    counted: BTreeMap<usize, i128>,
    tagged: BTreeMap<(usize, Bytes), Tagged>,
}

/// Items of sequences in runs with consecutive ids: by the container and the first, how many.
type Runs = BTreeMap<(usize, LocalId), u32>;

/// What was written to a key, or a register.
#[derive(Clone)]
struct Written {
    last: OpId,
    /// What stood there before.
    previous: Option<Entry>,
}

/// Where an element was moved.
#[derive(Clone)]
struct Moved {
    last: OpId,
    /// The slot in which it was before.
    from: LocalId,
}

/// What an element was set to.
#[derive(Clone)]
struct Set {
    last: OpId,
    /// What it was set to before, if it was.
    previous: Option<(Stamp, Bytes)>,
}

/// What was done to an element, or a key of an or-map.
#[derive(Clone, Default)]
struct Tagged {
    added: BTreeSet<OpId>,
    /// What was there before and was taken away.
    taken: BTreeMap<Stamp, Value>,
}

impl Effects {
    /// Takes in the edit that is in the journal.
    pub(super) fn take(&mut self, state: &State) {
        let author = state.author.replica;
        for step in &state.steps {
            match step {
                Step::Created => {}
                Step::Inserted { container, first, len, .. } => add_run(&mut self.inserted, *container, *first, *len),
                Step::Deleted { container, removed, .. } => {
                    self.take_deletion(*container, state.element_in(*container, removed.first), removed.len);
                }
                Step::Moved { container, element, slot, previous, .. } => {
                    let from = previous.as_ref().map_or(*element, |(_, slot)| *slot);
                    let last = state.sequences.ids.op(*slot);
                    match self.moved.get_mut(&(*container, *element)) {
                        Some(known) if known.last == state.sequences.ids.op(from) => known.last = last,
                        _ => drop(self.moved.insert((*container, *element), Moved { last, from })),
                    }
                }
                Step::Set { container, seq, element, previous, .. } => {
                    let last = OpId::new(author, *seq);
                    let before = previous.as_ref().map(|(stamp, _)| stamp.op());
                    match self.set.get_mut(&(*container, *element)) {
                        Some(known) if before == Some(known.last) => known.last = last,
                        _ => drop(self.set.insert((*container, *element), Set { last, previous: previous.clone() })),
                    }
                }
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

    /// Takes back what still stands of it, where `reborn` came back before; and notes what comes back by that.
    ///
    /// # Errors
    ///
    /// If the numbers are used up.
    pub(super) fn take_back(&self, state: &mut State, reborn: &Reborn, born: &mut Reborn) -> Result<(), EditError> {
        let mut all = || -> Option<()> {
            for ((container, key), written) in &self.written {
                take_back_write(state, reborn, born, (*container, key.as_ref()), written)?;
            }
            for ((container, key), tagged) in &self.tagged {
                take_back_tags(state, reborn, born, (*container, key), tagged)?;
            }
            for (container, by) in &self.counted {
                take_back_count(state, *container, *by)?;
            }
            for ((container, first), len) in &self.inserted {
                for (first, len) in reborn.items(*first, *len) {
                    take_back_insertion(state, *container, first, len)?;
                }
            }
            for ((container, element), moved) in &self.moved {
                take_back_move(state, reborn, born, (*container, *element), moved)?;
            }
            for ((container, element), set) in &self.set {
                take_back_set(state, reborn, born, (*container, *element), set)?;
            }
            for ((container, first), len) in &self.deleted {
                take_back_deletion(state, born, *container, *first, *len)?;
            }
            Some(())
        };
        all().ok_or(EditError::Exhausted)
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

/// Deletes what is still there.
fn take_back_insertion(state: &mut State, container: usize, first: LocalId, len: u32) -> Option<()> {
    let id = state.containers[container].id.clone();
    let mut at = 0;
    while let Some(run) = state.run(container, first.plus(at)).filter(|_| at < len) {
        let here = run.len.min(len - at);
        if run.visible {
            let more = usize::from(planted(Fault::UndoTakesNeighbour) && run.at > 0);
            state.delete(&id, run.at - more, here as usize + more)?;
        }
        at += here;
    }
    Some(())
}

/// Inserts the same again, each piece where its tombstones stand.
fn take_back_deletion(state: &mut State, born: &mut Reborn, container: usize, first: LocalId, len: u32) -> Option<()> {
    let mut at = 0;
    while let Some(run) = state.run(container, first.plus(at)).filter(|_| at < len) {
        let (old, here) = (first.plus(at), run.len.min(len - at));
        // Another element takes up what was done to the one before.
        let done = state.done_last(container, old);
        let new = state.insert_again(container, old, here)?;
        done.into_iter().flatten().for_each(|op| born.set_operation(op, state.sequences.ids.op(new)));
        born.set_items(old, here, new);
        at += here;
    }
    Some(())
}

/// Moves an element to where it was before, if it is still where it was moved to.
fn take_back_move(
    state: &mut State,
    reborn: &Reborn,
    born: &mut Reborn,
    (container, element): (usize, LocalId),
    moved: &Moved,
) -> Option<()> {
    let element = reborn.element(element);
    let place = state.sequences.ids.op(state.place_in(container, element));
    let is_there = state.run(container, element).is_some_and(|run| run.visible);
    if is_there && place == reborn.operation(moved.last) {
        let back = state.move_back(container, element, moved.from)?;
        born.set_operation(state.sequences.ids.op(moved.from), back);
    }
    Some(())
}

/// Sets an element to what it was before, if it still is what it was set to. One that was a container cannot be that again.
fn take_back_set(
    state: &mut State,
    reborn: &Reborn,
    born: &mut Reborn,
    (container, element): (usize, LocalId),
    set: &Set,
) -> Option<()> {
    let (old, element) = (element, reborn.element(element));
    let Some([_, last]) = state.done_last(container, element) else { return Some(()) };
    let is_there = state.run(container, element).is_some_and(|run| run.visible);
    let stands = is_there && last == reborn.operation(set.last);
    let value = match &set.previous {
        Some((_, value)) => Some(value.clone()),
        None => state.inserted_as(container, old).and_then(Item::plain).cloned(),
    };
    if let Some(value) = value.filter(|_| stands) {
        let back = state.set_back(container, element, value)?;
        if let Some((stamp, _)) = &set.previous {
            born.set_operation(stamp.op(), back);
        }
    }
    Some(())
}

/// Writes what stood there before, if the write still stands.
fn take_back_write(
    state: &mut State,
    reborn: &Reborn,
    born: &mut Reborn,
    (container, key): (usize, Option<&Arc<str>>),
    written: &Written,
) -> Option<()> {
    let Some(now) = state.containers[container].content.entry(key.map(AsRef::as_ref)) else { return Some(()) };
    let stands = now.stamp.op() == reborn.operation(written.last) || planted(Fault::UndoTakesWriteOfOthers);
    let before = written.previous.as_ref();
    let value = before.and_then(|entry| entry.value.clone());
    let (stamp, same) = (now.stamp, now.value == value);
    if !stands {
        return Some(());
    }
    let back = if same { stamp.op() } else { state.write_back(container, key, value)? };
    if let Some(before) = before {
        born.set_operation(before.stamp.op(), back);
    }
    Some(())
}

/// Takes away what was added, and has what was shown before be there again, unless others have put something later there.
fn take_back_tags(
    state: &mut State,
    reborn: &Reborn,
    born: &mut Reborn,
    (container, key): (usize, &Bytes),
    tagged: &Tagged,
) -> Option<()> {
    let Content::Tagged(there) = &state.containers[container].content else { return Some(()) };
    let added: BTreeSet<_> = tagged.added.iter().map(|tag| reborn.operation(*tag)).collect();
    let (own, others): (Vec<_>, Vec<_>) = there.stamps(key).partition(|tag| added.contains(&tag.op()));
    let stands = !own.is_empty() || added.is_empty();
    let last = tagged.taken.last_key_value().map(|(last, _)| last);
    let shown = others.last() < last || planted(Fault::UndoPutsOverOthers);
    let mut over: Vec<_> = own.into_iter().map(Stamp::op).collect();
    for (stamp, value) in tagged.taken.iter().filter(|_| stands && shown) {
        let new = state.put_back(container, key, value, &std::mem::take(&mut over))?;
        born.set_operation(stamp.op(), new);
    }
    if over.is_empty() { Some(()) } else { state.remove_tags(container, &over) }
}

fn take_back_count(state: &mut State, container: usize, mut by: i128) -> Option<()> {
    let id = state.containers[container].id.clone();
    while by != 0 {
        let part = i64::try_from(-by).unwrap_or(if by > 0 { i64::MIN } else { i64::MAX });
        state.count(&id, part)?;
        by += i128::from(part);
    }
    Some(())
}
