//! Bytes from operations.

use bytes::Bytes;

use super::{
    Action, Operation,
    dictionary::Dictionary,
    form::{
        ADD, CLEAR, CONTINUES, COUNT, DELETE, DELETE_KEY, DELETE_ONE, INSERT, INSERT_ITEM, INSERT_ITEMS, INSERT_ONE,
        ITEM, KEY, NEST, PUT, PUT_NESTED, REMOVE, ROOT, SAME, SET, SET_KEY,
    },
};
use crate::{
    document::container::{ContainerId, Item, Place, Value},
    id::{OpId, ReplicaId},
    packed::{pack_bytes, pack_number, pack_signed},
};

/// A body that is being written.
pub(super) struct Writing<'a> {
    out: Vec<u8>,
    own: ReplicaId,
    /// The number of the operation.
    seq: u64,
    dictionary: &'a mut Dictionary,
}

impl<'a> Writing<'a> {
    pub(super) const fn new(own: ReplicaId, dictionary: &'a mut Dictionary) -> Self {
        Self { out: Vec::new(), own, seq: 0, dictionary }
    }

    pub(super) fn finish(self) -> Bytes {
        self.out.into()
    }

    pub(super) fn operation(&mut self, operation: &Operation) {
        self.seq = operation.seq;
        let tag = self.out.len();
        self.out.push(0);
        let container = match self.dictionary.container.filter(|last| self.is(*last, &operation.container)) {
            Some(last) => {
                self.out[tag] = SAME;
                last
            }
            None => self.container(&operation.container),
        };
        let kind = self.action(&operation.action, self.out[tag] == SAME);
        self.out[tag] |= kind;
        self.dictionary.note(self.own, container, operation);
    }

    fn is(&self, index: usize, id: &ContainerId) -> bool {
        self.dictionary.containers.get(index as u64) == Some(id)
    }

    /// Writes what an action has to say for itself. Its tag, but for [`SAME`].
    fn action(&mut self, action: &Action, same: bool) -> u8 {
        match action {
            Action::Insert { left, right, text } => {
                let flag = self.neighbours(*left, *right, same);
                if text.chars().nth(1).is_some() {
                    pack_bytes(&mut self.out, text.as_bytes());
                    return flag | INSERT;
                }
                self.out.extend_from_slice(text.as_bytes());
                flag | INSERT_ONE
            }
            Action::InsertItems { left, right, items } => {
                let flag = self.neighbours(*left, *right, same);
                if let [item] = &items[..] {
                    self.item(item);
                    return flag | INSERT_ITEM;
                }
                pack_number(&mut self.out, items.len() as u64);
                items.iter().for_each(|item| self.item(item));
                flag | INSERT_ITEMS
            }
            Action::Delete { first, count } => {
                self.reference(Some(*first));
                if *count == 1 {
                    return DELETE_ONE;
                }
                pack_number(&mut self.out, *count);
                DELETE
            }
            Action::Map { key, value } => {
                pack_bytes(&mut self.out, key.as_bytes());
                let Some(value) = value else { return DELETE_KEY };
                if self.value(value) { NEST } else { SET_KEY }
            }
            Action::Register { value: None } => CLEAR,
            Action::Register { value: Some(value) } => {
                pack_bytes(&mut self.out, value);
                SET
            }
            Action::Count { by } => {
                pack_signed(&mut self.out, *by);
                COUNT
            }
            Action::Add { element, over } => {
                pack_bytes(&mut self.out, element);
                self.tags(over);
                ADD
            }
            Action::Put { key, value, over } => {
                pack_bytes(&mut self.out, key.as_bytes());
                let nests = self.value(value);
                self.tags(over);
                if nests { PUT_NESTED } else { PUT }
            }
            Action::Remove { tags } => {
                self.tags(tags);
                REMOVE
            }
        }
    }

    /// Writes between what something is inserted, unless it goes on. [`CONTINUES`] if it does.
    fn neighbours(&mut self, left: Option<OpId>, right: Option<OpId>, same: bool) -> u8 {
        if same && self.dictionary.is_continued_by(self.own, self.seq, left, right) {
            return CONTINUES;
        }
        self.reference(left);
        self.reference(right);
        0
    }

    /// Writes an item of a list.
    fn item(&mut self, item: &Item) {
        match item {
            Item::Plain(bytes) => {
                pack_number(&mut self.out, 2 * bytes.len() as u64);
                self.out.extend_from_slice(bytes);
            }
            Item::Child(kind) => pack_number(&mut self.out, 2 * kind.number() + 1),
        }
    }

    /// Writes what stands at a key. Whether that is a container.
    fn value(&mut self, value: &Value) -> bool {
        match value {
            Value::Plain(bytes) => pack_bytes(&mut self.out, bytes),
            Value::Child { kind, over } => {
                pack_number(&mut self.out, kind.number());
                self.reference(*over);
            }
        }
        matches!(value, Value::Child { .. })
    }

    fn tags(&mut self, tags: &[OpId]) {
        pack_number(&mut self.out, tags.len() as u64);
        tags.iter().for_each(|tag| self.reference(Some(*tag)));
    }

    /// Mentions a container. Its index.
    fn container(&mut self, id: &ContainerId) -> usize {
        let containers = &self.dictionary.containers;
        let known = containers.index(id);
        pack_number(&mut self.out, known.unwrap_or_else(|| containers.len()) as u64);
        if let Some(index) = known {
            return index;
        }
        pack_number(&mut self.out, id.kind.number());
        match &id.place {
            Place::Root(name) => {
                pack_number(&mut self.out, ROOT);
                pack_bytes(&mut self.out, name.as_bytes());
            }
            Place::Key(slot) => {
                pack_number(&mut self.out, KEY);
                self.container(&slot.parent);
                pack_bytes(&mut self.out, slot.key.as_bytes());
                self.reference(slot.over);
            }
            Place::Item(spot) => {
                pack_number(&mut self.out, ITEM);
                self.container(&spot.parent);
                self.reference(Some(spot.item));
            }
        }
        let index = self.dictionary.containers.len();
        self.dictionary.containers.introduce(id.clone());
        index
    }

    fn reference(&mut self, op: Option<OpId>) {
        let Some(op) = op else { return self.out.push(0) };
        if op.replica == self.own {
            // At least one back; anything else cannot be written, and nothing here makes it.
            return pack_number(&mut self.out, 2 * self.seq.saturating_sub(op.seq).max(1));
        }
        let replicas = &mut self.dictionary.replicas;
        match replicas.index(&op.replica) {
            Some(index) => pack_number(&mut self.out, 2 * index as u64 + 1),
            None => {
                pack_number(&mut self.out, 2 * replicas.len() as u64 + 1);
                replicas.introduce(op.replica);
                self.out.extend(op.replica.bits().to_be_bytes());
            }
        }
        pack_number(&mut self.out, op.seq);
    }
}
