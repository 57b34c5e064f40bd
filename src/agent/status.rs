//! What an agent tells of itself: one document for people and programs, and the same as metrics.

use super::wire::Dropped;
use crate::base::{DbId, Instant, NodeId, NodeSet, Span};
use crate::failover::Node;
use crate::model::Topology;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a member is at a moment.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// The member.
    pub node: String,
    /// Whether its Cluster service runs.
    pub running: bool,
    /// Whether it only watches.
    pub shadow: bool,
    /// Number of the view; 0 before the first.
    pub view: u64,
    /// Members of the view.
    pub members: Vec<String>,
    /// Whether the view has quorum.
    pub quorum: bool,
    /// Whether this member holds the witness for the view.
    #[serde(default)]
    pub witness: bool,
    /// Members that are paused: they are given nothing that they do not have.
    #[serde(default)]
    pub paused: Vec<String>,
    /// Whether this member is Primary Active Manager.
    pub primary_active_manager: bool,
    /// For how long from now on nobody can have taken over, in milliseconds; none if somebody may
    /// have, or nobody ever can.
    pub safe_for_ms: Option<u64>,
    /// Groups by name.
    pub groups: BTreeMap<String, GroupStatus>,
    /// Databases by name.
    pub databases: BTreeMap<String, DatabaseStatus>,
    /// Copies of databases on this host that have told of themselves, by name.
    #[serde(default)]
    pub copies_here: BTreeMap<String, CopyHere>,
    /// What was counted since the process began.
    pub counts: Counts,
}

/// A group as the cluster database has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupStatus {
    /// Who owns it.
    pub owner: Option<String>,
    /// Its state.
    pub state: String,
}

/// A database as the cluster database has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DatabaseStatus {
    /// Where it is active.
    pub active_on: Option<String>,
    /// Whether it is mounted there.
    pub mounted: bool,
}

/// A database's copy on this host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CopyHere {
    /// Its state, as Get-MailboxDatabaseCopyStatus names it.
    pub status: String,
    /// Logs that are to be copied yet.
    pub copy_queue: u64,
    /// Logs that are to be replayed yet.
    pub replay_queue: u64,
}

/// What was counted since the process began.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Lives of the Cluster service.
    pub lives: u64,
    /// Inputs of the node.
    pub inputs: u64,
    /// Datagrams that could not be sent.
    pub unsent: u64,
    /// Datagrams that came faster than they were taken.
    pub overrun: u64,
    /// Datagrams that were dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Renewals of leases.
    pub renewals: u64,
    /// How often everything was withdrawn because the process stood still.
    pub stood_still: u64,
    /// ARP frames of other hosts that claimed an address which was online here.
    pub address_conflicts: u64,
    /// How often the leases' table was gone and had to be made again.
    #[serde(default)]
    pub tables_lost: u64,
    /// Journals that ended because they could not be written.
    #[serde(default)]
    pub journals_ended: u64,
}

impl Counts {
    /// Takes over how many datagrams were dropped.
    pub fn dropped(&mut self, counts: impl Iterator<Item = (Dropped, u64)>) {
        self.dropped = counts.map(|(why, count)| (why.name().to_owned(), count)).collect();
    }
}

/// What is told of a node.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who it is.
    pub me: NodeId,
    /// The node; none between two lives.
    pub node: Option<&'a Node>,
    /// Whether it only watches.
    pub shadow: bool,
    /// Now.
    pub now: Instant,
    /// Until when nobody can have taken over.
    pub safe_until: Option<Instant>,
    /// Copies on this host, as they told last.
    pub copies: &'a BTreeMap<DbId, CopyHere>,
}

impl Status {
    /// The status at a moment.
    pub fn of(topology: &Topology, asked: Asked<'_>, counts: Counts) -> Status {
        let view = asked.node.map(Node::view);
        let name = |node: NodeId| topology.node_name(node).to_owned();
        let safe = asked.safe_until.filter(|until| *until != Instant::MAX);
        let safe = safe.map(|until| until.saturating_since(asked.now));
        let database = view.map(|view| view.database);
        let groups = database.into_iter().flat_map(|database| database.groups.iter());
        let groups = groups.map(|(id, entry)| {
            let (owner, state) = (entry.owner.map(name), format!("{:?}", entry.state));
            (topology.groups[id].name.clone(), GroupStatus { owner, state })
        });
        let databases = database.into_iter().flat_map(|database| database.databases.iter());
        let databases = databases.map(|(id, entry)| {
            let (active_on, mounted) = (entry.active.map(name), entry.mounted);
            (topology.databases[id].name.clone(), DatabaseStatus { active_on, mounted })
        });
        let copies = asked.copies.iter();
        let copies = copies.map(|(id, copy)| (topology.databases[*id].name.clone(), copy.clone()));
        let nodes = database.into_iter().flat_map(|database| database.nodes.iter());
        let paused = nodes.filter(|(_, entry)| entry.paused).map(|(id, _)| name(id));
        Status {
            node: name(asked.me),
            running: view.is_some(),
            shadow: asked.shadow,
            view: view.map_or(0, |view| view.view),
            members: view.map_or(NodeSet::EMPTY, |view| view.members).iter().map(name).collect(),
            quorum: view.is_some_and(|view| view.quorum),
            witness: view.is_some_and(|view| view.witness),
            paused: paused.collect(),
            primary_active_manager: view.is_some_and(|view| view.primary),
            safe_for_ms: safe.map(Span::as_millis),
            groups: groups.collect(),
            databases: databases.collect(),
            copies_here: copies.collect(),
            counts,
        }
    }

