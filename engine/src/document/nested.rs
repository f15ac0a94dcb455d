//! Containers at the keys of maps and or-maps: the same methods for both.

/// For something with `state`, and `child`, which says which container of a kind a key holds.
macro_rules! nested_to_read {
    () => {
        /// The text that a key holds; `None` if it holds none.
        pub fn text(&self, key: &str) -> Option<TextRef<'a>> {
            Some(TextRef::of(self.state, &self.child(key, ContainerKind::Text)?))
        }

        /// The map that a key holds; `None` if it holds none.
        pub fn map<W>(&self, key: &str) -> Option<MapRef<'a, W>> {
            Some(MapRef::of(self.state, &self.child(key, ContainerKind::Map)?))
        }

        /// The register that a key holds; `None` if it holds none.
        pub fn register<T>(&self, key: &str) -> Option<RegisterRef<'a, T>> {
            Some(RegisterRef::of(self.state, &self.child(key, ContainerKind::Register)?))
        }

        /// The counter that a key holds; `None` if it holds none.
        pub fn counter(&self, key: &str) -> Option<CounterRef<'a>> {
            Some(CounterRef::of(self.state, &self.child(key, ContainerKind::Counter)?))
        }

        /// The or-set that a key holds; `None` if it holds none.
        pub fn or_set<T>(&self, key: &str) -> Option<OrSetRef<'a, T>> {
            Some(OrSetRef::of(self.state, &self.child(key, ContainerKind::OrSet)?))
        }

        /// The or-map that a key holds; `None` if it holds none.
        pub fn or_map<W>(&self, key: &str) -> Option<OrMapRef<'a, W>> {
            Some(OrMapRef::of(self.state, &self.child(key, ContainerKind::OrMap)?))
        }
    };
}

/// For something with `state` and `id`.
macro_rules! nested_to_edit {
    () => {
        /// The text that a key holds. If it holds something else, or nothing, it holds a new one then.
        ///
        /// # Errors
        ///
        /// If it would be nested too deep.
        pub fn text(&mut self, key: &str) -> Result<TextMut<'_>, EditError> {
            let id = self.state.nest(&self.id, key, ContainerKind::Text)?;
            Ok(TextMut { state: self.state, id })
        }

        /// The map that a key holds. If it holds something else, or nothing, it holds a new one then.
        ///
        /// # Errors
        ///
        /// If it would be nested too deep.
        pub fn map<W>(&mut self, key: &str) -> Result<MapMut<'_, W>, EditError> {
            let id = self.state.nest(&self.id, key, ContainerKind::Map)?;
            Ok(MapMut { state: self.state, id, values: PhantomData })
        }

        /// The register that a key holds. If it holds something else, or nothing, it holds a new one then.
        ///
        /// # Errors
        ///
        /// If it would be nested too deep.
        pub fn register<T>(&mut self, key: &str) -> Result<RegisterMut<'_, T>, EditError> {
            let id = self.state.nest(&self.id, key, ContainerKind::Register)?;
            Ok(RegisterMut { state: self.state, id, values: PhantomData })
        }

        /// The counter that a key holds. If it holds something else, or nothing, it holds a new one then.
        ///
        /// # Errors
        ///
        /// If it would be nested too deep.
        pub fn counter(&mut self, key: &str) -> Result<CounterMut<'_>, EditError> {
            let id = self.state.nest(&self.id, key, ContainerKind::Counter)?;
            Ok(CounterMut { state: self.state, id })
        }

        /// The or-set that a key holds. If it holds something else, or nothing, it holds a new one then.
        ///
        /// # Errors
        ///
        /// If it would be nested too deep.
        pub fn or_set<T>(&mut self, key: &str) -> Result<OrSetMut<'_, T>, EditError> {
            let id = self.state.nest(&self.id, key, ContainerKind::OrSet)?;
            Ok(OrSetMut { state: self.state, id, values: PhantomData })
        }

        /// The or-map that a key holds. If it holds something else, or nothing, it holds a new one then.
        ///
        /// # Errors
        ///
        /// If it would be nested too deep.
        pub fn or_map<W>(&mut self, key: &str) -> Result<OrMapMut<'_, W>, EditError> {
            let id = self.state.nest(&self.id, key, ContainerKind::OrMap)?;
            Ok(OrMapMut { state: self.state, id, values: PhantomData })
        }
    };
}

pub(super) use {nested_to_edit, nested_to_read};
