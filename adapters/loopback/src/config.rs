//! How a simulated world is set up.

use std::{ops::RangeInclusive, time::Duration};

use crdt_socket_sync::{Admission, Limits, Wall};

use crate::framing::{Framing, LengthPrefix};

/// How a simulated world is set up. Everything random in it follows from the seed.
#[derive(Clone, Debug)]
pub struct SimulationConfig {
    /// Where all delays, ids and engine seeds come from.
    pub seed: u64,
    /// How long bytes are under way.
    pub delay: RangeInclusive<Duration>,
    /// How many frames may be under way on one link in one direction; a transport that is full takes no more.
    pub in_flight: usize,
    /// How frames become the bytes of a stream, and bytes frames: [`LengthPrefix`], or a transport's own way.
    pub framing: fn() -> Box<dyn Framing>,
    /// The most bytes that arrive together; how many do is drawn from the seed. `None`: all bytes of a frame.
    pub piece_bytes: Option<usize>,
    /// How long a store takes to write, and again to say so.
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
            framing: || Box::new(LengthPrefix),
            piece_bytes: None,
            store_delay: Duration::ZERO..=Duration::from_millis(20),
            limits: Limits::default(),
            admission: Admission::Everyone,
            wall: Wall::from_millis(1_700_000_000_000),
        }
    }
}
