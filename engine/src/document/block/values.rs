//! Operations on values as columns, and how they are written.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    column::{Planes, Runs, zigzag},
    forms::Form,
    hands::{Hand, Hands},
    mention::Mention,
    notes::Notes,
    replicas::{Point, Who},
    rooms::{Rooms, Slot},
    valued::{Field, Item, Valued, fields, nests},
};
use crate::{
    document::body::form::{ADD, MOVE, REMOVE},
    packed::{pack_bytes, pack_number, packed_len},
};

/// How many columns there are.
pub(super) const COLUMNS: usize = 14;

/// The bits of a shape, without its lowest three, where the ways begin in which operations are mentioned.
pub(super) const WAYS_AT: u32 = 8;

/// In place of a kind: what is there is removed, and what is not is added.
pub(super) const FLIP: u8 = 63;
/// In place of a way to name an operation: what is expected.
pub(super) const EXPECTED: u64 = 0;
/// The same: any number of tags, each with its way.
pub(super) const SEVERAL: u64 = 6;

/// In place of a slot or a word, the numbers of which are one greater than their indices: one that was not there.
pub(super) const NEW: u64 = 0;

// The forms of values.
pub(super) const BYTES: u64 = 0;
pub(super) const ONE: u64 = 1;
pub(super) const FLOAT: u64 = 2;
pub(super) const NEAR_LAST: u64 = 3;
pub(super) const NEAR_SLOT: u64 = 4;
pub(super) const TEXT: u64 = 5;
pub(super) const WORD: u64 = 6;
/// Container kinds are added to this.
pub(super) const CHILD: u64 = 8;
/// Only those below this.
pub(super) const KINDS: u64 = 56;

/// So many letters fewer may be shared with the last word than could be, if that is as many as were with the one before.
const SOME: usize = 3;

/// Texts of values are kept to be mentioned again if they are not longer than this in CBOR.
pub(super) const LONGEST_WORD: usize = 32;

/// A key, an element or a text, to be found again. What it is is looked at only where a number made of it is the same: most begin
/// alike, and are compared letter by letter then.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    number: u64,
    bytes: Bytes,
}

impl Word {
    fn of(bytes: Bytes) -> Self {
        let mix = |number: u64, more: u64| (number.rotate_left(26) ^ more).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut eights = bytes.chunks_exact(8);
        let number = eights
            .by_ref()
            .filter_map(|eight| eight.first_chunk())
            .fold(bytes.len() as u64, |number, eight| mix(number, u64::from_le_bytes(*eight)));
        let rest = eights.remainder().iter().fold(0, |rest, byte| rest << 8 | u64::from(*byte));
        Self { number: mix(number, rest), bytes }
    }
}

/// Operations on values that are being written.
#[derive(Default)]
pub(super) struct Values {
    rooms: Rooms,
    /// The slots of each room by their words.
    slots_by_word: Vec<BTreeMap<Word, usize>>,
    /// By tag the room and the slot.
    tagged: Notes<(usize, usize)>,
    words: BTreeMap<Word, usize>,
    last_key: Bytes,
    last_text: Bytes,
    last_form: u64,
    last_shared: usize,
    slots: Planes,
    new_slots: Vec<u8>,
    shared: Runs,
    lengths: Runs,
    letters: Vec<u8>,
    forms: Runs,
    integers: Runs,
    fixed: Vec<u8>,
    own: Planes,
    others: Vec<u8>,
}

/// Columns that operations on values share with others: numbers, and bytes.
pub(super) struct Common<'a> {
    pub(super) numbers: &'a mut Vec<u8>,
    pub(super) bytes: &'a mut Vec<u8>,
}

impl Values {
    pub(super) const fn rooms(&mut self) -> &mut Rooms {
        &mut self.rooms
    }

