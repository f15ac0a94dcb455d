//! The suite, on tokio.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../websocket/tests/suite/mod.rs"]
mod suite;

use std::future::Future;

use crdt_socket_sync_tokio::Tokio;

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(future);
}

suite!(Tokio, block_on);
