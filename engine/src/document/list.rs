//! Lists: values and containers in an order.

use std::{collections::BTreeMap, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    container::{ContainerId, Held},
    diff,
    items::Items,
    journal::State,
    nested::{every_kind, items_to_edit, items_to_read},
    ordered::ordered,
    transaction::EditError,
    value::{self, ValueError},
};

/// A list to be read. One that nobody has written to is empty.
///
/// **What is inserted stays between the two items that it was inserted between**, and what several people insert at one place
/// at once stays in one piece each. So when ann deletes `a` from `[a, b, c]` while bob deletes `c`, `[b]` is left for everyone,
/// and not what now stands where `c` stood.
///
/// **To [set](ListMut::set) an item is to delete it and to insert another one in its place.** So when ann sets `b` to `B` while
/// bob sets it to `B!`, both are there, `[a, B, B!, c]` or the other way round, for everyone; and when bob deletes `b`
/// meanwhile, `B` is there. A [movable list](super::MovableListRef) is for items that stay
/// themselves when they are set.
///
/// **An item can be a container**, which has edits of its own. It is there as long as its item is: who deletes that while
/// someone else edits the container deletes the container, too.
pub struct ListRef<'a, T> {
    items: Items<'a>,
    values: PhantomData<fn() -> T>,
}

/// A list to be edited, inside a transaction. Positions are counted in items.
pub struct ListMut<'a, T> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
    pub(super) values: PhantomData<fn() -> T>,
}

ordered!(ListRef, ListMut);

impl<T: Serialize> ListMut<'_, T> {
    /// Puts a value in the place of the item `at`, which is deleted.
    ///
    /// # Errors
    ///
    /// If there is no such item, or the value cannot be written.
    pub fn set(&mut self, at: usize, value: &T) -> Result<(), EditError> {
        self.replace(at, 1, std::slice::from_ref(value))
    }

    /// Deletes `count` items from `at` on and inserts values in their place, which stay in one piece.
    ///
    /// # Errors
    ///
    /// If the items reach past the end, or one of the values cannot be written.
    pub fn replace(&mut self, at: usize, count: usize, values: &[T]) -> Result<(), EditError> {
        let encoded = values.iter().map(value::encode).collect::<Result<_, _>>()?;
        let mark = self.state.mark();
        self.delete(at, count)?;
        self.state.insert_values(&self.id, at, encoded).inspect_err(|_| self.state.return_to(mark))
    }

    /// Makes the list `new` by replacing only [what is different](diff::hunks), so that what others do elsewhere in it stays.
    /// Values are compared as they are kept, in CBOR. Containers in it are deleted.
    ///
    /// # Errors
    ///
    /// If one of the values cannot be written.
    pub fn update(&mut self, new: &[T]) -> Result<(), EditError> {
        let mut numbers = BTreeMap::new();
        let mut number = |encoded: Option<&[u8]>| {
            let next = numbers.len() as u64;
            *numbers.entry(encoded.map(<[u8]>::to_vec)).or_insert(next)
        };
        let before: Vec<_> = self.view().held().map(|held| number(plain(&held))).collect();
        let encoded = new.iter().map(value::encode).collect::<Result<Vec<_>, _>>()?;
        let after: Vec<_> = encoded.iter().map(|value| number(Some(value))).collect();
        let mark = self.state.mark();
        let mut hunks = diff::hunks(&before, &after).into_iter();
        hunks
            // What comes before a hunk is as in the new list by then.
            .try_for_each(|hunk| self.replace(hunk.after.start, hunk.before.len(), &new[hunk.after]))
            .inspect_err(|_| self.state.return_to(mark))
    }
}

fn plain<'a>(held: &Held<'a>) -> Option<&'a [u8]> {
    match held {
        Held::Value(bytes) => Some(bytes),
        Held::Container(_) => None,
    }
}
