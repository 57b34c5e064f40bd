//! How long it takes to bring a resource online, offline or through a health check.

use super::event::Event;
use super::faults::{self, Hindrance};
use super::plant::Plant;
use super::{directory, dns, host, net, witness};
use crate::base::{Address, Instant, MachineId, NetId, NicId, NodeId, OpId, ResourceId, Span};
use crate::failover::config::{Flaw, ResourceKind};
use crate::failover::seam::{Act, Failure, Outcome, Report};
use crate::journal::RecordNo;
use crate::journal::record::{Lost, Plant as Change};

/// An operation on a resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub node: NodeId,
    pub life: u32,
    pub op: OpId,
    pub resource: ResourceId,
}

/// What a resource is asked to do that it can fail at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asked {
    Online,
    LooksAlive,
    IsAlive,
}

/// Where an operation is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// IP Address: this many ARP requests are out; next one, or bind.
    Arp { sent: u32, cause: RecordNo },
    /// IP Address: remove the address, then answer if an operation waits.
    Unbind { cause: RecordNo, answer: bool },
    /// Network Name: the domain controller answered, or gave up.
    LogOn { cause: RecordNo, failed: Option<Failure> },
    /// Network Name: registered with redirector and NetBIOS.
    Registered { cause: RecordNo },
    /// Network Name: a dynamic update of its record is sent, again if an earlier one failed.
    Register { cause: RecordNo },
    /// Network Name: the DNS server has worked on the dynamic update.
    DnsUpdate { cause: RecordNo },
    /// A service, an application or a wait: it tells for this many times that it is at work.
    Work { cause: RecordNo, told: u32 },
    /// Any: what kept it from its work is over.
    Resume { cause: RecordNo, asked: Asked },
    /// Any: the operation ends.
    End { cause: RecordNo, failed: Option<Failure> },
}

/// Begins an operation on a resource.
pub(super) fn begin(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    op: OpId,
    act: &Act,
    cause: RecordNo,
) {
    let life = host::life(p, node);
    let running = |resource| Running { node, life, op, resource };
    if let Act::Online(resource) | Act::Offline(resource) | Act::Terminate(resource) = *act {
        p.host_mut(node).newest.insert(resource, op);
    }
    match *act {
        Act::Online(resource) => ask(p, at, running(resource), Asked::Online, cause),
        Act::Offline(resource) => {
            let own = p.setup.topology.resources[resource].own.offline_time;
            let when = at + own.unwrap_or(p.settings().cluster.offline_time);
            plan(p, when, running(resource), Stage::Unbind { cause, answer: true });
        }
        Act::Terminate(resource) => {
            proceed(p, at, running(resource), Stage::Unbind { cause, answer: true });
        }
        Act::LooksAlive(resource) => ask(p, at, running(resource), Asked::LooksAlive, cause),
        Act::IsAlive(resource) => ask(p, at, running(resource), Asked::IsAlive, cause),
        _ => unreachable!("only operations on resources come here"),
    }
}

fn plan(p: &mut Plant, when: Instant, running: Running, stage: Stage) {
    let Running { node, life, op, resource } = running;
    p.plan(when, Event::Resource { node, life, op, resource, stage });
}

fn end(p: &mut Plant, when: Instant, running: Running, cause: RecordNo, failed: Option<Failure>) {
    plan(p, when, running, Stage::End { cause, failed });
}

/// What the witness's answer means for its resource.
fn failure(outcome: Outcome) -> Option<Failure> {
    match outcome {
        Outcome::Ok | Outcome::Copy(_) | Outcome::LastLogs { .. } | Outcome::WitnessBoot(_) => None,
        Outcome::Failed(failure) => Some(failure),
        Outcome::Refused(_) => Some(Failure::NotAlive),
        Outcome::TimedOut => Some(Failure::NoAnswer),
    }
}

/// The address of an IP Address resource and the adapter for it on a machine.
fn place(
    p: &Plant,
    machine: MachineId,
    resource: ResourceId,
) -> Option<(Address, NetId, Option<NicId>)> {
    let topology = &p.setup.topology;
    match topology.resources[resource].kind {
        ResourceKind::IpAddress { network } => {
            let address = topology.resources[resource].address;
            let address = address.expect("an IP Address resource has an address");
            Some((address, network, topology.interface_for(machine, resource)))
        }
        ResourceKind::NetworkName
        | ResourceKind::FileShareWitness
        | ResourceKind::GenericService
        | ResourceKind::GenericApplication
        | ResourceKind::Wait => None,
    }
}

fn online(p: &mut Plant, at: Instant, running: Running, cause: RecordNo) {
    let machine = MachineId::from(running.node);
    match p.setup.topology.resources[running.resource].kind {
        ResourceKind::IpAddress { .. } => {
            proceed(p, at, running, Stage::Arp { sent: 0, cause });
        }
        ResourceKind::NetworkName => {
            let answer = directory::look_up(p, at, machine, cause);
            let (cause, failed) = match answer.result {
                Ok(_) => (cause, None),
                Err((_, because)) => (because.max(cause), Some(Failure::NoDomainController)),
            };
            plan(p, answer.at, running, Stage::LogOn { cause, failed });
        }
        ResourceKind::FileShareWitness => {
            let server = witness::known_to(p, running.node);
            let (when, outcome, because) = witness::open(p, at, running.node, server);
            end(p, when, running, because.unwrap_or(cause), failure(outcome));
        }
        ResourceKind::GenericService | ResourceKind::GenericApplication | ResourceKind::Wait => {
            work(p, at, running, 0, cause);
        }
    }
}

