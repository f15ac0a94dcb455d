//! Lists: values and containers in an order.

use std::{collections::BTreeMap, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    container::{ContainerId, Held},
    diff,
    items::Items,
    journal::State,
    nested::{every_kind, items_to_edit, items_to_read},
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
/// meanwhile, `B` is there. A movable list is for items that stay themselves when they are set.
///
/// **An item can be a container**, which has edits of its own. It is there as long as its item is: who deletes that while
/// someone else edits the container deletes the container, too.
pub struct ListRef<'a, T> {
    items: Items<'a>,
    values: PhantomData<fn() -> T>,
}

impl<'a, T> ListRef<'a, T> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        Self { items: Items::of(state, id), values: PhantomData }
    }

    /// How many items it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items, in order: for tools that do not know the type.
    pub fn held(&self) -> impl Iterator<Item = Held<'a>> + use<'a, T> {
        self.items.all()
    }

    every_kind!(items_to_read);
}

impl<'a, T: DeserializeOwned> ListRef<'a, T> {
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

/// A list to be edited, inside a transaction. Positions are counted in items.
pub struct ListMut<'a, T> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
    pub(super) values: PhantomData<fn() -> T>,
}

impl<T> ListMut<'_, T> {
    /// Which container it is.
    pub const fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The list as it stands in the transaction.
    pub fn view(&self) -> ListRef<'_, T> {
        ListRef::of(self.state, &self.id)
    }

    /// How many items it has.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// Whether it has no item.
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// Deletes `count` items, from `at` on. None is no edit.
    ///
    /// # Errors
    ///
    /// If they reach past the end.
    pub fn delete(&mut self, at: usize, count: usize) -> Result<(), EditError> {
        self.state.delete_items(&self.id, at, count)
    }

    /// Deletes all items.
    ///
    /// # Errors
    ///
    /// None of its own: [`EditError::Exhausted`].
    pub fn clear(&mut self) -> Result<(), EditError> {
        self.delete(0, self.len())
    }

    every_kind!(items_to_edit);
}

impl<T: Serialize> ListMut<'_, T> {
    /// Inserts a value before the item `at`; at the end if that is the length.
    ///
    /// # Errors
    ///
    /// If the position is past the end, or the value cannot be written.
    pub fn insert(&mut self, at: usize, value: &T) -> Result<(), EditError> {
        self.state.insert_values(&self.id, at, vec![value::encode(value)?])
    }

    /// Inserts a value at the end.
    ///
    /// # Errors
    ///
    /// If the value cannot be written.
    pub fn push(&mut self, value: &T) -> Result<(), EditError> {
        self.insert(self.len(), value)
    }

    /// Inserts values at the end, which stay in one piece. None is no edit.
    ///
    /// # Errors
    ///
    /// If one of them cannot be written.
    pub fn extend(&mut self, values: &[T]) -> Result<(), EditError> {
        self.replace(self.len(), 0, values)
    }

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

impl<T: DeserializeOwned> ListMut<'_, T> {
    /// The value at a position as it stands in the transaction; `None` if there is none, or a container.
    ///
    /// # Errors
    ///
    /// If what is there is no `T`.
    pub fn get(&self, at: usize) -> Result<Option<T>, ValueError> {
        self.view().get(at)
    }
}
