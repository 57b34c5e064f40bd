//! Floor 3: the journal, one stream of records with causes. Everything above reads records.

pub mod binary;
mod capsule;
pub mod digest;
pub mod record;
pub mod stream;
pub mod text;

pub use binary::Journal;
pub use capsule::{Broken, Capsule};
pub use digest::{Digest, hash_of};
pub use record::{Record, RecordNo, What};

use crate::model::{Scenario, Sources, Tested, Topology};
use serde::{Deserialize, Serialize};

/// What a journal tells about itself: enough to run it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub format: u16,
    /// Version of the program that wrote it.
    pub version: String,
    /// Where the records come from.
    pub origin: Origin,
    /// The topology, every value.
    pub topology: Topology,
    /// The scenario, every value; none for what was not simulated.
    pub scenario: Option<Scenario>,
    /// The texts that both were loaded from; none for what was not simulated from files.
    pub sources: Option<Sources>,
    /// Why the run was kept, if a search for broken promises did.
    pub capsule: Option<Capsule>,
}

/// Where records come from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Origin {
    /// A simulation.
    Sim {
        /// The seed of its draws.
        seed: u64,
    },
    /// An agent on a host.
    Agent {
        /// The host's name.
        host: String,
    },
    /// A file of a real cluster.
    Import {
        /// Its name.
        file: String,
    },
}

impl Header {
    /// Version of the format that this program writes.
    pub const FORMAT: u16 = 7;

    /// The header of a simulation.
    pub fn of_run(topology: &Topology, scenario: &Scenario, seed: u64) -> Header {
        // What is asked of many runs is no part of one.
        let scenario = Scenario { tested: Tested::default(), ..scenario.clone() };
        Header {
            format: Header::FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            origin: Origin::Sim { seed },
            topology: topology.clone(),
            scenario: Some(scenario),
            sources: None,
            capsule: None,
        }
    }

    /// The same header with the texts that the run was loaded from.
    #[must_use]
    pub fn with_sources(self, sources: Sources) -> Header {
        Header { sources: Some(sources), ..self }
    }

    /// The same header, saying why the run was kept.
    #[must_use]
    pub fn with_capsule(self, capsule: Capsule) -> Header {
        Header { capsule: Some(capsule), ..self }
    }
}

/// The chain of causes of a record, itself first, back to what has no cause.
///
/// A cause is always an earlier record; a journal in which it is not ends the chain there.
pub fn chain(records: &[Record], from: RecordNo) -> Vec<RecordNo> {
    let mut chain = vec![from];
    let mut at = from;
    while let Some(cause) = records.get(at.0 as usize).and_then(|record| record.cause) {
        if cause >= at {
            break;
        }
        chain.push(cause);
        at = cause;
    }
    chain
}
