//! Numbers, texts and byte strings in as few bytes as they take, from and to bytes that may be hostile.
//!
//! Frames are CBOR, so that any language reads them; what stands in them by the thousand is packed. Everything has one
//! form only, and nothing that is read allocates more than the bytes that are there.

use std::borrow::Borrow;

use bytes::{Buf, Bytes};

use crate::error::Malformed;

/// Reads from the beginning to the end of bytes that are its own, or someone else's.
#[derive(Clone)]
pub(crate) struct Unpacker<B = Bytes> {
    bytes: B,
    at: usize,
}

impl<B: Borrow<Bytes>> Unpacker<B> {
    pub(crate) const fn new(bytes: B) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn fault(&self, what: &'static str) -> Malformed {
        Malformed::new(self.at, what)
    }

    fn there(&self) -> &Bytes {
        self.bytes.borrow()
    }

    pub(crate) fn left(&self) -> usize {
        self.there().len() - self.at
    }

    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        let byte = self.there().get(self.at).copied().ok_or_else(|| self.fault(what))?;
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

    /// A byte string, as a slice of what is read: its length and its bytes.
    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<Bytes, Malformed> {
        let len = self.count(what)?;
        Ok(self.take(len))
    }

    /// A byte string whose length was said already.
    pub(crate) fn slice(&mut self, len: u64, what: &'static str) -> Result<Bytes, Malformed> {
        let len = usize::try_from(len).ok().filter(|len| *len <= self.left()).ok_or_else(|| self.fault(what))?;
        Ok(self.take(len))
    }

    /// Bytes that are there.
    fn take(&mut self, len: usize) -> Bytes {
        let bytes = self.there().slice(self.at..self.at + len);
        self.at += len;
        bytes
    }

    /// A text: the length of its UTF-8 in bytes, and that.
    pub(crate) fn text(&mut self, what: &'static str) -> Result<&str, Malformed> {
        let len = self.count(what)?;
        let from = self.at;
        self.at += len;
        text_in(self.there(), from, self.at, what)
    }

    /// One character in UTF-8, which says itself how long it is.
    pub(crate) fn char(&mut self) -> Result<char, Malformed> {
        let from = self.at;
        self.at += char_len(self.there(), from)?;
        let char = text_in(self.there(), from, self.at, CHARACTER)?.chars().next();
        char.ok_or_else(|| Malformed::new(from, CHARACTER))
    }

    /// The characters that come next, at most so many, up to the first that is not of ASCII.
    pub(crate) fn ascii(&mut self, most: usize) -> &[u8] {
        let bytes: &Bytes = self.bytes.borrow();
        let rest = &bytes[self.at..];
        let rest = &rest[..most.min(rest.len())];
        let count = if rest.is_ascii() { rest.len() } else { rest.iter().take_while(|byte| byte.is_ascii()).count() };
        self.at += count;
        &rest[..count]
    }

    /// A number of either sign, those close to nothing in few bytes: 0, -1, 1, -2, 2 …
    pub(crate) fn signed(&mut self, what: &'static str) -> Result<i64, Malformed> {
        let number = self.number(what)?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// Eight bytes, the highest first.
    pub(crate) fn eight(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let eight = self.there()[self.at..].first_chunk().copied().ok_or_else(|| self.fault(what))?;
        self.at += 8;
        Ok(u64::from_be_bytes(eight))
    }
}

impl Unpacker {
    /// All that is left.
    pub(crate) fn rest(self) -> Bytes {
        let Self { mut bytes, at } = self;
        bytes.advance(at);
        bytes
    }
}

impl<'a> Unpacker<&'a Bytes> {
    /// What [`text`](Self::text) reads, where it stands.
    pub(crate) fn text_there(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        let len = self.count(what)?;
        let from = self.at;
        self.at += len;
        text_in(self.bytes, from, self.at, what)
    }

    /// What [`char`](Self::char) reads, where it stands.
    pub(crate) fn char_there(&mut self) -> Result<&'a str, Malformed> {
        let from = self.at;
        self.at += char_len(self.bytes, from)?;
        text_in(self.bytes, from, self.at, CHARACTER)
    }
}

const CHARACTER: &str = "a character";

/// How many bytes the character takes that begins here, as its first one says; they are there.
fn char_len(bytes: &[u8], at: usize) -> Result<usize, Malformed> {
    let len = match bytes.get(at) {
        Some(0..0x80) => 1,
        Some(0x80..0xe0) => 2,
        Some(0xe0..0xf0) => 3,
        Some(0xf0..) | None => 4,
    };
    if at + len <= bytes.len() { Ok(len) } else { Err(Malformed::new(at, CHARACTER)) }
}

fn text_in<'a>(bytes: &'a [u8], from: usize, to: usize, what: &'static str) -> Result<&'a str, Malformed> {
    std::str::from_utf8(&bytes[from..to]).map_err(|_| Malformed::new(from, what))
}

/// Writes what [`Unpacker::number`] reads.
pub(crate) fn pack_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes what [`Unpacker::signed`] reads.
pub(crate) fn pack_signed(out: &mut Vec<u8>, number: i64) {
    pack_number(out, (number << 1 ^ number >> 63) as u64);
}

/// Writes what [`Unpacker::bytes`] and [`Unpacker::text`] read.
pub(crate) fn pack_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    pack_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// How many bytes [`pack_number`] writes.
pub(crate) const fn packed_len(number: u64) -> usize {
    let bits = (u64::BITS - number.leading_zeros()) as usize;
    if bits == 0 { 1 } else { bits.div_ceil(7) }
}

/// How many bytes two things begin with that are the same.
#[inline]
pub(crate) fn common(one: &[u8], other: &[u8]) -> usize {
    let mut len = 0;
    // Eight at a time.
    while let (Some(here), Some(there)) = (one[len..].first_chunk(), other[len..].first_chunk()) {
        let differ = u64::from_le_bytes(*here) ^ u64::from_le_bytes(*there);
        if differ != 0 {
            return len + (differ.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    len + one[len..].iter().zip(&other[len..]).take_while(|(here, there)| here == there).count()
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

    #[test]
    fn numbers_of_either_sign_are_read_back() {
        for value in [0, -1, 1, -64, 63, 64, i64::MIN, i64::MAX] {
            let mut out = Vec::new();
            pack_signed(&mut out, value);
            assert_eq!(Unpacker::new(Bytes::from(out.clone())).signed("a number"), Ok(value));
            assert_eq!(out.len() == 1, (-64..64).contains(&value));
        }
    }

    #[test]
    fn a_length_that_cannot_be_true_is_refused_and_so_is_what_is_not_utf_8() {
        let cursor = |bytes: &'static [u8]| Unpacker::new(Bytes::from_static(bytes));
        assert!(cursor(&[0xff, 0xff, 0xff, 0xff, 0x7f]).bytes("bytes").is_err());
        assert!(cursor(&[3, b'a', b'b']).text("text").is_err());
        assert!(cursor(&[2, 0xc3, 0x28]).text("text").is_err());
        for bad in [&[][..], &[0x80], &[0xc3], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[0xf8, 0x88, 0x80, 0x80]] {
            assert!(Unpacker::new(Bytes::copy_from_slice(bad)).char().is_err(), "{bad:02x?}");
        }
        let mut both = cursor("é😀".as_bytes());
        assert_eq!((both.char(), both.char(), both.left()), (Ok('é'), Ok('😀'), 0));
    }
}
