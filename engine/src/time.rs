//! Time, as the engine knows it: two readings that the caller hands in with every call.
//!
//! The engine never reads a clock. A [`Time`] is monotonic and drives timers; a [`Wall`] is what people call the time
//! and goes into the hybrid clock of changes. The wall clock may jump either way; the monotonic one must not go back
//! (a reading that does is taken as "no time has passed").

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// A monotonic reading: microseconds since a moment of the caller's choosing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    /// The caller's chosen moment itself.
    pub const ZERO: Self = Self(0);

    /// `micros` microseconds after the caller's chosen moment.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the caller's chosen moment.
    pub const fn as_micros(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    /// Saturates: a timer too far away to be represented never fires.
    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(after.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Time {
    type Output = Duration;

    /// The time from `earlier` to `self`; zero if `earlier` is in fact later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// A wall-clock reading: milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(u64);

impl Wall {
    /// `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// Both readings, taken together just before a call into the engine.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Now {
    /// Drives timers.
    pub mono: Time,
    /// Goes into the clock of changes.
    pub wall: Wall,
}

impl Now {
    /// Both readings together.
    pub const fn new(mono: Time, wall: Wall) -> Self {
        Self { mono, wall }
    }
}
