//! What a client and a server promise each other, one promise a test, over the simulated network.

use std::time::Duration;

use crdt_socket_sync::{
    Access, Admission, Client, ClientConfig, ClientEvent, DocId, Document, LinkId, MemoryStorage, Now, ReplicaId, Seed,
    ServerEvent, Status, Storage, Time, Transmit, Wall,
    document::EditError,
    error::{Code, Misuse, Reason, StoreFault},
    store::carry_out,
    wire::{Capabilities, FullNames, Level, Message},
};
use crdt_socket_sync_loopback::{ClientIndex, Node, Simulation, SimulationConfig};

fn document(replica: u64) -> Document {
    Document::new(ReplicaId::new(replica))
}

fn config() -> SimulationConfig {
    let mut config = SimulationConfig::new(11);
    config.limits.ping_interval = Duration::from_secs(1);
    config
}

fn write(world: &mut Simulation, client: ClientIndex, doc: DocId, text: &str) {
    world.edit(client, doc, |txn| txn.text("text").push_str(text)).expect("a legal edit");
}

fn text(world: &Simulation, client: ClientIndex, doc: DocId) -> String {
    world.replica(client, doc).text("text").to_string()
}

fn client_events(world: &mut Simulation, client: ClientIndex) -> Vec<ClientEvent<crdt_socket_sync::DocumentEvent>> {
    std::iter::from_fn(|| world.client_event(client)).collect()
}

fn server_events(world: &mut Simulation) -> Vec<ServerEvent> {
    std::iter::from_fn(|| world.server_event()).collect()
}

fn refusals(world: &mut Simulation, client: ClientIndex) -> Vec<Code> {
    let refused = |event| match event {
        ClientEvent::Refused { reason, .. } => Some(reason.code),
        _ => None,
    };
    client_events(world, client).into_iter().filter_map(refused).collect()
}

/// How many frames of a kind a node has sent.
fn sent(world: &Simulation, node: Node, kind: u8) -> usize {
    world.trace().sent_by(node).filter(|frame| frame[1] == kind).count()
}

/// Acceptance line 97.
#[test]
fn a_change_goes_to_every_other_client_once_and_nothing_comes_back() {
    let mut world: Simulation = Simulation::new(config());
    let people: Vec<_> = (0..3)
        .map(|index| {
            let client = world.add_client();
            (client, world.open(client, "page", document(index + 1)))
        })
        .collect();
    world.settle().expect("joined");
    const CHANGES: u8 = 10;
    write(&mut world, people[0].0, people[0].1, "hello");
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(10));
    assert_eq!(sent(&world, Node::Client(0), CHANGES), 1);
    assert_eq!(sent(&world, Node::Server, CHANGES), 2);
    assert_eq!(sent(&world, Node::Client(1), CHANGES) + sent(&world, Node::Client(2), CHANGES), 0);
}

/// Requirement R13, its second half: the same client after its link died unnoticed.
#[test]
fn a_client_takes_its_replica_over_from_its_own_stale_link() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    let doc = world.open(client, "page", document(1));
    write(&mut world, client, doc, "a");
    world.settle().expect("stored");
    world.abandon(client);
    write(&mut world, client, doc, "b");
    world.settle().expect("the new link serves");
    let superseded = server_events(&mut world)
        .into_iter()
        .filter(|event| matches!(event, ServerEvent::LinkDown { reason, .. } if reason.code == Code::Superseded));
    assert_eq!(superseded.count(), 1);
    assert_eq!(refusals(&mut world, client), []);
}

/// Requirement R13, acceptance line 133.
#[test]
fn a_second_session_that_writes_as_the_same_replica_is_refused_until_the_first_is_gone() {
    let mut world: Simulation = Simulation::new(config());
    let (first, second) = (world.add_client(), world.add_client());
    let doc = world.open(first, "page", document(1));
    world.settle().expect("joined");
    world.open(second, "page", document(1));
    world.run_for(Duration::from_secs(5));
    let codes = refusals(&mut world, second);
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == Code::ReplicaInUse), "{codes:?}");
    world.with_client(first, |client, _| client.leave(doc)).expect("it is open");
    world.settle().expect("the second gets in");
}

