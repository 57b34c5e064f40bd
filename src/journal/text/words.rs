//! The words for every kind, state and reason.

use crate::failover::seam::{
    Dropped, Failure, GroupState, MountDial, Operation, OrderRefusal, ResourceState, Why,
};
use crate::journal::record::{ConnectionState, Lost, Refused, Request};
use crate::model::Service;

/// A service's display name.
pub fn service_name(service: Service) -> &'static str {
    match service {
        Service::Cluster => "Cluster service",
        Service::Store => "Information Store",
        Service::Replication => "Replication service",
        Service::RpcClientAccess => "RPC Client Access",
        Service::HubTransport => "Hub Transport",
        Service::Owa => "Outlook Web App",
        Service::OutlookAnywhere => "Outlook Anywhere",
        Service::ActiveSync => "ActiveSync",
        Service::Autodiscover => "Autodiscover",
        Service::Directory => "directory",
        Service::Dns => "DNS server",
        Service::FileServer => "file server",
    }
}

/// A reason in words.
pub fn why_name(why: Why) -> &'static str {
    match why {
        Why::NodeDown => "its node is down",
        Why::ResourceFailed => "a resource failed",
        Why::Asked => "asked for",
        Why::Stopping => "the service is being stopped",
        Why::QuorumLost => "quorum lost",
        Why::ConnectivityLost => "all connectivity lost (event 1554)",
        Why::Evicted => "the cluster went on without it",
        Why::ForcedElsewhere => "it yields to a side that was forced (event 5396)",
        Why::MapiNetworkDown => "the MAPI network is down there",
        Why::DatabaseFailed => "the database failed there",
        Why::Startup => "start-up",
        Why::Quarantined => "it is quarantined",
        Why::NoMember => "it was evicted from the cluster",
        Why::NodePaused => "its node is paused",
        Why::Failback => "failback to a preferred owner",
        Why::ThresholdExceeded => "failover threshold exceeded (event 1254)",
    }
}

pub(super) fn failure_name(failure: Failure) -> &'static str {
    match failure {
        Failure::NoPath => "no path there",
        Failure::NoAnswer => "no answer",
        Failure::ServiceStopped => "its service does not run",
        Failure::InterfaceDown => "its adapter is down",
        Failure::NoInterface => "no adapter in its subnet (event 1045)",
        Failure::DuplicateAddress => "the address is in use (event 1049)",
        Failure::NoDomainController => "no domain controller",
        Failure::NotAlive => "health check failed",
        Failure::CopyUnusable => "the copy cannot be used",
        Failure::Disk => "disk",
        Failure::Terminated => "terminated",
    }
}

pub(super) fn dropped_name(dropped: Dropped) -> String {
    match dropped {
        Dropped::Unreachable => "unreachable".to_owned(),
        Dropped::NoAnswer => "no answer".to_owned(),
        Dropped::Status(status) => format!("{status:?}"),
        Dropped::ActivationSuspended => "activation suspended".to_owned(),
        Dropped::PolicyBlocked => "activation blocked".to_owned(),
        Dropped::MaximumActive { active, limit } => format!("{active} of {limit} active"),
        Dropped::Source => "the former active".to_owned(),
        Dropped::Tried => "tried".to_owned(),
        Dropped::OtherSite => "activation in its site only".to_owned(),
        Dropped::ActiveIsSeedingSource => "the active copy seeds another".to_owned(),
        Dropped::SeedingSource => "it seeds another".to_owned(),
        Dropped::CopyQueue { length, longest } => {
            format!("copy queue {length}, at most {longest} without SkipLagChecks")
        }
        Dropped::ReplayQueue { length, longest } => {
            format!("replay queue {length}, at most {longest} without SkipLagChecks")
        }
        Dropped::ContentIndex(index) => format!("content index {index:?}"),
    }
}

pub(super) fn lost_name(lost: Lost) -> &'static str {
    match lost {
        Lost::SenderDown => "own adapter down",
        Lost::ReceiverDown => "receiver's adapter down or machine off",
        Lost::NetworkDown => "network down",
        Lost::Chance => "bad luck",
        Lost::Unresolved => "no hardware address",
        Lost::WrongMachine => "wrong machine",
    }
}

pub(super) fn refused_name(refused: Refused) -> &'static str {
    match refused {
        Refused::NotListening => "nothing listens",
        Refused::DatabaseOffline => "database not mounted",
        Refused::NoLogOn => "no domain controller for the log-on",
        Refused::NoName => "the name does not resolve",
        Refused::ServiceTimeOut => "the service did not answer in time",
    }
}

pub(super) fn request_name(request: Request) -> &'static str {
    match request {
        Request::LogOn => "log on",
        Request::Read => "read",
        Request::Send => "send",
        Request::Autodiscover => "ask Autodiscover",
    }
}

/// The status bar's words.
pub fn connection_name(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Connected => "Connected to Microsoft Exchange",
        ConnectionState::Trying => "Trying to connect",
        ConnectionState::Disconnected => "Disconnected",
    }
}

/// A mount dial's name.
pub fn dial_name(dial: MountDial) -> &'static str {
    match dial {
        MountDial::Lossless => "Lossless",
        MountDial::GoodAvailability => "GoodAvailability",
        MountDial::BestAvailability => "BestAvailability",
        MountDial::BestEffort => "BestEffort",
    }
}

/// A group state's name.
pub fn group_state(state: GroupState) -> &'static str {
    match state {
        GroupState::Offline => "Offline",
        GroupState::Pending => "Pending",
        GroupState::Online => "Online",
        GroupState::PartialOnline => "PartialOnline",
        GroupState::Failed => "Failed",
    }
}

pub(super) fn resource_state(state: ResourceState) -> &'static str {
    match state {
        ResourceState::Offline => "Offline",
        ResourceState::OnlinePending => "OnlinePending",
        ResourceState::Online => "Online",
        ResourceState::OfflinePending => "OfflinePending",
        ResourceState::Failed => "Failed",
    }
}

pub(super) fn operation_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Mount => "mount",
        Operation::Dismount => "dismount",
        Operation::Switchover => "switchover",
        Operation::Failover => "failover",
    }
}

/// Why an order is not carried out.
pub fn order_refusal(why: OrderRefusal) -> &'static str {
    match why {
        OrderRefusal::NoQuorum => "there is no quorum here",
        OrderRefusal::NoPrimaryActiveManager => "nobody is Primary Active Manager",
        OrderRefusal::UnderWay => "another operation on it is under way",
        OrderRefusal::AlreadySo => "it is so already",
        OrderRefusal::MaximumActive => "the server has as many active databases as it may",
        OrderRefusal::MayNotMount => "datacenter activation coordination does not let it mount",
        OrderRefusal::NoPassiveCopy => "it has no passive copy there",
        OrderRefusal::NothingMounted => "no database is mounted there",
        OrderRefusal::CannotBeDismounted => {
            "the Replication service does not run where it is mounted, and cannot dismount it"
        }
        OrderRefusal::NodeIsDown => "the node is not up",
        OrderRefusal::NodeIsPaused => "the node is paused",
        OrderRefusal::NoPossibleOwner => "the node is not a possible owner",
        OrderRefusal::NoOtherNode => "no other node can have it",
        OrderRefusal::NotCreated => "there is no such group",
        OrderRefusal::ServiceEnds => "the Cluster service ends, and did not hear that it was taken",
    }
}
