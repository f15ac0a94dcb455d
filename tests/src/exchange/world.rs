//! Runs programs, and says what must hold.
//!
//! - Every replica that holds all changes shows what the naive [`Model`] of them shows, has the same digest, and calls the
//!   same changes unreadable; so does a fresh document that is given them in order, or in reverse.
//! - Events tell the truth: a view that was only ever patched from them shows what the document shows. Each change is
//!   reported at most once, when it is taken in, and none of one's own as someone else's; one that alters nothing that can
//!   be seen is not reported.
//! - What was inside each document after every step was sound.
//! - A failed transaction leaves no trace, not even in the next change; nor does what is done to a clone.
//! - A document without its history goes on like the one that has it: see `pruned`.
//! - A snapshot that is taken in is as good as the changes that it covers: see `united`.
//! - What is undone and redone, if that can be seen, shows what was there before.
//! - What is exported of all changes, or of some, is what is imported: see `blocks`.
//! - A document that starts again from its changes is the one it was, and reports nothing but what it cannot read.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Document, DocumentEvent, Limits, OpId, Replica, ReplicaId, Wall,
    causal::{Hlc, Received},
    document::{
        Action, ContainerEdit, ContainerId, ContainerKind, Dictionary, EditError, ListEdit, Operation, Operations,
        Origin, PathStep, Place, Slot, Transaction, UndoOptions, Value,
    },
};

use super::{IN_LISTS, Nested, Program, Step, edit::Edit, lists, pruned::Pruned, united};
use crate::{
    Dice, blocks,
    model::Model,
    view::{Patched, Shown, View, shown},
};

const REPLICAS: [u64; 4] = [0x45ee_6b65, 0xa90d_fced, 0x7c9e, 0xffff_0001];

impl Program {
    /// Does what it says.
    ///
    /// # Panics
    ///
    /// If something does not hold.
    pub fn run(&self) {
        self.play().finish(self.reverse);
    }

    /// Snapshots of what each of the people has when it is done.
    ///
    /// # Panics
    ///
    /// If something does not hold until then.
    pub fn snapshots(&self) -> Vec<Bytes> {
        self.play().people.iter().map(|person| person.document.snapshot()).collect()
    }

    fn play(&self) -> World {
        let mut world = World::new();
        let mut steps = &self.steps[..];
        while let Some((first, rest)) = steps.split_first() {
            steps = rest;
            if let Step::Edit { who, nested, wall, edit, .. } = first {
                let mut edits = vec![(*nested, edit)];
                while let Some((Step::Edit { joins: true, nested, edit, .. }, rest)) = steps.split_first() {
                    edits.push((*nested, edit));
                    steps = rest;
                }
                if let Some((Step::Fail { .. }, rest)) = steps.split_first() {
                    steps = rest;
                    world.people[*who].fail(&edits);
                } else {
                    world.edit(*who, &edits, *wall);
                }
            } else {
                world.take(first);
            }
        }
        world
    }
}

struct World {
    people: Vec<Person>,
    /// Every change there is, each after what it depends on, and what it says if that can be read.
    made: Vec<Change>,
    said: Vec<Operations>,
    dictionaries: BTreeMap<ReplicaId, Dictionary>,
}

/// Someone with a document, and a view of it.
struct Person {
    document: Document,
    view: Patched,
    reported: BTreeSet<OpId>,
    unreadable: BTreeSet<OpId>,
    /// What arrived too early, and may wait still.
    early: Vec<Change>,
    /// The same document without its history, if it was pruned.
    pruned: Option<Pruned>,
}

impl World {
    fn new() -> Self {
        let people = REPLICAS.map(|replica| Person {
            document: undoing(Document::new(ReplicaId::new(replica))),
            view: Patched::default(),
            reported: BTreeSet::new(),
            unreadable: BTreeSet::new(),
            early: Vec::new(),
            pruned: None,
        });
        Self { people: people.into(), made: Vec::new(), said: Vec::new(), dictionaries: BTreeMap::new() }
    }

    fn edit(&mut self, who: usize, edits: &[(Nested, &Edit)], wall: u64) {
        let person = &mut self.people[who];
        let edited = person.document.edit::<_, EditError>(Wall::from_millis(wall), |txn| perform_all(edits, txn));
        let change = edited.expect("edits inside").change;
        if let Some(pruned) = &mut person.pruned {
            pruned.edit(change.as_ref(), Wall::from_millis(wall), |txn| perform_all(edits, txn));
        }
        let made: Vec<_> = change.iter().map(Change::id).collect();
        self.people[who].look(Origin::Local, &made);
        change.into_iter().for_each(|change| self.keep(change, true));
    }

