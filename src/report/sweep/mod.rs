//! Many runs: text, JSON, CSV, pictures, and files that other tools read.

use crate::lab::sweep::Study;

/// Everything that a report of a sweep's points shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'s> {
    /// What the sweep came to.
    pub study: &'s Study<'s>,
    /// What the topology and the scenario are called.
    pub title: &'s str,
    /// The command that repeats the sweep.
    pub repeat: &'s str,
}
