//! A change: what one transaction on one replica produced.

use std::fmt;

use bytes::Bytes;

use super::{clock::Hlc, version::Frontier};
use crate::{
    codec::Reader,
    error::Malformed,
    id::{OpId, ReplicaId},
    packed::{Unpacker, pack_number, packed_len},
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
    /// The same layout as in a frame (`docs/protocol.md`), with every replica named in full, and the body's length before
    /// the body.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.pack_header(&mut out, |replica, out| out.extend(replica.bits().to_be_bytes()));
        pack_number(&mut out, self.body.len() as u64);
        out.extend_from_slice(&self.body);
        out.into()
    }

    /// How many bytes [`encode`](Self::encode) writes.
    pub fn encoded_len(&self) -> usize {
        let Self { replica: _, seq, len, clock, deps, body } = self;
        let counted = |number: u64, flag: bool| if flag { 0 } else { packed_len(number) };
        let deps: usize =
            deps.iter().map(|dep| 8 + packed_len(dep.seq)).sum::<usize>() + counted(deps.len() as u64, deps.is_empty());
        let clock = packed_len(clock.millis()) + counted(u64::from(clock.counter()), clock.counter() == 0);
        let body = packed_len(body.len() as u64) + body.len();
        1 + 8 + packed_len(*seq) + counted(*len, *len == 1) + clock + deps + body
    }

    /// The same, or more: found without looking at the numbers.
    pub(crate) fn encoded_len_at_most(&self) -> usize {
        const NUMBER: usize = 10;
        const HEADER: usize = 1 + 8 + 6 * NUMBER;
        HEADER + self.deps.len() * (8 + NUMBER) + self.body.len()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// If the bytes are not in the form of a change. Any that are, [`encode`](Self::encode) gives again.
    pub fn decode(bytes: Bytes) -> Result<Self, Malformed> {
        let mut bytes = Unpacker::new(bytes);
        let mut change = Self::unpack_header(&mut bytes, |bytes| Ok(ReplicaId::new(bytes.eight("a replica id")?)))?;
        if bytes.count("a body's length")? != bytes.left() {
            return Err(bytes.fault("a body of this length, and no more"));
        }
        change.body = bytes.rest();
        Ok(change)
    }

    /// Writes the change but for its body, with replicas written by `name`: in full, or by a number both sides of a link
    /// know.
    pub(crate) fn pack_header(&self, out: &mut Vec<u8>, name: impl Fn(ReplicaId, &mut Vec<u8>)) {
        let mut flags = 0;
        for (flag, applies) in
            [(ONE, self.len == 1), (FIRST, self.clock.counter() == 0), (AFTER, !self.deps.is_empty())]
        {
            flags |= if applies { flag } else { 0 };
        }
        out.push(flags);
        name(self.replica, out);
        pack_number(out, self.seq);
        if flags & ONE == 0 {
            pack_number(out, self.len);
        }
        pack_number(out, self.clock.millis());
        if flags & FIRST == 0 {
            pack_number(out, u64::from(self.clock.counter()));
        }
        if flags & AFTER != 0 {
            pack_number(out, self.deps.len() as u64);
            for dep in self.deps.iter() {
                name(dep.replica, out);
                pack_number(out, dep.seq);
            }
        }
    }

    /// Reads what [`pack_header`](Self::pack_header) wrote: a change without a body.
    pub(crate) fn unpack_header(
        bytes: &mut Unpacker,
        name: impl Fn(&mut Unpacker) -> Result<ReplicaId, Malformed>,
    ) -> Result<Self, Malformed> {
        let flags = bytes.byte("a change")?;
        if flags & !(ONE | FIRST | AFTER) != 0 {
            return Err(bytes.fault("flags that are known"));
        }
        let replica = name(bytes)?;
        let seq = bytes.number("a change's first operation")?;
        let len = if flags & ONE != 0 { 1 } else { bytes.number("a change's length")? };
        let millis = bytes.number("a change's clock")?;
        let counter = if flags & FIRST != 0 { 0 } else { bytes.number("a clock's counter")? };
        // What has a flag of its own is written by it.
        if flags & ONE == 0 && len == 1 || flags & FIRST == 0 && counter == 0 {
            return Err(bytes.fault("a flag in place of a number"));
        }
        let counter = u16::try_from(counter).map_err(|_| bytes.fault("a counter of 16 bits"))?;
        if millis >> 48 != 0 {
            return Err(bytes.fault("milliseconds of 48 bits"));
        }
        let mut deps = Frontier::new();
        if flags & AFTER != 0 {
            let count = bytes.count("a change's dependencies")?;
            let named = (0..count).map(|_| Ok(OpId::new(name(bytes)?, bytes.number("a dependency's number")?)));
            let named = named.collect::<Result<Vec<_>, Malformed>>()?;
            if named.is_empty() || !named.windows(2).all(|pair| pair[0] < pair[1]) {
                return Err(bytes.fault("dependencies in their order, at least one"));
            }
            deps = named.into_iter().collect();
        }
        Ok(Self { replica, seq, len, clock: Hlc::new(millis, counter), deps, body: Bytes::new() })
    }
}

/// It covers one operation.
const ONE: u8 = 1;
/// The counter of its clock is zero.
const FIRST: u8 = 2;
/// It names dependencies.
const AFTER: u8 = 4;

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
