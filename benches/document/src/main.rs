//! Measures this project's document and the best known CRDT libraries side by side; `benches/README.md` says how to read
//! what it prints.
//!
//! ```text
//! yardstick [--runs N] [--limit SECONDS] [--only PART]… [--cpu] [--json FILE]
//! yardstick run LIBRARY CASE [WAY [CACHE]]     one case in this process; prints its figures as JSON
//! yardstick list                               the cases
//! ```

mod cases;
mod heap;
mod library;
mod libs;
mod random;
mod runner;
mod table;
mod trace;

use std::{env, error::Error, fs, path::Path, path::PathBuf, process::ExitCode, time::Duration};

use cases::{Case, Run};
use runner::Plan;

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let done = match &args[..] {
        ["run", library, case, rest @ ..] => run_one(library, case, rest),
        ["list"] => {
            Case::all().iter().for_each(|case| println!("{}", case.name()));
            Ok(())
        }
        options => measure(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One case in this process.
fn run_one(library: &str, case: &str, rest: &[&str]) -> Result<(), Box<dyn Error>> {
    let case = Case::all().into_iter().find(|known| known.name() == case).ok_or("there is no such case")?;
    let (measure, family) = case.needs();
    let ways = libs::ways(library, measure, family);
    let way = match rest.first() {
        Some(way) => ways.iter().find(|known| *known == way),
        None => ways.first(),
    };
    let way = way.ok_or("this library does not do this, or not in this way")?;
    let own = env::temp_dir().join(format!("yardstick-{}", std::process::id()));
    let cache = rest.get(1).map_or(&*own, Path::new);
    fs::create_dir_all(cache)?;
    let figures = libs::with_library(library, Run { case, way, cache }).ok_or("there is no such library")?;
    println!("{}", serde_json::to_string(&figures)?);
    if cache == own {
        fs::remove_dir_all(own)?;
    }
    Ok(())
}

/// All cases that are wanted, and the table.
fn measure(options: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut plan = Plan { runs: 5, limit: Duration::from_secs(60), only: Vec::new() };
    let mut json: Option<PathBuf> = None;
    let mut cpu = false;
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut value = || options.next().ok_or(format!("{option} wants a value"));
        match *option {
            "--runs" => plan.runs = value()?.parse()?,
            "--limit" => plan.limit = Duration::from_secs(value()?.parse()?),
            "--only" => plan.only.push((*value()?).to_owned()),
            "--cpu" => cpu = true,
            "--json" => json = Some(value()?.into()),
            other => return Err(format!("what is {other}? benches/README.md has the options").into()),
        }
    }
    if let Err(error) = trace::read("automerge-paper").and_then(|_| trace::read("friendsforever")) {
        let folder = trace::folder();
        return Err(format!(
            "the sessions cannot be read from {} ({error}); name their folder in EDITING_TRACES",
            folder.display()
        )
        .into());
    }
    let outcomes = runner::run(&plan)?;
    println!("{}", versions());
    println!("{}", table::table(&outcomes, cpu));
    if let Some(file) = json {
        let everything = serde_json::json!({ "versions": versions(), "runs": plan.runs, "cases": outcomes });
        fs::write(file, serde_json::to_vec_pretty(&everything)?)?;
    }
    Ok(())
}

/// The libraries that are measured, each with its version.
fn versions() -> String {
    let lock = include_str!("../Cargo.lock");
    let version = |library: &&str| {
        let after = lock.split_once(&format!("name = \"{library}\"\nversion = \""))?.1;
        Some(format!("{library} {}", after.split_once('"')?.0))
    };
    libs::NAMES.iter().filter_map(version).collect::<Vec<_>>().join(", ")
}
