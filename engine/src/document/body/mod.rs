//! What a change of a document says: its body, opened. Format 2.
//!
//! A body is the change's operations one after another, in the order of their numbers, and nothing else. A letter typed on
//! takes two bytes: a tag, and the letter. `docs/format.md` has the format for whoever writes one in another language, and
//! `tests/vectors/bodies.txt` has examples; here is what it rests on.
//!
//! | room | what it is for |
//! |---|---|
//! | `form` | tags |
//! | `dictionary` | what a writer has mentioned, so that later mentions are short |
//! | `reading`, `writing` | operations from bytes and back |
//!
//! # Dictionaries
//!
//! What a change can leave unsaid depends on its writer's earlier changes, all of which it comes after: whoever reads it
//! has read those. They add up to the writer's [`Dictionary`]: the replicas and the containers that the writer has mentioned,
//! each of which is introduced where it is mentioned first and is an index from then on, and what its last operation was. A
//! change that is a no-op adds nothing to it.
//!
//! # Strictness
//!
//! Operations have one form: what is read and written again is the same bytes. So a number has no more digits than it
//! needs; what can be left unsaid is left unsaid; what is introduced was not there; a run of
//! characters is one operation; and nothing follows the last one. Nothing is allocated for a claim that the bytes left cannot make true.
//!
//! A body that breaks any of this, has an unknown tag, or refers to what is not there ([`BodyFault`]) is a no-op as a whole,
//! on every replica alike: each rule can be judged from the change and its causal past alone. A later format has other tags.

mod dictionary;
pub(super) mod form;
mod reading;
mod writing;

use std::sync::Arc;

use bytes::Bytes;
pub use dictionary::Dictionary;
pub(super) use dictionary::{Known, Mentioned};
pub(super) use form::NUMBERS;
use form::{DELETED, TYPED_ON};
pub(super) use reading::{Opened, References};
use reading::{Reading, deletion, letter};
pub(super) use writing::Writing;

use super::container::{ContainerId, ContainerKind, Item, Value};
use crate::{
    causal::Change,
    error::Malformed,
    id::{OpId, ReplicaId},
    packed::pack_number,
    proof::Situation,
};

/// Why a body is a no-op.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyFault {
    /// It is not in the form of a body. Offsets are into the body.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its operations do not cover as many numbers as the change's header says.
    #[error("the header says {says} operations, the body holds {holds}")]
    Length {
        /// What the header says.
        says: u64,
        /// How many there are.
        holds: u64,
    },
    /// It refers to an operation that its maker had not seen when it made the change.
    #[error("refers to {op}, which its maker had not seen")]
    Unseen {
        /// The operation.
        op: OpId,
    },
    /// It refers to an operation that is no character of that text, or no item of that list.
    #[error("refers to {op}, which is no character or item there")]
    Missing {
        /// The operation.
        op: OpId,
    },
    /// The document has as many operations on texts and lists as this library can keep apart: 2^30.
    #[error("the document holds too many operations")]
    TooMany,
    /// An insertion stands between two characters, or items, that can never have been neighbours.
    #[error("operation {op} inserts between two that were never neighbours")]
    Misplaced {
        /// The insertion.
        op: OpId,
    },
}

impl From<&BodyFault> for Situation {
    fn from(fault: &BodyFault) -> Self {
        match fault {
            BodyFault::Malformed(_) | BodyFault::Length { .. } | BodyFault::TooMany => Self::BodyMalformed,
            BodyFault::Unseen { .. } => Self::BodyUnseen,
            BodyFault::Missing { .. } => Self::BodyMissing,
            BodyFault::Misplaced { .. } => Self::BodyMisplaced,
        }
    }
}

/// A change's operations, read and checked for form; for tools and tests that look inside.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Operations {
    /// The operations, in order.
    pub list: Vec<Operation>,
}

/// One operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    /// Its number, or that of its first character or item.
    pub seq: u64,
    /// What it writes to.
    pub container: ContainerId,
    /// What it does there.
    pub action: Action,
}

