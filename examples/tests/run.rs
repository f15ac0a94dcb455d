//! Every example runs as it stands and does what it says.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

/// Far more than any of them takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn example(name: &str) -> Command {
    // Cargo builds a package's examples for its tests, into a folder beside theirs; but not if it is asked for this file of
    // tests alone, with `--test run`: then the examples are those of the last time.
    let tests = env::current_exe().expect("a test is a program");
    let folder = tests.ancestors().nth(2).expect("target/debug/deps").join("examples");
    let mut path: PathBuf = folder.join(name);
    path.set_extension(env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} was not built", path.display());
    let mut command = Command::new(path);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A program that is killed when the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a program to its end, which must be a good one. What it printed.
fn run(mut command: Command) -> String {
    let (done, outcome) = channel();
    let mut running = Running(command.spawn().expect("it starts"));
    let (out, err) = (running.0.stdout.take().expect("piped"), running.0.stderr.take().expect("piped"));
    let (out, err) = (gather(out), gather(err));
    thread::spawn(move || {
        let status = running.0.wait();
        let _ = done.send(status);
        drop(running);
    });
    let status = outcome.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{command:?} does not end")).expect("it ran");
    let output = Output { status, stdout: out.join().expect("read"), stderr: err.join().expect("read") };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}:\n{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn gather(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[test]
fn offline_merge() {
    assert_eq!(
        run(example("offline_merge")),
        "2 changes for Bob, 3 for Ann\nSaturday:\neggs\nbread\njam\n-- both show the same\n"
    );
}

#[test]
fn custom_transport() {
    let printed = run(example("custom_transport"));
    let end: Vec<_> = printed.lines().rev().take(3).collect();
    assert_eq!(end[0], "-- both have the same, and the server has 2 changes");
    let mut people = [end[1], end[2]];
    people.sort_unstable();
    assert_eq!(people, ["Ann was here", "Bob was here"]);
    assert!(!printed.contains("Fault"), "{printed}");
}

fn run_on(folder: &Path) -> String {
    let mut command = example("custom_storage");
    command.arg(folder);
    run(command)
}

#[test]
fn custom_storage() {
    let folder = tempfile::tempdir().expect("a folder");
    let (monday, tuesday) = ("Monday: it rained.\n", "Tuesday: it rained.\n");
    let first = run_on(folder.path());
    assert!(first.starts_with(&format!("before:\n{monday}after:\n{monday}{tuesday}-- 2 changes in ")), "{first}");
    let second = run_on(folder.path());
    assert!(second.starts_with(&format!("before:\n{monday}{tuesday}{monday}after:\n")), "{second}");
}

/// Where the records of a file of `custom_storage` end.
fn record_ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    while let Some(length) = bytes[ends[ends.len() - 1]..].first_chunk::<4>() {
        ends.push(ends[ends.len() - 1] + 12 + u32::from_be_bytes(*length) as usize);
    }
    ends
}

#[test]
fn custom_storage_cuts_off_what_was_half_written_and_touches_nothing_that_is_damaged() {
    let whole = tempfile::tempdir().expect("a folder");
    run_on(whole.path());
    let path = fs::read_dir(whole.path()).expect("a folder").next().expect("a file").expect("an entry").path();
    let bytes = fs::read(&path).expect("it was written");
    // The birth mark, Monday, Tuesday.
    let ends = record_ends(&bytes);
    assert_eq!((ends.len(), ends[3]), (4, bytes.len()));
    let with = |bytes: &[u8]| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(path.file_name().expect("a name")), bytes).expect("it can be written");
        folder
    };

    let (monday, tuesday) = ("Monday: it rained.\n", "Tuesday: it rained.\n");
    for cut in (ends[1]..=ends[3]).step_by(11).chain([0, 7, ends[2], ends[3]]) {
        let lines = [ends[2], ends[3]].into_iter().zip([monday, tuesday]).filter(|(end, _)| cut >= *end);
        let kept: String = lines.map(|(_, line)| line).collect();
        let printed = run_on(with(&bytes[..cut]).path());
        assert!(
            printed.starts_with(&format!("before:\n{kept}{monday}after:\n{kept}{monday}{tuesday}-- ")),
            "{cut}: {printed}"
        );
    }

    let mut damaged = bytes;
    damaged[ends[2] - 1] ^= 1;
    let folder = with(&damaged);
    let mut command = example("custom_storage");
    let mut running = Running(command.arg(folder.path()).spawn().expect("it starts"));
    let said = lines(running.0.stderr.take().expect("piped"));
    assert!(said.recv_timeout(PATIENCE).expect("it says something").contains("Corrupt"));
    assert!(!running.0.wait().expect("it ran").success());
    let file = folder.path().join(path.file_name().expect("a name"));
    assert_eq!(fs::read(file).expect("it is there"), damaged, "nothing was written over it");
}

#[test]
fn tokio_server_and_client() {
    let mut command = example("tokio_server");
    command.arg("127.0.0.1:0");
    let mut server = Running(command.spawn().expect("it starts"));
    let printed = lines(server.0.stdout.take().expect("piped"));
    let where_it_is = printed.recv_timeout(PATIENCE).expect("it says where it listens");
    let url = where_it_is.strip_prefix("listening at ").expect("it says where it listens");

    let client = |line| {
        let mut command = example("tokio_client");
        command.args([url, line]);
        run(command)
    };
    let stored = "-- 0 of our operations are not stored yet\n";
    assert_eq!(client("Ann was here"), format!("Ann was here\n{stored}"));
    assert_eq!(client("Bob was here"), format!("Ann was here\nBob was here\n{stored}"));

    // Ctrl-c, where there is a way to press it.
    if cfg!(unix) {
        let pressed = Command::new("kill").args(["-INT", &server.0.id().to_string()]).status();
        assert!(pressed.expect("there is a kill").success());
        let next = || printed.recv_timeout(PATIENCE);
        assert_eq!(next().as_deref(), Ok("stopping; documents loaded: 1"));
        assert_eq!(next().as_deref(), Ok("stopped, nothing is left to be stored"));
        assert_eq!(next(), Err(RecvTimeoutError::Disconnected));
        assert!(server.0.wait().expect("it ran").success());
    }
}

#[test]
fn a_client_without_a_server_says_so() {
    // A port that was free a moment ago.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let mut command = example("tokio_client");
    let output = command.arg(format!("ws://127.0.0.1:{port}")).output().expect("it runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("cannot connect to ws://127.0.0.1"), "{said}");
}
