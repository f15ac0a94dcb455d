//! The sequence under every text: Fugue, as runs.
//!
//! Weidner and Kleppmann, "The Art of the Fugue: Minimizing Interleaving in Collaborative Text Editing" (IEEE TPDS
//! 2025). Every character keeps the two neighbours it was typed between, its *origins*; deleted ones stay as tombstones
//! so that later arrivals find theirs. This is the variant the paper calls FugueMax, in the form of a list: see
//! [`integrate`].
//!
//! | kept | what it means |
//! |---|---|
//! | `spans` | every item ever inserted, in document order, as long as runs can be: no two neighbours could be one |
//! | `visible` | how many items are not deleted |
//! | `cursor` | an index into `spans` and how many visible items stand before it, where the last edit was |
//!
//! Looking for an id or a position walks over spans from the cursor. Neither form nor cost is part of the interface.

mod integrate;
mod span;

use std::fmt;

pub(crate) use integrate::Misplaced;
pub(crate) use span::ItemId;
use span::{Span, byte_offset};

use crate::{
    id::ReplicaId,
    proof::{Fault, Situation, note, planted},
};

/// Writers by number: what replaces 8-byte ids inside a document.
#[derive(Clone, Default)]
pub(crate) struct Writers {
    ids: Vec<ReplicaId>,
    numbers: std::collections::BTreeMap<ReplicaId, u32>,
}

impl Writers {
    /// The number of a writer, given at the first call.
    pub(crate) fn number(&mut self, replica: ReplicaId) -> u32 {
        let ids = &mut self.ids;
        *self.numbers.entry(replica).or_insert_with(|| {
            ids.push(replica);
            u32::try_from(ids.len() - 1).expect("fewer writers than the memory for their changes")
        })
    }

    /// The number of a writer that has one.
    pub(crate) fn find(&self, replica: ReplicaId) -> Option<u32> {
        self.numbers.get(&replica).copied()
    }

    /// Whose number this is.
    pub(crate) fn id(&self, number: u32) -> ReplicaId {
        self.ids[number as usize]
    }
}

/// A run of items that was seen until now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Removed {
    /// The first of the items.
    pub(crate) first: ItemId,
    /// How many there are.
    pub(crate) len: usize,
    /// Where they stood at the moment of their removal, in visible characters.
    pub(crate) at: usize,
    /// What they said.
    pub(crate) text: String,
}

/// Where an item is: in which span, and where in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    index: usize,
    offset: usize,
}

/// The characters between which something new goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origins {
    /// The character before it, or the beginning.
    pub(crate) left: Option<ItemId>,
    /// What comes next, deleted or not, or the end.
    pub(crate) right: Option<ItemId>,
}

/// A text's characters and tombstones, in order.
#[derive(Clone, Default)]
pub(crate) struct Sequence {
    spans: Vec<Span>,
    visible: usize,
    cursor: Cursor,
}

#[derive(Clone, Copy, Default)]
struct Cursor {
    index: usize,
    before: usize,
}

impl Sequence {
    /// How many characters are seen.
    pub(crate) const fn len(&self) -> usize {
        self.visible
    }

    /// Inserts what was typed here, before the visible character `at`, and says between what it stands.
    ///
    /// `at` is at most [`len`](Self::len); `text` has `len` characters, at least one.
    pub(crate) fn insert(&mut self, at: usize, id: ItemId, len: usize, text: String) -> Origins {
        let place = match at.checked_sub(1) {
            Some(before) => {
                let before = self.locate(before);
                self.after(before)
            }
            None => Place { index: 0, offset: 0 },
        };
        // Tombstones between the two visible neighbours come after the new text: its right origin is the very next item.
        let left = self.item_before(place).filter(|_| at > 0);
        let mut right = self.spans.get(place.index).map(|span| span.id.plus(place.offset));
        if place.offset == 0 && planted(Fault::TombstonePassedOver) {
            right = self.spans[place.index..].iter().find(|span| span.text.is_some()).map(|span| span.id);
        }
        self.put(place, Span { id, len, left, right, text: Some(text) });
        Origins { left, right }
    }

    /// Deletes `count` visible characters, the first of which is `at`; both lie inside. The runs that went, in order.
    pub(crate) fn delete(&mut self, at: usize, count: usize) -> Vec<Removed> {
        let mut removed = Vec::new();
        let mut left = count;
        while left > 0 {
            let Place { index, offset } = self.locate(at);
            let len = left.min(self.spans[index].len - offset);
            removed.push(self.bury(index, offset, offset + len));
            left -= len;
        }
        removed
    }

    /// Whether all of `len` consecutive items are here, deleted or not.
    pub(crate) fn contains(&self, first: ItemId, len: u64) -> bool {
        let mut next = first;
        let mut near = self.cursor.index;
        let end = first.seq + len;
        while next.seq < end {
            let Some(place) = self.find_near(next, near) else {
                return false;
            };
            near = place.index;
            next.seq += (self.spans[place.index].len - place.offset) as u64;
        }
        true
    }

