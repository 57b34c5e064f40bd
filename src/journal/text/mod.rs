//! The text form: one line per record, in the words of the domain.

mod message;
mod node;
mod note;
mod plant;
mod words;

use super::record::{Host, Plant, Record, What};
use super::{Header, Origin, RecordNo};
use crate::base::{
    BalancerId, ClientId, CopyId, DbId, GroupId, MachineId, MachineSet, NetId, NicId, NodeId,
    NodeSet, ResourceId,
};
use crate::model::fault::Fault;
use crate::model::{Scenario, Topology, show};
use std::io::{self, Write};

pub use words::{connection_name, dial_name, group_state, order_refusal, service_name, why_name};

/// Names of a topology, for sentences.
#[derive(Clone, Copy)]
pub struct Names<'t> {
    pub(super) topology: &'t Topology,
    pub(super) scenario: Option<&'t Scenario>,
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
        writeln!(out, "#{number:<7} {:>16} {cause:<10} {who:<19} {phrase}", record.at.to_string())?;
    }
    out.flush()
}

/// One line about a record, for `why`.
pub fn line(names: &Names, number: RecordNo, record: &Record) -> String {
    let (who, phrase) = (names.who(&record.what), names.phrase(&record.what));
    format!("#{:<7} {:>16}  {who:<19} {phrase}", number.0, record.at.to_string())
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

    /// A load balancer's name.
    pub fn balancer(&self, id: BalancerId) -> &'t str {
        self.topology.load_balancers.get(id).map_or("?", |balancer| balancer.name.as_str())
    }

    /// Names of a set of machines.
    pub fn machines(&self, set: MachineSet) -> String {
        let names: Vec<&str> = set.iter().map(|machine| self.machine(machine)).collect();
        if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
    }

    /// The name of a witness server.
    pub fn witness_server(&self, place: u8) -> &'t str {
        let servers = self.topology.witness_servers();
        servers.get(usize::from(place)).map_or("?", |machine| self.machine(*machine))
    }

    /// A network's name.
    pub fn network(&self, id: NetId) -> &'t str {
        self.topology.networks.get(id).map_or("?", |network| network.name.as_str())
    }

    /// The name of an adapter of a machine.
    pub fn nic(&self, machine: MachineId, nic: NicId) -> &'t str {
        let nics = self.topology.machines.get(machine).map(|machine| &machine.nics);
        nics.and_then(|nics| nics.get(nic)).map_or("?", |nic| nic.name.as_str())
    }

    /// A client as scenario files name it: its group and its place in the group, from 1.
    pub fn client(&self, id: ClientId) -> String {
        let mut groups = self.topology.clients.iter();
        let of = groups.find(|group| id.0.wrapping_sub(group.first.0) < group.count);
        of.map_or_else(
            || "?".to_owned(),
            |group| format!("{}#{}", group.name, id.0 - group.first.0 + 1),
        )
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
            What::Client(client, _) => self.client(*client),
            What::Mail(mail, _) => format!("mail {}", mail.0),
            What::Agent(node, _) => self.node(*node).to_owned(),
        }
    }

    fn plant_who(&self, plant: &Plant) -> String {
        match plant {
            Plant::Machine { machine, .. }
            | Plant::Adapter { machine, .. }
            | Plant::Service { machine, .. }
            | Plant::AddressUp { machine, .. }
            | Plant::AddressDown { machine, .. }
            | Plant::Lease { machine, .. }
            | Plant::GratuitousArp { machine, .. } => self.machine(*machine).to_owned(),
            Plant::FrameLost { from, .. } => self.node(*from).to_owned(),
            Plant::Neighbour { host: Host::Client(client), .. } => self.client(*client),
            Plant::Neighbour { host: Host::Machine(machine), .. } => {
                self.machine(*machine).to_owned()
            }
            Plant::Operation { node, .. }
            | Plant::ClusterStart { node, .. }
            | Plant::OrderRefused { node, .. } => self.node(*node).to_owned(),
            Plant::Copy { copy, .. }
            | Plant::LogDisk { copy, .. }
            | Plant::Mounted { copy, .. }
            | Plant::Dismounted { copy } => self.node(copy.node).to_owned(),
            Plant::WitnessLock { server, .. } => {
                let servers = self.topology.witness_servers();
                let server = servers.get(usize::from(*server));
                server.map_or("witness", |id| self.machine(*id)).to_owned()
            }
            Plant::DnsRecord { .. } | Plant::DnsUpdateFailed { .. } => "DNS".to_owned(),
            Plant::ServerMarked { balancer, .. } | Plant::Convergence { balancer, .. } => {
                self.balancer(*balancer).to_owned()
            }
            Plant::ClientAccessArray
            | Plant::StoppedMembers { .. }
            | Plant::CircularLogging { .. }
            | Plant::NamesServer { .. }
            | Plant::AlternateWitness { .. }
            | Plant::RpcClientAccessServer { .. } => "AD".to_owned(),
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
            What::Client(_, event) => self.client_event(event),
            What::Mail(_, event) => self.mail(event),
            What::Agent(_, event) => self.agent(event),
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
            Fault::ResourceFail { machine, resource } => {
                let (machine, resource) = (self.machine(*machine), self.resource(*resource));
                ("resource-fail", format!("{machine} {resource}"))
            }
            Fault::ResourceHang { machine, resource } => {
                let (machine, resource) = (self.machine(*machine), self.resource(*resource));
                ("resource-hang", format!("{machine} {resource}"))
            }
            Fault::NetworkDown { network: id } => ("network-down", network(*id)),
            Fault::PathCut { network: id, from, to, one_way } => {
                let (from, to) = (self.machine(*from), self.machine(*to));
                let way = if *one_way { " to " } else { "-" };
                (fault.word(), format!("{} {from}{way}{to}", network(*id)))
            }
            Fault::PathLoss { network: id, from, to, share, one_way } => {
                let (from, to) = (self.machine(*from), self.machine(*to));
                let way = if *one_way { " to " } else { "-" };
                (fault.word(), format!("{} {from}{way}{to} {share}", network(*id)))
            }
            Fault::FrameLoss { network: id, share } => {
                ("frame-loss", format!("{} {share}", network(*id)))
            }
            Fault::NetworkDelay { network: id, delay } => {
                ("network-delay", format!("{} {delay}", network(*id)))
            }
            Fault::LogCorruption { copy } => ("log-corruption", self.copy(*copy)),
            Fault::GratuitousArpBlocked { network: id } => ("gratuitous-arp-blocked", network(*id)),
            Fault::DiskFull { copy } | Fault::MountFail { copy } => {
                (fault.word(), self.copy(*copy))
            }
            Fault::DismountSlow { copy, delay } => {
                (fault.word(), format!("{} {delay}", self.copy(*copy)))
            }
            Fault::FrameDuplication { .. }
            | Fault::FrameReordering { .. }
            | Fault::PathDelay { .. }
            | Fault::ServiceCrash { .. }
            | Fault::Reboot { .. }
            | Fault::ClockRate { .. }
            | Fault::ClockStep { .. }
            | Fault::WitnessLockHeld { .. }
            | Fault::WitnessStale { .. }
            | Fault::DnsUpdateRefused { .. }
            | Fault::DnsStale { .. }
            | Fault::DiskSlow { .. } => {
                let values = show::keys(self.topology, fault).into_iter().map(|(_, value)| value);
                (fault.word(), values.collect::<Vec<_>>().join(" "))
            }
        }
    }
}
