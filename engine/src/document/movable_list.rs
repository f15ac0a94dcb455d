//! Movable lists: values and containers in an order, which stay themselves when they are moved or set.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    container::{ContainerId, Held},
    items::Items,
    journal::State,
    nested::{every_kind, items_to_edit, items_to_read},
    transaction::EditError,
    value::{self, ValueError},
};

/// A movable list to be read. One that nobody has written to is empty.
///
/// **An element stays itself** wherever it is moved and whatever it is set to, and it is there once. What happens to one
/// element at once, for everyone:
///
/// - Of several moves the last counts: the one with the greatest clock, of those the greatest replica's, and in one change the
///   later one. So when ann moves `joe` to the beginning of `[milk, plants, joe]` while bob moves it between the others, it is
///   in one of the two places.
/// - Of several values that it is set to, too, the last counts. A move and a value do not disturb each other: when ann moves
///   `joe` while bob sets it to `phone joe`, `phone joe` is where ann has put it.
/// - **A deletion wins**: who deletes `joe` means joe, wherever others move it and whatever they set it to meanwhile. Who wants
///   it back inserts it again.
///
/// Elements that are inserted stay, as in a [list](super::ListRef), between those that they were inserted between; and what is
/// moved stays between those that it was moved between.
///
/// **An element can be a container**, which has edits of its own and keeps them when it is moved. So when ann moves a text to
/// the end while bob types in it, what bob typed is at the end. An element that is set to a value is a container no more.
pub struct MovableListRef<'a, T> {
    items: Items<'a>,
    values: PhantomData<fn() -> T>,
}

impl<'a, T> MovableListRef<'a, T> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        Self { items: Items::of(state, id), values: PhantomData }
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements, in order: for tools that do not know the type.
    pub fn held(&self) -> impl Iterator<Item = Held<'a>> + use<'a, T> {
        self.items.all()
    }

    every_kind!(items_to_read);
}

impl<'a, T: DeserializeOwned> MovableListRef<'a, T> {
    /// The value at a position; `None` if there is none, or a container.
    ///
    /// # Errors
    ///
    /// If what is there is no `T`.
    pub fn get(&self, at: usize) -> Result<Option<T>, ValueError> {
        self.items.value(at)
    }

    /// The values, in order. Containers are passed over.
    pub fn iter(&self) -> impl Iterator<Item = Result<T, ValueError>> + use<'a, T> {
        self.items.values()
    }

    /// The values in one vector. Containers are passed over.
    ///
    /// # Errors
    ///
    /// If one of them is no `T`.
    pub fn to_vec(&self) -> Result<Vec<T>, ValueError> {
        self.iter().collect()
    }
}

/// A movable list to be edited, inside a transaction. Positions are counted in elements.
pub struct MovableListMut<'a, T> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
    pub(super) values: PhantomData<fn() -> T>,
}

impl<T> MovableListMut<'_, T> {
    /// Which container it is.
    pub const fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The list as it stands in the transaction.
    pub fn view(&self) -> MovableListRef<'_, T> {
        MovableListRef::of(self.state, &self.id)
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Moves the element at `from`, so that it is at `to` then. To where it is is no edit.
    ///
    /// ```
    /// use crdt_socket_sync::{Document, ReplicaId, Wall, document::EditError};
    ///
    /// let mut ann = Document::new(ReplicaId::new(1));
    /// ann.edit(Wall::from_millis(1_000), |txn| {
    ///     let mut list = txn.movable_list("errands");
    ///     list.extend(&["milk", "plants", "joe"])?;
    ///     list.move_to(2, 0)
    /// })?;
    /// assert_eq!(ann.movable_list::<String>("errands").to_vec().unwrap(), ["joe", "milk", "plants"]);
    /// # Ok::<_, EditError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it has not as many elements.
    pub fn move_to(&mut self, from: usize, to: usize) -> Result<(), EditError> {
        self.state.move_element(&self.id, from, to)
    }

    /// Deletes `count` elements, from `at` on. None is no edit.
    ///
    /// # Errors
    ///
    /// If they reach past the end.
    pub fn delete(&mut self, at: usize, count: usize) -> Result<(), EditError> {
        self.state.delete_items(&self.id, at, count)
    }

    /// Deletes all elements.
    ///
    /// # Errors
    ///
    /// None of its own: [`EditError::Exhausted`].
    pub fn clear(&mut self) -> Result<(), EditError> {
        self.delete(0, self.len())
    }

    every_kind!(items_to_edit);
}

impl<T: Serialize> MovableListMut<'_, T> {
    /// Inserts a value, an element of its own, before the element `at`; at the end if that is the length.
    ///
    /// # Errors
    ///
    /// If the position is past the end, or the value cannot be written.
    pub fn insert(&mut self, at: usize, value: &T) -> Result<(), EditError> {
        self.state.insert_values(&self.id, at, vec![value::encode(value)?])
    }

    /// Inserts values before the element `at`, which are in one piece then. None is no edit.
    ///
    /// # Errors
    ///
    /// If the position is past the end, or one of them cannot be written.
    pub fn insert_all(&mut self, at: usize, values: &[T]) -> Result<(), EditError> {
        let encoded = values.iter().map(value::encode).collect::<Result<_, _>>()?;
        self.state.insert_values(&self.id, at, encoded)
    }

    /// Inserts a value at the end.
    ///
    /// # Errors
    ///
    /// If the value cannot be written.
    pub fn push(&mut self, value: &T) -> Result<(), EditError> {
        self.insert(self.len(), value)
    }

    /// Inserts values at the end. None is no edit.
    ///
    /// # Errors
    ///
    /// If one of them cannot be written.
    pub fn extend(&mut self, values: &[T]) -> Result<(), EditError> {
        self.insert_all(self.len(), values)
    }

    /// Sets the element `at` to a value. A container that it was is not shown any more.
    ///
    /// # Errors
    ///
    /// If it has not as many elements, or the value cannot be written.
    pub fn set(&mut self, at: usize, value: &T) -> Result<(), EditError> {
        self.state.set_element(&self.id, at, value::encode(value)?)
    }
}

impl<T: DeserializeOwned> MovableListMut<'_, T> {
    /// The value at a position as it stands in the transaction; `None` if there is none, or a container.
    ///
    /// # Errors
    ///
    /// If what is there is no `T`.
    pub fn get(&self, at: usize) -> Result<Option<T>, ValueError> {
        self.view().get(at)
    }
}
