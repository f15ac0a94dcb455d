//! The server's end of a link, and which links have something to be sent.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Server, Timer};
use crate::{
    error::{Code, Reason},
    id::LinkId,
    session::Session,
    time::Now,
    wire::Message,
};

/// How many refusals a link may leave unread for each join that it may have. A peer that is refused more than that
/// without ever reading is not one that waits for an answer.
const UNREAD_PER_JOIN: usize = 16;

#[derive(Debug)]
pub(super) struct Link {
    pub(super) session: Session,
    pub(super) secret: [u8; 16],
    /// Joins refused, and documents lost: to be sent before anything else about documents.
    pub(super) replies: VecDeque<Message>,
    /// The joins that have neither been refused nor taken back, by their request numbers.
    pub(super) joins: BTreeMap<u64, Asked>,
    /// Rooms that have something to be sent to this link, in the order in which they are served.
    pub(super) work: VecDeque<u64>,
    pub(super) in_work: BTreeSet<u64>,
    /// Whether the link stands in the server's queue of ready links.
    pub(super) ready: bool,
    /// Why it is ending.
    pub(super) reason: Option<Reason>,
}

/// A join that is open.
#[derive(Debug)]
pub(super) struct Asked {
    /// This server's own number for it: a peer may take a join back and use its request number again while the
    /// application still thinks about the first.
    pub(super) serial: u64,
    /// The room, once it is granted.
    pub(super) room: Option<u64>,
}

impl Link {
    /// Ends the link: the peer is told why, and so is the application once the link is down. The first reason stays.
    pub(super) fn close(&mut self, reason: Reason) {
        self.reason.get_or_insert_with(|| reason.clone());
        self.session.close(reason);
    }
}

impl Server {
    pub(super) fn link_timeout(&mut self, now: Now, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.session.timeout(now.mono);
        if link.session.is_over() {
            self.depart(now.mono, id, &Code::Timeout.into());
        }
        self.arm(id);
        self.mark(id);
    }

    pub(super) fn reply(&mut self, id: LinkId, message: Message) {
        if let Some(link) = self.links.get_mut(&id).filter(|link| !link.session.is_over()) {
            link.replies.push_back(message);
            let most = UNREAD_PER_JOIN.saturating_mul(self.limits.joins_per_link.saturating_add(1));
            if link.replies.len() > most {
                let reason = Reason::new(Code::OverLimit, format!("{most} answers wait to be read"));
                link.replies.clear();
                link.close(reason);
            }
            self.mark(id);
        }
    }

    /// A room has something to be sent to a link.
    pub(super) fn work(&mut self, id: LinkId, number: u64) {
        if let Some(link) = self.links.get_mut(&id) {
            if link.in_work.insert(number) {
                link.work.push_back(number);
            }
            self.mark(id);
        }
    }

    pub(super) fn mark(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            if !link.ready {
                link.ready = true;
                self.ready.push_back(id);
            }
        }
    }

    pub(super) fn arm(&mut self, id: LinkId) {
        if let Some(at) = self.links.get(&id).and_then(|link| link.session.deadline()) {
            self.timers.set(Timer::Link(id), at);
        }
    }
}
