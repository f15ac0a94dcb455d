//! What `--record` writes is the session: `check-record` gets the same frames out of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use common::{Server, bad, good};
use crdt_socket_sync_tokio::{Client, Level};
use serde_json::Value;
use tokio::{runtime::Runtime, time::timeout};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Types some words into the page of a server, recorded, until they are stored there.
fn type_recorded(url: &str, record: &Path, words: &[&str]) {
    let session = async {
        let client = Client::builder(url).record(fs::File::create(record).unwrap()).connect();
        let page = client.open("page").unwrap();
        for word in words {
            page.edit(|txn| txn.text("text").push_str(word)).unwrap();
            page.synced(Level::Stored).await.unwrap();
        }
        client.close().await;
    };
    Runtime::new().unwrap().block_on(async { timeout(PATIENCE, session).await.unwrap() });
}

fn checked(record: &Path) -> Value {
    let report: Value = serde_json::from_str(&good(&["check-record", record.to_str().unwrap(), "--json"])).unwrap();
    assert_eq!(report["equal"], true, "{report}");
    report
}

fn path(file: &Path) -> &str {
    file.to_str().unwrap()
}

#[cfg(unix)]
#[test]
fn real_sessions_replay_to_the_same_frames_on_both_sides() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let [data, server_file, typed, cat, watch] =
        ["data", "server.rec", "typed.rec", "cat.rec", "watch.rec"].map(|name| folder.path().join(name));
    let server = Server::start_recorded(&data, &server_file);
    type_recorded(&server.url, &typed, &["one ", "two ", "three"]);
    assert_eq!(good(&["cat", &server.url, "page", "--record", path(&cat)]), "one two three");
    let runtime = ["--runtime", "async-std"];
    good(&[&["watch", &server.url, "page", "--until-synced", "--record", path(&watch)], &runtime[..]].concat());
    assert_eq!(fs::metadata(&cat).unwrap().permissions().mode() & 0o777, 0o600, "others may not read it");
    assert!(server.stop().success());

    let server = checked(&server_file);
    assert_eq!((&server["side"], &server["cut"]), (&"server".into(), &false.into()));
    let mut frames_out = 0;
    for file in [&typed, &cat, &watch] {
        let client = checked(file);
        assert_eq!(client["side"], "client");
        assert_eq!(client["documents"], server["documents"], "{client}");
        frames_out += client["frames_out"].as_u64().unwrap();
    }
    assert_eq!(server["frames_in"], frames_out, "{server}");
    let line = good(&["check-record", path(&server_file)]);
    assert!(line.starts_with("equal: a server's ") && line.contains(&format!("{frames_out} frames in")), "{line}");
}

#[test]
fn what_a_server_has_recorded_before_it_was_killed_replays() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let records: Vec<PathBuf> = (0..2).map(|life| folder.path().join(format!("server{life}.rec"))).collect();
    for (life, record) in records.iter().enumerate() {
        let server = Server::start_recorded(&data, record);
        type_recorded(&server.url, &folder.path().join(format!("typed{life}.rec")), &["a ", "b "]);
        server.kill();
        let report = checked(record);
        assert_eq!(report["documents"][0]["changes"], 2 * (life + 1), "{report}");
    }
}

#[test]
fn no_file_is_recorded_over() {
    let folder = tempfile::tempdir().unwrap();
    let thesis = folder.path().join("thesis.txt");
    fs::write(&thesis, "years of work").unwrap();
    let server = Server::start(&folder.path().join("data"));
    let file = path(&thesis);
    for command in [
        &["cat", &server.url, "page", "--record", file][..],
        &["watch", &server.url, "page", "--record", file],
        &["serve", "--memory", "--listen", "127.0.0.1:0", "--record", file],
    ] {
        let line = bad(command);
        assert!(line.contains("thesis.txt") && line.contains("already") && line.contains("--record"), "{line}");
    }
    assert_eq!(fs::read(&thesis).unwrap(), b"years of work");
    // A server that never was leaves no file in the way of the next try.
    let record = folder.path().join("server.rec");
    bad(&["serve", "--memory", "--listen", server.addr(), "--record", path(&record)]);
    assert!(!record.exists());
}

#[test]
fn a_recording_that_is_damaged_or_none_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("typed.rec");
    let server = Server::start(&folder.path().join("data"));
    type_recorded(&server.url, &record, &["one"]);
    let mut bytes = fs::read(&record).unwrap();
    // The word that was typed, where it was recorded first: in the edit. Then it was sent, and there it is another one.
    let at = bytes.windows(3).position(|window| window == b"one").unwrap();
    bytes[at] = b'p';
    fs::write(&record, &bytes).unwrap();
    let line = bad(&["check-record", path(&record)]);
    assert!(line.contains("typed.rec") && line.contains("replayed a frame of"), "{line}");

    fs::write(&record, "years of work").unwrap();
    let line = bad(&["check-record", path(&record)]);
    assert!(line.contains("no recording") && line.contains("record 0"), "{line}");
    let line = bad(&["check-record", path(&folder.path().join("nowhere"))]);
    assert!(line.contains("cannot read") && line.contains("nowhere"), "{line}");
}
