//! The containers of a document, changed step by step, and every step kept until the change is complete.
//!
//! Local transactions and received bodies go through here alike: each step is applied at once, and written to a journal
//! from which it can be taken back. What the journal holds when the change is complete is what its body says (for a local
//! one) and what views are told.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::{
    body::{self, Action, BodyFault, Dictionary, Known, NUMBERS, Opened, Writing},
    container::{Container, ContainerId, ContainerKind, Content, Entry, Stamp, Value},
    local::LocalId,
    sequence::{Origins, Removed, Said, Saying, SequenceId, Sequences},
    telling::Telling,
    writers::{Writer, Writers},
};
use crate::{
    causal::Hlc,
    id::{OpId, ReplicaId},
    proof::{Fault, planted},
};

/// Something that was done, with what it takes to undo it and to tell others.
#[derive(Clone)]
pub(super) enum Step {
    /// The last of the containers was begun.
    Created,
    /// Characters or items were inserted.
    Inserted { container: usize, first: LocalId, len: u32, origins: Origins, at: usize, said: Said },
    /// Visible characters or items were deleted, by the operation `seq`.
    Deleted { container: usize, seq: u64, removed: Removed },
    /// An element of a movable list got another slot, where `at` visible ones were before it. Either the slot is its place now,
    /// and it has left another one; or that is not seen, because the element is deleted or was moved later.
    Moved {
        container: usize,
        element: LocalId,
        slot: LocalId,
        origins: Origins,
        said: Said,
        previous: Option<(Stamp, LocalId)>,
        left: Option<Removed>,
        at: usize,
    },
    /// An element of a movable list was set; where it stands, if it is not deleted.
    Set {
        container: usize,
        seq: u64,
        element: LocalId,
        value: Bytes,
        previous: Option<(Stamp, Bytes)>,
        at: Option<usize>,
    },
    /// A key of a map, or a register, was written.
    Written { container: usize, seq: u64, key: Option<Arc<str>>, value: Option<Value>, previous: Option<Entry> },
    /// Something was added to a counter.
    Counted { container: usize, seq: u64, by: i64 },
    /// A tag was added, where that was the greatest before that put a container there, and something was shown.
    Tagged { container: usize, key: Bytes, tag: Stamp, value: Value, before: Option<Value>, last_child: Option<Stamp> },
    /// A tag was taken away, by the operation `seq`, where something was shown before.
    Untagged { container: usize, seq: u64, key: Bytes, tag: Stamp, value: Value, before: Option<Value> },
}

impl Step {
    pub(super) const fn container(&self) -> Option<usize> {
        match self {
            Self::Created => None,
            Self::Inserted { container, .. }
            | Self::Deleted { container, .. }
            | Self::Moved { container, .. }
            | Self::Set { container, .. }
            | Self::Written { container, .. }
            | Self::Counted { container, .. }
            | Self::Tagged { container, .. }
            | Self::Untagged { container, .. } => Some(*container),
        }
    }

    /// The tag that was taken away.
    pub(super) const fn untagged(&self) -> Option<OpId> {
        match self {
            Self::Untagged { tag, .. } => Some(tag.op()),
            _ => None,
        }
    }
}

/// A container that is being edited: by its place here, where it is found at once, or by its id if it may have none yet.
pub(super) enum Named {
    Here(usize),
    Id(ContainerId),
}

impl From<ContainerId> for Named {
    fn from(id: ContainerId) -> Self {
        Self::Id(id)
    }
}

/// Whose operations are being applied.
#[derive(Clone, Copy)]
pub(super) struct Author {
    pub(super) replica: ReplicaId,
    pub(super) clock: Hlc,
}

/// A point to return to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    steps: usize,
    next: u64,
}

/// All containers, and the change that is being applied to them.
#[derive(Clone)]
pub(super) struct State {
    pub(super) sequences: Sequences,
    pub(super) containers: Vec<Container>,
    pub(super) index: BTreeMap<ContainerId, usize>,
    /// The container that was opened last: edits come in runs.
    recent: usize,
    /// How often a container was taken back.
    taken_back: u64,
    pub(super) writers: Writers,
    pub(super) author: Author,
    /// The number of the next operation.
    next: u64,
    pub(super) steps: Vec<Step>,
    /// What the application calls the edit that is being made.
    pub(super) label: Option<Arc<str>>,
    /// Where bodies are written.
    scratch: Vec<u8>,
}

impl State {
    pub(super) fn new(replica: ReplicaId) -> Self {
        Self {
            sequences: Sequences::default(),
            containers: Vec::new(),
            index: BTreeMap::new(),
            recent: 0,
            taken_back: 0,
            writers: Writers::default(),
            author: Author { replica, clock: Hlc::default() },
            next: 0,
            steps: Vec::new(),
            label: None,
            scratch: Vec::new(),
        }
    }

    /// Begins a change whose first operation has the number `next`.
    pub(super) fn begin(&mut self, author: Author, next: u64) -> Mark {
        debug_assert!(self.steps.is_empty());
        self.writers.turn_to(author.replica);
        self.author = author;
        self.next = next;
        self.label = None;
        self.mark()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { steps: self.steps.len(), next: self.next }
    }

