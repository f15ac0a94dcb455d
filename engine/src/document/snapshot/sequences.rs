//! Runs of items, in the order of their documents, and where they were inserted.
//!
//! What is written of a run is whose it is and its first number, or which of the runs before it goes on; its length; and
//! whether it is deleted. Between what its first
//! item was inserted costs nothing in a history without concurrent edits. Both neighbours stood beside it at that moment, and
//! whatever stands between it and them now came later. So the left one is the last item of the nearest run to the left that
//! is *earlier*, and the right one the first item of the nearest earlier run to the right; a stack finds these for all runs in
//! one pass ([`suggested`]). Earlier is what comes first in the history's shape. Where others wrote at the same time that is
//! a guess; runs of which it is not true are listed with what is.

use std::collections::BTreeMap;

use super::{SnapshotFault, columns::Column, reading::Reading, writing::Writing};
use crate::{
    causal::base::Base,
    document::{
        container::Item,
        local::LocalId,
        sequence::{Items, Placed, Says, SequenceId, Sequences},
    },
    id::OpId,
    packed::{pack_number, pack_signed},
    proof::{Fault, planted},
};

/// What a run comes to in memory, at a rough estimate.
const RUN_BYTES: usize = 128;
/// As many ids are left free between two runs of a writer rather than begin a new stretch of ids.
const MOST_UNUSED: u64 = 64;

/// A run that goes on farther back is not looked for.
const FARTHEST: usize = 64;

/// A run goes on where another one of its writer was divided: it was inserted behind that one's last item, and before the
/// same item as that one.
const DIVIDED: u64 = 0;
/// The left neighbour is another one than the suggested.
const LEFT: u64 = 1;
/// The right one is.
const RIGHT: u64 = 2;

/// Where a run is in the history: which of its runs, then the number.
type Moment = (usize, u64);

/// For each run of one sequence, the nearest earlier ones to its left and to its right.
fn suggested(moments: &[Moment]) -> Vec<(Option<usize>, Option<usize>)> {
    let mut neighbours = vec![(None, None); moments.len()];
    let mut earlier: Vec<usize> = Vec::new();
    for (index, moment) in moments.iter().enumerate() {
        while let Some(last) = earlier.last().copied().filter(|last| moments[*last] > *moment) {
            neighbours[last].1 = Some(index);
            earlier.pop();
        }
        neighbours[index].0 = earlier.last().copied();
        earlier.push(index);
    }
    neighbours
}

/// Where runs end that may go on behind others, the nearest last.
///
/// A run that was divided, by what was inserted into it or deleted from it, goes on where its first part ended. What was
/// begun in between has come to its end then.
#[derive(Default)]
struct Ended {
    runs: Vec<(u64, u64)>,
}

impl Ended {
    /// How many ends back a run goes on, if it does.
    fn find(&self, writer: u64, seq: u64) -> Option<usize> {
        self.runs.iter().rev().take(FARTHEST).position(|end| *end == (writer, seq))
    }

    /// The end from which a run goes on that is so many back.
    fn back(&self, back: usize) -> Option<(u64, u64)> {
        self.runs.len().checked_sub(back + 1).map(|index| self.runs[index])
    }

    /// Another run, which goes on from that end or begins, ends here.
    fn take(&mut self, back: Option<usize>, end: (u64, u64)) {
        self.runs.truncate(back.map_or(self.runs.len(), |back| self.runs.len() - back - 1));
        self.runs.push(end);
    }
}

/// All items of a document, to be written.
#[derive(Default)]
pub(super) struct ItemsWriting {
    sequences: Vec<Vec<Items>>,
}

impl ItemsWriting {
    /// Another sequence.
    pub(super) fn add(&mut self, items: Vec<Items>) {
        self.sequences.push(items);
    }

