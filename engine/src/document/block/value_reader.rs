//! Operations on values, out of their columns.

use super::{
    column::{Planed, Repeats, unzigzag},
    forms,
    hands::{Hand, Hands},
    mention::{Mention, OWN, WAYS},
    replicas::{Entry, Point, Who},
    rooms::{Rooms, Slot},
    valued::{Field, fields, nests},
    values::{
        BYTES, CHILD, COLUMNS, EXPECTED, FLIP, FLOAT, KINDS, LONGEST_WORD, NEAR_LAST, NEAR_SLOT, NEW, ONE, SEVERAL,
        TEXT, WAYS_AT, WORD,
    },
};
use crate::{
    document::body::form::{ADD, REMOVE},
    error::Malformed,
    packed::{Unpacker, pack_bytes, pack_number},
    proof::{Fault, planted},
};

/// Operations on values that are being read.
pub(super) struct ValueReader {
    rooms: Rooms,
    words: Words,
    last_key: Vec<u8>,
    last_text: Vec<u8>,
    /// The last value.
    value: Vec<u8>,
    slots: Planed,
    new_slots: Unpacker,
    shared: Repeats,
    lengths: Repeats,
    letters: Unpacker,
    forms: Repeats,
    integers: Repeats,
    fixed: Unpacker,
    own: Planed,
    others: Unpacker,
}

/// Words one behind the other.
#[derive(Default)]
struct Words {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Words {
    fn get(&self, word: usize) -> Option<&[u8]> {
        let from = word.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before))?;
        Some(&self.bytes[*from..*self.ends.get(word)?])
    }

    fn push(&mut self, word: &[u8]) {
        self.bytes.extend_from_slice(word);
        self.ends.push(self.bytes.len());
    }
}

/// An operation that is being read, and what it is read with.
pub(super) struct Op<'a> {
    pub(super) hands: &'a mut Hands,
    pub(super) place: u32,
    pub(super) seq: u64,
    pub(super) table: &'a [Entry],
    /// Columns that operations on values share with others.
    pub(super) numbers: &'a mut Unpacker,
    pub(super) bytes: &'a mut Unpacker,
    pub(super) out: &'a mut Vec<u8>,
}

impl Op<'_> {
    fn hand(&mut self) -> &mut Hand {
        self.hands.hand(self.place)
    }

    /// Writes a mention as it stands in a body.
    fn write(&mut self, mention: Mention) -> Result<(), Malformed> {
        let written = mention.write(self.out, self.seq, self.table);
        written.ok_or_else(|| self.numbers.fault("what can be mentioned"))
    }
}

impl ValueReader {
    pub(super) fn new(columns: [Unpacker; COLUMNS]) -> Self {
        let [
            slots,
            slots_middle,
            slots_high,
            new_slots,
            shared,
            lengths,
            letters,
            forms,
            integers,
            fixed,
            own,
            own_middle,
            own_high,
            others,
        ] = columns;
        Self {
            rooms: Rooms::default(),
            words: Words::default(),
            last_key: Vec::new(),
            last_text: Vec::new(),
            value: Vec::new(),
            slots: Planed::new(slots, slots_middle, slots_high),
            new_slots,
            shared: Repeats::new(shared),
            lengths: Repeats::new(lengths),
            letters,
            forms: Repeats::new(forms),
            integers: Repeats::new(integers),
            fixed,
            own: Planed::new(own, own_middle, own_high),
            others,
        }
    }

    pub(super) const fn rooms(&mut self) -> &mut Rooms {
        &mut self.rooms
    }

