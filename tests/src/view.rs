//! What someone looking at a document sees.

use std::collections::BTreeMap;

use crdt_socket_sync::{
    Document, DocumentEvent,
    document::{ContainerEdit, ContainerId, ContainerKind},
};

/// One container, as seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum View {
    /// The characters.
    Text(Vec<char>),
    /// The encoded values by key.
    Map(BTreeMap<String, Vec<u8>>),
    /// The encoded value.
    Register(Option<Vec<u8>>),
}

/// All containers, as seen.
pub type Shown = BTreeMap<ContainerId, View>;

/// What a document shows.
pub fn shown(document: &Document) -> Shown {
    document.containers().map(|id| (id.clone(), read(document, id))).collect()
}

fn read(document: &Document, id: &ContainerId) -> View {
    match id.kind {
        ContainerKind::Text => View::Text(document.text(&id.name).chars().collect()),
        ContainerKind::Map => {
            let map = document.map::<()>(&id.name);
            View::Map(map.encoded().map(|(key, value)| (key.to_owned(), value.to_vec())).collect())
        }
        _ => View::Register(document.register::<()>(&id.name).encoded().map(|value| value.to_vec())),
    }
}

/// A view that is patched from a document's events and never rebuilt.
#[derive(Clone, Debug, Default)]
pub struct Patched {
    shown: Shown,
}

impl Patched {
    /// What it shows.
    pub const fn shown(&self) -> &Shown {
        &self.shown
    }

    /// Takes in all that the document has to report. The changes that could not be read, and how many could.
    ///
    /// # Panics
    ///
    /// If a text edit reaches past the end of what it is applied to, or edits nothing.
    pub fn follow(&mut self, document: &mut Document) -> (Vec<crdt_socket_sync::OpId>, usize) {
        let (mut unreadable, mut changed) = (Vec::new(), 0);
        while let Some(event) = document.poll_event() {
            match event {
                DocumentEvent::Unreadable { change, .. } => unreadable.push(change),
                event => {
                    changed += 1;
                    self.take(event, document);
                }
            }
        }
        (unreadable, changed)
    }

    /// Patches the view with one event. Values are read from the document as it is now.
    ///
    /// # Panics
    ///
    /// If a text edit reaches past the end of what it is applied to, or edits nothing.
    pub fn take(&mut self, event: DocumentEvent, document: &Document) {
        if let DocumentEvent::Changed { edits, .. } = event {
            assert!(!edits.is_empty(), "an event says something");
            edits.iter().for_each(|edit| self.patch(edit, document));
        }
    }

    fn patch(&mut self, edit: &ContainerEdit, document: &Document) {
        match edit {
            ContainerEdit::Text { name, edits } => {
                let id = ContainerId::new(ContainerKind::Text, name);
                let text = self.shown.entry(id).or_insert_with(|| View::Text(Vec::new()));
                let View::Text(text) = text else { return };
                for edit in edits {
                    assert!(edit.removed > 0 || !edit.inserted.is_empty(), "an edit edits");
                    text.splice(edit.at..edit.at + edit.removed, edit.inserted.chars());
                }
            }
            ContainerEdit::Map { name, keys } => {
                let id = ContainerId::new(ContainerKind::Map, name);
                let map = self.shown.entry(id).or_insert_with(|| View::Map(BTreeMap::new()));
                let View::Map(map) = map else { return };
                for key in keys {
                    match document.map::<()>(name).encoded().find(|(known, _)| **known == **key) {
                        Some((_, value)) => map.insert(key.to_string(), value.to_vec()),
                        None => map.remove(&**key),
                    };
                }
            }
            ContainerEdit::Register { name } => {
                let id = ContainerId::new(ContainerKind::Register, name);
                let value = read(document, &id);
                self.shown.insert(id, value);
            }
            _ => {}
        }
    }

    /// Whether it shows what the document shows. A container that never showed anything was never reported.
    pub fn matches(&self, document: &Document) -> bool {
        let empty = |view: &View| match view {
            View::Text(text) => text.is_empty(),
            View::Map(map) => map.is_empty(),
            View::Register(value) => value.is_none(),
        };
        let filled =
            |shown: &Shown, other: &Shown| shown.iter().all(|(id, view)| empty(view) || other.get(id) == Some(view));
        let now = shown(document);
        filled(&self.shown, &now) && filled(&now, &self.shown)
    }
}
