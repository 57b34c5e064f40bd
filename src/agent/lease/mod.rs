//! Fencing of oneself by leases that the Linux kernel enforces (linux-ha.md §10.1).
//!
//! An nftables table cuts a floating address and a database port off from the network, in both
//! directions and for open connections too, unless an element of a set (the lease) is live. The
//! element has a time-out, and its owner renews it while it is in quorum: a process that is
//! frozen, killed or isolated stops serving by time, and nobody has to do anything for it.
//!
//! * [`Gate`] is the table: `install`, `grant`, `renew`, `withdraw`, `inspect`, `remove`.
//! * [`Lease`] is the policy: it decides from moments alone whether a renewal may be sent.
//! * [`Gate::keep`] is one turn of both, in the order that leaves no hole.
//! * [`Watchdog`] and [`Supervisor`] end the whole machine, or the whole agent, if it hangs.
//!
//! What keeps a thawed process from renewing on old knowledge:
//! 1. A renewal deletes the old element and adds the new one in one transaction. If the old one
//!    has expired the kernel refuses both: an ended lease can only be granted anew.
//! 2. Before its clock is read for the decision, a process takes a [`Ticket`]: an element that
//!    lives for [`Policy::send`]. The renewal deletes that too. A process that was frozen between
//!    its decision and its system call finds the ticket gone, and the kernel refuses.
//! 3. Tickets are in a set that is named after this life of the agent: an earlier life that thaws
//!    after its successor's `install` is refused whatever it asks.
//!
//! What it does not cover:
//! * While the machine itself is suspended the kernel's timers stand still, so that a lease is
//!   live for its remainder after the resume, until the first turn of the agent sees the gap on
//!   `CLOCK_BOOTTIME` and withdraws it.
//! * Who may change the rules can flush them (`nft flush ruleset`, a restart of a firewall
//!   service). The next renewal then fails with [`Error::Gone`]; an agent that is dead by then
//!   does not notice.
//! * Frames that a packet socket sends past the queues (`PACKET_QDISC_BYPASS`), or XDP: they pass
//!   no hook.
//!
//! Leases end by the kernel's ticks: up to one tick (4 ms at 250 Hz, 10 ms at 100 Hz) before
//! their time, and not after it unless the tick itself is late.

mod error;
mod gate;
mod message;
mod policy;
mod script;
mod settings;
mod socket;
mod supervisor;
mod watchdog;

pub use error::Error;
pub use gate::{Gate, Kept, Live, Ticket};
pub use policy::{Lease, Policy, Turn, Why};
pub use settings::{Network, Settings, Thing};
pub use supervisor::Supervisor;
pub use watchdog::{Watchdog, WatchdogSettings};

use std::time::Duration;

/// `CLOCK_BOOTTIME`: time since boot that goes on in suspend and that nobody sets
/// (linux-ha.md §10.3). What the moments of [`Lease`] are meant to be taken from.
pub fn boottime() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // Neither is ever negative on this clock; if it were, an old moment is the safe one.
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
