//! The proof of the proof: the engine is told to go wrong, one mistake at a time, and the suites must notice; and they must
//! come by every situation that matters.

use crdt_socket_sync::proof::{Situation, forget, noted};
use crdt_socket_sync_loopback::program::Mix;
use crdt_socket_sync_tests::{
    fuzz::TARGETS,
    suite::{program, run},
};

#[test]
fn the_suites_come_by_every_situation_that_matters() {
    forget();
    // What strangers do is so varied that it takes more of it.
    for number in 0..1_500 {
        run(&program(&Mix::HOSTILE, 0, number)).unwrap_or_else(|failure| panic!("{failure}"));
    }
    for number in 0..300 {
        for mix in Mix::ALL {
            run(&program(&mix, 0, number)).unwrap_or_else(|failure| panic!("{failure}"));
        }
        for target in TARGETS.iter().filter(|target| target.name != "program") {
            (target.body)(&target.input(number as usize));
        }
    }
    let noted = noted();
    let missed: Vec<_> = Situation::ALL.iter().filter(|situation| !noted.contains_key(situation)).collect();
    assert!(missed.is_empty(), "never come by: {missed:?}");
}
