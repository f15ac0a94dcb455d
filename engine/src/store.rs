//! Storage, as the engine sees it: requests go out with a ticket, outcomes come back in any order.
//!
//! The engine decides *what* is written and *when*; how is a [`Storage`]'s business. It is asked for no more than it can
//! promise: load a document, append changes that follow what it has, and list what is there. An append has succeeded
//! when its bytes would survive a power cut, because a client is told `stored` on the strength of it.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use crate::{
    causal::{Change, ChangeLog, LogPosition, Received},
    error::StoreFault,
    id::{Epoch, Ticket},
    limits::Limits,
    proof::{Fault, Situation, note, planted},
    rng::Rng,
    time::Time,
};

/// Changes to be written behind those that are stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Append {
    /// The document.
    pub name: String,
    /// The birth mark of its history. A client's document has none before its first join; once it has one, it keeps it.
    pub epoch: Option<Epoch>,
    /// The birth mark that the store has, if the application has had this history merged into another one.
    pub replaces: Option<Epoch>,
    /// How many changes of the document the store has. If it has others, someone else writes to it: that is a fault.
    /// If it has exactly these already, an earlier attempt succeeded unnoticed: that is a success.
    pub after: usize,
    /// What to write, in this order; nothing if only the birth mark is new. [`Change::encode`] gives the bytes.
    pub changes: Vec<Change>,
}

impl Append {
    /// Whether a store that has the document with this birth mark may take this on; if not, someone else writes to it.
    pub fn may_follow(&self, stored: Option<Epoch>) -> bool {
        stored.is_none() || stored == self.epoch || stored == self.replaces
    }
}

/// Something for the store to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreRequest {
    /// Read a document.
    Load {
        /// To be returned with the outcome.
        ticket: Ticket,
        /// The document.
        name: String,
    },
    /// Write changes.
    Append {
        /// To be returned with the outcome.
        ticket: Ticket,
        /// What to write.
        append: Append,
    },
}

impl StoreRequest {
    /// What the outcome is to be returned with.
    pub fn ticket(&self) -> Ticket {
        match self {
            Self::Load { ticket, .. } | Self::Append { ticket, .. } => *ticket,
        }
    }
}

/// A document as it was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredDocument {
    /// The birth mark of its history, if it has one yet.
    pub epoch: Option<Epoch>,
    /// Its changes as bytes, in the order in which they were appended.
    pub changes: Vec<Bytes>,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreReply {
    /// The document; `None` if nothing was ever written for it.
    Loaded(Option<StoredDocument>),
    /// The changes are on disk.
    Appended,
}

/// A place where documents are kept. Adapters call it from a thread of its own; it may block.
pub trait Storage {
    /// Reads a document; `None` if nothing was ever written for it.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Corrupt`] if what is there cannot be read; nothing is ever written over it.
    fn load(&mut self, name: &str) -> Result<Option<StoredDocument>, StoreFault>;

    /// Writes several documents' changes, all of them or none, and returns when they would survive a power cut.
    ///
    /// Many appends share one flush that way.
    ///
    /// # Errors
    ///
    /// If any of them could not be written; the engine keeps them and tries again.
    fn append(&mut self, batch: &[Append]) -> Result<(), StoreFault>;

    /// The names of all documents, in order.
    ///
    /// # Errors
    ///
    /// If they could not be read.
    fn list(&mut self) -> Result<Vec<String>, StoreFault>;
}

/// Carries out requests that came together: loads one by one, all appends as one batch. A document that is both written
/// and read, because it was closed and opened again, is read as it was written.
///
/// If the batch fails, its appends are tried one by one, so that one document's trouble is not another's.
pub fn carry_out(
    storage: &mut (impl Storage + ?Sized),
    requests: Vec<StoreRequest>,
) -> Vec<(Ticket, Result<StoreReply, StoreFault>)> {
    let mut outcomes = Vec::with_capacity(requests.len());
    let (mut tickets, mut appends) = (Vec::new(), Vec::<Append>::new());
    let mut loads_after = Vec::new();
    for request in requests {
        match request {
            StoreRequest::Load { ticket, name } if appends.iter().any(|append| append.name == name) => {
                loads_after.push((ticket, name));
            }
            StoreRequest::Load { ticket, name } => {
                outcomes.push((ticket, storage.load(&name).map(StoreReply::Loaded)));
            }
            StoreRequest::Append { ticket, append } => {
                tickets.push(ticket);
                appends.push(append);
            }
        }
    }
    if appends.is_empty() {
        return outcomes;
    }
    let whole = storage.append(&appends);
    for (index, ticket) in tickets.into_iter().enumerate() {
        let outcome = match &whole {
            Err(_) if appends.len() > 1 => storage.append(&appends[index..=index]),
            outcome => outcome.clone(),
        };
        outcomes.push((ticket, outcome.map(|()| StoreReply::Appended)));
    }
    for (ticket, name) in loads_after {
        outcomes.push((ticket, storage.load(&name).map(StoreReply::Loaded)));
    }
    outcomes
}

/// A store that forgets everything when it is dropped: for tests, examples and servers that are meant to forget.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    documents: BTreeMap<String, StoredDocument>,
}

impl Storage for MemoryStorage {
    fn load(&mut self, name: &str) -> Result<Option<StoredDocument>, StoreFault> {
        Ok(self.documents.get(name).cloned())
    }

