//! Service is back within the settle time after the last fault healed, where it can be.

mod wants;

use super::possible::Possible;
use super::{Findings, Kind, Promise, Violation, Watch, due};
use crate::base::{
    ClientId, CopyId, DbId, Id, IdVec, Instant, MachineId, MailId, NodeId, NodeSet, Span,
};
use crate::failover::seam::{Effect, Input};
use crate::journal::record::{ClientEvent, MailEvent, Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};
use crate::model::scenario::Action;
use crate::model::topology::{ClientGroup, ClientKind, Connection, MachineRole, ServerName};
use crate::model::{Scenario, Service, Topology};
use crate::view::Scene;
use crate::view::words::{counted, listed};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wants::{Thing, Wants};

pub(super) const PROMISE: Promise = Promise {
    name: "service-back",
    statement: "everything that can be back is back when the site had time to settle",
    source: "docs/SCENARIOS.md, settle",
    applies: "at the end of a run that leaves the settle time after its last fault or order",
    not: "service where power, cables, votes, copies, the dial or an order rule it out: then the \
          report says why, and the verdict is `unavailable`",
    kind: Kind::Liveness,
    sees_traffic: false,
    watch: |topology, scenario| Box::new(ServiceBack::new(topology, scenario)),
};

struct ServiceBack {
    /// From when everything must be back, and how long it had.
    due: Instant,
    settle: Span,
    /// What somebody wants, and what keeps it from being so.
    wants: Wants,
    /// Requests that wait, by client.
    asked: IdVec<ClientId, VecDeque<Instant>>,
    /// Accepted messages on their way.
    mail: BTreeMap<MailId, Waiting>,
}

/// An accepted message on its way.
struct Waiting {
    /// Since when.
    since: Instant,
    /// Hubs that had it in a queue, or a shadow of it.
    hubs: BTreeSet<MachineId>,
}

impl Waiting {
    fn new(since: Instant) -> Self {
        Waiting { since, hubs: BTreeSet::new() }
    }

    /// A Hub that cannot be reached and has it alone: it waits there, as long as that takes.
    fn stranded(&self, scene: &Scene<'_>) -> Option<MachineId> {
        let reached =
            |hub: &MachineId| scene.reachable(*hub) && scene.runs(*hub, Service::HubTransport);
        let alone = !self.hubs.is_empty() && !self.hubs.iter().any(reached);
        self.hubs.first().copied().filter(|_| alone)
    }
}

impl ServiceBack {
    fn new(topology: &Topology, scenario: &Scenario) -> Self {
        ServiceBack {
            due: due(scenario),
            settle: scenario.settle,
            wants: Wants::new(topology, scenario),
            asked: IdVec::filled(topology.total_clients() as usize, VecDeque::new()),
            mail: BTreeMap::new(),
        }
    }
}

impl Watch for ServiceBack {
    fn see(&mut self, _: RecordNo, record: &Record, scene: &Scene<'_>) {
        match &record.what {
            What::In(node, Input::Order(order)) => {
                self.wants.order(record.at, *node, order, scene.topology());
            }
            What::Out(node, Effect::Note(note)) => {
                self.wants.note(record.at, *node, note, scene.topology());
            }
            What::Step { index } => {
                let step = &scene.scenario().steps[usize::from(*index)];
                // Nobody takes an order on a machine that is off or stands still.
                if let Some(Action::StartClusterService { node, .. }) = step.action
                    && scene.machines[node.into()]
                {
                    self.wants.stopped.remove(&node);
                }
            }
            What::Plant(Plant::ClusterStart { node, start }) => {
                self.wants.starts.insert(*node, *start);
            }
            What::Plant(Plant::DnsRecord { resource, address }) => {
                self.wants.named(*resource, Some(*address), record.at);
            }
            What::Plant(Plant::DnsUpdateFailed { resource }) => {
                self.wants.named(*resource, None, record.at);
            }
            What::Plant(Plant::StoppedMembers { nodes }) => self.wants.stopped.extend(nodes.iter()),
            What::Plant(Plant::Mounted { copy, .. }) => {
                self.wants.refused.remove(&copy.database);
                self.wants.databases[copy.database] = true;
            }
            What::Plant(Plant::Service { machine, service: Service::Cluster, state })
                if machine.index() < scene.topology().nodes =>
            {
                let node = NodeId::at(machine.index());
                match state {
                    ServiceState::Running => self.wants.started(node, scene.topology()),
                    ServiceState::Stopped => self.wants.ended(node),
                    ServiceState::Hung => {}
                }
            }
            What::Client(client, ClientEvent::Asked { .. }) => {
                self.asked[*client].push_back(record.at);
            }
            What::Client(client, ClientEvent::Answered { .. }) => {
                self.asked[*client].pop_front();
            }
            What::Mail(mail, MailEvent::Submitted { .. } | MailEvent::LostFromDatabase { .. }) => {
                self.mail.insert(*mail, Waiting::new(record.at));
            }
            What::Mail(mail, MailEvent::Queued { machine } | MailEvent::Shadowed { machine }) => {
                if let Some(waiting) = self.mail.get_mut(mail) {
                    waiting.hubs.insert(*machine);
                }
            }
            What::Mail(
                mail,
                MailEvent::Delivered { .. } | MailEvent::Duplicate | MailEvent::Lost,
            ) => {
                self.mail.remove(mail);
            }
            _ => {}
        }
    }

