//! Runs the cases, each in a process of its own, the libraries by turns.

use std::{
    fs, io,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    cases::{Case, Figures},
    libs,
};

/// What to run, and how often.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How many times each case is run with each library in each of its ways.
    pub(crate) runs: usize,
    /// How long a process may take, making ready included. One that took a quarter of it is not run again.
    pub(crate) limit: Duration,
    /// Only what has one of these in its `library/case`; everything if there is none.
    pub(crate) only: Vec<String>,
}

impl Plan {
    fn wants(&self, library: &str, case: &str) -> bool {
        let name = format!("{library}/{case}");
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
    }
}

/// What came of a case with a library in one of its ways.
#[derive(Serialize)]
pub(crate) struct Outcome {
    pub(crate) library: &'static str,
    #[serde(skip)]
    case_of: Case,
    pub(crate) case: String,
    pub(crate) way: &'static str,
    /// The figures of each run.
    pub(crate) runs: Vec<Figures>,
    pub(crate) failure: Option<Failure>,
}

/// Why there are no figures.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    /// It took longer than the plan allows, or a smaller case did.
    TookTooLong,
    /// It panicked, or showed something else than it should.
    WentWrong,
}

impl Outcome {
    fn run(&mut self, plan: &Plan, cache: &Path) -> io::Result<()> {
        let child = Command::new(std::env::current_exe()?)
            .args(["run", self.library, &self.case, self.way])
            .arg(cache)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        match finish(child, plan.limit)? {
            Ok(figures) => self.runs.push(figures),
            Err(failure) => self.failure = Some(failure),
        }
        Ok(())
    }
}

/// Runs all that the plan says, and shows on stderr how far it is.
pub(crate) fn run(plan: &Plan) -> io::Result<Vec<Outcome>> {
    let cache = std::env::temp_dir().join(format!("yardstick-{}", std::process::id()));
    fs::create_dir_all(&cache)?;
    let outcomes = run_in(plan, &cache);
    fs::remove_dir_all(&cache)?;
    outcomes
}

fn run_in(plan: &Plan, cache: &Path) -> io::Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for case in Case::all() {
        let mut these = outcomes_of(case, plan, &outcomes);
        if these.is_empty() {
            continue;
        }
        let began = Instant::now();
        eprint!("{:24}", case.name());
        let mut slow = vec![false; these.len()];
        for round in 0..plan.runs {
            for (outcome, slow) in these.iter_mut().zip(&mut slow) {
                if outcome.failure.is_some() || *slow {
                    continue;
                }
                let began = Instant::now();
                outcome.run(plan, cache)?;
                *slow |= began.elapsed() > plan.limit / 4;
            }
            eprint!(" {}", round + 1);
        }
        eprintln!("  {:.0} s", began.elapsed().as_secs_f64());
        outcomes.extend(these);
    }
    Ok(outcomes)
}

/// Whoever takes part in a case, with nothing run yet.
fn outcomes_of(case: Case, plan: &Plan, earlier: &[Outcome]) -> Vec<Outcome> {
    let (measure, family) = case.needs();
    let mut outcomes = Vec::new();
    for library in libs::NAMES.into_iter().filter(|library| plan.wants(library, &case.name())) {
        for way in libs::ways(library, measure, family) {
            let hopeless = earlier.iter().any(|outcome| {
                outcome.library == library
                    && outcome.way == *way
                    && outcome.failure == Some(Failure::TookTooLong)
                    && case.is_larger_than(&outcome.case_of)
            });
            let failure = hopeless.then_some(Failure::TookTooLong);
            outcomes.push(Outcome { library, case_of: case, case: case.name(), way, runs: Vec::new(), failure });
        }
    }
    outcomes
}

/// Waits for the figures a process prints, but no longer than the limit.
fn finish(mut child: Child, limit: Duration) -> io::Result<Result<Figures, Failure>> {
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if began.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(Err(Failure::TookTooLong));
        }
        thread::sleep(Duration::from_millis(5));
    };
    let printed = child.stdout.take().map(io::read_to_string).transpose()?.unwrap_or_default();
    let figures = status.success().then(|| serde_json::from_str(&printed).ok()).flatten();
    Ok(figures.ok_or(Failure::WentWrong))
}
