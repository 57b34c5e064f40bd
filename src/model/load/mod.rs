//! From files to checked values: all problems at once, or a value that is proof.

mod cluster;
mod faults;
mod machines;
mod read;
mod scenario;
mod settings;
mod steps;
mod topology;

pub use read::near;
pub use scenario::{scenario, topology_named, until, wishes};
pub use settings::Given;
pub use topology::{Loaded, topology};