    pub(super) fn finish(self, writing: &mut Writing<'_>) {
        let mut ends = BTreeMap::new();
        let mut last: Option<(u64, u64)> = None;
        // How many runs came before, and how many of them an exception or its absence was said of.
        let (mut before, mut told) = (0, 0);
        for items in &self.sequences {
            let mut ended = Ended::default();
            for run in items {
                let writer = writing.replica(run.first.replica);
                let back = ended.find(writer, run.first.seq);
                writing.columns.number(Column::Divided, back.map_or(0, |back| back as u64 + 1));
                let end = ends.insert(writer, run.end()).unwrap_or_default();
                if back.is_none() {
                    last = Some(match last {
                        Some((same, count)) if same == writer => (writer, count + 1),
                        other => {
                            writers(writing, other);
                            (writer, 1)
                        }
                    });
                    pack_signed(writing.columns.of(Column::Firsts), run.first.seq.wrapping_sub(end) as i64);
                }
                ended.take(back, (writer, run.end()));
                let deleted = run.deleted && !planted(Fault::SnapshotRevivesDeleted);
                writing.columns.number(Column::Lengths, u64::from(run.len) << 1 | u64::from(deleted));
            }
            let exceptions = exceptions(writing.base, items);
            for (index, exception) in exceptions {
                writing.columns.number(Column::Origins, (before + index - told) as u64);
                told = before + index + 1;
                writing.columns.of(Column::Origins).push(exception.flags as u8);
                for (flag, op) in [(LEFT, exception.left), (RIGHT, exception.right)] {
                    if exception.flags & flag != 0 {
                        origin(writing, &items[index], op);
                    }
                }
            }
            before += items.len();
        }
        writers(writing, last);
    }
}

/// Some runs one after another are the same writer's.
fn writers(writing: &mut Writing<'_>, runs: Option<(u64, u64)>) {
    if let Some((writer, count)) = runs {
        writing.columns.number(Column::Writers, writer);
        writing.columns.number(Column::Writers, count);
    }
}

struct Exception {
    flags: u64,
    left: Option<OpId>,
    right: Option<OpId>,
}

/// The runs that were not inserted between what is suggested.
fn exceptions(base: &Base, items: &[Items]) -> Vec<(usize, Exception)> {
    let moment = |run: &Items| (base.run(run.first).unwrap_or(usize::MAX), run.first.seq);
    let moments: Vec<_> = items.iter().map(moment).collect();
    let mut by_end: Vec<_> = items.iter().enumerate().map(|(index, run)| (run.last(), index)).collect();
    by_end.sort_unstable();
    let divided = |run: &Items| {
        let left = run.left.filter(|left| left.replica == run.first.replica && left.seq + 1 == run.first.seq)?;
        let found = by_end.binary_search_by_key(&left, |(last, _)| *last).ok()?;
        (items[by_end[found].1].right == run.right).then_some(())
    };
    let mut exceptions = Vec::new();
    for (index, (run, (left, right))) in items.iter().zip(suggested(&moments)).enumerate() {
        let left = left.map(|left| items[left].last()) != run.left;
        let right = right.map(|right| items[right].first) != run.right;
        if !left && !right || planted(Fault::SnapshotGuessesOrigins) {
            continue;
        }
        let flags = if divided(run).is_some() { DIVIDED } else { u64::from(left) * LEFT + u64::from(right) * RIGHT };
        exceptions.push((index, Exception { flags, left: run.left, right: run.right }));
    }
    exceptions
}

fn origin(writing: &mut Writing<'_>, run: &Items, op: Option<OpId>) {
    let Some(op) = op else { return writing.columns.number(Column::Origins, 0) };
    let writer = writing.replica(op.replica);
    let out = writing.columns.of(Column::Origins);
    pack_number(out, writer + 1);
    pack_signed(out, op.seq.wrapping_sub(run.first.seq) as i64);
}

/// All items of a document, to be read.
#[derive(Default)]
pub(super) struct ItemsReading {
    /// How many runs there are in each sequence.
    counts: Vec<usize>,
    /// What the items of each say.
    says: Vec<Content>,
}

/// What the items of a sequence say.
pub(super) enum Content {
    Text,
    Items(Vec<Item>),
    /// Those that are deleted, too.
    Slots(Vec<Item>),
}

/// A run as it was read.
#[derive(Clone, Copy)]
struct Run {
    writer: usize,
    seq: u64,
    len: u32,
    deleted: bool,
}

impl Run {
    const fn end(&self) -> u64 {
        self.seq + self.len as u64
    }
}

impl ItemsReading {
    /// Another sequence, of as many runs as it says.
    pub(super) fn expect(&mut self, columns: &mut super::columns::Reading) -> Result<(), SnapshotFault> {
        self.counts.push(columns.count(Column::Shape, "how many runs", RUN_BYTES)?);
        Ok(())
    }