    fn keep(&mut self, change: Change, readable: bool) {
        let dictionary = self.dictionaries.entry(change.replica).or_default();
        let said =
            if readable { Operations::decode(&change, dictionary).expect("readable") } else { Default::default() };
        self.said.push(said);
        self.made.push(change);
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Edit { .. } => unreachable!("edits are put together to transactions"),
            Step::Fail { who } => self.people[*who].fail(&[]),
            Step::Send { from, to, which } => {
                let log = self.people[*from].document.log();
                if !log.is_empty() {
                    let change = log.get(which % log.end()).expect("it is inside");
                    self.people[*to].receive(&change);
                }
            }
            Step::Sync { from, to, backwards } => {
                let changes = self.people[*from].changes(*backwards);
                changes.iter().for_each(|change| self.people[*to].receive(change));
            }
            Step::Restart { who, backwards } => self.people[*who].restart(*backwards),
            Step::Prune { who, other } => {
                self.people[*who].prune();
                if who != other {
                    let (ours, theirs) = (&self.people[*who], &self.people[*other]);
                    united::check(&ours.document, &ours.early, &theirs.document, &self.made);
                }
            }
            Step::Clone { who } => self.people[*who].go_on_with_a_clone(),
            Step::Undo { who, redo } => {
                let change = self.people[*who].take_back(*redo);
                change.into_iter().for_each(|change| self.keep(change, true));
            }
            Step::Garbage { like, len, seed } => {
                let mut dice = Dice::new(*seed);
                let bytes = (0..dice.roll(20)).map(|_| dice.byte()).collect();
                self.intrude(*like, *len, |_, _| bytes);
            }
            Step::Mutant { like, which, at, byte } => {
                let which = which % self.made.len().max(1);
                let Some(real) = self.made.get(which).cloned() else { return };
                let mut said = self.said[which].clone();
                self.intrude(*like, real.len, |change, dictionary| {
                    said.list.iter_mut().for_each(|operation| operation.seq = operation.seq - real.seq + change.seq);
                    let mut body = said.encode(change.replica, dictionary).to_vec();
                    let at = at % body.len().max(1);
                    if let Some(there) = body.get_mut(at) {
                        *there = *byte;
                    }
                    body.into()
                });
            }
            Step::Stranger { like, left, right, word, delete } => {
                let (left, right) = (self.operation(*left), self.operation(*right));
                let delete = delete.and_then(|number| self.operation(number));
                let len = word.chars().count() as u64;
                self.intrude(*like, len + u64::from(delete.is_some()), |change, dictionary| {
                    // Its own operations can only be named backwards.
                    let nameable = |op: &OpId| op.replica != change.replica || op.seq < change.seq;
                    let (left, right) = (left.filter(nameable), right.filter(nameable));
                    let insert = Action::Insert { left, right, text: (*word).to_owned() };
                    let delete = delete.map(|first| Action::Delete { first, count: 1 });
                    let list = [(0, Some(insert)), (len, delete)].into_iter().filter_map(|(at, action)| {
                        let container = ContainerId::root(ContainerKind::Text, "text");
                        Some(Operation { seq: change.seq + at, container, action: action? })
                    });
                    Operations { list: list.collect() }.encode(change.replica, dictionary)
                });
            }
            Step::Forger { like, what, one, other } => {
                let (one, other) = (self.operation(*one), self.operation(*other));
                self.intrude(*like, 1, |change, dictionary| {
                    let nameable = |op: &OpId| op.replica != change.replica || op.seq < change.seq;
                    let (one, other) = (one.filter(nameable), other.filter(nameable));
                    let (container, action) = forged(*what, one, other);
                    let operation = Operation { seq: change.seq, container, action };
                    Operations { list: vec![operation] }.encode(change.replica, dictionary)
                });
            }
        }
    }

    /// Some operation that anyone made, or none: even numbers count from the first one on, odd ones from the last one back.
    fn operation(&self, number: usize) -> Option<OpId> {
        let ops = |change: &Change| {
            let replica = change.replica;
            (change.seq..change.end()).map(move |seq| OpId::new(replica, seq))
        };
        let all: Vec<_> = self.made.iter().flat_map(ops).collect();
        let place = number / 2 % (all.len() + 1);
        let index = if number % 2 == 0 { Some(place) } else { all.len().checked_sub(1 + place) };
        all.get(index?).copied()
    }

    /// A change by a hostile replica that has seen what one of the people has; its body is written with the dictionary that
    /// it has made up until then.
    fn intrude(&mut self, like: usize, len: u64, body: impl FnOnce(&Change, &mut Dictionary) -> Bytes) {
        let log = self.people[like].document.log();
        let replica = ReplicaId::new(0xbad0 + like as u64);
        let clock = Hlc::from_bits(log.clock().bits() + 1);
        let seq = log.version().next(replica);
        let deps = log.frontier().iter().filter(|head| head.replica != replica).collect();
        let mut change = Change { replica, seq, len, clock, deps, body: Bytes::new() };
        change.body = body(&change, &mut self.dictionaries.get(&replica).cloned().unwrap_or_default());
        self.people[like].receive(&change);
        let readable = !self.people[like].unreadable.contains(&change.id());
        self.keep(change, readable);
    }

    fn finish(mut self, reverse: bool) {
        let mut all = self.made;
        let model = Model::of(&all);
        for (number, person) in self.people.iter_mut().enumerate() {
            if reverse && number % 2 == 1 {
                all.iter().rev().for_each(|change| person.receive(change));
            } else {
                all.iter().for_each(|change| person.receive(change));
            }
        }
        let first = &self.people[0].document;
        for Person { document, unreadable, .. } in &self.people {
            assert_eq!(shown(document), model.shown());
            assert_paths(document);
            assert_eq!(document.digest(), first.digest());
            assert_eq!(*unreadable, model.unreadable);
            assert_eq!(document.log().end(), all.len());
            assert_eq!(document.log().waiting(), (0, 0));
            let pruned = Pruned::new(document);
            assert_eq!(pruned.snapshot(), document.snapshot());
            packed_history_is_there_again(document);
        }
        for Person { document, pruned, .. } in &self.people {
            if let Some(pruned) = pruned {
                pruned.assert_is(document);
                assert_eq!(pruned.snapshot(), document.snapshot());
            }
        }
        blocks::hold(&all, all.len() / 2, all.len());
        for _ in 0..2 {
            let fresh = Document::from_changes(ReplicaId::new(77), None, all.clone(), &Limits::default());
            let fresh = fresh.expect("good headers");
            fresh.check().expect("sound inside");
            assert_eq!(shown(&fresh), model.shown());
            assert_eq!(fresh.digest(), first.digest());
            assert_eq!(fresh.log().version(), first.log().version());
            assert_eq!(fresh.log().frontier(), first.log().frontier());
            all.reverse();
        }
    }
}

