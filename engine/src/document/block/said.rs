//! The part of a body that columns are made of: operations on texts, as they stand there.
//!
//! Nothing is understood but where each field ends; whether a document can apply it is another question. What is split here and
//! put together again is the same bytes, and what cannot be split stays whole.

use bytes::Bytes;

use super::{
    hands::{Hand, Mention},
    replicas::{INDICES, Table},
};
use crate::{
    document::body::form::{CONTINUES, DELETE, DELETE_ONE, INSERT, INSERT_ONE, ROOT, SAME},
    error::Malformed,
    id::ReplicaId,
    packed::{Unpacker, pack_bytes, pack_number},
};

/// An operation on a text.
#[derive(Debug)]
pub(super) enum Said {
    Insert {
        text_in: TextIn,
        /// `None` if it goes on where the last one ended.
        neighbours: Option<(Mention, Mention)>,
        text: Inserted,
    },
    Delete {
        text_in: TextIn,
        first: Mention,
        /// `None` for one.
        count: Option<u64>,
    },
}

/// How the text is named.
#[derive(Debug)]
pub(super) enum TextIn {
    /// That of the last operation.
    Same,
    /// By an index.
    Known(u64),
    /// By an index and what is introduced with it, as it stands there.
    New(Bytes),
}

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
pub(super) struct Splitting<'a> {
    pub(super) body: &'a Bytes,
    pub(super) bytes: Unpacker,
    pub(super) hand: &'a mut Hand,
    pub(super) table: &'a mut Table,
    pub(super) guess: &'a mut Guess,
    /// The number of the next operation.
    pub(super) seq: u64,
}

impl Splitting<'_> {
    /// The next operation, if it is one on a text. If not, the reader is somewhere behind where it was.
    pub(super) fn next(&mut self) -> Option<Said> {
        let introduced = self.hand.introduced();
        let said = self.operation().ok();
        match &said {
            Some(Said::Insert { text_in: TextIn::New(_), .. } | Said::Delete { text_in: TextIn::New(_), .. }) => {
                self.guess.containers += 1;
            }
            Some(_) => {}
            None => self.hand.keep_introduced(introduced),
        }
        said
    }

    fn operation(&mut self) -> Result<Said, Malformed> {
        let tag = self.bytes.byte("a tag")?;
        let text_in = if tag & SAME != 0 { TextIn::Same } else { self.text_in()? };
        Ok(match tag & !SAME & !CONTINUES {
            kind @ (INSERT_ONE | INSERT) => {
                let goes_on = tag & CONTINUES != 0;
                let neighbours = if goes_on { None } else { Some((self.mention()?, self.mention()?)) };
                let text = if kind == INSERT_ONE {
                    Inserted::One(self.bytes.char()?)
                } else {
                    let text = self.bytes.text("a text")?;
                    if text.is_empty() {
                        return Err(self.bytes.fault("a text"));
                    }
                    Inserted::Many(text.to_owned())
                };
                Said::Insert { text_in, neighbours, text }
            }
            kind @ (DELETE_ONE | DELETE) if tag & CONTINUES == 0 => {
                let first = self.mention()?;
                let count = if kind == DELETE { Some(self.bytes.number("how many")?) } else { None };
                if first == Mention::None || count == Some(0) {
                    return Err(self.bytes.fault("something to delete"));
                }
                Said::Delete { text_in, first, count }
            }
            _ => return Err(self.bytes.fault("a tag of a text")),
        })
    }

    fn text_in(&mut self) -> Result<TextIn, Malformed> {
        let from = self.body.len() - self.bytes.left();
        let index = self.bytes.number("a container")?;
        if !self.guess.from_start || index < self.guess.containers {
            return Ok(TextIn::Known(index));
        }
        let kind = self.bytes.number("a kind")?;
        if index > self.guess.containers || kind != 0 || self.bytes.number("a place")? != ROOT {
            return Err(self.bytes.fault("a text at the root"));
        }
        self.bytes.text("a name")?;
        Ok(TextIn::New(self.body.slice(from..self.body.len() - self.bytes.left())))
    }

    fn mention(&mut self) -> Result<Mention, Malformed> {
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

impl Said {
    /// Writes it as it stands in a body, as the operation `seq`. `None` if it mentions what cannot be mentioned.
    pub(super) fn write(&self, out: &mut Vec<u8>, seq: u64, id: impl Fn(u32) -> ReplicaId) -> Option<()> {
        let mention = |out: &mut Vec<u8>, mention: Mention| {
            match mention {
                Mention::None => out.push(0),
                Mention::Own { seq: own } => {
                    let back = seq.checked_sub(own).filter(|back| (1..1 << 63).contains(back))?;
                    pack_number(out, 2 * back);
                }
                Mention::Known { index, seq } | Mention::New { index, seq, .. } => {
                    pack_number(out, 2 * index + 1);
                    if let Mention::New { place, .. } = mention {
                        out.extend(id(place).bits().to_be_bytes());
                    }
                    pack_number(out, seq);
                }
            }
            Some(())
        };
        let (kind, text_in) = match self {
            Self::Insert { text_in, neighbours, text } => {
                let kind = if matches!(text, Inserted::One(_)) { INSERT_ONE } else { INSERT };
                (if neighbours.is_none() { kind | CONTINUES } else { kind }, text_in)
            }
            Self::Delete { text_in, count, .. } => (if count.is_some() { DELETE } else { DELETE_ONE }, text_in),
        };
        match text_in {
            TextIn::Same => out.push(kind | SAME),
            TextIn::Known(index) => {
                out.push(kind);
                pack_number(out, *index);
            }
            TextIn::New(introduction) => {
                out.push(kind);
                out.extend_from_slice(introduction);
            }
        }
        match self {
            Self::Insert { neighbours, text, .. } => {
                if let Some((left, right)) = neighbours {
                    mention(out, *left)?;
                    mention(out, *right)?;
                }
                match text {
                    Inserted::One(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
                    Inserted::Many(text) => pack_bytes(out, text.as_bytes()),
                }
            }
            Self::Delete { first, count, .. } => {
                mention(out, *first)?;
                count.iter().for_each(|count| pack_number(out, *count));
            }
        }
        Some(())
    }
}
