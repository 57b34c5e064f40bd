//! Windows Network Load Balancing: every host receives every segment, and the one whose bucket the
//! client is in answers. Hosts know of each other by heartbeats alone; services they do not see
//! (exchange.md §5).

use super::super::net;
use super::super::plant::Plant;
use super::{Event, plan};
use crate::base::{BalancerId, ClientId, Instant, MachineId, MachineSet};
use crate::journal::RecordNo;
use crate::journal::record::{Lost, Plant as Change};
use crate::model::Service;
use crate::model::topology::{Affinity, LoadBalancerKind};

/// Clients of one class C network; clients are numbered as their addresses would be.
const CLASS_C: u32 = 254;

/// Whether a host hears another, since when, and the record that made it so.
#[derive(Clone, Copy)]
struct Heard {
    now: bool,
    since: Instant,
    cause: RecordNo,
}

/// What a host knows since the last convergence. Hosts are known by their place in the list, which
/// is their priority.
#[derive(Clone)]
struct View {
    /// The life of the machine that knows it.
    life: u32,
    /// The hosts.
    members: Vec<bool>,
    /// Whose each bucket is.
    buckets: Vec<u8>,
    /// The record of the convergence.
    since: RecordNo,
}

/// The hosts of one address.
pub(super) struct Hosts {
    /// Who hears whom.
    heard: Vec<Vec<Heard>>,
    /// What each host knows; none while it has just started, or is cut off.
    views: Vec<Option<View>>,
    /// Counts what is awaited.
    turn: u32,
    /// The record with which a convergence began.
    converging: Option<RecordNo>,
}

impl Hosts {
    pub(super) fn new(servers: &[MachineId], buckets: usize) -> Self {
        let count = servers.len();
        let heard = Heard { now: true, since: Instant::ZERO, cause: RecordNo(0) };
        let members = vec![true; count];
        let buckets = deal(&members, &vec![None; buckets]);
        let view = View { life: 0, members, buckets, since: RecordNo(0) };
        Hosts {
            heard: vec![vec![heard; count]; count],
            views: vec![Some(view); count],
            turn: 0,
            converging: None,
        }
    }
}

/// Divides the buckets among hosts: what a host of them has it keeps, unless it has too many.
fn deal(members: &[bool], earlier: &[Option<u8>]) -> Vec<u8> {
    let count = members.iter().filter(|member| **member).count().max(1);
    let most = earlier.len().div_ceil(count);
    let mut shares = vec![0; members.len()];
    let mut kept: Vec<Option<u8>> = Vec::new();
    for owner in earlier {
        let keeps = owner.filter(|host| {
            let host = usize::from(*host);
            members[host] && shares[host] < most
        });
        if let Some(host) = keeps {
            shares[usize::from(host)] += 1;
        }
        kept.push(keeps);
    }
    let mut next = || {
        let hosts = (0..members.len()).filter(|host| members[*host]);
        let host = hosts.min_by_key(|host| shares[*host]).unwrap_or(0);
        shares[host] += 1;
        u8::try_from(host).expect("at most 32 hosts")
    };
    kept.into_iter().map(|owner| owner.unwrap_or_else(&mut next)).collect()
}

/// The servers of a load balancer and its network.
fn parts(p: &Plant, balancer: BalancerId) -> (Vec<MachineId>, crate::base::NetId) {
    let of = &p.setup.topology.load_balancers[balancer];
    (of.servers.clone(), of.network)
}

/// Whether heartbeats go from one host to another now.
fn hears(p: &Plant, network: crate::base::NetId, from: MachineId, to: MachineId) -> bool {
    let attached = |host| net::attached(p, host, network, Lost::SenderDown).is_ok();
    let segment = p.segment(network);
    attached(from)
        && attached(to)
        && (from == to || segment.holds == 0 && segment.cut_between(from, to).is_none())
}

/// Looks who hears whom now, and plans when the hosts will have noticed.
pub(super) fn changed(p: &mut Plant, at: Instant, balancer: BalancerId, cause: RecordNo) {
    let (servers, network) = parts(p, balancer);
    let mut differs = false;
    for (from, &one) in servers.iter().enumerate() {
        for (to, &other) in servers.iter().enumerate() {
            let now = hears(p, network, one, other);
            let heard = &mut p.balancers.hosts_mut(balancer).heard[from][to];
            if heard.now != now {
                *heard = Heard { now, since: at, cause };
                differs = true;
            }
        }
    }
    for (place, &host) in servers.iter().enumerate() {
        // A driver that starts, or whose adapter has no carrier, knows nothing; a machine that
        // stands still goes on with what it knew.
        let (life, frozen) = (p.machine(host).life, p.machine(host).frozen);
        let off = !frozen && net::attached(p, host, network, Lost::SenderDown).is_err();
        let view = &mut p.balancers.hosts_mut(balancer).views[place];
        if off || view.as_ref().is_some_and(|view| view.life != life) {
            *view = None;
        }
    }
    if differs {
        await_next(p, at, balancer);
    }
}

