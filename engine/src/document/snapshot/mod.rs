//! Snapshots: a document without its history, written down whole.
//!
//! A snapshot has what the document holds, and of its history what later changes need: which changes it covers, what they
//! depended on ([`Base`]), what each writer had mentioned, which deleted characters once stood where, and when keys were
//! written or deleted. So whoever starts from it goes on like whoever has all changes: takes in late edits, makes the same
//! changes byte for byte, and judges those of others alike. What it cannot do is give others the changes that it covers (see
//! [`ChangeLog::not_kept`]), unless they are packed behind the state.
//!
//! `docs/format.md` has the format. It is made of columns, values of one kind side by side, because these deflate well.
//!
//! | room | what it is for |
//! |---|---|
//! | `full` | snapshots with all history |
//! | `merging` | snapshots that are taken into a document |
//! | `columns` | the parts, deflated and checked |
//! | `writing`, `reading` | the history's shape, containers and dictionaries |
//! | `sequences` | runs of items, and how little need be said of their origins |

mod columns;
mod full;
mod merging;
mod reading;
mod sequences;
mod writing;

use bytes::Bytes;
use columns::Budget;

use super::{BlockFault, Document, journal::State};
use crate::{
    causal::{ChangeLog, base::Base},
    error::Malformed,
    id::{Epoch, ReplicaId},
    limits::Limits,
    packed::Unpacker,
    proof::{Fault, planted},
};

/// What every snapshot begins with.
const MAGIC: [u8; 4] = *b"CSSS";
const FORMAT: u8 = 1;
/// A state, and no changes.
const STATE: u8 = 0;
/// A state, and all changes packed behind it.
const FULL: u8 = 1;
/// Magic, format, kind and checksum.
const PREFIX: usize = 10;

/// Why a snapshot cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotFault {
    /// The bytes do not begin like a snapshot.
    #[error("not a snapshot")]
    NotASnapshot,
    /// It was written by a newer version of this library.
    #[error("a snapshot of format {format} and kind {kind}, which this version does not read")]
    Format {
        /// Its format.
        format: u8,
        /// Its kind.
        kind: u8,
    },
    /// Its bytes are not those that were written.
    #[error("a damaged snapshot: its checksum is another one")]
    Damaged,
    /// It holds what no snapshot does. The offset is into one of its parts.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It would take more memory than is allowed.
    #[error("a snapshot that would take more than {limit} bytes")]
    TooLarge {
        /// See [`Limits::snapshot_bytes`].
        limit: usize,
    },
    /// The changes that are packed in it are not those that its state covers, or it contradicts what it is to be merged with.
    #[error("a snapshot of another history")]
    OtherHistory,
    /// It is of a history that was begun apart from the one that it is to be merged with.
    #[error("the histories were begun apart: {ours} here, {theirs} in the snapshot")]
    Epochs {
        /// The birth mark here.
        ours: Epoch,
        /// The birth mark there.
        theirs: Epoch,
    },
    /// The changes that are packed in it cannot be read.
    #[error(transparent)]
    History(#[from] BlockFault),
    /// More wrote in it than is allowed.
    #[error("a snapshot of a document with {writers} writers, of which {limit} are allowed")]
    TooManyWriters {
        /// How many.
        writers: usize,
        /// See [`Limits::replicas`].
        limit: usize,
    },
}

impl Document {
    /// All that the document is, without its history: what [`from_snapshot`](Self::from_snapshot) reads.
    ///
    /// What was deleted is not in it, but for a trace of a few bytes; nor are changes that still [wait](ChangeLog::waiting)
    /// for others. The same changes that arrived in the same order give the same bytes.
    ///
    /// ```
    /// use crdt_socket_sync::{Document, Limits, ReplicaId, Wall, document::EditError};
    ///
    /// let mut ann = Document::new(ReplicaId::new(1));
    /// ann.edit(Wall::from_millis(1_000), |txn| txn.text("title").push_str("Minutes"))?;
    /// let mut again = Document::from_snapshot(ReplicaId::new(2), ann.snapshot(), &Limits::default()).unwrap();
    /// again.edit(Wall::from_millis(2_000), |txn| txn.text("title").push_str(" of May"))?;
    /// assert_eq!(again.text("title"), "Minutes of May");
    /// # Ok::<_, EditError>(())
    /// ```
    pub fn snapshot(&self) -> Bytes {
        sealed(STATE, &writing::write(&self.log, &self.state))
    }