/// What an operation does to its container. Text and items are its own, or stand where they were read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Action<T = String, I = Vec<Item>> {
    /// Inserts a run of characters; each after the first has the one before it as its left neighbour.
    Insert {
        /// The character before the run, or the beginning.
        left: Option<OpId>,
        /// The character after the run, deleted or not, or the end.
        right: Option<OpId>,
        /// The characters, at least one.
        text: T,
    },
    /// Inserts a run of items into a list; each after the first has the one before it as its left neighbour.
    InsertItems {
        /// The item before the run, or the beginning.
        left: Option<OpId>,
        /// The item after the run, deleted or not, or the end.
        right: Option<OpId>,
        /// The items, at least one.
        items: I,
    },
    /// Moves an element of a movable list. The operation is its new slot.
    Move {
        /// The element: the item that was inserted.
        element: OpId,
        /// The item or slot before the new slot, or the beginning.
        left: Option<OpId>,
        /// The item or slot after the new slot, deleted or not, or the end.
        right: Option<OpId>,
    },
    /// Sets an element of a movable list.
    SetElement {
        /// The element: the item that was inserted.
        element: OpId,
        /// The value in CBOR.
        value: Bytes,
    },
    /// Deletes characters of a text, items of a list, or elements of a movable list, with consecutive ids.
    Delete {
        /// The first of them.
        first: OpId,
        /// How many, at least one.
        count: u64,
    },
    /// Sets a key of a map, or deletes it.
    Map {
        /// The key.
        key: Arc<str>,
        /// What it holds then; `None` deletes.
        value: Option<Value>,
    },
    /// Sets a register, or clears it.
    Register {
        /// The value in CBOR; `None` clears.
        value: Option<Bytes>,
    },
    /// Adds to a counter.
    Count {
        /// How much, not nothing; less than nothing takes away.
        by: i64,
    },
    /// Adds an element to an or-set. The operation is its tag.
    Add {
        /// The element in CBOR.
        element: Bytes,
        /// The tags of the same element that its maker had seen.
        over: Vec<OpId>,
    },
    /// Puts a value at a key of an or-map. The operation is its tag.
    Put {
        /// The key.
        key: Arc<str>,
        /// What it holds then.
        value: Value,
        /// The tags at the key that its maker had seen.
        over: Vec<OpId>,
    },
    /// Removes an element of an or-set, or a key of an or-map.
    Remove {
        /// The tags there that its maker had seen, at least one.
        tags: Vec<OpId>,
    },
}

impl<T: AsRef<str>, I: AsRef<[Item]>> Action<T, I> {
    /// How many operation numbers it covers.
    pub fn covers(&self) -> u64 {
        match self {
            Self::Insert { text, .. } => text.as_ref().chars().count() as u64,
            Self::InsertItems { items, .. } => items.as_ref().len() as u64,
            _ => 1,
        }
    }

    /// Whether there is such an action on containers of a kind.
    const fn suits(&self, kind: ContainerKind) -> bool {
        match self {
            Self::Insert { .. } => matches!(kind, ContainerKind::Text),
            Self::InsertItems { .. } => kind.has_items(),
            Self::Move { .. } | Self::SetElement { .. } => matches!(kind, ContainerKind::MovableList),
            Self::Delete { .. } => matches!(kind, ContainerKind::Text) || kind.has_items(),
            Self::Map { .. } => matches!(kind, ContainerKind::Map),
            Self::Register { .. } => matches!(kind, ContainerKind::Register),
            Self::Count { .. } => matches!(kind, ContainerKind::Counter),
            Self::Add { .. } => matches!(kind, ContainerKind::OrSet),
            Self::Put { .. } => matches!(kind, ContainerKind::OrMap),
            Self::Remove { .. } => matches!(kind, ContainerKind::OrSet | ContainerKind::OrMap),
        }
    }

    /// The items that it inserts into a list.
    fn items(&self) -> &[Item] {
        match self {
            Self::InsertItems { items, .. } => items.as_ref(),
            _ => &[],
        }
    }

    /// Whether it makes containers.
    fn nests(&self) -> bool {
        let keyed = match self {
            Self::Map { value: Some(value), .. } | Self::Put { value, .. } => value.plain().is_none(),
            _ => false,
        };
        keyed || self.items().iter().any(|item| matches!(item, Item::Child(_)))
    }

    /// The containers that it makes in this one, as the operation `op`.
    fn children<'a>(&'a self, container: &'a ContainerId, op: OpId) -> impl Iterator<Item = ContainerId> + 'a {
        let keyed = match self {
            Self::Map { key, value: Some(value) } | Self::Put { key, value, .. } => value.child(container, key),
            _ => None,
        };
        let items = (op.seq..).zip(self.items());
        let inserted = items.filter_map(move |(seq, item)| item.child(container, OpId::new(op.replica, seq)));
        keyed.into_iter().chain(inserted)
    }
}

impl Operations {
    /// Reads the body of a change. `dictionary` is that of its writer after the writer's earlier changes, and after this one
    /// then.
    ///
    /// # Errors
    ///
    /// If it is not in the form of one; the dictionary is as it was then. Whether what it refers to exists, only a document
    /// can say: if that makes it a no-op, the dictionary has to become what it was, too.
    pub fn decode(change: &Change, dictionary: &mut Dictionary) -> Result<Self, BodyFault> {
        let known = dictionary.known();
        let read = Self::read(change, dictionary);
        read.inspect_err(|_| dictionary.return_to(known))
    }

