//! Steps of everything but texts: what is written to a key, counted, tagged and untagged.

use std::{mem, sync::Arc};

use bytes::Bytes;

use super::{
    container::{ContainerId, ContainerKind, Content, Entry, MOST_DEPTH, Stamp, Value},
    counter::Sums,
    journal::{State, Step},
    tagged::{Tagged, Tags, Taken},
    transaction::EditError,
};
use crate::{
    id::OpId,
    proof::{Fault, Situation, note, planted},
};

impl State {
    pub(super) fn stamp(&self, seq: u64) -> Stamp {
        Stamp { clock: self.author.clock, replica: self.author.replica, seq }
    }

    /// Writes a key of a map, or a register, here. `None` if the numbers are used up.
    pub(super) fn write(&mut self, id: &ContainerId, key: Option<&Arc<str>>, value: Option<Value>) -> Option<()> {
        let seq = self.take_numbers(1)?;
        let container = self.open(id);
        self.write_as(container, key, value, seq);
        Some(())
    }

    pub(super) fn write_as(&mut self, container: usize, key: Option<&Arc<str>>, value: Option<Value>, seq: u64) {
        let stamp = self.stamp(seq);
        if let (Some(key), Some(value)) = (key, &value) {
            self.begin_child(container, key, value);
        }
        let content = &mut self.containers[container].content;
        let forgets = value.is_none() && planted(Fault::KeyTombstoneForgotten);
        let entry = Entry { stamp, value: value.clone() };
        let previous = match content.entry_mut(key.map(AsRef::as_ref)) {
            Some(there) => {
                let tie = there.stamp.clock == stamp.clock && there.stamp.replica != stamp.replica;
                if tie {
                    note(Situation::WritesTied);
                }
                if matches!(value, Some(Value::Child { .. })) && there.value == value {
                    note(Situation::ChildMadeByTwo);
                }
                if there.stamp > stamp && !(tie && planted(Fault::TieByArrival)) && !planted(Fault::LastToArriveWins) {
                    note(Situation::LateWriteLost);
                    return;
                }
                Some(mem::replace(there, entry))
            }
            None => content.set_entry(key, Some(entry)),
        };
        if forgets {
            content.set_entry(key, None);
        }
        self.steps.push(Step::Written { container, seq, key: key.cloned(), value, previous });
    }

    /// A container that is made is there, whether it is shown or not.
    fn begin_child(&mut self, parent: usize, key: &Arc<str>, value: &Value) {
        if let Some(child) = value.child(&self.containers[parent].id, key) {
            self.open(&child);
        }
    }

    /// The container of this kind at a key of a map or an or-map, here. It is made if the key holds something else.
    ///
    /// # Errors
    ///
    /// If that would be nested too deep, or the numbers are used up.
    pub(super) fn nest(
        &mut self,
        parent: &ContainerId,
        key: &str,
        kind: ContainerKind,
    ) -> Result<ContainerId, EditError> {
        let key: Arc<str> = key.into();
        let content = self.content(parent);
        let held = content.and_then(|content| content.held(&key));
        let over = content.and_then(|content| match content {
            Content::Tagged(tagged) => tagged.last_child(key.as_bytes()),
            content => content.entry(Some(&key)).map(|entry| entry.stamp),
        });
        let over = over.map(Stamp::op);
        if let Some(child) = held.and_then(|value| value.child(parent, &key)).filter(|child| child.kind == kind) {
            return Ok(child);
        }
        let value = Value::Child { kind, over };
        let child = value.child(parent, &key).ok_or(EditError::TooDeep { limit: MOST_DEPTH })?;
        let written = if parent.kind == ContainerKind::OrMap {
            self.put(parent, Bytes::copy_from_slice(key.as_bytes()), value)
        } else {
            self.write(parent, Some(&key), Some(value))
        };
        written.map(|()| child).ok_or(EditError::Exhausted)
    }

    /// Adds to a counter here. `None` if the numbers are used up.
    pub(super) fn count(&mut self, id: &ContainerId, by: i64) -> Option<()> {
        let seq = self.take_numbers(1)?;
        let container = self.open(id);
        self.count_as(container, by, seq);
        Some(())
    }

