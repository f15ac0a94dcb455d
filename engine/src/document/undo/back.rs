//! How what edits did is taken back, and what of it.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;

use super::{
    effects::{Tagged, Written},
    reborn::Reborn,
};
use crate::{
    document::{
        container::{ContainerKind, Content, Stamp},
        journal::State,
        local::LocalId,
    },
    proof::{Fault, planted},
};

/// How far is looked for a place, in runs.
const MOST_RUNS: usize = 1_000;

/// An undo, or a redo, that is being made. Everything here is `None` if the numbers are used up.
pub(super) struct Back<'a> {
    pub(super) state: &'a mut State,
    /// What came back before.
    pub(super) reborn: &'a Reborn,
    /// What comes back now.
    pub(super) born: &'a mut Reborn,
}

impl Back<'_> {
    /// Deletes what is still there.
    pub(super) fn insertion(&mut self, container: usize, first: LocalId, len: u32) -> Option<()> {
        let container = self.reborn.container(container);
        for (first, len) in self.reborn.items(first, len) {
            self.delete(container, first, len)?;
        }
        Some(())
    }

    /// Deletes what is there of some items.
    pub(super) fn delete(&mut self, container: usize, first: LocalId, len: u32) -> Option<()> {
        let mut at = 0;
        while let Some(run) = self.state.run(container, first.plus(at)).filter(|_| at < len) {
            let here = run.len.min(len - at);
            if run.visible {
                let more = usize::from(planted(Fault::UndoTakesNeighbour) && run.at > 0);
                self.state.delete(container, run.at - more, here as usize + more)?;
            }
            at += here;
        }
        Some(())
    }

    /// Inserts the same again, each piece where its tombstones stand.
    pub(super) fn deletion(&mut self, container: usize, first: LocalId, len: u32) -> Option<()> {
        let into = self.reborn.container(container);
        let mut at = 0;
        while let Some(run) = self.state.run(container, first.plus(at)).filter(|_| at < len) {
            let (old, here) = (first.plus(at), run.len.min(len - at));
            let before = self.place_in(container, old, into);
            let sequence = self.state.sequence_of(container);
            if self.state.containers[container].id.kind == ContainerKind::Text {
                let text = self.state.sequences.text_of(sequence, old, here)?;
                let new = self.state.insert_text_again(into, &text, before)?;
                self.born.set_items(old, here, new);
            } else {
                let items = self.state.sequences.items_of(sequence, old, here)?;
                let new = self.state.insert_items_again(into, items.clone(), before)?;
                self.born.set_items(old, here, new);
                for (at, item) in (0..).zip(&items) {
                    self.fill_item((container, old.plus(at)), (into, new.plus(at)), item)?;
                }
            }
            at += here;
        }
        Some(())
    }

    /// Right before what something goes that goes right before an item of a container: this one, or where another container
    /// stands in place of that, the first there of those from it on; `None` is the end.
    pub(super) fn place_in(&self, container: usize, item: LocalId, into: usize) -> Option<LocalId> {
        if container == into {
            return Some(item);
        }
        let sequences = &self.state.sequences;
        let (from, to) = (self.state.sequence_of(container), self.state.sequence_of(into));
        let is_there = |item: &LocalId| sequences.run(to, *item).is_some();
        let movable = self.state.containers[container].id.kind == ContainerKind::MovableList;
        let mut runs = sequences.runs_from(from, item).take(MOST_RUNS);
        runs.find_map(|(first, len)| match movable {
            true => (0..len).map(|at| self.born.place(self.reborn.place(first.plus(at)))).find(is_there),
            false => {
                let before = self.reborn.items(first, len).into_iter();
                let mut now = before.flat_map(|(first, len)| self.born.items(first, len)).map(|(first, _)| first);
                now.find(is_there)
            }
        })
    }

    /// Writes what stood there before, if the write still stands.
    pub(super) fn write(&mut self, (container, key): (usize, Option<&Arc<str>>), written: &Written) -> Option<()> {
        let into = self.reborn.container(container);
        let Some(now) = self.state.containers[into].content.entry(key.map(AsRef::as_ref)) else { return Some(()) };
        let stands = now.stamp.op() == self.reborn.operation(written.last) || planted(Fault::UndoTakesWriteOfOthers);
        let before = written.previous.as_ref();
        let value = before.and_then(|entry| entry.value.clone());
        let (stamp, same) = (now.stamp, now.value == value);
        if !stands {
            return Some(());
        }
        let back = if same { stamp.op() } else { self.state.write_back(into, key, value.clone())? };
        if let Some(before) = before {
            self.born.set_operation(before.stamp.op(), back);
        }
        if let (Some(key), Some(value)) = (key, &value) {
            self.fill_key(container, into, key, value)?;
        }
        Some(())
    }

    /// Takes away what was added, and has what was shown before be there again, unless others have put something later there.
    pub(super) fn tags(&mut self, (container, key): (usize, &Bytes), tagged: &Tagged) -> Option<()> {
        let into = self.reborn.container(container);
        let Content::Tagged(there) = &self.state.containers[into].content else { return Some(()) };
        let added: BTreeSet<_> = tagged.added.iter().map(|tag| self.reborn.operation(*tag)).collect();
        let (own, others): (Vec<_>, Vec<_>) = there.stamps(key).partition(|tag| added.contains(&tag.op()));
        let stands = !own.is_empty() || added.is_empty();
        let last = tagged.taken.last_key_value().map(|(last, _)| last);
        let shown = others.last() < last || planted(Fault::UndoPutsOverOthers);
        let mut over: Vec<_> = own.into_iter().map(Stamp::op).collect();
        for (stamp, value) in tagged.taken.iter().filter(|_| stands && shown) {
            let new = self.state.put_back(into, key, value, &std::mem::take(&mut over))?;
            self.born.set_operation(stamp.op(), new);
            self.fill_tag(container, into, key, value)?;
        }
        if over.is_empty() { Some(()) } else { self.state.remove_tags(into, &over) }
    }

    /// Takes away again what was added to a counter.
    pub(super) fn count(&mut self, container: usize, by: i128) -> Option<()> {
        self.add(self.reborn.container(container), by.wrapping_neg())
    }

    /// Adds to a counter, as often as it takes.
    pub(super) fn add(&mut self, container: usize, mut by: i128) -> Option<()> {
        let id = self.state.containers[container].id.clone();
        while by != 0 {
            let part = i64::try_from(by).unwrap_or(if by < 0 { i64::MIN } else { i64::MAX });
            self.state.count(&id, part)?;
            by -= i128::from(part);
        }
        Some(())
    }
}
