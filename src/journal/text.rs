//! The text form: one line per record, in the words of the domain.

use super::record::{ClientEvent, Host, MailEvent, Plant, Record, ServiceState, What};
pub use super::words::{connection_name, dial_name, group_state, service_name, why_name};
use super::words::{
    dropped_name, failure_name, lost_name, refused_name, request_name, resource_state,
};
use super::{Header, Origin, RecordNo};
use crate::base::{CopyId, DbId, GroupId, MachineId, NicId, NodeId, NodeSet, ResourceId};
use crate::failover::seam::{Act, Effect, Input, Note, Operation, Order, Outcome, Refusal, Report};
use crate::model::fault::Fault;
use crate::model::{Scenario, Topology};
use std::io::{self, Write};

/// Names of a topology, for sentences.
#[derive(Clone, Copy)]
pub struct Names<'t> {
    topology: &'t Topology,
    scenario: Option<&'t Scenario>,
}

/// Writes the text form of a journal.
///
/// # Errors
/// If the writer fails.
pub fn write(out: &mut dyn Write, header: &Header, records: &[Record]) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let names = Names::new(&header.topology, header.scenario.as_ref());
    let origin = match &header.origin {
        Origin::Sim { seed } => format!("simulation, seed {seed}"),
        Origin::Agent { host } => format!("agent on {host}"),
        Origin::Import { file } => format!("import of {file}"),
    };
    let scenario = header.scenario.as_ref().map_or("no scenario", |s| s.name.as_str());
    writeln!(
        out,
        "dagtwin journal {}, version {}: {}, {scenario}, {origin}",
        header.format, header.version, header.topology.name
    )?;
    for (number, record) in records.iter().enumerate() {
        let cause = record.cause.map_or_else(String::new, |cause| format!("<-#{}", cause.0));
        let who = names.who(&record.what);
        let phrase = names.phrase(&record.what);
        writeln!(out, "#{number:<7} {:>16} {cause:<10} {who:<8} {phrase}", record.at.to_string())?;
    }
    out.flush()
}

/// One line about a record, for `why`.
pub fn line(names: &Names, number: RecordNo, record: &Record) -> String {
    let (who, phrase) = (names.who(&record.what), names.phrase(&record.what));
    format!("#{:<7} {:>16}  {who:<8} {phrase}", number.0, record.at.to_string())
}

impl<'t> Names<'t> {
    /// Names of a topology and the plan of a scenario.
    pub fn new(topology: &'t Topology, scenario: Option<&'t Scenario>) -> Self {
        Names { topology, scenario }
    }

