//! A peer that sends anything at all, at every state of a link, while others go on working.

use bytes::Bytes;
use crdt_socket_sync::{
    Access, Admission, DocId, Document, Epoch, LinkId, ReplicaId, Server, ServerEvent, Transmit, VersionVector,
    causal::{Change, Frontier, Hlc},
    error::{Reason, ReceiveError},
    wire::{Capabilities, FullNames, Level, Message, Writers},
};
use crdt_socket_sync_loopback::{ClientIndex, Simulation, SimulationConfig};

/// How far a link has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nothing was said yet.
    Greeting,
    /// The server's application has not decided yet.
    Admission,
    /// Let in.
    Open,
    /// A document was asked for and is being loaded.
    Loading,
    /// A document was joined.
    Joined,
    /// The same, to read only.
    Reading,
    /// The server is closing it.
    Closing,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Greeting, Self::Admission, Self::Open, Self::Loading, Self::Joined, Self::Reading, Self::Closing];
}

const PAGE: &str = "page";
const HONEST: [u64; 2] = [1, 2];

/// A server with two honest clients who write one page, and a hostile peer.
pub struct Siege {
    world: Simulation,
    honest: [(ClientIndex, DocId); 2],
    hostile: Option<LinkId>,
    state: State,
    links: u64,
    typed: usize,
    /// How many links the server has closed.
    pub closed: usize,
    /// How many frames were refused with an error.
    pub refused: usize,
}

impl Siege {
    /// Everyone is connected; the hostile peer is not there yet.
    pub fn new(state: State) -> Self {
        let mut config = SimulationConfig::new(7);
        config.admission = Admission::Ask;
        let mut world = Simulation::new(config);
        let honest = HONEST.map(|replica| {
            let client = world.add_client();
            (client, world.open(client, PAGE, Document::new(ReplicaId::new(replica))))
        });
        let mut siege = Self { world, honest, hostile: None, state, links: 0, typed: 0, closed: 0, refused: 0 };
        siege.work();
        siege
    }

    /// Sends one frame from the hostile peer, whose link is in the wanted state.
    ///
    /// # Panics
    ///
    /// If the server takes a frame for the caller's mistake, or says nothing of an error.
    pub fn send(&mut self, frame: Bytes) {
        if self.forges(&frame) {
            return;
        }
        let link = match self.hostile {
            Some(link) => link,
            None => self.connect(),
        };
        let outcome = self.server(|server, now| server.receive(now, link, frame));
        if let Err(fault) = outcome {
            assert!(matches!(fault, ReceiveError::Peer(_)), "a frame is never the caller's mistake: {fault}");
            self.refused += 1;
        }
        self.drain(link);
    }

    /// Whether a frame holds changes in the name of an honest client. Who may write a document can do that, as long as
    /// changes are not signed: it is not what is tested here.
    fn forges(&mut self, frame: &Bytes) -> bool {
        let mut names = Writers::default();
        self.server(|server, _| server.log(PAGE).map(|log| log.writers().to_vec()))
            .into_iter()
            .flatten()
            .for_each(|writer| names.introduce(writer));
        match Message::decode(frame.clone(), &names) {
            Ok(Message::Changes { changes, .. }) => {
                changes.iter().any(|change| HONEST.contains(&change.replica.bits()))
            }
            _ => false,
        }
    }

