//! Recordings: everything that went into an engine and everything that was pulled out of it, in order.
//!
//! The same inputs give the same outputs, byte for byte; so a recording of a session that went wrong is that session, to
//! be looked at as often as need be. An engine whose config says `record` notes every call that has an effect, with its
//! arguments and what came of it; whoever drives it writes the bytes that [`Client::poll_record`] and
//! [`Server::poll_record`] hand out to a file, one after the other. `crdt-socket-sync-loopback` replays such a file.
//!
//! **A recording holds the documents, the clients' tokens and the seed, from which session secrets follow.**
//!
//! # The format
//!
//! A sequence of CBOR byte strings, each of which is one [`Record`]: a sequence of CBOR items, of which the first is the
//! record's kind and the others are its fields, in the order in which [`Record`] lists them. The first record, and no
//! other, says how the engine was set up; the first of its fields are `"crdt-socket-sync recording"` and the number of this
//! format, 2.
//!
//! | field | items |
//! |---|---|
//! | a number, a link, a document, a ticket | an unsigned integer |
//! | yes or no | 0 or 1 |
//! | a frame, a token, a stored change | a byte string |
//! | a text | a text string |
//! | the time | microseconds, and milliseconds of the wall clock |
//! | a replica id, an epoch, a seed | a byte string of 8, 16 or 32 bytes |
//! | a change | a byte string: [`Change::encode`] |
//! | a list | an array |
//! | something that may be missing | `null`, or it |
//! | a reason | its code, a text |
//! | [`Transmit`] | the frame; or the reason |
//! | [`StoreRequest`] | 0, the ticket and the name; or 1, the ticket, the name, `after`, the changes, the epoch and the one it replaces |
//! | what a store answered | 0 and the document, which is its stored changes and its epoch; 1 if it has written; 2 or 3 and a text if it is unavailable or the document damaged |
//! | [`Limits`] | an array of its fields, durations in nanoseconds |
//!
//! A process that was killed leaves a file whose last byte string may be cut short. [`Records`] reads up to there.
//!
//! [`Client::poll_record`]: crate::Client::poll_record
//! [`Server::poll_record`]: crate::Server::poll_record

mod field;

use std::fmt;

use bytes::Bytes;

use crate::{
    causal::{Change, ChangeLog, LogPosition},
    codec::{Reader, Writer},
    error::{Malformed, Reason, StoreFault},
    id::{DocId, Epoch, LinkId, OpId, ReplicaId, Ticket},
    limits::Limits,
    rng::Seed,
    session::Transmit,
    store::{StoreReply, StoreRequest},
    time::Now,
    wire::Access,
};
use field::Field;

/// What a server and a client are both set up with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The bounds it keeps.
    pub limits: Limits,
    /// Where its random numbers come from.
    pub seed: Seed,
}

