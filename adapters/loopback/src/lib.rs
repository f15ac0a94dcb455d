//! A simulated network for [`crdt_socket_sync`]: one server, any number of clients and the links between them, in one
//! thread, in virtual time, everything from one seed.
//!
//! There are no sleeps, no threads and no sockets. [`Simulation::step`] jumps to the next thing that happens, be it the
//! arrival of a frame, a timer or a reply of the store; the same seed and the same calls give the same [`Trace`], byte
//! for byte. Frames on a link arrive in the order in which they were sent, after a delay drawn from the seed, as on a
//! TCP connection; what goes wrong on such a link is that it is cut, that it dies unnoticed, or that one end crashes.
//!
//! [`replay`] repeats a real session that was [recorded](crdt_socket_sync::record).
//!
//! ```
//! use crdt_socket_sync::{Document, ReplicaId, document::EditError};
//! use crdt_socket_sync_loopback::{Simulation, SimulationConfig};
//!
//! let mut world = Simulation::new(SimulationConfig::new(42));
//! let (ann, bob) = (world.add_client(), world.add_client());
//! let ann_doc = world.open(ann, "page", Document::new(ReplicaId::new(1)));
//! let bob_doc = world.open(bob, "page", Document::new(ReplicaId::new(2)));
//!
//! world.go_offline(bob);
//! world.edit(ann, ann_doc, |txn| txn.text("text").insert(0, "world")).expect("a legal edit");
//! world.edit(bob, bob_doc, |txn| txn.text("text").insert(0, "hello ")).expect("a legal edit");
//! world.go_online(bob);
//! world.settle().expect("everything arrives");
//!
//! let text = world.replica(ann, ann_doc).text("text").to_string();
//! assert_eq!(text, world.replica(bob, bob_doc).text("text").to_string());
//! assert!(text.contains("hello ") && text.contains("world"));
//! # Ok::<(), EditError>(())
//! ```
#![forbid(unsafe_code)]

mod config;
mod dice;
mod disk;
mod framing;
pub mod program;
mod replay;
mod simulation;
mod trace;
mod wire;

pub use config::SimulationConfig;
pub use disk::{Crash, Disk};
pub use framing::{Framing, LengthPrefix};
pub use replay::{Difference, ReplayError, Replayed, ReplayedDocument, replay};
pub use simulation::{ClientIndex, NotSettled, Simulation, StrangerIndex};
pub use trace::{Node, Trace, TraceEntry, TraceLink, What};
pub use wire::Direction;

/// The example of this crate's front page, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct FrontPage;
