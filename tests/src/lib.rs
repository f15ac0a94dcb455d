//! What the suites share: naive twins that are the oracle, and recorded sessions to replay.

pub mod fuzz;
pub mod hostile;
pub mod model;
pub mod traces;
pub mod view;

/// The examples of the project's front page, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct FrontPage;
