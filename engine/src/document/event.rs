//! What a document reports: edits fine enough to patch a view with, the same for local and remote ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    body::BodyFault,
    container::{ContainerId, ContainerKind, Content, Value},
    journal::{Container, Step},
    writes::key_text,
};
use crate::{
    id::OpId,
    proof::{Fault, planted},
};

/// Who made a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// An edit of this document value.
    Local,
    /// A change that was received.
    Remote,
}

/// Something a document reports, oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DocumentEvent {
    /// What containers show has changed. A change that alters nothing of that is not reported.
    Changed {
        /// Who made the change.
        origin: Origin,
        /// The change, by its first operation. Of several changes of one writer that were imported together, the first.
        change: OpId,
        /// What to patch, one entry per container, at least one.
        edits: Vec<ContainerEdit>,
    },
    /// A change was taken in whose body cannot be applied. It is a no-op, here and on every other replica.
    Unreadable {
        /// The change, by its first operation.
        change: OpId,
        /// What is wrong with it.
        why: BodyFault,
    },
}

/// What one change did to one container.
///
/// A container that is not shown any more, because its place has been given to something else, is reported like any other:
/// it may be shown again, and whoever has kept a view of it need not read it anew then. A new one is empty at first.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ContainerEdit {
    /// A text changed.
    Text {
        /// Which one.
        id: ContainerId,
        /// To be applied one after another.
        edits: Vec<TextEdit>,
    },
    /// Keys of a map hold something else now, or nothing any more.
    Map {
        /// Which one.
        id: ContainerId,
        /// The keys, each once, in the order of their first change.
        keys: Vec<Arc<str>>,
    },
    /// A register changed.
    Register {
        /// Which one.
        id: ContainerId,
    },
    /// A counter changed.
    Counter {
        /// Which one.
        id: ContainerId,
        /// What to add to the sum.
        by: i128,
    },
    /// Elements of an or-set appeared or went.
    OrSet {
        /// Which one.
        id: ContainerId,
        /// The elements in CBOR, each once, in the order of their first change.
        elements: Vec<Bytes>,
    },
    /// Keys of an or-map hold something else now, or nothing any more.
    OrMap {
        /// Which one.
        id: ContainerId,
        /// The keys, each once, in the order of their first change.
        keys: Vec<Arc<str>>,
    },
}

impl ContainerEdit {
    /// Which container changed.
    pub const fn id(&self) -> &ContainerId {
        match self {
            Self::Text { id, .. }
            | Self::Map { id, .. }
            | Self::Register { id }
            | Self::Counter { id, .. }
            | Self::OrSet { id, .. }
            | Self::OrMap { id, .. } => id,
        }
    }
}

/// Remove some characters and insert others in their place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TextEdit {
    /// Where, in characters (Unicode scalar values) from the beginning.
    pub at: usize,
    /// How many characters to remove there.
    pub removed: usize,
    /// What to insert there then.
    pub inserted: String,
}

impl TextEdit {
    /// Where a position in the text is found again: one inside of what is removed, behind what is inserted for it; one
    /// where the edit begins, before that.
    pub fn moved(&self, position: usize) -> usize {
        if position <= self.at {
            return position;
        }
        self.at + self.inserted.chars().count() + position.saturating_sub(self.at + self.removed)
    }
}

/// What can be seen of some steps, put together by container.
pub(super) fn visible_edits(steps: &[Step], containers: &[Container]) -> Vec<ContainerEdit> {
    let mut found: Vec<(usize, Found)> = Vec::new();
    let mut known: BTreeMap<usize, usize> = BTreeMap::new();
    for step in steps {
        let Some(container) = step.container() else { continue };
        let index = *known.entry(container).or_insert_with(|| {
            found.push((container, Found::default()));
            found.len() - 1
        });
        found[index].1.take(step);
    }
    found.into_iter().filter_map(|(index, found)| found.into_edit(&containers[index])).collect()
}

