//! Who else has an opinion.

use crdt_socket_sync::{Document, DocumentEvent};

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

    /// Everything is healed, and these are all replicas of one document.
    ///
    /// # Errors
    ///
    /// If that is not as it should be.
    fn end(&mut self, _documents: &[&Document]) -> Result<(), Verdict> {
        Ok(())
    }
}

impl Judge for () {}

/// Says no unless something holds.
pub(super) fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Verdict> {
    if holds { Ok(()) } else { Err(Verdict(otherwise())) }
}
