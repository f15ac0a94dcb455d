//! What an engine has recorded comes out of a fresh one again, byte for byte, whatever happened to the network, the
//! server and the stores meanwhile; and what is wrong with a recording is said.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

use std::time::Duration;

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Admission, ClientConfig, DocId, Document, Limits, Replica, ReplicaId, Seed, Server, ServerConfig,
    ServerEvent, Wall,
    document::EditError,
    error::{Code, StoreFault},
    record::{Record, Records},
};
use crdt_socket_sync_loopback::{ClientIndex, ReplayError, Simulation, SimulationConfig, replay};

/// A simulation in which the server and every client are recorded.
struct World {
    simulation: Simulation,
    dice: u64,
    admission: Admission,
    people: Vec<Person>,
    /// Those of servers that have crashed, too.
    servers: Vec<Bytes>,
}

struct Person {
    client: ClientIndex,
    pages: Vec<(DocId, String)>,
    /// Whether its client keeps its documents.
    persists: bool,
}

impl World {
    fn new(seed: u64, admission: Admission) -> Self {
        let mut config = SimulationConfig::new(seed);
        config.admission = admission;
        config.limits.idle_unload = Duration::from_secs(5);
        let simulation = Simulation::new(config);
        let mut world = Self { simulation, dice: seed, admission, people: Vec::new(), servers: Vec::new() };
        world.record_server();
        world
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) as usize % sides
    }

    /// Puts a server that is recorded in the place of the one that has just been started.
    fn record_server(&mut self) {
        let mut config = ServerConfig::new(Seed::from_number(self.roll(1_000_000) as u64));
        (config.admission, config.record) = (self.admission, true);
        config.limits.idle_unload = Duration::from_secs(5);
        self.simulation.with_server(|server, _| *server = Server::new(config)).unwrap();
    }

    fn keep_server_recording(&mut self) {
        let recording = self.simulation.with_server(|server, _| server.poll_record()).unwrap();
        self.servers.push(recording.unwrap());
    }

    fn add(&mut self, persist: bool) {
        let mut config = ClientConfig::new(Seed::from_number(self.roll(1_000_000) as u64));
        (config.token, config.persist, config.record) = (Bytes::from_static(b"token"), persist, true);
        let client = self.simulation.add_client_with(config);
        self.people.push(Person { client, pages: Vec::new(), persists: persist });
    }

    fn open(&mut self, person: usize, name: &str) {
        let replica = Document::new(ReplicaId::new(self.roll(usize::MAX) as u64));
        let doc = self.simulation.open(self.people[person].client, name, replica);
        self.people[person].pages.push((doc, name.to_owned()));
    }

    /// Has the server's application decide what it is asked.
    fn attend(&mut self) {
        while let Some(event) = self.simulation.server_event() {
            let choice = self.roll(6);
            self.simulation.with_server(|server, now| match event {
                ServerEvent::Knock(knock) if choice == 0 => server.refuse(knock, Code::Shutdown.into()),
                ServerEvent::Knock(knock) => server.admit(knock),
                ServerEvent::JoinRequest(request) if choice == 0 => server.deny(request, Code::StoreFailed.into()),
                ServerEvent::JoinRequest(request) if choice == 1 => server.grant(now, request, Access::Read),
                ServerEvent::JoinRequest(request) => server.grant(now, request, Access::Write),
                _ => {}
            });
        }
    }

    fn happen(&mut self) {
        let person = self.roll(self.people.len());
        let client = self.people[person].client;
        let page = self.roll(2);
        let page = self.people[person].pages.get(page).cloned();
        match (self.roll(20), page) {
            (0..8, Some((doc, _))) => {
                let at = self.roll(5);
                let _ = self.simulation.with_client(client, |client, now| {
                    client.edit(now, doc, |txn| {
                        let at = at.min(txn.text("text").len());
                        txn.text("text").insert(at, "word ")
                    })
                });
            }
            (8, _) => self.simulation.cut(client),
            (9, _) => self.simulation.half_open(client),
            (10, _) => self.simulation.abandon(client),
            (11, _) => self.simulation.go_offline(client),
            (12, _) => {
                let millis = self.roll(20_000) as i64 - 10_000;
                self.simulation.jump_wall_clock(millis);
            }
            (13, Some((doc, name))) => {
                // Left, and opened again as it was: with what waits in it. A store wants a new one.
                let left = self.simulation.with_client(client, |client, _| client.leave(doc)).unwrap();
                self.people[person].pages.retain(|(known, _)| *known != doc);
                if self.people[person].persists {
                    self.open(person, &name);
                } else {
                    let doc = self.simulation.open(client, &name, left);
                    self.people[person].pages.push((doc, name));
                }
            }
            (14, Some((doc, name))) => {
                // Some changes of someone else's, last ones first, and not all of them.
                let other = self.roll(self.people.len());
                let Some((theirs, _)) = self.people[other].pages.iter().find(|(_, known)| *known == name) else {
                    return;
                };
                let log = self.simulation.replica(self.people[other].client, *theirs).log();
                let changes: Vec<_> = log.range(log.end().saturating_sub(3)..log.end()).collect();
                let _ = self.simulation.with_client(client, |client, _| client.merge(doc, changes));
            }
            (15, _) => {
                let fault = StoreFault::Unavailable("the disk is full".into());
                let fault = (self.roll(2) == 0).then_some(fault);
                self.simulation.set_store_fault(fault);
            }
            (16, _) if self.roll(3) == 0 => {
                self.keep_server_recording();
                self.simulation.crash_server();
                self.simulation.start_server();
                self.record_server();
            }
            (17, _) => {
                if let Some(link) = self.simulation.server_end(client) {
                    self.simulation.with_server(|server, now| server.receive(now, link, Bytes::from_static(b"?")));
                }
            }
            (18, _) => {
                if let Some(link) = self.simulation.server_end(client) {
                    self.simulation.with_server(|server, now| server.close(now, link, Code::OverLimit.into()));
                }
            }
            (_, _) => self.people.iter().for_each(|person| self.simulation.go_online(person.client)),
        }
        let time = Duration::from_millis(self.roll(3_000) as u64);
        self.simulation.run_for(time);
        self.attend();
    }
}

