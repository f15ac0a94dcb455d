//! `--record`: what a server or a client is told and does, in a file; and `check-record`, which replays that.

use std::{
    fs::{self, File, OpenOptions},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crdt_socket_sync_loopback::{ReplayError, Replayed, replay};
use crdt_socket_sync_websocket::{Client, ClientBuilder, Runtime};
use serde_json::json;

use crate::{Outcome, failure::Failure, output, runtime::done};

/// Whether to record.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordArgs {
    /// Record the session in a new file, for `check-record`: it holds documents, tokens and the session's secret
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl RecordArgs {
    /// The new file, if one was asked for. Nobody else may read it.
    pub(crate) fn file(&self) -> Result<Option<File>, Failure> {
        let Some(path) = &self.record else { return Ok(None) };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map(Some).map_err(|error| {
            let why = match error.kind() {
                ErrorKind::AlreadyExists => "there is such a file already".to_owned(),
                _ => error.to_string(),
            };
            Failure::new(format!("cannot record in {}: {why}", path.display()), "name a new file with --record")
        })
    }

    /// Takes back a file into which nothing was recorded.
    pub(crate) fn discard(&self) {
        if let Some(path) = &self.record {
            // It may stay: there is nothing in it.
            let _ = fs::remove_file(path);
        }
    }

    /// Connects a client, recorded if that was asked for.
    pub(crate) fn connect<R: Runtime + Default>(&self, url: &str) -> Result<Client<R>, Failure> {
        let builder: ClientBuilder<R> = Client::builder(url);
        Ok(match self.file()? {
            Some(file) => builder.record(file).connect(),
            None => builder.connect(),
        })
    }
}

/// Replay what `--record` has written, and compare every frame that comes out
///
///     crdt-socket-sync serve --record server.rec
///     crdt-socket-sync check-record server.rec
///
/// Ends with exit code 1 at the first difference.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The recording
    file: PathBuf,
}

pub(crate) fn run(args: Args, json: bool) -> Outcome {
    let path = args.file.display();
    let bytes = fs::read(&args.file).map_err(|error| {
        Failure::new(format!("cannot read {path}: {error}"), "give a file that --record has written")
    })?;
    let replayed = replay(bytes.into()).map_err(|error| not_equal(&args.file, &error))?;
    let Replayed { server, records, received, sent, cut, documents } = replayed;
    let side = if server { "server" } else { "client" };
    if json {
        let documents = documents.iter().map(|document| {
            let digest = format!("{:032x}", u128::from_be_bytes(document.digest));
            json!({ "doc": document.name, "changes": document.changes, "digest": digest })
        });
        let documents: Vec<_> = documents.collect();
        output::json(&json!({
            "equal": true, "side": side, "records": records, "frames_in": received, "frames_out": sent, "cut": cut,
            "documents": documents,
        }))?;
    } else {
        let end = if cut { "; it ends in the middle of a record" } else { "" };
        output::line(format_args!("equal: a {side}'s {records} records, {received} frames in, {sent} out{end}"))?;
    }
    done()
}

fn not_equal(path: &Path, error: &ReplayError) -> Failure {
    let path = path.display();
    match error {
        ReplayError::Differs(difference) => Failure::new(
            format!("{path} does not come out as it was recorded: {difference}"),
            "replay it with the version that has recorded it; if that is this one, please report it",
        ),
        error => Failure::new(format!("{path} is no recording: {error}"), "give a file that --record has written"),
    }
}
