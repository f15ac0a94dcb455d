//! One connection, either side: moves frames between a WebSocket and the engine, until one of them is done.
//!
//! Nothing is queued here. The engine is asked for a frame when the socket can take one; what was written in one turn
//! leaves in one flush.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use crdt_socket_sync::{
    LinkId, Transmit,
    error::{Code, Reason},
};
use tungstenite::{
    Error, Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::WebSocket;

/// How long the transport of a link that is being closed may take for the goodbye.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// How much is read in one turn, so that one connection does not keep the others waiting.
const READS: usize = 32;
const READ_BYTES: usize = 64 << 10;
/// How many frames are written in one turn.
const WRITES: usize = 64;

/// The engine, as a link sees it. Every method locks it once, shortly.
pub(crate) trait Side {
    /// Takes note of whom to wake when the link has something to do. Whether to go on: a link that is being closed from
    /// this side, or has said its goodbye, is given up after [`GRACE`].
    fn attend(&self, link: LinkId, waker: &Waker, goodbye: bool) -> bool;

    /// Frames arrived.
    fn receive(&self, link: LinkId, frames: Vec<Bytes>);

    /// The next frame; asked for when the socket can take one.
    fn transmit(&self, link: LinkId) -> Option<Transmit>;

    /// The peer sends something that is too large to be read. Whether there is a goodbye to be sent.
    fn too_large(&self, link: LinkId, reason: Reason) -> bool;
}

pub(crate) struct Link<S> {
    id: LinkId,
    socket: S,
    /// Frames were handed to the socket and not flushed.
    dirty: bool,
    /// Nothing more can be read.
    deaf: bool,
    /// No frame is sent any more: the close frame was sent or received, and this is why.
    goodbye: Option<String>,
}

impl<S: WebSocket> Link<S> {
    pub(crate) fn new(id: LinkId, socket: S) -> Self {
        Self { id, socket, dirty: false, deaf: false, goodbye: None }
    }

    pub(crate) fn id(&self) -> LinkId {
        self.id
    }

    /// Does what can be done now. Once it says why the link is down, the socket is to be dropped.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, side: &impl Side) -> Poll<String> {
        if !side.attend(self.id, cx.waker(), self.goodbye.is_some()) {
            return Poll::Ready(self.goodbye.take().unwrap_or_else(|| "the goodbye was not taken".into()));
        }
        match self.turn(cx, side) {
            Ok(true) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Ok(false) => Poll::Pending,
            // Once the goodbye is said, it does not matter how the connection ends.
            Err(why) => Poll::Ready(self.goodbye.take().unwrap_or(why)),
        }
    }

    /// Whether there is more to be done at once.
    fn turn(&mut self, cx: &mut Context<'_>, side: &impl Side) -> Result<bool, String> {
        let mut more = self.read(cx, side)?;
        if self.goodbye.is_none() {
            more |= self.write(cx, side)?;
            if self.goodbye.is_some() && !side.attend(self.id, cx.waker(), true) {
                return Err("there was no time for a goodbye".into());
            }
        }
        if self.dirty {
            if let Poll::Ready(flushed) = Pin::new(&mut self.socket).poll_flush(cx) {
                flushed.map_err(|error| error.to_string())?;
                self.dirty = false;
            }
        }
        if self.deaf && self.goodbye.is_some() && !self.dirty {
            return Err("what the peer sends cannot be read".into());
        }
        Ok(more)
    }

    fn read(&mut self, cx: &mut Context<'_>, side: &impl Side) -> Result<bool, String> {
        let (mut frames, mut bytes, mut end) = (Vec::new(), 0, None);
        let mut more = !self.deaf;
        for _ in 0..READS {
            if self.deaf || bytes >= READ_BYTES {
                break;
            }
            match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => match message {
                    Message::Binary(frame) => {
                        bytes += frame.len();
                        frames.push(frame);
                    }
                    // No text begins like a frame, so the engine refuses it, and says so to the peer.
                    Message::Text(text) => frames.push(text.into()),
                    Message::Close(frame) => {
                        let why = frame.map_or_else(String::new, |frame| frame.reason.to_string());
                        let why = if why.is_empty() { "the peer closed the connection".into() } else { why };
                        self.goodbye.get_or_insert(why);
                    }
                    // Answered, or passed over, by the socket.
                    _ => {}
                },
                Poll::Ready(Some(Err(Error::Capacity(error)))) => {
                    self.deaf = true;
                    more = side.too_large(self.id, Reason::new(Code::TooLarge, error.to_string()));
                    if !more {
                        end = Some(error.to_string());
                    }
                }
                Poll::Ready(Some(Err(error))) => end = Some(error.to_string()),
                Poll::Ready(None) => end = Some("the connection ended".into()),
                Poll::Pending => more = false,
            }
            if end.is_some() || !more {
                break;
            }
        }
        if !frames.is_empty() {
            side.receive(self.id, frames);
        }
        end.map_or(Ok(more), Err)
    }

    fn write(&mut self, cx: &mut Context<'_>, side: &impl Side) -> Result<bool, String> {
        for _ in 0..WRITES {
            match Pin::new(&mut self.socket).poll_ready(cx) {
                Poll::Ready(ready) => ready.map_err(|error| error.to_string())?,
                Poll::Pending => return Ok(false),
            }
            let message = match side.transmit(self.id) {
                None => return Ok(false),
                Some(Transmit::Frame(frame)) => Message::Binary(frame),
                Some(Transmit::Close(reason)) => {
                    self.goodbye = Some(reason.to_string());
                    Message::Close(Some(close_frame(&reason)))
                }
            };
            self.dirty = true;
            Pin::new(&mut self.socket).start_send(message).map_err(|error| error.to_string())?;
            if self.goodbye.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The engine's reason as WebSocket puts it; the engine's own goodbye went before, and says the same.
fn close_frame(reason: &Reason) -> CloseFrame {
    let code = match reason.code {
        Code::Done => CloseCode::Normal,
        other => CloseCode::from(4_000 + other.number().min(999)),
    };
    // A control frame has room for 123 bytes.
    CloseFrame { code, reason: reason.code.to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_fits_a_close_frame() {
        for code in Code::ALL {
            let frame = close_frame(&Reason::new(*code, "x".repeat(500)));
            assert!(frame.reason.len() <= 123 && u16::from(frame.code) >= 1_000);
        }
        assert_eq!(close_frame(&Code::Shutdown.into()).code, CloseCode::Library(4_001));
    }
}
