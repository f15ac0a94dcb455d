//! The hybrid logical clock that orders concurrent writes.
//!
//! Kulkarni, Demirbas, Madappa, Avva and Leone, "Logical Physical Clocks" (OPODIS 2014): close to the wall clock when
//! that behaves, and always after everything seen when it does not.

use std::{fmt, str::FromStr, time::Duration};

use crate::time::Wall;

/// A clock reading: 48 bits of milliseconds since the Unix epoch and a 16-bit counter, compared as one number.
///
/// Written `milliseconds.counter`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hlc(u64);

const COUNTER_BITS: u32 = 16;
const MILLIS_MAX: u64 = (1 << 48) - 1;

impl Hlc {
    /// A reading from its two parts; milliseconds past the year 10889 are taken as that.
    pub const fn new(millis: u64, counter: u16) -> Self {
        let millis = if millis > MILLIS_MAX { MILLIS_MAX } else { millis };
        Self(millis << COUNTER_BITS | counter as u64)
    }

    /// A reading from the number it is compared as.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The number it is compared as.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> u64 {
        self.0 >> COUNTER_BITS
    }

    /// Which of the readings of one millisecond.
    pub const fn counter(self) -> u16 {
        self.0 as u16
    }

    /// How far this reading is ahead of a wall clock; zero if it is not.
    pub fn ahead_of(self, wall: Wall) -> Duration {
        Duration::from_millis(self.millis().saturating_sub(wall.as_millis()))
    }
}

impl fmt::Display for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.millis(), self.counter())
    }
}

impl fmt::Debug for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not `milliseconds.counter`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a clock reading is written `milliseconds.counter`, two whole numbers of 48 and 16 bits")]
pub struct ParseHlcError;

impl FromStr for Hlc {
    type Err = ParseHlcError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (millis, counter) = text.split_once('.').ok_or(ParseHlcError)?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(millis) || !digits(counter) {
            return Err(ParseHlcError);
        }
        let millis = millis.parse().ok().filter(|millis| *millis <= MILLIS_MAX).ok_or(ParseHlcError)?;
        Ok(Self::new(millis, counter.parse().map_err(|_| ParseHlcError)?))
    }
}

/// One replica's clock: remembers the greatest reading it gave or saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HybridClock {
    last: Hlc,
}

impl HybridClock {
    /// A clock that has seen nothing but `last`.
    pub const fn starting_after(last: Hlc) -> Self {
        Self { last }
    }

    /// The greatest reading given or seen.
    pub const fn last(&self) -> Hlc {
        self.last
    }

    /// The reading for something that happens here, now: after everything given or seen, and not before the wall clock.
    ///
    /// A counter that overflows carries into the milliseconds, because a reading is one number. At the very end of that
    /// number (the year 10889, which only a hostile peer can claim and a server's limit refuses) it stays where it is.
    pub fn tick(&mut self, wall: Wall) -> Hlc {
        let next = Hlc(self.last.0.saturating_add(1));
        self.last = next.max(Hlc::new(wall.as_millis(), 0));
        self.last
    }

    /// Takes note of a reading seen elsewhere, so that the next [`tick`](Self::tick) is after it.
    pub fn observe(&mut self, seen: Hlc) {
        self.last = self.last.max(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(from: (u64, u16), wall: u64) -> (u64, u16) {
        let mut clock = HybridClock::starting_after(Hlc::new(from.0, from.1));
        let given = clock.tick(Wall::from_millis(wall));
        (given.millis(), given.counter())
    }

    fn receive(from: (u64, u16), seen: (u64, u16), wall: u64) -> (u64, u16) {
        let mut clock = HybridClock::starting_after(Hlc::new(from.0, from.1));
        clock.observe(Hlc::new(seen.0, seen.1));
        let given = clock.tick(Wall::from_millis(wall));
        (given.millis(), given.counter())
    }

    /// Acceptance line 1.
    #[test]
    fn a_local_event_counts_on_when_the_wall_clock_is_behind_and_starts_afresh_when_it_is_ahead() {
        assert_eq!(tick((1000, 5), 500), (1000, 6));
        assert_eq!(tick((1000, 5), 2000), (2000, 0));
    }

    /// Acceptance line 2.
    #[test]
    fn an_event_after_a_remote_one_is_after_both_and_not_before_the_wall_clock() {
        assert_eq!(receive((1000, 5), (1000, 3), 500), (1000, 6));
        assert_eq!(receive((1000, 5), (2000, 3), 500), (2000, 4));
        assert_eq!(receive((1000, 5), (2000, 3), 1500), (2000, 4));
        assert_eq!(receive((1000, 5), (2000, 3), 3000), (3000, 0));
        assert_eq!(receive((2000, 5), (1000, 3), 1500), (2000, 6));
        assert_eq!(receive((1000, 5), (1000, 3), 1000), (1000, 6));
    }

    /// Acceptance line 3.
    #[test]
    fn readings_are_ordered_by_time_then_counter_and_survive_text() {
        assert!(Hlc::new(1000, 5) < Hlc::new(1000, 6) && Hlc::new(1000, 6) < Hlc::new(2000, 0));
        assert_eq!("1000.5".parse(), Ok(Hlc::new(1000, 5)));
        assert_eq!(Hlc::new(1000, 5).to_string(), "1000.5");
        assert_eq!(Hlc::from_bits(Hlc::new(1000, 5).bits()), Hlc::new(1000, 5));
        for bad in ["1", "1.2.3", "a.b", "", "+1.2", "1.65536", "281474976710656.0"] {
            assert_eq!(bad.parse::<Hlc>(), Err(ParseHlcError), "{bad:?}");
        }
    }

    /// Acceptance line 126.
    #[test]
    fn more_events_than_the_counter_holds_within_one_frozen_millisecond_still_increase() {
        let mut clock = HybridClock::default();
        let mut last = clock.tick(Wall::from_millis(1));
        for _ in 0..65_537 {
            let next = clock.tick(Wall::from_millis(1));
            assert!(next > last);
            last = next;
        }
        assert_eq!(last.millis(), 2);
    }
}
