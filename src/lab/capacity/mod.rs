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
pub use search::{Bracket, Search, Trial, search};

use crate::base::{DbId, IdVec, MachineId, NodeId, Span};
use crate::model::assumed::{assumed, assumed_of_sizing};
use crate::model::load::Given;
use crate::model::scenario::Start;
use crate::model::sizing::{self, LogRate, Needs};
use crate::model::topology::MachineRole;
use crate::model::{Assumption, Topology};

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
    /// Whether every database has a copy left to be activated, every client group a server, and the
    /// site a domain controller, a DNS server and a Hub.
    pub carried: bool,
    /// Logs of each database.
    pub logs: IdVec<DbId, LogRate>,
}

/// Works the sizing rules out for a topology.
pub fn closed_form(topology: &Topology, lost: MachineId) -> ClosedForm {
    let both = placement::healthy(topology);
    let one = placement::without(topology, &both, lost);
    let left = |role: MachineRole| {
        let all: Vec<MachineId> = topology.with_role(role).collect();
        all.is_empty() || all.iter().any(|machine| *machine != lost)
    };
    // Without a domain controller nobody logs on and no Hub finds a recipient.
    let carried = one.active.values().all(Option::is_some)
        && one.access.iter().all(|access| !access.is_empty())
        && [MachineRole::DomainController, MachineRole::Dns, MachineRole::HubTransport]
            .into_iter()
            .all(left);
    let both = sizing::needs(topology, &both);
    let mut one = sizing::needs(topology, &one);
    for (id, needs) in one.iter_mut() {
        // What it had to replay until the failover decides how long the mount takes.
        needs.replay = both[id].replay;
        needs.replication = both[id].replication;
    }
    ClosedForm { both, one, carried, logs: sizing::log_rates(topology) }
}

/// Everything that is said of a topology.
pub struct Study<'t> {
    /// The topology.
    pub topology: &'t Topology,
    /// What was asked.
    pub question: Question,
    /// The closed form.
    pub form: ClosedForm,
    /// The run with the users of the topology.
    pub run: Probe,
    /// What was measured before the failover.
    pub both: Vec<Measure>,
    /// What was measured after it.
    pub one: Vec<Measure>,
    /// Whether the run stayed within the limits after it.
    pub holds: bool,
    /// How many users could be carried, if that was asked.
    pub search: Option<Search>,
    /// What all this assumed.
    pub assumed: Vec<Assumption>,
}

impl Study<'_> {
    /// What comes nearest to its limit after the failover, or is furthest beyond it.
    pub fn bottleneck(&self) -> Option<&Measure> {
        tightest(&self.one)
    }
}

/// Runs and works out everything; with a search of so many seeds, if any. `told` is called with
/// the number of runs done so far. `given` are the settings that were given.
pub fn study<'t>(
    topology: &'t Topology,
    question: Question,
    seeds: u32,
    given: &Given,
    told: &mut dyn FnMut(u32),
) -> Study<'t> {
    let form = closed_form(topology, question.lost);
    let run = probe(topology, &question, question.seed);
    told(1);
    let both = judged(topology, &run.windows[0], &form, question.lost, false);
    let one = judged(topology, &run.windows[2], &form, question.lost, true);
    let holds = form.carried && search::holds(&run, &one);
    let searched = seeds > 0 && users(topology) > 0;
    let search = searched.then(|| search(topology, &question, seeds, &mut |runs| told(runs + 1)));
    let mut assumed = assumed(topology, &probe::scenario(topology, &question), given);
    assumed.extend(assumed_of_sizing(topology, given));
    Study { topology, question, form, run, both, one, holds, search, assumed }
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
