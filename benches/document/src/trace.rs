//! Recorded editing sessions, gzipped JSON from the folder that `EDITING_TRACES` names.

use std::{env, fs::File, io, path::PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::library::Edit;

/// A session.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trace {
    pub(crate) end_content: String,
    pub(crate) txns: Vec<Transaction>,
}

/// What one person wrote in one go.
#[derive(Deserialize)]
pub(crate) struct Transaction {
    /// By whom. A session of one person does not say.
    #[serde(default)]
    pub(crate) agent: usize,
    /// After which transactions, and all that those came after; in a session of one person, after the one before.
    #[serde(default)]
    pub(crate) parents: Vec<usize>,
    patches: Vec<(usize, usize, String)>,
}

impl Transaction {
    /// Its edits. The texts live as long as the process, which does nothing else.
    pub(crate) fn edits(&self) -> impl Iterator<Item = Edit> {
        self.patches.iter().map(|(at, deleted, inserted)| {
            let inserted = if inserted.is_empty() { "" } else { inserted.clone().leak() };
            Edit::Splice { at: *at, deleted: *deleted, inserted }
        })
    }
}

/// Where the sessions are.
pub(crate) fn folder() -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/traces");
    env::var_os("EDITING_TRACES").map_or_else(|| default.into(), PathBuf::from)
}

/// Reads a session.
pub(crate) fn read(name: &str) -> io::Result<Trace> {
    let file = File::open(folder().join(format!("{name}.json.gz")))?;
    Ok(serde_json::from_reader(io::BufReader::new(GzDecoder::new(file)))?)
}
