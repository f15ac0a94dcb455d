//! Who else has an opinion.

use crdt_socket_sync::{Change, Document, DocumentEvent, OpId};

/// What does not hold, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict(pub String);

impl<T: Into<String>> From<T> for Verdict {
    fn from(what: T) -> Self {
        Self(what.into())
    }
}

/// An oracle of the caller's own, to whom everything is shown that an application sees. `()` finds nothing wrong.
///
/// A *desk* is one replica of one document in the hands of one client, from when it is made until it is thrown away.
pub trait Judge {
    /// A document is there for the first time.
    fn opened(&mut self, _desk: usize, _document: &Document) {}

    /// A document reports something. It may have changed further since.
    ///
    /// # Errors
    ///
    /// If that is not as it should be.
    fn event(&mut self, _desk: usize, _event: &DocumentEvent, _document: &Document) -> Result<(), Verdict> {
        Ok(())
    }

    /// All events of a document have been shown.
    ///
    /// # Errors
    ///
    /// If that is not as it should be.
    fn look(&mut self, _desk: usize, _document: &Document) -> Result<(), Verdict> {
        Ok(())
    }

    /// Someone has made a change that can be undone there.
    fn edited(&mut self, _desk: usize, _change: OpId) {}

    /// Someone has undone or redone something there, by this change.
    fn taken_back(&mut self, _desk: usize, _change: OpId) {}

    /// A document goes on from a snapshot of itself: nothing can be undone that was done until then.
    fn begun_again(&mut self, _desk: usize) {}

    /// Everything is healed, these are all replicas of one document, each with its desk, and these are all its changes.
    ///
    /// # Errors
    ///
    /// If that is not as it should be.
    fn end(&mut self, _documents: &[(usize, &Document)], _changes: &[Change]) -> Result<(), Verdict> {
        Ok(())
    }
}

impl Judge for () {}

/// Says no unless something holds.
pub(super) fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Verdict> {
    if holds { Ok(()) } else { Err(Verdict(otherwise())) }
}
