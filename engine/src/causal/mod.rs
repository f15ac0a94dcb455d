//! Changes and what can be decided from their headers alone: what is here, what is missing, what is ready.
//!
//! A *change* is what one transaction on one replica produced. A [`ChangeLog`] holds changes in the order in which they
//! arrived, recognises those it has, and keeps those back whose dependencies are missing. A [`VersionVector`] says
//! which changes someone has; a [`Frontier`] says what a change depended on.

pub(crate) mod base;
pub(crate) mod change;
mod clock;
mod entries;
mod log;
mod run;
mod runs;
mod version;
mod waiting;

pub use change::Change;
pub use clock::{Hlc, HybridClock, ParseHlcError};
pub use log::{ChangeLog, LogPosition, Received};
pub(crate) use run::ChangeRun;
pub(crate) use runs::ChangeRuns;
pub use version::{Frontier, VersionVector};
