//! One agent: its shadow, and how it keeps it at the version that each transaction was made in.

use std::{
    future::poll_fn,
    sync::{Arc, PoisonError, atomic::Ordering},
    task::Poll,
    time::{SystemTime, UNIX_EPOCH},
};

use crdt_socket_sync::{
    Change, Document, Level, Limits, OpId, Replica, Wall,
    document::{EditError, Edited},
};
use crdt_socket_sync_websocket::{Doc, Runtime};

use super::{Shared, TEXT};
use crate::{connect, failure::Failure, trace::Transaction};

/// How many operations an agent may be ahead of what the server has confirmed.
const AHEAD_MOST: u64 = 1_000;

/// How many transactions are made before other tasks have their turn.
const TURN: usize = 16;

pub(super) struct Agent {
    index: usize,
    doc: Doc,
    shadow: Document,
    /// How many transactions of each agent the shadow has.
    has: Vec<u32>,
    limits: Limits,
    shared: Arc<Shared>,
}

impl Agent {
    pub(super) fn new(index: usize, doc: Doc, shared: Arc<Shared>) -> Self {
        let shadow = Document::new(shared.replicas[index]);
        Self { index, doc, shadow, has: vec![0; shared.trace.agents()], limits: Limits::default(), shared }
    }

    /// Makes all of the agent's transactions.
    pub(super) async fn run<R: Runtime + Default>(mut self) -> Result<(), Failure> {
        let shared = self.shared.clone();
        let me = self.index;
        let own = shared.trace.txns().iter().enumerate().filter(|(_, txn)| txn.agent == me);
        for (turn, (index, txn)) in own.enumerate() {
            if let Some(wait) = shared.due(index) {
                R::default().sleep(wait).await;
            } else if turn % TURN == 0 {
                give_way().await;
            }
            if self.doc.pending(Level::Received) > AHEAD_MOST {
                self.doc.synced(Level::Received).await.map_err(|error| connect::not_synced(self.doc.name(), &error))?;
            }
            self.catch_up(shared.trace.seen(index)).await?;
            self.make(index, txn)?;
            self.has[me] += 1;
            shared.made.fetch_add(1, Ordering::Relaxed);
            shared.bar.inc(1);
        }
        Ok(())
    }

    /// Brings the shadow to the version in which a transaction was made, waiting for what has not arrived yet.
    async fn catch_up(&mut self, seen: &[u32]) -> Result<(), Failure> {
        let me = self.index;
        let wanted = |agent: &usize| *agent != me && seen[*agent] > self.has[*agent];
        let behind: Vec<_> = (0..seen.len()).filter(wanted).map(|agent| (agent, seen[agent])).collect();
        if behind.is_empty() {
            return Ok(());
        }
        let (shared, needed) = (self.shared.clone(), behind.clone());
        let arrived = self.doc.until(move |document| {
            needed.iter().all(|(agent, count)| {
                let end = shared.end_of(*agent, *count);
                end.is_some_and(|end| document.log().version().next(shared.replicas[*agent]) >= end)
            })
        });
        arrived.await.map_err(|error| connect::not_synced(self.doc.name(), &error))?;

        for change in self.missing(&behind)? {
            self.shadow.receive(change, &self.limits).map_err(Failure::bug)?;
        }
        while self.shadow.poll_event().is_some() {}
        for (agent, count) in behind {
            self.has[agent] = count;
        }
        Ok(())
    }

    /// The changes that the shadow lacks of some agents' first transactions, in an order in which it can take them in.
    fn missing(&self, behind: &[(usize, u32)]) -> Result<Vec<Change>, Failure> {
        let mut wanted = Vec::new();
        for (agent, count) in behind {
            let replica = self.shared.replicas[*agent];
            wanted.push((replica, self.shadow.log().version().next(replica), self.shared.end_of(*agent, *count)));
        }
        let changes = self.doc.read(|document| {
            let log = document.log();
            let mut positions = Vec::new();
            for (replica, from, to) in wanted {
                let mut seq = from;
                while to.is_some_and(|to| seq < to) {
                    let Some(position) = log.position(OpId::new(replica, seq)) else { break };
                    seq = log.get(position).map_or(seq, |change| change.end());
                    positions.push(position);
                }
            }
            positions.sort_unstable();
            positions.into_iter().filter_map(|position| log.get(position)).collect()
        });
        changes.map_err(connect::misuse)
    }

    /// Makes one transaction in the shadow, and hands what comes of it to the client.
    fn make(&mut self, index: usize, txn: &Transaction) -> Result<(), Failure> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = Wall::from_millis(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX));
        let edited = self.shadow.edit(wall, |edit| {
            let mut text = edit.text(TEXT);
            for patch in &txn.patches {
                text.replace(patch.0, patch.1, &patch.2)?;
            }
            Ok::<_, EditError>(())
        });
        let Edited { change, .. } = edited.map_err(|error| {
            Failure::new(
                format!("transaction {index} of the recording cannot be made: {error}"),
                "use a sound recording",
            )
        })?;
        while self.shadow.poll_event().is_some() {}
        // Before it leaves: whoever receives it must know by then what it is.
        let end = self.shadow.log().version().next(self.shadow.replica_id());
        self.shared.ends[self.index].lock().unwrap_or_else(PoisonError::into_inner).push(end);
        self.doc.merge(change).map_err(connect::not_edited)
    }
}

impl Shared {
    /// The operation number after the `count`-th transaction of an agent, if that is made.
    fn end_of(&self, agent: usize, count: u32) -> Option<u64> {
        let ends = self.ends[agent].lock().unwrap_or_else(PoisonError::into_inner);
        (count as usize).checked_sub(1).and_then(|index| ends.get(index).copied())
    }
}

/// Lets other tasks of the same thread have their turn.
async fn give_way() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
