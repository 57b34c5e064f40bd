//! What `dagtwin quorum` calculated, as text and as JSON.

use crate::base::{MachineId, NodeSet};
use crate::failover::quorum::plan::{Ballot, Judged, Side};
use crate::failover::quorum::{Counting, Mode, Standing, Votes, Witness};
use crate::model::Topology;
use crate::model::quorum::QuorumType;
use serde_json::{Value, json};
use std::fmt::Write;

/// One event of a plan and what it came to.
#[derive(Clone, Debug)]
pub struct Step {
    /// The event as it was typed; none for the cluster before anything happens.
    pub what: Option<String>,
    /// What it came to.
    pub judged: Judged,
}

/// A plan that was played to its end.
#[derive(Clone, Copy, Debug)]
pub struct Calculated<'c> {
    /// The topology.
    pub topology: &'c Topology,
    /// The cluster before anything happens, and every event; never empty.
    pub steps: &'c [Step],
    /// Nodes that run in the end, with quorum or waiting for it.
    pub up: NodeSet,
    /// Whether the witness works in the end.
    pub witness_up: bool,
}

impl Calculated<'_> {
    fn last(&self) -> &Judged {
        &self.steps.last().expect("a plan has the cluster before it").judged
    }

    fn names(&self, nodes: NodeSet) -> Vec<&str> {
        nodes.iter().map(|node| self.topology.node_name(node)).collect()
    }

    /// Why the cluster has the mode that it has.
    fn mode(&self) -> String {
        let mode = self.topology.dag.quorum;
        if self.topology.settings.cluster.quorum_type != QuorumType::Exchange {
            return format!("{}, as cluster.quorum_type says", mode.title());
        }
        let odd = !self.topology.nodes.is_multiple_of(2);
        let why = match (odd, self.topology.dag.witness) {
            (true, Some(witness)) => {
                let name = self.topology.machine_name(witness);
                format!("an odd number of members; the witness on {name} has no vote")
            }
            (true, None) => "an odd number of members".to_owned(),
            (false, Some(_)) => "an even number of members and a witness server".to_owned(),
            (false, None) => "an even number of members, but no witness server".to_owned(),
        };
        format!("{}, as Exchange sets it for {why}", mode.title())
    }

    fn counting(&self) -> &'static str {
        match self.topology.rules().counting {
            Counting::Static => "votes as configured, down nodes included",
            Counting::Nodes => "dynamic quorum, without dynamic witness",
            Counting::NodesAndWitness => "dynamic quorum and dynamic witness",
        }
    }

    fn witness_name(&self) -> Option<String> {
        Some(match self.topology.rules().witness()? {
            Witness::Disk => "witness disk".to_owned(),
            Witness::FileShare => match self.topology.dag.witness {
                Some(machine) => format!("witness on {}", self.topology.machine_name(machine)),
                None => "witness".to_owned(),
            },
        })
    }

    /// A side's sentence, with the numbers.
    fn why(&self, judged: &Judged, side: &Side) -> String {
        let names = self.names(side.members).join(", ");
        let (votes, needed) = side.standing.count();
        let total = side.votes.total();
        let witness = self.witness_name().unwrap_or_else(|| "witness".to_owned());
        let owner = judged.owner.map(|node| self.topology.node_name(node));
        let delay = &self.topology.settings.cluster.arbitration_delay;
        if self.topology.dag.quorum == Mode::DiskOnly {
            return format!("{names}: {}", disk_only(side.ballot, owner));
        }
        let nodes = format!("{names} with {votes} of {total} votes, {needed} needed");
        let short = votes + 1 == needed;
        let what = match side.ballot {
            Ballot::NoWitness => String::new(),
            Ballot::NoVote => format!("the {witness} has no vote now (WitnessDynamicWeight 0)"),
            Ballot::Failed => format!("the {witness} is down, nobody has its vote"),
            Ballot::Unreachable => format!("the {witness} cannot be reached"),
            Ballot::NotNeeded { counts: true } => {
                format!("the {witness} makes {} of {total}, though it is not needed", votes + 1)
            }
            Ballot::NotNeeded { counts: false } => format!("the {witness} is not needed"),
            Ballot::WonByOwner => format!(
                "one short; {} owns the core group and claims the {witness} first, which makes \
                 {needed} of {total}",
                owner.unwrap_or("it")
            ),
            Ballot::WonAfterDelay => format!(
                "one short; no side that owns the core group claims the {witness}, and after the \
                 arbitration delay of {delay} it is won, which makes {needed} of {total}"
            ),
            Ballot::Lost { to_owner: true } => format!(
                "one short; the {witness} goes to the side of {}, which owns the core group and \
                 claims first",
                owner.unwrap_or("its owner")
            ),
            Ballot::Lost { to_owner: false } => {
                format!("one short; the {witness} goes to the side that was first")
            }
            Ballot::Newer => format!(
                "one short; the tag of the {witness} is newer than what these nodes know (status \
                 5925)"
            ),
            Ballot::NotEnough { counts: true } => {
                format!("the {witness} makes only {} of {total}", votes + 1)
            }
            Ballot::NotEnough { counts: false } => format!("the {witness} would not be enough"),
        };
        let end = match side.standing {
            _ if side.quorum() => "quorum",
            Standing::Minority { .. } if !short => "no quorum",
            Standing::Majority { .. } | Standing::OneShort { .. } | Standing::Minority { .. } => {
                "no quorum, one vote short"
            }
        };
        match what.is_empty() {
            true => format!("{nodes}; {end}"),
            false => format!("{nodes}; {what}; {end}"),
        }
    }

    fn sides(&self, judged: &Judged) -> Value {
        let side = |side: &Side| {
            json!({
                "members": self.names(side.members),
                "held": side.held(),
                "quorum": side.quorum(),
                "why": self.why(judged, side),
            })
        };
        judged.sides.iter().map(side).collect()
    }

    /// One JSON document.
    pub fn json(&self) -> String {
        let last = self.last();
        let step = |step: &Step| {
            let survivors = step.judged.survivors();
            json!({
                "what": step.what,
                "votes": step.judged.votes.total(),
                "needed": step.judged.votes.needed(),
                "sides": self.sides(&step.judged),
                "up": !survivors.is_empty(),
                "survivors": self.names(survivors),
                "after": votes(step.judged.after),
            })
        };
        let node = |id| {
            json!({
                "name": self.topology.node_name(id),
                "up": self.up.contains(id),
                "node_weight": u8::from(self.topology.machines[MachineId::from(id)].vote),
                "dynamic_weight": u8::from(last.after.nodes.contains(id)),
            })
        };
        let survivors = last.survivors();
        let document = json!({
            "topology": self.topology.name,
            "mode": self.topology.dag.quorum.title(),
            "mode_why": self.mode(),
            "windows_version": self.topology.windows.word(),
            "dynamic_quorum": self.topology.rules().counting != Counting::Static,
            "votes": last.votes.total(),
            "needed": last.votes.needed(),
            "sides": self.sides(last),
            "up": !survivors.is_empty(),
            "survivors": self.names(survivors),
            "after": votes(last.after),
            "nodes": self.topology.node_ids().map(node).collect::<Vec<_>>(),
            "witness": self.witness_name().map(|name| json!({
                "name": name,
                "up": self.witness_up,
                "witness_dynamic_weight": u8::from(last.after.witness),
            })),
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
        });
        let text = serde_json::to_string_pretty(&document);
        text.expect("a document of texts and numbers is JSON") + "\n"
    }

    /// A table of votes, every event with its sides, and who is left.
    pub fn text(&self) -> String {
        let windows = self.topology.windows.word();
        let mut text = format!("{}: {}\n", self.topology.name, self.mode());
        let _ = writeln!(text, "Windows Server {windows}: {}\n", self.counting());
        self.table(&mut text);
        for step in self.steps {
            let Judged { votes, sides, after, .. } = &step.judged;
            let what = step.what.as_deref().unwrap_or("at the start");
            let _ = writeln!(text, "\n{what}");
            if sides.is_empty() {
                text += "  nobody is left\n";
            }
            for side in sides {
                let mark = if side.quorum() { "+" } else { "-" };
                let _ = writeln!(text, "  {mark} {}", self.why(&step.judged, side));
            }
            if after != votes && !step.judged.survivors().is_empty() {
                let nodes = self.names(after.nodes).join(", ");
                let witness = if after.witness { " and the witness" } else { "" };
                let (total, needed) = (after.total(), after.needed());
                let _ = writeln!(
                    text,
                    "    votes are adapted: {nodes}{witness}, {total} in all, {needed} needed"
                );
            }
        }
        let survivors = self.names(self.last().survivors()).join(", ");
        let _ = match survivors.is_empty() {
            true => writeln!(text, "\nthe cluster is down: no side has quorum"),
            false => writeln!(text, "\nthe cluster is up on {survivors}"),
        };
        text
    }

    fn table(&self, text: &mut String) {
        let last = self.last();
        let dynamic = self.topology.rules().counting != Counting::Static;
        let witness = self.witness_name();
        let names = self.topology.node_ids().map(|id| self.topology.node_name(id).len());
        let longest = witness.as_ref().map_or(0, String::len).max(names.max().unwrap_or(0)).max(4);
        let _ = writeln!(text, "{:longest$}  NodeWeight  DynamicWeight  state", "vote");
        let weight = |has: bool| if dynamic { u8::from(has).to_string() } else { "-".to_owned() };
        let survivors = last.survivors();
        for id in self.topology.node_ids() {
            let configured = u8::from(self.topology.machines[MachineId::from(id)].vote);
            let state = match (survivors.contains(id), self.up.contains(id)) {
                (true, _) => "up",
                (false, true) => "waits for quorum",
                (false, false) => "stopped",
            };
            let name = self.topology.node_name(id);
            let now = weight(last.after.nodes.contains(id));
            let _ = writeln!(text, "{name:longest$}  {configured:<10}  {now:<13}  {state}");
        }
        if let Some(name) = witness {
            let state = if self.witness_up { "up" } else { "down" };
            let now = weight(last.after.witness);
            let _ = writeln!(text, "{name:longest$}  {:<10}  {now:<13}  {state}", 1);
        }
    }
}

fn votes(votes: Votes) -> Value {
    json!({ "votes": votes.total(), "needed": votes.needed() })
}

/// Disk Only asks for no votes of nodes.
fn disk_only(ballot: Ballot, owner: Option<&str>) -> String {
    let owner = owner.unwrap_or("nobody");
    match ballot {
        Ballot::WonByOwner => {
            format!("holds the disk, 1 of 1, because {owner} owns the core group; quorum")
        }
        Ballot::WonAfterDelay => {
            "wins the disk, 1 of 1, because nobody else defends it; quorum".to_owned()
        }
        Ballot::Lost { .. } => {
            format!("0 of 1: the disk is held on the side of {owner}; no quorum")
        }
        Ballot::Failed => "0 of 1: the disk is down; no quorum".to_owned(),
        Ballot::Unreachable => "0 of 1: the disk cannot be reached; no quorum".to_owned(),
        Ballot::NoWitness
        | Ballot::NoVote
        | Ballot::NotNeeded { .. }
        | Ballot::Newer
        | Ballot::NotEnough { .. } => "0 of 1; no quorum".to_owned(),
    }
}
