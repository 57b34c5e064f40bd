//! Floor 2: topologies, scenarios and faults as checked values. A [`Topology`] is proof: every
//! reference resolves, every group has a possible owner, every number is in its range.

pub mod assumed;
pub mod builtin;
pub mod change;
pub mod clocks;
mod config;
pub mod fault;
pub mod host;
pub mod lease;
pub mod load;
pub mod load_balancer;
pub mod measure;
pub mod order;
pub mod powershell;
pub mod problem;
pub mod quorum;
pub mod rates;
pub mod scenario;
pub mod settings;
pub mod show;
pub mod sizing;
pub mod sources;
pub mod target;
pub mod tested;
pub mod topology;
pub mod vary;
pub mod version;

pub use assumed::{Assumption, assumed};
pub use change::Change;
pub use fault::{Fault, Service};
pub use problem::Problem;
pub use rates::Rates;
pub use scenario::Scenario;
pub use settings::Settings;
pub use sources::{Source, Sources};
pub use tested::Tested;
pub use topology::Topology;
