//! What is under or-sets and or-maps: elements, or keys, each kept there by tags.
//!
//! Every addition is a tag of its own, named by its operation. It takes the place of the tags that its maker had seen at the
//! element, and a removal takes away those that its maker had seen; so what was added meanwhile stays. A tag that is taken
//! away leaves nothing behind: nobody can take in its addition after that, since whoever took it away had seen it. There are
//! never more tags at an element than additions that did not know of each other.
//!
//! Shapiro, Preguiça, Baquero and Zawirski, "A comprehensive study of Convergent and Commutative Replicated Data Types"
//! (INRIA, 2011), and without tombstones: Bieniusa and others, "An optimized conflict-free replicated set" (INRIA, 2012).

use std::{
    collections::{
        BTreeMap,
        btree_map::{self, Entry},
    },
    iter, mem,
};

use bytes::Bytes;

use super::container::{Stamp, Value};
use crate::{causal::Hlc, id::OpId};

/// Elements of a set, or keys of a map in UTF-8. An element of a set has the empty value.
#[derive(Clone, Default)]
pub(super) struct Tagged {
    /// The tags of everything that is there.
    tags: BTreeMap<Bytes, Tags>,
    /// Where each tag is, and when it was made.
    places: BTreeMap<OpId, (Bytes, Hlc)>,
    /// The greatest tag that ever put a container at a key.
    children: BTreeMap<Bytes, Stamp>,
}

/// The tags at one element or key: there is always one, and nearly always no other.
#[derive(Clone)]
pub(super) struct Tags {
    /// The greatest, and what it says.
    last: (Stamp, Value),
    /// The rest.
    others: BTreeMap<Stamp, Value>,
}

/// A tag that was taken away.
pub(super) struct Taken {
    pub(super) key: Bytes,
    pub(super) tag: Stamp,
    pub(super) value: Value,
    /// What was shown there until then.
    pub(super) before: Value,
}

impl Tags {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        1 + self.others.len()
    }

    /// What the greatest says.
    pub(super) const fn shown(&self) -> &Value {
        &self.last.1
    }

    /// All, with what they say, in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Stamp, &Value)> + Clone + '_ {
        self.others.iter().chain(iter::once((&self.last.0, &self.last.1)))
    }

    fn add(&mut self, tag: Stamp, value: Value) {
        if tag < self.last.0 {
            self.others.insert(tag, value);
        } else {
            let (tag, value) = mem::replace(&mut self.last, (tag, value));
            if tag != self.last.0 {
                self.others.insert(tag, value);
            }
        }
    }

    /// Takes away one of several. `None` if it is not here, or the only one.
    fn remove(&mut self, tag: Stamp) -> Option<Value> {
        if tag != self.last.0 {
            return self.others.remove(&tag);
        }
        let next = self.others.pop_last()?;
        Some(mem::replace(&mut self.last, next).1)
    }
}

impl IntoIterator for Tags {
    type Item = (Stamp, Value);
    type IntoIter = iter::Chain<btree_map::IntoIter<Stamp, Value>, iter::Once<Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        self.others.into_iter().chain(iter::once(self.last))
    }
}

impl Tagged {
    /// What is at an element or key: the value of the greatest tag.
    pub(super) fn shown(&self, key: &[u8]) -> Option<&Value> {
        self.tags.get(key).map(Tags::shown)
    }

