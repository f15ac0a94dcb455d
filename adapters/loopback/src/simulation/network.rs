//! The network: links that come up, carry bytes, are held up, die unnoticed and are lost; and strangers.

use bytes::{Bytes, BytesMut};
use crdt_socket_sync::{LinkId, Replica, Server, Transmit};

use super::{ClientIndex, Happening, Simulation, Stranger, StrangerIndex};
use crate::{
    trace::{Node, TraceLink, What},
    wire::{Direction, Lane, Parcel, Wire},
};

impl<R: Replica> Simulation<R> {
    /// The server's name for a client's link, while there is one.
    pub fn server_end(&self, client: ClientIndex) -> Option<LinkId> {
        self.wires.get(&self.clients[client.0].wire?)?.server_link
    }

    /// Cuts a client's link: what is under way is lost, and both ends are told.
    pub fn cut(&mut self, client: ClientIndex) {
        self.cut_after(client, 0);
    }

    /// Cuts a client's link after so many more bytes in each direction have arrived, of those that are under way.
    pub fn cut_after(&mut self, client: ClientIndex, bytes: usize) {
        let Some(number) = self.clients[client.0].wire else { return };
        for direction in [Direction::ToServer, Direction::ToClient] {
            let lane = self.wires.get_mut(&number).map(|wire| wire.lane(direction));
            let mut held = lane.and_then(|lane| lane.held.take()).unwrap_or_default();
            let mut left = bytes;
            while left > 0 {
                let next = held.pop_front().or_else(|| self.next_parcel(number, direction));
                let Some(Parcel::Piece { bytes, last }) = next else { break };
                let whole = bytes.len() <= left;
                let piece = bytes.slice(..bytes.len().min(left));
                left -= piece.len();
                self.take_in(number, direction, &piece, usize::from(last && whole));
            }
        }
        self.lose(number);
        self.pump();
    }

    /// Takes the next thing off a lane that would arrive.
    fn next_parcel(&mut self, number: u64, to: Direction) -> Option<Parcel> {
        let on_lane = |happening: &Happening| matches!(happening, Happening::Arrive { wire, direction, .. } if (*wire, *direction) == (number, to));
        let key = *self.future.iter().find(|(_, happening)| on_lane(happening))?.0;
        match self.future.remove(&key)? {
            Happening::Arrive { parcel, .. } => Some(parcel),
            _ => None,
        }
    }

    /// Lets a client's link die unnoticed: nothing that is sent from now on arrives, and neither end is told.
    pub fn half_open(&mut self, client: ClientIndex) {
        let Some(number) = self.clients[client.0].wire else { return };
        if let Some(wire) = self.wires.get_mut(&number) {
            wire.half_open = true;
            let link = Some(TraceLink { peer: Node::Client(client.0), number });
            self.trace.note(self.now, Node::Client(client.0), link, What::HalfOpen);
        }
    }

    /// Holds up everything that a client's link carries in one direction, until it is let go again.
    pub fn stall(&mut self, client: ClientIndex, direction: Direction) {
        let Some(number) = self.clients[client.0].wire else { return };
        let Some(lane) = self.wires.get_mut(&number).map(|wire| wire.lane(direction)) else { return };
        if lane.held.is_none() {
            lane.held = Some(Default::default());
            self.note_stall(client.0, number, direction, true);
        }
    }

    /// Whether a client's link is held up in some direction.
    pub fn is_stalled(&self, client: ClientIndex) -> bool {
        let wire = self.clients[client.0].wire.and_then(|number| self.wires.get(&number));
        wire.is_some_and(|wire| wire.to_server.held.is_some() || wire.to_client.held.is_some())
    }