    /// Deletes `len` consecutive items, which are [all here](Self::contains). The runs that were seen until now.
    pub(crate) fn delete_items(&mut self, first: ItemId, len: u64) -> Vec<Removed> {
        let mut removed = Vec::new();
        let mut next = first;
        let end = first.seq + len;
        while next.seq < end {
            let Some(Place { index, offset }) = self.find(next) else {
                debug_assert!(false, "the caller asked for items that are not here");
                break;
            };
            let span = &self.spans[index];
            let here = usize::try_from(end - next.seq).map_or(span.len - offset, |left| left.min(span.len - offset));
            next = next.plus(here);
            if span.text.is_some() {
                removed.push(self.bury(index, offset, offset + here));
            } else {
                note(Situation::DeletedAlready);
            }
            if next.seq < end {
                note(Situation::DeletionOfSplitRun);
                if planted(Fault::DeletionStopsAtSplit) {
                    break;
                }
            }
        }
        removed
    }

    /// Takes back an insertion, as if it had never been. Nothing that came after it may be left.
    pub(crate) fn take_back(&mut self, first: ItemId, len: usize) {
        let Some(Place { index, offset }) = self.find(first) else {
            debug_assert!(false, "only what was inserted is taken back");
            return;
        };
        self.visible -= len;
        self.rewrite(index, offset, len, None);
    }

    /// Takes back a deletion. Nothing that came after it may be left.
    pub(crate) fn restore(&mut self, removed: Removed) {
        let Some(Place { index, offset }) = self.find(removed.first) else {
            debug_assert!(false, "a tombstone stays");
            return;
        };
        self.visible += removed.len;
        self.rewrite(index, offset, removed.len, Some(removed.text));
    }

