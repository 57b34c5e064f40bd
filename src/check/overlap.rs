//! Two holders of what may have only one: broken if clients can reach both, measured if at most
//! one.

use super::hazards::{CANNOT_BE_TOLD, CLOCKS_APART, REMOVED_OWNER};
use super::sides::Sides;
use super::{Findings, Measure, Violation};
use crate::base::{Id, Instant, MachineId, Span};
use crate::failover::seam::{Effect, Note};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Fault, Service, Topology};
use crate::view::Scene;
use std::collections::{BTreeMap, BTreeSet};

/// Watches the holders of things named by a key.
pub(super) struct Overlaps<K> {
    promise: &'static str,
    open: BTreeMap<K, Open>,
    findings: Findings,
    returns: Returns,
}

/// Members that were cut off or stood still and when each came back; those that are out of the
/// views of others, and when they were removed last.
struct Returns {
    away: BTreeSet<MachineId>,
    back: BTreeMap<MachineId, Instant>,
    out: BTreeSet<MachineId>,
    removed: BTreeMap<MachineId, Instant>,
    /// Members that have quorum, and of those the ones that are a vote short.
    holding: BTreeSet<MachineId>,
    short: BTreeSet<MachineId>,
    /// How long a dismount takes.
    dismount: Span,
    /// Members that something keeps from letting go in good time, and until when it does or did.
    hindering: BTreeSet<MachineId>,
    hindered: BTreeMap<MachineId, Instant>,
    /// What last gave two sides quorum, and when, or when these were last apart.
    split: Option<(Instant, &'static str)>,
    sides: Sides,
    /// The service through which a member is told to let go, and members on which it did not run;
    /// since when it does again, if so.
    told_by: Option<Service>,
    untold: BTreeMap<MachineId, Option<Instant>>,
    /// Whether two sides are apart.
    apart: bool,
    /// What a member serves ends with its lease, so that nobody holds on without noticing; and for
    /// how long after clocks ran further apart than leases allow for these may overlap.
    leases: bool,
    clocks: Option<Instant>,
    drift: u32,
    /// How long one that is removed and could hear of it may take to notice that the cluster has
    /// gone on without it, and to let go of what it holds.
    notices: Span,
}

/// How long members may take to remove one that they do not hear any more.
pub(super) fn notices(topology: &Topology) -> Span {
    let cluster = &topology.settings.cluster;
    let silence = cluster.same_subnet_delay * u64::from(cluster.same_subnet_threshold);
    silence + cluster.clus_svc_regroup_opening_timeout
}

impl Returns {
    fn new(topology: &Topology) -> Self {
        let settings = &topology.settings;
        let lets_go = settings.store.dismount_time + settings.cluster.offline_time * 2;
        let notices = notices(topology) + lets_go;
        Returns {
            away: BTreeSet::new(),
            back: BTreeMap::new(),
            out: BTreeSet::new(),
            removed: BTreeMap::new(),
            holding: BTreeSet::new(),
            short: BTreeSet::new(),
            dismount: settings.store.dismount_time,
            hindering: BTreeSet::new(),
            hindered: BTreeMap::new(),
            split: None,
            sides: Sides::default(),
            told_by: None,
            untold: BTreeMap::new(),
            apart: false,
            leases: settings.lease.enabled,
            clocks: None,
            drift: settings.lease.drift,
            notices,
        }
    }

    fn see(&mut self, at: Instant, scene: &Scene<'_>) {
        if self.leases && scene.active_faults().any(|fault| runs_apart(&fault, self.drift)) {
            self.clocks = Some(at);
        }
        let mut now = BTreeSet::new();
        let dismount = self.dismount;
        for (machine, longer) in scene.active_faults().filter_map(|it| hinders(&it, dismount)) {
            now.insert(machine);
            self.hinder(machine, at.saturating_add(longer));
        }
        // While frames are lost, or a side waits for its witness, nobody is told what others do.
        if !self.short.is_empty() || scene.active_faults().any(|fault| loses_frames(&fault)) {
            now.extend((0..scene.topology().nodes).map(MachineId::at));
        }
        for machine in std::mem::take(&mut self.hindering).union(&now) {
            self.hinder(*machine, at);
        }
        self.hindering = now;
        if let Some((since, _)) = self.split.as_mut().filter(|_| self.apart) {
            *since = at;
        }
        let recent = self.split.is_some_and(|(since, _)| self.lately(since, at));
        self.apart = recent && !self.out.is_empty();
        for machine in (0..scene.topology().nodes).map(MachineId::at) {
            if self.told_by.is_some_and(|service| !scene.runs(machine, service)) {
                self.untold.insert(machine, None);
            } else if let Some(again @ None) = self.untold.get_mut(&machine) {
                *again = Some(at);
            }
            if !scene.machines[machine] || !scene.reachable(machine) {
                self.away.insert(machine);
            } else if self.away.remove(&machine) {
                self.back.insert(machine, at);
            }
        }
    }

