//! Or-maps: a value or a container for each key, where what is put outlives what is removed at the same time.

use std::{marker::PhantomData, sync::Arc};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    container::{ContainerId, ContainerKind, Content, Held, Value},
    journal::State,
    nested::{every_kind, keys_to_edit, keys_to_read},
    tagged::Tagged,
    transaction::EditError,
    value::{self, ValueError},
    writes::key_text,
};

/// An or-map ("observed remove") to be read. One that nobody has written to is empty.
///
/// **A removal removes what its maker had seen at the key**, and nothing that was put meanwhile. So when ann removes `x` while
/// bob puts 200 there, `x` is 200 afterwards, for everyone and whatever the clocks say. Of several values that were put at
/// once, the one with the greatest clock is shown, of those the greatest replica's; the others are gone with the next put or
/// removal that has seen them.
///
/// **A key can hold a container**: see [`Slot`](super::Slot) for which one that is. An edit inside is no put, and does not
/// keep the key from being removed.
pub struct OrMapRef<'a, V> {
    state: &'a State,
    id: Option<&'a ContainerId>,
    tagged: Option<&'a Tagged>,
    values: PhantomData<fn() -> V>,
}

impl<'a, V> OrMapRef<'a, V> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        let container = state.container(id).filter(|container| container.id.kind == ContainerKind::OrMap);
        let tagged = match container.map(|known| &known.content) {
            Some(Content::Tagged(tagged)) => Some(tagged),
            _ => None,
        };
        Self { state, id: container.map(|known| &known.id), tagged, values: PhantomData }
    }

    fn all(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a, V> {
        self.tagged.into_iter().flat_map(Tagged::iter).filter_map(|(key, value)| Some((key_text(key)?, value)))
    }

    /// The keys that hold something, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a, V> {
        self.all().map(|(key, _)| key)
    }

    /// The keys, and what they hold: for tools that do not know the type.
    pub fn held(&self) -> impl Iterator<Item = (&'a str, Held<'a>)> + use<'a, V> {
        let id = self.id;
        self.all().filter_map(move |(key, value)| {
            let held = match value.plain() {
                Some(bytes) => Held::Value(bytes),
                None => Held::Container(value.child(id?, &Arc::from(key))?),
            };
            Some((key, held))
        })
    }

    /// The keys that hold values, and these as they are kept, in CBOR.
    pub fn encoded(&self) -> impl Iterator<Item = (&'a str, &'a Bytes)> + use<'a, V> {
        self.all().filter_map(|(key, value)| Some((key, value.plain()?)))
    }

    /// How many keys hold something.
    pub fn len(&self) -> usize {
        self.tagged.map_or(0, Tagged::len)
    }

    /// Whether no key holds anything.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a key holds something: a value, of whatever type, or a container.
    pub fn contains(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        self.tagged?.shown(key.as_bytes())
    }

    fn child(&self, key: &str, kind: ContainerKind) -> Option<ContainerId> {
        self.value(key)?.child(self.id?, &key.into()).filter(|child| child.kind == kind)
    }

    every_kind!(keys_to_read);
}

impl<'a, V: DeserializeOwned> OrMapRef<'a, V> {
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

/// An or-map to be edited, inside a transaction.
pub struct OrMapMut<'a, V> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
    pub(super) values: PhantomData<fn() -> V>,
}

impl<V> OrMapMut<'_, V> {
    /// Which container it is.
    pub const fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The or-map as it stands in the transaction.
    pub fn view(&self) -> OrMapRef<'_, V> {
        OrMapRef::of(self.state, &self.id)
    }

    /// Removes a key, whatever it holds. One that holds nothing is left as it is, and that is no edit.
    ///
    /// # Errors
    ///
    /// None of its own: [`EditError::Exhausted`].
    pub fn remove(&mut self, key: &str) -> Result<(), EditError> {
        self.state.remove(&self.id, key.as_bytes()).ok_or(EditError::Exhausted)
    }

    every_kind!(keys_to_edit);
}

impl<V: Serialize> OrMapMut<'_, V> {
    /// Puts a value at a key. A container that it held is not shown any more. It is an edit also if the value is the same:
    /// who removes the key at the same time has not seen this one.
    ///
    /// # Errors
    ///
    /// If the value cannot be written.
    pub fn put(&mut self, key: &str, value: &V) -> Result<(), EditError> {
        let value = Value::Plain(value::encode(value)?);
        self.state.put(&self.id, Bytes::copy_from_slice(key.as_bytes()), value).ok_or(EditError::Exhausted)
    }
}

impl<V: DeserializeOwned> OrMapMut<'_, V> {
    /// The value of a key as it stands in the transaction.
    ///
    /// # Errors
    ///
    /// If what is there is no `V`.
    pub fn get(&self, key: &str) -> Result<Option<V>, ValueError> {
        self.view().get(key)
    }
}
