//! Texts and lists, step by step: what is inserted between others, and what of it is deleted.

use super::{
    body::{Action, BodyFault, Operation},
    container::{ContainerId, ContainerKind, Item},
    journal::{State, Step},
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
    pub(super) fn insert(&mut self, id: &ContainerId, at: usize, text: &str) -> Option<()> {
        let len = u32::try_from(text.chars().count()).ok()?;
        let (_, first) = self.number_run(len)?;
        let said = self.sequences.say_text(first, text);
        self.insert_run(id, at, first, len, said);
        Some(())
    }

    /// Inserts items here, of which there is at least one; the position is inside. The number of the first one's operation.
    /// `None` if the numbers are used up.
    pub(super) fn insert_items(&mut self, id: &ContainerId, at: usize, items: Vec<Item>) -> Option<u64> {
        let len = u32::try_from(items.len()).ok()?;
        let (seq, first) = self.number_run(len)?;
        let children = self.children(id, &items, seq);
        let said = self.sequences.say_items(first, items);
        self.insert_run(id, at, first, len, said);
        self.open_all(&children);
        Some(seq)
    }

    /// The numbers and ids of `len` new items.
    pub(super) fn number_run(&mut self, len: u32) -> Option<(u64, LocalId)> {
        let writer = self.sequences.ids.writer(self.author.replica);
        // Numbers that are taken have to be used, so what can fail comes before.
        let first = self.sequences.ids.give(writer, self.next_number(), len)?;
        Some((self.take_numbers(u64::from(len))?, first))
    }

    fn insert_run(&mut self, id: &ContainerId, at: usize, first: LocalId, len: u32, said: Said) {
        let (container, sequence) = self.open_sequence(id);
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
        id: &ContainerId,
        (left, right): (Option<OpId>, Option<OpId>),
        saying: Saying<'_>,
        seq: u64,
    ) -> Result<(), BodyFault> {
        let origins = Origins { left: self.item(left)?, right: self.item(right)? };
        let len = match saying {
            Saying::Text(text) => text.chars().count(),
            Saying::Items(items) => items.len(),
        };
        let op = OpId::new(self.author.replica, seq);
        let (first, len) = self.ids_for(op, len).ok_or(BodyFault::TooMany)?;
        let (container, sequence) = self.open_sequence(id);
        let said = match saying {
            Saying::Text(text) => self.sequences.say_text(first, text),
            Saying::Items(items) => self.sequences.say_items(first, items.iter().cloned()),
        };
        let at = self.sequences.integrate(sequence, first, len, said, origins);
        let at = at.map_err(|why| self.misplaced(why, op))? as usize;
        self.steps.push(Step::Inserted { container, first, len, origins, at, said });
        if let Saying::Items(items) = saying {
            self.open_all(&self.children(id, items, seq));
        }
        Ok(())
    }

    pub(super) fn ids_for(&mut self, op: OpId, len: usize) -> Option<(LocalId, u32)> {
        let len = u32::try_from(len).ok()?;
        let writer = self.sequences.ids.writer(op.replica);
        Some((self.sequences.ids.give(writer, op.seq, len)?, len))
    }

    pub(super) fn misplaced(&self, why: Misplaced, op: OpId) -> BodyFault {
        match why {
            Misplaced::Missing(item) => BodyFault::Missing { op: self.sequences.ids.op(item) },
            Misplaced::NeverNeighbours => BodyFault::Misplaced { op },
        }
    }

    pub(super) fn item(&self, op: Option<OpId>) -> Result<Option<LocalId>, BodyFault> {
        op.map(|op| self.sequences.ids.find(op).ok_or(BodyFault::Missing { op })).transpose()
    }

    /// Deletes characters or items here. The range is inside and not empty. `None` if the numbers are used up.
    pub(super) fn delete(&mut self, id: &ContainerId, at: usize, count: usize) -> Option<()> {
        let mark = self.mark();
        let (container, sequence) = self.open_sequence(id);
        let mut pieces = Vec::new();
        let one_by_one = id.kind == ContainerKind::MovableList;
        self.sequences.delete(sequence, at, count, |removed| match one_by_one {
            // What is named is an element, and two that stand side by side may be named by numbers far apart.
            true => {
                let each = |at| Removed { first: removed.first.plus(at), len: 1, ..removed };
                pieces.extend((0..removed.len).map(each));
            }
            false => pieces.push(removed),
        });
        let mut numbered = true;
        for removed in pieces {
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

    /// Deletes what was deleted elsewhere.
    pub(super) fn delete_as(&mut self, id: &ContainerId, first: OpId, count: u64, seq: u64) -> Result<(), BodyFault> {
        let (container, sequence) = self.open_sequence(id);
        if !self.sequences.contains(sequence, first, count) {
            return Err(BodyFault::Missing { op: first });
        }
        if id.kind == ContainerKind::MovableList {
            self.delete_moved_as(container, first, count, seq)?;
        }
        let Self { sequences, steps, .. } = self;
        sequences.delete_items(sequence, first, count, |mut removed| {
            if planted(Fault::DeletionReportedOneOff) {
                removed.at = removed.at.saturating_sub(1);
            }
            steps.push(Step::Deleted { container, seq, removed });
        });
        Ok(())
    }

    /// An insertion as an operation, unless the last one on its container could take it in.
    pub(super) fn insertion(
        &self,
        first: LocalId,
        origins: &Origins,
        said: Said,
        last: Option<&mut Operation>,
    ) -> Option<(u64, Action)> {
        let name = |item: LocalId| self.sequences.ids.op(item);
        let (op, left, right) = (name(first), origins.left.map(name), origins.right.map(name));
        let typed_on = left.filter(|left| left.replica == self.author.replica && left.seq + 1 == op.seq);
        // Numbers follow one another, so the run's last item is the one numbered before this step.
        let goes_on = |seq: u64, its_right| typed_on.is_some_and(|left| left.seq >= seq) && right == its_right;
        let last = last.map(|last| (last.seq, &mut last.action));
        match (self.sequences.saying(first, said), last) {
            (Saying::Text(text), Some((seq, Action::Insert { right, text: run, .. }))) if goes_on(seq, *right) => {
                run.push_str(text);
                None
            }
            (Saying::Items(items), Some((seq, Action::InsertItems { right, items: run, .. })))
                if goes_on(seq, *right) =>
            {
                run.extend_from_slice(items);
                None
            }
            (Saying::Text(text), _) => Some((op.seq, Action::Insert { left, right, text: text.to_owned() })),
            (Saying::Items(items), _) => Some((op.seq, Action::InsertItems { left, right, items: items.to_vec() })),
        }
    }

    /// A deletion as an operation, unless the last one on its container took it in.
    pub(super) fn deletion(
        &self,
        container: usize,
        seq: u64,
        removed: &Removed,
        last: Option<&mut Operation>,
    ) -> Option<(u64, Action)> {
        let from = self.sequences.ids.op(self.element_in(container, removed.first));
        if let Some(Operation { seq: its_seq, action: Action::Delete { first, count }, .. }) = last {
            if *its_seq == seq {
                first.seq = first.seq.min(from.seq);
                *count += u64::from(removed.len);
                return None;
            }
        }
        Some((seq, Action::Delete { first: from, count: u64::from(removed.len) }))
    }
}
