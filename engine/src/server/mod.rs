//! The server's state machine: many links, many rooms, no sockets.
//!
//! Facts go in by methods named after them; effects are pulled with the `poll_` methods until they say `None`. The order
//! of calls is free. The [crate's page](crate) has the contract and a run loop.

mod event;
mod join;
mod link;
mod room;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

pub use event::{JoinRequest, Knock, ServerEvent};
use join::Loading;
use link::Link;
use room::{Admitted, Room};

use crate::{
    causal::ChangeLog,
    error::{Code, Misuse, Reason, ReceiveError, StoreFault},
    id::{Epoch, LinkId, Ticket},
    limits::Limits,
    proof::{Fault, Situation, note, planted},
    record::{Record, Recorder, Setup},
    rng::{Rng, Seed},
    session::{Incoming, Session, Transmit},
    store::{Append, StoreReply, StoreRequest},
    time::{Now, Time},
    timers::Timers,
    wire::{Access, FullNames, Message},
};

/// Who decides who comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Everyone is let in and may write every document: for trusted networks, tests and demonstrations.
    Everyone,
    /// The application: every peer raises a [`ServerEvent::Knock`] and every join a [`ServerEvent::JoinRequest`].
    /// Nothing is loaded for a peer before it is admitted.
    Ask,
}

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The bounds it keeps.
    pub limits: Limits,
    /// Who decides who comes in.
    pub admission: Admission,
    /// Where the birth marks of new documents and the jitter of retries come from: 32 random bytes, new at each start.
    pub seed: Seed,
    /// Whether everything that goes in and comes out is [recorded](crate::record), for [`Server::poll_record`] to hand out.
    pub record: bool,
}

impl ServerConfig {
    /// A server that lets everyone in and keeps the default bounds.
    pub fn new(seed: Seed) -> Self {
        Self { limits: Limits::default(), admission: Admission::Everyone, seed, record: false }
    }
}

/// Keeps the clients of many documents in step. See the [module](self).
#[derive(Debug)]
pub struct Server {
    limits: Limits,
    admission: Admission,
    rng: Rng,
    links: BTreeMap<LinkId, Link>,
    last_link: u64,
    last_join: u64,
    rooms: BTreeMap<u64, Slot>,
    names: BTreeMap<String, u64>,
    last_room: u64,
    tickets: BTreeMap<Ticket, u64>,
    last_ticket: u64,
    /// Links that have something to be sent.
    ready: VecDeque<LinkId>,
    /// Rooms that have something to be read or written.
    store: VecDeque<u64>,
    events: VecDeque<ServerEvent>,
    timers: Timers<Timer>,
    /// Set by `shutdown`.
    stopping: bool,
    /// No room had anything left to be stored when it was set: links are being told goodbye.
    flushed: bool,
    record: Recorder,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// A session's deadline.
    Link(LinkId),
    /// An append is to be tried again.
    Store(u64),
    /// A room that nobody is in may be unloaded.
    Idle(u64),
}

#[derive(Debug)]
enum Slot {
    Loading(Loading),
    Open(Box<Room>),
}

impl Server {
    /// A server with no links and no documents.
    pub fn new(config: ServerConfig) -> Self {
        let record = Recorder::new(config.record, || {
            let setup = Setup { limits: config.limits.clone(), seed: config.seed };
            Record::Server(setup, config.admission == Admission::Ask)
        });
        Self {
            limits: config.limits,
            admission: config.admission,
            rng: Rng::new(config.seed),
            links: BTreeMap::new(),
            last_link: 0,
            last_join: 0,
            rooms: BTreeMap::new(),
            names: BTreeMap::new(),
            last_room: 0,
            tickets: BTreeMap::new(),
            last_ticket: 0,
            ready: VecDeque::new(),
            store: VecDeque::new(),
            events: VecDeque::new(),
            timers: Timers::new(),
            stopping: false,
            flushed: false,
            record,
        }
    }

