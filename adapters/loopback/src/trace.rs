//! What happened in a simulation, in order, and what was said.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use bytes::Bytes;
use crdt_socket_sync::{
    Time,
    wire::{FullNames, Message, Writers},
};

/// A machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Node {
    /// The server.
    Server,
    /// One of the clients.
    Client(usize),
    /// A peer that keeps to no rules.
    Stranger(usize),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.pad("server"),
            Self::Client(index) => f.pad(&format!("client {index}")),
            Self::Stranger(index) => f.pad(&format!("stranger {index}")),
        }
    }
}

/// A link, as a trace names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct TraceLink {
    /// Who is at the other end from the server.
    pub peer: Node,
    /// The link's number: one that is made later has a greater one.
    pub number: u64,
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A client's attempt to connect succeeded.
    LinkUp,
    /// A client's attempt to connect failed.
    DialFailed,
    /// A frame left.
    Sent(Bytes),
    /// A frame arrived.
    Arrived(Bytes),
    /// One end closed the link.
    Closed,
    /// The link was lost.
    Cut,
    /// The link carries nothing any more, and neither end is told.
    HalfOpen,
    /// The link was held up, or let go again, in the direction that ends here.
    Stalled(bool),
    /// The store wrote something, or read something.
    Stored,
    /// The store failed.
    StoreFailed,
    /// The machine crashed.
    Crashed,
    /// The machine was started.
    Started,
    /// The machine's wall clock was set to this many milliseconds ahead of the simulation's.
    ClockSet(i64),
    /// All wall clocks were set forwards by this many milliseconds, or back.
    ClocksJumped(i64),
}

/// One line of a [`Trace`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceEntry {
    /// When.
    pub at: Time,
    /// Who.
    pub node: Node,
    /// On which link, if on one.
    pub link: Option<TraceLink>,
    /// What.
    pub what: What,
}

/// Everything that happened, in order. Its `Display` is a table for a person.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    entries: Vec<TraceEntry>,
}

impl Trace {
    pub(crate) fn note(&mut self, at: Time, node: Node, link: Option<TraceLink>, what: What) {
        self.entries.push(TraceEntry { at, node, link, what });
    }

    /// The lines.
    pub fn entries(&self) -> &[TraceEntry] {
        &self.entries
    }

    /// The frames that left a node, in order.
    pub fn sent_by(&self, node: Node) -> impl Iterator<Item = &Bytes> + '_ {
        self.entries.iter().filter(move |entry| entry.node == node).filter_map(|entry| match &entry.what {
            What::Sent(frame) => Some(frame),
            _ => None,
        })
    }

    /// What was said in each line's frame, as far as it is a message: the names of writers, which both ends of a link
    /// learn from what was said before, are looked up.
    pub fn messages(&self) -> Vec<Option<Message>> {
        let mut ears = BTreeMap::<TraceLink, Ears>::new();
        let hear = |entry: &TraceEntry| match (&entry.what, entry.link) {
            (What::Sent(frame), Some(link)) => ears.entry(link).or_default().sent(entry.node, frame),
            (What::Arrived(frame), Some(link)) => ears.entry(link).or_default().arrived(entry.node, frame),
            _ => None,
        };
        self.entries.iter().map(hear).collect()
    }

    /// A number that is the same for equal traces and, but for an accident in 2⁶⁴, for no others: FNV-1a over all that
    /// the lines say.
    pub fn digest(&self) -> u64 {
        let mut hash = Fnv::default();
        for TraceEntry { at, node, link, what } in &self.entries {
            hash.write(&at.as_micros().to_be_bytes());
            hash.write(format!("{node} {link:?}").as_bytes());
            match what {
                What::Sent(frame) | What::Arrived(frame) => {
                    let sent = matches!(what, What::Sent(_));
                    hash.write(format!("{} {}", if sent { "sent" } else { "arrived" }, frame.len()).as_bytes());
                    hash.write(frame);
                }
                other => hash.write(format!("{other:?}").as_bytes()),
            }
        }
        hash.0
    }
}

struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// What one link's two ends have told each other about names.
#[derive(Default)]
struct Ears {
    /// The names that the server has told, and those that have arrived.
    told: BTreeMap<u64, Writers>,
    known: BTreeMap<u64, Writers>,
    /// What is under way.
    to_client: VecDeque<Option<Message>>,
    to_server: VecDeque<Option<Message>>,
}

impl Ears {
    fn sent(&mut self, by: Node, frame: &Bytes) -> Option<Message> {
        let names = if by == Node::Server { &self.told } else { &self.known };
        let message = read(frame, names);
        if by == Node::Server {
            learn(&mut self.told, message.as_ref());
            self.to_client.push_back(message.clone());
        } else {
            self.to_server.push_back(message.clone());
        }
        message
    }

    fn arrived(&mut self, at: Node, frame: &Bytes) -> Option<Message> {
        if at == Node::Server {
            // What no one was seen to send was said by a stranger.
            return self.to_server.pop_front().unwrap_or_else(|| read(frame, &self.known));
        }
        let message = self.to_client.pop_front().flatten();
        learn(&mut self.known, message.as_ref());
        message
    }
}

fn read(frame: &Bytes, names: &BTreeMap<u64, Writers>) -> Option<Message> {
    match Message::document_of(frame).and_then(|doc| names.get(&doc)) {
        Some(names) => Message::decode(frame.clone(), names).ok(),
        None => Message::decode(frame.clone(), &FullNames).ok(),
    }
}

fn learn(names: &mut BTreeMap<u64, Writers>, message: Option<&Message>) {
    match message {
        Some(Message::Joined { doc, writers, .. }) => {
            let mut list = Writers::default();
            writers.iter().for_each(|writer| list.introduce(writer.replica));
            names.insert(*doc, list);
        }
        Some(Message::Changes { doc, introduced, .. }) => {
            let list = names.entry(*doc).or_default();
            introduced.iter().for_each(|replica| list.introduce(*replica));
        }
        _ => {}
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (entry, message) in self.entries.iter().zip(self.messages()) {
            entry.write(f, message.as_ref())?;
        }
        Ok(())
    }
}

impl TraceEntry {
    /// When, who, what: `1.204 s  client 0    sends    changes …`.
    fn write(&self, f: &mut fmt::Formatter<'_>, message: Option<&Message>) -> fmt::Result {
        let micros = self.at.as_micros();
        write!(f, "{:>6}.{:03} s  {:<10} ", micros / 1_000_000, micros / 1_000 % 1_000, self.node)?;
        let verb = match &self.what {
            What::Sent(_) => "sends",
            What::Arrived(_) => "gets",
            What::LinkUp => "is connected",
            What::DialFailed => "cannot connect",
            What::Closed => "closes the link",
            What::Cut => "loses its link",
            What::HalfOpen => "has a link that died unnoticed",
            What::Stalled(true) => "hears nothing for a while",
            What::Stalled(false) => "hears again",
            What::Stored => "writes or reads its store",
            What::StoreFailed => "finds its store failing",
            What::Crashed => "crashes",
            What::Started => "starts",
            What::ClocksJumped(millis) => {
                return writeln!(f, "and everyone else have their clocks set by {millis:+} ms");
            }
            What::ClockSet(millis) => return writeln!(f, "has its clock set to {millis:+} ms"),
        };
        write!(f, "{verb:<5}")?;
        if let (Node::Server, Some(link)) = (self.node, self.link) {
            write!(f, " ({})", link.peer)?;
        }
        if let What::Sent(frame) | What::Arrived(frame) = &self.what {
            match message {
                Some(message) => write!(f, " {message:?}, {} bytes", frame.len())?,
                None => write!(f, " no message: {}", Hex(frame))?,
            }
        }
        writeln!(f)
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
