//! What a client and a server promise each other about documents, one promise a test, over the simulated network.

use std::time::Duration;

use crdt_socket_sync::{
    Access, Admission, ChangeLog, ClientEvent, DocId, Document, MemoryStorage, Now, ReplicaId, ServerEvent, Wall,
    document::EditError,
    error::{Code, Misuse},
    wire::Level,
};
use crdt_socket_sync_loopback::{ClientIndex, Node, Simulation, SimulationConfig, What};

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

fn log<'a>(world: &'a Simulation, name: &str) -> Option<&'a ChangeLog> {
    world.server().and_then(|server| server.log(name))
}

const CHANGES: u8 = 10;

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
    write(&mut world, people[0].0, people[0].1, "hello");
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(10));
    assert_eq!(sent(&world, Node::Client(0), CHANGES), 1);
    assert_eq!(sent(&world, Node::Server, CHANGES), 2);
    assert_eq!(sent(&world, Node::Client(1), CHANGES) + sent(&world, Node::Client(2), CHANGES), 0);
}

/// Acceptance line 106.
#[test]
fn what_two_type_at_one_place_is_there_for_both_and_nothing_is_left_to_be_sent() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    write(&mut world, ann, doc, "hello");
    write(&mut world, bob, other, "world");
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    let merged = text(&world, ann, doc);
    assert!(["helloworld", "worldhello"].contains(&merged.as_str()), "{merged}");
    assert_eq!(text(&world, bob, other), merged);
    for (client, doc) in [(ann, doc), (bob, other)] {
        assert_eq!(world.client(client).pending(doc, Level::Stored), Ok(0));
    }
    assert_eq!(log(&world, "page").map(ChangeLog::end), Some(2));
}

/// Acceptance line 107.
#[test]
fn who_comes_later_gets_what_is_there_and_stands_where_everyone_stands() {
    let mut world: Simulation = Simulation::new(config());
    let ann = world.add_client();
    let doc = world.open(ann, "page", document(1));
    "hello".chars().for_each(|letter| write(&mut world, ann, doc, &letter.to_string()));
    world.settle().expect("stored");
    let bob = world.add_client();
    let other = world.open(bob, "page", document(2));
    world.settle().expect("joined");
    assert_eq!((text(&world, bob, other).as_str(), world.client(bob).is_caught_up(other)), ("hello", Ok(true)));
    let version = log(&world, "page").expect("loaded").version();
    assert_eq!(world.replica(bob, other).log().version(), version);
    assert_eq!(world.replica(ann, doc).log().version(), version);
    assert_eq!(sent(&world, Node::Client(1), CHANGES), 0, "it has nothing to say");
}

/// Acceptance line 108.
#[test]
fn what_is_written_offline_is_pending_until_it_can_be_delivered() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    world.settle().expect("joined");
    world.go_offline(ann);
    write(&mut world, ann, doc, "written on the train");
    world.run_for(Duration::from_secs(60));
    for level in [Level::Received, Level::Stored] {
        assert_eq!(world.client(ann).pending(doc, level), Ok(20));
        assert_eq!(world.client(ann).is_synced(doc, level), Ok(false));
    }
    assert_eq!(text(&world, bob, other), "");
    world.go_online(ann);
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    assert_eq!(text(&world, bob, other), "written on the train");
    assert_eq!(world.client(ann).pending(doc, Level::Stored), Ok(0));
}

/// Acceptance line 110.
#[test]
fn what_is_written_in_one_document_reaches_no_other_one_and_nobody_who_has_not_joined_it() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let page = world.open(ann, "page", document(1));
    let diary = world.open(ann, "diary", document(2));
    let other = world.open(bob, "page", document(3));
    world.settle().expect("joined");
    write(&mut world, ann, diary, "dear diary");
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    assert_eq!((text(&world, ann, page), text(&world, bob, other)), (String::new(), String::new()));
    let heard_by_bob = world.trace().entries().iter().filter(|entry| {
        let changes = matches!(&entry.what, What::Arrived(frame) if frame[1] == CHANGES);
        changes && entry.node == Node::Client(1)
    });
    assert_eq!(heard_by_bob.count(), 0);
    write(&mut world, bob, other, "hello");
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    assert_eq!((text(&world, ann, page), text(&world, ann, diary)), ("hello".into(), "dear diary".into()));
    assert_eq!(["page", "diary"].map(|name| log(&world, name).map(ChangeLog::end)), [Some(1), Some(1)]);
}

