//! What the suites share: naive twins that are the oracle, and recorded sessions to replay.

pub mod blocks;
pub mod by_hand;
pub mod exchange;
pub mod fuzz;
pub mod hostile;
pub mod judge;
pub mod model;
pub mod planted;
pub mod scenarios;
pub mod short;
pub mod soak;
pub mod suite;
pub mod traces;
pub mod undone;
pub mod view;

/// Random numbers for suites that draw their own: SplitMix64, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `below`, which is not zero.
    pub const fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as usize % below
    }

    /// Any byte.
    pub const fn byte(&mut self) -> u8 {
        self.roll(256) as u8
    }
}

/// How many cases a random suite runs: what `PROPTEST_CASES` says, or as many as it is given.
pub fn cases(standard: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(standard)
}

/// The examples of the project's front page, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct FrontPage;