    fn end(self: Box<Self>, at: Instant, scene: &Scene<'_>) -> Findings {
        let mut findings = Findings::default();
        if at < self.due {
            let why =
                format!("the run ends at {at}, before the site had until {} to settle", self.due);
            findings.not_judged = Some(why);
            return findings;
        }
        let possible = Possible::new(scene, &self.wants.stopped, &self.wants.stale);
        let unsteady = possible.unsteady();
        let mut missing = Missing { at, unsteady, reasons: Vec::new(), violations: Vec::new() };
        match possible.side() {
            Err(why) => missing.reasons.push(format!("no side can have quorum: {why}")),
            Ok(side) => {
                self.services(scene, &possible, side, &mut missing);
                if missing.reasons.is_empty() && missing.violations.is_empty() {
                    self.clients(scene, &possible, &mut missing);
                }
                if missing.reasons.is_empty() && missing.violations.is_empty() {
                    self.messages(scene, &possible, side, &mut missing);
                }
            }
        }
        findings.violations = missing.violations;
        findings.unavailable = (!missing.reasons.is_empty()).then(|| missing.reasons.join("; "));
        findings
    }
}

/// What is not back at the end: for a reason that lies outside, or against the promise.
struct Missing {
    at: Instant,
    /// A fault in force that leaves no quiet moment.
    unsteady: Option<&'static str>,
    reasons: Vec<String>,
    violations: Vec<Violation>,
}

/// Whether the Store that has a database mounted takes requests and answers none: neither Active
/// Manager nor the cluster asks it for anything while it is mounted.
fn hangs_unnoticed(scene: &Scene<'_>, database: DbId) -> bool {
    scene.databases[database].active.is_some_and(|node| {
        let hung = scene.services.get(&(node.into(), Service::Store)) == Some(&ServiceState::Hung);
        let copy = scene.copies.get(&CopyId { database, node });
        hung && copy.is_some_and(|copy| copy.mounted)
    })
}

impl Missing {
    fn broken(&mut self, why: String) {
        if let Some(word) = self.unsteady {
            self.reasons.push(format!("{why}, while {word} is in force"));
            return;
        }
        let (promise, at) = (PROMISE.name, self.at);
        self.violations.push(Violation { promise, at, record: None, why, hazard: None });
    }
}

