//! Documents opened, left, opened afresh and only read, on links that come and go, while decisions and the store take
//! their time and fail.
//!
//! After everything has healed, everyone has the same and is told that it is stored, and of all who left, nothing is left.

use std::time::Duration;

use crdt_socket_sync::{
    Access, Admission, DocId, Document, LinkId, ReplicaId, ServerEvent,
    error::{Code, StoreFault},
    server::JoinRequest,
    wire::Level,
};
use crdt_socket_sync_loopback::{ClientIndex, Simulation, SimulationConfig};
use crdt_socket_sync_tests::{Dice, cases};

const PAGES: [&str; 2] = ["page", "other page"];

struct Town {
    seed: u64,
    world: Simulation,
    dice: Dice,
    people: Vec<(ClientIndex, [Option<DocId>; 2])>,
    requests: Vec<JoinRequest>,
    replicas: u64,
    /// Decisions are made at once, and nobody is denied.
    healed: bool,
    /// The server has forgotten something that perhaps only the reader still has.
    crashed: bool,
}

impl Town {
    fn new(seed: u64) -> Self {
        let mut config = SimulationConfig::new(seed);
        config.admission = Admission::Ask;
        config.limits.ping_interval = Duration::from_secs(1);
        config.limits.idle_unload = Duration::from_millis(300);
        config.limits.batch_bytes = 200;
        config.in_flight = 2;
        let mut world = Simulation::new(config);
        let people = (0..4).map(|_| (world.add_client(), [None; 2])).collect();
        let dice = Dice::new(seed);
        Self { seed, world, dice, people, requests: Vec::new(), replicas: 0, healed: false, crashed: false }
    }

    /// The last of the people only ever reads.
    fn decide(&mut self) {
        while let Some(event) = self.world.server_event() {
            match event {
                ServerEvent::Knock(knock) => drop(self.world.with_server(|server, _| server.admit(knock))),
                ServerEvent::JoinRequest(request) => self.requests.push(request),
                _ => {}
            }
        }
        while !self.requests.is_empty() && (self.healed || self.dice.roll(3) == 0) {
            let request = self.requests.swap_remove(self.dice.roll(self.requests.len()));
            let deny = !self.healed && self.dice.roll(8) == 0;
            let access = if self.reads_only(request.link()) { Access::Read } else { Access::Write };
            self.world.with_server(|server, now| {
                if deny { server.deny(request, Code::Shutdown.into()) } else { server.grant(now, request, access) }
            });
        }
    }

    fn reads_only(&self, link: LinkId) -> bool {
        !(self.healed && self.crashed) && self.world.server_end(self.people[3].0) == Some(link)
    }

    fn act(&mut self) {
        let who = self.dice.roll(4);
        let page = self.dice.roll(2);
        let (client, docs) = self.people[who];
        match self.dice.roll(24) {
            0..=7 => {
                if let Some(doc) = docs[page].filter(|_| who < 3) {
                    self.world.edit(client, doc, |txn| txn.text("text").push_str("x")).expect("a legal edit");
                }
            }
            8..=11 if docs[page].is_none() => {
                self.replicas += 1;
                let replica = Document::new(ReplicaId::new(self.replicas));
                self.people[who].1[page] = Some(self.world.open(client, PAGES[page], replica));
            }
            12..=13 => {
                if let Some(doc) = self.people[who].1[page].take() {
                    self.world.with_client(client, |client, _| client.leave(doc)).expect("it is open");
                }
            }
            14 => self.world.cut(client),
            15 => self.world.abandon(client),
            16 => self.world.half_open(client),
            17 if self.seed % 2 == 0 => {
                self.crashed = true;
                self.world.crash_server();
            }
            18 => self.start(),
            19 => self.world.set_store_fault(Some(StoreFault::Unavailable("full".into()))),
            20 => self.world.set_store_fault(None),
            _ => {}
        }
        let wait = Duration::from_millis(self.dice.roll(150) as u64);
        self.world.run_for(wait);
        self.decide();
    }

    fn start(&mut self) {
        if self.world.server().is_none() {
            // What the old server asked is nothing to the new one.
            while self.world.server_event().is_some() {}
            self.requests.clear();
            self.world.start_server();
        }
    }

    fn heal(&mut self) {
        self.healed = true;
        if self.crashed {
            self.world.cut(self.people[3].0);
        }
        self.start();
        self.world.set_store_fault(None);
        for who in 0..4 {
            for (page, name) in PAGES.into_iter().enumerate() {
                if self.people[who].1[page].is_none() {
                    self.replicas += 1;
                    let replica = Document::new(ReplicaId::new(self.replicas));
                    self.people[who].1[page] = Some(self.world.open(self.people[who].0, name, replica));
                }
            }
        }
        for _ in 0..1_200 {
            self.decide();
            self.world.run_for(Duration::from_millis(50));
        }
    }
}

#[test]
fn whoever_comes_and_goes_has_the_same_in_the_end_and_leaves_nothing_behind() {
    for seed in 0..u64::from(cases(1_000)) {
        let mut town = Town::new(seed);
        for _ in 0..80 {
            town.act();
        }
        town.heal();
        for (page, name) in PAGES.iter().enumerate() {
            let digests: Vec<_> = town
                .people
                .iter()
                .map(|(client, docs)| {
                    let doc = docs[page].expect("open");
                    for level in [Level::Received, Level::Stored] {
                        let engine = town.world.client(*client);
                        let synced = engine.is_synced(doc, level);
                        assert_eq!(synced, Ok(true), "seed {seed}: {client:?}, {name}, {level:?}: {engine:?}");
                    }
                    town.world.replica(*client, doc).digest()
                })
                .collect();
            assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "seed {seed}: {name}");
        }
        for (client, docs) in town.people.clone() {
            for doc in docs.into_iter().flatten() {
                town.world.with_client(client, |client, _| client.leave(doc)).expect("it is open");
            }
        }
        town.world.run_for(Duration::from_secs(5));
        assert_eq!(town.world.server().map(|server| server.loaded().count()), Some(0), "seed {seed}");
    }
}
