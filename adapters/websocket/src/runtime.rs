//! What an async runtime has to offer, and nothing more.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use crdt_socket_sync::Limits;
use futures_util::{Sink, Stream};
use tungstenite::Message;

use crate::DialError;

/// A WebSocket connection whose opening handshake is done. Anything that fits is one.
pub trait WebSocket:
    Stream<Item = Result<Message, tungstenite::Error>> + Sink<Message, Error = tungstenite::Error> + Unpin + Send + 'static
{
}

impl<S> WebSocket for S where
    S: Stream<Item = Result<Message, tungstenite::Error>>
        + Sink<Message, Error = tungstenite::Error>
        + Unpin
        + Send
        + 'static
{
}

/// What a client needs: to dial, to wait, and to have something done meanwhile.
///
/// A runtime is a cheap handle; it is cloned for every use.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// A connection that was dialled.
    type Socket: WebSocket;

    /// Opens a WebSocket connection.
    ///
    /// The request is [`request`](crate::handshake::request)'s, the socket's sizes are
    /// [`sizes`](crate::handshake::sizes)', and errors are told apart by [`DialError::from`]. It takes no care of time:
    /// whoever calls drops it when it takes too long.
    fn dial(
        self,
        url: String,
        limits: Limits,
    ) -> impl Future<Output = Result<Self::Socket, DialError>> + Send + 'static;

    /// Ends after some time.
    fn sleep(self, duration: Duration) -> impl Future<Output = ()> + Send + 'static;

    /// Has a future run to its end, whatever becomes of anything else.
    fn spawn(self, future: impl Future<Output = ()> + Send + 'static);
}

/// What a server needs besides: to listen.
pub trait Listen: Runtime {
    /// A socket that listens.
    type Listener: Send + Sync + 'static;
    /// A connection that was accepted and has said nothing yet.
    type Accepted: Send + 'static;
    /// A connection that has been upgraded to a WebSocket.
    type Incoming: WebSocket;

    /// Listens at an address: a host and a port, `0` for any that is free.
    fn bind(self, addr: String) -> impl Future<Output = io::Result<Self::Listener>> + Send + 'static;

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// If the operating system does not say.
    fn local_addr(listener: &Self::Listener) -> io::Result<SocketAddr>;

    /// The next connection.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<(Self::Accepted, SocketAddr)>> + Send + '_;

    /// Answers the request to upgrade, with [`answer`](crate::handshake::answer) and [`sizes`](crate::handshake::sizes).
    fn upgrade(
        self,
        accepted: Self::Accepted,
        limits: Limits,
    ) -> impl Future<Output = Result<Self::Incoming, tungstenite::Error>> + Send + 'static;
}
