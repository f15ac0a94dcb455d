//! A change: what one transaction on one replica produced.

use std::fmt;

use bytes::Bytes;

use super::{clock::Hlc, version::Frontier};
use crate::{
    codec::{Reader, Writer},
    error::Malformed,
    id::{OpId, ReplicaId},
};

/// A small readable header and an opaque body.
///
/// Everything the sync layer decides, it decides from the header; only a document opens the body. Cloning is cheap: the
/// body is shared.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Who made it.
    pub replica: ReplicaId,
    /// The number of its first operation.
    pub seq: u64,
    /// How many operations it covers; at least one.
    pub len: u64,
    /// When it was made; greater than the clock of everything it depends on.
    pub clock: Hlc,
    /// What its maker had seen, besides the maker's own earlier changes: these are always a dependency and never named.
    pub deps: Frontier,
    /// The operations, in whatever form the maker's kind of document writes them.
    pub body: Bytes,
}

impl Change {
    /// Its first operation, by which a change is named.
    pub const fn id(&self) -> OpId {
        OpId::new(self.replica, self.seq)
    }

    /// The number after its last operation. Saturates; a change for which that matters is refused by every log.
    pub const fn end(&self) -> u64 {
        self.seq.saturating_add(self.len)
    }

    /// Its last operation, by which later changes depend on it.
    pub const fn last(&self) -> OpId {
        OpId::new(self.replica, self.end().saturating_sub(1))
    }

    /// Its bytes when it stands alone: in a store, a file or a message of the application's own.
    ///
    /// The same layout as in a frame (`docs/protocol.md`), with every replica named in full.
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::new();
        self.write(&mut writer, |replica, writer| {
            writer.bytes(&replica.bits().to_be_bytes());
        });
        writer.finish()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let change = Self::read(&mut reader, read_replica)?;
        reader.finish()?;
        Ok(change)
    }

    /// Writes the change with replicas written by `name`: in full, or by a number both sides of a link know.
    pub(crate) fn write(&self, writer: &mut Writer, name: impl Fn(ReplicaId, &mut Writer)) {
        writer.array(6);
        name(self.replica, writer);
        writer.uint(self.seq).uint(self.len).uint(self.clock.bits()).array(2 * self.deps.len());
        for dep in self.deps.iter() {
            name(dep.replica, writer);
            writer.uint(dep.seq);
        }
        writer.bytes(&self.body);
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(crate) fn read(
        reader: &mut Reader,
        name: impl Fn(&mut Reader) -> Result<ReplicaId, Malformed>,
    ) -> Result<Self, Malformed> {
        let more = reader.fields(6, "a change")?;
        let replica = name(reader)?;
        let seq = reader.uint("a change's first operation")?;
        let len = reader.uint("a change's length")?;
        let clock = Hlc::from_bits(reader.uint("a change's clock")?);
        let deps = reader.array("a change's dependencies")?;
        if deps % 2 != 0 {
            return Err(reader.fault("pairs of replica and number"));
        }
        let deps = (0..deps / 2)
            .map(|_| Ok(OpId::new(name(reader)?, reader.uint("a dependency's number")?)))
            .collect::<Result<_, Malformed>>()?;
        let body = reader.bytes("a change's body")?;
        reader.skip(more)?;
        Ok(Self { replica, seq, len, clock, deps, body })
    }
}

/// Reads a replica that is named in full.
pub(crate) fn read_replica(reader: &mut Reader) -> Result<ReplicaId, Malformed> {
    Ok(ReplicaId::new(u64::from_be_bytes(reader.array_of("a replica id of 8 bytes")?)))
}

impl fmt::Debug for Change {
    /// Domain notation: `3..5@r1 clock 1000.0 after {2@r7}, 12 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}@{:?} clock {}", self.seq, self.end(), self.replica, self.clock)?;
        if !self.deps.is_empty() {
            write!(f, " after {:?}", self.deps)?;
        }
        write!(f, ", {} bytes", self.body.len())
    }
}
