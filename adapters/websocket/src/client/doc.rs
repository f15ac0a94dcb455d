//! One open document.

use std::{fmt, future::Future, sync::Arc, task::Poll};

use crdt_socket_sync::{
    Change, DocId, Document, Level, Wall,
    document::{EditError, Edited, Transaction},
    error::{ChangeFault, Code, Misuse, Retry},
};

use super::{ConnectError, DocEvent, DocEvents, Handle, SyncError, state::State};

/// A document that a client has open. Cheap to clone; keeps its client alive.
#[derive(Clone)]
pub struct Doc {
    handle: Arc<Handle>,
    id: DocId,
    name: Arc<str>,
}

/// Why something could not be done with a document.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DocError {
    /// The edit is not possible.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A change can be part of no history.
    #[error(transparent)]
    Change(#[from] ChangeFault),
    /// The document was left, or is not loaded yet.
    #[error(transparent)]
    Misuse(#[from] Misuse),
}

impl Doc {
    pub(super) fn new(handle: Arc<Handle>, id: DocId, name: &str) -> Self {
        Self { handle, id, name: name.into() }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number with this client.
    pub fn id(&self) -> DocId {
        self.id
    }

    /// Edits the document: one transaction, one change, sent as soon as the connection takes it, or kept until there is
    /// one. The closure is to be short, and must not use the client or its documents: they are locked meanwhile.
    ///
    /// # Errors
    ///
    /// Those of the transaction, of which nothing is left then; [`DocError::Misuse`] if the document was left, or is
    /// not [loaded](Self::loaded) yet.
    pub fn edit<T>(
        &self,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, EditError>,
    ) -> Result<Edited<T>, DocError> {
        self.try_edit(|txn| edit(txn).map_err(DocError::Edit))
    }

    /// Edits the document, like [`edit`](Self::edit), in a closure with errors of its own.
    ///
    /// # Errors
    ///
    /// As with [`edit`](Self::edit).
    pub fn try_edit<T, E: From<EditError> + From<Misuse>>(
        &self,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Edited<T>, E> {
        self.handle.0.act(|engine, now| engine.edit(now, self.id, edit)).map_err(E::from).and_then(|edited| edited)
    }

    /// Does anything else to the document than a transaction does: `|document, wall| document.undo(wall)`, say. What is new in
    /// it is sent. The closure gets the wall clock's reading; it is to be short, and must not use the client or its documents.
    ///
    /// # Errors
    ///
    /// If the document was left, or is not [loaded](Self::loaded) yet.
    pub fn update<T>(&self, update: impl FnOnce(&mut Document, Wall) -> T) -> Result<T, Misuse> {
        self.handle.0.act(|engine, now| engine.update(self.id, |document| update(document, now.wall)))
    }

    /// Reads the document. The closure is to be short, and must not use the client or its documents.
    ///
    /// # Errors
    ///
    /// If the document was left.
    pub fn read<T>(&self, read: impl FnOnce(&Document) -> T) -> Result<T, Misuse> {
        self.handle.0.read(|state| state.engine.replica(self.id).map(read))
    }

    /// Merges changes that came some other way than from the server: a file, a clipboard, another client.
    ///
    /// # Errors
    ///
    /// [`DocError::Change`] if one can be part of no history, those before it are merged; [`DocError::Misuse`] as with
    /// [`edit`](Self::edit).
    pub fn merge(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), DocError> {
        Ok(self.handle.0.act(|engine, _| engine.merge(self.id, changes))??)
    }

    /// The document's events from now on.
    pub fn events(&self) -> DocEvents {
        self.handle.0.doc_events(self.id)
    }

    /// Waits until everything that is here now has come to a level, and everything is here that the server had when it
    /// was joined; across lost connections, if need be.
    ///
    /// # Errors
    ///
    /// If that will not come to be without the application's doing.
    pub fn synced(&self, level: Level) -> impl Future<Output = Result<(), SyncError>> + Send + 'static + use<> {
        let id = self.id;
        let begun = self.handle.0.read(|state| {
            let replica = state.engine.replica(id).map_err(|_| SyncError::Left)?;
            Ok((replica.log().version().clone(), state.caught_up(id)?))
        });
        self.wait(move |state| {
            let (version, (times, at_once)) = begun.as_ref().map_err(SyncError::clone)?;
            let (times_now, now) = state.caught_up(id)?;
            let caught_up = *at_once || now || times_now > *times;
            if caught_up && state.engine.has_come(id, level, version).map_err(|_| SyncError::Left)? {
                return Ok(true);
            }
            if now && state.is_read_only(id) {
                return Err(SyncError::ReadOnly);
            }
            Ok(false)
        })
    }

    /// Waits until everything is here that the server had when the document was joined.
    ///
    /// # Errors
    ///
    /// If that will not come to be without the application's doing.
    pub fn caught_up(&self) -> impl Future<Output = Result<(), SyncError>> + Send + 'static + use<> {
        let id = self.id;
        let begun = self.handle.0.read(|state| state.caught_up(id));
        self.wait(move |state| {
            let (times, _) = begun.as_ref().map_err(SyncError::clone)?;
            let (times_now, now) = state.caught_up(id)?;
            Ok(now || times_now > *times)
        })
    }

    /// Waits until the document is as it is wanted. The closure is asked again after everything that happens; it is to be
    /// quick, and must not use the client or its documents.
    ///
    /// # Errors
    ///
    /// If the document is not kept in step any more, so that it will not come to be without the application's doing.
    pub fn until(
        &self,
        wanted: impl Fn(&Document) -> bool + Send + Unpin + 'static,
    ) -> impl Future<Output = Result<(), SyncError>> + Send + 'static {
        let id = self.id;
        self.wait(move |state| state.engine.replica(id).map(&wanted).map_err(|_| SyncError::Left))
    }

    /// Waits until the client's own storage has answered, and the document can be edited; without a storage that is at
    /// once.
    ///
    /// # Errors
    ///
    /// If the document was left, or the client closed.
    pub fn loaded(&self) -> impl Future<Output = Result<(), SyncError>> + Send + 'static + use<> {
        let id = self.id;
        self.handle.0.wait(move |state| match state.engine.is_loaded(id) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) if state.is_closed() => Poll::Ready(Err(ConnectError::Closed.into())),
            Ok(false) => Poll::Pending,
            Err(_) => Poll::Ready(Err(SyncError::Left)),
        })
    }

    /// How many operations that are here have not come to a level; none if the document was left.
    pub fn pending(&self, level: Level) -> u64 {
        self.handle.0.read(|state| state.engine.pending(self.id, level).unwrap_or(0))
    }

    /// Decides a [`DocEvent::EpochMismatch`]: what is here is merged into the server's history. If both were begun from
    /// the same text, that text will be there twice.
    ///
    /// # Errors
    ///
    /// If there is nothing to be decided.
    pub fn adopt(&self) -> Result<(), Misuse> {
        self.handle.0.adopt(self.id)
    }

    /// Leaves the document, for this and all clones, and hands it out.
    ///
    /// # Errors
    ///
    /// If it was left already.
    pub fn leave(self) -> Result<Document, Misuse> {
        self.handle.0.leave(self.id)
    }

    /// Waits for something, as long as the document is being kept in step.
    fn wait<F: Fn(&State) -> Result<bool, SyncError> + Send + 'static>(
        &self,
        done: F,
    ) -> impl Future<Output = Result<(), SyncError>> + Send + 'static + use<F> {
        let id = self.id;
        self.handle.0.wait(move |state| match done(state) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => state.trouble(id).map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
            Err(error) => Poll::Ready(Err(error)),
        })
    }
}

impl DocEvent {
    /// Why the document will not be kept in step any more, if that is what the event says.
    pub(super) fn trouble(&self) -> Option<SyncError> {
        match self {
            Self::Refused { reason } if reason.code.retry() == Retry::Never => Some(match reason.code {
                Code::ReadOnly => SyncError::ReadOnly,
                _ => SyncError::Refused(reason.clone()),
            }),
            Self::EpochMismatch { .. } => Some(SyncError::EpochMismatch),
            Self::Diverged { fault } => Some(SyncError::Diverged(fault.clone())),
            _ => None,
        }
    }
}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doc").field("name", &self.name).field("id", &self.id).finish_non_exhaustive()
    }
}
