//! Values of maps and registers: anything serde knows, in CBOR.

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};

/// How deep a value may be nested. Deeper ones are refused when written, so that every reader can read what is written.
const DEPTH: usize = 64;

/// How much room a value gets at first, in bytes.
const SHORT: usize = 16;

/// A value that is not what was asked for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The value that is here does not read as the asked type: someone wrote another type there, or garbage.
    #[error("the value does not read as the asked type: {0}")]
    Mismatch(String),
    /// The value that was to be written cannot be: its type refused, or it is nested more than 64 deep.
    #[error("the value cannot be written: {0}")]
    Unwritable(String),
}

/// Writes a value.
pub(super) fn encode<V: Serialize + ?Sized>(value: &V) -> Result<Bytes, ValueError> {
    // Most values are no longer, and an allocator hands out hardly less.
    let mut out = Vec::with_capacity(SHORT);
    ciborium::into_writer(value, &mut out).map_err(|fault| ValueError::Unwritable(fault.to_string()))?;
    // Each level takes a byte, so what is short is not nested deep.
    if out.len() > DEPTH {
        decode::<serde::de::IgnoredAny>(&out).map_err(|fault| ValueError::Unwritable(fault.to_string()))?;
    }
    Ok(out.into())
}

/// Reads a value, which may be anyone's bytes.
pub(super) fn decode<V: DeserializeOwned>(mut bytes: &[u8]) -> Result<V, ValueError> {
    let value = if bytes.len() <= DEPTH {
        // The other way clears as much memory as a long text may take.
        ciborium::de::from_reader_with_buffer(&mut bytes, &mut [0; DEPTH])
    } else {
        ciborium::de::from_reader_with_recursion_limit(&mut bytes, DEPTH)
    };
    let value = value.map_err(|fault| ValueError::Mismatch(fault.to_string()))?;
    if bytes.is_empty() { Ok(value) } else { Err(ValueError::Mismatch("something follows the value".into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_reads_as_its_own_type_and_not_as_another() {
        let bytes = encode("😀").expect("a text is a value");
        assert_eq!(decode::<String>(&bytes), Ok("😀".into()));
        assert!(decode::<u64>(&bytes).is_err());
        assert!(decode::<String>(b"").is_err());
        assert!(decode::<u64>(b"\x01\x02").is_err());
    }

    #[test]
    fn hostile_nesting_is_an_error() {
        let deep = vec![0x81; 1_000_000];
        assert!(decode::<ciborium::Value>(&deep).is_err());
        for levels in 60..70 {
            let nested =
                (1..levels).fold(ciborium::Value::Array(vec![]), |inner, _| ciborium::Value::Array(vec![inner]));
            let encoded = encode(&nested);
            assert_eq!(encoded.is_ok(), levels <= DEPTH, "{levels} levels");
            assert!(encoded.is_err() || decode::<ciborium::Value>(&encoded.expect("it is good")).is_ok());
        }
        let too_deep = (0..100).fold(ciborium::Value::Null, |inner, _| ciborium::Value::Array(vec![inner]));
        assert!(matches!(encode(&too_deep), Err(ValueError::Unwritable(_))));
    }
}
