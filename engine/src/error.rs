//! What goes wrong, sorted by who is at fault.
//!
//! | family | whose fault | what follows |
//! |---|---|---|
//! | [`Malformed`] | the peer sent bytes that are not a frame | its link is closed |
//! | [`PeerFault`] | the peer sent a frame that is legal in form and wrong now | its link is closed, or its document refused |
//! | [`Misuse`] | the caller of the engine | the call changed nothing |
//! | [`StoreFault`] | the store | the engine keeps what it has and tries again |
//!
//! Every close and every refusal carries a [`Code`], and every code says whether to try again ([`Retry`]).

use std::{fmt, time::Duration};

use crate::{
    id::{DocId, LinkId, OpId, ReplicaId, Ticket},
    proof::Situation,
};

/// Bytes that are not what they should be. `at` is an offset into the frame or the change that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed at byte {at}: {what}")]
pub struct Malformed {
    /// Where reading stopped.
    pub at: usize,
    /// What was expected there, or what is wrong with what was found.
    pub what: &'static str,
}

impl Malformed {
    pub(crate) const fn new(at: usize, what: &'static str) -> Self {
        Self { at, what }
    }

    /// The same fault in something that begins at `offset` of what is read.
    pub(crate) const fn behind(self, offset: usize) -> Self {
        Self { at: self.at + offset, what: self.what }
    }
}

/// A frame that is well formed and may not be sent, or not now.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// The bytes are not a frame.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The frame is larger than this side announced.
    #[error("a frame of {bytes} bytes is over the limit of {limit}")]
    FrameTooLarge {
        /// The frame's size.
        bytes: usize,
        /// What was announced, or the smaller bound before admission.
        limit: usize,
    },
    /// Only the other side sends this kind of message, or it is too early or too late for it.
    #[error("a `{message}` message is not allowed {when}")]
    Unexpected {
        /// The message's name in the protocol.
        message: &'static str,
        /// The state it came in.
        when: &'static str,
    },
    /// The two sides have no protocol version in common.
    #[error("the peer speaks protocol versions {theirs_min} to {theirs_max}, this side {ours_min} to {ours_max}")]
    Version {
        /// The peer's oldest version.
        theirs_min: u64,
        /// The peer's newest version.
        theirs_max: u64,
        /// This side's oldest version.
        ours_min: u64,
        /// This side's newest version.
        ours_max: u64,
    },
    /// A limit that this side keeps for every peer was passed.
    #[error("over the limit on {what}: {limit}")]
    OverLimit {
        /// What was counted.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A change that cannot be part of any history.
    #[error(transparent)]
    Change(#[from] ChangeFault),
}

impl From<&PeerFault> for Situation {
    fn from(fault: &PeerFault) -> Self {
        match fault {
            PeerFault::Malformed(_) => Self::FrameMalformed,
            PeerFault::FrameTooLarge { .. } => Self::FrameOverLimit,
            PeerFault::Unexpected { .. } | PeerFault::Change(_) => Self::FrameUnexpected,
            PeerFault::Version { .. } => Self::VersionsDiffer,
            PeerFault::OverLimit { .. } => Self::BoundRefused,
        }
    }
}

impl PeerFault {
    /// The code a link that did this is closed with.
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed(_) => Code::Malformed,
            Self::FrameTooLarge { .. } => Code::TooLarge,
            Self::Unexpected { .. } => Code::Unexpected,
            Self::Version { .. } => Code::Version,
            Self::OverLimit { .. } => Code::OverLimit,
            Self::Change(fault) => fault.code(),
        }
    }
}