    /// What the items of this sequence say.
    pub(super) fn say(&mut self, says: Content) {
        self.says.push(says);
    }

    pub(super) fn finish(
        self,
        reading: &mut Reading,
        sequences: &mut Sequences,
    ) -> Result<Vec<SequenceId>, SnapshotFault> {
        let runs = self.runs(reading)?;
        let by_number = by_number(&runs);
        let ids = give_ids(reading, sequences, &runs, &by_number)?;
        let mut items = Origins { runs: &runs, by_number: &by_number, ids: &ids, at: 0, next: None };
        let text = reading.columns.rest(Column::Text);
        let text = std::str::from_utf8(&text).map_err(|_| reading.columns.fault(Column::Text, "text in UTF-8"))?;
        let mut text = Says::Text(text);
        let mut leaves = Vec::with_capacity(runs.len());
        let mut placed = Vec::with_capacity(self.counts.len());
        for (count, says) in self.counts.into_iter().zip(&self.says) {
            let its = items.take(reading, count)?;
            let mut own = match says {
                Content::Text => text,
                Content::Items(items) => Says::Items(items),
                Content::Slots(items) => Says::Slots(items),
            };
            let sequence = sequences.place(&its, &mut own, &mut leaves);
            let sequence = if matches!(says, Content::Text) {
                text = own;
                sequence
            } else {
                sequence.filter(|_| own.is_empty())
            };
            placed.push(sequence.ok_or_else(|| reading.columns.fault(Column::Text, "something said by all items"))?);
        }
        if items.next.is_some() || !text.is_empty() {
            return Err(reading.columns.fault(Column::Text, "text for no more items than there are"));
        }
        for index in &by_number {
            sequences.find_in(ids[*index], runs[*index].len, leaves[*index]);
        }
        sequences.shrink();
        Ok(placed)
    }

    fn runs(&self, reading: &mut Reading) -> Result<Vec<Run>, SnapshotFault> {
        let all = self.counts.iter().sum::<usize>();
        // Each has a length, of at least a byte.
        if all > reading.columns.of(Column::Lengths).left() {
            return Err(reading.columns.fault(Column::Lengths, "as many runs as there are"));
        }
        let mut runs = Vec::with_capacity(all);
        let mut ends = vec![0_u64; reading.writers()];
        // The writer of the next runs that do not go on, and how many these are.
        let (mut next, mut left) = (0, 0);
        for count in &self.counts {
            let mut ended = Ended::default();
            for _ in 0..*count {
                let back = reading.columns.number(Column::Divided, "how far back a run goes on")?.checked_sub(1);
                let back = back.map(|back| usize::try_from(back).unwrap_or(usize::MAX - 1));
                let (writer, seq) = match back {
                    Some(back) => {
                        let end = ended.back(back).ok_or_else(|| reading.columns.fault(Column::Divided, "a run"))?;
                        (end.0 as usize, end.1)
                    }
                    None => {
                        if left == 0 {
                            next = reading.columns.number(Column::Writers, "a writer")?;
                            left = reading.columns.number(Column::Writers, "how many runs")?;
                        }
                        let writer = reading.writer(next).filter(|_| left > 0);
                        let (writer, _) = writer.ok_or_else(|| reading.columns.fault(Column::Writers, "a writer"))?;
                        left -= 1;
                        (
                            writer,
                            ends[writer].wrapping_add(reading.columns.of(Column::Firsts).signed("a number")? as u64),
                        )
                    }
                };
                let length = reading.columns.number(Column::Lengths, "a length")?;
                let len = u32::try_from(length >> 1).ok().filter(|len| *len > 0);
                let end = len.and_then(|len| seq.checked_add(len.into()));
                let (Some(len), Some(end)) = (len, end.filter(|end| *end <= reading.next_of(writer))) else {
                    return Err(reading.columns.fault(Column::Lengths, "items that are covered"));
                };
                ends[writer] = end;
                ended.take(back, (writer as u64, end));
                runs.push(Run { writer, seq, len, deleted: length & 1 != 0 });
            }
        }
        if left > 0 {
            return Err(reading.columns.fault(Column::Writers, "as many runs as there are"));
        }
        Ok(runs)
    }
}

