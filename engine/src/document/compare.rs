//! What is different between two versions of one document, told as edits to patch a view with.
//!
//! Texts are compared by the names of their characters, not by these: two characters never change their order, so what both
//! versions have comes in the same order in both, and the rest went or came. That takes one walk over each. Lists are compared
//! like any two sequences, by the names of their items and what these hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    container::{ContainerId, ContainerKind, Content, Held, Value},
    diff::{self, Hunk},
    event::{ContainerEdit, ListEdit, TextEdit},
    items::Items,
    journal::State,
    tagged::Tagged,
    writes::key_text,
};
use crate::{
    id::OpId,
    proof::{Fault, planted},
};

/// What a view of `from` has to do to show `to`.
pub(super) fn edits(from: &State, to: &State) -> Vec<ContainerEdit> {
    let ids: BTreeSet<_> = from.index.keys().chain(to.index.keys()).collect();
    ids.into_iter().filter_map(|id| edit(id, from, to)).collect()
}

fn edit(id: &ContainerId, from: &State, to: &State) -> Option<ContainerEdit> {
    let (before, after) = (from.content(id), to.content(id));
    let container = id.clone();
    match id.kind {
        ContainerKind::Text => {
            let edits = text_edits(from, to, id);
            (!edits.is_empty()).then_some(ContainerEdit::Text { id: container, edits })
        }
        ContainerKind::List | ContainerKind::MovableList => {
            let edits = list_edits(from, to, id);
            (!edits.is_empty()).then_some(match id.kind {
                ContainerKind::List => ContainerEdit::List { id: container, edits },
                _ => ContainerEdit::MovableList { id: container, edits },
            })
        }
        ContainerKind::Map => {
            let keys: BTreeSet<_> = [before, after].into_iter().flatten().flat_map(map_keys).collect();
            let keys: Vec<_> = keys.into_iter().filter(|key| held(before, key) != held(after, key)).cloned().collect();
            (!keys.is_empty()).then_some(ContainerEdit::Map { id: container, keys })
        }
        ContainerKind::Register => {
            let value = |content: Option<&Content>| content?.entry(None)?.value.clone();
            (value(before) != value(after)).then_some(ContainerEdit::Register { id: container })
        }
        ContainerKind::Counter => {
            let by = sum(after).wrapping_sub(sum(before));
            (by != 0).then_some(ContainerEdit::Counter { id: container, by })
        }
        ContainerKind::OrSet => {
            let elements = tagged_changes(before, after);
            (!elements.is_empty()).then_some(ContainerEdit::OrSet { id: container, elements })
        }
        ContainerKind::OrMap => {
            let keys = tagged_changes(before, after);
            let keys: Vec<Arc<str>> = keys.iter().filter_map(|key| key_text(key)).map(Arc::from).collect();
            (!keys.is_empty()).then_some(ContainerEdit::OrMap { id: container, keys })
        }
    }
}

fn map_keys(content: &Content) -> impl Iterator<Item = &Arc<str>> {
    let entries = if let Content::Map(entries) = content { Some(entries) } else { None };
    entries.into_iter().flat_map(|entries| entries.keys())
}

fn held<'a>(content: Option<&'a Content>, key: &str) -> Option<&'a Value> {
    content?.held(key)
}

const fn sum(content: Option<&Content>) -> i128 {
    match content {
        Some(Content::Counter(sums)) => sums.total(),
        _ => 0,
    }
}

/// The elements, or keys, at which something else is.
fn tagged_changes(before: Option<&Content>, after: Option<&Content>) -> Vec<Bytes> {
    let (before, after) = (tagged(before), tagged(after));
    let all: BTreeSet<_> = before.into_iter().chain(after).flat_map(Tagged::iter).map(|(key, _)| key).collect();
    let differs = |key: &&Bytes| {
        let shown = |tagged: Option<&Tagged>| tagged.and_then(|tagged| tagged.shown(key).cloned());
        shown(before) != shown(after)
    };
    all.into_iter().filter(differs).cloned().collect()
}

fn tagged(content: Option<&Content>) -> Option<&Tagged> {
    match content {
        Some(Content::Tagged(tagged)) => Some(tagged),
        _ => None,
    }
}

