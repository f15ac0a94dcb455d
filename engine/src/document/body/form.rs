//! The bytes of a body: tags, and numbers, texts and byte strings that may be hostile.

use bytes::Bytes;

use crate::error::Malformed;

/// No operation of a document has this number or a greater one, so that twice a number is a number too.
pub(in crate::document) const NUMBERS: u64 = 1 << 63;

pub(super) const INSERT_ONE: u8 = 0;
pub(super) const INSERT: u8 = 1;
pub(super) const DELETE_ONE: u8 = 2;
pub(super) const DELETE: u8 = 3;
pub(super) const SET_KEY: u8 = 4;
pub(super) const DELETE_KEY: u8 = 5;
pub(super) const NEST: u8 = 6;
pub(super) const SET: u8 = 7;
pub(super) const CLEAR: u8 = 8;
pub(super) const COUNT: u8 = 9;
pub(super) const ADD: u8 = 10;
pub(super) const REMOVE: u8 = 11;
pub(super) const PUT: u8 = 12;
pub(super) const PUT_NESTED: u8 = 13;

/// Where a container was made: at the root, under a name.
pub(super) const ROOT: u64 = 0;
/// At a key of another one.
pub(super) const KEY: u64 = 1;

/// A flag of a tag: the container is that of the writer's last operation, and not mentioned.
pub(super) const SAME: u8 = 0x40;
/// A flag of an insertion: it goes on where the writer's last operation, an insertion too, ended, and its neighbours are not
/// mentioned.
pub(super) const CONTINUES: u8 = 0x80;

/// Reads a body from its beginning to its end.
#[derive(Clone)]
pub(super) struct Cursor {
    bytes: Bytes,
    at: usize,
}

impl Cursor {
    pub(super) const fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn fault(&self, what: &'static str) -> Malformed {
        Malformed::new(self.at, what)
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(super) fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        let byte = self.bytes.get(self.at).copied().ok_or_else(|| self.fault(what))?;
        self.at += 1;
        Ok(byte)
    }

    /// A number in LEB128: seven bits a byte, the lowest first, and no byte more than it takes.
    pub(super) fn number(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte(what)?;
            let digit = u64::from(byte & 0x7f);
            if shift > 0 && byte == 0 || digit << shift >> shift != digit {
                return Err(self.fault("a number of 64 bits in as few bytes as it takes"));
            }
            number |= digit << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.fault("a number of 64 bits in as few bytes as it takes"))
    }

    /// How many items follow, each of at least one byte.
    pub(super) fn count(&mut self, what: &'static str) -> Result<usize, Malformed> {
        let count = self.number(what)?;
        usize::try_from(count).ok().filter(|count| *count <= self.left()).ok_or_else(|| self.fault(what))
    }

    /// A byte string, as a slice of the body: its length and its bytes.
    pub(super) fn bytes(&mut self, what: &'static str) -> Result<Bytes, Malformed> {
        let len = self.count(what)?;
        Ok(self.take(len))
    }

    /// Bytes that are there.
    fn take(&mut self, len: usize) -> Bytes {
        let bytes = self.bytes.slice(self.at..self.at + len);
        self.at += len;
        bytes
    }

    /// A text: the length of its UTF-8 in bytes, and that.
    pub(super) fn text(&mut self, what: &'static str) -> Result<&str, Malformed> {
        let len = self.count(what)?;
        let from = self.at;
        self.at += len;
        std::str::from_utf8(&self.bytes[from..self.at]).map_err(|_| Malformed::new(from, what))
    }

    /// One character in UTF-8, which says itself how long it is.
    pub(super) fn char(&mut self) -> Result<char, Malformed> {
        let what = "a character";
        let first = *self.bytes.get(self.at).ok_or_else(|| self.fault(what))?;
        let len = match first {
            0..0x80 => 1,
            0x80..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0.. => 4,
        };
        let bytes = self.bytes.get(self.at..self.at + len).ok_or_else(|| self.fault(what))?;
        let char = std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next());
        let char = char.ok_or_else(|| self.fault(what))?;
        self.at += len;
        Ok(char)
    }

    /// A number of either sign, those close to nothing in few bytes: 0, -1, 1, -2, 2 …
    pub(super) fn signed(&mut self, what: &'static str) -> Result<i64, Malformed> {
        let number = self.number(what)?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// Eight bytes, the highest first.
    pub(super) fn eight(&mut self, what: &'static str) -> Result<u64, Malformed> {
        let eight = self.bytes[self.at..].first_chunk().copied().ok_or_else(|| self.fault(what))?;
        self.at += 8;
        Ok(u64::from_be_bytes(eight))
    }
}

/// Writes what [`Cursor::number`] reads.
pub(super) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Writes what [`Cursor::signed`] reads.
pub(super) fn write_signed(out: &mut Vec<u8>, number: i64) {
    write_number(out, (number << 1 ^ number >> 63) as u64);
}

/// Writes what [`Cursor::bytes`] and [`Cursor::text`] read.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(bytes: &[u8]) -> Result<u64, Malformed> {
        let mut cursor = Cursor::new(Bytes::copy_from_slice(bytes));
        cursor
            .number("a number")
            .and_then(|number| if cursor.left() == 0 { Ok(number) } else { Err(cursor.fault("end")) })
    }

    #[test]
    fn numbers_have_one_form_each() {
        for value in (0..64).flat_map(|bits| [1 << bits, (1 << bits) - 1, 1 << bits | 1]).chain([u64::MAX]) {
            let mut out = Vec::new();
            write_number(&mut out, value);
            assert_eq!(number(&out), Ok(value));
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
            write_signed(&mut out, value);
            assert_eq!(Cursor::new(out.clone().into()).signed("a number"), Ok(value));
            assert_eq!(out.len() == 1, (-64..64).contains(&value));
        }
    }

    #[test]
    fn a_length_that_cannot_be_true_is_refused_and_so_is_what_is_not_utf_8() {
        let cursor = |bytes: &'static [u8]| Cursor::new(Bytes::from_static(bytes));
        assert!(cursor(&[0xff, 0xff, 0xff, 0xff, 0x7f]).bytes("bytes").is_err());
        assert!(cursor(&[3, b'a', b'b']).text("text").is_err());
        assert!(cursor(&[2, 0xc3, 0x28]).text("text").is_err());
        for bad in [&[][..], &[0x80], &[0xc3], &[0xc0, 0x80], &[0xed, 0xa0, 0x80], &[0xf8, 0x88, 0x80, 0x80]] {
            assert!(Cursor::new(Bytes::copy_from_slice(bad)).char().is_err(), "{bad:02x?}");
        }
        let mut both = cursor("é😀".as_bytes());
        assert_eq!((both.char(), both.char(), both.left()), (Ok('é'), Ok('😀'), 0));
    }
}