    /// Continues from a [snapshot](Self::snapshot), edited as `replica`. Nothing of what it holds is reported.
    ///
    /// `replica` may only be one that wrote in it if nothing it ever sent is missing. The changes that the snapshot covers
    /// are not here: they are recognised when they arrive, all but a change that contradicts one of them, and cannot be given
    /// to a peer or a server that lacks some of them, unless they are packed in it and [recalled](Self::recall). A client that
    /// cannot do that refuses to join a document there, with [`Code::Pruned`](crate::error::Code::Pruned), and tries again later:
    /// somebody else may have brought them by then. If nobody ever will, what was written here since the snapshot reaches
    /// nobody; so prune what is [stored](crate::wire::Level::Stored), and keep all history otherwise.
    ///
    /// # Errors
    ///
    /// If the bytes are no snapshot, or more than the limits allow.
    pub fn from_snapshot(
        replica: ReplicaId,
        snapshot: impl Into<Bytes>,
        limits: &Limits,
    ) -> Result<Self, SnapshotFault> {
        let (kind, body) = unsealed(&snapshot.into())?;
        let (state, packed) = match kind {
            STATE => (body, None),
            _ => (FullSnapshot::split(body.clone())?.state, Some(body)),
        };
        let Read { epoch, base, state } = state_of(state, replica, limits)?;
        let mut log = ChangeLog::after(base);
        log.set_epoch(epoch.filter(|_| !planted(Fault::SnapshotForgetsEpoch)));
        Ok(Self { log, state, packed, change_limit: limits.change_bytes, ..Self::new(replica) })
    }
}

/// What a state says.
struct Read {
    epoch: Option<Epoch>,
    base: Base,
    state: State,
}

fn state_of(body: Bytes, replica: ReplicaId, limits: &Limits) -> Result<Read, SnapshotFault> {
    let budget = Budget { left: limits.snapshot_bytes, limit: limits.snapshot_bytes };
    let (epoch, base, state) = reading::read(Unpacker::new(body), replica, limits.replicas, budget)?;
    Ok(Read { epoch, base, state })
}

/// The two parts of a snapshot with all history.
struct FullSnapshot {
    state: Bytes,
    /// A block.
    history: Bytes,
}

impl FullSnapshot {
    fn split(body: Bytes) -> Result<Self, SnapshotFault> {
        let mut body = Unpacker::new(body);
        Ok(Self { state: body.bytes("a state")?, history: body.rest() })
    }
}

/// A snapshot's bytes.
fn sealed(kind: u8, body: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(PREFIX + body.len());
    out.extend(MAGIC);
    out.extend([FORMAT, kind]);
    out.extend(crc32fast::hash(body).to_be_bytes());
    out.extend(body);
    out.into()
}

/// The kind of a snapshot, and all that is behind the checksum, which is right.
fn unsealed(snapshot: &Bytes) -> Result<(u8, Bytes), SnapshotFault> {
    let prefix: &[u8; PREFIX] = snapshot.first_chunk().ok_or(SnapshotFault::NotASnapshot)?;
    let [m, a, g, i, format, kind, checksum @ ..] = *prefix;
    if [m, a, g, i] != MAGIC {
        return Err(SnapshotFault::NotASnapshot);
    }
    if format != FORMAT || kind > FULL {
        return Err(SnapshotFault::Format { format, kind });
    }
    let body = snapshot.slice(PREFIX..);
    if crc32fast::hash(&body) != u32::from_be_bytes(checksum) && !planted(Fault::ChecksumUnchecked) {
        return Err(SnapshotFault::Damaged);
    }
    Ok((kind, body))
}

/// The flag before a birth mark.
const fn has_epoch(epoch: Option<Epoch>) -> u8 {
    epoch.is_some() as u8
}
