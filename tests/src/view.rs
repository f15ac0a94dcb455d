//! What someone looking at a document sees.

use std::collections::BTreeMap;

use crdt_socket_sync::{
    Document, DocumentEvent,
    document::{ContainerEdit, ContainerId, ContainerKind, Held, Inserted, ListEdit, Place},
};

/// One container, as seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum View {
    /// The characters.
    Text(Vec<char>),
    /// The items of a list, or the elements of a movable list.
    List(Vec<At>),
    /// What is there by key, of a map or an or-map.
    Keys(BTreeMap<String, At>),
    /// The encoded value.
    Register(Option<Vec<u8>>),
    /// The sum.
    Counter(i128),
    /// The encoded elements.
    OrSet(Vec<Vec<u8>>),
}

/// What is at a key, or an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum At {
    /// An encoded value.
    Value(Vec<u8>),
    /// A container.
    Container(ContainerId),
}

/// All containers that there are, as seen: also those that are not shown any more.
pub type Shown = BTreeMap<ContainerId, View>;

impl View {
    /// A container of this kind in which nothing is.
    pub const fn empty(kind: ContainerKind) -> Self {
        match kind {
            ContainerKind::Text => Self::Text(Vec::new()),
            ContainerKind::List | ContainerKind::MovableList => Self::List(Vec::new()),
            ContainerKind::Map | ContainerKind::OrMap => Self::Keys(BTreeMap::new()),
            ContainerKind::Counter => Self::Counter(0),
            ContainerKind::OrSet => Self::OrSet(Vec::new()),
            _ => Self::Register(None),
        }
    }
}

/// What a document shows.
pub fn shown(document: &Document) -> Shown {
    document.containers().map(|id| (id.clone(), read(document, id))).collect()
}

fn read(document: &Document, id: &ContainerId) -> View {
    const OF_ITS_KIND: &str = "a container of the kind that it says";
    match id.kind {
        ContainerKind::Text => View::Text(document.text_of(id).expect(OF_ITS_KIND).chars().collect()),
        ContainerKind::List => View::List(document.list_of::<()>(id).expect(OF_ITS_KIND).held().map(item).collect()),
        ContainerKind::MovableList => {
            View::List(document.movable_list_of::<()>(id).expect(OF_ITS_KIND).held().map(item).collect())
        }
        ContainerKind::Map => View::Keys(document.map_of::<()>(id).expect(OF_ITS_KIND).held().map(at).collect()),
        ContainerKind::OrMap => View::Keys(document.or_map_of::<()>(id).expect(OF_ITS_KIND).held().map(at).collect()),
        ContainerKind::Counter => View::Counter(document.counter_of(id).expect(OF_ITS_KIND).value()),
        ContainerKind::OrSet => View::OrSet(
            document.or_set_of::<()>(id).expect(OF_ITS_KIND).encoded().map(|bytes| bytes.to_vec()).collect(),
        ),
        _ => {
            let register = document.register_of::<()>(id).expect(OF_ITS_KIND);
            View::Register(register.encoded().map(|value| value.to_vec()))
        }
    }
}

