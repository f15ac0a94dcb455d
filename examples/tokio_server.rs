//! A WebSocket server that keeps documents in memory, for everyone who knows where it is.
//!
//! ```text
//! cargo run -p crdt-socket-sync-examples --example tokio_server [ADDRESS]
//! ```
//!
//! It listens at `127.0.0.1:9000` unless it is told another address, and stops on ctrl-c: what is here is acknowledged,
//! and every client is told goodbye. `tokio_client` is a client for it.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{env, error::Error, time::Duration};

use crdt_socket_sync_tokio::Server;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9000".into());
    let server = Server::bind(&address).await.map_err(|error| format!("cannot listen at {address}: {error}"))?;
    println!("listening at ws://{}", server.local_addr());

    let handle = server.handle();
    let serving = tokio::spawn(server.serve());
    tokio::signal::ctrl_c().await?;

    println!("stopping; documents loaded: {}", handle.stats().documents.len());
    handle.shutdown(Duration::from_secs(5)).await?;
    serving.await?;
    println!("stopped, nothing is left to be stored");
    Ok(())
}