    /// Lets everything go on that was held up on a client's link. What was sent on a link that is dead stays lost.
    pub fn unstall(&mut self, client: ClientIndex) {
        let Some(number) = self.clients[client.0].wire else { return };
        for direction in [Direction::ToServer, Direction::ToClient] {
            let lane = self.wires.get_mut(&number).map(|wire| wire.lane(direction));
            let Some(held) = lane.and_then(|lane| lane.held.take()) else { continue };
            self.note_stall(client.0, number, direction, false);
            for parcel in held {
                match parcel {
                    Parcel::Piece { bytes, last } => self.take_in(number, direction, &bytes, last.into()),
                    Parcel::Close => self.lose(number),
                }
            }
        }
        // The other end gave it up meanwhile: now this one hears of it.
        if self.wires.get(&number).is_some_and(|wire| wire.server_link.is_none() || wire.client_link.is_none()) {
            self.lose(number);
        }
        self.pump();
    }

    fn note_stall(&mut self, client: usize, number: u64, direction: Direction, stalled: bool) {
        let node = if direction == Direction::ToServer { Node::Server } else { Node::Client(client) };
        let link = Some(TraceLink { peer: Node::Client(client), number });
        self.trace.note(self.now, node, link, What::Stalled(stalled));
    }

    /// Has a client lose its link while the server's end stays up unnoticed, as after a change of networks.
    pub fn abandon(&mut self, client: ClientIndex) {
        self.half_open(client);
        let now = self.now_at(Node::Client(client.0));
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

    // Strangers.

    /// Connects a peer to the server that says only what it is told to say. `None` while the server is down.
    pub fn add_stranger(&mut self) -> Option<StrangerIndex> {
        let now = self.now_at(Node::Server);
        let link = self.server.as_mut()?.link_up(now);
        self.last_wire += 1;
        self.strangers.push(Stranger { link: Some(link), number: self.last_wire, heard: Default::default() });
        self.pump();
        Some(StrangerIndex(self.strangers.len() - 1))
    }

    /// The server's name for a stranger's link, while there is one.
    pub fn stranger_end(&self, stranger: StrangerIndex) -> Option<LinkId> {
        self.strangers[stranger.0].link
    }

    /// Hands the server a frame from a stranger, at once. It hears nothing if its link is gone.
    pub fn stranger_says(&mut self, stranger: StrangerIndex, frame: Bytes) {
        let now = self.now_at(Node::Server);
        let Stranger { link, number, .. } = self.strangers[stranger.0];
        if let (Some(link), Some(server)) = (link, &mut self.server) {
            let seen = Some(TraceLink { peer: Node::Stranger(stranger.0), number });
            self.trace.note(self.now, Node::Server, seen, What::Arrived(frame.clone()));
            // A fault closes the link; the test sees it in the server's events.
            let _ = server.receive(now, link, frame);
            self.pump();
        }
    }

    /// The next frame that a stranger was sent.
    pub fn stranger_hears(&mut self, stranger: StrangerIndex) -> Option<Bytes> {
        self.strangers[stranger.0].heard.pop_front()
    }

    /// Cuts a stranger's link.
    pub fn drop_stranger(&mut self, stranger: StrangerIndex) {
        let now = self.now_at(Node::Server);
        let link = self.strangers[stranger.0].link.take();
        if let (Some(link), Some(server)) = (link, &mut self.server) {
            server.link_down(now, link, "the stranger left").expect("the link was up");
            self.pump();
        }
    }

    pub(super) fn pump_stranger(&mut self, index: usize) {
        let now = self.now_at(Node::Server);
        let Stranger { link: Some(link), number, .. } = self.strangers[index] else { return };
        while let Some(transmit) = self.server.as_mut().and_then(|server| server.poll_transmit(now, link)) {
            let seen = Some(TraceLink { peer: Node::Stranger(index), number });
            match transmit {
                Transmit::Frame(frame) => {
                    self.trace.note(self.now, Node::Server, seen, What::Sent(frame.clone()));
                    self.strangers[index].heard.push_back(frame);
                }
                Transmit::Close(_) => {
                    self.trace.note(self.now, Node::Server, seen, What::Closed);
                    return self.drop_stranger(StrangerIndex(index));
                }
            }
        }
    }

    // Inside.

    pub(super) fn dial(&mut self, client: usize) {
        let now = self.now_at(Node::Client(client));
        let servers = self.now_at(Node::Server);
        let site = &mut self.clients[client];
        let server = self.server.as_mut().filter(|_| site.online);
        let Some(server) = server else {
            self.trace.note(self.now, Node::Client(client), None, What::DialFailed);
            site.client.dial_failed(now, "the server cannot be reached");
            return;
        };
        let Ok(client_link) = site.client.link_up(now) else { return };
        let server_link = server.link_up(servers);
        self.last_wire += 1;
        let number = self.last_wire;
        site.wire = Some(number);
        let link = Some(TraceLink { peer: Node::Client(client), number });
        self.trace.note(self.now, Node::Client(client), link, What::LinkUp);
        let wire = Wire {
            client,
            client_link: Some(client_link),
            server_link: Some(server_link),
            server_ready: false,
            half_open: false,
            to_server: Lane::new(&self.config, self.now),
            to_client: Lane::new(&self.config, self.now),
        };
        self.wires.insert(number, wire);
    }

    pub(super) fn arrive(&mut self, number: u64, direction: Direction, parcel: Parcel) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let lane = wire.lane(direction);
        if let Some(held) = &mut lane.held {
            held.push_back(parcel);
            return;
        }
        let mut next = Some(parcel);
        let (mut stream, mut ends) = (BytesMut::new(), 0);
        while let Some(Parcel::Piece { bytes, last }) = next {
            stream.extend_from_slice(&bytes);
            ends += usize::from(last);
            // Bytes of several frames may come together, as they do on a stream.
            let more = self.config.piece_bytes.is_some() && self.dice.below(3) == 0;
            next = if more { self.next_parcel(number, direction) } else { None };
        }
        self.take_in(number, direction, &stream, ends);
        if matches!(next, Some(Parcel::Close)) {
            self.lose(number);
        }
    }

