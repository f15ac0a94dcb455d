//! Names for the things an engine handles.
//!
//! Replicas, operations and epochs are named for the whole world and travel on the wire. Links, documents and tickets
//! are numbered by the engine that hands them out and mean nothing to another one; there is no process-wide counter.

use std::fmt;

/// One writer of one document: 64 random bits, never reused after its owner has lost any of its own changes.
///
/// Shown as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(u64);

impl ReplicaId {
    /// A replica id from 64 bits, which the caller drew at random.
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64 bits.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Short ids are what tests use, and what makes a failing assertion readable.
        write!(f, "r{:x}", self.0)
    }
}

/// One operation: the `seq`-th that `replica` made, counted from zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// Who made the operation.
    pub replica: ReplicaId,
    /// Which of the maker's operations it is, from zero.
    pub seq: u64,
}

impl OpId {
    /// The `seq`-th operation of `replica`.
    pub const fn new(replica: ReplicaId, seq: u64) -> Self {
        Self { replica, seq }
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.seq, self.replica)
    }
}

impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:?}", self.seq, self.replica)
    }
}

/// The birth mark of a document's history: 128 random bits, drawn once when the history began.
///
/// Two histories of one document name that were begun apart (a store was lost and the document seeded again) have
/// different epochs, and must not be merged without the application's word: the text would double.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u128);

impl Epoch {
    /// An epoch from 128 bits, which the caller drew at random.
    pub const fn new(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch:{:x}", self.0)
    }
}

macro_rules! engine_number {
    ($(#[$doc:meta])* $name:ident, $short:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u64);

        impl $name {
            /// The number itself, for logs and maps of the adapter's own.
            pub const fn number(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($short, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

engine_number!(
    /// One transport connection, from `link_up` to `link_down`. Never used again after that.
    LinkId,
    "link"
);
engine_number!(
    /// One document that a client has open. Never used again after `leave`.
    DocId,
    "doc"
);
engine_number!(
    /// One request to the store, to be answered exactly once.
    Ticket,
    "ticket"
);
