//! What the engine keeps in step.

use crate::{
    causal::{Change, ChangeLog, Received},
    error::ChangeFault,
    id::ReplicaId,
    limits::Limits,
};

/// Anything that holds some of a document's changes.
///
/// The engine needs nothing more than this, so any CRDT fits: its updates are the bodies of changes. Two replicas are
/// part of this crate: [`ChangeLog`], which never opens a body, and [`Document`](crate::Document), which does.
///
/// **The law:** all replicas that hold the same set of changes show the same document, whatever the order of arrival. A body that cannot be
/// applied is, on every replica alike, a no-op.
pub trait Replica {
    /// What the replica reports to the application when changes were taken in.
    type Event;

    /// Who this replica writes as; `None` if it only reads or passes on.
    ///
    /// A server refuses a second live session that writes as the same replica.
    fn writes_as(&self) -> Option<ReplicaId>;

    /// The changes it holds.
    fn log(&self) -> &ChangeLog;

    /// The changes it holds; for the engine to mark the epoch that both sides agreed on. Nothing may be appended to it
    /// but through [`receive`](Self::receive) and the replica's own edits.
    fn log_mut(&mut self) -> &mut ChangeLog;

    /// Takes in a change that came from elsewhere: appends it to the log and applies it, and all that waited for it.
    ///
    /// # Errors
    ///
    /// If the change can be part of no history. The replica is as it was before.
    fn receive(&mut self, change: Change, limits: &Limits) -> Result<Received, ChangeFault>;

    /// Has changes in the log again that are kept elsewhere, packed; called when a peer lacks some that the log
    /// [does not keep](ChangeLog::not_kept). Whether all are there then.
    fn recall(&mut self, limits: &Limits) -> bool {
        let _ = limits;
        self.log().not_kept().is_empty()
    }

    /// The next thing to report, oldest first.
    fn poll_event(&mut self) -> Option<Self::Event>;
}