    /// Takes in some bytes of a stream, with which so many frames end.
    fn take_in(&mut self, number: u64, direction: Direction, bytes: &[u8], ends: usize) {
        let Some(lane) = self.wires.get_mut(&number).map(|wire| wire.lane(direction)) else { return };
        lane.in_flight -= ends;
        let frames = lane.read(bytes);
        frames.into_iter().for_each(|frame| self.hand_over(number, direction, frame));
    }

    fn hand_over(&mut self, number: u64, direction: Direction, frame: Bytes) {
        let Some(wire) = self.wires.get(&number) else { return };
        let (client, client_link, server_link) = (wire.client, wire.client_link, wire.server_link);
        let seen = Some(TraceLink { peer: Node::Client(client), number });
        let arrived = What::Arrived(frame.clone());
        match direction {
            Direction::ToServer => {
                let now = self.now_at(Node::Server);
                if let (Some(link), Some(server)) = (server_link, &mut self.server) {
                    self.trace.note(self.now, Node::Server, seen, arrived);
                    // A fault closes the link; the test sees it in the server's events.
                    let _ = server.receive(now, link, frame);
                }
            }
            Direction::ToClient => {
                let now = self.now_at(Node::Client(client));
                if let Some(link) = client_link {
                    self.trace.note(self.now, Node::Client(client), seen, arrived);
                    // As above.
                    let _ = self.clients[client].client.receive(now, link, frame);
                }
            }
        }
    }

