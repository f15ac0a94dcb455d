//! Steps by which something that was there is there again: what undoing does, besides what any edit can do.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    container::Value,
    journal::{State, Step},
    local::LocalId,
    sequence::Run,
};
use crate::id::OpId;

impl State {
    /// The items of a container from one on that share its fate and stand together.
    pub(super) fn run(&self, container: usize, first: LocalId) -> Option<Run> {
        self.sequences.run(self.sequence_of(container), first)
    }

    /// Inserts what `len` items say, which are one run, where the first of them stands. The first new one; `None` if the
    /// numbers are used up.
    pub(super) fn insert_again(&mut self, container: usize, item: LocalId, len: u32) -> Option<LocalId> {
        let sequence = self.sequence_of(container);
        let text = self.sequences.text_of(sequence, item, len)?;
        let writer = self.sequences.ids.writer(self.author.replica);
        let first = self.sequences.ids.give(writer, self.next_number(), len)?;
        self.take_numbers(u64::from(len))?;
        let (origins, at) = self.sequences.insert_before(sequence, item, first, len, &text)?;
        self.steps.push(Step::Inserted { container, first, len, origins, at, text });
        Some(first)
    }

    /// Writes a key of a map, or a register. The operation; `None` if the numbers are used up.
    pub(super) fn write_back(
        &mut self,
        container: usize,
        key: Option<&Arc<str>>,
        value: Option<Value>,
    ) -> Option<OpId> {
        let seq = self.take_numbers(1)?;
        let id = self.containers[container].id.clone();
        self.write_as(&id, key, value, seq);
        Some(OpId::new(self.author.replica, seq))
    }

    /// Adds to an or-set, or puts into an or-map, in place of these tags and no others. The new tag; `None` if the numbers
    /// are used up.
    pub(super) fn put_back(&mut self, container: usize, key: &Bytes, value: &Value, over: &[OpId]) -> Option<OpId> {
        let seq = self.take_numbers(1)?;
        let id = self.containers[container].id.clone();
        self.put_as(&id, key.clone(), value.clone(), over, seq);
        Some(OpId::new(self.author.replica, seq))
    }

    /// Takes away some tags, and no others. `None` if the numbers are used up.
    pub(super) fn remove_tags(&mut self, container: usize, tags: &[OpId]) -> Option<()> {
        let seq = self.take_numbers(1)?;
        let id = self.containers[container].id.clone();
        self.remove_as(&id, tags, seq);
        Some(())
    }
}
