//! Many edits of one kind, and what they come to, by the plainest means.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    library::{Edit, Shown},
    random::Random,
    trace,
};

/// Edits, each a transaction.
pub(super) struct Workload {
    pub(super) edits: Vec<Edit>,
    pub(super) result: Shown,
}

impl Workload {
    /// The one of this name.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "paper" => Self::paper(),
            "map" => Self::map(),
            "list" => Self::list(),
            "set" => Self::set(),
            other => panic!("there is no workload {other}"),
        }
    }

    /// A paper written by one person, keystroke by keystroke.
    fn paper() -> Self {
        let trace = trace::read("automerge-paper").expect("the runner has looked for it");
        let edits = trace.txns.iter().flat_map(trace::Transaction::edits).collect();
        Self { edits, result: Shown::Text(trace.end_content) }
    }

    /// 100 000 times, one of 1 000 keys is set.
    fn map() -> Self {
        let keys = names("key", 1_000);
        let mut random = Random::new(1);
        let mut result = BTreeMap::new();
        let edits = (0..100_000).map(|value| {
            let key = keys[random.below(keys.len())];
            result.insert(key.to_owned(), value);
            Edit::Set { key, value }
        });
        Self { edits: edits.collect(), result: Shown::Map(result) }
    }

    /// 50 000 values, each inserted somewhere.
    fn list() -> Self {
        let mut random = Random::new(2);
        let mut result = Vec::new();
        let edits = (0..50_000).map(|value| {
            let at = random.below(result.len() + 1);
            result.insert(at, value);
            Edit::Insert { at, value }
        });
        Self { edits: edits.collect(), result: Shown::List(result) }
    }

    /// 50 000 times, one of 5 000 members is removed if it is in the set, and added if it is not.
    fn set() -> Self {
        let members = names("member", 5_000);
        let mut random = Random::new(3);
        let mut result = BTreeSet::new();
        let edits = (0..50_000).map(|_| {
            let member = members[random.below(members.len())];
            if result.remove(member) {
                Edit::Remove { member }
            } else {
                result.insert(member.to_owned());
                Edit::Add { member }
            }
        });
        Self { edits: edits.collect(), result: Shown::Set(result) }
    }
}

fn names(prefix: &str, count: usize) -> Vec<&'static str> {
    (0..count).map(|number| &*format!("{prefix}{number}").leak()).collect()
}
