//! What can be edited in a list in one step, and how.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use crdt_socket_sync::{
    OpId,
    document::{
        Action, ContainerId, ContainerKind, EditError, Item, ListMut, MovableListMut, Place, Spot, Transaction,
    },
};

use super::{
    Verb,
    edit::{COUNTS, Path, made},
};

/// And whether they are movable.
const LISTS: [(Path, bool); 8] = [
    (&["list"], false),
    (&["movable list"], true),
    (&["list"], false),
    (&["movable list"], true),
    (&["map", "a"], false),
    (&["movable list"], true),
    (&["movable list"], true),
    (&["map", "b", "a"], true),
];
const KINDS: [ContainerKind; 8] = [
    ContainerKind::List,
    ContainerKind::Map,
    ContainerKind::Text,
    ContainerKind::MovableList,
    ContainerKind::Register,
    ContainerKind::Counter,
    ContainerKind::OrSet,
    ContainerKind::OrMap,
];

/// One edit of a list. Positions are modulo how many there are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arranging {
    list: Path,
    movable: bool,
    at: usize,
    what: What,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    Insert(u8),
    /// As many values at once.
    Run(u8),
    Delete(usize),
    Set(u8),
    Replace(usize, u8),
    /// A value for each bit that is set.
    Update(u8),
    Nest(ContainerKind),
    /// To a position; in a list that is not movable, a value is set.
    Move(usize),
    /// Edit what is in a container, or set a value.
    Inside(u8),
}

impl Arranging {
    /// The edit that these spell.
    pub(super) fn decode(verb: Verb, place: usize, b: u8, c: u8) -> Self {
        let (low, high) = (c & 7, usize::from(c >> 3 & 7));
        let what = match verb {
            Verb::InsertItem => What::Insert(low),
            Verb::InsertItems => What::Run(low),
            Verb::DeleteItems => What::Delete(COUNTS[usize::from(low)]),
            Verb::SetItem => What::Set(low),
            Verb::ReplaceItems => What::Replace(COUNTS[high], low),
            Verb::UpdateItems => What::Update(b),
            Verb::NestItem => What::Nest(KINDS[usize::from(low)]),
            Verb::MoveItem => What::Move(usize::from(c & 63)),
            _ => What::Inside(low),
        };
        let (list, movable) = LISTS[place];
        Self { list, movable, at: usize::from(b), what }
    }

    /// Does it.
    pub(super) fn perform(&self, txn: &mut Transaction<'_>) -> Result<(), EditError> {
        if self.movable {
            return self.perform_movable(txn);
        }
        let id = made(txn, self.list, ContainerKind::List)?;
        let mut list = txn.list_of::<u8>(&id)?;
        let len = list.len();
        // Where something can be inserted, where something is, and how much is there.
        let (gap, at) = (self.at % (len + 1), self.at % len.max(1));
        match &self.what {
            What::Insert(value) => list.insert(gap, value),
            What::Run(count) => list.replace(gap, 0, &(0..*count).collect::<Vec<_>>()),
            What::Delete(count) => list.delete(gap, *count.min(&(len - gap))),
            What::Replace(count, values) => {
                list.replace(gap, *count.min(&(len - gap)), &(10..10 + *values).collect::<Vec<_>>())
            }
            What::Update(bits) => list.update(&(0..8).filter(|bit| bits >> bit & 1 != 0).collect::<Vec<_>>()),
            What::Nest(kind) => nest(&mut list, gap, *kind).map(drop),
            What::Set(_) | What::Inside(_) | What::Move(_) if len == 0 => Ok(()),
            What::Set(value) => list.set(at, value),
            What::Move(to) => list.set(at, &(*to as u8)),
            What::Inside(value) => inside(&mut list, at, *value),
        }
    }

    fn perform_movable(&self, txn: &mut Transaction<'_>) -> Result<(), EditError> {
        let id = made(txn, self.list, ContainerKind::MovableList)?;
        let mut list = txn.movable_list_of::<u8>(&id)?;
        let len = list.len();
        let (gap, at) = (self.at % (len + 1), self.at % len.max(1));
        match &self.what {
            What::Insert(value) => list.insert(gap, value),
            What::Run(count) => list.insert_all(gap, &(0..*count).collect::<Vec<_>>()),
            What::Delete(count) => list.delete(gap, *count.min(&(len - gap))),
            What::Replace(count, values) => {
                list.delete(gap, *count.min(&(len - gap)))?;
                list.insert_all(gap, &(10..10 + *values).collect::<Vec<_>>())
            }
            What::Nest(kind) => nest_movable(&mut list, gap, *kind).map(drop),
            _ if len == 0 => Ok(()),
            What::Set(value) => list.set(at, value),
            What::Update(value) => list.set(at, value).and_then(|()| list.move_to(at, usize::from(*value) % len)),
            // The same ones, so that they meet.
            What::Move(to) => list.move_to(at % len.min(2), to % len),
            What::Inside(value) => inside_movable(&mut list, at, *value),
        }
    }
}

