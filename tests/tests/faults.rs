//! Links that are cut, held up, abandoned and dead without notice, stores that fail, clocks that are wrong, and replica ids
//! used twice: everyone has the same in the end.
//!
//! The oracles: (a) to (f) and (h) of `crdt_socket_sync_loopback::program`, and as (b) and (g) those of
//! `crdt_socket_sync_tests::judge`.

use crdt_socket_sync_loopback::program::Mix;
use crdt_socket_sync_tests::suite::hold;

#[test]
fn whatever_happens_to_links_stores_and_clocks_everyone_has_the_same_in_the_end() {
    let total = hold(&Mix::FAULTS, 1_000);
    assert!(total.faults > total.steps / 10, "faults have happened: {total:?}");
    assert!(total.stored > 0, "and something was acknowledged: {total:?}");
}
