//! Long runs from fixed seeds, in which what is patched step by step has to be what is computed afresh.
//!
//! Four ways to come to know what a document shows, which have to agree after every round: the document that took in each
//! change as it came; a view that was only ever patched from its events; the naive [`Model`] of the same changes; and a
//! document that is made from them anew.

use std::collections::BTreeSet;

use bytes::Bytes;
use crdt_socket_sync::{
    Change, Document, DocumentEvent, Limits, OpId, Replica, ReplicaId, Wall,
    causal::{Hlc, Received},
    document::{ContainerId, ContainerKind, EditError, Transaction},
};
use crdt_socket_sync_tests::{
    Dice,
    model::Model,
    view::{Patched, shown},
};

const WORDS: [&str; 6] = ["a", "bc", "😀", "x𐐷y", "é\u{301}", "Hi, "];

fn document(replica: u64) -> Document {
    Document::new(ReplicaId::new(replica))
}

/// The document of these changes, made anew.
fn afresh(changes: &[Change]) -> Document {
    Document::from_changes(ReplicaId::new(99), None, changes.iter().cloned(), &Limits::default()).expect("one history")
}

/// Acceptance line 60.
#[test]
fn a_text_is_after_each_of_many_edits_what_the_simplest_text_is_and_survives_its_encoding() {
    let mut dice = Dice::new(60);
    let (mut ann, mut simple) = (document(1), Vec::new());
    for step in 0..1_500 {
        let at = dice.roll(simple.len() + 1);
        let removed = if dice.roll(3) == 0 { 0 } else { dice.roll(5).min(simple.len() - at) };
        let word = if dice.roll(3) == 0 { "" } else { WORDS[dice.roll(WORDS.len())] };
        ann.edit(Wall::from_millis(step), |txn| txn.text("text").replace(at, removed, word)).expect("inside");
        simple.splice(at..at + removed, word.chars());
        ann.check().expect("sound inside");
        assert!(ann.text("text").chars().eq(simple.iter().copied()), "step {step}");
        let at = dice.roll(simple.len() + 1);
        let count = dice.roll(9).min(simple.len() - at);
        assert_eq!(ann.text("text").slice(at, count), Some(simple[at..at + count].iter().collect()), "step {step}");
    }
    let decoded = |change: Change| Change::decode(change.encode()).expect("its own encoding");
    let changes: Vec<_> = ann.log().iter().map(decoded).collect();
    assert_eq!(shown(&afresh(&changes)), shown(&ann));
    assert_eq!(Model::of(&changes).shown(), shown(&ann));
}

/// Someone with a document, and a view of it that was never rebuilt.
struct Person {
    document: Document,
    view: Patched,
    unreadable: Vec<OpId>,
}

impl Person {
    fn new(replica: u64) -> Self {
        Self { document: document(replica), view: Patched::default(), unreadable: Vec::new() }
    }

    fn receive(&mut self, change: &Change) -> Received {
        let received = self.document.receive(change.clone(), &Limits::default()).expect("a good header");
        self.look();
        received
    }

    fn look(&mut self) {
        self.document.check().expect("sound inside");
        while let Some(event) = self.document.poll_event() {
            match event {
                DocumentEvent::Unreadable { change, .. } => self.unreadable.push(change),
                event => self.view.take(event, &self.document),
            }
        }
        assert!(self.view.matches(&self.document), "a patched view shows something else");
    }

    /// Edits something of any kind.
    fn edit(&mut self, dice: &mut Dice) -> Option<Change> {
        let random = |txn: &mut Transaction<'_>| {
            for _ in 0..=dice.roll(2) {
                let (key, value) = (WORDS[dice.roll(3)], dice.byte());
                let kind = dice.roll(16);
                let text = match kind {
                    14 => txn.map::<u8>("map").text(key)?.id().clone(),
                    15 => txn.or_map::<u8>("or-map").text(key)?.id().clone(),
                    _ => ContainerId::root(ContainerKind::Text, "text"),
                };
                let mut text = txn.text_of(&text)?;
                let at = dice.roll(text.len() + 1);
                match kind {
                    0 => txn.map("map").set(key, &value),
                    1 => txn.map::<u8>("map").delete(key),
                    2 => txn.register("register").set(&value),
                    3 => txn.register::<u8>("register").clear(),
                    5 => txn.counter("counter").add(i64::from(value) - 128),
                    6 => txn.or_set("set").add(&(value % 5)),
                    7 => txn.or_set("set").remove(&(value % 5)),
                    8 => txn.or_map("or-map").put(key, &value),
                    9 => txn.or_map::<u8>("or-map").remove(key),
                    10 => txn.map::<u8>("map").or_map(key)?.put("k", &value),
                    kind => {
                        let removed = dice.roll(4).min(text.len() - at);
                        text.replace(at, removed, if kind == 4 { "" } else { WORDS[dice.roll(WORDS.len())] })
                    }
                }?;
            }
            Ok::<_, EditError>(())
        };
        let edited = self.document.edit(Wall::from_millis(1_000), random).expect("inside");
        self.look();
        edited.change
    }

    /// A change of bytes that nobody can read, by a writer who has seen what is here.
    fn garbage(&self, replica: u64) -> Change {
        let (log, replica) = (self.document.log(), ReplicaId::new(replica));
        let deps = log.frontier().iter().filter(|head| head.replica != replica).collect();
        let clock = Hlc::from_bits(log.clock().bits() + 1);
        let seq = log.version().next(replica);
        Change { replica, seq, len: 1, clock, deps, body: Bytes::from_static(b"\xffnot a body") }
    }
}

