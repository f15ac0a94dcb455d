//! Containers of a document to be read: by name at the root, or by id wherever they are.

use super::{
    ContainerId, ContainerKind, CounterRef, Document, ListRef, MapRef, OrMapRef, OrSetRef, RegisterRef, TextRef,
};

impl Document {
    /// The text of this name at the root, to be read.
    pub fn text(&self, name: &str) -> TextRef<'_> {
        TextRef::of(&self.state, &self.state.root(ContainerKind::Text, name))
    }

    /// The list of this name at the root, to be read.
    pub fn list<T>(&self, name: &str) -> ListRef<'_, T> {
        ListRef::of(&self.state, &self.state.root(ContainerKind::List, name))
    }

    /// The map of this name at the root, to be read.
    pub fn map<V>(&self, name: &str) -> MapRef<'_, V> {
        MapRef::of(&self.state, &self.state.root(ContainerKind::Map, name))
    }

    /// The register of this name at the root, to be read.
    pub fn register<T>(&self, name: &str) -> RegisterRef<'_, T> {
        RegisterRef::of(&self.state, &self.state.root(ContainerKind::Register, name))
    }

    /// The counter of this name at the root, to be read.
    pub fn counter(&self, name: &str) -> CounterRef<'_> {
        CounterRef::of(&self.state, &self.state.root(ContainerKind::Counter, name))
    }

    /// The or-set of this name at the root, to be read.
    pub fn or_set<T>(&self, name: &str) -> OrSetRef<'_, T> {
        OrSetRef::of(&self.state, &self.state.root(ContainerKind::OrSet, name))
    }

    /// The or-map of this name at the root, to be read.
    pub fn or_map<V>(&self, name: &str) -> OrMapRef<'_, V> {
        OrMapRef::of(&self.state, &self.state.root(ContainerKind::OrMap, name))
    }

    /// The text of this id, wherever it is, also if it is not shown any more; `None` if the id is none of a text.
    pub fn text_of(&self, id: &ContainerId) -> Option<TextRef<'_>> {
        (id.kind == ContainerKind::Text).then(|| TextRef::of(&self.state, id))
    }

    /// The list of this id, wherever it is, also if it is not shown any more; `None` if the id is none of a list.
    pub fn list_of<T>(&self, id: &ContainerId) -> Option<ListRef<'_, T>> {
        (id.kind == ContainerKind::List).then(|| ListRef::of(&self.state, id))
    }

    /// The map of this id, wherever it is, also if it is not shown any more; `None` if the id is none of a map.
    pub fn map_of<V>(&self, id: &ContainerId) -> Option<MapRef<'_, V>> {
        (id.kind == ContainerKind::Map).then(|| MapRef::of(&self.state, id))
    }

    /// The register of this id, wherever it is, also if it is not shown any more; `None` if the id is none of a register.
    pub fn register_of<T>(&self, id: &ContainerId) -> Option<RegisterRef<'_, T>> {
        (id.kind == ContainerKind::Register).then(|| RegisterRef::of(&self.state, id))
    }

    /// The counter of this id, wherever it is, also if it is not shown any more; `None` if the id is none of a counter.
    pub fn counter_of(&self, id: &ContainerId) -> Option<CounterRef<'_>> {
        (id.kind == ContainerKind::Counter).then(|| CounterRef::of(&self.state, id))
    }

    /// The or-set of this id, wherever it is, also if it is not shown any more; `None` if the id is none of an or-set.
    pub fn or_set_of<T>(&self, id: &ContainerId) -> Option<OrSetRef<'_, T>> {
        (id.kind == ContainerKind::OrSet).then(|| OrSetRef::of(&self.state, id))
    }

    /// The or-map of this id, wherever it is, also if it is not shown any more; `None` if the id is none of an or-map.
    pub fn or_map_of<V>(&self, id: &ContainerId) -> Option<OrMapRef<'_, V>> {
        (id.kind == ContainerKind::OrMap).then(|| OrMapRef::of(&self.state, id))
    }
}
