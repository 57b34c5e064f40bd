//! Floor 6: runs and what they mean: outages with their stages, expectations, database
//! operations, the verdict.

pub mod accounts;
pub mod capacity;
pub mod expect;
pub mod moves;
pub mod outage;
pub mod replay;
pub mod run;
pub mod select;

pub use crate::model::scenario::VerdictKind;
pub use run::{Outcome, Verdict, run};
