//! cola, which keeps where characters are and not the characters.
//!
//! So the length of its text is all that can be checked, and what it sends and saves is no document. Changes are encoded
//! with serde and bincode, as its tests do; the byte by which bincode tells an insertion from a deletion is in.

use cola::{Deletion, Insertion, Replica};
use serde::{Deserialize, Serialize};

use crate::library::{Edit, Family, Library, Measure, Setup, Shown};

pub(crate) struct Cola {
    replica: Replica,
}

#[derive(Serialize, Deserialize)]
enum Operation {
    Insertion(Insertion),
    Deletion(Deletion),
}

impl Cola {
    fn operations(&mut self, edit: Edit) -> impl Iterator<Item = Operation> + use<> {
        let Edit::Splice { at, deleted, inserted } = edit else { unreachable!("it has texts only") };
        let deletion = (deleted > 0).then(|| Operation::Deletion(self.replica.deleted(at..at + deleted)));
        // All texts that are written here are ASCII, or count as if they were.
        let inserted = inserted.len();
        let insertion = (inserted > 0).then(|| Operation::Insertion(self.replica.inserted(at, inserted)));
        deletion.into_iter().chain(insertion)
    }
}

impl Library for Cola {
    const NAME: &'static str = "cola";
    type Change = Vec<u8>;
    type Version = ();

    fn ways(measure: Measure, family: Family) -> &'static [&'static str] {
        match (measure, family) {
            (Measure::Local | Measure::Send | Measure::Remote, Family::Text) => &[""],
            _ => &[],
        }
    }

    fn new(setup: Setup<'_>) -> Self {
        Self { replica: Replica::new(1, 0).fork(setup.replica + 1) }
    }

    fn edit(&mut self, edit: Edit) {
        self.operations(edit).for_each(drop);
    }

    fn edit_encoded(&mut self, edit: Edit) -> Vec<u8> {
        let mut bytes = Vec::new();
        for operation in self.operations(edit) {
            bincode::serde::encode_into_std_write(operation, &mut bytes, bincode::config::standard())
                .expect("a vector takes anything");
        }
        bytes
    }

    fn receive(&mut self, mut change: &[u8]) {
        while !change.is_empty() {
            let (operation, read) = bincode::serde::decode_from_slice(change, bincode::config::standard())
                .expect("it has just been encoded");
            change = &change[read..];
            match operation {
                Operation::Insertion(insertion) => drop(self.replica.integrate_insertion(&insertion)),
                Operation::Deletion(deletion) => drop(self.replica.integrate_deletion(&deletion)),
            }
        }
    }

    fn shown(&mut self, _family: Family) -> Shown {
        Shown::Length(self.replica.len())
    }

    fn version(&mut self) {}
}
