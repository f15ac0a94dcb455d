//! What a replay has come to, for people and for programs.

use std::{fmt, process::ExitCode, time::Duration};

use ciborium::Value;
use crdt_socket_sync_websocket::{Client, Direction, Doc, Runtime, Traffic};
use serde::Serialize;

use super::{Args, TEXT};
use crate::{connect, failure::Failure, hash::text_hash, trace::Trace};

/// Frames that brought a single change of one operation: what a remote keystroke costs.
///
/// Only those in steady state count: the first change of a writer brings the writer's id along.
#[derive(Clone, Copy, Default, Debug, Serialize)]
pub(super) struct Keystrokes {
    frames: u64,
    bytes: u64,
    largest: u64,
}

/// A frame that is larger than this has more in it than a keystroke.
const KEYSTROKE_MOST: usize = 1_024;

impl Keystrokes {
    /// Takes note of a frame, if it is one.
    pub(super) fn count(&mut self, direction: Direction, wire_bytes: usize, frame: &[u8]) {
        if direction == Direction::In && frame.len() <= KEYSTROKE_MOST && is_keystroke(frame) {
            let bytes = wire_bytes as u64;
            self.frames += 1;
            self.bytes += bytes;
            self.largest = self.largest.max(bytes);
        }
    }

    fn mean(&self) -> f64 {
        if self.frames == 0 { 0.0 } else { self.bytes as f64 / self.frames as f64 }
    }
}

/// Whether a frame is `[10, doc, [], [[writer, seq, 1, …]]]`.
fn is_keystroke(frame: &[u8]) -> bool {
    let Ok(Value::Array(message)) = ciborium::from_reader::<Value, _>(frame) else { return false };
    let [kind, _, Value::Array(introduced), Value::Array(changes), ..] = &message[..] else { return false };
    let [Value::Array(change)] = &changes[..] else { return false };
    *kind == Value::from(10) && introduced.is_empty() && change.get(2) == Some(&Value::from(1))
}

/// One client's document in the end, and what its connection has carried.
#[derive(Serialize)]
pub(super) struct Replica {
    hash: String,
    chars: usize,
    digest: String,
    frames_in: u64,
    frames_out: u64,
    bytes_in: u64,
    bytes_out: u64,
    #[serde(skip)]
    text: String,
}

impl Replica {
    pub(super) fn of<R: Runtime>(client: &Client<R>, doc: &Doc) -> Result<Self, Failure> {
        let (text, digest) =
            doc.read(|document| (document.text(TEXT).to_string(), document.digest())).map_err(connect::misuse)?;
        let Traffic { frames_in, frames_out, bytes_in, bytes_out, .. } = client.traffic();
        Ok(Self {
            hash: text_hash(&text),
            chars: text.chars().count(),
            digest: format!("{:032x}", u128::from_be_bytes(digest)),
            frames_in,
            frames_out,
            bytes_in,
            bytes_out,
            text,
        })
    }
}

#[derive(Serialize)]
pub(super) struct Summary {
    runtime: &'static str,
    transactions: usize,
    edits: usize,
    /// Until the last edit was made.
    seconds_typing: f64,
    /// Until every replica had everything and the server had stored it.
    seconds: f64,
    frames_in: u64,
    frames_out: u64,
    bytes_in: u64,
    bytes_out: u64,
    keystroke_frames: u64,
    keystroke_bytes_mean: f64,
    keystroke_bytes_most: u64,
    replicas: Vec<Replica>,
    equal: bool,
    as_recorded: bool,
}

impl Summary {
    pub(super) fn new(
        args: &Args,
        trace: &Trace,
        [typed, took]: [Duration; 2],
        replicas: Vec<Replica>,
        keystrokes: Keystrokes,
    ) -> Self {
        let sum = |of: fn(&Replica) -> u64| replicas.iter().map(of).sum();
        Self {
            runtime: args.runtime.name(),
            transactions: trace.txns().len(),
            edits: trace.edits(),
            seconds_typing: typed.as_secs_f64(),
            seconds: took.as_secs_f64(),
            frames_in: sum(|replica| replica.frames_in),
            frames_out: sum(|replica| replica.frames_out),
            bytes_in: sum(|replica| replica.bytes_in),
            bytes_out: sum(|replica| replica.bytes_out),
            keystroke_frames: keystrokes.frames,
            keystroke_bytes_mean: keystrokes.mean(),
            keystroke_bytes_most: keystrokes.largest,
            equal: replicas.windows(2).all(|pair| pair[0].digest == pair[1].digest),
            as_recorded: replicas.iter().all(|replica| replica.text == trace.end),
            replicas,
        }
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        if self.equal && self.as_recorded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |good| if good { "yes ✓" } else { "NO ✗" };
        writeln!(f, "transactions    {}, {} edits", self.transactions, self.edits)?;
        writeln!(
            f,
            "time            {:.2} s, of which {:.2} s until the last edit was made ({})",
            self.seconds, self.seconds_typing, self.runtime
        )?;
        writeln!(f, "to the server   {} frames, {} bytes", self.frames_out, self.bytes_out)?;
        writeln!(f, "from the server {} frames, {} bytes", self.frames_in, self.bytes_in)?;
        if self.keystroke_frames > 0 {
            writeln!(
                f,
                "keystroke       {:.1} bytes on the wire, at most {} (in {} frames with one from someone else)",
                self.keystroke_bytes_mean, self.keystroke_bytes_most, self.keystroke_frames
            )?;
        }
        for (index, replica) in self.replicas.iter().enumerate() {
            let Replica { hash, chars, frames_in, frames_out, bytes_in, bytes_out, .. } = replica;
            writeln!(
                f,
                "replica {index:<7} {hash}, {chars} chars; out {frames_out} frames, {bytes_out} bytes; \
                 in {frames_in} frames, {bytes_in} bytes"
            )?;
        }
        writeln!(f, "all equal       {}", yes(self.equal))?;
        writeln!(f, "as recorded     {}", yes(self.as_recorded))
    }
}
