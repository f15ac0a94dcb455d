//! A pen: a page that follows a shared text, and edits that are made where its caret is.

use std::collections::VecDeque;

use crdt_socket_sync::{
    document::{ContainerEdit, ContainerId, ContainerKind, DocumentEvent, EditError},
    error::Misuse,
};
use crdt_socket_sync_websocket::{Doc, DocError, DocEvent, DocEvents};
use futures_util::FutureExt;

use super::Page;
use crate::{connect, failure::Failure};

/// An edit to be made at the caret.
pub(crate) enum Stroke<'a> {
    Insert(&'a str),
    Backspace,
    Delete,
}

/// Why an edit was not made.
enum NotMade {
    /// The page is behind the document: an edit came in meanwhile.
    Stale,
    Failed(DocError),
}

impl From<EditError> for NotMade {
    fn from(error: EditError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Misuse> for NotMade {
    fn from(error: Misuse) -> Self {
        Self::Failed(error.into())
    }
}

pub(crate) struct Pen {
    pub(crate) doc: Doc,
    pub(crate) page: Page,
    /// The text's name in the document.
    text: String,
    events: DocEvents,
    /// Events that are about something else than the text.
    others: VecDeque<DocEvent>,
}

impl Pen {
    pub(crate) fn new(doc: Doc, text: String) -> Result<Self, Failure> {
        let mut pen = Self { page: Page::default(), text, events: doc.events(), others: VecDeque::new(), doc };
        pen.reread()?;
        Ok(pen)
    }

    fn reread(&mut self) -> Result<(), Failure> {
        let name = &self.text;
        let text = self.events.reread(|document| document.text(name).to_string()).map_err(connect::misuse)?;
        self.page.reset(&text);
        Ok(())
    }

    /// Waits for an event and takes it in; whether there was one.
    pub(crate) async fn follow(&mut self) -> Result<bool, Failure> {
        let Some(event) = self.events.next().await else { return Ok(false) };
        self.take(event)?;
        self.catch_up()?;
        Ok(true)
    }

    /// Takes in every event that is here already.
    pub(crate) fn catch_up(&mut self) -> Result<(), Failure> {
        while let Some(Some(event)) = self.events.next().now_or_never() {
            self.take(event)?;
        }
        Ok(())
    }

    /// The next event that is about something else than the text.
    pub(crate) fn other(&mut self) -> Option<DocEvent> {
        self.others.pop_front()
    }

    fn take(&mut self, event: DocEvent) -> Result<(), Failure> {
        match event {
            DocEvent::Document(DocumentEvent::Changed { origin, edits, .. }) => {
                for edit in edits {
                    if let ContainerEdit::Text { id, edits } = edit
                        && id == ContainerId::root(ContainerKind::Text, &self.text)
                    {
                        self.page.apply(origin, &edits);
                    }
                }
            }
            DocEvent::Lagged => self.reread()?,
            other => self.others.push_back(other),
        }
        Ok(())
    }

    /// Makes an edit at the caret, in the text as it is shown: if another one came in meanwhile, that is shown first.
    pub(crate) fn make(&mut self, stroke: &Stroke<'_>) -> Result<(), DocError> {
        for _ in 0..10 {
            // A document that was left says so when it is edited.
            let _ = self.catch_up();
            let (page, caret) = (&self.page, self.page.caret());
            let (at, removed, inserted) = match stroke {
                Stroke::Insert(text) => (caret, 0, *text),
                Stroke::Backspace if caret > 0 => (caret - 1, 1, ""),
                Stroke::Delete if caret < page.chars().len() => (caret, 1, ""),
                _ => return Ok(()),
            };
            let made = self.doc.try_edit(|txn| {
                let mut text = txn.text(&self.text);
                if !text.view().chars().eq(page.chars().iter().copied()) {
                    return Err(NotMade::Stale);
                }
                text.replace(at, removed, inserted).map_err(NotMade::from)
            });
            match made {
                Ok(_) => {
                    let _ = self.catch_up();
                    return Ok(());
                }
                Err(NotMade::Stale) => {}
                Err(NotMade::Failed(error)) => return Err(error),
            }
        }
        // Whatever has gone wrong between the two, the document is right.
        let _ = self.reread();
        Ok(())
    }
}