    /// The two honest clients write, and everything arrives.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn work(&mut self) {
        for (client, doc) in self.honest {
            self.typed += 1;
            let word = format!("<{}>", self.typed);
            self.world.edit(client, doc, |txn| txn.text("honest").push_str(&word)).expect("a legal edit");
        }
        for _ in 0..10_000 {
            while let Some(event) = self.world.server_event() {
                self.decide(event);
            }
            // What they see is compared, not what they wrote: a peer that may write may also delete.
            let [one, other] = self.honest.map(|(client, doc)| self.world.replica(client, doc));
            let all = |replica| one.log().version().next(replica) == other.log().version().next(replica);
            let done = HONEST.map(ReplicaId::new).into_iter().all(all) && one.digest() == other.digest();
            let stored = |(client, doc)| self.world.client(client).is_synced(doc, Level::Stored) == Ok(true);
            if done && self.honest.into_iter().all(stored) {
                return;
            }
            assert!(self.world.step(), "the honest clients are stuck");
        }
        panic!("the honest clients do not get on:\n{}", self.world.trace());
    }

    /// Whether the honest clients' links are the ones they began with.
    pub fn undisturbed(&self) -> bool {
        self.honest.iter().all(|(client, _)| self.world.client(*client).link().is_some_and(|link| link.number() == 1))
    }

    fn server<T>(&mut self, act: impl FnOnce(&mut Server, crdt_socket_sync::Now) -> T) -> T {
        self.world.with_server(act).expect("the server is up")
    }

    fn decide(&mut self, event: ServerEvent) {
        let hostile = self.hostile;
        let state = self.state;
        self.server(|server, now| match event {
            ServerEvent::Knock(knock) if Some(knock.link()) == hostile && state == State::Admission => drop(knock),
            ServerEvent::Knock(knock) => server.admit(knock),
            ServerEvent::JoinRequest(request) if Some(request.link()) == hostile && state == State::Reading => {
                server.grant(now, request, Access::Read);
            }
            ServerEvent::JoinRequest(request) => server.grant(now, request, Access::Write),
            _ => {}
        });
    }

    fn connect(&mut self) -> LinkId {
        self.links += 1;
        let link = self.server(|server, now| server.link_up(now));
        self.hostile = Some(link);
        if self.state == State::Greeting {
            return link;
        }
        self.say(link, &hello(self.links));
        if matches!(self.state, State::Loading | State::Joined | State::Reading) {
            let name = if self.state == State::Loading { format!("page {}", self.links) } else { PAGE.to_owned() };
            self.say(link, &join(name, self.links));
        }
        if self.state == State::Closing {
            self.server(|server, now| server.close(now, link, Reason::from(crdt_socket_sync::error::Code::Forbidden)))
                .expect("the link is up");
        }
        link
    }

    fn say(&mut self, link: LinkId, message: &Message) {
        let frame = message.encode(&FullNames);
        self.server(|server, now| server.receive(now, link, frame)).expect("a good frame");
        while let Some(event) = self.world.server_event() {
            self.decide(event);
        }
    }

    /// Takes what the server has for the hostile peer, as a transport would.
    fn drain(&mut self, link: LinkId) {
        while let Some(transmit) = self.server(|server, now| server.poll_transmit(now, link)) {
            if let Transmit::Close(_) = transmit {
                self.closed += 1;
                self.server(|server, now| server.link_down(now, link, "closed")).expect("the link is up");
                self.hostile = None;
                return;
            }
        }
        while let Some(event) = self.world.server_event() {
            self.decide(event);
        }
    }
}

/// A legal first message.
pub fn hello(client: u64) -> Message {
    Message::Hello {
        versions: (1, 1),
        capabilities: Capabilities::OURS,
        frame_bytes: 1 << 20,
        secret: u128::from(client).to_be_bytes(),
        token: Bytes::from_static(b"let me in"),
    }
}

fn join(name: String, client: u64) -> Message {
    Message::Join {
        request: client,
        name,
        epoch: None,
        replica: Some(ReplicaId::new(0xBAD_0000 + client)),
        version: VersionVector::new(),
    }
}

/// A legal message of each kind, for a link on which the first document was joined.
pub fn examples() -> Vec<Message> {
    let replica = ReplicaId::new(0xBAD);
    let version: VersionVector = [(ReplicaId::new(1), 3), (replica, 1)].into_iter().collect();
    let change = |seq, body: &'static [u8]| Change {
        replica,
        seq,
        len: 1,
        clock: Hlc::new(1_700_000_000_000 + seq, 1),
        deps: Frontier::new(),
        body: Bytes::from_static(body),
    };
    let reason = Reason::new(crdt_socket_sync::error::Code::Malformed, "why");
    vec![
        hello(99),
        Message::Welcome { version: 1, capabilities: Capabilities::OURS, frame_bytes: 1 << 20, ping_millis: 15_000 },
        Message::Close { reason: reason.clone() },
        Message::Ping { nonce: 7 },
        Message::Pong { nonce: 7 },
        join(PAGE.to_owned(), 99),
        Message::Joined { request: 1, doc: 1, epoch: Epoch::new(1), access: Access::Write, writers: Vec::new() },
        Message::Refused { request: 1, reason: reason.clone(), epoch: None },
        Message::Dropped { doc: 1, reason },
        Message::Leave { request: 99 },
        Message::Changes {
            doc: 1,
            introduced: vec![replica],
            changes: vec![change(0, b"\x83\x40\x80"), change(1, b"")],
        },
        Message::Changes { doc: 1, introduced: Vec::new(), changes: vec![change(5, b"waits")] },
        Message::Ack { doc: 1, level: Level::Stored, version: version.clone() },
        Message::Want { doc: 1, version },
    ]
}
