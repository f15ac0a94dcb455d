//! The bodies of changes as columns, and how they are written.
//!
//! Each operation has a *shape*: what it is, and which of its parts are as expected. Typing on and deleting on are shapes that
//! come in long runs and need nothing else but the text.

use super::{
    column::{Deflater, Packing, Runs, Spells, pack_section},
    hands::Hands,
    mention::Mention,
    replicas::{Point, Table, Who},
    said::{Guess, Inserted, Neighbours, Said, Splitting, What},
    values::{Common, Values},
    within::Within,
};
use crate::{
    causal::{Change, ChangeRun},
    document::stretch::{DELETED, Side, TYPED_ON, deleted, deleted_on, typed},
    id::{OpId, ReplicaId},
    packed::{Unpacker, pack_bytes, pack_number, pack_signed},
};

/// How many columns there are of shapes and numbers, and of texts and bytes.
pub(super) const NUMBERS: usize = 7;
pub(super) const TEXTS: usize = 2;

// The lowest three bits of a shape.
pub(super) const INSERT_ONE: u64 = 0;
pub(super) const INSERT: u64 = 1;
pub(super) const DELETE_ONE: u64 = 2;
pub(super) const DELETE: u64 = 3;
/// All that is left of a body, as it stands there.
pub(super) const REST: u64 = 4;
pub(super) const INSERT_ITEM: u64 = 5;
pub(super) const INSERT_ITEMS: u64 = 6;
/// An operation on values: what it is takes the bits of both neighbours.
pub(super) const VALUE: u64 = 7;

// The next three: the left neighbour, or what is deleted; beside these ways, those to mention it.
pub(super) const ON: u64 = 0;
pub(super) const FORWARDS: u64 = 1;
pub(super) const EXPECTED: u64 = 1;
/// The next three: the right neighbour, or zero.
pub(super) const RIGHT: u32 = 6;
pub(super) const BEHIND: u64 = 0;
/// The next two: the container.
pub(super) const WITHIN: u32 = 9;
pub(super) const SAME: u64 = 0;
pub(super) const INDEX: u64 = 1;
pub(super) const INTRODUCED: u64 = 2;

/// Characters that need not be written, because whoever reads the block has them.
pub(super) type Known<'a> = Option<&'a dyn Fn(OpId) -> Option<char>>;

