//! How operations name each other.

use super::{
    hands::Hand,
    replicas::{Entry, INDICES},
};
use crate::{
    error::Malformed,
    packed::{Unpacker, pack_number, pack_signed},
    proof::{Fault, planted},
};

/// How a body names an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mention {
    /// The beginning, or the end.
    None,
    /// One of the writer's own.
    Own { seq: u64 },
    /// One of another writer's, who is known by an index.
    Known { index: u64, seq: u64 },
    /// One of another writer's, who has the index from then on. The other's place in the table.
    New { index: u64, place: u32, seq: u64 },
}

/// The greatest number for a way to name an operation.
pub(super) const WAYS: u64 = 7;
pub(super) const NONE: u64 = 2;
pub(super) const OWN: u64 = 3;
pub(super) const KNOWN: u64 = 4;
pub(super) const NEW: u64 = 5;

impl Mention {
    /// The number for the way in which it names an operation; smaller ones are for operations that are expected.
    pub(super) const fn way(self) -> u64 {
        match self {
            Self::None => NONE,
            Self::Own { .. } => OWN,
            Self::Known { .. } => KNOWN,
            Self::New { .. } => NEW,
        }
    }

    /// Writes it as it stands in a body, in the operation `seq`. `None` if that cannot be.
    pub(super) fn write(self, out: &mut Vec<u8>, seq: u64, table: &[Entry]) -> Option<()> {
        match self {
            Self::None => out.push(0),
            Self::Own { seq: own } => {
                let back = seq.checked_sub(own).filter(|back| (1..1 << 63).contains(back))?;
                pack_number(out, 2 * back);
            }
            Self::Known { index, seq } | Self::New { index, seq, .. } => {
                pack_number(out, 2 * index + 1);
                if let Self::New { place, .. } = self {
                    out.extend(table.get(place as usize)?.id.bits().to_be_bytes());
                }
                pack_number(out, seq);
            }
        }
        Some(())
    }

    /// Writes it into a column, but for the way.
    pub(super) fn pack_rest(self, hand: &Hand, out: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Own { seq } => pack_signed(out, hand.near().wrapping_sub(seq) as i64),
            Self::Known { index, seq } => {
                pack_number(out, index);
                pack_signed(out, hand.near_other(index).wrapping_sub(seq) as i64);
            }
            Self::New { index, place, seq } => {
                pack_number(out, index);
                pack_number(out, place.into());
                pack_number(out, seq);
            }
        }
    }

    /// Reads what [`pack_rest`](Self::pack_rest) wrote.
    pub(super) fn unpack_rest(
        way: u64,
        hand: &mut Hand,
        bytes: &mut Unpacker,
        table: &[Entry],
    ) -> Result<Self, Malformed> {
        Ok(match way {
            NONE => Self::None,
            OWN => Self::Own { seq: hand.near().wrapping_sub(bytes.signed("an operation")? as u64) },
            KNOWN => {
                let index = index(bytes)?;
                Self::Known { index, seq: hand.near_other(index).wrapping_sub(bytes.signed("an operation")? as u64) }
            }
            NEW => {
                let index = index(bytes)?;
                let place = u32::try_from(bytes.number("a replica")?).ok();
                let place = place.filter(|place| (*place as usize) < table.len());
                let new = place.and_then(|place| hand.introduce(index, place).map(|()| place));
                let place = new.ok_or_else(|| bytes.fault("a replica that is new"))?;
                let seq = bytes.number("an operation")?;
                if planted(Fault::IntroductionLost) {
                    Self::Known { index, seq }
                } else {
                    Self::New { index, place, seq }
                }
            }
            _ => return Err(bytes.fault("a known shape")),
        })
    }

    /// Writes it into a column.
    pub(super) fn pack(self, hand: &Hand, out: &mut Vec<u8>) {
        pack_number(out, self.way());
        self.pack_rest(hand, out);
    }

    /// Reads what [`pack`](Self::pack) wrote.
    pub(super) fn unpack(bytes: &mut Unpacker, hand: &mut Hand, table: &[Entry]) -> Result<Self, Malformed> {
        let way = bytes.number("a way to name an operation")?;
        Self::unpack_rest(way, hand, bytes, table)
    }
}

fn index(bytes: &mut Unpacker) -> Result<u64, Malformed> {
    let index = bytes.number("an index")?;
    if index < INDICES { Ok(index) } else { Err(bytes.fault("an index that can be written")) }
}
