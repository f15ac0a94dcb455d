//! The suites without end: `cargo run --release -p crdt-socket-sync-tests -- soak --hours 1`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]

use std::{path::PathBuf, process::ExitCode, time::Duration};

use crdt_socket_sync::proof::Fault;
use crdt_socket_sync_loopback::program::{Mix, Program, Report};
use crdt_socket_sync_tests::{planted, soak, suite};

const USAGE: &str = "\
soak --hours N [--seed S] [--threads T] [--keep FOLDER]
                 runs programs on seeds that were never used, on every processor, and keeps the smallest that fail
replay FILE...   performs programs from files: what happens in them, and what comes of it
digest [COUNT]   a number that is the same wherever the same COUNT programs go the same way, byte for byte
planted [NAME]   plants every fault that the engine can be told to have, or one, and says what catches it";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["soak", options @ ..] => begin_soak(options),
        ["replay", files @ ..] if !files.is_empty() => {
            files.iter().try_fold(true, |well, file| Ok(replay(file)? && well))
        }
        ["digest"] => Ok(digest(200)),
        ["digest", count] => count.parse().map(digest).map_err(|_| format!("{count} is not a number")),
        ["planted"] => Ok(planted::table(None)),
        ["planted", name] if Fault::ALL.iter().any(|fault| fault.name() == *name) => Ok(planted::table(Some(name))),
        ["planted", name] => Err(format!("there is no fault {name}")),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(what) => {
            eprintln!("{what}");
            ExitCode::from(2)
        }
    }
}

fn begin_soak(options: &[&str]) -> Result<bool, String> {
    let crashers = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crashers/program");
    let mut plan = soak::Plan { time: Duration::ZERO, seed: suite::fresh_seed(), threads: 0, keep: crashers };
    for pair in options.chunks(2) {
        let [name, value] = pair else { return Err(format!("{} wants a value\n{USAGE}", pair[0])) };
        let wrong = |_| format!("{name} does not take {value:?}");
        match *name {
            "--hours" => {
                let hours = value.parse().map_err(|_| format!("{name} does not take {value:?}"))?;
                plan.time =
                    Duration::try_from_secs_f64(3_600.0 * f64::min(hours, 1e6)).map_err(|error| error.to_string())?;
            }
            "--seed" => plan.seed = value.parse().map_err(wrong)?,
            "--threads" => plan.threads = value.parse().map_err(wrong)?,
            "--keep" => plan.keep = PathBuf::from(value),
            _ => return Err(format!("{name} is not an option\n{USAGE}")),
        }
    }
    if plan.time.is_zero() {
        return Err(format!("how long? --hours\n{USAGE}"));
    }
    soak::soak(&plan).map_err(|error| error.to_string())
}

fn replay(file: &str) -> Result<bool, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    let program = Program::from_bytes(&bytes);
    println!("{program}");
    match suite::run(&program) {
        Ok(report) => println!("everything holds: {report:?}"),
        Err(failure) => {
            println!("{failure}");
            return Ok(false);
        }
    }
    Ok(true)
}

fn digest(count: u64) -> bool {
    let (mut total, mut well) = (Report::default(), true);
    for number in 0..count {
        let mix = &Mix::ALL[(number % Mix::ALL.len() as u64) as usize];
        match suite::run(&suite::program(mix, 0, number)) {
            Ok(report) => suite::add(&mut total, &report),
            Err(failure) => {
                well = false;
                println!("program {number} fails: {}", failure.what);
            }
        }
    }
    println!("{:016x}  {count} programs, {} steps, {} frames", total.trace, total.steps, total.frames);
    well
}
