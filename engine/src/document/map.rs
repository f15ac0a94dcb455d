//! Maps: a value for each key, and of several writes to one key the last.

use std::{marker::PhantomData, sync::Arc};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    container::{ContainerId, Content},
    journal::State,
    transaction::EditError,
    value::{self, ValueError},
};

/// A map to be read. One that nobody has written to is empty.
pub struct MapRef<'a, V> {
    pub(super) content: Option<&'a Content>,
    pub(super) values: PhantomData<fn() -> V>,
}

impl<'a, V> MapRef<'a, V> {
    /// The keys that have a value, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a, V> {
        self.encoded().map(|(key, _)| key)
    }

    /// The keys and the values as they are kept, in CBOR: for tools that do not know the type.
    pub fn encoded(&self) -> impl Iterator<Item = (&'a str, &'a Bytes)> + use<'a, V> {
        let entries = match self.content {
            Some(Content::Map(entries)) => Some(entries),
            _ => None,
        };
        entries.into_iter().flatten().filter_map(|(key, entry)| Some((&**key, entry.value.as_ref()?)))
    }

    /// How many keys have a value.
    pub fn len(&self) -> usize {
        self.encoded().count()
    }

    /// Whether no key has a value.
    pub fn is_empty(&self) -> bool {
        self.encoded().next().is_none()
    }

    /// Whether a key has a value, of whatever type.
    pub fn contains(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    fn value(&self, key: &str) -> Option<&'a Bytes> {
        self.content?.entry(Some(key))?.value.as_ref()
    }
}

impl<'a, V: DeserializeOwned> MapRef<'a, V> {
    /// The value of a key, if it has one.
    ///
    /// # Errors
    ///
    /// If what is there is no `V`.
    pub fn get(&self, key: &str) -> Result<Option<V>, ValueError> {
        self.value(key).map(|bytes| value::decode(bytes)).transpose()
    }

    /// The keys and values, in the order of the keys.
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
    /// The map as it stands in the transaction.
    pub fn view(&self) -> MapRef<'_, V> {
        MapRef { content: self.state.content(&self.id), values: PhantomData }
    }

    /// Deletes a key. One that has no value is left as it is, and that is no edit.
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
}

impl<V: Serialize> MapMut<'_, V> {
    /// Sets the value of a key.
    ///
    /// # Errors
    ///
    /// If the value cannot be written.
    pub fn set(&mut self, key: &str, value: &V) -> Result<(), EditError> {
        let value = value::encode(value)?;
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