impl Person {
    fn receive(&mut self, change: &Change) {
        let received = self.document.receive(change.clone(), &Limits::default()).expect("good headers");
        if let Some(pruned) = &mut self.pruned {
            pruned.receive(change, &received);
        }
        if received == Received::Waiting {
            self.early.push(change.clone());
        }
        let log = self.document.log();
        let appended: Vec<_> = match received {
            Received::Appended { positions, refused } => {
                assert_eq!(refused, []);
                log.range(positions).map(|change| change.id()).collect()
            }
            Received::Duplicate | Received::Waiting => {
                assert_eq!(self.document.poll_event(), None);
                return;
            }
        };
        self.look(Origin::Remote, &appended);
    }

    /// Takes in what the document reports of the changes that were just taken in.
    fn look(&mut self, from: Origin, taken_in: &[OpId]) {
        self.document.check().expect("sound inside");
        let mut expected = taken_in.iter();
        let events: Vec<_> = std::iter::from_fn(|| self.document.poll_event()).collect();
        if let Some(pruned) = &mut self.pruned {
            pruned.look(&self.document, &events);
        }
        for event in events {
            let (change, edits) = match &event {
                DocumentEvent::Changed { origin, change, edits, .. } => {
                    assert_eq!(*origin, from);
                    assert_eq!(from != Origin::Remote, change.replica == self.document.replica_id());
                    (*change, edits.clone())
                }
                DocumentEvent::Unreadable { change, .. } => {
                    assert_eq!(from, Origin::Remote, "{change:?}, made here, cannot be read");
                    self.unreadable.insert(*change);
                    (*change, Vec::new())
                }
                event => panic!("an event that nobody knows: {event:?}"),
            };
            assert!(expected.any(|taken_in| *taken_in == change), "{change:?} is reported twice, or out of turn");
            assert!(self.reported.insert(change), "{change:?} was reported before");
            let before = self.view.clone();
            self.view.take(event, &self.document);
            // Of several changes at once, the view has no values from between them.
            if taken_in.len() == 1 {
                let altered = |edit: &_| alters_something(edit, before.shown(), self.view.shown());
                assert!(edits.iter().all(altered), "{change:?} is reported and alters nothing: {edits:?}");
            }
        }
        assert!(self.view.matches(&self.document), "a patched view shows something else");
    }

