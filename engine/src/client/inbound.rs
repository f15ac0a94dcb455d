//! What the server says about documents.

use super::{Client, ClientEvent, open::Phase};
use crate::{
    error::{Code, Reason, Retry},
    id::DocId,
    proof::{Fault, Situation, note, planted},
    replica::Replica,
    store::backoff,
    time::Now,
    wire::{Level, Message, WriterVersion},
};

impl<R: Replica> Client<R> {
    pub(super) fn document(&mut self, now: Now, message: Message) {
        match message {
            Message::Joined { request, doc: number, epoch, access, writers } => {
                let doc = DocId(request);
                let Some(link) = &mut self.link else { return };
                // A document that was left while it was being joined was taken back already.
                let Some(open) = self.docs.get_mut(&doc).filter(|open| matches!(open.phase, Phase::Joining)) else {
                    note(Situation::AnswerToTakenBackJoin);
                    return;
                };
                let ours = open.replica.log().epoch();
                if let Some(ours) = ours.filter(|ours| *ours != epoch && !planted(Fault::EpochUnchecked)) {
                    link.leave(doc, open);
                    open.phase = Phase::Mismatch;
                    self.events.push_back(ClientEvent::EpochMismatch { doc, ours, theirs: epoch });
                    return;
                }
                // What is not stored there may be lacking again, and would have to be sent again to learn when it is stored.
                let has = |writer: &WriterVersion| {
                    let unstored = planted(Fault::UnstoredBaseAccepted);
                    (writer.replica, if unstored { writer.received } else { writer.stored })
                };
                if !open.can_give_what_lacks(&writers.iter().map(has).collect(), &self.limits) {
                    link.leave(doc, open);
                    self.refused(now, doc, Code::Pruned.into());
                    return;
                }
                link.numbers.insert(number, doc);
                let caught_up = open.enter(number, epoch, access, &writers);
                self.events.push_back(ClientEvent::Joined { doc, access });
                if caught_up {
                    self.events.push_back(ClientEvent::CaughtUp { doc });
                }
                self.work(doc);
                self.drain(doc);
            }
            Message::Refused { request, reason, epoch } => {
                let doc = DocId(request);
                // One that answers no join is not for this client to act on.
                let Some(open) = self.docs.get(&doc).filter(|open| matches!(open.phase, Phase::Joining)) else {
                    return;
                };
                let ours = open.replica.log().epoch();
                match (reason.code, ours, epoch) {
                    (Code::EpochMismatch, Some(ours), Some(theirs)) => {
                        if let Some(open) = self.docs.get_mut(&doc) {
                            open.phase = Phase::Mismatch;
                            self.events.push_back(ClientEvent::EpochMismatch { doc, ours, theirs });
                        }
                    }
                    _ => self.refused(now, doc, reason),
                }
            }
            Message::Dropped { doc: number, reason } => {
                if let Some(doc) = self.link.as_mut().and_then(|link| link.numbers.remove(&number)) {
                    self.refused(now, doc, reason);
                }
            }
            Message::Changes { doc: number, introduced, changes } => {
                let Some(doc) = self.doc(number) else { return };
                let Some(open) = self.docs.get_mut(&doc) else { return };
                let taken = open.receive(introduced, changes, &self.limits);
                if taken.caught_up {
                    self.events.push_back(ClientEvent::CaughtUp { doc });
                }
                if let Some(fault) = taken.fault {
                    if let Some(link) = &mut self.link {
                        link.leave(doc, open);
                    }
                    note(Situation::ClientDiverged);
                    open.phase = Phase::Refused;
                    self.events.push_back(ClientEvent::Diverged { doc, fault });
                }
                self.work(doc);
                self.drain(doc);
            }
            Message::Ack { doc: number, level, version } => {
                let Some(doc) = self.doc(number) else { return };
                if let Some(open) = self.docs.get_mut(&doc) {
                    open.acknowledge(level, &version);
                }
                self.drain(doc);
            }
            Message::Want { doc: number, version } => {
                let Some(doc) = self.doc(number) else { return };
                let Some(open) = self.docs.get_mut(&doc) else { return };
                if !open.can_give_what_lacks(&version, &self.limits) {
                    if let Some(link) = &mut self.link {
                        link.leave(doc, open);
                    }
                    return self.refused(now, doc, Code::Pruned.into());
                }
                open.rewind(version);
                self.work(doc);
            }
            // The session has refused everything that a server may not send.
            _ => debug_assert!(false, "the session let {message:?} through"),
        }
    }

    pub(super) fn doc(&self, number: u64) -> Option<DocId> {
        let numbers = &self.link.as_ref()?.numbers;
        let doc = numbers.get(&number).copied();
        if planted(Fault::DocumentsMixedUp) { numbers.values().next().copied() } else { doc }
    }

    /// The server will not have a document, or not now.
    pub(super) fn refused(&mut self, now: Now, doc: DocId, reason: Reason) {
        let Some(open) = self.docs.get_mut(&doc) else { return };
        open.phase = match reason.code.retry() {
            Retry::Never => Phase::Refused,
            Retry::Now | Retry::Later if planted(Fault::RefusalTakenForFinal) => Phase::Refused,
            Retry::Now | Retry::Later => {
                note(Situation::JoinPutOff);
                let wait = backoff(open.refusals, &self.limits, &mut self.rng);
                open.refusals = open.refusals.saturating_add(1);
                Phase::Later(now.mono + wait)
            }
        };
        self.events.push_back(ClientEvent::Refused { doc, reason });
    }

    /// Turns what the replica reports into events, and says what has newly come to a level.
    pub(super) fn drain(&mut self, doc: DocId) {
        let Some(open) = self.docs.get_mut(&doc) else { return };
        while let Some(event) = open.replica.poll_event() {
            self.events.push_back(ClientEvent::Replica { doc, event });
        }
        for level in [Level::Received, Level::Stored] {
            if open.newly_synced(level) {
                self.events.push_back(ClientEvent::Synced { doc, level });
            }
        }
    }

    pub(super) fn work(&mut self, doc: DocId) {
        if let Some(link) = &mut self.link {
            if link.in_work.insert(doc) {
                link.work.push_back(doc);
            }
        }
    }
}
