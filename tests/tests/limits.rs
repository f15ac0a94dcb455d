//! Bounds hold against peers that do not keep them, and cost nobody else anything.

use crdt_socket_sync_loopback::program::{Mix, Setup};
use crdt_socket_sync_tests::{scenarios, suite::hold};

/// A change that just fits into a frame of its maker's would fit into none of the server's, which may have to say more.
#[test]
fn a_change_that_is_too_large_is_refused_by_the_server_and_others_go_on() {
    scenarios::a_change_that_is_too_large_is_refused_by_the_server_and_others_go_on();
}

/// The oracle is (e) of `crdt_socket_sync_loopback::program`: what waits, and what is sent at once, stay within bounds, and
/// of everyone who leaves, nothing is left.
#[test]
fn with_bounds_so_small_that_they_are_met_everyone_has_the_same_in_the_end() {
    let tight = Mix { name: "tight", always: Setup::TIGHT | Setup::PIECES, ..Mix::EVERYTHING };
    hold(&tight, 300);
}
