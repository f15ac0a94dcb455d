//! A room: one document on the server, and the links that are kept in step with it.
//!
//! A room never opens the body of a change. What a link still has to be sent is a position in the log; the frame between
//! two positions is built when a link asks for it, and shared by all links that stand at the same place.

use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry};

use bytes::Bytes;

use crate::{
    causal::{Change, ChangeLog, LogPosition, Received, VersionVector},
    error::{ChangeFault, Code, Reason},
    id::{Epoch, LinkId, OpId, ReplicaId},
    limits::Limits,
    proof::{Fault, Situation, note, planted},
    session::{encoded_bytes, next_batch},
    store::Durable,
    time::Wall,
    wire::{Access, FullNames, Level, Message, Told, WriterVersion, encode_changes},
};

/// Marks the log positions that no link of this run has sent: they came from the store.
const FROM_STORE: LinkId = LinkId(0);

/// How many encoded frames a room keeps for the next link that stands at the same place.
const SHARED_FRAMES: usize = 4;

#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: String,
    /// The document's number on the wire.
    pub(super) number: u64,
    epoch: Epoch,
    pub(super) log: ChangeLog,
    pub(super) durable: Durable,
    /// For each log position, the link that its change came from: there it is acknowledged and not sent.
    origins: Vec<LinkId>,
    /// Links that sent a change again, or too, before it was stored: there it is acknowledged as well.
    also_sent: BTreeSet<(LogPosition, LinkId)>,
    /// The same for changes that wait for others.
    waiting_from: BTreeMap<OpId, LinkId>,
    subscriptions: BTreeMap<LinkId, Subscription>,
    /// Who writes as whom.
    claims: BTreeMap<ReplicaId, LinkId>,
    shared: VecDeque<SharedFrame>,
}

/// What a room knows of a link.
#[derive(Debug)]
struct Subscription {
    /// The join that began it.
    request: u64,
    access: Access,
    replica: Option<ReplicaId>,
    /// Whether the join has been answered. That is done when the answer can be sent, so that a peer which joins and
    /// leaves without reading costs nothing.
    answered: bool,
    /// What is still to be sent begins here.
    cursor: LogPosition,
    /// What the link had when it joined, or last asked for what it lacks; the cursor is still to be set by it.
    starts_with: Option<VersionVector>,
    /// The log's end at that time. What comes after it and came from this link is not sent back; what is before it is
    /// sent unless the link had it, whoever brought it: the link may have forgotten what it once sent.
    since: LogPosition,
    /// What the link had of what was in the log then, until the cursor has passed all of that.
    had: Option<VersionVector>,
    /// How many writers the link knows by number.
    told: usize,
    /// Acknowledgements that are due.
    received: VersionVector,
    stored: VersionVector,
    /// Whether the link was asked for what is missing, and whether that is still to be sent.
    asked: bool,
    want_due: bool,
}

/// An encoded stretch of the log.
#[derive(Debug)]
struct SharedFrame {
    from: LogPosition,
    to: LogPosition,
    /// The log's end when it was encoded: a batch may have ended for want of more.
    end: LogPosition,
    told: usize,
    frame: Bytes,
}

/// A join that has been granted.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) link: LinkId,
    /// The server's own number for the join.
    pub(super) serial: u64,
    pub(super) request: u64,
    pub(super) epoch: Option<Epoch>,
    pub(super) replica: Option<ReplicaId>,
    pub(super) version: VersionVector,
    pub(super) access: Access,
}

impl Admitted {
    /// Who writes on the link; nobody if it may only read.
    pub(super) fn writes_as(&self) -> Option<ReplicaId> {
        self.replica.filter(|_| self.access == Access::Write)
    }
}

/// What came of changes that a link sent.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// How many changes are new in the log.
    pub(super) appended: usize,
    /// Which links lose the document, and why: the one that sent the changes, or those whose changes had waited for them.
    pub(super) faults: Vec<(LinkId, Reason)>,
}

impl Room {
    /// A room for a log that is all in the store.
    pub(super) fn new(name: String, number: u64, epoch: Epoch, mut log: ChangeLog) -> Self {
        log.set_epoch(Some(epoch));
        let end = log.end();
        Self {
            name,
            number,
            epoch,
            durable: Durable::loaded(&log),
            log,
            origins: vec![FROM_STORE; end],
            also_sent: BTreeSet::new(),
            waiting_from: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            claims: BTreeMap::new(),
            shared: VecDeque::new(),
        }
    }

