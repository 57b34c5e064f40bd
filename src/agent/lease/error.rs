//! What can go wrong, and what to do about it.

use super::Thing;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why something about a lease could not be done.
///
/// What the caller has to tell apart: [`Gone`](Error::Gone) means that nothing is fenced any
/// more; [`Lapsed`](Error::Lapsed) and [`Late`](Error::Late) are refusals of the kernel that are
/// meant; everything else is a machine that is not fit for it, or failed us.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings cannot be used.
    #[error("lease settings: {what}")]
    Settings {
        /// What is wrong, and what is expected.
        what: String,
    },
    /// The lengths of the policy do not go together.
    #[error("lease policy: {what}")]
    Policy {
        /// What is wrong, and by how much.
        what: String,
    },
    /// A process that must be there could not be started.
    #[error("{program}: cannot be started: {source}; install the package {package}")]
    NoProgram {
        /// The program.
        program: PathBuf,
        /// Debian's name of the package that it is in.
        package: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The process may not change the rules of this network namespace.
    #[error("nftables: {doing}: not permitted; run the agent as root or with CAP_NET_ADMIN")]
    NoRights {
        /// What was tried.
        doing: &'static str,
    },
    /// The kernel lacks a part that is needed.
    #[error(
        "nftables: {doing}: the kernel does not support it ({said}); needed are nf_tables with \
         the families inet and netdev, and the netdev egress hook (Linux 5.16, \
         CONFIG_NETFILTER_EGRESS)"
    )]
    Unsupported {
        /// What was tried.
        doing: &'static str,
        /// What the kernel or `nft` said.
        said: String,
    },
    /// An interface of the settings is not there.
    #[error("interface {interface}: not there ({source}); name the client-side interfaces")]
    NoInterface {
        /// The interface.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// `nft` refused the rules.
    #[error("nft -f -: refused the rules of table {table}: {said}")]
    Script {
        /// The table.
        table: String,
        /// What it said.
        said: String,
    },
    /// A process did not end in time.
    #[error("{program}: did not end within {limit:?}; was killed")]
    TimedOut {
        /// The program.
        program: PathBuf,
        /// How long it was waited for.
        limit: Duration,
    },
    /// A lease was asked for something that the table does not guard.
    #[error("table {table}: {thing} is not guarded; add it to the settings and install again")]
    NotGuarded {
        /// The table.
        table: String,
        /// What is not guarded.
        thing: Thing,
    },
    /// The table, or this life's part of it, is not there: it was never installed, somebody
    /// flushed the rules, or a later life of the agent has replaced it. Nothing may be fenced:
    /// take the addresses off and stop the databases, then install again.
    #[error(
        "table {table}: is not there, or is another life's; NOTHING IS FENCED by this process. \
         Take down what it serves, then install again"
    )]
    Gone {
        /// The table.
        table: String,
    },
    /// The lease ended before its renewal came: it must be asked for and granted anew.
    #[error("table {table}: the lease of {thing} has ended; it is not renewed but granted anew")]
    Lapsed {
        /// The table.
        table: String,
        /// Whose lease.
        thing: Thing,
    },
    /// The ticket ended before it was used: the process stood still since it decided.
    #[error("table {table}: the ticket has ended before its use; decide again")]
    Late {
        /// The table.
        table: String,
    },
    /// A lease was granted that is live.
    #[error("table {table}: the lease of {thing} is live already; renew it, or withdraw it first")]
    AlreadyLive {
        /// The table.
        table: String,
        /// Whose lease.
        thing: Thing,
    },
    /// The kernel did not answer. It answers within the system call, so this is a defect.
    #[error("nftables: {doing}: no answer from the kernel within {limit:?}")]
    NoAnswer {
        /// What was tried.
        doing: &'static str,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The kernel answered with something that is not to be understood.
    #[error("nftables: {doing}: answer not understood: {what}")]
    Answer {
        /// What was tried.
        doing: &'static str,
        /// What was found.
        what: String,
    },
    /// The kernel refused for another reason.
    #[error("nftables: {doing}: {source}")]
    Kernel {
        /// What was tried.
        doing: &'static str,
        /// Its reason.
        source: io::Error,
    },
    /// There is no such watchdog.
    #[error(
        "watchdog {device}: there is none; load the machine's driver, or softdog, or leave the \
         watchdog out of the settings"
    )]
    NoWatchdog {
        /// The device.
        device: PathBuf,
    },
    /// Another process has the watchdog open.
    #[error("watchdog {device}: in use by another program (systemd's RuntimeWatchdogSec?)")]
    WatchdogInUse {
        /// The device.
        device: PathBuf,
    },
    /// The watchdog could not be opened or written.
    #[error("watchdog {device}: {doing}: {source}")]
    Watchdog {
        /// The device.
        device: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The watchdog runs with another time-out than the one that was asked for.
    #[error("watchdog {device}: time-out {asked:?} asked for, {found} in force; {said}")]
    WatchdogTimeout {
        /// The device.
        device: PathBuf,
        /// The time-out that was asked for.
        asked: Duration,
        /// The one in force.
        found: String,
        /// What `wdctl` said.
        said: String,
    },
    /// The service manager's socket cannot be used.
    #[error("NOTIFY_SOCKET {socket}: {source}")]
    Supervisor {
        /// Its name.
        socket: String,
        /// What the system said.
        source: io::Error,
    },
    /// What the service manager gave for `WATCHDOG_USEC` or `WATCHDOG_PID` is no number.
    #[error("{variable}={value}: expected a number")]
    SupervisorValue {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
}
