//! Many changes applied at once.
//!
//! Most changes are a letter typed on, or a letter deleted beside the last one. Such a run of one writer's is applied as one
//! operation: the document is then as if each had been applied alone, and that is what happens if the run cannot be.

use bytes::Bytes;

use super::{
    Opening, Origin,
    body::{
        Action, NUMBERS, Opened,
        form::{CONTINUES, DELETED, INSERT, SAME, TYPED_ON},
    },
    journal::Author,
};
use crate::{
    causal::{Change, ChangeLog},
    id::OpId,
    packed::{Unpacker, pack_bytes},
    proof::{Fault, planted},
};

/// The tag of several letters typed on.
const ALL_TYPED_ON: u8 = INSERT | SAME | CONTINUES;

/// A run of changes that can be one operation.
enum Run {
    /// Letters typed on.
    Typed(String),
    /// Characters with consecutive ids, deleted one by one from either end.
    Deleted { first: OpId, count: u64 },
}

impl Opening<'_> {
    /// Applies changes that have just been appended to the log, one after another.
    pub(super) fn apply_all(&mut self, log: &ChangeLog, changes: &[Change]) {
        let mut rest = changes;
        while let Some((first, _)) = rest.split_first() {
            let (run, len) = Run::of(rest);
            let (now, later) = rest.split_at(len);
            rest = later;
            let applied = match run {
                Some(Run::Typed(text)) if len > 1 => self.apply_typed(log, first, &text, len),
                // Each of them covers a number.
                Some(Run::Deleted { first: from, count }) if len > 1 && first.seq <= NUMBERS - count => {
                    self.apply_deleted(first, from, count)
                }
                _ => false,
            };
            if !applied {
                now.iter().for_each(|change| self.apply(log, change));
            }
        }
    }

    /// As one change that says the same as all of them.
    fn apply_typed(&mut self, log: &ChangeLog, first: &Change, text: &str, len: usize) -> bool {
        let mut body = vec![ALL_TYPED_ON];
        pack_bytes(&mut body, text.as_bytes());
        self.try_apply(log, &Change { len: len as u64, body: body.into(), ..first.clone() }).is_ok()
    }

    /// As one operation. They name their own writer's characters, so that all of these were seen.
    fn apply_deleted(&mut self, change: &Change, first: OpId, count: u64) -> bool {
        let begin = self.state.begin(Author { replica: change.replica, clock: change.clock }, change.seq);
        let Some(container) = self.state.dictionary().last_text() else { return false };
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

impl Run {
    /// The run that some changes begin with, and how many of them it is; it is none if they begin with something else.
    fn of(changes: &[Change]) -> (Option<Self>, usize) {
        let writer = changes[0].replica;
        let mut run = None;
        let mut len = 0;
        for change in changes {
            let same = change.replica == writer || planted(Fault::WritersRunTogether);
            if !(same && change.len == 1 && Self::take(&mut run, change)) {
                break;
            }
            len += 1;
        }
        (run, len.max(1))
    }

    /// Takes in the next change if it goes on.
    fn take(run: &mut Option<Self>, change: &Change) -> bool {
        match (&mut *run, change.body.first()) {
            (None, Some(&TYPED_ON)) => *run = letter(&change.body).map(|letter| Self::Typed(letter.to_owned())),
            (None, Some(&DELETED)) => *run = target(change).map(|first| Self::Deleted { first, count: 1 }),
            (Some(Self::Typed(text)), Some(&TYPED_ON)) => {
                let Some(letter) = letter(&change.body) else { return false };
                text.push_str(letter);
            }
            (Some(Self::Deleted { first, count }), Some(&DELETED)) => {
                let Some(next) = target(change) else { return false };
                if next.seq.checked_add(1) == Some(first.seq) {
                    if !planted(Fault::DeletionsTurned) {
                        first.seq = next.seq;
                    }
                } else if first.seq.checked_add(*count) != Some(next.seq) {
                    return false;
                }
                *count += 1;
            }
            _ => return false,
        }
        run.is_some()
    }
}

/// The one letter behind a tag.
fn letter(body: &Bytes) -> Option<&str> {
    let letter = std::str::from_utf8(&body[1..]).ok()?;
    let mut chars = letter.chars();
    (chars.next().is_some() && chars.next().is_none()).then_some(letter)
}

/// The character of the writer's own that is deleted.
fn target(change: &Change) -> Option<OpId> {
    let mut bytes = Unpacker::new(change.body.slice(1..));
    let reference = bytes.number("a reference").ok().filter(|_| bytes.left() == 0)?;
    let own = reference > 0 && reference % 2 == 0;
    Some(OpId::new(change.replica, change.seq.checked_sub(reference / 2).filter(|_| own)?))
}
