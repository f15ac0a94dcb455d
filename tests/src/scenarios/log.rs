//! What a log of changes promises.

use crate::short::document::{document, write};
use crate::short::log::{appended, change, heads, op, receive};
use bytes::Bytes;
use crdt_socket_sync::{
    Change, ChangeLog, Document, Limits, ReplicaId, VersionVector,
    causal::Received,
    document::{BlockFault, Imported},
    error::ChangeFault,
};

fn log_of(changes: &[Change]) -> ChangeLog {
    let mut log = ChangeLog::new();
    for (index, change) in changes.iter().enumerate() {
        assert_eq!(receive(&mut log, change), appended(index, index + 1));
    }
    log
}

/// What a change depends on is no head of the history any more.
pub fn a_chain_has_one_head_and_a_fork_has_both() {
    let mut log = log_of(&[0, 1, 2].map(|seq| change(1, seq, 1, seq + 1, &[])));
    assert_eq!(*log.frontier(), heads(&[(1, 2)]));
    assert_eq!(receive(&mut log, &change(2, 0, 1, 3, &[(1, 1)])), appended(3, 4));
    assert_eq!(*log.frontier(), heads(&[(1, 2), (2, 0)]));
    assert_eq!(receive(&mut log, &change(3, 0, 1, 9, &[(1, 2), (2, 0)])), appended(4, 5));
    assert_eq!(*log.frontier(), heads(&[(3, 0)]));
    assert_eq!(log.writers(), [1, 2, 3].map(ReplicaId::new));
}

/// Two writers with one replica id.
pub fn a_change_that_contradicts_one_that_is_here_is_refused_however_it_does_so() {
    let mut log = log_of(&[change(1, 0, 3, 1, &[]), change(1, 3, 1, 2, &[])]);
    let contradiction = |seq| Err(ChangeFault::Contradiction { id: op(1, seq) });
    let mut other_body = change(1, 3, 1, 2, &[]);
    other_body.body = Bytes::from_static(b"other");
    assert_eq!(receive(&mut log, &other_body), contradiction(3));
    assert_eq!(receive(&mut log, &change(1, 3, 2, 2, &[])), contradiction(3), "another length");
    assert_eq!(receive(&mut log, &change(1, 3, 1, 7, &[])), contradiction(3), "another clock");
    assert_eq!(receive(&mut log, &change(1, 1, 1, 1, &[])), contradiction(1), "inside another one");
    assert_eq!(receive(&mut log, &change(1, 2, 9, 1, &[])), contradiction(2), "over the end");
    assert_eq!((log.end(), log.waiting().0), (2, 0));
}

/// A clock tells what came before what.
pub fn a_clock_that_is_not_after_a_dependencys_is_refused_at_once_or_when_the_dependency_comes() {
    let behind = |replica, seq| ChangeFault::ClockBehind { id: op(replica, seq) };
    let mut log = log_of(&[change(1, 0, 1, 10, &[])]);
    assert_eq!(receive(&mut log, &change(1, 1, 1, 10, &[])), Err(behind(1, 1)));
    assert_eq!(receive(&mut log, &change(2, 0, 1, 9, &[(1, 0)])), Err(behind(2, 0)));
    assert_eq!(receive(&mut log, &change(3, 1, 1, 4, &[])), Ok(Received::Waiting));
    let first = change(3, 0, 1, 4, &[]);
    assert_eq!(receive(&mut log, &first), Ok(Received::Appended { positions: 1..2, refused: vec![behind(3, 1)] }));
    assert_eq!(log.version(), &VersionVector::from_iter([(ReplicaId::new(1), 1), (ReplicaId::new(3), 1)]));
}

/// What waits for something that may never come takes only so much room.
pub fn what_waits_is_bounded_by_number_and_by_size_and_what_is_ready_is_not() {
    let mut limits = Limits::default();
    (limits.waiting_changes, limits.waiting_bytes) = (2, 100);
    let mut log = ChangeLog::new();
    let sized = |replica, bytes| Change { body: vec![0; bytes].into(), ..change(replica, 1, 1, 2, &[]) };
    let over = |replica, what, limit| Err(ChangeFault::OverLimit { id: op(replica, 1), what, limit });
    assert_eq!(log.receive(sized(1, 60), &limits), Ok(Received::Waiting));
    assert_eq!(log.receive(sized(2, 41), &limits), over(2, "bytes of waiting changes", 100));
    assert_eq!(log.receive(sized(2, 40), &limits), Ok(Received::Waiting));
    assert_eq!(log.receive(sized(3, 0), &limits), over(3, "waiting changes", 2));
    assert_eq!(log.waiting(), (2, 100));
    assert_eq!(log.receive(change(3, 0, 1, 1, &[]), &limits), appended(0, 1));
    assert_eq!(log.receive(change(1, 0, 1, 1, &[]), &limits), appended(1, 3));
    assert_eq!(log.waiting(), (1, 40));
    assert_eq!(log.receive(sized(3, 0), &limits), appended(3, 4));
}

