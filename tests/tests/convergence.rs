//! Documents against each other and against the naive twin.
//!
//! Three oracles. After all changes have been exchanged, in whatever order: every replica shows what the naive
//! [`Model`] of the same changes shows; a view that was only ever patched from events shows it too; and what was inside each
//! document after every single step was sound. Some writers are hostile: their bodies are random bytes, real bodies with
//! bytes changed, or well-formed ones that refer to anything at all.

use bytes::Bytes;
use crdt_socket_sync::{
    Change, ChangeLog, Document, Limits, OpId, Replica, ReplicaId, Wall,
    causal::Hlc,
    document::{Action, ContainerId, ContainerKind, EditError, Operation, Operations, Transaction},
};
use crdt_socket_sync_tests::{
    cases,
    model::Model,
    view::{Patched, shown},
};
use proptest::prelude::*;

const TEXTS: [&str; 2] = ["text", "title"];
const KEYS: [&str; 3] = ["a", "b", "ключ"];
const WORDS: [&str; 8] = ["a", "bc", "😀", "x𐐷y", "Hello", "é\u{301}", "12345678", "🎉🎉"];

/// One edit; every number is taken modulo what there is.
#[derive(Clone, Debug)]
enum Edit {
    Insert { text: usize, at: usize, word: usize },
    Type { text: usize, at: usize, word: usize },
    Delete { text: usize, at: usize, count: usize },
    Set { key: usize, value: u8 },
    Unset { key: usize },
    Register { value: Option<u8> },
}

#[derive(Clone, Debug)]
enum Step {
    Edit {
        who: usize,
        edits: Vec<Edit>,
        wall: u64,
    },
    /// The same, but it fails.
    Fail {
        who: usize,
        edits: Vec<Edit>,
    },
    /// Some change goes from one replica's log to another replica.
    Send {
        from: usize,
        to: usize,
        which: usize,
    },
    /// Everything goes from one replica to another.
    Sync {
        from: usize,
        to: usize,
    },
    /// A hostile writer, who has seen what a replica has, makes a change of these bytes.
    Garbage {
        like: usize,
        bytes: Vec<u8>,
        len: u8,
    },
    /// A hostile writer repeats the body of a real change with one byte changed.
    Mutant {
        like: usize,
        which: usize,
        at: usize,
        byte: u8,
    },
    /// A hostile writer makes a well-formed change that refers to anything that anyone made.
    Stranger {
        like: usize,
        left: usize,
        right: usize,
        word: usize,
        delete: Option<usize>,
    },
}

fn edit() -> impl Strategy<Value = Edit> {
    let (number, two, word) = (0..1_000_usize, 0..2_usize, 0..WORDS.len());
    prop_oneof![
        4 => (two.clone(), number.clone(), word.clone()).prop_map(|(text, at, word)| Edit::Insert { text, at, word }),
        2 => (two.clone(), number.clone(), word).prop_map(|(text, at, word)| Edit::Type { text, at, word }),
        4 => (two, number, 1..6_usize).prop_map(|(text, at, count)| Edit::Delete { text, at, count }),
        1 => (0..3_usize, any::<u8>()).prop_map(|(key, value)| Edit::Set { key, value }),
        1 => (0..3_usize).prop_map(|key| Edit::Unset { key }),
        1 => any::<Option<u8>>().prop_map(|value| Edit::Register { value }),
    ]
}

fn step(hostile: u32) -> impl Strategy<Value = Step> {
    let edits = || prop::collection::vec(edit(), 1..4);
    let (who, number) = (0..4_usize, 0..10_000_usize);
    prop_oneof![
        10 => (who.clone(), edits(), 0..5_u64).prop_map(|(who, edits, wall)| Step::Edit { who, edits, wall }),
        2 => (who.clone(), edits()).prop_map(|(who, edits)| Step::Fail { who, edits }),
        8 => (who.clone(), who.clone(), number.clone()).prop_map(|(from, to, which)| Step::Send { from, to, which }),
        2 => (who.clone(), who.clone()).prop_map(|(from, to)| Step::Sync { from, to }),
        hostile => (who.clone(), prop::collection::vec(any::<u8>(), 0..20), any::<u8>())
            .prop_map(|(like, bytes, len)| Step::Garbage { like, bytes, len }),
        hostile => (who.clone(), number.clone(), number.clone(), any::<u8>())
            .prop_map(|(like, which, at, byte)| Step::Mutant { like, which, at, byte }),
        3 * hostile => (who, number.clone(), number.clone(), 0..WORDS.len(), prop::option::of(number))
            .prop_map(|(like, left, right, word, delete)| Step::Stranger { like, left, right, word, delete }),
    ]
}

