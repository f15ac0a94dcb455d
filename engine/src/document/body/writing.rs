//! Bytes from operations.

use super::{
    Action,
    dictionary::{Dictionary, Insertion},
    form::{
        ADD, CLEAR, CONTINUES, COUNT, DELETE, DELETE_KEY, DELETE_ONE, INSERT, INSERT_ITEM, INSERT_ITEMS, INSERT_ONE,
        ITEM, KEY, MOVE, NEST, PUT, PUT_NESTED, REMOVE, ROOT, SAME, SET, SET_ELEMENT, SET_KEY,
    },
};
use crate::{
    document::container::{ContainerId, Item, Place, Value},
    id::{OpId, ReplicaId},
    packed::{pack_bytes, pack_number, pack_signed},
};

/// A body that is being written.
pub(in crate::document) struct Writing<'a> {
    out: &'a mut Vec<u8>,
    own: ReplicaId,
    /// The number of the operation that is being written.
    seq: u64,
    dictionary: &'a mut Dictionary,
}

/// An operation of which the tag is written, and the container.
struct Begun {
    /// Where the tag is.
    tag: usize,
    /// Whether the container is that of the last operation.
    same: bool,
    /// The container's index.
    container: usize,
}

impl<'a> Writing<'a> {
    pub(in crate::document) const fn new(out: &'a mut Vec<u8>, own: ReplicaId, dictionary: &'a mut Dictionary) -> Self {
        Self { out, own, seq: 0, dictionary }
    }

    /// Writes the operation of this number, on this container.
    pub(in crate::document) fn operation<T: AsRef<str>, I: AsRef<[Item]>>(
        &mut self,
        seq: u64,
        id: &ContainerId,
        action: &Action<T, I>,
    ) {
        match action {
            Action::Insert { left, right, text } => self.insert(seq, id, (*left, *right), text.as_ref()),
            Action::Delete { first, count } => self.delete(seq, id, *first, *count),
            _ => {
                let begun = self.begin(seq, id);
                let kind = self.action(action, begun.same);
                self.out[begun.tag] |= kind;
                let op = OpId::new(self.own, seq);
                self.dictionary.note(begun.container, op, seq + action.covers(), action);
            }
        }
    }

    /// The same for an insertion of characters.
    pub(in crate::document) fn insert(
        &mut self,
        seq: u64,
        id: &ContainerId,
        (left, right): (Option<OpId>, Option<OpId>),
        text: &str,
    ) {
        let begun = self.begin(seq, id);
        let mut kind = self.neighbours(left, right, begun.same);
        let chars = text.chars().count() as u64;
        if chars == 1 {
            self.out.extend_from_slice(text.as_bytes());
            kind |= INSERT_ONE;
        } else {
            pack_bytes(self.out, text.as_bytes());
            kind |= INSERT;
        }
        self.end(begun, kind, Some(Insertion { end: seq + chars, right }));
    }

    /// The same for a deletion.
    pub(in crate::document) fn delete(&mut self, seq: u64, id: &ContainerId, first: OpId, count: u64) {
        let begun = self.begin(seq, id);
        self.reference(Some(first));
        if count > 1 {
            pack_number(self.out, count);
        }
        self.end(begun, if count == 1 { DELETE_ONE } else { DELETE }, None);
    }

    fn begin(&mut self, seq: u64, id: &ContainerId) -> Begun {
        self.seq = seq;
        let tag = self.out.len();
        let is_it = |last: &usize| self.dictionary.container(*last).is_some_and(|last| last.is(id));
        let last = self.dictionary.container.filter(is_it);
        self.out.push(if last.is_some() { SAME } else { 0 });
        Begun { tag, same: last.is_some(), container: last.unwrap_or_else(|| self.container(id)) }
    }

    fn end(&mut self, begun: Begun, kind: u8, insertion: Option<Insertion>) {
        self.out[begun.tag] |= kind;
        self.dictionary.container = Some(begun.container);
        self.dictionary.insertion = insertion;
    }

