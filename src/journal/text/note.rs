//! What a node notes, in words: a decision and its reason.

use super::Names;
use super::words::{
    dial_name, dropped_name, failure_name, group_state, operation_name, order_refusal,
    resource_state, why_name,
};
use crate::base::{DbId, GroupId, NicId, NodeId, NodeSet, ResourceId, Span};
use crate::failover::seam::{
    Failure, InterfaceState, MayMount, NetworkState, Note, Operation, Ranked, ResourceState, Why,
};
use crate::failover::state::Drain;

const NO_CONNECTIVITY: &str = "no connectivity: cannot take part in a cluster (event 1553)";

fn start_up(note: &Note) -> &'static str {
    match note {
        Note::Started => "Cluster service starts",
        Note::Joining => "looks for a cluster to join",
        Note::Forming => "found none and tries to form one",
        Note::PrimaryActiveManager => "is Primary Active Manager",
        _ => NO_CONNECTIVITY,
    }
}

impl Names<'_> {
    /// What a note of this node says.
    pub fn note(&self, node: NodeId, note: &Note) -> String {
        match note {
            Note::Started
            | Note::Joining
            | Note::NoConnectivity
            | Note::Forming
            | Note::PrimaryActiveManager => start_up(note).to_owned(),
            Note::PathUp { .. }
            | Note::PathLost { .. }
            | Note::HeartbeatsMissed { .. }
            | Note::Interface { .. }
            | Note::Network { .. }
            | Note::PeerLost { .. }
            | Note::PeerHeard { .. } => self.path(node, note),
            Note::Regroup { .. } | Note::View { .. } => self.membership(note),
            Note::Forced { .. }
            | Note::QuorumHeld { .. }
            | Note::Votes(_)
            | Note::ForceEnds
            | Note::Learned { .. }
            | Note::OneVoteShort { .. }
            | Note::WitnessWon
            | Note::WitnessLost { .. }
            | Note::QuorumLost { .. } => self.about_quorum(note),
            Note::ServerSet { node, settings } => self.server_settings(*node, *settings),
            Note::ActivationCoordination { .. }
            | Note::MayMount { .. }
            | Note::MayNotMount { .. } => self.coordination(note),
            Note::Stopping { why } => format!("Cluster service ends: {}", why_name(*why)),
            Note::BadFrame { from } => {
                format!("drops a message of {} that does not fit", self.node(*from))
            }
            Note::GroupMove { .. } | Note::GroupStays { .. } | Note::Group { .. } => {
                self.of_group(note)
            }
            Note::Resource { .. } | Note::ResourceRestart { .. } | Note::MonitorEnded { .. } => {
                self.of_resource(note)
            }
            Note::NodePaused { .. }
            | Note::NodeNotPaused { .. }
            | Note::NodeDrain { .. }
            | Note::NodesEvicted { .. }
            | Note::NodesAdded { .. }
            | Note::NodeQuarantined { .. }
            | Note::NodeQuarantineEnds { .. } => self.pause(note),
            Note::DatabaseOperation { database, operation, why, from } => {
                self.operation(*database, *operation, *why, *from)
            }
            Note::CopySuspended { .. } | Note::OrderRefused { .. } | Note::WitnessServer { .. } => {
                self.ordered(note)
            }
            Note::Ranking { database, order } => self.ranking(*database, order),
            Note::CopyChosen { database, node, attempt, candidates: _ } => {
                let (database, node) = (self.database(*database), self.node(*node));
                format!("{node} shall activate {database}, attempt {attempt}")
            }
            Note::LastLogs { database, copied, missing, dial, accepted } => {
                let (database, dial) = (self.database(*database), dial_name(*dial));
                let verdict = if *accepted { "mount allowed" } else { "mount refused" };
                let found = format!("{copied} copied, {missing} known to be missing, {dial}");
                format!("last logs of {database}: {found}: {verdict}")
            }
            Note::Database { database, active: _, status } => {
                format!("{} is {status:?}", self.database(*database))
            }
            Note::DatabaseOperationEnded { .. } | Note::DatabaseStays { .. } => self.end(note),
        }
    }

    fn regroup_round(&self, round: u64, reach: NodeSet) -> String {
        format!("regroup {round}: reaches {}", self.nodes(reach))
    }

    fn of_resource(&self, note: &Note) -> String {
        match note {
            Note::Resource { resource, state, failure } => {
                self.resource_is(*resource, *state, *failure)
            }
            Note::ResourceRestart { resource, restarts } => {
                format!("{} is restarted here, restart {restarts}", self.resource(*resource))
            }
            Note::MonitorEnded { resource } => format!(
                "{} did not answer: its resource monitor is ended and started again (events 1230, \
                 1146)",
                self.resource(*resource)
            ),
            other => unreachable!("{other:?} is not about a resource"),
        }
    }

    fn coordination(&self, note: &Note) -> String {
        match note {
            Note::ActivationCoordination { on: true } => {
                "datacenter activation coordination is on".to_owned()
            }
            Note::ActivationCoordination { on: false } => {
                "datacenter activation coordination is off".to_owned()
            }
            Note::MayMount { why } => {
                let why = match why {
                    MayMount::Other(node) => format!("{} may", self.node(*node)),
                    MayMount::AllMembers => "every member can be reached".to_owned(),
                    MayMount::WitnessStayedUp => {
                        "the witness server has been up since it last might".to_owned()
                    }
                    MayMount::Restored => "the group is restored".to_owned(),
                };
                format!("may mount databases: {why}")
            }
            Note::MayNotMount { boot, since } => {
                let since = since.map_or("never".to_owned(), |since| format!("at {since}"));
                format!(
                    "may not mount databases: it last might {since}, the witness server started at \
                     {boot}"
                )
            }
            other => unreachable!("{other:?} is not about activation coordination"),
        }
    }

    fn pause(&self, note: &Note) -> String {
        match note {
            Note::NodePaused { node, paused: true } => format!("{} is paused", self.node(*node)),
            Note::NodePaused { node, paused: false } => format!("{} is resumed", self.node(*node)),
            Note::NodeNotPaused { node } => {
                let why = "it is no member, or its target cannot take groups";
                format!("{} is not paused: {why}", self.node(*node))
            }
            Note::NodeDrain { node, drain } => {
                let how = match drain {
                    Drain::None => "is not asked for",
                    Drain::InProgress => "is in progress",
                    Drain::Completed => "is completed",
                    Drain::Failed => "failed: a group has nowhere to go",
                };
                format!("the drain of {} {how}", self.node(*node))
            }
            Note::NodesEvicted { nodes } => {
                format!("evicts {} from the cluster", self.nodes(*nodes))
            }
            Note::NodesAdded { nodes } => {
                format!("takes {} back into the cluster", self.nodes(*nodes))
            }
            Note::NodeQuarantined { node, until } => {
                format!("{} is quarantined until {until}", self.node(*node))
            }
            Note::NodeQuarantineEnds { node } => {
                format!("{} is not quarantined any more", self.node(*node))
            }
            other => unreachable!("{other:?} is not about a pause"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller takes all others")]
    fn membership(&self, note: &Note) -> String {
        match note {
            Note::Regroup { round, reach } => self.regroup_round(*round, *reach),
            Note::View { view, members, gone, joined } => {
                self.view(*view, *members, *gone, *joined)
            }
            other => unreachable!("{other:?} is not about a membership"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller takes all others")]
    fn of_group(&self, note: &Note) -> String {
        match note {
            Note::GroupMove { group, from, to, why } => self.moves(*group, *from, *to, *why),
            Note::GroupStays { group, why: why @ Why::NodePaused } => {
                format!("{} is not brought online: {}", self.group(*group), why_name(*why))
            }
            Note::GroupStays { group, why } => {
                format!("{} cannot move: {}", self.group(*group), why_name(*why))
            }
            Note::Group { group, owner: _, state } => {
                format!("{} is {}", self.group(*group), group_state(*state))
            }
            other => unreachable!("{other:?} is not about a group"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller takes all others")]
    fn ordered(&self, note: &Note) -> String {
        match note {
            Note::CopySuspended { database, node, suspended, activation_suspended } => {
                let how = match (*suspended, *activation_suspended) {
                    (false, false) => "is resumed",
                    (true, false) => "is suspended",
                    (false, true) => "copies, its activation is suspended",
                    (true, true) => "is suspended, and so is its activation",
                };
                format!("the copy of {} on {} {how}", self.database(*database), self.node(*node))
            }
            Note::WitnessServer { server } => {
                format!("{} is the witness server now", self.witness_server(*server))
            }
            Note::OrderRefused { order, why } => {
                format!("refuses to {}: {}", self.order(order), order_refusal(*why))
            }
            other => unreachable!("{other:?} is not about an order"),
        }
    }

    fn path(&self, node: NodeId, note: &Note) -> String {
        let over = |nic: NicId| self.nic(node.into(), nic);
        match note {
            Note::PathUp { peer, nic } => {
                format!("{} answers over {}", self.node(*peer), over(*nic))
            }
            Note::PathLost { peer, nic, missed } => self.path_lost(node, *peer, *nic, *missed),
            Note::Interface { node, network, state } => {
                let (node, network) = (self.node(*node), self.network(*network));
                let how = match state {
                    InterfaceState::Up => "is up",
                    InterfaceState::Unavailable => "is unavailable: its node is down",
                    InterfaceState::Unreachable => "is unreachable for some (event 1126)",
                    InterfaceState::Failed => "has failed (event 1127)",
                };
                format!("the interface of {node} on {network} {how}")
            }
            Note::Network { network, state } => {
                let how = match state {
                    NetworkState::Up => "is up (event 1128)",
                    NetworkState::Unavailable => "is unavailable: its nodes are down",
                    NetworkState::Partitioned => "is partitioned (event 1129)",
                    NetworkState::Down => "is down (event 1130)",
                };
                format!("cluster network {} {how}", self.network(*network))
            }
            Note::HeartbeatsMissed { peer, nic, missed } => {
                let (peer, nic) = (self.node(*peer), over(*nic));
                format!("path to {peer} over {nic}: {missed} beats missed (event 1650)")
            }
            Note::PeerLost { peer } => format!("{} cannot be reached any more", self.node(*peer)),
            Note::PeerHeard { peer } => format!("{} is heard again", self.node(*peer)),
            other => unreachable!("{other:?} is not about a path"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller takes all others")]
    fn about_quorum(&self, note: &Note) -> String {
        match note {
            Note::Forced { votes, needed } => {
                format!("quorum is forced: {votes} of {needed} votes needed do not count")
            }
            Note::QuorumHeld { votes, needed, witness } => {
                let with = if *witness { " with the witness" } else { "" };
                format!("quorum: {votes} votes of {needed} needed{with}")
            }
            Note::Votes(votes) => {
                let witness = if votes.witness { " and the witness" } else { "" };
                let (total, needed) = (votes.total(), votes.needed());
                let nodes = self.nodes(votes.nodes);
                format!("votes are adapted: {nodes}{witness}, {total} votes, {needed} needed")
            }
            Note::ForceEnds => "a majority of the votes is back: no longer forced".to_owned(),
            Note::Learned { epoch } => {
                format!("takes the witness disk's newer cluster database, epoch {epoch}")
            }
            Note::OneVoteShort { votes, needed, delay, claimant } => {
                one_vote_short(*votes, *needed, *delay, *claimant)
            }
            Note::WitnessWon => "holds the witness".to_owned(),
            Note::WitnessLost { outcome, tries } => {
                format!("witness not won (event 1564), try {tries}: {}", self.outcome(outcome))
            }
            Note::QuorumLost { votes, needed } => {
                format!("quorum lost (event 1177): {votes} votes of {needed} needed")
            }
            _ => String::new(),
        }
    }

    fn path_lost(&self, node: NodeId, peer: NodeId, nic: NicId, missed: u32) -> String {
        let (peer, nic) = (self.node(peer), self.nic(node.into(), nic));
        match missed {
            0 => format!("path to {peer} over {nic} lost: own adapter down"),
            missed => format!("path to {peer} over {nic} lost: {missed} beats missed"),
        }
    }

    fn resource_is(
        &self,
        resource: ResourceId,
        state: ResourceState,
        failure: Option<Failure>,
    ) -> String {
        let why = failure.map_or_else(String::new, |why| format!(": {}", failure_name(why)));
        format!("{} is {}{why}", self.resource(resource), resource_state(state))
    }

    fn end(&self, note: &Note) -> String {
        match note {
            Note::DatabaseOperationEnded { database, active, success, attempts } => {
                self.ended(*database, *active, *success, *attempts)
            }
            Note::DatabaseStays { database, active, mounted } => {
                self.stays(*database, *active, *mounted)
            }
            _ => String::new(),
        }
    }

    fn ended(&self, database: DbId, active: Option<NodeId>, success: bool, attempts: u8) -> String {
        let (database, place) = (self.database(database), active.map(|active| self.node(active)));
        match success {
            true => format!("{database} is active on {}, attempts {attempts}", place.unwrap_or("")),
            false => format!("the operation on {database} failed, attempts {attempts}"),
        }
    }

    fn stays(&self, database: DbId, active: Option<NodeId>, mounted: bool) -> String {
        let stays = if mounted { "stays mounted" } else { "is left dismounted" };
        let place = active.map_or("nowhere", |active| self.node(active));
        format!("{} {stays} on {place}", self.database(database))
    }

    fn view(&self, view: u64, members: NodeSet, gone: NodeSet, joined: NodeSet) -> String {
        let mut text = format!("view {view}: {}", self.nodes(members));
        if !gone.is_empty() {
            text += &format!(" without {} (event 1135)", self.nodes(gone));
        }
        if !joined.is_empty() {
            text += &format!(", new {}", self.nodes(joined));
        }
        text
    }

    fn moves(&self, group: GroupId, from: Option<NodeId>, to: NodeId, why: Why) -> String {
        let from = from.map_or_else(String::new, |from| format!(" from {}", self.node(from)));
        format!("{} goes{from} to {}: {}", self.group(group), self.node(to), why_name(why))
    }

    fn operation(
        &self,
        database: DbId,
        operation: Operation,
        why: Why,
        from: Option<NodeId>,
    ) -> String {
        let kind = operation_name(operation);
        let from = from.map_or_else(String::new, |from| format!(" from {}", self.node(from)));
        format!("{kind} of {}{from}: {}", self.database(database), why_name(why))
    }

    fn ranking(&self, database: DbId, order: &[Ranked]) -> String {
        let judged: Vec<String> = order
            .iter()
            .map(|ranked| {
                let node = self.node(ranked.node);
                match ranked.set {
                    Ok(set) => format!(
                        "{node} criteria set {set} (queues {} and {})",
                        ranked.copy_queue, ranked.replay_queue
                    ),
                    Err(dropped) => format!("{node} dropped ({})", dropped_name(dropped)),
                }
            })
            .collect();
        format!("best copy of {}: {}", self.database(database), judged.join(", "))
    }
}

fn one_vote_short(votes: u8, needed: u8, delay: Span, claimant: bool) -> String {
    let short = format!("one vote short ({votes} of {needed})");
    match (claimant, delay.is_zero()) {
        (true, true) => format!("{short}: claims the witness"),
        (true, false) => format!("{short}: looks at the witness, claims it after {delay}"),
        (false, _) => format!("{short}: another node claims the witness"),
    }
}
