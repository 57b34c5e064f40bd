//! How often components fail and how long they take to be mended, as a checked value.

use super::fault::{Fault, Service};
use super::target::{self, Component, Part, Target};
use super::topology::Topology;
use crate::base::{Id, Ratio, Span};

/// One share of a distribution's table is this many parts.
const WHOLE: u64 = 1 << 32;

/// The rates that come with the program: name of the file, and its text.
pub const BUILT_IN: (&str, &str) =
    ("topologies/rates.toml", include_str!("../../topologies/rates.toml"));

/// A distribution of spans by its quantiles, linear between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quantiles(Vec<(Ratio, Span)>);

impl Quantiles {
    /// The distribution with these quantiles: shares and spans that rise to the whole; without one
    /// for nothing it begins at zero. None if they do not.
    pub fn new(mut points: Vec<(Ratio, Span)>) -> Option<Self> {
        if points.first().is_some_and(|(share, _)| !share.is_zero()) {
            points.insert(0, (Ratio::ZERO, Span::ZERO));
        }
        let rising = points.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1);
        let whole = points.last().is_some_and(|(share, _)| *share == Ratio::ONE);
        (rising && whole && points.len() > 1).then_some(Quantiles(points))
    }

    /// Always this long.
    pub fn fixed(span: Span) -> Self {
        Quantiles(vec![(Ratio::ZERO, span), (Ratio::ONE, span)])
    }

    /// The span that a share of all spans does not exceed; the share in parts of 2^32.
    pub fn at(&self, share: u64) -> Span {
        let parts =
            |ratio: Ratio| WHOLE * u64::from(ratio.numerator()) / u64::from(ratio.denominator());
        let above = self.0.iter().position(|(upper, _)| parts(*upper) >= share);
        let above = above.unwrap_or(self.0.len() - 1).max(1);
        let ((from, low), (to, high)) = (self.0[above - 1], self.0[above]);
        let (from, to) = (parts(from), parts(to));
        low + (high - low).scaled(share.saturating_sub(from), (to - from).max(1))
    }

    /// The span that half of all spans do not exceed.
    pub fn median(&self) -> Span {
        self.at(WHOLE / 2)
    }

    /// The mean of all spans, rounded down.
    pub fn mean(&self) -> Span {
        let cells = self.0.windows(2).map(|two| {
            let ((from, low), (to, high)) = (two[0], two[1]);
            let (n, d) = (u64::from(to.numerator()), u64::from(to.denominator()));
            let (m, e) = (u64::from(from.numerator()), u64::from(from.denominator()));
            let middle = Span::from_nanos(low.as_nanos() / 2 + high.as_nanos() / 2);
            middle.scaled(n * e - m * d, d * e)
        });
        cells.sum()
    }

    /// Its points, lowest first.
    pub fn points(&self) -> &[(Ratio, Span)] {
        &self.0
    }
}

/// How long a component works until it fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Between {
    /// Without memory, with this mean.
    Exponential(Span),
    /// Always this long; the first time a part of it.
    Fixed(Span),
    /// As a table says.
    Quantiles(Quantiles),
}

impl Between {
    /// The mean.
    pub fn mean(&self) -> Span {
        match self {
            Between::Exponential(mean) | Between::Fixed(mean) => *mean,
            Between::Quantiles(table) => table.mean(),
        }
    }
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// `nic-down`: an adapter.
    NicDown,
    /// `power-off`: a machine, or all of a site.
    PowerOff,
    /// `freeze`: a machine stands still.
    Freeze,
    /// `planned-restart`: a member's Cluster service is stopped in good order, then the machine is
    /// off; other machines are off at once.
    PlannedRestart,
    /// `service-stop`.
    ServiceStop(Service),
    /// `service-hang`.
    ServiceHang(Service),
    /// `service-slow`.
    ServiceSlow(Service, Ratio),
    /// `network-down`.
    NetworkDown,
    /// `frame-loss`.
    FrameLoss(Ratio),
    /// `network-delay`.
    NetworkDelay(Span),
    /// `log-corruption`: a database copy, until it is seeded anew.
    LogCorruption,
}

