//! Journals of agents: those of several members laid beside each other as one, and what the
//! operations in them took.

mod measured;
mod merge;
mod observed;
#[cfg(test)]
mod tests;

pub use measured::{Durations, Measured, Operation, durations, measured};
pub use merge::{Merged, Part, Unplaced, frames, merge};
pub use observed::{Journals, Observed, Stretch, observed};