    pub(super) fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.subscriptions.keys().copied()
    }

    /// The join by which a link is here, and whether it has been answered.
    pub(super) fn request(&self, link: LinkId) -> Option<(u64, bool)> {
        self.subscriptions.get(&link).map(|subscription| (subscription.request, subscription.answered))
    }

    /// Whether nobody is here and everything is stored.
    pub(super) fn is_idle(&self) -> bool {
        self.subscriptions.is_empty() && (self.durable.is_clean(&self.log) || planted(Fault::UnloadedUnstored))
    }

    /// Who else writes as this replica.
    pub(super) fn claimed_by(&self, replica: Option<ReplicaId>, link: LinkId) -> Option<LinkId> {
        self.claims.get(&replica?).copied().filter(|holder| *holder != link)
    }

    /// Takes a link in; the answer is sent before anything else about this document. An error, with the birth mark of the
    /// history here, if the link has another history.
    pub(super) fn join(&mut self, entry: &Admitted) -> Result<(), Epoch> {
        let Admitted { link, serial: _, request, epoch, replica: _, ref version, access } = *entry;
        if epoch.is_some_and(|epoch| epoch != self.epoch) && !planted(Fault::EpochUnchecked) {
            return Err(self.epoch);
        }
        self.leave(link, None);
        let replica = entry.writes_as();
        if let Some(replica) = replica {
            self.claims.insert(replica, link);
        }
        if access == Access::Read {
            // It cannot send again what it has, to learn when that is stored.
            let unstored = self.durable.stored()..self.log.end();
            let has =
                unstored.clone().zip(self.log.range(unstored)).filter(|(_, change)| version.contains(change.last()));
            let before = self.also_sent.len();
            self.also_sent.extend(has.map(|(position, _)| (position, link)));
            if self.also_sent.len() > before {
                note(Situation::ReaderHasUnstored);
            }
        }
        let subscription = Subscription {
            request,
            access,
            replica,
            answered: false,
            cursor: self.log.end(),
            starts_with: None,
            since: self.log.end(),
            had: None,
            told: 0,
            received: VersionVector::new(),
            stored: VersionVector::new(),
            asked: false,
            want_due: false,
        };
        self.subscriptions.insert(link, subscription);
        self.rewind(link, version);
        Ok(())
    }

    fn writers(&self) -> Vec<WriterVersion> {
        let mut unstored = BTreeMap::new();
        for change in self.log.range(self.durable.stored()..self.log.end()) {
            unstored.entry(change.replica).or_insert(change.seq);
        }
        let version = self.log.version();
        let entry = |replica: &ReplicaId| {
            let received = version.next(*replica);
            let stored = unstored.get(replica).copied().unwrap_or(received);
            WriterVersion { replica: *replica, received, stored }
        };
        self.log.writers().iter().map(entry).collect()
    }

    /// Forgets a link, if it is here by this join, or by any; whether it was.
    pub(super) fn leave(&mut self, link: LinkId, request: Option<u64>) -> bool {
        let Entry::Occupied(entry) = self.subscriptions.entry(link) else { return false };
        if request.is_some_and(|request| entry.get().request != request) && !planted(Fault::LeaveEndsAnotherJoin) {
            note(Situation::LeaveOfEarlierJoin);
            return false;
        }
        let gone = entry.remove();
        if let Some(replica) = gone.replica {
            if self.claims.get(&replica) == Some(&link) && !planted(Fault::ClaimKept) {
                self.claims.remove(&replica);
            }
        }
        // If it comes back, it may have forgotten what it sent.
        self.waiting_from.values_mut().filter(|from| **from == link).for_each(|from| *from = FROM_STORE);
        if planted(Fault::SubscriptionLeftBehind) {
            self.subscriptions.insert(link, gone);
        }
        true
    }

    /// What the link and this room call the writers; `None` if the link is not here.
    pub(super) fn names(&self, link: LinkId) -> Option<Told<'_>> {
        let count = self.subscriptions.get(&link)?.told;
        Some(Told { log: &self.log, count })
    }

    /// Takes in what a link sent, up to the first change that cannot be taken.
    pub(super) fn receive(&mut self, link: LinkId, changes: Vec<Change>, wall: Wall, limits: &Limits) -> Taken {
        let mut taken = Taken::default();
        for change in changes {
            if let Err(reason) = self.receive_one(link, change, wall, limits, &mut taken) {
                taken.faults.push((link, reason));
                break;
            }
        }
        taken
    }

    fn receive_one(
        &mut self,
        link: LinkId,
        change: Change,
        wall: Wall,
        limits: &Limits,
        taken: &mut Taken,
    ) -> Result<(), Reason> {
        let Some(subscription) = self.subscriptions.get_mut(&link) else { return Ok(()) };
        let (id, end, ahead) = (change.id(), change.end(), change.clock.ahead_of(wall));
        if subscription.access == Access::Read && !planted(Fault::ReaderMayWrite) {
            note(Situation::ReaderRefused);
            return Err(Reason::new(
                Code::ReadOnly,
                format!("operations {}..{end} of {} were not taken", id.seq, id.replica),
            ));
        }
        // One that nearly fills the frame it came in would not fit into the frames it is to go out in, and stand in the way of
        // all that comes after it. Most are far from it; only the others are measured exactly.
        if encoded_bytes(&change) > limits.change_bytes
            && change.encoded_len() > limits.change_bytes
            && !planted(Fault::ChangeUnbounded)
        {
            note(Situation::ChangeTooLargeRefused);
            let limit = limits.change_bytes;
            return Err(Reason::new(Code::TooLarge, format!("change {id} has more than {limit} bytes")));
        }
        if ahead > limits.clock_ahead && !planted(Fault::ClockAheadAccepted) {
            note(Situation::ClockAheadRefused);
            return Err(ChangeFault::ClockAhead { id, ahead }.into());
        }
        match self.log.receive(change, limits)? {
            Received::Duplicate => match self.log.position(id) {
                Some(position) if position >= self.durable.stored() => {
                    note(Situation::UnstoredSentAgain);
                    if !planted(Fault::AlsoSentForgotten) {
                        self.also_sent.insert((position, link));
                    }
                    subscription.received.extend(id.replica, end);
                }
                _ => {
                    note(Situation::StoredSentAgain);
                    subscription.stored.extend(id.replica, end);
                }
            },
            Received::Waiting => {
                if !subscription.asked && !planted(Fault::GapNotAskedByServer) {
                    note(Situation::GapAskedByServer);
                    subscription.want_due = true;
                }
                subscription.asked = true;
                self.waiting_from.entry(id).or_insert(link);
            }
            Received::Appended { positions, refused } => {
                taken.appended += positions.len();
                for change in self.log.range(positions) {
                    let origin = self.waiting_from.remove(&change.id()).unwrap_or(link);
                    self.origins.push(origin);
                    if let Some(subscription) = self.subscriptions.get_mut(&origin) {
                        subscription.received.extend(change.replica, change.end());
                        if planted(Fault::StoredBeforeFlush) {
                            subscription.stored.extend(change.replica, change.end());
                        }
                    }
                }
                for fault in refused {
                    // Whoever sent it is to blame, and not who sent what it had waited for.
                    let origin = self.waiting_from.remove(&fault.id()).unwrap_or(FROM_STORE);
                    taken.faults.push((origin, fault.into()));
                }
                if self.log.waiting().0 == 0 && !planted(Fault::GapAskedOnce) {
                    self.waiting_from.clear();
                    self.subscriptions.values_mut().for_each(|subscription| subscription.asked = false);
                }
            }
        }
        Ok(())
    }

    /// The store has confirmed some changes: which links have an acknowledgement to be sent.
    pub(super) fn stored(&mut self) -> (BTreeSet<LinkId>, usize) {
        let mut positions = self.durable.succeeded();
        if planted(Fault::AcknowledgedBeyondStored) {
            positions.end = self.log.end();
        }
        let count = positions.len();
        let unstored = self.also_sent.split_off(&(positions.end, LinkId(0)));
        let also_sent = std::mem::replace(&mut self.also_sent, unstored);
        if !also_sent.is_empty() {
            note(Situation::AlsoSentAcknowledged);
        }
        let also_sent = also_sent.into_iter().filter_map(|(position, link)| Some((link, self.log.get(position)?)));
        // In one go: to find one in the log takes longer than to go on to the next.
        let sent = self.origins[positions.clone()].iter().copied().zip(self.log.range(positions));
        let mut links = BTreeSet::new();
        for (link, change) in sent.chain(also_sent) {
            let Some(subscription) = self.subscriptions.get_mut(&link) else { continue };
            subscription.stored.extend(change.replica, change.end());
            links.insert(link);
        }
        (links, count)
    }

    /// A link lacks changes: begin with what it says it has. Where that is, is looked for when something can be sent.
    pub(super) fn rewind(&mut self, link: LinkId, version: &VersionVector) {
        if let Some(subscription) = self.subscriptions.get_mut(&link).filter(|_| !planted(Fault::ServerNeverRewinds)) {
            // Only what is in the log now is compared with what the link had; numbers for anything else would be a
            // stranger's to make up, and this server's to keep.
            subscription.starts_with = Some(version.intersection(self.log.version()));
            subscription.since = if planted(Fault::OwnChangesWithheld) { 0 } else { self.log.end() };
        }
    }

    /// The answer to a link's join, as things are now; an error if it is larger than what the link reads.
    fn answer(&mut self, link: LinkId, most: usize) -> Result<Bytes, Reason> {
        let writers = self.writers();
        let told = writers.len();
        let (doc, epoch) = (self.number, self.epoch);
        let Some(subscription) = self.subscriptions.get_mut(&link) else { return Err(Code::Done.into()) };
        let (request, access) = (subscription.request, subscription.access);
        let frame = Message::Joined { request, doc, epoch, access, writers }.encode(&FullNames);
        if frame.len() > most {
            let bytes = frame.len();
            return Err(Reason::new(Code::TooLarge, format!("a frame of {bytes} bytes; the peer reads {most}")));
        }
        subscription.answered = true;
        subscription.told = told;
        Ok(frame)
    }

    /// The next frame for a link about this document; an error if a change is larger than what the link reads.
    pub(super) fn poll_transmit(&mut self, link: LinkId, batch: usize, most: usize) -> Result<Option<Bytes>, Reason> {
        if self.request(link).is_some_and(|(_, answered)| !answered) {
            return self.answer(link, most).map(Some);
        }
        let Some(subscription) = self.subscriptions.get_mut(&link) else { return Ok(None) };
        if let Some(message) = subscription.due(self.number, &self.log) {
            return Ok(Some(message.encode(&Told { log: &self.log, count: subscription.told })));
        }
        if let Some(version) = subscription.starts_with.take() {
            subscription.cursor = self.log.first_missing(&version);
            if subscription.cursor < self.log.end() {
                note(Situation::BacklogToSend);
            }
            subscription.had = Some(version).filter(|had| subscription.cursor < subscription.since && !had.is_empty());
        }
        while subscription.cursor < self.log.end() {
            let suits = |shared: &&SharedFrame| shared.suits(subscription, link, most, &self.log, &self.origins);
            if let Some(shared) = self.shared.iter().find(suits) {
                note(Situation::FrameShared);
                subscription.cursor = shared.to;
                subscription.told = self.log.writers().len();
                return Ok(Some(shared.frame.clone()));
            }
            let (from, told, since) = (subscription.cursor, subscription.told, subscription.since);
            let had = subscription.had.as_ref();
            let batch = next_batch(&self.log, from..self.log.end(), batch.min(most / 2), |position, change| {
                if position < since {
                    had.is_some_and(|had| had.contains(change.last()))
                } else {
                    self.origins[position] == link && !planted(Fault::EchoedToSender)
                }
            });
            subscription.cursor = batch.to;
            if batch.to >= since {
                subscription.had = None;
            }
            if batch.partial {
                note(Situation::PartialBatch);
            }
            if batch.changes.is_empty() {
                continue;
            }
            let introduced = &self.log.writers()[told..];
            if told > 0 && !introduced.is_empty() {
                note(Situation::WriterIntroduced);
            }
            // In this frame, those it introduces have their numbers too.
            let names = Told { log: &self.log, count: self.log.writers().len() };
            let frame = encode_changes(self.number, introduced, &batch.changes, &names);
            if frame.len() > most {
                note(Situation::FrameTooLargeForPeer);
                return Err(Reason::new(
                    Code::TooLarge,
                    format!("a frame of {} bytes; the peer reads {most}", frame.len()),
                ));
            }
            if !planted(Fault::IntroducedTwice) {
                subscription.told = self.log.writers().len();
            }
            if !batch.partial || planted(Fault::PartialFrameShared) {
                let shared = SharedFrame { from, to: batch.to, end: self.log.end(), told, frame: frame.clone() };
                self.shared.truncate(SHARED_FRAMES - 1);
                self.shared.push_front(shared);
            }
            return Ok(Some(frame));
        }
        Ok(None)
    }
}

