//! The texts that a run was made from: with them it can be made again, or changed.

use serde::{Deserialize, Serialize};

/// A file's text with the names that it goes by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Source {
    /// What messages call the file.
    pub file: String,
    /// The name that it has if it does not name itself.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Everything that a run was made from but its seed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sources {
    /// The topology.
    pub topology: Source,
    /// The scenario.
    pub scenario: Source,
    /// Settings of the command line (`--set`), as key and value, in their order.
    pub set: Vec<(String, String)>,
    /// When the run ends instead of when the scenario says, as it was typed (`--until`).
    pub until: Option<String>,
}
