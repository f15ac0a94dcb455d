//! Maps: a value or a container for each key, and of several writes to one key the last.

use std::{marker::PhantomData, sync::Arc};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    container::{ContainerId, ContainerKind, Content, Held, Value},
    journal::State,
    nested::{every_kind, keys_to_edit, keys_to_read},
    transaction::EditError,
    value::{self, ValueError},
};

/// A map to be read. One that nobody has written to is empty.
///
/// **Of several writes to one key the last stays**: the one with the greatest clock, of those the greatest replica's, and in
/// one change the later one. A deletion is a write like any other. So when ann sets `color` to red while bob deletes it, one
/// of the two has happened, and the same one for everyone; keys do not disturb each other. [`OrMapRef`](super::OrMapRef) is
/// for maps in which what is set is to outlive a concurrent deletion.
///
/// **A key can hold a container**, which has edits of its own: see [`Slot`](super::Slot) for which container that is.
pub struct MapRef<'a, V> {
    state: &'a State,
    id: Option<&'a ContainerId>,
    content: Option<&'a Content>,
    values: PhantomData<fn() -> V>,
}

impl<'a, V> MapRef<'a, V> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        let container = state.container(id);
        let (id, content) = (container.map(|known| &known.id), container.map(|known| &known.content));
        Self { state, id, content, values: PhantomData }
    }

    fn all(&self) -> impl Iterator<Item = (&'a Arc<str>, &'a Value)> + use<'a, V> {
        let entries = match self.content {
            Some(Content::Map(entries)) => Some(entries),
            _ => None,
        };
        entries.into_iter().flatten().filter_map(|(key, entry)| Some((key, entry.value.as_ref()?)))
    }

    /// The keys that hold something, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a, V> {
        self.all().map(|(key, _)| &**key)
    }

    /// The keys, and what they hold: for tools that do not know the type.
    pub fn held(&self) -> impl Iterator<Item = (&'a str, Held<'a>)> + use<'a, V> {
        let id = self.id;
        self.all().filter_map(move |(key, value)| {
            let held = match value.plain() {
                Some(bytes) => Held::Value(bytes),
                None => Held::Container(value.child(id?, key)?),
            };
            Some((&**key, held))
        })
    }

    /// The keys that hold values, and these as they are kept, in CBOR.
    pub fn encoded(&self) -> impl Iterator<Item = (&'a str, &'a Bytes)> + use<'a, V> {
        self.all().filter_map(|(key, value)| Some((&**key, value.plain()?)))
    }

    /// How many keys hold something.
    pub fn len(&self) -> usize {
        self.all().count()
    }

    /// Whether no key holds anything.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Whether a key holds something: a value, of whatever type, or a container.
    pub fn contains(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        self.content?.held(key)
    }

    fn child(&self, key: &str, kind: ContainerKind) -> Option<ContainerId> {
        self.value(key)?.child(self.id?, &key.into()).filter(|child| child.kind == kind)
    }

    every_kind!(keys_to_read);
}

impl<'a, V: DeserializeOwned> MapRef<'a, V> {
    /// The value of a key; `None` if it has none, or holds a container.
    ///
    /// # Errors
    ///
    /// If what is there is no `V`.
    pub fn get(&self, key: &str) -> Result<Option<V>, ValueError> {
        self.value(key).and_then(Value::plain).map(|bytes| value::decode(bytes)).transpose()
    }

    /// The keys that hold values, and these, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Result<V, ValueError>)> + use<'a, V> {
        self.encoded().map(|(key, bytes)| (key, value::decode(bytes)))
    }
}

/// A map to be edited, inside a transaction.
pub struct MapMut<'a, V> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
    pub(super) values: PhantomData<fn() -> V>,
}

impl<V> MapMut<'_, V> {
    /// Which container it is.
    pub const fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The map as it stands in the transaction.
    pub fn view(&self) -> MapRef<'_, V> {
        MapRef::of(self.state, &self.id)
    }

    /// Deletes a key, whatever it holds. One that holds nothing is left as it is, and that is no edit.
    ///
    /// # Errors
    ///
    /// None of its own: [`EditError::Exhausted`].
    pub fn delete(&mut self, key: &str) -> Result<(), EditError> {
        if !self.view().contains(key) {
            return Ok(());
        }
        self.state.write(&self.id, Some(&Arc::from(key)), None).ok_or(EditError::Exhausted)
    }

    every_kind!(keys_to_edit);
}

impl<V: Serialize> MapMut<'_, V> {
    /// Sets the value of a key. A container that it held is not shown any more.
    ///
    /// # Errors
    ///
    /// If the value cannot be written.
    pub fn set(&mut self, key: &str, value: &V) -> Result<(), EditError> {
        let value = Value::Plain(value::encode(value)?);
        self.state.write(&self.id, Some(&Arc::from(key)), Some(value)).ok_or(EditError::Exhausted)
    }
}

impl<V: DeserializeOwned> MapMut<'_, V> {
    /// The value of a key as it stands in the transaction.
    ///
    /// # Errors
    ///
    /// If what is there is no `V`.
    pub fn get(&self, key: &str) -> Result<Option<V>, ValueError> {
        self.view().get(key)
    }
}
