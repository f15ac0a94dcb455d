//! How a client is set up, and what it counts.

use std::{fmt, io::Write, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use crdt_socket_sync::{Client as Engine, ClientConfig, Limits, Seed, Storage};

use super::{Client, Handle, drive::Driver, state::Shared};
use crate::{
    Runtime,
    record::{BoxedSink, Recording},
    storage::BoxedStorage,
};

/// Which way a frame went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// From the server to this client.
    In,
    /// From this client to the server.
    Out,
}

impl Direction {
    /// What a frame of this many bytes takes on the wire: with its WebSocket header, which masks what a client sends;
    /// without what TCP and TLS add.
    pub const fn wire_bytes(self, frame: usize) -> usize {
        let head = match frame {
            0..126 => 2,
            126..65_536 => 4,
            _ => 10,
        };
        let mask = match self {
            Self::In => 0,
            Self::Out => 4,
        };
        head + mask + frame
    }
}

/// What has gone over the wire, on all connections together. Bytes include the WebSocket headers of frames; opening
/// handshakes and WebSocket control messages are not counted.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Traffic {
    /// Frames that came from the server.
    pub frames_in: u64,
    /// Frames that went to it.
    pub frames_out: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// The largest frame that came, in bytes.
    pub largest_in: u64,
    /// The largest frame that went, in bytes.
    pub largest_out: u64,
}

impl Traffic {
    pub(super) fn count(&mut self, direction: Direction, bytes: usize) {
        let bytes = bytes as u64;
        let (frames, sum, largest) = match direction {
            Direction::In => (&mut self.frames_in, &mut self.bytes_in, &mut self.largest_in),
            Direction::Out => (&mut self.frames_out, &mut self.bytes_out, &mut self.largest_out),
        };
        *frames += 1;
        *sum += bytes;
        *largest = bytes.max(*largest);
    }
}

pub(super) type Observer = Arc<dyn Fn(Direction, usize, &[u8]) + Send + Sync>;

/// A client that is being set up.
#[must_use = "it dials when `connect` is called"]
pub struct ClientBuilder<R> {
    runtime: R,
    url: String,
    token: Bytes,
    limits: Limits,
    storage: Option<BoxedStorage>,
    observer: Option<Observer>,
    record: Option<BoxedSink>,
}

impl<R: Runtime> ClientBuilder<R> {
    /// A client of a server at a `ws://` or `wss://` URL.
    pub fn new(runtime: R, url: String) -> Self {
        Self {
            runtime,
            url,
            token: Bytes::new(),
            limits: Limits::default(),
            storage: None,
            observer: None,
            record: None,
        }
    }

    /// The runtime it is to use, instead of one with the default settings.
    pub fn runtime(self, runtime: R) -> Self {
        Self { runtime, ..self }
    }

    /// What the server's application is to know this client by; at most some kilobytes.
    pub fn token(self, token: impl Into<Bytes>) -> Self {
        Self { token: token.into(), ..self }
    }

    /// The bounds it keeps.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Keeps documents in a storage of this client's own: they are loaded when they are opened, and no change is sent
    /// before it is stored there. See [`Doc::loaded`](super::Doc::loaded).
    pub fn storage(self, storage: impl Storage + Send + 'static) -> Self {
        Self { storage: Some(Box::new(storage)), ..self }
    }

    /// Has every frame shown to a function: which way it went, how many bytes it took on the wire, and the frame itself.
    /// It is called on the connection's task, and is to be quick.
    pub fn on_frame(self, observer: impl Fn(Direction, usize, &[u8]) + Send + Sync + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    /// Has everything that goes into the engine and comes out of it [recorded](crdt_socket_sync::record), to be replayed
    /// elsewhere. The recording holds the documents, the token and the session's secret.
    ///
    /// It is written piece by piece, with no need of a buffer, while the engine is free. If that fails, the session goes
    /// on, and every open document is told [`DocEvent::RecordFailed`](super::DocEvent::RecordFailed).
    pub fn record(self, sink: impl Write + Send + 'static) -> Self {
        Self { record: Some(Box::new(sink)), ..self }
    }

    /// Begins to dial; returns at once.
    ///
    /// # Panics
    ///
    /// If the operating system has no random numbers, or no thread for the storage. With tokio, if called outside of a
    /// runtime.
    pub fn connect(self) -> Client<R> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the operating system has random numbers");
        let mut config = ClientConfig::new(Seed(seed));
        config.limits = self.limits.clone();
        config.token = self.token;
        config.persist = self.storage.is_some();
        config.record = self.record.is_some();
        let mut engine = Engine::new(config);
        engine.connect();
        let shared = Shared::new(engine, self.observer, self.storage, Recording::new(self.record));
        let driver = Driver::new(self.runtime.clone(), self.url, self.limits, shared.clone());
        self.runtime.spawn(driver);
        Client { handle: Arc::new(Handle(shared)), runtime: PhantomData }
    }
}

impl<R> fmt::Debug for ClientBuilder<R> {
    /// Does not show the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("url", &self.url).field("limits", &self.limits).finish_non_exhaustive()
    }
}
