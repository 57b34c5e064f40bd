//! From files to checked values: all problems at once, or a value that is proof.

mod balancers;
mod clients;
mod cluster;
mod faults;
mod groups;
mod host;
mod machines;
mod plan;
mod rates;
mod read;
mod resources;
mod scenario;
mod settings;
mod site;
mod steps;
mod tested;
mod topology;
mod versions;

pub use faults::service_word;
pub use host::{host, host_topology};
pub use plan::{MOST_RUNS, PlanFile, plan};
pub use rates::rates;
pub use read::near;
pub use scenario::{scenario, topology_named, until, wishes};
pub use settings::{Given, OtherKey, Wish, other_keys};
pub use site::site;
pub use topology::{Loaded, topology};
