//! The part of bodies that is about values: what operations on maps, registers, counters, or-sets and or-maps say, and on
//! elements of movable lists. Like `said`, it understands nothing but where fields end.

use bytes::Bytes;

use super::{mention::Mention, said::Splitting, values::KINDS};
use crate::{
    document::body::form::{
        ADD, CLEAR, COUNT, DELETE_KEY, MOVE, NEST, PUT, PUT_NESTED, REMOVE, SET, SET_ELEMENT, SET_KEY,
    },
    error::Malformed,
    packed::Unpacker,
};

/// A field of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    Key,
    Value,
    /// A value that is a key, too.
    Element,
    /// A kind of container, or an amount: one number.
    Number,
    /// An operation that is mentioned: what a container was made over; an element, or what stands beside it.
    Over,
    Item,
    Left,
    Right,
    Tags,
}

/// The fields of an operation of this kind, in their order; `None` if it is no operation on values.
pub(super) const fn fields(kind: u8) -> Option<&'static [Field]> {
    use Field::{Element, Item, Key, Left, Number, Over, Right, Tags, Value};
    Some(match kind {
        SET_KEY => &[Key, Value],
        DELETE_KEY => &[Key],
        NEST => &[Key, Number, Over],
        SET => &[Value],
        CLEAR => &[],
        COUNT => &[Number],
        ADD => &[Element, Tags],
        REMOVE => &[Tags],
        PUT => &[Key, Value, Tags],
        PUT_NESTED => &[Key, Number, Over, Tags],
        MOVE => &[Item, Left, Right],
        SET_ELEMENT => &[Item, Value],
        _ => return None,
    })
}

/// An operation on values. Fields that its kind does not have are empty.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Valued {
    pub(super) kind: u8,
    /// Its key, or its element.
    pub(super) key: Bytes,
    pub(super) value: Bytes,
    pub(super) number: u64,
    /// What it is over, or the element that it is about.
    pub(super) about: Mention,
    pub(super) left: Mention,
    pub(super) right: Mention,
    pub(super) tags: Vec<Mention>,
}

impl Valued {
    pub(super) const fn new(kind: u8) -> Self {
        let none = Mention::None;
        Self {
            kind,
            key: Bytes::new(),
            value: Bytes::new(),
            number: 0,
            about: none,
            left: none,
            right: none,
            tags: Vec::new(),
        }
    }
}

/// Whether operations of this kind make containers.
pub(super) const fn nests(kind: u8) -> bool {
    matches!(kind, NEST | PUT_NESTED)
}

/// An item of a list.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Item {
    Plain(Bytes),
    /// A container, of a kind that is below [`KINDS`].
    Child(u64),
}

impl Item {
    /// Reads it as it stands in a body.
    pub(super) fn unpack(bytes: &mut Unpacker<&Bytes>) -> Result<Self, Malformed> {
        let number = bytes.number("an item")?;
        if number % 2 == 0 {
            return Ok(Self::Plain(bytes.slice(number / 2, "a value")?));
        }
        let kind = Some(number / 2).filter(|kind| *kind < KINDS);
        kind.map(Self::Child).ok_or_else(|| bytes.fault("a kind of container"))
    }
}

impl Splitting<'_, '_> {
    /// The fields of an operation of this kind.
    pub(super) fn valued(&mut self, kind: u8, fields: &[Field]) -> Result<Valued, Malformed> {
        let mut valued = Valued::new(kind);
        for field in fields {
            match field {
                Field::Key | Field::Element => valued.key = self.bytes.bytes("a key")?,
                Field::Value => valued.value = self.bytes.bytes("a value")?,
                Field::Number => valued.number = self.bytes.number("a number")?,
                Field::Over | Field::Item => valued.about = self.mention()?,
                Field::Left => valued.left = self.mention()?,
                Field::Right => valued.right = self.mention()?,
                Field::Tags => {
                    let count = self.bytes.count("how many tags")?;
                    valued.tags = (0..count).map(|_| self.mention()).collect::<Result<_, _>>()?;
                }
            }
        }
        Ok(valued)
    }
}
