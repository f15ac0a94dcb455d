//! CRDT Socket Sync over WebSockets, for any async runtime.
//!
//! An application uses this crate through one that brings a runtime: `crdt-socket-sync-tokio`, or
//! `crdt-socket-sync-async-std`, which also does for smol. What they share is here: the [`Client`] and its [`Doc`]s, the
//! [`Server`] and its [`ServerHandle`], and the loops that drive the engine. To run them on something else, implement
//! [`Runtime`], and [`Listen`] for a server.
//!
//! # What may be relied on
//!
//! - Whatever is slow costs only itself. Nothing is queued for a connection: what it still has to be sent is a position in
//!   the document's history, and the next frame is made when the connection can take one.
//! - The engine is locked for short steps only; storage has a thread of its own.
//! - A connection that is being closed gets two seconds to take the goodbye.
//! - An application that does not fetch its events loses them, not memory: it is told [`DocEvent::Lagged`].
#![forbid(unsafe_code)]

pub mod client;
mod clock;
mod dial;
pub mod handshake;
mod link;
mod queue;
mod record;
mod runtime;
pub mod server;
mod storage;

pub use crdt_socket_sync as engine;
pub use tungstenite;

pub use client::{
    Client, ClientBuilder, ConnectError, Direction, Doc, DocError, DocEvent, DocEvents, Statuses, SyncError, Traffic,
};
pub use clock::Clock;
pub use dial::DialError;
pub use runtime::{Listen, Runtime, WebSocket};
pub use server::{Server, ServerBuilder, ServerEvent, ServerEvents, ServerHandle, ServerStats, Unstored};
