//! What was: the changes of a document one by one, past versions, and documents that part and come together.
//!
//! Nothing is kept for this but the changes. A past version is made by applying those that it has, so it costs what loading
//! as many costs, and so does going back a step.

use std::{collections::BTreeSet, fmt, ops::Deref};

use super::{ContainerEdit, Document, DocumentEvent, compare};
use crate::{
    causal::{Change, Frontier, Received, VersionVector},
    error::ChangeFault,
    id::{Epoch, OpId, ReplicaId},
    limits::Limits,
    proof::{Fault, planted},
    replica::Replica,
};

/// A version of which there is no view.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// It has an operation that is not here.
    #[error("{op} is not here")]
    NotHere {
        /// The operation.
        op: OpId,
    },
    /// It ends inside a change. A change is shown as a whole or not at all.
    #[error("the change of {op} goes on after it")]
    InsideChange {
        /// The last operation that it has of its writer.
        op: OpId,
    },
    /// It has a change without something that the change came after.
    #[error("change {change} came after {lacks}, which the version lacks")]
    Incomplete {
        /// The change, by its first operation.
        change: OpId,
        /// What it came after.
        lacks: OpId,
    },
}

/// Two documents that cannot become one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// Their histories were begun apart.
    #[error("the histories were begun apart: {ours} here, {theirs} there")]
    Epochs {
        /// The birth mark here.
        ours: Epoch,
        /// The birth mark there.
        theirs: Epoch,
    },
    /// The other one does not keep a change that is not here. What it shows can be taken in as a
    /// [snapshot](Document::merge_snapshot).
    #[error("{op} is not here, and is not kept there: merge a snapshot of that document")]
    NotKept {
        /// The operation.
        op: OpId,
    },
    /// A change can be part of no history that this document can hold. Those before it are taken in.
    #[error(transparent)]
    Change(#[from] ChangeFault),
}

/// A document as it was, to be read. It dereferences to a [`Document`] that cannot be edited; who wants to go on from there
/// [forks](Document::fork) it.
#[derive(Clone)]
pub struct View {
    document: Document,
}

impl Deref for View {
    type Target = Document;

    fn deref(&self) -> &Document {
        &self.document
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "view of a {:?}", self.document)
    }
}

/// A walk through the changes of a document, as it was when the walk was begun: see [`Document::history`].
#[derive(Clone)]
pub struct History {
    changes: Vec<Change>,
    at: usize,
    view: View,
}

impl History {
    /// All changes in the order of their arrival: of each who made it, when, and which operations it covers.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// How many of the changes are shown.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// What was shown after as many changes.
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Goes on by one change: the change, and what to patch a view with. `None` at the end.
    pub fn forward(&mut self) -> Option<(&Change, Vec<ContainerEdit>)> {
        let change = self.changes.get(self.at)?;
        self.at += 1;
        self.view.document.take_again(change.clone());
        let edits = match self.view.document.events.pop_front() {
            Some(DocumentEvent::Changed { edits, .. }) => edits,
            _ => Vec::new(),
        };
        Some((change, edits))
    }

    /// Goes back by one change: what to patch a view with. `None` at the beginning.
    pub fn back(&mut self) -> Option<Vec<ContainerEdit>> {
        Some(self.go_to(self.at.checked_sub(1)?))
    }

    /// Goes to where `position` changes are shown, or all if there are not as many: what to patch a view with.
    pub fn go_to(&mut self, position: usize) -> Vec<ContainerEdit> {
        let position = position.min(self.changes.len());
        let before = self.view.clone();
        if position < self.at {
            self.view.document = Document::of_changes(&before, self.changes[..position].iter().cloned());
        } else {
            for change in &self.changes[self.at..position] {
                self.view.document.take_again(change.clone());
            }
            self.view.document.events.clear();
        }
        self.at = position;
        compare::edits(&before.state, &self.view.state)
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} changes", self.at, self.changes.len())
    }
}

impl Document {
    /// A walk through its changes, which begins at the end. What is edited or received from now on is not in it. A document
    /// that began with a [snapshot](Self::snapshot) has nothing to go back to.
    ///
    /// ```
    /// use crdt_socket_sync::{Document, ReplicaId, Wall, document::EditError};
    ///
    /// let mut document = Document::new(ReplicaId::new(1));
    /// for (at, word) in ["Hello", " world"].into_iter().enumerate() {
    ///     document.edit(Wall::from_millis(1_000 + at as u64), |txn| txn.text("text").push_str(word))?;
    /// }
    /// let mut history = document.history();
    /// history.back();
    /// assert_eq!(history.view().text("text"), "Hello");
    /// let (change, _edits) = history.forward().unwrap();
    /// assert_eq!((change.replica, change.clock.millis()), (ReplicaId::new(1), 1_001));
    /// # Ok::<_, EditError>(())
    /// ```
    pub fn history(&self) -> History {
        let all_are_here = self.log.not_kept().is_empty();
        let changes: Vec<_> = self.log.iter().take(if all_are_here { usize::MAX } else { 0 }).collect();
        History { at: changes.len(), changes, view: View { document: self.copy() } }
    }

