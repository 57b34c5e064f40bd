//! Many runs of one scenario, with other seeds and other values: what changes, by how much, and
//! how sure that is.
//!
//! Every question is a list of runs that are wanted and a function of those that are known
//! ([`Memo`]). A file of runs ([`Store`]) brings back what was made before, so that work that was
//! stopped goes on, and what several machines made is put together.

mod budget;
mod flip;
mod fork;
mod memo;
mod plan;
mod points;
mod sample;
mod sensitivity;
mod store;
mod study;
mod tune;
pub mod words;
mod work;

pub use crate::model::measure::RECOVERED;
pub use budget::{Budget, PERCENTILES, Row, StageFigures};
pub use flip::{Boundary, Flip, Place, flip};
pub use fork::{Moments, NoReturn, fork, no_return};
pub use memo::{Ask, Memo, Sample};
pub use plan::{
    Case, Demand, Design, Enough, Event, Fork, Goal, Mode, Outcome, Plan, Point, Whose,
};
pub use points::{is_enough, points};
pub use sample::{NEVER, UNNOTICED, durations};
pub use sensitivity::{Moved, Sensitivity, Shift, TRIED, sensitivity};
pub use store::{Kept, Manifest, Store, StoreError, VERSION, read_path};
pub use study::{CaseStudy, PointStudy, Study, label};
pub use tune::{Candidate, MOST_SHOWN, Measured, Met, Tuned, tune};
pub use work::{Lab, WorkError};