/// A cause of failure: what it strikes, how, how often and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rate {
    /// The cause, such as `server hardware`.
    pub name: String,
    /// What goes wrong.
    pub failure: Failure,
    /// What it strikes.
    pub target: Target,
    /// How long a component works until it fails.
    pub time_between: Between,
    /// How long it then takes until it works.
    pub time_to_repair: Quantiles,
    /// Why these numbers, if no source or person vouches for them.
    pub assumed: Option<String>,
}

impl Rate {
    /// The components that it strikes in a topology.
    pub fn components(&self, topology: &Topology) -> Vec<Component> {
        let mut found = target::components(topology, self.target);
        if let Failure::ServiceStop(service)
        | Failure::ServiceHang(service)
        | Failure::ServiceSlow(service, _) = self.failure
        {
            let runs = target::class_of(service);
            // A server by itself has no cluster, whatever stands for it in the topology.
            let exists = service != Service::Cluster || topology.nodes > 1;
            found.retain(|component| match component.part {
                Part::Machine(machine) => exists && target::is(&topology.machines[machine], runs),
                _ => false,
            });
        }
        found
    }

    /// The faults that it makes of a component, each with the time before it strikes.
    pub fn faults(&self, topology: &Topology, component: &Component) -> Vec<(Span, Fault)> {
        let at_once = |fault| vec![(Span::ZERO, fault)];
        match (self.failure, &component.part) {
            (Failure::NicDown, Part::Adapter(machine, nic)) => {
                at_once(Fault::NicDown { machine: *machine, nic: Some(*nic) })
            }
            (Failure::PowerOff, Part::Site(site)) => {
                let there = topology.machines.iter().filter(|(_, machine)| machine.site == *site);
                there.map(|(machine, _)| (Span::ZERO, Fault::PowerOff { machine })).collect()
            }
            (Failure::PlannedRestart, Part::Machine(machine)) => {
                let machine = *machine;
                let drain = topology.settings.year.drain;
                let member = topology.nodes > 1 && machine.index() < topology.nodes;
                if !member || drain.is_zero() {
                    return at_once(Fault::PowerOff { machine });
                }
                let service = Service::Cluster;
                vec![
                    (Span::ZERO, Fault::ServiceStop { machine, service }),
                    (drain, Fault::PowerOff { machine }),
                ]
            }
            (Failure::NetworkDown, Part::Network(network)) => {
                at_once(Fault::NetworkDown { network: *network })
            }
            (Failure::FrameLoss(share), Part::Network(network)) => {
                at_once(Fault::FrameLoss { network: *network, share })
            }
            (Failure::NetworkDelay(delay), Part::Network(network)) => {
                at_once(Fault::NetworkDelay { network: *network, delay })
            }
            (Failure::LogCorruption, Part::Copy(copy)) => {
                at_once(Fault::LogCorruption { copy: *copy })
            }
            (failure, Part::Machine(machine)) => {
                of_machine(failure, *machine).map(at_once).unwrap_or_default()
            }
            // The file is refused if a kind and its target do not belong together.
            _ => Vec::new(),
        }
    }
}

fn of_machine(failure: Failure, machine: crate::base::MachineId) -> Option<Fault> {
    match failure {
        Failure::PowerOff => Some(Fault::PowerOff { machine }),
        Failure::Freeze => Some(Fault::Freeze { machine }),
        Failure::ServiceStop(service) => Some(Fault::ServiceStop { machine, service }),
        Failure::ServiceHang(service) => Some(Fault::ServiceHang { machine, service }),
        Failure::ServiceSlow(service, factor) => {
            Some(Fault::ServiceSlow { machine, service, factor })
        }
        Failure::NicDown
        | Failure::PlannedRestart
        | Failure::NetworkDown
        | Failure::FrameLoss(_)
        | Failure::NetworkDelay(_)
        | Failure::LogCorruption => None,
    }
}

/// Every cause of failure of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rates {
    /// The file.
    pub file: String,
    /// The causes, in the order of the file.
    pub rates: Vec<Rate>,
}
