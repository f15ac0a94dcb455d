//! CRDT Socket Sync on async-std, and on smol: a WebSocket server and client for shared documents.
//!
//! async-std is no longer maintained. Its sockets and timers are smol's, and so are this crate's; what is left of
//! async-std is who runs the tasks. A program that moves on enables the feature `smol`, and takes everything from
//! the module `smol` instead of from here.
//!
//! A server:
//!
//! ```no_run
//! # #[cfg(feature = "async-std")] mod example {
//! use crdt_socket_sync_async_std::Server;
//!
//! # async fn run() -> std::io::Result<()> {
//! let server = Server::bind("127.0.0.1:9000").await?;
//! println!("ws://{}", server.local_addr());
//! server.serve().await;
//! # Ok(()) } }
//! ```
//!
//! A client:
//!
//! ```no_run
//! # #[cfg(feature = "async-std")] mod example {
//! use crdt_socket_sync_async_std::{Client, Level};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("ws://127.0.0.1:9000");
//! let notes = client.open("notes")?; // can be edited at once, connected or not
//! notes.edit(|txn| txn.text("text").insert(0, "Hello"))?;
//! notes.synced(Level::Stored).await?; // the server has it on disk
//! println!("{}", notes.read(|document| document.text("text").to_string())?);
//! # Ok(()) } }
//! ```
//!
//! What `Client`, `Server` and the rest can do is described with them. `wss://` is not spoken here: the tokio adapter
//! does, and so does a proxy in front of the server.
#![forbid(unsafe_code)]

use std::{fmt, future::Future, io, marker::PhantomData, net::SocketAddr, time::Duration};

use async_net::{TcpListener, TcpStream};
use async_tungstenite::{WebSocketStream, tungstenite};
pub use crdt_socket_sync_websocket::{
    ConnectError, DialError, Direction, Doc, DocError, DocEvent, DocEvents, Runtime, ServerEvent, ServerEvents,
    ServerHandle, ServerStats, Statuses, SyncError, Traffic, Unstored, WebSocket, engine,
    engine::{Access, Document, DocumentEvent, Level, Limits, MemoryStorage, Status, Storage},
};
use crdt_socket_sync_websocket::{Listen, handshake};

/// A client on async-std.
#[cfg(feature = "async-std")]
pub type Client = crdt_socket_sync_websocket::Client<AsyncIo<AsyncStd>>;
/// A client on async-std that is being set up.
#[cfg(feature = "async-std")]
pub type ClientBuilder = crdt_socket_sync_websocket::ClientBuilder<AsyncIo<AsyncStd>>;
/// A server on async-std.
#[cfg(feature = "async-std")]
pub type Server = crdt_socket_sync_websocket::Server<AsyncIo<AsyncStd>>;
/// A server on async-std that is being set up.
#[cfg(feature = "async-std")]
pub type ServerBuilder = crdt_socket_sync_websocket::ServerBuilder<AsyncIo<AsyncStd>>;

/// The same on smol.
#[cfg(feature = "smol")]
pub mod smol {
    use super::{AsyncIo, Smol};

    /// A client on smol.
    pub type Client = crdt_socket_sync_websocket::Client<AsyncIo<Smol>>;
    /// A client on smol that is being set up.
    pub type ClientBuilder = crdt_socket_sync_websocket::ClientBuilder<AsyncIo<Smol>>;
    /// A server on smol.
    pub type Server = crdt_socket_sync_websocket::Server<AsyncIo<Smol>>;
    /// A server on smol that is being set up.
    pub type ServerBuilder = crdt_socket_sync_websocket::ServerBuilder<AsyncIo<Smol>>;
}

/// Whoever runs tasks.
pub trait Executor: Send + Sync + 'static {
    /// Has a future run to its end.
    fn spawn(future: impl Future<Output = ()> + Send + 'static);
}

/// async-std's global executor.
#[cfg(feature = "async-std")]
#[derive(Debug)]
pub struct AsyncStd;

#[cfg(feature = "async-std")]
impl Executor for AsyncStd {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        async_std::task::spawn(future);
    }
}

/// smol's global executor.
#[cfg(feature = "smol")]
#[derive(Debug)]
pub struct Smol;

#[cfg(feature = "smol")]
impl Executor for Smol {
    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        ::smol::spawn(future).detach();
    }
}

/// Sockets and timers that work on any executor, and the executor `E`.
pub struct AsyncIo<E>(PhantomData<fn() -> E>);

impl<E> Default for AsyncIo<E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E> Clone for AsyncIo<E> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<E> fmt::Debug for AsyncIo<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AsyncIo")
    }
}

impl<E: Executor> Runtime for AsyncIo<E> {
    type Socket = WebSocketStream<TcpStream>;

    async fn dial(self, url: String, limits: Limits) -> Result<Self::Socket, DialError> {
        let request = handshake::request(&url)?;
        let (host, port, secure) = handshake::target(&request)?;
        if secure {
            return Err(DialError::Tls("wss:// takes the adapter for tokio, crdt-socket-sync-tokio".into()));
        }
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        // Frames leave at once; they are gathered before they are written.
        stream.set_nodelay(true)?;
        let sizes = handshake::sizes(&limits);
        let (socket, _) = async_tungstenite::client_async_with_config(request, stream, Some(sizes)).await?;
        Ok(socket)
    }

    async fn sleep(self, duration: Duration) {
        async_io::Timer::after(duration).await;
    }

    fn spawn(self, future: impl Future<Output = ()> + Send + 'static) {
        E::spawn(future);
    }
}

impl<E: Executor> Listen for AsyncIo<E> {
    type Listener = TcpListener;
    type Accepted = TcpStream;
    type Incoming = WebSocketStream<TcpStream>;

    async fn bind(self, addr: String) -> io::Result<Self::Listener> {
        TcpListener::bind(addr).await
    }

    fn local_addr(listener: &Self::Listener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<(Self::Accepted, SocketAddr)>> + Send + '_ {
        listener.accept()
    }

    async fn upgrade(self, accepted: Self::Accepted, limits: Limits) -> Result<Self::Incoming, tungstenite::Error> {
        accepted.set_nodelay(true)?;
        let sizes = handshake::sizes(&limits);
        async_tungstenite::accept_hdr_async_with_config(accepted, handshake::answer, Some(sizes)).await
    }
}