    /// Writes the fields of an operation of this shape, which is without its lowest three bits. Its kind.
    pub(super) fn next(&mut self, shape: u64, op: &mut Op<'_>) -> Result<u8, Malformed> {
        let within = op.hand().within;
        let room = self.rooms.find(op.place, within);
        let code = (shape & u64::from(FLIP)) as u8;
        if code == FLIP {
            return self.flip(room, op);
        }
        let fields = fields(code).ok_or_else(|| self.others.fault("a known shape"))?;
        let mut ways = shape >> WAYS_AT;
        let (mut slot, mut about, mut left) = (None, Mention::None, Mention::None);
        for field in fields {
            let way = ways & WAYS;
            match field {
                Field::Key | Field::Element => {
                    let at = self.slot(*field == Field::Element, room, op)?;
                    self.write_key(room, at, op.out);
                    slot = Some(at);
                    continue;
                }
                Field::Value => {
                    self.value(room, slot, true, op)?;
                    pack_bytes(op.out, &self.value);
                    continue;
                }
                Field::Number => {
                    let number =
                        if nests(code) { op.numbers.number("a kind")? } else { self.integers.next("how much")? };
                    pack_number(op.out, number);
                    continue;
                }
                Field::Over => {
                    let tag = self.tag(room, slot);
                    let near = op.seq;
                    about = self.mention(way, tag, near, op.hands.hand(op.place), op.table)?;
                    op.write(about)?;
                }
                Field::Item => {
                    let hand = op.hands.hand(op.place);
                    about = self.mention(way, hand.item, hand.near(), hand, op.table)?;
                    op.write(about)?;
                }
                Field::Left => {
                    let expected = op.hands.expected_left(op.place);
                    let hand = op.hands.hand(op.place);
                    left = self.mention(way, expected, hand.near(), hand, op.table)?;
                    op.write(left)?;
                }
                Field::Right => {
                    let behind = op.hand().point(left);
                    let behind = op.hands.behind(behind);
                    let hand = op.hands.hand(op.place);
                    let right = self.mention(way, behind, hand.near(), hand, op.table)?;
                    op.write(right)?;
                    op.hands.insert(op.place, (left, right), op.seq, op.seq + 1, true);
                }
                Field::Tags => self.tags(way, room, slot, op)?,
            }
            ways >>= 3;
        }
        match slot {
            Some(slot) => self.rooms.room(room).slots[slot].tag = Some(own(op)),
            None => op.hands.note_item(op.place, about),
        }
        Ok(code)
    }

    /// What is there is removed, and what is not is added.
    fn flip(&mut self, room: usize, op: &mut Op<'_>) -> Result<u8, Malformed> {
        let slot = self.slot(true, room, op)?;
        let tag = self.tag(room, Some(slot));
        let removed = op.hand().expected(tag);
        if removed.is_none() || !planted(Fault::FlippedOnce) {
            self.rooms.room(room).slots[slot].tag = removed.is_none().then(|| own(op));
        }
        let Some(removed) = removed else {
            self.write_key(room, slot, op.out);
            pack_number(op.out, 0);
            return Ok(ADD);
        };
        pack_number(op.out, 1);
        op.write(removed)?;
        Ok(REMOVE)
    }

    fn write_key(&mut self, room: usize, slot: usize, out: &mut Vec<u8>) {
        let word = self.rooms.room(room).slots[slot].word;
        pack_bytes(out, self.words.get(word).unwrap_or_default());
    }

    fn tags(&mut self, way: u64, room: usize, slot: Option<usize>, op: &mut Op<'_>) -> Result<(), Malformed> {
        let tag = match way {
            EXPECTED => {
                let expected = self.tag(room, slot);
                op.hand().expected(expected)
            }
            SEVERAL => {
                let count = op.numbers.number("how many tags")?;
                pack_number(op.out, count);
                for _ in 0..count {
                    let table = op.table;
                    let tag = Mention::unpack(&mut self.others, op.hand(), table)?;
                    op.write(tag)?;
                }
                return Ok(());
            }
            way => {
                let near = op.seq;
                Some(self.mention(way, None, near, op.hands.hand(op.place), op.table)?)
                    .filter(|tag| *tag != Mention::None)
            }
        };
        pack_number(op.out, tag.is_some().into());
        tag.map_or(Ok(()), |tag| op.write(tag))
    }

    fn tag(&mut self, room: usize, slot: Option<usize>) -> Option<Point> {
        self.rooms.room(room).slots[slot?].tag
    }

    /// An operation that is mentioned in this way.
    fn mention(
        &mut self,
        way: u64,
        expected: Option<Point>,
        near: u64,
        hand: &mut Hand,
        table: &[Entry],
    ) -> Result<Mention, Malformed> {
        let mention = match way {
            EXPECTED => {
                return hand.expected(expected).ok_or_else(|| self.others.fault("something to expect"));
            }
            OWN => Mention::Own { seq: near.wrapping_sub(unzigzag(self.own.next("an operation")?) as u64) },
            way => Mention::unpack_rest(way, hand, &mut self.others, table)?,
        };
        hand.touch_other(mention);
        Ok(mention)
    }

    /// What stands beside something that is inserted, and is mentioned in this way.
    pub(super) fn beside(&mut self, way: u64, hand: &mut Hand, table: &[Entry]) -> Result<Mention, Malformed> {
        let near = hand.near();
        self.mention(way, None, near, hand, table)
    }

