//! The bodies of changes, out of their columns.

use super::{
    bodies::{
        BEHIND, DELETE, DELETE_ONE, EXPECTED, FORWARDS, INDEX, INSERT, INSERT_ITEM, INSERT_ITEMS, INSERT_ONE,
        INTRODUCED, Known, NUMBERS, ON, REST, RIGHT, SAME, TEXTS, VALUE, WITHIN,
    },
    column::{Repeats, Spelled},
    hands::Hands,
    mention::{Mention, WAYS},
    replicas::Entry,
    said::Neighbours,
    value_reader::{Op, ValueReader},
    values,
    within::Within,
};
use crate::{
    causal::{Change, ChangeRuns},
    document::{
        body::form,
        stretch::{Side, TYPED_ON, push_deleted},
    },
    error::Malformed,
    id::OpId,
    packed::{Unpacker, pack_bytes, pack_number},
    proof::{Fault, planted},
};

/// Deletions beside the last.
const DELETED_BEFORE: u64 = DELETE_ONE | ON << 3;
const DELETED_BEHIND: u64 = DELETE_ONE | FORWARDS << 3;

/// Bodies that are being read.
pub(super) struct BodyReader<'a> {
    known: Known<'a>,
    hands: Hands,
    counts: Repeats,
    shapes: Spelled,
    left: Unpacker,
    right: Unpacker,
    deleted: Unpacker,
    lengths: Unpacker,
    text: Unpacker,
    raw: Unpacker,
    values: ValueReader,
}

impl<'a> BodyReader<'a> {
    pub(super) fn new(
        known: Known<'a>,
        numbers: [Unpacker; NUMBERS],
        texts: [Unpacker; TEXTS],
        values: [Unpacker; values::COLUMNS],
    ) -> Self {
        let [counts, shapes, spells, left, right, deleted, lengths] = numbers;
        let [raw, text] = texts;
        let (counts, shapes, values) = (Repeats::new(counts), Spelled::new(shapes, spells), ValueReader::new(values));
        Self { known, hands: Hands::default(), counts, shapes, left, right, deleted, lengths, text, raw, values }
    }

    /// Appends the bodies of a run of changes, of which this is the first, to those before them, all of which have no more than
    /// `most` bytes. Tells how long they are.
    pub(super) fn next_run(
        &mut self,
        (place, first, count): (u32, Change, u64),
        table: &[Entry],
        most: usize,
        out: &mut Vec<u8>,
        runs: &mut ChangeRuns,
    ) -> Result<(), Malformed> {
        let (mut change, mut left) = (first, count);
        while left > 0 {
            let alike = if change.len == 1 { self.alike((place, change.seq), left, most, out, runs)? } else { 0 };
            if alike > 0 {
                change.seq += alike;
                left -= alike;
                continue;
            }
            let from = out.len();
            self.next(&change, place, table, most, out)?;
            runs.add_sizes(out.len() - from, 1);
            change.seq = change.end();
            left -= 1;
        }
        Ok(())
    }

    /// Appends the bodies that come next of at most `left` changes and that say the same, if it can be told at once what they
    /// say; how many.
    fn alike(
        &mut self,
        (place, seq): (u32, u64),
        left: u64,
        most: usize,
        out: &mut Vec<u8>,
        runs: &mut ChangeRuns,
    ) -> Result<u64, Malformed> {
        let left = left.min((u64::MAX - 1).saturating_sub(seq)).min(most.saturating_sub(out.len()) as u64 / 2);
        if left == 0 {
            return Ok(0);
        }
        let bodies = self.counts.ahead(1, "how many operations")?;
        if bodies == 0 {
            return Ok(0);
        }
        let (shape, shapes) = self.shapes.ahead("an operation")?;
        let left = left.min(bodies).min(shapes);
        self.hands.hand(place);
        let count = match shape {
            INSERT_ONE if self.known.is_none() => {
                let letters = self.text.ascii(left as usize);
                out.extend(letters.iter().flat_map(|letter| [TYPED_ON, *letter]));
                let count = letters.len() as u64;
                if count > 0 {
                    runs.add_sizes(2, count as usize);
                    self.hands.go_on(place, seq + count);
                }
                count
            }
            DELETED_BEFORE | DELETED_BEHIND => {
                let side = if shape == DELETED_BEFORE { Side::Before } else { Side::Behind };
                let Some((first, last)) = self.hands.deleted(place) else { return Ok(0) };
                let count = left.min(self.hands.beside(place, side));
                let target = match side {
                    Side::Before => first.checked_sub(1),
                    Side::Behind => last.checked_add(1),
                };
                // Each names one that comes before it.
                let Some(target) = target.filter(|target| {
                    count > 0 && seq.checked_sub(*target).is_some_and(|back| (1..1 << 62).contains(&back))
                }) else {
                    return Ok(0);
                };
                push_deleted(out, seq, target, side, count, |size| runs.add_sizes(size, 1));
                self.hands.delete_on(place, side, count);
                count
            }
            _ => 0,
        };
        self.counts.skip(count);
        self.shapes.skip(count);
        Ok(count)
    }