    /// The visible characters, as they are kept.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &str> + '_ {
        self.spans.iter().filter_map(|span| span.text.as_deref())
    }

    /// The visible characters from `at` on, `count` of them; both lie inside.
    pub(crate) fn slice(&self, at: usize, count: usize) -> String {
        let mut out = String::new();
        let (mut skip, mut left) = (at, count);
        for span in &self.spans {
            let Some(text) = span.text.as_deref() else { continue };
            if skip >= span.len {
                skip -= span.len;
                continue;
            }
            if left == 0 {
                break;
            }
            let end = span.len.min(skip + left);
            out.push_str(&text[byte_offset(text, span.len, skip)..byte_offset(text, span.len, end)]);
            left -= end - skip;
            skip = 0;
        }
        out
    }

    /// How many visible items stand before the span at `index`, counted from the cursor or from the beginning.
    fn visible_before(&self, index: usize) -> usize {
        let seen = |spans: &[Span]| spans.iter().map(Span::visible).sum::<usize>();
        let Cursor { index: known, before } = self.cursor;
        if index >= known {
            before + seen(&self.spans[known..index])
        } else if index < known / 2 {
            seen(&self.spans[..index])
        } else {
            before - seen(&self.spans[index..known])
        }
    }

    /// Moves the cursor to the span that holds the visible item `at`, which exists.
    fn locate(&mut self, at: usize) -> Place {
        let Cursor { mut index, mut before } = self.cursor;
        if at < before / 2 {
            (index, before) = (0, 0);
        }
        while before > at {
            index -= 1;
            before -= self.spans[index].visible();
        }
        while before + self.spans[index].visible() <= at {
            before += self.spans[index].visible();
            index += 1;
        }
        self.cursor = Cursor { index, before };
        Place { index, offset: at - before }
    }

    fn find(&self, id: ItemId) -> Option<Place> {
        self.find_near(id, self.cursor.index)
    }

    /// Looks for an item from the span `near` to the end, then from the beginning: mostly it is close.
    fn find_near(&self, id: ItemId, near: usize) -> Option<Place> {
        let near = near.saturating_sub(2).min(self.spans.len());
        let (before, after) = self.spans.split_at(near);
        let search = |spans: &[Span], from: usize| {
            spans
                .iter()
                .enumerate()
                .find_map(|(index, span)| span.offset(id).map(|offset| Place { index: from + index, offset }))
        };
        search(after, near).or_else(|| search(before, 0))
    }

    /// The place right after an item.
    fn after(&self, place: Place) -> Place {
        if place.offset + 1 < self.spans[place.index].len {
            Place { index: place.index, offset: place.offset + 1 }
        } else {
            Place { index: place.index + 1, offset: 0 }
        }
    }

    fn item_before(&self, place: Place) -> Option<ItemId> {
        if place.offset > 0 {
            return Some(self.spans[place.index].id.plus(place.offset - 1));
        }
        let span = &self.spans[place.index.checked_sub(1)?];
        Some(span.id.plus(span.len - 1))
    }

    /// Puts a span of new items at a place. How many visible characters are before it.
    fn put(&mut self, place: Place, span: Span) -> usize {
        let Place { index, offset } = place;
        let before = self.visible_before(index);
        self.visible += span.visible();
        if offset > 0 {
            note(Situation::InsertionSplitRun);
            self.cursor = Cursor { index, before };
            let seen = if self.spans[index].text.is_some() { offset } else { 0 };
            let seen = if planted(Fault::InsertionReportedAtRun) { 0 } else { seen };
            let tail = self.spans[index].split(offset);
            self.spans.splice(index + 1..index + 1, [span, tail]);
            return before + seen;
        }
        match index.checked_sub(1).map(|previous| &mut self.spans[previous]) {
            Some(previous) if previous.precedes(&span) => {
                self.cursor = Cursor { index: index - 1, before: before - previous.visible() };
                previous.append(span);
            }
            _ => {
                self.cursor = Cursor { index, before };
                self.spans.insert(index, span);
            }
        }
        before
    }

    /// Makes tombstones of the visible items `from..to` of one span, and one run of them and their neighbours.
    fn bury(&mut self, index: usize, from: usize, to: usize) -> Removed {
        let before = self.visible_before(index);
        let mut head = self.spans[index].take();
        let tail = (to < head.len).then(|| head.split(to));
        let (head, mut buried) = cut(head, from);
        let text = buried.text.take().unwrap_or_default();
        self.visible -= buried.len;
        let removed = Removed { first: buried.id, len: buried.len, at: before + from, text };

        if head.is_some() && tail.is_some() {
            note(Situation::DeletionSplitRun);
        }
        let joins_previous = head.is_none() && index > 0 && self.spans[index - 1].precedes(&buried);
        let joins_next = tail.is_none() && self.spans.get(index + 1).is_some_and(|next| buried.precedes(next));
        // What is before `index` stays as many visible items as it was: a span that is joined is a tombstone.
        self.cursor = Cursor { index, before };
        match (joins_previous, joins_next) {
            (true, true) => {
                let next = self.spans.remove(index + 1);
                self.spans.remove(index);
                self.spans[index - 1].append(buried);
                self.spans[index - 1].append(next);
            }
            (true, false) => {
                self.spans[index - 1].append(buried);
                self.replace(index, tail);
            }
            (false, true) => {
                buried.len += self.spans[index + 1].len;
                self.spans[index + 1] = buried;
                self.replace(index, head);
            }
            (false, false) => {
                self.spans.splice(index..=index, head.into_iter().chain([buried]).chain(tail));
            }
        }
        removed
    }

    fn replace(&mut self, index: usize, span: Option<Span>) {
        match span {
            Some(span) => self.spans[index] = span,
            None => {
                self.spans.remove(index);
            }
        }
    }

    /// Gives `len` items of one span another text, or takes them away, and joins what can be one again.
    fn rewrite(&mut self, index: usize, offset: usize, len: usize, text: Option<String>) {
        let mut head = self.spans[index].take();
        let tail = (offset + len < head.len).then(|| head.split(offset + len));
        let (head, middle) = cut(head, offset);
        let middle = text.map(|text| Span { text: Some(text), ..middle });
        let parts: Vec<_> = head.into_iter().chain(middle).chain(tail).collect();
        let end = (index + parts.len() + 1).min(self.spans.len() - 1 + parts.len());
        self.spans.splice(index..=index, parts);
        self.cursor = Cursor::default();
        for next in (index.max(1)..end).rev() {
            if self.spans[next - 1].precedes(&self.spans[next]) {
                let span = self.spans.remove(next);
                self.spans[next - 1].append(span);
            }
        }
    }

    /// What is wrong inside, for tests.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut ids = Vec::new();
        let mut visible = 0;
        for (index, span) in self.spans.iter().enumerate() {
            if index == self.cursor.index && visible != self.cursor.before {
                return Err(format!("{visible} characters before the cursor, which says {}", self.cursor.before));
            }
            visible += span.visible();
            if span.len == 0 || span.text.as_ref().is_some_and(|text| text.chars().count() != span.len) {
                return Err(format!("span {index} does not have the length it says"));
            }
            if index > 0 && self.spans[index - 1].precedes(span) {
                return Err(format!("spans {} and {index} could be one", index - 1));
            }
            ids.push((span.id, span.len));
            let here = Place { index, offset: 0 };
            let left = span.left.map(|left| self.find(left).ok_or("a left origin is not here")).transpose()?;
            if left.is_some_and(|left| left >= here) {
                return Err(format!("span {index} stands before its left origin"));
            }
            let right = span.right.map(|right| self.find(right).ok_or("a right origin is not here")).transpose()?;
            if right.is_some_and(|right| right <= here) {
                return Err(format!("span {index} stands after its right origin"));
            }
        }
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0].0.writer == pair[1].0.writer && pair[0].0.plus(pair[0].1) > pair[1].0) {
            return Err("one id twice".into());
        }
        if visible != self.visible {
            return Err(format!("{visible} characters are visible, {} are counted", self.visible));
        }
        Ok(())
    }
}

/// What is before `offset` in a span, if anything is, and what begins there.
fn cut(mut span: Span, offset: usize) -> (Option<Span>, Span) {
    if offset == 0 {
        return (None, span);
    }
    let rest = span.split(offset);
    (Some(span), rest)
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces().try_for_each(|piece| f.write_str(piece))
    }
}
