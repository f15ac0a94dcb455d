//! Programs for documents that exchange changes in any order, some of them hostile: what four people do one after another.
//!
//! Any byte string is a legal program, so a random one can be drawn, a failing one shrinks by itself, a fuzzer can mutate
//! one, and one that failed is kept as a small file. The first byte says what kind of program it is; from there on every
//! four bytes are a step `[verb, a, b, c]`. Every number is taken modulo what there is, and leaving out any step leaves a
//! legal program. [`Program`] is printed as a table.
//!
//! What must hold is said in [`world`].

pub mod edit;
pub mod lists;
mod pruned;
mod united;
pub mod world;

use std::fmt;

use edit::Edit;

/// More steps than this are not looked at: the naive twin is slow.
pub const MOST_STEPS: usize = 80;
/// For the same reason, what is pasted in one program has no more characters than this.
const MOST_PASTED: usize = 400;

const PEOPLE: [&str; 4] = ["ann", "bob", "cyd", "dan"];
const WORDS: [&str; 8] = ["a", "bc", "😀", "x𐐷y", "Hello", "é\u{301}", "12345678", "🎉🎉"];

/// What four people, and those who pretend to be others like them, do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Whether some writers are hostile.
    pub hostile: bool,
    /// Whether it is about lists.
    pub lists: bool,
    /// Whether half of the people get what they still lack in the end in reverse.
    pub reverse: bool,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One line of a program. People are numbered from zero.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Someone edits.
    Edit {
        /// Who, unless it joins.
        who: usize,
        /// Whether it belongs to the same transaction as the edit just before it, if there is one.
        joins: bool,
        /// What of transactions it is in.
        nested: Nested,
        /// What the wall clock shows; the transaction's first edit counts.
        wall: u64,
        /// What is edited.
        edit: Edit,
    },
    /// The transaction that was just made up fails; an empty one of this person if there is none.
    Fail {
        /// Who.
        who: usize,
    },
    /// One change goes from one log to another person.
    Send {
        /// Whose log.
        from: usize,
        /// Who gets it.
        to: usize,
        /// Which change.
        which: usize,
    },
    /// A whole log goes to another person.
    Sync {
        /// Whose log.
        from: usize,
        /// Who gets it.
        to: usize,
        /// The last change first.
        backwards: bool,
    },
    /// Someone starts again from the changes in the log, as the same replica.
    Restart {
        /// Who.
        who: usize,
        /// They are read the last one first.
        backwards: bool,
    },
    /// What someone has is pruned: the same is done from then on to the document that a snapshot of it gives. It and someone
    /// else's are taken in by each other, too, on the side.
    Prune {
        /// Who.
        who: usize,
        /// Who else.
        other: usize,
    },
    /// Someone goes on with a clone; the original is edited and thrown away.
    Clone {
        /// Who.
        who: usize,
    },
    /// Someone takes back what it did last, or what it took back.
    Undo {
        /// Who.
        who: usize,
        /// Whether it is what was taken back.
        redo: bool,
    },
    /// A hostile writer, who has seen what someone has, makes a change of random bytes.
    Garbage {
        /// Like whom.
        like: usize,
        /// How many operations the header promises.
        len: u64,
        /// Which bytes.
        seed: u64,
    },
    /// A hostile writer repeats the body of a real change with one byte changed.
    Mutant {
        /// Like whom.
        like: usize,
        /// Which change.
        which: usize,
        /// Which byte.
        at: usize,
        /// What to.
        byte: u8,
    },
    /// A hostile writer makes a well-formed change that refers to anything that anyone made.
    Stranger {
        /// Like whom.
        like: usize,
        /// What the insertion is to stand after.
        left: usize,
        /// What it is to stand before.
        right: usize,
        /// What is inserted.
        word: &'static str,
        /// What is deleted.
        delete: Option<usize>,
    },
    /// A hostile writer makes another well-formed change like that: to what is kept by tags, or nested, or to a list.
    Forger {
        /// Like whom.
        like: usize,
        /// Which of them.
        what: u8,
        /// One that it refers to.
        one: usize,
        /// And the other.
        other: usize,
    },
}

/// What of transactions an edit is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nested {
    /// Only in the one that becomes a change.
    No,
    /// In a nested one that is kept, and with it the nested edits right after this one, each one level deeper.
    Kept,
    /// The same, but in the end all of it is undone.
    Undone,
}

