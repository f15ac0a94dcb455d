//! What a server tells its application.

use std::{
    fmt,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crdt_socket_sync::{
    LinkId, ReplicaId, ServerEvent as EngineEvent,
    error::{PeerFault, Reason, StoreFault},
};
use futures_util::Stream;

use crate::queue::Queue;

/// Something happened on a server.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A WebSocket connection was made.
    LinkUp {
        /// Its link.
        link: LinkId,
        /// From where; `None` if it came by [`serve_socket`](super::ServerHandle::serve_socket).
        peer: Option<SocketAddr>,
    },
    /// A client was let in.
    Admitted {
        /// Its link.
        link: LinkId,
    },
    /// A connection is gone.
    LinkDown {
        /// The link.
        link: LinkId,
        /// Why.
        reason: Reason,
    },
    /// A peer did something that it must not do; its connection is being closed.
    Fault {
        /// Its link.
        link: LinkId,
        /// What it did.
        fault: PeerFault,
    },
    /// A link is kept in step with a document from here on.
    Joined {
        /// The link.
        link: LinkId,
        /// The document.
        name: String,
        /// Who writes there.
        replica: Option<ReplicaId>,
    },
    /// It is no longer.
    Left {
        /// The link.
        link: LinkId,
        /// The document.
        name: String,
    },
    /// A join was refused, or a link lost a document that it had joined.
    Refused {
        /// The link.
        link: LinkId,
        /// The document.
        name: String,
        /// Why.
        reason: Reason,
    },
    /// A link's changes are in the log.
    Applied {
        /// The link.
        link: LinkId,
        /// The document.
        name: String,
        /// How many changes are new.
        changes: usize,
    },
    /// The storage has confirmed changes.
    Stored {
        /// The document.
        name: String,
        /// How many changes.
        changes: usize,
    },
    /// The storage failed. Changes are kept and written again later; a document that could not be loaded is not written.
    StoreFailed {
        /// The document.
        name: String,
        /// What the storage says.
        fault: StoreFault,
        /// How often in a row.
        failures: u32,
    },
    /// A connection could not be accepted. The server goes on.
    AcceptFailed {
        /// What the operating system says.
        error: String,
    },
    /// The session is not [recorded](super::ServerBuilder::record) any more.
    RecordFailed {
        /// What went wrong.
        error: String,
    },
    /// Events came faster than they were fetched, and some are lost.
    Lagged,
}

impl ServerEvent {
    pub(super) fn from_engine(event: EngineEvent) -> Option<Self> {
        Some(match event {
            EngineEvent::Admitted { link } => Self::Admitted { link },
            EngineEvent::LinkDown { link, reason } => Self::LinkDown { link, reason },
            EngineEvent::Fault { link, fault } => Self::Fault { link, fault },
            EngineEvent::Joined { link, name, replica } => Self::Joined { link, name, replica },
            EngineEvent::Left { link, name } => Self::Left { link, name },
            EngineEvent::Refused { link, name, reason } => Self::Refused { link, name, reason },
            EngineEvent::Applied { link, name, changes } => Self::Applied { link, name, changes },
            EngineEvent::Stored { name, changes } => Self::Stored { name, changes },
            EngineEvent::StoreFailed { name, fault, failures } => Self::StoreFailed { name, fault, failures },
            _ => return None,
        })
    }
}

/// A server's events from when it was made; ends when the server is gone.
///
/// Up to 4 096 events wait to be fetched. When there would be more, all of them are dropped for one
/// [`ServerEvent::Lagged`].
#[must_use = "events wait in it, and are lost with it"]
pub struct ServerEvents {
    pub(super) queue: Arc<Queue<ServerEvent>>,
}

impl ServerEvents {
    /// The next event, for those who have no stream adaptors at hand.
    pub async fn next(&mut self) -> Option<ServerEvent> {
        std::future::poll_fn(|cx| self.queue.poll(cx)).await
    }
}

impl Stream for ServerEvents {
    type Item = ServerEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ServerEvent>> {
        self.queue.poll(cx)
    }
}

impl fmt::Debug for ServerEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerEvents").finish_non_exhaustive()
    }
}
