//! A client: a handle for the application, and a task that keeps a connection.

mod builder;
mod doc;
mod drive;
mod event;
mod state;

use std::{fmt, future::Future, marker::PhantomData, sync::Arc, task::Poll};

use crdt_socket_sync::{Document, ReplicaId, Status, error::Misuse};

pub use builder::{ClientBuilder, Direction, Traffic};
pub use doc::{Doc, DocError};
pub use event::{ConnectError, DocEvent, DocEvents, Statuses, SyncError};
use state::Shared;

use crate::Runtime;

/// Keeps documents in step with a server. Cheap to clone; all clones are one client.
///
/// It is connected from the beginning: it dials, and dials again after every failure and loss. Documents can be opened
/// and edited at any time, connected or not. When the last clone and the last [`Doc`] are gone, it says goodbye to the
/// server and ends; what the server has not confirmed by then may be lost, so wait for [`Doc::synced`] before.
pub struct Client<R> {
    handle: Arc<Handle>,
    runtime: PhantomData<fn() -> R>,
}

/// What ends the client when nobody holds it any more.
pub(crate) struct Handle(pub(crate) Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<R: Runtime + Default> Client<R> {
    /// Connects to a server at a `ws://` or `wss://` URL; returns at once.
    pub fn connect(url: impl Into<String>) -> Self {
        Self::builder(url).connect()
    }

    /// A client that is to be set up first.
    pub fn builder(url: impl Into<String>) -> ClientBuilder<R> {
        ClientBuilder::new(R::default(), url.into())
    }
}

impl<R: Runtime> Client<R> {
    /// Where the client is with its server.
    pub fn status(&self) -> Status {
        self.shared().read(|state| state.engine.status().clone())
    }

    /// Where the client is with its server, now and after every change.
    pub fn statuses(&self) -> Statuses {
        self.shared().statuses()
    }

    /// Waits until the server has let the client in, however many attempts it takes.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Refused`] if the server does not want this client, or is none of ours;
    /// [`ConnectError::Closed`] if the client was closed.
    pub fn connected(&self) -> impl Future<Output = Result<(), ConnectError>> + Send + 'static + use<R> {
        self.shared().wait(|state| match state.engine.status() {
            Status::Connected => Poll::Ready(Ok(())),
            Status::Refused(reason) => Poll::Ready(Err(ConnectError::Refused(reason.clone()))),
            _ if state.is_closed() => Poll::Ready(Err(ConnectError::Closed)),
            _ => Poll::Pending,
        })
    }

    /// Waits for the outcome of the first attempt: for programs that would rather fail at once than go on trying. The
    /// client itself does go on.
    ///
    /// # Errors
    ///
    /// What became of the first attempt.
    pub fn first_attempt(&self) -> impl Future<Output = Result<(), ConnectError>> + Send + 'static + use<R> {
        self.shared().wait(|state| state.first_attempt().map_or(Poll::Pending, Poll::Ready))
    }

    /// Opens a document, to be edited at once and kept in step from now on. It is edited here as a new replica, with a
    /// random id.
    ///
    /// # Errors
    ///
    /// If it is open already, or its name is empty or too long.
    pub fn open(&self, name: &str) -> Result<Doc, Misuse> {
        let id = getrandom::u64().expect("the operating system has random numbers");
        self.open_with(name, Document::new(ReplicaId::new(id)))
    }

    /// Opens a document that is there in part already: one that was kept from earlier, or made offline.
    ///
    /// A client with a [storage](ClientBuilder::storage) must be given a new and empty one.
    ///
    /// # Errors
    ///
    /// If it is open already, or its name is empty or too long.
    pub fn open_with(&self, name: &str, document: Document) -> Result<Doc, Misuse> {
        let id = self.shared().open(name, document)?;
        Ok(Doc::new(self.handle.clone(), id, name))
    }

    /// What has gone over the wire so far.
    pub fn traffic(&self) -> Traffic {
        self.shared().read(|state| state.traffic)
    }

    /// Leaves the server and stays away, until [`reconnect`](Self::reconnect). Documents stay open and can be edited.
    /// Ends when the connection is gone, after two seconds at most.
    pub async fn disconnect(&self) {
        self.shared().act(|engine, now| engine.disconnect(now));
        self.shared()
            .wait(|state| match state.engine.status() {
                Status::Disconnected if state.is_linked() && !state.is_closed() => Poll::Pending,
                _ => Poll::Ready(()),
            })
            .await;
    }

    /// Connects again after [`disconnect`](Self::disconnect) or a refusal.
    pub fn reconnect(&self) {
        self.shared().act(|engine, _| engine.connect());
    }

    /// Leaves the server for good. Ends when the connection is gone, after two seconds at most.
    pub async fn close(&self) {
        self.shared().close();
        self.shared().wait(|state| if state.is_closed() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }
}

impl<R> Clone for Client<R> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone(), runtime: PhantomData }
    }
}

impl<R: Runtime> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("status", &self.status()).finish_non_exhaustive()
    }
}