    /// The same for a person.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut say = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<24}{value}");
        };
        let runs = match (self.running, self.quorum) {
            (false, _) => "the Cluster service does not run",
            (true, false) => "runs without quorum",
            (true, true) => "runs in quorum",
        };
        let shadow = if self.shadow { ", and only watches" } else { "" };
        say(&self.node, &format!("{runs}{shadow}"));
        say("view", &format!("{}: {}", self.view, self.members.join(", ")));
        if !self.paused.is_empty() {
            say("paused", &self.paused.join(", "));
        }
        if self.witness {
            say("witness", "held by this member");
        }
        if self.primary_active_manager {
            say("Primary Active Manager", "here");
        }
        let safe = self.safe_for_ms.map(|safe| format!("for {safe} ms at least"));
        say("nobody can take over", safe.as_deref().unwrap_or("not known"));
        for (name, group) in &self.groups {
            let owner = group.owner.as_deref().unwrap_or("nobody");
            say(&format!("group {name}"), &format!("{} on {owner}", group.state));
        }
        for (name, database) in &self.databases {
            let on = database.active_on.as_deref().unwrap_or("nobody");
            let state = if database.mounted { "mounted" } else { "not mounted" };
            say(&format!("database {name}"), &format!("{state}, active on {on}"));
        }
        for (name, CopyHere { status, copy_queue, replay_queue }) in &self.copies_here {
            let queues = format!("copy queue {copy_queue}, replay queue {replay_queue}");
            say(&format!("copy of {name} here"), &format!("{status}, {queues}"));
        }
        let counts = &self.counts;
        let dropped: u64 = counts.dropped.values().sum();
        let told = [
            ("lives", counts.lives),
            ("datagrams not sent", counts.unsent),
            ("datagrams dropped", dropped),
            ("times it stood still", counts.stood_still),
            ("times the leases' table had gone", counts.tables_lost),
            ("journals that could not be written", counts.journals_ended),
        ];
        told.iter().for_each(|(name, count)| say(name, &count.to_string()));
        text
    }

    /// The same in the text form of Prometheus.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        let mut say = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
            let _ = writeln!(text, "# HELP dagtwin_{name} {help}\n# TYPE dagtwin_{name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(text, "dagtwin_{name}{labels} {value}");
            }
        };
        let one = |value: u64| vec![(String::new(), value)];
        let label = |key: &str, value: &str| format!("{{{key}=\"{}\"}}", escaped(value));
        say("running", "gauge", "Whether the Cluster service runs.", &one(self.running.into()));
        say("view", "gauge", "Number of the view.", &one(self.view));
        say("members", "gauge", "Members of the view.", &one(self.members.len() as u64));
        say("quorum", "gauge", "Whether the view has quorum.", &one(self.quorum.into()));
        let primary = one(self.primary_active_manager.into());
        say("primary_active_manager", "gauge", "Whether it is here.", &primary);
        if let Some(safe) = self.safe_for_ms {
            let help = "For how long nobody can have taken over, in milliseconds.";
            say("safe_milliseconds", "gauge", help, &one(safe));
        }
        let here = |owner: &Option<String>| u64::from(owner.as_ref() == Some(&self.node));
        let groups = self.groups.iter().map(|(name, it)| (label("group", name), here(&it.owner)));
        say("group_owner", "gauge", "Whether this member owns it.", &groups.collect::<Vec<_>>());
        let mounted = self.databases.iter().map(|(name, it)| {
            (label("database", name), if it.mounted { here(&it.active_on) } else { 0 })
        });
        let mounted: Vec<_> = mounted.collect();
        say("database_mounted", "gauge", "Whether it is mounted here.", &mounted);
        let copies = || self.copies_here.iter().map(|(name, it)| (label("database", name), it));
        let queues: Vec<_> = copies().map(|(label, copy)| (label, copy.copy_queue)).collect();
        say("copy_queue_logs", "gauge", "Logs that the copy here lacks.", &queues);
        let queues: Vec<_> = copies().map(|(label, copy)| (label, copy.replay_queue)).collect();
        say("replay_queue_logs", "gauge", "Logs that the copy here has to replay.", &queues);
        let Counts { lives, inputs, unsent, overrun, dropped, renewals, .. } = &self.counts;
        let Counts { stood_still, address_conflicts, .. } = &self.counts;
        say("lives_total", "counter", "Lives of the Cluster service.", &one(*lives));
        say("inputs_total", "counter", "Inputs of the node.", &one(*inputs));
        say("unsent_total", "counter", "Datagrams that could not be sent.", &one(*unsent));
        say("overrun_total", "counter", "Datagrams that came too fast.", &one(*overrun));
        let dropped = dropped.iter().map(|(why, count)| (label("why", why), *count));
        let dropped: Vec<_> = dropped.collect();
        say("dropped_total", "counter", "Datagrams that were dropped.", &dropped);
        say("lease_renewals_total", "counter", "Renewals of leases.", &one(*renewals));
        say("stood_still_total", "counter", "Times that it stood still.", &one(*stood_still));
        let help = "Claims of other hosts on addresses that were online here.";
        say("address_conflicts_total", "counter", help, &one(*address_conflicts));
        let Counts { tables_lost, journals_ended, .. } = &self.counts;
        let help = "Times that the leases' table had gone.";
        say("lease_tables_lost_total", "counter", help, &one(*tables_lost));
        let help = "Journals that could not be written to their end.";
        say("journals_ended_total", "counter", help, &one(*journals_ended));
        text
    }
}

/// A label's value as the text form wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
