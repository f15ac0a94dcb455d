//! What a log of changes promises, one promise a test, and all of them against a naive log.

use std::collections::BTreeSet;

use bytes::Bytes;
use crdt_socket_sync::{
    Change, ChangeLog, Limits, OpId, ReplicaId, VersionVector,
    causal::{Frontier, Hlc, Received},
    error::ChangeFault,
};
use crdt_socket_sync_tests::scenarios;
use crdt_socket_sync_tests::short::log::{appended, change, heads, op, receive};
use proptest::prelude::*;

fn version(entries: &[(u64, u64)]) -> VersionVector {
    entries.iter().map(|(replica, next)| (ReplicaId::new(*replica), *next)).collect()
}

fn log_of(changes: &[Change]) -> ChangeLog {
    let mut log = ChangeLog::new();
    for (index, change) in changes.iter().enumerate() {
        assert_eq!(receive(&mut log, change), appended(index, index + 1));
    }
    log
}

/// One writer's changes of one operation each.
fn chain(len: u64) -> Vec<Change> {
    (0..len).map(|seq| change(1, seq, 1, seq + 1, &[])).collect()
}

/// Acceptance line 10: what is here already is a duplicate, and what lacks something waits for it.
#[test]
fn a_chain_has_one_head_and_a_fork_has_both() {
    scenarios::a_chain_has_one_head_and_a_fork_has_both();
}

/// Acceptance line 11: what two branches share is not searched for in the graph, but the least of what each one has.
#[test]
fn what_two_branches_have_in_common_is_the_least_of_their_versions_and_with_nothing_is_nothing() {
    let trunk = [change(1, 0, 1, 1, &[]), change(1, 1, 1, 2, &[])];
    let (left, right) = (change(1, 2, 1, 3, &[]), change(2, 0, 1, 3, &[(1, 1)]));
    let of = |branch: &Change| log_of(&[trunk[0].clone(), trunk[1].clone(), branch.clone()]);
    let (left, right) = (of(&left), of(&right));
    assert_eq!(right.version(), &version(&[(1, 2), (2, 0), (2, 1)]), "all that came before it");
    assert_eq!(left.version().intersection(right.version()), *log_of(&trunk).version());
    assert_eq!(left.version().intersection(&VersionVector::new()), VersionVector::new());
}

/// Acceptance line 14: what is sent to someone who has part of it, also after more has come.
#[test]
fn what_is_newer_than_a_version_is_found_by_writer_and_stays_right_when_more_comes() {
    let (a1, a2, b1) = (change(1, 0, 1, 1, &[]), change(1, 1, 1, 2, &[]), change(2, 0, 1, 1, &[]));
    let mut log = log_of(&[a1, a2.clone(), b1.clone()]);
    let has_a1 = version(&[(1, 1)]);
    assert_eq!(log.since(&has_a1).collect::<Vec<_>>(), [a2.clone(), b1.clone()]);
    assert_eq!(log.first_missing(&has_a1), 1);
    let a3 = change(1, 2, 4, 3, &[]);
    assert_eq!(receive(&mut log, &a3), appended(3, 4));
    assert_eq!(log.since(&has_a1).collect::<Vec<_>>(), [a2, b1, a3.clone()]);
    assert_eq!(log.since(&version(&[(1, 3), (2, 1)])).collect::<Vec<_>>(), [a3], "a change is sent whole");
    assert_eq!(log.first_missing(&version(&[(1, 6), (2, 1)])), log.end());
}

/// Acceptance line 16.
#[test]
fn a_change_is_taken_in_once() {
    let changes = chain(2);
    let mut log = log_of(&changes);
    assert_eq!(receive(&mut log, &changes[0]), Ok(Received::Duplicate));
    assert_eq!(receive(&mut log, &changes[1]), Ok(Received::Duplicate));
    assert_eq!(log.end(), 2);
}