impl ServiceBack {
    fn services(
        &self,
        scene: &Scene<'_>,
        possible: &Possible<'_, '_>,
        side: NodeSet,
        missing: &mut Missing,
    ) {
        let topology = scene.topology();
        if scene.quorum_holders().is_empty() {
            return match self.wants.forms_none(side) {
                Some(why) => missing.reasons.push(why.to_owned()),
                None => missing.broken("no side has quorum, and one could".to_owned()),
            };
        }
        let paused = |node: NodeId| scene.paused.contains(node);
        for (group, _) in self.wants.groups.iter().filter(|(_, wanted)| **wanted) {
            // What a side took over and lost again before it was written down has not moved.
            let served = |node| scene.group_served_by(group, node);
            if scene.group_served(group) || scene.quorum_holders().iter().any(served) {
                continue;
            }
            let name = &topology.groups[group].name;
            match (possible.group(side, group), self.wants.stuck.get(&group)) {
                (Err(why), _) => missing.reasons.push(why),
                (Ok(_), Some(why)) => missing.reasons.push(format!("{name}: {why}")),
                (Ok(_), None) if scene.groups[group].owner.is_some_and(paused) => {
                    missing.reasons.push(format!("{name}: its owner is paused"));
                }
                (Ok(_), None) => match self.wants.in_vain(Thing::Group(group)) {
                    Some(why) => missing.reasons.push(format!("{name}: {why}")),
                    None => missing.broken(format!("{name} is not online where clients reach it")),
                },
            }
        }
        for (database, wanted) in self.wants.databases.iter() {
            if scene.served_by(database).is_some() {
                continue;
            }
            let name = &topology.databases[database].name;
            if !wanted {
                missing.reasons.push(format!("{name}: an administrator dismounted it"));
                continue;
            }
            if hangs_unnoticed(scene, database) {
                let why =
                    format!("{name}: the Store that has it mounted hangs, which nobody notices");
                missing.reasons.push(why);
                continue;
            }
            let former = self.wants.located[database].or(scene.databases[database].active);
            let policy = |copy| self.wants.policy(copy);
            let hosts = possible.database(side, database, former, policy);
            match (hosts, self.wants.refused.get(&database)) {
                (Err(why), _) => missing.reasons.push(why),
                (Ok(_), Some(logs)) => {
                    let why = format!("{name}: {logs} logs missing, more than the dial permits");
                    missing.reasons.push(why);
                }
                (Ok(_), None) if self.wants.coordinated => {
                    let why = "datacenter activation coordination may keep it from being mounted";
                    missing.reasons.push(format!("{name}: {why}"));
                }
                (Ok(_), None) => match self.wants.in_vain(Thing::Database(database)) {
                    Some(why) => missing.reasons.push(format!("{name}: {why}")),
                    None => missing.broken(format!("{name} is not mounted where clients reach it")),
                },
            }
        }
    }

