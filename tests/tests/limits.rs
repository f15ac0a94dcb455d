//! Bounds hold against peers that do not keep them, and cost nobody else anything.

use crdt_socket_sync::{
    ClientEvent, DocId, Document, ReplicaId,
    document::EditError,
    error::{Code, Retry},
};
use crdt_socket_sync_loopback::{
    ClientIndex, Simulation, SimulationConfig,
    program::{Mix, Setup},
};
use crdt_socket_sync_tests::suite::hold;

fn write(world: &mut Simulation, client: ClientIndex, doc: DocId, text: &str) {
    world.edit(client, doc, |txn| txn.text("text").push_str(text)).expect("a legal edit");
}

/// A change that just fits into a frame of its maker's would fit into none of the server's, which may have to say more.
#[test]
fn a_change_that_is_too_large_is_refused_by_the_server_and_others_go_on() {
    let mut world: Simulation = Simulation::new(SimulationConfig::new(3));
    let (ann, bob) = (world.add_client(), world.add_client());
    let doc = world.open(ann, "page", Document::new(ReplicaId::new(1)));
    let other = world.open(bob, "page", Document::new(ReplicaId::new(2)));
    world.settle().expect("joined");

    let most = world.client(ann).limits().change_bytes;
    // Made where nobody looks at its size, and passed on.
    let mut careless = Document::new(ReplicaId::new(9));
    careless.set_change_limit(usize::MAX);
    let huge = careless.edit::<_, EditError>(world.now().wall, |txn| txn.text("text").push_str(&"x".repeat(most)));
    let huge = huge.expect("a legal edit").change.expect("an edit");
    world.with_client(ann, |client, _| client.merge(doc, [huge])).expect("open").expect("a good change");
    world.run_for(std::time::Duration::from_secs(30));
    let refused: Vec<_> = std::iter::from_fn(|| world.client_event(ann))
        .filter_map(|event| match event {
            ClientEvent::Refused { reason, .. } => Some(reason.code),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [Code::TooLarge], "and not asked again");
    assert_eq!(Code::TooLarge.retry(), Retry::Never);
    assert_eq!(world.replica(ann, doc).text("text").len(), most, "it stays with its maker");

    let carol = world.add_client();
    let third = world.open(carol, "page", Document::new(ReplicaId::new(3)));
    write(&mut world, bob, other, "hello");
    world.run_for(std::time::Duration::from_secs(30));
    assert_eq!(world.replica(bob, other).text("text"), "hello");
    assert_eq!(world.replica(carol, third).text("text"), "hello");
}

/// The oracle is (e) of `crdt_socket_sync_loopback::program`: what waits, and what is sent at once, stay within bounds, and
/// of everyone who leaves, nothing is left.
#[test]
fn with_bounds_so_small_that_they_are_met_everyone_has_the_same_in_the_end() {
    let tight = Mix { name: "tight", always: Setup::TIGHT | Setup::PIECES, ..Mix::EVERYTHING };
    hold(&tight, 300);
}
