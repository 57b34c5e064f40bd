//! What `dagtwin test` asks of a scenario beside its verdict.

use crate::base::Span;

/// What is asked of many runs, or of one in detail. It takes no part in a run, and journals have
/// none of it.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Tested {
    /// `[timeline]`: how a run goes, line by line.
    pub timeline: Option<Timeline>,
    /// Every `[[budget]]`.
    pub budgets: Vec<Budget>,
}

/// The timeline that a run is expected to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeline {
    /// The run's seed.
    pub seed: u64,
    /// Its lines; empty if they have not been written yet.
    pub lines: String,
}

/// A percentile of a duration over many seeds, and how long it may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budget {
    /// The duration's name, as [`measure::names`](super::measure::names) has it.
    pub measure: String,
    /// The percentile, in thousandths.
    pub percentile: u32,
    /// How long it may be.
    pub within: Span,
    /// How many seeds, one after the other.
    pub runs: u64,
}
