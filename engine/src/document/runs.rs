//! Texts and lists, step by step: what is inserted between others, and what of it is deleted.

use super::{
    body::BodyFault,
    container::{Container, ContainerId, ContainerKind, Item},
    journal::{Named, State, Step},
    local::LocalId,
    sequence::{Misplaced, Origins, Removed, Said, Saying, SequenceId},
};
use crate::{
    id::OpId,
    proof::{Fault, planted},
};

impl State {
    pub(super) fn open_sequence(&mut self, id: &ContainerId) -> (usize, SequenceId) {
        let index = self.open(id);
        (index, self.sequence_of(index))
    }

    /// Inserts text here. The position is inside and the text not empty. `None` if the numbers are used up.
    pub(super) fn insert(&mut self, text: &Named, at: usize, inserted: &str) -> Option<()> {
        let len = u32::try_from(inserted.chars().count()).ok()?;
        let (_, first) = self.number_run(len)?;
        let said = self.sequences.say_text(first, inserted);
        let container = self.open_named(text);
        self.insert_run(container, at, first, len, said);
        Some(())
    }

    /// Inserts items here, of which there is at least one; the position is inside. The number of the first one's operation.
    /// `None` if the numbers are used up.
    pub(super) fn insert_items(&mut self, id: &ContainerId, at: usize, items: Vec<Item>) -> Option<u64> {
        let len = u32::try_from(items.len()).ok()?;
        let (seq, first) = self.number_run(len)?;
        let children = self.children(id, &items, seq);
        let said = self.sequences.say_items(first, items);
        let container = self.open(id);
        self.insert_run(container, at, first, len, said);
        self.open_all(&children);
        Some(seq)
    }

    /// The numbers and ids of `len` new items.
    pub(super) fn number_run(&mut self, len: u32) -> Option<(u64, LocalId)> {
        let writer = self.author_number();
        // Numbers that are taken have to be used, so what can fail comes before.
        let first = self.sequences.ids.give(writer, self.next_number(), len)?;
        Some((self.take_numbers(u64::from(len))?, first))
    }

    fn insert_run(&mut self, container: usize, at: usize, first: LocalId, len: u32, said: Said) {
        let sequence = self.sequence_of(container);
        let origins = self.sequences.insert(sequence, at, first, len, said);
        self.steps.push(Step::Inserted { container, first, len, origins, at, said });
    }

    /// The containers among items that the author inserts.
    pub(super) fn children(&self, id: &ContainerId, items: &[Item], seq: u64) -> Vec<ContainerId> {
        let numbered = (seq..).zip(items);
        numbered.filter_map(|(seq, item)| item.child(id, OpId::new(self.author.replica, seq))).collect()
    }

    /// A container that is made is there, whether it is shown or not.
    pub(super) fn open_all(&mut self, children: &[ContainerId]) {
        for child in children.iter().filter(|_| !planted(Fault::ItemsNotOpened)) {
            self.open(child);
        }
    }

    /// Inserts what was inserted elsewhere.
    pub(super) fn insert_as(
        &mut self,
        container: usize,
        (left, right): (Option<OpId>, Option<OpId>),
        saying: Saying<'_>,
        seq: u64,
    ) -> Result<(), BodyFault> {
        let origins = self.origins(container, left, right)?;
        let len = match saying {
            Saying::Text(text) => text.chars().count(),
            Saying::Items(items) => items.len(),
        };
        let op = OpId::new(self.author.replica, seq);
        let (first, len) = self.ids_for(op, len).ok_or(BodyFault::TooMany)?;
        let sequence = self.sequence_of(container);
        let said = match saying {
            Saying::Text(text) => self.sequences.say_text(first, text),
            Saying::Items(items) => self.sequences.say_items(first, items.iter().cloned()),
        };
        let at = self.sequences.integrate(sequence, first, len, said, origins);
        let at = at.map_err(|why| self.misplaced(why, op))? as usize;
        self.steps.push(Step::Inserted { container, first, len, origins, at, said });
        if let Saying::Items(items) = saying {
            self.open_all(&self.children(&self.containers[container].id, items, seq));
        }
        Ok(())
    }

    pub(super) fn ids_for(&mut self, op: OpId, len: usize) -> Option<(LocalId, u32)> {
        let len = u32::try_from(len).ok()?;
        let writer = self.author_number();
        Some((self.sequences.ids.give(writer, op.seq, len)?, len))
    }

