//! What lists of both kinds have in common.

/// What a list to be read, `$read`, and one to be edited, `$edit`, can do whatever comes of concurrent edits.
macro_rules! ordered {
    ($read:ident, $edit:ident) => {
        impl<'a, T> $read<'a, T> {
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

        impl<'a, T: DeserializeOwned> $read<'a, T> {
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

        impl<T> $edit<'_, T> {
            /// Which container it is.
            pub const fn id(&self) -> &ContainerId {
                &self.id
            }

            /// The list as it stands in the transaction.
            pub fn view(&self) -> $read<'_, T> {
                $read::of(self.state, &self.id)
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

        impl<T: Serialize> $edit<'_, T> {
            /// Inserts a value before the item `at`; at the end if that is the length.
            ///
            /// # Errors
            ///
            /// If the position is past the end, or the value cannot be written.
            pub fn insert(&mut self, at: usize, value: &T) -> Result<(), EditError> {
                self.state.insert_values(&self.id, at, vec![value::encode(value)?])
            }

            /// Inserts values before the item `at`, which stay in one piece. None is no edit.
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

            /// Inserts values at the end, which stay in one piece. None is no edit.
            ///
            /// # Errors
            ///
            /// If one of them cannot be written.
            pub fn extend(&mut self, values: &[T]) -> Result<(), EditError> {
                self.insert_all(self.len(), values)
            }
        }

        impl<T: DeserializeOwned> $edit<'_, T> {
            /// The value at a position as it stands in the transaction; `None` if there is none, or a container.
            ///
            /// # Errors
            ///
            /// If what is there is no `T`.
            pub fn get(&self, at: usize) -> Result<Option<T>, ValueError> {
                self.view().get(at)
            }
        }
    };
}

pub(super) use ordered;
