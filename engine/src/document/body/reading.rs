//! Operations from bytes, one at a time.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    Action, BodyFault,
    dictionary::{Dictionary, Insertion},
    form::{
        ADD, CLEAR, CONTINUES, COUNT, DELETE, DELETE_KEY, DELETE_ONE, DELETED, INSERT, INSERT_ITEM, INSERT_ITEMS,
        INSERT_ONE, ITEM, KEY, MOVE, NEST, NUMBERS, PUT, PUT_NESTED, REMOVE, ROOT, SAME, SET, SET_ELEMENT, SET_KEY,
        TYPED_ON,
    },
};
use crate::{
    causal::Change,
    document::container::{ContainerId, ContainerKind, Item, MOST_DEPTH, Place, Value},
    error::Malformed,
    id::{OpId, ReplicaId},
    packed::Unpacker,
    proof::{Fault, planted},
};

/// An operation that was read, on a container by its index.
pub(in crate::document) struct Opened<T> {
    pub(in crate::document) seq: u64,
    pub(in crate::document) container: usize,
    pub(in crate::document) action: Action<T>,
}

/// For each other replica that a body refers to, the last of its operations that it refers to: whether that was seen
/// decides whether all were.
#[derive(Default)]
pub(in crate::document) struct References {
    /// The one that is referred to first. Mostly there is no other.
    first: Option<OpId>,
    others: BTreeMap<ReplicaId, u64>,
}

impl References {
    fn enter(&mut self, op: OpId) {
        let last = match &mut self.first {
            Some(first) if first.replica == op.replica => &mut first.seq,
            Some(_) => self.others.entry(op.replica).or_default(),
            first @ None => &mut first.insert(op).seq,
        };
        *last = op.seq.max(*last);
    }

    pub(in crate::document) fn iter(&self) -> impl Iterator<Item = OpId> + '_ {
        let others = self.others.iter().map(|(replica, seq)| OpId::new(*replica, *seq));
        self.first.into_iter().chain(others)
    }
}

/// Reads a body that is one ASCII letter typed on, as nearly all are: in a few steps what [`Reading`] does in many. `None` if it
/// is something else, or not in order.
pub(super) fn letter<'a>(change: &'a Change, dictionary: &mut Dictionary) -> Option<Opened<&'a str>> {
    let (seq, end) = (change.seq, change.seq.checked_add(1).filter(|end| *end <= NUMBERS)?);
    let &[TYPED_ON, 0..0x80] = &change.body[..] else { return None };
    let container = dictionary.last_text()?;
    let last = dictionary.insertion.filter(|last| last.end == seq && change.len == 1)?;
    dictionary.insertion = Some(Insertion { end, ..last });
    let left = Some(OpId::new(change.replica, seq.checked_sub(1)?));
    let text = std::str::from_utf8(&change.body[1..]).ok()?;
    Some(Opened { seq, container, action: Action::Insert { left, right: last.right, text } })
}

/// The same of a body that deletes one of its writer's own characters, where the last operation was.
pub(super) fn deletion<'a>(change: &Change, dictionary: &mut Dictionary) -> Option<Opened<&'a str>> {
    let seq = change.seq;
    if change.body.first() != Some(&DELETED) || change.len != 1 || seq >= NUMBERS {
        return None;
    }
    let mut bytes = Unpacker::new(&change.body);
    bytes.byte("a tag").ok()?;
    let number = bytes.number("a reference").ok().filter(|number| *number > 0 && number % 2 == 0)?;
    let first = seq.checked_sub(number / 2).filter(|_| bytes.left() == 0)?;
    let container = dictionary.last_text()?;
    dictionary.note_deletion();
    let first = OpId::new(change.replica, first);
    Some(Opened { seq, container, action: Action::Delete { first, count: 1 } })
}

