//! What is known of each writer: what it has mentioned in its changes, and by which numbers that goes in this document.
//!
//! A change is opened on behalf of its writer, and mentions little in full. So everything that one change after another needs
//! stands here side by side: a writer is looked up once for each change, and a container that it names by an index is at
//! hand, however long its name is.

use std::collections::BTreeMap;

use super::body::{Dictionary, Known};
use crate::id::ReplicaId;

/// All writers, and the one whose change is being made or opened.
#[derive(Clone, Default)]
pub(super) struct Writers {
    list: Vec<Writer>,
    by_replica: BTreeMap<ReplicaId, usize>,
    current: usize,
}

/// One writer.
#[derive(Clone)]
pub(super) struct Writer {
    replica: ReplicaId,
    pub(super) dictionary: Dictionary,
    /// The number by which short ids know it, once it was given one.
    pub(super) number: Option<u32>,
    /// Of the containers in the dictionary, which of the document's they are, as far as that was looked up.
    opened: Vec<Option<usize>>,
    /// How often containers had been taken back at that time.
    taken_back: u64,
}

impl Writers {
    /// Makes a writer the one whose change it is.
    pub(super) fn turn_to(&mut self, replica: ReplicaId) {
        if self.list.get(self.current).is_none_or(|current| current.replica != replica) {
            self.current = self.enter(replica);
        }
    }

    fn enter(&mut self, replica: ReplicaId) -> usize {
        let list = &mut self.list;
        *self.by_replica.entry(replica).or_insert_with(|| {
            let dictionary = Dictionary::default();
            list.push(Writer { replica, dictionary, number: None, opened: Vec::new(), taken_back: 0 });
            list.len() - 1
        })
    }

    /// The one whose change it is: the one that was [turned to](Self::turn_to) last.
    pub(super) fn current(&mut self) -> &mut Writer {
        &mut self.list[self.current]
    }

    /// The number by which short ids know it, once it was given one.
    pub(super) fn current_number(&self) -> Option<u32> {
        self.list.get(self.current)?.number
    }

    /// What each writer has mentioned, in the order of the writers' ids.
    pub(super) fn dictionaries(&self) -> impl Iterator<Item = (ReplicaId, &Dictionary)> + '_ {
        self.by_replica.iter().map(|(replica, index)| (*replica, &self.list[*index].dictionary))
    }

    /// Says what a writer has mentioned, in place of what was known of it.
    pub(super) fn set_dictionary(&mut self, replica: ReplicaId, dictionary: Dictionary) {
        let index = self.enter(replica);
        self.list[index].dictionary = dictionary;
        self.list[index].opened.clear();
    }

    /// Enters what a writer has mentioned. Whether nothing had been entered for it.
    pub(super) fn enter_dictionary(&mut self, replica: ReplicaId, dictionary: Dictionary) -> bool {
        let new = !self.by_replica.contains_key(&replica);
        let index = self.enter(replica);
        self.list[index].dictionary = dictionary;
        new
    }
}

impl Writer {
    /// Which of the document's containers one in the dictionary is, if that was looked up since containers were taken back
    /// for the last time.
    pub(super) fn opened(&self, index: usize, taken_back: u64) -> Option<usize> {
        if self.taken_back == taken_back { *self.opened.get(index)? } else { None }
    }

    /// The same of the container that its last operation wrote to.
    pub(super) fn last_opened(&self, taken_back: u64) -> Option<usize> {
        self.opened(self.dictionary.last()?, taken_back)
    }

    /// Notes which one it is.
    pub(super) fn note_opened(&mut self, index: usize, taken_back: u64, container: usize) {
        if self.taken_back != taken_back {
            self.opened.clear();
            self.taken_back = taken_back;
        }
        if self.opened.len() <= index {
            self.opened.resize(index + 1, None);
        }
        self.opened[index] = Some(container);
    }

    /// Forgets what was mentioned since.
    pub(super) fn return_to(&mut self, known: Known) {
        self.dictionary.return_to(known);
        self.opened.truncate(self.dictionary.mentioned().containers.len());
    }
}