/// When a host will have noticed that it hears another, or not; none if it knows already.
fn noticed_at(p: &Plant, hosts: &Hosts, from: usize, to: usize) -> Option<Instant> {
    let settings = p.settings().network_load_balancing;
    if !hosts.heard[from][from].now {
        return None;
    }
    let heard = hosts.heard[from][to];
    let known = hosts.views[from].as_ref().is_some_and(|view| view.members[to]);
    let wait = match heard.now {
        true => settings.alive_msg_period,
        false => settings.alive_msg_period * u64::from(settings.alive_msg_tolerance),
    };
    (heard.now != known).then(|| heard.since + wait)
}

/// Every pair of hosts.
fn pairs(hosts: &Hosts) -> impl Iterator<Item = (usize, usize)> + use<> {
    let count = hosts.views.len();
    (0..count).flat_map(move |from| (0..count).map(move |to| (from, to)))
}

/// Plans the moment at which the next news is noticed, if there is any.
fn await_next(p: &mut Plant, at: Instant, balancer: BalancerId) {
    let hosts = p.balancers.hosts(balancer);
    if hosts.converging.is_some() {
        return;
    }
    let due = pairs(hosts).filter_map(|(from, to)| noticed_at(p, hosts, from, to)).min();
    let Some(due) = due else { return };
    let hosts = p.balancers.hosts_mut(balancer);
    hosts.turn += 1;
    let turn = hosts.turn;
    plan(p, due.max(at), Event::Noticed { balancer, turn });
}

/// The machines at some places.
fn machines(servers: &[MachineId], places: &[bool]) -> MachineSet {
    let there = servers.iter().zip(places).filter(|(_, there)| **there);
    there.map(|(machine, _)| *machine).collect()
}

/// Hosts have noticed that another one is gone or new: they converge.
pub(super) fn noticed(p: &mut Plant, at: Instant, balancer: BalancerId, turn: u32) {
    let hosts = p.balancers.hosts(balancer);
    if hosts.turn != turn || hosts.converging.is_some() {
        return;
    }
    let due =
        |(from, to): &(usize, usize)| noticed_at(p, hosts, *from, *to).is_some_and(|due| due <= at);
    let Some((from, to)) = pairs(hosts).find(due) else { return await_next(p, at, balancer) };
    let cause = hosts.heard[from][to].cause;
    let places: Vec<bool> = hosts.heard[from].iter().map(|heard| heard.now).collect();
    let hosts = machines(&parts(p, balancer).0, &places);
    let change = Change::Convergence { balancer, hosts, ended: false };
    let record = p.change(at, Some(cause), change);
    p.balancers.hosts_mut(balancer).converging = Some(record);
    let when = at + p.settings().network_load_balancing.convergence_time;
    plan(p, when, Event::Converged { balancer });
}

/// A convergence ends: the hosts that hear each other divide the buckets anew. One that has not
/// been missed for long enough is still counted.
pub(super) fn converged(p: &mut Plant, at: Instant, balancer: BalancerId) {
    let (servers, _) = parts(p, balancer);
    let began = p.balancers.hosts_mut(balancer).converging.take();
    let hosts = p.balancers.hosts(balancer);
    let counted = |from: usize, to: usize| match noticed_at(p, hosts, from, to) {
        Some(due) if due > at => !hosts.heard[from][to].now,
        Some(_) | None => hosts.heard[from][to].now,
    };
    let count = servers.len();
    let mut sides: Vec<Vec<bool>> = Vec::new();
    for from in (0..count).filter(|from| hosts.heard[*from][*from].now) {
        let side: Vec<bool> = (0..count).map(|to| counted(from, to)).collect();
        if !sides.contains(&side) {
            sides.push(side);
        }
    }
    for members in sides {
        settle(p, at, balancer, &servers, &members, began);
    }
    await_next(p, at, balancer);
}

