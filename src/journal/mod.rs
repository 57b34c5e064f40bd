//! Floor 3: the journal, one stream of records with causes. Everything above reads records.

pub mod record;

pub use record::{Record, RecordNo, What};
