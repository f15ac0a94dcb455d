//! Past versions, what is different between them, and documents that part and come together.

use crdt_socket_sync::{
    Document, Epoch, Limits, OpId, Replica, ReplicaId, VersionVector, Wall,
    causal::Frontier,
    document::{ContainerEdit, ContainerId, ContainerKind, EditError, MergeError, UndoOptions, VersionError},
};
use crdt_socket_sync_tests::{
    cases,
    exchange::{MOST_STEPS, Program, Step},
    scenarios,
    short::document::{document, edit, exchange, fork, receive, text, write},
    view::{Patched, Shown, View, shown},
};
use proptest::prelude::*;

fn op(replica: u64, seq: u64) -> OpId {
    OpId::new(ReplicaId::new(replica), seq)
}

fn version(entries: &[(u64, u64)]) -> VersionVector {
    entries.iter().map(|(replica, next)| (ReplicaId::new(*replica), *next)).collect()
}

#[test]
fn a_view_of_a_past_version_shows_what_was_shown_then_and_a_difference_leads_there_and_back() {
    scenarios::a_view_of_a_past_version_shows_what_was_shown_then_and_a_difference_leads_there_and_back();
}

/// Acceptance line 88.
#[test]
fn a_walk_through_the_history_stops_at_each_change_and_is_frozen() {
    let mut ann = document(1);
    for (at, letter) in ["a", "b", "c"].into_iter().enumerate() {
        write(&mut ann, at, letter);
    }
    let mut history = ann.history();
    assert_eq!((history.position(), history.changes().len()), (3, 3));
    let came = |edits: &[ContainerEdit]| match edits {
        [ContainerEdit::Text { edits, .. }] => edits.iter().map(|edit| (edit.removed, edit.inserted.clone())).collect(),
        [] => Vec::new(),
        edits => panic!("{edits:?}"),
    };
    assert_eq!(came(&history.back().expect("not at the beginning")), [(1, String::new())]);
    assert_eq!(text(history.view()), "ab");
    // What happens since is not in it.
    let mut bob = fork(&ann, 2);
    write(&mut bob, 0, "X");
    write(&mut ann, 0, "Y");
    exchange(&mut [&mut ann, &mut bob]);
    let (change, edits) = history.forward().expect("not at the end");
    assert_eq!((change.id(), came(&edits)), (op(1, 2), vec![(0, "c".to_owned())]));
    assert_eq!(history.forward().map(|(change, _)| change.id()), None);
    assert_eq!(text(history.view()), "abc");
    assert_eq!(came(&history.go_to(0)), [(3, String::new())]);
    assert_eq!((text(history.view()).as_str(), history.position()), ("", 0));
    assert_eq!((history.back(), history.go_to(0)), (None, Vec::new()));
    assert_eq!(came(&history.go_to(100)), [(0, "abc".to_owned())]);
    assert_eq!(history.position(), 3);
    // Who, when, which.
    let made: Vec<_> =
        history.changes().iter().map(|change| (change.replica, change.clock.millis(), change.seq)).collect();
    assert_eq!(made, [0, 1, 2].map(|seq| (ReplicaId::new(1), 1_000, seq)));
}