    /// What somebody took from clients on purpose.
    fn taken_away(&self, clients: &ClientGroup) -> Option<&'static str> {
        let group = clients.server.and_then(ServerName::group);
        if clients.kind.has_mailbox() && !self.wants.databases[clients.database] {
            Some("their database was dismounted on purpose")
        } else if group.is_some_and(|group| !self.wants.groups[group]) {
            Some("the group that they use was taken offline on purpose")
        } else {
            None
        }
    }

    /// Clients that have waited for as long as the site has to settle; those that wait for the same
    /// reason together.
    fn clients(&self, scene: &Scene<'_>, possible: &Possible<'_, '_>, missing: &mut Missing) {
        let overdue = |since: &Instant| missing.at.saturating_since(*since) >= self.settle;
        let mut waiting: BTreeMap<Option<String>, (BTreeMap<ClientKind, u32>, Instant)> =
            BTreeMap::new();
        for (client, asked) in self.asked.iter() {
            let Some(since) = asked.front().copied().filter(overdue) else { continue };
            let group = scene.topology().client_group(client);
            let why = self.keeps_waiting(group, scene, possible, missing.at);
            let (kinds, first) = waiting.entry(why).or_insert((BTreeMap::new(), since));
            *kinds.entry(group.kind).or_default() += 1;
            *first = since.min(*first);
        }
        for (why, (kinds, since)) in waiting {
            let who: Vec<String> =
                kinds.iter().map(|(kind, count)| format!("{count} {}", kind.label())).collect();
            let (who, many) = (listed(&who), kinds.values().sum::<u32>() > 1);
            let wait = if many { "clients wait" } else { "client waits" };
            match why {
                Some(why) => missing.reasons.push(format!("{who} {wait}: {why}")),
                None if many => missing.broken(format!("{who} {wait}, one since {since}")),
                None => missing.broken(format!("{who} {wait} since {since}")),
            }
        }
    }

    /// What excuses that a client has no answer.
    fn keeps_waiting(
        &self,
        group: &ClientGroup,
        scene: &Scene<'_>,
        possible: &Possible<'_, '_>,
        at: Instant,
    ) -> Option<String> {
        let service = match group.kind {
            ClientKind::Outlook if group.connection == Connection::Http => Service::OutlookAnywhere,
            ClientKind::Outlook => Service::RpcClientAccess,
            ClientKind::Owa => Service::Owa,
            ClientKind::Smtp => Service::HubTransport,
            ClientKind::Autodiscover => Service::Autodiscover,
            ClientKind::ActiveSync => Service::ActiveSync,
        };
        let cluster = &scene.topology().settings.cluster;
        let (servers, hidden) = possible.front(group, service);
        // A try that is under way when a record's life ends goes to the old address still.
        let life = cluster.host_record_ttl + Span::from_secs(60);
        let retry = cluster.dns_update_retry + life;
        let directory = possible.has(&servers, MachineRole::DomainController, Service::Directory);
        let old = self.wants.renamed.is_some_and(|since| at.since(since) < life);
        let refused = self.wants.unregistered.values().any(|since| at.since(*since) < retry);
        self.taken_away(group)
            .map(str::to_owned)
            .or(hidden)
            .or_else(|| (!directory).then(|| "no domain controller answers".to_owned()))
            .or_else(|| {
                old.then(|| "they know a name's old address for the life of its record".to_owned())
            })
            .or_else(|| {
                refused.then(|| "a name's update was refused, and is tried again later".to_owned())
            })
            .or_else(|| self.wants.written_by_another_side(scene).map(str::to_owned))
            .or_else(|| possible.hindrance().map(|word| format!("{word} is in force")))
    }

    /// Messages that have been on their way for longer than the site has to settle and the next
    /// retry takes; those of a dead server are taken over later still, by shadow redundancy
    /// (exchange.md §2.4).
    fn messages(
        &self,
        scene: &Scene<'_>,
        possible: &Possible<'_, '_>,
        side: NodeSet,
        missing: &mut Missing,
    ) {
        let topology = scene.topology();
        let hubs = || topology.with_role(MachineRole::HubTransport);
        let transports = hubs().any(|hub| scene.reachable(hub))
            && hubs().all(|hub| !scene.reachable(hub) || scene.runs(hub, Service::HubTransport));
        let side: Vec<MachineId> = side.iter().map(MachineId::from).chain(hubs()).collect();
        // Transport asks the directory for every recipient (exchange.md §2.4): without it, and
        // while something keeps servers from each other, messages wait in a queue, as they should.
        let hindered = possible.hindrance().is_some();
        if hindered
            || !transports
            || !possible.has(&side, MachineRole::DomainController, Service::Directory)
        {
            return;
        }
        let transport = &topology.settings.transport;
        let mut patience = self.settle + transport.message_retry_interval;
        if !hubs().all(|hub| scene.reachable(hub)) {
            let retries = u64::from(transport.shadow_heartbeat_retry_count);
            patience += transport.shadow_heartbeat_timeout_interval.scaled(retries, 1);
        }
        let at = missing.at;
        let overdue = |waiting: &&Waiting| at.saturating_since(waiting.since) >= patience;
        let mut stranded: BTreeMap<MachineId, u32> = BTreeMap::new();
        let mut broken: Vec<Instant> = Vec::new();
        for waiting in self.mail.values().filter(overdue) {
            match waiting.stranded(scene) {
                Some(hub) => *stranded.entry(hub).or_default() += 1,
                None => broken.push(waiting.since),
            }
        }
        for (hub, count) in stranded {
            let name = scene.topology().machine_name(hub);
            let wait = if count == 1 { "waits" } else { "wait" };
            let messages = counted(count, "accepted message");
            missing.reasons.push(format!("{messages} {wait} on {name}, which nobody reaches"));
        }
        if let Some(since) = broken.iter().min() {
            let messages = counted(broken.len() as u64, "accepted message");
            let are = if broken.len() == 1 { "is" } else { "are" };
            missing.broken(format!("{messages} {are} not delivered, the first since {since}"));
        }
    }
}

#[cfg(test)]
mod tests;
