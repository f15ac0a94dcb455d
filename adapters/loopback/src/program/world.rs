//! The world of a program: its people, what they have open, and what must hold at every moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crdt_socket_sync::{
    Admission, Change, ClientConfig, ClientEvent, DocId, Document, DocumentEvent, Epoch, Level, LinkId, MemoryStorage,
    OpId, ReplicaId, Seed, Storage, VersionVector,
    error::{Code, Retry},
    server::{JoinRequest, Knock},
};

use super::{
    Judge, Program, Report, Setup, Verdict,
    judge::check,
    keeping::{Kept, Mark},
};
use crate::{
    config::SimulationConfig,
    dice::Dice,
    simulation::{ClientIndex, Simulation, StrangerIndex},
    trace::Node,
};

/// The documents that people have open.
pub(super) const PAGES: [&str; 2] = ["page", "other page"];
/// No larger frame is read by anyone.
pub(super) const FRAME_BYTES: usize = 16 << 10;
/// How far a clock may be off: less than half of what servers accept, so that two that differ still do.
pub(super) const MOST_JUMP: Duration = Duration::from_secs(20);
/// The one that only strangers may write.
pub(super) const DEN: &str = "den";

pub(super) struct World<'a> {
    pub(super) sim: Simulation,
    pub(super) judge: &'a mut dyn Judge,
    pub(super) setup: Setup,
    pub(super) dice: Dice,
    pub(super) people: Vec<Person>,
    pub(super) pages: [Page; 2],
    pub(super) requests: Vec<JoinRequest>,
    pub(super) knocks: Vec<Knock>,
    /// Who was let in, and who has joined what, as the server tells it.
    pub(super) admitted: BTreeSet<LinkId>,
    pub(super) joined: BTreeMap<(String, LinkId), Option<ReplicaId>>,
    /// Everyone that people write as, and how much they have ever written.
    pub(super) replicas: BTreeMap<(usize, ReplicaId), u64>,
    /// Cursors that were set.
    pub(super) marks: Vec<Mark>,
    pub(super) strangers: Vec<Stranger>,
    pub(super) backup: Option<MemoryStorage>,
    /// The server was told to stop.
    pub(super) stopping: bool,
    /// The server may have forgotten what only a reader still has.
    pub(super) forgotten: bool,
    /// An application has told its client when to connect, which need not wait then.
    pub(super) pushed: bool,
    /// The server's store was put back or emptied.
    replaced: bool,
    /// Everything works, decisions are made at once, and nobody is denied.
    pub(super) healed: bool,
    last_replica: u64,
    last_desk: usize,
    pub(super) wall: i64,
    pub(super) report: Report,
    pub(super) performed: usize,
}

pub(super) struct Person {
    pub(super) client: ClientIndex,
    pub(super) desks: [Option<Desk>; 2],
    /// Documents that were closed and not thrown away.
    pub(super) kept: [Option<(Desk, Document)>; 2],
    /// Snapshots that outlast a crash.
    pub(super) snapshots: [Option<Kept>; 2],
    /// Whom a client with a store of its own writes as.
    replicas: [Option<ReplicaId>; 2],
}

/// A document that someone has open.
pub(super) struct Desk {
    pub(super) number: usize,
    pub(super) doc: DocId,
    pub(super) replica: ReplicaId,
    /// The changes that were reported.
    seen: BTreeSet<OpId>,
    /// How many of its own operations it was told are stored.
    acknowledged: u64,
    /// The store has been put back since it was told so.
    pub(super) misled: bool,
    /// Its history is another one than the server's.
    pub(super) mismatch: bool,
    /// It is not kept in step any more.
    pub(super) dead: bool,
    /// The birth mark of its history, unless it was told to take on another one.
    epoch: Option<Epoch>,
}

#[derive(Default)]
pub(super) struct Page {
    /// Two writers have used one replica id: nothing is promised but that nothing breaks.
    pub(super) tainted: bool,
    /// What its makers were told is stored, whether they are still there or not.
    promised: VersionVector,
}

pub(super) struct Stranger {
    pub(super) index: StrangerIndex,
    /// What the server calls the documents it was asked for, by the number of the request.
    pub(super) numbers: [Option<u64>; 3],
}

