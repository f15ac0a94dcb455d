//! What happened in a simulation, in order.

use std::fmt;

use bytes::Bytes;
use crdt_socket_sync::Time;

/// One end of a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Node {
    /// The server.
    Server,
    /// One of the clients.
    Client(usize),
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::Client(index) => write!(f, "client {index}"),
        }
    }
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
    /// The store wrote something, or read something.
    Stored,
    /// The server crashed.
    Crashed,
    /// The server was started.
    Started,
}

/// One line of a [`Trace`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceEntry {
    /// When.
    pub at: Time,
    /// Who.
    pub node: Node,
    /// On the link to which client.
    pub link: Option<usize>,
    /// What.
    pub what: What,
}

/// Everything that happened, in order. Its `Display` is a table for a person.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    entries: Vec<TraceEntry>,
}

impl Trace {
    pub(crate) fn note(&mut self, at: Time, node: Node, link: Option<usize>, what: What) {
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

    /// A number that is the same for equal traces and, but for an accident in 2⁶⁴, for no others: FNV-1a over the table.
    pub fn digest(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in self.to_string().bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        hash
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            write!(f, "{:?}  {:<10}", entry.at, entry.node.to_string())?;
            if let (Node::Server, Some(client)) = (entry.node, entry.link) {
                write!(f, " (client {client})")?;
            }
            match &entry.what {
                What::Sent(frame) => write!(f, "  sends   {}", Hex(frame))?,
                What::Arrived(frame) => write!(f, "  gets    {}", Hex(frame))?,
                other => write!(f, "  {other:?}")?,
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
