//! How what a record holds is written, one kind of field after the other.

use std::time::Duration;

use bytes::Bytes;

use super::Setup;
use crate::{
    causal::Change,
    codec::{Reader, Writer},
    error::{Code, Malformed, Reason, StoreFault},
    id::{DocId, Epoch, LinkId, ReplicaId, Ticket},
    limits::Limits,
    rng::Seed,
    session::Transmit,
    store::{Append, StoreReply, StoreRequest, StoredDocument},
    time::{Now, Time, Wall},
    wire::Access,
};

/// What a recording begins with.
const MAGIC: &str = "crdt-socket-sync recording";
/// The format's number.
const FORMAT: u64 = 2;

pub(super) trait Field: Sized {
    fn write(&self, writer: &mut Writer);
    fn read(reader: &mut Reader) -> Result<Self, Malformed>;
}

impl Field for u64 {
    fn write(&self, writer: &mut Writer) {
        writer.uint(*self);
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        reader.uint("a number")
    }
}

impl Field for String {
    fn write(&self, writer: &mut Writer) {
        writer.text(self);
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        reader.text("a text")
    }
}

impl Field for Bytes {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(self);
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        reader.bytes("a byte string")
    }
}

/// Fields that are written as something simpler: as what, and how they are made of it again.
macro_rules! written_as {
    ($($name:ty: $simple:ty, $to:expr, $from:expr;)*) => {
        $(impl Field for $name {
            fn write(&self, writer: &mut Writer) {
                let to: fn(&Self) -> $simple = $to;
                to(self).write(writer);
            }

            fn read(reader: &mut Reader) -> Result<Self, Malformed> {
                let from: fn($simple) -> Result<Self, &'static str> = $from;
                let simple = <$simple>::read(reader)?;
                from(simple).map_err(|what| reader.fault(what))
            }
        })*
    };
}

written_as! {
    LinkId: u64, |link| link.0, |number| Ok(Self(number));
    DocId: u64, |doc| doc.0, |number| Ok(Self(number));
    Ticket: u64, |ticket| ticket.0, |number| Ok(Self(number));
    ReplicaId: [u8; 8], |replica| replica.bits().to_be_bytes(), |bytes| Ok(Self::new(u64::from_be_bytes(bytes)));
    Epoch: [u8; 16], |epoch| epoch.bits().to_be_bytes(), |bytes| Ok(Self::new(u128::from_be_bytes(bytes)));
    Seed: [u8; 32], |seed| seed.0, |bytes| Ok(Self(bytes));
    Change: Bytes, Self::encode, |bytes| Self::decode(bytes).map_err(|fault| fault.what);
    bool: u64, |yes| u64::from(*yes), |number| match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err("0 or 1"),
    };
    Access: bool, |access| *access == Self::Write, |write| Ok(if write { Self::Write } else { Self::Read });
    // On a machine with smaller numbers than the one that wrote it, what is more than it can count is all it can.
    usize: u64, |number| *number as u64, |number| Ok(Self::try_from(number).unwrap_or(Self::MAX));
    Duration: u64,
        |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
        |nanos| Ok(Self::from_nanos(nanos));
    Code: u64,
        |code| u64::from(code.number()),
        |number| u16::try_from(number).map(Self::from_number).map_err(|_| "a code of 16 bits");
}

impl<const N: usize> Field for [u8; N] {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(self);
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        reader.array_of("a byte string of a certain length")
    }
}

/// No field of which something may be missing begins with `null`.
impl<T: Field> Field for Option<T> {
    fn write(&self, writer: &mut Writer) {
        match self {
            Some(value) => value.write(writer),
            None => drop(writer.null()),
        }
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        if reader.null() { Ok(None) } else { T::read(reader).map(Some) }
    }
}

/// What is in a list is one item each.
impl<T: Field> Field for Vec<T> {
    fn write(&self, writer: &mut Writer) {
        writer.array(self.len());
        self.iter().for_each(|item| item.write(writer));
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        (0..reader.array("a list")?).map(|_| T::read(reader)).collect()
    }
}

