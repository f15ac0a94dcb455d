//! A file that is not a sound store of ours is refused in one line and left exactly as it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use std::{fs, path::Path};

use common::{append, files};
use crdt_socket_sync::{Storage, error::StoreFault};
use crdt_socket_sync_sqlite::{FILE_NAME, OpenError, SqliteStorage};
use rusqlite::Connection;

/// Opens a file in every way; the error of the last.
fn refused(path: &Path) -> OpenError {
    let folder = path.parent().unwrap();
    let before = files(folder);
    SqliteStorage::open_read_only(path).expect_err("it must not be opened for reading");
    let error = SqliteStorage::open(path).expect_err("it must not be opened");
    assert!(files(folder) == before, "something was changed: {error}");
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    error
}

/// A store with something in it, closed.
fn store(path: &Path) {
    let mut storage = SqliteStorage::open(path).unwrap();
    for index in 0..200 {
        storage.append(&[append("page", 10 * index..10 * (index + 1))]).unwrap();
    }
    drop(storage);
    fs::remove_file(path.with_extension("lock")).ok();
}

#[test]
fn a_store_has_one_owner_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let storage = SqliteStorage::open(&path).unwrap();
    let error = SqliteStorage::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    drop(storage);
    SqliteStorage::open(&path).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("empty", 0), ("short", 50), ("long", 10_000)] {
        let path = folder.path().join(name);
        fs::write(&path, vec![b'x'; bytes]).unwrap();
        let error = refused(&path);
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
}

#[test]
fn a_store_that_was_cut_short_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    store(&path);
    let whole = fs::read(&path).unwrap();
    for len in [whole.len() / 2, whole.len() - 1, 4_096, 99] {
        fs::write(&path, &whole[..len]).unwrap();
        let error = refused(&path);
        assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(SqliteStorage::open(&path).unwrap().load("page").unwrap().unwrap().changes.len(), 2_000);
}

#[test]
fn a_store_with_a_page_overwritten_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    store(&path);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4_096 * 4_096;
    bytes[middle..middle + 4_096].fill(0xa5);
    fs::write(&path, &bytes).unwrap();
    let error = SqliteStorage::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(fs::read(&path).unwrap() == bytes);
}

/// The server was killed, so its log is still there, and then the file was cut.
#[test]
fn a_store_that_was_cut_short_beside_its_log_is_damaged_and_the_log_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    store(&path);
    let mut storage = SqliteStorage::open(&path).unwrap();
    storage.append(&[append("page", 2_000..2_001)]).unwrap();
    let crashed = folder.path().join("crashed");
    let whole = fs::read(&path).unwrap();
    let log = fs::read(folder.path().join("store-wal")).unwrap();
    fs::write(&crashed, &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path().join("crashed-wal"), &log).unwrap();
    let error = SqliteStorage::open(&crashed).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(fs::read(&crashed).unwrap() == whole[..whole.len() / 2]);
    assert!(fs::read(folder.path().join("crashed-wal")).unwrap() == log);
}

#[test]
fn another_programs_database_is_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bookmarks.sqlite");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE bookmarks (url TEXT)").unwrap();
    other.close().unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

#[test]
fn a_store_of_a_newer_version_is_left_to_that_version() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    store(&path);
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 2).unwrap();
    newer.close().unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::Newer { format: 2, .. }), "{error}");
}

#[test]
fn a_change_that_is_gone_from_the_middle_is_corruption_of_that_document_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let mut storage = SqliteStorage::open(&path).unwrap();
    storage.append(&[append("one", 0..3), append("two", 0..3)]).unwrap();
    drop(storage);
    let vandal = Connection::open(&path).unwrap();
    vandal.execute("DELETE FROM changes WHERE document = 1 AND position = 1", []).unwrap();
    vandal.close().unwrap();
    let mut storage = SqliteStorage::open(&path).unwrap();
    assert!(matches!(storage.load("one"), Err(StoreFault::Corrupt(_))));
    assert_eq!(storage.load("two").unwrap().unwrap().changes.len(), 3);
}

#[test]
fn a_folder_with_other_things_in_it_is_foreign() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let before = files(folder.path());
    let error = SqliteStorage::open_in_dir(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert!(files(folder.path()) == before);
}

#[test]
fn an_empty_folder_and_one_whose_store_was_never_finished_are_ours() {
    let folder = tempfile::tempdir().unwrap();
    for leftover in [".lock", ".new", ".new-journal"] {
        fs::write(folder.path().join(format!("{FILE_NAME}{leftover}")), "").unwrap();
    }
    drop(SqliteStorage::open_in_dir(folder.path()).unwrap());
    let names: Vec<_> = files(folder.path()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 2, "the store and its lock: {names:?}");
}

#[test]
fn a_path_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for data in [file.clone(), file.join("data")] {
        let error = SqliteStorage::open_in_dir(&data).unwrap_err();
        assert!(matches!(error, OpenError::Inaccessible { .. }), "{error}");
        assert!(error.to_string().contains(&data.display().to_string()), "{error}");
    }
    let error = SqliteStorage::open_read_only(folder.path().join("nothing")).unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
}
