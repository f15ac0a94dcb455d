//! What can be edited in one step, and how.

use std::fmt;

use crdt_socket_sync::document::{
    ContainerId, ContainerKind, CounterMut, EditError, MapMut, OrMapMut, OrSetMut, RegisterMut, TextMut, Transaction,
};

use super::{MOST_PASTED, Verb, WORDS, lists::Arranging};

/// Where a container is: its name at the root, or that of a map (an or-map, if it says so), then keys, each of them of a map
/// but for the last.
pub type Path = &'static [&'static str];

const TEXTS: [Path; 8] =
    [&["text"], &["title"], &["text"], &["title"], &["text"], &["map", "a"], &["or-map", "a"], &["map", "b", "a"]];
const MAPS: [Path; 8] =
    [&["map"], &["other map"], &["map"], &["or-map", "b"], &["map"], &["map", "b"], &["map", "a"], &["map", "b", "b"]];
const REGISTERS: [Path; 8] = [
    &["register"],
    &["register"],
    &["register"],
    &["or-map", "a"],
    &["register"],
    &["map", "a"],
    &["register"],
    &["map", "b", "a"],
];
const COUNTERS: [Path; 8] = [
    &["counter"],
    &["counter"],
    &["map", "a"],
    &["or-map", "b"],
    &["counter"],
    &["map", "ключ"],
    &["or-map", "a"],
    &["map", "b", "a"],
];
const SETS: [Path; 8] =
    [&["set"], &["set"], &["set"], &["or-map", "a"], &["set"], &["map", "a"], &["set"], &["map", "b", "ключ"]];
const OR_MAPS: [Path; 8] = [
    &["or-map"],
    &["or-map"],
    &["or-map"],
    &["map", "ключ"],
    &["or-map"],
    &["or-map", "b"],
    &["or-map"],
    &["map", "b", "a"],
];
const KEYS: [&str; 3] = ["a", "b", "ключ"];
pub(super) const COUNTS: [usize; 8] = [0, 1, 1, 2, 3, 5, 8, 100];
const SUMS: [i64; 8] = [0, 1, -1, 2, -100, i64::MAX, i64::MIN, 7];

