//! What is in a container: everything that was ever done to it, and what follows from that.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crdt_socket_sync::{
    OpId,
    causal::Hlc,
    document::{Action, ContainerId, ContainerKind, Item, Value},
};

use super::{inserted, nested, tree::Tree};
use crate::view::{At, View};

/// By what writes are ordered: the clock, then the writer, then the number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) clock: Hlc,
    pub(super) op: OpId,
}

/// All writes to one place, of which the greatest stays.
type Writes = BTreeMap<Stamp, Option<Value>>;

#[derive(Clone)]
pub(super) enum Container {
    Text(Tree<char>),
    List(Tree<Item>),
    Map(BTreeMap<Arc<str>, Writes>),
    Register(Writes),
    Counter(Vec<i64>),
    /// All that was ever added, under its tag: what, and what is there then. And the tags that were ever removed.
    Tagged(BTreeMap<Stamp, (Vec<u8>, Value)>, BTreeSet<OpId>),
}

impl Container {
    pub(super) fn empty(kind: ContainerKind) -> Self {
        match kind {
            ContainerKind::Text => Self::Text(Tree::new()),
            ContainerKind::List => Self::List(Tree::new()),
            ContainerKind::Map => Self::Map(BTreeMap::new()),
            ContainerKind::Counter => Self::Counter(Vec::new()),
            ContainerKind::OrSet | ContainerKind::OrMap => Self::Tagged(BTreeMap::new(), BTreeSet::new()),
            _ => Self::Register(Writes::new()),
        }
    }

    /// `None` if there is no such action on it.
    pub(super) fn apply(&mut self, action: Action, stamp: Stamp) -> Option<()> {
        match (action, self) {
            (Action::Insert { mut left, right, text }, Self::Text(tree)) => {
                for (number, character) in text.chars().enumerate() {
                    let id = OpId::new(stamp.op.replica, stamp.op.seq + number as u64);
                    tree.insert(id, character, left, right)?;
                    left = Some(id);
                }
            }
            (Action::InsertItems { mut left, right, items }, Self::List(tree)) => {
                for (seq, item) in (stamp.op.seq..).zip(items) {
                    let id = OpId { seq, ..stamp.op };
                    tree.insert(id, item, left, right)?;
                    left = Some(id);
                }
            }
            (Action::Delete { first, count }, Self::List(tree)) => {
                for seq in first.seq..first.seq + count {
                    tree.delete(OpId::new(first.replica, seq))?;
                }
            }
            (Action::Delete { first, count }, Self::Text(tree)) => {
                for seq in first.seq..first.seq + count {
                    tree.delete(OpId::new(first.replica, seq))?;
                }
            }
            (Action::Map { key, value }, Self::Map(keys)) => {
                keys.entry(key).or_default().insert(stamp, value);
            }
            (Action::Register { value }, Self::Register(writes)) => {
                writes.insert(stamp, value.map(Value::Plain));
            }
            (Action::Count { by }, Self::Counter(all)) => all.push(by),
            (Action::Add { element, over }, Self::Tagged(added, removed)) => {
                removed.extend(over);
                added.insert(stamp, (element.to_vec(), Value::Plain(Default::default())));
            }
            (Action::Put { key, value, over }, Self::Tagged(added, removed)) => {
                removed.extend(over);
                added.insert(stamp, (key.as_bytes().to_vec(), value));
            }
            (Action::Remove { tags }, Self::Tagged(_, removed)) => removed.extend(tags),
            _ => return None,
        }
        Some(())
    }

    /// What can be seen of it.
    pub(super) fn view(&self, id: &ContainerId) -> View {
        let last = |writes: &Writes| writes.last_key_value().and_then(|(_, value)| value.clone());
        let at = |key: &Arc<str>, value: &Value| match value {
            Value::Plain(bytes) => At::Value(bytes.to_vec()),
            value => At::Container(nested(id, key, value).expect("what is no value is a container")),
        };
        match self {
            Self::Text(tree) => View::Text(tree.walk().into_iter().map(|(_, character)| character).collect()),
            Self::List(tree) => View::List(tree.walk().iter().map(|(op, item)| shown_at(id, *op, item)).collect()),
            Self::Map(keys) => {
                let held = keys.iter().filter_map(|(key, writes)| Some((key.to_string(), at(key, &last(writes)?))));
                View::Keys(held.collect())
            }
            Self::Register(writes) => View::Register(last(writes).map(|value| match value {
                Value::Plain(bytes) => bytes.to_vec(),
                value => panic!("a register holds {value:?}"),
            })),
            Self::Counter(all) => View::Counter(all.iter().map(|by| i128::from(*by)).sum()),
            Self::Tagged(added, removed) => {
                // From the least to the greatest, so that the greatest is what stays.
                let left = added.iter().filter(|(stamp, _)| !removed.contains(&stamp.op));
                let left: BTreeMap<_, _> = left.map(|(_, (key, value))| (key.clone(), value)).collect();
                if id.kind == ContainerKind::OrSet {
                    return View::OrSet(left.into_keys().collect());
                }
                let text = |key: Vec<u8>| String::from_utf8(key).expect("keys are texts");
                View::Keys(
                    left.into_iter()
                        .map(|(key, value)| (text(key), value))
                        .map(|(key, value)| {
                            let at = at(&key.as_str().into(), value);
                            (key, at)
                        })
                        .collect(),
                )
            }
        }
    }
}

/// What an item shows.
fn shown_at(list: &ContainerId, op: OpId, item: &Item) -> At {
    match item {
        Item::Plain(bytes) => At::Value(bytes.to_vec()),
        Item::Child(kind) => At::Container(inserted(list, op, *kind)),
    }
}
