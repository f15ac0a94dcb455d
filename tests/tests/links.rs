//! How a link between a client and a server begins, lives, ends and is followed by another one, one promise a test.

use std::time::Duration;

use crdt_socket_sync::{
    Admission, ClientEvent, DocId, Document, LinkId, ReplicaId, ServerEvent, Status,
    error::{Code, Reason},
    server::Knock,
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

/// Runs until someone knocks.
fn knock(world: &mut Simulation) -> Knock {
    loop {
        assert!(world.step());
        if let Some(ServerEvent::Knock(knock)) = world.server_event() {
            return knock;
        }
    }
}

fn link(world: &Simulation, client: ClientIndex) -> Option<u64> {
    world.client(client).link().map(LinkId::number)
}

/// The kinds of the frames that a client has sent since so many, but for its pings.
fn kinds(world: &Simulation, client: ClientIndex, before: usize) -> Vec<u8> {
    let sent = world.trace().sent_by(Node::Client(client.number())).skip(before);
    sent.map(|frame| frame[1]).filter(|kind| *kind != PING).collect()
}

fn sent(world: &Simulation, client: ClientIndex) -> usize {
    world.trace().sent_by(Node::Client(client.number())).count()
}

const HELLO: u8 = 0;
const PING: u8 = 3;
const JOIN: u8 = 5;
const CHANGES: u8 = 10;

/// Acceptance line 95.
#[test]
fn each_client_is_let_in_and_joined_by_itself_and_the_loss_of_one_is_not_the_others() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    world.open(ann, "page", document(1));
    let doc = world.open(bob, "page", document(2));
    world.settle().expect("joined");
    let (anns, bobs) = (world.server_end(ann).expect("up"), world.server_end(bob).expect("up"));
    let (mut admitted, mut joined) = (Vec::new(), Vec::new());
    for event in server_events(&mut world) {
        match event {
            ServerEvent::Admitted { link } => admitted.push(link),
            ServerEvent::Joined { link, name, replica } => joined.push((link, name, replica)),
            _ => {}
        }
    }
    admitted.sort_unstable();
    joined.sort_unstable();
    assert_eq!(admitted, [anns.min(bobs), anns.max(bobs)]);
    let mut expected = [(anns, "page".into(), Some(ReplicaId::new(1))), (bobs, "page".into(), Some(ReplicaId::new(2)))];
    expected.sort_unstable();
    assert_eq!(joined, expected);

    world.go_offline(ann);
    write(&mut world, bob, doc, "still here");
    world.settle().expect("stored");
    let down = server_events(&mut world).into_iter().filter_map(|event| match event {
        ServerEvent::LinkDown { link, .. } => Some(link),
        _ => None,
    });
    assert_eq!(down.collect::<Vec<_>>(), [anns]);
    assert_eq!((world.server_end(bob), world.client(bob).status()), (Some(bobs), &Status::Connected));
    assert!(matches!(world.client(ann).status(), Status::Reconnecting { .. }));
}

/// Acceptance lines 93, 136: also if what is lost is the greeting or its answer.
#[test]
fn a_link_that_dies_while_greeting_is_given_up_and_the_next_one_begins_from_scratch() {
    for frames in 0..3 {
        let mut world: Simulation = Simulation::new(config());
        let client = world.add_client();
        let doc = world.open(client, "page", document(1));
        write(&mut world, client, doc, "patience");
        while link(&world, client).is_none() || world.trace().entries().len() < 3 + frames {
            assert!(world.step());
        }
        world.half_open(client);
        let before = sent(&world, client);
        world.settle().expect("on another link");
        assert!(link(&world, client) > Some(1));
        let kinds = kinds(&world, client, before);
        let begin = kinds.iter().rposition(|kind| *kind == HELLO).expect("another greeting");
        assert_eq!(kinds[begin..], [HELLO, JOIN, CHANGES]);
    }
}

/// Acceptance line 100.
#[test]
fn what_was_written_while_the_link_was_down_goes_in_one_frame_and_what_others_wrote_meanwhile_comes() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    write(&mut world, ann, doc, "shared, ");
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    client_events(&mut world, ann);
    world.go_offline(ann);
    let before = sent(&world, ann);
    for word in ["one, ", "two, ", "three, "] {
        write(&mut world, ann, doc, word);
    }
    write(&mut world, bob, other, "from bob, ");
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.client(ann).pending(doc, crdt_socket_sync::Level::Received), Ok(17));
    world.go_online(ann);
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    assert_eq!(kinds(&world, ann, before), [HELLO, JOIN, CHANGES]);
    let statuses = client_events(&mut world, ann).into_iter().filter_map(|event| match event {
        ClientEvent::Status(status) => Some(status),
        _ => None,
    });
    let statuses: Vec<_> = statuses.collect();
    let (last, lost) = statuses.split_last().expect("some");
    assert_eq!(last, &Status::Connected);
    assert!(!lost.is_empty() && lost.iter().all(|status| matches!(status, Status::Reconnecting { .. })), "{lost:?}");
    let merged = text(&world, ann, doc);
    assert_eq!(merged, text(&world, bob, other));
    assert!(merged.contains("one, two, three, ") && merged.contains("from bob, "), "{merged}");
}

