//! One end of a link, and the other end written out by hand, frame by frame: what may be said when, and what comes of it.

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Change, Client, ClientConfig, Document, Epoch, LinkId, MemoryStorage, Now, ReplicaId, Seed, Server,
    ServerConfig, ServerEvent, Status, Storage, Time, Transmit, VersionVector, Wall,
    causal::Hlc,
    document::EditError,
    error::{Code, Misuse, PeerFault, Reason, ReceiveError},
    store::carry_out,
    wire::{Capabilities, FullNames, Level, Message},
};

const WALL: u64 = 1_700_000_000_000;

fn at(seconds: u64) -> Now {
    Now::new(Time::ZERO + std::time::Duration::from_secs(seconds), Wall::from_millis(WALL))
}

/// A change of one operation, with a body for nobody to read.
fn change(replica: u64, seq: u64) -> Change {
    let (clock, replica) = (Hlc::new(WALL, seq as u16), ReplicaId::new(replica));
    Change { replica, seq, len: 1, clock, deps: Default::default(), body: Bytes::from_static(b"x") }
}

fn version(entries: &[(u64, u64)]) -> VersionVector {
    entries.iter().map(|(replica, next)| (ReplicaId::new(*replica), *next)).collect()
}

fn hello(versions: (u64, u64)) -> Message {
    let (capabilities, secret) = (Capabilities::OURS, [1; 16]);
    Message::Hello { versions, capabilities, frame_bytes: 1 << 20, secret, token: Bytes::new() }
}

fn welcome() -> Message {
    Message::Welcome { version: 1, capabilities: Capabilities::OURS, frame_bytes: 1 << 20, ping_millis: 15_000 }
}

/// The answer to a client's first join, by a server that has nothing.
fn joined() -> Message {
    Message::Joined { request: 1, doc: 1, epoch: Epoch::new(1), access: Access::Write, writers: Vec::new() }
}

fn join(request: u64, name: &str) -> Message {
    let (epoch, replica, version) = (None, Some(ReplicaId::new(7)), VersionVector::new());
    Message::Join { request, name: name.to_owned(), epoch, replica, version }
}

fn changes(changes: Vec<Change>) -> Message {
    Message::Changes { doc: 1, introduced: Vec::new(), changes }
}

fn ack(level: Level, next: u64) -> Message {
    Message::Ack { doc: 1, level, version: version(&[(1, next)]) }
}

fn decode(transmit: Transmit) -> Option<Message> {
    match transmit {
        Transmit::Frame(frame) => Some(Message::decode(frame, &FullNames).expect("a good frame")),
        Transmit::Close(_) => None,
    }
}

fn names(messages: &[Message]) -> Vec<&'static str> {
    messages.iter().map(Message::name).collect()
}

/// A client whose server is the test.
struct Caller(Client);

impl Caller {
    /// One that has a document open, whose changes are replica 1's.
    fn new() -> Self {
        let mut client: Client = Client::new(ClientConfig::new(Seed::from_number(1)));
        client.connect();
        client.open("page", Document::new(ReplicaId::new(1))).expect("new");
        Self(client)
    }

    fn link_up(&mut self, now: Now) -> LinkId {
        assert!(self.0.poll_dial());
        self.0.link_up(now).expect("none was up")
    }

    fn write(&mut self, text: &str) {
        let doc = self.doc();
        let edited = self.0.edit::<_, EditError>(at(0), doc, |txn| txn.text("text").push_str(text));
        edited.expect("open").expect("legal");
    }

    fn doc(&self) -> crdt_socket_sync::DocId {
        self.0.documents().next().expect("the one").0
    }

    fn hears(&mut self, now: Now, link: LinkId, message: &Message) -> Result<(), ReceiveError> {
        self.0.receive(now, link, message.encode(&FullNames))
    }

    fn says(&mut self, now: Now, link: LinkId) -> Vec<Message> {
        std::iter::from_fn(|| self.0.poll_transmit(now, link).and_then(decode)).collect()
    }

    /// A link on which the document was joined.
    fn joined(&mut self, now: Now) -> LinkId {
        let link = self.link_up(now);
        self.hears(now, link, &welcome()).expect("a good frame");
        assert_eq!(names(&self.says(now, link)), ["hello", "join"]);
        self.hears(now, link, &joined()).expect("a good frame");
        link
    }

