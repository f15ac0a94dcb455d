//! What was broken once, one promise a test.

use std::time::Duration;

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Admission, Change, ChangeLog, Client, ClientConfig, Document, Epoch, Limits, LinkId, MemoryStorage, Now,
    Replica, ReplicaId, Seed, Server, ServerConfig, ServerEvent, Time, Transmit, VersionVector, Wall,
    causal::Hlc,
    document::EditError,
    error::{Code, Reason, ReceiveError},
    server::JoinRequest,
    store::carry_out,
    wire::{Capabilities, FullNames, Level, Message, WriterVersion, Writers},
};
use crdt_socket_sync_loopback::{Simulation, SimulationConfig};

const WALL: u64 = 1_700_000_000_000;

fn now() -> Now {
    Now::new(Time::ZERO, Wall::from_millis(WALL))
}

fn later(time: Duration) -> Now {
    Now::new(Time::ZERO + time, Wall::from_millis(WALL))
}

fn replica(bits: u64) -> ReplicaId {
    ReplicaId::new(bits)
}

fn change(replica: u64, seq: u64, clock: u64, deps: &[(u64, u64)]) -> Change {
    Change {
        replica: ReplicaId::new(replica),
        seq,
        len: 1,
        clock: Hlc::new(WALL, clock as u16),
        deps: deps.iter().map(|(replica, seq)| crdt_socket_sync::OpId::new(ReplicaId::new(*replica), *seq)).collect(),
        body: Bytes::from_static(b"x"),
    }
}

/// A server, its store, and peers that are written out by hand.
struct Rig {
    server: Server,
    store: MemoryStorage,
    /// Whether the store answers.
    writes: bool,
    requests: Vec<JoinRequest>,
    events: Vec<ServerEvent>,
}

impl Rig {
    fn new(admission: Admission, limits: Limits) -> Self {
        let mut config = ServerConfig::new(Seed::from_number(1));
        config.admission = admission;
        config.limits = limits;
        Self {
            server: Server::new(config),
            store: MemoryStorage::default(),
            writes: true,
            requests: Vec::new(),
            events: Vec::new(),
        }
    }

    fn open() -> Self {
        Self::new(Admission::Everyone, Limits::default())
    }

    fn link(&mut self, secret: u8) -> LinkId {
        let link = self.server.link_up(now());
        self.say(
            link,
            &Message::Hello {
                versions: (1, 1),
                capabilities: Capabilities::OURS,
                frame_bytes: 1 << 20,
                secret: [secret; 16],
                token: Bytes::new(),
            },
        );
        link
    }

    fn say(&mut self, link: LinkId, message: &Message) {
        self.server.receive(now(), link, message.encode(&FullNames)).expect("a good frame");
        self.run();
    }

    fn join(&mut self, link: LinkId, request: u64, name: &str, writer: u64) {
        self.say(
            link,
            &Message::Join {
                request,
                name: name.to_owned(),
                epoch: None,
                replica: Some(replica(writer)),
                version: VersionVector::new(),
            },
        );
    }

    fn changes(&mut self, link: LinkId, doc: u64, changes: Vec<Change>) {
        self.say(link, &Message::Changes { doc, introduced: Vec::new(), changes });
    }

    fn run(&mut self) {
        loop {
            while let Some(event) = self.server.poll_event() {
                match event {
                    ServerEvent::Knock(knock) => self.server.admit(knock),
                    ServerEvent::JoinRequest(request) => self.requests.push(request),
                    event => self.events.push(event),
                }
            }
            if !self.writes {
                return;
            }
            let requests: Vec<_> = std::iter::from_fn(|| self.server.poll_store()).collect();
            if requests.is_empty() {
                return;
            }
            for (ticket, outcome) in carry_out(&mut self.store, requests) {
                self.server.stored(now(), ticket, outcome).expect("it was asked");
            }
        }
    }

    /// What a link is sent, up to its end.
    fn hear(&mut self, link: LinkId) -> (Vec<Message>, Option<Reason>) {
        let (mut heard, mut writers) = (Vec::new(), Writers::default());
        while let Some(transmit) = self.server.poll_transmit(now(), link) {
            match transmit {
                Transmit::Close(reason) => return (heard, Some(reason)),
                Transmit::Frame(frame) => {
                    let message = Message::decode(frame, &writers).expect("a good frame");
                    match &message {
                        Message::Joined { writers: list, .. } => {
                            writers = Writers::default();
                            list.iter().for_each(|writer| writers.introduce(writer.replica));
                        }
                        Message::Changes { introduced, .. } => {
                            introduced.iter().for_each(|replica| writers.introduce(*replica));
                        }
                        _ => {}
                    }
                    heard.push(message);
                }
            }
        }
        (heard, None)
    }
}

