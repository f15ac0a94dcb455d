//! The world: its clock, what is going to happen in it, and the two kinds of engines.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    time::Duration,
};

use bytes::Bytes;
use crdt_socket_sync::{
    Client, ClientConfig, ClientEvent, DocId, Document, Level, LinkId, MemoryStorage, Now, Replica, Seed, Server,
    ServerConfig, ServerEvent, Time, Transmit, Wall,
    document::{EditError, Edited, Transaction},
    error::StoreFault,
    store::{StoreReply, StoreRequest, carry_out},
};

use crate::{
    config::{Dice, SimulationConfig},
    trace::{Node, Trace, What},
    wire::{Health, Lane, Wire},
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
    /// How far the wall clock has been set off from where it would be, in milliseconds.
    wall_offset: i64,
    server: Option<Server>,
    server_events: VecDeque<ServerEvent>,
    store: MemoryStorage,
    store_fault: Option<StoreFault>,
    clients: Vec<Site<R>>,
    wires: BTreeMap<u64, Wire>,
    last_wire: u64,
    /// What is going to happen, by time and then in the order in which it was decided.
    future: BTreeMap<(Time, u64), Happening>,
    last_happening: u64,
    trace: Trace,
}

struct Site<R: Replica> {
    client: Client<R>,
    events: VecDeque<ClientEvent<R::Event>>,
    online: bool,
    wire: Option<u64>,
}

#[derive(Debug)]
enum Happening {
    Dial {
        client: usize,
    },
    ToServer {
        wire: u64,
        frame: Bytes,
    },
    ToClient {
        wire: u64,
        frame: Bytes,
    },
    ClosedToServer {
        wire: u64,
    },
    ClosedToClient {
        wire: u64,
    },
    /// The store writes; if the server crashes before that, nothing is written.
    Write(StoreRequest),
    /// The store has written, and says so.
    Answer(crdt_socket_sync::Ticket, Result<StoreReply, StoreFault>),
}

/// A loop that goes on for so many steps without coming to rest never will.
const MOST_STEPS: usize = 1_000_000;

impl<R: Replica> Simulation<R> {
    /// A world with a running server and no clients.
    pub fn new(config: SimulationConfig) -> Self {
        let mut world = Self {
            dice: Dice::new(config.seed),
            config,
            now: Time::ZERO,
            wall_offset: 0,
            server: None,
            server_events: VecDeque::new(),
            store: MemoryStorage::default(),
            store_fault: None,
            clients: Vec::new(),
            wires: BTreeMap::new(),
            last_wire: 0,
            future: BTreeMap::new(),
            last_happening: 0,
            trace: Trace::default(),
        };
        world.start_server();
        world
    }

    /// The readings that every engine is given now.
    pub fn now(&self) -> Now {
        let millis = self.config.wall.as_millis() + self.now.as_micros() / 1_000;
        Now::new(self.now, Wall::from_millis(millis.saturating_add_signed(self.wall_offset)))
    }

    /// Sets the wall clock forwards or back, for everyone.
    pub fn jump_wall_clock(&mut self, millis: i64) {
        self.wall_offset += millis;
    }

    /// What has happened so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// What the store holds.
    pub fn store(&self) -> &MemoryStorage {
        &self.store
    }

    /// The store, to be damaged or emptied.
    pub fn store_mut(&mut self) -> &mut MemoryStorage {
        &mut self.store
    }

    /// Has the store fail with this from now on, or work again.
    pub fn set_store_fault(&mut self, fault: Option<StoreFault>) {
        self.store_fault = fault;
    }

    // The server.

    /// The server; `None` while it is down.
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// Does something to the server, then lets it act on it.
    pub fn with_server<T>(&mut self, act: impl FnOnce(&mut Server, Now) -> T) -> Option<T> {
        let now = self.now();
        let value = act(self.server.as_mut()?, now);
        self.pump();
        Some(value)
    }

    /// The server's next event, oldest first.
    pub fn server_event(&mut self) -> Option<ServerEvent> {
        self.server_events.pop_front()
    }

    /// Starts the server, on the same store.
    pub fn start_server(&mut self) {
        if self.server.is_none() {
            let seed = Seed::from_number(self.dice.roll());
            let mut config = ServerConfig::new(seed);
            config.limits = self.config.limits.clone();
            config.admission = self.config.admission;
            self.server = Some(Server::new(config));
            self.trace.note(self.now, Node::Server, None, What::Started);
        }
    }