impl<'a> World<'a> {
    pub(super) fn new(program: &Program, config: &SimulationConfig, judge: &'a mut dyn Judge) -> Self {
        let setup = program.setup;
        let mut config = SimulationConfig { framing: config.framing, ..SimulationConfig::new(setup.seed.into()) };
        let limits = &mut config.limits;
        // Everything that takes its time takes so little that a program sees it.
        limits.ping_interval = Duration::from_secs(2);
        limits.greeting_time = Duration::from_secs(5);
        limits.idle_unload = Duration::from_secs(1);
        limits.retry_most = Duration::from_secs(3);
        limits.waiting_changes = 4;
        limits.waiting_bytes = 8_000;
        limits.change_bytes = 5_000;
        limits.frame_bytes = FRAME_BYTES;
        limits.joins_per_link = 4;
        if setup.has(Setup::TIGHT) {
            limits.batch_bytes = 250;
            config.in_flight = 1;
        }
        if setup.has(Setup::PIECES) {
            config.piece_bytes = Some(23);
        }
        if setup.has(Setup::ASK) {
            config.admission = Admission::Ask;
        }
        let limits = config.limits.clone();
        let mut dice = Dice::new(u64::from(setup.seed) << 20);
        let mut sim = Simulation::new(config);
        let people = (0..setup.count())
            .map(|_| {
                let mut config = ClientConfig::new(Seed::from_number(dice.roll()));
                config.limits = limits.clone();
                config.persist = setup.has(Setup::PERSIST);
                let client = sim.add_client_with(config);
                Person { client, desks: [None, None], kept: [None, None], snapshots: [None, None], replicas: [None; 2] }
            })
            .collect();
        Self {
            sim,
            judge,
            setup,
            dice,
            people,
            pages: Default::default(),
            requests: Vec::new(),
            knocks: Vec::new(),
            admitted: BTreeSet::new(),
            joined: BTreeMap::new(),
            replicas: BTreeMap::new(),
            marks: Vec::new(),
            strangers: Vec::new(),
            backup: None,
            stopping: false,
            forgotten: false,
            pushed: false,
            replaced: false,
            healed: false,
            last_replica: 0,
            last_desk: 0,
            wall: 0,
            report: Report::default(),
            performed: 0,
        }
    }

    pub(super) fn run(&mut self, program: &Program) -> Result<(), Verdict> {
        for who in 0..self.people.len() {
            self.open(who, 0);
        }
        for step in &program.steps {
            let harmful = step.verb.is_fault() && self.has_effect(*step);
            self.perform(*step)?;
            self.look()?;
            self.performed += 1;
            self.report.steps += 1;
            self.report.faults += u64::from(harmful);
        }
        self.heal()?;
        self.finish()
    }

    // Who may do what.

    /// With an application that decides, the last of the people only ever reads.
    pub(super) fn reads_only(&self, who: usize) -> bool {
        self.asks() && who + 1 == self.people.len()
    }

    /// Whether the application decides who may do what.
    pub(super) fn asks(&self) -> bool {
        self.setup.has(Setup::ASK)
    }

    pub(super) fn persists(&self) -> bool {
        self.setup.has(Setup::PERSIST)
    }

    /// The document of someone who may edit it now.
    pub(super) fn writable(&self, who: usize, page: usize) -> Option<DocId> {
        let Person { client, desks, .. } = &self.people[who];
        let desk = desks[page].as_ref().filter(|desk| !desk.dead && !self.reads_only(who))?;
        (self.sim.client(*client).is_loaded(desk.doc) == Ok(true)).then_some(desk.doc)
    }

    pub(super) fn document(&self, who: usize, page: usize) -> Option<&Document> {
        let Person { client, desks, .. } = &self.people[who];
        Some(self.sim.replica(*client, desks[page].as_ref()?.doc))
    }

    // Documents come and go.

    /// Opens a document, if it is not open: the one that was kept, or a new one.
    pub(super) fn open(&mut self, who: usize, page: usize) {
        if self.people[who].desks[page].is_some() {
            return;
        }
        if let Some((mut desk, document)) = self.people[who].kept[page].take() {
            desk.doc = self.sim.open(self.people[who].client, PAGES[page], document);
            desk.acknowledged = 0;
            self.people[who].desks[page] = Some(desk);
            return;
        }
        let replica = match self.people[who].replicas[page] {
            Some(replica) => replica,
            None => self.fresh_replica(),
        };
        if self.persists() {
            self.people[who].replicas[page] = Some(replica);
        }
        self.open_as(who, page, replica);
    }

    /// An id that was never used; later ones are not greater.
    pub(super) fn fresh_replica(&mut self) -> ReplicaId {
        self.last_replica += 1;
        ReplicaId::new(Dice::new(self.last_replica).roll())
    }

