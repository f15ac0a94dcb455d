//! The engine over plain TCP: no WebSocket, no async runtime, no adapter.
//!
//! ```text
//! cargo run -p crdt-socket-sync-examples --example custom_transport
//! ```
//!
//! A server and two clients in one process, each a loop around its engine. This is what to copy for a transport of one's
//! own; what a transport has to do is in [`Connection`], and the two loops are [`Host`] and [`Guest`].
//!
//! Each connection has two threads that block: one reads frames, the other writes them, one at a time. They tell the loop
//! what has happened, and the loop tells the engine. The engine is asked for the next frame when the last one is written:
//! a peer that is slow to read costs one frame, and nobody else waits for it. In the other direction the channel to the
//! loop is short: a peer that writes faster than the loop can read is slowed down by TCP.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::{
    collections::BTreeMap,
    error::Error,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use crdt_socket_sync::{
    Client, ClientConfig, DocId, Document, Level, Limits, LinkId, MemoryStorage, Now, ReplicaId, Seed, Server,
    ServerConfig, Time, Transmit, Wall, store::carry_out,
};

// What has happened outside.

/// Everything a loop waits for.
enum Input {
    /// Server: someone has connected.
    Accepted(TcpStream),
    /// Client: what came of dialling.
    Dialled(io::Result<TcpStream>),
    /// A frame was read.
    Frame(LinkId, Bytes),
    /// The frame that was to be written is.
    Written(LinkId),
    /// A connection is gone.
    Down(LinkId, String),
    /// Server: the application wants it to stop.
    Stop,
}

/// How much may be read ahead of a loop, in frames of all its connections together.
const READ_AHEAD: usize = 64;

/// Waits for the next input, or until the engine wants to be woken.
fn next(inputs: &Receiver<Input>, clock: &Clock, wake: Option<Time>) -> Option<Input> {
    match wake {
        // Zero if that was in the past.
        Some(at) => inputs.recv_timeout(at - clock.now().mono).ok(),
        None => inputs.recv().ok(),
    }
}

/// Both readings that the engine takes with every call.
struct Clock(Instant);

impl Clock {
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let wall = Wall::from_millis(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX));
        Now::new(Time::ZERO + self.0.elapsed(), wall)
    }
}

// The transport.

/// A peer that does not take a single byte for this long is taken for dead.
const STUCK: Duration = Duration::from_secs(10);
const DIAL: Duration = Duration::from_secs(5);

/// One TCP connection: frames, each preceded by its length in four bytes, big-endian.
struct Connection {
    stream: TcpStream,
    to_writer: Sender<Bytes>,
    /// Whether the next frame can be taken.
    idle: bool,
}

impl Connection {
    fn start(link: LinkId, stream: TcpStream, limits: &Limits, inputs: &SyncSender<Input>) -> io::Result<Self> {
        // Frames are small and are to leave at once.
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(STUCK))?;
        let (to_writer, frames) = channel::<Bytes>();
        let (reading, mut writing) = (stream.try_clone()?, stream.try_clone()?);
        let (from_reader, from_writer, limits) = (inputs.clone(), inputs.clone(), limits.clone());
        thread::spawn(move || {
            let why = read_frames(reading, &limits, |frame| from_reader.send(Input::Frame(link, frame)).is_ok());
            let _ = from_reader.send(Input::Down(link, why));
        });
        thread::spawn(move || {
            for frame in frames {
                let done = match write_frame(&mut writing, &frame) {
                    Ok(()) => Input::Written(link),
                    Err(error) => Input::Down(link, error.to_string()),
                };
                if from_writer.send(done).is_err() {
                    return;
                }
            }
        });
        Ok(Self { stream, to_writer, idle: true })
    }

    fn send(&mut self, frame: Bytes) {
        // If the writer is gone, it has said why.
        self.idle = self.to_writer.send(frame).is_err();
    }
}

impl Drop for Connection {
    /// Ends both threads. What was written before is still delivered.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn write_frame(stream: &mut TcpStream, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?.to_be_bytes();
    // In one piece, so that it leaves in one packet if it fits.
    stream.write_all(&[&length, frame].concat())
}

/// Reads frames until `take` does not want any more, or the connection ends; says why it did.
fn read_frames(stream: TcpStream, limits: &Limits, mut take: impl FnMut(Bytes) -> bool) -> String {
    let mut reader = BufReader::new(stream);
    // The first frame is a greeting. A stranger's is to be small.
    let mut limit = limits.greeting_bytes;
    loop {
        match read_frame(&mut reader, limit) {
            Ok(Some(frame)) => {
                if !take(frame) {
                    return "the loop has ended".into();
                }
                limit = limits.frame_bytes;
            }
            Ok(None) => return "the peer has closed it".into(),
            Err(error) => return error.to_string(),
        }
    }
}

