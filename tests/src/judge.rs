//! The oracles that need a twin: (b) and (g) of the simulator's programs.

use std::collections::BTreeMap;

use crdt_socket_sync::{Document, DocumentEvent, OpId, causal::Frontier};
use crdt_socket_sync_loopback::program::{Judge, Verdict};

use crate::{
    model::Model,
    view::{Patched, reached, shown},
};

/// - **(b)** In the end, every document shows what the naive [`Model`] of its changes shows, and its log has the heads and
///   the clock that these changes have. While what is shown stays the same, so does the digest, and the other way round: of what can be
///   reached from the root, whoever made it.
/// - **(g)** A view that was only ever patched from events shows, at every moment, what the document shows.
#[derive(Debug, Default)]
pub struct Twin {
    desks: BTreeMap<usize, Desk>,
}

/// What one replica of one document was seen to show.
#[derive(Debug, Default)]
struct Desk {
    view: Patched,
    last: Option<(Vec<String>, [u8; 16])>,
}

impl Judge for Twin {
    fn opened(&mut self, desk: usize, _: &Document) {
        self.desks.insert(desk, Desk::default());
    }

    fn event(&mut self, desk: usize, event: &DocumentEvent, document: &Document) -> Result<(), Verdict> {
        self.desks.entry(desk).or_default().view.take(event.clone(), document);
        Ok(())
    }

    fn look(&mut self, desk: usize, document: &Document) -> Result<(), Verdict> {
        let desk = self.desks.entry(desk).or_default();
        if !desk.view.matches(document) {
            return Err("(g) a view patched from events shows something else".into());
        }
        let (seen, digest) = (reached(&shown(document)), document.digest());
        if let Some((before, old)) = &desk.last {
            if (*before == seen) != (*old == digest) {
                return Err("(b) the digest does not say what is shown".into());
            }
        }
        desk.last = Some((seen, digest));
        Ok(())
    }

    fn end(&mut self, documents: &[&Document]) -> Result<(), Verdict> {
        let Some(first) = documents.first() else { return Ok(()) };
        let expected = Model::of(first.log().iter()).shown();
        if documents.iter().any(|document| shown(document) != expected) {
            return Err("(b) the naive twin shows something else".into());
        }
        let changes: Vec<_> = first.log().iter().collect();
        let named = |op: OpId| changes.iter().any(|change| change.deps.contains(op));
        let followed = |op: OpId| changes.iter().any(|change| change.replica == op.replica && change.seq > op.seq);
        let heads = changes.iter().map(|change| change.last());
        let heads: Frontier = heads.filter(|op| !named(*op) && !followed(*op)).collect();
        let clock = changes.iter().map(|change| change.clock).max().unwrap_or_default();
        for log in documents.iter().map(|document| document.log()) {
            if (log.frontier(), log.clock()) != (&heads, clock) {
                let (has, at) = (log.frontier(), log.clock());
                return Err(format!("(b) the heads are {heads:?} at {clock}, and not {has:?} at {at}").into());
            }
        }
        Ok(())
    }
}
