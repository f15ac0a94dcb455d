//! What the suites share: naive twins that are the oracle, and recorded sessions to replay.

pub mod fuzz;
pub mod hostile;
pub mod model;
pub mod traces;
pub mod view;

/// How many cases a random suite runs: what `PROPTEST_CASES` says, or as many as it is given.
pub fn cases(standard: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(standard)
}

/// The examples of the project's front page, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct FrontPage;