    /// How many operations there have been since the mark.
    pub(super) fn covered_since(&self, mark: Mark) -> u64 {
        self.next - mark.next
    }

    /// Undoes everything since the mark.
    pub(super) fn return_to(&mut self, mark: Mark) {
        while self.steps.len() > mark.steps {
            let Some(step) = self.steps.pop() else { break };
            match step {
                Step::Created if planted(Fault::RollbackKeepsContainer) => {}
                Step::Created => {
                    self.taken_back += 1;
                    if let Some(container) = self.containers.pop() {
                        self.index.remove(&container.id);
                        if container.content.sequence().is_some() {
                            self.sequences.take_back_last();
                        }
                    }
                }
                Step::Inserted { container, first, len, said, .. } => {
                    let sequence = self.sequence_of(container);
                    self.sequences.take_back(sequence, first, len, said);
                }
                Step::Deleted { .. } if planted(Fault::RollbackKeepsDeletion) => {}
                Step::Deleted { container, removed, .. } => {
                    let sequence = self.sequence_of(container);
                    self.sequences.restore(sequence, removed);
                }
                Step::Moved { .. } if planted(Fault::RollbackKeepsMove) => {}
                Step::Moved { container, element, slot, said, previous, left, .. } => {
                    let sequence = self.sequence_of(container);
                    if let Some(left) = left {
                        self.sequences.restore(sequence, left);
                    }
                    self.sequences.take_back(sequence, slot, 1, said);
                    if let Content::MovableList(movable) = &mut self.containers[container].content {
                        movable.unmove(element, slot, previous);
                    }
                }
                Step::Set { .. } if planted(Fault::RollbackKeepsElementSet) => {}
                Step::Set { container, element, previous, .. } => {
                    if let Content::MovableList(movable) = &mut self.containers[container].content {
                        movable.unset(element, previous);
                    }
                }
                Step::Written { container, key, previous, .. } => {
                    self.containers[container].content.set_entry(key.as_ref(), previous);
                }
                Step::Counted { .. } if planted(Fault::RollbackKeepsCount) => {}
                Step::Counted { container, by, .. } => {
                    let writer = self.author.replica;
                    if let Content::Counter(sums) = &mut self.containers[container].content {
                        sums.add(writer, -i128::from(by));
                    }
                }
                Step::Tagged { container, key, tag, last_child, .. } => {
                    if let Content::Tagged(tagged) = &mut self.containers[container].content {
                        tagged.remove(tag.op());
                        tagged.set_last_child(&key, last_child);
                    }
                }
                Step::Untagged { .. } if planted(Fault::RollbackKeepsRemoval) => {}
                Step::Untagged { container, key, tag, value, .. } => {
                    if let Content::Tagged(tagged) = &mut self.containers[container].content {
                        tagged.add(key, tag, value);
                    }
                }
            }
        }
        self.next = mark.next;
        if let Some(writer) = self.sequences.ids.find_writer(self.author.replica) {
            self.sequences.ids.take_back(writer, mark.next);
        }
    }

    /// What the author has mentioned until now.
    pub(super) fn dictionary(&mut self) -> &mut Dictionary {
        &mut self.writers.current().dictionary
    }

    /// The journal as a body, and what its author had mentioned before.
    pub(super) fn write_body(&mut self) -> (Bytes, Known) {
        let known = self.dictionary().known();
        let Some(letter) = self.write_letter() else { return (self.write_steps(), known) };
        if cfg!(debug_assertions) {
            let after = self.dictionary().known();
            self.dictionary().return_to(known);
            let body = self.write_steps();
            debug_assert!(body == letter && self.dictionary().known() == after, "a letter is written as anything is");
        }
        (letter, known)
    }

    fn telling(&mut self) -> (Telling<'_>, &[Step], &mut Vec<u8>, &mut Writer) {
        let Self { sequences, containers, writers, author, steps, scratch, .. } = self;
        (Telling { sequences, containers, own: author.replica }, steps, scratch, writers.current())
    }

    fn write_letter(&mut self) -> Option<Bytes> {
        let taken_back = self.taken_back;
        let (telling, steps, scratch, writer) = self.telling();
        scratch.clear();
        telling.letter(steps, writer.last_opened(taken_back)?, &mut writer.dictionary, scratch)
    }

    fn write_steps(&mut self) -> Bytes {
        let (taken_back, own) = (self.taken_back, self.author.replica);
        let (telling, steps, scratch, writer) = self.telling();
        scratch.clear();
        telling.write(steps, &mut Writing::new(scratch, own, &mut writer.dictionary));
        if let (Some(index), Some(last)) = (writer.dictionary.last(), steps.iter().rev().find_map(Step::container)) {
            writer.note_opened(index, taken_back, last);
        }
        body::owned(scratch)
    }

    /// Forgets what the author has mentioned since, because it is part of no change that counts.
    pub(super) fn forget_mentions(&mut self, known: Known) {
        if !planted(Fault::MentionsKept) {
            self.writers.current().return_to(known);
        }
    }