/// The runs in the order of their writers and numbers.
fn by_number(runs: &[Run]) -> Vec<usize> {
    // As one number each these are sorted in half the time.
    let key = |(index, run): (usize, &Run)| (run.writer as u128) << 96 | u128::from(run.seq) << 32 | index as u128;
    let mut keys: Vec<_> = runs.iter().enumerate().map(key).collect();
    keys.sort_unstable();
    keys.into_iter().map(|key| key as u32 as usize).collect()
}

/// Gives all items ids, those of one writer as far as possible one after another. The first of each run.
fn give_ids(
    reading: &mut Reading,
    sequences: &mut Sequences,
    runs: &[Run],
    by_number: &[usize],
) -> Result<Vec<LocalId>, SnapshotFault> {
    let mut ids: Vec<Option<LocalId>> = vec![None; runs.len()];
    let fault = |reading: &Reading, what| reading.columns.fault(Column::Firsts, what);
    let mut rest = by_number;
    while let Some((first, _)) = rest.split_first() {
        let Run { writer, seq: begin, .. } = runs[*first];
        let mut end = begin;
        let mut count = 0;
        for index in rest {
            let run = &runs[*index];
            if run.writer != writer || run.seq > end.saturating_add(MOST_UNUSED) {
                break;
            }
            if run.seq < end {
                return Err(fault(reading, "items of which each is there once"));
            }
            (end, count) = (run.end(), count + 1);
        }
        // Half a byte for each item, whatever it says.
        let len = end - begin;
        reading.columns.budget().take(usize::try_from(len / 2).unwrap_or(usize::MAX))?;
        let (some, after) = rest.split_at(count);
        let local = reading.writer(writer as u64).map(|(_, replica)| sequences.ids.writer(replica));
        let len = u32::try_from(len).ok();
        let given = local.zip(len).and_then(|(local, len)| sequences.ids.give_stretch(local, begin, len));
        let given = given.ok_or_else(|| fault(reading, "fewer items"))?;
        for index in some {
            ids[*index] = Some(given.plus((runs[*index].seq - begin) as u32));
        }
        rest = after;
    }
    ids.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| fault(reading, "items"))
}

/// Finds out where runs were inserted, sequence by sequence.
struct Origins<'a> {
    runs: &'a [Run],
    by_number: &'a [usize],
    ids: &'a [LocalId],
    /// How many runs are in the sequences before.
    at: usize,
    /// The next exception: how many runs it is away.
    next: Option<usize>,
}

/// An item as a neighbour: which run it is in, and its id.
type Neighbour = Option<(usize, LocalId)>;

