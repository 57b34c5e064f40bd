//! The DNS server: fixed records of hosts, dynamic records of Network Names.

use super::plant::Plant;
use super::{faults, net};
use crate::base::{Address, BalancerId, IdVec, Instant, MachineId, NetId, NicId, ResourceId, Span};
use crate::journal::RecordNo;
use crate::journal::record::{Lost, Plant as Change, Refused};
use crate::model::topology::ServerName;
use crate::model::{Fault, Service};
use bevy_ecs::prelude::Resource;
use std::collections::BTreeMap;

/// The server and what it knows.
#[derive(Resource)]
pub(super) struct Server {
    /// Machines that run the DNS service.
    pub machines: Vec<MachineId>,
    /// What Network Names registered.
    pub records: Records,
    /// What machines answer that have fallen behind.
    pub stale: BTreeMap<MachineId, Records>,
}

/// The address that each Network Name registered, with the record of the last change.
type Records = IdVec<ResourceId, Option<(Address, RecordNo)>>;

/// A name that can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Name {
    /// A machine's own name.
    Machine(MachineId),
    /// The name of a Network Name resource.
    Resource(ResourceId),
    /// The name of a load balancer.
    LoadBalancer(BalancerId),
}

/// The name that leads to a server; none for a group without a Network Name.
pub(super) fn name_of(p: &Plant, server: ServerName) -> Option<Name> {
    match server {
        ServerName::Group(group) => p.setup.topology.network_name(group).map(Name::Resource),
        ServerName::LoadBalancer(balancer) => Some(Name::LoadBalancer(balancer)),
        ServerName::Machine(machine) => Some(Name::Machine(machine)),
    }
}

/// An answer: when it comes and what it is.
pub(super) struct Answer {
    /// When the asker has it.
    pub at: Instant,
    /// Address, time to live and the record behind it; or why there is none.
    pub result: Result<(Address, Span, RecordNo), (Refused, Option<RecordNo>)>,
}

/// Asks from a client on a network.
pub(super) fn query(p: &mut Plant, at: Instant, network: NetId, name: Name) -> Answer {
    let settings = p.settings().dns;
    let mut because = None;
    for position in 0..p.dns.machines.len() {
        let machine = p.dns.machines[position];
        let reached = net::attached(p, machine, network, Lost::ReceiverDown)
            .and_then(|_| net::cross(p, network));
        match reached {
            Ok(span) if p.answers(machine, Service::Dns) => {
                let work = p.stretched(machine, Service::Dns, settings.query_time);
                return Answer { at: at + work + span * 2, result: resolve(p, name, machine) };
            }
            Ok(_) => because = Some(p.service(machine, Service::Dns).since),
            Err((_, record)) => because = Some(record),
        }
    }
    let waited = settings.retry * u64::from(settings.tries);
    Answer { at: at + waited, result: Err((Refused::NoName, because)) }
}

fn resolve(
    p: &Plant,
    name: Name,
    server: MachineId,
) -> Result<(Address, Span, RecordNo), (Refused, Option<RecordNo>)> {
    let life = p.settings().cluster.host_record_ttl;
    let since = p.service(server, Service::Dns).since;
    match name {
        Name::Machine(machine) => {
            let address = p.setup.topology.machines[machine].nics[NicId(0)].address;
            Ok((address, life, since))
        }
        Name::LoadBalancer(balancer) => {
            Ok((p.setup.topology.load_balancers[balancer].address, life, since))
        }
        Name::Resource(resource) => match known_to(p, server)[resource] {
            Some((address, record)) => Ok((address, life, record.max(since))),
            None => Err((Refused::NoName, None)),
        },
    }
}

/// What a server answers from.
fn known_to<'p>(p: &'p Plant, server: MachineId) -> &'p Records {
    p.dns.stale.get(&server).unwrap_or(&p.dns.records)
}

/// A server falls behind what it knows now, or catches up.
pub(super) fn stale(p: &mut Plant, server: MachineId, strikes: bool) {
    if strikes {
        let known = p.dns.records.clone();
        p.dns.stale.insert(server, known);
    } else {
        p.dns.stale.remove(&server);
    }
}

/// A machine sends a dynamic update: when the server has worked on it, or the sender gives up.
pub(super) fn update(p: &mut Plant, at: Instant, from: MachineId) -> Instant {
    let settings = p.settings().dns;
    match server_for(p, at, from) {
        Ok((machine, span)) => {
            at + p.stretched(machine, Service::Dns, settings.update_time) + span * 2
        }
        Err(_) => at + settings.retry * u64::from(settings.tries),
    }
}

/// The server writes a Network Name's record, if it can still be reached; or the record of the
/// update's failure.
pub(super) fn write(
    p: &mut Plant,
    at: Instant,
    from: MachineId,
    resource: ResourceId,
    cause: RecordNo,
) -> Result<(), RecordNo> {
    let server = server_for(p, at, from);
    let refused = |(machine, _)| match faults::struck(p, Fault::DnsUpdateRefused { machine }) {
        Some(struck) => Err(struck),
        None => Ok(()),
    };
    if let Err(because) = server.and_then(refused) {
        return Err(p.change(at, Some(because.max(cause)), Change::DnsUpdateFailed { resource }));
    }
    let providers = p.setup.topology.resources[resource].depends_on.iter().flatten();
    let addresses = providers.filter_map(|id| p.setup.topology.resources[*id].address);
    let addresses: Vec<Address> = addresses.collect();
    // Of several, the one that is online (wsfc.md §5.2 RegisterAllProvidersIP 0).
    let here = addresses.iter().find(|address| net::is_bound(p, from, **address));
    let address = *here.or(addresses.first()).expect("a Network Name depends on an IP Address");
    if p.dns.records[resource].is_none_or(|(known, _)| known != address) {
        let record = p.change(at, Some(cause), Change::DnsRecord { resource, address });
        p.dns.records[resource] = Some((address, record));
    }
    Ok(())
}

/// The first DNS server that answers a machine, and the time one way.
fn server_for(p: &mut Plant, at: Instant, from: MachineId) -> Result<(MachineId, Span), RecordNo> {
    let mut because = RecordNo(0);
    for position in 0..p.dns.machines.len() {
        let machine = p.dns.machines[position];
        match net::path(p, at, from, machine) {
            Ok((_, span)) if p.answers(machine, Service::Dns) => return Ok((machine, span)),
            Ok(_) => because = p.service(machine, Service::Dns).since,
            Err((_, record)) => because = record,
        }
    }
    Err(because)
}