    /// The bounds it keeps.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether a link is being closed. Its transport should be given a moment to take the goodbye, and no more: a link
    /// that died unnoticed will never take it.
    pub fn is_closing(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|link| link.session.is_over())
    }

    /// How many links are up.
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// The documents that are loaded, in order.
    pub fn loaded(&self) -> impl Iterator<Item = &str> + '_ {
        self.open_rooms().map(|room| room.name.as_str())
    }

    /// The changes of a loaded document.
    pub fn log(&self, name: &str) -> Option<&ChangeLog> {
        match self.rooms.get(self.names.get(name)?) {
            Some(Slot::Open(room)) => Some(&room.log),
            _ => None,
        }
    }

    /// The documents that hold changes which are not on disk yet, in order.
    pub fn unstored(&self) -> impl Iterator<Item = &str> + '_ {
        self.open_rooms().filter(|room| !room.durable.is_clean(&room.log)).map(|room| room.name.as_str())
    }

    fn open_rooms(&self) -> impl Iterator<Item = &Room> + '_ {
        self.names.values().filter_map(|number| match self.rooms.get(number) {
            Some(Slot::Open(room)) => Some(&**room),
            _ => None,
        })
    }

    // Facts.

    /// A transport connection was accepted.
    pub fn link_up(&mut self, now: Now) -> LinkId {
        self.record.note(|| Record::LinkUp(now));
        self.last_link += 1;
        let id = LinkId(self.last_link);
        let mut link = Link {
            session: Session::server(now.mono, &self.limits),
            secret: [0; 16],
            replies: VecDeque::new(),
            joins: BTreeMap::new(),
            work: VecDeque::new(),
            in_work: BTreeSet::new(),
            ready: false,
            reason: None,
        };
        if self.stopping {
            link.close(Code::Shutdown.into());
        }
        self.links.insert(id, link);
        self.arm(id);
        self.mark(id);
        id
    }

    /// One frame arrived on a link. A frame on a link that is being closed is passed over.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Peer`] if the frame is not one, or not one that the peer may send now: the link is closed with a
    /// code. [`ReceiveError::Misuse`] if there is no such link.
    pub fn receive(&mut self, now: Now, link: LinkId, frame: Bytes) -> Result<(), ReceiveError> {
        self.record.note(|| Record::Receive(now, link, frame.clone()));
        let known = self.links.get_mut(&link).ok_or(Misuse::UnknownLink(link))?;
        // What a document's messages call its writers depends on what the link was told about that document.
        let doc = if known.session.is_open() { Message::document_of(&frame) } else { None };
        let incoming = match doc {
            None => known.session.receive(now.mono, frame, &FullNames),
            Some(doc) => match open_room(&mut self.rooms, doc).and_then(|room| room.names(link)) {
                Some(names) => known.session.receive(now.mono, frame, &names),
                None => {
                    note(Situation::FrameForUnjoinedDocument);
                    known.session.heard(now.mono);
                    self.events.push_back(ServerEvent::NotJoined { link, doc });
                    return Ok(());
                }
            },
        };
        self.mark(link);
        match incoming {
            Ok(incoming) => self.act(now, link, incoming),
            Err(fault) => {
                self.depart(now.mono, link, &fault.clone().into());
                self.events.push_back(ServerEvent::Fault { link, fault: fault.clone() });
                return Err(fault.into());
            }
        }
        Ok(())
    }

    /// A link's transport is gone, or was closed because `poll_transmit` said so.
    pub fn link_down(&mut self, now: Now, link: LinkId, why: &str) -> Result<(), Misuse> {
        self.record.note(|| Record::LinkDown(now, link, why.to_owned()));
        let reason = Reason::new(Code::Done, why);
        self.depart(now.mono, link, &reason);
        let gone = self.links.remove(&link).ok_or(Misuse::UnknownLink(link))?;
        self.timers.clear(Timer::Link(link));
        self.events.push_back(ServerEvent::LinkDown { link, reason: gone.reason.unwrap_or(reason) });
        Ok(())
    }

    /// The store answered a request.
    pub fn stored(&mut self, now: Now, ticket: Ticket, outcome: Result<StoreReply, StoreFault>) -> Result<(), Misuse> {
        self.record.note(|| Record::Stored(now, ticket, outcome.clone()));
        let number = *self.tickets.get(&ticket).ok_or(Misuse::UnknownTicket(ticket))?;
        let ignored =
            outcome.is_err() && open_room(&mut self.rooms, number).is_some() && planted(Fault::StoreFailureIgnored);
        let outcome = if ignored { Ok(StoreReply::Appended) } else { outcome };
        match (self.rooms.get_mut(&number), outcome) {
            (Some(Slot::Loading(loading)), Ok(StoreReply::Loaded(stored))) if loading.begun.is_none() => match stored {
                Some(stored) => self.restored(now, number, stored),
                None if planted(Fault::EpochToldBeforeStored) => {
                    let epoch = Epoch::new(self.rng.next_u128());
                    self.open(now, number, epoch, ChangeLog::new());
                }
                None => self.begin(number),
            },
            (Some(Slot::Loading(Loading { begun: Some(epoch), .. })), Ok(StoreReply::Appended)) => {
                let epoch = *epoch;
                self.open(now, number, epoch, ChangeLog::new());
            }
            (Some(Slot::Loading(loading)), Err(_)) if loading.begun.is_none() && planted(Fault::LoadFailureIgnored) => {
                self.begin(number);
            }
            (Some(Slot::Loading(_)), Err(fault)) => self.load_failed(number, fault),
            (Some(Slot::Open(room)), Ok(StoreReply::Appended)) => {
                let (links, changes) = room.stored();
                self.events.push_back(ServerEvent::Stored { name: room.name.clone(), changes });
                if room.durable.is_due(&room.log) {
                    note(Situation::MoreToStore);
                    if !planted(Fault::LaterChangesNotStored) {
                        self.store.push_back(number);
                    }
                }
                if room.is_idle() {
                    self.timers.set(Timer::Idle(number), now.mono + self.limits.idle_unload);
                }
                for link in links.into_iter().filter(|_| !planted(Fault::AcknowledgementNotAnnounced)) {
                    self.work(link, number);
                }
            }
            (Some(Slot::Open(room)), Err(fault)) => {
                let (at, failures) = room.durable.failed(now.mono, &self.limits, &mut self.rng);
                self.events.push_back(ServerEvent::StoreFailed { name: room.name.clone(), fault, failures });
                if !planted(Fault::StoreNotRetried) {
                    self.timers.set(Timer::Store(number), at);
                }
            }
            _ => return Err(Misuse::WrongReply(ticket)),
        }
        self.tickets.remove(&ticket);
        self.finish();
        Ok(())
    }

    /// Time has passed. May be called at any time; does something when [`poll_timeout`](Self::poll_timeout) has come.
    pub fn timeout(&mut self, now: Now) {
        self.record.note(|| Record::Timeout(now));
        while let Some(timer) = self.timers.pop(now.mono) {
            match timer {
                Timer::Link(link) => self.link_timeout(now, link),
                Timer::Store(number) => {
                    if let Some(room) = open_room(&mut self.rooms, number) {
                        if room.durable.timeout(now.mono) {
                            note(Situation::StoreRetried);
                            self.store.push_back(number);
                        } else if let Some(at) = room.durable.deadline() {
                            self.timers.set(timer, at);
                        }
                    }
                }
                Timer::Idle(number) => {
                    if let Some(room) = open_room(&mut self.rooms, number).filter(|room| room.is_idle()) {
                        if planted(Fault::IdleRoomKept) {
                            continue;
                        }
                        note(Situation::RoomUnloaded);
                        self.names.remove(&room.name);
                        self.rooms.remove(&number);
                    }
                }
            }
        }
    }

    // What the application wants.

    /// Lets a peer in.
    pub fn admit(&mut self, knock: Knock) {
        self.record.note(|| Record::Admit(knock.link));
        self.admitted(knock);
    }

    fn admitted(&mut self, knock: Knock) {
        let link = knock.link;
        // A link that is gone by now needs no welcome.
        if self.links.get_mut(&link).is_some_and(|link| link.session.admit()) {
            self.events.push_back(ServerEvent::Admitted { link });
            self.arm(link);
            self.mark(link);
        }
    }

    /// Keeps a peer out, and tells it why.
    pub fn refuse(&mut self, knock: Knock, reason: Reason) {
        self.record.note(|| Record::Refuse(knock.link, reason.clone()));
        if let Some(link) = self.links.get_mut(&knock.link) {
            link.close(reason);
            self.mark(knock.link);
        }
    }

    /// Lets a link have a document.
    pub fn grant(&mut self, now: Now, request: JoinRequest, access: Access) {
        self.record.note(|| Record::Grant(now, request.number(), access));
        self.granted(now, request, access);
    }

    fn granted(&mut self, now: Now, request: JoinRequest, access: Access) {
        let JoinRequest { name, mut entry } = request;
        entry.access = access;
        if self.asked(&entry).is_none() {
            // It was taken back meanwhile.
            note(Situation::GrantTooLate);
            return;
        }
        if self.stopping {
            return self.refuse_join(&entry, &name, Code::Shutdown.into(), None);
        }
        let number = *self.names.entry(name.clone()).or_insert_with(|| {
            self.last_room += 1;
            self.last_room
        });
        if let Some(asked) = self.asked(&entry) {
            asked.room = Some(number);
        }
        match self.rooms.get_mut(&number) {
            Some(Slot::Open(_)) => self.enter(now, number, entry),
            Some(Slot::Loading(loading)) => {
                note(Situation::JoinedWhileLoading);
                loading.entries.push(entry);
            }
            None => {
                let loading = Loading { name, entries: vec![entry], begun: None, asked: false };
                self.rooms.insert(number, Slot::Loading(loading));
                self.store.push_back(number);
            }
        }
    }

    /// Keeps a document from a link. A document that does not exist is best denied in the same words as a forbidden one.
    pub fn deny(&mut self, request: JoinRequest, reason: Reason) {
        self.record.note(|| Record::Deny(request.number(), reason.clone()));
        let JoinRequest { name, entry } = request;
        if self.asked(&entry).is_some() {
            self.refuse_join(&entry, &name, reason, None);
        }
    }

    /// Closes a link, and tells the peer why.
    pub fn close(&mut self, now: Now, link: LinkId, reason: Reason) -> Result<(), Misuse> {
        self.record.note(|| Record::Close(now, link, reason.clone()));
        let closing = self.links.get_mut(&link).ok_or(Misuse::UnknownLink(link))?;
        closing.close(reason.clone());
        self.depart(now.mono, link, &reason);
        self.mark(link);
        Ok(())
    }

    /// Stops: no new links, joins or changes; what is here is stored and acknowledged; then every link is closed with
    /// [`Code::Shutdown`]. Goes on until [`is_drained`](Self::is_drained).
    pub fn shutdown(&mut self) {
        self.record.note(Record::Shutdown);
        self.stopping = true;
        if self.unstored().next().is_some() {
            note(Situation::ShutdownWithUnstored);
        }
        self.finish();
    }

    /// Whether a server that was told to stop has nothing left to do. While it has, [`unstored`](Self::unstored) says what.
    pub fn is_drained(&self) -> bool {
        self.flushed && self.links.is_empty()
    }

    // Effects.

    /// The next link that has something to be sent; call [`poll_transmit`](Self::poll_transmit) for it until that says
    /// `None`, whenever its transport can take a frame.
    pub fn poll_ready(&mut self) -> Option<LinkId> {
        let ready = self.next_ready();
        self.record.note(|| Record::Ready(ready));
        ready
    }

    fn next_ready(&mut self) -> Option<LinkId> {
        while let Some(id) = self.ready.pop_front() {
            if let Some(link) = self.links.get_mut(&id) {
                link.ready = false;
                return Some(id);
            }
        }
        None
    }

    /// The next frame for a link, built now: a transport that cannot take one should not ask.
    pub fn poll_transmit(&mut self, now: Now, id: LinkId) -> Option<Transmit> {
        let transmit = self.next_transmit(now, id);
        self.record.note(|| Record::Transmit(now, id, transmit.clone()));
        transmit
    }

    fn next_transmit(&mut self, now: Now, id: LinkId) -> Option<Transmit> {
        let link = self.links.get_mut(&id)?;
        if let Some(transmit) = link.session.poll_transmit(now.mono) {
            return Some(transmit);
        }
        if !link.session.is_open() {
            return None;
        }
        if let Some(reply) = link.replies.pop_front() {
            link.session.said(now.mono);
            return Some(Transmit::Frame(reply.encode(&FullNames)));
        }
        while let Some(number) = link.work.pop_front() {
            link.in_work.remove(&number);
            let Some(room) = open_room(&mut self.rooms, number) else { continue };
            match room.poll_transmit(id, self.limits.batch_bytes, link.session.peer_frame_bytes()) {
                Ok(None) => {}
                Ok(Some(frame)) => {
                    // Back to the end of the queue: other documents on this link have their turn first.
                    link.work.push_back(number);
                    if planted(Fault::DocumentsUnfair) {
                        link.work.rotate_right(1);
                    }
                    link.in_work.insert(number);
                    link.session.said(now.mono);
                    return Some(Transmit::Frame(frame));
                }
                Err(reason) => {
                    self.drop_document(now.mono, id, number, reason);
                    return self.next_transmit(now, id);
                }
            }
        }
        if self.flushed {
            link.close(Code::Shutdown.into());
            return link.session.poll_transmit(now.mono);
        }
        None
    }

    /// The next thing to be read or written. Answer each exactly once with [`stored`](Self::stored), in any order.
    pub fn poll_store(&mut self) -> Option<StoreRequest> {
        let request = self.next_request();
        self.record.note(|| Record::Store(request.clone()));
        request
    }

    fn next_request(&mut self) -> Option<StoreRequest> {
        while let Some(number) = self.store.pop_front() {
            let ticket = Ticket(self.last_ticket + 1);
            let request = match self.rooms.get_mut(&number) {
                Some(Slot::Loading(loading)) if !loading.asked => {
                    loading.asked = true;
                    let name = loading.name.clone();
                    match loading.begun {
                        None => StoreRequest::Load { ticket, name },
                        epoch => StoreRequest::Append {
                            ticket,
                            append: Append { name, epoch, replaces: None, after: 0, changes: Vec::new() },
                        },
                    }
                }
                Some(Slot::Open(room)) if room.durable.is_due(&room.log) => {
                    StoreRequest::Append { ticket, append: room.durable.append(&room.name, &room.log) }
                }
                _ => continue,
            };
            self.last_ticket += 1;
            self.tickets.insert(ticket, number);
            return Some(request);
        }
        None
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<ServerEvent> {
        self.events.pop_front()
    }

    /// The next bytes of the recording, if the server is [recorded](ServerConfig::record). They wait without a bound for
    /// someone who never asks.
    pub fn poll_record(&mut self) -> Option<Bytes> {
        self.record.poll()
    }

    /// When to call [`timeout`](Self::timeout) next.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    // Inside.

    fn act(&mut self, now: Now, link: LinkId, incoming: Incoming) {
        match incoming {
            Incoming::Nothing | Incoming::Welcome => {}
            Incoming::Hello { secret, token } => {
                if let Some(link) = self.links.get_mut(&link) {
                    link.secret = secret;
                }
                let knock = Knock { link, token };
                match self.admission {
                    Admission::Everyone => self.admitted(knock),
                    Admission::Ask => self.events.push_back(ServerEvent::Knock(knock)),
                }
            }
            Incoming::Closed(reason) => self.depart(now.mono, link, &reason),
            Incoming::Document(message) => self.document(now, link, message),
        }
    }

    fn document(&mut self, now: Now, link: LinkId, message: Message) {
        match message {
            Message::Join { request, name, epoch, replica, version } => {
                self.last_join += 1;
                let serial = self.last_join;
                let entry = Admitted { link, serial, request, epoch, replica, version, access: Access::Write };
                self.join(now, name, entry);
            }
            Message::Leave { request } => self.leave(now.mono, link, request),
            // Nothing is taken in that might not be stored any more; the client keeps it and brings it to the next server.
            Message::Changes { .. } if self.stopping => note(Situation::ChangesWhileStopping),
            Message::Changes { doc, changes, .. } => {
                let Some(room) = open_room(&mut self.rooms, doc) else { return };
                let taken = room.receive(link, changes, now.wall, &self.limits);
                if taken.appended > 0 {
                    let name = room.name.clone();
                    if room.durable.is_due(&room.log) {
                        self.store.push_back(doc);
                    }
                    let links: Vec<_> = room.links().collect();
                    for link in links.into_iter().filter(|_| !planted(Fault::ReadersNotAnnounced)) {
                        self.work(link, doc);
                    }
                    self.events.push_back(ServerEvent::Applied { link, name, changes: taken.appended });
                }
                self.work(link, doc);
                for (culprit, reason) in taken.faults {
                    self.drop_document(now.mono, culprit, doc, reason);
                }
            }
            Message::Want { doc, version } => {
                if let Some(room) = open_room(&mut self.rooms, doc) {
                    room.rewind(link, &version);
                    self.work(link, doc);
                }
            }
            // The session has refused everything that a client may not send.
            _ => debug_assert!(false, "the session let {message:?} through"),
        }
    }

    /// Once everything is stored, a server that stops says goodbye.
    fn finish(&mut self) {
        if self.stopping && !self.flushed && (self.unstored().next().is_none() || planted(Fault::ShutdownDoesNotWait)) {
            self.flushed = true;
            let links: Vec<_> = self.links.keys().copied().collect();
            for id in links {
                // Those that were let in are first sent what is due to them, their acknowledgements above all.
                if let Some(link) = self.links.get_mut(&id).filter(|link| !link.session.is_open()) {
                    link.close(Code::Shutdown.into());
                }
                self.mark(id);
            }
        }
    }
}

fn open_room(rooms: &mut BTreeMap<u64, Slot>, number: u64) -> Option<&mut Room> {
    match rooms.get_mut(&number) {
        Some(Slot::Open(room)) => Some(room),
        _ => None,
    }
}