impl Origins<'_> {
    /// The items of the next sequence, of `count` runs.
    fn take(&mut self, reading: &mut Reading, count: usize) -> Result<Vec<Placed>, SnapshotFault> {
        let (from, to) = (self.at, self.at + count);
        let (runs, ids) = (self.runs, self.ids);
        let moments = moments(reading, &runs[from..to]);
        let suggested = suggested(&moments);
        let mut neighbours: Vec<(Neighbour, Neighbour)> = Vec::with_capacity(count);
        let mut placed = Vec::with_capacity(count);
        for (index, (left, right)) in suggested.into_iter().enumerate() {
            let index = from + index;
            let Run { len, deleted, .. } = runs[index];
            let left = left.map(|left| (from + left, ids[from + left].plus(runs[from + left].len - 1)));
            let right = right.map(|right| (from + right, ids[from + right]));
            let (left, right) = match self.exception(reading, index)? {
                None => (left, right),
                Some(DIVIDED) => {
                    let before = self.divided(reading, from, index)?;
                    (before, before.and_then(|(run, _)| neighbours[run - from].1))
                }
                Some(flags) => {
                    let left = if flags & LEFT != 0 { self.neighbour(reading, index)? } else { left };
                    let right = if flags & RIGHT != 0 { self.neighbour(reading, index)? } else { right };
                    (left, right)
                }
            };
            let in_order = left.is_none_or(|(run, _)| (from..index).contains(&run))
                && right.is_none_or(|(run, _)| (index + 1..to).contains(&run));
            if !in_order {
                return Err(reading.columns.fault(Column::Origins, "neighbours on either side"));
            }
            neighbours.push((left, right));
            let id = |neighbour: Neighbour| neighbour.map(|(_, id)| id);
            placed.push(Placed { first: ids[index], len, deleted, left: id(left), right: id(right) });
        }
        self.at = to;
        Ok(placed)
    }

    /// What is said of a run, if it is one of those of which something is.
    fn exception(&mut self, reading: &mut Reading, index: usize) -> Result<Option<u64>, SnapshotFault> {
        let column = reading.columns.of(Column::Origins);
        let next = match self.next {
            Some(next) => next,
            None if column.left() == 0 => return Ok(None),
            None => {
                let away = usize::try_from(column.number("a run")?).ok();
                let next = away.and_then(|away| index.checked_add(away)).filter(|next| *next < self.runs.len());
                next.ok_or_else(|| column.fault("a run that is there"))?
            }
        };
        self.next = (next != index).then_some(next);
        if next != index {
            return Ok(None);
        }
        let flags = column.byte("what is different")?;
        if flags > 3 { Err(column.fault("what is different").into()) } else { Ok(Some(flags.into())) }
    }

    /// The item before a run's first one, of the same writer, if that stands before it too.
    fn divided(&self, reading: &Reading, from: usize, index: usize) -> Result<Neighbour, SnapshotFault> {
        let Run { writer, seq, .. } = self.runs[index];
        let before = seq.checked_sub(1).and_then(|seq| self.find(writer, seq));
        let before = before.filter(|(run, _)| (from..index).contains(run));
        before.map(Some).ok_or_else(|| reading.columns.fault(Column::Origins, "a run that was divided"))
    }

    fn neighbour(&self, reading: &mut Reading, index: usize) -> Result<Neighbour, SnapshotFault> {
        let column = reading.columns.of(Column::Origins);
        let Some(writer) = column.number("a writer")?.checked_sub(1) else { return Ok(None) };
        let back = column.signed("a number")?;
        let fault = column.fault("an item");
        let (writer, _) = reading.writer(writer).ok_or(fault)?;
        let item = self.find(writer, self.runs[index].seq.wrapping_add(back as u64));
        item.map(Some).ok_or_else(|| fault.into())
    }

    fn find(&self, writer: usize, seq: u64) -> Option<(usize, LocalId)> {
        let key = |index: &usize| (self.runs[*index].writer, self.runs[*index].seq);
        let after = self.by_number.partition_point(|index| key(index) <= (writer, seq));
        let index = self.by_number[after.checked_sub(1)?];
        let run = &self.runs[index];
        (run.writer == writer && seq < run.end()).then(|| (index, self.ids[index].plus((seq - run.seq) as u32)))
    }
}

fn moments(reading: &Reading, runs: &[Run]) -> Vec<Moment> {
    let of = |run: &Run| {
        let replica = reading.writer(run.writer as u64).map(|(_, replica)| replica);
        let moment = replica.and_then(|replica| reading.base.run(OpId::new(replica, run.seq)));
        (moment.unwrap_or(usize::MAX), run.seq)
    };
    runs.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::{ContainerId, ContainerKind, Document, EditError},
        id::ReplicaId,
        limits::Limits,
        replica::Replica,
        rng::{Rng, Seed},
        time::Wall,
    };

    /// How many runs there are, and of how many something has to be said.
    fn counted(document: &Document) -> (usize, usize) {
        let base = document.log.shape();
        let sequence = document.state.sequence(&ContainerId::root(ContainerKind::Text, "text")).expect("a text");
        let items = document.state.sequences.runs(sequence);
        (items.len(), exceptions(&base, &items).len())
    }

    #[test]
    fn in_a_history_without_concurrent_edits_nothing_need_be_said_of_origins() {
        let mut rng = Rng::new(Seed::from_number(1));
        let mut below = |bound: usize| (rng.next_u64() % bound as u64) as usize;
        let mut people = [1, 2].map(|replica| Document::new(ReplicaId::new(replica)));
        for _ in 0..600 {
            let who = below(2);
            let edited = people[who].edit::<_, EditError>(Wall::from_millis(1), |txn| {
                let len = txn.text("text").len();
                let at = below(len + 1);
                txn.text("text").delete(at, below(4).min(len - at))?;
                txn.text("text").insert(at, ["", "a", "bc"][below(3)])
            });
            let Some(change) = edited.expect("edits inside").change else { continue };
            people[1 - who].receive(change, &Limits::default()).expect("a good header");
        }
        let (runs, exceptions) = counted(&people[0]);
        assert!(runs > 100 && exceptions == 0, "{exceptions} of {runs}");
    }
}
