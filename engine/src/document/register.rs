//! Registers: one value, and of several writes the last.

use std::marker::PhantomData;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    container::{ContainerId, Content, Value},
    journal::State,
    transaction::EditError,
    value::{self, ValueError},
};

/// A register to be read. One that nobody has written to has no value.
///
/// **Of several writes the last stays**: the one with the greatest clock, of those the greatest replica's, and in one change
/// the later one. Taking the value away is a write like any other. So when ann sets it to 1 and bob, whose clock is later,
/// sets it to 2 at the same time, it is 2 for everyone.
pub struct RegisterRef<'a, T> {
    content: Option<&'a Content>,
    values: PhantomData<fn() -> T>,
}

impl<'a, T> RegisterRef<'a, T> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        Self { content: state.content(id), values: PhantomData }
    }

    /// The value as it is kept, in CBOR: for tools that do not know the type.
    pub fn encoded(&self) -> Option<&'a Bytes> {
        self.content?.entry(None)?.value.as_ref()?.plain()
    }

    /// Whether it has a value, of whatever type.
    pub fn is_set(&self) -> bool {
        self.encoded().is_some()
    }
}

impl<T: DeserializeOwned> RegisterRef<'_, T> {
    /// The value, if there is one.
    ///
    /// # Errors
    ///
    /// If what is there is no `T`.
    pub fn get(&self) -> Result<Option<T>, ValueError> {
        self.encoded().map(|bytes| value::decode(bytes)).transpose()
    }
}

/// A register to be edited, inside a transaction.
pub struct RegisterMut<'a, T> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
    pub(super) values: PhantomData<fn() -> T>,
}

impl<T> RegisterMut<'_, T> {
    /// Which container it is.
    pub const fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The register as it stands in the transaction.
    pub fn view(&self) -> RegisterRef<'_, T> {
        RegisterRef::of(self.state, &self.id)
    }

    /// Takes the value away. A register that has none is left as it is, and that is no edit.
    ///
    /// # Errors
    ///
    /// None of its own: [`EditError::Exhausted`].
    pub fn clear(&mut self) -> Result<(), EditError> {
        if !self.view().is_set() {
            return Ok(());
        }
        self.state.write(&self.id, None, None).ok_or(EditError::Exhausted)
    }
}

impl<T: Serialize> RegisterMut<'_, T> {
    /// Sets the value.
    ///
    /// # Errors
    ///
    /// If the value cannot be written.
    pub fn set(&mut self, value: &T) -> Result<(), EditError> {
        let value = Value::Plain(value::encode(value)?);
        self.state.write(&self.id, None, Some(value)).ok_or(EditError::Exhausted)
    }
}

impl<T: DeserializeOwned> RegisterMut<'_, T> {
    /// The value as it stands in the transaction.
    ///
    /// # Errors
    ///
    /// If what is there is no `T`.
    pub fn get(&self) -> Result<Option<T>, ValueError> {
        self.view().get()
    }
}
