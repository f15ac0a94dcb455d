//! The simulation's own random numbers.

use std::{ops::RangeInclusive, time::Duration};

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), apart from the engines' own numbers, so that what a test draws does
/// not change what an engine does.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `count`; zero if there is none.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.roll() % count.max(1) as u64) as usize
    }

    pub(crate) fn duration(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let least = u64::try_from(range.start().as_micros()).unwrap_or(u64::MAX);
        let most = u64::try_from(range.end().as_micros()).unwrap_or(u64::MAX);
        let spread = most.saturating_sub(least).saturating_add(1);
        Duration::from_micros(least + self.roll() % spread)
    }
}