    /// Appends the body of a change to those before it, all of which have no more than `most` bytes.
    pub(super) fn next(
        &mut self,
        change: &Change,
        place: u32,
        table: &[Entry],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let count = self.counts.next("how many operations")?;
        let mut seq = change.seq;
        self.hands.hand(place);
        for _ in 0..count {
            let shape = self.shapes.next("an operation")?;
            if shape == INSERT_ONE && seq < u64::MAX {
                let char = self.char(OpId::new(change.replica, seq))?;
                out.push(TYPED_ON);
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                seq += 1;
                self.hands.go_on(place, seq);
            } else if shape == REST {
                let rest = self.raw.bytes("a body")?;
                if rest.is_empty() {
                    return Err(self.raw.fault("what is left of a body"));
                }
                out.extend_from_slice(&rest);
                self.hands.other(place);
            } else {
                seq = self.operation(shape, place, OpId::new(change.replica, seq), table, most, out)?;
            }
            // Each has at least one byte, so this is not done for ever.
            if out.len() > most {
                return Err(self.too_many_bytes());
            }
        }
        Ok(())
    }

    fn too_many_bytes(&self) -> Malformed {
        self.text.fault("bodies of as many bytes as there are said to be")
    }

    /// Writes an operation as it stands in a body. The number after its last.
    fn operation(
        &mut self,
        shape: u64,
        place: u32,
        id: OpId,
        table: &[Entry],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<u64, Malformed> {
        let seq = id.seq;
        let kind = shape & 7;
        if shape >> (WITHIN + 2) != 0 && kind != VALUE {
            return Err(self.lengths.fault("a known shape"));
        }
        // What it is stands here, once that is known.
        let tag = out.len();
        out.push(0);
        let same = self.container(shape >> WITHIN & 3, place, seq, table, out)?;
        let one = seq.checked_add(1).ok_or_else(|| self.lengths.fault("numbers that fit"))?;
        let (code, end) = match kind {
            INSERT_ONE | INSERT => {
                let neighbours = self.neighbours(shape, place, seq, table, false, out)?;
                let len = if kind == INSERT { self.lengths.number("how many characters")? } else { 1 };
                let end = self.end(seq, len)?;
                if kind == INSERT_ONE {
                    let char = self.char(id)?;
                    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                } else {
                    let mut text = String::new();
                    for seq in seq..end {
                        text.push(self.char(OpId::new(id.replica, seq))?);
                    }
                    pack_bytes(out, text.as_bytes());
                }
                let goes_on = self.inserted(neighbours, place, seq, end, false);
                (if kind == INSERT_ONE { form::INSERT_ONE | goes_on } else { form::INSERT | goes_on }, end)
            }
            INSERT_ITEM => {
                let neighbours = self.neighbours(shape, place, seq, table, true, out)?;
                let (values, mut op) = self.op(place, seq, table, out);
                values.item(&mut op)?;
                (form::INSERT_ITEM | self.inserted(neighbours, place, seq, one, true), one)
            }
            INSERT_ITEMS => {
                let neighbours = self.neighbours(shape, place, seq, table, true, out)?;
                let len = self.lengths.number("how many items")?;
                let end = self.end(seq, len)?;
                pack_number(out, len);
                for _ in 0..len {
                    let (values, mut op) = self.op(place, seq, table, out);
                    values.item(&mut op)?;
                    if out.len() > most {
                        return Err(self.too_many_bytes());
                    }
                }
                (form::INSERT_ITEMS | self.inserted(neighbours, place, seq, end, true), end)
            }
            DELETE_ONE | DELETE => {
                let count = if kind == DELETE { Some(self.lengths.number("how many")?) } else { None };
                let len = count.unwrap_or(1);
                let way = shape >> 3 & WAYS;
                let expected = match way {
                    ON => self.hands.backwards(place, len),
                    FORWARDS => self.hands.forwards(place),
                    _ => None,
                };
                let hand = self.hands.hand(place);
                let first = match way {
                    ON | FORWARDS => hand.mention(expected),
                    way => Some(Mention::unpack_rest(way, hand, &mut self.deleted, table)?),
                };
                let first = first.filter(|first| *first != Mention::None && len > 0);
                let first = first.ok_or_else(|| self.deleted.fault("something to delete"))?;
                self.hands.delete(place, first, len);
                self.write(first, seq, table, out)?;
                count.iter().for_each(|count| pack_number(out, *count));
                (if count.is_some() { form::DELETE } else { form::DELETE_ONE }, one)
            }
            VALUE => {
                let (values, mut op) = self.op(place, seq, table, out);
                (values.next(shape >> 3, &mut op)?, one)
            }
            _ => return Err(self.raw.fault("a known shape")),
        };
        out[tag] = if same { code | form::SAME } else { code };
        Ok(end)
    }

    fn op<'t>(
        &'t mut self,
        place: u32,
        seq: u64,
        table: &'t [Entry],
        out: &'t mut Vec<u8>,
    ) -> (&'t mut ValueReader, Op<'t>) {
        let (numbers, bytes) = (&mut self.lengths, &mut self.raw);
        (&mut self.values, Op { hands: &mut self.hands, place, seq, table, numbers, bytes, out })
    }

