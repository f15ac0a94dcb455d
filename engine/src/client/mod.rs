//! The client's state machine: some documents, at most one link, no sockets.
//!
//! Facts go in by methods named after them; effects are pulled with the `poll_` methods until they say `None`. The order
//! of calls is free. The [crate's page](crate) has the contract and a run loop.

mod connection;
mod event;
mod inbound;
mod open;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::Arc,
};

use bytes::Bytes;

use connection::Dialling;
pub use event::{ClientEvent, Status};
use open::{Open, Phase};

use crate::{
    causal::{Change, VersionVector},
    document::{Document, EditError, Edited, Transaction},
    error::{ChangeFault, Code, Misuse, Reason, ReceiveError, Retry, StoreFault},
    id::{DocId, LinkId, Ticket},
    limits::Limits,
    proof::{Fault, Situation, note, planted},
    record::{Held, Record, Recorder, Setup},
    replica::Replica,
    rng::{Rng, Seed},
    session::{Incoming, Session, Transmit},
    store::{Durable, StoreReply, StoreRequest, restore},
    time::{Now, Time},
    wire::{FullNames, Level, Message},
};

/// How a client is set up.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The bounds it keeps.
    pub limits: Limits,
    /// Where the session secret and the jitter of reconnects come from: 32 random bytes, new at each start.
    pub seed: Seed,
    /// What the server's application is to know this client by; at most some kilobytes.
    pub token: Bytes,
    /// Whether documents are kept in a store of the client's own: they are loaded from it when they are opened, and no
    /// change is sent before it is stored there. The replica that is opened must be new and empty then.
    pub persist: bool,
    /// Whether everything that goes in and comes out is [recorded](crate::record), for [`Client::poll_record`] to hand out.
    pub record: bool,
}

impl ClientConfig {
    /// A client without a token and without a store, with the default bounds.
    pub fn new(seed: Seed) -> Self {
        Self { limits: Limits::default(), seed, token: Bytes::new(), persist: false, record: false }
    }
}

/// Keeps some documents in step with a server. See the [module](self).
pub struct Client<R: Replica = Document> {
    limits: Limits,
    rng: Rng,
    secret: [u8; 16],
    token: Bytes,
    persist: bool,
    status: Status,
    /// Whether the application wants a link.
    wanted: bool,
    dial: Dialling,
    failures: u32,
    link: Option<Link>,
    last_link: u64,
    docs: BTreeMap<DocId, Open<R>>,
    names: BTreeMap<String, DocId>,
    last_doc: u64,
    tickets: BTreeMap<Ticket, DocId>,
    last_ticket: u64,
    events: VecDeque<ClientEvent<R::Event>>,
    record: Recorder,
}

#[derive(Debug)]
struct Link {
    id: LinkId,
    /// When it came up.
    up: Time,
    session: Session,
    /// Documents by their number on the wire.
    numbers: BTreeMap<u64, DocId>,
    /// Documents with something to be sent, in the order in which they are served.
    work: VecDeque<DocId>,
    in_work: BTreeSet<DocId>,
    /// Joins to be taken back.
    leaves: VecDeque<DocId>,
    /// Whether the client has made up its mind about what to do next.
    settled: bool,
}

impl Link {
    /// Takes back a document's join.
    fn leave<R: Replica>(&mut self, doc: DocId, open: &Open<R>) {
        if let Some(joined) = open.joined() {
            self.numbers.remove(&joined.number);
        }
        if !planted(Fault::LeaveNotSent) {
            self.leaves.push_back(doc);
        }
    }
}

impl<R: Replica> Client<R> {
    /// A client with no link and no documents, which does nothing until it is told to [`connect`](Self::connect).
    pub fn new(config: ClientConfig) -> Self {
        let record = Recorder::new(config.record, || {
            let setup = Setup { limits: config.limits.clone(), seed: config.seed };
            Record::Client(setup, config.token.clone(), config.persist)
        });
        let mut rng = Rng::new(config.seed);
        let secret = rng.next_u128().to_be_bytes();
        Self {
            limits: config.limits,
            rng,
            secret,
            token: config.token,
            persist: config.persist,
            status: Status::Disconnected,
            wanted: false,
            dial: Dialling::No,
            failures: 0,
            link: None,
            last_link: 0,
            docs: BTreeMap::new(),
            names: BTreeMap::new(),
            last_doc: 0,
            tickets: BTreeMap::new(),
            last_ticket: 0,
            events: VecDeque::new(),
            record,
        }
    }

