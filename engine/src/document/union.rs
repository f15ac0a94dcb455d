//! Two states of one history become one.
//!
//! A state that has no changes still says all that later changes need of it: of each item between what it was inserted, of
//! each write when it was made, of each tag that it is there. So what another state has can be put into this one as if the
//! changes had come that it has and this one lacks. What is missing in a state that covers it was taken away.

use std::collections::BTreeSet;

use super::{
    container::{ContainerId, ContainerKind, Content, Entry},
    counter::Sums,
    journal::State,
    sequence::{Misplaced, Part, SequenceId},
    tagged::Tagged,
};
use crate::{
    causal::{VersionVector, base::Base},
    proof::{Fault, planted},
};

/// Two states that can be of no common history, or more items than there can be in one document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Apart;

impl From<Misplaced> for Apart {
    fn from(_: Misplaced) -> Self {
        Self
    }
}

/// What two states cover.
#[derive(Clone, Copy)]
pub(super) struct Covers<'a> {
    pub(super) ours: &'a VersionVector,
    pub(super) theirs: &'a VersionVector,
}

impl State {
    /// Takes in what another state has. `shape` is the shape of its history, `ours` what is covered here.
    ///
    /// # Errors
    ///
    /// If the two contradict each other. Something may have been taken in then.
    pub(super) fn unite(&mut self, ours: &VersionVector, other: &Self, shape: &Base) -> Result<(), Apart> {
        let covers = Covers { ours, theirs: shape.version() };
        let containers: Vec<_> = other.index.iter().map(|(id, theirs)| (self.open(id), *theirs)).collect();
        self.steps.clear();
        self.unite_items(&containers, other, covers, shape)?;
        for (here, there) in &containers {
            let Self { containers, sequences, .. } = self;
            let (here, there) = (&mut containers[*here], &other.containers[*there]);
            match (&mut here.content, &there.content) {
                (Content::MovableList(ours), Content::MovableList(theirs)) => {
                    ours.unite(sequences, theirs, &other.sequences, covers).ok_or(Apart)?;
                }
                (Content::Map(ours), Content::Map(theirs)) => {
                    for (key, entry) in theirs {
                        if let Some(entry) = later(ours.get(key), entry) {
                            ours.insert(key.clone(), entry);
                        }
                    }
                }
                (Content::Register(ours), Content::Register(Some(theirs))) => {
                    *ours = later(ours.as_ref(), theirs).or_else(|| ours.take());
                }
                (Content::Counter(ours), Content::Counter(theirs)) => unite_sums(ours, theirs, covers),
                (Content::Tagged(ours), Content::Tagged(theirs)) => unite_tags(ours, theirs, covers),
                _ => {}
            }
        }
        for (writer, dictionary) in other.writers.dictionaries() {
            let more = covers.theirs.next(writer) > covers.ours.next(writer);
            if more && !planted(Fault::UnionForgetsMentions) {
                self.writers.set_dictionary(writer, dictionary.clone());
            }
        }
        Ok(())
    }

    /// Inserts the items that are not here, each after those that it names, and deletes those that are deleted there.
    fn unite_items(
        &mut self,
        containers: &[(usize, usize)],
        other: &Self,
        covers: Covers<'_>,
        shape: &Base,
    ) -> Result<(), Apart> {
        let mut parts = Vec::new();
        for (here, there) in containers {
            let ContainerId { kind, .. } = self.containers[*here].id;
            if let Some(sequence) = other.containers[*there].content.sequence() {
                let its = other.sequences.parts(sequence, kind == ContainerKind::Text);
                // Where there are elements in slots, which of them are seen is found out when all are there.
                let slots = kind == ContainerKind::MovableList;
                parts.extend(its.map(|part| (self.sequence_of(*here), slots, part)));
            }
        }
        // Steps are a causal order. A run that was typed on later names nothing that its first item did not.
        parts.sort_by_cached_key(|(_, _, part)| (shape.run(part.first), part.first));
        for (sequence, slots, part) in &parts {
            let known = part.before(covers.ours.next(part.first.replica));
            if !self.sequences.contains(*sequence, part.first, known.into()) {
                return Err(Apart);
            }
            if known < part.len {
                self.sequences.insert_part(*sequence, *part, known, *slots).ok_or(Apart)??;
            }
            if !slots {
                self.delete_known(*sequence, part, known);
            }
        }
        Ok(())
    }

    /// Deletes the items of a part that were here before, if they are deleted there.
    fn delete_known(&mut self, sequence: SequenceId, part: &Part<'_>, known: u32) {
        if part.deleted && known > 0 && !planted(Fault::UnionForgetsDeletions) {
            self.sequences.delete_items(sequence, part.first, known.into(), |_| ());
        }
    }
}

/// Theirs, if it is later than ours.
fn later(ours: Option<&Entry>, theirs: &Entry) -> Option<Entry> {
    let later = ours.is_none_or(|ours| ours.stamp < theirs.stamp) || planted(Fault::UnionTakesTheirs);
    later.then(|| theirs.clone())
}

/// Of each writer the sum of the side that has more of its changes.
fn unite_sums(ours: &mut Sums, theirs: &Sums, covers: Covers<'_>) {
    let writers: BTreeSet<_> = ours.by_writer().keys().chain(theirs.by_writer().keys()).copied().collect();
    for writer in writers {
        if covers.theirs.next(writer) > covers.ours.next(writer) {
            let before = if planted(Fault::UnionCountsTwice) { ours.of(writer) } else { 0 };
            ours.set(writer, theirs.of(writer).wrapping_add(before));
        }
    }
}

/// A tag that one side covers and does not have was taken away.
fn unite_tags(ours: &mut Tagged, theirs: &Tagged, covers: Covers<'_>) {
    let here: Vec<_> = ours.all().values().flat_map(|tags| tags.iter().map(|(tag, _)| *tag)).collect();
    for tag in here {
        let taken_away = covers.theirs.contains(tag.op()) && theirs.place(tag.op()).is_none();
        if taken_away && !planted(Fault::UnionKeepsTags) {
            ours.remove(tag.op());
        }
    }
    for (key, tags) in theirs.all() {
        for (tag, value) in tags.iter() {
            if !covers.ours.contains(tag.op()) || planted(Fault::UnionRevivesTags) {
                ours.add(key.clone(), *tag, value.clone());
            }
        }
    }
    for (key, tag) in theirs.children() {
        ours.set_last_child(key, ours.last_child(key).max(Some(*tag)));
    }
}
