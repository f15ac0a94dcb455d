//! Steps by which something that was there is there again: what undoing does, besides what any edit can do.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    container::{ContainerKind, Content, Value},
    journal::{State, Step},
    local::LocalId,
    sequence::Run,
};
use crate::id::OpId;

impl State {
    /// The items of a container from one on that share its fate and stand together.
    pub(super) fn run(&self, container: usize, first: LocalId) -> Option<Run> {
        let (sequence, place) = (self.sequence_of(container), self.place_in(container, first));
        let run = self.sequences.run(sequence, place)?;
        // Elements that were inserted together may have gone different ways.
        let one_by_one = self.containers[container].id.kind == ContainerKind::MovableList;
        Some(if one_by_one { Run { len: 1, ..run } } else { run })
    }

    /// Inserts what `len` items say, which are one run, where the first of them stands; containers among them are new ones. The
    /// first new item; `None` if the numbers are used up.
    pub(super) fn insert_again(&mut self, container: usize, item: LocalId, len: u32) -> Option<LocalId> {
        let sequence = self.sequence_of(container);
        let id = self.containers[container].id.clone();
        let (first, said, children) = if id.kind == ContainerKind::Text {
            let text = self.sequences.text_of(sequence, item, len)?;
            let (_, first) = self.number_run(len)?;
            (first, self.sequences.say_text(first, &text), Vec::new())
        } else {
            let items = match &self.containers[container].content {
                Content::MovableList(_) => vec![self.element_says(container, item)?],
                _ => self.sequences.items_of(sequence, item, len)?,
            };
            let (seq, first) = self.number_run(len)?;
            let children = self.children(&id, &items, seq);
            (first, self.sequences.say_items(first, items), children)
        };
        let item = self.place_in(container, item);
        let (origins, at) = self.sequences.insert_before(sequence, item, first, len, said)?;
        self.steps.push(Step::Inserted { container, first, len, origins, at, said });
        self.open_all(&children);
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
