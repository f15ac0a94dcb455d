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

#[cfg(target_os = "linux")]
mod ends {
    use std::{
        io::{BufRead, BufReader, Read},
        net::{SocketAddr, TcpStream},
        path::Path,
        process::{Child, ChildStdout, Stdio},
        time::Duration,
    };

    use super::common::program;

    struct Server {
        link: TcpStream,
        addr: SocketAddr,
    }

    /// A demonstration, what it prints, and a connection to its server that says when that ends.
    fn demonstration(folder: &Path) -> (Child, BufReader<ChildStdout>, Server) {
        let mut demo =
            program().arg("demo").env("TMPDIR", folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(demo.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let addr = line.split("ws://").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
        let link = TcpStream::connect(addr).unwrap();
        link.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // Nobody knows any more where the other end was once it is gone.
        let addr = link.peer_addr().unwrap();
        (demo, output, Server { link, addr })
    }

    /// Waits until the server's end of a connection is closed, and checks that nobody listens there any more.
    fn ended(mut server: Server) {
        // Closed or reset, but not out of patience.
        if let Err(error) = server.link.read(&mut [0]) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        assert!(TcpStream::connect(server.addr).is_err(), "the server is there still");
    }

    #[test]
    fn a_demonstration_that_nobody_reads_any_more_ends_quietly_and_cleans_up() {
        let folder = tempfile::tempdir().unwrap();
        let (mut demo, output, server) = demonstration(folder.path());
        drop(output);
        let status = demo.wait().unwrap();
        assert!(status.success(), "{status}");
        ended(server);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the temporary folder is gone");
    }

    #[test]
    fn a_demonstration_that_is_killed_does_not_leave_its_server_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (mut demo, _output, server) = demonstration(folder.path());
        demo.kill().unwrap();
        demo.wait().unwrap();
        ended(server);
    }
}