/// Why a change was not taken in. Apart from `ClockAhead` and `OverLimit`, which depend on when and where it arrived,
/// every replica judges a change alike.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeFault {
    /// A change must hold at least one operation and its numbers must fit in 64 bits.
    #[error("change {id} covers no operation, or more than can be numbered")]
    Length {
        /// The change's first operation.
        id: OpId,
    },
    /// A change begins inside another one of the same replica, or has the number of another one and is not that one:
    /// two writers used one replica id.
    #[error("change {id} contradicts one that is here already: replica id {} was used by two writers", id.replica)]
    Contradiction {
        /// The change's first operation.
        id: OpId,
    },
    /// A change's clock is not greater than that of a change it depends on.
    #[error("change {id} has a clock that is not after that of a change it depends on")]
    ClockBehind {
        /// The change's first operation.
        id: OpId,
    },
    /// A change's clock is further ahead of this side's wall clock than the limit allows.
    #[error("the clock of change {id} is {} s ahead of ours: set the clock of the machine that made it", ahead.as_secs())]
    ClockAhead {
        /// The change's first operation.
        id: OpId,
        /// How far ahead.
        ahead: Duration,
    },
    /// Taking it in would pass a limit.
    #[error("change {id} would pass the limit on {what}: {limit}")]
    OverLimit {
        /// The change's first operation.
        id: OpId,
        /// What was counted.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl ChangeFault {
    /// The code its sender is told.
    pub fn code(&self) -> Code {
        match self {
            Self::Length { .. } | Self::ClockBehind { .. } => Code::Malformed,
            Self::Contradiction { .. } => Code::Contradiction,
            Self::ClockAhead { .. } => Code::ClockAhead,
            Self::OverLimit { .. } => Code::OverLimit,
        }
    }
}

/// A call that makes no sense. Nothing was changed by it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// No such link, or not any more.
    #[error("{0} is not up")]
    UnknownLink(LinkId),
    /// No such document, or not any more.
    #[error("{0} is not open")]
    UnknownDocument(DocId),
    /// A ticket that was never handed out, or was answered already.
    #[error("{0} is not waiting for an answer")]
    UnknownTicket(Ticket),
    /// The store answered a request with the reply to another kind of request.
    #[error("{0} asked for something else than what the reply holds")]
    WrongReply(Ticket),
    /// A client holds at most one link.
    #[error("the client has a link already: {0}")]
    LinkAlreadyUp(LinkId),
    /// The document is open already; edit it through the id it has.
    #[error("document {name:?} is open already as {doc}")]
    AlreadyOpen {
        /// The document's name.
        name: String,
        /// Its id.
        doc: DocId,
    },
    /// A client with a store of its own loads what there is: a document is opened there with a new and empty replica.
    #[error("{0:?} is to be loaded from the client's store, and the replica holds changes already")]
    NotEmpty(String),
    /// Another replica was put in the place of one that is kept in a client's own store, and has less. The document is not kept
    /// in step any more, and its store is as it was.
    #[error("{0} was replaced, and a client's own store takes in what is new and nothing else")]
    Replaced(DocId),
    /// A document's name must have between one and `limit` bytes.
    #[error("a document's name has 1 to {limit} bytes, this one {bytes}")]
    Name {
        /// The bytes it has.
        bytes: usize,
        /// See [`Limits::name_bytes`](crate::Limits::name_bytes).
        limit: usize,
    },
    /// The document's history has another birth mark than the one it is to go on with.
    #[error("the document has an epoch already")]
    HasEpoch,
    /// The document is not waiting for this decision.
    #[error("{0} is not waiting for this decision")]
    NothingToDecide(DocId),
    /// The document is still being loaded from the store, or could not be.
    #[error("{0} is not loaded")]
    NotLoaded(DocId),
}

/// What a store says went wrong.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreFault {
    /// It may work next time: a full disk, a lock held too long, a network away.
    #[error("the store failed: {0}")]
    Unavailable(String),
    /// What is stored cannot be read. Nothing is written over it.
    #[error("the stored document is damaged: {0}")]
    Corrupt(String),
}

/// A frame could not be taken in.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The caller's mistake; nothing was changed.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// The peer's; its link is being closed, and no other link is affected.
    #[error(transparent)]
    Peer(#[from] PeerFault),
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $number:literal $name:ident $retry:ident;)*) => {
        /// Why a link was closed or a document refused, as it travels on the wire.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)*
            /// A code from a newer peer; taken as "try again later".
            Other(u16),
        }

        impl Code {
            /// Every code that has a name, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number on the wire.
            pub const fn number(self) -> u16 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Other(number) => number,
                }
            }

            /// The code with this number.
            pub const fn from_number(number: u16) -> Self {
                match number {
                    $($number => Self::$name,)*
                    other => Self::Other(other),
                }
            }

            /// Whether whoever receives this should try again.
            pub const fn retry(self) -> Retry {
                match self {
                    $(Self::$name => Retry::$retry,)*
                    Self::Other(_) => Retry::Later,
                }
            }
        }
    };
}