/// Items are the same if they have one name and hold the same.
fn list_edits(from: &State, to: &State, id: &ContainerId) -> Vec<ListEdit> {
    let before: Vec<_> = Items::of(from, id).named().collect();
    let after: Vec<_> = Items::of(to, id).named().collect();
    let numbers: BTreeMap<_, _> =
        (0_u64..).zip(&before).map(|(number, (name, held))| (*name, (number, held))).collect();
    let had = |(name, held): &(OpId, Held<'_>)| numbers.get(name).filter(|(_, before)| **before == *held);
    let had: Vec<_> = after.iter().map(|item| had(item).map(|(number, _)| *number)).collect();
    let others = before.len() as u64..;
    let has: Vec<_> = had.into_iter().zip(others).map(|(number, other)| number.unwrap_or(other)).collect();
    let had: Vec<_> = (0..before.len() as u64).collect();
    let edit = |Hunk { before, after: range }: Hunk| ListEdit::Replace {
        // What is on the left of it is in its new state already.
        at: range.start,
        removed: before.len(),
        inserted: after[range].iter().map(|(_, held)| held.clone().into()).collect(),
    };
    diff::hunks(&had, &has).into_iter().map(edit).collect()
}

fn text_edits(from: &State, to: &State, id: &ContainerId) -> Vec<TextEdit> {
    let (before, after) = (named(from, id), named(to, id));
    let (had, has) = (names(&before), names(&after));
    let mut left = before.iter().flat_map(|run| parts(run, &has));
    let mut right = after.iter().flat_map(|run| parts(run, &had));
    // How many of the characters that both have each side is still to pass; the two cut them differently.
    let (mut left_kept, mut right_kept) = (0, 0);
    let mut edits = Edits::default();
    loop {
        if left_kept == 0 {
            match left.next() {
                Some(part) if part.in_both => left_kept = part.len,
                Some(_) if planted(Fault::DiffPassesOverDeletions) => continue,
                Some(part) => {
                    edits.last().removed += part.len as usize;
                    continue;
                }
                None => {}
            }
        }
        if right_kept == 0 {
            match right.next() {
                Some(part) if part.in_both => right_kept = part.len,
                Some(part) => {
                    edits.last().inserted.push_str(part.text);
                    edits.at += part.len as usize;
                    continue;
                }
                None => {}
            }
        }
        let both = left_kept.min(right_kept);
        if both == 0 {
            return edits.list;
        }
        (left_kept, right_kept) = (left_kept - both, right_kept - both);
        edits.pass(both as usize);
    }
}

/// The edits of a text from left to right, and where in it what comes next is.
#[derive(Default)]
struct Edits {
    list: Vec<TextEdit>,
    at: usize,
    /// Whether the last edit ends here.
    open: bool,
}

impl Edits {
    /// The edit that ends here.
    fn last(&mut self) -> &mut TextEdit {
        if !self.open {
            self.list.push(TextEdit { at: self.at, removed: 0, inserted: String::new() });
            self.open = true;
        }
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    const fn pass(&mut self, count: usize) {
        self.at += count;
        self.open = false;
    }
}

/// Visible characters with consecutive names.
type Run<'a> = (OpId, u32, &'a str);

fn named<'a>(state: &'a State, id: &ContainerId) -> Vec<Run<'a>> {
    state.sequence(id).map_or_else(Vec::new, |sequence| state.sequences.named(sequence).collect())
}

/// By the first of each run, how many there are.
fn names(runs: &[Run<'_>]) -> BTreeMap<OpId, u32> {
    runs.iter().map(|(first, len, _)| (*first, *len)).collect()
}

/// Some characters of a run.
struct Part<'a> {
    len: u32,
    text: &'a str,
    in_both: bool,
}

/// A run, cut where another version begins or ceases to have its characters.
fn parts<'a>(&(first, len, text): &Run<'a>, others: &BTreeMap<OpId, u32>) -> Vec<Part<'a>> {
    let (mut parts, mut at, mut rest) = (Vec::new(), 0, text);
    while at < len {
        let op = OpId::new(first.replica, first.seq + u64::from(at));
        let before = others.range(..=op).next_back().filter(|(other, _)| other.replica == op.replica);
        let there = before.and_then(|(other, count)| (other.seq + u64::from(*count)).checked_sub(op.seq));
        let (in_both, here) = match there.filter(|there| *there > 0) {
            Some(there) => (true, there),
            None => {
                let next = others.range(op..).next().filter(|(other, _)| other.replica == op.replica);
                (false, next.map_or(u64::MAX, |(other, _)| other.seq - op.seq))
            }
        };
        let here = u32::try_from(here).map_or(len - at, |here| here.min(len - at));
        let (text, more) = rest.split_at(rest.char_indices().nth(here as usize).map_or(rest.len(), |(byte, _)| byte));
        parts.push(Part { len: here, text, in_both });
        (at, rest) = (at + here, more);
    }
    parts
}
