//! Looks for what catches a planted fault.

use crdt_socket_sync::proof::{Fault, plant};
use crdt_socket_sync_loopback::program::{Mix, Program};

use crate::{
    fuzz::{TARGETS, Target},
    shrink::shrink,
    suite::{program, quietly, run},
};

/// What caught a fault.
#[derive(Clone, Debug)]
pub struct Catch {
    /// The suite: a mix of programs, or a fuzz target.
    pub suite: &'static str,
    /// Which of its inputs, counted from zero.
    pub number: u64,
    /// How many steps the smallest program has that catches it; bytes, for a fuzz target.
    pub size: usize,
    /// What the oracle said.
    pub said: String,
}

/// How many programs of each mix are tried before a fault is said to be missed.
pub const PROGRAMS: u64 = 600;

/// Prints what catches every fault, or the one of this name, with the smallest program that does. Whether all are caught.
#[allow(clippy::print_stdout, reason = "it is a command's")]
pub fn table(name: Option<&str>) -> bool {
    let mut all = true;
    println!("| fault | suite | number | size | what it says |\n|---|---|---|---|---|");
    for fault in Fault::ALL.iter().filter(|fault| name.is_none_or(|name| fault.name() == name)) {
        match catch(*fault, true) {
            Some(Catch { suite, number, size, said }) => {
                let said = said.lines().next().unwrap_or_default();
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
pub fn catch(fault: Fault, shrunk: bool) -> Option<Catch> {
    plant(Some(fault));
    let found = look(shrunk);
    plant(None);
    found
}

fn look(shrunk: bool) -> Option<Catch> {
    for round in 0..PROGRAMS / ROUND {
        for mix in Mix::ALL {
            for number in round * ROUND..(round + 1) * ROUND {
                let program = program(&mix, 0, number);
                if run(&program).is_err() {
                    return Some(caught(mix.name, number, program, shrunk));
                }
            }
        }
        if let Some(catch) = look_at_targets(round) {
            return Some(catch);
        }
    }
    None
}

fn caught(suite: &'static str, number: u64, program: Program, shrunk: bool) -> Catch {
    let program = if shrunk { shrink(program, |program| run(program).is_err()) } else { program };
    let said = run(&program).err().map(|failure| failure.what).unwrap_or_default();
    Catch { suite, number, size: program.steps.len(), said }
}

/// The fuzz targets' bodies; but whole programs were tried already.
fn look_at_targets(round: u64) -> Option<Catch> {
    for target in TARGETS.iter().filter(|target| target.name != "program") {
        for number in round * ROUND..(round + 1) * ROUND {
            let bytes = target.input(number as usize);
            if let Some(said) = fails(target, &bytes) {
                return Some(Catch { suite: target.name, number, size: bytes.len(), said });
            }
        }
    }
    None
}

fn fails(target: &Target, bytes: &[u8]) -> Option<String> {
    let panic = quietly(|| std::panic::catch_unwind(|| (target.body)(bytes))).err()?;
    let said = panic.downcast_ref::<String>().cloned();
    said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned())).or(Some(String::new()))
}
