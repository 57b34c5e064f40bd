//! What was measured from outside while agents' journals were written: when clients got no answer,
//! and what a test bed saw break. One JSON document for each repetition of a fault.

use crate::base::Span;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One repetition of a fault. Moments are nanoseconds of CLOCK_BOOTTIME where it was measured.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Observed {
    /// The fault: a scenario of this name is its prediction.
    pub fault: String,
    /// Who was tried: the agent if nothing stands here.
    pub peer: Option<String>,
    /// Which heartbeats it was tried with.
    #[serde(default)]
    pub profile: String,
    /// Number of the repetition.
    #[serde(default)]
    pub repetition: u32,
    /// When the fault struck.
    pub fault_at_boottime_ns: u64,
    /// When it was healed.
    pub healed_at_boottime_ns: Option<u64>,
    /// Journals of each host, by its name in the topology; paths beside this file.
    #[serde(default)]
    pub hosts: BTreeMap<String, Journals>,
    /// New connections through the client access array's name.
    pub http: Stretch,
    /// Writes to each database.
    #[serde(default)]
    pub databases: BTreeMap<String, Stretch>,
    /// For how long two hosts answered for the address, in milliseconds.
    #[serde(default)]
    pub both_answering_ms: u64,
    /// For how long two copies of a database took writes, in milliseconds.
    #[serde(default)]
    pub both_writable_ms: u64,
    /// What broke, in words.
    #[serde(default)]
    pub breaks: Vec<String>,
}

/// Where the journals of a host are.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub enum Journals {
    /// One file.
    One {
        /// Its path.
        journal: String,
    },
    /// One for each life of the process.
    Several {
        /// Their paths.
        journals: Vec<String>,
    },
}

impl Journals {
    /// Their paths.
    pub fn paths(&self) -> &[String] {
        match self {
            Journals::One { journal } => std::slice::from_ref(journal),
            Journals::Several { journals } => journals,
        }
    }
}

/// How long clients were without an answer.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Stretch {
    /// All of it, in nanoseconds.
    pub outage_ns: u64,
    /// Where the longest of it begins, before healing; none if every request was answered.
    pub first_missed_ns: Option<u64>,
    /// Where that ends; none if it did not.
    pub first_answer_ns: Option<u64>,
    /// Writes that were acknowledged.
    #[serde(default)]
    pub acknowledged: u64,
    /// Acknowledged writes that were gone afterwards.
    #[serde(default)]
    pub lost: u64,
}

impl Stretch {
    /// The longest time without an answer; all of it if that did not end.
    pub fn longest(&self) -> Span {
        match (self.first_missed_ns, self.first_answer_ns) {
            (None, _) => Span::ZERO,
            (Some(from), Some(to)) => Span::from_nanos(to.saturating_sub(from)),
            (Some(_), None) => Span::from_nanos(self.outage_ns),
        }
    }
}

/// Reads one document.
///
/// # Errors
/// What is wrong, with line and column.
pub fn observed(text: &str) -> Result<Observed, String> {
    let seen: Observed = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let plain = |name: &str| {
        !name.is_empty() && !name.contains(['/', '\\']) && !name.contains(char::is_control)
    };
    if !plain(&seen.fault) {
        return Err(format!("fault: {:?}: expected a scenario's name", seen.fault));
    }
    let mut paths = seen.hosts.values().flat_map(Journals::paths);
    match paths.find(|path| !plain(path)) {
        Some(path) => Err(format!("hosts: {path:?}: expected a journal beside this file")),
        None => Ok(seen),
    }
}