    pub(super) fn open_as(&mut self, who: usize, page: usize, replica: ReplicaId) {
        self.open_with(who, page, Document::new(replica));
    }

    pub(super) fn open_with(&mut self, who: usize, page: usize, mut document: Document) {
        let (replica, epoch) = (document.replica_id(), document.log().epoch());
        self.keep_edits(&mut document);
        self.replicas.entry((page, replica)).or_default();
        self.last_desk += 1;
        self.judge.opened(self.last_desk, &document);
        let doc = self.sim.open(self.people[who].client, PAGES[page], document);
        self.people[who].desks[page] = Some(Desk {
            number: self.last_desk,
            doc,
            replica,
            seen: BTreeSet::new(),
            acknowledged: 0,
            misled: false,
            mismatch: false,
            dead: false,
            epoch,
        });
    }

    /// Closes a document, if it is open.
    pub(super) fn leave(&mut self, who: usize, page: usize, keep: bool) {
        let Some(desk) = self.people[who].desks[page].take() else { return };
        let client = self.people[who].client;
        let document = self.sim.with_client(client, |client, _| client.leave(desk.doc)).expect("it is open");
        if keep && !desk.dead && !self.persists() {
            self.people[who].kept[page] = Some((desk, document));
        }
    }

    /// The server's store holds something else from now on.
    pub(super) fn mislead(&mut self) {
        self.replaced = true;
        self.pages.iter_mut().for_each(|page| page.promised = VersionVector::new());
        for person in &mut self.people {
            let kept = person.kept.iter_mut().flatten().map(|(desk, _)| desk);
            person.desks.iter_mut().flatten().chain(kept).for_each(|desk| desk.misled = true);
        }
    }

    // What must hold at every moment.

    /// Follows events, makes the application's decisions, and checks what must hold now.
    pub(super) fn look(&mut self) -> Result<(), Verdict> {
        self.decide()?;
        self.listen();
        for who in 0..self.people.len() {
            self.follow(who)?;
        }
        for page in 0..PAGES.len() {
            self.look_at_store(page)?;
        }
        let limits = self.sim.client(self.people[0].client).limits().clone();
        let logs = (0..self.people.len()).flat_map(|who| [(who, 0), (who, 1)]);
        let logs = logs.filter_map(|(who, page)| Some(self.document(who, page)?.log()));
        let server = self.sim.server().into_iter();
        let rooms = server.flat_map(|server| server.loaded().filter_map(|name| server.log(name)));
        for log in logs.chain(rooms) {
            let (changes, bytes) = log.waiting();
            check(changes <= limits.waiting_changes && bytes <= limits.waiting_bytes, || {
                format!("(e) {changes} changes of {bytes} bytes wait for others")
            })?;
        }
        Ok(())
    }

    fn follow(&mut self, who: usize) -> Result<(), Verdict> {
        let client = self.people[who].client;
        while let Some(event) = self.sim.client_event(client) {
            self.follow_event(who, event)?;
        }
        for (page, name) in PAGES.iter().enumerate() {
            let Some(desk) = &self.people[who].desks[page] else { continue };
            let document = self.sim.replica(client, desk.doc);
            let epoch = document.log().epoch();
            check(desk.epoch.is_none() || epoch == desk.epoch, || {
                format!("client {who} has taken {epoch:?} for {:?} without being asked", desk.epoch)
            })?;
            document.check().map_err(|what| format!("(c) client {who}, {name}: {what}"))?;
            self.judge.look(desk.number, document)?;
            let written = self.replicas.entry((page, desk.replica)).or_default();
            *written = document.log().version().next(desk.replica).max(*written);
            self.people[who].desks[page].iter_mut().for_each(|desk| desk.epoch = epoch);
        }
        Ok(())
    }

