//! Containers that come back as others, with what was in them.
//!
//! A container that is an item is what it is by the operation that inserted it, so an item that comes back is a new container.
//! What the old one shows is written into it, as any edit would, and what is nested in that too, never deeper than containers
//! are nested. What is where is noted, so that older groups go on with it.

use std::sync::Arc;

use bytes::Bytes;

use super::back::Back;
use crate::{
    document::{
        container::{ContainerId, Content, Entry, Held, Item, Value},
        items::Items,
        local::LocalId,
        writes::key_text,
    },
    id::OpId,
    proof::{Fault, planted},
};

impl Back<'_> {
    /// Fills the container that an item is, where that is in place of another item.
    pub(super) fn fill_item(&mut self, old: (usize, LocalId), new: (usize, LocalId), item: &Item) -> Option<()> {
        let child = |(container, of): (usize, LocalId)| {
            item.child(&self.state.containers[container].id, self.state.sequences.ids.op(of))
        };
        let Some((old, new)) = child(old).zip(child(new)) else { return Some(()) };
        self.fill(&old, &new)
    }

    /// Fills the container at a key, where the map that it is in is in place of another one.
    pub(super) fn fill_key(&mut self, old: usize, new: usize, key: &Arc<str>, value: &Value) -> Option<()> {
        let child = |container: usize| value.child(&self.state.containers[container].id, key);
        let Some((old, new)) = child(old).zip(child(new)) else { return Some(()) };
        self.fill(&old, &new)
    }

    /// The same in an or-map.
    pub(super) fn fill_tag(&mut self, old: usize, new: usize, key: &Bytes, value: &Value) -> Option<()> {
        key_text(key).map_or(Some(()), |key| self.fill_key(old, new, &key.into(), value))
    }

    /// Writes into a container what another one shows, in place of which it is from now on.
    fn fill(&mut self, old: &ContainerId, new: &ContainerId) -> Option<()> {
        let Some(from) = self.state.index.get(old).map(|from| self.reborn.container(*from)) else { return Some(()) };
        let into = self.state.open(new);
        if from == into || self.born.has_container(from) || planted(Fault::ContainerBackEmpty) {
            return Some(());
        }
        self.born.set_container(from, into);
        match &self.state.containers[from].content {
            Content::Text(_) => self.fill_text(from, into),
            Content::List(_) | Content::MovableList(_) => self.fill_list(from, into),
            Content::Map(entries) => {
                let entries: Vec<_> = entries.iter().map(|(key, entry)| (Some(key.clone()), entry.clone())).collect();
                entries.into_iter().try_for_each(|(key, entry)| self.fill_entry(from, into, key.as_ref(), entry))
            }
            Content::Register(entry) => {
                let entry = entry.clone();
                entry.map_or(Some(()), |entry| self.fill_entry(from, into, None, entry))
            }
            Content::Counter(sums) => {
                let sum = sums.total();
                self.add(into, sum)
            }
            Content::Tagged(_) => self.fill_tagged(from, into),
        }
    }

    fn fill_text(&mut self, from: usize, into: usize) -> Option<()> {
        let named = self.state.sequences.named(self.state.sequence_of(from));
        let (mut runs, mut text) = (Vec::new(), String::new());
        for (first, len, piece) in named {
            runs.push((first, len));
            text.push_str(piece);
        }
        if runs.is_empty() {
            return Some(());
        }
        let mut new = self.state.insert_text_again(into, &text, None)?;
        for (first, len) in runs {
            let old = self.state.sequences.ids.find(first)?;
            self.born.set_items(old, len, new);
            new = new.plus(len);
        }
        Some(())
    }

    fn fill_list(&mut self, from: usize, into: usize) -> Option<()> {
        let item = |held: Held<'_>| match held {
            Held::Value(value) => Item::Plain(value.clone()),
            Held::Container(id) => Item::Child(id.kind),
        };
        let named = Items::of(self.state, &self.state.containers[from].id).named();
        let (names, items): (Vec<OpId>, Vec<Item>) = named.map(|(name, held)| (name, item(held))).unzip();
        if items.is_empty() {
            return Some(());
        }
        let first = self.state.insert_items_again(into, items.clone(), None)?;
        for ((name, item), at) in names.into_iter().zip(&items).zip(0..) {
            let (old, new) = (self.state.sequences.ids.find(name)?, first.plus(at));
            self.born.set_items(old, 1, new);
            if let Content::MovableList(movable) = &self.state.containers[from].content {
                self.born.set_place(movable.place(old), new);
                self.born.set_operation(movable.write(old).unwrap_or(name), self.state.sequences.ids.op(new));
            }
            self.fill_item((from, old), (into, new), item)?;
        }
        Some(())
    }

    /// Also that there is nothing at a key is written, for whoever has it back there.
    fn fill_entry(&mut self, from: usize, into: usize, key: Option<&Arc<str>>, entry: Entry) -> Option<()> {
        let new = self.state.write_back(into, key, entry.value.clone())?;
        self.born.set_operation(entry.stamp.op(), new);
        match (key, &entry.value) {
            (Some(key), Some(value)) => self.fill_key(from, into, key, value),
            _ => Some(()),
        }
    }

    fn fill_tagged(&mut self, from: usize, into: usize) -> Option<()> {
        let Content::Tagged(tagged) = &self.state.containers[from].content else { return Some(()) };
        for (key, tags) in tagged.all().clone() {
            for (tag, value) in tags {
                let new = self.state.put_back(into, &key, &value, &[])?;
                self.born.set_operation(tag.op(), new);
                self.fill_tag(from, into, &key, &value)?;
            }
        }
        Some(())
    }
}
