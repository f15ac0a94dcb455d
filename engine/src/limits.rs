//! Every bound the engine keeps, each with what it costs at worst.

use std::time::Duration;

/// The engine's bounds. The defaults suit a server of a thousand clients on a small machine.
///
/// Sizes are in bytes *as encoded on the wire*, before any transport's own framing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest frame this side will read; announced to the peer, which never sends a larger one. An adapter gives
    /// the same bound to its transport. Worst case in memory: one such frame per link.
    pub frame_bytes: usize,
    /// Where a frame of many changes is cut, so that one document's backlog does not hold up another's keystroke on
    /// the same link. A single change may still be larger, up to `change_bytes`.
    pub batch_bytes: usize,
    /// The largest encoded change. An edit that would make a larger one is refused when it is made and leaves no trace;
    /// a server takes no larger one from anybody.
    pub change_bytes: usize,
    /// Changes in one block that is imported. Worst case in memory, while that is done: 100 bytes for each.
    pub block_changes: usize,
    /// Bytes of one such block when it is inflated. Worst case in memory, while it is imported: forty times as many,
    /// if nearly every operation is about another container.
    pub block_bytes: usize,
    /// The largest frame read from a peer that has not been admitted yet. Worst case: this much per unknown peer.
    pub greeting_bytes: usize,
    /// How long a peer may take to be greeted and admitted before its link is closed.
    pub greeting_time: Duration,
    /// The longest document name, in bytes.
    pub name_bytes: usize,
    /// How many documents one link may join. Worst case: a subscription of about 200 bytes each, and one loaded room
    /// for each name nobody else has open.
    pub joins_per_link: usize,
    /// Changes that wait in one document for others they depend on. Past this the document refuses the change.
    pub waiting_changes: usize,
    /// Bytes of bodies and dependencies that wait in one document; see `waiting_changes`.
    pub waiting_bytes: usize,
    /// Different writers a document may have had; each costs about 100 bytes in memory and 20 in a join.
    pub replicas: usize,
    /// What a snapshot that is loaded may come to in memory, at a rough estimate: what it inflates to, and what is built from
    /// that. Characters that were deleted count half a byte.
    pub snapshot_bytes: usize,
    /// How far ahead of this side's wall clock a change's clock may be before the change is refused.
    pub clock_ahead: Duration,
    /// How long a link may be quiet before the client pings. The server announces its value and the client follows it.
    /// A link without life for twice this long is taken for dead by either side.
    pub ping_interval: Duration,
    /// How long a room without links, and with everything stored, stays in memory.
    pub idle_unload: Duration,
    /// The first wait after a failed attempt to connect or to store; it doubles from there.
    pub retry_first: Duration,
    /// The longest wait between attempts. Attempts go on until told to stop.
    pub retry_most: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 1 << 20,
            batch_bytes: 16 << 10,
            change_bytes: 512 << 10,
            block_changes: 4 << 20,
            block_bytes: 64 << 20,
            greeting_bytes: 4 << 10,
            greeting_time: Duration::from_secs(10),
            name_bytes: 512,
            joins_per_link: 1_000,
            waiting_changes: 10_000,
            waiting_bytes: 16 << 20,
            replicas: 20_000,
            snapshot_bytes: 256 << 20,
            clock_ahead: Duration::from_secs(60),
            ping_interval: Duration::from_secs(15),
            idle_unload: Duration::from_secs(60),
            retry_first: Duration::from_millis(100),
            retry_most: Duration::from_secs(10),
        }
    }
}
