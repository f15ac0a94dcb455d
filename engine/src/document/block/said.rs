//! The part of a body that columns are made of: operations, as they stand there.
//!
//! Nothing is understood but where each field ends; whether a document can apply it is another question. What is split here and
//! put together again is the same bytes, and what cannot be split stays whole.

use bytes::Bytes;

use super::{
    hands::Hand,
    mention::Mention,
    replicas::{INDICES, Table},
    valued::{Item, Valued, fields, nests},
    within::Within,
};
use crate::{
    document::body::form::{CONTINUES, DELETE, DELETE_ONE, INSERT, INSERT_ITEM, INSERT_ITEMS, INSERT_ONE, SAME},
    error::Malformed,
    id::ReplicaId,
    packed::Unpacker,
};

/// An operation.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) within: Within,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// Into a text. No neighbours if it goes on where the last one ended.
    Insert(Neighbours, Inserted),
    /// Into a list.
    InsertItem(Neighbours, Item),
    InsertItems(Neighbours, Vec<Item>),
    /// So many, if that is said; one, if not.
    Delete(Mention, Option<u64>),
    Value(Valued),
}

pub(super) type Neighbours = Option<(Mention, Mention)>;

#[derive(Debug)]
pub(super) enum Inserted {
    One(char),
    Many(String),
}

/// What is guessed about what a writer has mentioned: a wrong guess costs bytes.
#[derive(Clone, Copy)]
pub(super) struct Guess {
    /// Whether it has mentioned nothing but what is in the block, in operations that were split.
    pub(super) from_start: bool,
    /// How many containers that are.
    pub(super) containers: u64,
}

/// A body that is being split.
pub(super) struct Splitting<'a, 'b> {
    pub(super) bytes: Unpacker<&'b Bytes>,
    pub(super) hand: &'a mut Hand,
    pub(super) table: &'a mut Table,
    pub(super) guess: &'a mut Guess,
    /// The number of the next operation.
    pub(super) seq: u64,
}

impl Splitting<'_, '_> {
    /// The next operation, if it is one. If not, the reader is somewhere behind where it was.
    pub(super) fn next(&mut self) -> Option<Said> {
        let introduced = self.hand.introduced();
        let said = self.operation().ok();
        match &said {
            Some(said) => self.guess.containers += said.within.introduces() + said.what.children(),
            None => self.hand.keep_introduced(introduced),
        }
        said
    }

    fn operation(&mut self) -> Result<Said, Malformed> {
        let tag = self.bytes.byte("a tag")?;
        let within = if tag & SAME != 0 { Within::Same } else { self.within(0)? };
        let goes_on = tag & CONTINUES != 0;
        let what = match tag & !SAME & !CONTINUES {
            INSERT_ONE => What::Insert(self.neighbours(goes_on)?, Inserted::One(self.bytes.char()?)),
            INSERT => {
                let neighbours = self.neighbours(goes_on)?;
                let text = self.bytes.text("a text")?.to_owned();
                if text.is_empty() {
                    return Err(self.bytes.fault("a text"));
                }
                What::Insert(neighbours, Inserted::Many(text))
            }
            INSERT_ITEM => What::InsertItem(self.neighbours(goes_on)?, Item::unpack(&mut self.bytes)?),
            INSERT_ITEMS => {
                let neighbours = self.neighbours(goes_on)?;
                let count = self.bytes.count("how many items")?;
                let items: Vec<_> = (0..count).map(|_| Item::unpack(&mut self.bytes)).collect::<Result<_, _>>()?;
                if items.is_empty() {
                    return Err(self.bytes.fault("an item"));
                }
                What::InsertItems(neighbours, items)
            }
            _ if goes_on => return Err(self.bytes.fault("an insertion")),
            kind @ (DELETE_ONE | DELETE) => {
                let first = self.mention()?;
                let count = if kind == DELETE { Some(self.bytes.number("how many")?) } else { None };
                if first == Mention::None || count == Some(0) {
                    return Err(self.bytes.fault("something to delete"));
                }
                What::Delete(first, count)
            }
            kind => {
                let fields = fields(kind).ok_or_else(|| self.bytes.fault("a known tag"))?;
                What::Value(self.valued(kind, fields)?)
            }
        };
        Ok(Said { within, what })
    }

    fn neighbours(&mut self, goes_on: bool) -> Result<Neighbours, Malformed> {
        Ok(if goes_on { None } else { Some((self.mention()?, self.mention()?)) })
    }

    pub(super) fn mention(&mut self) -> Result<Mention, Malformed> {
        let number = self.bytes.number("a reference")?;
        if number == 0 {
            return Ok(Mention::None);
        }
        let index = number / 2;
        if number % 2 == 1 && index >= INDICES {
            return Err(self.bytes.fault("an index that can be"));
        }
        if number % 2 == 0 {
            let seq = self.seq.checked_sub(index).ok_or_else(|| self.bytes.fault("an earlier operation"))?;
            return Ok(Mention::Own { seq });
        }
        if !self.guess.from_start || index < self.hand.introduced() as u64 {
            return Ok(Mention::Known { index, seq: self.bytes.number("a number")? });
        }
        if self.bytes.left() < 8 || index > self.hand.introduced() as u64 {
            return Err(self.bytes.fault("the next replica"));
        }
        let place = self.table.place(ReplicaId::new(self.bytes.eight("a replica")?));
        let new = self.hand.introduce(index, place);
        new.ok_or_else(|| self.bytes.fault("a replica that is new"))?;
        Ok(Mention::New { index, place, seq: self.bytes.number("a number")? })
    }
}

impl What {
    /// How many containers it makes.
    fn children(&self) -> u64 {
        let is_child = |item: &Item| matches!(item, Item::Child(_));
        match self {
            Self::InsertItem(_, item) => is_child(item).into(),
            Self::InsertItems(_, items) => items.iter().filter(|item| is_child(item)).count() as u64,
            Self::Value(valued) => nests(valued.kind).into(),
            Self::Insert(..) | Self::Delete(..) => 0,
        }
    }
}