/// Acceptance line 16: it is kept and the gap is reported.
#[test]
fn a_change_whose_dependency_is_missing_waits_and_shows_nowhere_meanwhile() {
    let mut log = ChangeLog::new();
    let late = change(2, 0, 1, 5, &[(1, 0)]);
    assert_eq!(receive(&mut log, &late), Ok(Received::Waiting));
    assert_eq!(receive(&mut log, &late), Ok(Received::Waiting), "twice is once");
    assert_eq!(log.waiting().0, 1);
    assert!(log.is_empty() && log.version().is_empty() && log.frontier().is_empty() && log.writers().is_empty());
    assert_eq!(receive(&mut log, &change(1, 0, 1, 1, &[])), appended(0, 2));
    assert_eq!((log.waiting(), log.frontier()), ((0, 0), &heads(&[(2, 0)])));
    assert_eq!(receive(&mut log, &late), Ok(Received::Duplicate));
}

/// Acceptance line 17.
#[test]
fn a_chain_in_reverse_is_taken_in_when_its_beginning_comes() {
    let changes = chain(3);
    let mut log = ChangeLog::new();
    assert_eq!(receive(&mut log, &changes[2]), Ok(Received::Waiting));
    assert_eq!(receive(&mut log, &changes[1]), Ok(Received::Waiting));
    assert_eq!(receive(&mut log, &changes[0]), appended(0, 3));
    assert_eq!(log.iter().collect::<Vec<_>>(), changes);
    assert_eq!(*log.frontier(), heads(&[(1, 2)]));
    assert!(changes.iter().all(|change| receive(&mut log, change) == Ok(Received::Duplicate)));
    assert_eq!(log.end(), 3);
}

/// Acceptance line 18: nobody can tell a cycle from something that is still to come. It waits, and is bounded.
#[test]
fn changes_that_depend_on_each_other_or_on_themselves_wait_for_ever_and_hold_nothing_up() {
    let mut log = ChangeLog::new();
    let circle = [change(1, 0, 1, 1, &[(2, 0)]), change(2, 0, 1, 2, &[(1, 0)]), change(3, 0, 2, 1, &[(3, 1)])];
    for change in &circle {
        assert_eq!(receive(&mut log, change), Ok(Received::Waiting));
    }
    assert_eq!(receive(&mut log, &change(4, 0, 1, 1, &[])), appended(0, 1));
    assert_eq!((log.end(), log.waiting().0), (1, 3));
}

/// Acceptance line 19: a version may name what is not here. There is no unknown frontier to be asked about.
#[test]
fn a_version_that_names_writers_and_operations_of_elsewhere_is_a_version() {
    let changes = chain(3);
    let log = log_of(&changes);
    assert_eq!(log.since(&version(&[(1, 1)])).collect::<Vec<_>>(), changes[1..]);
    assert_eq!(log.since(&version(&[(1, 99), (8, 1)])).count(), 0);
    assert_eq!(log.since(&version(&[(8, 1)])).count(), 3);
}

/// Acceptance line 83: a clock that is ahead is everybody's from then on. How far ahead is a server's business.
#[test]
fn the_logs_clock_is_the_greatest_it_has_seen() {
    let mut log = ChangeLog::new();
    assert_eq!(receive(&mut log, &change(1, 0, 1, 900, &[])), appended(0, 1));
    assert_eq!(receive(&mut log, &change(2, 0, 1, 3, &[])), appended(1, 2));
    assert_eq!(log.clock(), Hlc::from_bits(900));
    assert_eq!(receive(&mut log, &change(3, 0, 1, 5_000, &[(9, 9)])), Ok(Received::Waiting));
    assert_eq!(log.clock(), Hlc::from_bits(900), "what waits does not count");
}

/// Acceptance line 120.
#[test]
fn the_same_change_many_times_among_others_is_one() {
    let changes = chain(4);
    let mut log = ChangeLog::new();
    for change in changes.iter().chain(&changes).chain(changes.iter().rev()) {
        receive(&mut log, change).expect("a good header");
    }
    assert_eq!(log.iter().collect::<Vec<_>>(), changes);
}

/// Two writers with one replica id.
#[test]
fn a_change_that_contradicts_one_that_is_here_is_refused_however_it_does_so() {
    scenarios::a_change_that_contradicts_one_that_is_here_is_refused_however_it_does_so();
}

