//! How operations name what they write to: that of the last one, by an index, or by what it is.

use bytes::Bytes;

use super::{hands::Hand, mention::Mention, replicas::Entry, said::Splitting};
use crate::{
    document::{
        body::form::{ITEM, KEY, ROOT},
        container::MOST_DEPTH,
    },
    error::Malformed,
    packed::{Unpacker, pack_bytes, pack_number},
};

/// A container, as an operation names it.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Within {
    /// That of the last operation.
    Same,
    /// By an index.
    Known(u64),
    /// By an index and what is introduced with it.
    New(Introduced),
}

/// A container that is introduced.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Introduced {
    /// How many there are.
    index: u64,
    kind: u64,
    place: Place,
}

#[derive(PartialEq, Eq, Debug)]
enum Place {
    Root(Bytes),
    Key(Box<Within>, Bytes, Mention),
    Item(Box<Within>, Mention),
}

impl Within {
    /// The index that it has from then on, if it is named.
    pub(super) fn index(&self) -> Option<u64> {
        match self {
            Self::Same => None,
            Self::Known(index) => Some(*index),
            Self::New(new) => Some(new.index + self.introduces() - 1),
        }
    }

    /// How many containers are introduced: it, and those that it is in.
    pub(super) fn introduces(&self) -> u64 {
        match self {
            Self::New(Introduced { place: Place::Key(parent, ..) | Place::Item(parent, _), .. }) => {
                1 + parent.introduces()
            }
            Self::New(_) => 1,
            _ => 0,
        }
    }

    /// What is the same for all who introduce it, if it is at the root.
    pub(super) fn root(&self) -> Option<(u64, &Bytes)> {
        match self {
            Self::New(Introduced { kind, place: Place::Root(name), .. }) => Some((*kind, name)),
            _ => None,
        }
    }

    /// Writes it as it stands in a body, unless that is nothing. `None` if it mentions what cannot be mentioned.
    pub(super) fn write(&self, out: &mut Vec<u8>, seq: u64, table: &[Entry]) -> Option<()> {
        let Introduced { index, kind, place } = match self {
            Self::Same => return Some(()),
            Self::Known(index) => {
                pack_number(out, *index);
                return Some(());
            }
            Self::New(new) => new,
        };
        pack_number(out, *index);
        pack_number(out, *kind);
        match place {
            Place::Root(name) => {
                pack_number(out, ROOT);
                pack_bytes(out, name);
                Some(())
            }
            Place::Key(parent, key, over) => {
                pack_number(out, KEY);
                parent.write(out, seq, table)?;
                pack_bytes(out, key);
                over.write(out, seq, table)
            }
            Place::Item(parent, item) => {
                pack_number(out, ITEM);
                parent.write(out, seq, table)?;
                item.write(out, seq, table)
            }
        }
    }

    /// Writes what is introduced into a column.
    pub(super) fn pack(&self, hand: &Hand, out: &mut Vec<u8>) {
        let Introduced { index, kind, place } = match self {
            Self::Same => return,
            Self::Known(index) => return pack_number(out, *index),
            Self::New(new) => new,
        };
        pack_number(out, *index);
        pack_number(out, *kind);
        let mut parent_in = |place, parent: &Self| {
            pack_number(out, 2 * place + u64::from(parent.introduces() > 0));
            parent.pack(hand, out);
        };
        match place {
            Place::Root(name) => {
                pack_number(out, 2 * ROOT);
                pack_bytes(out, name);
            }
            Place::Key(parent, key, over) => {
                parent_in(KEY, parent);
                pack_bytes(out, key);
                over.pack(hand, out);
            }
            Place::Item(parent, item) => {
                parent_in(ITEM, parent);
                item.pack(hand, out);
            }
        }
    }

    /// Reads what [`pack`](Self::pack) wrote.
    pub(super) fn unpack(
        column: &mut Unpacker,
        hand: &mut Hand,
        table: &[Entry],
        depth: usize,
    ) -> Result<Self, Malformed> {
        let index = column.number("a container")?;
        let kind = column.number("a container's kind")?;
        let place = column.number("a container's place")?;
        let mut parent = |column: &mut Unpacker| {
            Ok(Box::new(match place % 2 {
                0 => Self::Known(column.number("a container")?),
                _ if depth < MOST_DEPTH => Self::unpack(column, hand, table, depth + 1)?,
                _ => return Err(column.fault("containers that are nested less deep")),
            }))
        };
        let place = match place / 2 {
            ROOT if place == 2 * ROOT => Place::Root(column.bytes("a name")?),
            KEY => {
                let parent = parent(column)?;
                Place::Key(parent, column.bytes("a key")?, Mention::unpack(column, hand, table)?)
            }
            ITEM => Place::Item(parent(column)?, Mention::unpack(column, hand, table)?),
            _ => return Err(column.fault("a known place")),
        };
        // So that the indices of those in it are numbers.
        let index = Some(index).filter(|index| *index < 1 << 62).ok_or_else(|| column.fault("an index"))?;
        Ok(Self::New(Introduced { index, kind, place }))
    }
}

impl Splitting<'_, '_> {
    /// What an operation writes to that names it.
    pub(super) fn within(&mut self, introduces: u64) -> Result<Within, Malformed> {
        let index = self.bytes.number("a container")?;
        let known = self.guess.containers;
        if !self.guess.from_start || index < known {
            return Ok(Within::Known(index));
        }
        if index > known || introduces as usize > MOST_DEPTH {
            return Err(self.bytes.fault("the next container"));
        }
        let kind = self.bytes.number("a container's kind")?;
        let place = match self.bytes.number("a container's place")? {
            ROOT => Place::Root(self.bytes.bytes("a name")?),
            KEY => {
                let parent = Box::new(self.within(introduces + 1)?);
                Place::Key(parent, self.bytes.bytes("a key")?, self.mention()?)
            }
            ITEM => Place::Item(Box::new(self.within(introduces + 1)?), self.mention()?),
            _ => return Err(self.bytes.fault("a known place")),
        };
        Ok(Within::New(Introduced { index, kind, place }))
    }
}
