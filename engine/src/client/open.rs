//! One document that a client has open, and where it stands with the server.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    causal::{Change, LogPosition, Received, VersionVector},
    error::{ChangeFault, Code, Reason},
    id::{DocId, Epoch, OpId},
    limits::Limits,
    proof::{Fault, Situation, note, planted},
    replica::Replica,
    session::next_batch,
    store::Durable,
    time::Time,
    wire::{Access, Level, Message, Names, WriterVersion, Writers, encode_changes},
};

#[derive(Debug)]
pub(super) struct Open<R> {
    pub(super) name: String,
    pub(super) replica: R,
    pub(super) phase: Phase,
    /// How much of the log the client's own store has; `None` without a store.
    pub(super) durable: Option<Durable>,
    /// Refusals in a row, for the wait before the next join.
    pub(super) refusals: u32,
    /// What has come to each level: acknowledged, or heard from the server itself.
    covered: [VersionVector; 2],
    /// Operations that came from the server while the store had not confirmed earlier ones of the same writer: where a
    /// stretch begins, and where it ends. They count as stored from when those before them are.
    heard: BTreeMap<OpId, u64>,
    /// Whether `Synced` was reported for what is here now.
    reported: [bool; 2],
}

/// Where an open document stands with the server.
#[derive(Debug)]
pub(super) enum Phase {
    /// The client's own store has not answered yet.
    Loading {
        asked: bool,
    },
    /// To be joined as soon as there is a link.
    Waiting,
    /// Refused; to be joined again at this time.
    Later(Time),
    /// Not to be joined until the application says so.
    Refused,
    /// The histories differ; the application has to choose.
    Mismatch,
    /// The join was sent.
    Joining,
    Joined(Joined),
}

/// What a join has agreed on; ends with the link.
#[derive(Debug)]
pub(super) struct Joined {
    /// The document's number on the wire.
    pub(super) number: u64,
    access: Access,
    writers: Writers,
    /// What the server has or is being sent.
    theirs: VersionVector,
    /// What is still to be sent begins here.
    cursor: LogPosition,
    /// What the server had when the document was joined, until all of that is here.
    catching_up: Option<VersionVector>,
    asked: bool,
    want_due: bool,
}

/// What came of a frame of changes.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) caught_up: bool,
    pub(super) fault: Option<ChangeFault>,
}

impl<R: Replica> Open<R> {
    pub(super) fn new(name: String, replica: R, persist: bool) -> Self {
        let durable = persist.then(Durable::default);
        let phase = if persist { Phase::Loading { asked: false } } else { Phase::Waiting };
        Self {
            name,
            replica,
            phase,
            durable,
            refusals: 0,
            covered: Default::default(),
            heard: BTreeMap::new(),
            reported: [false; 2],
        }
    }

    pub(super) fn joined(&self) -> Option<&Joined> {
        match &self.phase {
            Phase::Joined(joined) => Some(joined),
            _ => None,
        }
    }

    pub(super) fn joined_mut(&mut self) -> Option<&mut Joined> {
        match &mut self.phase {
            Phase::Joined(joined) => Some(joined),
            _ => None,
        }
    }

    pub(super) fn join_message(&self, doc: DocId) -> Message {
        let log = self.replica.log();
        Message::Join {
            request: doc.number(),
            name: self.name.clone(),
            epoch: log.epoch(),
            replica: self.replica.writes_as(),
            version: log.version().clone(),
        }
    }

    /// The server has answered the join. Whether everything is here that the server had.
    pub(super) fn enter(&mut self, number: u64, epoch: Epoch, access: Access, writers: &[WriterVersion]) -> bool {
        self.replica.log_mut().set_epoch(Some(epoch));
        let received: VersionVector = writers.iter().map(|writer| (writer.replica, writer.received)).collect();
        // What the server has and has not stored is sent again: it is recognised there, and acknowledged when it is stored.
        let stored: VersionVector = writers.iter().map(|writer| (writer.replica, writer.stored)).collect();
        let mut names = Writers::default();
        writers.iter().for_each(|writer| names.introduce(writer.replica));
        let log = self.replica.log();
        let caught_up = log.version().covers(&received) || planted(Fault::CaughtUpTooSoon);
        let theirs = if planted(Fault::UnstoredNotSentAgain) { &received } else { &stored };
        let cursor = if planted(Fault::ClientBeginsAtItsEnd) { log.end() } else { log.first_missing(theirs) };
        self.note_entry(&received, &stored);
        self.phase = Phase::Joined(Joined {
            number,
            access,
            writers: names,
            cursor,
            theirs: theirs.clone(),
            catching_up: (!caught_up).then(|| received.clone()),
            asked: false,
            want_due: false,
        });
        self.refusals = 0;
        self.covered = [received, stored];
        self.heard.clear();
        self.reported = [false; 2];
        caught_up
    }

