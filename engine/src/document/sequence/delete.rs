//! Deletions: items become tombstones, which stay where they are.

use super::{
    Removed, SequenceId, Sequences,
    span::Span,
    tree::{Place, Sum},
};
use crate::{
    document::local::LocalId,
    id::OpId,
    proof::{Fault, Situation, note, planted},
};

impl Sequences {
    /// Deletes the first of `count` visible items from `at` on, which lie inside, and as many more as are one run with it.
    pub(crate) fn delete(&mut self, sequence: SequenceId, at: usize, count: usize) -> Removed {
        let (place, before) = self.tree.locate(sequence, at as u32);
        let here = self.tree.leaf(place.leaf).spans[place.index].len() - place.offset;
        self.bury(place, here.min(count as u32), before)
    }

    /// Deletes `count` items with consecutive ids that stand in one span. `None` if they are not such, or deleted already.
    pub(crate) fn delete_run(&mut self, sequence: SequenceId, first: OpId, count: u64) -> Option<Removed> {
        let (place, here) = self.find_run(sequence, first, 0, count).filter(|(_, here)| u64::from(*here) == count)?;
        self.tree.span(place).filter(|span| !span.is_deleted())?;
        let before = self.tree.items_before(place);
        Some(self.bury(place, here, before))
    }

    /// Deletes `count` items with consecutive ids, which are [all here](Self::contains). The runs that were seen until
    /// now.
    pub(crate) fn delete_items(
        &mut self,
        sequence: SequenceId,
        first: OpId,
        count: u64,
        mut tell: impl FnMut(Removed),
    ) {
        let mut at = 0;
        while let Some((place, here)) = self.find_run(sequence, first, at, count) {
            at += u64::from(here);
            if self.tree.span(place).is_some_and(Span::is_deleted) {
                note(Situation::DeletedAlready);
            } else {
                let before = self.tree.items_before(place);
                tell(self.bury(place, here, before));
            }
            if at < count {
                note(Situation::DeletionOfSplitRun);
                if planted(Fault::DeletionStopsAtSplit) {
                    break;
                }
            }
        }
    }

    /// Deletes an item that is here, unless it is deleted.
    pub(crate) fn hide(&mut self, sequence: SequenceId, id: LocalId) -> Option<Removed> {
        let place =
            self.find(sequence, id).filter(|place| self.tree.span(*place).is_some_and(|span| !span.is_deleted()))?;
        let before = self.tree.items_before(place);
        Some(self.bury(place, 1, before))
    }

    /// Makes tombstones of `len` visible items of one span, from a place on.
    fn bury(&mut self, place: Place, len: u32, before: u32) -> Removed {
        self.bury_beside(place, len, before).unwrap_or_else(|| self.bury_anywhere(place, len, before))
    }

    /// The same where these are the last of their span, or the first, and a tombstone stands there that takes them in: mostly
    /// someone deletes on, backwards or forwards. `None` if they are not; nothing has changed then.
    fn bury_beside(&mut self, place: Place, len: u32, before: u32) -> Option<Removed> {
        let Place { leaf, index, offset } = place;
        let spans = &self.tree.leaf(leaf).spans;
        let span = spans[index];
        let sides = if offset == 0 { index.checked_sub(1)? } else { index }..;
        let &[mut one, mut other, ..] = &spans[sides.clone()] else { return None };
        let gone;
        if offset > 0 {
            (one, gone) = span.cut(offset, self.contents.byte_offset(&self.ids, &span, offset));
            let mut buried = gone.with_deleted(true);
            if gone.len() != len || !buried.precedes(&other) {
                return None;
            }
            buried.append(&other);
            other = buried;
        } else {
            if len == span.len() {
                return None;
            }
            (gone, other) = span.cut(len, self.contents.byte_offset(&self.ids, &span, len));
            let buried = gone.with_deleted(true);
            if !one.precedes(&buried) {
                return None;
            }
            one.append(&buried);
        }
        let sum = self.contents.sum(&self.ids, &gone);
        self.tree.shift(place, sides.start, [one, other], before, Sum::default().minus(sum));
        Some(Removed { first: gone.first, len, at: before + offset })
    }

    fn bury_anywhere(&mut self, place: Place, len: u32, before: u32) -> Removed {
        let span = self.tree.leaf(place.leaf).spans[place.index];
        let (head, middle, tail) = self.cut(span, place.offset, len);
        if head.is_some() && tail.is_some() {
            note(Situation::DeletionSplitRun);
        }
        let sum = self.contents.sum(&self.ids, &middle);
        self.replace(place, &[head, Some(middle.with_deleted(true)), tail], before, Sum::default().minus(sum));
        Removed { first: middle.first, len, at: before + place.offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::ReplicaId,
        rng::{Rng, Seed},
    };

    /// The spans of a sequence, as if it had one leaf only.
    fn spans(sequences: &Sequences, sequence: SequenceId) -> Vec<Span> {
        let mut joined: Vec<Span> = Vec::new();
        for span in sequences.tree.spans(sequence) {
            match joined.last_mut() {
                Some(last) if last.precedes(span) => last.append(span),
                _ => joined.push(*span),
            }
        }
        joined
    }

    #[test]
    fn what_a_tombstone_beside_takes_in_is_deleted_as_anything_is() {
        let mut sequences = Sequences::default();
        let sequence = sequences.begin();
        let writer = sequences.ids.writer(ReplicaId::new(1));
        let mut rng = Rng::new(Seed::from_number(11));
        let mut below = |bound: usize| (rng.next_u64() % bound as u64) as usize;
        let (mut seq, mut caret, mut beside) = (0, 0, 0);
        for _ in 0..4_000 {
            let len = sequences.len(sequence);
            if below(12) == 0 {
                caret = below(len + 1);
            }
            let text = ["a", "é", "bc", "d😀", "efg"][below(5)];
            match below(8) {
                0..4 if len < 300 => {
                    let count = text.chars().count() as u32;
                    let first = sequences.ids.give(writer, seq, count).expect("there is room");
                    let said = sequences.say_text(first, text);
                    sequences.insert(sequence, caret, first, count, said);
                    (seq, caret) = (seq + u64::from(count), caret + count as usize);
                }
                way => {
                    let count = 1 + below(3);
                    if way < 6 {
                        caret = caret.saturating_sub(count);
                    }
                    if caret + count > len {
                        continue;
                    }
                    let (place, before) = sequences.tree.locate(sequence, caret as u32);
                    let here = sequences.tree.leaf(place.leaf).spans[place.index].len() - place.offset;
                    let here = here.min(count as u32);
                    let mut other = sequences.clone();
                    let removed = other.bury_anywhere(place, here, before);
                    beside += u32::from(sequences.clone().bury_beside(place, here, before).is_some());
                    assert_eq!(sequences.bury(place, here, before), removed);
                    assert_eq!(spans(&sequences, sequence), spans(&other, sequence));
                    assert_eq!(sequences.size(sequence), other.size(sequence));
                }
            }
            sequences.check(sequence, true).expect("what was edited is whole");
        }
        assert!(beside > 100, "{beside}");
    }
}
