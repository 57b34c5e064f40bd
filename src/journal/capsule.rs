//! What a search for broken promises says of a run that it kept: a journal with this in its header
//! is a capsule, one file with everything that is needed to look at the failure again.

use crate::base::Instant;
use serde::{Deserialize, Serialize};

/// Why a run was kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Capsule {
    /// What found it: a command, and the run's name.
    pub found_by: String,
    /// Broken promises.
    pub broken: Vec<Broken>,
    /// The command that makes the run again.
    pub repeat: String,
    /// What was done to make it small, in words; empty if nothing was.
    pub shrunk: Vec<String>,
}

/// A broken promise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Broken {
    /// Its name.
    pub promise: String,
    /// When.
    pub at: Instant,
    /// How.
    pub why: String,
}
