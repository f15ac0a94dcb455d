//! What a library has to do to be measured: one trait, implemented once per library in `libs`.

use std::collections::{BTreeMap, BTreeSet};

/// What kind of content a case is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Text,
    Map,
    List,
    Set,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Measure {
    /// Local edits, each a transaction.
    Local,
    /// The same, and each is encoded to be sent.
    Send,
    /// What others sent is taken in, one change at a time.
    Remote,
    /// The document with all of its history becomes bytes.
    Full,
    /// The document without its history becomes bytes.
    State,
    /// [`Full`](Self::Full) becomes a document again.
    Load,
    /// The last part of a history becomes bytes, and another document takes it in.
    Tail,
}

/// One edit. Each is a transaction of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    /// Deletes and then inserts characters in a text.
    Splice { at: usize, deleted: usize, inserted: &'static str },
    /// Sets a key of a map.
    Set { key: &'static str, value: u32 },
    /// Inserts into a list.
    Insert { at: usize, value: u32 },
    /// Adds a member to a set.
    Add { member: &'static str },
    /// Removes a member of a set.
    Remove { member: &'static str },
}

/// What a document shows, to be compared with what it should show.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Shown {
    Text(String),
    /// All that is known of a text: of a library that does not carry it, or because nobody can say what it should be.
    Length(usize),
    Map(BTreeMap<String, u32>),
    List(Vec<u32>),
    Set(BTreeSet<String>),
}

impl Shown {
    /// Whether both are the same, as far as both tell.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Length(length), Self::Text(text)) | (Self::Text(text), Self::Length(length)) => {
                text.chars().count() == *length
            }
            _ => self == other,
        }
    }
}

/// A document to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup<'a> {
    /// Who edits it: a small number, which most libraries write in fewer bytes than a random one.
    pub(crate) replica: u64,
    /// What it is edited as.
    pub(crate) family: Family,
    /// Which of the ways that the library gave is being measured.
    pub(crate) way: &'a str,
    /// Whether deleted content has to be kept, because the history is going to be saved.
    pub(crate) history: bool,
}

/// A library's document.
///
/// What [`ways`](Self::ways) has no way for is never called.
pub(crate) trait Library: Sized {
    /// As it is called on crates.io.
    const NAME: &'static str;
    /// An encoded change.
    type Change: AsRef<[u8]>;
    /// What a document holds, to say later what came after it.
    type Version;

    /// The ways in which the library can do this, of which the best counts, row by row; none if it cannot.
    fn ways(measure: Measure, family: Family) -> &'static [&'static str];

    fn new(setup: Setup<'_>) -> Self;

    /// Edits in a transaction.
    fn edit(&mut self, edit: Edit);

    /// Edits in a transaction and encodes what has to be sent.
    fn edit_encoded(&mut self, edit: Edit) -> Self::Change;

    /// Takes in what [`edit_encoded`](Self::edit_encoded) or [`since`](Self::since) gave.
    fn receive(&mut self, change: &[u8]);

    fn shown(&mut self, family: Family) -> Shown;

    /// The document with all of its history.
    fn full(&mut self) -> Vec<u8> {
        unreachable!("{} has no such way", Self::NAME)
    }

    /// The document without its history, to which changes that were made before can still be applied.
    fn state_only(&mut self) -> Vec<u8> {
        unreachable!("{} has no such way", Self::NAME)
    }

    /// From what [`full`](Self::full) or [`state_only`](Self::state_only) gave.
    fn load(_setup: Setup<'_>, _bytes: &[u8]) -> Self {
        unreachable!("{} has no such way", Self::NAME)
    }

    fn version(&mut self) -> Self::Version;

    /// Everything that came after a version.
    fn since(&mut self, _version: &Self::Version) -> Vec<u8> {
        unreachable!("{} has no such way", Self::NAME)
    }
}
