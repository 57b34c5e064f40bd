//! Faults as data: what goes wrong, where, when and for how long.

use super::topology::MachineRole;
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

/// The slowest and the fastest that a clock may run.
pub const CLOCK_RATES: (Ratio, Ratio) = match (Ratio::new(1, 2), Ratio::new(2, 1)) {
    (Some(slowest), Some(fastest)) => (slowest, fastest),
    _ => panic!("their denominators are not zero"),
};

/// The farthest that a clock may jump.
pub const LONGEST_CLOCK_STEP: Span = Span::from_secs(24 * 3_600);

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
    /// `path-loss`: a share of the frames between two machines on a network is lost;
    /// `path-loss-one-way`: a share of what the first sends to the second.
    PathLoss {
        /// The network.
        network: NetId,
        /// One machine.
        from: MachineId,
        /// The other.
        to: MachineId,
        /// The share.
        share: Ratio,
        /// Whether only what `from` sends is lost.
        one_way: bool,
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
    /// `frame-duplication`: a share of the frames between members on a network arrives twice, the
    /// second time after a delay of its own. Of a connection's segments TCP drops the second.
    FrameDuplication {
        /// The network.
        network: NetId,
        /// The share.
        share: Ratio,
    },
    /// `frame-reordering`: a share of the frames on a network is held back, so that later ones
    /// overtake.
    FrameReordering {
        /// The network.
        network: NetId,
        /// The share.
        share: Ratio,
        /// The longest that one is held back.
        delay: Span,
    },
    /// `path-delay`: what one machine sends to another over a network takes longer, the other way
    /// does not.
    PathDelay {
        /// The network.
        network: NetId,
        /// Who sends.
        from: MachineId,
        /// Who receives.
        to: MachineId,
        /// The addition.
        delay: Span,
    },
    /// `service-crash`: a service's process ends and closes nothing; the Service Control Manager
    /// starts it again.
    ServiceCrash {
        /// The machine.
        machine: MachineId,
        /// The service.
        service: Service,
    },
    /// `reboot`: the machine shuts down in good order and boots.
    Reboot {
        /// The machine.
        machine: MachineId,
    },
    /// `clock-rate`: a member's clock, by which its Cluster service's timers run, is fast or slow.
    /// Healed, it runs right again and stays as far off as it is.
    ClockRate {
        /// The machine.
        machine: MachineId,
        /// What it counts in a second.
        rate: Ratio,
    },
    /// `clock-step`: a member's clock jumps. Forward only: timers run by the clock that counts from
    /// the machine's start, and that never goes back, whatever is done to the time of day.
    ClockStep {
        /// The machine.
        machine: MachineId,
        /// How far.
        by: Span,
    },
    /// `witness-lock-held`: the witness's file server does not let go of a lock whose holder is
    /// gone.
    WitnessLockHeld {
        /// The file server.
        machine: MachineId,
    },
    /// `witness-stale`: the witness's log is put back to what it was when the run began, as from a
    /// backup.
    WitnessStale {
        /// The file server.
        machine: MachineId,
    },
    /// `dns-update-refused`: a DNS server takes no dynamic update.
    DnsUpdateRefused {
        /// The DNS server.
        machine: MachineId,
    },
    /// `dns-stale`: a DNS server answers what it knew when the fault struck.
    DnsStale {
        /// The DNS server.
        machine: MachineId,
    },
    /// `disk-slow`: the disks of a member take longer by a factor.
    DiskSlow {
        /// The machine.
        machine: MachineId,
        /// The factor, at least one.
        factor: Ratio,
    },
    /// `disk-full`: the volume with a copy's logs is full. Healing it makes room.
    DiskFull {
        /// The copy.
        copy: CopyId,
    },
    /// `mount-fail`: every mount of a copy fails.
    MountFail {
        /// The copy.
        copy: CopyId,
    },
    /// `dismount-slow`: a dismount of a copy takes longer.
    DismountSlow {
        /// The copy.
        copy: CopyId,
        /// The addition.
        delay: Span,
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

impl Kind {
    /// Whether it is over as soon as it strikes: it may not last, and nothing heals it.
    pub fn is_momentary(&self) -> bool {
        matches!(self.word, "service-crash" | "reboot" | "clock-step" | "witness-stale")
    }

    /// Whether it strikes members of the cluster only.
    pub fn is_of_members(&self) -> bool {
        self.keys.contains(&"resource")
            || matches!(self.word, "clock-rate" | "clock-step" | "disk-slow")
    }

    /// The role of the machines that it strikes; none if they may have any.
    pub fn role(&self) -> Option<MachineRole> {
        match self.word {
            "witness-lock-held" | "witness-stale" => Some(MachineRole::Witness),
            "dns-update-refused" | "dns-stale" => Some(MachineRole::Dns),
            _ => None,
        }
    }
}

impl Fault {
    /// The kind that it is of.
    pub fn kind(&self) -> &'static Kind {
        let word = self.word();
        Fault::KINDS.iter().find(|kind| kind.word == word).expect("every word has its kind")
    }

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
            word: "path-loss-one-way",
            keys: &["network", "from", "to", "share"],
            meaning: "a share of what one machine sends to another over a network is lost",
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
        Kind {
            word: "frame-duplication",
            keys: &["network", "share"],
            meaning: "a share of the frames between members on a network arrives twice",
        },
        Kind {
            word: "frame-reordering",
            keys: &["network", "share", "delay"],
            meaning: "a share of the frames on a network is held back by up to a delay",
        },
        Kind {
            word: "path-delay",
            keys: &["network", "from", "to", "delay"],
            meaning: "what one machine sends to another over a network takes longer",
        },
        Kind {
            word: "service-crash",
            keys: &["machine", "service"],
            meaning: "a service's process ends and closes nothing; the machine starts it again",
        },
        Kind {
            word: "reboot",
            keys: &["machine"],
            meaning: "the machine shuts down in good order and boots",
        },
        Kind {
            word: "clock-rate",
            keys: &["machine", "rate"],
            meaning: "a member's clock is fast (\"102%\") or slow (\"98%\")",
        },
        Kind {
            word: "clock-step",
            keys: &["machine", "by"],
            meaning: "a member's clock jumps forward",
        },
        Kind {
            word: "witness-lock-held",
            keys: &["machine"],
            meaning: "the witness's server does not let go of a lock whose holder is gone",
        },
        Kind {
            word: "witness-stale",
            keys: &["machine"],
            meaning: "the witness's log is what it was when the run began",
        },
        Kind {
            word: "dns-update-refused",
            keys: &["machine"],
            meaning: "a DNS server takes no dynamic update",
        },
        Kind {
            word: "dns-stale",
            keys: &["machine"],
            meaning: "a DNS server answers what it knew when the fault struck",
        },
        Kind {
            word: "disk-slow",
            keys: &["machine", "factor"],
            meaning: "the disks of a member take longer by a factor",
        },
        Kind {
            word: "disk-full",
            keys: &["database", "node"],
            meaning: "the volume with the logs of a database copy is full; healed, it has room",
        },
        Kind {
            word: "mount-fail",
            keys: &["database", "node"],
            meaning: "every mount of a database copy fails",
        },
        Kind {
            word: "dismount-slow",
            keys: &["database", "node", "delay"],
            meaning: "a dismount of a database copy takes longer",
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
            Fault::PathLoss { one_way: false, .. } => "path-loss",
            Fault::PathLoss { one_way: true, .. } => "path-loss-one-way",
            Fault::FrameLoss { .. } => "frame-loss",
            Fault::NetworkDelay { .. } => "network-delay",
            Fault::LogCorruption { .. } => "log-corruption",
            Fault::GratuitousArpBlocked { .. } => "gratuitous-arp-blocked",
            Fault::FrameDuplication { .. } => "frame-duplication",
            Fault::FrameReordering { .. } => "frame-reordering",
            Fault::PathDelay { .. } => "path-delay",
            Fault::ServiceCrash { .. } => "service-crash",
            Fault::Reboot { .. } => "reboot",
            Fault::ClockRate { .. } => "clock-rate",
            Fault::ClockStep { .. } => "clock-step",
            Fault::WitnessLockHeld { .. } => "witness-lock-held",
            Fault::WitnessStale { .. } => "witness-stale",
            Fault::DnsUpdateRefused { .. } => "dns-update-refused",
            Fault::DnsStale { .. } => "dns-stale",
            Fault::DiskSlow { .. } => "disk-slow",
            Fault::DiskFull { .. } => "disk-full",
            Fault::MountFail { .. } => "mount-fail",
            Fault::DismountSlow { .. } => "dismount-slow",
        }
    }
}