/// A session of one client, in which everything went well: what the client and the server have recorded.
fn short_session() -> [Bytes; 2] {
    let mut world = World::new(7, Admission::Everyone);
    world.add(false);
    world.open(0, "page");
    let (client, doc) = (world.people[0].client, world.people[0].pages[0].0);
    world.simulation.edit(client, doc, |txn| txn.text("text").push_str("a word")).unwrap();
    world.simulation.settle().unwrap();
    world.keep_server_recording();
    [world.simulation.with_client(client, |client, _| client.poll_record()).unwrap(), world.servers.remove(0)]
}

#[test]
fn a_recorded_session_replays_byte_for_byte_under_cuts_crashes_and_failing_stores() {
    let (mut frames, mut documents, mut stored) = (0, 0, 0);
    for seed in 0..60 {
        let admission = if seed % 2 == 0 { Admission::Everyone } else { Admission::Ask };
        let mut world = World::new(seed, admission);
        for person in 0..3 {
            world.add(person == 2);
            world.open(person, "page");
            world.open(person, "notes");
        }
        (0..60).for_each(|_| world.happen());
        world.keep_server_recording();
        for recording in world.servers {
            let replayed = replay(recording).unwrap_or_else(|error| panic!("seed {seed}, a server: {error}"));
            assert!(replayed.server && !replayed.cut);
            frames += replayed.sent + replayed.received;
        }
        for person in world.people {
            let recording = world.simulation.with_client(person.client, |client, _| client.poll_record());
            let recording = recording.unwrap();
            let answers = Records::new(recording.clone()).flatten();
            stored += answers.filter(|(_, record)| matches!(record, Record::Stored(..))).count();
            let replayed = replay(recording).unwrap_or_else(|error| panic!("seed {seed}, a client: {error}"));
            assert!(!replayed.server && !replayed.cut);
            frames += replayed.sent + replayed.received;
            for (doc, name) in person.pages {
                let replica = world.simulation.replica(person.client, doc);
                let twin = replayed.documents.iter().find(|document| document.name == name).unwrap();
                assert_eq!((twin.digest, twin.changes), (replica.digest(), replica.log().end()), "seed {seed}");
                documents += usize::from(!replica.log().is_empty());
            }
        }
    }
    assert!(stored > 500, "clients' stores have answered {stored} times");
    assert!(frames > 10_000 && documents > 200, "{frames} frames, {documents} documents with something in them");
}

