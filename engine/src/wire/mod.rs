//! Messages and the frames that carry them.
//!
//! One message is one frame: a CBOR array that begins with the number of the message's kind. An array may be longer
//! than this version knows; what follows is ignored. Anything else that is unexpected is [`Malformed`], and a message
//! that its sender may not send is a [`PeerFault`](crate::error::PeerFault) of the session's, not of the wire's.
//! `docs/protocol.md` has every message with its fields.
//!
//! [`Malformed`]: crate::error::Malformed

mod message;
mod names;

pub(crate) use message::encode_changes;
pub use message::{Access, Capabilities, Direction, Level, Message, WriterVersion};
pub(crate) use names::Told;
pub use names::{FullNames, Names, Writers};

/// The oldest protocol version this side speaks.
pub const MIN_VERSION: u64 = 1;
/// The newest protocol version this side speaks.
pub const MAX_VERSION: u64 = 1;