/// A document that was left and opened afresh on the same link is brought what that link itself once sent.
#[test]
fn a_document_that_is_opened_afresh_on_the_same_link_gets_back_what_was_written_there() {
    let mut world: Simulation = Simulation::new(SimulationConfig::new(3));
    let client = world.add_client();
    let doc = world.open(client, "page", Document::new(replica(1)));
    world.edit(client, doc, |txn| txn.text("text").push_str("mine")).expect("a legal edit");
    world.settle().expect("stored");
    let left = world.with_client(client, |client, _| client.leave(doc)).expect("it is open");
    let again = world.open(client, "page", Document::new(replica(2)));
    world.settle().expect("joined again");
    assert_eq!(world.replica(client, again).digest(), left.digest());
}

/// A change that waits, was sent on an earlier join, and arrives in the log on a later one.
#[test]
fn a_change_that_waited_across_a_rejoin_is_sent_to_the_link_that_forgot_it() {
    let mut rig = Rig::open();
    let (forgetful, other) = (rig.link(1), rig.link(2));
    rig.join(forgetful, 1, "page", 1);
    rig.join(other, 1, "page", 2);
    rig.changes(forgetful, 1, vec![change(1, 0, 2, &[(2, 0)])]);
    rig.say(forgetful, &Message::Leave { request: 1 });
    rig.join(forgetful, 2, "page", 3);
    rig.hear(forgetful);
    rig.changes(other, 1, vec![change(2, 0, 1, &[])]);
    let sent = |messages: Vec<Message>| {
        let changes = |message| if let Message::Changes { changes, .. } = message { changes } else { Vec::new() };
        messages.into_iter().flat_map(changes).map(|change| change.replica).collect::<Vec<_>>()
    };
    assert_eq!(sent(rig.hear(forgetful).0), [replica(2), replica(1)]);
}

/// A link that asks twice under one number keeps what it had, and takes all of it along when it goes.
#[test]
fn a_request_number_that_is_used_twice_leaves_nobody_behind_in_a_room() {
    let mut rig = Rig::open();
    let link = rig.link(1);
    rig.join(link, 1, "page", 7);
    rig.join(link, 1, "other page", 7);
    rig.server.link_down(now(), link, "gone").expect("it was up");
    rig.run();
    let other = rig.link(2);
    rig.join(other, 1, "page", 7);
    let (heard, _) = rig.hear(other);
    assert!(heard.iter().any(|message| matches!(message, Message::Joined { .. })), "nobody holds the id: {heard:?}");
    rig.server.link_down(now(), other, "gone").expect("it was up");
    rig.server.timeout(later(Duration::from_secs(120)));
    assert_eq!(rig.server.loaded().count(), 0, "nobody is there");
}

#[test]
fn the_limit_on_joins_holds_against_request_numbers_that_are_used_again() {
    let limits = || {
        let mut limits = Limits::default();
        limits.joins_per_link = 2;
        limits
    };
    let mut rig = Rig::new(Admission::Everyone, limits());
    let link = rig.link(1);
    for round in 0..10 {
        rig.join(link, round % 3, &format!("page {round}"), 7);
    }
    assert_eq!(rig.server.loaded().count(), 2);
}

/// Decisions take their time, and a request that was taken back must not be taken for a later one of the same number.
#[test]
fn a_decision_on_a_join_that_was_taken_back_does_not_touch_a_later_one_of_the_same_number() {
    for late_denial in [false, true] {
        let mut rig = Rig::new(Admission::Ask, Limits::default());
        let link = rig.link(1);
        rig.join(link, 1, "first", 7);
        rig.say(link, &Message::Leave { request: 1 });
        rig.join(link, 1, "second", 7);
        let (second, first) = (rig.requests.pop().expect("asked"), rig.requests.pop().expect("asked"));
        rig.server.grant(now(), second, Access::Write);
        rig.run();
        if late_denial {
            rig.server.deny(first, Code::Forbidden.into());
        } else {
            rig.server.grant(now(), first, Access::Write);
        }
        rig.run();
        assert_eq!(rig.server.loaded().collect::<Vec<_>>(), ["second"]);
        rig.server.link_down(now(), link, "gone").expect("it was up");
        rig.server.timeout(later(Duration::from_secs(120)));
        assert_eq!(rig.server.loaded().count(), 0, "nobody is there");
    }
}