/// Acceptance line 88.
#[test]
fn what_is_nested_is_in_a_past_version_what_it_was_then() {
    let mut ann = document(1);
    for letter in ["A", "B"] {
        edit(&mut ann, |txn| txn.map::<u8>("map").text("title")?.push_str(letter));
    }
    let mut history = ann.history();
    let mut seen = vec![history.view().to_json()];
    while history.back().is_some() {
        seen.push(history.view().to_json());
    }
    assert_eq!(seen, [r#"{"map":{"title":"AB"}}"#, r#"{"map":{"title":"A"}}"#, "{}"]);
}

#[test]
fn a_version_that_never_was_or_is_not_here_is_an_error_that_says_why() {
    let mut ann = document(1);
    write(&mut ann, 0, "abc");
    let mut bob = fork(&ann, 2);
    write(&mut bob, 3, "d");
    exchange(&mut [&mut ann, &mut bob]);
    write(&mut ann, 4, "e");
    let at = |entries: &[(u64, u64)]| ann.at(&version(entries)).map(|view| text(&view));
    assert_eq!(at(&[]), Ok(String::new()));
    assert_eq!(at(&[(1, 3)]), Ok("abc".into()));
    assert_eq!(at(&[(1, 3), (2, 1)]), Ok("abcd".into()));
    assert_eq!(at(&[(1, 4), (2, 1)]), Ok("abcde".into()));
    assert_eq!(at(&[(1, 5)]), Err(VersionError::NotHere { op: op(1, 4) }));
    assert_eq!(at(&[(7, 1)]), Err(VersionError::NotHere { op: op(7, 0) }));
    assert_eq!(at(&[(1, 2)]), Err(VersionError::InsideChange { op: op(1, 1) }));
    assert_eq!(at(&[(2, 1)]), Err(VersionError::Incomplete { change: op(2, 0), lacks: op(1, 2) }));
    assert_eq!(at(&[(1, 4)]), Err(VersionError::Incomplete { change: op(1, 3), lacks: op(2, 0) }));

    let heads = |ops: &[OpId]| ann.version_of(&ops.iter().copied().collect::<Frontier>());
    assert_eq!(heads(&[]), Ok(version(&[])));
    assert_eq!(heads(&[op(2, 0)]), Ok(version(&[(1, 3), (2, 1)])));
    assert_eq!(ann.version_of(ann.log().frontier()).as_ref(), Ok(ann.log().version()));
    assert_eq!(heads(&[op(1, 1)]), Err(VersionError::InsideChange { op: op(1, 1) }));
    assert_eq!(heads(&[op(3, 0)]), Err(VersionError::NotHere { op: op(3, 0) }));
}

#[test]
fn documents_part_are_edited_and_come_together() {
    let limits = Limits::default();
    let mut ann = document(1);
    ann.track_undo(UndoOptions::default());
    write(&mut ann, 0, "base ");
    let before = ann.log().version().clone();
    write(&mut ann, 5, "ann");
    // From a past version, too.
    let mut bob = ann.at(&before).expect("a version").fork(ReplicaId::new(2));
    assert_eq!((bob.undo(Wall::from_millis(1)), bob.poll_event()), (Ok(None), None));
    write(&mut bob, 5, "bob");
    assert_eq!(ann.merge(&bob, &limits), Ok(1));
    assert_eq!(bob.merge(&ann, &limits), Ok(1));
    assert_eq!((ann.merge(&bob, &limits), ann.digest()), (Ok(0), bob.digest()));
    assert!(["base annbob", "base bobann"].contains(&text(&ann).as_str()));

    let epochs = [1, 2].map(Epoch::new);
    ann.log_mut().set_epoch(Some(epochs[0]));
    assert_eq!(bob.merge(&ann, &limits), Ok(0));
    assert_eq!(bob.log().epoch(), Some(epochs[0]));
    bob.log_mut().set_epoch(Some(epochs[1]));
    write(&mut bob, 0, "x");
    assert_eq!(ann.merge(&bob, &limits), Err(MergeError::Epochs { ours: epochs[0], theirs: epochs[1] }));
    // Two who write as one have no common history.
    let mut eve = document(1);
    write(&mut eve, 0, "something else");
    assert!(matches!(ann.merge(&eve, &limits), Err(MergeError::Change(_))));
}

#[test]
fn a_document_that_does_not_keep_what_another_one_lacks_is_not_merged_with_it_but_its_snapshot_is() {
    let limits = Limits::default();
    let (mut ann, mut eve) = (document(1), document(4));
    write(&mut ann, 0, "base");
    let mut bob = Document::from_snapshot(ReplicaId::new(2), ann.snapshot(), &limits).expect("a snapshot");
    write(&mut bob, 4, "!");
    assert_eq!(eve.merge(&bob, &limits), Err(MergeError::NotKept { op: op(1, 0) }));
    assert_eq!((eve.log().is_empty(), eve.log().waiting()), (true, (0, 0)));
    assert_eq!(eve.merge_snapshot(bob.snapshot(), &limits), Ok(true));
    assert_eq!((ann.merge(&bob, &limits), text(&ann), text(&eve)), (Ok(1), "base!".into(), "base!".into()));
}

#[test]
fn a_difference_names_only_what_is_different() {
    let mut ann = document(1);
    edit(&mut ann, |txn| {
        txn.text("text").push_str("a long text")?;
        txn.map("map").set("a", &1)?;
        txn.map("map").set("b", &1)?;
        txn.counter("counter").add(5)?;
        txn.or_set("set").add(&1)?;
        txn.or_map("or-map").put("k", &1)?;
        txn.register("register").set(&1)
    });
    let from = ann.log().version().clone();
    assert_eq!(ann.diff(&from, &from), Ok(Vec::new()));
    edit(&mut ann, |txn| {
        txn.text("text").replace(2, 4, "short")?;
        txn.map::<u8>("map").delete("a")?;
        txn.counter("counter").add(-7)?;
        txn.or_set("set").add(&2)
    });
    edit(&mut ann, |txn| txn.register("register").set(&2).and_then(|()| txn.register("register").set(&1)));
    let edits = ann.diff(&from, ann.log().version()).expect("two versions");
    let id = ContainerId::root;
    let of = |kind, name| edits.iter().find(|edit| *edit.id() == id(kind, name)).cloned();
    assert_eq!(edits.len(), 4, "{edits:?}");
    let by = ContainerEdit::Counter { id: id(ContainerKind::Counter, "counter"), by: -7 };
    assert_eq!(of(ContainerKind::Counter, "counter"), Some(by));
    let Some(ContainerEdit::Text { edits, .. }) = of(ContainerKind::Text, "text") else { panic!("{edits:?}") };
    assert_eq!(edits.len(), 1);
    assert_eq!((edits[0].at, edits[0].removed, edits[0].inserted.as_str()), (2, 4, "short"));
}

/// A document that a random program's people have written together.
fn written() -> impl Strategy<Value = Document> {
    prop::collection::vec(any::<[u8; 4]>(), 1..MOST_STEPS).prop_map(|steps| {
        let bytes = [&[0], steps.as_flattened()].concat();
        let mut people = [1, 2, 3, 4].map(document);
        for step in Program::decode(&bytes).steps {
            match step {
                Step::Edit { who, wall, edit, .. } => {
                    let edited = people[who].edit::<_, EditError>(Wall::from_millis(wall), |txn| edit.perform(txn));
                    edited.expect("edits inside");
                }
                Step::Send { from, to, .. } | Step::Sync { from, to, .. } if from != to => {
                    let from = people[from].clone();
                    people[to].merge(&from, &Limits::default()).expect("good headers");
                }
                _ => {}
            }
        }
        let [mut first, others @ ..] = people;
        for other in &others {
            first.merge(other, &Limits::default()).expect("good headers");
        }
        first
    })
}

fn filled(shown: Shown) -> Shown {
    shown.into_iter().filter(|(id, view)| *view != View::empty(id.kind)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases(100)) })]

    #[test]
    fn every_version_is_what_it_was_and_a_view_that_is_patched_by_differences_shows_it(
        document in written(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
    ) {
        // What was shown after each change, and the version then; by someone who takes them in one by one.
        let mut reader = Document::new(ReplicaId::new(9));
        let mut versions = vec![(VersionVector::new(), Shown::new())];
        for change in document.log().iter() {
            receive(&mut reader, &change.clone());
            versions.push((reader.log().version().clone(), filled(shown(&reader))));
        }
        let mut history = document.history();
        let (mut patched, mut walked) = (Patched::default(), Patched::default());
        history.go_to(0);
        let mut from = VersionVector::new();
        for place in places {
            let place = place.index(versions.len());
            let (version, expected) = &versions[place];
            let view = document.at(version).expect("a version");
            view.check().expect("sound inside");
            prop_assert_eq!(&filled(shown(&view)), expected);
            prop_assert_eq!(view.log().version(), version);
            patched.patch_all(&document.diff(&from, version).expect("two versions"), &view);
            prop_assert_eq!(&filled(patched.shown().clone()), expected);
            from = version.clone();
            let edits = history.go_to(place);
            walked.patch_all(&edits, history.view());
            prop_assert_eq!(&filled(walked.shown().clone()), expected);
            if let Some((_, edits)) = history.forward() {
                walked.patch_all(&edits, history.view());
                prop_assert_eq!(&filled(walked.shown().clone()), &versions[place + 1].1);
            }
        }
    }
}
