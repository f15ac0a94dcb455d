//! Sequences: what is under every text and list. Fugue, as runs in B-trees.
//!
//! Weidner and Kleppmann, "The Art of the Fugue: Minimizing Interleaving in Collaborative Text Editing" (IEEE TPDS
//! 2025). Every item keeps the two neighbours it was inserted between, its *origins*; deleted ones stay as tombstones
//! so that later arrivals find theirs. This is the variant the paper calls FugueMax, in the form of a list: see
//! [`integrate`].
//!
//! | room | what it is for |
//! |---|---|
//! | `span` | runs of items, and their laws |
//! | `tree` | the B-trees that hold spans, all in one arena; positions to spans and back |
//! | `index` | ids to leaves |
//! | `contents` | what items say: characters, or values |
//! | `integrate` | where an insertion made elsewhere goes |
//! | `delete` | tombstones |
//! | `stored` | whole sequences, written down and put in place again |
//! | `parts` | what one document has of a sequence, taken into another one |
//!
//! An edit costs as much as the logarithm of the sequence's length; one next to the last one, or by someone who types on,
//! less.

mod contents;
mod delete;
mod index;
mod integrate;
mod parts;
mod span;
mod stored;
mod tree;

use contents::Contents;
pub(crate) use contents::{Said, Saying};
pub(crate) use integrate::Misplaced;
pub(crate) use parts::Part;
use span::Span;
pub(crate) use stored::{Items, Placed, Says};
pub(crate) use tree::{LeafId, SequenceId, Sum};
use tree::{Place, Tree};

use super::{
    container::Item,
    local::{LocalId, LocalIds},
};
use crate::{
    id::OpId,
    proof::{Fault, Situation, note, planted},
};

/// A run of items that was seen until now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Removed {
    /// The first of the items.
    pub(crate) first: LocalId,
    /// How many there are.
    pub(crate) len: u32,
    /// Where they stood at the moment of their removal, in visible items.
    pub(crate) at: u32,
}

/// Items that stand together and share their fate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    /// How many there are.
    pub(crate) len: u32,
    /// Whether they are seen.
    pub(crate) visible: bool,
    /// How many visible items stand before them.
    pub(crate) at: usize,
}

/// The items between which something new goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origins {
    /// The item before it, or the beginning.
    pub(crate) left: Option<LocalId>,
    /// What comes next, deleted or not, or the end.
    pub(crate) right: Option<LocalId>,
}

/// What positions are counted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    Item,
    Utf16,
    Byte,
}

impl Unit {
    pub(crate) const fn of(self, sum: &Sum) -> u32 {
        match self {
            Self::Item => sum.items,
            Self::Utf16 => sum.utf16,
            Self::Byte => sum.bytes,
        }
    }
}

/// All sequences of a document.
#[derive(Clone, Default)]
pub(crate) struct Sequences {
    pub(crate) ids: LocalIds,
    tree: Tree,
    contents: Contents,
}

impl Sequences {
    /// Another sequence, empty.
    pub(crate) fn begin(&mut self) -> SequenceId {
        self.tree.begin()
    }

    /// Takes back the sequence that was begun last, which is empty again.
    pub(crate) fn take_back_last(&mut self) {
        self.tree.take_back_last();
    }

    /// How many items are seen.
    pub(crate) fn len(&self, sequence: SequenceId) -> usize {
        self.tree.sum(sequence).items as usize
    }

    /// Takes in what the items say that are inserted next, the first of which is `first`.
    pub(crate) fn say_text(&mut self, first: LocalId, text: &str) -> Said {
        self.contents.push_text(self.ids.writer_of(first), text)
    }

    /// The same for values.
    pub(crate) fn say_items(&mut self, first: LocalId, items: impl IntoIterator<Item = Item>) -> Said {
        self.contents.push_items(self.ids.writer_of(first), items)
    }