/// The next frame, however TCP has cut it; `None` if the connection ended where one could begin.
fn read_frame(reader: &mut impl BufRead, limit: usize) -> io::Result<Option<Bytes>> {
    if reader.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = u64::from(u32::from_be_bytes(length));
    if length > limit as u64 {
        return Err(io::Error::other(format!("a frame of {length} bytes is over the limit of {limit}")));
    }
    // Memory is taken as the bytes come, not as they are promised.
    let mut frame = Vec::new();
    reader.take(length).read_to_end(&mut frame)?;
    if (frame.len() as u64) < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Some(frame.into())) }
}

// The server.

/// A server and its connections.
struct Host {
    engine: Server,
    storage: MemoryStorage,
    connections: BTreeMap<LinkId, Connection>,
    clock: Clock,
    /// For the threads of new connections.
    inputs: SyncSender<Input>,
}

impl Host {
    /// Serves until it was told to stop and has told everyone. How many changes it holds then.
    fn run(mut self, inputs: &Receiver<Input>) -> usize {
        while !self.engine.is_drained() {
            if let Some(input) = next(inputs, &self.clock, self.engine.poll_timeout()) {
                self.tell(input);
            }
            self.engine.timeout(self.clock.now());
            self.settle();
        }
        self.engine.log("page").map_or(0, |log| log.end())
    }

    /// Tells the engine what has happened.
    fn tell(&mut self, input: Input) {
        let now = self.clock.now();
        match input {
            Input::Accepted(stream) => {
                let link = self.engine.link_up(now);
                match Connection::start(link, stream, self.engine.limits(), &self.inputs) {
                    Ok(connection) => drop(self.connections.insert(link, connection)),
                    Err(error) => self.down(now, link, &error.to_string()),
                }
            }
            // What is wrong with a frame is an event too, and the link is closed; there is nothing to be done here. A link's
            // number is never used again, so what comes late from one that is gone is recognised as that.
            Input::Frame(link, frame) => drop(self.engine.receive(now, link, frame)),
            Input::Written(link) => {
                if let Some(connection) = self.connections.get_mut(&link) {
                    connection.idle = true;
                    self.transmit(now, link);
                }
            }
            Input::Down(link, why) => self.down(now, link, &why),
            Input::Stop => self.engine.shutdown(),
            Input::Dialled(_) => {}
        }
    }

    /// Does what the engine wants done.
    fn settle(&mut self) {
        let now = self.clock.now();
        loop {
            // A store that takes its time gets a thread of its own, and its answers come as inputs.
            let requests: Vec<_> = std::iter::from_fn(|| self.engine.poll_store()).collect();
            if requests.is_empty() {
                break;
            }
            for (ticket, outcome) in carry_out(&mut self.storage, requests) {
                self.engine.stored(now, ticket, outcome).expect("each is answered once");
            }
        }
        while let Some(link) = self.engine.poll_ready() {
            self.transmit(now, link);
        }
        while let Some(event) = self.engine.poll_event() {
            println!("server: {event:?}");
        }
    }

    /// Writes a link's next frame, if its connection can take one.
    fn transmit(&mut self, now: Now, link: LinkId) {
        let Some(connection) = self.connections.get_mut(&link).filter(|connection| connection.idle) else { return };
        match self.engine.poll_transmit(now, link) {
            Some(Transmit::Frame(frame)) => connection.send(frame),
            Some(Transmit::Close(reason)) => self.down(now, link, &reason.to_string()),
            None => {}
        }
    }

    fn down(&mut self, now: Now, link: LinkId, why: &str) {
        self.connections.remove(&link);
        // Both threads of a connection may say that it is gone; the second time there is no such link.
        let _ = self.engine.link_down(now, link, why);
    }
}

/// Starts a server. Where to tell it to stop, and its loop.
fn serve(listener: TcpListener) -> Result<(SyncSender<Input>, thread::JoinHandle<usize>), getrandom::Error> {
    let (sender, inputs) = sync_channel(READ_AHEAD);
    let host = Host {
        engine: Server::new(ServerConfig::new(seed()?)),
        storage: MemoryStorage::default(),
        connections: BTreeMap::new(),
        clock: Clock(Instant::now()),
        inputs: sender.clone(),
    };
    let accepted = sender.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => {
                    if accepted.send(Input::Accepted(stream)).is_err() {
                        return;
                    }
                }
                // Too many open files, perhaps: a moment later there may be fewer.
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
    });
    Ok((sender, thread::spawn(move || host.run(&inputs))))
}

// A client.

