//! What a document reports: edits fine enough to patch a view with, the same for local and remote ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    body::BodyFault,
    container::{ContainerId, ContainerKind, Content},
    journal::{Container, Step},
};
use crate::id::OpId;

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
    /// What can be seen has changed. A change that alters nothing visible is not reported.
    Changed {
        /// Who made the change.
        origin: Origin,
        /// The change, by its first operation.
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
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ContainerEdit {
    /// A text changed.
    Text {
        /// Its name.
        name: Arc<str>,
        /// To be applied one after another.
        edits: Vec<TextEdit>,
    },
    /// Values of a map changed, appeared or went.
    Map {
        /// Its name.
        name: Arc<str>,
        /// The keys, each once, in the order of their first change.
        keys: Vec<Arc<str>>,
    },
    /// A register changed.
    Register {
        /// Its name.
        name: Arc<str>,
    },
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
    /// Written keys, each with the value before the first write.
    written: Vec<(Option<Arc<str>>, Option<Bytes>)>,
    keys: BTreeSet<Option<Arc<str>>>,
}

impl Found {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Created => {}
            Step::Inserted { at, len, text, .. } => self.insert(*at, *len as usize, text),
            Step::Deleted { removed, .. } => self.delete(removed.at as usize, removed.len as usize),
            Step::Written { key, previous, .. } => {
                if self.keys.insert(key.clone()) {
                    let value = previous.as_ref().and_then(|entry| entry.value.clone());
                    self.written.push((key.clone(), value));
                }
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
        let ContainerId { name, kind } = container.id.clone();
        let changed = |content: &Content, key: Option<&str>, before: &Option<Bytes>| {
            content.entry(key).and_then(|entry| entry.value.as_ref()) != before.as_ref()
        };
        let written =
            self.written.into_iter().filter(|(key, before)| changed(&container.content, key.as_deref(), before));
        match kind {
            ContainerKind::Text if self.text.is_empty() => None,
            ContainerKind::Text => Some(ContainerEdit::Text { name, edits: self.text }),
            ContainerKind::Map => {
                let keys: Vec<_> = written.filter_map(|(key, _)| key).collect();
                (!keys.is_empty()).then_some(ContainerEdit::Map { name, keys })
            }
            ContainerKind::Register => (written.count() > 0).then_some(ContainerEdit::Register { name }),
        }
    }
}
