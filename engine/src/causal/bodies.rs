//! Where the bodies of a log's changes lie: small ones side by side in large pieces of memory.
//!
//! Most bodies are a few bytes, and a slice of the frame they came in. In memory of its own each would cost several times
//! its size, and as a slice it would hold the whole frame.

use bytes::{Bytes, BytesMut};

/// A body of more bytes is kept as it came.
const SMALL: usize = 1 << 10;
const FIRST: usize = 1 << 8;
const LARGEST: usize = 1 << 16;

/// The piece that is being filled. What is full belongs to the bodies in it.
#[derive(Clone, Default)]
pub(super) struct Bodies {
    piece: BytesMut,
    size: usize,
}

impl Bodies {
    /// The same bytes, beside those that were kept before.
    pub(super) fn keep(&mut self, body: &[u8]) -> Bytes {
        if body.is_empty() {
            return Bytes::new();
        }
        if self.piece.capacity() < body.len() {
            self.size = (2 * self.size).clamp(FIRST, LARGEST).max(body.len());
            self.piece = BytesMut::with_capacity(self.size);
        }
        self.piece.extend_from_slice(body);
        self.piece.split().freeze()
    }

    /// The same for a body that may be large: then it stays where it is.
    pub(super) fn keep_small(&mut self, body: Bytes) -> Bytes {
        if body.len() > SMALL { body } else { self.keep(&body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_as_it_was() {
        let mut bodies = Bodies::default();
        let body = |number: usize| vec![number as u8; [0, 3, 40, 700, 3_000][number % 5]];
        let kept: Vec<_> = (0..5_000).map(|number| bodies.keep_small(body(number).into())).collect();
        assert!(kept.iter().enumerate().all(|(number, kept)| *kept == body(number)));
    }
}
