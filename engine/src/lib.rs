//! Keeps shared documents in step between many clients and a server, over any transport.
//!
//! This crate is the engine: pure state machines with no sockets, clocks, threads or files inside. Bytes and the time go
//! in, frames and events come out. Whoever has a transport can drive it; adapters for tokio, async-std and a simulated
//! network are crates of their own.
//!
//! # Two machines
//!
//! A [`Server`] keeps many documents for many links. A [`Client`] keeps some documents over one link, and goes on editing
//! them when there is none. Both hold changes in a [`Replica`]: a server in a [`ChangeLog`], which never looks inside a
//! change; a client usually in a [`Document`], which has texts, maps, counters and more to edit.
//!
//! # The contract
//!
//! Every method is of one of four kinds:
//!
//! | kind | client | server |
//! |---|---|---|
//! | **facts**: something happened outside | [`link_up`](Client::link_up), [`dial_failed`](Client::dial_failed), [`receive`](Client::receive), [`link_down`](Client::link_down), [`stored`](Client::stored), [`timeout`](Client::timeout) | [`link_up`](Server::link_up), [`receive`](Server::receive), [`link_down`](Server::link_down), [`stored`](Server::stored), [`timeout`](Server::timeout) |
//! | **wishes** of the application | [`connect`](Client::connect), [`open`](Client::open), [`edit`](Client::edit), [`leave`](Client::leave), … | [`admit`](Server::admit), [`refuse`](Server::refuse), [`grant`](Server::grant), [`deny`](Server::deny), [`close`](Server::close), [`shutdown`](Server::shutdown) |
//! | **effects**, pulled until they say `None` | [`poll_dial`](Client::poll_dial), [`poll_transmit`](Client::poll_transmit), [`poll_store`](Client::poll_store), [`poll_event`](Client::poll_event), [`poll_timeout`](Client::poll_timeout) | [`poll_ready`](Server::poll_ready), [`poll_transmit`](Server::poll_transmit), [`poll_store`](Server::poll_store), [`poll_event`](Server::poll_event), [`poll_timeout`](Server::poll_timeout) |
//! | **getters** | [`replica`](Client::replica), [`status`](Client::status), [`is_synced`](Client::is_synced), … | [`log`](Server::log), [`loaded`](Server::loaded), [`unstored`](Server::unstored), … |
//!
//! - **Any order of calls is right.** Nothing has to be drained before anything else may be called; an effect that is
//!   not pulled waits. Within one `poll_` method the order is kept; between two there is none.
//! - **Time** is handed in with each call as [`Now`]: a monotonic reading for timers, and a wall-clock reading for the
//!   clock of changes. The first must not go back; the second may jump. Call `timeout` when `poll_timeout` has come,
//!   or whenever you like.
//! - **Frames are built when they are asked for.** Call `poll_transmit` when the transport can take a frame, and send
//!   what it gives before asking again. A slow link is a position in a log, not a queue; it catches up in fewer and
//!   bigger frames. [`Transmit::Close`] comes last: close the transport, then report `link_down`.
//! - **A frame is a message.** A transport that has no messages of its own puts a length in front of each.
//! - **Storage** is asked with tickets, each answered exactly once by `stored`, in any order, whenever it is done.
//! - **Bytes cannot hurt.** `receive` takes any bytes on any link at any time: it never panics, and what is wrong with one
//!   link's bytes closes that link and no other. Errors say who is at fault: see [`error`].
//! - **The same inputs give the same outputs, byte for byte.** Randomness comes from the [`Seed`]. Both can be
//!   [recorded](record), to be replayed elsewhere.
//!
//! # A whole run
//!
//! A client and a server in one loop, with queues for a transport; a real one is `examples/custom_transport.rs`.
//!
//! ```
//! use std::collections::VecDeque;
//! use crdt_socket_sync::{
//!     Client, ClientConfig, Document, Level, MemoryStorage, Now, ReplicaId, Seed, Server, ServerConfig, Time, Transmit,
//!     Wall, document::EditError, store::carry_out,
//! };
//!
//! // Random in earnest: each engine's seed, and each replica's id.
//! let mut server = Server::new(ServerConfig::new(Seed::from_number(1)));
//! let mut client: Client = Client::new(ClientConfig::new(Seed::from_number(2)));
//! let mut storage = MemoryStorage::default();
//!
//! let page = client.open("page", Document::new(ReplicaId::new(3)))?;
//! let mut now = Now::new(Time::ZERO, Wall::from_millis(1_700_000_000_000));
//! client.edit(now, page, |txn| txn.text("text").insert(0, "Hello"))?.unwrap();
//! client.connect();
//!
//! let (mut up, mut to_server, mut to_client) = (None, VecDeque::new(), VecDeque::new());
//! while !client.is_synced(page, Level::Stored)? {
//!     // The transport: what the engines want from it, and what it has for them.
//!     if client.poll_dial() {
//!         up = Some((client.link_up(now)?, server.link_up(now)));
//!     }
//!     if let Some((at_client, at_server)) = up {
//!         while let Some(Transmit::Frame(frame)) = client.poll_transmit(now, at_client) {
//!             to_server.push_back(frame);
//!         }
//!         while let Some(Transmit::Frame(frame)) = server.poll_transmit(now, at_server) {
//!             to_client.push_back(frame);
//!         }
//!         while let Some(frame) = to_server.pop_front() {
//!             server.receive(now, at_server, frame)?;
//!         }
//!         while let Some(frame) = to_client.pop_front() {
//!             client.receive(now, at_client, frame)?;
//!         }
//!     }
//!     // The store: requests that are there together are carried out together.
//!     let requests = std::iter::from_fn(|| server.poll_store()).collect();
//!     for (ticket, outcome) in carry_out(&mut storage, requests) {
//!         server.stored(now, ticket, outcome)?;
//!     }
//!     // The application.
//!     while let Some(event) = client.poll_event() {
//!         println!("{event:?}");
//!     }
//!     while let Some(event) = server.poll_event() {
//!         println!("{event:?}");
//!     }
//!     // The time: a real loop waits here, for its transport or until `poll_timeout`.
//!     now.mono = now.mono + std::time::Duration::from_millis(1);
//!     client.timeout(now);
//!     server.timeout(now);
//! }
//! assert_eq!(client.replica(page)?.text("text"), "Hello");
//! assert_eq!(server.log("page").map(|log| log.end()), Some(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod causal;
pub mod client;
mod codec;
pub mod document;
pub mod error;
mod id;
mod limits;
mod packed;
#[cfg(not(feature = "proof"))]
mod proof;
#[cfg(feature = "proof")]
pub mod proof;
pub mod record;
mod replica;
mod rng;
pub mod server;
mod session;
pub mod store;
mod time;
mod timers;
pub mod wire;

pub use causal::{Change, ChangeLog, VersionVector};
pub use client::{Client, ClientConfig, ClientEvent, Status};
pub use document::{Document, DocumentEvent};
pub use id::{DocId, Epoch, LinkId, OpId, ReplicaId, Ticket};
pub use limits::Limits;
pub use replica::Replica;
pub use rng::Seed;
pub use server::{Admission, Server, ServerConfig, ServerEvent};
pub use session::Transmit;
pub use store::{MemoryStorage, Storage};
pub use time::{Now, Time, Wall};
pub use wire::{Access, Level};