    /// Ends the server without a word. What was on its way to the store is written or not, as the seed has it, each
    /// request whole; all else that was only in memory is gone.
    pub fn crash_server(&mut self) {
        if self.server.take().is_none() {
            return;
        }
        self.trace.note(self.now, Node::Server, None, What::Crashed);
        let mut lost = false;
        for (key, happening) in std::mem::take(&mut self.future) {
            match happening {
                Happening::Answer(..) => {}
                Happening::Write(request) => {
                    // Requests are written in order: after one that was lost, none is written.
                    lost |= self.dice.roll() % 2 == 0;
                    if !lost {
                        carry_out(&mut self.store, vec![request]);
                    }
                }
                other => {
                    self.future.insert(key, other);
                }
            }
        }
        let wires: Vec<_> = self.wires.keys().copied().collect();
        for wire in wires {
            if let Some(wire) = self.wires.get_mut(&wire) {
                wire.server_link = None;
            }
            self.lose(wire);
        }
        self.pump();
    }

    // The clients.

    /// Adds a client, which connects at once.
    pub fn add_client(&mut self) -> ClientIndex {
        let seed = Seed::from_number(self.dice.roll());
        let mut config = ClientConfig::new(seed);
        config.limits = self.config.limits.clone();
        self.add_client_with(config)
    }

    /// Adds a client of the test's own making, which connects at once.
    pub fn add_client_with(&mut self, config: ClientConfig) -> ClientIndex {
        let mut client = Client::new(config);
        client.connect();
        self.clients.push(Site { client, events: VecDeque::new(), online: true, wire: None });
        self.pump();
        ClientIndex(self.clients.len() - 1)
    }

    /// A client.
    pub fn client(&self, client: ClientIndex) -> &Client<R> {
        &self.clients[client.0].client
    }

    /// Does something to a client, then lets it act on it.
    pub fn with_client<T>(&mut self, client: ClientIndex, act: impl FnOnce(&mut Client<R>, Now) -> T) -> T {
        let now = self.now();
        let value = act(&mut self.clients[client.0].client, now);
        self.pump();
        value
    }

    /// A client's next event, oldest first.
    pub fn client_event(&mut self, client: ClientIndex) -> Option<ClientEvent<R::Event>> {
        self.clients[client.0].events.pop_front()
    }

    /// Opens a document.
    ///
    /// # Panics
    ///
    /// If the client has it open already.
    pub fn open(&mut self, client: ClientIndex, name: &str, replica: R) -> DocId {
        self.with_client(client, |client, _| client.open(name, replica)).expect("the document is not open yet")
    }

    /// An open document.
    ///
    /// # Panics
    ///
    /// If it is not open.
    pub fn replica(&self, client: ClientIndex, doc: DocId) -> &R {
        self.client(client).replica(doc).expect("the document is open")
    }

    // The network.

    /// The server's name for a client's link, while there is one.
    pub fn server_end(&self, client: ClientIndex) -> Option<LinkId> {
        self.wires.get(&self.clients[client.0].wire?)?.server_link
    }

    /// Cuts a client's link: what is under way is lost, and both ends are told.
    pub fn cut(&mut self, client: ClientIndex) {
        if let Some(wire) = self.clients[client.0].wire {
            self.lose(wire);
            self.pump();
        }
    }

    /// Lets a client's link die unnoticed: nothing arrives any more, and neither end is told.
    pub fn half_open(&mut self, client: ClientIndex) {
        if let Some(wire) = self.clients[client.0].wire.and_then(|wire| self.wires.get_mut(&wire)) {
            wire.health = Health::HalfOpen;
        }
    }

    /// Has a client lose its link while the server's end stays up unnoticed, as after a change of networks.
    pub fn abandon(&mut self, client: ClientIndex) {
        self.half_open(client);
        let now = self.now();
        let site = &mut self.clients[client.0];
        let Some(wire) = site.wire.take().and_then(|wire| self.wires.get_mut(&wire)) else { return };
        if let Some(link) = wire.client_link.take() {
            site.client.link_down(now, link, "the network changed").expect("the link was up");
        }
        self.pump();
    }

    /// Cuts a client's link and has its attempts to connect fail.
    pub fn go_offline(&mut self, client: ClientIndex) {
        self.clients[client.0].online = false;
        self.cut(client);
    }

    /// Has a client's attempts to connect succeed again.
    pub fn go_online(&mut self, client: ClientIndex) {
        self.clients[client.0].online = true;
    }