#[derive(Default)]
struct Found {
    text: Vec<TextEdit>,
    /// How many characters the last text edit inserts.
    inserted: usize,
    /// Written keys, each with what was there before the first write.
    written: Firsts<Option<Arc<str>>>,
    /// The same for elements of an or-set, or keys of an or-map.
    tagged: Firsts<Bytes>,
    /// What was added to a counter.
    by: i128,
}

/// Of several steps at one key, what the first of them found there; in the order of the first steps.
struct Firsts<K> {
    list: Vec<(K, Option<Value>)>,
    known: BTreeSet<K>,
}

impl<K> Default for Firsts<K> {
    fn default() -> Self {
        Self { list: Vec::new(), known: BTreeSet::new() }
    }
}

impl<K: Clone + Ord> Firsts<K> {
    fn take(&mut self, key: &K, before: Option<&Value>) {
        if self.known.insert(key.clone()) {
            self.list.push((key.clone(), before.cloned()));
        }
    }

    /// The keys at which something else is now.
    fn changed<'a>(self, now: impl Fn(&K) -> Option<&'a Value> + 'a) -> Vec<K> {
        self.list.into_iter().filter(|(key, before)| now(key) != before.as_ref()).map(|(key, _)| key).collect()
    }
}

impl Found {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Created => {}
            Step::Inserted { at, len, text, .. } => self.insert(*at, *len as usize, text),
            Step::Deleted { removed, .. } => self.delete(removed.at as usize, removed.len as usize),
            Step::Written { key, previous, .. } => {
                self.written.take(key, previous.as_ref().and_then(|entry| entry.value.as_ref()));
            }
            Step::Counted { by, .. } => self.by += i128::from(*by),
            Step::Untagged { .. } if planted(Fault::RemovalNotReported) => {}
            Step::Tagged { key, before, .. } | Step::Untagged { key, before, .. } => {
                self.tagged.take(key, before.as_ref());
            }
        }
    }

    fn insert(&mut self, at: usize, len: usize, text: &str) {
        match self.text.last_mut() {
            // Typing on.
            Some(last) if last.at + self.inserted == at => {
                last.inserted.push_str(text);
                self.inserted += len;
            }
            _ => {
                self.text.push(TextEdit { at, removed: 0, inserted: text.to_owned() });
                self.inserted = len;
            }
        }
    }

    fn delete(&mut self, at: usize, len: usize) {
        match self.text.last_mut() {
            // Deleting forwards, or what follows the text just inserted.
            Some(last) if last.at + self.inserted == at => last.removed += len,
            // Backspace.
            Some(last) if self.inserted == 0 && at + len == last.at => {
                last.at = at;
                last.removed += len;
            }
            _ => {
                self.text.push(TextEdit { at, removed: len, inserted: String::new() });
                self.inserted = 0;
            }
        }
    }

    fn into_edit(self, container: &Container) -> Option<ContainerEdit> {
        let (id, content) = (container.id.clone(), &container.content);
        let keys = self.written.changed(|key| content.entry(key.as_deref())?.value.as_ref());
        let tagged = self.tagged.changed(|key| match content {
            Content::Tagged(tagged) => tagged.shown(key),
            _ => None,
        });
        Some(match id.kind {
            ContainerKind::Text if !self.text.is_empty() => ContainerEdit::Text { id, edits: self.text },
            ContainerKind::Map if !keys.is_empty() => {
                ContainerEdit::Map { id, keys: keys.into_iter().flatten().collect() }
            }
            ContainerKind::Register if !keys.is_empty() => ContainerEdit::Register { id },
            ContainerKind::Counter if self.by != 0 => ContainerEdit::Counter { id, by: self.by },
            ContainerKind::OrSet if !tagged.is_empty() => ContainerEdit::OrSet { id, elements: tagged },
            ContainerKind::OrMap if !tagged.is_empty() => {
                let keys = tagged.iter().filter_map(|key| key_text(key)).map(Arc::from).collect();
                ContainerEdit::OrMap { id, keys }
            }
            _ => return None,
        })
    }
}
