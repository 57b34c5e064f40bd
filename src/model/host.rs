//! How an agent serves one member of a site on a real host: what stands in its own file, beside the
//! topology that all members share. docs/AGENT.md shows one.

use crate::base::{DbId, IdVec, NicId, NodeId, ResourceId, Span};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The cluster's port (wsfc.md §1.1).
pub const PORT: u16 = 3343;

/// What an agent's file says, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostSettings {
    /// The topology's file.
    pub topology: PathBuf,
    /// Which member this host is.
    pub node: NodeId,
    /// UDP port of all members.
    pub port: u16,
    /// File with the key that all members share, in hexadecimal.
    pub key_file: PathBuf,
    /// Folder for what is kept from one life to the next, and for journals.
    pub state: PathBuf,
    /// Socket for questions and orders.
    pub control: PathBuf,
    /// Where metrics are served; none: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Whether it only watches and tells what it would have done.
    pub shadow: bool,
    /// What is logged.
    pub log: LogLevel,
    /// The interface of each of the member's adapters.
    pub interfaces: IdVec<NicId, String>,
    /// How long a lease holds, and how it is renewed.
    pub lease: LeaseSettings,
    /// The machine's watchdog; none: none is used.
    pub watchdog: Option<WatchdogSettings>,
    /// How the witness is kept; none if the site has none.
    pub witness: Option<WitnessSettings>,
    /// Where names are registered; none: nowhere.
    pub names: Option<NameSettings>,
    /// The instance of each database with a copy here.
    pub databases: BTreeMap<DbId, DatabaseSettings>,
    /// Services and applications of groups.
    pub services: BTreeMap<ResourceId, ServiceSettings>,
}

/// What is logged: this and what is worse.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogLevel {
    /// `error`: what needs somebody.
    Error,
    /// `warn`: what is not as it should be.
    Warn,
    /// `info`: what happens.
    #[default]
    Info,
    /// `debug`: everything.
    Debug,
}

impl HostSettings {
    /// The keys and tables in which this differs from another, by their names in the file.
    pub fn differs_in(&self, other: &HostSettings) -> Vec<&'static str> {
        let differs = [
            ("topology", self.topology != other.topology),
            ("node", self.node != other.node),
            ("port", self.port != other.port),
            ("key_file", self.key_file != other.key_file),
            ("state", self.state != other.state),
            ("control", self.control != other.control),
            ("metrics", self.metrics != other.metrics),
            ("shadow", self.shadow != other.shadow),
            ("log", self.log != other.log),
            ("adapter", self.interfaces != other.interfaces),
            ("lease", self.lease != other.lease),
            ("watchdog", self.watchdog != other.watchdog),
            ("witness", self.witness != other.witness),
            ("names", self.names != other.names),
            ("database", self.databases != other.databases),
            ("service", self.services != other.services),
        ];
        differs.iter().filter(|(_, differs)| *differs).map(|(name, _)| *name).collect()
    }
}

/// Leases that the kernel enforces (linux-ha.md §10.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeaseSettings {
    /// Name of the table in nftables.
    pub table: String,
    /// How long a lease holds from its renewal on.
    pub length: Span,
    /// Time between renewals.
    pub interval: Span,
    /// Longest time from the decision to renew to the kernel.
    pub send: Span,
    /// How far two hosts' clocks run apart at most, in parts of a million.
    pub drift: u32,
}

/// The machine's watchdog, which resets the machine when the agent hangs (linux-ha.md §10.8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchdogSettings {
    /// The device.
    pub device: PathBuf,
    /// Its time-out, in whole seconds; none leaves the driver's own.
    pub timeout: Option<Span>,
}

/// How the witness is kept (linux-ha.md §9, §10.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessSettings {
    /// Where the record is.
    pub place: WitnessPlace,
    /// Time between two looks at it.
    pub interval: Span,
    /// How long another's record has to stand still before it is taken over.
    pub patience: Span,
    /// Longest that one operation on it may take.
    pub limit: Span,
}

/// Where a witness's record is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WitnessPlace {
    /// In a folder that all members see.
    Directory(PathBuf),
    /// On an SMB share.
    Share {
        /// The file server's address and port.
        server: SocketAddr,
        /// The share's name.
        share: String,
        /// The folder in it; empty for the share itself.
        folder: String,
        /// Who uses it.
        user: String,
        /// The user's domain; empty for an account of the file server.
        domain: String,
        /// File with the password.
        password_file: PathBuf,
    },
}

/// Where names are registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameSettings {
    /// The DNS server.
    pub server: SocketAddr,
    /// The zone.
    pub zone: String,
    /// A key file of BIND.
    pub key_file: PathBuf,
    /// How long answers may be kept.
    pub ttl: Span,
}

/// The instance of a database's copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DatabaseSettings {
    /// Its data directory.
    pub data: PathBuf,
    /// Its port on all members.
    pub port: u16,
    /// Folder of the server's programs.
    pub programs: PathBuf,
    /// The system user that it runs as.
    pub user: String,
    /// File with the replication user's password.
    pub password_file: PathBuf,
    /// Whether a commit waits for the other copy.
    pub synchronous: bool,
}

/// A service or an application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceSettings {
    /// What it is.
    pub kind: ServiceKind,
    /// Longest that starting it may take.
    pub start_limit: Span,
    /// Longest that stopping it may take.
    pub stop_limit: Span,
    /// Longest that a health check may take.
    pub probe_limit: Span,
}

/// What a service is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServiceKind {
    /// A systemd unit.
    Unit(String),
    /// A program that runs as long as the resource is online.
    Run {
        /// The program and its arguments.
        command: Vec<String>,
        /// The cheap health check; none: that it runs.
        looks_alive: Vec<String>,
        /// The thorough health check; none: the cheap one.
        is_alive: Vec<String>,
    },
    /// Commands that start and stop it.
    Commands {
        /// Starts it.
        start: Vec<String>,
        /// Stops it.
        stop: Vec<String>,
        /// The cheap health check.
        looks_alive: Vec<String>,
        /// The thorough health check; none: the cheap one.
        is_alive: Vec<String>,
    },
    /// A resource agent of the Open Cluster Framework.
    Ocf {
        /// The agent.
        agent: PathBuf,
        /// Its parameters.
        parameters: BTreeMap<String, String>,
    },
}
