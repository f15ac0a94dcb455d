//! The proof of the proof: the engine is told to go wrong, one mistake at a time, and the suites must notice; and they must
//! come by every situation that matters.

use crdt_socket_sync::proof::{Fault, Situation, acted, forget, noted};
use crdt_socket_sync_loopback::program::Mix;
use crdt_socket_sync_tests::{
    fuzz::TARGETS,
    planted::catch,
    suite::{program, run},
};

#[test]
fn the_suites_come_by_every_situation_that_matters() {
    forget();
    let run = |mix, number| run(&program(mix, 0, number)).unwrap_or_else(|failure| panic!("{failure}"));
    // What strangers do is so varied that it takes more of it.
    for number in 0..1_500 {
        run(&Mix::HOSTILE, number);
    }
    for number in 0..300 {
        for mix in &Mix::ALL {
            run(mix, number);
        }
    }
    for number in 0..600 {
        for target in TARGETS.iter().filter(|target| target.name != "program") {
            (target.body)(&target.input(number));
        }
    }
    let noted = noted();
    let missed: Vec<_> = Situation::ALL.iter().filter(|situation| !noted.contains_key(situation)).collect();
    assert!(missed.is_empty(), "never come by: {missed:?}");
}

#[test]
fn the_suites_catch_every_planted_fault() {
    let missed: Vec<_> = Fault::ALL.iter().filter(|fault| catch(Some(**fault), false).is_none()).collect();
    assert!(missed.is_empty(), "nothing catches: {missed:?}");
}

#[test]
fn with_nothing_planted_nothing_is_caught() {
    let caught = catch(None, false);
    assert!(caught.is_none(), "{caught:?}");
    assert_eq!(acted(), 0, "no place in the engine was told to go wrong");
}
