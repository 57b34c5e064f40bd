//! Which stage of an outage a record ends.

use crate::failover::seam::{CopyStatus, Effect, GroupState, Input, Note};
use crate::journal::record::{ClientEvent, Plant, ServiceState};
use crate::journal::{Record, RecordNo, What};

/// What a client's own record ends.
pub fn own_stage(event: &ClientEvent) -> Option<&'static str> {
    match event {
        ClientEvent::Reset { .. } | ClientEvent::Refused { .. } | ClientEvent::LogOnPage => {
            Some("client notices")
        }
        ClientEvent::GaveUp => Some("client gives up"),
        ClientEvent::Connected { .. } => Some("client reconnect"),
        ClientEvent::LoggedOn { .. } => Some("log-on"),
        ClientEvent::Answered { .. } => Some("answer"),
        ClientEvent::RestartNeeded => Some("client notices"),
        ClientEvent::Retransmitted { .. } | ClientEvent::Connecting { attempt: 2.., .. } => {
            Some("TCP retransmission")
        }
        ClientEvent::TriesAgain => Some("client back-off"),
        ClientEvent::PersonDone => Some("person"),
        ClientEvent::Started
        | ClientEvent::Asked { .. }
        | ClientEvent::Connecting { .. }
        | ClientEvent::Autodiscovered { .. }
        | ClientEvent::State(_) => None,
    }
}

/// The stage that a record on the chain ends; none if it ends no stage of its own and belongs to
/// the one that follows.
pub fn stage_of(records: &[Record], number: RecordNo) -> Option<&'static str> {
    match &records[number.0 as usize].what {
        What::Fault { healed: true, .. } => Some("fault lasts"),
        What::Fault { healed: false, .. } => Some("before the fault"),
        What::Step { .. } => Some("before the order"),
        What::Plant(plant) => plant_stage(plant),
        What::In(_, Input::Order(_)) => Some("order"),
        What::In(node, _) => {
            let notes = records[number.0 as usize + 1..].iter();
            let same = notes.take_while(|record| record.at == records[number.0 as usize].at);
            same.filter(|record| record.cause == Some(number))
                .filter_map(|record| match &record.what {
                    What::Out(who, Effect::Note(note)) if who == node => note_stage(note),
                    _ => None,
                })
                .min_by_key(|(rank, _)| *rank)
                .map(|(_, stage)| stage)
        }
        What::Out(_, Effect::Note(note)) => note_stage(note).map(|(_, stage)| stage),
        What::Out(..) | What::Client(..) | What::Mail(..) | What::Agent(..) => None,
    }
}

fn plant_stage(plant: &Plant) -> Option<&'static str> {
    Some(match plant {
        Plant::Machine { up: true, .. } => "boot",
        Plant::Adapter { up: true, .. } => "fault lasts",
        Plant::Machine { up: false, .. }
        | Plant::Adapter { up: false, .. }
        | Plant::FrameLost { .. } => "detection",
        Plant::ClusterStart { .. } | Plant::Service { state: ServiceState::Running, .. } => {
            "service restart"
        }
        Plant::Service { .. } => "service stop",
        Plant::AddressUp { .. } => "address online",
        Plant::AddressDown { .. } => "group offline",
        Plant::Lease { runs: true, .. } => "lease renewal",
        Plant::Lease { runs: false, .. } => "lease end",
        Plant::GratuitousArp { .. } | Plant::Neighbour { .. } => "address propagation",
        Plant::DnsRecord { .. } | Plant::DnsUpdateFailed { .. } => "name registration",
        Plant::WitnessLock { .. } => "arbitration",
        Plant::ServerMarked { .. } => "balancer monitor",
        Plant::Convergence { ended: true, .. } => "NLB convergence",
        Plant::Convergence { ended: false, .. } => "detection",
        Plant::Mounted { .. } => "mount",
        Plant::Dismounted { .. } => "dismount",
        Plant::LogDisk { full: true, .. } => "log disk full",
        Plant::Operation { .. }
        | Plant::LogDisk { .. }
        | Plant::CircularLogging { .. }
        | Plant::OrderRefused { .. }
        | Plant::ClientAccessArray
        | Plant::StoppedMembers { .. }
        | Plant::NamesServer { .. }
        | Plant::AlternateWitness { .. }
        | Plant::RpcClientAccessServer { .. } => {
            return None;
        }
        Plant::Copy { status, .. } => match status {
            CopyStatus::Dismounting => return None,
            CopyStatus::Dismounted => "dismount",
            _ => return None,
        },
    })
}

/// A note's stage, and its rank among the notes of one step.
fn note_stage(note: &Note) -> Option<(u8, &'static str)> {
    Some(match note {
        Note::QuorumHeld { .. }
        | Note::WitnessWon
        | Note::WitnessLost { .. }
        | Note::Learned { .. } => (0, "arbitration"),
        Note::View { .. } => (1, "regroup"),
        Note::PathLost { .. } | Note::PeerLost { .. } => (2, "detection"),
        Note::LastLogs { .. } => (3, "ACLL"),
        Note::CopyChosen { .. } | Note::Ranking { .. } => (4, "best copy selection"),
        Note::Group { state: GroupState::Online, .. } => (5, "name online"),
        Note::Database { status: CopyStatus::Dismounted, .. } => (6, "dismount"),
        Note::Database { status: CopyStatus::Mounted, .. } => (6, "mount"),
        Note::Group { state: GroupState::Offline, .. } => (7, "group offline"),
        Note::DatabaseOperation { .. } | Note::GroupMove { .. } => (8, "decision"),
        Note::Started | Note::Joining | Note::Forming | Note::NoConnectivity => (9, "start-up"),
        _ => return None,
    })
}
