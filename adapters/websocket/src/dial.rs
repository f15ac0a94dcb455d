//! Why a connection could not be opened.

use std::io;

use tungstenite::{
    Error,
    error::{ProtocolError, UrlError},
};

/// Why a connection could not be opened: one line for a person, one variant for a program.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The URL cannot be dialled.
    #[error("{url:?} is not a WebSocket URL: {why}")]
    BadUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody listens there.
    #[error("nobody listens there: {0}")]
    Refused(String),
    /// There is no way there: no such host, no route, cut off.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The connection could not be made secure.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// Something answers, with this HTTP status: it is no WebSocket endpoint.
    #[error("the server answers with HTTP status {status}: this is not a WebSocket endpoint")]
    Http {
        /// The status.
        status: u16,
    },
    /// Something answers, and is no WebSocket server.
    #[error("the server does not speak WebSocket: {0}")]
    NotWebSocket(String),
    /// A WebSocket server answers, and is none of ours.
    #[error("a WebSocket server answers, but it is no crdt-socket-sync server")]
    NotOurs,
    /// Nothing answered in time.
    #[error("the server did not answer in time")]
    TimedOut,
}

impl DialError {
    /// Whether trying again would end the same way.
    pub const fn is_permanent(&self) -> bool {
        matches!(self, Self::BadUrl { .. } | Self::NotOurs)
    }
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused(error.to_string()),
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Unreachable(error.to_string()),
        }
    }
}

impl From<Error> for DialError {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error.into(),
            Error::Tls(error) => Self::Tls(error.to_string()),
            Error::Http(response) => Self::Http { status: response.status().as_u16() },
            Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => Self::NotOurs,
            Error::Url(UrlError::UnableToConnect(what)) => Self::Unreachable(what),
            other => Self::NotWebSocket(other.to_string()),
        }
    }
}
