//! Everything comes to rest, and to no rest before its time.
//!
//! The oracle here is (f) of `crdt_socket_sync_loopback::program`: after healing, all is quiet within a bounded number of
//! frames, and then there are only pings. All others watch too.

use std::{collections::BTreeMap, time::Duration};

use crdt_socket_sync::{Document, ReplicaId, wire::Message};
use crdt_socket_sync_loopback::{Simulation, SimulationConfig, What, program::Mix};
use crdt_socket_sync_tests::suite::hold;

#[test]
fn whatever_has_happened_at_all_everything_comes_to_rest_within_a_bounded_number_of_frames() {
    let total = hold(&Mix::EVERYTHING, 1_000);
    assert!(total.faults > total.steps / 10, "faults have happened: {total:?}");
}

/// Requirements R16 and R18, in the small.
#[test]
fn after_the_last_edit_the_network_falls_silent_but_for_pings() {
    let mut config = SimulationConfig::new(3);
    config.limits.ping_interval = Duration::from_secs(2);
    let mut world = Simulation::new(config);
    for who in 0..4 {
        let client = world.add_client();
        let doc = world.open(client, "page", Document::new(ReplicaId::new(who)));
        world.edit(client, doc, |txn| txn.text("text").push_str("something to say. ")).expect("a legal edit");
    }
    world.settle().expect("everything arrives");
    world.run_for(Duration::from_secs(1));
    let before = world.trace().entries().len();
    world.run_for(Duration::from_secs(60));
    let mut kinds = BTreeMap::new();
    for (entry, message) in world.trace().entries().iter().zip(world.trace().messages()).skip(before) {
        if matches!(entry.what, What::Sent(_)) {
            *kinds.entry(message.as_ref().map(Message::name)).or_insert(0) += 1;
        }
    }
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), [Some("ping"), Some("pong")], "{kinds:?}");
    // One ping in each interval from each of four clients, and one answer each.
    assert!(kinds.values().all(|count| (100..=124).contains(count)), "{kinds:?}");
}
