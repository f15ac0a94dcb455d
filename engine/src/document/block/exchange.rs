//! What a log or a document has, as a block, and what others have, out of one.

use std::ops::Range;

use bytes::Bytes;

use super::{BlockFault, Decoded, decode, encode};
use crate::{
    causal::{ChangeLog, ChangeRun, ChangeRuns, LogPosition, Received, VersionVector},
    document::Document,
    error::ChangeFault,
    limits::Limits,
    proof::{Fault, planted},
};

/// What came of a block that was imported.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    /// The log positions of all that was appended.
    pub positions: Range<LogPosition>,
    /// How many of its changes were here already.
    pub duplicates: usize,
    /// How many of its changes wait for others.
    pub waiting: usize,
    /// Changes that had waited and turned out to be no part of any history; they are gone.
    pub refused: Vec<ChangeFault>,
}

impl ChangeLog {
    /// All changes that `since` lacks, as one block: small, because what is alike is said once. All there are for an empty
    /// version. `None` if one of them is [not kept](Self::not_kept) here.
    ///
    /// ```
    /// use crdt_socket_sync::{ChangeLog, Document, Limits, ReplicaId, VersionVector, Wall, document::EditError};
    ///
    /// let mut ann = Document::new(ReplicaId::new(1));
    /// for letter in ["H", "i", "!"] {
    ///     ann.edit(Wall::from_millis(1_000), |txn| txn.text("title").push_str(letter))?;
    /// }
    /// let mut archive = ChangeLog::new();
    /// let whole = ann.log().export(&VersionVector::new()).unwrap();
    /// archive.import(whole, &Limits::default()).unwrap();
    /// assert_eq!(archive.version(), ann.log().version());
    ///
    /// ann.edit(Wall::from_millis(2_000), |txn| txn.text("title").delete(2, 1))?;
    /// let rest = ann.export(archive.version()).unwrap();
    /// let imported = archive.import(rest, &Limits::default()).unwrap();
    /// assert_eq!(imported.positions, 3..4);
    /// # Ok::<_, EditError>(())
    /// ```
    pub fn export(&self, since: &VersionVector) -> Option<Bytes> {
        let kept = since.covers(self.not_kept()) || planted(Fault::BlockOfUnkept);
        kept.then(|| encode(self.runs_since(since), self.writers(), None))
    }

    /// The same, found out change by change.
    #[cfg(feature = "proof")]
    #[doc(hidden)]
    pub fn export_each(&self, since: &VersionVector) -> Bytes {
        super::encode_each(self.since(since), None)
    }

    /// Takes in the changes of a block, as if they came one after another.
    ///
    /// # Errors
    ///
    /// If the block cannot be read, or holds more than the limits allow: nothing has changed then. If one of its changes can
    /// be part of no history that this log can hold: those before it are here then.
    pub fn import(&mut self, block: Bytes, limits: &Limits) -> Result<Imported, BlockFault> {
        let Decoded { runs, writers } = decode(block, None, limits)?;
        take_in(self.end(), &runs, |run| {
            let all = self.receive_run(run, &writers, limits);
            if all { Ok(None) } else { self.receive(run.change(&writers), limits).map(Some) }
        })
    }
}

/// What comes of runs that are taken in, each whole, or else as much as it takes change by change: what comes of the first change
/// is told then.
fn take_in(
    end: LogPosition,
    runs: &ChangeRuns,
    mut receive: impl FnMut(&ChangeRun<'_>) -> Result<Option<Received>, ChangeFault>,
) -> Result<Imported, BlockFault> {
    let mut imported = Imported { positions: end..end, ..Imported::default() };
    for mut run in runs.iter() {
        while run.count > 0 {
            let Some(received) = receive(&run)? else {
                imported.positions.end += run.count;
                break;
            };
            match received {
                Received::Duplicate => imported.duplicates += 1,
                Received::Waiting => imported.waiting += 1,
                Received::Appended { positions, refused } => {
                    imported.positions.end = positions.end;
                    imported.refused.extend(refused);
                }
            }
            run.skip(1);
        }
    }
    Ok(imported)
}

impl Document {
    /// All changes that `since` lacks, as one block: see [`ChangeLog::export`].
    pub fn export(&self, since: &VersionVector) -> Option<Bytes> {
        self.log.export(since)
    }

    /// Takes in the changes of a block: the document is then as if they had come one after another. What several changes of
    /// one writer in a row did is reported as one event.
    ///
    /// # Errors
    ///
    /// As with [`ChangeLog::import`].
    pub fn import(&mut self, block: Bytes, limits: &Limits) -> Result<Imported, BlockFault> {
        self.import_decoded(&decode(block, None, limits)?, limits)
    }

    /// The same with a block that has been read.
    pub(in crate::document) fn import_decoded(
        &mut self,
        Decoded { runs, writers }: &Decoded,
        limits: &Limits,
    ) -> Result<Imported, BlockFault> {
        let (log, mut opening) = self.parts();
        take_in(log.end(), runs, |run| {
            if log.receive_run(run, writers, limits) {
                opening.apply_run(log, run.clone(), writers);
                return Ok(None);
            }
            log.receive_each(run.change(writers), limits, |log, change| opening.apply(log, change)).map(Some)
        })
    }
}
