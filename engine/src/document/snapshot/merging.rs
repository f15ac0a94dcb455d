//! A snapshot that is taken into a document with a history of its own.

use bytes::Bytes;

use super::{FullSnapshot, Read, STATE, SnapshotFault, full, state_of, unsealed};
use crate::{
    document::{Document, DocumentEvent, Origin, compare},
    id::OpId,
    limits::Limits,
    proof::{Fault, planted},
    replica::Replica,
};

impl Document {
    /// Takes in what a [snapshot](Self::snapshot) of another replica has and this document lacks, as if the changes had come that
    /// it covers. Whether there was anything: a snapshot of what is all here is passed over.
    ///
    /// It does not matter which of the two is newer, nor whether either has what the other one lacks. What was edited here
    /// stays, also what can be undone, and two documents that take in each other's snapshots show the same. It is reported as one
    /// event with what is different then, by [`Origin::Snapshot`]; the changes of a snapshot
    /// [with all history](Self::full_snapshot) as when a block is [imported](Self::import).
    ///
    /// Of a snapshot without history no changes come with it, so those that it covers [are not kept](crate::ChangeLog::not_kept)
    /// here from then on, and [log positions](crate::causal::LogPosition) are other ones. A client joins its document anew then;
    /// one with a store of its own cannot do this.
    ///
    /// ```
    /// use crdt_socket_sync::{Document, Limits, ReplicaId, Wall, document::EditError};
    ///
    /// let limits = Limits::default();
    /// let mut ann = Document::new(ReplicaId::new(1));
    /// ann.edit(Wall::from_millis(1_000), |txn| txn.or_set("fruit").add(&"apple"))?;
    /// let mut bob = Document::new(ReplicaId::new(2));
    /// bob.edit(Wall::from_millis(1_000), |txn| txn.or_set("fruit").add(&"pear"))?;
    ///
    /// let snapshots = [ann.snapshot(), bob.snapshot()];
    /// assert_eq!(ann.merge_snapshot(snapshots[1].clone(), &limits), Ok(true));
    /// assert_eq!(bob.merge_snapshot(snapshots[0].clone(), &limits), Ok(true));
    /// assert_eq!(ann.digest(), bob.digest());
    /// assert_eq!(ann.merge_snapshot(bob.snapshot(), &limits), Ok(false));
    /// # Ok::<_, EditError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the bytes are no snapshot, or more than the limits allow, or of another history. The document is then as it was, but for
    /// changes of a snapshot with all history that come before one that contradicts what is here.
    pub fn merge_snapshot(&mut self, snapshot: impl Into<Bytes>, limits: &Limits) -> Result<bool, SnapshotFault> {
        let (kind, body) = unsealed(&snapshot.into())?;
        let (state, history) = match kind {
            STATE => (body, None),
            _ => {
                let FullSnapshot { state, history } = FullSnapshot::split(body)?;
                (state, Some(history))
            }
        };
        let theirs = state_of(state, self.replica, limits)?;
        if let (Some(ours), Some(theirs)) = (self.log.epoch(), theirs.epoch) {
            if ours != theirs {
                return Err(SnapshotFault::Epochs { ours, theirs });
            }
        }
        let epoch = self.log.epoch().or(theirs.epoch);
        let version = theirs.base.version();
        let new = version.iter().filter(|(replica, next)| *next > self.log.version().next(*replica));
        let Some(first) = new.map(|(replica, _)| OpId::new(replica, self.log.version().next(replica))).next() else {
            self.log.set_epoch(epoch);
            return Ok(false);
        };
        let others = self.log.writers().iter().filter(|writer| version.next(**writer) == 0).count();
        let writers = others + theirs.base.writers().len();
        if writers > limits.replicas {
            return Err(SnapshotFault::TooManyWriters { writers, limit: limits.replicas });
        }
        match history {
            Some(history) => {
                let changes = full::changes(history, &theirs.state, limits)?;
                self.import_decoded(&changes, limits)?;
            }
            None => self.unite(&theirs, first, limits)?,
        }
        self.log.set_epoch(epoch);
        Ok(true)
    }

    /// Takes in a state of which there are no changes; `first` is an operation that is new.
    fn unite(&mut self, theirs: &Read, first: OpId, limits: &Limits) -> Result<(), SnapshotFault> {
        let before = self.state.clone();
        if self.state.unite(self.log.version(), &theirs.state, &theirs.base).is_err() {
            self.state = before;
            return Err(SnapshotFault::OtherHistory);
        }
        if !theirs.base.version().covers(self.log.not_kept()) {
            // What is packed is of changes of which some are kept on. If it cannot be read, it could not later either.
            let _ = Self::recall(self, limits);
        }
        self.packed = None;
        let waited = self.log.go_on_with(&theirs.base);
        if self.reporting {
            let edits = compare::edits(&before, &self.state);
            if !edits.is_empty() && !planted(Fault::UnionNotReported) {
                let (origin, label) = (Origin::Snapshot, None);
                self.events.push_back(DocumentEvent::Changed { origin, change: first, label, edits });
            }
        }
        for change in waited {
            // One that turns out to be no part of this history is refused as it would have been when it came.
            let _ = self.receive(change, limits);
        }
        Ok(())
    }
}