/// The same client on two links; what was asked for on the older one is granted last.
#[test]
fn a_late_decision_for_an_older_link_does_not_close_the_newer_one() {
    let mut rig = Rig::new(Admission::Ask, Limits::default());
    let (older, newer) = (rig.link(1), rig.link(1));
    rig.join(older, 1, "page", 7);
    rig.join(newer, 1, "page", 7);
    let (on_newer, on_older) = (rig.requests.pop().expect("asked"), rig.requests.pop().expect("asked"));
    rig.server.grant(now(), on_newer, Access::Write);
    rig.run();
    rig.server.grant(now(), on_older, Access::Write);
    rig.run();
    assert!(!rig.server.is_closing(newer));
    assert_eq!(rig.hear(older).1.map(|reason| reason.code), Some(Code::Superseded));
}

/// Two joins of one document by a link that another one takes over while the document is being loaded.
#[test]
fn a_link_that_is_superseded_while_a_document_is_loaded_enters_no_room() {
    let mut rig = Rig::open();
    rig.writes = false;
    let (older, newer) = (rig.link(1), rig.link(1));
    rig.join(older, 1, "page", 7);
    rig.join(newer, 1, "page", 7);
    rig.join(older, 2, "page", 8);
    rig.writes = true;
    rig.run();
    assert!(rig.server.is_closing(older));
    rig.server.link_down(now(), older, "gone").expect("it was up");
    rig.server.link_down(now(), newer, "gone").expect("it was up");
    rig.server.timeout(later(Duration::from_secs(120)));
    assert_eq!(rig.server.loaded().count(), 0, "nobody is there");
}

/// A trap: a change that waits for the honest client's next one, with a clock that can never be right.
#[test]
fn whoever_sent_a_change_that_waited_and_is_refused_is_blamed_and_nobody_else() {
    let mut rig = Rig::open();
    let (hostile, honest) = (rig.link(1), rig.link(2));
    rig.join(hostile, 1, "page", 1);
    rig.join(honest, 1, "page", 2);
    rig.changes(hostile, 1, vec![change(1, 0, 0, &[(2, 0)])]);
    rig.hear(hostile);
    rig.changes(honest, 1, vec![change(2, 0, 5, &[])]);
    let dropped = |messages: &[Message]| messages.iter().any(|message| matches!(message, Message::Dropped { .. }));
    assert!(!dropped(&rig.hear(honest).0), "it did nothing wrong");
    assert!(dropped(&rig.hear(hostile).0), "it did");
}

/// A peer that asks and never reads.
#[test]
fn answers_that_a_peer_does_not_read_are_bounded() {
    let mut rig = Rig::open();
    let reader = rig.link(1);
    rig.hear(reader);
    for request in 0..1_000 {
        rig.join(reader, request, "page", 7);
        rig.say(reader, &Message::Leave { request });
    }
    assert!(rig.hear(reader).0.is_empty(), "a join that was taken back needs no answer");

    let link = rig.link(2);
    rig.hear(link);
    let refused =
        Message::Join { request: 1, name: String::new(), epoch: None, replica: None, version: VersionVector::new() };
    for _ in 0..100_000 {
        rig.say(link, &refused);
        rig.events.clear();
    }
    let (heard, closed) = rig.hear(link);
    assert!(heard.len() < 20_000, "{} answers were kept", heard.len());
    assert_eq!(closed.map(|reason| reason.code), Some(Code::OverLimit));
}

/// A body of one byte in a frame of a megabyte must not hold the megabyte while it waits, nor must dependencies be free.
#[test]
fn dependencies_of_changes_that_wait_count_towards_the_bound_on_bytes() {
    let mut limits = Limits::default();
    limits.waiting_bytes = 100_000;
    let mut log = ChangeLog::new();
    let mut held = 0;
    for number in 0..100 {
        let deps: Vec<_> = (0..1_000).map(|dep| (1_000_000 + dep, 0)).collect();
        if log.receive(change(number + 1, 0, 1, &deps), &limits).is_ok() {
            held += 1;
        }
    }
    assert!(held < 10, "{held} changes of 1000 dependencies each wait within 100 kB");
}