macro_rules! records {
    ($($(#[doc = $doc:literal])+ $kind:literal $name:ident($($field:ident: $type:ty),*);)*) => {
        /// One call of an engine: which, with which arguments, and what came of it if the engine hands anything out.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum Record {
            $($(#[doc = $doc])+ $name($($type),*),)*
        }

        impl Record {
            fn write(&self, writer: &mut Writer) {
                match self {
                    $(Self::$name($($field),*) => {
                        writer.uint($kind);
                        $($field.write(writer);)*
                    })*
                }
            }

            fn read(reader: &mut Reader) -> Result<Self, Malformed> {
                match reader.uint("the kind of a record")? {
                    $($kind => Ok(Self::$name($(<$type>::read(reader)?),*)),)*
                    _ => Err(reader.fault("a kind of record that is known")),
                }
            }
        }
    };
}

records! {
    /// A client begins: how it is set up, its token, and whether it has a store of its own.
    0 Client(setup: Setup, token: Bytes, persist: bool);
    /// A server begins: how it is set up, and whether the application decides who comes in.
    1 Server(setup: Setup, asks: bool);

    /// `link_up`.
    2 LinkUp(now: Now);
    /// `receive`: a frame.
    3 Receive(now: Now, link: LinkId, frame: Bytes);
    /// `link_down`: why.
    4 LinkDown(now: Now, link: LinkId, why: String);
    /// `stored`: what the store has answered.
    5 Stored(now: Now, ticket: Ticket, outcome: Result<StoreReply, StoreFault>);
    /// `timeout`.
    6 Timeout(now: Now);
    /// `poll_transmit`, and what is to be sent.
    7 Transmit(now: Now, link: LinkId, transmit: Option<Transmit>);
    /// `poll_store`, and what the store is to do.
    8 Store(request: Option<StoreRequest>);

    /// A client's `connect`.
    9 Connect();
    /// A client's `disconnect`.
    10 Disconnect(now: Now);
    /// A client's `open`: the name, who the replica writes as, its epoch, and its changes, those that wait for others last.
    11 Open(name: String, replica: Option<ReplicaId>, epoch: Option<Epoch>, changes: Vec<Change>);
    /// A client's `update`, or `edit`: the epoch after it, and the changes that are new, those that wait for others last.
    12 Update(doc: DocId, epoch: Option<Epoch>, changes: Vec<Change>);
    /// A client's `merge`: the changes, up to the first that was at fault.
    13 Merge(doc: DocId, changes: Vec<Change>);
    /// A client's `leave`.
    14 Leave(doc: DocId);
    /// A client's `adopt`.
    15 Adopt(doc: DocId);
    /// A client's `poll_dial`, and whether it is to dial.
    16 Dial(due: bool);
    /// A client's `dial_failed`: why.
    17 DialFailed(now: Now, why: String);
    /// A client's `dial_refused`.
    18 DialRefused(now: Now, reason: Reason);

    /// A server's `admit`: whose knock was answered.
    19 Admit(link: LinkId);
    /// A server's `refuse`.
    20 Refuse(link: LinkId, reason: Reason);
    /// A server's `grant`: the [number](crate::server::JoinRequest::number) of the request.
    21 Grant(now: Now, request: u64, access: Access);
    /// A server's `deny`.
    22 Deny(request: u64, reason: Reason);
    /// A server's `close`.
    23 Close(now: Now, link: LinkId, reason: Reason);
    /// A server's `shutdown`.
    24 Shutdown();
    /// A server's `poll_ready`, and the link.
    25 Ready(link: Option<LinkId>);
}

impl Record {
    /// Its bytes, as they stand in a recording.
    fn encode(&self) -> Bytes {
        let mut fields = Writer::new();
        self.write(&mut fields);
        let mut record = Writer::new();
        record.bytes(&fields.finish());
        record.finish()
    }

    fn decode(fields: Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(fields);
        let record = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(record)
    }

    /// When it was, if it was told the time.
    pub fn now(&self) -> Option<Now> {
        match self {
            Self::LinkUp(now)
            | Self::Receive(now, ..)
            | Self::LinkDown(now, ..)
            | Self::Stored(now, ..)
            | Self::Timeout(now)
            | Self::Transmit(now, ..)
            | Self::Disconnect(now)
            | Self::DialFailed(now, _)
            | Self::DialRefused(now, _)
            | Self::Grant(now, ..)
            | Self::Close(now, ..) => Some(*now),
            _ => None,
        }
    }
}

/// Bytes in a recording that are no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("record {index}, which begins at byte {begin}, cannot be read: not {what}")]
pub struct RecordFault {
    /// Which record, from zero.
    pub index: usize,
    /// Where in the recording it begins.
    pub begin: usize,
    /// What was expected in it.
    pub what: &'static str,
}

/// Reads a recording, record by record, each with the bytes that it was read from. Ends after the last whole record,
/// and after one that is at fault.
#[derive(Clone, Debug)]
pub struct Records {
    bytes: Bytes,
    index: usize,
    begin: usize,
    cut: bool,
}

impl Records {
    /// The records of a recording.
    pub fn new(bytes: Bytes) -> Self {
        Self { bytes, index: 0, begin: 0, cut: false }
    }

    /// Whether the recording has ended in the middle of a record: whoever wrote it was killed.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

impl Iterator for Records {
    type Item = Result<(Bytes, Record), RecordFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.slice(self.begin..);
        let begins_well = matches!(rest.first()?, 0x40..=0x5b);
        let mut reader = Reader::new(rest.clone());
        let read = match reader.bytes("a byte string") {
            // There is a length, or the beginning of one, and there are fewer bytes than that.
            Err(_) if begins_well => {
                self.cut = true;
                self.begin = self.bytes.len();
                return None;
            }
            read => read.and_then(Record::decode),
        };
        let whole = rest.slice(..rest.len() - reader.left());
        let (index, begin) = (self.index, self.begin);
        self.index += 1;
        self.begin = if read.is_ok() { begin + whole.len() } else { self.bytes.len() };
        Some(read.map(|record| (whole, record)).map_err(|fault| RecordFault { index, begin, what: fault.what }))
    }
}

/// Where an engine notes its calls, if it is told to.
pub(crate) struct Recorder(Option<Vec<u8>>);

impl Recorder {
    /// Begins with how the engine is set up.
    pub(crate) fn new(record: bool, setup: impl FnOnce() -> Record) -> Self {
        let mut recorder = Self(record.then(Vec::new));
        recorder.note(setup);
        recorder
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Notes a call; costs nothing if nobody wants to know.
    pub(crate) fn note(&mut self, record: impl FnOnce() -> Record) {
        if let Some(out) = &mut self.0 {
            out.extend_from_slice(&record().encode());
        }
    }

    /// What was noted since the last time, if anything was.
    pub(crate) fn poll(&mut self) -> Option<Bytes> {
        let out = self.0.as_mut().filter(|out| !out.is_empty())?;
        Some(std::mem::take(out).into())
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Recorder(on)" } else { "Recorder(off)" })
    }
}

/// What a log holds at some moment.
#[derive(Default)]
pub(crate) struct Held {
    end: LogPosition,
    waiting: Vec<OpId>,
}

impl Held {
    pub(crate) fn by(log: &ChangeLog) -> Self {
        Self { end: log.end(), waiting: log.changes_waiting().map(Change::id).collect() }
    }

    /// What has come to the log since then: first what is in it, then what waits for others.
    pub(crate) fn added(&self, log: &ChangeLog) -> Vec<Change> {
        let waiting = log.changes_waiting().filter(|change| !self.waiting.contains(&change.id()));
        log.range(self.end.min(log.end())..log.end()).chain(waiting.cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        causal::{Frontier, Hlc},
        error::Code,
        store::{Append, StoredDocument},
        time::{Time, Wall},
    };

    fn change(replica: u64, seq: u64) -> Change {
        let deps = Frontier::from_iter([OpId::new(ReplicaId::new(3), 1)]);
        let (replica, clock) = (ReplicaId::new(replica), Hlc::from_bits(77));
        Change { replica, seq, len: 2, clock, deps, body: Bytes::from_static(b"body") }
    }

    /// At least one record of every kind.
    fn one_of_each() -> Vec<Record> {
        let now = Now::new(Time::from_micros(1_000_000), Wall::from_millis(1_700_000_000_000));
        let setup = Setup { limits: Limits::default(), seed: Seed::from_number(1) };
        let (link, doc, ticket) = (LinkId(1), DocId(2), Ticket(300));
        let (epoch, replica) = (Some(Epoch::new(5)), Some(ReplicaId::new(7)));
        let reason = Reason::new(Code::Forbidden, "no");
        let frame = Bytes::from_static(b"frame");
        let changes = vec![change(1, 0), change(2, 9)];
        let append = Append { name: "page".into(), epoch, replaces: None, after: 4, changes: changes.clone() };
        let stored = StoredDocument { epoch: None, changes: vec![frame.clone()] };
        vec![
            Record::Client(setup.clone(), frame.clone(), true),
            Record::Server(setup, false),
            Record::LinkUp(now),
            Record::Receive(now, link, frame.clone()),
            Record::LinkDown(now, link, "gone".into()),
            Record::Stored(now, ticket, Ok(StoreReply::Loaded(Some(stored)))),
            Record::Stored(now, ticket, Ok(StoreReply::Loaded(None))),
            Record::Stored(now, ticket, Ok(StoreReply::Appended)),
            Record::Stored(now, ticket, Err(StoreFault::Unavailable("full".into()))),
            Record::Stored(now, ticket, Err(StoreFault::Corrupt("torn".into()))),
            Record::Timeout(now),
            Record::Transmit(now, link, Some(Transmit::Frame(frame))),
            Record::Transmit(now, link, Some(Transmit::Close(reason.clone()))),
            Record::Transmit(now, link, None),
            Record::Store(Some(StoreRequest::Load { ticket, name: "page".into() })),
            Record::Store(Some(StoreRequest::Append { ticket, append })),
            Record::Store(None),
            Record::Connect(),
            Record::Disconnect(now),
            Record::Open("page".into(), replica, epoch, changes.clone()),
            Record::Open("page".into(), None, None, Vec::new()),
            Record::Update(doc, epoch, changes.clone()),
            Record::Merge(doc, changes),
            Record::Leave(doc),
            Record::Adopt(doc),
            Record::Dial(true),
            Record::DialFailed(now, "no route".into()),
            Record::DialRefused(now, reason.clone()),
            Record::Admit(link),
            Record::Refuse(link, reason.clone()),
            Record::Grant(now, 6, Access::Read),
            Record::Deny(6, reason.clone()),
            Record::Close(now, link, reason),
            Record::Shutdown(),
            Record::Ready(Some(link)),
            Record::Ready(None),
        ]
    }

    fn recording() -> Bytes {
        one_of_each().iter().flat_map(Record::encode).collect()
    }

    #[test]
    fn every_record_is_read_as_it_was_written() {
        let mut records = Records::new(recording());
        for written in one_of_each() {
            let (bytes, read) = records.next().expect("one more").expect("a record");
            assert_eq!(bytes, written.encode());
            assert_eq!(format!("{read:?}"), format!("{written:?}"));
            assert_eq!(read.encode(), bytes);
        }
        assert!(records.next().is_none() && !records.is_cut());
    }

    #[test]
    fn a_recording_that_ends_anywhere_is_read_up_to_its_last_whole_record() {
        let whole = recording();
        let ends: Vec<_> = Records::new(whole.clone())
            .scan(0, |end, read| {
                *end += read.expect("a record").0.len();
                Some(*end)
            })
            .collect();
        for len in 0..whole.len() {
            let mut records = Records::new(whole.slice(..len));
            let read = records.by_ref().filter(Result::is_ok).count();
            assert_eq!(read, ends.iter().filter(|end| **end <= len).count());
            assert_eq!(records.is_cut(), len > 0 && !ends.contains(&len), "{len}");
        }
    }

    #[test]
    fn a_byte_that_is_wrong_is_never_more_than_a_fault_that_names_its_record() {
        let whole = recording();
        let count = one_of_each().len();
        for at in 0..whole.len() {
            for wrong in [0x00, 0x1b, 0x5f, 0x7f, 0x9b, 0xff] {
                let mut bytes = whole.to_vec();
                bytes[at] = wrong;
                let faults: Vec<_> = Records::new(bytes.into()).filter_map(Result::err).collect();
                assert!(faults.len() <= 1);
                assert!(faults.iter().all(|fault| fault.index < count && fault.begin <= at), "{faults:?}");
            }
        }
        let fault = Records::new(Bytes::from_static(b"\x41\x09not a recording")).last().expect("an end");
        let fault = fault.expect_err("no record").to_string();
        assert_eq!(fault, "record 1, which begins at byte 2, cannot be read: not a byte string");
    }
}
