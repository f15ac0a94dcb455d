//! Replays what a real session has recorded: the same facts into a fresh engine, and everything compared that comes out.
//!
//! The fresh engine records, too. A call is repeated, and what the engine notes of it has to be what was noted then, byte
//! for byte: the frames and what its store is asked for above all.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use crdt_socket_sync::{
    Admission, Change, ChangeLog, Client, ClientConfig, Document, DocumentEvent, Limits, LinkId, Replica, ReplicaId,
    Server, ServerConfig, ServerEvent, Time, Transmit,
    causal::Received,
    error::ChangeFault,
    record::{Record, RecordFault, Records},
    server::{JoinRequest, Knock},
};

/// Repeats a recorded session. A recording that was cut short, because its process was killed, is repeated up to its last
/// whole record.
///
/// # Errors
///
/// If the bytes are no recording, or anything that comes out differs from what came out then.
pub fn replay(recording: Bytes) -> Result<Replayed, ReplayError> {
    let mut records = Records::new(recording);
    let (bytes, first) = records.next().ok_or(ReplayError::Empty)??;
    let (mut engine, server) = match first {
        Record::Client(setup, token, persist) => {
            let mut config = ClientConfig::new(setup.seed);
            (config.limits, config.token, config.persist, config.record) = (setup.limits, token, persist, true);
            (Engine::Client(Box::new(Client::new(config))), false)
        }
        Record::Server(setup, asks) => {
            let mut config = ServerConfig::new(setup.seed);
            (config.limits, config.record) = (setup.limits, true);
            config.admission = if asks { Admission::Ask } else { Admission::Everyone };
            (Engine::Server(Box::new(AskedServer::new(config))), true)
        }
        _ => return Err(ReplayError::Misplaced { index: 0 }),
    };
    let mut replayed = Replayed { server, records: 1, received: 0, sent: 0, cut: false, documents: Vec::new() };
    let mut at = Time::ZERO;
    compare(0, at, bytes, engine.poll_record())?;
    for read in records.by_ref() {
        let (bytes, record) = read?;
        let index = replayed.records;
        at = record.now().map_or(at, |now| now.mono);
        replayed.received += usize::from(matches!(record, Record::Receive(..)));
        replayed.sent += usize::from(matches!(record, Record::Transmit(_, _, Some(Transmit::Frame(_)))));
        engine.repeat(record).ok_or(ReplayError::Misplaced { index })?;
        compare(index, at, bytes, engine.poll_record())?;
        replayed.records += 1;
    }
    replayed.cut = records.is_cut();
    replayed.documents = engine.documents();
    Ok(replayed)
}

fn compare(index: usize, at: Time, recorded: Bytes, replayed: Option<Bytes>) -> Result<(), ReplayError> {
    let replayed = replayed.unwrap_or_default();
    if recorded == replayed {
        return Ok(());
    }
    Err(ReplayError::Differs(Box::new(Difference { index, at, recorded, replayed })))
}

/// A session that came out as it did when it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// Whether it was a server's, or a client's.
    pub server: bool,
    /// How many records there were.
    pub records: usize,
    /// How many frames came in.
    pub received: usize,
    /// How many frames went out, each of them the same as then.
    pub sent: usize,
    /// Whether the recording ends in the middle of a record, which was left out.
    pub cut: bool,
    /// The documents that were open, or loaded, in the end; in order.
    pub documents: Vec<ReplayedDocument>,
}

/// A document at the end of a session that was replayed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplayedDocument {
    /// Its name.
    pub name: String,
    /// How many changes it has.
    pub changes: usize,
    /// What they add up to: [`Document::digest`].
    pub digest: [u8; 16],
}

/// A recording that could not be replayed to the same end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplayError {
    /// There is no whole record.
    Empty,
    /// Bytes are not a record.
    Fault(RecordFault),
    /// A record is not one that can be there: a recording says once, and first, whose it is; and a client makes no
    /// decisions of a server's.
    Misplaced {
        /// Which record, from zero.
        index: usize,
    },
    /// Something else came out.
    Differs(Box<Difference>),
}

