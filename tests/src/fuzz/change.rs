//! Changes: what a document may be given, whatever is in it.

use bytes::Bytes;
use crdt_socket_sync::{Change, Document, Limits, Replica, ReplicaId, Wall, causal::Hlc, document::EditError};

use super::{MOST_BYTES, agree_with_the_twin, assemble, history, pieces};
use crate::view::shown;

/// A document takes in any changes, stays sound, shows what the naive twin shows, and so does one that takes in what it
/// has in another order.
///
/// A piece that begins with 0 is a change as it stands. With 1 it is a body, after a byte for the writer and one for the
/// length, and with 2 what is written into a real body, after the same bytes and two for which and where: these get a
/// header that fits.
///
/// # Panics
///
/// If it does not.
pub fn change(bytes: &[u8]) {
    let made = history();
    let limits = Limits::default();
    let mut document = Document::from_changes(ReplicaId::new(3), None, made.clone(), &limits).expect("good headers");
    for piece in pieces(bytes) {
        let Some(change) = read_change(&piece[..piece.len().min(MOST_BYTES)], &made, &document) else { continue };
        // What can be part of no history is refused with an error, and changes nothing.
        let before = document.digest();
        if document.receive(change, &limits).is_err() {
            assert_eq!(document.digest(), before);
        }
        document.check().expect("sound inside");
    }
    match document.edit(Wall::from_millis(9), |txn| txn.text("text").push_str("!")) {
        Ok(_) | Err(EditError::Exhausted) => {}
        Err(error) => panic!("an edit after it all: {error}"),
    }
    document.check().expect("sound inside");
    agree_with_the_twin(&document);

    let mut reversed = Document::new(ReplicaId::new(4));
    for change in document.log().iter().collect::<Vec<_>>().iter().rev() {
        reversed.receive(change.clone(), &limits).expect("what one log took, another takes");
    }
    reversed.check().expect("sound inside");
    assert_eq!(reversed.log().version(), document.log().version());
    assert_eq!(reversed.log().frontier(), document.log().frontier());
    assert_eq!(shown(&reversed), shown(&document));
    assert_eq!(reversed.digest(), document.digest());
}

fn read_change(piece: &[u8], made: &[Change], document: &Document) -> Option<Change> {
    let (kind, rest) = piece.split_first()?;
    if kind % 3 == 0 {
        return Change::decode(Bytes::copy_from_slice(rest)).ok();
    }
    let (&[writer, len], rest) = rest.split_first_chunk()?;
    let replica = ReplicaId::new(u64::from(writer % 4) + 2);
    let log = document.log();
    let (mut len, mut body) = (u64::from(len), rest.to_vec());
    if kind % 3 == 2 {
        let (&[which, at], rest) = rest.split_first_chunk()?;
        let real = &made[usize::from(which) % made.len()];
        (len, body) = (real.len, real.body.to_vec());
        let at = usize::from(at) % body.len();
        body.truncate(at);
        body.extend_from_slice(rest);
        body.extend_from_slice(real.body.get(body.len()..).unwrap_or_default());
    }
    let clock = Hlc::from_bits(log.clock().bits().saturating_add(1));
    let deps = log.frontier().iter().filter(|head| head.replica != replica).collect();
    Some(Change { replica, seq: log.version().next(replica), len, clock, deps, body: body.into() })
}

/// Two letters, the second of which says again what it writes to, or does not go on although it could.
const LONG_FORMS: [&[u8]; 3] = [
    &[0x00, 0, 0, 0, 1, b't', 0, 0, b'a', 0x00, 0, 2, 0, b'b'],
    &[0x00, 0, 0, 0, 1, b't', 0, 0, b'a', 0x00, 0, 0, 0, b'b'],
    &[0x00, 0, 0, 0, 1, b't', 0, 0, b'a', 0x40, 2, 0, b'b'],
];

/// Real changes, real bodies, patches to them, and what could be said in fewer bytes.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let made = history();
    let alone = made.iter().map(|change| [&[0], &change.encode()[..]].concat());
    let bodies = made.iter().map(|change| [&[1, 0, change.len as u8], &change.body[..]].concat());
    let patches = (0..8).map(|at| vec![2, 1, 1, at, at * 9, 0x20, 0x01]);
    let long = LONG_FORMS.iter().map(|body| [&[1, 2, 2], *body].concat());
    let pieces: Vec<_> = alone.chain(bodies).chain(patches).chain(long).collect();
    let some = |some: &[Vec<u8>]| assemble(some[0][0], some.iter().map(|piece| &piece[..]))[1..].to_vec();
    pieces.chunks(5).map(some).collect()
}
