//! The libraries. Each is used as its own documentation or benchmarks use it; what is a choice is said where it is made.

mod automerge;
mod cola;
mod diamond_types;
mod loro;
mod ours;
mod yrs;

use crate::library::{Family, Library, Measure};

/// Something to be done with a library that is known by its name only.
pub(crate) trait WithLibrary {
    type Output;
    fn with<L: Library>(self) -> Self::Output;
}

/// This project's own.
pub(crate) const OURS: &str = ours::Ours::NAME;

/// All libraries, this project's own first.
pub(crate) const NAMES: [&str; 6] = [
    OURS,
    yrs::Yrs::NAME,
    loro::Loro::NAME,
    automerge::Automerge::NAME,
    diamond_types::DiamondTypes::NAME,
    cola::Cola::NAME,
];

/// Whether a library carries what people write, and not only where it goes.
pub(crate) fn carries_content(library: &str) -> bool {
    library != cola::Cola::NAME
}

/// Does something with the library of this name, if there is one.
pub(crate) fn with_library<W: WithLibrary>(name: &str, what: W) -> Option<W::Output> {
    match name {
        ours::Ours::NAME => Some(what.with::<ours::Ours>()),
        yrs::Yrs::NAME => Some(what.with::<yrs::Yrs>()),
        loro::Loro::NAME => Some(what.with::<loro::Loro>()),
        automerge::Automerge::NAME => Some(what.with::<automerge::Automerge>()),
        diamond_types::DiamondTypes::NAME => Some(what.with::<diamond_types::DiamondTypes>()),
        cola::Cola::NAME => Some(what.with::<cola::Cola>()),
        _ => None,
    }
}

/// The ways of the library of this name; none if it cannot do it.
pub(crate) fn ways(name: &str, measure: Measure, family: Family) -> &'static [&'static str] {
    struct Ways(Measure, Family);
    impl WithLibrary for Ways {
        type Output = &'static [&'static str];
        fn with<L: Library>(self) -> Self::Output {
            L::ways(self.0, self.1)
        }
    }
    with_library(name, Ways(measure, family)).unwrap_or_default()
}
