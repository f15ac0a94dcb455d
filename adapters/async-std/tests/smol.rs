//! The suite, on smol.
#![cfg(feature = "smol")]

#[path = "../../websocket/tests/suite/mod.rs"]
mod suite;

use crdt_socket_sync_async_std::{AsyncIo, Smol};

suite!(AsyncIo<Smol>, smol::block_on);
