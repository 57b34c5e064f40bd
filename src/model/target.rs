//! Classes of components, and the components of a class in a topology: the one place that says
//! which parts of a site a cause of failure can strike.

use super::fault::Service;
use super::topology::{Machine, MachineRole, Topology};
use crate::base::{CopyId, Id, MachineId, NetId, NicId, SiteId};

/// A class of components that fail in the same way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Target {
    /// Every machine with an Exchange role.
    ExchangeServer,
    /// Every machine with mailbox databases.
    MailboxServer,
    /// Every machine that clients connect to.
    ClientAccessServer,
    /// Every machine that transports mail.
    TransportServer,
    /// Every machine with the directory.
    DomainController,
    /// Every machine with DNS.
    DnsServer,
    /// Every machine with a witness share.
    WitnessServer,
    /// Every load balancer.
    LoadBalancer,
    /// Every machine that is neither an Exchange server nor a load balancer.
    OtherServer,
    /// Every machine.
    Machine,
    /// Every adapter of every machine.
    Adapter,
    /// Every network.
    Network,
    /// Every database copy.
    DatabaseCopy,
    /// Every Active Directory site: all machines there.
    Site,
}

impl Target {
    /// Every class with its word in files.
    pub const WORDS: &'static [(&'static str, Target)] = &[
        ("exchange-server", Target::ExchangeServer),
        ("mailbox-server", Target::MailboxServer),
        ("client-access-server", Target::ClientAccessServer),
        ("transport-server", Target::TransportServer),
        ("domain-controller", Target::DomainController),
        ("dns-server", Target::DnsServer),
        ("witness-server", Target::WitnessServer),
        ("load-balancer", Target::LoadBalancer),
        ("other-server", Target::OtherServer),
        ("machine", Target::Machine),
        ("adapter", Target::Adapter),
        ("network", Target::Network),
        ("database-copy", Target::DatabaseCopy),
        ("site", Target::Site),
    ];

    /// The class's word.
    pub fn word(self) -> &'static str {
        let found = Target::WORDS.iter().find(|(_, target)| *target == self);
        found.map_or("", |(word, _)| word)
    }

    /// Whether its components are machines.
    pub const fn is_machine(self) -> bool {
        !matches!(self, Target::Adapter | Target::Network | Target::DatabaseCopy | Target::Site)
    }
}

/// A component of a topology.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// A machine.
    Machine(MachineId),
    /// An adapter.
    Adapter(MachineId, NicId),
    /// A network.
    Network(NetId),
    /// A database copy.
    Copy(CopyId),
    /// All machines of a site.
    Site(SiteId),
}

/// A component with its place in its class, which designs have in common whatever their names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Component {
    /// Its place in the class, from 0; for parts of a machine or database, the place within it too.
    pub ordinal: (usize, usize),
    /// What it is.
    pub part: Part,
}

impl Component {
    /// Its name in a topology.
    pub fn name(&self, topology: &Topology) -> String {
        match &self.part {
            Part::Machine(machine) => topology.machine_name(*machine).to_owned(),
            Part::Adapter(machine, nic) => {
                let owner = &topology.machines[*machine];
                format!("{} {}", owner.name, owner.nics[*nic].name)
            }
            Part::Network(network) => topology.networks[*network].name.clone(),
            Part::Copy(copy) => {
                let database = &topology.databases[copy.database].name;
                format!("{database}\\{}", topology.node_name(copy.node))
            }
            Part::Site(site) => topology.sites[*site].clone(),
        }
    }
}

/// The classes of machines that a role puts a machine in.
fn classes(role: MachineRole) -> &'static [Target] {
    match role {
        MachineRole::Mailbox => &[Target::ExchangeServer, Target::MailboxServer],
        MachineRole::ClientAccess => &[Target::ExchangeServer, Target::ClientAccessServer],
        MachineRole::HubTransport => &[Target::ExchangeServer, Target::TransportServer],
        MachineRole::LoadBalancer => &[Target::LoadBalancer],
        MachineRole::DomainController => &[Target::DomainController],
        MachineRole::Dns => &[Target::DnsServer],
        MachineRole::Witness => &[Target::WitnessServer],
    }
}