    fn pending(&self) -> [u64; 2] {
        [Level::Received, Level::Stored].map(|level| self.0.pending(self.doc(), level).expect("open"))
    }
}

/// A server whose clients are the test.
struct Host {
    server: Server,
    store: MemoryStorage,
}

impl Host {
    fn new() -> Self {
        Self { server: Server::new(ServerConfig::new(Seed::from_number(1))), store: MemoryStorage::default() }
    }

    fn hears(&mut self, link: LinkId, message: &Message) -> Result<(), ReceiveError> {
        let heard = self.server.receive(at(0), link, message.encode(&FullNames));
        while let Some(request) = self.server.poll_store() {
            for (ticket, outcome) in carry_out(&mut self.store, vec![request]) {
                self.server.stored(at(0), ticket, outcome).expect("it was asked");
            }
        }
        heard
    }

    fn says(&mut self, link: LinkId) -> Vec<Message> {
        std::iter::from_fn(|| self.server.poll_transmit(at(0), link).and_then(decode)).collect()
    }

    fn events(&mut self) -> Vec<ServerEvent> {
        std::iter::from_fn(|| self.server.poll_event()).collect()
    }

    /// A link that was let in.
    fn greeted(&mut self) -> LinkId {
        let link = self.server.link_up(at(0));
        self.hears(link, &hello((1, 1))).expect("a good frame");
        assert_eq!(names(&self.says(link)), ["welcome"]);
        link
    }

    fn log_end(&self) -> Option<usize> {
        self.server.log("page").map(crdt_socket_sync::ChangeLog::end)
    }
}

/// Acceptance lines 93, 136.
#[test]
fn a_client_that_is_not_welcomed_in_time_begins_from_scratch_on_the_next_link() {
    let mut caller = Caller::new();
    let link = caller.link_up(at(0));
    assert_eq!(names(&caller.says(at(0), link)), ["hello"]);
    caller.0.timeout(at(9));
    assert!(!caller.0.is_closing(link));
    caller.0.timeout(at(10));
    assert_eq!(names(&caller.says(at(10), link)), ["close"]);
    caller.hears(at(10), link, &welcome()).expect("passed over: it comes too late");
    assert!(matches!(caller.0.status(), Status::Reconnecting { .. }));
    caller.0.link_down(at(10), link, "closed").expect("it was up");

    caller.0.timeout(at(11));
    let next = caller.link_up(at(11));
    assert_eq!(names(&caller.says(at(11), next)), ["hello"]);
    let late = caller.hears(at(11), link, &welcome());
    assert_eq!(late, Err(ReceiveError::Misuse(Misuse::UnknownLink(link))), "it is no answer to the second one");
    assert_ne!(caller.0.status(), &Status::Connected);
    caller.hears(at(11), next, &welcome()).expect("a good frame");
    assert_eq!(caller.0.status(), &Status::Connected);
    assert_eq!(names(&caller.says(at(11), next)), ["join"]);
}