    /// The number by which short ids know the author.
    fn author_number(&mut self) -> u32 {
        let Self { writers, sequences, author, .. } = self;
        *writers.current().number.get_or_insert_with(|| sequences.ids.writer(author.replica))
    }

    pub(super) fn misplaced(&self, why: Misplaced, op: OpId) -> BodyFault {
        match why {
            Misplaced::Missing(item) => BodyFault::Missing { op: self.sequences.ids.op(item) },
            Misplaced::NeverNeighbours => BodyFault::Misplaced { op },
        }
    }

    /// The short id of an operation, mostly one of the author's own.
    fn find(&self, op: OpId) -> Option<LocalId> {
        match self.writers.current_number().filter(|_| op.replica == self.author.replica) {
            Some(author) => self.sequences.ids.find_of(author, op.seq),
            None => self.sequences.ids.find(op),
        }
    }

    /// Between what something was inserted. If both are not here, it is the left one that is missing, as everywhere: that it may
    /// have an id, which nothing bears, does not count.
    pub(super) fn origins(
        &self,
        container: usize,
        left: Option<OpId>,
        right: Option<OpId>,
    ) -> Result<Origins, BodyFault> {
        let (left, named) = (self.item(left)?, left);
        let is_here = |item| self.sequences.run(self.sequence_of(container), item).is_some();
        let right = self.item(right).map_err(|fault| match named {
            Some(op) if !left.is_some_and(is_here) => BodyFault::Missing { op },
            _ => fault,
        })?;
        Ok(Origins { left, right })
    }

    pub(super) fn item(&self, op: Option<OpId>) -> Result<Option<LocalId>, BodyFault> {
        op.map(|op| self.find(op).ok_or(BodyFault::Missing { op })).transpose()
    }

    /// Deletes characters or items here, of which there are as many. `None` if the numbers are used up.
    pub(super) fn delete(&mut self, container: usize, at: usize, count: usize) -> Option<()> {
        let mark = self.mark();
        let Container { id, content } = &self.containers[container];
        let one_by_one = id.kind == ContainerKind::MovableList;
        let sequence = content.sequence().expect("a container is of the kind in its id");
        let (mut left, mut numbered) = (count, true);
        while left > 0 {
            // What is named is an element, and two that stand side by side may be named by numbers far apart.
            let removed = self.sequences.delete(sequence, at, if one_by_one { 1 } else { left });
            left -= removed.len as usize;
            numbered &= self.note_deletion(container, removed);
        }
        if !numbered {
            self.return_to(mark);
            return None;
        }
        Some(())
    }

    /// Journals what was deleted, so that it is undone with the rest. Whether there was a number left for it, if it took one.
    fn note_deletion(&mut self, container: usize, removed: Removed) -> bool {
        // One operation can name what continues the last one's ids in either direction.
        let named = |removed: &Removed| Removed { first: self.element_in(container, removed.first), ..*removed };
        let seq = match self.steps.last() {
            Some(Step::Deleted { container: last, seq, removed: before })
                if *last == container && self.sequences.continue_each_other(&named(before), &named(&removed)) =>
            {
                Some(*seq)
            }
            _ => self.take_numbers(1),
        };
        self.steps.push(Step::Deleted { container, seq: seq.unwrap_or(u64::MAX), removed });
        seq.is_some()
    }

    /// Deletes what was deleted elsewhere.
    pub(super) fn delete_as(&mut self, container: usize, first: OpId, count: u64, seq: u64) -> Result<(), BodyFault> {
        let sequence = self.sequence_of(container);
        let is_movable = self.containers[container].id.kind == ContainerKind::MovableList;
        let run = if is_movable { None } else { self.sequences.delete_run(sequence, first, count) };
        if let Some(removed) = run {
            self.note_removal(container, seq, removed);
            return Ok(());
        }
        if !self.sequences.contains(sequence, first, count) {
            return Err(BodyFault::Missing { op: first });
        }
        if is_movable {
            self.delete_moved_as(container, first, count, seq)?;
        }
        let mut gone = Vec::new();
        self.sequences.delete_items(sequence, first, count, |removed| gone.push(removed));
        gone.into_iter().for_each(|removed| self.note_removal(container, seq, removed));
        Ok(())
    }

    fn note_removal(&mut self, container: usize, seq: u64, mut removed: Removed) {
        if planted(Fault::DeletionReportedOneOff) {
            removed.at = removed.at.saturating_sub(1);
        }
        self.steps.push(Step::Deleted { container, seq, removed });
    }
}