    /// Whether all is kept here that a version lacks. If not, the other side would never have all.
    pub(super) fn can_give_what_lacks(&mut self, version: &VersionVector, limits: &Limits) -> bool {
        if version.covers(self.replica.log().not_kept()) || planted(Fault::PrunedJoinAccepted) {
            return true;
        }
        // Positions change by that, and a join begins with a new one.
        let unpacked = self.replica.recall(limits);
        note(if unpacked { Situation::HistoryUnpacked } else { Situation::PrunedRefused });
        unpacked
    }

    /// Counts what a join finds: changes the server lacks, has, and has stored without this side knowing.
    fn note_entry(&self, received: &VersionVector, stored: &VersionVector) {
        let here = self.replica.log().version();
        if !received.covers(here) {
            note(Situation::JoinedWithUnsent);
        }
        if here.iter().any(|(replica, next)| next.min(received.next(replica)) > stored.next(replica)) {
            note(Situation::JoinedWithUnstored);
        }
        let own = self.replica.writes_as();
        if own.is_some_and(|own| stored.next(own) > self.covered(Level::Stored).next(own)) {
            note(Situation::StoredLearntByJoining);
        }
    }

    /// The link is gone: the document is joined again on the next one.
    pub(super) fn part(&mut self) {
        if planted(Fault::AcknowledgementWithdrawn) {
            self.covered = Default::default();
        }
        if matches!(self.phase, Phase::Joining | Phase::Joined(_) | Phase::Later(_)) {
            self.phase = Phase::Waiting;
        }
    }

    /// Takes in changes from the server, up to the first that cannot be taken.
    pub(super) fn receive(
        &mut self,
        introduced: Vec<crate::id::ReplicaId>,
        changes: Vec<Change>,
        limits: &Limits,
    ) -> Taken {
        let mut taken = Taken::default();
        let Phase::Joined(joined) = &mut self.phase else { return taken };
        introduced.into_iter().for_each(|replica| joined.writers.introduce(replica));
        for change in changes {
            let (id, end) = (change.id(), change.end());
            match self.replica.receive(change, limits) {
                Ok(received) => {
                    self.covered[Level::Received as usize].extend(id.replica, end);
                    if received == Received::Duplicate
                        && joined.access == Access::Write
                        && !planted(Fault::EchoTakenForStored)
                    {
                        note(Situation::OwnChangeCameBack);
                        // It came from elsewhere too. That the server's store has it is still for the server to say, in
                        // answer to our sending it.
                        continue;
                    }
                    if received == Received::Waiting {
                        if !joined.asked && !planted(Fault::GapNotAskedByClient) {
                            note(Situation::GapAskedByClient);
                            joined.want_due = true;
                        }
                        joined.asked = true;
                    }
                    // The server has what it sends. What was here before that is sent all the same unless it is stored
                    // there: that is how its being stored is learnt.
                    if joined.theirs.next(id.replica) >= id.seq {
                        joined.theirs.extend(id.replica, end);
                    }
                    let stored = &mut self.covered[Level::Stored as usize];
                    if stored.next(id.replica) >= id.seq {
                        stored.extend(id.replica, end);
                    } else {
                        note(Situation::HeardAheadOfStored);
                        let before = self.heard.range_mut(OpId::new(id.replica, 0)..id).next_back();
                        match before.filter(|(_, end)| **end >= id.seq) {
                            Some((_, until)) => *until = end.max(*until),
                            None => drop(self.heard.insert(id, end)),
                        }
                    }
                    if let Received::Appended { refused, .. } = received {
                        taken.fault = refused.into_iter().next();
                    }
                }
                Err(fault) => taken.fault = Some(fault),
            }
            if taken.fault.is_some() {
                break;
            }
        }
        joined.asked &= self.replica.log().waiting().0 > 0;
        let version = self.replica.log().version();
        if joined.catching_up.as_ref().is_some_and(|theirs| version.covers(theirs)) {
            joined.catching_up = None;
            taken.caught_up = true;
        }
        taken
    }

