//! One end of a link, and the other end written out by hand, frame by frame.

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Change, ChangeLog, Client, ClientConfig, DocId, Document, Epoch, LinkId, MemoryStorage, Now, ReplicaId,
    Seed, Server, ServerConfig, ServerEvent, Time, Transmit, VersionVector, Wall,
    causal::Hlc,
    document::EditError,
    error::ReceiveError,
    store::carry_out,
    wire::{Capabilities, FullNames, Level, Message},
};

const WALL: u64 = 1_700_000_000_000;

/// So many seconds after the beginning. The wall clock stands still.
pub fn at(seconds: u64) -> Now {
    Now::new(Time::ZERO + std::time::Duration::from_secs(seconds), Wall::from_millis(WALL))
}

/// A change of one operation, with a body for nobody to read.
pub fn change(replica: u64, seq: u64) -> Change {
    let (clock, replica) = (Hlc::new(WALL, seq as u16), ReplicaId::new(replica));
    Change { replica, seq, len: 1, clock, deps: Default::default(), body: Bytes::from_static(b"x") }
}

/// A version vector of these writers and their next numbers.
pub fn version(entries: &[(u64, u64)]) -> VersionVector {
    entries.iter().map(|(replica, next)| (ReplicaId::new(*replica), *next)).collect()
}

/// A client's first words.
pub fn hello(versions: (u64, u64)) -> Message {
    let (capabilities, secret) = (Capabilities::OURS, [1; 16]);
    Message::Hello { versions, capabilities, frame_bytes: 1 << 20, secret, token: Bytes::new() }
}

/// A server's first words.
pub fn welcome() -> Message {
    Message::Welcome { version: 1, capabilities: Capabilities::OURS, frame_bytes: 1 << 20, ping_millis: 15_000 }
}

/// The answer to a client's first join, by a server that has nothing.
pub fn joined() -> Message {
    Message::Joined { request: 1, doc: 1, epoch: Epoch::new(1), access: Access::Write, writers: Vec::new() }
}

/// A join by a client that has nothing and writes as replica 7.
pub fn join(request: u64, name: &str) -> Message {
    join_as(Some(7), request, name)
}

/// A join by a client that has nothing and writes as some replica, or as nobody.
pub fn join_as(replica: Option<u64>, request: u64, name: &str) -> Message {
    let (epoch, replica, version) = (None, replica.map(ReplicaId::new), VersionVector::new());
    Message::Join { request, name: name.to_owned(), epoch, replica, version }
}

/// Changes of the first document, by writers who are called by their full names.
pub fn changes(changes: Vec<Change>) -> Message {
    Message::Changes { doc: 1, introduced: Vec::new(), changes }
}

/// What has become of replica 1's changes to the first document.
pub fn ack(level: Level, next: u64) -> Message {
    Message::Ack { doc: 1, level, version: version(&[(1, next)]) }
}

fn decode(transmit: Transmit) -> Option<Message> {
    match transmit {
        Transmit::Frame(frame) => Some(Message::decode(frame, &FullNames).expect("a good frame")),
        Transmit::Close(_) => None,
    }
}

/// What the messages are called.
pub fn names(messages: &[Message]) -> Vec<&'static str> {
    messages.iter().map(Message::name).collect()
}

/// A client whose server is the test.
#[derive(Debug)]
pub struct Caller(pub Client);

impl Default for Caller {
    fn default() -> Self {
        Self::new()
    }
}

impl Caller {
    /// One that has a document open, whose changes are replica 1's.
    pub fn new() -> Self {
        Self::with(ClientConfig::new(Seed::from_number(1)))
    }

    /// The same, set up in another way.
    pub fn with(config: ClientConfig) -> Self {
        let mut client: Client = Client::new(config);
        client.connect();
        client.open("page", Document::new(ReplicaId::new(1))).expect("new");
        Self(client)
    }

    /// A new link.
    pub fn link_up(&mut self, now: Now) -> LinkId {
        assert!(self.0.poll_dial());
        self.0.link_up(now).expect("none was up")
    }

