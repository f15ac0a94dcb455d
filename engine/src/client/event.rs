//! What a client tells its application.

use std::time::Duration;

use crate::{
    error::{ChangeFault, Reason, StoreFault},
    id::{DocId, Epoch},
    wire::{Access, Level},
};

/// Where a client is with its server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Status {
    /// Not connected, and not trying to be.
    Disconnected,
    /// The first attempt is under way.
    Connecting,
    /// The server has let the client in.
    Connected,
    /// The link was lost, or an attempt failed; there will be another one.
    Reconnecting {
        /// How many attempts have failed since the client was last connected.
        failures: u32,
        /// How long the client waits before the next one.
        wait: Duration,
        /// What went wrong with the last one.
        why: String,
    },
    /// The server does not want this client, or is none of ours; trying again would end the same way.
    Refused(Reason),
}

/// Something happened on a client. `E` is what the client's kind of replica reports:
/// [`DocumentEvent`](crate::DocumentEvent) for documents.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClientEvent<E> {
    /// The client's standing with its server has changed.
    Status(Status),
    /// A document was joined: changes flow both ways from here on, as far as the access goes.
    Joined {
        /// The document.
        doc: DocId,
        /// What the client may do there.
        access: Access,
    },
    /// The document has everything that the server had when it was joined.
    CaughtUp {
        /// The document.
        doc: DocId,
    },
    /// The replica reports something; for a document, what an edit from here or elsewhere has changed.
    Replica {
        /// The document.
        doc: DocId,
        /// What it reports.
        event: E,
    },
    /// All changes that are here have come to this level.
    Synced {
        /// The document.
        doc: DocId,
        /// How far.
        level: Level,
    },
    /// The server refuses the document, or took it away. Nothing is lost here; whether the client asks again by itself
    /// is what [`Code::retry`](crate::error::Code::retry) says.
    Refused {
        /// The document.
        doc: DocId,
        /// Why.
        reason: Reason,
    },
    /// The server's document has another history than the one here. Nothing flows until the application has chosen:
    /// discard what is here ([`leave`](super::Client::leave), then open a fresh replica), keep it as another document
    /// (`leave`, then open it under another name), or merge the two ([`adopt`](super::Client::adopt)).
    EpochMismatch {
        /// The document.
        doc: DocId,
        /// The birth mark of the history here.
        ours: Epoch,
        /// The birth mark of the server's.
        theirs: Epoch,
    },
    /// A change from the server could not be taken in, because a replica id was used by two writers or a limit was
    /// passed. The document goes on with what it has and is not kept in step any more.
    Diverged {
        /// The document.
        doc: DocId,
        /// What was wrong with the change.
        fault: ChangeFault,
    },
    /// The client's own store failed. Changes are kept and written again later.
    StoreFailed {
        /// The document.
        doc: DocId,
        /// What the store says.
        fault: StoreFault,
        /// How often in a row.
        failures: u32,
    },
}
