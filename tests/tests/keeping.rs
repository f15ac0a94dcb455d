//! People who take back what they did, and go on from snapshots with and without history, while others go on and servers
//! forget what they had.
//!
//! The oracles: (a) to (f), (h) and (i) of `crdt_socket_sync_loopback::program`, and as (b), (g) and (i) those of
//! `crdt_socket_sync_tests::judge`.

use crdt_socket_sync_loopback::program::Mix;
use crdt_socket_sync_tests::suite::hold;

/// Acceptance line 121.
#[test]
fn whoever_undoes_or_goes_on_from_a_snapshot_changes_nothing_of_others_and_everyone_has_the_same() {
    let total = hold(&Mix::KEEPING, 600);
    assert!(total.undone > total.steps / 100, "something was undone: {total:?}");
    assert!(total.snapshots > total.steps / 100, "and documents went on from snapshots: {total:?}");
}
