//! What is promised about what is on disk.

use crdt_socket_sync::{
    Epoch, Seed, Server, ServerConfig, ServerEvent, Status, Storage, VersionVector,
    error::StoreFault,
    store::Append,
    wire::{FullNames, Level, Message},
};
use crdt_socket_sync_loopback::Simulation;

use super::{config, document, until, write};
use crate::by_hand::{Host, at, change, changes, join, names};

/// A stored document of which a part is missing is corrupt. It is neither opened nor written.
pub fn a_stored_document_that_lacks_a_change_in_its_midst_is_not_opened() {
    let mut host = Host::new();
    let changes = vec![change(7, 0), change(7, 2)];
    let append = Append { name: "page".into(), epoch: Some(Epoch::new(1)), replaces: None, after: 0, changes };
    host.store.append(&[append]).expect("it works");
    let before = host.store.load("page");
    let link = host.greeted();
    host.hears(link, &join(1, "page")).expect("a good frame");
    assert_eq!(host.log_end(), None);
    assert_eq!(names(&host.says(link)), ["refused"]);
    let corrupt = |event: &ServerEvent| matches!(event, ServerEvent::StoreFailed { fault: StoreFault::Corrupt(_), .. });
    assert!(host.events().iter().any(corrupt), "the application hears of it");
    assert_eq!(host.store.load("page"), before);
}

/// A document that cannot be read is not begun anew, not even for someone who knows its history.
pub fn a_document_that_cannot_be_read_is_not_begun_with_the_birth_mark_that_a_client_brings() {
    let mut host = Host::new();
    let link = host.greeted();
    host.hears(link, &join(1, "page")).expect("a good frame");
    host.hears(link, &changes(vec![change(7, 0)])).expect("a good frame");
    let epoch = host.store.load("page").expect("it works").expect("it is there").epoch;
    host.server = Server::new(ServerConfig::new(Seed::from_number(2)));
    let link = host.greeted();
    let version = VersionVector::new();
    let back = |request| Message::Join { request, name: "page".into(), epoch, replica: None, version: version.clone() };
    host.server.receive(at(0), link, back(1).encode(&FullNames)).expect("a good frame");
    let load = host.server.poll_store().expect("something to read");
    host.server.stored(at(0), load.ticket(), Err(StoreFault::Unavailable("away".into()))).expect("it was asked");
    // Whatever there is to write is written.
    host.hears(link, &Message::Ping { nonce: 1 }).expect("a good frame");
    assert_eq!((names(&host.says(link)), host.log_end()), (vec!["pong", "refused"], None));
    host.hears(link, &back(2)).expect("a good frame");
    assert_eq!(host.log_end(), Some(1), "once it can be read, it is there");
}

/// Told to stop, a server stores what it has, acknowledges it, and says goodbye.
pub fn a_server_that_is_told_to_stop_stores_and_acknowledges_first() {
    let mut world: Simulation = Simulation::new(config());
    let client = world.add_client();
    let doc = world.open(client, "page", document(1));
    world.settle().expect("joined");
    write(&mut world, client, doc, "last words");
    until(&mut world, |world| world.server().and_then(|server| server.log("page")).is_some_and(|log| !log.is_empty()));
    world.with_server(|server, _| server.shutdown()).expect("it is up");
    assert!(!world.server().expect("it is up").is_drained());
    until(&mut world, |world| world.server().expect("it is up").is_drained());
    assert_eq!(world.client(client).pending(doc, Level::Stored), Ok(0));
    assert!(world.store().clone().load("page").expect("it works").is_some_and(|stored| stored.changes.len() == 1));
    assert!(matches!(world.client(client).status(), Status::Reconnecting { .. }), "there will be another server");
}
