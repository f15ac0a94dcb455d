//! What is left when someone has taken back all that they did, as far as that can be told from the changes alone.
//!
//! Told without replaying anything: what others have written has to be there, and what one has written oneself must not. What
//! is between, as when two have deleted the same, is left open.

use std::collections::{BTreeMap, BTreeSet};

use crdt_socket_sync::{
    Change, Document, OpId, ReplicaId,
    causal::Hlc,
    document::{Action, ContainerId, ContainerKind, Dictionary, Held, Operations, Value},
};

/// Whose a change is, to someone who takes back what they did.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Somebody else's, or their own from before they could take it back.
    Others,
    /// One that they take back.
    Them,
    /// One that takes back.
    Undoing,
}

/// What was written to one key, the last at the end.
type Writes = BTreeMap<(Hlc, OpId), (Option<Value>, By)>;

/// All that was done to the containers at the root, by whom.
#[derive(Default)]
struct Done {
    /// The characters of the text, and by whom each was deleted.
    characters: BTreeMap<OpId, (char, By)>,
    deleted: BTreeMap<OpId, Vec<By>>,
    counted: i128,
    /// The elements of the or-set, by tag; and the tags that others have removed.
    added: BTreeMap<OpId, (Vec<u8>, By)>,
    removed: BTreeSet<OpId>,
    /// What was written to each key of the map.
    written: BTreeMap<String, Writes>,
}

/// What is wrong with a document in which someone has taken back all that they did.
///
/// # Errors
///
/// If something of others is missing, or something of theirs is left.
pub fn check(document: &Document, changes: &[Change], by: impl Fn(&Change) -> By) -> Result<(), String> {
    let done = Done::of(changes, by);
    done.check_text(document)?;
    let count = document.counter("counter").value();
    if count != done.counted {
        return Err(format!("others have counted {}, and the counter is at {count}", done.counted));
    }
    done.check_set(document)?;
    done.check_map(document)
}

impl Done {
    fn of(changes: &[Change], by: impl Fn(&Change) -> By) -> Self {
        let mut done = Self::default();
        let mut dictionaries = BTreeMap::<ReplicaId, Dictionary>::new();
        for change in changes {
            let dictionary = dictionaries.entry(change.replica).or_default();
            let Ok(operations) = Operations::decode(change, dictionary) else { continue };
            for operation in operations.list {
                let id = OpId::new(change.replica, operation.seq);
                done.take(id, change.clock, &operation.container, operation.action, by(change));
            }
        }
        done
    }

    fn take(&mut self, id: OpId, clock: Hlc, container: &ContainerId, action: Action, by: By) {
        let root = |kind, name| *container == ContainerId::root(kind, name);
        match action {
            Action::Insert { text, .. } if root(ContainerKind::Text, "text") => {
                let ids = (id.seq..).map(|seq| OpId { seq, ..id });
                self.characters.extend(ids.zip(text.chars().map(|char| (char, by))));
            }
            Action::Delete { first, count } if root(ContainerKind::Text, "text") => {
                let ids = (first.seq..first.seq + count).map(|seq| OpId { seq, ..first });
                ids.for_each(|id| self.deleted.entry(id).or_default().push(by));
            }
            Action::Count { by: more } if root(ContainerKind::Counter, "counter") && by == By::Others => {
                self.counted += i128::from(more);
            }
            Action::Add { element, over } if root(ContainerKind::OrSet, "set") => {
                self.added.insert(id, (element.to_vec(), by));
                self.removed.extend(over.into_iter().filter(|_| by == By::Others));
            }
            Action::Remove { tags } if root(ContainerKind::OrSet, "set") => {
                self.removed.extend(tags.into_iter().filter(|_| by == By::Others));
            }
            Action::Map { key, value } if root(ContainerKind::Map, "map") => {
                let writes = self.written.entry(key.to_string()).or_default();
                writes.insert((clock, id), (value, by));
            }
            _ => {}
        }
    }

    /// What others have typed and not deleted is there, at least as often as it has to be; what they have typed may be there; and
    /// nothing else is.
    fn check_text(&self, document: &Document) -> Result<(), String> {
        let mut most = BTreeMap::<char, i64>::new();
        let mut least = BTreeMap::<char, i64>::new();
        for (id, (char, by)) in &self.characters {
            let deleted = self.deleted.get(id).map_or(&[][..], Vec::as_slice);
            let by_others = deleted.contains(&By::Others);
            match by {
                By::Others => {
                    *most.entry(*char).or_default() += i64::from(!by_others || deleted.contains(&By::Them));
                    *least.entry(*char).or_default() += i64::from(!by_others);
                }
                // What came back in place of something may have been deleted by others then.
                By::Undoing if by_others => *least.entry(*char).or_default() -= 1,
                _ => {}
            }
        }
        let mut there = BTreeMap::<char, i64>::new();
        document.text("text").chars().for_each(|char| *there.entry(char).or_default() += 1);
        let count = |counts: &BTreeMap<char, i64>, char| counts.get(char).copied().unwrap_or(0);
        for char in there.keys().chain(least.keys()) {
            let (least, there, most) = (count(&least, char), count(&there, char), count(&most, char));
            if there < least || there > most {
                return Err(format!(
                    "others have typed {char:?} {least} to {most} times, and it is there {there} times"
                ));
            }
        }
        Ok(())
    }

    fn check_set(&self, document: &Document) -> Result<(), String> {
        let there: BTreeSet<_> = document.or_set::<()>("set").encoded().map(|element| element.to_vec()).collect();
        for (tag, (element, by)) in &self.added {
            if *by == By::Others && !self.removed.contains(tag) && !there.contains(element) {
                return Err(format!("others have added {element:?}, and it is gone"));
            }
        }
        let by_others = |element: &Vec<u8>| self.added.values().any(|(one, by)| one == element && *by == By::Others);
        match there.iter().find(|element| !by_others(element)) {
            Some(element) => Err(format!("nobody else has added {element:?}, and it is there")),
            None => Ok(()),
        }
    }

    fn check_map(&self, document: &Document) -> Result<(), String> {
        let there: BTreeMap<_, _> = document.map::<()>("map").held().collect();
        for (key, writes) in &self.written {
            let last = writes.last_key_value().map(|(_, (value, by))| (value.as_ref(), *by));
            let held = there.get(key.as_str());
            match last {
                Some((Some(Value::Plain(bytes)), By::Others)) if held != Some(&Held::Value(bytes)) => {
                    return Err(format!("others have written {bytes:?} at {key:?} last, and there is {held:?}"));
                }
                _ if held.is_some() && writes.values().all(|(_, by)| *by != By::Others) => {
                    return Err(format!("nobody else has written at {key:?}, and there is {held:?}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
