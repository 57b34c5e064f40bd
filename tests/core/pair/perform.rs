//! What is done when a core wants something: frames travel, resources and copies answer after
//! fixed spans.

use super::*;
use dagtwin::base::OpId;
use dagtwin::failover::config::ResourceKind;

impl Pair {
    pub(super) fn perform(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Send { nic, to, message } => {
                let net = usize::from(nic.0);
                let other = usize::from(to.0);
                let way = (net, node, other);
                if self.cables.carries(way, &message) {
                    let input = Input::Frame { nic, from: NodeId::at(node), message };
                    let life = self.lives[other];
                    self.plan(self.cables.takes(way), Event::Feed { node: other, life, input });
                }
            }
            Effect::Note(note) => {
                let told = self.named(format!("{note:?}"));
                self.log.push(format!("{}  n{node}  {told}", self.now));
            }
            Effect::Do { op, act } => self.begin(node, op, act),
        }
    }

    fn done(&mut self, node: usize, op: OpId, after: &str, outcome: Outcome) {
        let life = self.lives[node];
        let input = Input::Done { op, outcome };
        self.plan(span(after), Event::Feed { node, life, input });
    }

    /// After as long as the case says, or else as usual; a node that "never" ends it says nothing.
    fn done_in(&mut self, node: usize, op: OpId, (what, usual): (&str, &str), outcome: Outcome) {
        let after = self.takes.get(&(node, what.to_owned())).cloned();
        match after.as_deref().unwrap_or(usual) {
            "never" => {}
            after => self.done(node, op, after, outcome),
        }
    }

    fn boot(&mut self, node: usize, op: OpId, server: u8) {
        let away = !self.witness(server).up || !self.reaches(node, server);
        let failed = Outcome::Failed(Failure::NoAnswer);
        let boot = Outcome::WitnessBoot(self.witness_boot);
        self.done(node, op, "20ms", if away { failed } else { boot });
    }

    fn begin(&mut self, node: usize, op: OpId, act: Act) {
        match act {
            Act::ClaimWitness { server, known, epoch } => {
                self.claim(node, op, server, known, Some(epoch));
            }
            Act::TestWitness { server, known } => self.claim(node, op, server, known, None),
            Act::ReleaseWitness { server } => {
                self.release(node, server);
                self.done(node, op, "1ms", Outcome::Ok);
            }
            Act::Store(durable) => {
                self.note_epoch(node, &durable);
                self.boots[node] = *durable;
                self.done(node, op, "1ms", Outcome::Ok);
            }
            Act::WitnessBoot { server } => self.boot(node, op, server),
            Act::Online(resource) => self.online(node, op, resource),
            Act::Offline(ResourceId(resource)) => {
                self.online.insert((node, resource), false);
                let name = self.setting.parts.resources()[usize::from(resource)].clone();
                let takes = self.setting.parts.offline_time(&name).unwrap_or("100ms").to_owned();
                self.done(node, op, &takes, Outcome::Ok);
            }
            Act::Terminate(ResourceId(resource)) => {
                self.online.insert((node, resource), false);
                self.done(node, op, "100ms", Outcome::Ok);
            }
            Act::LooksAlive(ResourceId(resource)) | Act::IsAlive(ResourceId(resource)) => {
                let bad = self.fail_probe.contains(&(node, resource))
                    || resource == 2
                        && matches!(act, Act::IsAlive(_))
                        && !self.witness_is_alive(node);
                let bad = if bad { Outcome::Failed(Failure::NotAlive) } else { Outcome::Ok };
                if !self.mute.contains(&(node, resource)) {
                    self.done(node, op, "10ms", bad);
                }
            }
            Act::CopyStatus(_) => {
                let report = self.copy_report(node);
                self.done_in(node, op, ("copy-status", "10ms"), Outcome::Copy(report));
            }
            Act::CopyLastLogs { source, .. } => {
                let missing = if source.is_some() { 0 } else { self.missing };
                let outcome = Outcome::LastLogs { copied: 0, missing };
                self.done_in(node, op, ("last-logs", "100ms"), outcome);
            }
            Act::Mount(_) if self.fail_mount.contains(&node) => {
                self.done(node, op, "2s", Outcome::Failed(Failure::Disk));
            }
            Act::Mount(_) => self.done_in(node, op, ("mount", "2s"), Outcome::Ok),
            Act::Dismount(_) => self.done_in(node, op, ("dismount", "1s"), Outcome::Ok),
            Act::Follow { database, active, suspended } => {
                let stands = if suspended { " suspended" } else { "" };
                let line = format!("{}  n{node}  Follow {database:?} {active:?}{stands}", self.now);
                self.log.push(line);
            }
            Act::Stop { restart } => {
                self.crash(node);
                self.release(node, 0);
                self.release(node, 1);
                if restart {
                    let life = self.lives[node];
                    self.plan(span("60s"), Event::Start { node, life });
                }
            }
        }
    }

    /// A copy that has everything but its queues.
    fn copy_report(&self, node: usize) -> CopyReport {
        let (copy_queue, replay_queue) = self.queues.get(&node).copied().unwrap_or_default();
        CopyReport {
            status: *self.statuses.get(&node).unwrap_or(&CopyStatus::Healthy),
            content_index: *self.index.get(&node).unwrap_or(&ContentIndex::Healthy),
            generated: 1000,
            inspected: 1000 - copy_queue,
            replayed: 1000 - copy_queue - replay_queue,
            activation_suspended: false,
        }
    }

    /// What a note says, with the names of the parts that the case made.
    fn named(&self, mut told: String) -> String {
        let parts = &self.setting.parts;
        for (place, name) in parts.resources().iter().enumerate().skip(5) {
            told = told.replace(&format!("resource: r{place},"), &format!("resource: {name},"));
        }
        for (place, name) in parts.groups().iter().enumerate().skip(2) {
            told = told.replace(&format!("group: g{place},"), &format!("group: {name},"));
        }
        told
    }

    /// Whether a resource is an address.
    pub(super) fn is_address(&self, ResourceId(resource): ResourceId) -> bool {
        let config = &config(&self.setting, 0).resources[ResourceId(resource)];
        matches!(config.kind, ResourceKind::IpAddress { .. })
    }

    fn online(&mut self, node: usize, op: OpId, ResourceId(resource): ResourceId) {
        let address = self.is_address(ResourceId(resource));
        let name = &self.setting.parts.resources()[usize::from(resource)];
        let takes = self.setting.parts.online_time(name).map(str::to_owned);
        if takes.as_deref() == Some("never") {
            return;
        }
        if let (Some(every), Some(takes)) = (self.setting.parts.tells(name), &takes) {
            let whole = span(takes);
            let (life, mut after) = (self.lives[node], every);
            while after < whole {
                let report = Report::ResourceAtWork { resource: ResourceId(resource) };
                self.plan(after, Event::Feed { node, life, input: Input::Saw(report) });
                after = Span::from_nanos(after.as_nanos() + every.as_nanos());
            }
        }
        let subnet = self.setting.subnets.get(&(node, 0)).copied().unwrap_or(0);
        if self.setting.parts.subnet(name).is_some_and(|other| other != subnet) {
            self.done(node, op, "1ms", Outcome::Failed(Failure::NoInterface));
        } else if address && !self.cables.link(node, 0) {
            self.done(node, op, "1ms", Outcome::Failed(Failure::InterfaceDown));
        } else if resource == 2 && !self.witness_is_alive(node) {
            self.done(node, op, "500ms", Outcome::Failed(Failure::NoAnswer));
        } else if self.fail_online.contains(&(node, resource)) {
            self.done(node, op, "300ms", Outcome::Failed(Failure::DuplicateAddress));
        } else {
            self.online.insert((node, resource), true);
            let usual = if address { "1500ms" } else { "500ms" };
            self.done(node, op, takes.as_deref().unwrap_or(usual), Outcome::Ok);
        }
    }
}
