//! Who can be carried before and after a failover, and what gives way first: real runs beside the
//! closed form of the product's sizing rules.

mod limits;
mod placement;
mod probe;
mod search;

#[cfg(test)]
mod tests;

pub use limits::{Kind, Measure, judged, tightest};
pub use probe::{Load, PHASES, Probe, Window, probe};
pub use search::{Bracket, Search, search};

use crate::base::{IdVec, MachineId, NodeId, Span};
use crate::model::Topology;
use crate::model::scenario::Start;
use crate::model::sizing::{self, LogRate, Needs};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The machine that loses power.
    pub lost: MachineId,
    /// Seed of the first run.
    pub seed: u64,
    /// How long clients work before anything is measured.
    pub warm_up: Span,
    /// How long it is measured before the failover.
    pub before: Span,
    /// How long the failover and the warming of the cache may take.
    pub during: Span,
    /// How long it is measured after that.
    pub after: Span,
}

impl Question {
    /// The question as it is asked when nothing else is said: the member with the most active
    /// databases is lost.
    pub fn usual(topology: &Topology) -> Self {
        let start = Start::usual(topology);
        let active = |node: &NodeId| start.databases.iter().filter(|on| *on == node).count();
        // The first of those that have as many.
        let lost = topology.node_ids().rev().max_by_key(active).unwrap_or(NodeId(0));
        let slowest = topology.clients.iter().map(|group| group.think).max();
        let slowest = slowest.unwrap_or(Span::ZERO).min(Span::from_secs(600));
        let cold = topology.settings.store.cold_cache_time;
        Question {
            lost: lost.into(),
            seed: 1,
            warm_up: Span::from_secs(60) + slowest * 2,
            before: Span::from_secs(300),
            during: Span::from_secs(60) + cold,
            after: Span::from_secs(300),
        }
    }
}

/// The closed form: what every machine needs with everything up, and without one machine.
#[derive(Clone, Debug)]
pub struct ClosedForm {
    /// With everything up.
    pub both: IdVec<MachineId, Needs>,
    /// Without the machine that is lost.
    pub one: IdVec<MachineId, Needs>,
    /// Whether every database has a copy left to be activated, and every client group a server.
    pub carried: bool,
    /// Logs of each database.
    pub logs: IdVec<crate::base::DbId, LogRate>,
}

/// Works the sizing rules out for a topology.
pub fn closed_form(topology: &Topology, lost: MachineId) -> ClosedForm {
    let both = placement::healthy(topology);
    let one = placement::without(topology, &both, lost);
    let carried = one.active.values().all(Option::is_some)
        && one.access.iter().all(|access| !access.is_empty());
    ClosedForm {
        both: sizing::needs(topology, &both),
        one: sizing::needs(topology, &one),
        carried,
        logs: sizing::log_rates(topology),
    }
}

/// Clients that work with a mailbox: the users.
pub fn users(topology: &Topology) -> u32 {
    let groups = topology.clients.iter().filter(|group| group.kind.has_mailbox());
    groups.map(|group| group.count).sum()
}

/// The same site for another number of users: every client group in proportion.
pub fn scaled(topology: &Topology, wanted: u32) -> Topology {
    let mut topology = topology.clone();
    let now = u64::from(users(&topology)).max(1);
    let (mut before, mut first) = (0_u64, 0);
    for mailboxes in [true, false] {
        // Shares of the running sum, so that the users add up.
        for group in topology.clients.iter_mut().filter(|g| g.kind.has_mailbox() == mailboxes) {
            let from = before * u64::from(wanted) / now;
            before += u64::from(group.count);
            let to = before * u64::from(wanted) / now;
            group.count = u32::try_from(to - from).unwrap_or(u32::MAX);
        }
    }
    for group in &mut topology.clients {
        group.first.0 = first;
        first = first.saturating_add(group.count);
    }
    topology
}
