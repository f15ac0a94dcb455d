//! The world: its clock, what is going to happen in it, and the two kinds of engines.

mod machines;
mod network;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    time::Duration,
};

use crdt_socket_sync::{
    Client, ClientConfig, ClientEvent, DocId, Document, Level, LinkId, Now, Replica, Server, ServerEvent, Ticket, Time,
    Wall,
    document::{EditError, Edited, Transaction},
    error::StoreFault,
    store::{StoreReply, StoreRequest},
};

use crate::{
    config::SimulationConfig,
    dice::Dice,
    disk::Disk,
    trace::{Node, Trace, What},
    wire::{Direction, Parcel, Wire},
};

/// One of the clients of a simulation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct ClientIndex(usize);

impl ClientIndex {
    /// Its number, in the order in which clients were added.
    pub const fn number(self) -> usize {
        self.0
    }
}

/// A peer of a simulation that keeps to no rules.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct StrangerIndex(usize);

/// A world that did not come to rest in time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotSettled {
    /// What is still open, for a person.
    pub what: String,
}

impl fmt::Display for NotSettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the world did not come to rest: {}", self.what)
    }
}

impl std::error::Error for NotSettled {}

/// A server, its clients and the network between them. See the [crate's page](crate).
pub struct Simulation<R: Replica = Document> {
    config: SimulationConfig,
    dice: Dice,
    now: Time,
    /// How many steps were taken at this moment.
    steps_now: usize,
    /// How far the wall clocks have been set off from where they would be, in milliseconds.
    wall_offset: i64,
    /// The same for one machine's, on top of that.
    skews: BTreeMap<Node, i64>,
    server: Option<Server>,
    server_events: VecDeque<ServerEvent>,
    disks: BTreeMap<Node, Disk>,
    clients: Vec<Site<R>>,
    strangers: Vec<Stranger>,
    wires: BTreeMap<u64, Wire>,
    last_wire: u64,
    /// What is going to happen, by time and then in the order in which it was decided.
    future: BTreeMap<(Time, u64), Happening>,
    last_happening: u64,
    trace: Trace,
}

struct Site<R: Replica> {
    client: Client<R>,
    /// For the next start.
    config: ClientConfig,
    events: VecDeque<ClientEvent<R::Event>>,
    online: bool,
    wire: Option<u64>,
}

struct Stranger {
    link: Option<LinkId>,
    number: u64,
    heard: VecDeque<bytes::Bytes>,
}

#[derive(Debug)]
enum Happening {
    Dial {
        client: usize,
    },
    Arrive {
        wire: u64,
        direction: Direction,
        parcel: Parcel,
    },
    /// The store writes; if the machine crashes before that, nothing may be written.
    Write(Node, StoreRequest),
    /// The store has written, and says so.
    Answer(Node, Ticket, Result<StoreReply, StoreFault>),
}

/// A loop that goes on for so many steps without coming to rest never will.
const MOST_STEPS: usize = 1_000_000;
/// The same for steps at one moment.
const MOST_STEPS_NOW: usize = 50_000;

impl<R: Replica> Simulation<R> {
    /// A world with a running server and no clients.
    pub fn new(config: SimulationConfig) -> Self {
        let mut world = Self {
            dice: Dice::new(config.seed),
            disks: BTreeMap::from([(Node::Server, Disk::new(config.store_delay.clone()))]),
            config,
            now: Time::ZERO,
            steps_now: 0,
            wall_offset: 0,
            skews: BTreeMap::new(),
            server: None,
            server_events: VecDeque::new(),
            clients: Vec::new(),
            strangers: Vec::new(),
            wires: BTreeMap::new(),
            last_wire: 0,
            future: BTreeMap::new(),
            last_happening: 0,
            trace: Trace::default(),
        };
        world.start_server();
        world
    }

    /// What has happened so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    // Time.

    /// The readings that the server is given now.
    pub fn now(&self) -> Now {
        self.now_at(Node::Server)
    }

    /// The readings that a machine's engine is given now.
    pub fn now_at(&self, node: Node) -> Now {
        let millis = self.config.wall.as_millis() + self.now.as_micros() / 1_000;
        let offset = self.wall_offset.saturating_add(self.skews.get(&node).copied().unwrap_or(0));
        Now::new(self.now, Wall::from_millis(millis.saturating_add_signed(offset)))
    }

    /// Sets the wall clock forwards or back, for everyone.
    pub fn jump_wall_clock(&mut self, millis: i64) {
        self.wall_offset = self.wall_offset.saturating_add(millis);
        self.trace.note(self.now, Node::Server, None, What::ClocksJumped(millis));
    }

