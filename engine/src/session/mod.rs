//! One link, either side: handshake, liveness, negotiated limits and how it ends.
//!
//! A [`Session`] knows nothing of documents. It is asked first about every frame that comes in and first for every frame
//! that goes out; what it does not need for itself it hands on.
//!
//! ```text
//!             hello sent / link up            welcome sent or received
//!   Greeting ───────────────────▶ Admission ─────────────────────────▶ Open ──┐
//!      │                              │                                  │    │ close (either side), fault,
//!      └──────────────────────────────┴──────────────────────────────────┴────┴ no life  ──▶ Closing ──▶ Closed
//! ```

mod batch;

use std::time::Duration;

use bytes::Bytes;

pub(crate) use batch::{encoded_bytes, next_batch};

use crate::{
    error::{Code, PeerFault, Reason},
    limits::Limits,
    proof::{Fault, Situation, note, planted},
    time::Time,
    wire::{Capabilities, Direction, FullNames, MAX_VERSION, MIN_VERSION, Message, Names},
};

/// What a link's transport is to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Transmit {
    /// Send one frame: one message of a transport that has messages, or preceded by its length on one that has not.
    Frame(Bytes),
    /// Everything is sent: close the transport, then report `link_down`.
    Close(Reason),
}

/// Which of the two this side is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Client,
    Server,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Server: no hello yet. Client: hello sent, no welcome yet.
    Greeting,
    /// Server only: the application has the hello and has not decided yet.
    Admission,
    Open,
    /// The close message is still to be sent.
    Closing,
    /// Nothing is sent or read any more.
    Closed,
}

/// What the session made of a frame.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// It was the session's own business.
    Nothing,
    /// Server: a peer introduces itself.
    Hello { secret: [u8; 16], token: Bytes },
    /// Client: the server has admitted it.
    Welcome,
    /// The peer ends the link.
    Closed(Reason),
    /// Something about a document.
    Document(Message),
}

#[derive(Debug)]
pub(crate) struct Session {
    side: Side,
    state: State,
    /// When the link came up; bounds the greeting.
    up: Time,
    /// When the last bytes came in.
    heard: Time,
    /// When the last frame went out.
    said: Time,
    /// When the last ping went out.
    pinged: Time,
    ping_interval: Duration,
    greeting_time: Duration,
    greeting_bytes: usize,
    /// What this side reads at most, and what the peer does.
    frame_bytes: usize,
    peer_frame_bytes: usize,
    hello: Option<Bytes>,
    welcome_due: bool,
    ping_due: bool,
    pong_due: Option<u64>,
    pings: u64,
    close: Option<Reason>,
}

/// No frame smaller than this may be announced as the largest: the protocol's own messages have to fit.
const LEAST_FRAME_BYTES: u64 = 4 << 10;
/// A server's ping interval is taken within these bounds, whatever it announces.
const PING_MILLIS: (u64, u64) = (10, 3_600_000);

impl Session {
    /// A client's session; its hello is the first frame to go out.
    pub(crate) fn client(now: Time, limits: &Limits, secret: [u8; 16], token: Bytes) -> Self {
        let hello = Message::Hello {
            versions: (MIN_VERSION, MAX_VERSION),
            capabilities: Capabilities::OURS,
            frame_bytes: limits.frame_bytes as u64,
            secret,
            token,
        };
        Self { hello: Some(hello.encode(&FullNames)), ..Self::new(Side::Client, now, limits) }
    }

    /// A server's session, which waits for a hello.
    pub(crate) fn server(now: Time, limits: &Limits) -> Self {
        Self::new(Side::Server, now, limits)
    }

    fn new(side: Side, now: Time, limits: &Limits) -> Self {
        Self {
            side,
            state: State::Greeting,
            up: now,
            heard: now,
            said: now,
            pinged: now,
            ping_interval: limits.ping_interval,
            greeting_time: limits.greeting_time,
            greeting_bytes: limits.greeting_bytes,
            frame_bytes: limits.frame_bytes,
            peer_frame_bytes: limits.greeting_bytes,
            hello: None,
            welcome_due: false,
            ping_due: false,
            pong_due: None,
            pings: 0,
            close: None,
        }
    }

