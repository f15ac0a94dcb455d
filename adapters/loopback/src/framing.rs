//! How frames travel as the bytes of a stream.

use bytes::{Buf, Bytes, BytesMut};

/// One direction of a transport that carries a stream of bytes and has to find the frames in it again.
///
/// Hand your own to [`SimulationConfig::framing`](crate::SimulationConfig::framing), and every link of a simulation uses
/// it: its bytes are cut into pieces, held up and lost at any place. Each direction of each link has one to write and
/// another one to read.
pub trait Framing {
    /// Appends a frame to what goes over the stream.
    fn write(&mut self, frame: &Bytes, stream: &mut BytesMut);

    /// Takes the first frame off the front of what has arrived; `None` if not all of it has.
    ///
    /// # Errors
    ///
    /// If this can never become a frame. A stream carries nothing but what [`write`](Self::write) wrote, so the simulation
    /// panics with these words.
    fn read(&mut self, arrived: &mut BytesMut) -> Result<Option<Bytes>, String>;
}

/// Each frame after its length in four bytes, big-endian: what a simulation uses unless told otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct LengthPrefix;

impl Framing for LengthPrefix {
    fn write(&mut self, frame: &Bytes, stream: &mut BytesMut) {
        let length = u32::try_from(frame.len()).expect("the engine's frames are bounded");
        stream.extend_from_slice(&length.to_be_bytes());
        stream.extend_from_slice(frame);
    }

    fn read(&mut self, arrived: &mut BytesMut) -> Result<Option<Bytes>, String> {
        let Some(length) = arrived.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if arrived.len() - 4 < length {
            return Ok(None);
        }
        arrived.advance(4);
        Ok(Some(arrived.split_to(length).freeze()))
    }
}