#[test]
fn a_change_that_contradicts_one_that_came_while_it_waited_is_refused_then() {
    let mut log = ChangeLog::new();
    assert_eq!(receive(&mut log, &change(1, 2, 1, 9, &[])), Ok(Received::Waiting));
    let longer = change(1, 0, 3, 1, &[]);
    let refused = vec![ChangeFault::Contradiction { id: op(1, 2) }];
    assert_eq!(receive(&mut log, &longer), Ok(Received::Appended { positions: 0..1, refused }));
    assert_eq!((log.end(), log.waiting().0), (1, 0));
}

#[test]
fn a_clock_that_is_not_after_a_dependencys_is_refused_at_once_or_when_the_dependency_comes() {
    scenarios::a_clock_that_is_not_after_a_dependencys_is_refused_at_once_or_when_the_dependency_comes();
}

#[test]
fn a_change_covers_at_least_one_operation_and_no_more_than_can_be_numbered() {
    let mut log = ChangeLog::new();
    for (seq, len) in [(0, 0), (5, 0), (1, u64::MAX), (u64::MAX, 1)] {
        assert_eq!(receive(&mut log, &change(1, seq, len, 1, &[])), Err(ChangeFault::Length { id: op(1, seq) }));
    }
    assert_eq!(receive(&mut log, &change(1, 0, u64::MAX, 1, &[])), appended(0, 1));
    assert_eq!((log.end(), log.waiting().0), (1, 0));
}

#[test]
fn what_waits_is_bounded_by_number_and_by_size_and_what_is_ready_is_not() {
    scenarios::what_waits_is_bounded_by_number_and_by_size_and_what_is_ready_is_not();
}

/// A dependency takes a few bytes on the wire and more in memory.
#[test]
fn dependencies_of_what_waits_count_like_its_body() {
    let mut limits = Limits::default();
    limits.waiting_bytes = 1_000;
    let mut log = ChangeLog::new();
    let deps: Vec<_> = (0..100).map(|seq| (9, seq)).collect();
    let over = ChangeFault::OverLimit { id: op(1, 0), what: "bytes of waiting changes", limit: 1_000 };
    assert_eq!(log.receive(change(1, 0, 1, 1, &deps), &limits), Err(over));
    assert_eq!(log.receive(change(1, 0, 1, 1, &deps[..50]), &limits), Ok(Received::Waiting));
    assert_eq!(log.waiting(), (1, 800));
    assert_eq!(log.receive(change(9, 0, 50, 0, &[]), &limits), appended(0, 2));
    assert_eq!(log.waiting(), (0, 0));
}

#[test]
fn a_block_is_made_only_if_all_that_is_asked_for_is_kept() {
    scenarios::a_block_is_made_only_if_all_that_is_asked_for_is_kept();
}

/// Acceptance line 120.
#[test]
fn a_block_that_is_damaged_or_too_large_changes_nothing_and_one_that_contradicts_only_what_is_before_that() {
    scenarios::a_block_that_is_damaged_or_too_large_changes_nothing_and_one_that_contradicts_only_what_is_before_that();
}

#[test]
fn writers_are_bounded_and_those_who_are_in_go_on() {
    scenarios::writers_are_bounded_and_those_who_are_in_go_on();
}

/// Released changes are appended after all they depend on, also if they waited for several.
#[test]
fn what_waited_for_several_changes_comes_after_the_last_of_them() {
    let mut log = ChangeLog::new();
    let last = change(4, 0, 1, 9, &[(1, 0), (2, 0), (3, 0)]);
    assert_eq!(receive(&mut log, &last), Ok(Received::Waiting));
    assert_eq!(receive(&mut log, &change(2, 0, 1, 1, &[])), appended(0, 1));
    assert_eq!(receive(&mut log, &change(3, 0, 1, 2, &[(1, 0)])), Ok(Received::Waiting));
    assert_eq!(log.waiting().0, 2);
    assert_eq!(receive(&mut log, &change(1, 0, 1, 1, &[])), appended(1, 4));
    let order: Vec<_> = log.iter().map(|change| change.replica.bits()).collect();
    assert_eq!(order, [2, 1, 3, 4]);
}

