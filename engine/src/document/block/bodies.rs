//! The bodies of changes as columns, and how they are written.
//!
//! Each operation has a *shape*: what it is, and which of its parts are as expected. Typing on and deleting on are shapes that
//! come in long runs and need nothing else but the text.

use super::{
    column::{Runs, Spells},
    hands::{Hand, Hands, Mention},
    replicas::{Point, Table, Who},
    said::{Guess, Inserted, Said, Splitting, TextIn},
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

// The next three: the left neighbour, or what is deleted.
pub(super) const ON: u64 = 0;
pub(super) const FORWARDS: u64 = 1;
pub(super) const EXPECTED: u64 = 1;
pub(super) const NONE: u64 = 2;
pub(super) const OWN: u64 = 3;
pub(super) const KNOWN: u64 = 4;
pub(super) const NEW: u64 = 5;
/// The next three: the right neighbour, or zero.
pub(super) const RIGHT: u32 = 6;
pub(super) const BEHIND: u64 = 0;
/// The next two: the text.
pub(super) const TEXT_IN: u32 = 9;
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
        let mut bytes = Unpacker::new(change.body.clone());
        let (mut count, mut seq) = (0, change.seq);
        while bytes.left() > 0 {
            count += 1;
            let from = change.body.len() - bytes.left();
            let Some(guess) = &mut self.guesses[place as usize] else { break };
            let hand = self.hands.hand(place);
            let mut splitting = Splitting { body: &change.body, bytes, hand, table, guess, seq };
            let said = splitting.next();
            bytes = splitting.bytes;
            match said.and_then(|said| self.operation(said, place, change.replica, seq)) {
                Some(end) => seq = end,
                None => {
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
                pack_mention(mention, self.hands.hand(place), &mut self.deleted);
                OWN
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
        match said {
            Said::Insert { text_in, neighbours, text } => {
                let (kind, len) = match &text {
                    Inserted::One(_) => (INSERT_ONE, 1),
                    Inserted::Many(text) => (INSERT, text.chars().count() as u64),
                };
                let end = seq.checked_add(len)?;
                self.known_agrees(&text, OpId::new(replica, seq))?;
                let mut shape = kind | self.text_in(&text_in) << TEXT_IN;
                if let Some((left, right)) = neighbours {
                    let expected = self.hands.expected_left(place);
                    let hand = self.hands.hand(place);
                    let expected = hand.mention(expected) == Some(left);
                    let behind = hand.point(left);
                    shape |= if expected { EXPECTED } else { mode(left) } << 3;
                    if !expected {
                        pack_mention(left, hand, &mut self.left);
                    }
                    let behind = self.hands.behind(behind);
                    let hand = self.hands.hand(place);
                    if hand.mention(behind) != Some(right) {
                        shape |= mode(right) << RIGHT;
                        pack_mention(right, hand, &mut self.right);
                    }
                    self.hands.insert(place, left, right, seq, end);
                } else {
                    self.hands.go_on(place, end);
                }
                self.shapes.push(shape);
                if kind == INSERT {
                    pack_number(&mut self.lengths, len);
                }
                self.text(&text, OpId::new(replica, seq));
                Some(end)
            }
            Said::Delete { text_in, first, count } => {
                let end = seq.checked_add(1)?;
                let kind = if count.is_some() { DELETE } else { DELETE_ONE };
                let len = count.unwrap_or(1);
                let text_in = self.text_in(&text_in) << TEXT_IN;
                // Whoever is introduced has to be named.
                let named = matches!(first, Mention::New { .. });
                let target = self.hands.hand(place).point(first).filter(|_| !named);
                let mode = if target.is_some() && self.hands.backwards(place, len) == target {
                    ON
                } else if target.is_some() && self.hands.forwards(place) == target {
                    FORWARDS
                } else {
                    pack_mention(first, self.hands.hand(place), &mut self.deleted);
                    mode(first)
                };
                count.iter().for_each(|count| pack_number(&mut self.lengths, *count));
                self.shapes.push(kind | mode << 3 | text_in);
                self.hands.delete(place, first, len);
                Some(end)
            }
        }
    }

    /// The number for how a text is named; what has to be said of it is written.
    fn text_in(&mut self, text_in: &TextIn) -> u64 {
        match text_in {
            TextIn::Same => SAME,
            TextIn::Known(index) => {
                pack_number(&mut self.lengths, *index);
                INDEX
            }
            TextIn::New(introduction) => {
                pack_bytes(&mut self.raw, introduction);
                INTRODUCED
            }
        }
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

    pub(super) fn finish(mut self) -> ([Vec<u8>; NUMBERS], [Vec<u8>; TEXTS]) {
        self.shapes.close();
        let Spells { values, counts, .. } = self.shapes;
        (
            [self.counts.finish(), values, counts, self.left, self.right, self.deleted, self.lengths],
            [self.raw, self.text],
        )
    }
}

/// The one character of a body that is typed on, if it is ASCII.
fn typed_on(body: &[u8]) -> Option<&[u8]> {
    match body {
        [TYPED_ON, letter] if letter.is_ascii() => Some(&body[1..]),
        _ => None,
    }
}

const fn mode(mention: Mention) -> u64 {
    match mention {
        Mention::None => NONE,
        Mention::Own { .. } => OWN,
        Mention::Known { .. } => KNOWN,
        Mention::New { .. } => NEW,
    }
}

fn pack_mention(mention: Mention, hand: &Hand, out: &mut Vec<u8>) {
    match mention {
        Mention::None => {}
        Mention::Own { seq } => pack_signed(out, hand.near().wrapping_sub(seq) as i64),
        Mention::Known { index, seq } => {
            pack_number(out, index);
            pack_signed(out, hand.near_other(index).wrapping_sub(seq) as i64);
        }
        Mention::New { index, place, seq } => {
            pack_number(out, index);
            pack_number(out, place.into());
            pack_number(out, seq);
        }
    }
}
