//! Steps by which something that was there is there again: what undoing does, besides what any edit can do.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    container::{Item, Value},
    journal::{State, Step},
    local::LocalId,
    sequence::{Run, Said},
};
use crate::id::OpId;

impl State {
    /// The items of a container from one on that share its fate and stand together.
    pub(super) fn run(&self, container: usize, first: LocalId) -> Option<Run> {
        self.sequences.run(self.sequence_of(container), first)
    }

    /// Inserts text right before a character, whether that is seen or not; at the end, if there is none. The first new
    /// character; `None` if the numbers are used up.
    pub(super) fn insert_text_again(
        &mut self,
        container: usize,
        text: &str,
        before: Option<LocalId>,
    ) -> Option<LocalId> {
        let len = u32::try_from(text.chars().count()).ok()?;
        let (_, first) = self.number_run(len)?;
        let said = self.sequences.say_text(first, text);
        self.put_run(container, (first, len), said, before)
    }

    /// The same with items; containers among them are new ones, and empty.
    pub(super) fn insert_items_again(
        &mut self,
        container: usize,
        items: Vec<Item>,
        before: Option<LocalId>,
    ) -> Option<LocalId> {
        let id = self.containers[container].id.clone();
        let len = u32::try_from(items.len()).ok()?;
        let (seq, first) = self.number_run(len)?;
        let children = self.children(&id, &items, seq);
        let said = self.sequences.say_items(first, items);
        self.put_run(container, (first, len), said, before)?;
        self.open_all(&children);
        Some(first)
    }

    fn put_run(
        &mut self,
        container: usize,
        (first, len): (LocalId, u32),
        said: Said,
        before: Option<LocalId>,
    ) -> Option<LocalId> {
        let sequence = self.sequence_of(container);
        let (origins, at) = self.sequences.insert_before(sequence, before, first, len, said)?;
        self.steps.push(Step::Inserted { container, first, len, origins, at, said });
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
        self.write_as(container, key, value, seq);
        Some(OpId::new(self.author.replica, seq))
    }

    /// Adds to an or-set, or puts into an or-map, in place of these tags and no others. The new tag; `None` if the numbers
    /// are used up.
    pub(super) fn put_back(&mut self, container: usize, key: &Bytes, value: &Value, over: &[OpId]) -> Option<OpId> {
        let seq = self.take_numbers(1)?;
        self.put_as(container, key.clone(), value.clone(), over, seq);
        Some(OpId::new(self.author.replica, seq))
    }

    /// Takes away some tags, and no others. `None` if the numbers are used up.
    pub(super) fn remove_tags(&mut self, container: usize, tags: &[OpId]) -> Option<()> {
        let seq = self.take_numbers(1)?;
        self.remove_as(container, tags, seq);
        Some(())
    }
}
