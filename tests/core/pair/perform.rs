//! What is done when a core wants something: frames travel, resources and copies answer after
//! fixed spans.

use super::*;
use dagtwin::base::OpId;

impl Pair {
    pub(super) fn perform(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Send { nic, to, message } => {
                let net = usize::from(nic.0);
                let other = usize::from(to.0);
                if self.cables.carries((net, node, other), &message) {
                    let input = Input::Frame { nic, from: NodeId::at(node), message };
                    let life = self.lives[other];
                    self.plan(Span::from_micros(100), Event::Feed { node: other, life, input });
                }
            }
            Effect::Note(note) => {
                let line = format!("{}  n{node}  {note:?}", self.now);
                self.log.push(line);
            }
            Effect::Do { op, act } => self.begin(node, op, act),
        }
    }

    fn done(&mut self, node: usize, op: OpId, after: &str, outcome: Outcome) {
        let life = self.lives[node];
        let input = Input::Done { op, outcome };
        self.plan(span(after), Event::Feed { node, life, input });
    }

    fn begin(&mut self, node: usize, op: OpId, act: Act) {
        let net = self.cables.link(node, 0);
        match act {
            Act::ClaimWitness => {
                let outcome = self.claim(node);
                self.done(node, op, "437ms", outcome);
            }
            Act::TestWitness => {
                let outcome = self.claim(node);
                if outcome == Outcome::Ok {
                    self.holder = None;
                }
                self.done(node, op, "437ms", outcome);
            }
            Act::ReleaseWitness => {
                if self.holder == Some(node) && net {
                    self.holder = None;
                }
                self.done(node, op, "1ms", Outcome::Ok);
            }
            Act::Store(durable) => {
                self.tag = self.tag.max(if net { durable.epoch } else { 0 });
                self.boots[node] = *durable;
                self.done(node, op, "1ms", Outcome::Ok);
            }
            Act::Online(resource) => self.online(node, op, resource),
            Act::Offline(ResourceId(resource)) | Act::Terminate(ResourceId(resource)) => {
                self.online.insert((node, resource), false);
                self.done(node, op, "100ms", Outcome::Ok);
            }
            Act::LooksAlive(ResourceId(resource)) | Act::IsAlive(ResourceId(resource)) => {
                let bad = self.fail_probe.contains(&(node, resource))
                    || resource == 2 && matches!(act, Act::IsAlive(_)) && !self.witness_up;
                let bad = if bad { Outcome::Failed(Failure::NotAlive) } else { Outcome::Ok };
                self.done(node, op, "10ms", bad);
            }
            Act::CopyStatus(_) => {
                let report = self.copy_report(node);
                self.done(node, op, "10ms", Outcome::Copy(report));
            }
            Act::CopyLastLogs { source, .. } => {
                let missing = if source.is_some() { 0 } else { self.missing };
                let outcome = Outcome::LastLogs { copied: 0, missing };
                self.done(node, op, "100ms", outcome);
            }
            Act::Mount(_) if self.fail_mount.contains(&node) => {
                self.done(node, op, "2s", Outcome::Failed(Failure::Disk));
            }
            Act::Mount(_) => self.done(node, op, "2s", Outcome::Ok),
            Act::Dismount(_) => self.done(node, op, "1s", Outcome::Ok),
            Act::Follow { database, active } => {
                let line = format!("{}  n{node}  Follow {database:?} {active:?}", self.now);
                self.log.push(line);
            }
            Act::Stop { restart } => {
                self.crash(node);
                if self.holder == Some(node) && net {
                    self.holder = None;
                }
                if restart {
                    let life = self.lives[node];
                    self.plan(span("60s"), Event::Start { node, life });
                }
            }
        }
    }

    /// A copy that has everything.
    fn copy_report(&self, node: usize) -> CopyReport {
        CopyReport {
            status: CopyStatus::Healthy,
            content_index: *self.index.get(&node).unwrap_or(&ContentIndex::Healthy),
            generated: 1000,
            inspected: 1000,
            replayed: 1000,
            activation_suspended: false,
        }
    }

    /// A claim travels network 0: an isolated node cannot win.
    fn claim(&mut self, node: usize) -> Outcome {
        if !self.cables.link(node, 0) {
            return Outcome::Failed(Failure::NoPath);
        }
        if !self.witness_up {
            return Outcome::Failed(Failure::NoAnswer);
        }
        if let Some(holder) = self.holder.filter(|holder| *holder != node) {
            return Outcome::Refused(Refusal::WitnessHeld(NodeId::at(holder)));
        }
        if self.tag > self.boots[node].epoch {
            return Outcome::Refused(Refusal::WitnessNewer);
        }
        self.holder = Some(node);
        Outcome::Ok
    }

    fn online(&mut self, node: usize, op: OpId, ResourceId(resource): ResourceId) {
        let address = resource == 0 || resource == 3;
        if address && !self.cables.link(node, 0) {
            self.done(node, op, "1ms", Outcome::Failed(Failure::InterfaceDown));
        } else if self.fail_online.contains(&(node, resource)) {
            self.done(node, op, "300ms", Outcome::Failed(Failure::DuplicateAddress));
        } else {
            self.online.insert((node, resource), true);
            self.done(node, op, if address { "1500ms" } else { "500ms" }, Outcome::Ok);
        }
    }
}
