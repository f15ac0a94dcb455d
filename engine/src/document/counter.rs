//! Counters: a sum to which everyone adds.

use std::collections::BTreeMap;

use super::{
    container::{ContainerId, Content},
    journal::State,
    transaction::EditError,
};
use crate::id::ReplicaId;

/// What everyone added, each writer's by itself: of two states of a counter, the one that has more of a writer's changes
/// knows its sum.
///
/// More additions than there can be would have to go one way for a sum to wrap.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Sums {
    total: i128,
    by_writer: BTreeMap<ReplicaId, i128>,
}

impl Sums {
    pub(super) const fn total(&self) -> i128 {
        self.total
    }

    /// The sums that are not 0.
    pub(super) const fn by_writer(&self) -> &BTreeMap<ReplicaId, i128> {
        &self.by_writer
    }

    pub(super) fn add(&mut self, writer: ReplicaId, by: i128) {
        self.set(writer, self.of(writer).wrapping_add(by));
    }

    /// What all that a writer added comes to.
    pub(super) fn of(&self, writer: ReplicaId) -> i128 {
        self.by_writer.get(&writer).copied().unwrap_or_default()
    }

    /// Says what that comes to.
    pub(super) fn set(&mut self, writer: ReplicaId, sum: i128) {
        self.total = self.total.wrapping_sub(self.of(writer)).wrapping_add(sum);
        if sum == 0 {
            self.by_writer.remove(&writer);
        } else {
            self.by_writer.insert(writer, sum);
        }
    }
}

/// A counter to be read. One that nobody has added to is at 0.
///
/// **All that is added counts.** When ann adds 2 while bob takes away 1, the counter that was at 5 is at 6 afterwards, for
/// everyone. There is no setting it: who wants to start again makes another one.
#[derive(Clone, Copy)]
pub struct CounterRef<'a> {
    content: Option<&'a Content>,
}

impl<'a> CounterRef<'a> {
    pub(super) fn of(state: &'a State, id: &ContainerId) -> Self {
        Self { content: state.content(id) }
    }

    /// The sum.
    pub const fn value(&self) -> i128 {
        match self.content {
            Some(Content::Counter(sums)) => sums.total(),
            _ => 0,
        }
    }
}

/// A counter to be edited, inside a transaction.
pub struct CounterMut<'a> {
    pub(super) state: &'a mut State,
    pub(super) id: ContainerId,
}

impl CounterMut<'_> {
    /// Which container it is.
    pub const fn id(&self) -> &ContainerId {
        &self.id
    }

    /// The counter as it stands in the transaction.
    pub fn view(&self) -> CounterRef<'_> {
        CounterRef::of(self.state, &self.id)
    }

    /// The sum as it stands in the transaction.
    pub fn value(&self) -> i128 {
        self.view().value()
    }

    /// Adds something, or takes it away if it is negative. Nothing is no edit.
    ///
    /// # Errors
    ///
    /// None of its own: [`EditError::Exhausted`].
    pub fn add(&mut self, by: i64) -> Result<(), EditError> {
        if by == 0 {
            return Ok(());
        }
        self.state.count(&self.id, by).ok_or(EditError::Exhausted)
    }
}
