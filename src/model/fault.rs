//! Faults as data: what goes wrong, where, when and for how long.

use crate::base::{CopyId, Instant, MachineId, NetId, NicId, Ratio, ResourceId, Span};
use serde::{Deserialize, Serialize};

/// A service that runs on a machine and can be stopped, hung or slow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// Cluster service.
    Cluster,
    /// Microsoft Exchange Information Store.
    Store,
    /// Microsoft Exchange Replication service, home of Active Manager.
    Replication,
    /// Microsoft Exchange RPC Client Access.
    RpcClientAccess,
    /// Microsoft Exchange Transport (the Hub Transport role).
    HubTransport,
    /// Internet Information Services with Outlook Web App.
    Owa,
    /// Internet Information Services with Autodiscover.
    Autodiscover,
    /// Directory and log-on (Active Directory Domain Services).
    Directory,
    /// DNS Server.
    Dns,
    /// File server (SMB) with the witness share.
    FileServer,
    /// Internet Information Services with the RPC proxy of Outlook Anywhere.
    OutlookAnywhere,
    /// Internet Information Services with ActiveSync.
    ActiveSync,
}

impl Service {
    /// Every service.
    pub const ALL: [Service; 12] = [
        Service::Cluster,
        Service::Store,
        Service::Replication,
        Service::RpcClientAccess,
        Service::HubTransport,
        Service::Owa,
        Service::Autodiscover,
        Service::Directory,
        Service::Dns,
        Service::FileServer,
        Service::OutlookAnywhere,
        Service::ActiveSync,
    ];
}

/// Something that goes wrong. Named in scenario files by `kind`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Fault {
    /// `nic-down`: an adapter is disabled; none means every adapter of the machine.
    NicDown {
        /// The machine.
        machine: MachineId,
        /// The adapter.
        nic: Option<NicId>,
    },
    /// `power-off`: the machine loses power; healing it starts it again.
    PowerOff {
        /// The machine.
        machine: MachineId,
    },
    /// `freeze`: the machine stands still (a paused virtual machine) and then goes on.
    Freeze {
        /// The machine.
        machine: MachineId,
    },
    /// `service-stop`: a service ends; healing it starts it again.
    ServiceStop {
        /// The machine.
        machine: MachineId,
        /// The service.
        service: Service,
    },
    /// `service-hang`: a service takes requests and answers none.
    ServiceHang {
        /// The machine.
        machine: MachineId,
        /// The service.
        service: Service,
    },
    /// `service-slow`: a service takes longer by a factor.
    ServiceSlow {
        /// The machine.
        machine: MachineId,
        /// The service.
        service: Service,
        /// The factor, at least one.
        factor: Ratio,
    },
    /// `resource-fail`: a cluster resource does not come online on a machine, and fails its health
    /// checks there.
    ResourceFail {
        /// The machine.
        machine: MachineId,
        /// The resource.
        resource: ResourceId,
    },
    /// `resource-hang`: a cluster resource answers nothing on a machine.
    ResourceHang {
        /// The machine.
        machine: MachineId,
        /// The resource.
        resource: ResourceId,
    },
    /// `network-down`: a switch forwards nothing (adapters keep carrier).
    NetworkDown {
        /// The network.
        network: NetId,
    },
    /// `path-cut`: two machines cannot reach each other over a network, others can;
    /// `path-cut-one-way`: what the first sends does not reach the second, the other way works.
    PathCut {
        /// The network.
        network: NetId,
        /// One machine.
        from: MachineId,
        /// The other.
        to: MachineId,
        /// Whether only what `from` sends is lost.
        one_way: bool,
    },
    /// `path-loss`: a share of the frames between two machines on a network is lost.
    PathLoss {
        /// The network.
        network: NetId,
        /// One machine.
        from: MachineId,
        /// The other.
        to: MachineId,
        /// The share.
        share: Ratio,
    },
    /// `frame-loss`: a share of the frames on a network is lost.
    FrameLoss {
        /// The network.
        network: NetId,
        /// The share.
        share: Ratio,
    },
    /// `network-delay`: every frame on a network takes longer.
    NetworkDelay {
        /// The network.
        network: NetId,
        /// The addition.
        delay: Span,
    },
    /// `log-corruption`: the logs of a database copy are damaged beyond repair; healing it mends
    /// nothing, only a seed does.
    LogCorruption {
        /// The copy.
        copy: CopyId,
    },
    /// `gratuitous-arp-blocked`: the switch drops gratuitous ARP.
    GratuitousArpBlocked {
        /// The network.
        network: NetId,
    },
}

