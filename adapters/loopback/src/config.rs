//! How a simulated world is set up.

use std::{ops::RangeInclusive, time::Duration};

use crdt_socket_sync::{Admission, Limits, Wall};

/// How a simulated world is set up. Everything random in it follows from the seed.
#[derive(Clone, Debug)]
pub struct SimulationConfig {
    /// Where all delays, ids and engine seeds come from.
    pub seed: u64,
    /// How long a frame is under way.
    pub delay: RangeInclusive<Duration>,
    /// How many frames may be under way on one link in one direction; a transport that is full takes no more.
    pub in_flight: usize,
    /// How long the store takes to write, and again to say so.
    pub store_delay: RangeInclusive<Duration>,
    /// The bounds that the server and every client keep.
    pub limits: Limits,
    /// Who lets peers in. With [`Admission::Ask`] the test answers the server's events.
    pub admission: Admission,
    /// What the wall clock shows when the simulation begins.
    pub wall: Wall,
}

impl SimulationConfig {
    /// A network with a delay of up to 100 ms and the engine's default bounds.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            delay: Duration::from_millis(1)..=Duration::from_millis(100),
            in_flight: 4,
            store_delay: Duration::ZERO..=Duration::from_millis(20),
            limits: Limits::default(),
            admission: Admission::Everyone,
            wall: Wall::from_millis(1_700_000_000_000),
        }
    }
}

/// The simulation's own random numbers: SplitMix64, apart from the engines', so that what a test draws does not change
/// what an engine does.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn duration(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let least = u64::try_from(range.start().as_micros()).unwrap_or(u64::MAX);
        let most = u64::try_from(range.end().as_micros()).unwrap_or(u64::MAX);
        let spread = most.saturating_sub(least).saturating_add(1);
        Duration::from_micros(least + self.roll() % spread)
    }
}
