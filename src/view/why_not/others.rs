//! Why a copy, the witness or a name is not of use.

use super::{Blocker, Search, of, told};
use crate::base::{CopyId, MachineId, ResourceId};
use crate::failover::seam::{CopyStatus, Note};
use crate::journal::What;
use crate::journal::record::{Plant, ServiceState};
use crate::model::Service;
use crate::model::topology::MachineRole;
use crate::view::Scene;

/// Services of a machine that are known not to run.
pub(super) fn stopped_services(
    scene: &Scene<'_>,
    machine: MachineId,
) -> impl Iterator<Item = (Service, ServiceState)> {
    let services = scene.services.range((machine, Service::ALL[0])..);
    services
        .take_while(move |((on, _), _)| *on == machine)
        .filter(|(_, state)| **state != ServiceState::Running)
        .map(|((_, service), state)| (*service, *state))
}

/// The machine that is witness server now.
fn witness_server(scene: &Scene<'_>) -> Option<MachineId> {
    scene.topology().witness_servers().get(usize::from(scene.witness_server)).copied()
}

/// Whether the witness could be claimed by somebody.
pub(super) fn witness_serves(scene: &Scene<'_>) -> bool {
    let server = witness_server(scene);
    server.is_none_or(|server| scene.reachable(server) && scene.runs(server, Service::FileServer))
}

/// Whether a DNS server answers clients; a site without one has names all the same.
pub(super) fn dns_serves(scene: &Scene<'_>) -> bool {
    let mut servers = scene.topology().with_role(MachineRole::Dns).peekable();
    servers.peek().is_none()
        || servers.any(|server| scene.reachable(server) && scene.runs(server, Service::Dns))
}

impl Search<'_, '_> {
    pub(super) fn copy(&self, copy: CopyId) -> Vec<Blocker> {
        let node = self.names.node(copy.node);
        if let Some(off) = self.power(copy.node.into()) {
            return of(node, vec![off]).collect();
        }
        let Some(known) = self.scene.copies.get(&copy) else { return Vec::new() };
        let mut blockers = Vec::new();
        let status = known.status;
        let changed = self.last(|record| match record.what {
            What::Plant(Plant::Copy { copy: of, status: to, .. }) => {
                (of == copy && to == status).then_some(())
            }
            _ => None,
        });
        let text = format!("it is {status:?}: {}", copy_words(status));
        blockers.push(told(text, changed.map(|(record, ())| record)));
        let suspended = self.noted(None, |_, note| match note {
            Note::CopySuspended { database, node, suspended, .. } => {
                (*database == copy.database && *node == copy.node).then_some(*suspended)
            }
            _ => None,
        });
        if let Some((record, true)) = suspended {
            blockers.push(told(self.words(record), record));
        }
        if let Some((logs, true)) = self.scene.log_disks.get(&copy) {
            blockers.push(told(format!("its disk is full of {logs} logs"), None));
        }
        let active = self.scene.databases[copy.database].active;
        if let Some(other) = active.filter(|active| *active != copy.node) {
            blockers.extend(of(self.names.node(other), self.reach(other.into())));
        } else {
            blockers.extend(self.database(copy.database));
        }
        blockers
    }

    pub(super) fn witness(&self) -> Vec<Blocker> {
        let Some(server) = witness_server(self.scene) else { return Vec::new() };
        let mut blockers = self.reach(server);
        if blockers.is_empty() && !self.scene.runs(server, Service::FileServer) {
            let record = self.service_ended(server, Service::FileServer);
            blockers.push(told("its file server does not run", record));
        }
        of(self.names.machine(server), blockers).collect()
    }

    pub(super) fn name(&self, resource: ResourceId) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        if !dns_serves(self.scene) {
            for server in self.scene.topology().with_role(MachineRole::Dns) {
                let mut why = self.reach(server);
                if why.is_empty() {
                    let record = self.service_ended(server, Service::Dns);
                    why.push(told("its DNS server does not run", record));
                }
                blockers.extend(of(self.names.machine(server), why));
            }
        }
        let failed = self.last(|record| match record.what {
            What::Plant(Plant::DnsUpdateFailed { resource: of }) => {
                (of == resource).then_some(true)
            }
            What::Plant(Plant::DnsRecord { resource: of, .. }) => (of == resource).then_some(false),
            _ => None,
        });
        match (self.scene.dns.get(&resource), failed) {
            (_, Some((record, true))) => blockers.push(told("its DNS update failed", record)),
            (None, _) => blockers.push(told("it has never been registered", None)),
            (Some(_), _) => {}
        }
        if let Some(address) = self.scene.dns.get(&resource) {
            let machines = self.scene.addresses.get(address);
            let mut on = machines.into_iter().flatten().copied().peekable();
            if on.peek().is_none() {
                let down = self.last(|record| match record.what {
                    What::Plant(Plant::AddressDown { address: of, .. }) => {
                        (of == *address).then_some(())
                    }
                    _ => None,
                });
                let text = format!("its address {address} answers nowhere");
                blockers.push(told(text, down.map(|(record, ())| record)));
            } else {
                for machine in on {
                    let why = self.reach(machine);
                    blockers.extend(of(self.names.machine(machine), why));
                }
            }
        }
        let group = self.scene.topology().resources[resource].group;
        if !self.scene.group_served(group) {
            blockers.extend(of(self.names.group(group), self.group(group)));
        }
        blockers
    }
}

/// What a copy's status means.
const fn copy_words(status: CopyStatus) -> &'static str {
    match status {
        CopyStatus::Mounted => "active and online",
        CopyStatus::Mounting => "active, coming online",
        CopyStatus::Dismounting => "active, going offline",
        CopyStatus::Dismounted => "active, offline",
        CopyStatus::Healthy => "it copies and replays",
        CopyStatus::Initializing => "replication is starting",
        CopyStatus::Resynchronizing => "it is compared with the active copy",
        CopyStatus::DisconnectedAndHealthy => "it was whole when it lost the active copy",
        CopyStatus::DisconnectedAndResynchronizing => {
            "it lost the active copy while it was compared with it"
        }
        CopyStatus::Failed => "it cannot copy or replay",
        CopyStatus::Suspended => "an administrator suspended it",
        CopyStatus::FailedAndSuspended => "it failed, and waits for an administrator",
        CopyStatus::Seeding => "it is being seeded",
        CopyStatus::SeedingSource => "it seeds another",
        CopyStatus::ServiceDown => "its Replication service does not run",
    }
}
