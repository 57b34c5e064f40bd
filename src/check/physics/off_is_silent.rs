//! What does not run does nothing.

use crate::base::{Id, Instant, MachineId, NodeId};
use crate::check::{Findings, Kind, Promise, Watch, broken};
use crate::journal::record::{Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::view::Scene;

pub(super) const PROMISE: Promise = Promise {
    name: "off-is-silent",
    statement: "a machine that is off or stands still does nothing, and a Cluster service that \
                does not run decides nothing",
    source: "physics",
    applies: "at every input and effect of a core, and whatever a machine brings up",
    not: "that what was on its way to it is told of",
    kind: Kind::Safety,
    sees_traffic: true,
    watch: |_, _| Box::new(OffIsSilent::default()),
};

#[derive(Default)]
struct OffIsSilent {
    findings: Findings,
}

/// The machine that must run for a change of the plant to happen.
fn doer(plant: &Plant) -> Option<MachineId> {
    match *plant {
        Plant::AddressUp { machine, .. }
        | Plant::GratuitousArp { machine, .. }
        | Plant::Service { machine, state: ServiceState::Running, .. } => Some(machine),
        Plant::Mounted { copy, .. } => Some(copy.node.into()),
        _ => None,
    }
}

impl Watch for OffIsSilent {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        let decides = |node: NodeId| !scene.nodes[node].running;
        let (machine, without_service) = match &record.what {
            What::In(node, _) | What::Out(node, _) if node.index() < scene.topology().nodes => {
                (MachineId::from(*node), decides(*node))
            }
            What::Plant(plant) => match doer(plant) {
                Some(machine) => (machine, false),
                None => return,
            },
            _ => return,
        };
        let name = scene.topology().machine_name(machine);
        let why = if !scene.machines[machine] {
            format!("{name} does something and does not run")
        } else if without_service {
            format!("{name} decides something and its Cluster service does not run")
        } else {
            return;
        };
        self.findings.violations.push(broken(&PROMISE, number, record, why));
    }

    fn end(self: Box<Self>, _: Instant, _: &Scene<'_>) -> Findings {
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::story::Story;
    use crate::failover::seam::Note;
    use crate::model::Service;

    #[test]
    fn a_machine_without_power_that_mounts_or_decides_breaks_it() {
        let mut story = Story::new();
        story.quorum(1, "EX01", &["EX01"]);
        story.mounted(2, "EX01", 0);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.machine(3, "EX01", false);
        story.mounted(4, "EX01", 0);
        story.note(5, "EX01", Note::Joining);
        assert_eq!(story.judge(&PROMISE).violations.len(), 2);
    }

    #[test]
    fn a_service_that_does_not_run_and_decides_breaks_it() {
        let mut story = Story::new();
        story.quorum(1, "EX01", &["EX01"]);
        story.service(2, "EX01", Service::Cluster, ServiceState::Stopped);
        story.note(3, "EX01", Note::Joining);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }
}
