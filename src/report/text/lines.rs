//! The timeline: what a person wants to see, a column for each machine and one for the clients.

use crate::base::{ClientId, Id, Instant, MachineId, NodeId};
use crate::failover::seam::{CopyStatus, Effect, GroupState, Note, ResourceState};
use crate::journal::record::{ClientEvent, ConnectionState, MailEvent, Plant};
use crate::journal::text::{Names, connection_name};
use crate::journal::{Record, What};
use crate::lab::Outcome;
use crate::model::topology::ClientKind;
use crate::view::outage::Who;
use std::collections::BTreeMap;

/// Where a line stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Column {
    /// A fault or step: across all columns.
    Across,
    /// A machine's.
    Machine(MachineId),
    /// The clients'.
    Clients,
}

/// One line of the timeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub at: Instant,
    pub column: Column,
    pub text: String,
}

/// Most lines of a timeline; more would not be read.
const MOST_LINES: usize = 400;

/// How often the same thing is told of one machine.
const MOST_TIMES: u32 = 3;

/// From when to when each client was without service; of several outages the longest.
fn windows(outcome: &Outcome) -> BTreeMap<ClientId, (Instant, Instant)> {
    let mut windows: BTreeMap<ClientId, (Instant, Instant)> = BTreeMap::new();
    for outage in outcome.outages.iter().filter(|outage| outage.hard) {
        let Who::Client(_, client) = outage.who else { continue };
        let window = (outage.from, outage.to.unwrap_or(outcome.scenario.until));
        let known = windows.entry(client).or_insert(window);
        if window.1.since(window.0) > known.1.since(known.0) {
            *known = window;
        }
    }
    windows
}

/// The timeline of a run, and how many lines it left out.
pub(super) fn lines(outcome: &Outcome, names: &Names) -> (Vec<Line>, usize) {
    let (mut lines, tallies) = told(outcome, names);
    lines.extend(tallied(tallies));
    arranged(lines)
}

/// Events of clients in a second, by their kind and what it is.
type Tallies = BTreeMap<(u64, ClientKind, u8), u32>;

/// What machines, faults and steps tell of a run, and how often clients had what.
pub(super) fn told(outcome: &Outcome, names: &Names) -> (Vec<Line>, Tallies) {
    let mut lines = Vec::new();
    let from = outcome.disturbed.unwrap_or(Instant::ZERO);
    let mut tallies = Tallies::new();
    let mut states: BTreeMap<ClientId, ConnectionState> = BTreeMap::new();
    let out = windows(outcome);
    for record in &outcome.records {
        if let What::Client(client, event) = &record.what {
            let before = states.get(client).copied();
            if let ClientEvent::State(state) = event {
                states.insert(*client, *state);
            }
            let within =
                out.get(client).is_some_and(|(from, to)| record.at >= *from && record.at <= *to);
            if within {
                tally(outcome, &mut tallies, record, *client, event, before);
            }
            continue;
        }
        let late = record.at >= from;
        if let Some((column, text)) = telling(names, outcome, record, late) {
            lines.push(Line { at: record.at, column, text });
        }
    }
    (lines, tallies)
}

/// Lines in their order, each once at a moment.
pub(super) fn ordered(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| (line.at, line.column));
    lines.dedup_by(|later, earlier| {
        later.column == earlier.column && later.text == earlier.text && later.at == earlier.at
    });
    lines
}

/// Lines in their order, without what is told too often; and how many that leaves out.
pub(super) fn arranged(lines: Vec<Line>) -> (Vec<Line>, usize) {
    let mut lines = ordered(lines);
    let mut times: BTreeMap<(Column, String), u32> = BTreeMap::new();
    let before = lines.len();
    lines.retain(|line| {
        let plain: String = line.text.chars().filter(|c| !c.is_ascii_digit()).collect();
        let shown = times.entry((line.column, plain)).or_insert(0);
        *shown += 1;
        line.column == Column::Across || line.column == Column::Clients || *shown <= MOST_TIMES
    });
    let repeated = before - lines.len();
    let left_out = repeated + lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    (lines, left_out)
}

