//! What runs say about the distribution that they come from, and how sure that is. Intervals are
//! at 95 %.

pub mod mean;
pub mod proportion;
pub mod rank;

pub use mean::{Difference, Estimate, FEW};
pub use proportion::Proportion;
pub use rank::{Quantile, Ranks};

/// The 97.5th percentile of the normal distribution.
const NORMAL: f64 = 1.959_963_984_540_054;
