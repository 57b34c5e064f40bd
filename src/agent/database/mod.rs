//! The agent's mailbox database: one small PostgreSQL instance per database and host. The active
//! copy is a primary, a passive one a streaming standby, a log generation 1 MB of its write-ahead
//! log (linux-ha.md §9).
//!
//! [`Instance`] is a copy on this host: it is opened, created or seeded, mounted (promoted),
//! dismounted, told whom to follow, asked for its state. What it notices by itself it tells as
//! [`Event`]s. [`logs`] hands out what a dead instance left on its disk. Who may be active is
//! decided elsewhere; here nothing is done that could make two histories out of one without being
//! told.
//!
//! Streams of copies are authenticated by password (SCRAM) and not encrypted: they belong on a
//! replication network.

mod acknowledge;
mod activate;
mod control;
mod decide;
mod error;
mod files;
mod instance;
mod keep;
mod last_logs;
pub mod logs;
mod mend;
mod observe;
mod position;
mod process;
mod session;
mod settings;
mod status;
mod wal;

pub use activate::Mounted;
pub use error::{Error, Kind};
pub use instance::{Event, Instance};
pub use last_logs::LastLogs;
pub use position::{LOG_BYTES, Position, Timeline, logs_missing};
pub use process::Trouble;
pub use settings::{Limits, Node, Settings, SystemUser};
pub use status::{CopyReport, Positions, Status, Stream};