/// Acceptance lines 105, 112: an edit is never refused for want of a link; it waits where it is.
#[test]
fn nothing_but_the_greeting_is_sent_before_the_welcome_and_no_change_before_its_document_is_joined() {
    let mut caller = Caller::new();
    caller.write("a");
    let link = caller.link_up(at(0));
    caller.write("b");
    assert_eq!(names(&caller.says(at(0), link)), ["hello"]);
    caller.write("c");
    assert_eq!(names(&caller.says(at(0), link)), [""; 0]);
    caller.hears(at(0), link, &welcome()).expect("a good frame");
    assert_eq!(names(&caller.says(at(0), link)), ["join"]);
    caller.write("d");
    assert_eq!(names(&caller.says(at(0), link)), [""; 0]);
    caller.hears(at(0), link, &joined()).expect("a good frame");
    let said = caller.says(at(0), link);
    let [Message::Changes { changes, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(changes.iter().map(|change| change.seq).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(names(&caller.says(at(0), link)), [""; 0], "once");
}

/// Acceptance line 112.
#[test]
fn what_was_sent_and_not_acknowledged_is_sent_again_on_the_next_link() {
    let mut caller = Caller::new();
    let link = caller.joined(at(0));
    caller.write("a");
    assert_eq!(names(&caller.says(at(0), link)), ["changes"]);
    caller.hears(at(0), link, &ack(Level::Received, 1)).expect("a good frame");
    caller.write("b");
    assert_eq!(names(&caller.says(at(0), link)), ["changes"]);
    caller.0.link_down(at(1), link, "cut").expect("it was up");
    caller.0.timeout(at(2));
    // The server was started again, and had stored nothing.
    let next = caller.joined(at(2));
    assert_eq!(caller.pending(), [2, 2]);
    let said = caller.says(at(2), next);
    let [Message::Changes { changes, .. }] = &said[..] else { panic!("{said:?}") };
    assert_eq!(changes.len(), 2);
}

/// Acceptance lines 112, 113.
#[test]
fn an_acknowledgement_that_is_late_or_names_more_than_there_is_takes_nothing_back_and_counts_no_further() {
    let mut caller = Caller::new();
    let link = caller.joined(at(0));
    for word in ["a", "b", "c"] {
        caller.write(word);
        caller.says(at(0), link);
    }
    for ack in [ack(Level::Stored, 2), ack(Level::Stored, 1), ack(Level::Received, 1), ack(Level::Received, 2)] {
        caller.hears(at(0), link, &ack).expect("a good frame");
        assert_eq!(caller.pending(), [1, 1]);
    }
    caller.hears(at(0), link, &ack(Level::Received, 3)).expect("a good frame");
    assert_eq!(caller.pending(), [0, 1]);
    caller.hears(at(0), link, &ack(Level::Stored, u64::MAX)).expect("a good frame");
    assert_eq!(caller.pending(), [0, 0]);
    let doc = caller.doc();
    let left = caller.0.leave(doc).expect("open");
    caller.hears(at(0), link, &ack(Level::Stored, 3)).expect("passed over: it crossed the news");
    assert_eq!(left.text("text"), "abc");
}

/// Acceptance line 98: what came too early is kept, and the gap is asked for once.
#[test]
fn whoever_misses_something_asks_for_it_once_however_much_there_is_that_waits_for_it() {
    let mut host = Host::new();
    let link = host.greeted();
    host.hears(link, &join(1, "page")).expect("a good frame");
    assert_eq!(names(&host.says(link)), ["joined"]);
    let mut caller = Caller::new();
    let callers_link = caller.joined(at(0));

    let want = Message::Want { doc: 1, version: VersionVector::new() };
    for (early, asked) in [(vec![change(7, 1), change(7, 2)], vec![want]), (vec![change(7, 4), change(7, 3)], vec![])] {
        host.hears(link, &changes(early.clone())).expect("a good frame");
        assert_eq!(host.says(link), asked);
        caller.hears(at(0), callers_link, &changes(early)).expect("a good frame");
        assert_eq!(caller.says(at(0), callers_link), asked);
        assert_eq!((host.log_end(), caller.0.replica(caller.doc()).expect("open").log().end()), (Some(0), 0));
    }
    let first = changes(vec![change(7, 0)]);
    host.hears(link, &first).expect("a good frame");
    caller.hears(at(0), callers_link, &first).expect("a good frame");
    assert_eq!((host.log_end(), caller.0.replica(caller.doc()).expect("open").log().end()), (Some(5), 5));
    assert_eq!(names(&host.says(link)), ["ack"]);
    assert_eq!(names(&caller.says(at(0), callers_link)), [""; 0]);

    // Another gap is another question.
    let early = changes(vec![change(7, 9)]);
    host.hears(link, &early).expect("a good frame");
    caller.hears(at(0), callers_link, &early).expect("a good frame");
    let want = Message::Want { doc: 1, version: version(&[(7, 5)]) };
    assert_eq!((host.says(link), caller.says(at(0), callers_link)), (vec![want.clone()], vec![want]));
}

/// Acceptance lines 96, 116.
#[test]
fn what_concerns_a_document_that_was_not_joined_is_reported_and_passed_over() {
    let mut host = Host::new();
    let (ann, eve) = (host.greeted(), host.greeted());
    host.hears(ann, &join(1, "page")).expect("a good frame");
    host.hears(ann, &changes(vec![change(7, 0)])).expect("a good frame");
    host.events();
    let messages =
        [changes(vec![change(8, 0)]), Message::Want { doc: 1, version: VersionVector::new() }, changes(vec![])];
    for message in messages {
        host.hears(eve, &message).expect("passed over");
        let events = host.events();
        assert!(matches!(&events[..], [ServerEvent::NotJoined { link, doc: 1 }] if *link == eve), "{events:?}");
    }
    assert_eq!((host.log_end(), host.says(eve)), (Some(1), vec![]));
    assert_eq!(host.store.load("page").expect("it works").map(|stored| stored.changes.len()), Some(1));
    // The link serves on.
    host.hears(eve, &Message::Ping { nonce: 77 }).expect("a good frame");
    assert_eq!(host.says(eve), [Message::Pong { nonce: 77 }]);
}

/// Acceptance line 96: there is no document that is not found. Whether one may be begun is the application's decision.
#[test]
fn a_document_that_nobody_has_written_is_empty_and_begins_when_it_is_joined() {
    let mut host = Host::new();
    let link = host.greeted();
    assert_eq!(host.store.load("page"), Ok(None));
    host.hears(link, &join(1, "page")).expect("a good frame");
    let said = host.says(link);
    let [Message::Joined { request: 1, writers, epoch, .. }] = &said[..] else { panic!("{said:?}") };
    assert!(writers.is_empty());
    let stored = host.store.load("page").expect("it works").expect("its birth mark is there");
    assert_eq!((stored.epoch, stored.changes.len()), (Some(*epoch), 0));
}

/// Acceptance line 99: whoever talks nonsense loses the link, with a reason, and nobody else notices.
#[test]
fn a_malformed_frame_ends_its_link_and_no_other_and_a_later_link_is_served() {
    let mut host = Host::new();
    let (eve, bob) = (host.greeted(), host.greeted());
    let refused = host.server.receive(at(0), eve, Bytes::from_static(b"\xff\xfe\x00\x01"));
    assert!(matches!(refused, Err(ReceiveError::Peer(PeerFault::Malformed(_)))), "{refused:?}");
    let said = host.says(eve);
    assert!(matches!(&said[..], [Message::Close { reason }] if reason.code == Code::Malformed), "{said:?}");
    host.server.link_down(at(0), eve, "closed").expect("it was up");
    let later = host.greeted();
    for (link, replica, end) in [(bob, 7, 1), (later, 8, 2)] {
        let Message::Join { request, name, epoch, version, .. } = join(1, "page") else { unreachable!() };
        let replica = ReplicaId::new(replica);
        host.hears(link, &Message::Join { request, name, epoch, replica: Some(replica), version }).expect("good");
        while host.server.poll_transmit(at(0), link).is_some() {}
        host.hears(link, &changes(vec![change(replica.bits(), 0)])).expect("a good frame");
        assert_eq!(host.log_end(), Some(end));
    }
}

/// Acceptance lines 105, 116.
#[test]
fn who_does_not_greet_or_greets_twice_loses_the_link_and_nothing_is_stored() {
    let messages = [join(1, "page"), changes(vec![change(7, 0)]), Message::Leave { request: 1 }];
    for message in messages {
        let mut host = Host::new();
        let link = host.server.link_up(at(0));
        let refused = host.hears(link, &message);
        assert!(matches!(refused, Err(ReceiveError::Peer(PeerFault::Unexpected { .. }))), "{refused:?}");
        let said = host.says(link);
        assert!(matches!(&said[..], [Message::Close { reason }] if reason.code == Code::Unexpected), "{said:?}");
        // Nor does it help to greet then.
        host.hears(link, &hello((1, 1))).expect("passed over");
        host.hears(link, &join(1, "page")).expect("passed over");
        assert_eq!((host.says(link), host.log_end(), host.store.list()), (vec![], None, Ok(vec![])));
    }
    let mut host = Host::new();
    let link = host.greeted();
    let twice = host.hears(link, &hello((1, 1)));
    assert!(matches!(twice, Err(ReceiveError::Peer(PeerFault::Unexpected { .. }))), "{twice:?}");
    let mut caller = Caller::new();
    let link = caller.link_up(at(0));
    caller.hears(at(0), link, &welcome()).expect("a good frame");
    let twice = caller.hears(at(0), link, &welcome());
    assert!(matches!(twice, Err(ReceiveError::Peer(PeerFault::Unexpected { .. }))), "{twice:?}");
}

/// Acceptance line 116.
#[test]
fn a_join_that_is_repeated_or_a_history_that_is_asked_for_twice_doubles_nothing() {
    let mut host = Host::new();
    let (ann, bob) = (host.greeted(), host.greeted());
    host.hears(ann, &join(1, "page")).expect("a good frame");
    host.says(ann);
    for request in [1, 1, 2] {
        let Message::Join { name, epoch, version, .. } = join(request, "page") else { unreachable!() };
        host.hears(bob, &Message::Join { request, name, epoch, replica: None, version }).expect("a good frame");
    }
    host.says(bob);
    host.hears(ann, &changes(vec![change(7, 0)])).expect("a good frame");
    let introduced = vec![ReplicaId::new(7)];
    let frame = Message::Changes { doc: 1, introduced, changes: vec![change(7, 0)] };
    let sent = std::iter::from_fn(|| host.server.poll_transmit(at(0), bob));
    let mut writers = crdt_socket_sync::wire::Writers::default();
    writers.introduce(ReplicaId::new(7));
    assert_eq!(sent.collect::<Vec<_>>(), [Transmit::Frame(frame.encode(&writers))]);
    let mut caller = Caller::new();
    caller.write("x");
    let link = caller.joined(at(0));
    assert_eq!(names(&caller.says(at(0), link)), ["changes"]);
    for _ in 0..2 {
        caller.hears(at(0), link, &Message::Want { doc: 1, version: VersionVector::new() }).expect("a good frame");
    }
    assert_eq!(names(&caller.says(at(0), link)), ["changes"], "one answer");
    let again = caller.0.replica(caller.doc()).expect("open").log().iter().next().expect("the one").clone();
    caller.hears(at(0), link, &changes(vec![again.clone(), again])).expect("a good frame");
    assert_eq!(caller.0.replica(caller.doc()).expect("open").text("text"), "x");
}

/// Acceptance line 103: an adapter that is late with news of a link does no harm.
#[test]
fn a_link_that_is_gone_takes_nothing_and_gives_nothing() {
    let mut host = Host::new();
    let link = host.greeted();
    host.hears(link, &join(1, "page")).expect("a good frame");
    host.says(link);
    host.server.close(at(0), link, Code::Forbidden.into()).expect("it is up");
    host.hears(link, &changes(vec![change(7, 0)])).expect("passed over");
    assert_eq!((names(&host.says(link)), host.log_end()), (vec!["close"], Some(0)));
    host.server.link_down(at(0), link, "closed").expect("it was up");
    let unknown = Misuse::UnknownLink(link);
    assert_eq!(host.hears(link, &changes(vec![change(7, 0)])), Err(unknown.clone().into()));
    assert_eq!(host.server.close(at(0), link, Code::Done.into()), Err(unknown.clone()));
    assert_eq!(host.server.link_down(at(0), link, "again"), Err(unknown));
    assert_eq!((host.server.poll_transmit(at(0), link), host.log_end()), (None, Some(0)));
}

/// A client of this version and a server of a later one.
#[test]
fn a_server_of_a_newer_protocol_is_not_tried_again() {
    let mut caller = Caller::new();
    let link = caller.link_up(at(0));
    let refusal = Message::Close { reason: Reason::new(Code::Version, "this server speaks versions 2 to 3") };
    caller.hears(at(0), link, &refusal).expect("a good frame");
    let status = caller.0.status();
    assert!(matches!(status, Status::Refused(reason) if reason.code == Code::Version), "{status:?}");
    caller.0.link_down(at(0), link, "closed").expect("it was up");
    assert_eq!((caller.0.poll_timeout(), caller.0.poll_dial()), (None, false));
}

#[test]
fn a_peer_that_speaks_no_common_version_is_told_which_ones_there_are() {
    let mut host = Host::new();
    let link = host.server.link_up(at(0));
    host.hears(link, &hello((2, 9))).expect_err("no common version");
    let sent: Vec<_> = std::iter::from_fn(|| host.server.poll_transmit(at(0), link)).collect();
    let [Transmit::Frame(frame), Transmit::Close(reason)] = &sent[..] else { panic!("{sent:?}") };
    let Ok(Message::Close { reason: told }) = Message::decode(frame.clone(), &FullNames) else { panic!("{frame:?}") };
    assert_eq!(&told, reason);
    assert_eq!(told.code, Code::Version);
    assert!(told.detail.contains("2 to 9") && told.detail.contains("1 to 1"), "{}", told.detail);
}
