//! What applications do with documents beside editing them.

use crdt_socket_sync::{
    Change, Client, Document, Now, OpId, Wall,
    document::{ContainerId, ContainerKind, EditError, Side, UndoOptions, Undone},
};

use super::{Setup, Verdict, judge::check, world::World};
use crate::trace::Node;

impl World<'_> {
    /// From now on what is done to a document can be undone, if this is such a world.
    pub(super) fn keep_edits(&self, document: &mut Document) {
        if self.setup.has(Setup::UNDO) {
            // All that a program can do.
            document.track_undo(UndoOptions { depth: usize::MAX, ..UndoOptions::default() });
        }
    }

    /// Someone has edited a document.
    pub(super) fn note_edited(&mut self, who: usize, page: usize, change: Option<&Change>) {
        let desk = self.people[who].desks[page].as_ref();
        if let (Some(desk), Some(change), true) = (desk, change, self.setup.has(Setup::UNDO)) {
            self.judge.edited(desk.number, change.id());
        }
    }

    /// Undoes, or redoes, a few times.
    pub(super) fn take_back(&mut self, who: usize, page: usize, redo: bool, how: u8) -> Result<(), Verdict> {
        let Some(doc) = self.writable(who, page) else { return Ok(()) };
        let client = self.people[who].client;
        for _ in 0..=how % 3 {
            let before = self.sim.replica(client, doc).clone();
            back_and_forth(before.clone(), self.sim.now_at(Node::Client(client.number())).wall, redo)?;
            let act = |client: &mut Client, now: Now| {
                client.update(doc, |document| take_back(document, now.wall, redo)).expect("it is open")
            };
            let change = match self.sim.with_client(client, act) {
                Ok(Some(undone)) => undone.change,
                Ok(None) | Err(EditError::ChangeTooLarge { .. }) => break,
                Err(error) => return Err(format!("(i) what can be taken back is refused: {error}").into()),
            };
            self.report.changes += 1;
            self.report.undone += 1;
            others_are_as_they_were(&before, self.sim.replica(client, doc))?;
            if let Some(desk) = &self.people[who].desks[page] {
                self.judge.taken_back(desk.number, change.id());
            }
        }
        Ok(())
    }
}

fn take_back(document: &mut Document, wall: Wall, redo: bool) -> Result<Option<Undone>, EditError> {
    if redo { document.redo(wall) } else { document.undo(wall) }
}

/// (i): what is undone and redone shows what was there before.
fn back_and_forth(mut document: Document, wall: Wall, redo: bool) -> Result<(), Verdict> {
    let before = document.to_json();
    // The other way it may be too much for one change.
    let done = take_back(&mut document, wall, redo).is_ok() && document.to_json() != before;
    if done && take_back(&mut document, wall, !redo).is_ok() {
        document.check().map_err(|what| format!("(c) after it was undone and redone: {what}"))?;
        let after = document.to_json();
        check(after == before, || format!("(i) there and back: {before} is {after}"))?;
    }
    Ok(())
}

/// (i): what others have written in texts and lists is where it was.
fn others_are_as_they_were(before: &Document, after: &Document) -> Result<(), Verdict> {
    let sequences = before.containers().filter(|id| matches!(id.kind, ContainerKind::Text | ContainerKind::List));
    for id in sequences {
        let of_others = |document| written(document, id).filter(|item| item.replica != before.replica_id());
        check(of_others(before).eq(of_others(after)), || {
            format!("(i) taking back one's own has changed what others have written in {id:?}")
        })?;
    }
    Ok(())
}

/// What is in a text or a list, by the operations that inserted it.
fn written<'a>(document: &'a Document, id: &'a ContainerId) -> impl Iterator<Item = OpId> + 'a {
    (0..).map_while(|at| document.cursor(id, at, Side::Right)?.item())
}
