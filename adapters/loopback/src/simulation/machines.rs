//! The machines: the server, the clients, their stores, and how they crash and start.

use crdt_socket_sync::{
    Client, ClientConfig, ClientEvent, DocId, MemoryStorage, Now, Replica, Seed, Server, ServerConfig, ServerEvent,
    Ticket,
    error::StoreFault,
    store::{StoreReply, StoreRequest},
};

use super::{ClientIndex, Happening, Simulation, Site};
use crate::{
    disk::{Crash, Disk},
    trace::{Node, What},
};

impl<R: Replica> Simulation<R> {
    // Stores.

    /// What the server's store holds.
    pub fn store(&self) -> &MemoryStorage {
        &self.disk(Node::Server).storage
    }

    /// The server's store, to be damaged or emptied.
    pub fn store_mut(&mut self) -> &mut MemoryStorage {
        &mut self.disk_mut(Node::Server).storage
    }

    /// Has the server's store fail with this from now on, or work again.
    pub fn set_store_fault(&mut self, fault: Option<StoreFault>) {
        self.disk_mut(Node::Server).fault = fault;
    }

    /// A machine's store.
    ///
    /// # Panics
    ///
    /// If there is no such machine.
    pub fn disk(&self, node: Node) -> &Disk {
        self.disks.get(&node).expect("the machine has a store")
    }

    /// A machine's store, to make it slow or faulty, or to be damaged.
    ///
    /// # Panics
    ///
    /// If there is no such machine.
    pub fn disk_mut(&mut self, node: Node) -> &mut Disk {
        self.disks.get_mut(&node).expect("the machine has a store")
    }

    fn request(&mut self, node: Node, request: StoreRequest) {
        let delay = self.disk(node).delay.clone();
        let at = (self.now + self.dice.duration(&delay)).max(self.disk(node).last);
        self.disk_mut(node).last = at;
        self.plan(at, Happening::Write(node, request));
    }

    pub(super) fn write(&mut self, node: Node, request: StoreRequest) {
        let outcomes = self.disk_mut(node).carry_out(request);
        let delay = self.disk(node).delay.clone();
        for (ticket, outcome) in outcomes {
            let what = if outcome.is_ok() { What::Stored } else { What::StoreFailed };
            self.trace.note(self.now, node, None, what);
            let at = self.now + self.dice.duration(&delay);
            self.plan(at, Happening::Answer(node, ticket, outcome));
        }
    }

    pub(super) fn answer(&mut self, node: Node, ticket: Ticket, outcome: Result<StoreReply, StoreFault>) {
        let now = self.now_at(node);
        match (node, &mut self.server) {
            (Node::Client(client), _) => {
                // It may have left the document meanwhile.
                let _ = self.clients[client].client.stored(now, ticket, outcome);
            }
            (_, Some(server)) => server.stored(now, ticket, outcome).expect("each ticket is answered once"),
            (_, None) => {}
        }
    }

    /// How many appends a machine's store has not carried out yet.
    pub fn pending_appends(&self, node: Node) -> usize {
        let pending = |happening: &&Happening| matches!(happening, Happening::Write(of, StoreRequest::Append { .. }) if *of == node);
        self.future.values().filter(pending).count()
    }

    /// A machine's requests that have not been carried out, oldest first. They and the answers that were due are
    /// forgotten.
    fn forget_requests(&mut self, node: Node) -> Vec<StoreRequest> {
        let mut requests = Vec::new();
        for (key, happening) in std::mem::take(&mut self.future) {
            match happening {
                Happening::Write(of, request) if of == node => requests.push(request),
                Happening::Answer(of, ..) if of == node => {}
                other => drop(self.future.insert(key, other)),
            }
        }
        requests
    }

    // The server.

    /// The server; `None` while it is down.
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// Does something to the server, then lets it act on it.
    pub fn with_server<T>(&mut self, act: impl FnOnce(&mut Server, Now) -> T) -> Option<T> {
        let now = self.now_at(Node::Server);
        let value = act(self.server.as_mut()?, now);
        self.pump();
        Some(value)
    }

    /// The server's next event, oldest first.
    pub fn server_event(&mut self) -> Option<ServerEvent> {
        self.server_events.pop_front()
    }

