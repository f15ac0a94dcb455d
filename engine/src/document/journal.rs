//! The containers of a document, changed step by step, and every step kept until the change is complete.
//!
//! Local transactions and received bodies go through here alike: each step is applied at once, and written to a journal
//! from which it can be taken back. What the journal holds when the change is complete is what its body says (for a local
//! one) and what views are told.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use super::{
    body::{Action, BodyFault, Dictionary, Known, NUMBERS, Operation, Operations},
    container::{ContainerId, ContainerKind, Content, Entry, Stamp, Value},
    local::LocalId,
    sequence::{Misplaced, Origins, Removed, SequenceId, Sequences},
    writes::key_text,
};
use crate::{
    causal::Hlc,
    id::{OpId, ReplicaId},
    proof::{Fault, planted},
};

/// One container and its name.
#[derive(Clone)]
pub(super) struct Container {
    pub(super) id: ContainerId,
    pub(super) content: Content,
}

/// Something that was done, with what it takes to undo it and to tell others.
#[derive(Clone)]
pub(super) enum Step {
    /// The last of the containers was begun.
    Created,
    /// Characters were inserted.
    Inserted { container: usize, first: LocalId, len: u32, origins: Origins, at: usize, text: String },
    /// Visible characters were deleted, by the operation `seq`.
    Deleted { container: usize, seq: u64, removed: Removed },
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
            | Self::Written { container, .. }
            | Self::Counted { container, .. }
            | Self::Tagged { container, .. }
            | Self::Untagged { container, .. } => Some(*container),
        }
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
    /// What each writer has mentioned.
    pub(super) dictionaries: BTreeMap<ReplicaId, Dictionary>,
    pub(super) author: Author,
    /// The number of the next operation.
    next: u64,
    pub(super) steps: Vec<Step>,
    /// What the application calls the edit that is being made.
    pub(super) label: Option<Arc<str>>,
}

impl State {
    pub(super) fn new(replica: ReplicaId) -> Self {
        Self {
            sequences: Sequences::default(),
            containers: Vec::new(),
            index: BTreeMap::new(),
            dictionaries: BTreeMap::new(),
            author: Author { replica, clock: Hlc::default() },
            next: 0,
            steps: Vec::new(),
            label: None,
        }
    }

