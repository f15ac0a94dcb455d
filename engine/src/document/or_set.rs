//! Or-sets: values, each once, where what is added outlives what is removed at the same time.

use std::marker::PhantomData;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    container::{ContainerId, ContainerKind, Content, Value},
    journal::State,
    tagged::Tagged,
    transaction::EditError,
    value::{self, ValueError},
};

/// An or-set ("observed remove") to be read. One that nobody has written to is empty.
///
/// **A removal removes what its maker had seen**, and nothing that was added meanwhile. So when ann removes `milk` while bob
/// adds it, also if it was there already, it is there afterwards, for everyone; and if nobody adds it meanwhile it is gone,
/// however often it was added before.
///
/// Two values are one if their CBOR is the same bytes: a type that has several ways to be written, a map without an order for
/// one, is no good element.
pub struct OrSetRef<'a, T> {
    tagged: Option<&'a Tagged>,
    values: PhantomData<fn() -> T>,
}

impl<'a, T> OrSetRef<'a, T> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        let tagged = match state.content(id) {
            Some(Content::Tagged(tagged)) if id.kind == ContainerKind::OrSet => Some(tagged),
            _ => None,
        };
        Self { tagged, values: PhantomData }
    }

    /// The elements as they are kept, in CBOR, in the order of these bytes.
    pub fn encoded(&self) -> impl Iterator<Item = &'a Bytes> + use<'a, T> {
        self.tagged.into_iter().flat_map(Tagged::iter).map(|(element, _)| element)
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.tagged.map_or(0, Tagged::len)
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn has(&self, element: &[u8]) -> bool {
        self.tagged.is_some_and(|tagged| tagged.shown(element).is_some())
    }
}

impl<T: Serialize> OrSetRef<'_, T> {
    /// Whether an element is in it. One that cannot be written never is.
    pub fn contains(&self, element: &T) -> bool {
        value::encode(element).is_ok_and(|element| self.has(&element))
    }
}

impl<'a, T: DeserializeOwned> OrSetRef<'a, T> {
    /// The elements, in the order of their bytes in CBOR.
    pub fn iter(&self) -> impl Iterator<Item = Result<T, ValueError>> + use<'a, T> {
        self.encoded().map(|element| value::decode(element))
    }
}

/// An or-set to be edited, inside a transaction.
pub struct OrSetMut<'a, T> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
    pub(super) values: PhantomData<fn() -> T>,
}

impl<T> OrSetMut<'_, T> {
    /// Which container it is.
    pub const fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The or-set as it stands in the transaction.
    pub fn view(&self) -> OrSetRef<'_, T> {
        OrSetRef::of(self.state, &self.id)
    }
}

impl<T: Serialize> OrSetMut<'_, T> {
    /// Adds an element. It is an edit also if it is there: who removes it at the same time has not seen this addition.
    ///
    /// # Errors
    ///
    /// If the element cannot be written.
    pub fn add(&mut self, element: &T) -> Result<(), EditError> {
        let element = value::encode(element)?;
        self.state.put(&self.id, element, Value::Plain(Bytes::new())).ok_or(EditError::Exhausted)
    }

    /// Removes an element. One that is not there is no edit.
    ///
    /// # Errors
    ///
    /// If the element cannot be written.
    pub fn remove(&mut self, element: &T) -> Result<(), EditError> {
        let element = value::encode(element)?;
        self.state.remove(&self.id, &element).ok_or(EditError::Exhausted)
    }

    /// Whether an element is in it, as it stands in the transaction.
    pub fn contains(&self, element: &T) -> bool {
        self.view().contains(element)
    }
}