    /// Starts the server, on what its store holds.
    pub fn start_server(&mut self) {
        if self.server.is_none() {
            let seed = Seed::from_number(self.dice.roll());
            let mut config = ServerConfig::new(seed);
            config.limits = self.config.limits.clone();
            config.admission = self.config.admission;
            self.server = Some(Server::new(config));
            // What the last one asked is nothing to this one.
            self.server_events.clear();
            self.trace.note(self.now, Node::Server, None, What::Started);
        }
    }

    /// Ends the server without a word; how much of what was on its way to the store is written is drawn from the seed.
    pub fn crash_server(&mut self) {
        let crash = Crash { written: self.dice.below(4), torn: self.dice.below(2) == 0 };
        self.crash_server_with(crash);
    }

    /// Ends the server without a word. All that was only in memory is gone.
    pub fn crash_server_with(&mut self, crash: Crash) {
        if self.server.take().is_none() {
            return;
        }
        self.trace.note(self.now, Node::Server, None, What::Crashed);
        let requests = self.forget_requests(Node::Server);
        self.disk_mut(Node::Server).crash(requests, crash);
        self.strangers.iter_mut().for_each(|stranger| stranger.link = None);
        let wires: Vec<_> = self.wires.keys().copied().collect();
        for number in wires {
            let Some(wire) = self.wires.get_mut(&number) else { continue };
            wire.server_link = None;
            // Nobody hears of it over a link that is dead.
            if !wire.half_open || wire.client_link.is_none() {
                self.lose(number);
            }
        }
        self.pump();
    }

    pub(super) fn pump_server(&mut self) {
        let Some(server) = &mut self.server else { return };
        while let Some(event) = server.poll_event() {
            self.server_events.push_back(event);
        }
        let mut requests = Vec::new();
        while let Some(request) = server.poll_store() {
            requests.push(request);
        }
        requests.into_iter().for_each(|request| self.request(Node::Server, request));
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
        let mut client = Client::new(config.clone());
        client.connect();
        self.disks.insert(Node::Client(self.clients.len()), Disk::new(self.config.store_delay.clone()));
        self.clients.push(Site { client, config, events: Default::default(), online: true, wire: None });
        self.pump();
        ClientIndex(self.clients.len() - 1)
    }

    /// Ends a client without a word and starts it again, with no document open; its link is lost. What was only in
    /// memory is gone.
    pub fn restart_client(&mut self, client: ClientIndex, crash: Crash) {
        let node = Node::Client(client.0);
        self.trace.note(self.now, node, None, What::Crashed);
        let requests = self.forget_requests(node);
        self.disk_mut(node).crash(requests, crash);
        self.future.retain(|_, happening| !matches!(happening, Happening::Dial { client: of } if *of == client.0));
        let seed = Seed::from_number(self.dice.roll());
        let site = &mut self.clients[client.0];
        let wire = site.wire.take();
        site.events.clear();
        site.client = Client::new(ClientConfig { seed, ..site.config.clone() });
        site.client.connect();
        self.trace.note(self.now, node, None, What::Started);
        if let Some(number) = wire {
            if let Some(wire) = self.wires.get_mut(&number) {
                wire.client_link = None;
            }
            self.lose(number);
        }
        self.pump();
    }

    /// A client.
    pub fn client(&self, client: ClientIndex) -> &Client<R> {
        &self.clients[client.0].client
    }

    /// Does something to a client, then lets it act on it.
    pub fn with_client<T>(&mut self, client: ClientIndex, act: impl FnOnce(&mut Client<R>, Now) -> T) -> T {
        let now = self.now_at(Node::Client(client.0));
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

    pub(super) fn pump_client(&mut self, client: usize) {
        let site = &mut self.clients[client];
        while let Some(event) = site.client.poll_event() {
            site.events.push_back(event);
        }
        let requests: Vec<_> = std::iter::from_fn(|| site.client.poll_store()).collect();
        if site.client.poll_dial() {
            let at = self.now + self.dice.duration(&self.config.delay);
            self.plan(at, Happening::Dial { client });
        }
        requests.into_iter().for_each(|request| self.request(Node::Client(client), request));
    }
}
