//! A short name for a text, to compare by eye.

/// FNV-1a with 64 bits over the text's UTF-8 bytes, as 16 hexadecimal digits.
pub(crate) fn text_hash(text: &str) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::text_hash;

    /// From the authors' own list of test vectors.
    #[test]
    fn it_is_fnv_1a() {
        assert_eq!(text_hash(""), "cbf29ce484222325");
        assert_eq!(text_hash("a"), "af63dc4c8601ec8c");
        assert_eq!(text_hash("foobar"), "85944171f73967e8");
    }
}
