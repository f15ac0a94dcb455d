//! Which changes go into the next frame.

use std::ops::Range;

use crate::{
    causal::{Change, ChangeLog, LogPosition},
    packed::packed_len,
    proof::{Fault, Situation, note, planted},
};

/// A stretch of a log, and the changes in it that go into one frame.
pub(crate) struct Batch {
    /// Where the next frame goes on.
    pub(crate) to: LogPosition,
    /// What to send; empty if all of the stretch was to be passed over.
    pub(crate) changes: Vec<Change>,
    /// Whether anything was passed over, so that this batch suits only the link it was made for.
    pub(crate) partial: bool,
}

/// Collects changes of a stretch until a frame of `bytes` is full, passing over those that `skip` names.
///
/// At least one change is taken however large it is. Where a batch ends depends on nothing but where it begins and what
/// is passed over: links that stand at the same place get the same batch, which is encoded once.
pub(crate) fn next_batch(
    log: &ChangeLog,
    stretch: Range<LogPosition>,
    bytes: usize,
    mut skip: impl FnMut(LogPosition, &Change) -> bool,
) -> Batch {
    let mut batch = Batch { to: stretch.start, changes: Vec::new(), partial: false };
    let mut size = 0;
    for change in log.range(stretch) {
        if skip(batch.to, &change) {
            batch.partial = true;
        } else {
            let change_size = encoded_bytes(&change);
            if size > 0 && size + change_size > bytes && !planted(Fault::BatchUnbounded) {
                note(Situation::BatchFull);
                if planted(Fault::BatchBoundaryLosesChange) {
                    batch.to += 1;
                }
                break;
            }
            size += change_size;
            batch.changes.push(change);
        }
        batch.to += 1;
    }
    batch
}

/// A bound on a change's size in a frame: exact but for its replicas, which are taken to be named in full.
pub(crate) fn encoded_bytes(change: &Change) -> usize {
    /// Zero, and eight bytes.
    const REPLICA: usize = 9;
    /// The head of a byte string of less than 4 GiB, the flags and the counter of the clock.
    const AROUND: usize = 5 + 1 + 3;
    let deps: usize = change.deps.iter().map(|dep| REPLICA + packed_len(dep.seq)).sum();
    let numbers = [change.seq, change.len, change.clock.millis(), change.deps.len() as u64];
    AROUND + REPLICA + numbers.map(packed_len).iter().sum::<usize>() + deps + change.body.len()
}
