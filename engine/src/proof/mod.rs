//! Test-only (feature `proof`): faults planted on purpose, one at a time, to see that the suites catch them; and named
//! situations, to see that the suites come by them.
//!
//! A suite that passes may be a good engine's or a blind suite's. So the engine can be told to go wrong at one of its
//! places, as if someone had made that mistake there ([`plant`]), and it counts how often it came to places that matter
//! ([`noted`]). Both are for the calling thread alone, so that tests beside each other do not disturb each other.
//!
//! Not covered by semantic versioning: faults and situations come and go with the code they are in. Without the feature
//! none of this exists: every question whether a fault is planted is a constant.

// Without the feature the module is private and the names are there for the places that mention them.
#![cfg_attr(not(feature = "proof"), allow(unreachable_pub))]

mod fault;
mod situation;

#[cfg(feature = "proof")]
use std::{cell::Cell, collections::BTreeMap};

pub use fault::Fault;
pub use situation::Situation;

/// An enumeration whose values have names, each with one line on what it means.
macro_rules! named {
    ($(#[$meta:meta])* $kind:ident { $(#[doc = $what:literal] $value:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum $kind {
            $(#[doc = $what] $value,)*
        }

        #[cfg(feature = "proof")]
        impl $kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$value,)*];

            /// Its name: words with hyphens.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)*
                }
            }

            /// What it means, in one line.
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$value => $what.trim_ascii(),)*
                }
            }
        }

        #[cfg(feature = "proof")]
        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

use named;

#[cfg(feature = "proof")]
thread_local! {
    static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    static ACTED: Cell<u64> = const { Cell::new(0) };
    static STRAY: Cell<u128> = const { Cell::new(0) };
    static NOTED: [Cell<u64>; Situation::ALL.len()] = const { [const { Cell::new(0) }; Situation::ALL.len()] };
}

/// Has the engine make one mistake on this thread, or none, until the next call.
#[cfg(feature = "proof")]
pub fn plant(fault: Option<Fault>) {
    PLANTED.set(fault);
    ACTED.set(0);
}

/// How often the engine came by the planted fault on this thread since it was planted: a suite that never does cannot
/// catch it.
#[cfg(feature = "proof")]
pub fn acted() -> u64 {
    ACTED.get()
}

/// How often the engine came by each situation on this thread since [`forget`]. Those it never came by are left out.
#[cfg(feature = "proof")]
pub fn noted() -> BTreeMap<Situation, u64> {
    let counts = NOTED.with(|noted| noted.iter().map(Cell::get).collect::<Vec<_>>());
    Situation::ALL.iter().copied().zip(counts).filter(|(_, count)| *count > 0).collect()
}

/// Begins to count anew on this thread.
#[cfg(feature = "proof")]
pub fn forget() {
    NOTED.with(|noted| noted.iter().for_each(|count| count.set(0)));
}

/// Whether a fault is planted here.
#[cfg(feature = "proof")]
pub(crate) fn planted(fault: Fault) -> bool {
    let planted = PLANTED.get() == Some(fault);
    if planted {
        ACTED.set(ACTED.get() + 1);
    }
    planted
}

/// Counts a situation.
#[cfg(feature = "proof")]
pub(crate) fn note(situation: Situation) {
    NOTED.with(|noted| noted[situation as usize].set(noted[situation as usize].get() + 1));
}

/// A number that differs from call to call, as if it came from outside: for faults that make the engine depend on more
/// than its inputs.
#[cfg(feature = "proof")]
pub(crate) fn stray() -> u128 {
    STRAY.set(STRAY.get() + 1);
    STRAY.get()
}

#[cfg(not(feature = "proof"))]
pub(crate) const fn stray() -> u128 {
    0
}

#[cfg(not(feature = "proof"))]
pub(crate) const fn planted(_: Fault) -> bool {
    false
}

#[cfg(not(feature = "proof"))]
pub(crate) const fn note(_: Situation) {}

#[cfg(all(test, feature = "proof"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_fault_is_planted_for_one_thread_until_the_next_is() {
        plant(Some(Fault::DuplicateAppended));
        assert!(planted(Fault::DuplicateAppended) && !planted(Fault::StoredBeforeFlush));
        assert_eq!(acted(), 1);
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(!planted(Fault::DuplicateAppended)));
        });
        plant(Some(Fault::StoredBeforeFlush));
        assert_eq!(acted(), 0);
        assert!(!planted(Fault::DuplicateAppended) && planted(Fault::StoredBeforeFlush));
        plant(None);
        assert!(!Fault::ALL.iter().any(|fault| planted(*fault)));
    }

    #[test]
    fn situations_are_counted_for_one_thread_until_they_are_forgotten() {
        assert_eq!(noted(), BTreeMap::new());
        note(Situation::StoreFailed);
        note(Situation::DuplicateRecognised);
        note(Situation::StoreFailed);
        assert_eq!(noted(), [(Situation::DuplicateRecognised, 1), (Situation::StoreFailed, 2)].into());
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(noted(), BTreeMap::new()));
        });
        forget();
        assert_eq!(noted(), BTreeMap::new());
    }

    #[test]
    fn every_fault_and_situation_has_a_name_of_its_own_and_a_line_on_what_it_is() {
        let faults = Fault::ALL.iter().map(|fault| (fault.name(), fault.what()));
        let situations = Situation::ALL.iter().map(|situation| (situation.name(), situation.what()));
        let all: Vec<_> = faults.chain(situations).collect();
        assert_eq!(all.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len(), all.len());
        for (name, what) in all {
            assert!(!name.is_empty() && name.chars().all(|char| char.is_ascii_lowercase() || char == '-'), "{name}");
            assert!(what.ends_with('.'), "{what}");
        }
    }

    #[test]
    fn situations_are_numbered_as_they_are_listed() {
        assert!(Situation::ALL.iter().enumerate().all(|(index, situation)| *situation as usize == index));
    }
}