/// One side has converged.
fn settle(
    p: &mut Plant,
    at: Instant,
    balancer: BalancerId,
    servers: &[MachineId],
    members: &[bool],
    began: Option<RecordNo>,
) {
    let buckets = p.settings().network_load_balancing.buckets as usize;
    let hosts = p.balancers.hosts(balancer);
    let known = |host: u8| hosts.views[usize::from(host)].as_ref();
    let earlier: Vec<Option<u8>> = (0..buckets)
        .map(|bucket| {
            let places = (0..members.len()).filter(|place| members[*place]);
            let mut places = places.map(|place| u8::try_from(place).expect("at most 32 hosts"));
            // Two sides that meet have both had it: it goes to the one with the higher priority.
            places.find(|host| known(*host).is_some_and(|view| view.buckets[bucket] == *host))
        })
        .collect();
    let same = |view: &Option<View>| view.as_ref().is_some_and(|view| view.members == members);
    let mut places = (0..members.len()).filter(|place| members[*place]);
    if places.all(|place| same(&hosts.views[place])) {
        return;
    }
    let buckets = deal(members, &earlier);
    let hosts = machines(servers, members);
    let change = Change::Convergence { balancer, hosts, ended: true };
    let since = p.change(at, began, change);
    for place in (0..members.len()).filter(|place| members[*place]) {
        let life = p.machine(servers[place]).life;
        let view = View { life, members: members.to_vec(), buckets: buckets.clone(), since };
        p.balancers.hosts_mut(balancer).views[place] = Some(view);
    }
}

/// The bucket of a client's connection; `number` tells the connections of a client apart.
pub(in crate::sim) fn bucket(
    p: &Plant,
    balancer: BalancerId,
    client: ClientId,
    number: u32,
) -> u32 {
    let buckets = p.settings().network_load_balancing.buckets;
    match &p.setup.topology.load_balancers[balancer].kind {
        LoadBalancerKind::Network { affinity: Affinity::None, .. } => {
            client.0.wrapping_add(number) % buckets
        }
        LoadBalancerKind::Network { affinity: Affinity::ClassC, .. } => {
            client.0 / CLASS_C % buckets
        }
        LoadBalancerKind::Network { affinity: Affinity::Single, .. }
        | LoadBalancerKind::Hardware { .. } => client.0 % buckets,
    }
}

/// The host that answers in a bucket, with the record of the convergence that made it so. While
/// two sides have not met, the host with the higher priority is the first to answer. If none does:
/// the record that stands in the way.
pub(in crate::sim) fn owner(
    p: &Plant,
    balancer: BalancerId,
    bucket: u32,
    service: Service,
) -> Result<(MachineId, RecordNo), RecordNo> {
    let of = &p.setup.topology.load_balancers[balancer];
    let shared = match &of.kind {
        LoadBalancerKind::Network { port_rules, .. } => port_rules.contains(&service),
        LoadBalancerKind::Hardware { .. } => true,
    };
    let hosts = p.balancers.hosts(balancer);
    let mut because = RecordNo(0);
    for (place, &host) in of.servers.iter().enumerate() {
        if let Err((_, met)) = net::attached(p, host, of.network, Lost::ReceiverDown) {
            because = because.max(met);
            continue;
        }
        let Some(view) = &hosts.views[place] else {
            because = because.max(p.machine(host).since);
            continue;
        };
        let owner = match shared {
            true => Some(usize::from(view.buckets[bucket as usize])),
            false => view.members.iter().position(|member| *member),
        };
        if owner == Some(place) {
            return Ok((host, view.since));
        }
    }
    Err(because)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(buckets: &[u8], hosts: u8) -> Vec<usize> {
        (0..hosts).map(|host| buckets.iter().filter(|owner| **owner == host).count()).collect()
    }

    #[test]
    fn buckets_are_divided_evenly_and_move_only_as_they_must() {
        let first = deal(&[true; 3], &[None; 60]);
        assert_eq!(shares(&first, 3), [20, 20, 20]);
        let known: Vec<Option<u8>> = first.iter().copied().map(Some).collect();
        let without = deal(&[true, false, true], &known);
        assert_eq!(shares(&without, 3), [30, 0, 30]);
        for (before, now) in first.iter().zip(&without) {
            assert!(before == now || *before == 1, "a bucket of a host that stays has moved");
        }
        let known: Vec<Option<u8>> = without.iter().copied().map(Some).collect();
        let again = deal(&[true; 3], &known);
        assert_eq!(shares(&again, 3), [20, 20, 20]);
        let moved = without.iter().zip(&again).filter(|(before, now)| before != now).count();
        assert_eq!(moved, 20, "only what the returning host gets has moved");
    }
}