fn at((key, held): (&str, Held<'_>)) -> (String, At) {
    (key.to_owned(), item(held))
}

fn item(held: Held<'_>) -> At {
    match held {
        Held::Value(bytes) => At::Value(bytes.to_vec()),
        Held::Container(id) => At::Container(id),
    }
}

impl View {
    /// The containers in it, each with its key or its position.
    pub fn children(&self) -> Vec<(Result<&str, usize>, &ContainerId)> {
        let all: Vec<(Result<&str, usize>, &At)> = match self {
            Self::Keys(keys) => keys.iter().map(|(key, at)| (Ok(key.as_str()), at)).collect(),
            Self::List(items) => items.iter().enumerate().map(|(index, at)| (Err(index), at)).collect(),
            _ => Vec::new(),
        };
        let mut children = Vec::new();
        for (place, at) in all {
            if let At::Container(id) = at {
                children.push((place, id));
            }
        }
        children
    }
}

/// What there is to be seen by someone who begins at the root, whoever made which container: for each container its name
/// and the names of those it is in, its kind, and what is in it.
pub fn reached(shown: &Shown) -> Vec<String> {
    let mut lines = Vec::new();
    for id in shown.keys() {
        if let Place::Root(name) = &id.place {
            reach(shown, id, &format!("{name:?}"), &mut lines);
        }
    }
    lines
}

fn reach(shown: &Shown, id: &ContainerId, path: &str, lines: &mut Vec<String>) {
    let empty = View::empty(id.kind);
    match shown.get(id).unwrap_or(&empty) {
        View::Keys(keys) => {
            lines.push(format!("{path}: {} of {}", id.kind, keys.len()));
            for (key, at) in keys {
                match at {
                    At::Value(bytes) => lines.push(format!("{path}/{key:?}: {bytes:02x?}")),
                    At::Container(child) => reach(shown, child, &format!("{path}/{key:?}"), lines),
                }
            }
        }
        View::List(items) => {
            lines.push(format!("{path}: {} of {}", id.kind, items.len()));
            for (index, at) in items.iter().enumerate() {
                match at {
                    At::Value(bytes) => lines.push(format!("{path}/{index}: {bytes:02x?}")),
                    At::Container(child) => reach(shown, child, &format!("{path}/{index}"), lines),
                }
            }
        }
        view => lines.push(format!("{path}: {view:?}")),
    }
}

/// A view that is patched from a document's events and never rebuilt.
#[derive(Clone, Debug, Default)]
pub struct Patched {
    shown: Shown,
}

impl Patched {
    /// The view of someone who has read the document as it is now.
    pub fn of(document: &Document) -> Self {
        Self { shown: shown(document) }
    }

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

    /// Patches the view with one event. What is at a key is read from the document as it is now.
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

    /// Patches the view with some edits, after which `document` shows what there is.
    ///
    /// # Panics
    ///
    /// If a text edit reaches past the end of what it is applied to, or edits nothing.
    pub fn patch_all(&mut self, edits: &[ContainerEdit], document: &Document) {
        edits.iter().for_each(|edit| self.patch(edit, document));
    }

    fn patch(&mut self, edit: &ContainerEdit, document: &Document) {
        let id = edit.id();
        let view = self.shown.entry(id.clone()).or_insert_with(|| View::empty(id.kind));
        match (edit, view) {
            (ContainerEdit::Text { edits, .. }, View::Text(text)) => {
                for edit in edits {
                    assert!(edit.removed > 0 || !edit.inserted.is_empty(), "an edit edits");
                    text.splice(edit.at..edit.at + edit.removed, edit.inserted.chars());
                }
            }
            (ContainerEdit::List { edits, .. } | ContainerEdit::MovableList { edits, .. }, View::List(items)) => {
                edits.iter().for_each(|edit| arrange(items, edit));
            }
            (ContainerEdit::Map { keys, .. } | ContainerEdit::OrMap { keys, .. }, View::Keys(there)) => {
                let View::Keys(now) = read(document, id) else { return };
                for key in keys {
                    match now.get(&**key) {
                        Some(at) => there.insert(key.to_string(), at.clone()),
                        None => there.remove(&**key),
                    };
                }
            }
            (ContainerEdit::OrSet { elements, .. }, View::OrSet(there)) => {
                let View::OrSet(now) = read(document, id) else { return };
                for element in elements {
                    there.retain(|known| known != element);
                    there.extend(now.iter().filter(|known| *known == element).cloned());
                }
                there.sort_unstable();
            }
            (ContainerEdit::Counter { by, .. }, View::Counter(value)) => *value += by,
            (ContainerEdit::Register { .. }, view @ View::Register(_)) => *view = read(document, id),
            (edit, view) => panic!("{edit:?} is about something else than {view:?}"),
        }
    }

    /// Whether it shows what the document shows. A container in which nothing ever was is not reported.
    pub fn matches(&self, document: &Document) -> bool {
        let filled = |shown: &Shown, other: &Shown| {
            shown.iter().all(|(id, view)| *view == View::empty(id.kind) || other.get(id) == Some(view))
        };
        let now = shown(document);
        filled(&self.shown, &now) && filled(&now, &self.shown)
    }
}

fn arrange(items: &mut Vec<At>, edit: &ListEdit) {
    match edit {
        ListEdit::Replace { at, removed, inserted } => {
            assert!(*removed > 0 || !inserted.is_empty(), "an edit edits");
            let inserted = inserted.iter().map(|item| match item {
                Inserted::Value(bytes) => At::Value(bytes.to_vec()),
                Inserted::Container(id) => At::Container(id.clone()),
            });
            items.splice(*at..*at + *removed, inserted);
        }
        ListEdit::Move { from, to } => {
            assert_ne!(from, to, "an edit edits");
            let moved = items.remove(*from);
            items.insert(*to, moved);
        }
        ListEdit::Set { at, value } => items[*at] = At::Value(value.to_vec()),
        edit => panic!("an edit that nobody knows: {edit:?}"),
    }
}