    /// A container, if it was ever made or written to.
    pub(super) fn container(&self, id: &ContainerId) -> Option<&Container> {
        let recent = self.containers.get(self.recent).filter(|recent| recent.id.is(id));
        recent.or_else(|| self.index.get(id).map(|index| &self.containers[*index]))
    }

    /// The same of a text at the root.
    pub(super) fn root_text(&mut self, name: &str) -> Named {
        match self.containers.get(self.recent) {
            Some(Container { id, .. }) if id.is_root(ContainerKind::Text, name) => Named::Here(self.recent),
            _ => self.named(ContainerId::root(ContainerKind::Text, name)),
        }
    }

    /// A container by its place here, if it has one.
    pub(super) fn named(&mut self, id: ContainerId) -> Named {
        let Some(index) = self.index.get(&id) else { return Named::Id(id) };
        self.recent = *index;
        Named::Here(*index)
    }

    /// Its id.
    pub(super) fn id_of<'a>(&'a self, named: &'a Named) -> &'a ContainerId {
        match named {
            Named::Here(index) => &self.containers[*index].id,
            Named::Id(id) => id,
        }
    }

    /// The id of a container at the root, whether it was ever written to or not.
    pub(super) fn root(&self, kind: ContainerKind, name: &str) -> ContainerId {
        let recent = self.containers.get(self.recent).filter(|recent| recent.id.is_root(kind, name));
        recent.map_or_else(|| ContainerId::root(kind, name), |recent| recent.id.clone())
    }

    /// What it holds.
    pub(super) fn content(&self, id: &ContainerId) -> Option<&Content> {
        self.container(id).map(|container| &container.content)
    }

    /// The sequence of a text, a list or a movable list.
    pub(super) fn sequence(&self, id: &ContainerId) -> Option<SequenceId> {
        self.content(id)?.sequence()
    }

    pub(super) fn sequence_of(&self, container: usize) -> SequenceId {
        self.containers[container].content.sequence().expect("a container is of the kind in its id")
    }

    /// A container to write to; begun if it is not there.
    pub(super) fn open(&mut self, id: &ContainerId) -> usize {
        if self.containers.get(self.recent).is_some_and(|recent| recent.id.is(id)) {
            return self.recent;
        }
        if let Some(index) = self.index.get(id) {
            self.recent = *index;
            return *index;
        }
        let index = self.containers.len();
        let content = Content::new(id.kind, || self.sequences.begin());
        self.containers.push(Container { id: id.clone(), content });
        self.index.insert(id.clone(), index);
        self.steps.push(Step::Created);
        index
    }

    /// The same by its name.
    pub(super) fn open_named(&mut self, named: &Named) -> usize {
        match named {
            Named::Here(index) => *index,
            Named::Id(id) => self.open(id),
        }
    }

    /// The number of the next operation.
    pub(super) const fn next_number(&self) -> u64 {
        self.next
    }

    /// Takes the next `count` operation numbers, if there are as many left.
    pub(super) fn take_numbers(&mut self, count: u64) -> Option<u64> {
        let first = self.next;
        self.next = first.checked_add(count).filter(|next| *next <= NUMBERS)?;
        Some(first)
    }

    /// Applies an operation of a received body. Everything it refers to is known to be in its past.
    ///
    /// # Errors
    ///
    /// If it cannot be applied; the caller then [returns](Self::return_to) to the beginning of the change.
    pub(super) fn apply(&mut self, operation: Opened<&str>) -> Result<(), BodyFault> {
        let Opened { seq, container, action } = operation;
        let container = self.open_mentioned(container);
        match action {
            Action::Insert { left, right, text } => {
                self.insert_as(container, (left, right), Saying::Text(text), seq)?;
            }
            Action::InsertItems { left, right, items } => {
                self.insert_as(container, (left, right), Saying::Items(&items), seq)?;
            }
            Action::Delete { first, count } => self.delete_as(container, first, count, seq)?,
            Action::Move { element, left, right } => self.move_as(container, element, (left, right), seq)?,
            Action::SetElement { element, value } => self.set_as(container, element, value, seq)?,
            Action::Map { key, value } => self.write_as(container, Some(&key), value, seq),
            Action::Register { value } => self.write_as(container, None, value.map(Value::Plain), seq),
            Action::Count { by } => self.count_as(container, by, seq),
            Action::Add { element, over } => self.put_as(container, element, Value::Plain(Bytes::new()), &over, seq),
            Action::Put { key, value, over } => {
                self.put_as(container, Bytes::copy_from_slice(key.as_bytes()), value, &over, seq);
            }
            Action::Remove { tags } => self.remove_as(container, &tags, seq),
        }
        Ok(())
    }

    /// The container of an index that the author names it by.
    fn open_mentioned(&mut self, index: usize) -> usize {
        let writer = self.writers.current();
        if let Some(container) = writer.opened(index, self.taken_back) {
            return container;
        }
        let id = writer.dictionary.container(index).expect("what is read is in the dictionary").clone();
        let container = self.open(&id);
        self.writers.current().note_opened(index, self.taken_back, container);
        container
    }
}
