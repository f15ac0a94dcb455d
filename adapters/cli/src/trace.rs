//! Recorded editing sessions, in the format of the public collection `editing-traces`.
//!
//! A file is gzipped JSON (plain JSON will do). A sequential one has `startContent`, `endContent` and `txns` of patches, a
//! concurrent one has `kind: "concurrent"`, `numAgents`, and an agent and parents for each transaction.

use std::{fs::File, io::Read, path::Path};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::failure::Failure;

/// One client is run for each agent.
const AGENTS_MOST: usize = 1_000;

/// More than any recording has; what is not one should not fill the memory.
const BYTES_MOST: u64 = 1 << 30;

/// A session: who typed what, and what they saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trace {
    agents: usize,
    txns: Vec<Transaction>,
    /// For each transaction and agent, how many of that agent's transactions came before it or are it.
    counts: Vec<u32>,
    /// What the document holds in the end.
    pub(crate) end: String,
}

/// Some patches that one agent made at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Transaction {
    pub(crate) agent: usize,
    pub(crate) patches: Vec<Patch>,
}

/// At a position, delete so many characters, then insert others.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Patch(pub(crate) usize, pub(crate) usize, pub(crate) String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recording {
    kind: Option<String>,
    #[serde(default)]
    start_content: String,
    end_content: String,
    num_agents: Option<usize>,
    txns: Vec<Txn>,
}

#[derive(Deserialize)]
struct Txn {
    #[serde(default)]
    agent: usize,
    parents: Option<Vec<usize>>,
    patches: Vec<Patch>,
}

impl Trace {
    /// Reads a file.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let unreadable = |error: std::io::Error| Failure::new(format!("cannot read {name}: {error}"), "check the path");
        let not_a_trace = |why: String| {
            Failure::new(format!("{name} is not an editing trace: {why}"), "name a .json.gz file of that format")
        };
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(BYTES_MOST).read_to_end(&mut bytes)).map_err(unreadable)?;
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut inflated = Vec::new();
            MultiGzDecoder::new(&bytes[..])
                .take(BYTES_MOST)
                .read_to_end(&mut inflated)
                .map_err(|error| not_a_trace(format!("it does not inflate ({error})")))?;
            bytes = inflated;
        }
        Self::parse(&bytes).map_err(not_a_trace)
    }

    /// Reads JSON; what is wrong with it otherwise.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, String> {
        let file: Recording = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        match file.kind.as_deref() {
            None | Some("sequential") => Ok(Self::sequential(file)),
            Some("concurrent") => Self::concurrent(file),
            Some(kind) => Err(format!("its kind is {kind:?}")),
        }
    }

    fn sequential(file: Recording) -> Self {
        let start = (!file.start_content.is_empty()).then(|| vec![Patch(0, 0, file.start_content)]);
        let patches = start.into_iter().chain(file.txns.into_iter().map(|txn| txn.patches));
        let txns: Vec<_> = patches.map(|patches| Transaction { agent: 0, patches }).collect();
        let counts = (1..=u32::try_from(txns.len()).unwrap_or(u32::MAX)).collect();
        Self { agents: 1, txns, counts, end: file.end_content }
    }

    fn concurrent(file: Recording) -> Result<Self, String> {
        let agents = file.num_agents.ok_or("it does not say how many agents it has")?;
        if agents == 0 || agents > AGENTS_MOST {
            return Err(format!("it has {agents} agents, and 1 to {AGENTS_MOST} are possible"));
        }
        let mut counts: Vec<u32> = Vec::with_capacity(agents * file.txns.len());
        let mut made = vec![0; agents];
        let mut txns = Vec::with_capacity(file.txns.len());
        for (index, txn) in file.txns.into_iter().enumerate() {
            let Txn { agent, parents, patches } = txn;
            if agent >= agents {
                return Err(format!("transaction {index} is by agent {agent} of {agents}"));
            }
            let mut past = vec![0; agents];
            for parent in parents.ok_or_else(|| format!("transaction {index} names no parents"))? {
                if parent >= index {
                    return Err(format!("transaction {index} comes after {parent}, which is not before it"));
                }
                let seen = &counts[parent * agents..(parent + 1) * agents];
                past.iter_mut().zip(seen).for_each(|(count, seen)| *count = (*count).max(*seen));
            }
            // A client never unsees its own edits.
            if past[agent] != made[agent] {
                return Err(format!("transaction {index} does not come after its agent's previous one"));
            }
            made[agent] += 1;
            past[agent] = made[agent];
            counts.extend(past);
            txns.push(Transaction { agent, patches });
        }
        Ok(Self { agents, txns, counts, end: file.end_content })
    }

    /// How many agents there are.
    pub(crate) const fn agents(&self) -> usize {
        self.agents
    }

    /// The transactions, each after all that it has seen.
    pub(crate) fn txns(&self) -> &[Transaction] {
        &self.txns
    }

    /// How many transactions of each agent a transaction has seen, itself included.
    pub(crate) fn seen(&self, txn: usize) -> &[u32] {
        &self.counts[txn * self.agents..(txn + 1) * self.agents]
    }

    /// How many patches there are in all.
    pub(crate) fn edits(&self) -> usize {
        self.txns.iter().map(|txn| txn.patches.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequential_trace_begins_with_its_start_content() {
        let json = br#"{"startContent":"a","endContent":"ab","txns":[{"patches":[[1,0,"b"]]}]}"#;
        let trace = Trace::parse(json).expect("it is one");
        assert_eq!((trace.agents(), trace.txns().len(), trace.edits()), (1, 2, 2));
        assert_eq!(trace.txns()[0].patches, [Patch(0, 0, "a".into())]);
        assert_eq!(trace.seen(1), [2]);
    }

    #[test]
    fn a_concurrent_trace_knows_what_each_transaction_has_seen() {
        let json = br#"{"kind":"concurrent","endContent":"","numAgents":3,"txns":[
            {"agent":0,"parents":[],"patches":[]},
            {"agent":1,"parents":[0],"patches":[]},
            {"agent":2,"parents":[],"patches":[]},
            {"agent":0,"parents":[0,2],"patches":[]},
            {"agent":1,"parents":[1,3],"patches":[]}]}"#;
        let trace = Trace::parse(json).expect("it is one");
        let seen: Vec<_> = (0..5).map(|txn| trace.seen(txn)).collect();
        assert_eq!(seen, [[1, 0, 0], [1, 1, 0], [0, 0, 1], [2, 0, 1], [2, 2, 1]]);
    }

    #[test]
    fn what_is_no_trace_is_refused() {
        for json in [
            "",
            "[]",
            "{}",
            r#"{"endContent":"","txns":[{"patches":[[-1,0,""]]}]}"#,
            r#"{"kind":"other","endContent":"","txns":[]}"#,
            r#"{"kind":"concurrent","endContent":"","txns":[]}"#,
            r#"{"kind":"concurrent","endContent":"","numAgents":0,"txns":[]}"#,
            r#"{"kind":"concurrent","endContent":"","numAgents":1,"txns":[{"agent":1,"parents":[],"patches":[]}]}"#,
            r#"{"kind":"concurrent","endContent":"","numAgents":1,"txns":[{"agent":0,"parents":[0],"patches":[]}]}"#,
            r#"{"kind":"concurrent","endContent":"","numAgents":1,"txns":[{"agent":0,"patches":[]}]}"#,
            r#"{"kind":"concurrent","endContent":"","numAgents":1,"txns":[
                {"agent":0,"parents":[],"patches":[]},{"agent":0,"parents":[],"patches":[]}]}"#,
        ] {
            assert!(Trace::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