/// Client events are counted by whole seconds and kind.
fn tally(
    outcome: &Outcome,
    tallies: &mut Tallies,
    record: &Record,
    client: ClientId,
    event: &ClientEvent,
    before: Option<ConnectionState>,
) {
    let what = match event {
        ClientEvent::State(ConnectionState::Trying) => 0,
        ClientEvent::State(ConnectionState::Disconnected) => 1,
        ClientEvent::State(ConnectionState::Connected)
            if before.is_some_and(|before| before != ConnectionState::Connected) =>
        {
            3
        }
        ClientEvent::LogOnPage => 2,
        _ => return,
    };
    let kind = outcome.topology.client_group(client).kind;
    let second = record.at.as_nanos() / 1_000_000_000;
    *tallies.entry((second, kind, what)).or_insert(0) += 1;
}

fn tallied(tallies: Tallies) -> impl Iterator<Item = Line> {
    tallies.into_iter().map(|((second, kind, what), count)| {
        let what = match (what, kind) {
            (0, ClientKind::Outlook) => connection_name(ConnectionState::Trying),
            (1, ClientKind::Outlook) => connection_name(ConnectionState::Disconnected),
            (0, _) => "no answer yet",
            (1, _) => "no connection",
            (2, _) => "log-on page",
            (_, ClientKind::Outlook) => "connected again",
            _ => "answered again",
        };
        let name = kind.label();
        Line {
            at: Instant::from_nanos(second * 1_000_000_000),
            column: Column::Clients,
            text: format!("{count} {name}: {what}"),
        }
    })
}

/// What a person wants to see of a record; `late` is whether it is after the first disturbance.
fn telling(
    names: &Names,
    outcome: &Outcome,
    record: &Record,
    late: bool,
) -> Option<(Column, String)> {
    let phrase = || names.phrase(&record.what);
    match &record.what {
        What::Fault { .. } => Some((Column::Across, phrase())),
        What::Step { index } => {
            let step = outcome.scenario.steps.get(usize::from(*index))?;
            let acts = step.action.is_some();
            acts.then(|| (Column::Across, format!("step {}", phrase())))
        }
        What::Out(node, Effect::Note(note))
            if wanted(note, late) && !said_by_many(outcome, *node, note, late) =>
        {
            Some((Column::Machine((*node).into()), names.note(*node, note)))
        }
        What::Plant(plant) if late => plant_column(outcome, plant).map(|c| (c, phrase())),
        What::Mail(_, MailEvent::Lost) => Some((Column::Clients, "a message is lost".to_owned())),
        What::Mail(_, MailEvent::Written { step: Some(step), .. }) => {
            let label = &outcome.scenario.steps.get(usize::from(*step))?.label;
            Some((Column::Clients, format!("the message of step {label} is written")))
        }
        What::Mail(mail, MailEvent::Submitted { .. }) => {
            let step = outcome.end.mail.get(mail)?.step?;
            let label = &outcome.scenario.steps.get(usize::from(step))?.label;
            Some((Column::Clients, format!("the message of step {label} is sent")))
        }
        What::In(..)
        | What::Out(..)
        | What::Plant(_)
        | What::Client(..)
        | What::Mail(..)
        | What::Agent(..) => None,
    }
}

/// Whether so many members say a thing, each in its turn, that one will do: that the cluster has
/// formed is told of the first, and lost paths are left to what follows from them.
fn said_by_many(outcome: &Outcome, node: NodeId, note: &Note, late: bool) -> bool {
    const FEW: usize = 4;
    let formed = matches!(note, Note::View { .. } | Note::QuorumHeld { .. });
    let path = matches!(note, Note::PathLost { .. });
    outcome.topology.nodes > FEW && (formed && !late && node != NodeId(0) || path)
}

