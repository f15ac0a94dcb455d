//! What is appended is there, once, in order, all or nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use common::{EPOCH, append, change};
use crdt_socket_sync::{
    Change, Document, Epoch, Limits, ReplicaId, Storage, Wall,
    document::{EditError, Transaction},
    error::StoreFault,
    store::{Append, StoredDocument},
};
use crdt_socket_sync_sqlite::SqliteStorage;

fn stored(range: std::ops::Range<usize>) -> Option<StoredDocument> {
    Some(StoredDocument { epoch: Some(EPOCH), changes: range.map(|index| change(index).encode()).collect() })
}

/// Acceptance lines 111, 119.
#[test]
fn documents_are_there_after_the_store_was_closed_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("some/new/folder");
    let mut storage = SqliteStorage::open_in_dir(&data).unwrap();
    assert_eq!(storage.load("page"), Ok(None));
    storage.append(&[append("page", 0..3), append("äöü 😀", 0..1)]).unwrap();
    storage.append(&[append("page", 3..5)]).unwrap();
    drop(storage);

    let mut storage = SqliteStorage::open_in_dir(&data).unwrap();
    assert_eq!(storage.list(), Ok(vec!["page".into(), "äöü 😀".into()]));
    assert_eq!(storage.load("page"), Ok(stored(0..5)));
    assert_eq!(storage.load("äöü 😀"), Ok(stored(0..1)));
    let changes = storage.load("page").unwrap().unwrap().changes;
    assert_eq!(Change::decode(changes[4].clone()), Ok(change(4)));
}

/// Acceptance line 119: all that is to be seen of a document, set and unset, and where its writer goes on.
#[test]
fn every_kind_of_container_is_there_after_the_store_was_closed_and_opened_again() {
    let mut ann = Document::new(ReplicaId::new(1));
    type Edit = fn(&mut Transaction<'_>) -> Result<(), EditError>;
    let edits: [Edit; 3] = [
        |txn| {
            txn.text("text").push_str("a😀bc")?;
            txn.map("map").set("kept", &"value")?;
            txn.map("map").set("gone", &1)?;
            txn.counter("counter").add(3)?;
            txn.or_set("or-set").add(&4)?;
            txn.or_map("or-map").put("kept", &5)?;
            txn.map::<u8>("tree").map::<u8>("a")?.text("b")?.push_str("deep")?;
            txn.register("set").set(&2)
        },
        |txn| txn.register("unset").set(&3),
        |txn| {
            txn.text("text").delete(2, 1)?;
            txn.map::<u8>("map").delete("gone")?;
            txn.counter("counter").add(-1)?;
            txn.or_set("or-set").add(&6)?;
            txn.or_set("or-set").remove(&4)?;
            txn.or_map::<u8>("or-map").counter("nested")?.add(7)?;
            txn.register::<u8>("unset").clear()
        },
    ];
    for edit in edits {
        ann.edit(Wall::from_millis(1_000), edit).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let changes: Vec<_> = ann.log().iter().collect();
    let whole = Append { name: "page".into(), epoch: Some(EPOCH), replaces: None, after: 0, changes };
    SqliteStorage::open(&path).unwrap().append(&[whole]).unwrap();

    let stored = SqliteStorage::open(&path).unwrap().load("page").unwrap().unwrap();
    let changes = stored.changes.into_iter().map(|bytes| Change::decode(bytes).unwrap());
    let mut again = Document::from_changes(ReplicaId::new(1), stored.epoch, changes, &Limits::default()).unwrap();
    assert_eq!(again.digest(), ann.digest());
    assert_eq!(again.text("text"), "a😀c");
    assert_eq!(again.map::<String>("map").iter().collect::<Vec<_>>(), [("kept", Ok("value".to_owned()))]);
    assert_eq!((again.register("set").get(), again.register::<u8>("unset").get()), (Ok(Some(2)), Ok(None)));
    assert_eq!((again.counter("counter").value(), again.or_map("or-map").get("kept")), (2, Ok(Some(5))));
    assert_eq!(again.or_set("or-set").iter().collect::<Vec<_>>(), [Ok(6)]);
    assert_eq!(again.or_map::<u8>("or-map").counter("nested").map(|counter| counter.value()), Some(7));
    assert_eq!(again.map::<u8>("tree").map::<u8>("a").and_then(|map| map.text("b")).unwrap(), "deep");
    let next = [&mut again, &mut ann]
        .map(|document| document.edit(Wall::from_millis(1_000), |txn| txn.text("text").push_str("!")))
        .map(|edited: Result<_, EditError>| edited.unwrap().change);
    assert_eq!(next[0], next[1]);
}

/// Acceptance line 119.
#[test]
fn a_batch_is_written_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = SqliteStorage::open(folder.path().join("store")).unwrap();
    storage.append(&[append("one", 0..2)]).unwrap();
    let fault = storage.append(&[append("one", 2..4), append("two", 5..6)]);
    assert!(matches!(fault, Err(StoreFault::Unavailable(_))), "{fault:?}");
    assert_eq!(storage.load("one"), Ok(stored(0..2)));
    assert_eq!(storage.list(), Ok(vec!["one".into()]));
}

#[test]
fn an_append_that_succeeded_unnoticed_succeeds_again_and_writes_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = SqliteStorage::open(folder.path().join("store")).unwrap();
    storage.append(&[append("page", 0..2)]).unwrap();
    storage.append(&[append("page", 0..2)]).unwrap();
    // The attempt after that one has more to write.
    storage.append(&[append("page", 1..4)]).unwrap();
    assert_eq!(storage.load("page"), Ok(stored(0..4)));
}