    /// Everything that is there, in its order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Value)> + '_ {
        self.tags.iter().map(|(key, tags)| (key, tags.shown()))
    }

    /// Everything that is there, in its order, with all tags.
    pub(super) const fn all(&self) -> &BTreeMap<Bytes, Tags> {
        &self.tags
    }

    /// For each key that ever held a container, the greatest tag that put one there.
    pub(super) const fn children(&self) -> &BTreeMap<Bytes, Stamp> {
        &self.children
    }

    /// How much is there.
    pub(super) fn len(&self) -> usize {
        self.tags.len()
    }

    /// The tags at an element or key.
    pub(super) fn tags(&self, key: &[u8]) -> impl Iterator<Item = OpId> + '_ {
        self.stamps(key).map(Stamp::op)
    }

    /// The same, in their order.
    pub(super) fn stamps(&self, key: &[u8]) -> impl Iterator<Item = Stamp> + '_ {
        self.tags.get(key).into_iter().flat_map(Tags::iter).map(|(tag, _)| *tag)
    }

    /// The greatest tag that ever put a container at a key.
    pub(super) fn last_child(&self, key: &[u8]) -> Option<Stamp> {
        self.children.get(key).copied()
    }

    /// Adds a tag. What was shown there before.
    pub(super) fn add(&mut self, key: Bytes, tag: Stamp, value: Value) -> Option<Value> {
        let entry = self.tags.entry(key);
        self.places.insert(tag.op(), (entry.key().clone(), tag.clock));
        match entry {
            Entry::Vacant(place) => {
                place.insert(Tags { last: (tag, value), others: BTreeMap::new() });
                None
            }
            Entry::Occupied(mut tags) => {
                let before = tags.get().shown().clone();
                tags.get_mut().add(tag, value);
                Some(before)
            }
        }
    }

    /// Puts a tag in place of all that are there. The element or key, and these.
    pub(super) fn put(&mut self, key: Bytes, tag: Stamp, value: Value) -> (Bytes, Option<Tags>) {
        let entry = self.tags.entry(key);
        let key = entry.key().clone();
        self.places.insert(tag.op(), (key.clone(), tag.clock));
        let tags = Tags { last: (tag, value), others: BTreeMap::new() };
        let over = match entry {
            Entry::Vacant(place) => {
                place.insert(tags);
                None
            }
            Entry::Occupied(mut there) => Some(there.insert(tags)),
        };
        self.forget_places(over.as_ref());
        (key, over)
    }

    fn forget_places(&mut self, tags: Option<&Tags>) {
        for (tag, _) in tags.into_iter().flat_map(Tags::iter) {
            self.places.remove(&tag.op());
        }
    }

    /// Says which tag was the greatest that put a container at a key.
    pub(super) fn set_last_child(&mut self, key: &Bytes, tag: Option<Stamp>) {
        match tag {
            Some(tag) => self.children.insert(key.clone(), tag),
            None => self.children.remove(key),
        };
    }

    /// Takes a tag away. `None` if it is not here.
    pub(super) fn remove(&mut self, tag: OpId) -> Option<Taken> {
        let (key, clock) = self.places.remove(&tag)?;
        let tag = Stamp { clock, replica: tag.replica, seq: tag.seq };
        let Entry::Occupied(mut tags) = self.tags.entry(key) else { return None };
        if tags.get().others.is_empty() {
            let (key, Tags { last: (tag, value), .. }) = tags.remove_entry();
            return Some(Taken { key, tag, before: value.clone(), value });
        }
        let (key, before) = (tags.key().clone(), tags.get().shown().clone());
        tags.get_mut().remove(tag).map(|value| Taken { key, tag, value, before })
    }

    /// Takes all tags at an element or key away, if there are any.
    pub(super) fn remove_all(&mut self, key: &[u8]) -> Option<(Bytes, Tags)> {
        let there = self.tags.remove_entry(key)?;
        self.forget_places(Some(&there.1));
        Some(there)
    }

    /// Where a tag is.
    pub(super) fn place(&self, tag: OpId) -> Option<&Bytes> {
        self.places.get(&tag).map(|(key, _)| key)
    }

    /// What is wrong inside, for tests.
    pub(super) fn check(&self) -> Result<(), String> {
        let all = self.tags.iter().flat_map(|(key, tags)| tags.iter().map(move |(tag, _)| (key, tag)));
        let placed = |(key, tag): (&Bytes, &Stamp)| self.places.get(&tag.op()) == Some(&(key.clone(), tag.clock));
        if !all.clone().all(placed) || all.count() != self.places.len() {
            return Err("tags and their places differ".into());
        }
        if self.tags.values().any(|tags| tags.others.last_key_value().is_some_and(|(other, _)| *other >= tags.last.0)) {
            return Err("another tag is shown than the greatest".into());
        }
        Ok(())
    }
}
