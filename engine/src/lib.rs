//! Keeps shared documents in step between many clients and a server, over any transport.
#![forbid(unsafe_code)]

pub mod causal;
mod codec;
pub mod error;
mod id;
mod limits;
mod replica;
mod rng;
mod time;

pub use causal::{Change, ChangeLog, VersionVector};
pub use id::{DocId, Epoch, LinkId, OpId, ReplicaId, Ticket};
pub use limits::Limits;
pub use replica::Replica;
pub use rng::Seed;
pub use time::{Now, Time, Wall};