    fn read(change: &Change, dictionary: &mut Dictionary) -> Result<Self, BodyFault> {
        let mut list = Vec::new();
        let mut reading = Reading::new(change, dictionary);
        while let Some(Opened { seq, container, action }) = reading.next()? {
            let container = reading.container_at(container).clone();
            list.push(Operation { seq, container, action });
        }
        Ok(Self { list })
    }

    /// Writes the body of a change of `replica`, whose dictionary is that after its earlier changes, and after this one then.
    pub fn encode(&self, replica: ReplicaId, dictionary: &mut Dictionary) -> Bytes {
        let mut body = Vec::new();
        let mut writing = Writing::new(&mut body, replica, dictionary);
        for Operation { seq, container, action } in &self.list {
            writing.operation(*seq, container, action);
        }
        body.into()
    }
}

/// A body that was read.
pub(super) struct Read<'a> {
    /// Mostly there is one operation.
    pub(super) first: Option<Opened<&'a str>>,
    pub(super) rest: Vec<Opened<&'a str>>,
    pub(super) references: References,
}

impl<'a> Read<'a> {
    /// Reads the body of a change. After an error the caller has to have the dictionary return to what it was.
    pub(super) fn new(change: &'a Change, dictionary: &mut Dictionary) -> Result<Self, BodyFault> {
        let mut rest = Vec::new();
        if let Some(first) = letter(change, dictionary).or_else(|| deletion(change, dictionary)) {
            return Ok(Self { first: Some(first), rest, references: References::default() });
        }
        let mut reading = Reading::new(change, dictionary);
        let first = reading.next()?;
        while let Some(operation) = reading.next()? {
            rest.push(operation);
        }
        Ok(Self { first, rest, references: reading.references })
    }
}

/// The body of a letter typed on: of a character of one byte that goes on where the writer's last operation ended.
pub(super) fn typed_on(letter: u8) -> Option<Bytes> {
    Some(Bytes::from_static(TYPED.get(usize::from(letter))?))
}

/// The body of the deletion of one character of what the writer's last operation wrote to, which the writer inserted so many
/// operations before, fewer than [`NUMBERS`]. `scratch` is empty.
pub(super) fn deleted(back: u64, scratch: &mut Vec<u8>) -> Bytes {
    scratch.push(DELETED);
    pack_number(scratch, 2 * back);
    owned(scratch)
}

/// A body that was written, in memory of its own. That of a letter typed on, or of one deleted nearby, is one of few: it is
/// there already.
pub(super) fn owned(body: &[u8]) -> Bytes {
    match *body {
        [TYPED_ON, second @ 0..0x80] => Bytes::from_static(&TYPED[usize::from(second)]),
        [DELETED, second @ 0..0x80] => Bytes::from_static(&DELETIONS[usize::from(second)]),
        _ => Bytes::copy_from_slice(body),
    }
}

static TYPED: [[u8; 2]; 128] = two_bytes(TYPED_ON);
static DELETIONS: [[u8; 2]; 128] = two_bytes(DELETED);

