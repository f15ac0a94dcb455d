//! Whole worlds, as a program says.

use crdt_socket_sync_loopback::program::{Mix, Program};

use crate::suite;

/// Whatever happens to clients, a server, their links, stores and clocks: in the end everyone has the same, and what else
/// [`program`](crdt_socket_sync_loopback::program) and [`Twin`](crate::judge::Twin) name.
///
/// # Panics
///
/// If not.
pub fn program(bytes: &[u8]) {
    if let Err(failure) = suite::run(&Program::from_bytes(bytes)) {
        panic!("{failure}");
    }
}

/// The program as a table.
pub(super) fn tell(bytes: &[u8]) -> String {
    Program::from_bytes(bytes).to_string()
}

/// Programs of every mix.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let of = |mix: &Mix| (0..16).map(|number| suite::program(mix, 0, number).to_bytes()).collect::<Vec<_>>();
    Mix::ALL.iter().flat_map(of).collect()
}