    /// Writes what an action has to say for itself that has no way of its own. Its tag, but for [`SAME`].
    fn action<T: AsRef<str>, I: AsRef<[Item]>>(&mut self, action: &Action<T, I>, same: bool) -> u8 {
        match action {
            Action::Insert { .. } | Action::Delete { .. } => unreachable!("they have ways of their own"),
            Action::InsertItems { left, right, items } => {
                let flag = self.neighbours(*left, *right, same);
                let items = items.as_ref();
                if let [item] = items {
                    self.item(item);
                    return flag | INSERT_ITEM;
                }
                pack_number(self.out, items.len() as u64);
                items.iter().for_each(|item| self.item(item));
                flag | INSERT_ITEMS
            }
            Action::Move { element, left, right } => {
                self.reference(Some(*element));
                self.reference(*left);
                self.reference(*right);
                MOVE
            }
            Action::SetElement { element, value } => {
                self.reference(Some(*element));
                pack_bytes(self.out, value);
                SET_ELEMENT
            }
            Action::Map { key, value } => {
                pack_bytes(self.out, key.as_bytes());
                let Some(value) = value else { return DELETE_KEY };
                if self.value(value) { NEST } else { SET_KEY }
            }
            Action::Register { value: None } => CLEAR,
            Action::Register { value: Some(value) } => {
                pack_bytes(self.out, value);
                SET
            }
            Action::Count { by } => {
                pack_signed(self.out, *by);
                COUNT
            }
            Action::Add { element, over } => {
                pack_bytes(self.out, element);
                self.tags(over);
                ADD
            }
            Action::Put { key, value, over } => {
                pack_bytes(self.out, key.as_bytes());
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
                pack_number(self.out, 2 * bytes.len() as u64);
                self.out.extend_from_slice(bytes);
            }
            Item::Child(kind) => pack_number(self.out, 2 * kind.number() + 1),
        }
    }

    /// Writes what stands at a key. Whether that is a container.
    fn value(&mut self, value: &Value) -> bool {
        match value {
            Value::Plain(bytes) => pack_bytes(self.out, bytes),
            Value::Child { kind, over } => {
                pack_number(self.out, kind.number());
                self.reference(*over);
            }
        }
        matches!(value, Value::Child { .. })
    }

    fn tags(&mut self, tags: &[OpId]) {
        pack_number(self.out, tags.len() as u64);
        tags.iter().for_each(|tag| self.reference(Some(*tag)));
    }

    /// Mentions a container. Its index.
    fn container(&mut self, id: &ContainerId) -> usize {
        let containers = &self.dictionary.containers;
        let known = containers.index(id);
        pack_number(self.out, known.unwrap_or_else(|| containers.len()) as u64);
        if let Some(index) = known {
            return index;
        }
        pack_number(self.out, id.kind.number());
        match &id.place {
            Place::Root(name) => {
                pack_number(self.out, ROOT);
                pack_bytes(self.out, name.as_bytes());
            }
            Place::Key(slot) => {
                pack_number(self.out, KEY);
                self.container(&slot.parent);
                pack_bytes(self.out, slot.key.as_bytes());
                self.reference(slot.over);
            }
            Place::Item(spot) => {
                pack_number(self.out, ITEM);
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
            return pack_number(self.out, 2 * self.seq.saturating_sub(op.seq).max(1));
        }
        let replicas = &mut self.dictionary.replicas;
        match replicas.index(&op.replica) {
            Some(index) => pack_number(self.out, 2 * index as u64 + 1),
            None => {
                pack_number(self.out, 2 * replicas.len() as u64 + 1);
                replicas.introduce(op.replica);
                self.out.extend(op.replica.bits().to_be_bytes());
            }
        }
        pack_number(self.out, op.seq);
    }
}