    fn follow_event(&mut self, who: usize, event: ClientEvent<DocumentEvent>) -> Result<(), Verdict> {
        let client = self.people[who].client;
        let page_of = |world: &Self, doc| {
            let open = |desk: &Option<Desk>| desk.as_ref().is_some_and(|desk| desk.doc == doc);
            world.people[who].desks.iter().position(open)
        };
        match event {
            ClientEvent::Replica { doc, event } => {
                let Some(page) = page_of(self, doc) else { return Ok(()) };
                let Some(desk) = &mut self.people[who].desks[page] else { return Ok(()) };
                let change = match &event {
                    DocumentEvent::Changed { change, .. } | DocumentEvent::Unreadable { change, .. } => *change,
                    _ => return Ok(()),
                };
                check(desk.seen.insert(change), || format!("(h) client {who} was told twice of {change}"))?;
                self.judge.event(desk.number, &event, self.sim.replica(client, doc))
            }
            ClientEvent::Joined { doc, .. } => {
                let Some(page) = page_of(self, doc) else { return Ok(()) };
                // A link that died unnoticed may still carry what the server said before its store was put back.
                let alive = self.sim.server_end(client).is_some();
                if let Some(desk) = self.people[who].desks[page].as_mut().filter(|_| alive) {
                    if std::mem::take(&mut desk.misled) {
                        desk.acknowledged = 0;
                    }
                }
                Ok(())
            }
            ClientEvent::EpochMismatch { doc, .. } => {
                if let Some(page) = page_of(self, doc) {
                    self.choose(who, page);
                }
                check(self.replaced, || "(d) a history has another birth mark after a crash".into())
            }
            ClientEvent::Diverged { doc, fault } => {
                let Some(page) = page_of(self, doc) else { return Ok(()) };
                self.give_up(who, page, &fault.to_string())
            }
            ClientEvent::Refused { doc, reason } if reason.code == Code::Pruned => {
                let Some(page) = page_of(self, doc) else { return Ok(()) };
                self.refused_as_pruned(who, page)
            }
            ClientEvent::Refused { doc, reason } if reason.code.retry() == Retry::Never => {
                let Some(page) = page_of(self, doc) else { return Ok(()) };
                self.give_up(who, page, &reason.to_string())
            }
            _ => Ok(()),
        }
    }

    fn give_up(&mut self, who: usize, page: usize, why: &str) -> Result<(), Verdict> {
        if let Some(desk) = &mut self.people[who].desks[page] {
            desk.dead = true;
        }
        check(self.pages[page].tainted, || format!("client {who} has lost {}: {why}", PAGES[page]))
    }

    /// The history here is another one than the server's: merge, begin afresh, or leave it for now.
    fn choose(&mut self, who: usize, page: usize) {
        let choice = if self.healed || self.persists() { 0 } else { self.dice.below(3) };
        match choice {
            0 => self.adopt(who, page),
            1 => {
                self.leave(who, page, false);
                self.open(who, page);
            }
            _ => self.people[who].desks[page].iter_mut().for_each(|desk| desk.mismatch = true),
        }
    }

    pub(super) fn adopt(&mut self, who: usize, page: usize) {
        let client = self.people[who].client;
        if let Some(desk) = &mut self.people[who].desks[page] {
            let doc = desk.doc;
            desk.mismatch = false;
            desk.epoch = None;
            // A link that was lost since has taken the question with it.
            let _ = self.sim.with_client(client, |client, _| client.adopt(doc));
        }
    }

    /// (d): each writer's own changes that it was told are stored, are.
    fn look_at_store(&mut self, page: usize) -> Result<(), Verdict> {
        if self.pages[page].tainted {
            return Ok(());
        }
        for who in 0..self.people.len() {
            let client = self.people[who].client;
            let Some(desk) = &self.people[who].desks[page] else { continue };
            let (doc, replica, misled, before) = (desk.doc, desk.replica, desk.misled, desk.acknowledged);
            let client = self.sim.client(client);
            let now = client.acknowledged(doc, Level::Stored).map_or(0, |version| version.next(replica));
            if misled {
                continue;
            }
            check(now >= before, || {
                format!("(d) client {who} was told that {before} operations are stored, then {now}")
            })?;
            self.report.stored += now - before;
            self.people[who].desks[page].iter_mut().for_each(|desk| desk.acknowledged = now);
            self.pages[page].promised.extend(replica, now);
        }
        let promised = &self.pages[page].promised;
        if promised.is_empty() {
            return Ok(());
        }
        let stored = version_of(&stored_changes(self.sim.disk_mut(Node::Server), page));
        check(stored.covers(promised), || format!("(d) {promised:?} was promised to be stored: {stored:?} is"))
    }
}

/// The changes of a page that a store holds.
pub(super) fn stored_changes(disk: &mut crate::disk::Disk, page: usize) -> Vec<Change> {
    let stored = disk.storage.load(PAGES[page]).expect("a memory store does not fail");
    let changes = stored.map(|stored| stored.changes).unwrap_or_default();
    changes.into_iter().map(|bytes| Change::decode(bytes).expect("it was encoded")).collect()
}

pub(super) fn version_of(changes: &[Change]) -> VersionVector {
    changes.iter().map(|change| (change.replica, change.end())).collect()
}