#[derive(Clone, Copy)]
enum Verb {
    Insert,
    Type,
    Paste,
    Delete,
    Erase,
    Replace,
    Set,
    Unset,
    SetRegister,
    ClearRegister,
    Count,
    Add,
    Withdraw,
    Put,
    Remove,
    InsertItem,
    InsertItems,
    DeleteItems,
    SetItem,
    ReplaceItems,
    UpdateItems,
    NestItem,
    EditItem,
    MoveItem,
    Fail,
    Send,
    Sync,
    Restart,
    Clone,
    Undo,
    Redo,
    Garbage,
    Mutant,
    Stranger,
    Forger,
}

/// How many of the values of a byte mean each verb. The hostile ones come last, and are left out if there are none.
const VERBS: [(Verb, u8); 26] = [
    (Verb::Insert, 16),
    (Verb::Type, 10),
    (Verb::Paste, 3),
    (Verb::Delete, 12),
    (Verb::Erase, 7),
    (Verb::Replace, 7),
    (Verb::Set, 8),
    (Verb::Unset, 6),
    (Verb::SetRegister, 5),
    (Verb::ClearRegister, 3),
    (Verb::Count, 6),
    (Verb::Add, 7),
    (Verb::Withdraw, 6),
    (Verb::Put, 8),
    (Verb::Remove, 6),
    (Verb::Fail, 7),
    (Verb::Send, 44),
    (Verb::Sync, 13),
    (Verb::Restart, 5),
    (Verb::Clone, 3),
    (Verb::Undo, 8),
    (Verb::Redo, 5),
    (Verb::Garbage, 6),
    (Verb::Mutant, 15),
    (Verb::Stranger, 22),
    (Verb::Forger, 18),
];
/// The same in programs about lists.
const LIST_VERBS: [(Verb, u8); 21] = [
    (Verb::InsertItem, 14),
    (Verb::InsertItems, 8),
    (Verb::DeleteItems, 14),
    (Verb::SetItem, 10),
    (Verb::ReplaceItems, 6),
    (Verb::UpdateItems, 6),
    (Verb::NestItem, 8),
    (Verb::EditItem, 10),
    (Verb::MoveItem, 34),
    (Verb::Set, 5),
    (Verb::Unset, 4),
    (Verb::Insert, 4),
    (Verb::Fail, 8),
    (Verb::Send, 44),
    (Verb::Sync, 12),
    (Verb::Restart, 5),
    (Verb::Clone, 3),
    (Verb::Garbage, 6),
    (Verb::Mutant, 15),
    (Verb::Stranger, 4),
    (Verb::Forger, 36),
];
const HOSTILE_VERBS: usize = 4;
/// A forgery of this kind is about lists.
const IN_LISTS: u8 = 64;

impl Verb {
    fn from_byte(byte: u8, hostile: bool, lists: bool) -> Self {
        let verbs = if lists { &LIST_VERBS[..] } else { &VERBS[..] };
        let verbs = if hostile { verbs } else { &verbs[..verbs.len() - HOSTILE_VERBS] };
        let all: usize = verbs.iter().map(|(_, weight)| usize::from(*weight)).sum();
        let mut left = usize::from(byte) % all;
        for (verb, weight) in verbs {
            match left.checked_sub(usize::from(*weight)) {
                Some(rest) => left = rest,
                None => return *verb,
            }
        }
        unreachable!("less than the sum of them all")
    }
}

impl Program {
    /// The program that a byte string is.
    pub fn decode(bytes: &[u8]) -> Self {
        let (first, steps) = bytes.split_first().unwrap_or((&0, &[]));
        let (hostile, lists) = (first & 2 != 0, first & 4 != 0);
        let mut pasted = 0;
        let steps = steps.chunks_exact(4).take(MOST_STEPS);
        let steps = steps.map(|step| Step::decode([step[0], step[1], step[2], step[3]], hostile, lists, &mut pasted));
        Self { hostile, lists, reverse: first & 1 != 0, steps: steps.collect() }
    }
}

