//! Blocks: what a log or a document may be given to import, and what it exports.

use bytes::Bytes;
use crdt_socket_sync::{
    Change, ChangeLog, Document, Limits, Replica, ReplicaId, VersionVector, causal::Hlc, document::BlockFault,
};
use flate2::read::DeflateDecoder;

use super::{MOST_BYTES, agree_with_the_twin, history, pieces};
use crate::{
    blocks::{hold, session},
    view::Patched,
};

/// More strokes of a session are not looked at.
const MOST_STROKES: usize = 40;

/// Any bytes are a block or a typed error, and whatever is in a block, a document takes it in as if it had come change by
/// change. What is exported comes back.
///
/// With 0 as the first byte the rest is a block; with 1 what stands in a block behind its checksum, which fits; with 2 what
/// people type; with 3 bodies of changes, each after a byte for its writer and one for its length.
///
/// # Panics
///
/// If that does not hold.
pub fn block(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    match first % 4 {
        0 => import(Bytes::copy_from_slice(rest)),
        1 => import(sealed(rest)),
        2 => {
            let made = session(&rest[..rest.len().min(MOST_STROKES)]);
            let (had, mid) = (made.len() / 3, made.len() - made.len() / 4);
            hold(&made, if first & 4 == 0 { 0 } else { had }, mid);
        }
        _ => {
            let made = bodies(rest);
            hold(&made, if first & 4 == 0 { 0 } else { made.len() / 2 }, made.len());
        }
    }
}

/// A block around what is behind its checksum.
fn sealed(packed: &[u8]) -> Bytes {
    let mut sum = flate2::Crc::new();
    sum.update(packed);
    [b"CSSb\x01", &sum.sum().to_be_bytes()[..], packed].concat().into()
}

/// Changes with any bodies.
fn bodies(bytes: &[u8]) -> Vec<Change> {
    let mut log = ChangeLog::new();
    for piece in pieces(bytes) {
        let Some((&[writer, len], body)) = piece.split_first_chunk() else { continue };
        let replica = ReplicaId::new(u64::from(writer % 4) + 2);
        let deps = log.frontier().iter().filter(|head| head.replica != replica);
        let deps = if writer & 4 == 0 { deps.collect() } else { deps.take(1).collect() };
        let clock = Hlc::from_bits(log.clock().bits() + u64::from(len) * 30 + 1);
        let seq = log.version().next(replica);
        let body = Bytes::copy_from_slice(&body[..body.len().min(MOST_BYTES)]);
        let change = Change { replica, seq, len: u64::from(len % 8) + 1, clock, deps, body };
        log.receive(change, &Limits::default()).expect("a good header");
    }
    log.iter().collect()
}

fn import(block: Bytes) {
    let mut limits = Limits::default();
    (limits.block_changes, limits.block_bytes) = (200, 20_000);
    let made = history();
    let mut document = Document::from_changes(ReplicaId::new(3), None, made[..made.len() / 2].to_vec(), &limits)
        .expect("good headers");
    let mut log = document.log().clone();
    let mut view = Patched::default();
    document.log().iter().for_each(|_| ());
    let before = document.log().end();
    let outcome = document.import(block.clone(), &limits);
    assert_eq!(log.import(block, &limits), outcome);
    assert_eq!(log.version(), document.log().version());
    document.check().expect("sound inside");
    if !matches!(outcome, Ok(_) | Err(BlockFault::Change(_))) {
        assert_eq!(document.log().end(), before);
        return;
    }
    assert!(document.log().end() <= before + limits.block_changes);
    agree_with_the_twin(&document);
    let limits = Limits::default();
    let changes = document.log().iter();
    let mut twin = Document::new(ReplicaId::new(3));
    changes.for_each(|change| drop(twin.receive(change, &limits).expect("what one log took, another takes")));
    view.follow(&mut twin);
    assert_eq!(twin.digest(), document.digest());
    let mut again = ChangeLog::new();
    again.import(document.export(&VersionVector::new()).expect("all is kept"), &limits).expect("what was exported");
    assert!(again.iter().eq(document.log().iter()));
}

/// How many columns each section of a block has.
const SECTIONS: [usize; 4] = [7, 7, 2, 14];
/// A column of as many bytes stands by itself.
const LONG: usize = 512;

/// A block with its sections inflated, as what stands behind its checksum: something to be mutated.
fn inflated(block: &[u8]) -> Vec<u8> {
    let mut rest = &block[9..];
    let mut out = Vec::new();
    copy_number(&mut rest, &mut out);
    copy_number(&mut rest, &mut out);
    for columns in SECTIONS {
        if copy_number(&mut rest, &mut out) == 0 {
            continue;
        }
        let lens: Vec<_> = (0..columns).map(|_| copy_number(&mut rest, &mut out)).collect();
        let long = lens.iter().copied().filter(|len| *len >= LONG);
        let short: usize = lens.iter().filter(|len| **len < LONG).sum();
        for len in long.chain((short > 0).then_some(short)) {
            let kept = copy_number(&mut rest, &mut Vec::new());
            let (stream, after) = rest.split_at(kept);
            rest = after;
            let mut whole = stream.to_vec();
            if len != kept {
                whole.clear();
                std::io::Read::read_to_end(&mut DeflateDecoder::new(stream), &mut whole).expect("a section");
            }
            push_number(len, &mut out);
            out.extend(whole);
        }
    }
    assert!(rest.is_empty(), "a block has other sections");
    out
}

fn copy_number(rest: &mut &[u8], out: &mut Vec<u8>) -> usize {
    let len = rest.iter().take_while(|byte| **byte >= 0x80).count() + 1;
    let (digits, after) = rest.split_at(len);
    *rest = after;
    out.extend_from_slice(digits);
    digits.iter().rev().fold(0, |number, digit| number << 7 | usize::from(digit & 0x7f))
}

fn push_number(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Real blocks, as they are and to be mutated; strokes; bodies of every kind.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let of = |made: &[Change], since: usize| {
        let mut log = ChangeLog::new();
        let mut version = VersionVector::new();
        for (number, change) in made.iter().enumerate() {
            log.receive(change.clone(), &Limits::default()).expect("a good header");
            if number < since {
                version = log.version().clone();
            }
        }
        log.export(&version).expect("all is kept")
    };
    let strokes = |seed: u64| {
        let mut dice = crate::Dice::new(seed);
        (0..MOST_STROKES).map(|_| dice.byte()).collect::<Vec<_>>()
    };
    let made = history();
    let typed = session(&strokes(1)[..12]);
    let blocks = [of(&made, 0), of(&made, made.len() / 2), of(&typed, 0), of(&typed, typed.len() / 2)];
    let whole = blocks.iter().map(|block| [&[0], &block[..]].concat());
    let open = blocks.iter().map(|block| [&[1], &inflated(block)[..]].concat());
    let sessions = (0..8).map(|seed| [&[2 | (seed as u8 & 1) << 2], &strokes(seed)[..]].concat());
    let bodies = [3, 7].map(|first| {
        let pieces: Vec<_> =
            made.iter().map(|change| [&[change.seq as u8, change.len as u8 - 1], &change.body[..]].concat()).collect();
        super::assemble(first, pieces.iter().map(|piece| &piece[..]))
    });
    whole.chain(open).chain(sessions).chain(bodies).collect()
}