    /// Writes an operation, and has it be known. Its shape, but for the container.
    pub(super) fn push(
        &mut self,
        mut valued: Valued,
        hands: &mut Hands,
        place: u32,
        seq: u64,
        common: &mut Common<'_>,
    ) -> u64 {
        let room = self.rooms.find(place, hands.hand(place).within);
        let own = Point { who: Who::named(place), seq };
        if let Some(slot) = self.removed(&valued, hands, place, room) {
            self.slots.push(slot as u64 + 1);
            self.rooms.room(room).slots[slot].tag = None;
            return u64::from(FLIP);
        }
        let (mut slot, mut ways, mut count) = (None, 0, 0);
        let mut kind = valued.kind;
        for field in fields(valued.kind).unwrap_or_default() {
            let way = match field {
                Field::Key | Field::Element => {
                    let key = std::mem::take(&mut valued.key);
                    slot = Some(self.slot(key, *field == Field::Element, room, common));
                    continue;
                }
                Field::Value => {
                    self.value(&valued.value, room, slot, true, common);
                    continue;
                }
                Field::Number if nests(valued.kind) => {
                    pack_number(common.numbers, valued.number);
                    continue;
                }
                Field::Number => {
                    self.integers.push(valued.number);
                    continue;
                }
                Field::Over => {
                    let tag = self.tag(room, slot);
                    self.mention(valued.about, tag, hands.hand(place), seq)
                }
                Field::Item => {
                    let hand = hands.hand(place);
                    self.mention(valued.about, hand.item, hand, hand.near())
                }
                Field::Left => {
                    let expected = hands.expected_left(place);
                    let hand = hands.hand(place);
                    self.mention(valued.left, expected, hand, hand.near())
                }
                Field::Right => {
                    let left = hands.hand(place).point(valued.left);
                    let expected = hands.behind(left);
                    let hand = hands.hand(place);
                    self.mention(valued.right, expected, hand, hand.near())
                }
                Field::Tags => {
                    let hand = hands.hand(place);
                    let expected = hand.expected(self.tag(room, slot));
                    match &valued.tags[..] {
                        [] if expected.is_none() && kind == ADD => {
                            kind = FLIP;
                            EXPECTED
                        }
                        tags if kind != REMOVE && *tags == *expected.as_slice() => EXPECTED,
                        [] => Mention::None.way(),
                        [tag] if *tag != Mention::None => self.mention(*tag, None, hand, seq),
                        tags => {
                            pack_number(common.numbers, tags.len() as u64);
                            tags.iter().for_each(|tag| tag.pack(hand, &mut self.others));
                            SEVERAL
                        }
                    }
                }
            };
            ways |= way << (3 * count);
            count += 1;
        }
        if let Some(slot) = slot {
            self.rooms.room(room).slots[slot].tag = Some(own);
            self.tagged.set(own, (room, slot));
        }
        if valued.kind == MOVE {
            hands.insert(place, (valued.left, valued.right), seq, seq + 1, true);
        }
        if slot.is_none() {
            hands.note_item(place, valued.about);
        }
        u64::from(kind) | ways << WAYS_AT
    }

    /// What is expected of an operation's tags, or of what it is over.
    fn tag(&mut self, room: usize, slot: Option<usize>) -> Option<Point> {
        self.rooms.room(room).slots[slot?].tag
    }

    /// The slot that an operation removes all that is known to be there from, and does nothing else.
    fn removed(&mut self, valued: &Valued, hands: &mut Hands, place: u32, room: usize) -> Option<usize> {
        let [tag] = &valued.tags[..] else { return None };
        let tagged = hands.hand(place).point(*tag).filter(|_| valued.kind == REMOVE)?;
        let (_, slot) = self.tagged.get(tagged).filter(|(tagged_in, _)| *tagged_in == room)?;
        let expected = hands.hand(place).expected(self.tag(room, Some(slot)));
        (expected == Some(*tag)).then_some(slot)
    }

    /// The way in which an operation is mentioned; what there is to be said of it is written.
    fn mention(&mut self, mention: Mention, expected: Option<Point>, hand: &mut Hand, near: u64) -> u64 {
        if hand.expected(expected) == Some(mention) {
            return EXPECTED;
        }
        self.say(mention, hand, near);
        mention.way()
    }

    fn say(&mut self, mention: Mention, hand: &mut Hand, near: u64) {
        match mention {
            Mention::Own { seq } => self.own.push(zigzag(near.wrapping_sub(seq) as i64)),
            _ => mention.pack_rest(hand, &mut self.others),
        }
        hand.touch_other(mention);
    }

    /// Writes what stands beside something that is inserted, but for the way.
    pub(super) fn beside(&mut self, mention: Mention, hand: &mut Hand) {
        let near = hand.near();
        self.say(mention, hand, near);
    }