    fn slot(&mut self, is_element: bool, room: usize, op: &mut Op<'_>) -> Result<usize, Malformed> {
        let number = self.slots.next("a key")?;
        if number != NEW {
            let slot = index(number).filter(|slot| *slot < self.rooms.room(room).slots.len());
            return slot.ok_or_else(|| self.new_slots.fault("a key that there is"));
        }
        let known = self.new_slots.number("a word")?;
        let new = self.words.ends.len();
        let word = if known == NEW { Some(new) } else { index(known).filter(|word| *word < new) };
        let word = word.ok_or_else(|| self.new_slots.fault("a word that there is"))?;
        let slots = &mut self.rooms.room(room).slots;
        let slot = slots.len();
        slots.push(Slot { word, number: 0, tag: None });
        if known == NEW {
            if is_element {
                self.value(room, Some(slot), false, op)?;
                self.words.push(&self.value);
            } else {
                self.letters(true)?;
                self.words.push(&self.last_key);
            }
        }
        Ok(slot)
    }

    /// Makes the last key, or the last text, what it is next.
    fn letters(&mut self, is_key: bool) -> Result<(), Malformed> {
        let last = if is_key { &mut self.last_key } else { &mut self.last_text };
        let shared = self.shared.next("how much of a word is that of the last one")?;
        let len = self.lengths.next("how long a word is")?;
        let rest = self.letters.slice(len, "a word")?;
        let shared = usize::try_from(shared).ok().filter(|shared| *shared <= last.len());
        last.truncate(shared.ok_or_else(|| self.letters.fault("a word that is as long as what is shared"))?);
        last.extend_from_slice(&rest);
        Ok(())
    }

    /// Reads a value.
    fn value(&mut self, room: usize, slot: Option<usize>, keep: bool, op: &mut Op<'_>) -> Result<(), Malformed> {
        let form = self.forms.next("a value's form")?;
        self.value_of(form, room, slot, keep, op)
    }

    fn value_of(
        &mut self,
        form: u64,
        room: usize,
        slot: Option<usize>,
        keep: bool,
        op: &mut Op<'_>,
    ) -> Result<(), Malformed> {
        self.value.clear();
        let value = &mut self.value;
        match form {
            BYTES => value.extend_from_slice(&op.bytes.bytes("a value")?),
            ONE => value.push(self.fixed.byte("a value")?),
            FLOAT => forms::push_float(value, self.fixed.eight("a value")?.to_be_bytes()),
            NEAR_LAST | NEAR_SLOT => {
                let room = self.rooms.room(room);
                let last = match slot {
                    Some(slot) if form == NEAR_SLOT && !planted(Fault::IntegersOfKeysConfused) => {
                        room.slots[slot].number
                    }
                    None if form == NEAR_SLOT => return Err(self.fixed.fault("a key")),
                    _ => room.number,
                };
                let number = last.wrapping_add(unzigzag(self.integers.next("an integer")?));
                room.number = number;
                slot.iter().for_each(|slot| room.slots[*slot].number = number);
                forms::push_integer(value, number);
            }
            TEXT => {
                self.letters(false)?;
                forms::push_text(&mut self.value, &self.last_text);
                if (keep || planted(Fault::ElementsCountedTwice)) && self.value.len() <= LONGEST_WORD {
                    self.words.push(&self.value);
                }
            }
            WORD => {
                let word = index(self.new_slots.number("a word")?).and_then(|word| self.words.get(word));
                value.extend_from_slice(word.ok_or_else(|| self.new_slots.fault("a word that there is"))?);
            }
            _ => return Err(self.fixed.fault("a known form")),
        }
        Ok(())
    }

    /// Writes the next item of a list.
    pub(super) fn item(&mut self, op: &mut Op<'_>) -> Result<(), Malformed> {
        let form = self.forms.next("an item's form")?;
        if let Some(kind) = form.checked_sub(CHILD).filter(|kind| *kind < KINDS) {
            pack_number(op.out, 2 * kind + 1);
            return Ok(());
        }
        let within = op.hand().within;
        let room = self.rooms.find(op.place, within);
        self.value_of(form, room, None, true, op)?;
        pack_number(op.out, 2 * self.value.len() as u64);
        op.out.extend_from_slice(&self.value);
        Ok(())
    }
}

fn index(number: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

fn own(op: &Op<'_>) -> Point {
    Point { who: Who::named(op.place), seq: op.seq }
}
