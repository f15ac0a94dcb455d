//! A server in the hands of a hostile peer.

use bytes::Bytes;

use super::{each_example_and_all, pieces};
use crate::hostile::{Siege, State};

/// A server takes any frames from one peer, and its other clients notice nothing.
///
/// The first byte chooses how far the hostile link has come; every piece is a frame.
///
/// # Panics
///
/// If they do.
pub fn hostile_server(bytes: &[u8]) {
    let Some((state, frames)) = bytes.split_first() else { return };
    let mut siege = Siege::new(State::ALL[usize::from(*state) % State::ALL.len()]);
    for frame in pieces(frames) {
        siege.send(Bytes::copy_from_slice(frame));
    }
    siege.work();
    assert!(siege.undisturbed(), "an honest client lost its link");
}

/// Every legal message at every state, alone and all in a row.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    each_example_and_all(State::ALL.len())
}
