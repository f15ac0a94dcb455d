//! What applications do with documents beside editing them.

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Client, Document, Level, Limits, Now, OpId, ReplicaId, VersionVector, Wall,
    document::{ContainerId, ContainerKind, Cursor, EditError, Side, UndoOptions, Undone},
};

use super::{
    Setup, Verdict,
    judge::check,
    perform::place,
    world::{PAGES, World},
};
use crate::trace::Node;

/// A snapshot that someone keeps, and who wrote in the document, how much.
#[derive(Clone)]
pub(super) struct Kept {
    snapshot: Bytes,
    replica: ReplicaId,
    written: u64,
}

/// A cursor that was set in a page.
pub(super) struct Mark {
    page: usize,
    cursor: Cursor,
}

/// More cursors than these are not followed.
const MOST_MARKS: usize = 32;

impl World<'_> {
    /// From now on what is done to a document can be undone, if this is such a world.
    pub(super) fn keep_edits(&self, document: &mut Document) {
        if self.setup.has(Setup::UNDO) {
            // All that a program can do.
            document.track_undo(UndoOptions { depth: usize::MAX, ..UndoOptions::default() });
        }
    }

    /// Someone has edited a document.
    pub(super) fn note_edited(&mut self, who: usize, page: usize, change: &Change) -> Result<(), Verdict> {
        if let (Some(desk), true) = (&self.people[who].desks[page], self.setup.has(Setup::UNDO)) {
            self.judge.edited(desk.number, change.id());
        }
        let redone = self.document(who, page).map_or(0, |document| document.undo_depth().1);
        check(redone == 0, || "(i) what was undone can be redone after an edit".into())
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

    // Snapshots. What a client's own store has is changes, so that those with a store have no use for them.

    /// The snapshot that an application would write now: without history if all of it is stored, or if it is careless.
    fn snapshot(&self, who: usize, page: usize, how: u8) -> Option<Bytes> {
        let document = self.document(who, page).filter(|document| !document.log().is_empty())?;
        let desk = self.people[who].desks[page].as_ref().filter(|desk| !desk.dead && !self.persists())?;
        let stored = self.sim.client(self.people[who].client).is_synced(desk.doc, Level::Stored) == Ok(true);
        let without = how % 4 < 2 && stored || how % 16 == 15;
        if without { Some(document.snapshot()) } else { document.full_snapshot() }
    }

    /// Goes on from a snapshot as the same writer: nothing that was ever sent is missing in it.
    pub(super) fn prune(&mut self, who: usize, page: usize, how: u8) -> Result<(), Verdict> {
        let (Some(snapshot), Some(before)) = (self.snapshot(who, page, how), self.document(who, page)) else {
            return Ok(());
        };
        let mut after = begin_with(before.replica_id(), snapshot)?;
        check(is_the_same(&after, before), || {
            format!("(i) client {who}, {}: what a snapshot gives is {after:?}, and was {before:?}", PAGES[page])
        })?;
        self.keep_edits(&mut after);
        self.report.snapshots += 1;
        let (client, desk) = (self.people[who].client, self.people[who].desks[page].as_ref());
        let Some((number, doc)) = desk.map(|desk| (desk.number, desk.doc)) else { return Ok(()) };
        self.judge.begun_again(number);
        if how >= 128 {
            let replaced = self.sim.with_client(client, |client, _| client.update(doc, |document| *document = after));
            replaced.expect("it is open");
            return Ok(());
        }
        self.leave(who, page, true);
        if let Some((_, document)) = &mut self.people[who].kept[page] {
            *document = after;
        }
        if how < 96 {
            self.open(who, page);
        }
        Ok(())
    }

    pub(super) fn keep(&mut self, who: usize, page: usize, how: u8) {
        let (Some(snapshot), Some(document)) = (self.snapshot(who, page, how), self.document(who, page)) else {
            return;
        };
        let replica = document.replica_id();
        let written = document.log().version().next(replica);
        self.people[who].snapshots[page] = Some(Kept { snapshot, replica, written });
    }

    /// Begins with a snapshot that someone has kept, as someone new; or as whoever wrote it, if they did nothing since.
    pub(super) fn go_back(&mut self, who: usize, page: usize, of: u8, how: u8) -> Result<(), Verdict> {
        let of = if self.reads_only(who) { who } else { usize::from(of) % self.people.len() };
        let Some(Kept { snapshot, replica, written }) = self.people[of].snapshots[page].clone() else { return Ok(()) };
        self.leave(who, page, false);
        self.people[who].kept[page] = None;
        let is_there = |writer: ReplicaId| {
            let open = self.people.iter().filter_map(|person| person.desks[page].as_ref());
            let closed = self.people.iter().filter_map(|person| person.kept[page].as_ref().map(|(desk, _)| desk));
            open.chain(closed).any(|desk| desk.replica == writer)
        };
        let goes_on = how % 2 == 0 && self.replicas.get(&(page, replica)) == Some(&written) && !is_there(replica);
        let replica = if goes_on { replica } else { self.fresh_replica() };
        let document = begin_with(replica, snapshot)?;
        self.open_with(who, page, document);
        self.report.snapshots += 1;
        Ok(())
    }

    pub(super) fn recall(&mut self, who: usize, page: usize) -> Result<(), Verdict> {
        let Some(doc) = self.people[who].desks[page].as_ref().map(|desk| desk.doc) else { return Ok(()) };
        if self.persists() {
            return Ok(());
        }
        let client = self.people[who].client;
        let recalled = self.sim.with_client(client, |client, _| {
            client.update(doc, |document| {
                let before = document.clone();
                document.recall(&Limits::default()).map(|_| is_the_same(document, &before))
            })
        });
        let recalled = recalled.expect("it is open");
        check(recalled == Ok(true), || format!("(i) client {who} has unpacked its history: {recalled:?}"))
    }

    /// A client was told that it cannot take part without what its snapshot covers: it begins anew, or leaves it at that.
    pub(super) fn refused_as_pruned(&mut self, who: usize, page: usize) -> Result<(), Verdict> {
        let packed = self.document(who, page).is_some_and(unpacks);
        check(!packed, || format!("(i) client {who} gives nobody what it has packed"))?;
        if !self.healed && self.dice.below(3) == 0 {
            self.leave(who, page, false);
            self.open(who, page);
        }
        Ok(())
    }

    /// Takes over what someone else has as a block: what is lacking, or all.
    pub(super) fn import(&mut self, who: usize, page: usize, from: u8, how: u8) -> Result<(), Verdict> {
        let Some((doc, theirs)) = self.theirs(who, page, from) else { return Ok(()) };
        let ours = self.document(who, page).map(|ours| ours.log().version().clone()).unwrap_or_default();
        let since = if how % 4 == 0 { VersionVector::new() } else { ours };
        let (version, all_kept) = (theirs.log().version().clone(), since.covers(theirs.log().not_kept()));
        let block = theirs.export(&since);
        check(block.is_some() == all_kept, || format!("(i) {theirs:?} exports what it does not keep, or nothing"))?;
        let Some(block) = block else { return Ok(()) };
        let client = self.people[who].client;
        let limits = self.sim.client(client).limits().clone();
        let imported = self.sim.with_client(client, |client, _| {
            client.update(doc, |document| (document.import(block, &limits), document.log().version().covers(&version)))
        });
        let (imported, all) = imported.expect("it is open");
        check(self.pages[page].tainted || imported.is_ok() && all, || {
            format!("(i) client {who} has imported what lacks something: {imported:?}")
        })
    }

    // Cursors.

    pub(super) fn mark(&mut self, who: usize, page: usize, what: u8, how: u8) -> Result<(), Verdict> {
        let Some(document) = self.document(who, page) else { return Ok(()) };
        let (at, side) = (place(what, document.text("text").len()), [Side::Left, Side::Right][usize::from(how % 2)]);
        let Some(cursor) = document.cursor(&text(), at, side) else { return Err("(i) a text has no cursors".into()) };
        check(document.position_of(&cursor) == Some(at), || format!("(i) {cursor:?} was set at {at}"))?;
        if self.marks.len() == MOST_MARKS {
            self.marks.remove(0);
        }
        self.marks.push(Mark { page, cursor });
        Ok(())
    }

    /// (i): cursors are where they are for everyone.
    pub(super) fn check_marks(&self, page: usize) -> Result<(), Verdict> {
        let documents: Vec<_> = (0..self.people.len()).filter_map(|who| self.document(who, page)).collect();
        for Mark { cursor, .. } in self.marks.iter().filter(|mark| mark.page == page) {
            let mut positions: Vec<_> = documents.iter().map(|document| document.position_of(cursor)).collect();
            positions.dedup();
            check(positions.len() < 2, || format!("(i) {cursor:?} is at {positions:?}"))?;
        }
        Ok(())
    }
}

fn text() -> ContainerId {
    ContainerId::root(ContainerKind::Text, "text")
}

fn begin_with(replica: ReplicaId, snapshot: Bytes) -> Result<Document, Verdict> {
    let read = Document::from_snapshot(replica, snapshot, &Limits::default());
    read.map_err(|fault| format!("(i) what was written as a snapshot is none: {fault}").into())
}

/// Whether a document shows what another one shows, and goes on as that would.
fn is_the_same(one: &Document, other: &Document) -> bool {
    let says = |document: &Document| {
        let log = document.log();
        (log.version().clone(), log.frontier().clone(), log.clock(), log.epoch(), document.snapshot())
    };
    says(one) == says(other) && one.digest() == other.digest()
}

/// The same document with all its history, if that is packed in it.
pub(super) fn unpacked(document: &Document) -> Option<Document> {
    let mut copy = document.clone();
    let packed = !document.log().not_kept().is_empty() && copy.recall(&Limits::default()) == Ok(true);
    packed.then_some(copy)
}

pub(super) fn unpacks(document: &Document) -> bool {
    unpacked(document).is_some()
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