/// A fault in a scenario's plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Planned {
    /// When it strikes.
    pub at: Instant,
    /// How long it lasts; none for the rest of the run.
    pub lasts: Option<Span>,
    /// What it is.
    pub fault: Fault,
}

/// A kind of fault as scenario files name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// The word after `kind`.
    pub word: &'static str,
    /// Keys beside `at`, `lasts` and `kind`.
    pub keys: &'static [&'static str],
    /// What it does.
    pub meaning: &'static str,
}

impl Fault {
    /// Every kind of fault, in the order of the variants.
    pub const KINDS: &'static [Kind] = &[
        Kind {
            word: "nic-down",
            keys: &["machine", "nic"],
            meaning: "an adapter is disabled, or with nic = \"all\" every adapter of the machine",
        },
        Kind {
            word: "power-off",
            keys: &["machine"],
            meaning: "the machine loses power; healed, it starts again",
        },
        Kind {
            word: "freeze",
            keys: &["machine"],
            meaning: "the machine stands still, as a paused virtual machine, and then goes on",
        },
        Kind {
            word: "service-stop",
            keys: &["machine", "service"],
            meaning: "a service ends; healed, it starts again",
        },
        Kind {
            word: "service-hang",
            keys: &["machine", "service"],
            meaning: "a service takes requests and answers none",
        },
        Kind {
            word: "service-slow",
            keys: &["machine", "service", "factor"],
            meaning: "a service takes longer by a factor",
        },
        Kind {
            word: "resource-fail",
            keys: &["machine", "resource"],
            meaning: "a cluster resource fails there: it does not come online and is not alive",
        },
        Kind {
            word: "resource-hang",
            keys: &["machine", "resource"],
            meaning: "a cluster resource answers nothing there",
        },
        Kind {
            word: "network-down",
            keys: &["network"],
            meaning: "a switch forwards nothing; adapters keep carrier",
        },
        Kind {
            word: "path-cut",
            keys: &["network", "from", "to"],
            meaning: "two machines cannot reach each other over a network, others can",
        },
        Kind {
            word: "path-cut-one-way",
            keys: &["network", "from", "to"],
            meaning: "what one machine sends to another over a network is lost, the other way works",
        },
        Kind {
            word: "path-loss",
            keys: &["network", "from", "to", "share"],
            meaning: "a share of the frames between two machines on a network is lost",
        },
        Kind {
            word: "frame-loss",
            keys: &["network", "share"],
            meaning: "a share of the frames on a network is lost",
        },
        Kind {
            word: "network-delay",
            keys: &["network", "delay"],
            meaning: "every frame on a network takes longer",
        },
        Kind {
            word: "log-corruption",
            keys: &["database", "node"],
            meaning: "the logs of a database copy are damaged beyond repair: it needs a seed",
        },
        Kind {
            word: "gratuitous-arp-blocked",
            keys: &["network"],
            meaning: "the switch drops gratuitous ARP",
        },
    ];

    /// The word of this fault's kind.
    pub const fn word(&self) -> &'static str {
        match self {
            Fault::NicDown { .. } => "nic-down",
            Fault::PowerOff { .. } => "power-off",
            Fault::Freeze { .. } => "freeze",
            Fault::ServiceStop { .. } => "service-stop",
            Fault::ServiceHang { .. } => "service-hang",
            Fault::ServiceSlow { .. } => "service-slow",
            Fault::ResourceFail { .. } => "resource-fail",
            Fault::ResourceHang { .. } => "resource-hang",
            Fault::NetworkDown { .. } => "network-down",
            Fault::PathCut { one_way: false, .. } => "path-cut",
            Fault::PathCut { one_way: true, .. } => "path-cut-one-way",
            Fault::PathLoss { .. } => "path-loss",
            Fault::FrameLoss { .. } => "frame-loss",
            Fault::NetworkDelay { .. } => "network-delay",
            Fault::LogCorruption { .. } => "log-corruption",
            Fault::GratuitousArpBlocked { .. } => "gratuitous-arp-blocked",
        }
    }
}
