//! Values in CBOR, as what they are made of: integers, texts, and all else.
//!
//! Only the shortest way to write an integer or a text is one here; any other bytes are bytes.

/// What a value is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form<'a> {
    Integer(i64),
    /// The UTF-8 of a text, or what stands there in its place.
    Text(&'a [u8]),
    /// One byte that is all.
    One(u8),
    /// The eight bytes of a float.
    Float([u8; 8]),
    Other,
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const TEXT: u8 = 3;
const FLOAT: u8 = 0xfb;

impl<'a> Form<'a> {
    pub(super) fn of(value: &'a [u8]) -> Self {
        let one = |first: &u8| if value.len() == 1 { Self::One(*first) } else { Self::Other };
        let Some(first) = value.first() else { return Self::Other };
        let major = first >> 5;
        match major {
            UNSIGNED | NEGATIVE | TEXT => {}
            _ if *first == FLOAT => return value[1..].try_into().map_or(Self::Other, Self::Float),
            _ => return one(first),
        }
        let Some((number, rest)) = head(value) else { return one(first) };
        match major {
            TEXT if rest.len() as u64 == number => Self::Text(rest),
            UNSIGNED | NEGATIVE if rest.is_empty() && number <= i64::MAX as u64 => {
                Self::Integer(if major == UNSIGNED { number as i64 } else { !(number as i64) })
            }
            _ => one(first),
        }
    }
}

/// The number that an item begins with, in as few bytes as it takes, and what is behind it.
fn head(value: &[u8]) -> Option<(u64, &[u8])> {
    let (first, rest) = value.split_first()?;
    let digits = match first & 0x1f {
        small @ 0..24 => return Some((small.into(), rest)),
        wide @ 24..28 => 1 << (wide - 24),
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(digits)?;
    let number = digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit));
    let least = if digits.len() == 1 { 24 } else { 1 << (digits.len() * 4) };
    (number >= least).then_some((number, rest))
}

fn push_head(out: &mut Vec<u8>, major: u8, number: u64) {
    let bytes = number.to_be_bytes();
    let (low, digits) = match number {
        0..24 => (number as u8, 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | low);
    out.extend_from_slice(&bytes[8 - digits..]);
}

/// Writes the value that is this integer.
pub(super) fn push_integer(out: &mut Vec<u8>, number: i64) {
    let (major, number) = if number < 0 { (NEGATIVE, !number) } else { (UNSIGNED, number) };
    push_head(out, major, number as u64);
}

/// Writes the value that is this text.
pub(super) fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    push_head(out, TEXT, text.len() as u64);
    out.extend_from_slice(text);
}

/// Writes the value that is this float.
pub(super) fn push_float(out: &mut Vec<u8>, bytes: [u8; 8]) {
    out.push(FLOAT);
    out.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_for_an_integer_a_text_or_a_float_is_the_same_bytes_again() {
        let same = |value: &[u8]| {
            let mut out = Vec::new();
            match Form::of(value) {
                Form::Integer(number) => push_integer(&mut out, number),
                Form::Text(bytes) => push_text(&mut out, bytes),
                Form::Float(bytes) => push_float(&mut out, bytes),
                Form::One(byte) => out.push(byte),
                Form::Other => out.extend_from_slice(value),
            }
            out
        };
        for first in 0..=u8::MAX {
            for second in [0, 1, 23, 24, 25, 0x7f, 0x80, 0xff] {
                for len in [1, 2, 3, 4, 5, 6, 9, 10, 26, 27, 258, 259] {
                    for rest in [0, 1, 0xff] {
                        let value: Vec<u8> =
                            [first, second].into_iter().chain(std::iter::repeat(rest)).take(len).collect();
                        assert_eq!(same(&value), value);
                    }
                }
            }
        }
    }

    #[test]
    fn integers_texts_and_floats_are_recognised() {
        for number in (0..63).flat_map(|bits| [1 << bits, (1 << bits) - 1, -1 << bits]).chain([i64::MAX, i64::MIN]) {
            let mut value = Vec::new();
            push_integer(&mut value, number);
            assert_eq!(Form::of(&value), Form::Integer(number));
        }
        assert_eq!(Form::of(b"\x65later"), Form::Text(b"later"));
        assert_eq!(Form::of(b"\xfb\x3f\xf0\0\0\0\0\0\0"), Form::Float([0x3f, 0xf0, 0, 0, 0, 0, 0, 0]));
        for (value, form) in [(&[0xf4][..], Form::One(0xf4)), (&[0x61], Form::One(0x61)), (&[], Form::Other)] {
            assert_eq!(Form::of(value), form);
        }
        // Longer than they have to be, or too large.
        for value in [&[0x18, 23][..], &[0x19, 0, 255], &[0x78, 1, b'a'], b"\x1b\x80\0\0\0\0\0\0\0", &[0x61, 1, 2]] {
            assert_eq!(Form::of(value), Form::Other);
        }
    }
}