/// A service, an application or a wait takes its time, and tells meanwhile that it is at work, if
/// it is one that does. `told` counts how often it has.
fn work(p: &mut Plant, at: Instant, running: Running, told: u32, cause: RecordNo) {
    let own = &p.setup.topology.resources[running.resource].own;
    let whole = own.online_time.unwrap_or(p.settings().cluster.generic_online_time);
    let every = own.tells_every.unwrap_or(Span::MAX);
    let left = whole.saturating_sub(every.scaled(u64::from(told), 1));
    if every < left {
        plan(p, at + every, running, Stage::Work { cause, told: told + 1 });
    } else {
        end(p, at + left, running, cause, None);
    }
}

/// Asks a resource for something that a fault may keep it from.
fn ask(p: &mut Plant, at: Instant, running: Running, asked: Asked, cause: RecordNo) {
    match faults::hindrance(p, running.node, running.resource) {
        Some((Hindrance::Fails, struck)) => {
            end(p, at, running, cause.max(struck), Some(Failure::NotAlive));
        }
        Some((Hindrance::Hangs(until), struck)) => {
            if let Some(until) = until {
                let cause = cause.max(struck);
                plan(p, until, running, Stage::Resume { cause, asked });
            }
        }
        None if asked == Asked::Online => online(p, at, running, cause),
        None => check(p, at, running, cause, asked == Asked::IsAlive),
    }
}

/// Whether the core has begun something else with the resource since.
fn overtaken(p: &Plant, running: Running) -> bool {
    let newest = p.host(running.node).newest.get(&running.resource);
    newest.is_some_and(|newest| *newest != running.op)
}

/// The next stage of an operation.
pub(super) fn proceed(p: &mut Plant, at: Instant, running: Running, stage: Stage) {
    let machine = MachineId::from(running.node);
    let ended = host::life(p, running.node) != running.life;
    match stage {
        // An address that is on its way down goes down, but nobody waits for it any more.
        Stage::Unbind { cause, .. } if ended => {
            unbind(p, at, machine, running.resource, cause);
        }
        _ if ended => {}
        Stage::Arp { cause, .. }
        | Stage::Unbind { cause, answer: true }
        | Stage::Resume { cause, asked: Asked::Online }
            if overtaken(p, running) =>
        {
            host::done(p, at, running.node, running.op, Outcome::TimedOut, cause);
        }
        Stage::Arp { sent, cause } => arp(p, at, running, sent, cause),
        Stage::Unbind { cause, answer } => {
            let record = unbind(p, at, machine, running.resource, cause).unwrap_or(cause);
            if answer {
                host::done(p, at, running.node, running.op, Outcome::Ok, record);
            }
        }
        Stage::LogOn { cause, failed: Some(failure) } => {
            host::done(p, at, running.node, running.op, Outcome::Failed(failure), cause);
        }
        Stage::LogOn { cause, failed: None } => {
            let when = at + p.settings().cluster.network_name_registration;
            plan(p, when, running, Stage::Registered { cause });
        }
        Stage::Registered { cause } => {
            register(p, at, running, cause);
            host::done(p, at, running.node, running.op, Outcome::Ok, cause);
        }
        Stage::Register { cause } => register(p, at, running, cause),
        Stage::DnsUpdate { cause } => {
            if let Err(failed) = dns::write(p, at, machine, running.resource, cause) {
                let when = at + p.settings().cluster.dns_update_retry;
                plan(p, when, running, Stage::Register { cause: failed });
            }
        }
        Stage::Work { cause, told } => {
            let report = Report::ResourceAtWork { resource: running.resource };
            host::saw(p, at, running.node, report, cause);
            work(p, at, running, told, cause);
        }
        Stage::Resume { cause, asked } => ask(p, at, running, asked, cause),
        Stage::End { cause, failed } => {
            let outcome = failed.map_or(Outcome::Ok, Outcome::Failed);
            host::done(p, at, running.node, running.op, outcome, cause);
        }
    }
}

/// Sends a dynamic update of a Network Name's record, unless it has left since.
fn register(p: &mut Plant, at: Instant, running: Running, cause: RecordNo) {
    if !overtaken(p, running) {
        let when = dns::update(p, at, running.node.into());
        plan(p, when, running, Stage::DnsUpdate { cause });
    }
}

