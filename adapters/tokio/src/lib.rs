//! CRDT Socket Sync on tokio: a WebSocket server and client for shared documents.
//!
//! A server:
//!
//! ```no_run
//! use crdt_socket_sync_tokio::Server;
//!
//! # async fn run() -> std::io::Result<()> {
//! let server = Server::bind("127.0.0.1:9000").await?;
//! println!("ws://{}", server.local_addr());
//! server.serve().await;
//! # Ok(()) }
//! ```
//!
//! A client:
//!
//! ```no_run
//! use crdt_socket_sync_tokio::{Client, Level};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("ws://127.0.0.1:9000");
//! let notes = client.open("notes")?; // can be edited at once, connected or not
//! notes.edit(|txn| txn.text("text").insert(0, "Hello"))?;
//! notes.synced(Level::Stored).await?; // the server has it on disk
//! println!("{}", notes.read(|document| document.text("text").to_string())?);
//! # Ok(()) }
//! ```
//!
//! What [`Client`], [`Server`] and the rest can do is described with them; here is only what tokio has to do with it.
#![forbid(unsafe_code)]

#[cfg(feature = "tls")]
mod tls;

use std::{future::Future, io, net::SocketAddr, time::Duration};

pub use crdt_socket_sync_websocket::{
    ConnectError, DialError, Direction, Doc, DocError, DocEvent, DocEvents, Runtime, ServerEvent, ServerEvents,
    ServerHandle, ServerStats, Statuses, SyncError, Traffic, Unstored, WebSocket, engine,
    engine::{Access, Document, DocumentEvent, Level, Limits, MemoryStorage, Status, Storage},
};
use crdt_socket_sync_websocket::{Listen, handshake};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, handshake::client::Request, protocol::WebSocketConfig as Sizes},
};

/// A client on tokio.
pub type Client = crdt_socket_sync_websocket::Client<Tokio>;
/// A client on tokio that is being set up.
pub type ClientBuilder = crdt_socket_sync_websocket::ClientBuilder<Tokio>;
/// A server on tokio.
pub type Server = crdt_socket_sync_websocket::Server<Tokio>;
/// A server on tokio that is being set up.
pub type ServerBuilder = crdt_socket_sync_websocket::ServerBuilder<Tokio>;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Tokio, to be named only by those who set up TLS.
#[derive(Clone, Default)]
pub struct Tokio {
    #[cfg(feature = "tls")]
    tls: Option<std::sync::Arc<rustls::ClientConfig>>,
}

impl Tokio {
    /// Tokio with the default settings: `wss://` servers are trusted as browsers trust them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tokio with TLS settings of the application's own.
    #[cfg(feature = "tls")]
    pub fn with_tls(config: std::sync::Arc<rustls::ClientConfig>) -> Self {
        Self { tls: Some(config) }
    }

    /// Tokio that also trusts servers whose certificate goes back to this one, in DER.
    ///
    /// # Errors
    ///
    /// If it is not a certificate.
    #[cfg(feature = "tls")]
    pub fn trusting(certificate: &[u8]) -> Result<Self, rustls::Error> {
        Ok(Self::with_tls(tls::config(Some(certificate))?))
    }

    #[cfg(feature = "tls")]
    async fn open(&self, request: Request, stream: TcpStream, secure: bool, sizes: Sizes) -> Result<Socket, DialError> {
        use tokio_tungstenite::{Connector, client_async_tls_with_config};
        let connector = match (&self.tls, secure) {
            (_, false) => Connector::Plain,
            (Some(config), true) => Connector::Rustls(config.clone()),
            (None, true) => Connector::Rustls(tls::config(None).map_err(|error| DialError::Tls(error.to_string()))?),
        };
        match client_async_tls_with_config(request, stream, Some(sizes), Some(connector)).await {
            Ok((socket, _)) => Ok(socket),
            // TLS reports its troubles as those of reading and writing.
            Err(tungstenite::Error::Io(error)) if secure && error.kind() == io::ErrorKind::InvalidData => {
                Err(DialError::Tls(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(feature = "tls"))]
    async fn open(&self, request: Request, stream: TcpStream, secure: bool, sizes: Sizes) -> Result<Socket, DialError> {
        if secure {
            return Err(DialError::Tls("crdt-socket-sync-tokio was built without its feature `tls`".into()));
        }
        let stream = MaybeTlsStream::Plain(stream);
        let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(sizes)).await?;
        Ok(socket)
    }
}

impl std::fmt::Debug for Tokio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokio").finish_non_exhaustive()
    }
}

impl Runtime for Tokio {
    type Socket = Socket;

    async fn dial(self, url: String, limits: Limits) -> Result<Self::Socket, DialError> {
        let request = handshake::request(&url)?;
        let (host, port, secure) = handshake::target(&request)?;
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        // Frames leave at once; they are gathered before they are written.
        stream.set_nodelay(true)?;
        self.open(request, stream, secure, handshake::sizes(&limits)).await
    }

    fn sleep(self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(duration)
    }

    fn spawn(self, future: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(future);
    }
}

impl Listen for Tokio {
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
        tokio_tungstenite::accept_hdr_async_with_config(accepted, handshake::answer, Some(sizes)).await
    }
}