    /// Begins a change whose first operation has the number `next`.
    pub(super) fn begin(&mut self, author: Author, next: u64) -> Mark {
        debug_assert!(self.steps.is_empty());
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
                    if let Some(container) = self.containers.pop() {
                        self.index.remove(&container.id);
                        if let Content::Text(_) = container.content {
                            self.sequences.take_back_last();
                        }
                    }
                }
                Step::Inserted { container, first, len, .. } => {
                    let sequence = self.sequence_of(container);
                    self.sequences.take_back(sequence, first, len);
                }
                Step::Deleted { .. } if planted(Fault::RollbackKeepsDeletion) => {}
                Step::Deleted { container, removed, .. } => {
                    let sequence = self.sequence_of(container);
                    self.sequences.restore(sequence, removed);
                }
                Step::Written { container, key, previous, .. } => {
                    self.containers[container].content.set_entry(key.as_ref(), previous);
                }
                Step::Counted { .. } if planted(Fault::RollbackKeepsCount) => {}
                Step::Counted { container, by, .. } => {
                    if let Content::Counter(value) = &mut self.containers[container].content {
                        *value = value.wrapping_sub(by.into());
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
        self.dictionaries.entry(self.author.replica).or_default()
    }

    /// The journal as a body, and what its author had mentioned before.
    pub(super) fn write_body(&mut self) -> (Bytes, Known) {
        let (operations, own) = (self.operations(), self.author.replica);
        let dictionary = self.dictionary();
        let known = dictionary.known();
        (operations.encode(own, dictionary), known)
    }

    /// Forgets what the author has mentioned since, because it is part of no change that counts.
    pub(super) fn forget_mentions(&mut self, known: Known) {
        if !planted(Fault::MentionsKept) {
            self.dictionary().return_to(known);
        }
    }

    /// A container, if it was ever made or written to.
    pub(super) fn container(&self, id: &ContainerId) -> Option<&Container> {
        self.index.get(id).map(|index| &self.containers[*index])
    }

    /// What it holds.
    pub(super) fn content(&self, id: &ContainerId) -> Option<&Content> {
        self.container(id).map(|container| &container.content)
    }

    pub(super) fn sequence(&self, id: &ContainerId) -> Option<SequenceId> {
        match self.content(id) {
            Some(Content::Text(sequence)) => Some(*sequence),
            _ => None,
        }
    }

    pub(super) fn sequence_of(&self, container: usize) -> SequenceId {
        match &self.containers[container].content {
            Content::Text(sequence) => *sequence,
            _ => unreachable!("a container is of the kind in its id"),
        }
    }

    /// A container to write to; begun if it is not there.
    pub(super) fn open(&mut self, id: &ContainerId) -> usize {
        if let Some(index) = self.index.get(id) {
            return *index;
        }
        let index = self.containers.len();
        let content = Content::new(id.kind, || self.sequences.begin());
        self.containers.push(Container { id: id.clone(), content });
        self.index.insert(id.clone(), index);
        self.steps.push(Step::Created);
        index
    }

    fn open_text(&mut self, id: &ContainerId) -> (usize, SequenceId) {
        debug_assert!(id.kind == ContainerKind::Text);
        let index = self.open(id);
        (index, self.sequence_of(index))
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

    /// Inserts text here. The position is inside and the text not empty. `None` if the numbers are used up.
    pub(super) fn insert(&mut self, id: &ContainerId, at: usize, text: &str) -> Option<()> {
        let len = u32::try_from(text.chars().count()).ok()?;
        let writer = self.sequences.ids.writer(self.author.replica);
        // Numbers that are taken have to be used, so what can fail comes before.
        let first = self.sequences.ids.give(writer, self.next, len)?;
        self.take_numbers(u64::from(len))?;
        let (container, sequence) = self.open_text(id);
        let origins = self.sequences.insert(sequence, at, first, len, text);
        self.steps.push(Step::Inserted { container, first, len, origins, at, text: text.to_owned() });
        Some(())
    }

    /// Deletes text here. The range is inside and not empty. `None` if the numbers are used up.
    pub(super) fn delete(&mut self, id: &ContainerId, at: usize, count: usize) -> Option<()> {
        let mark = self.mark();
        let (container, sequence) = self.open_text(id);
        let mut pieces = Vec::new();
        self.sequences.delete(sequence, at, count, |removed| pieces.push(removed));
        let mut numbered = true;
        for removed in pieces {
            // One operation can name what continues the last one's ids in either direction.
            let seq = match self.steps.last() {
                Some(Step::Deleted { container: last, seq, removed: before })
                    if *last == container && self.sequences.continue_each_other(before, &removed) =>
                {
                    Some(*seq)
                }
                _ => self.take_numbers(1),
            };
            // Journalled whatever happens, so that it is undone with the rest.
            numbered &= seq.is_some();
            self.steps.push(Step::Deleted { container, seq: seq.unwrap_or(u64::MAX), removed });
        }
        if !numbered {
            self.return_to(mark);
            return None;
        }
        Some(())
    }

    /// Applies an operation of a received body. Everything it refers to is known to be in its past.
    ///
    /// # Errors
    ///
    /// If it cannot be applied; the caller then [returns](Self::return_to) to the beginning of the change.
    pub(super) fn apply(&mut self, operation: Operation) -> Result<(), BodyFault> {
        let id = &operation.container;
        let op = OpId::new(self.author.replica, operation.seq);
        match operation.action {
            Action::Insert { left, right, text } => {
                let origins = Origins { left: self.item(left)?, right: self.item(right)? };
                let given = u32::try_from(text.chars().count()).ok().and_then(|len| {
                    let writer = self.sequences.ids.writer(op.replica);
                    Some((self.sequences.ids.give(writer, op.seq, len)?, len))
                });
                let (first, len) = given.ok_or(BodyFault::TooMany)?;
                let (container, sequence) = self.open_text(id);
                let at = self.sequences.integrate(sequence, first, len, &text, origins);
                let at = at.map_err(|why| match why {
                    Misplaced::Missing(item) => BodyFault::Missing { op: self.sequences.ids.op(item) },
                    Misplaced::NeverNeighbours => BodyFault::Misplaced { op },
                })?;
                let at = at as usize;
                self.steps.push(Step::Inserted { container, first, len, origins, at, text });
            }
            Action::Delete { first, count } => {
                let (container, sequence) = self.open_text(id);
                if !self.sequences.contains(sequence, first, count) {
                    return Err(BodyFault::Missing { op: first });
                }
                let Self { sequences, steps, .. } = self;
                sequences.delete_items(sequence, first, count, |mut removed| {
                    if planted(Fault::DeletionReportedOneOff) {
                        removed.at = removed.at.saturating_sub(1);
                    }
                    steps.push(Step::Deleted { container, seq: operation.seq, removed });
                });
            }
            Action::Map { key, value } => self.write_as(id, Some(&key), value, operation.seq),
            Action::Register { value } => self.write_as(id, None, value.map(Value::Plain), operation.seq),
            Action::Count { by } => self.count_as(id, by, operation.seq),
            Action::Add { element, over } => {
                self.put_as(id, element, Value::Plain(Bytes::new()), &over, operation.seq);
            }
            Action::Put { key, value, over } => {
                self.put_as(id, Bytes::copy_from_slice(key.as_bytes()), value, &over, operation.seq);
            }
            Action::Remove { tags } => self.remove_as(id, &tags, operation.seq),
        }
        Ok(())
    }

    fn item(&self, op: Option<OpId>) -> Result<Option<LocalId>, BodyFault> {
        op.map(|op| self.sequences.ids.find(op).ok_or(BodyFault::Missing { op })).transpose()
    }

    /// The journal as operations: what a body is written from.
    pub(super) fn operations(&self) -> Operations {
        let mut operations = Operations::default();
        for step in &self.steps {
            let Some(index) = step.container() else { continue };
            let container = &self.containers[index].id;
            if let Some((seq, action)) = self.action(step, container, operations.list.last_mut()) {
                operations.list.push(Operation { seq, container: container.clone(), action });
            }
        }
        operations
    }

    /// What a step did, unless the last operation could take it in.
    fn action(&self, step: &Step, container: &ContainerId, last: Option<&mut Operation>) -> Option<(u64, Action)> {
        let last = last.filter(|last| last.container == *container);
        let name = |item: LocalId| self.sequences.ids.op(item);
        match step {
            Step::Created => None,
            Step::Inserted { first, origins, text, .. } => {
                let first = name(*first);
                let (left, right) = (origins.left.map(name), origins.right.map(name));
                if let Some(Operation { seq, action: Action::Insert { right: its_right, text: run, .. }, .. }) = last {
                    // Numbers follow one another, so the run's last character is the one numbered before this step.
                    let typed_on =
                        left.is_some_and(|left| left.replica == self.author.replica && left.seq + 1 == first.seq);
                    if typed_on && left.is_some_and(|left| left.seq >= *seq) && *its_right == right {
                        run.push_str(text);
                        return None;
                    }
                }
                Some((first.seq, Action::Insert { left, right, text: text.clone() }))
            }
            Step::Deleted { seq, removed, .. } => {
                let from = name(removed.first);
                if let Some(Operation { seq: its_seq, action: Action::Delete { first, count }, .. }) = last {
                    if its_seq == seq {
                        first.seq = first.seq.min(from.seq);
                        *count += u64::from(removed.len);
                        return None;
                    }
                }
                Some((*seq, Action::Delete { first: from, count: u64::from(removed.len) }))
            }
            Step::Written { seq, key: Some(key), value, .. } => {
                Some((*seq, Action::Map { key: key.clone(), value: value.clone() }))
            }
            Step::Written { seq, key: None, value, .. } => {
                let value = value.as_ref().and_then(Value::plain).cloned();
                Some((*seq, Action::Register { value }))
            }
            Step::Counted { seq, by, .. } => Some((*seq, Action::Count { by: *by })),
            Step::Untagged { seq, tag, .. } => match last {
                Some(Operation { seq: its_seq, action: Action::Remove { tags }, .. }) if its_seq == seq => {
                    tags.push(tag.op());
                    None
                }
                _ => Some((*seq, Action::Remove { tags: vec![tag.op()] })),
            },
            Step::Tagged { key, tag, value, .. } => {
                let put = |over| match key_text(key).filter(|_| container.kind == ContainerKind::OrMap) {
                    Some(name) => Action::Put { key: name.into(), value: value.clone(), over },
                    None => Action::Add { element: key.clone(), over },
                };
                match last {
                    // What it takes the place of was taken away just before.
                    Some(Operation { seq, action, .. }) if *seq == tag.seq => {
                        let Action::Remove { tags } = action else { return None };
                        *action = put(std::mem::take(tags));
                        None
                    }
                    _ => Some((tag.seq, put(Vec::new()))),
                }
            }
        }
    }
}
