//! The same inputs give the same outputs, byte for byte.
//!
//! The oracle is the trace: everything that every machine sent and received, and when. `cargo run -p
//! crdt-socket-sync-tests -- digest` prints a number over the traces of many programs, to be compared between builds.

use crdt_socket_sync_loopback::{
    SimulationConfig,
    program::{Mix, Program},
};
use crdt_socket_sync_tests::{
    judge::Twin,
    suite::{program, run},
};

fn trace(program: &Program) -> u64 {
    run(program).unwrap_or_else(|failure| panic!("{program}\n{failure}")).trace
}

#[test]
fn the_same_program_gives_the_same_trace_again_and_on_another_thread() {
    for mix in Mix::ALL {
        let programs: Vec<_> = (0..60).map(|number| program(&mix, 1, number)).collect();
        let here: Vec<_> = programs.iter().map(trace).collect();
        let elsewhere = std::thread::spawn(move || programs.iter().rev().map(trace).collect::<Vec<_>>());
        let mut elsewhere = elsewhere.join().expect("the other thread ends well");
        elsewhere.reverse();
        assert_eq!(here, elsewhere, "{}", mix.name);
    }
}

#[test]
fn another_seed_gives_another_trace() {
    let mut program = program(&Mix::FAULTS, 1, 1);
    let before = trace(&program);
    program.setup.seed ^= 1;
    assert_ne!(trace(&program), before);
}

/// What an engine does depends on when bytes arrive, and so on how they are cut; how they are written does not matter.
#[test]
fn who_watches_makes_no_difference() {
    let program = program(&Mix::CRASH, 1, 2);
    let watched = program.run(&SimulationConfig::new(0), &mut Twin::default()).expect("it holds").trace;
    let unwatched = program.run(&SimulationConfig::new(9), &mut ()).expect("it holds").trace;
    assert_eq!(watched, unwatched, "the program's own seed counts, and no judge");
}
