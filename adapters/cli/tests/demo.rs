//! The demonstration ends well, and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use common::program;
use serde_json::Value;

#[test]
fn the_demonstration_ends_with_all_equal() {
    let folder = tempfile::tempdir().unwrap();
    let output = program().args(["demo", "--json"]).env("TMPDIR", folder.path()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["equal"], true, "{report}");
    let hash = &report["store"]["hash"];
    assert!(report["replicas"].as_array().unwrap().iter().all(|replica| replica["hash"] == *hash), "{report}");
    assert!(stderr.contains("link is cut") && stderr.contains("SIGKILL"), "{stderr}");
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the temporary folder is gone");
}
