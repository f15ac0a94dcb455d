//! The bodies of changes, out of their columns.

use super::{
    bodies::{
        BEHIND, DELETE, DELETE_ONE, EXPECTED, FORWARDS, INDEX, INSERT, INSERT_ONE, INTRODUCED, KNOWN, Known, NEW, NONE,
        NUMBERS, ON, OWN, REST, RIGHT, SAME, TEXT_IN, TEXTS,
    },
    column::{Repeats, Spelled},
    hands::{Hand, Hands, Mention},
    replicas::{Entry, INDICES},
    said::{Inserted, Said, TextIn},
};
use crate::{
    causal::{Change, ChangeRuns},
    document::stretch::{Side, TYPED_ON, push_deleted},
    error::Malformed,
    id::OpId,
    packed::Unpacker,
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
}

impl<'a> BodyReader<'a> {
    pub(super) fn new(known: Known<'a>, numbers: [Unpacker; NUMBERS], texts: [Unpacker; TEXTS]) -> Self {
        let [counts, values, spells, left, right, deleted, lengths] = numbers;
        let [raw, text] = texts;
        let (counts, shapes) = (Repeats::new(counts), Spelled::new(values, spells));
        Self { known, hands: Hands::default(), counts, shapes, left, right, deleted, lengths, text, raw }
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
                seq = self.operation(shape, place, OpId::new(change.replica, seq), table, out)?;
            }
            // Each has at least one byte, so this is not done for ever.
            if out.len() > most {
                return Err(self.text.fault("bodies of as many bytes as there are said to be"));
            }
        }
        Ok(())
    }

    fn operation(
        &mut self,
        shape: u64,
        place: u32,
        op: OpId,
        table: &[Entry],
        out: &mut Vec<u8>,
    ) -> Result<u64, Malformed> {
        let seq = op.seq;
        let text_in = match shape >> TEXT_IN {
            SAME => TextIn::Same,
            INDEX => TextIn::Known(self.lengths.number("a container")?),
            INTRODUCED => TextIn::New(self.raw.bytes("a container")?),
            _ => return Err(self.raw.fault("a known shape")),
        };
        let (left, right) = (shape >> 3 & 7, shape >> RIGHT & 7);
        let (said, end) = match shape & 7 {
            kind @ (INSERT_ONE | INSERT) => {
                let neighbours = if left == ON && right == BEHIND {
                    None
                } else {
                    let expected = self.hands.expected_left(place);
                    let hand = self.hands.hand(place);
                    let left = match left {
                        EXPECTED => hand.mention(expected).ok_or_else(|| self.left.fault("what can be named"))?,
                        mode => unpack_mention(mode, hand, &mut self.left, table)?,
                    };
                    let behind = hand.point(left);
                    let behind = self.hands.behind(behind);
                    let hand = self.hands.hand(place);
                    let right = match right {
                        BEHIND => hand.mention(behind).ok_or_else(|| self.right.fault("what can be named"))?,
                        mode => unpack_mention(mode, hand, &mut self.right, table)?,
                    };
                    Some((left, right))
                };
                let len = if kind == INSERT { self.lengths.number("how many characters")? } else { 1 };
                let end = seq.checked_add(len).filter(|end| *end > seq);
                let end = end.ok_or_else(|| self.lengths.fault("a length that can be true"))?;
                let text = if kind == INSERT_ONE {
                    Inserted::One(self.char(op)?)
                } else {
                    let mut text = String::new();
                    for seq in seq..end {
                        text.push(self.char(OpId::new(op.replica, seq))?);
                    }
                    Inserted::Many(text)
                };
                match neighbours {
                    Some((left, right)) => self.hands.insert(place, left, right, seq, end),
                    None => self.hands.go_on(place, end),
                }
                (Said::Insert { text_in, neighbours, text }, end)
            }
            kind @ (DELETE_ONE | DELETE) => {
                let count = if kind == DELETE { Some(self.lengths.number("how many")?) } else { None };
                let len = count.unwrap_or(1);
                let expected = match left {
                    ON => self.hands.backwards(place, len),
                    FORWARDS => self.hands.forwards(place),
                    _ => None,
                };
                let hand = self.hands.hand(place);
                let first = match left {
                    ON | FORWARDS => hand.mention(expected),
                    mode => Some(unpack_mention(mode, hand, &mut self.deleted, table)?),
                };
                let first = first.filter(|first| *first != Mention::None && len > 0);
                let first = first.ok_or_else(|| self.deleted.fault("something to delete"))?;
                let end = seq.checked_add(1).ok_or_else(|| self.deleted.fault("numbers that fit"))?;
                self.hands.delete(place, first, len);
                (Said::Delete { text_in, first, count }, end)
            }
            _ => return Err(self.raw.fault("a known shape")),
        };
        let written = said.write(out, seq, |place| table[place as usize].id);
        written.map(|()| end).ok_or_else(|| self.left.fault("what can be named"))
    }

    fn char(&mut self, op: OpId) -> Result<char, Malformed> {
        match self.known.and_then(|known| known(op)) {
            Some(char) => Ok(char),
            None => self.text.char(),
        }
    }
}

fn unpack_mention(mode: u64, hand: &mut Hand, bytes: &mut Unpacker, table: &[Entry]) -> Result<Mention, Malformed> {
    Ok(match mode {
        NONE => Mention::None,
        OWN => Mention::Own { seq: hand.near().wrapping_sub(bytes.signed("an operation")? as u64) },
        KNOWN => {
            let index = index(bytes)?;
            Mention::Known { index, seq: hand.near_other(index).wrapping_sub(bytes.signed("an operation")? as u64) }
        }
        NEW => {
            let index = index(bytes)?;
            let place = u32::try_from(bytes.number("a replica")?).ok().filter(|place| (*place as usize) < table.len());
            let new = place.and_then(|place| hand.introduce(index, place).map(|()| place));
            let place = new.ok_or_else(|| bytes.fault("a replica that is new"))?;
            let seq = bytes.number("an operation")?;
            if planted(Fault::IntroductionLost) {
                Mention::Known { index, seq }
            } else {
                Mention::New { index, place, seq }
            }
        }
        _ => return Err(bytes.fault("a known shape")),
    })
}

fn index(bytes: &mut Unpacker) -> Result<u64, Malformed> {
    let index = bytes.number("an index")?;
    if index < INDICES { Ok(index) } else { Err(bytes.fault("an index that can be written")) }
}