macro_rules! of_items {
    ($list:ident, $nest:ident, $inside:ident) => {
        /// Inserts a container of a kind into a list.
        fn $nest(list: &mut $list<'_, u8>, at: usize, kind: ContainerKind) -> Result<ContainerId, EditError> {
            Ok(match kind {
                ContainerKind::Text => list.insert_text(at)?.id().clone(),
                ContainerKind::Map => list.insert_map::<u8>(at)?.id().clone(),
                ContainerKind::Register => list.insert_register::<u8>(at)?.id().clone(),
                ContainerKind::Counter => list.insert_counter(at)?.id().clone(),
                ContainerKind::OrSet => list.insert_or_set::<u8>(at)?.id().clone(),
                ContainerKind::OrMap => list.insert_or_map::<u8>(at)?.id().clone(),
                ContainerKind::List => list.insert_list::<u8>(at)?.id().clone(),
                ContainerKind::MovableList => list.insert_movable_list::<u8>(at)?.id().clone(),
                kind => unreachable!("nothing nests {kind}"),
            })
        }

        /// Edits an item of a list: if it is a container, something in it.
        fn $inside(list: &mut $list<'_, u8>, at: usize, value: u8) -> Result<(), EditError> {
            if let Some(mut text) = list.text(at) {
                return text.insert(usize::from(value) % (text.len() + 1), "é");
            }
            if let Some(mut map) = list.map::<u8>(at) {
                return if value < 4 { map.set("a", &value) } else { map.list::<u8>("b")?.push(&value) };
            }
            if let Some(mut register) = list.register::<u8>(at) {
                return register.set(&value);
            }
            if let Some(mut counter) = list.counter(at) {
                return counter.add(i64::from(value) - 3);
            }
            if let Some(mut set) = list.or_set::<u8>(at) {
                return if value < 6 { set.add(&(value & 3)) } else { set.remove(&(value & 3)) };
            }
            if let Some(mut map) = list.or_map::<u8>(at) {
                return if value < 6 { map.put("a", &value) } else { map.remove("a") };
            }
            if let Some(mut inner) = list.list::<u8>(at) {
                return match (value, inner.len()) {
                    (0..4, len) => inner.insert(usize::from(value) % (len + 1), &value),
                    (4..7, _) => nest(&mut inner, 0, KINDS[usize::from(value) - 4]).map(drop),
                    (_, len) => inner.delete(0, len.min(1)),
                };
            }
            if let Some(mut inner) = list.movable_list::<u8>(at) {
                return match (value, inner.len()) {
                    (0..4, len) => inner.insert(usize::from(value) % (len + 1), &value),
                    (4, _) => nest_movable(&mut inner, 0, ContainerKind::Text).map(drop),
                    (5..7, len @ 2..) => inner.move_to(0, usize::from(value) % len),
                    (_, len) => inner.delete(0, len.min(1)),
                };
            }
            list.set(at, &value)
        }
    };
}

of_items!(ListMut, nest, inside);
of_items!(MovableListMut, nest_movable, inside_movable);

/// A well-formed operation on a list that refers to these two.
pub(super) fn forged(what: u8, one: Option<OpId>, other: Option<OpId>) -> (ContainerId, Action) {
    let list = match what & 32 {
        0 => ContainerId::root(ContainerKind::List, "list"),
        _ => ContainerId::root(ContainerKind::MovableList, "movable list"),
    };
    let item = if what & 8 == 0 {
        Item::Plain(Bytes::from_static(b"\x09"))
    } else {
        Item::Child(KINDS[usize::from(what & 7)])
    };
    let id = match one {
        // Whoever inserted that, and wherever.
        Some(item) if what & 16 != 0 => {
            let kind = list.kind;
            ContainerId { place: Place::Item(Arc::new(Spot { parent: list, item })), kind }
        }
        _ => list,
    };
    let insert = Action::InsertItems { left: one, right: other, items: vec![item] };
    let action = match (what & 3, one) {
        (1, Some(element)) if what & 32 != 0 => Action::Move { element, left: other, right: None },
        (2, Some(element)) if what & 32 != 0 => Action::SetElement { element, value: Bytes::from_static(b"\x05") },
        (3, Some(first)) => Action::Delete { first, count: 1 + u64::from(what >> 2 & 1) },
        _ => insert,
    };
    (id, action)
}

impl fmt::Display for Arranging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Insert(value) => write!(f, "inserts {value}")?,
            What::Run(count) => write!(f, "inserts {count} values")?,
            What::Delete(count) => write!(f, "deletes {count}")?,
            What::Set(value) => write!(f, "sets to {value} what is")?,
            What::Replace(count, values) => write!(f, "replaces {count} by {values} values")?,
            What::Update(bits) => write!(f, "updates to the values of {bits:#b} what is not")?,
            What::Move(to) => write!(f, "moves to {to} what is")?,
            What::Nest(kind) => write!(f, "inserts a {kind}")?,
            What::Inside(value) => write!(f, "edits with {value} what is")?,
        }
        write!(f, " at {} of {}", self.at, self.list.join("/"))
    }
}
