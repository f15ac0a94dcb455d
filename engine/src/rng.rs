//! The engine's one source of randomness, fed by the seed given at construction.
//!
//! Used for the jitter of timers, for session secrets and for the epochs of new histories; never for anything two
//! engines must agree on. The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
//! generators", OOPSLA 2014). It is not a cryptographic one: a secret is only as hard to guess as the caller's seed, and
//! an adapter takes that from the operating system.

use std::time::Duration;

/// What an engine is seeded with. Two engines must not share one; a simulation derives each from its own seed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// A seed for tests and simulations, spread from one number.
    pub fn from_number(number: u64) -> Self {
        let mut rng = Rng { state: [number, !number, number.rotate_left(32), 0x5EED] };
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&rng.next_u64().to_le_bytes());
        }
        Self(bytes)
    }
}

impl std::fmt::Debug for Seed {
    /// Does not show the seed: session secrets follow from it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// Four SplitMix64 streams, combined by exclusive or so that all 256 bits of the seed count.
#[derive(Clone)]
pub(crate) struct Rng {
    state: [u64; 4],
}

impl std::fmt::Debug for Rng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rng(..)")
    }
}

impl Rng {
    pub(crate) fn new(seed: Seed) -> Self {
        let mut state = [0; 4];
        for (word, chunk) in state.iter_mut().zip(seed.0.chunks_exact(8)) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(chunk);
            *word = u64::from_le_bytes(bytes);
        }
        Self { state }
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        let mut combined = 0;
        for (index, state) in self.state.iter_mut().enumerate() {
            *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = *state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            combined ^= (z ^ (z >> 31)).rotate_left(16 * index as u32);
        }
        combined
    }

    pub(crate) fn next_u128(&mut self) -> u128 {
        u128::from(self.next_u64()) << 64 | u128::from(self.next_u64())
    }

    /// A duration drawn evenly from half of `around` up to `around`.
    ///
    /// The lower half is kept so that an attempt is never immediate; the upper half spreads a crowd that was cut off at
    /// the same moment.
    pub(crate) fn jitter(&mut self, around: Duration) -> Duration {
        let half = u64::try_from(around.as_micros()).unwrap_or(u64::MAX) / 2;
        Duration::from_micros(half + self.next_u64() % (half + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_seed_others() {
        let draw = |number| {
            let mut rng = Rng::new(Seed::from_number(number));
            [rng.next_u64(), rng.next_u64(), rng.next_u64()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn jitter_stays_between_half_and_whole() {
        let mut rng = Rng::new(Seed::from_number(7));
        let around = Duration::from_millis(100);
        for _ in 0..1_000 {
            let drawn = rng.jitter(around);
            assert!(drawn >= around / 2 && drawn <= around, "{drawn:?}");
        }
        assert_eq!(rng.jitter(Duration::ZERO), Duration::ZERO);
    }
}
