//! This project's document.
//!
//! Replica ids are 64 random bits and written as such, where the peers are given small numbers. The wall clock stands
//! still, because the peers carry no time by default. Nothing is reported, because of the peers nothing is asked either.

use bytes::Bytes;
use crdt_socket_sync::{Change, Document, Limits, Replica, ReplicaId, VersionVector, Wall, document::EditError};

use crate::library::{Edit, Family, Library, Measure, Setup, Shown};

const NAME: &str = "content";

/// One of the two ways to write all history down.
const BLOCK: &str = "block";

pub(crate) struct Ours {
    document: Document,
    block: bool,
    limits: Limits,
}

impl Ours {
    fn change(&mut self, edit: Edit) -> Option<Change> {
        let edited = self.document.edit(Wall::from_millis(1_700_000_000_000), |txn| {
            match edit {
                Edit::Splice { at, deleted, inserted } => txn.text(NAME).replace(at, deleted, inserted)?,
                Edit::Set { key, value } => txn.map(NAME).set(key, &value)?,
                Edit::Add { member } => txn.or_set(NAME).add(&member)?,
                Edit::Remove { member } => txn.or_set(NAME).remove(&member)?,
                Edit::Insert { at, value } => txn.list(NAME).insert(at, &value)?,
            }
            Ok::<_, EditError>(())
        });
        edited.expect("the edit fits the document").change
    }
}

impl Library for Ours {
    const NAME: &'static str = "crdt-socket-sync";
    type Change = Bytes;
    type Version = VersionVector;

    fn ways(measure: Measure, family: Family) -> &'static [&'static str] {
        match (measure, family) {
            (Measure::Full | Measure::Load, _) => &["snapshot", BLOCK],
            _ => &[""],
        }
    }

    fn new(setup: Setup<'_>) -> Self {
        // Spreads small numbers over all 64 bits.
        let replica = ReplicaId::new(setup.replica.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut limits = Limits::default();
        (limits.change_bytes, limits.replicas) = (usize::MAX, usize::MAX);
        let mut document = Document::new(replica);
        document.set_change_limit(limits.change_bytes);
        document.set_reporting(false);
        Self { document, block: setup.way == BLOCK, limits }
    }

    fn edit(&mut self, edit: Edit) {
        self.change(edit);
    }

    fn edit_encoded(&mut self, edit: Edit) -> Bytes {
        self.change(edit).expect("every edit of a case edits").encode()
    }

    fn receive(&mut self, change: &[u8]) {
        if change.starts_with(b"CSSb") {
            let block = Bytes::copy_from_slice(change);
            self.document.import(block, &self.limits).expect("the changes fit the document");
            return;
        }
        let change = Change::decode(Bytes::copy_from_slice(change)).expect("it has just been encoded");
        self.document.receive(change, &self.limits).expect("the change fits the document");
    }

    fn shown(&mut self, family: Family) -> Shown {
        match family {
            Family::Text => Shown::Text(self.document.text(NAME).to_string()),
            Family::Map => Shown::Map(
                self.document.map(NAME).iter().map(|(key, value)| (key.to_owned(), value.expect("a number"))).collect(),
            ),
            Family::Set => {
                Shown::Set(self.document.or_set(NAME).iter().map(|member| member.expect("a text")).collect())
            }
            Family::List => {
                Shown::List(self.document.list(NAME).iter().map(|value| value.expect("a number")).collect())
            }
        }
    }

    fn full(&mut self) -> Vec<u8> {
        let all = VersionVector::new();
        let full = if self.block { self.document.export(&all) } else { self.document.full_snapshot() };
        full.expect("all history is here").to_vec()
    }

    fn state_only(&mut self) -> Vec<u8> {
        self.document.snapshot().to_vec()
    }

    fn load(setup: Setup<'_>, bytes: &[u8]) -> Self {
        let mut ours = Self::new(setup);
        if bytes.starts_with(b"CSSb") {
            ours.receive(bytes);
            return ours;
        }
        let bytes = Bytes::copy_from_slice(bytes);
        let replica = ours.document.replica_id();
        ours.document = Document::from_snapshot(replica, bytes, &ours.limits).expect("it has just been written");
        ours.document.set_reporting(false);
        ours
    }

    fn version(&mut self) -> VersionVector {
        self.document.log().version().clone()
    }

    fn since(&mut self, version: &VersionVector) -> Vec<u8> {
        self.document.export(version).expect("all history is here").to_vec()
    }
}
