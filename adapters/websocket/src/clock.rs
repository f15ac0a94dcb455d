//! The two readings that every call into the engine takes.

use std::time::{Duration, Instant, SystemTime};

use crdt_socket_sync::{Now, Time, Wall};

/// Reads the clocks of this machine; its monotonic time counts from when it was made.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that stands at zero.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Both readings.
    pub fn now(&self) -> Now {
        let mono = Time::ZERO + self.start.elapsed();
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now::new(mono, Wall::from_millis(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)))
    }
}
