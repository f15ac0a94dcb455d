//! The life of a join: asked for, granted, loaded, entered, left or refused.

use super::{
    Admission, JoinRequest, Server, ServerEvent, Slot, Timer, link::Asked, open_room, room::Admitted, room::Room,
};
use crate::{
    causal::ChangeLog,
    error::{Code, Reason, StoreFault},
    id::{Epoch, LinkId},
    proof::{Fault, Situation, note, planted, stray},
    store::{StoredDocument, restore},
    time::{Now, Time},
    wire::{Access, Message},
};

/// A document that is being read, and who waits for it.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) name: String,
    pub(super) entries: Vec<Admitted>,
    /// Set once the store has said that there is no such document: the birth mark that the new history is given. Nobody
    /// is told of it before it is stored, or a crash would leave clients behind whose history nobody else goes on with.
    pub(super) begun: Option<Epoch>,
    /// Whether the store has been asked.
    pub(super) asked: bool,
}

impl Server {
    pub(super) fn join(&mut self, now: Now, name: String, entry: Admitted) {
        let request = entry.request;
        let Some(link) = self.links.get_mut(&entry.link) else { return };
        let refusal = if name.is_empty() || name.len() > self.limits.name_bytes {
            let limit = self.limits.name_bytes;
            Some(Reason::new(
                Code::TooLarge,
                format!("a document's name has 1 to {limit} bytes, this one {}", name.len()),
            ))
        } else if link.joins.len() >= self.limits.joins_per_link && !planted(Fault::JoinsUnbounded) {
            let limit = self.limits.joins_per_link;
            Some(Reason::new(Code::OverLimit, format!("a link may join {limit} documents")))
        } else if link.joins.contains_key(&request) {
            Some(Reason::new(Code::Unexpected, format!("request {request} was made already")))
        } else if entry.version.len() > self.limits.replicas {
            // A join may wait for long; it does not hold more than a document could.
            Some(Reason::new(Code::OverLimit, format!("a document has at most {} writers", self.limits.replicas)))
        } else {
            None
        };
        if let Some(reason) = refusal {
            note(Situation::JoinRefusedAtOnce);
            return self.answer_no(entry.link, request, &name, reason, None);
        }
        link.joins.insert(request, Asked { serial: entry.serial, room: None });
        let request = JoinRequest { name, entry };
        match self.admission {
            Admission::Everyone => self.granted(now, request, Access::Write),
            Admission::Ask => self.events.push_back(ServerEvent::JoinRequest(request)),
        }
    }

    /// A granted join reaches its loaded room.
    pub(super) fn enter(&mut self, now: Now, number: u64, entry: Admitted) {
        if self.asked(&entry).is_none() {
            // Its link was closed by one that entered just before.
            return;
        }
        let (link, replica) = (entry.link, entry.writes_as());
        let Some(room) = open_room(&mut self.rooms, number) else { return };
        let name = room.name.clone();
        if let Some(holder) = room.claimed_by(replica, link).filter(|_| !planted(Fault::ReplicaSharedByTwo)) {
            let secret = |link| self.links.get(link).map(|link| link.secret);
            if secret(&holder) != secret(&link) {
                note(Situation::ReplicaInUse);
                return self.refuse_join(&entry, &name, Code::ReplicaInUse.into(), None);
            }
            // The same client on two links: the older one died unnoticed, even if it was granted the document later.
            let stale = if planted(Fault::NewerLinkCut) { holder.max(link) } else { holder.min(link) };
            note(Situation::StaleLinkCut);
            let reason = Reason::from(Code::Superseded);
            if let Some(stale) = self.links.get_mut(&stale) {
                stale.close(reason.clone());
            }
            self.depart(now.mono, stale, &reason);
            self.mark(stale);
            if stale == link {
                return;
            }
        }
        let Some(room) = open_room(&mut self.rooms, number) else { return };
        match room.join(&entry) {
            Ok(()) => {
                self.timers.clear(Timer::Idle(number));
                self.work(link, number);
                self.events.push_back(ServerEvent::Joined { link, name, replica });
            }
            Err(theirs) => {
                note(Situation::EpochMismatch);
                self.refuse_join(&entry, &name, Code::EpochMismatch.into(), Some(theirs));
                self.idle(now.mono, number);
            }
        }
    }

    /// The store has a document.
    pub(super) fn restored(&mut self, now: Now, number: u64, stored: StoredDocument) {
        let Some(epoch) = stored.epoch else {
            return self.load_failed(number, StoreFault::Corrupt("it has no birth mark".into()));
        };
        let mut log = ChangeLog::new();
        match restore(stored, |change| log.receive(change, &self.limits)) {
            Ok(()) => {
                if !log.is_empty() {
                    note(Situation::RoomRestored);
                }
                self.open(now, number, epoch, log);
            }
            Err(fault) => self.load_failed(number, fault),
        }
    }

