//! What happens in the plant, to clients and to mail, in words.

use super::Names;
use super::words::{
    connection_name, failure_name, lost_name, refused_name, request_name, service_name,
};
use crate::failover::seam::{ContentIndex, Start, StartQuorum};
use crate::journal::record::{ClientEvent, MailEvent, NotTaken, Plant, ServiceState};

impl Names<'_> {
    pub(super) fn plant(&self, plant: &Plant) -> String {
        match plant {
            Plant::Machine { up: true, .. } => "runs".to_owned(),
            Plant::Machine { up: false, .. } => "does not run any more".to_owned(),
            Plant::Adapter { machine, nic, up } => {
                format!("NIC {} is {}", self.nic(*machine, *nic), if *up { "up" } else { "down" })
            }
            Plant::FrameLost { nic, from, to, why } => {
                let nic = self.nic((*from).into(), *nic);
                format!("frame to {} over {nic} lost: {}", self.node(*to), lost_name(*why))
            }
            Plant::Service { service, state, .. } => {
                let state = match state {
                    ServiceState::Running => "runs",
                    ServiceState::Stopped => "stopped",
                    ServiceState::Hung => "hangs",
                };
                format!("{} {state}", service_name(*service))
            }
            Plant::AddressUp { address, .. } => format!("{address} answers here"),
            Plant::AddressDown { address, .. } => format!("{address} is removed"),
            Plant::Lease { runs: true, .. } => "lease runs: clients reach it".to_owned(),
            Plant::Lease { runs: false, .. } => "lease ends: clients reach it no more".to_owned(),
            Plant::GratuitousArp { address, blocked: false, .. } => {
                format!("gratuitous ARP for {address}")
            }
            Plant::GratuitousArp { address, blocked: true, .. } => {
                format!("gratuitous ARP for {address}, dropped by the switch")
            }
            Plant::Neighbour { address, machine: Some(machine), .. } => {
                format!("neighbour cache: {address} is {}", self.machine(*machine))
            }
            Plant::Neighbour { address, machine: None, .. } => {
                format!("neighbour cache: {address} is unknown")
            }
            Plant::DnsRecord { resource, address } => {
                format!("{} has the record {address}", self.resource(*resource))
            }
            Plant::DnsUpdateFailed { resource } => {
                format!("dynamic update for {} failed (event 1196)", self.resource(*resource))
            }
            Plant::WitnessLock { holder: Some(node), .. } => {
                format!("witness log locked by {}", self.node(*node))
            }
            Plant::WitnessLock { holder: None, .. } => "witness log released".to_owned(),
            Plant::ClusterStart { node, start } => {
                let restores = start.restores.as_ref();
                let restores = restores.map(|restore| format!(": {}", self.restore(restore)));
                let told = (switches(*start), restores.unwrap_or_default());
                format!("{} is started{}{}", self.node(*node), told.0, told.1)
            }
            Plant::Operation { op, .. } => format!("{op:?} is over"),
            Plant::OrderRefused { node: _, why } => {
                format!("the order is refused: {}", not_taken(*why))
            }
            Plant::Copy { .. }
            | Plant::LogDisk { .. }
            | Plant::CircularLogging { .. }
            | Plant::Mounted { .. }
            | Plant::Dismounted { .. } => self.about_copy(plant),
            Plant::ServerMarked { .. } | Plant::Convergence { .. } => self.about_balancer(plant),
            Plant::ClientAccessArray
            | Plant::StoppedMembers { .. }
            | Plant::NamesServer { .. }
            | Plant::AlternateWitness { .. }
            | Plant::RpcClientAccessServer { .. } => self.in_directory(plant),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller takes all others")]
    fn about_balancer(&self, plant: &Plant) -> String {
        match plant {
            Plant::ServerMarked { machine, service, up, .. } => {
                let state = if *up { "up" } else { "down" };
                format!("{} on {} is {state}", service_name(*service), self.machine(*machine))
            }
            Plant::Convergence { hosts, ended: true, .. } => {
                format!("converged: {}", self.machines(*hosts))
            }
            Plant::Convergence { hosts, ended: false, .. } => {
                format!("convergence begins: {}", self.machines(*hosts))
            }
            other => unreachable!("{other:?} is not about a load balancer"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller takes all others")]
    fn in_directory(&self, plant: &Plant) -> String {
        match plant {
            Plant::ClientAccessArray => "client access array created".to_owned(),
            Plant::StoppedMembers { nodes } if nodes.is_empty() => {
                "no member is marked as stopped".to_owned()
            }
            Plant::StoppedMembers { nodes } => format!("marked as stopped: {}", self.nodes(*nodes)),
            Plant::RpcClientAccessServer { database } => {
                format!("{} names the client access array", self.database(*database))
            }
            Plant::NamesServer { database, node } => {
                format!("{} names {}", self.database(*database), self.node(*node))
            }
            Plant::AlternateWitness { server } => {
                format!("the alternate witness server is {}", self.witness_server(*server))
            }
            other => unreachable!("{other:?} is not in the directory"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller takes all others")]
    fn about_copy(&self, plant: &Plant) -> String {
        match plant {
            Plant::Copy { copy, status, copy_queue, replay_queue, content_index } => {
                let copy = self.copy(*copy);
                let index = match content_index {
                    ContentIndex::Healthy => "",
                    ContentIndex::Crawling => ", content index crawling",
                    ContentIndex::Failed => ", content index failed",
                };
                let queues = format!("copy queue {copy_queue}, replay queue {replay_queue}");
                format!("{copy} is {status:?}, {queues}{index}")
            }
            Plant::LogDisk { copy, logs, full } => {
                let room = if *full { ", and no more fit on the disk" } else { "" };
                format!("{} keeps {logs} logs{room}", self.copy(*copy))
            }
            Plant::CircularLogging { database, enabled } => {
                let how = if *enabled { "enabled" } else { "disabled" };
                format!("circular logging of {} is {how}", self.database(*database))
            }
            Plant::Mounted { copy, lost_logs, replayed_logs } => {
                let copy = self.copy(*copy);
                format!("{copy} mounted, {replayed_logs} logs replayed, {lost_logs} lost")
            }
            Plant::Dismounted { copy } => format!("{} dismounted", self.copy(*copy)),
            other => unreachable!("{other:?} is not about a copy"),
        }
    }

    pub(super) fn client_event(&self, event: &ClientEvent) -> String {
        match event {
            ClientEvent::Started => "starts to work".to_owned(),
            ClientEvent::Asked { request } => format!("wants to {}", request_name(*request)),
            ClientEvent::Connecting { address, attempt } => {
                format!("connects to {address}, SYN {attempt}")
            }
            ClientEvent::Connected { machine } => {
                format!("connected to {}", self.machine(*machine))
            }
            ClientEvent::Retransmitted { attempt } => format!("sends again, time {attempt}"),
            ClientEvent::Reset { machine } => {
                format!("connection reset by {}", self.machine(*machine))
            }
            ClientEvent::GaveUp => "gives the connection up".to_owned(),
            ClientEvent::Refused { why } => format!("refused: {}", refused_name(*why)),
            ClientEvent::LoggedOn { again: true } => "logged on again".to_owned(),
            ClientEvent::LoggedOn { again: false } => "logged on".to_owned(),
            ClientEvent::LogOnPage => "sees the log-on page again".to_owned(),
            ClientEvent::Answered { latency } => format!("answered after {latency}"),
            ClientEvent::Autodiscovered { array: true } => "is told the array's name".to_owned(),
            ClientEvent::Autodiscovered { array: false } => "is told a server's name".to_owned(),
            ClientEvent::State(state) => format!("status bar: {}", connection_name(*state)),
            ClientEvent::RestartNeeded => "must be restarted".to_owned(),
            ClientEvent::TriesAgain => "tries again".to_owned(),
            ClientEvent::PersonDone => "its person has done what it asked for".to_owned(),
        }
    }

    pub(super) fn mail(&self, event: &MailEvent) -> String {
        match event {
            MailEvent::Written { client, .. } => format!("written by {}", self.client(*client)),
            MailEvent::Submitted { client, .. } => format!("sent by {}", self.client(*client)),
            MailEvent::Queued { machine } => format!("in the queue of {}", self.machine(*machine)),
            MailEvent::Shadowed { machine } => format!("shadowed on {}", self.machine(*machine)),
            MailEvent::Delivered { copy } => format!("delivered to {}", self.copy(*copy)),
            MailEvent::LostFromDatabase { database } => {
                format!("was in the lost logs of {}", self.database(*database))
            }
            MailEvent::Resubmitted { machine } => {
                format!("resubmitted by {}", self.machine(*machine))
            }
            MailEvent::Duplicate => "delivered again and dropped as duplicate".to_owned(),
            MailEvent::Lost => "lost".to_owned(),
            MailEvent::Deferred { why } => format!("waits: {}", failure_name(*why)),
        }
    }
}

/// Why an order was not taken by the machine that it is about.
const fn not_taken(why: NotTaken) -> &'static str {
    match why {
        NotTaken::ServiceStopped => "the Cluster service does not run",
        NotTaken::ServiceRuns => "the Cluster service runs already",
        NotTaken::MachineOff => "the server is off",
        NotTaken::NotSuspended => "the copy is neither suspended nor failed",
        NotTaken::NoSource => "there is nothing to seed it from",
        NotTaken::StoppedMember => "the server is marked as stopped",
        NotTaken::CoordinationOff => "DatacenterActivationMode of the group is Off",
        NotTaken::NoStoppedMember => {
            "no member is marked as stopped, see Stop-DatabaseAvailabilityGroup"
        }
    }
}

/// The switches of `Start-ClusterNode`.
fn switches(start: Start) -> String {
    let quorum = match start.quorum {
        StartQuorum::Normal => "",
        StartQuorum::Force => " -FixQuorum",
        StartQuorum::Prevent => " -PreventQuorum",
    };
    let ignore = if start.ignore_persistent_state { " -IgnorePersistentState" } else { "" };
    let clear = if start.clear_quarantine { " -ClearQuarantine" } else { "" };
    format!("{quorum}{ignore}{clear}")
}