/// A document has only so many writers.
pub fn writers_are_bounded_and_those_who_are_in_go_on() {
    let mut limits = Limits::default();
    limits.replicas = 2;
    let mut log = log_of(&[change(1, 0, 1, 1, &[]), change(2, 0, 1, 1, &[])]);
    let over = ChangeFault::OverLimit { id: op(3, 0), what: "writers of one document", limit: 2 };
    assert_eq!(log.receive(change(3, 0, 1, 1, &[]), &limits), Err(over));
    assert_eq!(log.receive(change(2, 1, 1, 2, &[]), &limits), appended(2, 3));
}

/// What cannot be read of a block, or is too much, leaves no trace; what contradicts only what is behind it.
pub fn a_block_that_is_damaged_or_too_large_changes_nothing_and_one_that_contradicts_only_what_is_before_that() {
    let limits = Limits::default();
    let long = |replica, seq| Change { body: vec![b'x'; 500].into(), ..change(replica, seq, 1, seq + 1, &[]) };
    let block = log_of(&[long(1, 0), long(1, 1), long(2, 0)]).export(&VersionVector::new()).expect("all is kept");
    let mut log = ChangeLog::new();
    let mut damaged = block.to_vec();
    // The last digit of how many bytes there are.
    damaged[11] ^= 1;
    assert_eq!(log.import(damaged.into(), &limits), Err(BlockFault::Damaged));
    let mut few = Limits::default();
    few.block_changes = 2;
    let over = |what, limit| Err(BlockFault::OverLimit { what, limit });
    assert_eq!(log.import(block.clone(), &few), over("changes in a block", 2));
    (few.block_changes, few.block_bytes) = (3, 1_000);
    assert_eq!(log.import(block.clone(), &few), over("bytes in a block", 1_000));
    assert!(log.is_empty());

    let mut log = log_of(&[change(2, 0, 1, 1, &[])]);
    let contradiction = BlockFault::Change(ChangeFault::Contradiction { id: op(2, 0) });
    assert_eq!(log.import(block.clone(), &limits), Err(contradiction));
    assert_eq!((log.end(), log.version().next(ReplicaId::new(1))), (3, 2));

    // What of it is here already is recognised, and what waits for more is not lost.
    let mut log = log_of(&[long(1, 0)]);
    let imported = log.import(block.clone(), &limits).expect("a block");
    assert_eq!(imported, Imported { positions: 1..3, duplicates: 1, ..Imported::default() });
    let mut log = ChangeLog::new();
    let rest = log_of(&[long(1, 0), long(1, 1)])
        .export(&VersionVector::from_iter([(ReplicaId::new(1), 1)]))
        .expect("all is kept");
    let imported = log.import(rest, &limits).expect("a block");
    assert_eq!(imported, Imported { waiting: 1, ..Imported::default() });
    assert_eq!(log.import(block, &limits).expect("a block").positions, 0..3);

    // So is what comes before something of somebody else that it depends on, and goes on where nothing is missing.
    let heard = change(2, 0, 1, 9, &[(1, 0)]);
    let rest = log_of(&[long(1, 0), heard]).export(&VersionVector::from_iter([(ReplicaId::new(1), 1)]));
    let mut log = ChangeLog::new();
    let imported = log.import(rest.expect("all is kept"), &limits).expect("a block");
    assert_eq!((imported, log.end()), (Imported { waiting: 1, ..Imported::default() }, 0));
}

/// What a document does not keep, because it began with a snapshot, is in no block of it.
pub fn a_block_is_made_only_if_all_that_is_asked_for_is_kept() {
    let mut ann = document(1);
    write(&mut ann, 0, "abc");
    let snapshot = ann.snapshot();
    let mut bob = Document::from_snapshot(ReplicaId::new(2), snapshot, &Limits::default()).expect("a snapshot");
    let covered = bob.log().version().clone();
    write(&mut bob, 3, "d");
    assert_eq!(bob.export(&VersionVector::new()), None);
    let block = bob.export(&covered).expect("that is kept");
    ann.import(block, &Limits::default()).expect("a block");
    assert_eq!(ann.text("text"), "abcd");
}