#[test]
fn changes_that_wait_for_others_are_part_of_what_is_recorded() {
    let mut elsewhere = Document::new(ReplicaId::new(1));
    let mut write = |word| elsewhere.edit::<_, EditError>(Wall::from_millis(1), |txn| txn.text("text").push_str(word));
    let changes = ["one ", "two ", "three"].map(|word| write(word).unwrap().change.unwrap());
    let [first, second, third] = changes;

    let mut world = World::new(1, Admission::Everyone);
    world.add(false);
    world.open(0, "page");
    let (client, doc) = (world.people[0].client, world.people[0].pages[0].0);
    world.simulation.with_client(client, |client, _| {
        client.update(doc, |document| document.receive(third, &Limits::default())).unwrap().unwrap();
        let left = client.leave(doc).unwrap();
        let doc = client.open("page", left).unwrap();
        client.update(doc, |document| document.receive(second, &Limits::default())).unwrap().unwrap();
        client.merge(doc, [first]).unwrap().unwrap();
    });
    world.simulation.settle().unwrap();
    world.keep_server_recording();
    let recording = world.simulation.with_client(client, |client, _| client.poll_record()).unwrap();
    for recording in [recording, world.servers.remove(0)] {
        assert_eq!(replay(recording).unwrap().documents[0].changes, 3);
    }
}

#[test]
fn both_ends_of_a_session_replay_to_the_same_document() {
    let [client, server] = short_session().map(|recording| replay(recording).unwrap());
    assert_eq!(client.documents, server.documents);
    assert_eq!((client.sent, client.received), (server.received, server.sent));
    assert_eq!(client.documents[0].name, "page");
}

#[test]
fn a_recording_that_was_cut_anywhere_replays_up_to_its_last_whole_record() {
    for recording in short_session() {
        let mut whole = 0;
        let mut ends: Vec<_> = Records::new(recording.clone()).map(|read| read.unwrap().0.len()).collect();
        ends.iter_mut().for_each(|len| {
            whole += *len;
            *len = whole;
        });
        for len in 0..recording.len() {
            let records = ends.iter().filter(|end| **end <= len).count();
            match replay(recording.slice(..len)) {
                Ok(replayed) => assert_eq!((replayed.records, replayed.cut), (records, !ends.contains(&len))),
                Err(error) => assert_eq!((error, records), (ReplayError::Empty, 0)),
            }
        }
    }
}

#[test]
fn any_byte_that_would_have_come_out_otherwise_is_noticed_and_any_other_does_no_harm() {
    for recording in short_session() {
        let mut begin = 0;
        for (index, read) in Records::new(recording.clone()).enumerate() {
            let (bytes, record) = read.unwrap();
            let end = begin + bytes.len();
            // All of a request to the store has come out, and of a frame the frame; its time and link went in.
            let out = match &record {
                Record::Transmit(_, _, Some(crdt_socket_sync::Transmit::Frame(frame))) => end - frame.len()..end,
                Record::Store(Some(_)) => end - bytes.len() + 4..end,
                _ => end..end,
            };
            for at in begin..end {
                let mut tampered = recording.to_vec();
                tampered[at] ^= 1;
                match replay(tampered.into()) {
                    Err(ReplayError::Differs(difference)) if out.contains(&at) => assert_eq!(difference.index, index),
                    outcome => assert!(!out.contains(&at) || outcome.is_err(), "{record:?} at {at}: {outcome:?}"),
                }
            }
            begin = end;
        }
    }
}

#[test]
fn a_difference_is_told_in_one_readable_line() {
    let [recording, _] = short_session();
    let (mut begin, mut told) = (0, None);
    for read in Records::new(recording.clone()) {
        let (bytes, record) = read.unwrap();
        begin += bytes.len();
        if matches!(record, Record::Transmit(_, _, Some(_))) {
            let mut tampered = recording.to_vec();
            tampered[begin - 1] ^= 0xff;
            told = replay(tampered.into()).err().map(|error| error.to_string());
            break;
        }
    }
    let told = told.unwrap();
    assert!(told.contains("a frame of ") && told.contains("for link1") && told.contains("replayed a frame"), "{told}");
    assert_eq!(told.lines().count(), 1);
}

#[test]
fn what_is_no_recording_is_refused() {
    let [client, server] = short_session();
    assert_eq!(replay(Bytes::new()), Err(ReplayError::Empty));
    let told = replay(Bytes::from_static(b"# Notes\n")).unwrap_err().to_string();
    assert_eq!(told, "record 0, which begins at byte 0, cannot be read: not a byte string");
    // One recording in another's file, and one that lacks its beginning.
    let records = Records::new(client.clone()).count();
    let both: Bytes = client.iter().chain(&server).copied().collect();
    assert_eq!(replay(both), Err(ReplayError::Misplaced { index: records }));
    let begin = Records::new(server.clone()).next().unwrap().unwrap().0.len();
    assert_eq!(replay(server.slice(begin..)), Err(ReplayError::Misplaced { index: 0 }));
}
