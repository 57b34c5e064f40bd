//! What the real design permits though nobody wants it: no broken promise, but worth knowing. A
//! hazard is measured, not judged.

use super::one_mounted_copy;
use super::{Findings, Measure, Verdict, Violation, Watch};
use crate::base::{Id, Instant, MachineId, NodeId, NodeSet, Span};
use crate::journal::{Record, RecordNo, What};
use crate::model::Topology;
use crate::model::topology::MachineRole;
use crate::view::Scene;

/// What the real design permits though nobody wants it.
#[derive(Clone, Copy, Debug)]
pub struct Hazard {
    /// Its name.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub statement: &'static str,
    /// Where it comes from: the row of the fact sheets.
    pub source: &'static str,
    /// How it is seen.
    seen: Seen,
}

/// How a hazard is seen.
#[derive(Clone, Copy, Debug)]
enum Seen {
    /// It explains violations.
    Explains,
    /// A promise measures it.
    Measured(&'static str),
    /// It has a watch of its own.
    Watched,
}

/// The hazard that explains two owners of which the others have removed one.
pub(super) const REMOVED_OWNER: &str = "removed-owner-still-holds";

/// The hazard that explains two mounted copies of which nobody could have the first dismounted.
pub(super) const CANNOT_BE_TOLD: &str = "active-manager-cannot-be-told";

/// The hazard that explains what an administrator brings about who forces quorum.
pub(super) const FORCED_QUORUM: &str = "quorum-forced-beside-a-cluster";

/// The hazard that explains what an old state of the witness lets happen.
pub(super) const RESTORED_WITNESS: &str = "witness-restored-from-a-backup";

/// The hazard that explains two owners in spite of leases.
pub(super) const CLOCKS_APART: &str = "clocks-run-further-apart-than-leases-allow";

/// Every hazard, in the order of reports.
pub const HAZARDS: &[Hazard] = &[
    Hazard {
        name: "isolated-owner-still-mounted",
        statement: "a server that is cut off still has a database mounted while another mounts it",
        source: "exchange.md §1.2 quorum lost",
        seen: Seen::Measured(one_mounted_copy::PROMISE.name),
    },
    Hazard {
        name: REMOVED_OWNER,
        statement: "a server that the others have removed, because it was cut off, stood still or \
                    was not heard, and that clients reach, holds for a moment what another has \
                    taken over, until it notices",
        source: "exchange.md §3.3 virtual DAG nodes; wsfc.md §1.4",
        seen: Seen::Explains,
    },
    Hazard {
        name: CANNOT_BE_TOLD,
        statement: "the Replication service of a member does not run while its database is \
                    activated elsewhere: its Active Manager cannot be told to dismount it, and \
                    both copies are mounted until the service is back",
        source: "exchange.md §1.4",
        seen: Seen::Explains,
    },
    Hazard {
        name: "witness-on-the-only-domain-controller",
        statement: "members that run have no quorum, because the machine that is both witness and \
                    only domain controller cannot be reached",
        source: "wsfc.md §3.2",
        seen: Seen::Watched,
    },
    Hazard {
        name: FORCED_QUORUM,
        statement: "an administrator forces quorum on a server while others have it, or on one \
                    whose logs are behind: for a moment both sides have it, and logs are lost \
                    that no dial was asked for",
        source: "wsfc.md §3.3; exchange.md §3.1",
        seen: Seen::Explains,
    },
    Hazard {
        name: RESTORED_WITNESS,
        statement: "the witness's log is put back to an older state, and its lock with it: a server \
                    wins it beside another, or one whose configuration is out of date, which \
                    mounts a copy that lacks logs without asking",
        source: "wsfc.md §3.2 tag",
        seen: Seen::Explains,
    },
    Hazard {
        name: CLOCKS_APART,
        statement: "a clock runs faster or slower than lease.drift allows for: a lease outlasts \
                    what another member has waited",
        source: "docs/AGENT.md",
        seen: Seen::Explains,
    },
];

/// The watch of the hazards that no promise sees.
pub fn watch(topology: &Topology) -> Box<dyn Watch> {
    Box::new(WitnessWithDirectory::new(topology))
}

/// The hazards that were met in a run, each with the longest that it lasted; zero for what is over
/// at once. `watched` is what [`watch`] found.
pub fn met(verdict: &Verdict, watched: &Findings) -> Vec<(&'static Hazard, Span)> {
    let longest = |hazard: &Hazard| -> Option<Span> {
        match hazard.seen {
            Seen::Measured(promise) => {
                let measures = verdict.measures.iter().filter(|one| one.promise == promise);
                measures.map(|one| one.value).max()
            }
            Seen::Watched => watched.measures.iter().map(|one| one.value).max(),
            Seen::Explains => {
                let violations = verdict.violations.iter().map(|(_, one)| one);
                let explained = violations.filter(|one| one.hazard == Some(hazard.name));
                explained.map(|one| length(verdict, one)).max()
            }
        }
    };
    HAZARDS.iter().filter_map(|hazard| Some((hazard, longest(hazard)?))).collect()
}

/// How long an overlap lasted of which a violation is part.
fn length(verdict: &Verdict, violation: &Violation) -> Span {
    let part = |span: &&Measure| {
        let to = span.from.saturating_add(span.value);
        span.promise == violation.promise && span.from <= violation.at && violation.at < to
    };
    verdict.measures.iter().filter(part).map(|span| span.value).max().unwrap_or(Span::ZERO)
}

/// Nobody has quorum while the witness's server, which is the only domain controller, is out of
/// reach of every member that is up.
struct WitnessWithDirectory {
    /// The server, if it is both.
    server: Option<MachineId>,
    since: Option<Instant>,
    measures: Vec<Measure>,
    /// Somebody had quorum.
    formed: bool,
}

impl WitnessWithDirectory {
    fn new(topology: &Topology) -> Self {
        let mut directories = topology.with_role(MachineRole::DomainController);
        let only = directories.next().filter(|_| directories.next().is_none());
        let server = topology.dag.witness.filter(|witness| only == Some(*witness));
        WitnessWithDirectory { server, since: None, measures: Vec::new(), formed: false }
    }

    fn close(&mut self, at: Instant) {
        if let Some(from) = self.since.take().filter(|from| *from < at) {
            self.measures.push(Measure {
                promise: "witness-on-the-only-domain-controller",
                name: "no quorum".to_owned(),
                value: at.since(from),
                from,
            });
        }
    }
}

impl Watch for WitnessWithDirectory {
    fn see(&mut self, _: RecordNo, record: &Record, scene: &Scene<'_>) {
        let Some(server) = self.server else { return };
        if matches!(record.what, What::In(..) | What::Client(..) | What::Mail(..)) {
            return;
        }
        let lost = scene.quorum_holders().is_empty();
        self.formed |= !lost;
        let members = (0..scene.topology().nodes).map(NodeId::at);
        let up: NodeSet = members.filter(|node: &NodeId| scene.machines[(*node).into()]).collect();
        let met = self.formed && lost && !up.is_empty() && !scene.reachable(server);
        match met {
            true => drop(self.since.get_or_insert(record.at)),
            false => self.close(record.at),
        }
    }

    fn end(mut self: Box<Self>, at: Instant, _: &Scene<'_>) -> Findings {
        self.close(at);
        Findings { measures: self.measures, ..Findings::default() }
    }
}