    /// Sets one machine's wall clock so far ahead of the others', or behind.
    pub fn set_skew(&mut self, node: Node, millis: i64) {
        self.skews.insert(node, millis);
        self.trace.note(self.now, node, None, What::ClockSet(millis));
    }

    /// Jumps to the next thing that happens and has it happen. `false` if nothing is going to.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next() else { return false };
        self.step_at(at);
        true
    }

    /// Has everything happen that happens within a time.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.step_at(at);
        }
        self.now = end;
    }

    /// Runs until every client that is online is connected, has joined all its documents, has caught up and has
    /// everything stored by the server.
    ///
    /// # Errors
    ///
    /// If that takes more than an hour of virtual time, or a million steps.
    pub fn settle(&mut self) -> Result<(), NotSettled> {
        let end = self.now + Duration::from_secs(3_600);
        for _ in 0..MOST_STEPS {
            let open = self.unsettled();
            if open.is_none() && self.is_quiet() {
                return Ok(());
            }
            match self.next().filter(|at| *at <= end) {
                Some(at) => self.step_at(at),
                None => return Err(NotSettled { what: open.unwrap_or_default() }),
            }
        }
        Err(NotSettled { what: self.unsettled().unwrap_or_else(|| "frames go back and forth without end".into()) })
    }

    fn unsettled(&self) -> Option<String> {
        for (index, site) in self.clients.iter().enumerate().filter(|(_, site)| site.online) {
            for (doc, name) in site.client.documents() {
                if site.client.is_synced(doc, Level::Stored) != Ok(true) {
                    let pending = site.client.pending(doc, Level::Stored).unwrap_or_default();
                    let status = site.client.status();
                    return Some(format!(
                        "client {index} ({status:?}) has {pending} operations of {name:?} to be stored"
                    ));
                }
            }
        }
        None
    }

    /// Whether nothing is under way: no bytes, no attempt to connect, no write.
    pub fn is_quiet(&self) -> bool {
        self.future.is_empty()
    }

    fn next(&self) -> Option<Time> {
        let future = self.future.keys().next().map(|(at, _)| *at);
        let server = self.server.as_ref().and_then(Server::poll_timeout);
        let clients = self.clients.iter().filter_map(|site| site.client.poll_timeout());
        // A timer that is overdue fires now: time does not go back.
        clients.chain(future).chain(server).min().map(|at| at.max(self.now))
    }

    /// # Panics
    ///
    /// If so much happens at one moment that time would never go on.
    fn step_at(&mut self, at: Time) {
        self.steps_now = if at > self.now { 0 } else { self.steps_now + 1 };
        assert!(self.steps_now < MOST_STEPS_NOW, "time stands still at {at:?}: something is due again and again");
        self.now = at;
        match self.future.first_key_value() {
            Some(((due, _), _)) if *due <= at => {
                if let Some((_, happening)) = self.future.pop_first() {
                    self.happen(happening);
                }
            }
            _ => {
                let now = self.now_at(Node::Server);
                if let Some(server) = &mut self.server {
                    server.timeout(now);
                }
                for index in 0..self.clients.len() {
                    let now = self.now_at(Node::Client(index));
                    self.clients[index].client.timeout(now);
                }
            }
        }
        self.pump();
    }

    fn plan(&mut self, at: Time, happening: Happening) {
        self.last_happening += 1;
        self.future.insert((at, self.last_happening), happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Dial { client } => self.dial(client),
            Happening::Arrive { wire, direction, parcel } => self.arrive(wire, direction, parcel),
            Happening::Write(node, request) => self.write(node, request),
            Happening::Answer(node, ticket, outcome) => self.answer(node, ticket, outcome),
        }
    }

    /// Lets every engine do what it can do now.
    fn pump(&mut self) {
        for client in 0..self.clients.len() {
            self.pump_client(client);
        }
        let wires: Vec<_> = self.wires.keys().copied().collect();
        for wire in wires {
            self.pump_wire(wire);
        }
        for stranger in 0..self.strangers.len() {
            self.pump_stranger(stranger);
        }
        self.pump_server();
    }
}

impl Simulation<Document> {
    /// Edits a document.
    ///
    /// # Panics
    ///
    /// If it is not open.
    pub fn edit<T>(
        &mut self,
        client: ClientIndex,
        doc: DocId,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, EditError>,
    ) -> Result<Edited<T>, EditError> {
        self.with_client(client, |client, now| client.edit(now, doc, edit)).expect("the document is open")
    }
}

impl<R: Replica> fmt::Debug for Simulation<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("now", &self.now).field("server", &self.server).finish_non_exhaustive()
    }
}
