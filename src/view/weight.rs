//! How much a record tells somebody who wants to know what happened.

use crate::failover::seam::{Effect, Input, Note};
use crate::journal::What;
use crate::journal::record::{AgentEvent, ClientEvent, MailEvent, Plant};

/// How much a record tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Weight {
    /// What goes on all the time: heartbeats, requests that are answered.
    Traffic,
    /// A step on the way, or what one client met.
    Detail,
    /// A turn of the story.
    Milestone,
}

impl Weight {
    /// How much a record tells.
    pub fn of(what: &What) -> Weight {
        match what {
            What::Fault { .. } | What::Step { .. } => Weight::Milestone,
            What::In(_, Input::Wake | Input::Frame { .. }) => Weight::Traffic,
            What::In(_, Input::Link { .. } | Input::Order(_)) => Weight::Milestone,
            What::In(_, Input::Done { .. } | Input::Learned(_) | Input::Saw(_)) => Weight::Detail,
            What::Out(_, Effect::Send { message, .. }) => match message.is_heartbeat() {
                true => Weight::Traffic,
                false => Weight::Detail,
            },
            What::Out(_, Effect::Do { .. }) => Weight::Detail,
            What::Out(_, Effect::Note(note)) => of_note(note),
            What::Plant(plant) => of_plant(plant),
            What::Agent(_, AgentEvent::Boot(_) | AgentEvent::StoodStill(_)) => Weight::Milestone,
            What::Agent(_, AgentEvent::Clock { .. }) => Weight::Detail,
            What::Agent(_, AgentEvent::Came { .. }) => Weight::Traffic,
            What::Client(_, event) => of_client(event),
            What::Mail(_, event) => match event {
                MailEvent::Lost | MailEvent::LostFromDatabase { .. } => Weight::Milestone,
                MailEvent::Written { step: Some(_), .. }
                | MailEvent::Resubmitted { .. }
                | MailEvent::Duplicate
                | MailEvent::Deferred { .. } => Weight::Detail,
                MailEvent::Written { step: None, .. }
                | MailEvent::Submitted { .. }
                | MailEvent::Queued { .. }
                | MailEvent::Shadowed { .. }
                | MailEvent::Delivered { .. } => Weight::Traffic,
            },
        }
    }
}

fn of_note(note: &Note) -> Weight {
    match note {
        Note::PathUp { .. }
        | Note::HeartbeatsMissed { .. }
        | Note::Interface { .. }
        | Note::Regroup { .. }
        | Note::PeerHeard { .. }
        | Note::Joining
        | Note::Forming
        | Note::Learned { .. }
        | Note::Resource { .. }
        | Note::ServerSet { .. }
        | Note::MayMount { .. }
        | Note::Ranking { .. }
        | Note::DatabaseStays { .. }
        | Note::BadFrame { .. } => Weight::Detail,
        _ => Weight::Milestone,
    }
}

fn of_plant(plant: &Plant) -> Weight {
    match plant {
        Plant::FrameLost { .. } => Weight::Traffic,
        Plant::GratuitousArp { .. }
        | Plant::Neighbour { .. }
        | Plant::Operation { .. }
        | Plant::Copy { .. }
        | Plant::LogDisk { full: false, .. }
        | Plant::ClusterStart { .. } => Weight::Detail,
        Plant::Machine { .. }
        | Plant::Adapter { .. }
        | Plant::Service { .. }
        | Plant::AddressUp { .. }
        | Plant::AddressDown { .. }
        | Plant::Lease { .. }
        | Plant::DnsRecord { .. }
        | Plant::DnsUpdateFailed { .. }
        | Plant::WitnessLock { .. }
        | Plant::OrderRefused { .. }
        | Plant::LogDisk { full: true, .. }
        | Plant::CircularLogging { .. }
        | Plant::Mounted { .. }
        | Plant::Dismounted { .. }
        | Plant::ClientAccessArray
        | Plant::StoppedMembers { .. }
        | Plant::RpcClientAccessServer { .. }
        | Plant::NamesServer { .. }
        | Plant::AlternateWitness { .. }
        | Plant::ServerMarked { .. }
        | Plant::Convergence { .. } => Weight::Milestone,
    }
}

fn of_client(event: &ClientEvent) -> Weight {
    match event {
        ClientEvent::Retransmitted { .. }
        | ClientEvent::Reset { .. }
        | ClientEvent::GaveUp
        | ClientEvent::Refused { .. }
        | ClientEvent::LoggedOn { again: true }
        | ClientEvent::LogOnPage
        | ClientEvent::State(_)
        | ClientEvent::RestartNeeded
        | ClientEvent::PersonDone => Weight::Detail,
        ClientEvent::Started
        | ClientEvent::Asked { .. }
        | ClientEvent::Connecting { .. }
        | ClientEvent::Connected { .. }
        | ClientEvent::LoggedOn { again: false }
        | ClientEvent::Answered { .. }
        | ClientEvent::Autodiscovered { .. }
        | ClientEvent::TriesAgain => Weight::Traffic,
    }
}