codes! {
    /// The peer is done and asked for this.
    0 Done Never;
    /// The server is going down; it, or another, will be back.
    1 Shutdown Later;
    /// The peer sent bytes that are not a frame.
    2 Malformed Never;
    /// The peer sent a message that is not allowed in that direction, or not then.
    3 Unexpected Never;
    /// No protocol version in common.
    4 Version Never;
    /// The application did not admit this peer, or not to this document.
    5 Forbidden Never;
    /// The peer showed no life for too long, or was too slow to introduce itself.
    6 Timeout Now;
    /// A frame or a change is larger than the side that reads it allows.
    7 TooLarge Never;
    /// A count that is kept for every peer was passed.
    8 OverLimit Later;
    /// Another live session writes with this replica id.
    9 ReplicaInUse Later;
    /// The two sides hold histories with different birth marks.
    10 EpochMismatch Never;
    /// The store could not load the document. It is not written to either.
    11 StoreFailed Later;
    /// A change's clock is too far ahead.
    12 ClockAhead Later;
    /// A change contradicts another one: a replica id was used by two writers.
    13 Contradiction Never;
    /// The same client came back on a newer link.
    14 Superseded Never;
    /// This link may read the document and not write it. The changes stay with the client.
    15 ReadOnly Never;
    /// What one side lacks, or has not stored, the other one had and does not keep: it began with a snapshot of what that adds
    /// up to. Somebody else may bring it yet.
    16 Pruned Later;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Shutdown => "the server is going down",
            Self::Malformed => "malformed bytes",
            Self::Unexpected => "a message out of place",
            Self::Version => "no protocol version in common",
            Self::Forbidden => "forbidden",
            Self::Timeout => "no sign of life",
            Self::TooLarge => "too large",
            Self::Pruned => "changes that are lacking and not kept any more",
            Self::OverLimit => "over a limit",
            Self::ReplicaInUse => "the replica id is in use by another session",
            Self::EpochMismatch => "the document here has another history than the document there",
            Self::StoreFailed => "the store could not load the document",
            Self::ClockAhead => "a clock is too far ahead",
            Self::Contradiction => "a replica id was used by two writers",
            Self::Superseded => "the same client came back on a newer link",
            Self::ReadOnly => "this link may only read",
            Self::Other(number) => return write!(f, "code {number}"),
        })
    }
}

/// Whether to try again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// Trying again would end the same way until something is changed by hand.
    Never,
    /// At once.
    Now,
    /// After a growing, jittered wait.
    Later,
}

/// A code together with a sentence for a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// For the program.
    pub code: Code,
    /// For a person; may be empty.
    pub detail: String,
}

impl Reason {
    /// A code with a sentence for a person.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl From<Code> for Reason {
    fn from(code: Code) -> Self {
        Self::new(code, "")
    }
}

impl From<PeerFault> for Reason {
    fn from(fault: PeerFault) -> Self {
        Self::new(fault.code(), fault.to_string())
    }
}

impl From<ChangeFault> for Reason {
    fn from(fault: ChangeFault) -> Self {
        Self::new(fault.code(), fault.to_string())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.detail.is_empty() { write!(f, "{}", self.code) } else { write!(f, "{}: {}", self.code, self.detail) }
    }
}

/// Names the replica in messages about it without the reader having to know what an [`OpId`] is.
impl ChangeFault {
    /// The replica that made the change.
    pub fn replica(&self) -> ReplicaId {
        self.id().replica
    }

    /// The change, by its first operation.
    pub fn id(&self) -> OpId {
        match self {
            Self::Length { id }
            | Self::Contradiction { id }
            | Self::ClockBehind { id }
            | Self::ClockAhead { id, .. }
            | Self::OverLimit { id, .. } => *id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_wire_and_unknown_ones_are_tried_again_later() {
        for (index, code) in Code::ALL.iter().enumerate() {
            assert_eq!(usize::from(code.number()), index, "numbers are dense, and never reused");
            assert_eq!(Code::from_number(code.number()), *code);
        }
        let unknown = Code::from_number(999);
        assert_eq!((unknown.number(), unknown.retry()), (999, Retry::Later));
    }
}