impl Step {
    fn decode([verb, a, b, c]: [u8; 4], hostile: bool, lists: bool, pasted: &mut usize) -> Self {
        let verb = Verb::from_byte(verb, hostile, lists);
        let (who, other) = (usize::from(a & 3), usize::from(a >> 2 & 3));
        let wide = usize::from(c) << 8 | usize::from(b);
        match verb {
            Verb::Fail => Self::Fail { who },
            // The same, in programs about lists.
            Verb::Send if lists && a & 48 == 48 => Self::Undo { who, redo: a & 64 != 0 },
            Verb::Send => Self::Send { from: who, to: other, which: wide },
            Verb::Sync => Self::Sync { from: who, to: other, backwards: a & 16 != 0 },
            // Two verbs that come often enough share their numbers with this one.
            Verb::Restart if a & 32 != 0 => Self::Prune { who, other },
            Verb::Clone if a & 32 != 0 => Self::Prune { who, other },
            Verb::Restart => Self::Restart { who, backwards: a & 16 != 0 },
            Verb::Clone => Self::Clone { who },
            Verb::Undo => Self::Undo { who, redo: false },
            Verb::Redo => Self::Undo { who, redo: true },
            Verb::Garbage => Self::Garbage { like: who, len: u64::from(a >> 2 & 3) + 1, seed: wide as u64 },
            Verb::Mutant => Self::Mutant { like: who, which: usize::from(a >> 2), at: usize::from(b), byte: c },
            Verb::Stranger => Self::Stranger {
                like: who,
                left: usize::from(b),
                right: usize::from(c),
                word: WORDS[usize::from(a >> 2 & 7)],
                // There is no byte left for this one.
                delete: (a & 32 != 0).then(|| usize::from(b.wrapping_mul(a >> 6 | 1).wrapping_add(c))),
            },
            Verb::Forger => {
                let what = a >> 2 | if lists { IN_LISTS } else { 0 };
                Self::Forger { like: who, what, one: usize::from(b), other: usize::from(c) }
            }
            _ => Self::Edit {
                who,
                joins: a & 16 != 0,
                nested: match a >> 5 & 3 {
                    0 | 1 => Nested::No,
                    2 => Nested::Kept,
                    _ => Nested::Undone,
                },
                wall: u64::from(a >> 3 & 1) * 2 + u64::from(a >> 7),
                edit: Edit::decode(verb, usize::from(a >> 2 & 1), b, c, pasted),
            },
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writers = if self.hostile { "people and hostile writers" } else { "people" };
        writeln!(
            f,
            "a program for {writers}{}{}:",
            if self.lists { " with lists" } else { "" },
            if self.reverse { ", exchanged in reverse in the end" } else { "" }
        )?;
        writeln!(f, "step  who  what")?;
        let mut editing = false;
        for (number, step) in self.steps.iter().enumerate() {
            let goes_on = editing && matches!(step, Step::Edit { joins: true, .. } | Step::Fail { .. });
            let who = if goes_on { "" } else { PEOPLE[step.who()] };
            writeln!(f, "{number:>4}  {who:<3}  {}{step}", if goes_on { "and " } else { "" })?;
            editing = matches!(step, Step::Edit { .. });
        }
        Ok(())
    }
}

impl Step {
    const fn who(&self) -> usize {
        match self {
            Self::Edit { who, .. }
            | Self::Fail { who }
            | Self::Restart { who, .. }
            | Self::Clone { who }
            | Self::Prune { who, .. }
            | Self::Undo { who, .. } => *who,
            Self::Send { to, .. } | Self::Sync { to, .. } => *to,
            Self::Garbage { like, .. }
            | Self::Mutant { like, .. }
            | Self::Stranger { like, .. }
            | Self::Forger { like, .. } => *like,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let backwards = |backwards: bool| if backwards { ", the last change first" } else { "" };
        match self {
            Self::Edit { joins, nested, wall, edit, .. } => {
                write!(f, "{edit}")?;
                match nested {
                    Nested::No => {}
                    Nested::Kept => f.write_str(", nested")?,
                    Nested::Undone => f.write_str(", nested and undone")?,
                }
                if *joins { Ok(()) } else { write!(f, " (clock {wall})") }
            }
            Self::Fail { .. } => f.write_str("fails"),
            Self::Send { from, which, .. } => write!(f, "gets change {which} of {}'s", PEOPLE[*from]),
            Self::Sync { from, backwards: order, .. } => {
                write!(f, "gets all that {} has{}", PEOPLE[*from], backwards(*order))
            }
            Self::Restart { backwards: order, .. } => write!(f, "starts again from the log{}", backwards(*order)),
            Self::Clone { .. } => f.write_str("goes on with a clone"),
            Self::Prune { who, other } if who == other => f.write_str("is pruned"),
            Self::Prune { other, .. } => write!(f, "is pruned, and merged with {}", PEOPLE[*other]),
            Self::Undo { redo, .. } => f.write_str(if *redo { "redoes" } else { "undoes" }),
            Self::Garbage { len, seed, .. } => write!(f, "is followed by {len} operations of garbage, number {seed}"),
            Self::Mutant { which, at, byte, .. } => {
                write!(f, "is followed by change {which} again, with byte {at} as {byte:#04x}")
            }
            Self::Stranger { left, right, word, delete, .. } => {
                write!(f, "is followed by {word:?} between what has the numbers {left} and {right}")?;
                delete.map_or(Ok(()), |delete| write!(f, ", and no more {delete}"))
            }
            Self::Forger { what, one, other, .. } => {
                write!(f, "is followed by a forgery of kind {what} with what has the numbers {one} and {other}")
            }
        }
    }
}