/// Changes of very many dependencies, which arrive one by one and each let all of the changes be looked at again.
#[test]
fn changes_that_wait_for_very_many_others_are_not_read_from_the_beginning_at_each_arrival() {
    let (waiting, deps) = (20, 10_000);
    let limits = Limits::default();
    let mut log = ChangeLog::new();
    let named: Vec<_> = (0..deps).map(|dep| (dep, 0)).collect();
    for number in 0..waiting {
        log.receive(change(1_000_000 + number, 0, 2, &named), &limits).expect("it waits");
    }
    let begun = std::time::Instant::now();
    for dep in 0..deps {
        log.receive(change(dep, 0, 1, &[]), &limits).expect("a legal change");
    }
    assert_eq!((log.end() as u64, log.waiting()), (waiting + deps, (0, 0)));
    assert!(begun.elapsed() < Duration::from_secs(3), "it took {:?}", begun.elapsed());
}

#[test]
fn a_change_over_the_limit_is_refused_by_the_server_before_others_choke_on_it() {
    let mut rig = Rig::open();
    let link = rig.link(1);
    rig.join(link, 1, "page", 1);
    rig.hear(link);
    let limit = rig.server.limits().change_bytes;
    let large = Change { body: vec![0; limit].into(), ..change(1, 0, 1, &[]) };
    rig.changes(link, 1, vec![large]);
    let (heard, _) = rig.hear(link);
    let code = |message: &Message| match message {
        Message::Dropped { reason, .. } => Some(reason.code),
        _ => None,
    };
    assert_eq!(heard.iter().find_map(code), Some(Code::TooLarge), "{heard:?}");
    assert_eq!(rig.server.log("page").map(ChangeLog::end), Some(0));
}

/// Who may only read writes as nobody.
#[test]
fn a_reader_does_not_keep_a_writer_out_of_its_own_replica() {
    let mut rig = Rig::new(Admission::Ask, Limits::default());
    let (reader, writer) = (rig.link(1), rig.link(2));
    rig.join(reader, 1, "page", 7);
    let request = rig.requests.pop().expect("asked");
    rig.server.grant(now(), request, Access::Read);
    rig.run();
    rig.join(writer, 1, "page", 7);
    let request = rig.requests.pop().expect("asked");
    rig.server.grant(now(), request, Access::Write);
    rig.run();
    let (heard, _) = rig.hear(writer);
    assert!(heard.iter().any(|message| matches!(message, Message::Joined { .. })), "{heard:?}");
}

/// A client on a link that is written out by hand, let in already.
fn connected<R: Replica>(client: &mut Client<R>) -> LinkId {
    client.connect();
    assert!(client.poll_dial());
    let link = client.link_up(now()).expect("none was up");
    let welcome =
        Message::Welcome { version: 1, capabilities: Capabilities::OURS, frame_bytes: 1 << 20, ping_millis: 15_000 };
    tell(client, link, &welcome).expect("a good frame");
    said(client, link);
    link
}

fn tell<R: Replica>(client: &mut Client<R>, link: LinkId, message: &Message) -> Result<(), ReceiveError> {
    client.receive(now(), link, message.encode(&FullNames))
}

fn said<R: Replica>(client: &mut Client<R>, link: LinkId) -> Vec<Bytes> {
    let frame = |transmit| match transmit {
        Transmit::Frame(frame) => Some(frame),
        Transmit::Close(_) => None,
    };
    std::iter::from_fn(|| client.poll_transmit(now(), link).and_then(frame)).collect()
}

fn joined(request: u64, access: Access, writers: &[(u64, u64, u64)]) -> Message {
    let writer = |(id, received, stored): &(u64, u64, u64)| WriterVersion {
        replica: replica(*id),
        received: *received,
        stored: *stored,
    };
    Message::Joined { request, doc: 1, epoch: Epoch::new(1), access, writers: writers.iter().map(writer).collect() }
}

fn client<R: Replica>(persist: bool) -> Client<R> {
    let mut config = ClientConfig::new(Seed::from_number(5));
    config.persist = persist;
    Client::new(config)
}

/// Two writers who claim all the numbers there are.
#[test]
fn counting_what_is_pending_does_not_overflow() {
    let mut client: Client<ChangeLog> = client(false);
    let doc = client.open("page", ChangeLog::new()).expect("new");
    let huge = |id| Change { len: u64::MAX, ..change(id, 0, 1, &[]) };
    client.merge(doc, [huge(1), huge(2)]).expect("open").expect("legal");
    assert_eq!(client.pending(doc, Level::Stored), Ok(u64::MAX));
}

