//! Snapshots with all history: a state, and behind it all changes as a block.
//!
//! Whoever begins with one reads the state and is done. The changes stay packed until somebody asks for them, as most never
//! do; of the characters in them only those are written that the state does not have.

use std::{cell::Cell, collections::BTreeMap};

use bytes::Bytes;

use super::{FULL, FullSnapshot, SnapshotFault, sealed, state_of, writing};
use crate::{
    causal::ChangeLog,
    document::{
        Document,
        block::{self, Decoded},
        container::Content,
        journal::State,
    },
    id::OpId,
    limits::Limits,
    packed::pack_number,
};

impl Document {
    /// All that the document is, with its history: what [`from_snapshot`](Self::from_snapshot) reads, too. `None` if some of
    /// its history is neither here nor [packed](Self::recall).
    ///
    /// ```
    /// use crdt_socket_sync::{Document, Limits, ReplicaId, VersionVector, Wall, document::EditError};
    ///
    /// let limits = Limits::default();
    /// let mut ann = Document::new(ReplicaId::new(1));
    /// ann.edit(Wall::from_millis(1_000), |txn| txn.text("title").push_str("Minutes"))?;
    /// let snapshot = ann.full_snapshot().unwrap();
    /// let mut again = Document::from_snapshot(ReplicaId::new(2), snapshot, &limits).unwrap();
    /// assert_eq!((again.text("title").to_string().as_str(), again.log().end()), ("Minutes", 0));
    ///
    /// again.recall(&limits).unwrap();
    /// assert!(again.log().since(&VersionVector::new()).eq(ann.log().iter()));
    /// # Ok::<_, EditError>(())
    /// ```
    pub fn full_snapshot(&self) -> Option<Bytes> {
        let recalled;
        let document = if self.log.not_kept().is_empty() {
            self
        } else {
            let mut copy = self.clone();
            // What was taken in with a snapshot is not too large to be read again.
            copy.recall(&no_bounds()).ok().filter(|all| *all)?;
            recalled = copy;
            &recalled
        };
        let state = writing::write(&document.log, &document.state);
        let mut body = Vec::with_capacity(state.len() + state.len() / 2);
        pack_number(&mut body, state.len() as u64);
        body.extend(state);
        let shown = Shown::of(&document.state);
        body.extend(block::encode(document.log.runs(0), document.log.writers(), Some(&|op| shown.char(op))));
        Some(sealed(FULL, &body))
    }

    /// Unpacks the changes that a [snapshot with all history](Self::full_snapshot) covers, so that they can be given to others
    /// and looked at; whether all changes are here then. [Log positions](crate::causal::LogPosition) are other ones afterwards.
    ///
    /// A client does this by itself when it joins a document on a server that lacks some of them.
    ///
    /// # Errors
    ///
    /// If what is packed are not the changes that the snapshot covers, or more than the limits allow. The document is then as
    /// it was.
    pub fn recall(&mut self, limits: &Limits) -> Result<bool, SnapshotFault> {
        let Some(snapshot) = &self.packed else { return Ok(self.log.not_kept().is_empty()) };
        let FullSnapshot { state, history } = FullSnapshot::split(snapshot.clone())?;
        let read = state_of(state, self.replica, limits)?.state;
        let Decoded { runs, writers } = changes(history, &read, limits)?;
        let mut before = ChangeLog::new();
        let most = Limits { replicas: usize::MAX, ..limits.clone() };
        // All that a snapshot covers is here, so that no change waits or is one too many.
        if !runs.iter().all(|run| before.receive_run(&run, &writers, &most)) {
            return Err(SnapshotFault::OtherHistory);
        }
        if !self.log.go_on_from(before) {
            return Err(SnapshotFault::OtherHistory);
        }
        self.packed = None;
        Ok(true)
    }
}

/// The changes that are packed behind a state.
pub(super) fn changes(history: Bytes, state: &State, limits: &Limits) -> Result<Decoded, SnapshotFault> {
    let shown = Shown::of(state);
    Ok(block::decode(history, Some(&|op| shown.char(op)), limits)?)
}

/// The characters that a state shows, by the operations that inserted them.
struct Shown<'a> {
    /// By the first of each run of consecutive operations.
    runs: BTreeMap<OpId, Run<'a>>,
}

struct Run<'a> {
    len: u64,
    text: &'a str,
    /// What was asked for last, and the byte at which it begins: what follows is asked for next.
    last: Cell<(u64, usize)>,
}

impl<'a> Shown<'a> {
    fn of(state: &'a State) -> Self {
        let texts = state.containers.iter().filter_map(|container| match container.content {
            Content::Text(sequence) => Some(state.sequences.named(sequence)),
            _ => None,
        });
        let run = |(first, len, text)| (first, Run { len: u64::from(len), text, last: Cell::default() });
        Self { runs: texts.flatten().map(run).collect() }
    }

    fn char(&self, op: OpId) -> Option<char> {
        let (first, Run { len, text, last }) = self.runs.range(..=op).next_back()?;
        let at = op.seq.checked_sub(first.seq).filter(|at| first.replica == op.replica && at < len)?;
        if text.len() as u64 == *len {
            return text.as_bytes().get(at as usize).map(|byte| char::from(*byte));
        }
        let (before, byte) = Some(last.get()).filter(|(before, _)| *before <= at).unwrap_or_default();
        let (further, char) = text[byte..].char_indices().nth((at - before) as usize)?;
        last.set((at, byte + further));
        Some(char)
    }
}

fn no_bounds() -> Limits {
    Limits {
        replicas: usize::MAX,
        snapshot_bytes: usize::MAX,
        block_changes: usize::MAX,
        block_bytes: usize::MAX,
        ..Limits::default()
    }
}