/// Acceptance line 103.
#[test]
fn a_change_reaches_those_who_are_alive_whoever_else_is_dead() {
    let mut world: Simulation = Simulation::new(config());
    let people: Vec<_> = (0..3)
        .map(|index| {
            let client = world.add_client();
            (client, world.open(client, "page", document(index + 1)))
        })
        .collect();
    world.settle().expect("joined");
    world.half_open(people[1].0);
    write(&mut world, people[0].0, people[0].1, "hello");
    world.run_for(Duration::from_millis(500));
    let shown: Vec<_> = people.iter().map(|(client, doc)| text(&world, *client, *doc)).collect();
    assert_eq!(shown, ["hello", "", "hello"], "nobody has noticed yet");
    world.settle().expect("on another link");
    world.run_for(Duration::from_secs(5));
    assert_eq!(text(&world, people[1].0, people[1].1), "hello");
}

/// Acceptance line 21.
#[test]
fn a_document_that_was_left_is_handed_back_and_can_neither_be_edited_nor_left_again() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    write(&mut world, ann, doc, "mine");
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    let left = world.with_client(ann, |client, _| client.leave(doc)).expect("open");
    client_events(&mut world, ann);
    let unknown = Misuse::UnknownDocument(doc);
    let edited = world.with_client(ann, |client, now| client.edit::<(), EditError>(now, doc, |_| Ok(())).map(|_| ()));
    assert_eq!(edited, Err(unknown.clone()));
    assert_eq!(world.with_client(ann, |client, _| client.leave(doc).map(|_| ())), Err(unknown.clone()));
    assert_eq!(world.client(ann).pending(doc, Level::Stored), Err(unknown));
    write(&mut world, bob, other, ", and theirs");
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    assert_eq!(left.text("text"), "mine");
    assert_eq!(client_events(&mut world, ann), [], "nothing is told about it any more");
    let again = world.open(ann, "page", left);
    world.settle().expect("joined");
    assert_eq!(text(&world, ann, again), "mine, and theirs");
}

/// Acceptance lines 4, 83.
#[test]
fn a_clock_that_is_ahead_within_bounds_is_everybodys_from_then_on() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    world.settle().expect("joined");
    let most = world.client(ann).limits().clock_ahead.as_millis() as u64;
    let ahead = Now::new(world.now().mono, Wall::from_millis(world.now().wall.as_millis() + most));
    let edit = |txn: &mut crdt_socket_sync::document::Transaction<'_>| txn.text("text").push_str("early, ");
    let early = world.with_client(ann, |client, _| client.edit::<_, EditError>(ahead, doc, edit)).expect("open");
    let early = early.expect("legal").change.expect("an edit");
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    let later = world.edit(bob, other, |txn| txn.text("text").push_str("later")).expect("legal").change;
    assert!(later.is_some_and(|later| later.clock > early.clock));
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    assert_eq!((text(&world, ann, doc), text(&world, bob, other)), ("early, later".into(), "early, later".into()));
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

/// Requirements R14 and R15, acceptance line 129.
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

/// Acceptance lines 4 and 127.
#[test]
fn a_change_from_a_clock_that_is_a_year_ahead_is_refused_and_stays_with_its_maker() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    world.settle().expect("joined");
    let before = log(&world, "page").map(ChangeLog::clock);
    let year = Wall::from_millis(world.now().wall.as_millis() + 365 * 24 * 3_600_000);
    let ahead = Now::new(world.now().mono, year);
    let edit = |txn: &mut crdt_socket_sync::document::Transaction<'_>| txn.text("text").push_str("tomorrow");
    world.with_client(ann, |client, _| client.edit::<_, EditError>(ahead, doc, edit)).expect("open").expect("legal");
    client_events(&mut world, ann);
    world.run_for(Duration::from_secs(10));
    let codes = refusals(&mut world, ann);
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == Code::ClockAhead), "{codes:?}");
    assert_eq!(text(&world, ann, doc), "tomorrow");
    assert_eq!((text(&world, bob, other), log(&world, "page").map(ChangeLog::clock)), (String::new(), before));
    // Once the time has come, it is taken.
    world.jump_wall_clock(366 * 24 * 3_600_000);
    world.settle().expect("stored");
    assert_eq!(text(&world, ann, doc), "tomorrow");
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