    /// A failed transaction leaves no trace, not even in the next change.
    fn fail(&mut self, edits: &[(Nested, &Edit)]) {
        let before = self.document.clone();
        if let Some(pruned) = &mut self.pruned {
            pruned.fail(GIVEN_UP, |txn| {
                perform_all(edits, txn)?;
                give_up(txn)
            });
        }
        let document = &mut self.document;
        let failed = document.edit(Wall::from_millis(9), |txn| {
            perform_all(edits, txn)?;
            give_up(txn)
        });
        assert_eq!(failed.map(|edited| edited.change), Err(GIVEN_UP));
        assert_eq!(document.poll_event(), None);
        document.check().expect("sound inside");
        assert_eq!(shown(document), shown(&before));
        assert_eq!(document.digest(), before.digest());
        let next = [document.clone(), before].map(|mut document| {
            let edited = document.edit::<_, EditError>(Wall::from_millis(9), |txn| perform_all(edits, txn));
            (edited.expect("edits inside").change, document.poll_event(), document.digest())
        });
        assert_eq!(next[0], next[1]);
    }

    fn go_on_with_a_clone(&mut self) {
        let (before, digest) = (shown(&self.document), self.document.digest());
        let mut original = std::mem::replace(&mut self.document, Document::new(ReplicaId::new(0)));
        self.document = original.clone();
        let thrown_away = original.edit::<_, EditError>(Wall::from_millis(9), |txn| {
            let (len, items) = (txn.text("text").len(), txn.list::<&str>("list").len());
            txn.text("text").replace(0, len, "gone")?;
            txn.map("map").set("a", &"gone")?;
            txn.list("list").replace(0, items, &["gone"])?;
            txn.movable_list("movable list").insert(0, &"gone")?;
            txn.register("register").set(&"gone")
        });
        thrown_away.expect("edits inside");
        assert_ne!(original.digest(), digest);
        assert_eq!(self.document.poll_event(), None);
        assert_eq!(shown(&self.document), before);
        assert_eq!(self.document.digest(), digest);
    }

    /// Takes back the last thing that was done here, or taken back.
    fn take_back(&mut self, redo: bool) -> Option<Change> {
        let take_back = |document: &mut Document, redo: bool| {
            let wall = Wall::from_millis(1);
            let undone = if redo { document.redo(wall) } else { document.undo(wall) };
            undone.expect("a small change").map(|undone| undone.change)
        };
        let mut back_and_forth = self.document.clone();
        take_back(&mut back_and_forth, redo);
        // Of what cannot be seen, nothing may be left to be taken back. Items that come back may be other containers.
        if back_and_forth.to_json() != self.document.to_json() {
            assert!(take_back(&mut back_and_forth, !redo).is_some());
            back_and_forth.check().expect("sound inside");
            assert_eq!(back_and_forth.to_json(), self.document.to_json());
        }
        let change = take_back(&mut self.document, redo);
        let made: Vec<_> = change.iter().map(Change::id).collect();
        if let (Some(pruned), Some(change)) = (&mut self.pruned, &change) {
            let end = self.document.log().end();
            pruned.receive(change, &Received::Appended { positions: end - 1..end, refused: Vec::new() });
        }
        self.look(if redo { Origin::Redo } else { Origin::Undo }, &made);
        change
    }