    /// Something keeps a machine from letting go until then.
    fn hinder(&mut self, machine: MachineId, until: Instant) {
        let known = self.hindered.entry(machine).or_insert(until);
        *known = until.max(*known);
    }

    /// Whether a moment is so little ago that somebody need not have noticed yet.
    fn lately(&self, since: Instant, at: Instant) -> bool {
        at.saturating_since(since) <= self.notices
    }

    /// Takes in who is in the views of others.
    fn follow(&mut self, record: &Record, scene: &Scene<'_>) {
        self.sides.follow(record, scene);
        let What::Out(node, Effect::Note(note)) = &record.what else { return };
        if let Note::QuorumHeld { witness, .. } = note
            && (*witness || self.sides.forced.contains(*node))
            && let Some(hazard) = self.sides.explain(std::iter::once(*node))
        {
            self.split = Some((record.at, hazard));
        }
        if self.stand((*node).into(), note) {
            for machine in scene.topology().node_ids().map(MachineId::from) {
                self.hinder(machine, record.at);
            }
        }
        let Note::View { members, .. } = note else { return };
        for other in scene.topology().node_ids().filter(|other| other != node) {
            if members.contains(other) {
                self.out.remove(&other.into());
            } else if self.out.insert(other.into()) {
                self.removed.insert(other.into(), record.at);
            }
        }
    }

    /// Takes in how a member stands with quorum; tells whether the witness has decided for one that
    /// was a vote short. Until then that one keeps what it has, and tells nobody that it goes on
    /// without them.
    fn stand(&mut self, machine: MachineId, note: &Note) -> bool {
        let decided = match note {
            Note::OneVoteShort { .. } if self.holding.contains(&machine) => {
                self.short.insert(machine);
                false
            }
            Note::QuorumHeld { .. } => {
                self.holding.insert(machine);
                true
            }
            Note::QuorumLost { .. } | Note::Stopping { .. } | Note::Started => {
                self.holding.remove(&machine);
                true
            }
            _ => false,
        };
        decided && self.short.remove(&machine)
    }

    /// The hazard that explains that some machines hold the same: one of them was removed, or came
    /// back, so little before a moment that it need not have noticed yet, where one whose services
    /// hang or are slow takes as long as they do; or somebody forced quorum.
    fn explain(&self, at: Instant, machines: &BTreeSet<MachineId>) -> Option<&'static str> {
        let lately = |since: Instant| self.lately(since, at);
        let unaware = machines.iter().any(|machine| {
            let known = [&self.back, &self.removed].map(|known| known.get(machine));
            let gone = known.into_iter().flatten().max().copied();
            let hindered = self.hindered.get(machine).copied();
            gone.is_some_and(|gone| lately(gone.max(hindered.unwrap_or(gone))))
        });
        let mut untold = machines.iter().filter_map(|machine| self.untold.get(machine));
        let untold = untold.any(|again| again.is_none_or(lately)).then_some(CANNOT_BE_TOLD);
        if self.leases {
            let clocks = self.clocks.filter(|since| lately(*since)).map(|_| CLOCKS_APART);
            let split = self.split.filter(|(since, _)| lately(*since)).map(|(_, hazard)| hazard);
            return untold.or(split).or(clocks);
        }
        let split = self.split.filter(|(since, _)| lately(*since)).map(|(_, hazard)| hazard);
        unaware.then_some(REMOVED_OWNER).or(untold).or(split)
    }
}

