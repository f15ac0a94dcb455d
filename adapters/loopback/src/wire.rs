//! A link between a client and the server: two ordered streams of bytes that work until they do not.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use crdt_socket_sync::{LinkId, Time};

use crate::{config::SimulationConfig, dice::Dice, framing::Framing};

/// A direction of a link, by who receives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) client: usize,
    /// Each end's own name for the link, until that end has been told that it is down.
    pub(crate) client_link: Option<LinkId>,
    pub(crate) server_link: Option<LinkId>,
    /// Whether the server has said that it has something for this link, and has not said since that this was all.
    pub(crate) server_ready: bool,
    /// Nothing that is sent from now on arrives, and neither end is told.
    pub(crate) half_open: bool,
    pub(crate) to_server: Lane,
    pub(crate) to_client: Lane,
}

impl Wire {
    pub(crate) fn lane(&mut self, direction: Direction) -> &mut Lane {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

/// One direction.
pub(crate) struct Lane {
    /// Frames under way.
    pub(crate) in_flight: usize,
    /// When the last piece arrives; the next one not before it.
    pub(crate) last: Time,
    /// Whether the sender has closed.
    pub(crate) closed: bool,
    /// What arrives while the lane is stalled, in order; `None` if it is not.
    pub(crate) held: Option<VecDeque<Parcel>>,
    writer: Box<dyn Framing>,
    reader: Box<dyn Framing>,
    arrived: BytesMut,
}

/// Something under way.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    /// Some bytes of the stream, and whether a frame ends with them.
    Piece { bytes: Bytes, last: bool },
    /// The sender has closed.
    Close,
}

impl Lane {
    pub(crate) fn new(config: &SimulationConfig, now: Time) -> Self {
        Self {
            in_flight: 0,
            last: now,
            closed: false,
            held: None,
            writer: (config.framing)(),
            reader: (config.framing)(),
            arrived: BytesMut::new(),
        }
    }

    /// Puts a frame on the stream, in pieces of at most so many bytes.
    pub(crate) fn write(&mut self, frame: &Bytes, most: Option<usize>, dice: &mut Dice) -> Vec<Parcel> {
        let mut stream = BytesMut::new();
        self.writer.write(frame, &mut stream);
        let mut stream = stream.freeze();
        let mut parcels = Vec::new();
        while !stream.is_empty() {
            let size = most.map_or(stream.len(), |most| 1 + dice.below(most)).min(stream.len());
            let bytes = stream.split_to(size);
            parcels.push(Parcel::Piece { bytes, last: stream.is_empty() });
        }
        parcels
    }

    /// Takes in a piece, and the frames that are whole now.
    pub(crate) fn read(&mut self, piece: &[u8]) -> Result<Vec<Bytes>, String> {
        self.arrived.extend_from_slice(piece);
        let mut frames = Vec::new();
        while let Some(frame) = self.reader.read(&mut self.arrived)? {
            frames.push(frame);
        }
        Ok(frames)
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("in_flight", &self.in_flight).field("closed", &self.closed).finish_non_exhaustive()
    }
}
