//! What is under or-sets and or-maps: elements, or keys, each kept there by tags.
//!
//! Every addition is a tag of its own, named by its operation. It takes the place of the tags that its maker had seen at the
//! element, and a removal takes away those that its maker had seen; so what was added meanwhile stays. A tag that is taken
//! away leaves nothing behind: nobody can take in its addition after that, since whoever took it away had seen it. There are
//! never more tags at an element than additions that did not know of each other.
//!
//! Shapiro, Preguiça, Baquero and Zawirski, "A comprehensive study of Convergent and Commutative Replicated Data Types"
//! (INRIA, 2011), and without tombstones: Bieniusa and others, "An optimized conflict-free replicated set" (INRIA, 2012).

use std::collections::BTreeMap;

use bytes::Bytes;

use super::container::{Stamp, Value};
use crate::{causal::Hlc, id::OpId};

/// Elements of a set, or keys of a map in UTF-8. An element of a set has the empty value.
#[derive(Clone, Default)]
pub(super) struct Tagged {
    /// The tags of everything that is there.
    tags: BTreeMap<Bytes, BTreeMap<Stamp, Value>>,
    /// Where each tag is, and when it was made.
    places: BTreeMap<OpId, (Bytes, Hlc)>,
    /// The greatest tag that ever put a container at a key.
    children: BTreeMap<Bytes, Stamp>,
}

impl Tagged {
    /// What is at an element or key: the value of the greatest tag.
    pub(super) fn shown(&self, key: &[u8]) -> Option<&Value> {
        self.tags.get(key)?.last_key_value().map(|(_, value)| value)
    }

    /// Everything that is there, in its order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Bytes, &Value)> + '_ {
        self.tags.iter().filter_map(|(key, tags)| Some((key, tags.last_key_value()?.1)))
    }

    /// Everything that is there, in its order, with all tags.
    pub(super) const fn all(&self) -> &BTreeMap<Bytes, BTreeMap<Stamp, Value>> {
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
        self.tags.get(key).into_iter().flat_map(|tags| tags.keys().copied())
    }

    /// The greatest tag that ever put a container at a key.
    pub(super) fn last_child(&self, key: &[u8]) -> Option<Stamp> {
        self.children.get(key).copied()
    }

    /// Adds a tag.
    pub(super) fn add(&mut self, key: Bytes, tag: Stamp, value: Value) {
        self.places.insert(tag.op(), (key.clone(), tag.clock));
        self.tags.entry(key).or_default().insert(tag, value);
    }

    /// Says which tag was the greatest that put a container at a key.
    pub(super) fn set_last_child(&mut self, key: &Bytes, tag: Option<Stamp>) {
        match tag {
            Some(tag) => self.children.insert(key.clone(), tag),
            None => self.children.remove(key),
        };
    }

    /// Takes a tag away: where it was and what it said. `None` if it is not here.
    pub(super) fn remove(&mut self, tag: OpId) -> Option<(Bytes, Stamp, Value)> {
        let (key, clock) = self.places.remove(&tag)?;
        let stamp = Stamp { clock, replica: tag.replica, seq: tag.seq };
        let tags = self.tags.get_mut(&key)?;
        let value = tags.remove(&stamp)?;
        if tags.is_empty() {
            self.tags.remove(&key);
        }
        Some((key, stamp, value))
    }

    /// Where a tag is.
    pub(super) fn place(&self, tag: OpId) -> Option<&Bytes> {
        self.places.get(&tag).map(|(key, _)| key)
    }

    /// What is wrong inside, for tests.
    pub(super) fn check(&self) -> Result<(), String> {
        let all = self.tags.iter().flat_map(|(key, tags)| tags.keys().map(move |tag| (key, tag)));
        let placed = |(key, tag): (&Bytes, &Stamp)| self.places.get(&tag.op()) == Some(&(key.clone(), tag.clock));
        if !all.clone().all(placed) || all.count() != self.places.len() {
            return Err("tags and their places differ".into());
        }
        if self.tags.values().any(BTreeMap::is_empty) {
            return Err("something is there without a tag".into());
        }
        Ok(())
    }
}