impl From<RecordFault> for ReplayError {
    fn from(fault: RecordFault) -> Self {
        Self::Fault(fault)
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it holds no whole record"),
            Self::Fault(fault) => write!(f, "{fault}"),
            Self::Misplaced { index } => write!(f, "record {index} cannot be there"),
            Self::Differs(difference) => write!(f, "{difference}"),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Where a replay first differs from what was recorded. Its `Display` says it to a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Which record, from zero.
    pub index: usize,
    /// When the recorded engine was last told the time.
    pub at: Time,
    /// The record.
    pub recorded: Bytes,
    /// The record that would be there; empty if the engine did not come so far as to note any.
    pub replayed: Bytes,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, at, recorded, replayed } = self;
        let same = recorded.iter().zip(replayed).take_while(|(recorded, replayed)| recorded == replayed).count();
        write!(f, "record {index}, at {at:?}, is {}, and ", Shown(recorded, same))?;
        write!(f, "replayed {}; they differ from byte {same} of the record on", Shown(replayed, same))
    }
}

/// What a record says: a frame by its bytes around a place, anything else in words.
struct Shown<'a>(&'a Bytes, usize);

/// How many bytes of a frame are shown before and after the place.
const AROUND: usize = 8;
/// How many characters of anything else are shown.
const MOST: usize = 200;

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Records::new(self.0.clone()).next() {
            Some(Ok((_, Record::Transmit(_, link, Some(Transmit::Frame(frame)))))) => {
                write!(f, "a frame of {} bytes for {link}, …", frame.len())?;
                let place = &self.0[self.1.saturating_sub(AROUND).min(self.0.len())..];
                place.iter().take(2 * AROUND).try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("…")
            }
            Some(Ok((_, record))) => {
                let words = format!("{record:?}");
                let end = words.char_indices().nth(MOST).map_or(words.len(), |(end, _)| end);
                write!(f, "{}{}", &words[..end], if end < words.len() { "…" } else { "" })
            }
            _ => f.write_str("nothing"),
        }
    }
}

enum Engine {
    Client(Box<Client<Twin>>),
    Server(Box<AskedServer>),
}

impl Engine {
    /// Repeats a call; `None` if this engine has no such call.
    fn repeat(&mut self, record: Record) -> Option<()> {
        match self {
            Self::Client(client) => {
                repeat_client(client, record)?;
                while client.poll_event().is_some() {}
            }
            Self::Server(server) => {
                server.repeat(record)?;
                server.take_questions();
            }
        }
        Some(())
    }

    fn poll_record(&mut self) -> Option<Bytes> {
        match self {
            Self::Client(client) => client.poll_record(),
            Self::Server(server) => server.engine.poll_record(),
        }
    }

    fn documents(&self) -> Vec<ReplayedDocument> {
        let mut documents = Vec::new();
        match self {
            Self::Client(client) => {
                for (doc, name) in client.documents() {
                    let document = client.replica(doc).map(|copy| &copy.document);
                    documents.extend(document.map(|document| ReplayedDocument::new(name, document)));
                }
            }
            Self::Server(server) => {
                for name in server.engine.loaded() {
                    let changes = server.engine.log(name).into_iter().flat_map(ChangeLog::iter);
                    let document = Document::from_changes(ReplicaId::new(0), None, changes, &no_bounds());
                    documents.extend(document.map(|document| ReplayedDocument::new(name, &document)));
                }
            }
        }
        documents.sort_by(|one, other| one.name.cmp(&other.name));
        documents
    }
}

impl ReplayedDocument {
    fn new(name: &str, document: &Document) -> Self {
        Self { name: name.to_owned(), changes: document.log().end(), digest: document.digest() }
    }
}