/// Whether a machine is of a class of machines.
pub fn is(machine: &Machine, target: Target) -> bool {
    let in_class = |class: Target| machine.roles.iter().any(|role| classes(*role).contains(&class));
    match target {
        Target::Machine => true,
        Target::OtherServer => !in_class(Target::ExchangeServer) && !in_class(Target::LoadBalancer),
        other => in_class(other),
    }
}

/// The class of the machines that run a service.
pub const fn class_of(service: Service) -> Target {
    match service {
        Service::Cluster | Service::Store | Service::Replication => Target::MailboxServer,
        Service::RpcClientAccess
        | Service::Owa
        | Service::Autodiscover
        | Service::OutlookAnywhere
        | Service::ActiveSync => Target::ClientAccessServer,
        Service::HubTransport => Target::TransportServer,
        Service::Directory => Target::DomainController,
        Service::Dns => Target::DnsServer,
        Service::FileServer => Target::WitnessServer,
    }
}

/// Where the numbers of the next kind of machine begin, where all kinds are in one class.
const KIND: usize = 1_000;

/// The machines of a class, numbered from a number on.
fn numbered(topology: &Topology, class: Target, from: usize) -> Vec<(usize, MachineId)> {
    let machines = topology.machines.iter().filter(|(_, machine)| is(machine, class));
    machines.enumerate().map(|(place, (id, _))| (from + place, id)).collect()
}

/// The components of a class, in the order of the topology.
pub fn components(topology: &Topology, target: Target) -> Vec<Component> {
    let machines = || match target.is_machine() && target != Target::Machine {
        true => numbered(topology, target, 0),
        // A class of its own for each kind of machine, so that one more server renumbers no other.
        false => {
            let kinds = [Target::ExchangeServer, Target::OtherServer, Target::LoadBalancer];
            let all = kinds.into_iter().enumerate();
            all.flat_map(|(kind, class)| numbered(topology, class, kind * KIND)).collect()
        }
    };
    let component = |ordinal, part| Component { ordinal, part };
    match target {
        Target::Adapter => machines()
            .into_iter()
            .flat_map(|(place, id)| {
                let nics = topology.machines[id].nics.ids();
                nics.map(move |nic| component((place, nic.index()), Part::Adapter(id, nic)))
            })
            .collect(),
        Target::Network => {
            let networks = topology.networks.ids();
            networks.map(|id| component((id.index(), 0), Part::Network(id))).collect()
        }
        Target::DatabaseCopy => {
            let databases = topology.databases.iter();
            databases
                .flat_map(|(database, config)| {
                    config.copies.iter().enumerate().map(move |(place, node)| {
                        let copy = CopyId { database, node: *node };
                        component((database.index(), place), Part::Copy(copy))
                    })
                })
                .collect()
        }
        Target::Site => {
            let sites = topology.sites.ids();
            sites.map(|id| component((id.index(), 0), Part::Site(id))).collect()
        }
        _ => {
            let all = machines().into_iter();
            all.map(|(place, id)| component((place, 0), Part::Machine(id))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{builtin, load};

    #[test]
    fn every_class_has_its_components() {
        let file = builtin::SITES[0].topology;
        let topology = load::topology(file.path, file.text, &[]).expect("it is sound").topology;
        let count = |target| components(&topology, target).len();
        let counts: Vec<usize> = Target::WORDS.iter().map(|(_, target)| count(*target)).collect();
        assert_eq!(counts, [2, 2, 2, 2, 1, 1, 1, 0, 1, 3, 5, 2, 2, 1]);
        let adapters = components(&topology, Target::Adapter);
        assert_eq!(adapters[3].name(&topology), "EX02 Replication");
        assert_eq!(adapters[3].ordinal, (1, 1));
    }
}
