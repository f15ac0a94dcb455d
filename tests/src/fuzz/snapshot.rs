//! Snapshots: what a document may be made of, whatever is in it.

use std::io::Read;

use bytes::Bytes;
use crdt_socket_sync::{
    Document, Limits, Replica, ReplicaId, Wall,
    document::{EditError, SnapshotFault},
};
use flate2::{Crc, read::DeflateDecoder};

use super::history;
use crate::{Dice, exchange::Program, view::shown};

/// Magic, format, kind and checksum.
const PREFIX: usize = 10;
/// Kinds: a state, and a state with all changes.
const STATE: u8 = 0;
const FULL: u8 = 1;
/// More than any of these takes that was written, and less than one can claim.
const MOST: usize = 1 << 20;

/// Any bytes are a snapshot or a typed error; and what is read is sound, can be edited, takes in changes, and is written
/// again as what reads the same.
///
/// They are tried as they are, and with the checksum that they should have before them.
///
/// # Panics
///
/// If they do not hold.
pub fn snapshot(bytes: &[u8]) {
    let mut limits = Limits::default();
    limits.snapshot_bytes = MOST;
    drop(read(Bytes::copy_from_slice(bytes), &limits));
    drop(read(sealed(FULL, bytes), &limits));
    packed_behind_a_state(bytes, &limits);
    taken_in(sealed(STATE, bytes), &limits);
    let Ok(mut document) = read(sealed(STATE, bytes), &limits) else { return };
    document.check().expect("sound inside");
    let (before, digest) = (shown(&document), document.digest());
    let again = read(document.snapshot(), &Limits::default()).expect("what was just written");
    again.check().expect("sound inside");
    assert_eq!((shown(&again), again.digest()), (before, digest));
    assert_eq!(again.snapshot(), document.snapshot());

    for change in history() {
        // It may be no part of this history.
        drop(document.receive(change, &limits));
        document.check().expect("sound inside");
    }
    let edited = document.edit::<_, EditError>(Wall::from_millis(9), |txn| {
        let len = txn.text("text").len();
        txn.text("text").insert(len / 2, "!")?;
        txn.text("text").delete(0, len / 3)?;
        txn.map("map").set("key", &1)?;
        txn.or_map::<u8>("or-map").counter("nested")?.add(1)?;
        txn.or_set("set").remove(&1)
    });
    if let Err(error) = edited {
        assert!(matches!(error, EditError::Exhausted), "an edit after it all: {error}");
    }
    document.check().expect("sound inside");
}

/// Any bytes are taken in as a snapshot by a document that stays sound, or change nothing of it.
fn taken_in(snapshot: Bytes, limits: &Limits) {
    let mut document = Document::new(ReplicaId::new(9));
    for change in history().into_iter().step_by(2) {
        document.receive(change, limits).expect("a good header");
    }
    let before = (shown(&document), document.digest(), document.snapshot());
    if document.merge_snapshot(snapshot.clone(), limits).is_err() {
        assert_eq!((shown(&document), document.digest(), document.snapshot()), before);
    } else {
        assert_eq!(document.merge_snapshot(snapshot, limits), Ok(false));
    }
    document.check().expect("sound inside");
    for change in history() {
        // It may be no part of this history.
        drop(document.receive(change, limits));
        document.check().expect("sound inside");
    }
    read(document.snapshot(), &Limits::default()).expect("what was just written");
}

/// Any bytes in the place of the changes that are packed behind a state are those changes or a typed error.
fn packed_behind_a_state(bytes: &[u8], limits: &Limits) {
    let mut document = Document::new(ReplicaId::new(9));
    for change in history() {
        document.receive(change, limits).expect("a good header");
    }
    let state = &document.snapshot()[PREFIX..];
    let mut body = Vec::new();
    pack(&mut body, state.len() as u64);
    body.extend(state);
    body.extend(bytes);
    let mut packed = read(sealed(FULL, &body), limits).expect("a good state");
    if packed.recall(limits) == Ok(true) {
        assert_eq!(packed.log().version(), document.log().version());
    }
    packed.check().expect("sound inside");
    assert_eq!(packed.digest(), document.digest());
}

fn read(snapshot: Bytes, limits: &Limits) -> Result<Document, SnapshotFault> {
    Document::from_snapshot(ReplicaId::new(3), snapshot, limits)
}

fn sealed(kind: u8, body: &[u8]) -> Bytes {
    let mut crc = Crc::new();
    crc.update(body);
    let mut snapshot = b"CSSS\x01".to_vec();
    snapshot.push(kind);
    snapshot.extend(crc.sum().to_be_bytes());
    snapshot.extend(body);
    snapshot.into()
}

/// What is behind the checksum, with every part as it is: what is changed in one that is deflated is seldom read.
fn inflated(snapshot: &[u8]) -> Vec<u8> {
    let mut rest = &snapshot[PREFIX..];
    let epoch = 1 + 16 * usize::from(rest[0]);
    rest = &rest[epoch..];
    for _ in 0..number(&mut rest) {
        rest = &rest[8..];
        (0..3).for_each(|_| _ = number(&mut rest));
    }
    let others = number(&mut rest) as usize;
    rest = &rest[8 * others..];
    let mut out = snapshot[PREFIX..snapshot.len() - rest.len()].to_vec();
    while !rest.is_empty() {
        let (len, stored) = (number(&mut rest), number(&mut rest));
        let (part, after) = rest.split_at(stored as usize);
        rest = after;
        let mut whole = part.to_vec();
        if len != stored {
            whole.clear();
            DeflateDecoder::new(part).read_to_end(&mut whole).expect("a part that inflates");
        }
        [len, len].into_iter().for_each(|len| pack(&mut out, len));
        out.extend(whole);
    }
    out
}

fn number(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a number");
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            break;
        }
    }
    number
}

fn pack(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Snapshots of what people wrote, as they are and inflated.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut document = Document::new(ReplicaId::new(9));
    let mut snapshots = vec![document.snapshot()];
    for change in history() {
        document.receive(change, &Limits::default()).expect("a good header");
        snapshots.push(document.snapshot());
    }
    for seed in 0..12 {
        let mut dice = Dice::new(seed);
        let bytes: Vec<u8> = std::iter::once(seed as u8).chain((0..200).map(|_| dice.byte())).collect();
        snapshots.extend(Program::decode(&bytes).snapshots());
    }
    let mut seeds: Vec<_> = snapshots.iter().map(|snapshot| inflated(snapshot)).collect();
    seeds.extend(snapshots.iter().step_by(5).map(|snapshot| snapshot[PREFIX..].to_vec()));
    seeds
}
