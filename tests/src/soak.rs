//! Programs on fresh seeds for hours.

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crdt_socket_sync_loopback::program::{Mix, Program, Report};

use crate::suite::{add, explain, program, run, smallest};

/// How a soak is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// For how long.
    pub time: Duration,
    /// What all programs follow from.
    pub seed: u64,
    /// On how many threads; 0 is one for each processor.
    pub threads: usize,
    /// Where programs that fail are kept.
    pub keep: PathBuf,
}

/// What has come of it so far.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    programs: u64,
    finds: u64,
    total: Report,
}

/// After so many finds there is enough to look at.
const MOST_FINDS: u64 = 20;

/// Runs until the time is over, says how far it is, and keeps the smallest of what fails. Whether nothing failed.
///
/// # Errors
///
/// If a find cannot be written.
#[allow(clippy::print_stdout, reason = "it is a command's")]
pub fn soak(plan: &Plan) -> io::Result<bool> {
    let threads = if plan.threads > 0 { plan.threads } else { thread::available_parallelism()?.get() };
    println!("soak --seed {} on {threads} threads; finds go to {}", plan.seed, plan.keep.display());
    let (began, time) = (Instant::now(), plan.time);
    let (next, tally) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    let over = || began.elapsed() >= time || tally.lock().is_ok_and(|tally| tally.finds >= MOST_FINDS);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    while !over() {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        work(plan, number, &tally)?;
                    }
                    Ok(())
                })
            })
            .collect();
        let mut last = Instant::now();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(Duration::from_millis(200));
            if last.elapsed() > Duration::from_secs(10) {
                last = Instant::now();
                say(&tally, began.elapsed(), time);
            }
        }
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("a thread died"))))
    })?;
    say(&tally, began.elapsed(), time);
    Ok(tally.lock().is_ok_and(|tally| tally.finds == 0))
}

#[allow(clippy::print_stdout, reason = "it is a command's")]
fn say(tally: &Mutex<Tally>, elapsed: Duration, time: Duration) {
    let Ok(Tally { programs, finds, total }) = tally.lock().map(|tally| *tally) else { return };
    let Report { steps, faults, changes, stored, frames, .. } = total;
    println!(
        "{:>6} of {} s: {programs} programs, {steps} steps, {faults} faults, {changes} changes, {stored} operations \
         acknowledged as stored, {frames} frames; {finds} finds",
        elapsed.as_secs(),
        time.as_secs(),
    );
}

fn work(plan: &Plan, number: u64, tally: &Mutex<Tally>) -> io::Result<()> {
    let mix = &Mix::ALL[(number % Mix::ALL.len() as u64) as usize];
    let program = program(mix, plan.seed, number);
    let outcome = run(&program);
    let find = match &outcome {
        Ok(_) => None,
        Err(_) => Some(keep(plan, mix, smallest(program))?),
    };
    if let Ok(mut tally) = tally.lock() {
        tally.programs += 1;
        tally.finds += u64::from(find.is_some());
        if let Ok(report) = outcome {
            add(&mut tally.total, &report);
        }
    }
    Ok(())
}

#[allow(clippy::print_stdout, reason = "it is a command's")]
fn keep(plan: &Plan, mix: &Mix, program: Program) -> io::Result<PathBuf> {
    let bytes = program.to_bytes();
    let name = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    fs::create_dir_all(&plan.keep)?;
    let file = plan.keep.join(format!("{}-{name:016x}", mix.name));
    fs::write(&file, bytes)?;
    println!("{}\n{}", file.display(), explain(mix.name, &program));
    Ok(file)
}