    fn restart(&mut self, backwards: bool) {
        let old = &self.document;
        let (replica, epoch) = (old.replica_id(), old.log().epoch());
        let new = Document::from_changes(replica, epoch, self.changes(backwards), &Limits::default());
        let mut new = new.expect("good headers");
        new.check().expect("sound inside");
        assert_eq!(shown(&new), shown(old));
        assert_eq!(new.digest(), old.digest());
        assert_eq!(new.log().version(), old.log().version());
        assert_eq!(new.log().frontier(), old.log().frontier());
        assert_eq!(new.log().clock(), old.log().clock());
        let said = std::iter::from_fn(|| new.poll_event()).map(|event| match event {
            DocumentEvent::Unreadable { change, .. } => change,
            event => panic!("what is known already is reported: {event:?}"),
        });
        assert_eq!(said.collect::<BTreeSet<_>>(), self.unreadable);
        self.document = undoing(new);
        // It may have its changes in another order now, and nothing waits any more.
        (self.pruned, self.early) = (None, Vec::new());
    }

    /// From now on the same is done to the document without its history. One that was pruned is pruned again.
    fn prune(&mut self) {
        let mut pruned = match &self.pruned {
            Some(pruned) => Pruned::new(pruned.document()),
            None => Pruned::new(&self.document),
        };
        pruned.wait_again(&self.early);
        pruned.assert_is(&self.document);
        self.pruned = Some(pruned);
    }

    fn changes(&self, backwards: bool) -> Vec<Change> {
        let log = self.document.log();
        let mut changes = log.iter().collect::<Vec<_>>();
        if backwards {
            changes.reverse();
        }
        changes
    }
}

/// Edits at one wall clock that follow one another are undone together.
fn undoing(mut document: Document) -> Document {
    document.track_undo(UndoOptions { group_within: Duration::ZERO, ..UndoOptions::default() });
    document
}

/// What is packed with a snapshot is there when it is asked for, also after an edit and if it is packed again.
fn packed_history_is_there_again(document: &Document) {
    let limits = Limits::default();
    let snapshot = document.full_snapshot().expect("all history is here");
    let mut again = Document::from_snapshot(document.replica_id(), snapshot.clone(), &limits).expect("a snapshot");
    assert_eq!(again.digest(), document.digest());
    assert_eq!(again.full_snapshot(), Some(snapshot));
    let [mut edited, mut expected] = [again.clone(), document.clone()];
    for document in [&mut edited, &mut expected] {
        let edited = document.edit::<_, EditError>(Wall::from_millis(1), |txn| txn.text("text").insert(0, "!"));
        edited.expect("a small edit");
    }
    for (document, expected) in [(&mut again, document), (&mut edited, &expected)] {
        assert_eq!(document.recall(&limits), Ok(true));
        assert!(document.log().iter().eq(expected.log().iter()));
        assert_eq!(
            (document.log().version(), document.log().clock()),
            (expected.log().version(), expected.log().clock())
        );
        assert_eq!(document.full_snapshot(), expected.full_snapshot());
        document.check().expect("sound inside");
    }
}

/// What is shown at the end of a path has that path, and everything else has none.
fn assert_paths(document: &Document) {
    let shown = shown(document);
    let mut paths = BTreeMap::new();
    let at_root = |id: &ContainerId| match &id.place {
        Place::Root(name) => Some((id.clone(), vec![PathStep::Root(name.clone())])),
        _ => None,
    };
    let mut found: Vec<_> = shown.keys().filter_map(at_root).collect();
    while let Some((id, path)) = found.pop() {
        for (place, child) in shown[&id].children() {
            let step = place.map_or_else(PathStep::Index, |key| PathStep::Key(key.into()));
            found.push((child.clone(), [&path[..], &[step]].concat()));
        }
        paths.insert(id, path);
    }
    for id in shown.keys() {
        assert_eq!(document.path(id), paths.get(id).cloned(), "{id:?}");
    }
}

