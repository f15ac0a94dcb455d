//! A link between a client and the server: two ordered streams of frames that work until they do not.

use crdt_socket_sync::{LinkId, Time};

/// What a link carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Health {
    /// Everything.
    Well,
    /// Nothing, and neither end is told.
    HalfOpen,
}

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) client: usize,
    /// Each end's own name for the link, until that end has been told that it is down.
    pub(crate) client_link: Option<LinkId>,
    pub(crate) server_link: Option<LinkId>,
    /// Whether the server has said that it has something for this link, and has not said since that this was all.
    pub(crate) server_ready: bool,
    pub(crate) health: Health,
    pub(crate) to_server: Lane,
    pub(crate) to_client: Lane,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Frames under way.
    pub(crate) in_flight: usize,
    /// When the last one arrives; the next one not before it.
    pub(crate) last: Time,
    /// Whether the sender has closed.
    pub(crate) closed: bool,
}
