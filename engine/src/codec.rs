//! CBOR (RFC 8949) items, read one by one from bytes that may be hostile and written one by one.
//!
//! A [`Reader`] can only move forward, never allocates for a claim (an array of *n* items must have at least *n* bytes
//! left to come from), and hands out byte strings as slices of what it reads. Definite lengths only. An array that is
//! longer than expected has its tail skipped: that is how later versions add fields.

use bytes::Bytes;
use ciborium_ll::{Decoder, Encoder, Header, simple};

use crate::error::Malformed;

/// How deep an item that is skipped may be nested.
const SKIP_DEPTH: usize = 16;

#[derive(Clone)]
pub(crate) struct Reader {
    bytes: Bytes,
    at: usize,
}

impl Reader {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn fault(&self, what: &'static str) -> Malformed {
        Malformed::new(self.at, what)
    }

    /// How many bytes have been read.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    fn header(&mut self, what: &'static str) -> Result<Header, Malformed> {
        let mut decoder = Decoder::from(&self.bytes[self.at..]);
        let header = decoder.pull().map_err(|_| self.fault(what))?;
        self.at += decoder.offset();
        Ok(header)
    }

    fn peek(&self, what: &'static str) -> Result<Header, Malformed> {
        self.clone().header(what)
    }

    /// How many bytes have not been read.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next `len` bytes of the item whose header was just read.
    fn take(&mut self, len: usize, what: &'static str) -> Result<Bytes, Malformed> {
        if len > self.left() {
            return Err(self.fault(what));
        }
        let taken = self.bytes.slice(self.at..self.at + len);
        self.at += len;
        Ok(taken)
    }

    /// A whole number that is not negative.
    pub(crate) fn uint(&mut self, what: &'static str) -> Result<u64, Malformed> {
        match self.header(what)? {
            Header::Positive(number) => Ok(number),
            _ => Err(self.fault(what)),
        }
    }

    /// A byte string, as a slice of what is read.
    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<Bytes, Malformed> {
        match self.header(what)? {
            Header::Bytes(Some(len)) => self.take(len, what),
            _ => Err(self.fault(what)),
        }
    }

    /// A byte string of exactly `N` bytes.
    pub(crate) fn array_of<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        let bytes = self.bytes(what)?;
        <[u8; N]>::try_from(&bytes[..]).map_err(|_| self.fault(what))
    }

    /// A text.
    pub(crate) fn text(&mut self, what: &'static str) -> Result<String, Malformed> {
        match self.header(what)? {
            Header::Text(Some(len)) => {
                let bytes = self.take(len, what)?;
                String::from_utf8(bytes.into()).map_err(|_| self.fault(what))
            }
            _ => Err(self.fault(what)),
        }
    }

    /// The start of an array: how many items follow.
    pub(crate) fn array(&mut self, what: &'static str) -> Result<usize, Malformed> {
        match self.header(what)? {
            Header::Array(Some(len)) if len <= self.left() => Ok(len),
            _ => Err(self.fault(what)),
        }
    }

    /// The start of an array of at least `known` items: how many more than these follow.
    pub(crate) fn fields(&mut self, known: usize, what: &'static str) -> Result<usize, Malformed> {
        self.array(what)?.checked_sub(known).ok_or_else(|| self.fault(what))
    }

    /// Passes over `null` if that is next.
    pub(crate) fn null(&mut self) -> bool {
        let null = matches!(self.peek("null"), Ok(Header::Simple(simple::NULL)));
        if null {
            self.at += 1;
        }
        null
    }

    /// Whether the next item is a byte string.
    pub(crate) fn at_bytes(&self) -> bool {
        matches!(self.peek("an item"), Ok(Header::Bytes(_)))
    }

    /// Passes over `items` items of any kind: fields that a later version added.
    pub(crate) fn skip(&mut self, items: usize) -> Result<(), Malformed> {
        let mut open = vec![items];
        while let Some(left) = open.last_mut() {
            if *left == 0 {
                open.pop();
                continue;
            }
            *left -= 1;
            let inner = match self.header("an item")? {
                Header::Positive(_) | Header::Negative(_) | Header::Float(_) | Header::Simple(_) => 0,
                Header::Tag(_) => 1,
                Header::Bytes(Some(len)) | Header::Text(Some(len)) => {
                    self.take(len, "a string as long as it says")?;
                    0
                }
                Header::Array(Some(len)) if len <= self.left() => len,
                Header::Map(Some(len)) if len <= self.left() / 2 => 2 * len,
                _ => return Err(self.fault("a definite length that can be true")),
            };
            if open.len() > SKIP_DEPTH {
                return Err(self.fault("less nesting"));
            }
            open.push(inner);
        }
        Ok(())
    }

    /// Nothing may follow.
    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.left() == 0 { Ok(()) } else { Err(self.fault("the end")) }
    }
}

#[derive(Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn push(&mut self, header: Header) {
        Encoder::from(&mut self.out).push(header).expect("a Vec takes every byte");
    }

    pub(crate) fn uint(&mut self, number: u64) -> &mut Self {
        self.push(Header::Positive(number));
        self
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.push(Header::Bytes(Some(bytes.len())));
        self.out.extend_from_slice(bytes);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.push(Header::Text(Some(text.len())));
        self.out.extend_from_slice(text.as_bytes());
        self
    }

    pub(crate) fn array(&mut self, len: usize) -> &mut Self {
        self.push(Header::Array(Some(len)));
        self
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        self.push(Header::Simple(simple::NULL));
        self
    }

    pub(crate) fn finish(self) -> Bytes {
        self.out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(bytes: &'static [u8]) -> Reader {
        Reader::new(Bytes::from_static(bytes))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut writer = Writer::new();
        writer.array(5).uint(u64::MAX).bytes(b"ab").text("😀").null().uint(0);
        let mut reader = Reader::new(writer.finish());
        assert_eq!(reader.array("array"), Ok(5));
        assert_eq!(reader.uint("uint"), Ok(u64::MAX));
        assert_eq!(reader.bytes("bytes"), Ok(Bytes::from_static(b"ab")));
        assert_eq!(reader.text("text"), Ok("😀".into()));
        assert!(reader.null() && !reader.null());
        assert_eq!(reader.uint("uint"), Ok(0));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn a_length_that_cannot_be_true_is_refused_before_anything_is_allocated() {
        assert!(reader(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff").array("array").is_err());
        assert!(reader(b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff").bytes("bytes").is_err());
        assert!(reader(b"\x7a\xff\xff\xff\xff").text("text").is_err());
        assert!(reader(b"\xbb\x7f\xff\xff\xff\xff\xff\xff\xff").skip(1).is_err());
    }

    #[test]
    fn indefinite_lengths_and_truncated_items_are_refused() {
        assert!(reader(b"\x9f\x00\xff").array("array").is_err());
        assert!(reader(b"\x5f\x41\x00\xff").bytes("bytes").is_err());
        assert!(reader(b"\x19\x01").uint("uint").is_err());
        assert!(reader(b"").uint("uint").is_err());
    }

    #[test]
    fn skipping_passes_over_whole_items_and_refuses_bottomless_ones() {
        let mut nested = reader(b"\x82\xa1\x01\x82\x02\x43abc\xc1\xfb\0\0\0\0\0\0\0\0\x07");
        nested.skip(1).expect("one array");
        assert_eq!(nested.uint("after it"), Ok(7));
        let deep = Bytes::from(vec![0x81; 100_000]);
        assert!(Reader::new(deep).skip(1).is_err());
    }
}