/// All who have these changes show the same, however they came to know it.
fn agree<'a>(changes: &[Change], people: impl IntoIterator<Item = &'a Person>) {
    let (model, fresh) = (Model::of(changes), afresh(changes));
    assert_eq!(shown(&fresh), model.shown());
    for person in people {
        assert_eq!(person.document.log().end(), changes.len());
        assert_eq!(shown(&person.document), model.shown());
        assert_eq!(person.document.digest(), fresh.digest());
        let once: BTreeSet<_> = person.unreadable.iter().copied().collect();
        assert_eq!((&once, once.len()), (&model.unreadable, person.unreadable.len()), "each is reported once");
    }
}

/// Acceptance line 87: two who write at the same time and hear of each other in any order, one who only gets what was made
/// as it was made, and one who gets each round's changes from the last to the first, so that they are taken in together.
#[test]
fn what_is_patched_is_what_is_computed_afresh_whether_changes_come_one_by_one_or_many_at_once() {
    for seed in 0..4 {
        let mut dice = Dice::new(seed);
        let mut writers = [Person::new(1), Person::new(2)];
        let (mut one_by_one, mut at_once) = (Person::new(3), Person::new(4));
        let mut made: Vec<Change> = Vec::new();
        for round in 0..40 {
            let before = made.len();
            for who in [0, 1, 0, 1] {
                made.extend(writers[who].edit(&mut dice));
                // Any of what the other one has: what it depends on may be missing still, and is edited over meanwhile.
                let heard = (0..4).filter_map(|_| made.get(dice.roll(made.len().max(1))));
                heard.for_each(|change| drop(writers[who].receive(change)));
            }
            if dice.roll(4) == 0 {
                let who = dice.roll(2);
                let garbage = writers[who].garbage(0xbad0 + who as u64);
                writers[who].receive(&garbage);
                made.push(garbage);
            }
            made[before..].iter().for_each(|change| drop(one_by_one.receive(change)));
            made[before..].iter().rev().for_each(|change| drop(at_once.receive(change)));
            agree(&made, [&one_by_one, &at_once]);
            if round % 8 == 7 {
                for writer in &mut writers {
                    made.iter().for_each(|change| drop(writer.receive(change)));
                }
                agree(&made, &writers);
            }
        }
    }
}

/// Acceptance line 87: more changes wait than any buffer of a round size holds, one of them unreadable, and what is
/// edited meanwhile stays.
#[test]
fn hundreds_of_changes_that_wait_for_one_are_taken_in_when_it_comes_and_a_local_edit_stays() {
    let mut dice = Dice::new(87);
    let (mut ann, mut bob) = (Person::new(1), Person::new(2));
    let mut made = Vec::new();
    while made.len() < 301 {
        made.extend(bob.edit(&mut dice));
        if made.len() == 150 {
            made.push(bob.garbage(0xbad));
            bob.receive(&made[150]);
        }
    }
    for change in made[1..].iter().rev() {
        assert_eq!(ann.receive(change), Received::Waiting);
    }
    assert_eq!(ann.document.log().waiting().0, 300);
    let edit = |txn: &mut Transaction<'_>| txn.text("mine").push_str("meanwhile");
    let local = ann.document.edit::<_, EditError>(Wall::from_millis(1), edit).expect("inside").change.expect("an edit");
    ann.look();
    assert_eq!(ann.document.containers().count(), 1, "what waits is not shown");
    assert!(matches!(ann.receive(&made[0]), Received::Appended { positions, .. } if positions.len() == 301));
    bob.receive(&local);
    made.push(local);
    agree(&made, [&ann, &bob]);
    assert_eq!(ann.document.text("mine"), "meanwhile");
}
