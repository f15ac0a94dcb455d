//! Containers in containers: the same methods wherever there can be one.

/// Hands a macro all kinds of containers: how each is called, the methods that find one and insert one, its kind, and how it
/// is read and edited.
macro_rules! every_kind {
    ($methods:ident) => {
        $methods! {
            "text" text insert_text Text TextRef TextMut;
            "list" list insert_list List ListRef ListMut <W>;
            "movable list" movable_list insert_movable_list MovableList MovableListRef MovableListMut <W>;
            "map" map insert_map Map MapRef MapMut <W>;
            "register" register insert_register Register RegisterRef RegisterMut <W>;
            "counter" counter insert_counter Counter CounterRef CounterMut;
            "or-set" or_set insert_or_set OrSet OrSetRef OrSetMut <W>;
            "or-map" or_map insert_or_map OrMap OrMapRef OrMapMut <W>;
        }
    };
}

/// For something with keys, with `state`, and `child`, which says which container of a kind a key holds.
macro_rules! keys_to_read {
    ($($what:literal $name:ident $insert:ident $kind:ident $read:ident $edit:ident $(<$value:ident>)?;)*) => {$(
        #[doc = concat!("The ", $what, " that a key holds; `None` if it holds none.")]
        pub fn $name $(<$value>)? (&self, key: &str) -> Option<$crate::document::$read<'a $(, $value)?>> {
            let id = self.child(key, $crate::document::ContainerKind::$kind)?;
            Some($crate::document::$read::of(self.state, &id))
        }
    )*};
}

/// For something with keys, with `state` and `id`.
macro_rules! keys_to_edit {
    ($($what:literal $name:ident $insert:ident $kind:ident $read:ident $edit:ident $(<$value:ident>)?;)*) => {$(
        #[doc = concat!("The ", $what, " that a key holds. If it holds something else, or nothing, it holds a new one then.")]
        ///
        /// # Errors
        ///
        /// If it would be nested too deep.
        pub fn $name $(<$value>)? (
            &mut self,
            key: &str,
        ) -> Result<$crate::document::$edit<'_ $(, $value)?>, $crate::document::EditError> {
            let id = self.state.nest(&self.id, key, $crate::document::ContainerKind::$kind)?;
            Ok($crate::document::$edit { state: self.state, id: id.into() $(, values: PhantomData::<fn() -> $value>)? })
        }
    )*};
}

/// For something with items, with `items`.
macro_rules! items_to_read {
    ($($what:literal $name:ident $insert:ident $kind:ident $read:ident $edit:ident $(<$value:ident>)?;)*) => {$(
        #[doc = concat!("The ", $what, " at a position; `None` if something else is there, or nothing.")]
        pub fn $name $(<$value>)? (&self, at: usize) -> Option<$crate::document::$read<'a $(, $value)?>> {
            let id = self.items.child(at, $crate::document::ContainerKind::$kind)?;
            Some($crate::document::$read::of(self.items.state, &id))
        }
    )*};
}

/// For something with items, with `state` and `id`.
macro_rules! items_to_edit {
    ($($what:literal $name:ident $insert:ident $kind:ident $read:ident $edit:ident $(<$value:ident>)?;)*) => {$(
        #[doc = concat!("The ", $what, " at a position; `None` if something else is there, or nothing.")]
        pub fn $name $(<$value>)? (&mut self, at: usize) -> Option<$crate::document::$edit<'_ $(, $value)?>> {
            let id = self.view().items.child(at, $crate::document::ContainerKind::$kind)?;
            Some($crate::document::$edit { state: self.state, id: id.into() $(, values: PhantomData::<fn() -> $value>)? })
        }

        #[doc = concat!("Inserts a new ", $what, " before the item `at`; at the end if that is the length.")]
        ///
        /// # Errors
        ///
        /// If the position is past the end, or the container would be nested too deep.
        pub fn $insert $(<$value>)? (
            &mut self,
            at: usize,
        ) -> Result<$crate::document::$edit<'_ $(, $value)?>, $crate::document::EditError> {
            let id = self.state.insert_child(&self.id, at, $crate::document::ContainerKind::$kind)?;
            Ok($crate::document::$edit { state: self.state, id: id.into() $(, values: PhantomData::<fn() -> $value>)? })
        }
    )*};
}

pub(super) use {every_kind, items_to_edit, items_to_read, keys_to_edit, keys_to_read};