/// Acceptance line 111.
#[test]
fn what_others_have_written_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = SqliteStorage::open(folder.path().join("store")).unwrap();
    storage.append(&[append("page", 0..3)]).unwrap();

    let mut other = append("page", 1..3);
    other.changes[1].body = "something else".into();
    let mut history = append("page", 3..4);
    history.epoch = Some(Epoch::new(8));
    let mut none = append("page", 3..4);
    none.epoch = None;
    let behind = append("page", 1..2);
    let ahead = append("page", 4..5);
    for append in [other, history, none, behind, ahead] {
        let fault = storage.append(std::slice::from_ref(&append));
        assert!(matches!(fault, Err(StoreFault::Unavailable(_))), "{append:?}: {fault:?}");
        assert_eq!(storage.load("page"), Ok(stored(0..3)));
    }
}

#[test]
fn a_history_gets_its_birth_mark_when_it_has_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut storage = SqliteStorage::open(folder.path().join("store")).unwrap();
    let mut unborn = append("page", 0..2);
    unborn.epoch = None;
    storage.append(&[unborn]).unwrap();
    assert_eq!(storage.load("page").unwrap().unwrap().epoch, None);
    storage.append(&[append("page", 2..2)]).unwrap();
    assert_eq!(storage.load("page"), Ok(stored(0..2)));
}

#[test]
fn a_reader_sees_what_the_owner_has_written_and_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut storage = SqliteStorage::open(&path).unwrap();
    storage.append(&[append("page", 0..3)]).unwrap();
    let mut reader = SqliteStorage::open_read_only(&path).unwrap();
    assert_eq!(reader.load("page"), Ok(stored(0..3)));
    storage.append(&[append("page", 3..4)]).unwrap();
    assert_eq!(reader.load("page"), Ok(stored(0..4)));
    assert!(matches!(reader.append(&[append("page", 4..5)]), Err(StoreFault::Unavailable(_))));
    drop((storage, reader));
    assert_eq!(SqliteStorage::open_read_only(&path).unwrap().load("page"), Ok(stored(0..4)));
}

/// A copy of the files of a store that is open is what a crash leaves behind.
#[test]
fn a_log_that_was_torn_in_the_middle_of_a_write_loses_that_write_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut storage = SqliteStorage::open(&path).unwrap();
    let mut sizes = Vec::new();
    for index in 0..4 {
        storage.append(&[append("page", index..index + 1)]).unwrap();
        sizes.push(std::fs::metadata(folder.path().join("store-wal")).unwrap().len());
    }
    let log = std::fs::read(folder.path().join("store-wal")).unwrap();
    for (survivors, cut) in [(4, sizes[3]), (3, sizes[3] - 1), (3, sizes[2] + 1), (3, sizes[2]), (2, sizes[1] + 100)] {
        for garbage in [0, 5_000] {
            let crashed = folder.path().join(format!("crashed-{cut}-{garbage}"));
            std::fs::copy(&path, &crashed).unwrap();
            let mut torn = log[..usize::try_from(cut).unwrap()].to_vec();
            torn.extend(std::iter::repeat_n(0xa5, garbage));
            std::fs::write(folder.path().join(format!("crashed-{cut}-{garbage}-wal")), torn).unwrap();
            let mut storage = SqliteStorage::open(&crashed).unwrap();
            assert_eq!(storage.load("page"), Ok(stored(0..survivors)), "cut at {cut}, then {garbage} bytes");
            storage.append(&[append("page", survivors..survivors + 1)]).unwrap();
        }
    }
}
