//! The oracles that need a twin: (b), (g) and a part of (i) of the simulator's programs.

use std::collections::{BTreeMap, BTreeSet};

use crdt_socket_sync::{Change, Document, DocumentEvent, OpId, Wall, causal::Frontier};
use crdt_socket_sync_loopback::program::{Judge, Verdict};

use crate::{
    model::Model,
    undone::{self, By},
    view::{Patched, reached, shown},
};

/// - **(b)** In the end, every document shows what the naive [`Model`] of its changes shows, and its log has the heads and
///   the clock that these changes have. While what is shown stays the same, so does the digest, and the other way round: of what can be
///   reached from the root, whoever made it.
/// - **(g)** A view that was only ever patched from events shows, at every moment, what the document shows.
/// - **(i)** If someone takes back all that they did, what others did is left, and the changes that take it back say what
///   the document shows then.
#[derive(Debug, Default)]
pub struct Twin {
    desks: BTreeMap<usize, Desk>,
}

/// What one replica of one document was seen to show.
#[derive(Debug, Default)]
struct Desk {
    view: Patched,
    last: Option<(Vec<String>, [u8; 16])>,
    /// The changes that can be undone, and those that undo or redo.
    edited: BTreeSet<OpId>,
    taken_back: BTreeSet<OpId>,
}

impl Judge for Twin {
    fn opened(&mut self, desk: usize, document: &Document) {
        self.desks.insert(desk, Desk { view: Patched::of(document), ..Desk::default() });
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

    fn edited(&mut self, desk: usize, change: OpId) {
        self.desks.entry(desk).or_default().edited.insert(change);
    }

    fn taken_back(&mut self, desk: usize, change: OpId) {
        self.desks.entry(desk).or_default().taken_back.insert(change);
    }

    fn begun_again(&mut self, desk: usize) {
        let desk = self.desks.entry(desk).or_default();
        desk.edited.clear();
        desk.taken_back.clear();
    }

    fn end(&mut self, documents: &[(usize, &Document)], changes: &[Change]) -> Result<(), Verdict> {
        let model = Model::of(changes);
        let expected = model.shown();
        if documents.iter().any(|(_, document)| shown(document) != expected) {
            return Err("(b) the naive twin shows something else".into());
        }
        let named = |op: OpId| changes.iter().any(|change| change.deps.contains(op));
        let followed = |op: OpId| changes.iter().any(|change| change.replica == op.replica && change.seq > op.seq);
        let heads = changes.iter().map(|change| change.last());
        let heads: Frontier = heads.filter(|op| !named(*op) && !followed(*op)).collect();
        let clock = changes.iter().map(|change| change.clock).max().unwrap_or_default();
        for log in documents.iter().map(|(_, document)| document.log()) {
            if (log.frontier(), log.clock()) != (&heads, clock) {
                let (has, at) = (log.frontier(), log.clock());
                return Err(format!("(b) the heads are {heads:?} at {clock}, and not {has:?} at {at}").into());
            }
        }
        let desks = documents.iter().filter_map(|(desk, document)| Some((self.desks.get(desk)?, *document)));
        desks.filter(|(desk, _)| !desk.edited.is_empty()).try_for_each(|(desk, document)| {
            desk.take_all_back(document.clone(), changes, model.clone()).map_err(|what| format!("(i) {what}").into())
        })
    }
}

impl Desk {
    fn take_all_back(&self, mut document: Document, changes: &[Change], mut model: Model) -> Result<(), String> {
        let (mut all, mut taken_back) = (changes.to_vec(), self.taken_back.clone());
        let wall = Wall::from_millis(document.log().clock().millis());
        // It may be too much for one change.
        while let Ok(Some(undone)) = document.undo(wall) {
            model.take(&undone.change);
            taken_back.insert(undone.change.id());
            all.push(undone.change);
        }
        if document.undo_depth().0 > 0 {
            return Ok(());
        }
        document.check()?;
        if shown(&document) != model.shown() {
            return Err("what is undone says something else than what the document shows".into());
        }
        undone::check(&document, &all, |change| match change.id() {
            id if self.edited.contains(&id) => By::Them,
            id if taken_back.contains(&id) => By::Undoing,
            _ => By::Others,
        })
    }
}
