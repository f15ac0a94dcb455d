//! Running the program from tests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]
#![allow(dead_code, reason = "not every test file uses everything")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crdt-socket-sync"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

/// Runs the program to a good end; its standard output.
pub(crate) fn good(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?} ended with {}: {stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the program to a bad end: one line that says what and what to do, and exit code 1. The line.
pub(crate) fn bad(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(stderr.starts_with("error: ") && stderr.contains(" — "), "{args:?}: {stderr}");
    stderr
}

/// A server process, killed when it is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_at("127.0.0.1:0", data)
    }

    pub(crate) fn start_at(listen: &str, data: &Path) -> Self {
        Self::launch(program(), listen, data, &[])
    }

    /// Starts a server that records its session.
    pub(crate) fn start_recorded(data: &Path, record: &Path) -> Self {
        Self::launch(program(), "127.0.0.1:0", data, &["--record", record.to_str().unwrap()])
    }

    /// Starts a server that finds the disk full once a file would have more than some hundred kilobytes.
    #[cfg(unix)]
    pub(crate) fn start_on_a_small_disk(data: &Path) -> Self {
        let mut shell = Command::new("sh");
        // Writing past the limit fails, as on a full disk; unless it is passed over, a signal would end the process.
        shell.args(["-c", "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_crdt-socket-sync")]);
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::launch(shell, "127.0.0.1:0", data, &[])
    }

    fn launch(mut program: Command, listen: &str, data: &Path, more: &[&str]) -> Self {
        program.args(["serve", "--json", "--listen", listen, "--data"]).arg(data).args(more);
        let mut process = program.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(listening) = serde_json::from_str::<Value>(&line) else {
            let mut stderr = String::new();
            process.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            panic!("the server does not start: {stderr}");
        };
        Self { process, url: listening["listening"].as_str().unwrap().to_owned() }
    }

    /// What it says on standard error, line by line.
    pub(crate) fn complaints(&mut self) -> std::sync::mpsc::Receiver<String> {
        let (sender, lines) = std::sync::mpsc::channel();
        let stderr = BufReader::new(self.process.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        lines
    }

    /// Where it listens, without the scheme.
    pub(crate) fn addr(&self) -> &str {
        self.url.trim_start_matches("ws://")
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to stop; how it has ended.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) -> std::process::ExitStatus {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.process.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes a recording: `agents` who type `each` transactions each, in rounds of which nobody sees the others' until the
/// next one. The path, and what the text is in the end.
pub(crate) fn recording(folder: &Path, agents: usize, each: usize) -> (PathBuf, String) {
    const ROUND: usize = 5;
    let line: String = (0..agents).map(|agent| format!("[{agent}]\n")).collect();
    let mut txns = vec![json!({ "agent": 0, "parents": [], "patches": [[0, 0, line]] })];
    let mut last = vec![0; agents];
    // What each agent has typed, and had typed when the round began.
    let mut typed = vec![String::new(); agents];
    for round in 0..each.div_ceil(ROUND) {
        let (before, heads) = (typed.clone(), last.clone());
        for agent in 0..agents {
            for turn in 0..ROUND.min(each - round * ROUND) {
                let parents = if turn == 0 { heads.clone() } else { vec![last[agent]] };
                // Behind the others' text as it was when the round began, and one's own as it is now.
                let others: usize = before[..agent].iter().map(|text| text.chars().count()).sum();
                let marks: usize = (0..=agent).map(|agent| format!("[{agent}]\n").len() - 1).sum::<usize>() + agent;
                let at = others + marks + typed[agent].chars().count();
                let text = ["é", "x", "😀", "y", "\u{3b6}"][turn];
                let patch = if turn == 3 {
                    typed[agent].pop();
                    json!([at - 1, 1, text])
                } else {
                    json!([at, 0, text])
                };
                typed[agent].push_str(text);
                last[agent] = txns.len();
                let mut parents: Vec<_> = parents;
                parents.dedup();
                txns.push(json!({ "agent": agent, "parents": parents, "patches": [patch] }));
            }
        }
    }
    let end: String = typed.iter().enumerate().map(|(agent, text)| format!("[{agent}]{text}\n")).collect();
    let trace = json!({ "kind": "concurrent", "numAgents": agents, "endContent": end, "txns": txns });
    let path = folder.join("recording.json.gz");
    let mut gzip = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    gzip.write_all(trace.to_string().as_bytes()).unwrap();
    gzip.finish().unwrap();
    (path, end)
}

/// The folder with recorded sessions, if there is one.
pub(crate) fn traces() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/traces");
    let folder = std::env::var_os("EDITING_TRACES").map_or_else(|| default.into(), PathBuf::from);
    folder.is_dir().then_some(folder)
}
