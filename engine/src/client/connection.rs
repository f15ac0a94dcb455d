//! Whether there is a link, whether there is to be one, and when the next attempt is made.

use super::{Client, ClientEvent, Open, Status};
use crate::{
    error::{Code, PeerFault, Reason, Retry},
    replica::Replica,
    store::backoff,
    time::{Now, Time},
};

/// Where the next attempt to connect is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dialling {
    /// There is none: there is a link, or none is wanted.
    No,
    /// It is to be made at this time.
    At(Time),
    /// It is to be made now.
    Due,
    /// The adapter is making it.
    UnderWay,
}

impl<R: Replica> Client<R> {
    pub(super) fn welcomed(&mut self) {
        self.failures = 0;
        self.set_status(Status::Connected);
        let docs: Vec<_> = self.docs.keys().copied().collect();
        for doc in docs {
            self.work(doc);
        }
    }

    /// Ends the link from this side.
    pub(super) fn close(&mut self, now: Now, reason: Reason) {
        if let Some(link) = &mut self.link {
            link.session.close(reason.clone());
            self.closing(now, reason);
        }
    }

    /// The link is ending from this side: documents are offline, and unless something is decided already, the client
    /// dials again when the link is down.
    pub(super) fn closing(&mut self, now: Now, reason: Reason) {
        let Some(link) = &mut self.link else { return };
        if link.settled {
            return;
        }
        link.settled = true;
        let brief = now.mono - link.up < self.limits.retry_first;
        self.docs.values_mut().for_each(Open::part);
        if self.wanted {
            // "Now" means a link that had served for a while; otherwise both sides would do nothing but meet and part.
            let retry = if brief { Retry::Later } else { reason.code.retry() };
            self.retry(now, reason.to_string(), retry);
        }
    }

    /// The server ended the link.
    pub(super) fn closed(&mut self, now: Now, reason: Reason) {
        match reason.code.retry() {
            Retry::Never => self.give_up(reason),
            Retry::Now | Retry::Later => self.closing(now, reason),
        }
    }

    /// The server sent something that it must not send.
    pub(super) fn faulted(&mut self, now: Now, fault: &PeerFault) {
        let reason = Reason::from(fault.clone());
        if self.status == Status::Connected {
            // It was a server of ours: whatever came between may be gone next time.
            self.closing(now, Reason::new(Code::Other(0), reason.to_string()));
        } else if matches!(fault, PeerFault::Version { .. }) {
            self.give_up(reason);
        } else {
            let what = format!("this is not a crdt-socket-sync server ({fault})");
            self.give_up(Reason::new(Code::Unexpected, what));
        }
    }

    pub(super) fn give_up(&mut self, reason: Reason) {
        self.wanted = false;
        self.dial = Dialling::No;
        if let Some(link) = &mut self.link {
            link.settled = true;
            link.session.close(reason.clone());
        }
        self.docs.values_mut().for_each(Open::part);
        self.set_status(Status::Refused(reason));
    }

    /// Plans the next attempt.
    pub(super) fn retry(&mut self, now: Now, why: String, retry: Retry) {
        // Even "now" waits if the last attempt has led nowhere.
        let wait = if retry == Retry::Now && self.failures == 0 {
            std::time::Duration::ZERO
        } else {
            backoff(self.failures, &self.limits, &mut self.rng)
        };
        self.failures = self.failures.saturating_add(1);
        self.dial = Dialling::At(now.mono + wait);
        self.set_status(Status::Reconnecting { failures: self.failures, wait, why });
    }

    pub(super) fn set_status(&mut self, status: Status) {
        if self.status != status {
            self.status = status.clone();
            self.events.push_back(ClientEvent::Status(status));
        }
    }
}