/// A server that answers what was not asked, while the client's own store is still reading.
#[test]
fn a_refusal_that_answers_no_join_is_passed_over() {
    let mut client: Client = client(true);
    let mut store = MemoryStorage::default();
    let doc = client.open("page", Document::new(replica(1))).expect("new");
    let requests: Vec<_> = std::iter::from_fn(|| client.poll_store()).collect();
    let link = connected(&mut client);
    for epoch in [None, Some(Epoch::new(2))] {
        let code = if epoch.is_some() { Code::EpochMismatch } else { Code::StoreFailed };
        let refused = Message::Refused { request: doc.number(), reason: code.into(), epoch };
        tell(&mut client, link, &refused).expect("a good frame");
    }
    assert_eq!(client.is_loaded(doc), Ok(false));
    for (ticket, outcome) in carry_out(&mut store, requests) {
        client.stored(now(), ticket, outcome).expect("it was asked");
    }
    assert_eq!(client.is_loaded(doc), Ok(true));
}

/// A later change of the same writer says nothing about the store having the earlier ones.
#[test]
fn what_was_here_already_is_not_taken_for_stored_because_the_server_sends_what_follows_it() {
    let mut client: Client<ChangeLog> = client(false);
    let doc = client.open("page", ChangeLog::new()).expect("new");
    client.merge(doc, [change(9, 0, 1, &[])]).expect("open").expect("legal");
    let link = connected(&mut client);
    tell(&mut client, link, &joined(doc.number(), Access::Write, &[])).expect("a good frame");
    assert_eq!(said(&mut client, link).len(), 1, "it is sent");
    let next = Message::Changes { doc: 1, introduced: vec![replica(9)], changes: vec![change(9, 1, 2, &[])] };
    tell(&mut client, link, &next).expect("a good frame");
    assert_eq!(client.is_synced(doc, Level::Received), Ok(true));
    assert_eq!(client.is_synced(doc, Level::Stored), Ok(false), "the server's store has said nothing");
    assert!(said(&mut client, link).is_empty(), "and need not be asked about what it sends");
    let version = [(replica(9), 1)].into_iter().collect();
    tell(&mut client, link, &Message::Ack { doc: 1, level: Level::Stored, version }).expect("a good frame");
    assert_eq!(client.is_synced(doc, Level::Stored), Ok(true));
}

/// A reader cannot send again what it has; it is told all the same.
#[test]
fn a_reader_learns_that_what_it_has_is_stored() {
    let mut rig = Rig::new(Admission::Ask, Limits::default());
    let (writer, reader) = (rig.link(1), rig.link(2));
    rig.join(writer, 1, "page", 1);
    let request = rig.requests.pop().expect("asked");
    rig.server.grant(now(), request, Access::Write);
    rig.run();
    rig.writes = false;
    rig.changes(writer, 1, vec![change(1, 0, 1, &[])]);
    rig.say(
        reader,
        &Message::Join {
            request: 1,
            name: "page".into(),
            epoch: None,
            replica: None,
            version: [(replica(1), 1)].into_iter().collect(),
        },
    );
    let request = rig.requests.pop().expect("asked");
    rig.server.grant(now(), request, Access::Read);
    let stored =
        |heard: &[Message]| heard.iter().any(|message| matches!(message, Message::Ack { level: Level::Stored, .. }));
    assert!(!stored(&rig.hear(reader).0));
    rig.writes = true;
    rig.run();
    let acks: Vec<_> = std::iter::from_fn(|| rig.server.poll_transmit(now(), reader)).collect();
    assert_eq!(acks.len(), 1, "{acks:?}");
}

/// A document that is closed and opened again at once is read after what was still to be written.
#[test]
fn a_store_that_is_asked_to_write_and_to_read_one_document_writes_first() {
    let mut store = MemoryStorage::default();
    let mut client: Client = client(true);
    let mut answer = |client: &mut Client| {
        let requests = std::iter::from_fn(|| client.poll_store()).collect();
        for (ticket, outcome) in carry_out(&mut store, requests) {
            client.stored(now(), ticket, outcome).expect("it was asked");
        }
    };
    let doc = client.open("page", Document::new(replica(1))).expect("new");
    answer(&mut client);
    client.edit::<_, EditError>(now(), doc, |txn| txn.text("text").push_str("kept")).expect("open").expect("legal");
    let append = client.poll_store().expect("something to write");
    client.leave(doc).expect("it is open");
    let doc = client.open("page", Document::new(replica(2))).expect("closed before");
    let load = client.poll_store().expect("something to read");
    for (ticket, outcome) in carry_out(&mut store, vec![append, load]) {
        // The first is nobody's business any more.
        let _ = client.stored(now(), ticket, outcome);
    }
    assert_eq!(client.replica(doc).expect("open").text("text"), "kept");
}

