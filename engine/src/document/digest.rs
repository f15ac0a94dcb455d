//! A digest of what a document shows.
//!
//! FNV-1a with 128 bits (Fowler, Noll and Vo; RFC 9923): simple, and the same in every language. It tells by accident
//! different documents apart; it is no defence against someone who builds two with the same digest.

pub(super) struct Fnv {
    hash: u128,
}

impl Fnv {
    pub(super) const fn new() -> Self {
        Self { hash: 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash ^= u128::from(*byte);
            self.hash = self.hash.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }

    /// A number of fixed size: what keeps two neighbours apart is the length written before each.
    pub(super) fn number(&mut self, number: usize) {
        self.write(&(number as u64).to_be_bytes());
    }

    pub(super) fn sized(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.write(bytes);
    }

    pub(super) const fn finish(self) -> [u8; 16] {
        self.hash.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 9923 for 128 bits.
    #[test]
    fn the_hash_is_fnv_1a() {
        let hash = |text: &str| {
            let mut fnv = Fnv::new();
            fnv.write(text.as_bytes());
            u128::from_be_bytes(fnv.finish())
        };
        assert_eq!(hash(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(hash("a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(hash("foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }
}