    /// The bounds it keeps.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Where the client is with its server.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The link, while there is one.
    pub fn link(&self) -> Option<LinkId> {
        self.link.as_ref().map(|link| link.id)
    }

    /// Whether the link is being closed. Its transport should be given a moment to take the goodbye, and no more: a link
    /// that died unnoticed will never take it.
    pub fn is_closing(&self, link: LinkId) -> bool {
        self.link.as_ref().is_some_and(|known| known.id == link && known.session.is_over())
    }

    /// The documents that are open.
    pub fn documents(&self) -> impl Iterator<Item = (DocId, &str)> + '_ {
        self.docs.iter().map(|(doc, open)| (*doc, open.name.as_str()))
    }

    /// An open document.
    pub fn replica(&self, doc: DocId) -> Result<&R, Misuse> {
        Ok(&self.docs.get(&doc).ok_or(Misuse::UnknownDocument(doc))?.replica)
    }

    /// Whether everything that is here has come to a level, and the document has everything the server had when it was
    /// joined.
    pub fn is_synced(&self, doc: DocId, level: Level) -> Result<bool, Misuse> {
        Ok(self.docs.get(&doc).ok_or(Misuse::UnknownDocument(doc))?.is_synced(level))
    }

    /// What has come to a level, as the server said or showed by sending it. Only what was here already is promised to be
    /// on disk: what came from the server is for those to ask about who made it.
    pub fn acknowledged(&self, doc: DocId, level: Level) -> Result<&VersionVector, Misuse> {
        Ok(self.docs.get(&doc).ok_or(Misuse::UnknownDocument(doc))?.covered(level))
    }

    /// How many operations that are here have not come to a level. Those that came from the server count as come.
    pub fn pending(&self, doc: DocId, level: Level) -> Result<u64, Misuse> {
        Ok(self.docs.get(&doc).ok_or(Misuse::UnknownDocument(doc))?.pending(level))
    }

    /// Whether the document has everything that the server had when it was joined.
    pub fn is_caught_up(&self, doc: DocId) -> Result<bool, Misuse> {
        Ok(self.docs.get(&doc).ok_or(Misuse::UnknownDocument(doc))?.caught_up())
    }

    /// Whether the document can be edited: it is not waiting for the client's own store.
    pub fn is_loaded(&self, doc: DocId) -> Result<bool, Misuse> {
        let open = self.docs.get(&doc).ok_or(Misuse::UnknownDocument(doc))?;
        Ok(!matches!(open.phase, Phase::Loading { .. }))
    }

    /// Whether a version has come to a level, as far as the server has said: on the link that is up, or on the last one.
    pub fn has_come(&self, doc: DocId, level: Level, version: &VersionVector) -> Result<bool, Misuse> {
        Ok(self.docs.get(&doc).ok_or(Misuse::UnknownDocument(doc))?.has_come(level, version))
    }

    // What the application wants.

    /// Has the client be connected from now on: it dials, and dials again after every failure and loss, until it is told
    /// to [`disconnect`](Self::disconnect) or the server refuses it for good.
    pub fn connect(&mut self) {
        self.record.note(Record::Connect);
        if self.wanted {
            return;
        }
        self.wanted = true;
        self.failures = 0;
        if self.link.is_none() && self.dial == Dialling::No {
            self.dial = Dialling::Due;
        }
        self.set_status(Status::Connecting);
    }

    /// Ends the link, if there is one, and stays away. Documents remain open and can be edited.
    pub fn disconnect(&mut self, now: Now) {
        self.record.note(|| Record::Disconnect(now));
        self.wanted = false;
        if self.dial != Dialling::UnderWay {
            self.dial = Dialling::No;
        }
        self.close(now, Code::Done.into());
        self.set_status(Status::Disconnected);
    }

    /// Opens a document: it can be edited at once, and is kept in step whenever there is a link.
    ///
    /// `replica` is a new one or holds what was there before; without a store of the client's own that is for the
    /// application to keep.
    pub fn open(&mut self, name: &str, replica: R) -> Result<DocId, Misuse> {
        self.record.note(|| {
            let log = replica.log();
            Record::Open(name.to_owned(), replica.writes_as(), log.epoch(), Held::default().added(log))
        });
        let limit = self.limits.name_bytes;
        if name.is_empty() || name.len() > limit {
            return Err(Misuse::Name { bytes: name.len(), limit });
        }
        if self.persist && !replica.log().is_empty() {
            return Err(Misuse::NotEmpty(name.to_owned()));
        }
        if let Some(doc) = self.names.get(name) {
            return Err(Misuse::AlreadyOpen { name: name.to_owned(), doc: *doc });
        }
        self.last_doc += 1;
        let doc = DocId(self.last_doc);
        self.docs.insert(doc, Open::new(name.to_owned(), replica, self.persist));
        self.names.insert(name.to_owned(), doc);
        self.work(doc);
        Ok(doc)
    }

    /// Does anything to the replica: edits it, merges changes that came some other way. What is new in its log is sent.
    ///
    /// Another replica of the same document may be put in its place, such as what a snapshot of it gives, and a snapshot may be
    /// [merged](crate::Document::merge_snapshot) with it: it is joined anew. A client with a store of its own cannot do that.
    pub fn update<T>(&mut self, doc: DocId, change: impl FnOnce(&mut R) -> T) -> Result<T, Misuse> {
        let recording = self.record.is_on();
        let (value, recorded) = self.change(doc, |replica| {
            let before = recording.then(|| Held::by(replica.log()));
            let value = change(replica);
            let log = replica.log();
            (value, before.map(|before| Record::Update(doc, log.epoch(), before.added(log))))
        })?;
        recorded.into_iter().for_each(|record| self.record.note(|| record));
        Ok(value)
    }

    fn change<T>(&mut self, doc: DocId, change: impl FnOnce(&mut R) -> T) -> Result<T, Misuse> {
        let open = self.docs.get_mut(&doc).ok_or(Misuse::UnknownDocument(doc))?;
        if matches!(open.phase, Phase::Loading { .. }) {
            return Err(Misuse::NotLoaded(doc));
        }
        let (before, beginning) = (open.replica.log().end(), open.replica.log().beginning());
        let value = change(&mut open.replica);
        let (end, replaced) = (open.replica.log().end(), !Arc::ptr_eq(&beginning, &open.replica.log().beginning()));
        if (end < before || replaced) && !planted(Fault::ReplacedNotJoinedAnew) {
            self.replaced(doc)?;
        }
        if end != before || replaced {
            self.work(doc);
        }
        self.drain(doc);
        Ok(value)
    }

    /// A document's log is another one now, in which positions mean something else.
    fn replaced(&mut self, doc: DocId) -> Result<(), Misuse> {
        let Some(open) = self.docs.get_mut(&doc) else { return Ok(()) };
        note(Situation::ReplicaReplaced);
        let joined = open.joined().is_some();
        if let Some(link) = self.link.as_mut().filter(|_| joined) {
            link.leave(doc, open);
            open.part();
        }
        if open.durable.take().is_some() {
            self.tickets.retain(|_, waiting| *waiting != doc);
            open.phase = Phase::Refused;
            return Err(Misuse::Replaced(doc));
        }
        Ok(())
    }

    /// Merges changes that came some other way than from the server: a file, a clipboard, another client. They are sent
    /// on if the server lacks them.
    pub fn merge(
        &mut self,
        doc: DocId,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<Result<(), ChangeFault>, Misuse> {
        let limits = self.limits.clone();
        let (recording, mut given) = (self.record.is_on(), Vec::new());
        let merged = self.change(doc, |replica| {
            changes.into_iter().try_for_each(|change| {
                given.extend(recording.then(|| change.clone()));
                replica.receive(change, &limits).map(|_| ())
            })
        });
        self.record.note(|| Record::Merge(doc, given));
        merged
    }

    /// Closes a document and hands the replica back.
    pub fn leave(&mut self, doc: DocId) -> Result<R, Misuse> {
        self.record.note(|| Record::Leave(doc));
        let open = self.docs.remove(&doc).ok_or(Misuse::UnknownDocument(doc))?;
        self.names.remove(&open.name);
        self.tickets.retain(|_, waiting| *waiting != doc);
        if let (Some(link), Phase::Joining | Phase::Joined(_)) = (&mut self.link, &open.phase) {
            if open.joined().is_none() {
                note(Situation::LeftBeforeAnswer);
            }
            link.leave(doc, &open);
        }
        Ok(open.replica)
    }

    /// Decides an [`EpochMismatch`](ClientEvent::EpochMismatch): what is here is merged into the server's history.
    ///
    /// If both histories were begun from the same text, that text will be there twice.
    pub fn adopt(&mut self, doc: DocId) -> Result<(), Misuse> {
        self.record.note(|| Record::Adopt(doc));
        let open = self.docs.get_mut(&doc).ok_or(Misuse::UnknownDocument(doc))?;
        if !matches!(open.phase, Phase::Mismatch) {
            return Err(Misuse::NothingToDecide(doc));
        }
        note(Situation::Adopted);
        open.replica.log_mut().set_epoch(None);
        open.phase = Phase::Waiting;
        self.work(doc);
        Ok(())
    }

    // Facts.

    /// The attempt that [`poll_dial`](Self::poll_dial) asked for has succeeded.
    pub fn link_up(&mut self, now: Now) -> Result<LinkId, Misuse> {
        self.record.note(|| Record::LinkUp(now));
        if let Some(link) = &self.link {
            return Err(Misuse::LinkAlreadyUp(link.id));
        }
        self.dial = Dialling::No;
        self.last_link += 1;
        let id = LinkId(self.last_link);
        self.link = Some(Link {
            id,
            up: now.mono,
            session: Session::client(now.mono, &self.limits, self.secret, self.token.clone()),
            numbers: BTreeMap::new(),
            work: VecDeque::new(),
            in_work: BTreeSet::new(),
            leaves: VecDeque::new(),
            settled: false,
        });
        if !self.wanted {
            self.close(now, Code::Done.into());
        }
        Ok(id)
    }

    /// The attempt that [`poll_dial`](Self::poll_dial) asked for has failed. There will be another one.
    pub fn dial_failed(&mut self, now: Now, why: &str) {
        self.record.note(|| Record::DialFailed(now, why.to_owned()));
        self.dial = Dialling::No;
        if self.wanted && self.link.is_none() && !planted(Fault::FailedDialNotRetried) {
            note(Situation::DialFailed);
            self.retry(now, why.to_owned(), Retry::Later);
        }
    }

    /// The attempt that [`poll_dial`](Self::poll_dial) asked for has shown that there is no server of ours there. There
    /// will be no other one.
    pub fn dial_refused(&mut self, now: Now, reason: Reason) {
        self.record.note(|| Record::DialRefused(now, reason.clone()));
        self.dial = Dialling::No;
        if self.wanted && self.link.is_none() {
            self.give_up(reason);
        }
    }

    /// One frame arrived. A frame on a link that is being closed is passed over.
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Peer`] if the frame is not one, or not one that a server may send now: the link is closed with a
    /// code. [`ReceiveError::Misuse`] if there is no such link.
    pub fn receive(&mut self, now: Now, link: LinkId, frame: Bytes) -> Result<(), ReceiveError> {
        self.record.note(|| Record::Receive(now, link, frame.clone()));
        let known = self.link.as_mut().filter(|known| known.id == link).ok_or(Misuse::UnknownLink(link))?;
        let number = if known.session.is_open() { Message::document_of(&frame) } else { None };
        let incoming = match number {
            None => known.session.receive(now.mono, frame, &FullNames),
            Some(number) => {
                let doc = known.numbers.get(&number).and_then(|doc| self.docs.get(doc));
                match doc.and_then(Open::joined) {
                    Some(joined) => known.session.receive(now.mono, frame, joined.names()),
                    // It crossed the news that the document was left.
                    None => {
                        note(Situation::FrameForLeftDocument);
                        known.session.heard(now.mono);
                        return Ok(());
                    }
                }
            }
        };
        match incoming {
            Ok(Incoming::Document(message)) => self.document(now, message),
            Ok(Incoming::Welcome) => self.welcomed(),
            Ok(Incoming::Closed(reason)) => self.closed(now, reason),
            Ok(Incoming::Nothing | Incoming::Hello { .. }) => {}
            Err(fault) => {
                self.faulted(now, &fault);
                return Err(fault.into());
            }
        }
        Ok(())
    }

    /// The link's transport is gone, or was closed because `poll_transmit` said so.
    pub fn link_down(&mut self, now: Now, link: LinkId, why: &str) -> Result<(), Misuse> {
        self.record.note(|| Record::LinkDown(now, link, why.to_owned()));
        if self.link() != Some(link) {
            return Err(Misuse::UnknownLink(link));
        }
        let gone = self.link.take().ok_or(Misuse::UnknownLink(link))?;
        self.docs.values_mut().for_each(Open::part);
        if planted(Fault::LostLinkNotRedialled) {
            return Ok(());
        }
        if self.wanted && !gone.settled {
            self.retry(now, why.to_owned(), Retry::Later);
        } else if self.wanted && self.dial == Dialling::No {
            self.dial = Dialling::Due;
        }
        Ok(())
    }

    /// The client's own store answered a request.
    pub fn stored(&mut self, now: Now, ticket: Ticket, outcome: Result<StoreReply, StoreFault>) -> Result<(), Misuse> {
        self.record.note(|| Record::Stored(now, ticket, outcome.clone()));
        let doc = *self.tickets.get(&ticket).ok_or(Misuse::UnknownTicket(ticket))?;
        let open = self.docs.get_mut(&doc).ok_or(Misuse::UnknownTicket(ticket))?;
        let loading = matches!(open.phase, Phase::Loading { .. });
        let outcome = match (loading, outcome) {
            (true, Ok(StoreReply::Loaded(stored))) => {
                let limits = &self.limits;
                let restored = stored.map_or(Ok(None), |stored| {
                    let epoch = stored.epoch;
                    restore(stored, |change| open.replica.receive(change, limits)).map(|()| epoch)
                });
                restored.map(|epoch| {
                    if !open.replica.log().is_empty() {
                        note(Situation::ClientRestored);
                    }
                    let log = open.replica.log_mut();
                    log.set_epoch(epoch);
                    open.durable = Some(Durable::loaded(log));
                    open.phase = Phase::Waiting;
                })
            }
            (false, Ok(StoreReply::Appended)) => {
                open.durable.as_mut().map(Durable::succeeded);
                Ok(())
            }
            (false, Err(_)) if planted(Fault::OwnStoreFailureIgnored) => {
                open.durable.as_mut().map(Durable::succeeded);
                Ok(())
            }
            (_, Err(fault)) => Err(fault),
            _ => return Err(Misuse::WrongReply(ticket)),
        };
        self.tickets.remove(&ticket);
        if let Err(fault) = outcome {
            let durable = open.durable.get_or_insert_default();
            let (_, failures) = durable.failed(now.mono, &self.limits, &mut self.rng);
            self.events.push_back(ClientEvent::StoreFailed { doc, fault, failures });
        } else {
            self.drain(doc);
            self.work(doc);
        }
        Ok(())
    }

    /// Time has passed. May be called at any time; does something when [`poll_timeout`](Self::poll_timeout) has come.
    pub fn timeout(&mut self, now: Now) {
        self.record.note(|| Record::Timeout(now));
        if matches!(self.dial, Dialling::At(at) if now.mono >= at) {
            self.dial = Dialling::Due;
        }
        if let Some(link) = &mut self.link {
            link.session.timeout(now.mono);
            if link.session.is_over() && !link.settled {
                self.closing(now, Code::Timeout.into());
            }
        }
        let mut due = Vec::new();
        for (doc, open) in &mut self.docs {
            if matches!(open.phase, Phase::Later(at) if now.mono >= at) {
                open.phase = Phase::Waiting;
                due.push(*doc);
            }
            if open.durable.as_mut().is_some_and(|durable| durable.timeout(now.mono)) {
                if let Phase::Loading { asked } = &mut open.phase {
                    *asked = false;
                }
            }
        }
        for doc in due {
            self.work(doc);
        }
    }

    // Effects.

    /// Whether to make an attempt to connect now. Answer with [`link_up`](Self::link_up) or
    /// [`dial_failed`](Self::dial_failed).
    pub fn poll_dial(&mut self) -> bool {
        let due = self.dial == Dialling::Due && self.link.is_none();
        if due {
            self.dial = Dialling::UnderWay;
        }
        self.record.note(|| Record::Dial(due));
        due
    }

    /// The next frame for the link, built now: a transport that cannot take one should not ask.
    pub fn poll_transmit(&mut self, now: Now, id: LinkId) -> Option<Transmit> {
        let transmit = self.next_transmit(now, id);
        self.record.note(|| Record::Transmit(now, id, transmit.clone()));
        transmit
    }

    fn next_transmit(&mut self, now: Now, id: LinkId) -> Option<Transmit> {
        let link = self.link.as_mut().filter(|link| link.id == id)?;
        if let Some(transmit) = link.session.poll_transmit(now.mono) {
            return Some(transmit);
        }
        if !link.session.is_open() {
            return None;
        }
        if let Some(doc) = link.leaves.pop_front() {
            link.session.said(now.mono);
            return Some(Transmit::Frame(Message::Leave { request: doc.number() }.encode(&FullNames)));
        }
        while let Some(doc) = link.work.pop_front() {
            link.in_work.remove(&doc);
            let Some(open) = self.docs.get_mut(&doc) else { continue };
            let frame = if matches!(open.phase, Phase::Waiting) {
                open.phase = Phase::Joining;
                Ok(Some(open.join_message(doc).encode(&FullNames)))
            } else {
                open.poll_transmit(self.limits.batch_bytes, link.session.peer_frame_bytes())
            };
            match frame {
                Ok(None) => {}
                Ok(Some(frame)) => {
                    // Back to the end of the queue: other documents have their turn first.
                    link.in_work.insert(doc);
                    link.work.push_back(doc);
                    link.session.said(now.mono);
                    return Some(Transmit::Frame(frame));
                }
                Err(reason) => {
                    link.leave(doc, open);
                    open.phase = Phase::Refused;
                    self.events.push_back(ClientEvent::Refused { doc, reason });
                    return self.next_transmit(now, id);
                }
            }
        }
        None
    }

    /// The next thing to be read or written in the client's own store. Answer each exactly once with
    /// [`stored`](Self::stored), in any order.
    pub fn poll_store(&mut self) -> Option<StoreRequest> {
        let request = self.next_request();
        self.record.note(|| Record::Store(request.clone()));
        request
    }

    fn next_request(&mut self) -> Option<StoreRequest> {
        if !self.persist {
            return None;
        }
        let ticket = Ticket(self.last_ticket + 1);
        let mut found = None;
        for (doc, open) in &mut self.docs {
            let request = match (&mut open.phase, &mut open.durable) {
                (Phase::Loading { asked }, _) if !*asked => {
                    *asked = true;
                    StoreRequest::Load { ticket, name: open.name.clone() }
                }
                (Phase::Loading { .. }, _) | (_, None) => continue,
                (_, Some(durable)) => {
                    let log = open.replica.log();
                    if !durable.is_due(log) {
                        continue;
                    }
                    StoreRequest::Append { ticket, append: durable.append(&open.name, log) }
                }
            };
            found = Some((*doc, request));
            break;
        }
        let (doc, request) = found?;
        self.last_ticket += 1;
        self.tickets.insert(ticket, doc);
        Some(request)
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<ClientEvent<R::Event>> {
        self.events.pop_front()
    }

    /// The next bytes of the recording, if the client is [recorded](ClientConfig::record). They wait without a bound for
    /// someone who never asks.
    pub fn poll_record(&mut self) -> Option<Bytes> {
        self.record.poll()
    }

    /// When to call [`timeout`](Self::timeout) next.
    pub fn poll_timeout(&self) -> Option<Time> {
        let dial = match self.dial {
            Dialling::At(at) => Some(at),
            _ => None,
        };
        let link = self.link.as_ref().and_then(|link| link.session.deadline());
        let docs = self.docs.values().flat_map(|open| {
            let join = match open.phase {
                Phase::Later(at) => Some(at),
                _ => None,
            };
            join.into_iter().chain(open.durable.as_ref().and_then(Durable::deadline))
        });
        dial.into_iter().chain(link).chain(docs).min()
    }

    // Inside.
}

impl<R: Replica> fmt::Debug for Client<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let documents: Vec<_> = self.documents().collect();
        f.debug_struct("Client")
            .field("status", &self.status)
            .field("link", &self.link)
            .field("documents", &documents)
            .finish()
    }
}

impl Client<Document> {
    /// Edits a document: one transaction, one change, sent as soon as the link takes it; or kept until there is one.
    ///
    /// # Errors
    ///
    /// [`Misuse`] if there is no such document; the inner error is the transaction's own, or says why the change cannot
    /// be made. Nothing is changed then.
    pub fn edit<T, E: From<EditError>>(
        &mut self,
        now: Now,
        doc: DocId,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    ) -> Result<Result<Edited<T>, E>, Misuse> {
        let most = self.limits.change_bytes;
        self.update(doc, |document| {
            document.set_change_limit(most);
            document.edit(now.wall, edit)
        })
    }
}