/// All bodies of a tag and one small byte.
const fn two_bytes(tag: u8) -> [[u8; 2]; 128] {
    let mut bodies = [[tag, 0]; 128];
    let mut second = 0;
    while second < 128 {
        bodies[second][1] = second as u8;
        second += 1;
    }
    bodies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::causal::Hlc;

    const OWN: ReplicaId = ReplicaId::new(1);

    fn change(seq: u64, len: u64, body: &[u8]) -> Change {
        let body = Bytes::copy_from_slice(body);
        Change { replica: OWN, seq, len, clock: Hlc::new(1, 0), deps: Default::default(), body }
    }

    fn insert(seq: u64, left: Option<u64>, text: &str) -> Operation {
        let own = |seq| OpId::new(OWN, seq);
        let action = Action::Insert { left: left.map(own), right: None, text: text.into() };
        Operation { seq, container: ContainerId::root(ContainerKind::Text, "t"), action }
    }

    #[test]
    fn a_letter_typed_on_takes_two_bytes_and_is_read_by_whoever_has_read_what_was_before() {
        let (mut wrote, mut read) = (Dictionary::default(), Dictionary::default());
        let mut typed = |seq: u64, text: &str| {
            let operations = Operations { list: vec![insert(seq, seq.checked_sub(1), text)] };
            let body = operations.encode(OWN, &mut wrote);
            let change = change(seq, operations.list[0].action.covers(), &body);
            assert_eq!(Operations::decode(&change, &mut read), Ok(operations));
            assert!(read == wrote);
            body.len()
        };
        assert_eq!([typed(0, "a"), typed(1, "b"), typed(2, "é"), typed(3, "cd"), typed(5, "e")], [9, 2, 3, 4, 2]);
    }

    #[test]
    fn what_is_read_in_a_few_steps_is_what_it_is() {
        let texts = |count: u64, kind| {
            let mut dictionary = Dictionary::default();
            let text: String = (0..count).map(|_| 'x').collect();
            let action = Action::Insert { left: None, right: None, text };
            let items = Action::InsertItems { left: None, right: None, items: vec![Item::Child(kind); 2] };
            let action = if kind == ContainerKind::Text { action } else { items };
            let operation = Operation { seq: 0, container: ContainerId::root(kind, "t"), action };
            let count = operation.action.covers();
            Operations { list: vec![operation] }.encode(OWN, &mut dictionary);
            (count, dictionary)
        };
        let states = [texts(3, ContainerKind::Text), texts(200, ContainerKind::Text), texts(0, ContainerKind::List)];
        let bodies = (0..=u16::MAX).flat_map(|bytes| {
            let [one, other] = bytes.to_be_bytes();
            let short = (one == 0).then(|| [vec![TYPED_ON, other], vec![DELETED, other]]);
            short.into_iter().flatten().chain([vec![DELETED, one, other]])
        });
        let (mut read, mut shorter) = (0, 0);
        for body in bodies {
            for (end, before) in &states {
                for (seq, len) in [(*end, 1), (*end, 2), (end + 1, 1), (NUMBERS, 1)] {
                    let change = change(seq, len, &body);
                    let (mut few, mut many) = (before.clone(), before.clone());
                    let known = many.known();
                    let operations = Operations::decode(&change, &mut many);
                    let Some(opened) = letter(&change, &mut few).or_else(|| deletion(&change, &mut few)) else {
                        read += u32::from(operations.is_ok());
                        continue;
                    };
                    let expected = &operations.expect("it was read").list[..];
                    assert!(matches!(expected, [Operation { seq, container, .. }]
                        if *seq == opened.seq && few.container(opened.container) == Some(container)));
                    let same = match (&expected[0].action, &opened.action) {
                        (
                            Action::Insert { left, right, text },
                            Action::Insert { left: its_left, right: its_right, text: its },
                        ) => (left, right, &text[..]) == (its_left, its_right, *its),
                        (Action::Delete { first, count }, Action::Delete { first: its, count: so_many }) => {
                            (first, count) == (its, so_many)
                        }
                        _ => false,
                    };
                    assert!(same && few == many && few.known() != known);
                    shorter += 1;
                }
            }
        }
        assert!(read > 0 && shorter > 300, "{read} {shorter}");
    }

    #[test]
    fn what_could_be_said_in_fewer_bytes_or_operations_is_refused_and_adds_nothing_to_the_dictionary() {
        let mut dictionary = Dictionary::default();
        // Introduces the text `t`: insert one, container 0, kind 0, at the root, its name, no neighbours.
        let first = [0x00, 0, 0, 0, 1, b't', 0, 0, b'a'];
        Operations::decode(&change(0, 1, &first), &mut dictionary).expect("a letter");
        let before = dictionary.clone();
        let bad: &[(u64, &[u8])] = &[
            // The same container, named; introduced again; and with an index in two bytes.
            (1, &[0x00, 0, 0, 0, b'b']),
            (1, &[0x00, 1, 0, 0, 1, b't', 0, 0, b'b']),
            (1, &[0x00, 0x81, 0x00, 0, 0, 1, b'u', 0, 0, b'b']),
            // The letter before by its number, although the run goes on.
            (1, &[0x40, 2, 0, b'b']),
            // A run of one letter; two runs that are one; a deletion of one with a count.
            (1, &[0xc1, 1, b'b']),
            (2, &[0xc0, b'b', 0xc0, b'c']),
            (2, &[0xc0, b'b', 0x40, 2, 0, b'c']),
            (1, &[0x43, 2, 1]),
            // A deletion of what is not there yet; something after the end; unknown tags.
            (1, &[0x43, 2, 2]),
            (1, &[0xc0, b'b', 0]),
            (1, &[0x3f]),
            (1, &[0x82, 2]),
        ];
        for (len, body) in bad {
            let read = Operations::decode(&change(1, *len, body), &mut dictionary);
            assert!(matches!(read, Err(BodyFault::Malformed(_) | BodyFault::Length { .. })), "{body:02x?}: {read:?}");
            assert!(dictionary == before);
        }
        Operations::decode(&change(1, 1, &[0xc0, b'b']), &mut dictionary).expect("typed on");
    }
}
