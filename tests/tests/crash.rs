//! Machines that crash with some of their writes carried out and half of the next one, start on an older store or an empty
//! one, and stop when they are told to: what was acknowledged as stored survives.
//!
//! The oracles: (a) to (f) and (h) of `crdt_socket_sync_loopback::program`, (d) above all, and as (b) and (g) those of
//! `crdt_socket_sync_tests::judge`.

use crdt_socket_sync_loopback::program::Mix;
use crdt_socket_sync_tests::suite::hold;

#[test]
fn whatever_crashes_what_was_acknowledged_as_stored_survives_and_everyone_has_the_same() {
    let total = hold(&Mix::CRASH, 1_000);
    assert!(total.faults > total.steps / 10, "faults have happened: {total:?}");
    assert!(total.lost > 100 && total.torn > 10, "and found writes to lose and to tear: {total:?}");
    assert!(total.stored > 0, "and something was acknowledged: {total:?}");
}
