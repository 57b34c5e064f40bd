//! The mount dial decides how many logs an activation may lose.

use super::hazards::REMOVED_OWNER;
use super::sides::Sides;
use super::{Findings, Kind, Promise, Violation, Watch};
use crate::base::{CopyId, DbId, Id, Instant, MachineId, NodeId, NodeSet, Span};
use crate::failover::seam::{CopyStatus, Effect, Note};
use crate::journal::record::{MailEvent, Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::{Fault, Service};
use crate::view::Scene;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const PROMISE: Promise = Promise {
    name: "mount-dial",
    statement: "no copy is activated with more logs missing than the mount dial permits",
    source: "exchange.md §1.7",
    applies: "whenever last logs are counted or a copy is mounted",
    not: "anything of logs that the chosen server could not know of: those that an old owner \
          writes while it is cut off, while a Replication service stands, or a moment before it \
          ends, and that are still on the line; they are lost",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |_, _| Box::new(MountDialKept::default()),
};

/// The newest answer about the last logs of each copy: how many the dial permits to be missing, or
/// that it refused. The dial judges by the logs that the chosen server knows to exist; what the
/// former active copy wrote after it was cut off is lost as well, and counts here. A server whose
/// Replication service does not run tells nobody what its Store writes, and hears of no log that
/// another one writes: of those no dial can judge. Nor can it judge of what an old owner writes
/// while it is cut off from the chosen server, which is the price of an activation without it.
#[derive(Default)]
struct MountDialKept {
    /// Faults in force that may keep servers from hearing of each other's logs.
    apart: BTreeSet<u16>,
    /// When the last of them healed.
    together_since: Option<Instant>,
    answers: BTreeMap<CopyId, Option<u64>>,
    /// Copies that began anew, or whose server was off or did not run its Replication service, and
    /// that have not been Healthy beside a mounted one since.
    deaf: BTreeSet<CopyId>,
    /// Databases that were mounted last by a member that others had removed.
    strays: BTreeSet<DbId>,
    /// When each member took its view, and who is in it.
    views: BTreeMap<NodeId, (Instant, NodeSet)>,
    /// When each copy was mounted last.
    mounts: BTreeMap<CopyId, Instant>,
    /// When a message was last written to a database, or taken in by a Hub.
    wrote: Option<Instant>,
    /// Databases whose last message was still on the line when their active copy ended.
    on_the_line: BTreeSet<DbId>,
    /// A side with quorum apart from the others mounts what it has.
    sides: Sides,
    findings: Findings,
}

impl Watch for MountDialKept {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        let names = |copy: CopyId| {
            let topology = scene.topology();
            let database = &topology.databases[copy.database].name;
            format!("{database}\\{}", topology.node_name(copy.node))
        };
        self.hear(record, scene);
        let why = match &record.what {
            What::Out(
                node,
                Effect::Note(Note::LastLogs { database, missing, dial, accepted, .. }),
            ) => {
                let copy = CopyId { database: *database, node: *node };
                self.answers.insert(copy, accepted.then_some(dial.permitted()));
                let over = *accepted && *missing > dial.permitted();
                over.then(|| {
                    let permitted = dial.permitted();
                    format!("{} may lose {missing} logs, the dial permits {permitted}", names(copy))
                })
            }
            What::Plant(Plant::Mounted { copy, lost_logs, .. }) => {
                match (self.answers.remove(copy), *lost_logs) {
                    (Some(None), _) => {
                        Some(format!("{} is mounted though the dial refused", names(*copy)))
                    }
                    (None, 1..) => Some(format!(
                        "{} lost {lost_logs} logs and the dial was not asked",
                        names(*copy)
                    )),
                    (Some(Some(permitted)), lost)
                        if lost > permitted && !self.may_not_know(*copy, record.at, scene) =>
                    {
                        let copy = names(*copy);
                        Some(format!("{copy} lost {lost} logs, the dial permits {permitted}"))
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        if let What::Plant(Plant::Mounted { copy, .. }) = &record.what {
            self.mounts.insert(*copy, record.at);
        }
        if let Some(why) = why {
            let (promise, record_no) = (PROMISE.name, Some(number));
            let hazard = self.hazard(record, scene);
            let violation = Violation { promise, at: record.at, record: record_no, why, hazard };
            self.findings.violations.push(violation);
        }
        if let What::Plant(Plant::Mounted { copy, .. }) = &record.what {
            match self.removed(copy.node) {
                true => self.strays.insert(copy.database),
                false => self.strays.remove(&copy.database),
            };
        }
    }

    fn end(self: Box<Self>, _: Instant, _: &Scene<'_>) -> Findings {
        self.findings
    }
}

impl MountDialKept {
    /// What explains that a mount lost what it should not have.
    fn hazard(&self, record: &Record, scene: &Scene<'_>) -> Option<&'static str> {
        let What::Plant(Plant::Mounted { copy, .. }) = &record.what else { return None };
        // One that the others have removed, and that stood still, ends what it had begun before;
        // and what it wrote then is lost to whoever mounts the database next.
        let removed = self.removed(copy.node) || self.strays.contains(&copy.database);
        // Who wins the witness without those on whom quorum was forced has not heard of them.
        let apart = self.sides.explain(self.sides.forced.iter());
        // One that stood still ends what it had begun, beside the one that took over.
        let mut others = scene.copies.iter().filter(|(id, _)| *id != copy);
        let beside = others.any(|(id, it)| id.database == copy.database && it.mounted);
        // Nor is it known what one mounted and wrote that this side had removed already.
        let after = self.views.get(&copy.node).is_some_and(|(since, members)| {
            let mut mounts = self.mounts.iter().filter(|(id, _)| id.database == copy.database);
            mounts.any(|(id, at)| !members.contains(id.node) && at >= since)
        });
        (beside || after || removed).then_some(REMOVED_OWNER).or(apart)
    }

    /// Whether others have removed a member that has taken no view since.
    fn removed(&self, node: NodeId) -> bool {
        let own = self.views.get(&node).map(|(since, _)| *since);
        self.views.iter().any(|(other, (since, members))| {
            *other != node && !members.contains(node) && Some(*since) > own
        })
    }

    fn hear(&mut self, record: &Record, scene: &Scene<'_>) {
        self.sides.follow(record, scene);
        match record.what {
            What::Out(node, Effect::Note(Note::View { members, .. })) => {
                self.views.insert(node, (record.at, members));
            }
            What::Fault { index, healed } => {
                let planned = scene.scenario().faults.get(usize::from(index));
                if healed && self.apart.remove(&index) {
                    self.together_since = Some(record.at);
                } else if !healed && planned.is_some_and(|planned| separates(&planned.fault)) {
                    self.apart.insert(index);
                }
            }
            What::Mail(_, MailEvent::Submitted { .. } | MailEvent::Delivered { .. }) => {
                self.wrote = Some(record.at);
            }
            What::Plant(Plant::Dismounted { copy }) => {
                let settings = &scene.topology().settings;
                let kilobytes = u64::from(settings.store.log_kilobytes_per_message);
                let nanos = kilobytes * 8_192_000 / u64::from(settings.ethernet.bandwidth);
                // Its own messages, and those of whatever else the same line carries.
                let way = (settings.ethernet.latency + Span::from_nanos(nanos)) * 2;
                let fresh = self.wrote.is_some_and(|wrote| record.at.since(wrote) <= way);
                match fresh {
                    true => self.on_the_line.insert(copy.database),
                    false => self.on_the_line.remove(&copy.database),
                };
            }
            What::Plant(Plant::Service { machine, service: Service::Replication, state })
                if state != ServiceState::Running =>
            {
                self.deaf.extend(copies_on(machine, scene));
            }
            What::Plant(Plant::Machine { machine, up: false })
                if machine.index() < scene.topology().nodes =>
            {
                self.deaf.extend(copies_on(machine, scene));
            }
            // Nor is it told of logs before it has found its source.
            What::Plant(Plant::Copy { copy, status: CopyStatus::Initializing, .. }) => {
                self.deaf.insert(copy);
            }
            What::Plant(Plant::Copy { copy, status: CopyStatus::Healthy, .. })
                if scene.mounted(copy.database).is_some() =>
            {
                self.deaf.remove(&copy);
            }
            _ => {}
        }
    }

    /// Whether the server of this copy could not hear of logs, or another one could not tell of
    /// those that it wrote.
    fn may_not_know(&self, copy: CopyId, now: Instant, scene: &Scene<'_>) -> bool {
        let settles = scene.scenario().settle;
        let lately = self.together_since.is_some_and(|since| now.saturating_since(since) < settles);
        if lately || !self.apart.is_empty() || self.on_the_line.contains(&copy.database) {
            return true;
        }
        let others = scene.copies.keys().filter(|id| id.database == copy.database && **id != copy);
        self.deaf.contains(&copy)
            || others.into_iter().any(|other| {
                let service = (MachineId::from(other.node), Service::Replication);
                scene.services.get(&service).is_some_and(|state| *state != ServiceState::Running)
            })
    }
}

/// The copies of a member.
fn copies_on(machine: MachineId, scene: &Scene<'_>) -> impl Iterator<Item = CopyId> {
    let node = NodeId(machine.0);
    let of = scene.topology().databases.iter().filter(move |(_, it)| it.copies.contains(&node));
    of.map(move |(database, _)| CopyId { database, node })
}

/// Whether a fault may keep one server from hearing what another writes, while that goes on.
fn separates(fault: &Fault) -> bool {
    match fault {
        Fault::NicDown { .. }
        | Fault::Freeze { .. }
        | Fault::NetworkDown { .. }
        | Fault::PathCut { .. }
        | Fault::PathLoss { .. }
        | Fault::FrameLoss { .. }
        | Fault::NetworkDelay { .. }
        | Fault::FrameDuplication { .. }
        | Fault::FrameReordering { .. }
        | Fault::PathDelay { .. }
        | Fault::DiskSlow { .. }
        | Fault::DiskFull { .. } => true,
        Fault::ServiceCrash { service, .. } | Fault::ServiceSlow { service, .. } => {
            *service == Service::Replication
        }
        Fault::PowerOff { .. }
        | Fault::ServiceStop { .. }
        | Fault::ServiceHang { .. }
        | Fault::ResourceFail { .. }
        | Fault::ResourceHang { .. }
        | Fault::LogCorruption { .. }
        | Fault::Reboot { .. }
        | Fault::ClockRate { .. }
        | Fault::ClockStep { .. }
        | Fault::WitnessLockHeld { .. }
        | Fault::WitnessStale { .. }
        | Fault::DnsUpdateRefused { .. }
        | Fault::DnsStale { .. }
        | Fault::MountFail { .. }
        | Fault::DismountSlow { .. }
        | Fault::GratuitousArpBlocked { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;
    use crate::failover::seam::{ContentIndex, MountDial};

    #[test]
    fn more_than_the_dial_permits_breaks_it() {
        let mut story = Story::new();
        story.last_logs(1, "EX02", 13, MountDial::BestAvailability, true);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn as_many_as_it_permits_hold_it() {
        let mut story = Story::new();
        story.last_logs(1, "EX02", 12, MountDial::BestAvailability, true);
        story.mounted(2, "EX02", 12);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }

    #[test]
    fn a_mount_after_a_refusal_breaks_it() {
        let mut story = Story::new();
        story.last_logs(1, "EX02", 1, MountDial::Lossless, false);
        story.mounted(2, "EX02", 0);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn losing_more_than_permitted_or_unasked_breaks_it() {
        let mut story = Story::new();
        story.last_logs(1, "EX02", 2, MountDial::GoodAvailability, true);
        story.mounted(2, "EX02", 6);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.last_logs(3, "EX02", 2, MountDial::GoodAvailability, true);
        story.mounted(4, "EX02", 7);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
        story.last_logs(5, "EX02", 2, MountDial::GoodAvailability, true);
        story.service(6, "EX01", Service::Replication, ServiceState::Hung);
        story.mounted(7, "EX02", 7);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1, "nobody could know of the seven");
        let mut story = Story::new();
        story.service(1, "EX02", Service::Replication, ServiceState::Hung);
        story.service(2, "EX02", Service::Replication, ServiceState::Running);
        story.last_logs(3, "EX02", 0, MountDial::GoodAvailability, true);
        story.mounted(4, "EX02", 7);
        assert_eq!(story.judge(&PROMISE), Findings::default(), "EX02 has not heard of the seven");
        let mut story = Story::new();
        story.mounted(2, "EX02", 3);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn what_an_old_owner_writes_while_it_is_cut_off_is_not_the_dials() {
        let mut story = Story::of("nic-loss");
        story.fault(60, 0, false);
        story.last_logs(66, "EX02", 0, MountDial::GoodAvailability, true);
        story.mounted(67, "EX02", 7);
        assert_eq!(story.judge(&PROMISE), Findings::default());
        story.fault(70, 0, true);
        story.last_logs(250, "EX02", 0, MountDial::GoodAvailability, true);
        story.mounted(251, "EX02", 7);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1, "they have met long since");
    }

    #[test]
    fn what_was_still_on_the_line_when_the_old_owner_ended_is_not_the_dials() {
        let ends = |written: u64| {
            let mut story = Story::new();
            story.mounted(10, "EX01", 0);
            let copy = CopyId { database: DbId(0), node: story.node("EX01") };
            story.mail(written, 1, MailEvent::Delivered { copy });
            story.dismounted(60, "EX01");
            story.last_logs(66, "EX02", 0, MountDial::GoodAvailability, true);
            story.mounted(67, "EX02", 7);
            story.judge(&PROMISE).violations.len()
        };
        assert_eq!(ends(60), 0, "in the moment in which it ended");
        assert_eq!(ends(50), 1, "there was time enough to carry it");
    }

    #[test]
    fn what_a_server_that_stood_still_ends_beside_the_new_one_is_its_hazard() {
        let mut story = Story::new();
        story.mounted(60, "EX02", 0);
        story.mounted(70, "EX01", 9);
        let broken = story.judge(&PROMISE).violations;
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert_eq!(broken[0].hazard, Some(REMOVED_OWNER));
    }

    #[test]
    fn a_server_that_was_off_has_not_heard_of_what_was_written() {
        let mut story = Story::new();
        story.machine(50, "EX02", false);
        story.machine(60, "EX02", true);
        story.last_logs(66, "EX02", 0, MountDial::GoodAvailability, true);
        story.mounted(67, "EX02", 7);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }

    #[test]
    fn a_copy_that_has_not_found_its_source_has_not_heard_either() {
        let lost = |healthy: bool| {
            let mut story = Story::new();
            story.mounted(10, "EX01", 0);
            let copy = CopyId { database: DbId(0), node: story.node("EX02") };
            let (copy_queue, replay_queue) = (0, 0);
            let content_index = ContentIndex::Healthy;
            let mut told = |second, status| {
                let change = Plant::Copy { copy, status, copy_queue, replay_queue, content_index };
                story.push(second, What::Plant(change));
            };
            told(50, CopyStatus::Initializing);
            if healthy {
                told(55, CopyStatus::Healthy);
            }
            story.last_logs(66, "EX02", 0, MountDial::Lossless, true);
            story.mounted(67, "EX02", 1);
            story.judge(&PROMISE).violations.len()
        };
        assert_eq!(lost(false), 0);
        assert_eq!(lost(true), 1);
    }

    #[test]
    fn what_one_that_the_others_removed_had_begun_to_mount_is_its_hazard() {
        let lost = |viewed: u64| {
            let mut story = Story::new();
            story.view(viewed, "EX01", &["EX01", "EX02"]);
            story.view(60, "EX02", &["EX02"]);
            story.mounted(70, "EX02", 0);
            story.dismounted(80, "EX02");
            if viewed > 80 {
                story.view(viewed, "EX01", &["EX01"]);
            }
            story.mounted(100, "EX01", 3);
            story.judge(&PROMISE).violations[0].hazard
        };
        assert_eq!(lost(50), Some(REMOVED_OWNER));
        assert_eq!(lost(90), None, "it has a view of its own since");
    }

    #[test]
    fn what_such_a_one_wrote_is_lost_to_the_next_when_they_have_met_again() {
        let lost = |removed: bool| {
            let mut story = Story::new();
            story.view(50, "EX02", &["EX01", "EX02"]);
            story.view(60, "EX01", if removed { &["EX01"] } else { &["EX01", "EX02"] });
            story.mounted(70, "EX02", 0);
            story.dismounted(80, "EX02");
            for node in ["EX01", "EX02"] {
                story.view(90, node, &["EX01", "EX02"]);
            }
            story.mounted(100, "EX01", 3);
            story.judge(&PROMISE).violations[0].hazard
        };
        assert_eq!(lost(true), Some(REMOVED_OWNER));
        assert_eq!(lost(false), None);
    }

    #[test]
    fn what_a_member_mounted_that_this_side_had_removed_is_its_hazard() {
        let lost = |mounted: u64| {
            let mut story = Story::new();
            story.mounted(mounted, "EX01", 0);
            story.view(60, "EX02", &["EX02"]);
            story.dismounted(80, "EX01");
            story.mounted(90, "EX02", 3);
            story.judge(&PROMISE).violations[0].hazard
        };
        assert_eq!(lost(50), None);
        let mut story = Story::new();
        story.view(60, "EX02", &["EX02"]);
        story.mounted(70, "EX01", 0);
        story.dismounted(80, "EX01");
        story.mounted(90, "EX02", 3);
        assert_eq!(story.judge(&PROMISE).violations[0].hazard, Some(REMOVED_OWNER));
    }
}