/// Which decisions belong in a timeline.
fn wanted(note: &Note, late: bool) -> bool {
    match note {
        Note::View { .. }
        | Note::QuorumHeld { .. }
        | Note::QuorumLost { .. }
        | Note::PrimaryActiveManager
        | Note::Votes(_)
        | Note::Forced { .. }
        | Note::ForceEnds
        | Note::Learned { .. }
        | Note::Group { state: GroupState::Online | GroupState::Failed, .. } => true,
        Note::Database { status: CopyStatus::Mounted, .. } => !late,
        Note::WitnessLost { tries, .. } => late && *tries <= 3,
        Note::Resource { state, .. } => late && matches!(state, ResourceState::Failed),
        Note::Group { state, .. } => late && *state == GroupState::Offline,
        Note::MonitorEnded { .. } | Note::ServerSet { .. } => late,
        Note::ActivationCoordination { .. } | Note::MayMount { .. } | Note::MayNotMount { .. } => {
            true
        }
        Note::Database { .. }
        | Note::PathLost { .. }
        | Note::HeartbeatsMissed { .. }
        | Note::Interface { .. }
        | Note::Network { .. }
        | Note::PeerLost { .. }
        | Note::PeerHeard { .. }
        | Note::Regroup { .. }
        | Note::OneVoteShort { .. }
        | Note::WitnessWon
        | Note::GroupMove { .. }
        | Note::GroupStays { .. }
        | Note::NodePaused { .. }
        | Note::NodeNotPaused { .. }
        | Note::NodeDrain { .. }
        | Note::NodesEvicted { .. }
        | Note::NodesAdded { .. }
        | Note::NodeQuarantined { .. }
        | Note::NodeQuarantineEnds { .. }
        | Note::ResourceRestart { .. }
        | Note::CopySuspended { .. }
        | Note::OrderRefused { .. }
        | Note::WitnessServer { .. }
        | Note::DatabaseOperation { .. }
        | Note::Ranking { .. }
        | Note::LastLogs { .. }
        | Note::DatabaseOperationEnded { .. }
        | Note::DatabaseStays { .. }
        | Note::Started
        | Note::Joining
        | Note::Forming
        | Note::NoConnectivity
        | Note::Stopping { .. } => late,
        Note::PathUp { .. } | Note::CopyChosen { .. } | Note::BadFrame { .. } => false,
    }
}

fn plant_column(outcome: &Outcome, plant: &Plant) -> Option<Column> {
    let topology = outcome.topology;
    Some(match plant {
        Plant::Machine { machine, .. }
        | Plant::Adapter { machine, .. }
        | Plant::Service { machine, .. }
        | Plant::AddressUp { machine, .. }
        | Plant::AddressDown { machine, .. }
        | Plant::Lease { machine, .. }
        | Plant::GratuitousArp { machine, .. } => Column::Machine(*machine),
        Plant::WitnessLock { server, .. } => {
            Column::Machine(*topology.witness_servers().get(usize::from(*server))?)
        }
        Plant::ClusterStart { node, .. } | Plant::OrderRefused { node, .. } => {
            Column::Machine((*node).into())
        }
        Plant::DnsRecord { .. } | Plant::DnsUpdateFailed { .. } => {
            use crate::model::topology::MachineRole;
            let mut machines = topology.machines.iter();
            let dns = machines.find(|(_, machine)| machine.roles.contains(&MachineRole::Dns));
            Column::Machine(dns?.0)
        }
        Plant::Copy { copy, status, .. } if !is_active(*status) => {
            Column::Machine(MachineId::at(copy.node.index()))
        }
        Plant::Mounted { copy, .. }
        | Plant::Dismounted { copy }
        | Plant::LogDisk { copy, full: true, .. } => {
            Column::Machine(MachineId::at(copy.node.index()))
        }
        // Beside the device, or beside the host that answers first.
        Plant::ServerMarked { balancer, .. } => {
            Column::Machine(*topology.load_balancers.get(*balancer)?.devices().first()?)
        }
        Plant::Convergence { hosts, .. } => Column::Machine(hosts.iter().next()?),
        Plant::ClientAccessArray
        | Plant::StoppedMembers { .. }
        | Plant::CircularLogging { .. }
        | Plant::NamesServer { .. }
        | Plant::AlternateWitness { .. }
        | Plant::RpcClientAccessServer { .. } => Column::Across,
        Plant::LogDisk { .. } => return None,
        Plant::Copy { .. }
        | Plant::FrameLost { .. }
        | Plant::Neighbour { .. }
        | Plant::Operation { .. } => return None,
    })
}

/// States that only an active copy has; decisions tell of them.
fn is_active(status: CopyStatus) -> bool {
    matches!(
        status,
        CopyStatus::Mounted
            | CopyStatus::Mounting
            | CopyStatus::Dismounting
            | CopyStatus::Dismounted
    )
}
