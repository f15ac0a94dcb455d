//! The oracles that need a twin: (b) and (g) of the simulator's programs.

use std::collections::BTreeMap;

use crdt_socket_sync::{Document, DocumentEvent};
use crdt_socket_sync_loopback::program::{Judge, Verdict};

use crate::{
    model::Model,
    view::{Patched, shown},
};

/// - **(b)** In the end, every document shows what the naive [`Model`] of its changes shows.
/// - **(g)** A view that was only ever patched from events shows, at every moment, what the document shows.
#[derive(Debug, Default)]
pub struct Twin {
    views: BTreeMap<usize, Patched>,
}

impl Judge for Twin {
    fn opened(&mut self, desk: usize, _: &Document) {
        self.views.insert(desk, Patched::default());
    }

    fn event(&mut self, desk: usize, event: &DocumentEvent, document: &Document) -> Result<(), Verdict> {
        self.views.entry(desk).or_default().take(event.clone(), document);
        Ok(())
    }

    fn look(&mut self, desk: usize, document: &Document) -> Result<(), Verdict> {
        let matches = self.views.get(&desk).is_some_and(|view| view.matches(document));
        if matches { Ok(()) } else { Err("(g) a view patched from events shows something else".into()) }
    }

    fn end(&mut self, documents: &[&Document]) -> Result<(), Verdict> {
        let Some(first) = documents.first() else { return Ok(()) };
        let expected = Model::of(first.log().iter()).shown();
        let differs = documents.iter().any(|document| shown(document) != expected);
        if differs { Err("(b) the naive twin shows something else".into()) } else { Ok(()) }
    }
}