/// A client, and its connection while it has one.
struct Guest {
    engine: Client,
    server: SocketAddr,
    connection: Option<(LinkId, Connection)>,
    clock: Clock,
    inputs: Receiver<Input>,
    sender: SyncSender<Input>,
}

impl Guest {
    fn new(server: SocketAddr) -> Result<Self, getrandom::Error> {
        let (sender, inputs) = sync_channel(READ_AHEAD);
        let engine = Client::new(ClientConfig::new(seed()?));
        Ok(Self { engine, server, connection: None, clock: Clock(Instant::now()), inputs, sender })
    }

    /// Runs until `done` says so.
    fn run(&mut self, done: impl Fn(&Client) -> bool) {
        self.settle();
        while !done(&self.engine) {
            if let Some(input) = next(&self.inputs, &self.clock, self.engine.poll_timeout()) {
                self.tell(input);
            }
            self.engine.timeout(self.clock.now());
            self.settle();
        }
    }

    /// Tells the engine what has happened.
    fn tell(&mut self, input: Input) {
        let now = self.clock.now();
        match input {
            Input::Dialled(Ok(stream)) => {
                let link = self.engine.link_up(now).expect("one attempt at a time");
                match Connection::start(link, stream, self.engine.limits(), &self.sender) {
                    Ok(connection) => self.connection = Some((link, connection)),
                    Err(error) => self.down(now, link, &error.to_string()),
                }
            }
            // When to try again, the engine knows.
            Input::Dialled(Err(error)) => self.engine.dial_failed(now, &error.to_string()),
            Input::Frame(link, frame) => drop(self.engine.receive(now, link, frame)),
            Input::Written(link) => {
                if let Some((_, connection)) = self.connection.as_mut().filter(|(known, _)| *known == link) {
                    connection.idle = true;
                }
            }
            Input::Down(link, why) => self.down(now, link, &why),
            Input::Accepted(_) | Input::Stop => {}
        }
    }

    /// Does what the engine wants done.
    fn settle(&mut self) {
        let now = self.clock.now();
        if let Some((link, connection)) = self.connection.as_mut().filter(|(_, connection)| connection.idle) {
            let link = *link;
            match self.engine.poll_transmit(now, link) {
                Some(Transmit::Frame(frame)) => connection.send(frame),
                Some(Transmit::Close(reason)) => self.down(now, link, &reason.to_string()),
                None => {}
            }
        }
        // After the rest, for a connection that has just gone may be what makes it dial.
        if self.engine.poll_dial() {
            let (server, sender) = (self.server, self.sender.clone());
            thread::spawn(move || sender.send(Input::Dialled(TcpStream::connect_timeout(&server, DIAL))));
        }
        while let Some(event) = self.engine.poll_event() {
            println!("{}: {event:?}", thread::current().name().unwrap_or_default());
        }
    }

    fn down(&mut self, now: Now, link: LinkId, why: &str) {
        if self.engine.link_down(now, link, why).is_ok() {
            self.connection = None;
        }
    }
}

// The application.

/// Writes a line into the page, waits for everyone else's, and leaves. What the page says then.
fn write_together(server: SocketAddr, line: &str, lines: usize) -> Result<String, Box<dyn Error + Send + Sync>> {
    let mut guest = Guest::new(server)?;
    // It can be edited at once, connected or not.
    let page: DocId = guest.engine.open("page", Document::new(ReplicaId::new(getrandom::u64()?)))?;
    guest.engine.edit(guest.clock.now(), page, |txn| txn.text("text").push_str(line))??;
    guest.engine.connect();

    let text = |client: &Client| client.replica(page).map_or(String::new(), |page| page.text("text").to_string());
    guest.run(|client| client.is_synced(page, Level::Stored) == Ok(true) && text(client).lines().count() == lines);

    guest.engine.disconnect(guest.clock.now());
    guest.run(|client| client.link().is_none());
    Ok(text(&guest.engine))
}

/// An engine's one source of randomness, which is to be a good one.
fn seed() -> Result<Seed, getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(Seed(seed))
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (to_server, server) = serve(listener)?;

    let lines = ["Ann was here\n", "Bob was here\n"];
    let people = lines.map(|line| {
        let name = line.split(' ').next().unwrap_or_default();
        thread::Builder::new().name(name.into()).spawn(move || write_together(address, line, lines.len()))
    });
    let mut texts = Vec::new();
    for person in people {
        texts.push(person?.join().expect("no panic")?);
    }

    to_server.send(Input::Stop)?;
    let changes = server.join().expect("no panic");
    print!("{}", texts[0]);
    assert!(lines.iter().all(|line| texts[0].contains(line)));
    assert_eq!(texts[0], texts[1]);
    assert_eq!(changes, 2);
    println!("-- both have the same, and the server has {changes} changes");
    Ok(())
}