/// The member that a fault keeps from letting go in good time, and for how long beyond its end: a
/// dismount that begins slowly ends as slowly.
fn hinders(fault: &Fault, dismount: Span) -> Option<(MachineId, Span)> {
    match fault {
        Fault::ServiceSlow { machine, factor, .. } => {
            let (over, under) = (factor.numerator(), factor.denominator());
            Some((*machine, dismount.scaled(over.into(), under.into())))
        }
        Fault::ServiceHang { machine, .. }
        | Fault::ResourceHang { machine, .. }
        | Fault::ClockRate { machine, .. }
        | Fault::DiskSlow { machine, .. } => Some((*machine, Span::ZERO)),
        Fault::DismountSlow { copy, delay } => Some((copy.node.into(), *delay)),
        _ => None,
    }
}

/// Whether a member's clock runs so much faster or slower that two may differ by more than this, in
/// parts of a million.
fn runs_apart(fault: &Fault, drift: u32) -> bool {
    let Fault::ClockRate { rate, .. } = fault else { return false };
    let (counts, of) = (u64::from(rate.numerator()), u64::from(rate.denominator()));
    counts.abs_diff(of) * 2_000_000 > u64::from(drift) * counts.min(of)
}

fn loses_frames(fault: &Fault) -> bool {
    matches!(fault, Fault::FrameLoss { .. } | Fault::PathLoss { .. })
}

/// An overlap that has not ended.
struct Open {
    from: Instant,
    machines: BTreeSet<MachineId>,
    /// The violation, by its place.
    broken: Option<usize>,
}

impl<K: Ord + Copy> Overlaps<K> {
    pub(super) fn new(promise: &'static str, topology: &Topology) -> Self {
        let returns = Returns::new(topology);
        Overlaps { promise, open: BTreeMap::new(), findings: Findings::default(), returns }
    }

    /// Who does not run this service cannot be told to let go.
    pub(super) fn told_by(mut self, service: Service) -> Self {
        self.returns.told_by = Some(service);
        self
    }

    /// Takes in a record; not all that follow it need a look at who holds what.
    pub(super) fn follow(&mut self, record: &Record, scene: &Scene<'_>) {
        self.returns.follow(record, scene);
    }

    /// Looks at who holds something now. Machines without power hold nothing.
    pub(super) fn see(
        &mut self,
        (number, at): (RecordNo, Instant),
        scene: &Scene<'_>,
        key: K,
        holders: impl Iterator<Item = MachineId>,
        name: impl Fn() -> String,
    ) {
        self.returns.see(at, scene);
        let machines: BTreeSet<MachineId> = holders.filter(|id| scene.machines[*id]).collect();
        if machines.len() < 2 {
            self.close(at, scene, key, name);
            return;
        }
        let reached = machines.iter().filter(|id| scene.serves(**id)).count();
        let fresh = Open { from: at, machines: BTreeSet::new(), broken: None };
        let open = self.open.entry(key).or_insert(fresh);
        open.machines.extend(&machines);
        if reached >= 2 && open.broken.is_none() {
            open.broken = Some(self.findings.violations.len());
            let why =
                format!("{} is on {}, and clients reach both", name(), names(scene, &machines));
            let promise = self.promise;
            let record = Some(number);
            let hazard = self.returns.explain(at, &machines);
            self.findings.violations.push(Violation { promise, at, record, why, hazard });
        }
    }

    fn close(&mut self, at: Instant, scene: &Scene<'_>, key: K, name: impl Fn() -> String) {
        let Some(open) = self.open.remove(&key) else { return };
        if let Some(place) = open.broken {
            // What explains how it began has to explain that it lasted.
            let hazard = &mut self.findings.violations[place].hazard;
            *hazard = hazard.and_then(|_| self.returns.explain(at, &open.machines));
        }
        let value = at.since(open.from);
        if !value.is_zero() {
            let name = format!("{} on {} at once", name(), names(scene, &open.machines));
            self.findings.measures.push(Measure {
                promise: self.promise,
                name,
                value,
                from: open.from,
            });
        }
    }

    /// Ends the watch; overlaps that last are measured up to the end.
    pub(super) fn end(
        mut self,
        at: Instant,
        scene: &Scene<'_>,
        name: impl Fn(K) -> String,
    ) -> Findings {
        for key in self.open.keys().copied().collect::<Vec<_>>() {
            self.close(at, scene, key, || name(key));
        }
        self.findings
    }
}

fn names(scene: &Scene<'_>, machines: &BTreeSet<MachineId>) -> String {
    let names: Vec<&str> = machines.iter().map(|id| scene.topology().machine_name(*id)).collect();
    names.join(" and ")
}