    /// The version whose heads these are: they, and all that they came after.
    ///
    /// # Errors
    ///
    /// If a head is not here, or is not the last operation of a change.
    pub fn version_of(&self, heads: &Frontier) -> Result<VersionVector, VersionError> {
        let mut version = VersionVector::new();
        let mut ahead = BTreeSet::new();
        for op in heads.iter() {
            let position = self.log.position(op).ok_or(VersionError::NotHere { op })?;
            if self.log.get(position).is_none_or(|change| change.last() != op) {
                return Err(VersionError::InsideChange { op });
            }
            ahead.insert(position);
        }
        while let Some(change) = ahead.pop_last().and_then(|position| self.log.get(position)) {
            version.extend(change.replica, change.end());
            let previous = change.seq.checked_sub(1).map(|seq| OpId::new(change.replica, seq));
            ahead.extend(previous.into_iter().chain(change.deps.iter()).filter_map(|op| self.log.position(op)));
        }
        Ok(version)
    }

    /// The document as it was when it had this version and nothing else.
    ///
    /// # Errors
    ///
    /// If there was no such version, or some of it is not here.
    pub fn at(&self, version: &VersionVector) -> Result<View, VersionError> {
        for (replica, next) in version.iter() {
            let op = OpId::new(replica, next - 1);
            let position = self.log.position(op).ok_or(VersionError::NotHere { op })?;
            if self.log.get(position).is_none_or(|change| change.last() != op) {
                return Err(VersionError::InsideChange { op });
            }
        }
        let in_it = |change: &Change| version.contains(change.id()) || planted(Fault::ViewShowsLater);
        for change in self.log.iter().filter(in_it) {
            if let Some(lacks) =
                change.deps.iter().find(|dep| !version.contains(*dep) && !planted(Fault::ViewShowsLater))
            {
                return Err(VersionError::Incomplete { change: change.id(), lacks });
            }
        }
        if version == self.log.version() {
            return Ok(View { document: self.copy() });
        }
        Ok(View { document: Self::of_changes(self, self.log.iter().filter(in_it)) })
    }

    /// What a view of one version has to do to show another one, in either direction: an edit for each container that is
    /// not the same.
    ///
    /// # Errors
    ///
    /// Those of [`at`](Self::at).
    pub fn diff(&self, from: &VersionVector, to: &VersionVector) -> Result<Vec<ContainerEdit>, VersionError> {
        Ok(compare::edits(&self.at(from)?.state, &self.at(to)?.state))
    }

    /// Another document with the same history, to be edited as `replica`: one that nobody has ever written as, here or
    /// elsewhere.
    #[must_use]
    pub fn fork(&self, replica: ReplicaId) -> Self {
        Self { replica, ..self.copy() }
    }

    /// Takes in all changes of another document that are not here. How many.
    ///
    /// # Errors
    ///
    /// If the histories were begun apart, or contradict each other, or the other document has not all changes that are missing
    /// here.
    pub fn merge(&mut self, other: &Self, limits: &Limits) -> Result<usize, MergeError> {
        if let (Some(ours), Some(theirs)) = (self.log.epoch(), other.log.epoch()) {
            if ours != theirs {
                return Err(MergeError::Epochs { ours, theirs });
            }
        }
        let here = self.log.version();
        let lacks = other.log.not_kept().iter().find(|(replica, next)| *next > here.next(*replica));
        if let Some((replica, _)) = lacks {
            return Err(MergeError::NotKept { op: OpId::new(replica, here.next(replica)) });
        }
        if self.log.epoch().is_none() {
            self.log.set_epoch(other.log.epoch());
        }
        let before = self.log.end();
        // What waits here may be released on the way.
        let version = self.log.version().clone();
        for change in other.log.since(&version) {
            self.receive(change, limits)?;
        }
        Ok(self.log.end() - before)
    }

    /// What is shown, without what is to be reported or undone.
    fn copy(&self) -> Self {
        Self { events: Default::default(), undo: None, ..self.clone() }
    }

    /// A document of some changes of another one, each of which comes after what it depends on.
    fn of_changes(other: &Self, changes: impl IntoIterator<Item = Change>) -> Self {
        let mut document = Self::new(other.replica);
        document.change_limit = other.change_limit;
        document.log.set_epoch(other.log.epoch());
        for change in changes {
            document.take_again(change);
            document.events.clear();
        }
        document
    }

    /// Takes in a change that some log has taken in after the same ones.
    fn take_again(&mut self, change: Change) {
        let limits = Limits { replicas: usize::MAX, ..Limits::default() };
        let received = self.receive(change, &limits);
        debug_assert!(matches!(received, Ok(Received::Appended { .. })), "{received:?}");
    }
}