/// Requirements R14 and R15.
#[test]
fn a_history_that_was_begun_again_is_not_merged_without_the_applications_word() {
    let mut world: Simulation = Simulation::new(config());
    let (old, new) = (world.add_client(), world.add_client());
    let old_doc = world.open(old, "page", document(1));
    write(&mut world, old, old_doc, "the same text");
    world.settle().expect("stored");
    // The store is lost, and someone seeds the document again from the same text.
    world.go_offline(old);
    world.crash_server();
    *world.store_mut() = MemoryStorage::default();
    world.start_server();
    let new_doc = world.open(new, "page", document(2));
    write(&mut world, new, new_doc, "the same text");
    world.settle().expect("stored");

    let before = world.trace().sent_by(Node::Client(0)).count();
    client_events(&mut world, old);
    world.go_online(old);
    world.run_for(Duration::from_secs(30));
    let mismatch = |event: &ClientEvent<_>| matches!(event, ClientEvent::EpochMismatch { .. });
    assert_eq!(client_events(&mut world, old).iter().filter(|event| mismatch(event)).count(), 1);
    let kinds: Vec<_> = world.trace().sent_by(Node::Client(0)).skip(before).map(|frame| frame[1]).collect();
    assert!(kinds.iter().all(|kind| [0, 3, 5].contains(kind)), "nothing but hello, ping and join: {kinds:?}");
    assert_eq!(text(&world, old, old_doc), "the same text");
    assert_eq!(text(&world, new, new_doc), "the same text");

    // Discard: take what the server has.
    world.with_client(old, |client, _| client.leave(old_doc)).expect("it is open");
    let fresh = world.open(old, "page", document(3));
    world.settle().expect("joined");
    assert_eq!(text(&world, old, fresh), "the same text");
}

#[test]
fn two_histories_merge_when_the_application_says_so() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    let doc = world.open(client, "page", document(1));
    write(&mut world, client, doc, "mine");
    world.settle().expect("stored");
    world.go_offline(client);
    world.crash_server();
    *world.store_mut() = MemoryStorage::default();
    world.start_server();
    let other = world.add_client();
    let other_doc = world.open(other, "page", document(2));
    write(&mut world, other, other_doc, "theirs");
    world.settle().expect("stored");
    world.go_online(client);
    world.run_for(Duration::from_secs(10));
    world.with_client(client, |client, _| client.adopt(doc)).expect("there is a mismatch to decide");
    world.settle().expect("merged");
    world.run_for(Duration::from_secs(1));
    let merged = text(&world, client, doc);
    assert!(merged.contains("mine") && merged.contains("theirs"));
    assert_eq!(merged, text(&world, other, other_doc));
}

/// Requirement R1.
#[test]
fn a_document_that_cannot_be_loaded_is_refused_and_never_written() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    let doc = world.open(client, "page", document(1));
    write(&mut world, client, doc, "kept");
    world.settle().expect("stored");
    world.crash_server();
    world.set_store_fault(Some(StoreFault::Unavailable("the disk is away".into())));
    world.start_server();
    let before = world.store().clone().load("page");
    write(&mut world, client, doc, ", and more");
    client_events(&mut world, client);
    world.run_for(Duration::from_secs(30));
    assert!(refusals(&mut world, client).iter().all(|code| *code == Code::StoreFailed));
    assert_eq!(world.store().clone().load("page"), before);
    world.set_store_fault(None);
    world.settle().expect("it loads again");
    assert_eq!(text(&world, client, doc), "kept, and more");
}

/// Requirements R3 and R4.
#[test]
fn while_the_store_fails_changes_are_kept_passed_on_and_not_acknowledged_as_stored() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    world.settle().expect("joined");
    world.set_store_fault(Some(StoreFault::Unavailable("the disk is full".into())));
    write(&mut world, ann, doc, "hello");
    world.run_for(Duration::from_secs(20));
    assert_eq!(text(&world, bob, other), "hello");
    assert_eq!(world.client(ann).is_synced(doc, Level::Received), Ok(true));
    assert_eq!(world.client(ann).is_synced(doc, Level::Stored), Ok(false));
    let failures = server_events(&mut world).into_iter().filter_map(|event| match event {
        ServerEvent::StoreFailed { failures, .. } => Some(failures),
        _ => None,
    });
    let failures: Vec<_> = failures.collect();
    assert!(failures.len() > 3 && failures.windows(2).all(|pair| pair[1] == pair[0] + 1), "{failures:?}");
    world.set_store_fault(None);
    world.settle().expect("stored at last");
}

