//! Joins a document on a WebSocket server, writes a line, and stays until the server has it on disk.
//!
//! ```text
//! cargo run -p crdt-socket-sync-examples --example tokio_client [URL] [LINE]
//! ```
//!
//! The server is the one at `ws://127.0.0.1:9000` unless it is told another URL. Run it twice: the second run shows the
//! first one's line.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{env, error::Error};

use crdt_socket_sync_tokio::{Client, Level};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "ws://127.0.0.1:9000".into());
    let line = args.next().unwrap_or_else(|| "Hello".into());

    let client = Client::connect(&url);
    // Only because a person waits here: a client goes on trying, and its documents can be edited meanwhile.
    client.first_attempt().await.map_err(|error| format!("cannot connect to {url}: {error}"))?;

    let notes = client.open("notes")?;
    notes.caught_up().await?;
    notes.edit(|txn| txn.text("text").push_str(&format!("{line}\n")))?;
    notes.synced(Level::Stored).await?;

    print!("{}", notes.read(|document| document.text("text").to_string())?);
    println!("-- {} of our operations are not stored yet", notes.pending(Level::Stored));
    client.close().await;
    Ok(())
}