/// A well-formed operation on what is kept by tags, or nested, that refers to these two.
fn forged(what: u8, one: Option<OpId>, other: Option<OpId>) -> (ContainerId, Action) {
    if what & IN_LISTS != 0 {
        return lists::forged(what, one, other);
    }
    let kinds = [ContainerKind::Text, ContainerKind::Map, ContainerKind::Counter, ContainerKind::OrSet];
    let kind = kinds[usize::from(what >> 3 & 3)];
    let key: Arc<str> = if what & 32 == 0 { "a".into() } else { "b".into() };
    let (set, map) = (ContainerId::root(ContainerKind::OrSet, "set"), ContainerId::root(ContainerKind::Map, "map"));
    let or_map = ContainerId::root(ContainerKind::OrMap, "or-map");
    let both: Vec<_> = one.into_iter().chain(other).collect();
    let value = Value::Plain(Bytes::from_static(b"\x07"));
    match what & 7 {
        0 => (set, Action::Add { element: Bytes::from_static(b"\x01"), over: both }),
        1 if !both.is_empty() => (set, Action::Remove { tags: both }),
        2 if !both.is_empty() => (or_map, Action::Remove { tags: both }),
        3 => (or_map, Action::Put { key, value, over: both }),
        4 => (or_map, Action::Put { key, value: Value::Child { kind, over: one }, over: other.into_iter().collect() }),
        5 => (map, Action::Map { key, value: Some(Value::Child { kind, over: one }) }),
        what => {
            // Nobody has made it, or not there.
            let parent = if what == 6 { or_map } else { map };
            let slot = Slot { parent, key: key.clone(), over: one };
            let id = ContainerId { place: Place::Key(Arc::new(slot)), kind: ContainerKind::Map };
            (id, Action::Map { key, value: Some(Value::Child { kind, over: other }) })
        }
    }
}

/// Whether an event's edit has altered something that can be seen, as far as that can be told from outside: some
/// characters may have been replaced by the same ones.
fn alters_something(edit: &ContainerEdit, before: &Shown, after: &Shown) -> bool {
    let empty = View::empty(edit.id().kind);
    let (before, after) = [before, after].map(|shown| shown.get(edit.id()).unwrap_or(&empty)).into();
    match (edit, before, after) {
        (ContainerEdit::Text { edits, .. }, ..) => {
            let removes = edits.iter().any(|edit| edit.removed > 0);
            let replaces = removes && edits.iter().any(|edit| !edit.inserted.is_empty());
            replaces || before != after
        }
        (ContainerEdit::List { edits, .. } | ContainerEdit::MovableList { edits, .. }, ..) => {
            // By the same, or past the same.
            let unseen = |edit: &_| match edit {
                ListEdit::Replace { removed, inserted, .. } => *removed > 0 && !inserted.is_empty(),
                edit => matches!(edit, ListEdit::Move { .. }),
            };
            edits.len() > 1 || edits.iter().any(unseen) || before != after
        }
        (
            ContainerEdit::Map { keys, .. } | ContainerEdit::OrMap { keys, .. },
            View::Keys(before),
            View::Keys(after),
        ) => {
            let each_once = keys.iter().collect::<BTreeSet<_>>().len() == keys.len();
            each_once && keys.iter().all(|key| before.get(&**key) != after.get(&**key))
        }
        (ContainerEdit::OrSet { elements, .. }, View::OrSet(before), View::OrSet(after)) => {
            let each_once = elements.iter().collect::<BTreeSet<_>>().len() == elements.len();
            let is_in = |set: &[Vec<u8>], element: &Bytes| set.iter().any(|known| known == element);
            each_once && elements.iter().all(|element| is_in(before, element) != is_in(after, element))
        }
        (ContainerEdit::Register { .. } | ContainerEdit::Counter { .. }, ..) => before != after,
        (edit, ..) => panic!("an edit that nobody knows: {edit:?}"),
    }
}

/// An edit that cannot be, and so makes a transaction fail.
fn give_up(txn: &mut Transaction<'_>) -> Result<(), EditError> {
    txn.text("never").insert(1, "x")
}

const GIVEN_UP: EditError = EditError::PositionOutOfRange { at: 1, len: 0 };

/// All edits of one transaction. A nested edit has those after it that are nested too inside its transaction.
fn perform_all(mut edits: &[(Nested, &Edit)], txn: &mut Transaction<'_>) -> Result<(), EditError> {
    while let Some(((nested, edit), rest)) = edits.split_first() {
        let inside = rest.iter().take_while(|(nested, _)| *nested != Nested::No).count();
        let (inside, after) = rest.split_at(if *nested == Nested::No { 0 } else { inside });
        match nested {
            Nested::No => edit.perform(txn)?,
            Nested::Kept => txn.nested(|txn| {
                edit.perform(txn)?;
                perform_all(inside, txn)
            })?,
            Nested::Undone => {
                let undone = txn.nested(|txn| {
                    edit.perform(txn)?;
                    perform_all(inside, txn)?;
                    give_up(txn)
                });
                assert_eq!(undone, Err(GIVEN_UP));
            }
        }
        edits = after;
    }
    Ok(())
}