/// Acceptance lines 4 and 127.
#[test]
fn a_change_from_a_clock_that_is_a_year_ahead_is_refused_and_stays_with_its_maker() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    world.settle().expect("joined");
    let year = Wall::from_millis(world.now().wall.as_millis() + 365 * 24 * 3_600_000);
    let ahead = Now::new(world.now().mono, year);
    let edit = |txn: &mut crdt_socket_sync::document::Transaction<'_>| txn.text("text").push_str("tomorrow");
    world.with_client(ann, |client, _| client.edit::<_, EditError>(ahead, doc, edit)).expect("open").expect("legal");
    client_events(&mut world, ann);
    world.run_for(Duration::from_secs(10));
    let codes = refusals(&mut world, ann);
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == Code::ClockAhead), "{codes:?}");
    assert_eq!(text(&world, ann, doc), "tomorrow");
    assert_eq!(text(&world, bob, other), "");
    // Once the time has come, it is taken.
    world.jump_wall_clock(366 * 24 * 3_600_000);
    world.settle().expect("stored");
    assert_eq!(text(&world, ann, doc), "tomorrow");
}

/// Acceptance line 104, requirement R44.
#[test]
fn a_quiet_link_lives_on_and_a_dead_one_is_noticed_within_two_heartbeats() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    world.run_for(Duration::from_secs(600));
    assert_eq!(world.client(client).link().map(LinkId::number), Some(1), "a healthy link is never given up");
    world.half_open(client);
    // Two heartbeats of one second, and the time that a ping takes.
    world.run_for(Duration::from_millis(2_200));
    assert_ne!(world.client(client).link().map(LinkId::number), Some(1), "a dead one is");
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.client(client).status(), &Status::Connected);
    assert_eq!(world.server().map(crdt_socket_sync::Server::link_count), Some(1));
}

/// Requirement R45, acceptance lines 117 and 135.
#[test]
fn a_client_retries_with_growing_waits_from_the_first_failure_on_until_told_to_stop() {
    let mut world: Simulation = Simulation::new(config());
    world.crash_server();
    let client = world.add_client();
    world.run_for(Duration::from_secs(3_600));
    let waits: Vec<_> = client_events(&mut world, client)
        .into_iter()
        .filter_map(|event| match event {
            ClientEvent::Status(Status::Reconnecting { wait, .. }) => Some(wait),
            _ => None,
        })
        .collect();
    assert!(waits.len() > 300, "only {} attempts in an hour", waits.len());
    let limits = world.client(client).limits().clone();
    for (failures, wait) in waits.iter().enumerate() {
        let most = limits.retry_first.saturating_mul(1 << failures.min(20)).min(limits.retry_most);
        assert!(*wait >= most / 2 && *wait <= most, "wait {failures} is {wait:?}");
    }
    world.with_client(client, |client, now| client.disconnect(now));
    client_events(&mut world, client);
    world.run_for(Duration::from_secs(3_600));
    assert_eq!(client_events(&mut world, client), [], "told to stop, it stops");
    world.start_server();
    world.with_client(client, |client, _| client.connect());
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.client(client).status(), &Status::Connected);
}

/// Requirement R2: told to stop, a server stores what it has, acknowledges it, and says goodbye.
#[test]
fn a_server_that_is_told_to_stop_stores_and_acknowledges_first() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    let doc = world.open(client, "page", document(1));
    world.settle().expect("joined");
    write(&mut world, client, doc, "last words");
    while world.server().is_some_and(|server| server.log("page").is_some_and(|log| log.is_empty())) {
        assert!(world.step());
    }
    world.with_server(|server, _| server.shutdown()).expect("it is up");
    assert!(!world.server().expect("it is up").is_drained());
    while !world.server().expect("it is up").is_drained() {
        assert!(world.step());
    }
    assert_eq!(world.client(client).pending(doc, Level::Stored), Ok(0));
    assert!(world.store().clone().load("page").expect("it works").is_some_and(|stored| stored.changes.len() == 1));
    assert!(matches!(world.client(client).status(), Status::Reconnecting { .. }), "there will be another server");
}