/// A random history, told in causal order: who writes, how much, and having seen which part of what was told before.
fn history() -> impl Strategy<Value = Vec<Change>> {
    let step = (0..4_u64, 1..4_u64, prop::collection::vec(any::<prop::sample::Index>(), 0..3));
    prop::collection::vec(step, 1..40).prop_map(|steps| {
        let mut told: Vec<Change> = Vec::new();
        for (clock, (replica, len, seen)) in steps.into_iter().enumerate() {
            let replica = ReplicaId::new(replica + 1);
            let seq = told.iter().filter(|change| change.replica == replica).map(Change::end).max().unwrap_or(0);
            let others: Vec<_> = told.iter().filter(|change| change.replica != replica).map(Change::last).collect();
            let deps = if others.is_empty() { vec![] } else { seen.iter().map(|at| *at.get(&others)).collect() };
            let deps = deps.into_iter().collect();
            told.push(Change { replica, seq, len, clock: Hlc::from_bits(clock as u64 + 1), deps, body: Bytes::new() });
        }
        told
    })
}

/// What a log holds, said naively.
struct Naive<'a>(&'a [Change]);

impl Naive<'_> {
    fn version(&self) -> VersionVector {
        self.0.iter().map(|change| (change.replica, change.end())).collect()
    }

    fn frontier(&self) -> Frontier {
        let named: BTreeSet<_> = self.0.iter().flat_map(|change| change.deps.iter()).collect();
        let last = |op: &OpId| self.0.iter().all(|change| change.replica != op.replica || change.end() <= op.seq + 1);
        self.0.iter().map(Change::last).filter(|op| last(op) && !named.contains(op)).collect()
    }

    fn lacking(&self, version: &VersionVector) -> Vec<&Change> {
        self.0.iter().filter(|change| version.next(change.replica) < change.end()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crdt_socket_sync_tests::cases(500)))]

    /// Acceptance lines 10, 17, 120: any order, any repetition.
    #[test]
    fn the_same_changes_in_any_order_and_number_make_the_same_log(
        (told, arrivals) in history().prop_flat_map(|told| {
            let twice: Vec<_> = (0..told.len()).chain(0..told.len()).collect();
            (Just(told), Just(twice).prop_shuffle())
        }),
    ) {
        let mut log = ChangeLog::new();
        for index in arrivals {
            let before = log.end();
            let received = receive(&mut log, &told[index]).expect("a good header");
            if let Received::Appended { positions, refused } = received {
                prop_assert_eq!((positions, refused), (before..log.end(), vec![]));
            } else {
                prop_assert_eq!(before, log.end());
            }
        }
        let naive = Naive(&told);
        prop_assert_eq!(log.version(), &naive.version());
        prop_assert_eq!(log.frontier(), &naive.frontier());
        prop_assert_eq!(log.waiting(), (0, 0));
        prop_assert_eq!(log.end(), told.len());
        for (position, change) in log.iter().enumerate() {
            prop_assert!(told.contains(&change));
            prop_assert_eq!(log.position(change.id()), Some(position));
            prop_assert_eq!(log.position(change.last()), Some(position));
            for dep in change.deps.iter() {
                prop_assert!(log.position(dep).expect("it is here") < position, "after what it depends on");
            }
        }
    }

    /// Acceptance lines 14, 19.
    #[test]
    fn what_a_version_lacks_is_what_the_naive_filter_says(
        told in history(),
        entries in prop::collection::vec((1..6_u64, 0..30_u64), 0..5),
    ) {
        let (log, version) = (log_of(&told), version(&entries));
        let naive = Naive(&told);
        let lacking = naive.lacking(&version);
        prop_assert_eq!(log.since(&version).collect::<Vec<_>>(), lacking.iter().map(|change| (*change).clone()).collect::<Vec<_>>());
        let first = lacking.first().map_or_else(|| log.end(), |change| log.position(change.id()).expect("it is here"));
        prop_assert_eq!(log.first_missing(&version), first);
    }
}