    /// Whether messages about documents may go either way.
    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the link is on its way down or gone.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Closing | State::Closed)
    }

    /// The largest frame that may be sent.
    pub(crate) fn peer_frame_bytes(&self) -> usize {
        self.peer_frame_bytes
    }

    /// Server: lets the peer in.
    pub(crate) fn admit(&mut self) -> bool {
        let waiting = self.state == State::Admission;
        if waiting {
            self.state = State::Open;
            self.welcome_due = true;
        }
        waiting
    }

    /// Ends the link: the peer is told why, after everything that was due before. The first reason stays.
    pub(crate) fn close(&mut self, reason: Reason) {
        if !self.is_over() {
            self.state = State::Closing;
            self.close = Some(reason);
        }
    }

    /// Takes note of a sign of life that needs no reading.
    pub(crate) fn heard(&mut self, now: Time) {
        self.heard = self.heard.max(now);
    }

    /// Takes in a frame. After an error the session is closing, with the fault as its reason.
    pub(crate) fn receive(&mut self, now: Time, frame: Bytes, names: &impl Names) -> Result<Incoming, PeerFault> {
        if self.is_over() {
            return Ok(Incoming::Nothing);
        }
        self.heard(now);
        self.read(frame, names).inspect_err(|fault| {
            note(fault.into());
            self.close(fault.clone().into());
        })
    }

    fn read(&mut self, frame: Bytes, names: &impl Names) -> Result<Incoming, PeerFault> {
        let admitted = self.state == State::Open || self.side == Side::Client;
        let limit = if admitted { self.frame_bytes } else { self.greeting_bytes };
        if frame.len() > limit && !planted(Fault::FrameUnbounded) {
            return Err(PeerFault::FrameTooLarge { bytes: frame.len(), limit });
        }
        let message = Message::decode(frame, names)?;
        let unexpected = |when| Err(PeerFault::Unexpected { message: message.name(), when });
        match (message.kind().2, self.side) {
            (Direction::ToServer, Side::Client) => return unexpected("from a server"),
            (Direction::ToClient, Side::Server) => return unexpected("from a client"),
            _ => {}
        }
        match message {
            Message::Ping { nonce } => {
                self.pong_due = Some(nonce);
                Ok(Incoming::Nothing)
            }
            Message::Pong { .. } => Ok(Incoming::Nothing),
            Message::Close { reason } => {
                self.state = State::Closed;
                self.close = Some(reason.clone());
                Ok(Incoming::Closed(reason))
            }
            Message::Hello { versions, frame_bytes, secret, token, .. } if self.state == State::Greeting => {
                if versions.0 > MAX_VERSION || versions.1 < MIN_VERSION {
                    let (theirs_min, theirs_max) = versions;
                    return Err(PeerFault::Version {
                        theirs_min,
                        theirs_max,
                        ours_min: MIN_VERSION,
                        ours_max: MAX_VERSION,
                    });
                }
                self.learn_frame_bytes(frame_bytes)?;
                self.state = State::Admission;
                Ok(Incoming::Hello { secret, token })
            }
            Message::Welcome { version, frame_bytes, ping_millis, .. } if self.state == State::Greeting => {
                if !(MIN_VERSION..=MAX_VERSION).contains(&version) {
                    let (ours_min, ours_max) = (MIN_VERSION, MAX_VERSION);
                    return Err(PeerFault::Version { theirs_min: version, theirs_max: version, ours_min, ours_max });
                }
                self.learn_frame_bytes(frame_bytes)?;
                self.ping_interval = Duration::from_millis(ping_millis.clamp(PING_MILLIS.0, PING_MILLIS.1));
                self.state = State::Open;
                Ok(Incoming::Welcome)
            }
            Message::Hello { .. } | Message::Welcome { .. } => unexpected("twice"),
            message if self.state == State::Open => Ok(Incoming::Document(message)),
            message if self.state == State::Admission && planted(Fault::ServedBeforeAdmission) => {
                Ok(Incoming::Document(message))
            }
            _ => unexpected("before the handshake is done"),
        }
    }

    fn learn_frame_bytes(&mut self, announced: u64) -> Result<(), PeerFault> {
        if announced < LEAST_FRAME_BYTES {
            return Err(PeerFault::OverLimit {
                what: "the least frame size a peer may announce",
                limit: LEAST_FRAME_BYTES as usize,
            });
        }
        self.peer_frame_bytes = usize::try_from(announced).unwrap_or(usize::MAX);
        Ok(())
    }

    /// The next frame of the session's own, if one is due.
    pub(crate) fn poll_transmit(&mut self, now: Time) -> Option<Transmit> {
        let frame = self.next_frame()?;
        self.said = self.said.max(now);
        Some(frame)
    }

    fn next_frame(&mut self) -> Option<Transmit> {
        if self.state == State::Closed {
            return self.close.take().map(Transmit::Close);
        }
        if let Some(hello) = self.hello.take() {
            return Some(Transmit::Frame(hello));
        }
        let message = if self.welcome_due {
            self.welcome_due = false;
            Message::Welcome {
                version: MAX_VERSION,
                capabilities: Capabilities::OURS,
                frame_bytes: self.frame_bytes as u64,
                ping_millis: u64::try_from(self.ping_interval.as_millis()).unwrap_or(u64::MAX),
            }
        } else if let Some(nonce) = self.pong_due.take().filter(|_| !planted(Fault::PongNeverSent)) {
            note(Situation::PongSent);
            Message::Pong { nonce }
        } else if self.state == State::Closing {
            self.state = State::Closed;
            // Kept for the order to close the transport, which comes next.
            Message::Close { reason: self.close.clone().unwrap_or_else(|| Code::Done.into()) }
        } else if self.ping_due {
            note(Situation::PingSent);
            self.ping_due = false;
            self.pings += 1;
            Message::Ping { nonce: self.pings }
        } else {
            return None;
        };
        Some(Transmit::Frame(message.encode(&FullNames)))
    }

    /// Takes note that a frame about a document goes out.
    pub(crate) fn said(&mut self, now: Time) {
        self.said = self.said.max(now);
    }

    /// When [`timeout`](Self::timeout) is next to be called.
    pub(crate) fn deadline(&self) -> Option<Time> {
        match self.state {
            State::Greeting | State::Admission if planted(Fault::GreetingUnbounded) => None,
            State::Greeting | State::Admission => Some(self.up + self.greeting_time),
            State::Open => self.ping().into_iter().chain([self.dead()]).min(),
            State::Closing | State::Closed => None,
        }
    }

    /// When a link that stays silent is given up.
    fn dead(&self) -> Time {
        let fault = if self.side == Side::Client { Fault::DeadServerUnnoticed } else { Fault::DeadClientUnnoticed };
        let silences = if planted(fault) { 1_000_000 } else { 2 };
        self.heard + silences * self.ping_interval
    }

    /// When the client asks for life: often enough that the server always has some, and so does the client.
    fn ping(&self) -> Option<Time> {
        match self.side {
            Side::Client => Some(self.pinged.max(self.said.min(self.heard)) + self.ping_interval),
            Side::Server => None,
        }
    }

    /// Does what is due.
    pub(crate) fn timeout(&mut self, now: Time) {
        match self.state {
            State::Greeting | State::Admission if planted(Fault::GreetingUnbounded) => {}
            State::Greeting | State::Admission if now >= self.up + self.greeting_time => {
                note(Situation::GreetingTimedOut);
                self.close(Reason::new(Code::Timeout, "the handshake took too long"));
            }
            State::Open if now >= self.dead() => {
                note(Situation::LinkTimedOut);
                self.close(Reason::new(Code::Timeout, "the link showed no life"));
            }
            State::Open if self.ping().is_some_and(|at| now >= at) => {
                self.pinged = now;
                self.ping_due = !planted(Fault::PingNeverSent);
            }
            _ => {}
        }
    }
}
