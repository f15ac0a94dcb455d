//! A server: listens, and has every connection driven by a task of its own around one engine.

mod connection;
mod event;
mod hub;

use std::{
    fmt,
    future::Future,
    io::{self, Write},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use crdt_socket_sync::{Access, Limits, MemoryStorage, Seed, Storage};
use futures_util::future::{Either, select};

pub use event::{ServerEvent, ServerEvents};
use hub::{Hub, Policy};

use crate::{Listen, WebSocket, record::BoxedSink, storage::BoxedStorage};

/// How long to wait after a connection could not be accepted, as when the process has too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A server that listens. It accepts connections while [`serve`](Self::serve) runs; when it is dropped, all connections
/// are.
pub struct Server<R: Listen> {
    runtime: R,
    listener: R::Listener,
    addr: SocketAddr,
    /// Declared last: connections go when the listener is gone.
    hub: Guard,
}

struct Guard(Arc<Hub>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A server that is being set up.
#[must_use = "it listens when `bind` is called"]
pub struct ServerBuilder<R> {
    runtime: R,
    limits: Limits,
    storage: BoxedStorage,
    policy: Policy,
    record: Option<BoxedSink>,
}

impl<R: Listen + Default> Server<R> {
    /// Listens at an address, as in `127.0.0.1:9000`; port 0 is any that is free. Documents are kept in memory,
    /// and everyone may write all of them: see [`builder`](Self::builder) for more than that.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened at.
    pub async fn bind(addr: impl fmt::Display) -> io::Result<Self> {
        Self::builder().bind(addr).await
    }

    /// A server that is to be set up first.
    pub fn builder() -> ServerBuilder<R> {
        ServerBuilder::new(R::default())
    }
}

impl<R: Listen> ServerBuilder<R> {
    /// A server that keeps documents in memory and lets everyone write all of them.
    pub fn new(runtime: R) -> Self {
        Self {
            runtime,
            limits: Limits::default(),
            storage: Box::new(MemoryStorage::default()),
            policy: Policy::default(),
            record: None,
        }
    }

    /// Where documents are kept. It is called from a thread of its own.
    pub fn storage(self, storage: impl Storage + Send + 'static) -> Self {
        Self { storage: Box::new(storage), ..self }
    }

    /// The bounds it keeps.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Who is let in, by the token that the client was given. Everyone, if this is not called.
    ///
    /// The function is called with the server locked: it is to be quick, and must not use the server's handle.
    pub fn admit(mut self, admit: impl Fn(&[u8]) -> bool + Send + 'static) -> Self {
        self.policy.admit = Some(Box::new(admit));
        self
    }

    /// What a client may do with a document, by the client's token and the document's name; `None` keeps it out.
    /// Everyone may write everything, if this is not called.
    ///
    /// The function is called with the server locked: it is to be quick, and must not use the server's handle.
    pub fn access(mut self, access: impl Fn(&[u8], &str) -> Option<Access> + Send + 'static) -> Self {
        self.policy.access = Some(Box::new(access));
        self
    }

    /// Has everything that goes into the engine and comes out of it [recorded](crdt_socket_sync::record), to be replayed
    /// elsewhere. The recording holds all documents, and the tokens and secrets of the clients.
    ///
    /// It is written piece by piece, with no need of a buffer, while the engine is free. If that fails, the server goes
    /// on, and says so once with [`ServerEvent::RecordFailed`].
    pub fn record(self, sink: impl Write + Send + 'static) -> Self {
        Self { record: Some(Box::new(sink)), ..self }
    }

    /// Listens at an address, as in `127.0.0.1:9000`; port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened at.
    ///
    /// # Panics
    ///
    /// If the operating system has no random numbers, or no thread for the storage.
    pub async fn bind(self, addr: impl fmt::Display) -> io::Result<Server<R>> {
        let listener = self.runtime.clone().bind(addr.to_string()).await?;
        let addr = R::local_addr(&listener)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system has random numbers");
        let hub = Hub::new(self.limits, Seed(seed), self.policy, self.storage, self.record);
        self.runtime.clone().spawn(connection::keep_time(self.runtime.clone(), Arc::downgrade(&hub)));
        Ok(Server { runtime: self.runtime, listener, addr, hub: Guard(hub) })
    }
}

impl<R: Listen> Server<R> {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// A handle to look at the server and to stop it.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { hub: self.hub.0.clone() }
    }

    /// Accepts connections and serves them, until the server has been [shut down](ServerHandle::shutdown).
    pub async fn serve(self) {
        let Self { runtime, listener, addr: _, hub } = self;
        let hub = &hub.0;
        let mut stopping = pin!(hub.wait(|state| if state.is_stopping() { Poll::Ready(()) } else { Poll::Pending }));
        loop {
            let accepted = match select(&mut stopping, pin!(R::accept(&listener))).await {
                Either::Left(_) => break,
                Either::Right((accepted, _)) => accepted,
            };
            match accepted {
                Ok((accepted, peer)) => {
                    runtime.clone().spawn(connection::serve(runtime.clone(), hub.clone(), accepted, peer));
                }
                Err(error) => {
                    hub.emit(&ServerEvent::AcceptFailed { error: error.to_string() });
                    let gone = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
                    if !gone.contains(&error.kind()) {
                        select(&mut stopping, pin!(runtime.clone().sleep(ACCEPT_PAUSE))).await;
                    }
                }
            }
        }
        drop(listener);
        hub.wait(|state| if state.is_over() { Poll::Ready(()) } else { Poll::Pending }).await;
    }
}

impl<R: Listen> fmt::Debug for Server<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addr", &self.addr)
            .field("stats", &self.handle().stats())
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for ServerBuilder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What a server has to do at the moment.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct ServerStats {
    /// How many connections are up.
    pub links: usize,
    /// The documents that are loaded, in order.
    pub documents: Vec<String>,
    /// Those among them with changes that are not stored yet.
    pub unstored: Vec<String>,
}

/// Changes of these documents were not stored in time. The clients that made them still have them.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not everything was stored in time: {}", names.join(", "))]
pub struct Unstored {
    /// The documents, in order.
    pub names: Vec<String>,
}

/// Looks at a server, and stops it. Cheap to clone; does not keep the server running.
#[derive(Clone)]
pub struct ServerHandle {
    hub: Arc<Hub>,
}

impl ServerHandle {
    /// What happens on the server from now on.
    pub fn events(&self) -> ServerEvents {
        self.hub.events()
    }

    /// What the server has to do at the moment.
    pub fn stats(&self) -> ServerStats {
        self.hub.stats()
    }

    /// Serves a WebSocket that someone else has accepted and upgraded, such as a web framework; ends with the connection.
    pub fn serve_socket<S: WebSocket>(&self, socket: S) -> impl Future<Output = ()> + Send + 'static + use<S> {
        connection::drive(self.hub.clone(), socket, None)
    }

    /// Stops the server: nothing new is taken in, what is here is stored and acknowledged, and every client is told
    /// goodbye. Ends when that is done, or when the time is up and the rest is cut off.
    ///
    /// # Errors
    ///
    /// If changes were not stored when the time was up.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), Unstored> {
        self.hub.shutdown(deadline);
        self.hub.wait(|state| if state.is_over() { Poll::Ready(()) } else { Poll::Pending }).await;
        let names = self.stats().unstored;
        if names.is_empty() { Ok(()) } else { Err(Unstored { names }) }
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