    pub(super) fn count_as(&mut self, container: usize, by: i64, seq: u64) {
        let writer = self.author.replica;
        if let Content::Counter(sums) = &mut self.containers[container].content {
            if planted(Fault::LastCountStays) {
                *sums = Sums::default();
            }
            sums.add(writer, by.into());
        }
        self.steps.push(Step::Counted { container, seq, by });
    }

    /// Adds to an or-set, or puts into an or-map, here. `None` if the numbers are used up.
    pub(super) fn put(&mut self, id: &ContainerId, key: Bytes, value: Value) -> Option<()> {
        let seq = self.take_numbers(1)?;
        let container = self.open(id);
        let tag = self.stamp(seq);
        let last_child = self.begin_tagged_child(container, &key, tag, &value);
        let (key, over) = self.tagged(container).put(key, tag, value.clone());
        if let Some(over) = over {
            self.note_removed(container, &key, over, seq);
        }
        self.steps.push(Step::Tagged { container, key, tag, value, before: None, last_child });
        Some(())
    }

    pub(super) fn put_as(&mut self, container: usize, key: Bytes, value: Value, over: &[OpId], seq: u64) {
        let tag = self.stamp(seq);
        self.remove_as(container, over, seq);
        let last_child = self.begin_tagged_child(container, &key, tag, &value);
        let tagged = self.tagged(container);
        if planted(Fault::LastPutStays) {
            tagged.remove_all(&key);
        }
        let before = tagged.add(key.clone(), tag, value.clone());
        if before.is_some() {
            note(Situation::TagsConcurrent);
        }
        self.steps.push(Step::Tagged { container, key, tag, value, before, last_child });
    }

    /// If a tag makes a container, that is there, and the tag may be the greatest that put one at the key. Which one was.
    fn begin_tagged_child(&mut self, container: usize, key: &Bytes, tag: Stamp, value: &Value) -> Option<Stamp> {
        let nests = matches!(value, Value::Child { .. });
        // An element is no text.
        let name = if nests { key_text(key) } else { None };
        if let Some(name) = name {
            self.begin_child(container, &name.into(), value);
        }
        let tagged = self.tagged(container);
        let last_child = tagged.last_child(key);
        if nests {
            tagged.set_last_child(key, last_child.max(Some(tag)));
        }
        last_child
    }

    /// Removes from an or-set or an or-map here what is there; nothing is no edit. `None` if the numbers are used up.
    pub(super) fn remove(&mut self, id: &ContainerId, key: &[u8]) -> Option<()> {
        if self.container(id).is_none() {
            return Some(());
        }
        let (mark, container) = (self.mark(), self.open(id));
        let Some(seq) = self.take_numbers(1) else {
            return self.tagged(container).shown(key).is_none().then_some(());
        };
        match self.tagged(container).remove_all(key) {
            Some((key, tags)) => self.note_removed(container, &key, tags, seq),
            None => self.return_to(mark),
        }
        Some(())
    }

    fn note_removed(&mut self, container: usize, key: &Bytes, tags: Tags, seq: u64) {
        let before = tags.shown().clone();
        for (tag, value) in tags {
            let (key, before) = (key.clone(), Some(before.clone()));
            self.steps.push(Step::Untagged { container, seq, key, tag, value, before });
        }
    }

    pub(super) fn remove_as(&mut self, container: usize, tags: &[OpId], seq: u64) {
        let others;
        let mut tags = tags;
        if planted(Fault::RemovalTakesUnseen) {
            let tagged = self.tagged(container);
            let keys: Vec<_> = tags.iter().filter_map(|tag| tagged.place(*tag).cloned()).collect();
            others = keys.iter().flat_map(|key| tagged.tags(key)).collect::<Vec<_>>();
            tags = &others;
        }
        for tag in tags {
            match self.tagged(container).remove(*tag) {
                Some(Taken { key, tag, value, before }) => {
                    self.steps.push(Step::Untagged { container, seq, key, tag, value, before: Some(before) });
                }
                None => note(Situation::TagGoneAlready),
            }
        }
    }

    fn tagged(&mut self, container: usize) -> &mut Tagged {
        match &mut self.containers[container].content {
            Content::Tagged(tagged) => tagged,
            _ => unreachable!("a container is of the kind in its id"),
        }
    }
}

/// A key of an or-map as the text that it was read as.
pub(super) fn key_text(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key).ok()
}
