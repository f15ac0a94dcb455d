//! Looks for what catches a planted fault.

use crdt_socket_sync::proof::{Fault, plant};
use crdt_socket_sync_loopback::program::{Mix, Program, quietly};

use crate::{
    fuzz::TARGETS,
    scenarios::SCENARIOS,
    suite::{program, run, smallest},
};

/// What caught a fault.
#[derive(Clone, Debug)]
pub struct Catch {
    /// The suite: a mix of programs, the scenarios, or a fuzz target.
    pub suite: &'static str,
    /// Which of its inputs, counted from zero.
    pub number: u64,
    /// How many steps the smallest program has that catches it; bytes, for a fuzz target; nothing, for a scenario.
    pub size: usize,
    /// What the oracle said.
    pub said: String,
}

/// How many programs of each mix are tried before a fault is said to be missed.
pub const PROGRAMS: u64 = 200;

/// Prints what catches every fault, or the one of this name, with the smallest program that does. Whether all are caught.
#[allow(clippy::print_stdout, reason = "it is a command's")]
pub fn table(name: Option<&str>) -> bool {
    let mut all = true;
    println!("| fault | suite | number | size | what it says |\n|---|---|---|---|---|");
    for fault in Fault::ALL.iter().filter(|fault| name.is_none_or(|name| fault.name() == name)) {
        match catch(Some(*fault), true) {
            Some(Catch { suite, number, size, said }) => {
                let said = said.lines().take(2).collect::<Vec<_>>().join(" ");
                println!("| {fault} | {suite} | {number} | {size} | {said} |");
            }
            None => {
                all = false;
                println!("| {fault} | nothing catches it | | | {} |", fault.what());
            }
        }
    }
    all
}

/// How many of each are tried in turn.
const ROUND: u64 = 20;

/// What catches a fault, tried mix by mix, a few programs of each in turn.
///
/// With no fault it says what is wrong with the engine, or with the suites.
pub fn catch(fault: Option<Fault>, shrunk: bool) -> Option<Catch> {
    plant(fault);
    let found = look(shrunk);
    plant(None);
    found
}

fn look(shrunk: bool) -> Option<Catch> {
    for round in 0..PROGRAMS / ROUND {
        if round == 1 {
            if let Some(catch) = look_twice() {
                return Some(catch);
            }
        }
        for mix in Mix::ALL {
            for number in round * ROUND..(round + 1) * ROUND {
                let program = program(&mix, 0, number);
                if run(&program).is_err() {
                    return Some(caught(mix.name, number, program, shrunk));
                }
            }
        }
        if round == 0 {
            if let Some(catch) = look_at_scenarios() {
                return Some(catch);
            }
        }
        if let Some(catch) = look_at_targets(round) {
            return Some(catch);
        }
    }
    None
}

fn caught(suite: &'static str, number: u64, program: Program, shrunk: bool) -> Catch {
    let program = if shrunk { smallest(program) } else { program };
    let said = run(&program).err().map(|failure| failure.what).unwrap_or_default();
    Catch { suite, number, size: program.steps.len(), said }
}

/// The same program twice: two traces say that something is not deterministic.
fn look_twice() -> Option<Catch> {
    let trace = |program: &Program| run(program).ok().map(|report| report.trace);
    let differs = |mix: &Mix, number: &u64| {
        let program = program(mix, 0, *number);
        trace(&program) != trace(&program)
    };
    let number = (0..ROUND).find(|number| differs(&Mix::EVERYTHING, number))?;
    Some(Catch { suite: "determinism", number, size: 0, said: "another trace the second time".into() })
}

fn look_at_scenarios() -> Option<Catch> {
    SCENARIOS.iter().enumerate().find_map(|(index, (name, scenario))| {
        let said = format!("{name}: {}", quietly(scenario).err()?);
        Some(Catch { suite: "scenarios", number: index as u64, size: 0, said })
    })
}

/// The fuzz targets' bodies; but whole programs were tried already.
fn look_at_targets(round: u64) -> Option<Catch> {
    for target in TARGETS.iter().filter(|target| target.name != "program") {
        for number in round * ROUND..(round + 1) * ROUND {
            let bytes = target.input(number as usize);
            if let Err(said) = quietly(|| (target.body)(&bytes)) {
                return Some(Catch { suite: target.name, number, size: bytes.len(), said });
            }
        }
    }
    None
}
