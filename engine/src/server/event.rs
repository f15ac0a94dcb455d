//! What a server tells its application, and the decisions it asks for.

use bytes::Bytes;

use super::room::Admitted;
use crate::{
    error::{PeerFault, Reason, StoreFault},
    id::{LinkId, ReplicaId},
};

/// Something happened on a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A peer introduced itself and waits to be let in. Raised only by a server that [asks](super::Admission).
    Knock(Knock),
    /// A peer was let in.
    Admitted {
        /// Its link.
        link: LinkId,
    },
    /// A link is gone.
    LinkDown {
        /// The link.
        link: LinkId,
        /// Why.
        reason: Reason,
    },
    /// A peer did something that it must not do; its link is being closed.
    Fault {
        /// Its link.
        link: LinkId,
        /// What it did.
        fault: PeerFault,
    },
    /// A peer wants to be kept in step with a document. Raised only by a server that [asks](super::Admission).
    JoinRequest(JoinRequest),
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
    /// A message about a document that its link has not joined was passed over. Right after a document was left or
    /// lost this is normal: the message crossed the news.
    NotJoined {
        /// The link.
        link: LinkId,
        /// The number the message named.
        doc: u64,
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
    /// The store has confirmed changes.
    Stored {
        /// The document.
        name: String,
        /// How many changes.
        changes: usize,
    },
    /// The store failed. Changes are kept and written again later; a document that could not be loaded is not written.
    StoreFailed {
        /// The document.
        name: String,
        /// What the store says.
        fault: StoreFault,
        /// How often in a row.
        failures: u32,
    },
}

/// A peer that waits to be let in. To be spent by [`Server::admit`](super::Server::admit) or
/// [`Server::refuse`](super::Server::refuse); a peer that is kept waiting is closed after
/// [`Limits::greeting_time`](crate::Limits::greeting_time).
#[derive(Debug)]
#[must_use = "a peer that is neither admitted nor refused is kept waiting until it is timed out"]
pub struct Knock {
    pub(super) link: LinkId,
    pub(super) token: Bytes,
}

impl Knock {
    /// The link it came on.
    pub fn link(&self) -> LinkId {
        self.link
    }

    /// What the peer sent for the application to know it by.
    pub fn token(&self) -> &Bytes {
        &self.token
    }
}

/// A join that waits for a decision. To be spent by [`Server::grant`](super::Server::grant) or
/// [`Server::deny`](super::Server::deny).
#[derive(Debug)]
#[must_use = "a join that is neither granted nor denied is never answered"]
pub struct JoinRequest {
    pub(super) name: String,
    pub(super) entry: Admitted,
}

impl JoinRequest {
    /// The link it came on.
    pub fn link(&self) -> LinkId {
        self.entry.link
    }

    /// This server's number for it. Never used again.
    pub fn number(&self) -> u64 {
        self.entry.serial
    }

    /// The document it is about.
    pub fn name(&self) -> &str {
        &self.name
    }
}
