//! A machine's store, which takes its time, fails, and forgets what was not written when the machine crashed.

use std::{ops::RangeInclusive, time::Duration};

use crdt_socket_sync::{
    MemoryStorage, Ticket, Time,
    error::StoreFault,
    store::{Append, StoreReply, StoreRequest, carry_out},
};

/// How a machine crashes: what becomes of the requests that its store had not carried out yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Crash {
    /// How many of them are carried out all the same, the oldest first.
    pub written: usize,
    /// Whether of the next one a part is: some of its changes, and not the last.
    pub torn: bool,
}

/// A machine's store.
#[derive(Clone, Debug)]
pub struct Disk {
    /// What it holds; to be damaged, emptied or put back as one likes while the machine is down.
    pub storage: MemoryStorage,
    /// What every request fails with from now on.
    pub fault: Option<StoreFault>,
    /// Whether it carries out a request before it fails: nobody can tell then whether something was written.
    pub fails_late: bool,
    /// How long it takes to write, and again to say so.
    pub delay: RangeInclusive<Duration>,
    /// How many appends crashes have kept from being carried out, and how many of these were carried out in part.
    pub(crate) lost: u64,
    pub(crate) torn: u64,
    /// When the last request is carried out; the next one not before it.
    pub(crate) last: Time,
}

impl Disk {
    pub(crate) fn new(delay: RangeInclusive<Duration>) -> Self {
        Self {
            storage: MemoryStorage::default(),
            fault: None,
            fails_late: false,
            delay,
            lost: 0,
            torn: 0,
            last: Time::ZERO,
        }
    }

    pub(crate) fn carry_out(&mut self, request: StoreRequest) -> Vec<(Ticket, Result<StoreReply, StoreFault>)> {
        match &self.fault {
            Some(fault) => {
                let failed = vec![(request.ticket(), Err(fault.clone()))];
                if self.fails_late {
                    carry_out(&mut self.storage, vec![request]);
                }
                failed
            }
            None => carry_out(&mut self.storage, vec![request]),
        }
    }

    /// The machine crashes with these requests not carried out.
    pub(crate) fn crash(&mut self, requests: Vec<StoreRequest>, crash: Crash) {
        let mut appends = requests.into_iter().filter(|request| matches!(request, StoreRequest::Append { .. }));
        for request in appends.by_ref().take(crash.written) {
            self.carry_out(request);
        }
        if let Some(StoreRequest::Append { ticket, append }) = appends.next() {
            self.lost += 1 + appends.count() as u64;
            let mut changes = append.changes;
            changes.truncate(changes.len() / 2);
            if crash.torn && !changes.is_empty() {
                self.torn += 1;
                self.carry_out(StoreRequest::Append { ticket, append: Append { changes, ..append } });
            }
        }
        self.last = Time::ZERO;
    }
}
