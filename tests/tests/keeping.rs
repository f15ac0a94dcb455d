//! People who take back what they did while others go on, over links and through crashes.
//!
//! The oracles: (a) to (f), (h) and (i) of `crdt_socket_sync_loopback::program`, and as (b), (g) and (i) those of
//! `crdt_socket_sync_tests::judge`.

use crdt_socket_sync_loopback::program::Mix;
use crdt_socket_sync_tests::suite::hold;

#[test]
fn whoever_takes_back_what_they_did_takes_back_nothing_of_others_and_everyone_has_the_same() {
    let total = hold(&Mix::KEEPING, 600);
    assert!(total.undone > total.steps / 50, "something was undone: {total:?}");
}