    /// A link is gone for both ends.
    pub(super) fn lose(&mut self, number: u64) {
        let Some(wire) = self.wires.remove(&number) else { return };
        self.future.retain(|_, happening| !matches!(happening, Happening::Arrive { wire, .. } if *wire == number));
        let node = Node::Client(wire.client);
        self.trace.note(self.now, node, Some(TraceLink { peer: node, number }), What::Cut);
        let now = self.now_at(Node::Server);
        if let (Some(link), Some(server)) = (wire.server_link, &mut self.server) {
            server.link_down(now, link, "the link was cut").expect("the link was up");
        }
        let now = self.now_at(node);
        let site = &mut self.clients[wire.client];
        if let Some(link) = wire.client_link {
            site.client.link_down(now, link, "the link was cut").expect("the link was up");
        }
        if site.wire == Some(number) {
            site.wire = None;
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
    pub(super) fn pump_wire(&mut self, number: u64) {
        loop {
            self.note_ready();
            let now = self.now_at(Node::Server);
            let most = self.config.in_flight;
            let Some(wire) = self.wires.get_mut(&number) else { return };
            let client = wire.client;
            let room = wire.to_client.in_flight < most && !wire.to_client.closed;
            let server = self.server.as_mut().filter(|_| room);
            let from_server = server.zip(wire.server_link).and_then(|(server, link)| {
                let transmit = server.poll_transmit(now, link);
                assert!(wire.server_ready || transmit.is_none(), "{link} was not named as ready: {transmit:?}");
                wire.server_ready = transmit.is_some();
                transmit
            });
            let room = wire.to_server.in_flight < most && !wire.to_server.closed;
            let link = wire.client_link.filter(|_| room);
            let now = self.now_at(Node::Client(client));
            let from_client = link.and_then(|link| self.clients[client].client.poll_transmit(now, link));
            if from_client.is_none() && from_server.is_none() {
                return self.drop_dead(number);
            }
            if let Some(transmit) = from_client {
                self.send(number, Direction::ToServer, transmit);
            }
            if let Some(transmit) = from_server {
                self.send(number, Direction::ToClient, transmit);
            }
        }
    }

    /// An end that is closing a link which nothing can pass gives it up, as an adapter would do after a moment. The other
    /// end has to notice by itself.
    fn drop_dead(&mut self, number: u64) {
        let stuck = |wire: &&mut Wire| wire.half_open || wire.to_server.held.is_some() || wire.to_client.held.is_some();
        let servers = self.now_at(Node::Server);
        let Some(wire) = self.wires.get_mut(&number).filter(stuck) else { return };
        let node = Node::Client(wire.client);
        let seen = Some(TraceLink { peer: node, number });
        if let Some((link, server)) =
            wire.server_link.zip(self.server.as_mut()).filter(|(link, server)| server.is_closing(*link))
        {
            wire.server_link = None;
            self.trace.note(self.now, Node::Server, seen, What::Cut);
            server.link_down(servers, link, "nothing passes it").expect("the link was up");
        }
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let gone = |link: &LinkId| self.clients[wire.client].client.is_closing(*link);
        if let Some(link) = wire.client_link.filter(gone) {
            wire.client_link = None;
            let index = wire.client;
            self.trace.note(self.now, node, seen, What::Cut);
            let now = self.now_at(node);
            let site = &mut self.clients[index];
            if site.wire == Some(number) {
                site.wire = None;
            }
            site.client.link_down(now, link, "nothing passes it").expect("the link was up");
        }
        let Some(wire) = self.wires.get(&number) else { return };
        if wire.client_link.is_none() && wire.server_link.is_none() {
            self.lose(number);
        }
    }

    fn send(&mut self, number: u64, direction: Direction, transmit: Transmit) {
        let Some(wire) = self.wires.get_mut(&number) else { return };
        let (lost, peer) = (wire.half_open, Node::Client(wire.client));
        let node = if direction == Direction::ToServer { peer } else { Node::Server };
        let link = Some(TraceLink { peer, number });
        let lane = wire.lane(direction);
        let parcels = match transmit {
            Transmit::Frame(frame) => {
                lane.in_flight += 1;
                let parcels = lane.write(&frame, self.config.piece_bytes, &mut self.dice);
                if !lost {
                    lane.written.push_back(frame.clone());
                }
                self.trace.note(self.now, node, link, What::Sent(frame));
                parcels
            }
            Transmit::Close(_) => {
                lane.closed = true;
                self.trace.note(self.now, node, link, What::Closed);
                vec![Parcel::Close]
            }
        };
        for parcel in parcels {
            let delay = self.dice.duration(&self.config.delay);
            let Some(wire) = self.wires.get_mut(&number) else { return };
            let lane = wire.lane(direction);
            // Nothing overtakes on a link.
            let at = lane.last.max(self.now + delay);
            lane.last = at;
            if !lost {
                self.plan(at, Happening::Arrive { wire: number, direction, parcel });
            }
        }
    }
}
