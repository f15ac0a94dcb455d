//! Documents against each other and against the naive twin.
//!
//! The programs, and the oracles, are in [`exchange`](crdt_socket_sync_tests::exchange); the fuzz target `document` runs
//! the same ones. Some writers are hostile: their bodies are random bytes, real bodies with bytes changed, or well-formed
//! ones that refer to anything at all.

use crdt_socket_sync_loopback::program::Mix;
use crdt_socket_sync_tests::{
    cases,
    exchange::{MOST_STEPS, Program},
    fuzz::Target,
    suite::hold,
};
use proptest::{
    prelude::*,
    test_runner::{TestError, TestRunner},
};

/// Runs random programs, hostile ones or others.
#[track_caller]
fn converge(hostile: bool) {
    let steps = prop::collection::vec(any::<[u8; 4]>(), 1..MOST_STEPS);
    let programs = (0_u8..4, steps).prop_map(|(kind, steps)| {
        // In reverse or not, about lists or not.
        let mut bytes = vec![u8::from(hostile) << 1 | kind & 1 | kind >> 1 << 2];
        bytes.extend(steps.as_flattened());
        bytes
    });
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(1_000)) };
    let failed = TestRunner::new(config).run(&programs, |bytes| {
        Program::decode(&bytes).run();
        Ok(())
    });
    if let Err(TestError::Fail(why, bytes)) = failed {
        panic!("{why}\n{}", Target::named("document").report(&bytes));
    }
    failed.expect("no failure, and no other trouble");
}

/// Acceptance lines 9, 30, 45, 61.
#[test]
fn replicas_that_hold_the_same_changes_show_the_same_document_as_the_naive_twin() {
    converge(false);
}

/// Acceptance line 131.
#[test]
fn hostile_bodies_are_applied_alike_or_not_at_all_on_every_replica() {
    converge(true);
}

/// The oracles are those of `crdt_socket_sync_loopback::program`, and as (b) and (g) those of `judge`.
#[test]
fn people_who_write_come_and_go_over_a_slow_network_have_the_same_in_the_end() {
    let total = hold(&Mix::CONVERGENCE, 600);
    assert!(total.changes > 0 && total.stored > 0, "something was written and stored: {total:?}");
}