    /// A machine's name.
    pub fn machine(&self, id: MachineId) -> &'t str {
        self.topology.machines.get(id).map_or("?", |machine| machine.name.as_str())
    }

    /// A member's name.
    pub fn node(&self, id: NodeId) -> &'t str {
        self.machine(id.into())
    }

    /// A group's name.
    pub fn group(&self, id: GroupId) -> &'t str {
        self.topology.groups.get(id).map_or("?", |group| group.name.as_str())
    }

    /// A database's name.
    pub fn database(&self, id: DbId) -> &'t str {
        self.topology.databases.get(id).map_or("?", |database| database.name.as_str())
    }

    /// A resource's name.
    pub fn resource(&self, id: ResourceId) -> &'t str {
        self.topology.resources.get(id).map_or("?", |resource| resource.name.as_str())
    }

    /// The name of an adapter of a machine.
    pub fn nic(&self, machine: MachineId, nic: NicId) -> &'t str {
        let nics = self.topology.machines.get(machine).map(|machine| &machine.nics);
        nics.and_then(|nics| nics.get(nic)).map_or("?", |nic| nic.name.as_str())
    }

    /// A copy as the product writes it: `VIP\EX01`.
    pub fn copy(&self, id: CopyId) -> String {
        format!("{}\\{}", self.database(id.database), self.node(id.node))
    }

    /// Names of a set of members.
    pub fn nodes(&self, set: NodeSet) -> String {
        let names: Vec<&str> = set.iter().map(|node| self.node(node)).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    }

    /// Who a record is about.
    pub fn who(&self, what: &What) -> String {
        match what {
            What::In(node, _) | What::Out(node, _) => self.node(*node).to_owned(),
            What::Fault { .. } => "fault".to_owned(),
            What::Step { .. } => "step".to_owned(),
            What::Plant(plant) => self.plant_who(plant),
            What::Client(client, _) => format!("client {}", client.0),
            What::Mail(mail, _) => format!("mail {}", mail.0),
        }
    }

    fn plant_who(&self, plant: &Plant) -> String {
        match plant {
            Plant::Machine { machine, .. }
            | Plant::Adapter { machine, .. }
            | Plant::Service { machine, .. }
            | Plant::AddressUp { machine, .. }
            | Plant::AddressDown { machine, .. }
            | Plant::GratuitousArp { machine, .. } => self.machine(*machine).to_owned(),
            Plant::FrameLost { from, .. } => self.node(*from).to_owned(),
            Plant::Neighbour { host: Host::Client(client), .. } => format!("client {}", client.0),
            Plant::Neighbour { host: Host::Machine(machine), .. } => {
                self.machine(*machine).to_owned()
            }
            Plant::Operation { node, .. } => self.node(*node).to_owned(),
            Plant::Copy { copy, .. } | Plant::Mounted { copy, .. } | Plant::Dismounted { copy } => {
                self.node(copy.node).to_owned()
            }
            Plant::WitnessLock { .. } => {
                self.topology.dag.witness.map_or("witness", |id| self.machine(id)).to_owned()
            }
            Plant::DnsRecord { .. } | Plant::DnsUpdateFailed { .. } => "DNS".to_owned(),
            Plant::ClientAccessArray | Plant::RpcClientAccessServer { .. } => "AD".to_owned(),
        }
    }

    /// What a record says, without who and when.
    pub fn phrase(&self, what: &What) -> String {
        match what {
            What::In(node, input) => self.input(*node, input),
            What::Out(node, effect) => self.effect(*node, effect),
            What::Fault { index, healed } => self.fault(*index, *healed),
            What::Step { index } => {
                let step = self.scenario.and_then(|s| s.steps.get(usize::from(*index)));
                step.map_or_else(|| format!("step {index}"), |s| format!("{}: {}", s.label, s.text))
            }
            What::Plant(plant) => self.plant(plant),
            What::Client(_, event) => self.client(event),
            What::Mail(_, event) => self.mail(event),
        }
    }

    fn fault(&self, index: u16, healed: bool) -> String {
        let planned = self.scenario.and_then(|s| s.faults.get(usize::from(index)));
        let Some(planned) = planned else { return format!("fault {index}") };
        let (kind, target) = self.fault_name(&planned.fault);
        if healed { format!("{kind} on {target} is healed") } else { format!("{kind} on {target}") }
    }

    /// A fault's kind as files name it, and its target.
    pub fn fault_name(&self, fault: &Fault) -> (&'static str, String) {
        let network = |id| {
            self.topology.networks.get(id).map_or("?", |network| network.name.as_str()).to_owned()
        };
        let service =
            |machine, service| format!("{} {}", self.machine(machine), service_name(service));
        match fault {
            Fault::NicDown { machine, nic: None } => {
                ("nic-down", format!("{} all NICs", self.machine(*machine)))
            }
            Fault::NicDown { machine, nic: Some(nic) } => {
                ("nic-down", format!("{} {}", self.machine(*machine), self.nic(*machine, *nic)))
            }
            Fault::PowerOff { machine } => ("power-off", self.machine(*machine).to_owned()),
            Fault::Freeze { machine } => ("freeze", self.machine(*machine).to_owned()),
            Fault::ServiceStop { machine, service: s } => ("service-stop", service(*machine, *s)),
            Fault::ServiceHang { machine, service: s } => ("service-hang", service(*machine, *s)),
            Fault::ServiceSlow { machine, service: s, factor } => {
                ("service-slow", format!("{} {factor}", service(*machine, *s)))
            }
            Fault::NetworkDown { network: id } => ("network-down", network(*id)),
            Fault::PathCut { network: id, from, to } => {
                let (from, to) = (self.machine(*from), self.machine(*to));
                ("path-cut", format!("{} {from}-{to}", network(*id)))
            }
            Fault::FrameLoss { network: id, share } => {
                ("frame-loss", format!("{} {share}", network(*id)))
            }
            Fault::NetworkDelay { network: id, delay } => {
                ("network-delay", format!("{} {delay}", network(*id)))
            }
            Fault::GratuitousArpBlocked { network: id } => ("gratuitous-arp-blocked", network(*id)),
        }
    }

    fn input(&self, node: NodeId, input: &Input) -> String {
        match input {
            Input::Wake => "wakes".to_owned(),
            Input::Frame { nic, from, message } => {
                let nic = self.nic(node.into(), *nic);
                format!("hears from {} over {nic}: {message:?}", self.node(*from))
            }
            Input::Link { nic, up } => {
                let state = if *up { "has carrier" } else { "lost carrier" };
                format!("notices that {} {state}", self.nic(node.into(), *nic))
            }
            Input::Done { op, outcome } => format!("{op:?} ended: {}", self.outcome(outcome)),
            Input::Saw(report) => self.report(report),
            Input::Order(order) => format!("is ordered to {}", self.order(order)),
        }
    }

    fn report(&self, report: &Report) -> String {
        match report {
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

    fn order(&self, order: &Order) -> String {
        match order {
            Order::CreateGroup(group) => format!("create {}", self.group(*group)),
            Order::MoveGroup { group, to } => {
                let to = to.map_or("the best possible owner", |to| self.node(to));
                format!("move {} to {to}", self.group(*group))
            }
            Order::OnlineGroup(group) => format!("bring {} online", self.group(*group)),
            Order::OfflineGroup(group) => format!("take {} offline", self.group(*group)),
            Order::MoveDatabase { database, to, dial } => {
                let to = to.map_or("the best copy", |to| self.node(to));
                let dial = dial.map_or_else(String::new, |dial| format!(" ({})", dial_name(dial)));
                format!("activate {} on {to}{dial}", self.database(*database))
            }
            Order::MountDatabase(database) => format!("mount {}", self.database(*database)),
            Order::DismountDatabase(database) => format!("dismount {}", self.database(*database)),
            Order::StopService => "stop the Cluster service".to_owned(),
        }
    }

    fn outcome(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Ok => "done".to_owned(),
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

    fn effect(&self, node: NodeId, effect: &Effect) -> String {
        match effect {
            Effect::Send { nic, to, message } => {
                let nic = self.nic(node.into(), *nic);
                format!("tells {} over {nic}: {message:?}", self.node(*to))
            }
            Effect::Do { op, act } => format!("{op:?}: {}", self.act(act)),
            Effect::Note(note) => self.note(note),
        }
    }

    fn act(&self, act: &Act) -> String {
        match act {
            Act::ClaimWitness => "claim the witness".to_owned(),
            Act::TestWitness => "look whether the witness is held".to_owned(),
            Act::ReleaseWitness => "release the witness".to_owned(),
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
            Act::Follow { database, active } => {
                let active = active.map_or("nobody", |active| self.node(active));
                format!("copy {} from {active}", self.database(*database))
            }
            Act::Stop { restart: true } => "end the Cluster service, to be restarted".to_owned(),
            Act::Stop { restart: false } => "end the Cluster service".to_owned(),
        }
    }

    /// What a note says.
    pub fn note(&self, note: &Note) -> String {
        match note {
            Note::Started => "Cluster service starts".to_owned(),
            Note::Joining => "looks for a cluster to join".to_owned(),
            Note::Forming => "found none and tries to form one".to_owned(),
            Note::PathUp { peer, nic: _ } => format!("a path to {} answers", self.node(*peer)),
            Note::PathLost { peer, nic: _, missed: 0 } => {
                format!("a path to {} is gone: own adapter down", self.node(*peer))
            }
            Note::PathLost { peer, nic: _, missed } => {
                format!("a path to {} is down: {missed} heartbeats missed", self.node(*peer))
            }
            Note::PeerLost { peer } => format!("{} cannot be reached any more", self.node(*peer)),
            Note::PeerHeard { peer } => format!("{} is heard again", self.node(*peer)),
            Note::Regroup { round, reach } => {
                format!("regroup {round}: reaches {}", self.nodes(*reach))
            }
            Note::View { view, members, gone, joined } => {
                let mut text = format!("view {view}: {}", self.nodes(*members));
                if !gone.is_empty() {
                    text += &format!(" without {} (event 1135)", self.nodes(*gone));
                }
                if !joined.is_empty() {
                    text += &format!(", new {}", self.nodes(*joined));
                }
                text
            }
            Note::QuorumHeld { votes, needed, witness } => {
                let with = if *witness { " with the witness" } else { "" };
                format!("quorum: {votes} votes of {needed} needed{with}")
            }
            Note::OneVoteShort { votes, needed, delay, claimant } => {
                let short = format!("one vote short ({votes} of {needed})");
                match (*claimant, delay.is_zero()) {
                    (true, true) => format!("{short}: claims the witness"),
                    (true, false) => format!("{short}: claims the witness after {delay}"),
                    (false, _) => format!("{short}: another node claims the witness"),
                }
            }
            Note::WitnessWon => "holds the witness".to_owned(),
            Note::WitnessLost { outcome, tries } => {
                format!("witness not won (event 1564), try {tries}: {}", self.outcome(outcome))
            }
            Note::QuorumLost { votes, needed } => {
                format!("quorum lost (event 1177): {votes} votes of {needed} needed")
            }
            Note::PrimaryActiveManager => "is Primary Active Manager".to_owned(),
            Note::Stopping { why } => format!("Cluster service ends: {}", why_name(*why)),
            Note::BadFrame { from } => format!("drops a message of {:?} that does not fit", from),
            Note::GroupMove { .. }
            | Note::GroupStays { .. }
            | Note::Group { .. }
            | Note::Resource { .. }
            | Note::ResourceRestart { .. } => self.group_note(note),
            Note::DatabaseOperation { .. }
            | Note::Ranking { .. }
            | Note::CopyChosen { .. }
            | Note::LastLogs { .. }
            | Note::Database { .. }
            | Note::DatabaseOperationEnded { .. } => self.database_note(note),
        }
    }

    fn group_note(&self, note: &Note) -> String {
        match note {
            Note::GroupMove { group, from, to, why } => {
                let from = from.map_or_else(String::new, |f| format!(" from {}", self.node(f)));
                let (group, to) = (self.group(*group), self.node(*to));
                format!("{group} goes{from} to {to}: {}", why_name(*why))
            }
            Note::GroupStays { group, why } => {
                format!("{} cannot move: {}", self.group(*group), why_name(*why))
            }
            Note::Group { group, owner: _, state } => {
                format!("{} is {}", self.group(*group), group_state(*state))
            }
            Note::Resource { resource, state, failure } => {
                let why = failure.map_or_else(String::new, |f| format!(": {}", failure_name(f)));
                format!("{} is {}{why}", self.resource(*resource), resource_state(*state))
            }
            Note::ResourceRestart { resource, restarts } => {
                format!("{} is restarted here, restart {restarts}", self.resource(*resource))
            }
            _ => String::new(),
        }
    }

    fn database_note(&self, note: &Note) -> String {
        match note {
            Note::DatabaseOperation { database, operation, why, from } => {
                let kind = match operation {
                    Operation::Mount => "mount",
                    Operation::Dismount => "dismount",
                    Operation::Switchover => "switchover",
                    Operation::Failover => "failover",
                };
                let from = from.map_or_else(String::new, |f| format!(" from {}", self.node(f)));
                format!("{} of {}{from}: {}", kind, self.database(*database), why_name(*why))
            }
            Note::Ranking { database, order } => {
                let judged: Vec<String> = order
                    .iter()
                    .map(|ranked| {
                        let node = self.node(ranked.node);
                        match ranked.set {
                            Ok(set) => format!("{node} set {set}"),
                            Err(dropped) => format!("{node} dropped ({})", dropped_name(dropped)),
                        }
                    })
                    .collect();
                format!("best copy of {}: {}", self.database(*database), judged.join(", "))
            }
            Note::CopyChosen { database, node, attempt, candidates: _ } => {
                let (database, node) = (self.database(*database), self.node(*node));
                format!("{node} shall activate {database}, attempt {attempt}")
            }
            Note::LastLogs { database, copied, missing, dial, accepted } => {
                let verdict = if *accepted { "mount allowed" } else { "mount refused" };
                let dial = dial_name(*dial);
                format!(
                    "ACLL of {}: {copied} copied, {missing} missing, dial {dial}: {verdict}",
                    self.database(*database)
                )
            }
            Note::Database { database, active: _, status } => {
                format!("{} is {status:?}", self.database(*database))
            }
            Note::DatabaseOperationEnded { database, active, success, attempts } => {
                let place = active.map_or("nowhere", |active| self.node(active));
                let end =
                    if *success { "is active on" } else { "could not be moved or mounted; on" };
                format!("{} {end} {place}, attempts {attempts}", self.database(*database))
            }
            _ => String::new(),
        }
    }

    fn plant(&self, plant: &Plant) -> String {
        match plant {
            Plant::Machine { up: true, .. } => "runs".to_owned(),
            Plant::Machine { up: false, .. } => "does not run any more".to_owned(),
            Plant::Adapter { machine, nic, up } => {
                format!("NIC {} is {}", self.nic(*machine, *nic), if *up { "up" } else { "down" })
            }
            Plant::FrameLost { nic, from, to, why } => {
                let nic = self.nic((*from).into(), *nic);
                format!("frame to {} over {nic} lost: {}", self.node(*to), lost_name(*why))
            }
            Plant::Service { service, state, .. } => {
                let state = match state {
                    ServiceState::Running => "runs",
                    ServiceState::Stopped => "stopped",
                    ServiceState::Hung => "hangs",
                };
                format!("{} {state}", service_name(*service))
            }
            Plant::AddressUp { address, .. } => format!("{address} answers here"),
            Plant::AddressDown { address, .. } => format!("{address} is removed"),
            Plant::GratuitousArp { address, blocked: false, .. } => {
                format!("gratuitous ARP for {address}")
            }
            Plant::GratuitousArp { address, blocked: true, .. } => {
                format!("gratuitous ARP for {address}, dropped by the switch")
            }
            Plant::Neighbour { address, machine: Some(machine), .. } => {
                format!("neighbour cache: {address} is {}", self.machine(*machine))
            }
            Plant::Neighbour { address, machine: None, .. } => {
                format!("neighbour cache: {address} is unknown")
            }
            Plant::DnsRecord { resource, address } => {
                format!("{} has the record {address}", self.resource(*resource))
            }
            Plant::DnsUpdateFailed { resource } => {
                format!("dynamic update for {} failed (event 1196)", self.resource(*resource))
            }
            Plant::WitnessLock { holder: Some(node) } => {
                format!("witness log locked by {}", self.node(*node))
            }
            Plant::WitnessLock { holder: None } => "witness log released".to_owned(),
            Plant::Operation { op, .. } => format!("{op:?} is over"),
            Plant::Copy { copy, status, copy_queue, replay_queue } => {
                let copy = self.copy(*copy);
                format!(
                    "{copy} is {status:?}, copy queue {copy_queue}, replay queue {replay_queue}"
                )
            }
            Plant::Mounted { copy, lost_logs, replayed_logs } => {
                let copy = self.copy(*copy);
                format!("{copy} mounted, {replayed_logs} logs replayed, {lost_logs} lost")
            }
            Plant::Dismounted { copy } => format!("{} dismounted", self.copy(*copy)),
            Plant::ClientAccessArray => "client access array created".to_owned(),
            Plant::RpcClientAccessServer { database } => {
                format!("{} names the client access array", self.database(*database))
            }
        }
    }

    fn client(&self, event: &ClientEvent) -> String {
        match event {
            ClientEvent::Started => "starts to work".to_owned(),
            ClientEvent::Asked { request } => format!("wants to {}", request_name(*request)),
            ClientEvent::Connecting { address, attempt } => {
                format!("connects to {address}, SYN {attempt}")
            }
            ClientEvent::Connected { machine } => {
                format!("connected to {}", self.machine(*machine))
            }
            ClientEvent::Retransmitted { attempt } => format!("sends again, time {attempt}"),
            ClientEvent::Reset { machine } => {
                format!("connection reset by {}", self.machine(*machine))
            }
            ClientEvent::GaveUp => "gives the connection up".to_owned(),
            ClientEvent::Refused { why } => format!("refused: {}", refused_name(*why)),
            ClientEvent::LoggedOn { again: true } => "logged on again".to_owned(),
            ClientEvent::LoggedOn { again: false } => "logged on".to_owned(),
            ClientEvent::LogOnPage => "sees the log-on page again".to_owned(),
            ClientEvent::Answered { latency } => format!("answered after {latency}"),
            ClientEvent::Autodiscovered { array: true } => "is told the array's name".to_owned(),
            ClientEvent::Autodiscovered { array: false } => "is told a server's name".to_owned(),
            ClientEvent::State(state) => format!("status bar: {}", connection_name(*state)),
            ClientEvent::RestartNeeded => "must be restarted".to_owned(),
        }
    }

    fn mail(&self, event: &MailEvent) -> String {
        match event {
            MailEvent::Written { client, .. } => format!("written by client {}", client.0),
            MailEvent::Submitted { client, .. } => format!("sent by client {}", client.0),
            MailEvent::Queued { machine } => format!("in the queue of {}", self.machine(*machine)),
            MailEvent::Shadowed { machine } => format!("shadowed on {}", self.machine(*machine)),
            MailEvent::Delivered { copy } => format!("delivered to {}", self.copy(*copy)),
            MailEvent::LostFromDatabase { database } => {
                format!("was in the lost logs of {}", self.database(*database))
            }
            MailEvent::Resubmitted { machine } => {
                format!("resubmitted by {}", self.machine(*machine))
            }
            MailEvent::Duplicate => "delivered again and dropped as duplicate".to_owned(),
            MailEvent::Lost => "lost".to_owned(),
            MailEvent::Deferred { why } => format!("waits: {}", failure_name(*why)),
        }
    }
}