    /// What the items say that were inserted with `said`, the first of which is `first`.
    pub(crate) fn saying(&self, first: LocalId, said: Said) -> Saying<'_> {
        self.contents.saying(self.ids.writer_of(first), said)
    }

    /// Inserts what was made here, before the visible item `at`, and says between what it stands.
    ///
    /// `at` is at most [`len`](Self::len); the new items are `len`, at least one, their ids begin with `first`, and they say
    /// what was [taken in](Self::say_text) last.
    pub(crate) fn insert(&mut self, sequence: SequenceId, at: usize, first: LocalId, len: u32, said: Said) -> Origins {
        let at = at as u32;
        if let Some((_, run, before, right)) = self.tree.recent(sequence) {
            let origins = Origins { left: Some(run.last()), right };
            if before + run.visible() == at && self.type_on(sequence, origins, (first, len), said).is_some() {
                return origins;
            }
        }
        let (place, before, left) = match at.checked_sub(1) {
            None => (Place { leaf: self.tree.first_leaf(sequence), index: 0, offset: 0 }, 0, None),
            Some(previous) => {
                let (item, before) = self.tree.locate(sequence, previous);
                let span = &self.tree.leaf(item.leaf).spans[item.index];
                let place = self.after(item);
                let passed = if place.offset == 0 { span.visible() } else { 0 };
                (place, before + passed, Some(span.first.plus(item.offset)))
            }
        };
        // Tombstones between the two visible neighbours come after the new text: its right origin is the very next item.
        let next = self.tree.normal(place);
        let mut right = self.tree.span(next).map(|span| span.first.plus(next.offset));
        if next.offset == 0 && planted(Fault::TombstonePassedOver) {
            right = self.visible_from(next);
        }
        let origins = Origins { left, right };
        self.put(place, before, first, len, said, origins);
        origins
    }

    /// Makes the run longer in which the last edit was, if what is inserted goes on there, as most does that is typed: so many
    /// visible items stand before it. `None` if it is something else; nothing has changed then.
    #[inline]
    fn type_on(
        &mut self,
        sequence: SequenceId,
        origins: Origins,
        (first, len): (LocalId, u32),
        said: Said,
    ) -> Option<u32> {
        let (place, run, before, right) = self.tree.recent(sequence)?;
        let (content, bytes) = said.extent();
        let span = Span::new(first, len, origins.left, origins.right, content, bytes);
        if !run.precedes(&span) || right != origins.right {
            return None;
        }
        let at = before + run.len();
        let sum = self.contents.sum(&self.ids, &span);
        self.tree.lengthen(place, &span, sum);
        Some(at)
    }

    /// Whether all of `count` items with consecutive ids are here, deleted or not.
    pub(crate) fn contains(&self, sequence: SequenceId, first: OpId, count: u64) -> bool {
        let mut at = 0;
        while at < count {
            let Some((_, here)) = self.find_run(sequence, first, at, count) else {
                return false;
            };
            at += u64::from(here);
        }
        true
    }

    /// Where the item `at` numbers behind `first` is, and how many from there on, before `count`, are in the same span.
    fn find_run(&self, sequence: SequenceId, first: OpId, at: u64, count: u64) -> Option<(Place, u32)> {
        let left = count.checked_sub(at).filter(|left| *left > 0)?;
        let (id, consecutive) = self.ids.run(OpId::new(first.replica, first.seq.checked_add(at)?))?;
        let place = self.find(sequence, id)?;
        let here = (self.tree.span(place)?.len() - place.offset).min(consecutive);
        Some((place, u32::try_from(left).map_or(here, |left| left.min(here))))
    }

    /// Whether two runs are one in the order of their ids, whichever comes first.
    pub(crate) fn continue_each_other(&self, one: &Removed, other: &Removed) -> bool {
        let (from, to) = (self.ids.op(one.first), self.ids.op(other.first));
        from.replica == to.replica
            && (from.seq + u64::from(one.len) == to.seq || to.seq + u64::from(other.len) == from.seq)
    }

    /// How many items from one on stand in one span with it, and where; `None` if it is none of this sequence.
    pub(crate) fn run(&self, sequence: SequenceId, item: LocalId) -> Option<Run> {
        let place = self.find(sequence, item)?;
        let span = self.tree.span(place)?;
        let visible = !span.is_deleted();
        let before = self.tree.items_before(place) + if visible { place.offset } else { 0 };
        Some(Run { len: span.len() - place.offset, visible, at: before as usize })
    }

    /// An item and what stands behind it, deleted or not, in runs: the first of each, and how many there are.
    pub(crate) fn runs_from(&self, sequence: SequenceId, item: LocalId) -> impl Iterator<Item = (LocalId, u32)> + '_ {
        std::iter::successors(self.find(sequence, item), |place| {
            Some(self.tree.normal(Place { index: place.index + 1, offset: 0, ..*place }))
        })
        .map_while(|place| {
            let span = self.tree.span(place)?;
            Some((span.first.plus(place.offset), span.len() - place.offset))
        })
    }

    /// What the characters of a [run](Self::run) say, deleted or not: `len` of them, from `item` on. `None` if that is not
    /// here any more.
    pub(crate) fn text_of(&self, sequence: SequenceId, item: LocalId, len: u32) -> Option<String> {
        let place = self.find(sequence, item)?;
        let span = self.tree.span(place).filter(|span| span.has_text())?;
        let byte = |offset| self.contents.byte_offset(&self.ids, span, offset) as usize;
        let text = self.contents.text(&self.ids, span);
        text.get(byte(place.offset)..byte(place.offset + len)).map(str::to_owned)
    }

    /// The same for a run of values.
    pub(crate) fn items_of(&self, sequence: SequenceId, item: LocalId, len: u32) -> Option<Vec<Item>> {
        let Place { leaf, index, offset } = self.find(sequence, item)?;
        let items = self.contents.items(&self.ids, self.tree.leaf(leaf).spans.get(index)?);
        items.get(offset as usize..(offset + len) as usize).map(<[Item]>::to_vec)
    }

    /// Inserts what was made here right before an item, deleted or not, or at the end: between what it stands then, and where.
    /// `None` if the item is none of this sequence. See [`insert`](Self::insert).
    pub(crate) fn insert_before(
        &mut self,
        sequence: SequenceId,
        item: Option<LocalId>,
        first: LocalId,
        len: u32,
        said: Said,
    ) -> Option<(Origins, usize)> {
        let place = match item {
            Some(item) => self.find(sequence, item)?,
            None => self.tree.end(sequence),
        };
        let origins = Origins { left: self.tree.previous(place), right: item };
        let before = self.tree.items_before(place);
        let at = self.put(place, before, first, len, said, origins);
        Some((origins, at as usize))
    }

    /// Takes back an insertion, as if it had never been. Nothing that came after it may be left.
    pub(crate) fn take_back(&mut self, sequence: SequenceId, first: LocalId, len: u32, said: Said) {
        let mut at = 0;
        while at < len {
            let Some(place) = self.find(sequence, first.plus(at)) else {
                debug_assert!(false, "only what was inserted is taken back");
                return;
            };
            let span = self.tree.leaf(place.leaf).spans[place.index];
            let here = (span.len() - place.offset).min(len - at);
            let (head, middle, tail) = self.cut(span, place.offset, here);
            at += here;
            let before = self.tree.items_before(place);
            let sum = self.contents.sum(&self.ids, &middle);
            self.replace(place, &[head, tail], before, Sum::default().minus(sum));
        }
        self.contents.take_back(self.ids.writer_of(first), said);
    }

    /// Takes back a deletion. Nothing that came after it may be left.
    pub(crate) fn restore(&mut self, sequence: SequenceId, removed: Removed) {
        let mut at = 0;
        while at < removed.len {
            let Some(place) = self.find(sequence, removed.first.plus(at)) else {
                debug_assert!(false, "a tombstone stays");
                return;
            };
            let span = self.tree.leaf(place.leaf).spans[place.index];
            let here = (span.len() - place.offset).min(removed.len - at);
            let (head, middle, tail) = self.cut(span, place.offset, here);
            let seen = middle.with_deleted(false);
            at += here;
            let before = self.tree.items_before(place);
            let sum = self.contents.sum(&self.ids, &seen);
            self.replace(place, &[head, Some(seen), tail], before, sum);
        }
    }

    /// The visible text, as it is kept.
    pub(crate) fn pieces(&self, sequence: SequenceId) -> impl Iterator<Item = &str> + '_ {
        let spans = self.tree.spans(sequence).filter(|span| !span.is_deleted());
        spans.map(|span| self.contents.text(&self.ids, span))
    }

    /// The visible items of a sequence of values, and what they say.
    pub(crate) fn items(&self, sequence: SequenceId) -> impl Iterator<Item = (LocalId, &Item)> + '_ {
        let spans = self.tree.spans(sequence).filter(|span| !span.is_deleted());
        spans.flat_map(|span| (0..).map(|at| span.first.plus(at)).zip(self.contents.items(&self.ids, span)))
    }

    /// All items of a sequence of values, deleted or not, and what they say, if that is here.
    pub(crate) fn slots(&self, sequence: SequenceId) -> impl Iterator<Item = (LocalId, Option<&Item>)> + '_ {
        let slots = |span: &Span| {
            (0..span.len()).map({
                let first = span.first;
                move |at| (at, first.plus(at))
            })
        };
        let says = |span: &Span, at: u32| self.contents.items(&self.ids, span).get(at as usize);
        self.tree.spans(sequence).flat_map(move |span| slots(span).map(move |(at, slot)| (slot, says(span, at))))
    }

    /// The visible item `at` of a sequence of values, of which there is one, and what it says.
    pub(crate) fn item_at(&self, sequence: SequenceId, at: usize) -> (LocalId, &Item) {
        let (place, _) = self.tree.locate(sequence, at as u32);
        let span = &self.tree.leaf(place.leaf).spans[place.index];
        (span.first.plus(place.offset), &self.contents.items(&self.ids, span)[place.offset as usize])
    }

    /// What an item of a sequence of values says, deleted or not; `None` if it is none of this sequence.
    pub(crate) fn item(&self, sequence: SequenceId, id: LocalId) -> Option<&Item> {
        let place = self.find(sequence, id)?;
        self.contents.items(&self.ids, self.tree.span(place)?).get(place.offset as usize)
    }

    /// How many visible items stand before an item; `None` if it is deleted, or none of this sequence.
    pub(crate) fn position(&self, sequence: SequenceId, id: LocalId) -> Option<usize> {
        let place = self.find(sequence, id)?;
        let seen = !self.tree.span(place)?.is_deleted();
        seen.then(|| (self.tree.items_before(place) + place.offset) as usize)
    }

    /// The visible text, as it is kept, in runs whose names are consecutive: the first one, how many, and what they say.
    pub(crate) fn named(&self, sequence: SequenceId) -> impl Iterator<Item = (OpId, u32, &str)> + '_ {
        let spans = self.tree.spans(sequence).filter(|span| !span.is_deleted());
        spans.flat_map(move |span| {
            let (mut at, mut rest) = (0, self.contents.text(&self.ids, span));
            std::iter::from_fn(move || {
                let left = span.len().checked_sub(at).filter(|left| *left > 0)?;
                let first = self.ids.op(span.first.plus(at));
                let len = self.ids.run(first).map_or(1, |(_, consecutive)| consecutive.min(left));
                let byte = rest.char_indices().nth(len as usize).map_or(rest.len(), |(byte, _)| byte);
                let (text, more) = rest.split_at(byte);
                (at, rest) = (at + len, more);
                Some((first, len, text))
            })
        })
    }

    /// The visible characters from `at` on, `count` of them; both lie inside.
    pub(crate) fn slice(&self, sequence: SequenceId, at: usize, count: usize) -> String {
        let mut out = String::new();
        if count == 0 {
            return out;
        }
        let (place, _) = self.tree.locate(sequence, at as u32);
        let mut left = count as u32;
        let mut from = place.offset;
        let mut next = place;
        while left > 0 {
            let Some(span) = self.tree.span(next) else { break };
            if !span.is_deleted() {
                let here = (span.len() - from).min(left);
                let text = self.contents.text(&self.ids, span);
                let begin = self.contents.byte_offset(&self.ids, span, from) as usize;
                let end = self.contents.byte_offset(&self.ids, span, from + here) as usize;
                out.push_str(&text[begin..end]);
                left -= here;
            }
            from = 0;
            next = self.tree.normal(Place { index: next.index + 1, offset: 0, ..next });
        }
        out
    }

    /// How much of a sequence is visible, in every unit.
    pub(crate) fn size(&self, sequence: SequenceId) -> Sum {
        self.tree.sum(sequence)
    }

    /// The visible item `at`, of which there is one.
    pub(crate) fn op_at(&self, sequence: SequenceId, at: usize) -> OpId {
        let (place, _) = self.tree.locate(sequence, at as u32);
        self.ids.op(self.tree.leaf(place.leaf).spans[place.index].first.plus(place.offset))
    }

    /// How many visible items stand before an item, and whether it is visible itself; `None` if it is none of this sequence.
    pub(crate) fn rank(&self, sequence: SequenceId, item: OpId) -> Option<(usize, bool)> {
        let place = self.find(sequence, self.ids.find(item)?)?;
        let visible = !self.tree.span(place)?.is_deleted();
        let inside = if visible { place.offset } else { 0 };
        Some(((self.tree.items_before(place) + inside) as usize, visible))
    }

    /// Everything before the item in which the unit `at` of some measure is; all of it if there are not as many.
    pub(crate) fn before_unit(&self, sequence: SequenceId, at: usize, unit: Unit) -> Sum {
        let total = self.tree.sum(sequence);
        let Some(at) = u32::try_from(at).ok().filter(|at| *at < unit.of(&total)) else { return total };
        let (leaf, mut before) = self.tree.descend(sequence, at, |sum| unit.of(sum));
        for span in &self.tree.leaf(leaf).spans {
            let sum = self.contents.sum(&self.ids, span);
            let left = at - unit.of(&before);
            if left >= unit.of(&sum) {
                before = before.plus(sum);
                continue;
            }
            if span.is_plain() {
                return before.plus(Sum { items: left, utf16: left, bytes: left });
            }
            for char in self.contents.text(&self.ids, span).chars() {
                let next = before.plus(Sum { items: 1, utf16: char.len_utf16() as u32, bytes: char.len_utf8() as u32 });
                if unit.of(&next) > at {
                    return before;
                }
                before = next;
            }
        }
        before
    }

    /// The place of an item of this sequence.
    fn find(&self, sequence: SequenceId, id: LocalId) -> Option<Place> {
        let leaf = self.tree.index.leaf(id)?;
        let there = self.tree.leaf(leaf);
        if there.sequence != sequence {
            return None;
        }
        let found = there.spans.iter().enumerate().find_map(|(index, span)| Some((index, span.offset(id)?)));
        found.map(|(index, offset)| Place { leaf, index, offset })
    }

    /// The place right after an item.
    fn after(&self, place: Place) -> Place {
        let Place { leaf, index, offset } = place;
        if offset + 1 < self.tree.leaf(leaf).spans[index].len() {
            Place { leaf, index, offset: offset + 1 }
        } else {
            Place { leaf, index: index + 1, offset: 0 }
        }
    }

    fn visible_from(&self, mut place: Place) -> Option<LocalId> {
        loop {
            let span = self.tree.span(place)?;
            if !span.is_deleted() {
                return Some(span.first);
            }
            place = self.tree.normal(Place { index: place.index + 1, offset: 0, ..place });
        }
    }

    /// Puts new items at a place, before whose span `before` visible items stand. How many stand before the new ones.
    fn put(&mut self, place: Place, before: u32, first: LocalId, len: u32, said: Said, origins: Origins) -> u32 {
        let (content, bytes) = said.extent();
        let span = Span::new(first, len, origins.left, origins.right, content, bytes);
        let sum = self.contents.sum(&self.ids, &span);
        if place.offset == 0 {
            let Self { ids, tree, contents } = self;
            tree.put(place, span, before, sum, |span| contents.sum(ids, span));
            return before;
        }
        note(Situation::InsertionSplitRun);
        let there = self.tree.leaf(place.leaf).spans[place.index];
        let (head, tail) = there.cut(place.offset, self.contents.byte_offset(&self.ids, &there, place.offset));
        let Self { ids, tree, contents } = self;
        tree.index.set(first, len, place.leaf);
        tree.rewrite(place, &[Some(head), Some(span), Some(tail)], before, sum, |span| contents.sum(ids, span));
        before + if planted(Fault::InsertionReportedAtRun) { 0 } else { head.visible() }
    }

    /// What is before `len` items of a span, these, and what is behind them.
    fn cut(&self, span: Span, offset: u32, len: u32) -> (Option<Span>, Span, Option<Span>) {
        let byte = |span: &Span, offset| self.contents.byte_offset(&self.ids, span, offset);
        let (head, rest) = match offset {
            0 => (None, span),
            _ => {
                let (head, rest) = span.cut(offset, byte(&span, offset));
                (Some(head), rest)
            }
        };
        let (middle, tail) = if len == rest.len() {
            (rest, None)
        } else {
            let (middle, tail) = rest.cut(len, byte(&rest, len));
            (middle, Some(tail))
        };
        (head, middle, tail)
    }

    /// Puts other parts in the place of a span.
    fn replace(&mut self, place: Place, parts: &[Option<Span>], before: u32, difference: Sum) {
        let Self { ids, tree, contents } = self;
        tree.rewrite(place, parts, before, difference, |span| contents.sum(ids, span));
    }

    /// What is wrong inside, for tests; of a sequence of characters, or of values.
    pub(crate) fn check(&self, sequence: SequenceId, characters: bool) -> Result<(), String> {
        self.tree.check(sequence, |span| self.contents.sum(&self.ids, span))?;
        let mut ids = Vec::new();
        for (index, span) in self.tree.spans(sequence).enumerate() {
            let says = match characters {
                true => self.contents.text(&self.ids, span).chars().count(),
                false => self.contents.items(&self.ids, span).len(),
            };
            if says != span.len() as usize && span.has_text() {
                return Err(format!("span {index} does not have the length it says"));
            }
            ids.push((span.first, span.len()));
            let here = self.find(sequence, span.first).ok_or("a span is not found")?;
            let place = |id| self.find(sequence, id).ok_or("an origin is not here");
            if span.left.map(place).transpose()?.is_some_and(|left| !self.tree.is_before(left, here)) {
                return Err(format!("span {index} stands before its left origin"));
            }
            if span.right.map(place).transpose()?.is_some_and(|right| !self.tree.is_before(here, right)) {
                return Err(format!("span {index} stands after its right origin"));
            }
        }
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0].0.plus(pair[0].1) > pair[1].0) {
            return Err("one id twice".into());
        }
        Ok(())
    }
}
