//! What was measured against what must not be exceeded.

use super::probe::Window;
use super::{ClosedForm, Load};
use crate::base::{MachineId, Ratio, Span};
use crate::model::Topology;
use crate::model::sizing::{Needs, Use};

/// What is measured on a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Use of the processor.
    Processor,
    /// Use of the disks.
    Disks,
    /// Use of memory, in closed form only.
    Memory,
    /// Use of the adapter that clients use.
    Network,
    /// Use of the log-ons that may be passed through at a time.
    LogOn,
    /// RPC averaged latency of the Store.
    StoreLatency,
    /// RPC Requests of the Store.
    StoreRequests,
    /// RPC averaged latency of Client Access.
    ClientAccessLatency,
    /// RPC Requests of Client Access.
    ClientAccessRequests,
    /// Latency of a database read.
    ReadLatency,
    /// Logs to replay, of what is replayed, in closed form only: what is more makes a queue that a
    /// mount has to wait for.
    Replay,
    /// Logs that come to passive copies, of what an adapter carries, in closed form only.
    Replication,
}

impl Kind {
    /// What reports call it.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::Processor => "processor",
            Kind::Disks => "disks",
            Kind::Memory => "memory",
            Kind::Network => "network adapter",
            Kind::LogOn => "pass-through log-ons",
            Kind::StoreLatency => "Store RPC averaged latency",
            Kind::StoreRequests => "Store RPC Requests",
            Kind::ClientAccessLatency => "Client Access RPC averaged latency",
            Kind::ClientAccessRequests => "Client Access RPC Requests",
            Kind::ReadLatency => "database read latency",
            Kind::Replay => "log replay",
            Kind::Replication => "log copying",
        }
    }

    /// Whether it is a share of something, in millionths; a latency is in nanoseconds, a number of
    /// requests in thousandths.
    pub const fn is_share(self) -> bool {
        matches!(
            self,
            Kind::Processor
                | Kind::Disks
                | Kind::Memory
                | Kind::Network
                | Kind::LogOn
                | Kind::Replay
                | Kind::Replication
        )
    }

    /// Whether it is a latency.
    pub const fn is_latency(self) -> bool {
        matches!(self, Kind::StoreLatency | Kind::ClientAccessLatency | Kind::ReadLatency)
    }
}

/// A value on a machine, and its limit if it has one; in the unit that its kind says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Measure {
    /// The machine.
    pub machine: MachineId,
    /// What.
    pub kind: Kind,
    /// As simulated; none for what is worked out in closed form only.
    pub simulated: Option<u64>,
    /// In closed form; none for what has none.
    pub closed: Option<u64>,
    /// Its limit.
    pub limit: Option<u64>,
}

impl Measure {
    /// The value that counts.
    pub fn value(&self) -> u64 {
        self.simulated.or(self.closed).unwrap_or(0)
    }

    /// The value as a share of the limit, in millionths.
    pub fn of_limit(&self) -> Option<u64> {
        let wide = u128::from(self.value()) * 1_000_000 / u128::from(self.limit?.max(1));
        Some(u64::try_from(wide).unwrap_or(u64::MAX))
    }

    /// Whether it is within its limit.
    pub fn holds(&self) -> bool {
        self.limit.is_none_or(|limit| self.value() <= limit)
    }
}

fn share(of: Use) -> u64 {
    let wide = u128::from(of.needed) * 1_000_000 / u128::from(of.available.max(1));
    u64::try_from(wide).unwrap_or(u64::MAX)
}

fn millionths(ratio: Ratio) -> u64 {
    u64::from(ratio.numerator()) * 1_000_000 / u64::from(ratio.denominator())
}

/// Everything that was measured in a window and has a limit or a closed form, machine by machine.
/// `one` tells whether the machine that is lost is lost in it.
pub fn judged(
    topology: &Topology,
    window: &Window,
    form: &ClosedForm,
    lost: MachineId,
    one: bool,
) -> Vec<Measure> {
    let needs = if one { &form.one } else { &form.both };
    let up = topology.machines.ids().filter(|id| !one || *id != lost);
    up.flat_map(|id| of_machine(topology, id, &window.machines[id], &needs[id])).collect()
}

fn of_machine(topology: &Topology, machine: MachineId, load: &Load, needs: &Needs) -> Vec<Measure> {
    let limits = &topology.settings.limits;
    let of = |kind, simulated, closed, limit| Measure { machine, kind, simulated, closed, limit };
    let used = |kind, simulated, needs, limit: Option<Ratio>| {
        of(kind, Some(simulated), Some(share(needs)), limit.map(millionths))
    };
    let mut found =
        vec![used(Kind::Processor, load.processor, needs.processor, Some(limits.processor))];
    if !topology.machines[machine].is_exchange() {
        return found;
    }
    let latency = |kind, value: Span, limit: Span| {
        of(kind, Some(value.as_nanos()), None, Some(limit.as_nanos()))
    };
    let requests =
        |kind, value, limit: u32| of(kind, Some(value), None, Some(u64::from(limit) * 1_000));
    let memory = millionths(limits.memory);
    found.extend([
        used(Kind::Disks, load.disks, needs.disks, None),
        of(Kind::Memory, None, Some(share(needs.memory)), Some(memory)),
        of(Kind::Replay, None, Some(share(needs.replay)), Some(1_000_000)),
        of(
            Kind::Replication,
            None,
            Some(share(needs.replication)),
            Some(millionths(limits.network)),
        ),
        used(Kind::Network, load.network, needs.network, Some(limits.network)),
        of(Kind::LogOn, Some(load.log_on), None, Some(millionths(limits.log_on))),
        latency(Kind::StoreLatency, load.store_latency, limits.store_rpc_averaged_latency),
        requests(Kind::StoreRequests, load.store_requests, limits.store_rpc_requests),
        latency(
            Kind::ClientAccessLatency,
            load.client_access_latency,
            limits.client_access_rpc_averaged_latency,
        ),
        requests(
            Kind::ClientAccessRequests,
            load.client_access_requests,
            limits.client_access_rpc_requests,
        ),
        latency(Kind::ReadLatency, load.read_latency, limits.database_read_latency),
    ]);
    found
}

/// The measure that is nearest to its limit, or furthest beyond it.
pub fn tightest(measures: &[Measure]) -> Option<&Measure> {
    measures.iter().filter(|measure| measure.limit.is_some()).max_by_key(|m| m.of_limit())
}
