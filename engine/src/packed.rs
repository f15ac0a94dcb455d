//! Numbers, texts and byte strings in as few bytes as they take, from and to bytes that may be hostile.
//!
//! Frames are CBOR, so that any language reads them; what stands in them by the thousand is packed. Everything has one
//! form only, and nothing that is read allocates more than the bytes that are there.

use bytes::Bytes;

use crate::error::Malformed;

/// Reads from the beginning to the end.
#[derive(Clone)]
pub(crate) struct Unpacker {
    bytes: Bytes,
    at: usize,
}

impl Unpacker {
    pub(crate) const fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn fault(&self, what: &'static str) -> Malformed {
        Malformed::new(self.at, what)
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.fault(what))?;
        self.at += 1;
        Ok(byte)
    }

    /// A number in LEB128: seven bits a byte, the lowest first, and no byte more than it takes.
    pub(crate) fn number(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte(what)?;
            let digit = u64::from(byte & 0x7f);
            if shift > 0 && byte == 0 || digit << shift >> shift != digit {
                break;
            }
            number |= digit << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.fault("a number of 64 bits in as few bytes as it takes"))
    }

    /// How many items follow, each of at least one byte.
    pub(crate) fn count(&mut self, what: &'static str) -> Result<usize, Malformed> {
        let count = self.number(what)?;
        usize::try_from(count).ok().filter(|count| *count <= self.left()).ok_or_else(|| self.fault(what))
    }

    /// Eight bytes, the highest first.
    pub(crate) fn eight(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let eight = self.bytes[self.at..].first_chunk().copied().ok_or_else(|| self.fault(what))?;
        self.at += 8;
        Ok(u64::from_be_bytes(eight))
    }

    /// All that is left, as a slice of what is read.
    pub(crate) fn rest(self) -> Bytes {
        self.bytes.slice(self.at..)
    }
}

/// Writes what [`Unpacker::number`] reads.
pub(crate) fn pack_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// How many bytes [`pack_number`] writes.
pub(crate) const fn packed_len(number: u64) -> usize {
    let bits = (u64::BITS - number.leading_zeros()) as usize;
    if bits == 0 { 1 } else { bits.div_ceil(7) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8]) -> Result<u64, Malformed> {
        let mut packed = Unpacker::new(Bytes::copy_from_slice(bytes));
        let number = packed.number("a number")?;
        if packed.left() == 0 { Ok(number) } else { Err(packed.fault("the end")) }
    }

    #[test]
    fn numbers_have_one_form_each() {
        for value in (0..64).flat_map(|bits| [1 << bits, (1 << bits) - 1, 1 << bits | 1]).chain([u64::MAX]) {
            let mut out = Vec::new();
            pack_number(&mut out, value);
            assert_eq!((number(&out), packed_len(value)), (Ok(value), out.len()));
            let last = out.len() - 1;
            out[last] |= 0x80;
            assert!(number(&out).is_err(), "{out:02x?} goes on");
            out.push(0);
            assert!(number(&out).is_err(), "{out:02x?} is too long");
        }
        assert!(number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]).is_err(), "more than 64 bits");
    }
}