    /// The store has no such document. A history goes on with the birth mark of whoever brings it, or begins with one of
    /// its own; either is stored before anyone is told.
    pub(super) fn begin(&mut self, number: u64) {
        let Some(Slot::Loading(loading)) = self.rooms.get_mut(&number) else { return };
        let brought = loading.entries.iter().find_map(|entry| entry.epoch);
        note(if brought.is_some() { Situation::EpochBrought } else { Situation::EpochBegun });
        let stray = if planted(Fault::EpochNotFromSeed) { stray() } else { 0 };
        loading.begun = Some(brought.unwrap_or_else(|| Epoch::new(self.rng.next_u128() ^ stray)));
        loading.asked = false;
        self.store.push_back(number);
    }

    pub(super) fn open(&mut self, now: Now, number: u64, epoch: Epoch, log: ChangeLog) {
        let Some(Slot::Loading(Loading { name, entries, .. })) = self.rooms.remove(&number) else { return };
        self.rooms.insert(number, Slot::Open(Box::new(Room::new(name, number, epoch, log))));
        for entry in entries {
            self.enter(now, number, entry);
        }
        self.idle(now.mono, number);
    }

    pub(super) fn load_failed(&mut self, number: u64, fault: StoreFault) {
        let Some(Slot::Loading(Loading { name, entries, .. })) = self.rooms.remove(&number) else { return };
        self.names.remove(&name);
        note(Situation::LoadFailed);
        for entry in entries {
            self.refuse_join(&entry, &name, Code::StoreFailed.into(), None);
        }
        self.events.push_back(ServerEvent::StoreFailed { name, fault, failures: 1 });
    }

    /// A link leaves all its rooms.
    pub(super) fn depart(&mut self, now: Time, id: LinkId, reason: &Reason) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.reason.get_or_insert_with(|| reason.clone());
        link.replies.clear();
        for (request, asked) in std::mem::take(&mut link.joins) {
            self.leave_room(now, id, request, asked.room);
        }
    }

    pub(super) fn leave(&mut self, now: Time, id: LinkId, request: u64) {
        if let Some(asked) = self.links.get_mut(&id).and_then(|link| link.joins.remove(&request)) {
            self.leave_room(now, id, request, asked.room);
        }
    }

    pub(super) fn leave_room(&mut self, now: Time, link: LinkId, request: u64, number: Option<u64>) {
        let Some(number) = number else { return };
        let left = match self.rooms.get_mut(&number) {
            Some(Slot::Open(room)) => room.leave(link, Some(request)).then(|| room.name.clone()),
            Some(Slot::Loading(loading)) => {
                note(Situation::LeftWhileLoading);
                loading.entries.retain(|entry| (entry.link, entry.request) != (link, request));
                None
            }
            None => None,
        };
        if let Some(name) = left {
            self.events.push_back(ServerEvent::Left { link, name });
            self.idle(now, number);
        }
    }

    /// A link loses a document, and is told why.
    pub(super) fn drop_document(&mut self, now: Time, link: LinkId, number: u64, reason: Reason) {
        let Some(room) = open_room(&mut self.rooms, number) else { return };
        let name = room.name.clone();
        let Some((request, answered)) = room.request(link) else { return };
        self.leave(now, link, request);
        note(Situation::DocumentTakenAway);
        if !answered {
            return self.answer_no(link, request, &name, reason, None);
        }
        self.reply(link, Message::Dropped { doc: number, reason: reason.clone() });
        self.events.push_back(ServerEvent::Refused { link, name, reason });
    }

    /// A join, if it is still open.
    pub(super) fn asked(&mut self, entry: &Admitted) -> Option<&mut Asked> {
        let link = self.links.get_mut(&entry.link).filter(|link| !link.session.is_over())?;
        link.joins.get_mut(&entry.request).filter(|asked| asked.serial == entry.serial)
    }

    /// Answers a join that is open, and forgets it.
    pub(super) fn refuse_join(&mut self, entry: &Admitted, name: &str, reason: Reason, epoch: Option<Epoch>) {
        if let Some(link) = self.links.get_mut(&entry.link) {
            link.joins.remove(&entry.request);
        }
        self.answer_no(entry.link, entry.request, name, reason, epoch);
    }

    pub(super) fn answer_no(&mut self, id: LinkId, request: u64, name: &str, reason: Reason, epoch: Option<Epoch>) {
        let (name, told) = (name.to_owned(), reason.clone());
        self.events.push_back(ServerEvent::Refused { link: id, name, reason: told });
        self.reply(id, Message::Refused { request, reason, epoch });
    }

    pub(super) fn idle(&mut self, now: Time, number: u64) {
        if open_room(&mut self.rooms, number).is_some_and(|room| room.is_idle()) {
            self.timers.set(Timer::Idle(number), now + self.limits.idle_unload);
        }
    }
}
