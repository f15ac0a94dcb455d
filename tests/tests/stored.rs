//! What is promised about what is on disk, the server's and a client's own, one promise a test.

use std::time::Duration;

use crdt_socket_sync::{
    Access, Client, ClientConfig, ClientEvent, DocId, Document, Epoch, LinkId, MemoryStorage, Now, ReplicaId, Seed,
    ServerEvent, Status, Storage, Time, Transmit, Wall,
    document::EditError,
    error::{Code, Misuse, StoreFault},
    store::carry_out,
    wire::{Capabilities, FullNames, Level, Message},
};
use crdt_socket_sync_loopback::{ClientIndex, Simulation, SimulationConfig};

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

/// How many changes of the page are on the server's disk.
fn on_disk(world: &Simulation) -> usize {
    world.store().clone().load("page").expect("it works").map_or(0, |stored| stored.changes.len())
}

fn server_events(world: &mut Simulation) -> Vec<ServerEvent> {
    std::iter::from_fn(|| world.server_event()).collect()
}

fn refusals(world: &mut Simulation, client: ClientIndex) -> Vec<Code> {
    let refused = |event| match event {
        ClientEvent::Refused { reason, .. } => Some(reason.code),
        _ => None,
    };
    std::iter::from_fn(|| world.client_event(client)).filter_map(refused).collect()
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
    refusals(&mut world, client);
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

/// Acceptance line 129: a store that is set back, as from a backup. One that was begun again is another history.
#[test]
fn a_server_that_comes_back_with_an_older_store_is_brought_what_it_has_lost() {
    let mut world: Simulation = Simulation::new(config());
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", document(1));
    let other = world.open(bob, "page", document(2));
    write(&mut world, ann, doc, "kept, ");
    world.settle().expect("stored");
    let backup = world.store().clone();
    write(&mut world, ann, doc, "lost by ann, ");
    write(&mut world, bob, other, "lost by bob, ");
    world.settle().expect("stored");
    assert_eq!(on_disk(&world), 3);
    world.crash_server();
    *world.store_mut() = backup;
    assert_eq!(on_disk(&world), 1);
    write(&mut world, ann, doc, "written since, ");
    world.start_server();
    world.settle().expect("stored");
    world.run_for(Duration::from_secs(1));
    assert_eq!((on_disk(&world), text(&world, ann, doc)), (4, text(&world, bob, other)));
    let reader = world.add_client();
    let read = world.open(reader, "page", document(3));
    world.settle().expect("joined");
    assert_eq!(text(&world, reader, read), text(&world, ann, doc));
}

/// A client with a store of its own, and a server that is written out by hand.
struct Keeper {
    client: Client,
    doc: DocId,
}

impl Keeper {
    const NOW: Now = Now::new(Time::ZERO, Wall::from_millis(1_000));

    /// Each start is a new replica.
    fn start(number: u64) -> Self {
        let mut config = ClientConfig::new(Seed::from_number(number));
        config.persist = true;
        let mut client: Client = Client::new(config);
        let doc = client.open("page", document(number)).expect("new");
        Self { client, doc }
    }

    fn write(&mut self, text: &str) {
        let edit = self.client.edit::<_, EditError>(Self::NOW, self.doc, |txn| txn.text("text").push_str(text));
        edit.expect("loaded").expect("legal");
    }

    /// Has the store do what it was asked for.
    fn keep(&mut self, store: &mut MemoryStorage) {
        let requests = std::iter::from_fn(|| self.client.poll_store()).collect();
        for (ticket, outcome) in carry_out(store, requests) {
            self.client.stored(Self::NOW, ticket, outcome).expect("it was asked");
        }
    }

    fn says(&mut self, link: LinkId) -> Vec<Message> {
        let frame = |transmit| match transmit {
            Transmit::Frame(frame) => Message::decode(frame, &FullNames).ok(),
            Transmit::Close(_) => None,
        };
        std::iter::from_fn(|| self.client.poll_transmit(Self::NOW, link).and_then(frame)).collect()
    }

    /// A link to a server that has nothing.
    fn join(&mut self) -> LinkId {
        self.client.connect();
        assert!(self.client.poll_dial());
        let link = self.client.link_up(Self::NOW).expect("none was up");
        let (capabilities, epoch, doc) = (Capabilities::OURS, Epoch::new(1), 1);
        let request = self.doc.number();
        for message in [
            Message::Welcome { version: 1, capabilities, frame_bytes: 1 << 20, ping_millis: 15_000 },
            Message::Joined { request, doc, epoch, access: Access::Write, writers: vec![] },
        ] {
            self.says(link);
            self.client.receive(Self::NOW, link, message.encode(&FullNames)).expect("a good frame");
        }
        link
    }
}

/// Requirement R49, acceptance line 128.
#[test]
fn a_client_with_a_store_sends_nothing_before_it_is_stored_and_brings_it_after_a_restart() {
    let mut store = MemoryStorage::default();
    let mut first = Keeper::start(1);
    first.keep(&mut store);
    let link = first.join();
    first.keep(&mut store);
    first.write("written at home");
    assert_eq!(first.says(link), [], "it is not stored here yet");
    first.keep(&mut store);
    assert!(matches!(&first.says(link)[..], [Message::Changes { changes, .. }] if changes.len() == 1));
    first.client.link_down(Keeper::NOW, link, "cut").expect("it was up");
    first.write(", and on the train");
    first.keep(&mut store);
    drop(first);

    let mut second = Keeper::start(2);
    assert!(second.client.edit::<(), EditError>(Keeper::NOW, second.doc, |_| Ok(())).is_err(), "not loaded yet");
    second.keep(&mut store);
    assert_eq!(second.client.replica(second.doc).expect("open").text("text"), "written at home, and on the train");
    let link = second.join();
    assert_eq!(second.client.pending(second.doc, Level::Received), Ok(33));
    assert!(matches!(&second.says(link)[..], [Message::Changes { changes, .. }] if changes.len() == 2));
}