fn perform(edit: &Edit, txn: &mut Transaction<'_>) -> Result<(), EditError> {
    match edit {
        Edit::Insert { text, at, word } => {
            let mut text = txn.text(TEXTS[*text]);
            text.insert(at % (text.len() + 1), WORDS[*word])
        }
        Edit::Type { text, at, word } => {
            let mut text = txn.text(TEXTS[*text]);
            let at = at % (text.len() + 1);
            let letters = WORDS[*word].chars().enumerate();
            letters.into_iter().try_for_each(|(typed, letter)| text.insert(at + typed, &letter.to_string()))
        }
        Edit::Delete { text, at, count } => {
            let mut text = txn.text(TEXTS[*text]);
            let at = at % (text.len() + 1);
            text.delete(at, *count.min(&(text.len() - at)))
        }
        Edit::Set { key, value } => txn.map("map").set(KEYS[*key], value),
        Edit::Unset { key } => txn.map::<u8>("map").delete(KEYS[*key]),
        Edit::Register { value: Some(value) } => txn.register("register").set(value),
        Edit::Register { value: None } => txn.register::<u8>("register").clear(),
    }
}

struct World {
    documents: Vec<Document>,
    views: Vec<Patched>,
    unreadable: Vec<std::collections::BTreeSet<OpId>>,
    /// Every change there is, each after what it depends on.
    made: Vec<Change>,
}

impl World {
    fn new() -> Self {
        let replicas = [0x45ee_6b65, 0xa90d_fced, 0x7c9e, 0xffff_0001];
        Self {
            documents: replicas.into_iter().map(|id| Document::new(ReplicaId::new(id))).collect(),
            views: vec![Patched::default(); 4],
            unreadable: vec![Default::default(); 4],
            made: Vec::new(),
        }
    }

    fn receive(&mut self, to: usize, change: &Change) {
        self.documents[to].receive(change.clone(), &Limits::default()).expect("good headers");
        self.look(to);
    }

