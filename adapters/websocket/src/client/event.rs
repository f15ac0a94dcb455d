//! What a client tells its application.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crdt_socket_sync::{
    Access, ClientEvent, DocId, Document, DocumentEvent, Epoch, Level, Status,
    error::{ChangeFault, Misuse, Reason, StoreFault},
};
use futures_util::Stream;

use super::state::Shared;
use crate::{DialError, queue::Queue};

/// Why a client is not connected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection could not be opened.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The server does not want this client, or is none of ours; trying again would end the same way.
    #[error("the server refuses this client: {0}")]
    Refused(Reason),
    /// The connection was lost before the server let the client in.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The client was closed.
    #[error("the client was closed")]
    Closed,
}

/// Why a document will not come to the level that is waited for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The server refuses the document, or took it away.
    #[error("the server refuses the document: {0}")]
    Refused(Reason),
    /// The document may be read and not written, and there are edits here that the server lacks.
    #[error("this client may only read the document")]
    ReadOnly,
    /// The server's document has another history; see [`Doc::adopt`](super::Doc::adopt).
    #[error("the server's document has another history")]
    EpochMismatch,
    /// A change from the server could not be taken in.
    #[error("the document has diverged: {0}")]
    Diverged(ChangeFault),
    /// The document was left.
    #[error("the document was left")]
    Left,
    /// The client is not connected and will not be.
    #[error(transparent)]
    Client(#[from] ConnectError),
}

/// Something happened to a document.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DocEvent {
    /// What an edit from here or elsewhere has changed.
    Document(DocumentEvent),
    /// Changes flow both ways from here on, as far as the access goes.
    Joined {
        /// What this client may do.
        access: Access,
    },
    /// Everything is here that the server had when the document was joined.
    CaughtUp,
    /// All changes that are here have come to this level.
    Synced {
        /// How far.
        level: Level,
    },
    /// The server refuses the document, or took it away. Whether the client asks again by itself is what
    /// [`Code::retry`](crdt_socket_sync::error::Code::retry) says.
    Refused {
        /// Why.
        reason: Reason,
    },
    /// The server's document has another history than the one here. Nothing flows until the application has chosen; see
    /// [`Doc::adopt`](super::Doc::adopt) and [`Doc::leave`](super::Doc::leave).
    EpochMismatch {
        /// The birth mark of the history here.
        ours: Epoch,
        /// The birth mark of the server's.
        theirs: Epoch,
    },
    /// A change from the server could not be taken in; the document is not kept in step any more.
    Diverged {
        /// What was wrong with the change.
        fault: ChangeFault,
    },
    /// The client's own storage failed. Changes are kept and written again later.
    StoreFailed {
        /// What the storage says.
        fault: StoreFault,
        /// How often in a row.
        failures: u32,
    },
    /// The session is not [recorded](super::ClientBuilder::record) any more.
    RecordFailed {
        /// What went wrong.
        error: String,
    },
    /// Events came faster than they were fetched, and some are lost: [read the document anew](DocEvents::reread).
    Lagged,
}

impl DocEvent {
    /// The document an engine's event is about, and what it says.
    pub(super) fn from_engine(event: ClientEvent<DocumentEvent>) -> Option<(DocId, Self)> {
        Some(match event {
            ClientEvent::Joined { doc, access } => (doc, Self::Joined { access }),
            ClientEvent::CaughtUp { doc } => (doc, Self::CaughtUp),
            ClientEvent::Replica { doc, event } => (doc, Self::Document(event)),
            ClientEvent::Synced { doc, level } => (doc, Self::Synced { level }),
            ClientEvent::Refused { doc, reason } => (doc, Self::Refused { reason }),
            ClientEvent::EpochMismatch { doc, ours, theirs } => (doc, Self::EpochMismatch { ours, theirs }),
            ClientEvent::Diverged { doc, fault } => (doc, Self::Diverged { fault }),
            ClientEvent::StoreFailed { doc, fault, failures } => (doc, Self::StoreFailed { fault, failures }),
            _ => return None,
        })
    }
}

/// A document's events from when it was made; ends when the document is left or the client closed.
///
/// Up to 4 096 events wait to be fetched. When there would be more, all of them are dropped for one
/// [`DocEvent::Lagged`].
#[must_use = "events wait in it, and are lost with it"]
pub struct DocEvents {
    pub(super) shared: Arc<Shared>,
    pub(super) doc: DocId,
    pub(super) queue: Arc<Queue<DocEvent>>,
}

impl DocEvents {
    /// Reads the document for a view that is then patched with events: those that wait and that the reading shows
    /// already are dropped. To be called once at the beginning, and after each [`DocEvent::Lagged`].
    ///
    /// # Errors
    ///
    /// If the document was left.
    pub fn reread<T>(&mut self, read: impl FnOnce(&Document) -> T) -> Result<T, Misuse> {
        self.shared.read(|state| {
            let value = read(state.engine.replica(self.doc)?);
            self.queue.retain(|event| !matches!(event, DocEvent::Document(_) | DocEvent::Lagged));
            Ok(value)
        })
    }

    /// The next event, for those who have no stream adaptors at hand.
    pub async fn next(&mut self) -> Option<DocEvent> {
        std::future::poll_fn(|cx| self.queue.poll(cx)).await
    }
}

impl Stream for DocEvents {
    type Item = DocEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<DocEvent>> {
        self.queue.poll(cx)
    }
}

impl std::fmt::Debug for DocEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DocEvents").field("doc", &self.doc).finish_non_exhaustive()
    }
}

/// A client's status, first what it is and then every change; ends when the client is closed. Who does not fetch them
/// misses some, but not the latest.
#[must_use = "statuses wait in it, and are lost with it"]
pub struct Statuses {
    pub(super) queue: Arc<Queue<Status>>,
}

impl Statuses {
    /// The next status, for those who have no stream adaptors at hand.
    pub async fn next(&mut self) -> Option<Status> {
        std::future::poll_fn(|cx| self.queue.poll(cx)).await
    }
}

impl Stream for Statuses {
    type Item = Status;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Status>> {
        self.queue.poll(cx)
    }
}

impl std::fmt::Debug for Statuses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statuses").finish_non_exhaustive()
    }
}
