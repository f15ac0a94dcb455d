//! What a document reports: edits fine enough to patch a view with, the same for local and remote ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    body::BodyFault,
    container::{Container, ContainerId, ContainerKind, Content, Held, Value},
    journal::{State, Step},
    sequence::Saying,
    writes::key_text,
};
use crate::{
    id::OpId,
    proof::{Fault, planted},
};

/// Who made a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// An edit of this document value.
    Local,
    /// A change that was received.
    Remote,
    /// Something was [undone](crate::Document::undo) here.
    Undo,
    /// Something was [done again](crate::Document::redo) here.
    Redo,
    /// A [snapshot](crate::Document::merge_snapshot) was taken in.
    Snapshot,
}

/// Something a document reports, oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DocumentEvent {
    /// What containers show has changed. A change that alters nothing of that is not reported.
    Changed {
        /// Who made the change.
        origin: Origin,
        /// The change, by its first operation. Of several changes of one writer that were imported together, the first; of those
        /// that a snapshot covers, one that was new.
        change: OpId,
        /// What the application [called](super::Transaction::set_label) the edit, if it was made by this document value.
        label: Option<Arc<str>>,
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
    /// A list changed.
    List {
        /// Which one.
        id: ContainerId,
        /// To be applied one after another.
        edits: Vec<ListEdit>,
    },
    /// A movable list changed.
    MovableList {
        /// Which one.
        id: ContainerId,
        /// To be applied one after another.
        edits: Vec<ListEdit>,
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
            | Self::List { id, .. }
            | Self::MovableList { id, .. }
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

/// What to do to a list.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ListEdit {
    /// Remove some items and insert others in their place.
    Replace {
        /// Where, in items from the beginning.
        at: usize,
        /// How many items to remove there.
        removed: usize,
        /// What to insert there then.
        inserted: Vec<Inserted>,
    },
    /// Remove an item of a movable list, and insert it again elsewhere.
    Move {
        /// Where it is.
        from: usize,
        /// Where it is then.
        to: usize,
    },
    /// Put a value in the place of an item of a movable list.
    Set {
        /// Where.
        at: usize,
        /// The value in CBOR.
        value: Bytes,
    },
}

/// An item that was inserted into a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Inserted {
    /// A value in CBOR.
    Value(Bytes),
    /// A container.
    Container(ContainerId),
}

impl From<Held<'_>> for Inserted {
    fn from(held: Held<'_>) -> Self {
        match held {
            Held::Value(bytes) => Self::Value(bytes.clone()),
            Held::Container(id) => Self::Container(id),
        }
    }
}

/// What can be seen of some steps, put together by container.
pub(super) fn visible_edits(steps: &[Step], state: &State) -> Vec<ContainerEdit> {
    let mut found: Vec<(usize, Found)> = Vec::new();
    let mut known: BTreeMap<usize, usize> = BTreeMap::new();
    for step in steps {
        let Some(container) = step.container() else { continue };
        let index = *known.entry(container).or_insert_with(|| {
            found.push((container, Found::default()));
            found.len() - 1
        });
        found[index].1.take(step, state);
    }
    found.into_iter().filter_map(|(index, found)| found.into_edit(&state.containers[index])).collect()
}

#[derive(Default)]
struct Found {
    text: Vec<TextEdit>,
    /// How many characters the last text edit inserts.
    inserted: usize,
    list: Vec<ListEdit>,
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
    fn take(&mut self, step: &Step, state: &State) {
        match step {
            Step::Created => {}
            Step::Inserted { container, first, at, len, said, .. } => match state.sequences.saying(*first, *said) {
                Saying::Text(text) => self.insert(*at, *len as usize, text),
                Saying::Items(items) => {
                    let (id, op) = (&state.containers[*container].id, state.sequences.ids.op(*first));
                    let held = (op.seq..).zip(items).filter_map(|(seq, item)| item.held(id, OpId { seq, ..op }));
                    self.insert_items(*at, held.map(Inserted::from));
                }
            },
            Step::Deleted { container, removed, .. } => {
                let (at, len) = (removed.at as usize, removed.len as usize);
                match state.containers[*container].id.kind {
                    ContainerKind::Text => self.delete(at, len),
                    _ => self.delete_items(at, len),
                }
            }
            Step::Moved { left: None, .. } => {}
            Step::Moved { left: Some(left), at, .. } => {
                // Both are counted with the element in both places.
                let left = left.at as usize;
                let (from, to) = if left < *at { (left, at - 1) } else { (left - 1, *at) };
                let to = if planted(Fault::MoveReportedOneOff) { *at } else { to };
                if from != to {
                    self.list.push(ListEdit::Move { from, to });
                }
            }
            Step::Set { at: None, .. } => {}
            Step::Set { container, element, value, previous, at: Some(at), .. } => {
                let inserted = || {
                    let slots = state.containers[*container].content.sequence()?;
                    state.sequences.item(slots, *element)?.plain()
                };
                let before = previous.as_ref().map(|(_, value)| value).or_else(inserted);
                if before != Some(value) {
                    self.list.push(ListEdit::Set { at: *at, value: value.clone() });
                }
            }
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

    fn insert_items(&mut self, at: usize, items: impl Iterator<Item = Inserted>) {
        match self.list.last_mut() {
            Some(ListEdit::Replace { at: from, inserted, .. }) if *from + inserted.len() == at => {
                inserted.extend(items);
            }
            _ => self.list.push(ListEdit::Replace { at, removed: 0, inserted: items.collect() }),
        }
    }

    fn delete_items(&mut self, at: usize, len: usize) {
        let at = if planted(Fault::ItemsReportedOneOff) { at.saturating_sub(1) } else { at };
        match self.list.last_mut() {
            Some(ListEdit::Replace { at: from, removed, inserted }) if *from + inserted.len() == at => *removed += len,
            Some(ListEdit::Replace { at: from, removed, inserted }) if inserted.is_empty() && at + len == *from => {
                *from = at;
                *removed += len;
            }
            _ => self.list.push(ListEdit::Replace { at, removed: len, inserted: Vec::new() }),
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
            ContainerKind::List if !self.list.is_empty() => ContainerEdit::List { id, edits: self.list },
            ContainerKind::MovableList if !self.list.is_empty() => ContainerEdit::MovableList { id, edits: self.list },
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
