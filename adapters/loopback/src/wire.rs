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
    /// Frames under way, to be compared with those that are read.
    pub(crate) written: VecDeque<Bytes>,
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
            written: VecDeque::new(),
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

    /// Takes in some bytes, and the frames that are whole then.
    ///
    /// # Panics
    ///
    /// If the framing does not read what it wrote.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<Bytes> {
        self.arrived.extend_from_slice(bytes);
        let mut frames = Vec::new();
        loop {
            match self.reader.read(&mut self.arrived) {
                Ok(None) => return frames,
                Ok(Some(frame)) => {
                    let written = self.written.pop_front();
                    assert!(
                        Some(&frame) == written.as_ref(),
                        "the framing has read {frame:?} where it wrote {written:?}"
                    );
                    frames.push(frame);
                }
                Err(words) => panic!("the framing does not read what it wrote: {words}"),
            }
        }
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("in_flight", &self.in_flight).field("closed", &self.closed).finish_non_exhaustive()
    }
}
