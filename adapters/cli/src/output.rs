//! Standard output, for results; everything else goes to standard error.

use std::io::{ErrorKind, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Writes text as it is, with nothing added.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Failure::enough()),
        Err(error) => Err(Failure::new(format!("cannot write the result: {error}"), "see where the output goes")),
    }
}

/// Writes one line.
pub(crate) fn line(line: impl std::fmt::Display) -> Result<(), Failure> {
    text(&format!("{line}\n"))
}

/// Writes a value as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string(value).map_err(Failure::bug)?)
}

/// Says something to the person in front of the terminal.
pub(crate) fn say(line: impl std::fmt::Display) {
    // Nobody is there to be told that nobody can be told.
    let _ = writeln!(std::io::stderr(), "{line}");
}
