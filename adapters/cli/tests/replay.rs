//! Recordings replayed through real servers, as a whole: processes, sockets, the store.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use std::time::Duration;

use common::{Server, good, program, recording, traces};
use crdt_socket_sync_tokio::Client;
use serde_json::Value;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Replays a recording; then a new server on the same store must give a new process exactly its end.
fn round_trip(runtime: &str, agents: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (trace, end) = recording(folder.path(), agents, 60);
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let summary = good(&[
        "replay",
        trace.to_str().unwrap(),
        "--server",
        &server.url,
        "--doc",
        "page",
        "--runtime",
        runtime,
        "--json",
    ]);
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["equal"], true);
    assert_eq!(summary["as_recorded"], true);
    assert_eq!(summary["transactions"], 60 * agents + 1);
    assert_eq!(summary["replicas"].as_array().unwrap().len(), agents);
    assert!(summary["keystroke_bytes_most"].as_u64().unwrap() <= 64, "{summary}");

    #[cfg(unix)]
    assert!(server.stop().success());
    #[cfg(not(unix))]
    server.kill();
    let names: Vec<_> = std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with("-wal")), "closed in good order: {names:?}");
    let server = Server::start(&data);
    assert_eq!(good(&["cat", &server.url, "page", "--runtime", runtime]), end);
    let report: Value = serde_json::from_str(&good(&["cat", &server.url, "page", "--json"])).unwrap();
    assert_eq!(report["containers"][0]["kind"], "text");
    assert_eq!(report["containers"][0]["value"], Value::String(end));
}

#[test]
fn a_recording_by_three_comes_to_its_end_on_tokio() {
    round_trip("tokio", 3);
}

#[test]
fn a_recording_by_three_comes_to_its_end_on_async_std() {
    round_trip("async-std", 3);
}

#[test]
fn a_recording_comes_to_its_end_though_the_server_is_killed_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let (trace, end) = recording(folder.path(), 3, 800);
    let data = folder.path().join("data");
    let mut server = Server::start(&data);
    let addr = server.addr().to_owned();
    let mut replay = program();
    replay.arg("replay").arg(&trace).args(["--server", &server.url, "--doc", "page", "--rate", "400", "--json"]);
    let mut replay = replay.spawn().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let watcher = Client::connect(&server.url);
    let page = watcher.open("page").unwrap();
    for round in 1..=5 {
        let arrived = page.until(move |document| document.log().end() >= 200 * round);
        runtime.block_on(async { tokio::time::timeout(PATIENCE, arrived).await }).unwrap().unwrap();
        assert!(replay.try_wait().unwrap().is_none(), "it is still going on");
        server.kill();
        server = Server::start_at(&addr, &data);
    }
    let output = replay.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server.kill();
    let server = Server::start(&data);
    assert_eq!(good(&["cat", &server.url, "page"]), end);
}

#[test]
fn a_real_recording_comes_to_its_end() {
    let Some(traces) = traces() else {
        eprintln!("skipped: no recordings; set EDITING_TRACES to where they are");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"));
    let trace = traces.join("friendsforever.json.gz");
    let replayed = good(&["replay", trace.to_str().unwrap(), "--server", &server.url, "--doc", "page"]);
    assert!(replayed.contains("as recorded     yes"), "{replayed}");
}