    fn slot(&mut self, key: Bytes, is_element: bool, room: usize, common: &mut Common<'_>) -> usize {
        if self.slots_by_word.len() <= room {
            self.slots_by_word.resize_with(room + 1, BTreeMap::new);
        }
        let (next, name) = (self.slots_by_word[room].len(), Word::of(key));
        if let Some(slot) = self.slots_by_word[room].get(&name) {
            self.slots.push(*slot as u64 + 1);
            return *slot;
        }
        self.slots.push(NEW);
        let known = self.words.get(&name).copied();
        pack_number(&mut self.new_slots, known.map_or(NEW, |known| known as u64 + 1));
        let word = known.unwrap_or(self.words.len());
        self.rooms.room(room).slots.push(Slot { word, number: 0, tag: None });
        self.slots_by_word[room].insert(name.clone(), next);
        if known.is_none() {
            let key = name.bytes.clone();
            self.words.insert(name, word);
            if is_element {
                self.value(&key, room, Some(next), false, common);
            } else {
                self.last_key = self.letters(&key, &self.last_key.clone());
            }
        }
        next
    }

    /// Writes a word as what it does not share with the last one.
    fn letters(&mut self, word: &[u8], last: &[u8]) -> Bytes {
        let shared = word.iter().zip(last).take_while(|(here, there)| here == there).count();
        // Often words have the same beginning, and now and then a letter more of it.
        let shared =
            if (shared..shared + SOME).contains(&(self.last_shared + SOME - 1)) { self.last_shared } else { shared };
        self.last_shared = shared;
        self.shared.push(shared as u64);
        self.lengths.push((word.len() - shared) as u64);
        self.letters.extend_from_slice(&word[shared..]);
        Bytes::copy_from_slice(word)
    }

    fn value(&mut self, value: &Bytes, room: usize, slot: Option<usize>, keep: bool, common: &mut Common<'_>) {
        let form = match Form::of(value) {
            Form::Integer(number) => {
                let room = self.rooms.room(room);
                let near = |last: i64| zigzag(number.wrapping_sub(last));
                let near_last = near(room.number);
                let near_slot = slot.map(|slot| near(room.slots[slot].number));
                room.number = number;
                slot.iter().for_each(|slot| room.slots[*slot].number = number);
                let len = packed_len(near_last);
                let (near, form) = match near_slot {
                    Some(near) if packed_len(near) < len => (near, NEAR_SLOT),
                    Some(near) if packed_len(near) == len && self.last_form == NEAR_SLOT => (near, NEAR_SLOT),
                    _ => (near_last, NEAR_LAST),
                };
                self.last_form = form;
                self.integers.push(near);
                form
            }
            Form::Text(text) => {
                let name = keep.then(|| Word::of(value.clone()));
                let word = name.as_ref().and_then(|name| self.words.get(name)).copied();
                if let Some(word) = word {
                    pack_number(&mut self.new_slots, word as u64 + 1);
                    WORD
                } else {
                    self.last_text = self.letters(text, &self.last_text.clone());
                    if let Some(name) = name.filter(|_| value.len() <= LONGEST_WORD) {
                        self.words.insert(name, self.words.len());
                    }
                    TEXT
                }
            }
            Form::One(byte) => {
                self.fixed.push(byte);
                ONE
            }
            Form::Float(bytes) => {
                self.fixed.extend(bytes);
                FLOAT
            }
            Form::Other => {
                pack_bytes(common.bytes, value);
                BYTES
            }
        };
        self.forms.push(form);
    }

    pub(super) fn items(&mut self, items: &[Item], hands: &mut Hands, place: u32, common: &mut Common<'_>) {
        let room = self.rooms.find(place, hands.hand(place).within);
        for item in items {
            match item {
                Item::Plain(value) => self.value(value, room, None, true, common),
                Item::Child(kind) => self.forms.push(CHILD + kind),
            }
        }
    }

    pub(super) fn finish(self) -> [Vec<u8>; COLUMNS] {
        let [slots, slots_middle, slots_high] = self.slots.finish();
        let [own, own_middle, own_high] = self.own.finish();
        let runs = [self.shared, self.lengths, self.forms, self.integers];
        let [shared, lengths, forms, integers] = runs.map(Runs::finish);
        let words = [self.new_slots, shared, lengths, self.letters];
        let [new_slots, shared, lengths, letters] = words;
        [
            slots,
            slots_middle,
            slots_high,
            new_slots,
            shared,
            lengths,
            letters,
            forms,
            integers,
            self.fixed,
            own,
            own_middle,
            own_high,
            self.others,
        ]
    }
}