/// A server that lets everyone in and ends every link at once, in words that mean "try again now".
#[test]
fn a_client_that_is_sent_away_as_soon_as_it_is_let_in_does_not_come_back_without_a_wait() {
    let mut client: Client = client(false);
    let link = connected(&mut client);
    tell(&mut client, link, &Message::Close { reason: Code::Timeout.into() }).expect("a good frame");
    client.link_down(now(), link, "closed").expect("it was up");
    client.timeout(now());
    assert!(!client.poll_dial(), "{:?}", client.status());
}

/// A client with a store of its own that merges its history into the server's.
#[test]
fn a_history_that_is_adopted_is_stored_under_its_new_birth_mark() {
    let mut store = MemoryStorage::default();
    let mut client: Client = client(true);
    let mut answer = |client: &mut Client| {
        let requests: Vec<_> = std::iter::from_fn(|| client.poll_store()).collect();
        for (ticket, outcome) in carry_out(&mut store, requests) {
            assert!(outcome.is_ok(), "{outcome:?}");
            client.stored(now(), ticket, outcome).expect("it was asked");
        }
    };
    let doc = client.open("page", Document::new(replica(1))).expect("new");
    answer(&mut client);
    client.edit::<_, EditError>(now(), doc, |txn| txn.text("text").push_str("kept")).expect("open").expect("legal");
    answer(&mut client);
    let link = connected(&mut client);
    tell(&mut client, link, &joined(doc.number(), Access::Write, &[])).expect("a good frame");
    answer(&mut client);
    client.link_down(now(), link, "cut").expect("it was up");
    client.disconnect(now());

    let link = connected(&mut client);
    let reason = Reason::from(Code::EpochMismatch);
    let refused = Message::Refused { request: doc.number(), reason, epoch: Some(Epoch::new(2)) };
    tell(&mut client, link, &refused).expect("a good frame");
    client.adopt(doc).expect("there is something to decide");
    answer(&mut client);
    said(&mut client, link);
    let (request, epoch, access) = (doc.number(), Epoch::new(2), Access::Write);
    tell(&mut client, link, &Message::Joined { request, doc: 1, epoch, access, writers: Vec::new() }).expect("good");
    client.edit::<_, EditError>(now(), doc, |txn| txn.text("text").push_str("!")).expect("open").expect("legal");
    answer(&mut client);
    assert_eq!(said(&mut client, link).len(), 1, "both changes are stored, so they are sent");
    let stored = crdt_socket_sync::Storage::load(&mut store, "page").expect("it works").expect("it is there");
    assert_eq!((stored.epoch, stored.changes.len()), (Some(epoch), 2));
}

/// The application was told that all was well, in the words of the transport that the server had closed.
#[test]
fn a_link_that_the_server_has_ended_is_reported_with_the_servers_reason() {
    let mut rig = Rig::new(Admission::Ask, Limits::default());
    let (admitted, stranger) = (rig.link(1), rig.server.link_up(now()));
    let refused = rig.server.link_up(now());
    let hello = Message::Hello {
        versions: (1, 1),
        capabilities: Capabilities::OURS,
        frame_bytes: 1 << 20,
        secret: [2; 16],
        token: Bytes::new(),
    };
    rig.server.receive(now(), refused, hello.encode(&FullNames)).expect("a good frame");
    let Some(ServerEvent::Knock(knock)) = rig.server.poll_event() else { panic!("someone knocks") };
    rig.server.refuse(knock, Code::Forbidden.into());
    rig.server.shutdown();
    let late = rig.server.link_up(now());
    for (link, code) in
        [(admitted, Code::Shutdown), (stranger, Code::Shutdown), (refused, Code::Forbidden), (late, Code::Shutdown)]
    {
        assert_eq!(rig.hear(link).1.map(|reason| reason.code), Some(code));
        rig.server.link_down(now(), link, "the transport was closed").expect("it was up");
        let down = std::iter::from_fn(|| rig.server.poll_event()).last();
        let Some(ServerEvent::LinkDown { link: gone, reason }) = down else { panic!("{down:?}") };
        assert_eq!((gone, reason.code), (link, code));
    }
}
