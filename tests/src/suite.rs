//! Runs the simulator's programs: on seeds that are always the same, and on one that never was before.

use std::{
    fmt::Write,
    hash::{BuildHasher, Hasher, RandomState},
};

use crdt_socket_sync_loopback::{
    SimulationConfig,
    program::{Failure, Mix, Program, Report},
};

use crate::{cases, judge::Twin};

/// Performs a program, with all oracles watching.
///
/// # Errors
///
/// If one of them says no.
pub fn run(program: &Program) -> Result<Report, Box<Failure>> {
    program.run(&SimulationConfig::new(0), &mut Twin::default()).map_err(Box::new)
}

/// The `number`-th program that a seed makes; of between ten and a hundred steps.
pub fn program(mix: &Mix, seed: u64, number: u64) -> Program {
    let seed = (seed ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) ^ number;
    mix.program(seed, 10 + (seed % 90) as usize)
}

/// A seed that nobody has chosen: what `SIM_SEED` says, or one that was never used before.
///
/// # Panics
///
/// If `SIM_SEED` is not a number.
pub fn fresh_seed() -> u64 {
    match std::env::var("SIM_SEED") {
        Ok(seed) => seed.parse().expect("SIM_SEED is a number"),
        Err(_) => RandomState::new().build_hasher().finish() >> 1,
    }
}

/// Runs programs of a mix: as many as `PROPTEST_CASES` says, or as it is given, half of them from a fixed seed and half
/// from a fresh one. What came of them.
///
/// # Panics
///
/// If one of them fails: with the smallest program that does, as a table and as bytes.
#[allow(clippy::print_stdout, reason = "it is for whoever runs the test")]
#[track_caller]
pub fn hold(mix: &Mix, programs: u32) -> Report {
    let (fresh, programs) = (fresh_seed(), u64::from(cases(programs)));
    // Shown when the test fails, or with `--nocapture`.

    println!("{}: SIM_SEED={fresh} runs the same programs again", mix.name);
    let mut total = Report::default();
    for number in 0..programs {
        let program = program(mix, if number % 2 == 0 { 0 } else { fresh }, number);
        match run(&program) {
            Ok(report) => add(&mut total, &report),
            Err(_) => panic!("{}", explain(mix.name, &smallest(program))),
        }
    }
    total
}

/// Adds what came of one program to what came of others.
pub fn add(total: &mut Report, report: &Report) {
    total.steps += report.steps;
    total.faults += report.faults;
    total.lost += report.lost;
    total.torn += report.torn;
    total.changes += report.changes;
    total.undone += report.undone;
    total.snapshots += report.snapshots;
    total.stored += report.stored;
    total.frames += report.frames;
    total.trace = total.trace.rotate_left(7) ^ report.trace;
}

/// The smallest program found that fails as this one does.
pub fn smallest(program: Program) -> Program {
    // What else may be wrong is another find.
    let kind = |what: &str| what.split([' ', ':']).next().map(str::to_owned);
    let fails = |program: &Program| run(program).err().map(|failure| kind(&failure.what));
    let before = fails(&program);
    program.shrink(|program| fails(program) == before)
}

/// A failing program for a person: its table, what went wrong, and how to keep it.
pub fn explain(name: &str, program: &Program) -> String {
    let mut text = format!("a program of the {name} mix fails:\n{program}");
    match run(program) {
        Ok(_) => text.push_str("but not when it is run once more: something is not deterministic"),
        Err(failure) => write!(text, "{failure}").expect("a string takes everything"),
    }
    let hex: String = program.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    write!(text, "\nto be kept as a file in tests/crashers/program, with these bytes: {hex}").expect("as above");
    text
}