impl Subscription {
    /// An acknowledgement or a question that is due.
    fn due(&mut self, doc: u64, log: &ChangeLog) -> Option<Message> {
        if !self.stored.is_empty() {
            let version = std::mem::take(&mut self.stored);
            // What is stored was received.
            self.received = self.received.iter().filter(|(replica, next)| version.next(*replica) < *next).collect();
            return Some(Message::Ack { doc, level: Level::Stored, version });
        }
        if !self.received.is_empty() {
            return Some(Message::Ack { doc, level: Level::Received, version: std::mem::take(&mut self.received) });
        }
        if self.want_due {
            self.want_due = false;
            return Some(Message::Want { doc, version: log.version().clone() });
        }
        None
    }
}

impl SharedFrame {
    fn suits(
        &self,
        subscription: &Subscription,
        link: LinkId,
        most: usize,
        log: &ChangeLog,
        origins: &[LinkId],
    ) -> bool {
        self.from == subscription.cursor
            && (self.told == subscription.told || planted(Fault::SharedFrameUnsuited))
            && (self.end == log.end() || planted(Fault::SharedFrameOutdated))
            && subscription.had.is_none()
            && self.frame.len() <= most
            && !origins[subscription.since.clamp(self.from, self.to)..self.to].contains(&link)
    }
}