/// Acceptance line 101.
#[test]
fn who_says_goodbye_has_no_link_and_makes_no_attempt_until_told_to() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    let doc = world.open(client, "page", document(1));
    world.settle().expect("joined");
    server_events(&mut world);
    world.with_client(client, |client, now| client.disconnect(now));
    let before = world.client(client).status().clone();
    world.run_for(Duration::from_secs(3_600));
    assert_eq!((before, world.client(client).status()), (Status::Disconnected, &Status::Disconnected));
    assert_eq!((link(&world, client), world.client(client).poll_timeout()), (None, None));
    let down = server_events(&mut world).into_iter().filter_map(|event| match event {
        ServerEvent::LinkDown { reason, .. } => Some(reason.code),
        _ => None,
    });
    assert_eq!(down.collect::<Vec<_>>(), [Code::Done]);
    write(&mut world, client, doc, "written meanwhile");
    world.with_client(client, |client, _| client.connect());
    world.settle().expect("stored");
    assert_eq!(link(&world, client), Some(2), "never the old one");
}

/// Acceptance line 101.
#[test]
fn who_was_refused_for_good_comes_back_when_told_to_and_on_another_link() {
    let mut config = config();
    config.admission = Admission::Ask;
    let mut world: Simulation = Simulation::new(config);
    let client = world.add_client();
    let knocking = knock(&mut world);
    world.with_server(|server, _| server.refuse(knocking, Code::Forbidden.into())).expect("up");
    world.run_for(Duration::from_secs(60));
    assert!(matches!(world.client(client).status(), Status::Refused(_)));
    assert_eq!(link(&world, client), None);
    world.with_client(client, |client, _| client.connect());
    let knocking = knock(&mut world);
    world.with_server(|server, _| server.admit(knocking)).expect("up");
    world.run_for(Duration::from_secs(1));
    assert_eq!((link(&world, client), world.client(client).status()), (Some(2), &Status::Connected));
}

/// Acceptance line 103, of links; of sockets it is the adapters' to show.
#[test]
fn a_server_that_stops_says_goodbye_on_every_link_and_a_dead_one_does_not_hold_it_up() {
    let mut world: Simulation = Simulation::new(config());
    let people: Vec<_> = (0..3).map(|_| world.add_client()).collect();
    world.run_for(Duration::from_secs(1));
    world.half_open(people[1]);
    server_events(&mut world);
    world.with_server(|server, _| server.shutdown()).expect("up");
    while !world.server().expect("up").is_drained() {
        assert!(world.step());
    }
    let down = server_events(&mut world).into_iter().filter_map(|event| match event {
        ServerEvent::LinkDown { reason, .. } => Some(reason.code),
        _ => None,
    });
    assert_eq!(down.collect::<Vec<_>>(), [Code::Shutdown; 3]);
}

/// Acceptance line 124.
#[test]
fn after_a_servers_goodbye_a_client_greets_and_joins_the_next_one_before_it_sends() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    let doc = world.open(client, "page", document(1));
    write(&mut world, client, doc, "before, ");
    world.settle().expect("stored");
    world.with_server(|server, _| server.shutdown()).expect("up");
    write(&mut world, client, doc, "while it stops, ");
    while !world.server().expect("up").is_drained() {
        assert!(world.step());
    }
    world.crash_server();
    let stopped = sent(&world, client);
    write(&mut world, client, doc, "and after");
    world.run_for(Duration::from_secs(5));
    world.start_server();
    world.settle().expect("stored");
    assert_eq!(kinds(&world, client, stopped), [HELLO, JOIN, CHANGES]);
    let stored = world.server().and_then(|server| server.log("page")).map(crdt_socket_sync::ChangeLog::end);
    assert_eq!(stored, Some(3));
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
    let knocking = knock(&mut world);
    world.with_server(|server, _| server.refuse(knocking, Reason::new(Code::Forbidden, "members only"))).expect("up");
    world.run_for(Duration::from_secs(600));
    assert_eq!(world.client(client).status(), &Status::Refused(Reason::new(Code::Forbidden, "members only")));
}
