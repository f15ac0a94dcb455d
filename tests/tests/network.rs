//! Documents kept in step over a simulated network that delays, cuts and dies, by a server that crashes.
//!
//! The oracles:
//!
//! - after everything has healed, all replicas hold the same changes and show the same, by digest and by content;
//! - that is what the naive [`Model`] of these changes shows, and what a fresh document shows that gets them in another
//!   order;
//! - a view that was patched from each client's events and never rebuilt shows it too;
//! - what a client was told is stored is in the store, at every moment and after every crash;
//! - after healing, nothing is left to be acknowledged, and the network falls silent but for pings;
//! - the same seed gives the same trace, byte for byte.

use std::{collections::BTreeMap, time::Duration};

use crdt_socket_sync::{
    ClientEvent, DocId, Document, Limits, MemoryStorage, ReplicaId, Storage, VersionVector,
    causal::Change,
    document::{EditError, Transaction},
    wire::Level,
};
use crdt_socket_sync_loopback::{ClientIndex, Simulation, SimulationConfig};
use crdt_socket_sync_tests::{
    cases,
    model::Model,
    view::{Patched, shown},
};
use proptest::prelude::*;

const PAGE: &str = "page";

#[derive(Clone, Debug)]
enum Step {
    Insert { who: usize, at: usize, word: usize },
    Delete { who: usize, at: usize, count: usize },
    Set { who: usize, key: usize, value: u8 },
    Unset { who: usize, key: usize },
    Register { who: usize, value: u8 },
    Run { millis: u64 },
    Cut { who: usize },
    HalfOpen { who: usize },
    Abandon { who: usize },
    Offline { who: usize },
    Online { who: usize },
    Crash,
    Start,
    WallClock { millis: i64 },
    Rejoin { who: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..5_usize;
    let at = 0..500_usize;
    prop_oneof![
        8 => (who.clone(), at.clone(), 0..6_usize).prop_map(|(who, at, word)| Step::Insert { who, at, word }),
        4 => (who.clone(), at, 1..5_usize).prop_map(|(who, at, count)| Step::Delete { who, at, count }),
        2 => (who.clone(), 0..3_usize, any::<u8>()).prop_map(|(who, key, value)| Step::Set { who, key, value }),
        1 => (who.clone(), 0..3_usize).prop_map(|(who, key)| Step::Unset { who, key }),
        1 => (who.clone(), any::<u8>()).prop_map(|(who, value)| Step::Register { who, value }),
        8 => (0..400_u64).prop_map(|millis| Step::Run { millis }),
        1 => (1_000..20_000_u64).prop_map(|millis| Step::Run { millis }),
        2 => who.clone().prop_map(|who| Step::Cut { who }),
        1 => who.clone().prop_map(|who| Step::HalfOpen { who }),
        1 => who.clone().prop_map(|who| Step::Abandon { who }),
        1 => who.clone().prop_map(|who| Step::Offline { who }),
        2 => who.clone().prop_map(|who| Step::Online { who }),
        1 => Just(Step::Crash),
        2 => Just(Step::Start),
        1 => (-5_000..5_000_i64).prop_map(|millis| Step::WallClock { millis }),
        1 => who.prop_map(|who| Step::Rejoin { who }),
    ]
}

struct World {
    network: Simulation,
    people: Vec<Person>,
}

struct Person {
    client: ClientIndex,
    doc: DocId,
    view: Patched,
    joined: usize,
}

impl World {
    fn new(seed: u64, people: usize) -> Self {
        let mut config = SimulationConfig::new(seed);
        // Small enough that backlogs take several frames, and that dead links are noticed within a program.
        config.limits.batch_bytes = 300;
        config.limits.ping_interval = Duration::from_secs(2);
        config.in_flight = 2;
        let mut network = Simulation::new(config);
        let people = (0..people)
            .map(|index| {
                let client = network.add_client();
                let doc = network.open(client, PAGE, Document::new(ReplicaId::new(0x1000 + 77 * index as u64)));
                Person { client, doc, view: Patched::default(), joined: 0 }
            })
            .collect();
        Self { network, people }
    }

    fn edit(&mut self, who: usize, edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), EditError>) {
        let person = &self.people[who % self.people.len()];
        self.network.edit(person.client, person.doc, edit).expect("a legal edit");
    }

    fn perform(&mut self, step: &Step) {
        const WORDS: [&str; 6] = ["a", "bc", "😀", "Hello, ", "x𐐷y", "é\u{301}"];
        match *step {
            Step::Insert { who, at, word } => self.edit(who, |txn| {
                let mut text = txn.text("text");
                let at = at % (text.len() + 1);
                text.insert(at, WORDS[word])
            }),
            Step::Delete { who, at, count } => self.edit(who, |txn| {
                let mut text = txn.text("text");
                let at = at % (text.len() + 1);
                let count = count.min(text.len() - at);
                text.delete(at, count)
            }),
            Step::Set { who, key, value } => self.edit(who, |txn| txn.map("map").set(&format!("key {key}"), &value)),
            Step::Unset { who, key } => self.edit(who, |txn| txn.map::<u8>("map").delete(&format!("key {key}"))),
            Step::Register { who, value } => self.edit(who, |txn| txn.register("register").set(&value)),
            Step::Run { millis } => self.network.run_for(Duration::from_millis(millis)),
            Step::Cut { who } => self.network.cut(self.client(who)),
            Step::HalfOpen { who } => self.network.half_open(self.client(who)),
            Step::Abandon { who } => self.network.abandon(self.client(who)),
            Step::Offline { who } => self.network.go_offline(self.client(who)),
            Step::Online { who } => self.network.go_online(self.client(who)),
            Step::Crash => self.network.crash_server(),
            Step::Start => self.network.start_server(),
            Step::WallClock { millis } => self.network.jump_wall_clock(millis),
            Step::Rejoin { who } => {
                let who = who % self.people.len();
                let Person { client, doc, .. } = self.people[who];
                let document = self.network.with_client(client, |client, _| client.leave(doc)).expect("it is open");
                self.people[who].doc = self.network.open(client, PAGE, document);
            }
        }
        self.look();
    }