    fn look(&mut self, at: usize) {
        self.documents[at].check().expect("sound inside");
        let (unreadable, _) = self.views[at].follow(&mut self.documents[at]);
        self.unreadable[at].extend(unreadable);
        assert!(self.views[at].matches(&self.documents[at]), "a patched view shows something else");
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Edit { who, edits, wall } => {
                let edited = self.documents[*who]
                    .edit(Wall::from_millis(*wall), |txn| edits.iter().try_for_each(|edit| perform(edit, txn)));
                self.made.extend(edited.map_err(|fault: EditError| fault).expect("edits inside").change);
                self.look(*who);
            }
            Step::Fail { who, edits } => self.fail(*who, edits),
            Step::Send { from, to, which } => {
                let log = self.documents[*from].log();
                if !log.is_empty() {
                    let change = log.iter().nth(which % log.end()).expect("inside").clone();
                    self.receive(*to, &change);
                }
            }
            Step::Sync { from, to } => {
                let changes: Vec<_> = self.documents[*from].log().iter().cloned().collect();
                changes.iter().for_each(|change| self.receive(*to, change));
            }
            Step::Garbage { like, bytes, len } => {
                self.intrude(*like, u64::from(*len % 4) + 1, |_| Bytes::copy_from_slice(bytes));
            }
            Step::Mutant { like, which, at, byte } => {
                let Some(real) = self.made.get(which % self.made.len().max(1)).cloned() else { return };
                let mut body = real.body.to_vec();
                let at = at % body.len().max(1);
                if let Some(there) = body.get_mut(at) {
                    *there = *byte;
                }
                self.intrude(*like, real.len, |_| body.into());
            }
            Step::Stranger { like, left, right, word, delete } => {
                let ops: Vec<_> = self
                    .made
                    .iter()
                    .flat_map(|change| (change.seq..change.end()).map(|seq| OpId::new(change.replica, seq)))
                    .collect();
                let pick = |number: &usize| ops.get(number % (ops.len() + 1)).copied();
                let (left, right, delete) = (pick(left), pick(right), delete.as_ref().and_then(pick));
                let text = WORDS[*word].to_owned();
                let len = text.chars().count() as u64;
                self.intrude(*like, len + u64::from(delete.is_some()), |change| {
                    // Its own operations can only be named backwards.
                    let ours = |op: &OpId| op.replica != change.replica || op.seq < change.seq;
                    let mut list = vec![Operation {
                        seq: change.seq,
                        container: 0,
                        action: Action::Insert { left: left.filter(ours), right: right.filter(ours), text },
                    }];
                    list.extend(delete.map(|first| Operation {
                        seq: change.seq + len,
                        container: 0,
                        action: Action::Delete { first, count: 1 },
                    }));
                    let containers = vec![ContainerId::new(ContainerKind::Text, "text")];
                    Operations { containers, list }.encode(change.replica)
                });
            }
        }
    }

    /// A failed transaction leaves no trace, not even in the next change.
    fn fail(&mut self, who: usize, edits: &[Edit]) {
        let before = self.documents[who].clone();
        let document = &mut self.documents[who];
        let failed = document.edit(Wall::from_millis(9), |txn| {
            edits.iter().try_for_each(|edit| perform(edit, txn))?;
            txn.text("never").insert(1, "x")
        });
        assert_eq!(failed.expect_err("a position past the end"), EditError::PositionOutOfRange { at: 1, len: 0 });
        assert_eq!(document.poll_event(), None);
        document.check().expect("sound inside");
        assert_eq!(shown(document), shown(&before));
        assert_eq!(document.digest(), before.digest());
        let mut next = [document.clone(), before].map(|mut document| {
            let edit = |txn: &mut Transaction<'_>| edits.iter().try_for_each(|edit| perform(edit, txn));
            document.edit::<_, EditError>(Wall::from_millis(9), edit).expect("edits inside").change
        });
        assert_eq!(next[0].take(), next[1].take());
    }

    /// A change by a hostile replica that has seen what one of the documents has.
    fn intrude(&mut self, like: usize, len: u64, body: impl FnOnce(&Change) -> Bytes) {
        let log = self.documents[like].log();
        let replica = ReplicaId::new(0xbad0 + like as u64);
        let clock = Hlc::from_bits(log.clock().bits() + 1);
        let seq = log.version().next(replica);
        let deps = log.frontier().iter().filter(|head| head.replica != replica).collect();
        let mut change = Change { replica, seq, len, clock, deps, body: Bytes::new() };
        change.body = body(&change);
        self.made.push(change.clone());
        self.receive(like, &change);
    }

    fn finish(&mut self, reverse: bool) {
        let all = self.made.clone();
        for to in 0..self.documents.len() {
            if reverse && to % 2 == 1 {
                all.iter().rev().for_each(|change| self.receive(to, change));
            } else {
                all.iter().for_each(|change| self.receive(to, change));
            }
        }
        let model = Model::of(&all);
        for (document, unreadable) in self.documents.iter().zip(&self.unreadable) {
            assert_eq!(shown(document), model.shown());
            assert_eq!(document.digest(), self.documents[0].digest());
            assert_eq!(*unreadable, model.unreadable);
            assert_eq!(document.log().end(), all.len());
        }
        let loaded = Document::from_changes(ReplicaId::new(77), None, all, &Limits::default()).expect("good headers");
        assert_eq!(loaded.digest(), self.documents[0].digest());
        let log: &ChangeLog = loaded.log();
        assert_eq!(log.version(), self.documents[0].log().version());
    }
}

fn run(steps: &[Step], reverse: bool) {
    let mut world = World::new();
    steps.iter().for_each(|step| world.run(step));
    world.finish(reverse);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(1_000)))]

    /// Acceptance lines 9, 30, 45, 61.
    #[test]
    fn replicas_that_hold_the_same_changes_show_the_same_document_as_the_naive_twin(
        steps in prop::collection::vec(step(0), 1..80), reverse: bool,
    ) {
        run(&steps, reverse);
    }

    /// Acceptance line 131.
    #[test]
    fn hostile_bodies_are_applied_alike_or_not_at_all_on_every_replica(
        steps in prop::collection::vec(step(2), 1..80), reverse: bool,
    ) {
        run(&steps, reverse);
    }
}