    /// Writes at the end of the document's text.
    pub fn write(&mut self, text: &str) {
        let doc = self.doc();
        let edited = self.0.edit::<_, EditError>(at(0), doc, |txn| txn.text("text").push_str(text));
        edited.expect("open").expect("legal");
    }

    /// The document.
    pub fn doc(&self) -> DocId {
        self.0.documents().next().expect("the one").0
    }

    /// The client is sent a message.
    ///
    /// # Errors
    ///
    /// What the client says of it.
    pub fn hears(&mut self, now: Now, link: LinkId, message: &Message) -> Result<(), ReceiveError> {
        self.0.receive(now, link, message.encode(&FullNames))
    }

    /// All that the client has to say.
    pub fn says(&mut self, now: Now, link: LinkId) -> Vec<Message> {
        std::iter::from_fn(|| self.0.poll_transmit(now, link).and_then(decode)).collect()
    }

    /// A link on which the document was joined.
    pub fn joined(&mut self, now: Now) -> LinkId {
        let link = self.asked(now);
        self.hears(now, link, &joined()).expect("a good frame");
        link
    }

    /// A link on which the document is to be joined, and the server has not answered.
    pub fn asked(&mut self, now: Now) -> LinkId {
        let link = self.link_up(now);
        self.hears(now, link, &welcome()).expect("a good frame");
        assert_eq!(names(&self.says(now, link)), ["hello", "join"]);
        link
    }

    /// How much has not come to either level.
    pub fn pending(&self) -> [u64; 2] {
        [Level::Received, Level::Stored].map(|level| self.0.pending(self.doc(), level).expect("open"))
    }

    /// Has the client's own store do what it was asked for.
    pub fn keeps(&mut self, now: Now, store: &mut MemoryStorage) {
        let requests = std::iter::from_fn(|| self.0.poll_store()).collect();
        for (ticket, outcome) in carry_out(store, requests) {
            self.0.stored(now, ticket, outcome).expect("it was asked");
        }
    }
}

/// A server whose clients are the test.
#[derive(Debug)]
pub struct Host {
    /// The server.
    pub server: Server,
    /// Where it keeps its documents.
    pub store: MemoryStorage,
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

impl Host {
    /// A server with an empty store.
    pub fn new() -> Self {
        Self::with(ServerConfig::new(Seed::from_number(1)))
    }

    /// The same, set up in another way.
    pub fn with(config: ServerConfig) -> Self {
        Self { server: Server::new(config), store: MemoryStorage::default() }
    }

    /// The server is sent a message, and its store does what comes of it.
    ///
    /// # Errors
    ///
    /// What the server says of it.
    pub fn hears(&mut self, link: LinkId, message: &Message) -> Result<(), ReceiveError> {
        let heard = self.server.receive(at(0), link, message.encode(&FullNames));
        while let Some(request) = self.server.poll_store() {
            for (ticket, outcome) in carry_out(&mut self.store, vec![request]) {
                self.server.stored(at(0), ticket, outcome).expect("it was asked");
            }
        }
        heard
    }

    /// All that the server has to say on a link.
    pub fn says(&mut self, link: LinkId) -> Vec<Message> {
        std::iter::from_fn(|| self.server.poll_transmit(at(0), link).and_then(decode)).collect()
    }

    /// All that the server has to tell its application.
    pub fn events(&mut self) -> Vec<ServerEvent> {
        std::iter::from_fn(|| self.server.poll_event()).collect()
    }

    /// A link that was let in.
    pub fn greeted(&mut self) -> LinkId {
        let link = self.server.link_up(at(0));
        self.hears(link, &hello((1, 1))).expect("a good frame");
        assert_eq!(names(&self.says(link)), ["welcome"]);
        link
    }

    /// How many changes of the page the server has; `None` if it is not loaded.
    pub fn log_end(&self) -> Option<usize> {
        self.server.log("page").map(ChangeLog::end)
    }
}