fn repeat_client(client: &mut Client<Twin>, record: Record) -> Option<()> {
    // What was misuse then is misuse again, and changes nothing.
    match record {
        Record::LinkUp(now) => drop(client.link_up(now)),
        Record::Receive(now, link, frame) => drop(client.receive(now, link, frame)),
        Record::LinkDown(now, link, why) => drop(client.link_down(now, link, &why)),
        Record::Stored(now, ticket, outcome) => drop(client.stored(now, ticket, outcome)),
        Record::Timeout(now) => client.timeout(now),
        Record::Transmit(now, link, _) => drop(client.poll_transmit(now, link)),
        Record::Store(_) => drop(client.poll_store()),
        Record::Connect() => client.connect(),
        Record::Disconnect(now) => client.disconnect(now),
        Record::Open(name, writes_as, epoch, changes) => {
            let mut copy = Twin { writes_as, document: Document::new(writes_as.unwrap_or(ReplicaId::new(0))) };
            copy.take_in(epoch, changes);
            drop(client.open(&name, copy));
        }
        Record::Update(doc, epoch, changes) => drop(client.update(doc, |copy| copy.take_in(epoch, changes))),
        Record::Merge(doc, changes) => drop(client.merge(doc, changes)),
        Record::Leave(doc) => drop(client.leave(doc)),
        Record::Adopt(doc) => drop(client.adopt(doc)),
        Record::Dial(_) => drop(client.poll_dial()),
        Record::DialFailed(now, why) => client.dial_failed(now, &why),
        Record::DialRefused(now, reason) => client.dial_refused(now, reason),
        _ => return None,
    }
    Some(())
}

/// A server, and what it has asked its application.
struct AskedServer {
    engine: Server,
    knocks: BTreeMap<LinkId, Knock>,
    requests: BTreeMap<u64, JoinRequest>,
}

impl AskedServer {
    fn new(config: ServerConfig) -> Self {
        Self { engine: Server::new(config), knocks: BTreeMap::new(), requests: BTreeMap::new() }
    }

    fn take_questions(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            match event {
                ServerEvent::Knock(knock) => drop(self.knocks.insert(knock.link(), knock)),
                ServerEvent::JoinRequest(request) => drop(self.requests.insert(request.number(), request)),
                _ => {}
            }
        }
    }

    fn repeat(&mut self, record: Record) -> Option<()> {
        let engine = &mut self.engine;
        match record {
            Record::LinkUp(now) => drop(engine.link_up(now)),
            Record::Receive(now, link, frame) => drop(engine.receive(now, link, frame)),
            Record::LinkDown(now, link, why) => drop(engine.link_down(now, link, &why)),
            Record::Stored(now, ticket, outcome) => drop(engine.stored(now, ticket, outcome)),
            Record::Timeout(now) => engine.timeout(now),
            Record::Transmit(now, link, _) => drop(engine.poll_transmit(now, link)),
            Record::Store(_) => drop(engine.poll_store()),
            Record::Admit(link) => engine.admit(self.knocks.remove(&link)?),
            Record::Refuse(link, reason) => engine.refuse(self.knocks.remove(&link)?, reason),
            Record::Grant(now, request, access) => engine.grant(now, self.requests.remove(&request)?, access),
            Record::Deny(request, reason) => engine.deny(self.requests.remove(&request)?, reason),
            Record::Close(now, link, reason) => drop(engine.close(now, link, reason)),
            Record::Shutdown() => engine.shutdown(),
            Record::Ready(_) => drop(engine.poll_ready()),
            _ => return None,
        }
        Some(())
    }
}

/// Stands for whatever kind of replica was recorded: to the engine one is like another, as long as it holds the same
/// changes and writes as the same.
struct Twin {
    writes_as: Option<ReplicaId>,
    document: Document,
}

impl Twin {
    fn take_in(&mut self, epoch: Option<crdt_socket_sync::Epoch>, changes: Vec<Change>) {
        for change in changes {
            // One that cannot be taken in is missing when the two recordings are compared.
            let _ = self.document.receive(change, &no_bounds());
        }
        self.document.log_mut().set_epoch(epoch);
    }
}

/// What was made on the spot, or was there before, was not judged by the bounds of the engine.
fn no_bounds() -> Limits {
    let mut limits = Limits::default();
    (limits.replicas, limits.waiting_changes, limits.waiting_bytes) = (usize::MAX, usize::MAX, usize::MAX);
    limits
}

impl Replica for Twin {
    type Event = DocumentEvent;

    fn writes_as(&self) -> Option<ReplicaId> {
        self.writes_as
    }

    fn log(&self) -> &ChangeLog {
        self.document.log()
    }

    fn log_mut(&mut self) -> &mut ChangeLog {
        self.document.log_mut()
    }

    fn receive(&mut self, change: Change, limits: &Limits) -> Result<Received, ChangeFault> {
        self.document.receive(change, limits)
    }

    fn poll_event(&mut self) -> Option<DocumentEvent> {
        self.document.poll_event()
    }
}
