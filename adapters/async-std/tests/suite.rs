//! The suite, on async-std.
#![cfg(feature = "async-std")]

#[path = "../../websocket/tests/suite/mod.rs"]
mod suite;

use crdt_socket_sync_async_std::{AsyncIo, AsyncStd};

suite!(AsyncIo<AsyncStd>, async_std::task::block_on);