/// Structs, as their fields in order.
macro_rules! fields {
    ($($name:ident { $($field:ident),* })*) => {
        $(impl Field for $name {
            fn write(&self, writer: &mut Writer) {
                let Self { $($field),* } = self;
                $($field.write(writer);)*
            }

            fn read(reader: &mut Reader) -> Result<Self, Malformed> {
                $(let $field = Field::read(reader)?;)*
                Ok(Self { $($field),* })
            }
        })*
    };
}

fields! {
    Reason { code, detail }
    Append { name, after, changes, epoch, replaces }
    StoredDocument { changes, epoch }
}

impl Field for Now {
    fn write(&self, writer: &mut Writer) {
        writer.uint(self.mono.as_micros()).uint(self.wall.as_millis());
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        let mono = Time::from_micros(reader.uint("the time in microseconds")?);
        Ok(Self::new(mono, Wall::from_millis(reader.uint("the wall clock in milliseconds")?)))
    }
}

impl Field for Transmit {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Frame(frame) => frame.write(writer),
            Self::Close(reason) => reason.write(writer),
        }
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        if reader.at_bytes() { Bytes::read(reader).map(Self::Frame) } else { Reason::read(reader).map(Self::Close) }
    }
}

impl Field for StoreRequest {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Load { ticket, name } => {
                ticket.write(writer.uint(0));
                name.write(writer);
            }
            Self::Append { ticket, append } => {
                ticket.write(writer.uint(1));
                append.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        match reader.uint("what the store is to do")? {
            0 => Ok(Self::Load { ticket: Field::read(reader)?, name: Field::read(reader)? }),
            1 => Ok(Self::Append { ticket: Field::read(reader)?, append: Field::read(reader)? }),
            _ => Err(reader.fault("0 or 1")),
        }
    }
}

impl Field for Result<StoreReply, StoreFault> {
    fn write(&self, writer: &mut Writer) {
        match self {
            Ok(StoreReply::Loaded(stored)) => stored.write(writer.uint(0)),
            Ok(StoreReply::Appended) => drop(writer.uint(1)),
            Err(StoreFault::Unavailable(what)) => what.write(writer.uint(2)),
            Err(StoreFault::Corrupt(what)) => what.write(writer.uint(3)),
        }
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        Ok(match reader.uint("what the store has answered")? {
            0 => Ok(StoreReply::Loaded(Field::read(reader)?)),
            1 => Ok(StoreReply::Appended),
            2 => Err(StoreFault::Unavailable(Field::read(reader)?)),
            3 => Err(StoreFault::Corrupt(Field::read(reader)?)),
            _ => return Err(reader.fault("0 to 3")),
        })
    }
}

impl Field for Setup {
    fn write(&self, writer: &mut Writer) {
        writer.text(MAGIC).uint(FORMAT);
        self.limits.write(writer);
        self.seed.write(writer);
    }

    fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        if reader.text("a recording")? != MAGIC {
            return Err(reader.fault("a recording"));
        }
        if reader.uint("the number of the format")? != FORMAT {
            return Err(reader.fault("a recording of format 2"));
        }
        Ok(Self { limits: Field::read(reader)?, seed: Field::read(reader)? })
    }
}

macro_rules! limits {
    ($($field:ident)*) => {
        impl Field for Limits {
            fn write(&self, writer: &mut Writer) {
                // All of them: one that is added to the bounds has to be added here, as another format.
                let Self { $($field),* } = self;
                writer.array([$(stringify!($field)),*].len());
                $($field.write(writer);)*
            }

            fn read(reader: &mut Reader) -> Result<Self, Malformed> {
                if reader.array("the bounds")? != [$(stringify!($field)),*].len() {
                    return Err(reader.fault("as many bounds as there are"));
                }
                Ok(Self { $($field: Field::read(reader)?),* })
            }
        }
    };
}

limits! {
    frame_bytes batch_bytes change_bytes block_changes block_bytes greeting_bytes greeting_time name_bytes joins_per_link
    waiting_changes waiting_bytes replicas snapshot_bytes clock_ahead ping_interval idle_unload retry_first retry_most
}