    fn append(&mut self, batch: &[Append]) -> Result<(), StoreFault> {
        for append in batch {
            let document = self
                .documents
                .entry(append.name.clone())
                .or_insert_with(|| StoredDocument { epoch: append.epoch, changes: Vec::new() });
            let held = document.changes.len();
            if !append.may_follow(document.epoch) || held < append.after {
                return Err(StoreFault::Unavailable(format!("{:?} was written by someone else", append.name)));
            }
            let known = held - append.after;
            if known > 0 && !append.changes.is_empty() {
                note(Situation::AppendRepeated);
            }
            let repeated = append.changes.iter().take(known).map(Change::encode);
            if !repeated.eq(document.changes[append.after..].iter().take(append.changes.len()).cloned()) {
                return Err(StoreFault::Unavailable(format!("{:?} was written by someone else", append.name)));
            }
            document.epoch = append.epoch;
            let known = if known > 0 && planted(Fault::AppendWrittenTwice) { 0 } else { known };
            document.changes.extend(append.changes.iter().skip(known).map(Change::encode));
        }
        Ok(())
    }

    fn list(&mut self) -> Result<Vec<String>, StoreFault> {
        Ok(self.documents.keys().cloned().collect())
    }
}

/// Takes a stored document's changes into a replica's empty log, through `receive`.
pub(crate) fn restore(
    stored: StoredDocument,
    mut receive: impl FnMut(Change) -> Result<Received, crate::error::ChangeFault>,
) -> Result<(), StoreFault> {
    let count = stored.changes.len();
    for (index, bytes) in stored.changes.into_iter().enumerate() {
        let damaged = |what: String| StoreFault::Corrupt(format!("change {index} of {count}: {what}"));
        let change = Change::decode(bytes).map_err(|malformed| damaged(malformed.to_string()))?;
        match receive(change).map_err(|fault| damaged(fault.to_string()))? {
            Received::Appended { positions, .. } if positions == (index..index + 1) => {}
            _ if planted(Fault::StoreGapAccepted) => {}
            _ => return Err(damaged("it is out of order".into())),
        }
    }
    Ok(())
}

/// How much of one log is on disk, and what is on its way there. At most one append is under way for a document.
#[derive(Debug, Default)]
pub(crate) struct Durable {
    stored: LogPosition,
    /// The birth mark that is on disk.
    epoch: Option<Epoch>,
    under_way: Option<(LogPosition, Option<Epoch>)>,
    failures: u32,
    retry_at: Option<Time>,
}

impl Durable {
    /// A log of which everything is on disk already.
    pub(crate) fn loaded(log: &ChangeLog) -> Self {
        Self { stored: log.end(), epoch: log.epoch(), ..Self::default() }
    }

    /// The position up to which everything is on disk.
    pub(crate) fn stored(&self) -> LogPosition {
        self.stored
    }

    /// Whether nothing is left to write.
    pub(crate) fn is_clean(&self, log: &ChangeLog) -> bool {
        self.stored == log.end() && (self.epoch == self.next_epoch(log) || log.is_empty())
    }

    /// The birth mark to be on disk. A log that was told to adopt another one, and has not joined yet, has none.
    fn next_epoch(&self, log: &ChangeLog) -> Option<Epoch> {
        log.epoch().or(self.epoch)
    }

    /// Whether an append may leave now.
    pub(crate) fn is_due(&self, log: &ChangeLog) -> bool {
        self.under_way.is_none() && self.retry_at.is_none() && !self.is_clean(log)
    }

    /// The append that is due, as part of a request.
    pub(crate) fn append(&mut self, name: &str, log: &ChangeLog) -> Append {
        let epoch = self.next_epoch(log);
        self.under_way = Some((log.end(), epoch));
        let replaces = self.epoch.filter(|replaced| Some(*replaced) != epoch);
        let changes = log.range(self.stored..log.end()).collect();
        Append { name: name.to_owned(), epoch, replaces, after: self.stored, changes }
    }

    /// The append is on disk: which positions are new there.
    pub(crate) fn succeeded(&mut self) -> std::ops::Range<LogPosition> {
        let from = self.stored;
        if let Some((to, epoch)) = self.under_way.take() {
            self.stored = to;
            self.epoch = epoch;
        }
        if self.failures > 0 {
            note(Situation::StoredAfterFailure);
        }
        self.failures = 0;
        from..self.stored
    }

    /// The append failed: when to try again, and how often it has failed in a row.
    pub(crate) fn failed(&mut self, now: Time, limits: &Limits, rng: &mut Rng) -> (Time, u32) {
        note(Situation::StoreFailed);
        self.under_way = None;
        let at = now + backoff(self.failures, limits, rng);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(at);
        (at, self.failures)
    }

    /// Whether it is time to try again; if so, an append is due.
    pub(crate) fn timeout(&mut self, now: Time) -> bool {
        let due = self.retry_at.is_some_and(|at| now >= at);
        if due {
            self.retry_at = None;
        }
        due
    }

    /// When [`timeout`](Self::timeout) is next to be called.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.retry_at
    }
}

/// How long to wait after the `failures`-th failure in a row, counted from zero: doubling, bounded, jittered.
pub(crate) fn backoff(failures: u32, limits: &Limits, rng: &mut Rng) -> Duration {
    let failures = if planted(Fault::BackoffNeverGrows) { 0 } else { failures };
    let doubled = limits.retry_first.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
    if doubled > limits.retry_most {
        note(Situation::BackoffCapped);
    }
    rng.jitter(doubled.min(limits.retry_most))
}
