//! Operations out of a journal: what a body says of the steps that a change took.
//!
//! Nothing is copied: an operation that was made of several steps, such as letters typed one by one, lies in one piece
//! among what its writer ever inserted.

use bytes::Bytes;

use super::{
    body::{self, Action, Dictionary, Writing},
    container::{Container, ContainerKind, Item, Stamp, Value},
    journal::Step,
    local::LocalId,
    sequence::{Origins, Removed, Saying, Sequences},
    writes::key_text,
};
use crate::id::{OpId, ReplicaId};

/// What there is to tell from.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    pub(super) sequences: &'a Sequences,
    pub(super) containers: &'a [Container],
    /// Whose steps they are.
    pub(super) own: ReplicaId,
}

impl Telling<'_> {
    /// Writes what some steps are.
    pub(super) fn write(self, mut steps: &[Step], writing: &mut Writing<'_>) {
        while let Some((first, rest)) = steps.split_first() {
            let Some(container) = first.container() else {
                steps = rest;
                continue;
            };
            let len = self.one_operation(container, steps);
            let (operation, later) = steps.split_at(len);
            self.write_operation(container, operation, writing);
            steps = later;
        }
    }

    /// The body of steps that are one letter typed on, or one deleted nearby, in what the writer's last operation wrote to: what
    /// nearly every edit is. `None` if they are something else; the body is [written](Self::write) then. `scratch` is empty.
    pub(super) fn letter(
        self,
        steps: &[Step],
        last: usize,
        dictionary: &mut Dictionary,
        scratch: &mut Vec<u8>,
    ) -> Option<Bytes> {
        match *steps {
            [Step::Inserted { container, first, len: 1, origins: Origins { left, right }, said, .. }]
                if container == last =>
            {
                let Saying::Text(text) = self.sequences.saying(first, said) else { return None };
                let &[letter] = text.as_bytes() else { return None };
                let follows = left.is_some_and(|left| left.plus(1) == first);
                let typed_on = follows && dictionary.type_on(self.name(first).seq, right.map(|right| self.name(right)));
                typed_on.then(|| body::typed_on(letter))?
            }
            [Step::Deleted { container, seq, removed: Removed { first, len: 1, .. } }] if container == last => {
                let first = self.name(self.containers[container].content.element(first));
                let back = seq.checked_sub(first.seq).filter(|_| first.replica == self.own)?;
                dictionary.note_deletion();
                Some(body::deleted(back, scratch))
            }
            _ => None,
        }
    }

    /// How many of some steps are their first operation.
    fn one_operation(self, container: usize, steps: &[Step]) -> usize {
        let mut len = 1;
        for (at, step) in steps.iter().enumerate().skip(1) {
            match step.container() {
                None => {}
                Some(its) if its == container && self.goes_on(&steps[len - 1], step) => len = at + 1,
                Some(_) => break,
            }
        }
        len
    }

    /// Whether two steps in the same container, one right after the other, are one operation.
    fn goes_on(self, step: &Step, next: &Step) -> bool {
        match (step, next) {
            (Step::Inserted { first, len, origins, .. }, Step::Inserted { first: next, origins: its, .. }) => {
                let (op, next) = (self.name(*first), self.name(*next));
                let last = OpId::new(self.own, next.seq.saturating_sub(1));
                op.seq + u64::from(*len) == next.seq
                    && its.left.map(|left| self.name(left)) == Some(last)
                    && its.right == origins.right
            }
            (Step::Deleted { seq, .. }, Step::Deleted { seq: next, .. })
            | (Step::Untagged { seq, .. }, Step::Untagged { seq: next, .. }) => seq == next,
            // What it takes the place of was taken away just before.
            (Step::Untagged { seq, .. }, Step::Tagged { tag, .. }) => *seq == tag.seq,
            _ => false,
        }
    }

    /// Writes the operation that these steps are.
    fn write_operation(self, container: usize, steps: &[Step], writing: &mut Writing<'_>) {
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return };
        let Container { id, content } = &self.containers[container];
        let tags = || steps.iter().filter_map(Step::untagged).collect();
        let name = |item| self.name(item);
        let (seq, action): (u64, Action<&str, &[Item]>) = match first {
            Step::Created => return,
            Step::Inserted { first, origins: Origins { left, right }, said, .. } => {
                let (seq, left, right) = (name(*first).seq, left.map(name), right.map(name));
                let said = if let Step::Inserted { said: last, .. } = last { said.through(*last) } else { *said };
                match self.sequences.saying(*first, said) {
                    Saying::Text(text) => return writing.insert(seq, id, (left, right), text),
                    Saying::Items(items) => (seq, Action::InsertItems { left, right, items }),
                }
            }
            Step::Deleted { seq, removed, .. } => {
                let (mut first, mut count) = (name(content.element(removed.first)), 0);
                for step in steps {
                    if let Step::Deleted { removed, .. } = step {
                        first = name(content.element(removed.first)).min(first);
                        count += u64::from(removed.len);
                    }
                }
                return writing.delete(*seq, id, first, count);
            }
            Step::Moved { element, slot, origins: Origins { left, right }, .. } => {
                let (left, right) = (left.map(name), right.map(name));
                (name(*slot).seq, Action::Move { element: name(*element), left, right })
            }
            Step::Set { seq, element, value, .. } => {
                (*seq, Action::SetElement { element: name(*element), value: value.clone() })
            }
            Step::Written { seq, key: Some(key), value, .. } => {
                (*seq, Action::Map { key: key.clone(), value: value.clone() })
            }
            Step::Written { seq, key: None, value, .. } => {
                (*seq, Action::Register { value: value.as_ref().and_then(Value::plain).cloned() })
            }
            Step::Counted { seq, by, .. } => (*seq, Action::Count { by: *by }),
            Step::Untagged { seq, .. } | Step::Tagged { tag: Stamp { seq, .. }, .. } => match last {
                Step::Tagged { key, value, .. } => {
                    let name = key_text(key).filter(|_| id.kind == ContainerKind::OrMap);
                    let action = match name {
                        Some(name) => Action::Put { key: name.into(), value: value.clone(), over: tags() },
                        None => Action::Add { element: key.clone(), over: tags() },
                    };
                    (*seq, action)
                }
                _ => (*seq, Action::Remove { tags: tags() }),
            },
        };
        writing.operation(seq, id, &action);
    }

    #[inline]
    fn name(self, item: LocalId) -> OpId {
        self.sequences.ids.op(item)
    }
}
