//! Frames: any bytes that a link may carry.

use bytes::Bytes;
use crdt_socket_sync::{
    ReplicaId,
    wire::{Message, Writers},
};

use super::example_frames;

/// Any bytes are a message or not one, and a message survives its own frame.
///
/// The first byte says how many writers have short names.
///
/// # Panics
///
/// If they do not hold.
pub fn frame(bytes: &[u8]) {
    let Some((first, frame)) = bytes.split_first() else { return };
    let mut names = Writers::default();
    (1..=u64::from(first % 4)).for_each(|writer| names.introduce(ReplicaId::new(writer)));
    let frame = Bytes::copy_from_slice(frame);
    let about = Message::document_of(&frame);
    let Ok(message) = Message::decode(frame, &names) else { return };
    let again = message.encode(&names);
    assert_eq!(Message::document_of(&again), about);
    let read = Message::decode(again.clone(), &names);
    assert_eq!(read.as_ref(), Ok(&message));
    assert_eq!(message.encode(&names), again);
}

/// Every legal message, with and without short names.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    example_frames().iter().flat_map(|frame| [0, 3].map(|first| [&[first], &frame[..]].concat())).collect()
}
