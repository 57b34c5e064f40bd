//! What the real design permits though nobody wants it: no broken promise, but worth knowing. A
//! hazard is measured, not judged.

use super::{Findings, Measure, Promise, Watch};
use super::{mount_dial, one_mounted_copy, one_owner, one_quorum};
use crate::base::{Id, Instant, MachineId, NodeId, NodeSet, Span};
use crate::journal::{Record, RecordNo, What};
use crate::model::topology::MachineRole;
use crate::model::{Scenario, Topology};
use crate::view::Scene;

/// What the real design permits though nobody wants it.
#[derive(Clone, Copy)]
pub struct Hazard {
    /// Its name.
    pub name: &'static str,
    /// What happens, in one sentence.
    pub statement: &'static str,
    /// Where it comes from: the row of the fact sheets.
    pub source: &'static str,
    /// Makes a watch over one run; its measures are the times that it was met.
    pub watch: fn(&Topology, &Scenario) -> Box<dyn Watch>,
}

impl std::fmt::Debug for Hazard {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name)
    }
}

/// The hazard that explains two owners of which the others have removed one.
pub(super) const REMOVED_OWNER: &str = "removed-owner-still-holds";

/// The hazard that explains what an administrator brings about who forces quorum.
pub(super) const FORCED_QUORUM: &str = "quorum-forced-beside-a-cluster";

/// The hazard that explains what an old state of the witness lets happen.
pub(super) const RESTORED_WITNESS: &str = "witness-restored-from-a-backup";

/// Every hazard, in the order of reports.
pub const HAZARDS: &[Hazard] = &[
    Hazard {
        name: REMOVED_OWNER,
        statement: "a server that the others have removed, because it was cut off, stood still or \
                    was not heard, and that clients reach, holds for a moment what another has \
                    taken over, until it notices",
        source: "exchange.md §3.3 virtual DAG nodes; wsfc.md §1.4",
        watch: |topology, scenario| {
            let of = [one_owner::PROMISE, one_mounted_copy::PROMISE];
            Box::new(Explained::new(REMOVED_OWNER, &of, topology, scenario))
        },
    },
    Hazard {
        name: FORCED_QUORUM,
        statement: "an administrator forces quorum on a server while others have it, or on one \
                    whose logs are behind: for a moment both sides have it, and logs are lost \
                    that no dial was asked for",
        source: "wsfc.md §3.4; exchange.md §3.1",
        watch: |topology, scenario| {
            let of = [one_quorum::PROMISE, mount_dial::PROMISE];
            Box::new(Explained::new(FORCED_QUORUM, &of, topology, scenario))
        },
    },
    Hazard {
        name: RESTORED_WITNESS,
        statement: "the witness's log is put back to an older state: a server whose configuration \
                    is out of date wins it, and mounts a copy that lacks logs without asking",
        source: "wsfc.md §3.2 tag",
        watch: |topology, scenario| {
            Box::new(Explained::new(RESTORED_WITNESS, &[mount_dial::PROMISE], topology, scenario))
        },
    },
    Hazard {
        name: "isolated-owner-still-mounted",
        statement: "a server that is cut off still has a database mounted while another mounts it",
        source: "exchange.md §1.2 quorum lost",
        watch: one_mounted_copy::PROMISE.watch,
    },
    Hazard {
        name: "witness-on-the-only-domain-controller",
        statement: "members that are up and see each other or are alone have no quorum, because the \
                    machine that is both witness and only domain controller cannot be reached",
        source: "wsfc.md §3.2",
        watch: |topology, _| Box::new(WitnessWithDirectory::new(topology)),
    },
];

/// The watches of every hazard over one run.
pub fn watches(topology: &Topology, scenario: &Scenario) -> Vec<(&'static Hazard, Box<dyn Watch>)> {
    HAZARDS.iter().map(|hazard| (hazard, (hazard.watch)(topology, scenario))).collect()
}

/// What some promises found that one hazard explains.
struct Explained {
    hazard: &'static str,
    watches: Vec<Box<dyn Watch>>,
}

impl Explained {
    fn new(
        hazard: &'static str,
        promises: &[Promise],
        topology: &Topology,
        scenario: &Scenario,
    ) -> Self {
        let watches = promises.iter().map(|promise| (promise.watch)(topology, scenario));
        Explained { hazard, watches: watches.collect() }
    }
}

impl Watch for Explained {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        for watch in &mut self.watches {
            watch.see(number, record, scene);
        }
    }

    fn end(self: Box<Self>, at: Instant, scene: &Scene<'_>) -> Findings {
        let mut met = Findings::default();
        for watch in self.watches {
            let found = watch.end(at, scene);
            for one in found.violations.iter().filter(|one| one.hazard == Some(self.hazard)) {
                // An overlap that a violation is part of is measured from where it began.
                let part = |span: &&Measure| {
                    span.from <= one.at && one.at < span.from.saturating_add(span.value)
                };
                let longest = found.measures.iter().filter(part).max_by_key(|span| span.value);
                met.measures.push(longest.cloned().unwrap_or_else(|| Measure {
                    promise: one.promise,
                    name: one.why.clone(),
                    value: Span::ZERO,
                    from: one.at,
                }));
            }
        }
        met
    }
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
