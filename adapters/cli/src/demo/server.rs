//! The demonstration's server: this program once more, as a process of its own, so that it can be killed for real.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde::Deserialize;

use crate::failure::Failure;

/// A server process. It does not outlive this.
pub(super) struct Server {
    process: Child,
    pub(super) addr: SocketAddr,
}

#[derive(Deserialize)]
struct Listening {
    listening: String,
}

impl Server {
    /// Starts a server, and waits until it listens.
    pub(super) async fn start(listen: String, data: &Path) -> Result<Self, Failure> {
        let data = PathBuf::from(data);
        tokio::task::spawn_blocking(move || Self::start_blocking(&listen, &data)).await.map_err(Failure::bug)?
    }

    fn start_blocking(listen: &str, data: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe().map_err(Failure::bug)?;
        let process = Command::new(program)
            .args(["serve", "--json", "--with-stdin", "--listen", listen, "--data"])
            .arg(data)
            // Never written to: it ends with this process, however that ends, and the server with it.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Failure::new(format!("cannot start a server process: {error}"), "see what limits this one has")
            })?;
        // From here on, dropping it ends the process.
        let mut server = Self { process, addr: ([127, 0, 0, 1], 0).into() };
        let mut line = String::new();
        if let Some(stdout) = server.process.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).map_err(Failure::bug)?;
        }
        let listening: Option<Listening> = serde_json::from_str(&line).ok();
        let addr = listening.and_then(|listening| listening.listening.strip_prefix("ws://")?.parse().ok());
        match addr {
            Some(addr) => server.addr = addr,
            None => {
                let mut why = String::new();
                if let Some(mut stderr) = server.process.stderr.take() {
                    let _ = stderr.read_to_string(&mut why);
                }
                return Err(Failure::complete(why.trim_start_matches("error: ")));
            }
        }
        Ok(server)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends it without a warning: SIGKILL, where there are signals.
    pub(super) fn kill(mut self) -> Result<(), Failure> {
        self.process.kill().and_then(|()| self.process.wait()).map(|_| ()).map_err(Failure::bug)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