    fn end(&self, seq: u64, len: u64) -> Result<u64, Malformed> {
        let end = seq.checked_add(len).filter(|end| *end > seq);
        end.ok_or_else(|| self.lengths.fault("a length that can be true"))
    }

    fn write(&self, mention: Mention, seq: u64, table: &[Entry], out: &mut Vec<u8>) -> Result<(), Malformed> {
        mention.write(out, seq, table).ok_or_else(|| self.left.fault("what can be mentioned"))
    }

    /// Writes what an operation writes to, which is named in this way. Whether that is the same as before.
    fn container(
        &mut self,
        way: u64,
        place: u32,
        seq: u64,
        table: &[Entry],
        out: &mut Vec<u8>,
    ) -> Result<bool, Malformed> {
        let hand = self.hands.hand(place);
        let within = match way {
            SAME => return Ok(true),
            INDEX => {
                let step = self.lengths.signed("a container")?;
                Within::Known(hand.within.unwrap_or_default().wrapping_add(step as u64))
            }
            INTRODUCED => {
                let within = Within::unpack(&mut self.raw, hand, table, 0)?;
                self.values.rooms().introduce(place, &within);
                within
            }
            _ => return Err(self.lengths.fault("a known way to name a container")),
        };
        let uncounted = within.introduces().saturating_sub(1);
        hand.within =
            within.index().map(|index| if planted(Fault::ParentUncounted) { index - uncounted } else { index });
        let written = within.write(out, seq, table);
        written.map(|()| false).ok_or_else(|| self.raw.fault("what can be mentioned"))
    }

    /// Writes between what something is inserted.
    fn neighbours(
        &mut self,
        shape: u64,
        place: u32,
        seq: u64,
        table: &[Entry],
        items: bool,
        out: &mut Vec<u8>,
    ) -> Result<Neighbours, Malformed> {
        let (left, right) = (shape >> 3 & WAYS, shape >> RIGHT & WAYS);
        if left == ON {
            return if right == BEHIND { Ok(None) } else { Err(self.lengths.fault("a known shape")) };
        }
        let expected = if left == EXPECTED { self.hands.expected_left(place) } else { None };
        let hand = self.hands.hand(place);
        let left = match left {
            EXPECTED => hand.mention(expected).ok_or_else(|| self.left.fault("what can be named"))?,
            way if items => self.values.beside(way, hand, table)?,
            way => Mention::unpack_rest(way, hand, &mut self.left, table)?,
        };
        let behind = hand.point(left);
        let behind = if right == BEHIND { self.hands.behind(behind) } else { None };
        let hand = self.hands.hand(place);
        let right = match right {
            BEHIND => hand.mention(behind).ok_or_else(|| self.right.fault("what can be named"))?,
            way if items => self.values.beside(way, hand, table)?,
            way => Mention::unpack_rest(way, hand, &mut self.right, table)?,
        };
        self.write(left, seq, table, out)?;
        self.write(right, seq, table, out)?;
        Ok(Some((left, right)))
    }

    /// Has it be known that something was inserted there. What its tag says of that.
    fn inserted(&mut self, neighbours: Neighbours, place: u32, seq: u64, end: u64, items: bool) -> u8 {
        match neighbours {
            Some(neighbours) => {
                self.hands.insert(place, neighbours, seq, end, items);
                0
            }
            None => {
                self.hands.go_on(place, end);
                form::CONTINUES
            }
        }
    }

    fn char(&mut self, op: OpId) -> Result<char, Malformed> {
        match self.known.and_then(|known| known(op)) {
            Some(char) => Ok(char),
            None => self.text.char(),
        }
    }
}