/// One more ARP request with the new address as its source, which checks for a duplicate and
/// refreshes neighbour caches in one (wsfc.md §5.1); after the last one's wait, the address is
/// bound.
fn arp(p: &mut Plant, at: Instant, running: Running, sent: u32, cause: RecordNo) {
    let machine = MachineId::from(running.node);
    let (address, network, interface) =
        place(p, machine, running.resource).expect("only addresses are announced");
    let fail = |p: &mut Plant, failure, because: RecordNo| {
        let outcome = Outcome::Failed(failure);
        host::done(p, at, running.node, running.op, outcome, because.max(cause));
    };
    if interface.is_none() {
        return fail(p, Failure::NoInterface, cause);
    }
    let nic = match net::attached(p, machine, network, Lost::SenderDown) {
        Ok(nic) => nic,
        Err((_, because)) => return fail(p, Failure::InterfaceDown, because),
    };
    let other = net::owner(p, network, address).filter(|(other, _)| *other != machine);
    if let Some((_, because)) = other {
        return fail(p, Failure::DuplicateAddress, because);
    }
    if sent < p.settings().cluster.arp_retry_count {
        if p.settings().test.planted != Some(Flaw::NoGratuitousArp) {
            net::announce(p, at, machine, nic, address, cause);
        }
        let when = at + p.settings().cluster.arp_retry_interval;
        plan(p, when, running, Stage::Arp { sent: sent + 1, cause });
        return;
    }
    let record = p.change(at, Some(cause), Change::AddressUp { address, machine, nic });
    let bound = &mut p.adapter_mut(machine, nic).bound;
    bound.retain(|(other, _)| *other != address);
    bound.push((address, record));
    host::done(p, at, running.node, running.op, Outcome::Ok, record);
}

/// Removes an IP Address resource's address from a machine, if it is bound there.
fn unbind(
    p: &mut Plant,
    at: Instant,
    machine: MachineId,
    resource: ResourceId,
    cause: RecordNo,
) -> Option<RecordNo> {
    let (address, _, nic) = place(p, machine, resource)?;
    let nic = nic?;
    net::has(p, machine, nic, address)?;
    p.adapter_mut(machine, nic).bound.retain(|(other, _)| *other != address);
    Some(p.change(at, Some(cause), Change::AddressDown { address, machine }))
}

/// A health check. The cheap one looks at what is at hand; the thorough one of the witness opens
/// the share.
fn check(p: &mut Plant, at: Instant, running: Running, cause: RecordNo, thorough: bool) {
    let machine = MachineId::from(running.node);
    match p.setup.topology.resources[running.resource].kind {
        ResourceKind::IpAddress { network } => {
            let (address, _, _) =
                place(p, machine, running.resource).expect("an IP Address resource");
            let alive = net::attached(p, machine, network, Lost::SenderDown)
                .is_ok_and(|nic| net::has(p, machine, nic, address).is_some());
            end(p, at, running, cause, (!alive).then_some(Failure::NotAlive));
        }
        ResourceKind::FileShareWitness if thorough => {
            let server = witness::known_to(p, running.node);
            let (when, outcome, because) = witness::open(p, at, running.node, server);
            let failed = (outcome != Outcome::Ok).then_some(Failure::NotAlive);
            end(p, when, running, because.unwrap_or(cause), failed);
        }
        ResourceKind::FileShareWitness
        | ResourceKind::NetworkName
        | ResourceKind::GenericService
        | ResourceKind::GenericApplication
        | ResourceKind::Wait => end(p, at, running, cause, None),
    }
}

/// The Cluster service ended: the resource monitor process notices and shuts its resources down
/// (wsfc.md §1.4).
pub(super) fn service_ended(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    let when = at + p.settings().cluster.offline_time;
    shut_down(p, when, node, cause);
}

fn shut_down(p: &mut Plant, when: Instant, node: NodeId, cause: RecordNo) {
    let life = host::life(p, node);
    for resource in p.setup.topology.resources.ids() {
        let running = Running { node, life, op: OpId(0), resource };
        plan(p, when, running, Stage::Unbind { cause, answer: false });
    }
}

/// The machine lost power: nothing that it had bound is left.
pub(super) fn machine_off(p: &mut Plant, at: Instant, machine: MachineId, cause: RecordNo) {
    for resource in p.setup.topology.resources.ids() {
        unbind(p, at, machine, resource, cause);
    }
}

/// A member's driver removes an address that is another's by now; the core is told.
pub(super) fn remove(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    resource: ResourceId,
    cause: RecordNo,
) {
    if let Some(record) = unbind(p, at, node.into(), resource, cause) {
        let failure = Failure::NotAlive;
        host::saw(p, at, node, Report::ResourceFailed { resource, failure }, record);
    }
}

/// An adapter lost carrier: IP Address resources on it signal their failure at once
/// (wsfc.md §5.1).
pub(super) fn interface_failed(
    p: &mut Plant,
    at: Instant,
    node: NodeId,
    nic: NicId,
    cause: RecordNo,
    failure: Failure,
) {
    for resource in p.setup.topology.resources.ids() {
        let here = place(p, node.into(), resource).is_some_and(|(address, _, on)| {
            on == Some(nic) && net::has(p, node.into(), nic, address).is_some()
        });
        if here {
            host::saw(p, at, node, Report::ResourceFailed { resource, failure }, cause);
        }
    }
}