    // Time.

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
        for (index, node) in self.clients.iter().enumerate().filter(|(_, node)| node.online) {
            for (doc, name) in node.client.documents() {
                if node.client.is_synced(doc, Level::Stored) != Ok(true) {
                    let pending = node.client.pending(doc, Level::Stored).unwrap_or_default();
                    let status = node.client.status();
                    return Some(format!(
                        "client {index} ({status:?}) has {pending} operations of {name:?} to be stored"
                    ));
                }
            }
        }
        None
    }

    /// Whether nothing is under way: no frame, no attempt, no write.
    pub fn is_quiet(&self) -> bool {
        self.future.is_empty()
    }

    fn next(&self) -> Option<Time> {
        let future = self.future.keys().next().map(|(at, _)| *at);
        let server = self.server.as_ref().and_then(Server::poll_timeout);
        let clients = self.clients.iter().filter_map(|node| node.client.poll_timeout());
        // A timer that is overdue fires now: time does not go back.
        clients.chain(future).chain(server).min().map(|at| at.max(self.now))
    }

    fn step_at(&mut self, at: Time) {
        self.now = at;
        match self.future.first_key_value() {
            Some(((due, _), _)) if *due <= at => {
                if let Some((_, happening)) = self.future.pop_first() {
                    self.happen(happening);
                }
            }
            _ => {
                let now = self.now();
                if let Some(server) = &mut self.server {
                    server.timeout(now);
                }
                self.clients.iter_mut().for_each(|node| node.client.timeout(now));
            }
        }
        self.pump();
    }

    // Inside.

    fn plan(&mut self, at: Time, happening: Happening) {
        self.last_happening += 1;
        self.future.insert((at, self.last_happening), happening);
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.now();
        match happening {
            Happening::Dial { client } => self.dial(client),
            Happening::ToServer { wire, frame } => {
                let Some(wire) = self.wires.get_mut(&wire) else { return };
                wire.to_server.in_flight -= 1;
                let client = wire.client;
                if let (Some(link), Some(server)) = (wire.server_link, &mut self.server) {
                    self.trace.note(self.now, Node::Server, Some(client), What::Arrived(frame.clone()));
                    // A fault closes the link; the test sees it in the server's events.
                    let _ = server.receive(now, link, frame);
                }
            }
            Happening::ToClient { wire, frame } => {
                let Some(wire) = self.wires.get_mut(&wire) else { return };
                wire.to_client.in_flight -= 1;
                let client = wire.client;
                if let Some(link) = wire.client_link {
                    self.trace.note(self.now, Node::Client(client), Some(client), What::Arrived(frame.clone()));
                    // As above.
                    let _ = self.clients[client].client.receive(now, link, frame);
                }
            }
            Happening::ClosedToServer { wire } | Happening::ClosedToClient { wire } => self.lose(wire),
            Happening::Write(request) => {
                self.trace.note(self.now, Node::Server, None, What::Stored);
                let outcomes = match &self.store_fault {
                    Some(fault) => vec![(request.ticket(), Err(fault.clone()))],
                    None => carry_out(&mut self.store, vec![request]),
                };
                for (ticket, outcome) in outcomes {
                    let at = self.now + self.dice.duration(&self.config.store_delay);
                    self.plan(at, Happening::Answer(ticket, outcome));
                }
            }
            Happening::Answer(ticket, outcome) => {
                if let Some(server) = &mut self.server {
                    server.stored(now, ticket, outcome).expect("each ticket is answered once");
                }
            }
        }
    }

    fn dial(&mut self, client: usize) {
        let now = self.now();
        let node = &mut self.clients[client];
        let server = self.server.as_mut().filter(|_| node.online);
        let Some(server) = server else {
            self.trace.note(self.now, Node::Client(client), None, What::DialFailed);
            node.client.dial_failed(now, "the server cannot be reached");
            return;
        };
        let Ok(client_link) = node.client.link_up(now) else { return };
        let server_link = server.link_up(now);
        self.trace.note(self.now, Node::Client(client), None, What::LinkUp);
        self.last_wire += 1;
        let lane = || Lane { last: self.now, ..Lane::default() };
        let wire = Wire {
            client,
            client_link: Some(client_link),
            server_link: Some(server_link),
            server_ready: false,
            health: Health::Well,
            to_server: lane(),
            to_client: lane(),
        };
        self.wires.insert(self.last_wire, wire);
        node.wire = Some(self.last_wire);
    }

    /// A link is gone for both ends.
    fn lose(&mut self, number: u64) {
        let now = self.now();
        let Some(wire) = self.wires.remove(&number) else { return };
        self.future.retain(|_, happening| match happening {
            Happening::ToServer { wire, .. }
            | Happening::ToClient { wire, .. }
            | Happening::ClosedToServer { wire }
            | Happening::ClosedToClient { wire } => *wire != number,
            _ => true,
        });
        self.trace.note(self.now, Node::Client(wire.client), Some(wire.client), What::Cut);
        if let (Some(link), Some(server)) = (wire.server_link, &mut self.server) {
            server.link_down(now, link, "the link was cut").expect("the link was up");
        }
        let node = &mut self.clients[wire.client];
        if let Some(link) = wire.client_link {
            node.client.link_down(now, link, "the link was cut").expect("the link was up");
        }
        if node.wire == Some(number) {
            node.wire = None;
        }
    }

    /// Lets every engine do what it can do now.
    fn pump(&mut self) {
        for client in 0..self.clients.len() {
            while let Some(event) = self.clients[client].client.poll_event() {
                self.clients[client].events.push_back(event);
            }
            if self.clients[client].client.poll_dial() {
                let at = self.now + self.dice.duration(&self.config.delay);
                self.plan(at, Happening::Dial { client });
            }
        }
        let wires: Vec<_> = self.wires.keys().copied().collect();
        for wire in wires {
            self.pump_wire(wire);
        }
        self.pump_server();
    }

    fn pump_server(&mut self) {
        let Some(server) = &mut self.server else { return };
        while let Some(event) = server.poll_event() {
            self.server_events.push_back(event);
        }
        let mut requests = Vec::new();
        while let Some(request) = server.poll_store() {
            requests.push(request);
        }
        for request in requests {
            let at = self.now + self.dice.duration(&self.config.store_delay);
            self.plan(at, Happening::Write(request));
        }
    }

    /// Takes note of which links the server names as ready.
    fn note_ready(&mut self) {
        while let Some(link) = self.server.as_mut().and_then(Server::poll_ready) {
            let wire = self.wires.values_mut().find(|wire| wire.server_link == Some(link));
            wire.into_iter().for_each(|wire| wire.server_ready = true);
        }
    }

    /// Has both ends of a link send what they can.
    ///
    /// # Panics
    ///
    /// If the server has something for a link that it has not named as ready: an adapter that sleeps until then would
    /// have left it lying.
    fn pump_wire(&mut self, number: u64) {
        let now = self.now();
        loop {
            self.note_ready();
            let Some(wire) = self.wires.get_mut(&number) else { return };
            let client = wire.client;
            let room = wire.to_server.in_flight < self.config.in_flight && !wire.to_server.closed;
            let engine = &mut self.clients[client].client;
            let from_client = wire.client_link.filter(|_| room).and_then(|link| engine.poll_transmit(now, link));
            let room = wire.to_client.in_flight < self.config.in_flight && !wire.to_client.closed;
            let server = self.server.as_mut().filter(|_| room);
            let from_server = server.zip(wire.server_link).and_then(|(server, link)| {
                let transmit = server.poll_transmit(now, link);
                assert!(wire.server_ready || transmit.is_none(), "{link} was not named as ready: {transmit:?}");
                wire.server_ready = transmit.is_some();
                transmit
            });
            if from_client.is_none() && from_server.is_none() {
                return self.drop_dead(number);
            }
            if let Some(transmit) = from_client {
                self.send(number, Node::Client(client), transmit);
            }
            if let Some(transmit) = from_server {
                self.send(number, Node::Server, transmit);
            }
        }
    }

    /// A link that is being closed and that nothing can pass is dropped, as an adapter would do after a moment.
    fn drop_dead(&mut self, number: u64) {
        let Some(wire) = self.wires.get(&number).filter(|wire| wire.health == Health::HalfOpen) else { return };
        let closing = |link: Option<LinkId>, engine: &dyn Fn(LinkId) -> bool| link.is_some_and(engine);
        let client = &self.clients[wire.client].client;
        let server = self.server.as_ref();
        if closing(wire.client_link, &|link| client.is_closing(link))
            || closing(wire.server_link, &|link| server.is_some_and(|server| server.is_closing(link)))
        {
            self.lose(number);
        }
    }

    fn send(&mut self, number: u64, from: Node, transmit: Transmit) {
        let delay = self.dice.duration(&self.config.delay);
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let lane = match from {
            Node::Server => &mut wire.to_client,
            Node::Client(_) => &mut wire.to_server,
        };
        // Nothing overtakes on a link.
        let at = lane.last.max(self.now + delay);
        lane.last = at;
        let lost = wire.health == Health::HalfOpen;
        let happening = match transmit {
            Transmit::Frame(frame) => {
                lane.in_flight += 1;
                self.trace.note(self.now, from, Some(wire.client), What::Sent(frame.clone()));
                match from {
                    Node::Server => Happening::ToClient { wire: number, frame },
                    Node::Client(_) => Happening::ToServer { wire: number, frame },
                }
            }
            Transmit::Close(_) => {
                lane.closed = true;
                self.trace.note(self.now, from, Some(wire.client), What::Closed);
                match from {
                    Node::Server => Happening::ClosedToClient { wire: number },
                    Node::Client(_) => Happening::ClosedToServer { wire: number },
                }
            }
        };
        if !lost {
            self.plan(at, happening);
        }
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
