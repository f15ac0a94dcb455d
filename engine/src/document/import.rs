//! Many changes applied at once.
//!
//! Most changes are a letter typed on, or a letter deleted beside the last one. Such a run of one writer's is applied as one
//! operation: the document is then as if each had been applied alone, and that is what happens if the run cannot be.

use super::{
    Opening, Origin,
    body::{
        Action, NUMBERS, Opened,
        form::{CONTINUES, INSERT, SAME},
    },
    journal::Author,
    stretch::{DELETED, Side, TYPED_ON, deleted, deleted_on, letter, typed},
};
use crate::{
    causal::{Change, ChangeLog, ChangeRun},
    id::{OpId, ReplicaId},
    packed::pack_bytes,
    proof::{Fault, planted},
};

/// The tag of several letters typed on.
const ALL_TYPED_ON: u8 = INSERT | SAME | CONTINUES;

impl Opening<'_> {
    /// Applies the changes of a run that has just been appended to the log. `names` are replicas by the numbers that it calls
    /// them by.
    pub(super) fn apply_run(&mut self, log: &ChangeLog, mut run: ChangeRun<'_>, names: &[ReplicaId]) {
        while run.count > 0 {
            let mut rest = run.clone();
            let applied = match run.alike().2.first() {
                Some(&TYPED_ON) if run.len == 1 => {
                    let text = take_typed(&mut rest);
                    let count = run.count - rest.count;
                    count > 1 && self.apply_typed(log, &run, names, count, &text)
                }
                Some(&DELETED) if run.len == 1 => match take_deleted(&mut rest) {
                    // Each of them covers a number.
                    Some((first, count)) if count > 1 && run.seq <= NUMBERS - count => {
                        self.apply_deleted(&run.header(names), first, count)
                    }
                    _ => false,
                },
                _ => false,
            };
            if applied {
                run = rest;
            } else {
                // At least one.
                let last = rest.count.min(run.count - 1);
                while run.count > last {
                    self.apply(log, &run.change(names));
                    run.skip(1);
                }
            }
        }
    }

    /// As one change that says the same as all of them.
    fn apply_typed(
        &mut self,
        log: &ChangeLog,
        run: &ChangeRun<'_>,
        names: &[ReplicaId],
        count: usize,
        text: &str,
    ) -> bool {
        let mut body = vec![ALL_TYPED_ON];
        pack_bytes(&mut body, text.as_bytes());
        self.try_apply(log, &Change { len: count as u64, body: body.into(), ..run.header(names) }).is_ok()
    }

    /// As one operation. They name their own writer's characters, so that all of these were seen.
    fn apply_deleted(&mut self, change: &Change, first: u64, count: u64) -> bool {
        let begin = self.state.begin(Author { replica: change.replica, clock: change.clock }, change.seq);
        let Some(container) = self.state.dictionary().last_text() else { return false };
        let first = OpId::new(change.replica, first);
        let operation = Opened { seq: change.seq, container, action: Action::Delete { first, count } };
        if self.state.apply(operation).is_err() {
            self.state.return_to(begin);
            return false;
        }
        self.state.dictionary().note_deletion();
        self.report(Origin::Remote, change);
        true
    }
}

/// Passes over the letters typed on that a run begins with.
fn take_typed(run: &mut ChangeRun<'_>) -> String {
    let mut text = String::new();
    while run.count > 0 {
        let (size, _, bodies) = run.alike();
        let letters = typed(size, bodies);
        if letters > 0 {
            text.extend(bodies.chunks_exact(2).take(letters).map(|body| char::from(body[1])));
            run.skip(letters);
        } else {
            let Some(letter) = letter(&bodies[..size]) else { break };
            text.push_str(letter);
            run.skip(1);
        }
    }
    text
}

/// Passes over deletions of the writer's own characters that a run begins with, each beside those before: the number of the
/// first of these characters, and how many.
fn take_deleted(run: &mut ChangeRun<'_>) -> Option<(u64, u64)> {
    let (size, _, bodies) = run.alike();
    let mut first = deleted(run.seq, &bodies[..size])?;
    let mut last = first;
    run.skip(1);
    while run.count > 0 {
        let (size, _, bodies) = run.alike();
        let (side, count) = deleted_on(run.seq, size, bodies, Some((first, last)));
        if count == 0 {
            break;
        }
        match side {
            Side::Before if planted(Fault::DeletionsTurned) => last += count,
            Side::Before => first -= count,
            Side::Behind => last += count,
        }
        run.skip(count as usize);
    }
    Some((first, last - first + 1))
}
