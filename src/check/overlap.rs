//! Two holders of what may have only one: broken if clients can reach both, measured if at most
//! one.

use super::{Findings, Measure, Violation};
use crate::base::{Instant, MachineId};
use crate::journal::RecordNo;
use crate::view::Scene;
use std::collections::{BTreeMap, BTreeSet};

/// Watches the holders of things named by a key.
pub(super) struct Overlaps<K> {
    promise: &'static str,
    open: BTreeMap<K, Open>,
    findings: Findings,
}

/// An overlap that has not ended.
struct Open {
    from: Instant,
    machines: BTreeSet<MachineId>,
    broken: bool,
}

impl<K: Ord + Copy> Overlaps<K> {
    pub(super) fn new(promise: &'static str) -> Self {
        Overlaps { promise, open: BTreeMap::new(), findings: Findings::default() }
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
        let machines: BTreeSet<MachineId> = holders.filter(|id| scene.machines[*id]).collect();
        if machines.len() < 2 {
            self.close(at, scene, key, name);
            return;
        }
        let reached = machines.iter().filter(|id| scene.reachable(**id)).count();
        let fresh = Open { from: at, machines: BTreeSet::new(), broken: false };
        let open = self.open.entry(key).or_insert(fresh);
        open.machines.extend(&machines);
        if reached >= 2 && !open.broken {
            open.broken = true;
            let why =
                format!("{} is on {}, and clients reach both", name(), names(scene, &machines));
            let promise = self.promise;
            let record = Some(number);
            self.findings.violations.push(Violation { promise, at, record, why });
        }
    }

    fn close(&mut self, at: Instant, scene: &Scene<'_>, key: K, name: impl Fn() -> String) {
        let Some(open) = self.open.remove(&key) else { return };
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
