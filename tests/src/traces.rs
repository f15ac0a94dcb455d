//! Recorded editing sessions, keystroke by keystroke.
//!
//! The files are not part of this project. They are looked for in the folder that the environment variable
//! `EDITING_TRACES` names, or else in `../shared/traces` from the workspace's root.

use std::{env, fs::File, io::Read, path::PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

/// One recorded session.
pub struct Trace {
    /// What the text must be in the end.
    pub end_content: String,
    /// How many people wrote.
    pub agents: usize,
    /// What they wrote, each transaction after all of its parents.
    pub transactions: Vec<Transaction>,
}

/// Edits that were made together.
pub struct Transaction {
    /// Who made it.
    pub agent: usize,
    /// What it came after, by index; in a session of one, the transaction before.
    pub parents: Vec<usize>,
    /// Position, characters deleted, text inserted: one after another, in Unicode scalar values.
    pub patches: Vec<(usize, usize, String)>,
}

/// Where traces are looked for.
pub fn folder() -> PathBuf {
    env::var_os("EDITING_TRACES")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/traces")), PathBuf::from)
}

/// Loads the trace of this name; `None`, and a note on the error output, if it is not there or cannot be read.
pub fn load(name: &str) -> Option<Trace> {
    let path = folder().join(format!("{name}.json.gz"));
    let Ok(file) = File::open(&path) else {
        eprintln!("skipped: no {}; set EDITING_TRACES to the folder of the traces", path.display());
        return None;
    };
    let mut json = String::new();
    let trace = GzDecoder::new(file).read_to_string(&mut json).ok().and_then(|_| parse(&json));
    if trace.is_none() {
        eprintln!("skipped: {} is not a trace", path.display());
    }
    trace
}

fn parse(json: &str) -> Option<Trace> {
    let root: Value = serde_json::from_str(json).ok()?;
    let transactions = root["txns"].as_array()?.iter().enumerate();
    Some(Trace {
        end_content: root["endContent"].as_str()?.to_owned(),
        agents: root["numAgents"].as_u64().map_or(Some(1), |agents| agents.try_into().ok())?,
        transactions: transactions.map(|(index, value)| transaction(index, value)).collect::<Option<_>>()?,
    })
}

fn transaction(index: usize, value: &Value) -> Option<Transaction> {
    let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
    let parents = match value["parents"].as_array() {
        Some(parents) => parents.iter().map(number).collect::<Option<_>>()?,
        None => index.checked_sub(1).into_iter().collect(),
    };
    let patch = |patch: &Value| Some((number(&patch[0])?, number(&patch[1])?, patch[2].as_str()?.to_owned()));
    let patches = value["patches"].as_array()?.iter().map(patch).collect::<Option<_>>()?;
    Some(Transaction { agent: number(&value["agent"]).unwrap_or(0), parents, patches })
}