/// Requirement R29.
#[test]
fn an_idle_document_is_unloaded_and_comes_back_the_same() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    let doc = world.open(client, "page", document(1));
    write(&mut world, client, doc, "still here");
    world.settle().expect("stored");
    let document_of_one = world.with_client(client, |client, _| client.leave(doc)).expect("it is open");
    world.run_for(Duration::from_secs(59));
    assert_eq!(world.server().expect("up").loaded().count(), 1);
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.server().expect("up").loaded().count(), 0);
    let reader = world.open(client, "page", document(2));
    world.settle().expect("loaded again");
    assert_eq!(world.replica(client, reader).digest(), document_of_one.digest());
}

/// Requirements R31 and R34.
#[test]
fn nothing_is_loaded_for_a_peer_that_was_not_let_in_and_one_that_waits_too_long_is_closed() {
    let mut config = config();
    config.admission = Admission::Ask;
    let mut world: Simulation = Simulation::new(config);
    let client = world.add_client();
    world.open(client, "page", document(1));
    world.run_for(Duration::from_secs(9));
    let server = world.server().expect("up");
    assert_eq!((server.loaded().count(), server.link_count()), (0, 1));
    world.run_for(Duration::from_secs(2));
    let down = server_events(&mut world).into_iter().any(|event| matches!(event, ServerEvent::LinkDown { .. }));
    assert!(down, "nobody decided in time");
}

#[test]
fn a_peer_that_is_kept_out_is_told_and_does_not_try_again() {
    let mut config = config();
    config.admission = Admission::Ask;
    let mut world: Simulation = Simulation::new(config);
    let client = world.add_client();
    let knock = loop {
        assert!(world.step());
        if let Some(ServerEvent::Knock(knock)) = world.server_event() {
            break knock;
        }
    };
    world.with_server(|server, _| server.refuse(knock, Reason::new(Code::Forbidden, "members only"))).expect("up");
    world.run_for(Duration::from_secs(600));
    assert_eq!(world.client(client).status(), &Status::Refused(Reason::new(Code::Forbidden, "members only")));
}

/// Requirement R35.
#[test]
fn a_reader_gets_everything_is_told_that_it_may_not_write_and_keeps_what_it_wrote() {
    let mut config = config();
    config.admission = Admission::Ask;
    let mut world: Simulation = Simulation::new(config);
    let (writer, reader) = (world.add_client(), world.add_client());
    let doc = world.open(writer, "page", document(1));
    let read = world.open(reader, "page", document(2));
    write(&mut world, writer, doc, "for all to see");
    write(&mut world, reader, read, "for nobody");
    for _ in 0..1_000 {
        world.step();
        while let Some(event) = world.server_event() {
            world.with_server(|server, now| match event {
                ServerEvent::Knock(knock) => server.admit(knock),
                ServerEvent::JoinRequest(request) => {
                    let access = if request.link().number() == 1 { Access::Write } else { Access::Read };
                    server.grant(now, request, access);
                }
                _ => {}
            });
        }
    }
    let (a, b) = (text(&world, writer, doc), text(&world, reader, read));
    let one_reads = a == "for all to see" && b.contains("for nobody") && b.contains("for all to see");
    let other_reads = b == "for nobody" && a.contains("for nobody") && a.contains("for all to see");
    assert!(one_reads || other_reads, "{a:?} {b:?}");
    let joined = |events: Vec<ClientEvent<_>>| {
        let access = |event| match event {
            ClientEvent::Joined { access, .. } => Some(access),
            _ => None,
        };
        events.into_iter().filter_map(access).collect::<Vec<_>>()
    };
    let (a, b) = (joined(client_events(&mut world, writer)), joined(client_events(&mut world, reader)));
    assert!([a, b].contains(&vec![Access::Read]), "the reader is told");
}

