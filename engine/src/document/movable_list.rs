//! Movable lists: values and containers in an order, which stay themselves when they are moved or set.

use std::marker::PhantomData;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    container::{ContainerId, Held},
    items::Items,
    journal::State,
    nested::{every_kind, items_to_edit, items_to_read},
    ordered::ordered,
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

/// A movable list to be edited, inside a transaction. Positions are counted in items, which are its elements.
pub struct MovableListMut<'a, T> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
    pub(super) values: PhantomData<fn() -> T>,
}

ordered!(MovableListRef, MovableListMut);

impl<T> MovableListMut<'_, T> {
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
}

impl<T: Serialize> MovableListMut<'_, T> {
    /// Sets the element `at` to a value. A container that it was is not shown any more.
    ///
    /// # Errors
    ///
    /// If it has not as many elements, or the value cannot be written.
    pub fn set(&mut self, at: usize, value: &T) -> Result<(), EditError> {
        self.state.set_element(&self.id, at, value::encode(value)?)
    }
}