    /// The server says what has become of changes.
    pub(super) fn acknowledge(&mut self, level: Level, version: &VersionVector) {
        if self.joined().is_none() {
            return;
        }
        for (covered, at) in self.covered.iter_mut().zip([Level::Received, Level::Stored]) {
            if at <= level || planted(Fault::ReceivedTakenForStored) {
                covered.merge(version);
            }
        }
        let stored = &mut self.covered[Level::Stored as usize];
        self.heard.retain(|from, until| {
            let ahead = stored.next(from.replica) < from.seq;
            if !ahead {
                stored.extend(from.replica, *until);
                if let Phase::Joined(joined) = &mut self.phase {
                    joined.theirs.extend(from.replica, *until);
                }
            }
            ahead
        });
    }

    /// The server lacks changes that it was sent: begin again with what it says it has.
    pub(super) fn rewind(&mut self, version: VersionVector) {
        note(Situation::RewoundByServer);
        if planted(Fault::ClientNeverRewinds) {
            return;
        }
        let cursor = self.replica.log().first_missing(&version);
        if let Some(joined) = self.joined_mut() {
            joined.cursor = cursor;
            joined.theirs = version;
        }
    }

    /// What has come to a level.
    pub(super) fn covered(&self, level: Level) -> &VersionVector {
        &self.covered[level as usize]
    }

    /// How many operations that are here have not come to a level.
    pub(super) fn pending(&self, level: Level) -> u64 {
        let covered = &self.covered[level as usize];
        let left = |(replica, next): (_, u64)| next.saturating_sub(covered.next(replica));
        self.replica.log().version().iter().map(left).fold(0, u64::saturating_add)
    }

    /// Whether everything here has come to a level and the server is there to say so.
    pub(super) fn is_synced(&self, level: Level) -> bool {
        self.caught_up() && self.pending(level) == 0
    }

    /// Whether a version has come to a level, as far as the server has said.
    pub(super) fn has_come(&self, level: Level, version: &VersionVector) -> bool {
        self.covered[level as usize].covers(version)
    }

    /// The level, if everything here has newly come to it.
    pub(super) fn newly_synced(&mut self, level: Level) -> bool {
        let synced = self.is_synced(level);
        let newly = synced && !self.reported[level as usize];
        self.reported[level as usize] = synced;
        newly
    }

    pub(super) fn caught_up(&self) -> bool {
        self.joined().is_some_and(|joined| joined.catching_up.is_none())
    }

    /// The next frame about this document; an error if a change is larger than what the server reads.
    pub(super) fn poll_transmit(&mut self, batch: usize, most: usize) -> Result<Option<Bytes>, Reason> {
        let Phase::Joined(joined) = &mut self.phase else { return Ok(None) };
        let log = self.replica.log();
        if joined.want_due {
            joined.want_due = false;
            let message = Message::Want { doc: joined.number, version: log.version().clone() };
            return Ok(Some(message.encode(&joined.writers)));
        }
        if joined.access == Access::Read {
            return Ok(None);
        }
        let theirs = &joined.theirs;
        // With a store of its own, a client sends nothing that it might have forgotten after a crash.
        let mut safe = self.durable.as_ref().map_or_else(|| log.end(), Durable::stored);
        if safe < log.end() {
            note(Situation::HeldForOwnStore);
            if planted(Fault::SentBeforeOwnStore) {
                safe = log.end();
            }
        }
        let stretch = joined.cursor.min(safe)..safe;
        let batch = next_batch(log, stretch, batch.min(most / 2), |_, change| {
            let heard = self.heard.range(OpId::new(change.replica, 0)..=change.id()).next_back();
            theirs.contains(change.last()) || heard.is_some_and(|(_, until)| *until >= change.end())
        });
        joined.cursor = batch.to;
        if batch.changes.is_empty() {
            return Ok(None);
        }
        let frame = encode_changes(joined.number, &[], &batch.changes, &joined.writers);
        if frame.len() > most {
            let reason = format!("a frame of {} bytes; the server reads {most}", frame.len());
            return Err(Reason::new(Code::TooLarge, reason));
        }
        for change in batch.changes {
            joined.theirs.extend(change.replica, change.end());
        }
        Ok(Some(frame))
    }
}

impl Joined {
    /// What the server and this side call the writers.
    pub(super) fn names(&self) -> &impl Names {
        &self.writers
    }
}