/// A body that is being read.
pub(super) struct Reading<'a, 'd> {
    bytes: Unpacker<&'a Bytes>,
    own: ReplicaId,
    first: u64,
    /// How many numbers the header says.
    says: u64,
    /// The number of the next operation.
    seq: u64,
    dictionary: &'d mut Dictionary,
    /// What was referred to until now, of others.
    pub(super) references: References,
}

impl<'a, 'd> Reading<'a, 'd> {
    pub(super) fn new(change: &'a Change, dictionary: &'d mut Dictionary) -> Self {
        Self {
            bytes: Unpacker::new(&change.body),
            own: change.replica,
            first: change.seq,
            says: change.len,
            seq: change.seq,
            dictionary,
            references: References::default(),
        }
    }

    /// The next operation; `None` at the end of a body that covers what its header says.
    pub(super) fn next<T: From<&'a str> + AsRef<str>>(&mut self) -> Result<Option<Opened<T>>, BodyFault> {
        if self.bytes.left() == 0 {
            let holds = self.seq - self.first;
            if holds != self.says && !planted(Fault::LengthUnchecked) {
                return Err(BodyFault::Length { says: self.says, holds });
            }
            return Ok(None);
        }
        Ok(Some(self.operation()?))
    }

    /// The container of an index that was read.
    pub(super) fn container_at(&self, index: usize) -> &ContainerId {
        self.dictionary.container(index).expect("what is read is in the dictionary")
    }

    fn fault(&self, what: &'static str) -> Malformed {
        self.bytes.fault(what)
    }

    fn operation<T: From<&'a str> + AsRef<str>>(&mut self) -> Result<Opened<T>, Malformed> {
        let tag = self.bytes.byte("a tag")?;
        let container = if tag & SAME == 0 {
            let index = self.container(0)?;
            if self.dictionary.container == Some(index) && !planted(Fault::LongFormAccepted) {
                return Err(self.fault("another container than that of the last operation"));
            }
            index
        } else {
            self.dictionary.container.ok_or_else(|| self.fault("an operation before this one"))?
        };
        let action: Action<T> = self.action(tag & !SAME, tag & SAME != 0)?;
        let id = self.dictionary.container(container).ok_or_else(|| self.fault("a container"))?;
        if !action.suits(id.kind) {
            return Err(self.fault("an operation on its own kind of container"));
        }
        if action.nests() && !id.nests() {
            return Err(self.fault("containers that are nested less deep"));
        }
        let end = self.seq.checked_add(action.covers()).filter(|end| *end <= NUMBERS);
        let end = end.ok_or_else(|| self.fault("numbers that fit"))?;
        self.dictionary.note(container, OpId::new(self.own, self.seq), end, &action);
        Ok(Opened { seq: std::mem::replace(&mut self.seq, end), container, action })
    }

    fn action<T: From<&'a str>>(&mut self, kind: u8, same: bool) -> Result<Action<T>, Malformed> {
        Ok(match kind {
            _ if matches!(kind & !CONTINUES, INSERT_ONE | INSERT) => {
                let (left, right) = self.neighbours(kind & CONTINUES != 0, same)?;
                Action::Insert { left, right, text: self.characters(kind & !CONTINUES)?.into() }
            }
            _ if matches!(kind & !CONTINUES, INSERT_ITEM | INSERT_ITEMS) => {
                let (left, right) = self.neighbours(kind & CONTINUES != 0, same)?;
                Action::InsertItems { left, right, items: self.items(kind & !CONTINUES)? }
            }
            MOVE => {
                let element = self.operation_of("an element")?;
                Action::Move { element, left: self.reference()?, right: self.reference()? }
            }
            SET_ELEMENT => {
                let element = self.operation_of("an element")?;
                Action::SetElement { element, value: self.bytes.bytes("a value")? }
            }
            DELETE_ONE | DELETE => self.deletion(kind)?,
            SET_KEY => {
                let key = self.bytes.text("a key")?.into();
                Action::Map { key, value: Some(self.plain()?) }
            }
            DELETE_KEY => Action::Map { key: self.bytes.text("a key")?.into(), value: None },
            NEST => {
                let key = self.bytes.text("a key")?.into();
                Action::Map { key, value: Some(self.child()?) }
            }
            SET => Action::Register { value: Some(self.bytes.bytes("a value")?) },
            CLEAR => Action::Register { value: None },
            COUNT => {
                let by = self.bytes.signed("how much to add")?;
                if by == 0 {
                    return Err(self.fault("something to add"));
                }
                Action::Count { by }
            }
            ADD => Action::Add { element: self.bytes.bytes("an element")?, over: self.tags()? },
            PUT | PUT_NESTED => {
                let key = self.bytes.text("a key")?.into();
                let value = if kind == PUT { self.plain()? } else { self.child()? };
                Action::Put { key, value, over: self.tags()? }
            }
            REMOVE => {
                let tags = self.tags()?;
                if tags.is_empty() {
                    return Err(self.fault("at least one tag"));
                }
                Action::Remove { tags }
            }
            _ => return Err(self.fault("a known tag")),
        })
    }

    fn plain(&mut self) -> Result<Value, Malformed> {
        Ok(Value::Plain(self.bytes.bytes("a value")?))
    }

    fn child(&mut self) -> Result<Value, Malformed> {
        Ok(Value::Child { kind: self.kind()?, over: self.reference()? })
    }

    fn kind(&mut self) -> Result<ContainerKind, Malformed> {
        let kind = ContainerKind::from_number(self.bytes.number("a container's kind")?);
        kind.ok_or_else(|| self.fault("a known kind of container"))
    }

    fn tags(&mut self) -> Result<Vec<OpId>, Malformed> {
        let count = self.bytes.count("how many tags")?;
        (0..count).map(|_| self.operation_of("a tag")).collect()
    }

    fn characters(&mut self, kind: u8) -> Result<&'a str, Malformed> {
        if kind == INSERT_ONE {
            return self.bytes.char_there();
        }
        let text = self.bytes.text_there("the inserted text")?;
        if text.chars().nth(1).is_none() { Err(self.fault("at least two characters")) } else { Ok(text) }
    }

    /// Between what something is inserted.
    fn neighbours(&mut self, continues: bool, same: bool) -> Result<(Option<OpId>, Option<OpId>), Malformed> {
        if !continues {
            let (left, right) = (self.reference()?, self.reference()?);
            if same && self.dictionary.is_continued_by(self.own, self.seq, left, right) {
                return Err(self.fault("what goes on to say so"));
            }
            return Ok((left, right));
        }
        let going_on = self.dictionary.insertion.filter(|last| same && last.end == self.seq);
        // What one body says in a row, it says in one.
        let going_on = going_on.filter(|_| self.seq == self.first);
        let right = going_on.ok_or_else(|| self.fault("something to go on with"))?.right;
        Ok((self.seq.checked_sub(1).map(|before| OpId::new(self.own, before)), right))
    }

    fn items(&mut self, kind: u8) -> Result<Vec<Item>, Malformed> {
        if kind == INSERT_ITEM {
            return Ok(vec![self.item()?]);
        }
        let count = self.bytes.count("how many items")?;
        if count < 2 {
            return Err(self.fault("at least two items"));
        }
        (0..count).map(|_| self.item()).collect()
    }

    fn item(&mut self) -> Result<Item, Malformed> {
        let number = self.bytes.number("an item")?;
        if number % 2 == 0 {
            return Ok(Item::Plain(self.bytes.slice(number / 2, "a value")?));
        }
        let kind = ContainerKind::from_number(number / 2);
        kind.map(Item::Child).ok_or_else(|| self.fault("a known kind of container"))
    }

    fn deletion<T>(&mut self, kind: u8) -> Result<Action<T>, Malformed> {
        let first = self.operation_of("a character or an item")?;
        let count = if kind == DELETE_ONE { 1 } else { self.bytes.number("how many to delete")? };
        let end = first.seq.checked_add(count).filter(|_| kind == DELETE_ONE || count > 1);
        let end = end.ok_or_else(|| self.fault("a count that can be true"))?;
        if first.replica == self.own && end > self.seq {
            return Err(self.fault("what exists already"));
        }
        self.refers(OpId::new(first.replica, end - 1));
        Ok(Action::Delete { first, count })
    }

    /// A container by its index. One that is introduced is in the dictionary then, behind those that it is nested in.
    fn container(&mut self, inside: usize) -> Result<usize, Malformed> {
        let index = self.bytes.number("a container")?;
        let containers = self.dictionary.containers.len();
        if index < containers as u64 {
            return Ok(index as usize);
        }
        if index > containers as u64 {
            return Err(self.fault("an index into the containers"));
        }
        let kind = self.kind()?;
        let id = match self.bytes.number("a container's place")? {
            ROOT => ContainerId { kind, place: Place::Root(self.bytes.text("a container's name")?.into()) },
            // Those inside it have been counted, so this is not done for ever.
            KEY if inside < MOST_DEPTH || planted(Fault::NestingUnbounded) => {
                let index = self.container(inside + 1)?;
                let parent = self.dictionary.containers.get(index as u64).filter(|parent| parent.kind.has_keys());
                let parent = parent.cloned().ok_or_else(|| self.fault("a container that has keys"))?;
                let key = self.bytes.text("a key")?.into();
                let id = ContainerId::nested(&parent, &key, kind, self.reference()?);
                id.ok_or_else(|| self.fault("containers that are nested less deep"))?
            }
            ITEM if inside < MOST_DEPTH || planted(Fault::NestingUnbounded) => {
                let index = self.container(inside + 1)?;
                let parent = self.dictionary.containers.get(index as u64).filter(|parent| parent.kind.has_items());
                let parent = parent.cloned().ok_or_else(|| self.fault("a container that has items"))?;
                let item = self.operation_of("the item that it is")?;
                let id = ContainerId::inserted(&parent, item, kind);
                id.ok_or_else(|| self.fault("containers that are nested less deep"))?
            }
            _ => return Err(self.fault("a known place that is not nested too deep")),
        };
        self.dictionary.containers.introduce(id).ok_or_else(|| self.fault("a container that is new"))
    }

    /// An operation that is here already, or none.
    fn reference(&mut self) -> Result<Option<OpId>, Malformed> {
        let number = self.bytes.number("a reference")?;
        if number == 0 {
            return Ok(None);
        }
        let half = number / 2;
        if number % 2 == 0 {
            let seq = self.seq.checked_sub(half);
            let seq = seq.ok_or_else(|| self.fault("one of the replica's earlier operations"))?;
            return Ok(Some(OpId::new(self.own, seq)));
        }
        let op = OpId::new(self.replica(half)?, self.bytes.number("an operation's number")?);
        self.refers(op);
        Ok(Some(op))
    }

    fn operation_of(&mut self, what: &'static str) -> Result<OpId, Malformed> {
        self.reference()?.ok_or_else(|| self.fault(what))
    }

    fn replica(&mut self, index: u64) -> Result<ReplicaId, Malformed> {
        if let Some(replica) = self.dictionary.replicas.get(index) {
            return Ok(*replica);
        }
        if index > self.dictionary.replicas.len() as u64 {
            return Err(self.fault("an index into the replicas"));
        }
        let replica = ReplicaId::new(self.bytes.eight("a replica id of 8 bytes")?);
        // Its own operations are named by distance, so that none can be named that does not exist yet.
        let new = self.dictionary.replicas.introduce(replica).filter(|_| replica != self.own);
        new.map(|_| replica).ok_or_else(|| self.fault("a replica that is new"))
    }

    fn refers(&mut self, op: OpId) {
        if op.replica != self.own {
            self.references.enter(op);
        }
    }
}