/// Bodies that are being written.
pub(super) struct Bodies<'a> {
    known: Known<'a>,
    hands: Hands,
    guesses: Vec<Option<Guess>>,
    counts: Runs,
    shapes: Spells,
    left: Vec<u8>,
    right: Vec<u8>,
    deleted: Vec<u8>,
    lengths: Vec<u8>,
    text: Vec<u8>,
    raw: Vec<u8>,
    values: Values,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(known: Known<'a>) -> Self {
        Self {
            known,
            hands: Hands::default(),
            guesses: Vec::new(),
            counts: Runs::default(),
            shapes: Spells::default(),
            left: Vec::new(),
            right: Vec::new(),
            deleted: Vec::new(),
            lengths: Vec::new(),
            text: Vec::new(),
            raw: Vec::new(),
            values: Values::default(),
        }
    }

    /// A writer's operations from here on.
    fn begin(&mut self, seq: u64, place: u32) {
        if self.guesses.len() <= place as usize {
            self.guesses.resize(place as usize + 1, None);
        }
        self.guesses[place as usize].get_or_insert(Guess { from_start: seq == 0, containers: 0 });
        self.hands.hand(place);
    }

    /// The body of a change of the writer at this place of the table.
    pub(super) fn push(&mut self, change: &Change, place: u32, table: &mut Table) {
        self.begin(change.seq, place);
        if let Some(letter) = typed_on(&change.body).filter(|_| self.known.is_none() && change.seq < u64::MAX) {
            // What nearly all changes are, in a few steps.
            self.counts.push(1);
            self.shapes.push(INSERT_ONE);
            self.text.extend_from_slice(letter);
            return self.hands.go_on(place, change.seq + 1);
        }
        let mut bytes = Unpacker::new(&change.body);
        let (mut count, mut seq) = (0, change.seq);
        while bytes.left() > 0 {
            count += 1;
            let from = change.body.len() - bytes.left();
            let Some(guess) = &mut self.guesses[place as usize] else { break };
            let hand = self.hands.hand(place);
            let introduced = hand.introduced();
            let mut splitting = Splitting { bytes, hand, table, guess, seq };
            let said = splitting.next();
            bytes = splitting.bytes;
            match said.and_then(|said| self.operation(said, place, change.replica, seq)) {
                Some(end) => seq = end,
                None => {
                    self.hands.hand(place).keep_introduced(introduced);
                    self.rest(&change.body[from..], place);
                    break;
                }
            }
        }
        self.counts.push(count);
    }

    /// The bodies of a run of changes.
    pub(super) fn push_run(&mut self, run: &ChangeRun<'_>, writers: &[ReplicaId], place: u32, table: &mut Table) {
        let mut run = run.clone();
        while run.count > 0 {
            let taken = if run.len == 1 && run.end() < u64::MAX { self.push_alike(&run, place) } else { 0 };
            if taken > 0 {
                self.counts.push_all(1, taken);
                run.pass(taken as usize);
            } else {
                self.push(&run.change(writers), place, table);
                run.pass(1);
            }
        }
    }

    /// The bodies that a run begins with and that say the same, if it can be told at once what there is to be written; how
    /// many.
    fn push_alike(&mut self, run: &ChangeRun<'_>, place: u32) -> u64 {
        let (size, _, bodies) = run.alike();
        self.begin(run.seq, place);
        match bodies.first() {
            Some(&TYPED_ON) if self.known.is_none() => {
                let letters = typed(size, bodies);
                if letters > 0 {
                    self.text.extend(bodies.chunks_exact(2).take(letters).map(|body| body[1]));
                    self.shapes.push_all(INSERT_ONE, letters as u64);
                    self.hands.go_on(place, run.seq + letters as u64);
                }
                letters as u64
            }
            Some(&DELETED) => self.push_deletions(run.seq, size, bodies, place),
            _ => 0,
        }
    }

    fn push_deletions(&mut self, seq: u64, size: usize, bodies: &[u8], place: u32) -> u64 {
        let Some(target) = deleted(seq, &bodies[..size]) else { return 0 };
        let item = Some(Point { who: Who::named(place), seq: target });
        let mention = Mention::Own { seq: target };
        let mode = match () {
            () if self.hands.backwards(place, 1) == item => ON,
            () if self.hands.forwards(place) == item => FORWARDS,
            () => {
                mention.pack_rest(self.hands.hand(place), &mut self.deleted);
                mention.way()
            }
        };
        self.shapes.push(DELETE_ONE | mode << 3);
        self.hands.delete(place, mention, 1);
        let (side, count) = deleted_on(seq + 1, size, &bodies[size..], self.hands.deleted(place));
        let count = count.min(self.hands.beside(place, side));
        if side == Side::Behind && self.hands.backwards(place, 1).is_some_and(|before| before.seq > target) {
            // It might be told as if it were before.
            return 1;
        }
        self.shapes.push_all(DELETE_ONE | if side == Side::Before { ON } else { FORWARDS } << 3, count);
        self.hands.delete_on(place, side, count);
        1 + count
    }

    fn rest(&mut self, bytes: &[u8], place: u32) {
        self.shapes.push(REST);
        pack_bytes(&mut self.raw, bytes);
        self.guesses[place as usize].iter_mut().for_each(|guess| guess.from_start = false);
        self.hands.other(place);
    }

    /// The number after the operation's last; `None` if it cannot be written, and is not.
    fn operation(&mut self, said: Said, place: u32, replica: ReplicaId, seq: u64) -> Option<u64> {
        let Said { within, what } = said;
        let len = match &what {
            What::Insert(_, Inserted::Many(text)) => text.chars().count() as u64,
            What::InsertItems(_, items) => items.len() as u64,
            _ => 1,
        };
        let end = seq.checked_add(len)?;
        if let What::Insert(_, text) = &what {
            self.known_agrees(text, OpId::new(replica, seq))?;
        }
        let container = self.container(&within, place) << WITHIN;
        let shape = match what {
            What::Insert(neighbours, text) => {
                let kind = if matches!(text, Inserted::One(_)) { INSERT_ONE } else { INSERT };
                let shape = kind | self.neighbours(neighbours, place, seq, end, false);
                if kind == INSERT {
                    pack_number(&mut self.lengths, len);
                }
                self.text(&text, OpId::new(replica, seq));
                shape
            }
            What::InsertItem(neighbours, item) => {
                let shape = INSERT_ITEM | self.neighbours(neighbours, place, seq, end, true);
                let (values, hands, mut common) = self.values();
                values.items(&[item], hands, place, &mut common);
                shape
            }
            What::InsertItems(neighbours, items) => {
                let shape = INSERT_ITEMS | self.neighbours(neighbours, place, seq, end, true);
                pack_number(&mut self.lengths, len);
                let (values, hands, mut common) = self.values();
                values.items(&items, hands, place, &mut common);
                shape
            }
            What::Delete(first, count) => {
                let kind = if count.is_some() { DELETE } else { DELETE_ONE };
                let len = count.unwrap_or(1);
                // Whoever is introduced has to be named.
                let named = matches!(first, Mention::New { .. });
                let target = self.hands.hand(place).point(first).filter(|_| !named);
                let way = if target.is_some() && self.hands.backwards(place, len) == target {
                    ON
                } else if target.is_some() && self.hands.forwards(place) == target {
                    FORWARDS
                } else {
                    first.pack_rest(self.hands.hand(place), &mut self.deleted);
                    first.way()
                };
                count.iter().for_each(|count| pack_number(&mut self.lengths, *count));
                self.hands.delete(place, first, len);
                kind | way << 3
            }
            What::Value(valued) => {
                let (values, hands, mut common) = self.values();
                VALUE | values.push(valued, hands, place, seq, &mut common) << 3
            }
        };
        self.shapes.push(shape | container);
        Some(end)
    }

    /// The number for how a container is named; what has to be said of it is written.
    fn container(&mut self, within: &Within, place: u32) -> u64 {
        let hand = self.hands.hand(place);
        let before = hand.within;
        hand.within = within.index().or(before);
        match within {
            Within::Same => SAME,
            Within::Known(index) => {
                pack_signed(&mut self.lengths, index.wrapping_sub(before.unwrap_or_default()) as i64);
                INDEX
            }
            Within::New(_) => {
                within.pack(hand, &mut self.raw);
                self.values.rooms().introduce(place, within);
                INTRODUCED
            }
        }
    }

    /// The bits for between what something is inserted; what has to be said of it is written.
    fn neighbours(&mut self, neighbours: Neighbours, place: u32, seq: u64, end: u64, items: bool) -> u64 {
        let Some((left, right)) = neighbours else {
            self.hands.go_on(place, end);
            return 0;
        };
        let expected = self.hands.expected_left(place);
        let hand = self.hands.hand(place);
        let left_way = if hand.mention(expected) == Some(left) {
            EXPECTED
        } else {
            if items {
                self.values.beside(left, hand);
            } else {
                left.pack_rest(hand, &mut self.left);
            }
            left.way()
        };
        let behind = hand.point(left);
        let behind = self.hands.behind(behind);
        let hand = self.hands.hand(place);
        let right_way = if hand.mention(behind) == Some(right) {
            BEHIND
        } else {
            if items {
                self.values.beside(right, hand);
            } else {
                right.pack_rest(hand, &mut self.right);
            }
            right.way()
        };
        self.hands.insert(place, (left, right), seq, end, items);
        left_way << 3 | right_way << RIGHT
    }

    fn values(&mut self) -> (&mut Values, &mut Hands, Common<'_>) {
        (&mut self.values, &mut self.hands, Common { numbers: &mut self.lengths, bytes: &mut self.raw })
    }

    /// What is known of these characters is what they are.
    fn known_agrees(&self, text: &Inserted, first: OpId) -> Option<()> {
        let Some(known) = self.known else { return Some(()) };
        let agrees = |at, char| known(OpId::new(first.replica, first.seq + at)).is_none_or(|known| known == char);
        let all = match text {
            Inserted::One(char) => agrees(0, *char),
            Inserted::Many(text) => text.chars().zip(0..).all(|(char, at)| agrees(at, char)),
        };
        all.then_some(())
    }

    fn text(&mut self, text: &Inserted, first: OpId) {
        let mut buffer = [0; 4];
        let known = self.known;
        let mut push = |at, char: char| {
            if known.is_none_or(|known| known(OpId::new(first.replica, first.seq + at)).is_none()) {
                self.text.extend_from_slice(char.encode_utf8(&mut buffer).as_bytes());
            }
        };
        match text {
            Inserted::One(char) => push(0, *char),
            Inserted::Many(text) => text.chars().zip(0..).for_each(|(char, at)| push(at, char)),
        }
    }

    /// Its columns, as three sections.
    pub(super) fn pack(mut self, out: &mut Vec<u8>, deflater: &mut Deflater) {
        self.shapes.close();
        let Spells { values, counts, .. } = self.shapes;
        let numbers: [_; NUMBERS] =
            [self.counts.finish(), values, counts, self.left, self.right, self.deleted, self.lengths];
        let texts: [_; TEXTS] = [self.raw, self.text];
        pack_section(out, numbers, Packing::Again, deflater);
        pack_section(out, texts, Packing::Again, deflater);
        pack_section(out, self.values.finish(), Packing::Frequent, deflater);
    }
}

/// The one character of a body that is typed on, if it is ASCII.
fn typed_on(body: &[u8]) -> Option<&[u8]> {
    match body {
        [TYPED_ON, letter] if letter.is_ascii() => Some(&body[1..]),
        _ => None,
    }
}