/// A client of this version and a server of a later one.
#[test]
fn a_server_of_a_newer_protocol_is_not_tried_again() {
    let mut client: Client = Client::new(ClientConfig::new(Seed::from_number(1)));
    client.connect();
    assert!(client.poll_dial());
    let now = Now::new(Time::ZERO, Wall::from_millis(1));
    let link = client.link_up(now).expect("none was up");
    let refusal = Message::Close { reason: Reason::new(Code::Version, "this server speaks versions 2 to 3") };
    client.receive(now, link, refusal.encode(&FullNames)).expect("a good frame");
    assert!(
        matches!(client.status(), Status::Refused(reason) if reason.code == Code::Version),
        "{:?}",
        client.status()
    );
    client.link_down(now, link, "closed").expect("it was up");
    assert_eq!((client.poll_timeout(), client.poll_dial()), (None, false));
}

#[test]
fn a_peer_that_speaks_no_common_version_is_told_which_ones_there_are() {
    let mut world: Simulation = Simulation::new(config());
    let hello = Message::Hello {
        versions: (2, 9),
        capabilities: Capabilities(7),
        frame_bytes: 1 << 20,
        secret: [1; 16],
        token: Default::default(),
    };
    let frames: Vec<_> = world
        .with_server(|server, now| {
            let link = server.link_up(now);
            server.receive(now, link, hello.encode(&FullNames)).expect_err("no common version");
            std::iter::from_fn(|| server.poll_transmit(now, link)).collect()
        })
        .expect("up");
    let [Transmit::Frame(frame), Transmit::Close(reason)] = &frames[..] else { panic!("{frames:?}") };
    let Ok(Message::Close { reason: told }) = Message::decode(frame.clone(), &FullNames) else { panic!("{frame:?}") };
    assert_eq!(&told, reason);
    assert_eq!(told.code, Code::Version);
    assert!(told.detail.contains("2 to 9") && told.detail.contains("1 to 1"), "{}", told.detail);
}

/// Requirement R24.
#[test]
fn an_edit_that_would_make_too_large_a_change_is_refused_when_it_is_made() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    let doc = world.open(client, "page", document(1));
    let most = world.client(client).limits().change_bytes;
    let huge = "x".repeat(most);
    let refused = world.edit(client, doc, |txn| txn.text("text").push_str(&huge));
    assert!(matches!(refused, Err(EditError::ChangeTooLarge { limit, .. }) if limit == most), "{refused:?}");
    assert_eq!(text(&world, client, doc), "");
    write(&mut world, client, doc, "goes on");
    world.settle().expect("stored");
}

#[test]
fn a_client_with_a_store_opens_only_what_the_store_is_to_fill() {
    let mut config = ClientConfig::new(Seed::from_number(1));
    config.persist = true;
    let mut client: Client = Client::new(config);
    let mut written = document(1);
    written.edit::<_, EditError>(Wall::from_millis(1), |txn| txn.text("text").push_str("x")).expect("legal");
    assert!(matches!(client.open("page", written), Err(Misuse::NotEmpty(_))), "its changes would count as stored");
    assert!(client.open("page", document(1)).is_ok());
}

/// Requirement R49, acceptance line 128.
#[test]
fn a_client_with_a_store_sends_nothing_before_it_is_stored_and_brings_it_after_a_restart() {
    let mut store = MemoryStorage::default();
    let now = Now::new(Time::ZERO, Wall::from_millis(1_000));
    let start = |number| {
        let mut config = ClientConfig::new(Seed::from_number(number));
        config.persist = true;
        let mut client: Client = Client::new(config);
        let doc = client.open("page", document(number)).expect("new");
        (client, doc)
    };
    let mut answer = |client: &mut Client| {
        let requests = std::iter::from_fn(|| client.poll_store()).collect();
        for (ticket, outcome) in carry_out(&mut store, requests) {
            client.stored(now, ticket, outcome).expect("it was asked");
        }
    };
    let (mut first, doc) = start(1);
    answer(&mut first);
    first
        .edit::<_, EditError>(now, doc, |txn| txn.text("text").push_str("written offline"))
        .expect("loaded")
        .expect("legal");
    answer(&mut first);
    drop(first);

    let (mut second, doc) = start(2);
    assert!(second.edit::<(), EditError>(now, doc, |_| Ok(())).is_err(), "not before it is loaded");
    answer(&mut second);
    assert_eq!(second.replica(doc).expect("open").text("text"), "written offline");
}