    fn client(&self, who: usize) -> ClientIndex {
        self.people[who % self.people.len()].client
    }

    /// Follows events, and checks what must hold at every moment.
    fn look(&mut self) {
        let stored = stored_version(self.network.store());
        for person in &mut self.people {
            let now = self.network.replica(person.client, person.doc).clone();
            while let Some(event) = self.network.client_event(person.client) {
                match event {
                    ClientEvent::Replica { event, .. } => person.view.take(event, &now),
                    ClientEvent::Joined { .. } => person.joined += 1,
                    ClientEvent::Diverged { fault, .. } => panic!("{fault}"),
                    ClientEvent::EpochMismatch { .. } => panic!("all began together"),
                    _ => {}
                }
            }
            let document = self.network.replica(person.client, person.doc);
            document.check().expect("a sound document");
            assert!(person.view.matches(document), "a view patched from events shows the document");
            let promised = self.network.client(person.client).acknowledged(person.doc, Level::Stored).expect("open");
            let own = document.replica_id();
            assert!(promised.next(own) <= stored.next(own), "{own:?} was promised more than is stored");
        }
    }

    fn heal(&mut self) {
        self.network.start_server();
        for person in 0..self.people.len() {
            self.network.go_online(self.people[person].client);
        }
        self.network.settle().unwrap_or_else(|open| panic!("{open}\n{}", self.network.trace()));
        self.look();
        // Everyone has to have everyone's: settled says so of what each one has.
        let all = self.version();
        for _ in 0..1_000 {
            if self.people.iter().all(|person| self.network.replica(person.client, person.doc).log().version() == &all)
            {
                break;
            }
            assert!(self.network.step(), "{}", self.network.trace());
        }
        self.look();
    }

    fn version(&self) -> VersionVector {
        let mut version = VersionVector::new();
        for person in &self.people {
            version.merge(self.network.replica(person.client, person.doc).log().version());
        }
        version
    }

    fn check_converged(&self) {
        let first = self.network.replica(self.people[0].client, self.people[0].doc);
        let all = self.version();
        let model = Model::of(first.log().iter());
        for person in &self.people {
            let document = self.network.replica(person.client, person.doc);
            assert_eq!(document.log().version(), &all, "everyone has everything");
            assert_eq!(document.digest(), first.digest());
            assert_eq!(shown(document), model.shown());
            let client = self.network.client(person.client);
            for level in [Level::Received, Level::Stored] {
                assert_eq!(client.pending(person.doc, level), Ok(0), "exactly nothing is left to acknowledge");
            }
        }
        assert_eq!(stored_version(self.network.store()), all, "the store has everything");
        let mut reversed: Vec<_> = first.log().iter().cloned().collect();
        reversed.reverse();
        let fresh = Document::from_changes(ReplicaId::new(9), None, reversed, &Limits::default()).expect("one history");
        assert_eq!(fresh.digest(), first.digest(), "another order of arrival, the same document");
    }
}

fn stored_version(store: &MemoryStorage) -> VersionVector {
    let stored = store.clone().load(PAGE).expect("a memory store does not fail");
    let changes = stored.map(|stored| stored.changes).unwrap_or_default();
    changes
        .into_iter()
        .map(|bytes| Change::decode(bytes).expect("it was encoded"))
        .map(|change| (change.replica, change.end()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(1_500)) })]

    #[test]
    fn after_delays_cuts_and_crashes_everyone_has_the_same_and_nothing_acknowledged_is_lost(
        seed in any::<u64>(),
        people in 2..=5_usize,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(seed, people);
        for step in &steps {
            world.perform(step);
        }
        world.heal();
        world.check_converged();
    }

    #[test]
    fn the_same_seed_gives_the_same_trace_byte_for_byte(
        seed in any::<u64>(),
        people in 2..=5_usize,
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let run = || {
            let mut world = World::new(seed, people);
            steps.iter().for_each(|step| world.perform(step));
            world.heal();
            world.network.trace().clone()
        };
        prop_assert_eq!(run(), run());
    }
}

/// Requirements R16 and R18, in the small.
#[test]
fn after_the_last_edit_the_network_falls_silent_but_for_pings() {
    let mut world = World::new(3, 4);
    for who in 0..4 {
        world.edit(who, |txn| txn.text("text").push_str("something to say. "));
    }
    world.heal();
    world.check_converged();
    let before = world.network.trace().entries().len();
    world.network.run_for(Duration::from_secs(60));
    let later = &world.network.trace().entries()[before..];
    let frames = later.iter().filter_map(|entry| match &entry.what {
        crdt_socket_sync_loopback::What::Sent(frame) => Some(frame[1]),
        _ => None,
    });
    let mut kinds = BTreeMap::new();
    frames.for_each(|kind| *kinds.entry(kind).or_insert(0) += 1);
    assert!(kinds.keys().all(|kind| [3, 4].contains(kind)), "only pings and pongs: {kinds:?}");
    // One ping each interval of two seconds from each of four clients, and one answer each.
    assert!(kinds.values().all(|count| (100..=124).contains(count)), "{kinds:?}");
}
