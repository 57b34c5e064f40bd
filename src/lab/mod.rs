//! Floor 6: runs and what they mean: expectations, database operations, the verdict; years of
//! faults, and designs compared; what-ifs of a kept run; predictions held against what was
//! measured.

pub mod accounts;
pub mod assign;
pub mod canary;
pub mod capacity;
pub mod compare;
pub mod conformance;
pub mod cost;
pub mod episode;
pub mod expect;
pub mod explore;
pub mod fold;
pub mod measured;
pub mod moves;
pub mod percentile;
pub mod pool;
pub mod replay;
pub mod run;
pub mod select;
pub mod shrink;
pub mod statistics;
pub mod swarm;
pub mod sweep;
pub mod timeline;
pub mod what_if;
pub mod year;

pub use crate::model::scenario::VerdictKind;
pub use run::{Books, Outcome, Verdict, judged, run};
