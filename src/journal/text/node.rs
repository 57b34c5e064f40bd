//! What a node is told and what it wants, in words.

use super::Names;
use super::words::{dial_name, failure_name};
use crate::base::NodeId;
use crate::failover::seam::{
    Act, Effect, Failback, Input, MountDial, Order, Outcome, Refusal, Report, Restore,
    ServerSettings, SkipChecks,
};
use crate::journal::record::AgentEvent;

impl Names<'_> {
    pub(super) fn input(&self, node: NodeId, input: &Input) -> String {
        match input {
            Input::Wake => "wakes".to_owned(),
            Input::Frame { nic, from, message } => {
                let nic = self.nic(node.into(), *nic);
                format!("hears from {} over {nic}: {}", self.node(*from), self.message(message))
            }
            Input::Link { nic, up } => {
                let state = if *up { "has carrier" } else { "lost carrier" };
                format!("notices that {} {state}", self.nic(node.into(), *nic))
            }
            Input::Done { op, outcome } => format!("{op:?} ended: {}", self.outcome(outcome)),
            Input::Learned(durable) => {
                format!("finds epoch {} on the witness disk", durable.epoch)
            }
            Input::Saw(report) => self.report(report),
            Input::Order(order) => format!("is ordered to {}", self.order(order)),
        }
    }

    /// What an agent tells of itself.
    pub(super) fn agent(&self, event: &AgentEvent) -> String {
        match event {
            AgentEvent::Boot(boot) => format!("begins from epoch {}", boot.durable.epoch),
            AgentEvent::Came { from, record, .. } => {
                format!("hears what {} sent as its record {}", self.node(*from), record.0)
            }
            AgentEvent::StoodStill(span) => format!("stood still for {span}"),
            AgentEvent::Clock { boot, .. } => format!("boot {boot:032x} of its machine"),
        }
    }

    fn report(&self, report: &Report) -> String {
        match report {
            Report::ResourceAtWork { resource } => {
                format!("{} is at work", self.resource(*resource))
            }
            Report::ResourceFailed { resource, failure } => {
                format!("{} signals failure: {}", self.resource(*resource), failure_name(*failure))
            }
            Report::DatabaseFailed { database, failure } => {
                format!("failure item for {}: {}", self.database(*database), failure_name(*failure))
            }
            Report::ReplicationService { running: true } => {
                "the Replication service runs".to_owned()
            }
            Report::ReplicationService { running: false } => {
                "the Replication service stopped".to_owned()
            }
        }
    }

    /// Where to, by which dial, without which checks.
    fn how(&self, to: Option<NodeId>, dial: Option<MountDial>, skip: SkipChecks) -> String {
        let to = to.map_or("the best copy", |to| self.node(to));
        let dial = dial.map_or("the server's own dial", dial_name);
        let left_out = if skip.any() { ", checks left out" } else { "" };
        format!("{to} ({dial}{left_out})")
    }

    /// What `Set-MailboxServer` changes.
    pub(super) fn server_settings(&self, node: NodeId, settings: ServerSettings) -> String {
        let mut parts = Vec::new();
        if let Some(dial) = settings.dial {
            parts.push(format!("mount dial {}", dial_name(dial)));
        }
        if let Some(policy) = settings.activation_policy {
            parts.push(format!("activation policy {policy:?}"));
        }
        match settings.maximum_active {
            Some(Some(most)) => parts.push(format!("at most {most} active databases")),
            Some(None) => parts.push("no maximum of active databases".to_owned()),
            None => {}
        }
        format!("{}: {}", self.node(node), parts.join(", "))
    }

    /// What `Restore-DatabaseAvailabilityGroup` does beside letting databases be mounted.
    pub(super) fn restore(&self, restore: &Restore) -> String {
        let mut text = "restore the database availability group".to_owned();
        if !restore.evicts.is_empty() {
            text += &format!(" without {}", self.nodes(restore.evicts));
        }
        if let Some(server) = restore.witness_server {
            text += &format!(", with the witness server {}", self.witness_server(server));
        }
        text
    }

    pub(super) fn order(&self, order: &Order) -> String {
        match order {
            Order::CreateGroup(group) => format!("create {}", self.group(*group)),
            Order::MoveGroup { group, to } => {
                let to = to.map_or("the best possible owner", |to| self.node(to));
                format!("move {} to {to}", self.group(*group))
            }
            Order::OnlineGroup(group) => format!("bring {} online", self.group(*group)),
            Order::OfflineGroup(group) => format!("take {} offline", self.group(*group)),
            Order::OnlineResource(id) => format!("bring {} online", self.resource(*id)),
            Order::OfflineResource(id) => format!("take {} offline", self.resource(*id)),
            Order::MoveDatabase { database, to, dial, skip } => {
                format!("activate {} on {}", self.database(*database), self.how(*to, *dial, *skip))
            }
            Order::MoveServer { from, to, dial, skip } => {
                let from = self.node(*from);
                format!("activate every database of {from} on {}", self.how(*to, *dial, *skip))
            }
            Order::SetServer { node, settings } => self.server_settings(*node, *settings),
            Order::SetWitnessServer(server) => {
                format!("make {} the witness server", self.witness_server(*server))
            }
            Order::SetActivationCoordination(true) => {
                "turn datacenter activation coordination on".to_owned()
            }
            Order::SetActivationCoordination(false) => {
                "turn datacenter activation coordination off".to_owned()
            }
            Order::RestoreGroup(restore) => self.restore(restore),
            Order::AddMembers(nodes) => {
                format!("take {} back into the cluster", self.nodes(*nodes))
            }
            Order::StartMaintenance { node } => {
                format!("start maintenance of {}", self.node(*node))
            }
            Order::StopMaintenance { node } => format!("end maintenance of {}", self.node(*node)),
            Order::MountDatabase(database) => format!("mount {}", self.database(*database)),
            Order::DismountDatabase(database) => format!("dismount {}", self.database(*database)),
            Order::SuspendCopy { database, node, activation_only } => {
                let what = if *activation_only { "activation of the" } else { "the" };
                format!(
                    "suspend {what} copy of {} on {}",
                    self.database(*database),
                    self.node(*node)
                )
            }
            Order::ResumeCopy { database, node, replication_only } => {
                let what = if *replication_only { ", not its activation" } else { "" };
                let node = self.node(*node);
                format!("resume the copy of {} on {node}{what}", self.database(*database))
            }
            Order::StopService => "stop the Cluster service".to_owned(),
            Order::SuspendNode { node, drain } => {
                let drain = match drain {
                    None => String::new(),
                    Some(None) => " and drain it".to_owned(),
                    Some(Some(to)) => format!(" and drain it to {}", self.node(*to)),
                };
                format!("pause {}{drain}", self.node(*node))
            }
            Order::ResumeNode { node, failback } => {
                let failback = match failback {
                    Failback::Immediate => ", with what was drained from it",
                    Failback::NoFailback => "",
                    Failback::Policy => ", with what its groups' failback settings say",
                };
                format!("resume {}{failback}", self.node(*node))
            }
        }
    }

    pub(super) fn outcome(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Ok => "done".to_owned(),
            Outcome::WitnessBoot(boot) => format!("started at {boot}"),
            Outcome::Copy(report) => format!(
                "{:?}, copy queue {}, replay queue {}",
                report.status,
                report.copy_queue(),
                report.replay_queue()
            ),
            Outcome::LastLogs { copied, missing } => {
                format!("{copied} logs copied, {missing} missing")
            }
            Outcome::Refused(Refusal::WitnessHeld(node)) => {
                format!("refused, {} holds the witness", self.node(*node))
            }
            Outcome::Refused(Refusal::WitnessNewer) => {
                "refused, the witness has a newer tag".to_owned()
            }
            Outcome::Refused(Refusal::NotHere) => "refused".to_owned(),
            Outcome::Failed(failure) => format!("failed, {}", failure_name(*failure)),
            Outcome::TimedOut => "timed out".to_owned(),
        }
    }

    pub(super) fn effect(&self, node: NodeId, effect: &Effect) -> String {
        match effect {
            Effect::Send { nic, to, message } => {
                let nic = self.nic(node.into(), *nic);
                format!("tells {} over {nic}: {}", self.node(*to), self.message(message))
            }
            Effect::Do { op, act } => format!("{op:?}: {}", self.act(act)),
            Effect::Note(note) => self.note(node, note),
        }
    }

    fn act(&self, act: &Act) -> String {
        match act {
            Act::ClaimWitness { .. } => "claim the witness".to_owned(),
            Act::TestWitness { .. } => "look whether the witness is held".to_owned(),
            Act::WitnessBoot { .. } => "ask when the witness server started".to_owned(),
            Act::ReleaseWitness { .. } => "release the witness".to_owned(),
            Act::Store(durable) => {
                format!("store epoch {} version {}", durable.epoch, durable.database.version)
            }
            Act::Online(resource) => format!("bring {} online", self.resource(*resource)),
            Act::Offline(resource) => format!("take {} offline", self.resource(*resource)),
            Act::Terminate(resource) => format!("terminate {}", self.resource(*resource)),
            Act::LooksAlive(resource) => format!("LooksAlive {}", self.resource(*resource)),
            Act::IsAlive(resource) => format!("IsAlive {}", self.resource(*resource)),
            Act::CopyStatus(database) => {
                format!("ask how the copy of {} is", self.database(*database))
            }
            Act::CopyLastLogs { database, source } => {
                let from = source.map_or("nowhere", |source| self.node(source));
                format!("attempt copy last logs of {} from {from}", self.database(*database))
            }
            Act::Mount(database) => format!("mount {}", self.database(*database)),
            Act::Dismount(database) => format!("dismount {}", self.database(*database)),
            Act::Follow { database, active, suspended } => {
                let active = active.map_or("nobody", |active| self.node(active));
                let suspended = if *suspended { ", once it is resumed" } else { "" };
                format!("copy {} from {active}{suspended}", self.database(*database))
            }
            Act::Stop { restart: true } => "end the Cluster service, to be restarted".to_owned(),
            Act::Stop { restart: false } => "end the Cluster service".to_owned(),
        }
    }
}