/// One edit. Positions are counted in characters, modulo how many there are.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Edit {
    /// A word, or something longer, at once.
    Insert { text: Path, at: usize, word: String },
    /// Letter by letter.
    Type { text: Path, at: usize, word: &'static str },
    /// As many characters as are there, at once.
    Delete { text: Path, at: usize, count: usize },
    /// One by one: those before the position if backwards, else those after it.
    Erase { text: Path, at: usize, count: usize, backwards: bool },
    /// Some characters by a word.
    Replace { text: Path, at: usize, count: usize, word: &'static str },
    /// A key of a map.
    Set { map: Path, key: &'static str, value: u8 },
    /// The same.
    Unset { map: Path, key: &'static str },
    /// A register.
    SetRegister { register: Path, value: u8 },
    /// The same.
    ClearRegister { register: Path },
    /// A counter.
    Count { counter: Path, by: i64 },
    /// An element of an or-set.
    Add { set: Path, element: u8 },
    /// The same.
    Withdraw { set: Path, element: u8 },
    /// A key of an or-map.
    Put { map: Path, key: &'static str, value: u8 },
    /// The same.
    Remove { map: Path, key: &'static str },
    /// A list.
    List(Arranging),
}

impl Edit {
    /// The edit that two bytes and a bit spell.
    pub(super) fn decode(verb: Verb, bit: usize, b: u8, c: u8, pasted: &mut usize) -> Self {
        let place = bit | usize::from(c >> 6) << 1;
        let (text, map, set, key) = (TEXTS[place], MAPS[place], SETS[place], KEYS[usize::from(b) % KEYS.len()]);
        let (low, word, high) = (usize::from(b), WORDS[usize::from(c & 7)], usize::from(c >> 3 & 7));
        let at = high << 8 | low;
        match verb {
            Verb::Insert => Self::Insert { text, at, word: word.to_owned() },
            Verb::Paste => {
                let len = word.chars().count();
                let times = (2 + 4 * high).min((MOST_PASTED - *pasted) / len).max(1);
                *pasted = (*pasted + times * len).min(MOST_PASTED);
                Self::Insert { text, at: low, word: word.repeat(times) }
            }
            Verb::Type => Self::Type { text, at, word },
            Verb::Delete => Self::Delete { text, at, count: COUNTS[usize::from(c & 7)] },
            Verb::Erase => Self::Erase { text, at: low, count: usize::from(c & 7), backwards: c & 8 != 0 },
            Verb::Replace => Self::Replace { text, at: low, count: COUNTS[high], word },
            Verb::Set => Self::Set { map, key, value: c & 7 },
            Verb::Unset => Self::Unset { map, key },
            Verb::SetRegister => Self::SetRegister { register: REGISTERS[place], value: c & 7 },
            Verb::ClearRegister => Self::ClearRegister { register: REGISTERS[place] },
            Verb::Count => Self::Count { counter: COUNTERS[place], by: SUMS[usize::from(c & 7)] },
            Verb::Add => Self::Add { set, element: b & 3 },
            Verb::Withdraw => Self::Withdraw { set, element: b & 3 },
            Verb::Put => Self::Put { map: OR_MAPS[place], key, value: c & 7 },
            Verb::Remove => Self::Remove { map: OR_MAPS[place], key },
            verb => Self::List(Arranging::decode(verb, place, b, c)),
        }
    }

    /// Does it.
    ///
    /// # Errors
    ///
    /// None but [`EditError::Exhausted`]: positions are inside.
    pub fn perform(&self, txn: &mut Transaction<'_>) -> Result<(), EditError> {
        match self {
            Self::Insert { text, at, word } => {
                let mut text = text_at(txn, text)?;
                text.insert(at % (text.len() + 1), word)
            }
            Self::Type { text, at, word } => {
                let mut text = text_at(txn, text)?;
                let at = at % (text.len() + 1);
                word.chars()
                    .enumerate()
                    .try_for_each(|(typed, letter)| text.insert(at + typed, letter.encode_utf8(&mut [0; 4])))
            }
            Self::Delete { text, at, count } => {
                let mut text = text_at(txn, text)?;
                let at = at % (text.len() + 1);
                text.delete(at, *count.min(&(text.len() - at)))
            }
            Self::Erase { text, at, count, backwards } => {
                let mut text = text_at(txn, text)?;
                let at = at % (text.len() + 1);
                let there = if *backwards { at } else { text.len() - at };
                let each = if *backwards { 1 } else { 0 };
                (0..*count.min(&there)).try_for_each(|erased| text.delete(at - each * (erased + 1), 1))
            }
            Self::Replace { text, at, count, word } => {
                let mut text = text_at(txn, text)?;
                let at = at % (text.len() + 1);
                text.replace(at, *count.min(&(text.len() - at)), word)
            }
            Self::Set { map, key, value } => map_at(txn, map)?.set(key, value),
            Self::Unset { map, key } => map_at(txn, map)?.delete(key),
            Self::SetRegister { register, value } => register_at(txn, register)?.set(value),
            Self::ClearRegister { register } => register_at(txn, register)?.clear(),
            Self::Count { counter, by } => counter_at(txn, counter)?.add(*by),
            Self::Add { set, element } => set_at(txn, set)?.add(element),
            Self::Withdraw { set, element } => set_at(txn, set)?.remove(element),
            Self::Put { map, key, value } => or_map_at(txn, map)?.put(key, value),
            Self::Remove { map, key } => or_map_at(txn, map)?.remove(key),
            Self::List(arranging) => arranging.perform(txn),
        }
    }
}

fn text_at<'a>(txn: &'a mut Transaction<'_>, path: Path) -> Result<TextMut<'a>, EditError> {
    let id = made(txn, path, ContainerKind::Text)?;
    txn.text_of(&id)
}

fn map_at<'a>(txn: &'a mut Transaction<'_>, path: Path) -> Result<MapMut<'a, u8>, EditError> {
    let id = made(txn, path, ContainerKind::Map)?;
    txn.map_of(&id)
}

fn register_at<'a>(txn: &'a mut Transaction<'_>, path: Path) -> Result<RegisterMut<'a, u8>, EditError> {
    let id = made(txn, path, ContainerKind::Register)?;
    txn.register_of(&id)
}

fn counter_at<'a>(txn: &'a mut Transaction<'_>, path: Path) -> Result<CounterMut<'a>, EditError> {
    let id = made(txn, path, ContainerKind::Counter)?;
    txn.counter_of(&id)
}

fn set_at<'a>(txn: &'a mut Transaction<'_>, path: Path) -> Result<OrSetMut<'a, u8>, EditError> {
    let id = made(txn, path, ContainerKind::OrSet)?;
    txn.or_set_of(&id)
}

fn or_map_at<'a>(txn: &'a mut Transaction<'_>, path: Path) -> Result<OrMapMut<'a, u8>, EditError> {
    let id = made(txn, path, ContainerKind::OrMap)?;
    txn.or_map_of(&id)
}

/// The container of this kind at a path, made if something else is there.
pub(super) fn made(txn: &mut Transaction<'_>, path: Path, kind: ContainerKind) -> Result<ContainerId, EditError> {
    let [name, keys @ ..] = path else { unreachable!("a path begins at the root") };
    let Some((last, keys)) = keys.split_last() else { return Ok(ContainerId::root(kind, name)) };
    let root = if *name == "or-map" { ContainerKind::OrMap } else { ContainerKind::Map };
    let mut at = ContainerId::root(root, name);
    for key in keys {
        at = nest(txn, &at, key, ContainerKind::Map)?;
    }
    nest(txn, &at, last, kind)
}

/// The container of this kind at a key.
fn nest(
    txn: &mut Transaction<'_>,
    parent: &ContainerId,
    key: &str,
    kind: ContainerKind,
) -> Result<ContainerId, EditError> {
    macro_rules! of {
        ($parent:expr) => {{
            let mut parent = $parent;
            Ok(match kind {
                ContainerKind::Text => parent.text(key)?.id().clone(),
                ContainerKind::Map => parent.map::<u8>(key)?.id().clone(),
                ContainerKind::Register => parent.register::<u8>(key)?.id().clone(),
                ContainerKind::Counter => parent.counter(key)?.id().clone(),
                ContainerKind::OrSet => parent.or_set::<u8>(key)?.id().clone(),
                ContainerKind::OrMap => parent.or_map::<u8>(key)?.id().clone(),
                ContainerKind::List => parent.list::<u8>(key)?.id().clone(),
                ContainerKind::MovableList => parent.movable_list::<u8>(key)?.id().clone(),
                kind => unreachable!("nothing nests {kind}"),
            })
        }};
    }
    if parent.kind == ContainerKind::OrMap { of!(txn.or_map_of::<u8>(parent)?) } else { of!(txn.map_of::<u8>(parent)?) }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |path: &Path| path.join("/");
        match self {
            Self::Insert { text, at, word } => write!(f, "inserts {word:?} at {at} of {}", of(text)),
            Self::Type { text, at, word } => write!(f, "types {word:?} at {at} of {}", of(text)),
            Self::Delete { text, at, count } => write!(f, "deletes {count} at {at} of {}", of(text)),
            Self::Erase { text, at, count, backwards } => {
                write!(f, "erases {count} {} {at} of {}", if *backwards { "before" } else { "after" }, of(text))
            }
            Self::Replace { text, at, count, word } => {
                write!(f, "replaces {count} at {at} of {} by {word:?}", of(text))
            }
            Self::Set { map, key, value } => write!(f, "sets {key:?} of {} to {value}", of(map)),
            Self::Unset { map, key } => write!(f, "unsets {key:?} of {}", of(map)),
            Self::SetRegister { register, value } => write!(f, "sets the register {} to {value}", of(register)),
            Self::ClearRegister { register } => write!(f, "clears the register {}", of(register)),
            Self::Count { counter, by } => write!(f, "adds {by} to {}", of(counter)),
            Self::Add { set, element } => write!(f, "adds {element} to {}", of(set)),
            Self::Withdraw { set, element } => write!(f, "removes {element} from {}", of(set)),
            Self::Put { map, key, value } => write!(f, "puts {value} at {key:?} of the or-map {}", of(map)),
            Self::List(arranging) => arranging.fmt(f),
            Self::Remove { map, key } => write!(f, "removes {key:?} from the or-map {}", of(map)),
        }
    }
}
