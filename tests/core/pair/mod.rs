//! Bare cores with cables, one clock, a witness, and resources that answer after fixed spans. No
//! simulator: what is wrong here is wrong in the core.

use cables::Cables;
use dagtwin::base::{DbId, GroupId, Id, Instant, NodeId, NodeSet, ResourceId, Span};
use dagtwin::failover::Node;
use dagtwin::failover::seam::*;
use dagtwin::model::order::Names;
use dagtwin::model::topology::WindowsVersion;
use dagtwin::view::transitions::Transitions;

pub use setting::{Setting, span};
pub use setting::{config, rules};
use std::collections::{BTreeMap, BTreeSet};
pub use witness::Witness;

mod cables;
mod parts;
mod perform;
mod setting;
mod witness;

/// More events at one moment than this, and the cores never rest.
const MOST_AT_ONCE: u32 = 100_000;

#[derive(Clone, Debug)]
enum Event {
    Wake(usize),
    Feed { node: usize, life: u32, input: Input },
    Start { node: usize, life: u32 },
    Thaw { node: usize },
}

/// Cores, cables and what hangs on them.
pub struct Pair {
    pub now: Instant,
    setting: Setting,
    nodes: Vec<Option<Node>>,
    lives: Vec<u32>,
    boots: Vec<Durable>,
    pub cables: Cables,
    frozen: Vec<bool>,
    /// What waits for a frozen node to go on.
    postponed: Vec<(usize, u32, Input)>,
    queue: BTreeMap<(Instant, u64), Event>,
    planned: Vec<Option<Instant>>,
    count: u64,
    /// The witness server in use at the start, and another.
    pub witnesses: [Witness; 2],
    /// Wakes come twice and half a millisecond early.
    pub restless: bool,
    /// When the witness server started.
    pub witness_boot: Instant,
    pub missing: u64,
    pub fail_online: BTreeSet<(usize, u16)>,
    pub fail_probe: BTreeSet<(usize, u16)>,
    /// Resources that answer no health check.
    pub mute: BTreeSet<(usize, u16)>,
    pub fail_mount: BTreeSet<usize>,
    /// Members that are marked as stopped.
    stopped_members: NodeSet,
    /// How long a node takes over copy-status, last-logs, mount or dismount, where not as usual.
    pub takes: BTreeMap<(usize, String), String>,
    pub index: BTreeMap<usize, ContentIndex>,
    /// Copy and replay queue of a node's copies; none where nothing is given.
    pub queues: BTreeMap<usize, (u64, u64)>,
    /// States of the nodes' copies, where they are not Healthy.
    pub statuses: BTreeMap<usize, CopyStatus>,
    pub log: Vec<String>,
    pub effects: Vec<(Instant, NodeId, Effect)>,
    pub transitions: Transitions,
    online: BTreeMap<(usize, u16), bool>,
    pub overlap: Span,
}

impl Pair {
    pub fn new(setting: Setting) -> Self {
        let count = setting.nodes;
        let mut pair = Pair {
            now: Instant::ZERO,
            nodes: vec![None; count],
            lives: vec![0; count],
            boots: vec![
                Durable {
                    epoch: 1,
                    database: setting::boot_database(&setting),
                    ..Durable::default()
                };
                count
            ],
            cables: Cables::new(count, setting.networks),
            frozen: vec![false; count],
            postponed: Vec::new(),
            queue: BTreeMap::new(),
            planned: vec![None; count],
            count: 0,
            witnesses: [Witness::default(), Witness::default()],
            restless: false,
            witness_boot: Instant::ZERO,
            missing: 0,
            fail_online: BTreeSet::new(),
            fail_probe: BTreeSet::new(),
            mute: BTreeSet::new(),
            fail_mount: BTreeSet::new(),
            stopped_members: NodeSet::EMPTY,
            takes: BTreeMap::new(),
            index: BTreeMap::new(),
            queues: BTreeMap::new(),
            statuses: BTreeMap::new(),
            log: Vec::new(),
            effects: Vec::new(),
            transitions: Transitions::default(),
            online: BTreeMap::new(),
            overlap: Span::ZERO,
            setting,
        };
        for node in 0..count {
            let usual = Span::from_millis(100 * node as u64);
            let after = pair.setting.starts.get(node).copied().unwrap_or(usual);
            if after < Span::MAX {
                pair.plan(after, Event::Start { node, life: 0 });
            }
        }
        pair
    }

    fn plan(&mut self, after: Span, event: Event) {
        self.count += 1;
        self.queue.insert((self.now.saturating_add(after), self.count), event);
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Span) {
        let until = self.now + span;
        let (mut moment, mut events) = (self.now, 0);
        while let Some(((at, _), _)) = self.queue.first_key_value() {
            if *at > until {
                break;
            }
            events = if *at == moment { events + 1 } else { 0 };
            moment = *at;
            assert!(events < MOST_AT_ONCE, "the cores do not rest at {moment}");
            let ((at, _), event) = self.queue.pop_first().expect("just seen");
            if self.two_owners() {
                self.overlap += at.since(self.now);
            }
            self.now = at;
            match event {
                Event::Wake(node) => {
                    let due = self.planned[node] == Some(at) || self.restless;
                    if due && !self.frozen[node] {
                        self.feed(node, Input::Wake);
                    }
                }
                Event::Feed { node, life, input } if self.lives[node] == life => {
                    self.deliver(node, life, input);
                }
                Event::Feed { .. } => {}
                Event::Start { node, life } if self.lives[node] == life => self.start(node),
                Event::Start { .. } => {}
                Event::Thaw { node } => self.thaw(node),
            }
        }
        self.now = until;
    }

    fn two_owners(&self) -> bool {
        let here = |n: usize| {
            self.online.get(&(n, 3)) == Some(&true)
                && self.nodes[n].as_ref().is_some_and(|node| node.view().quorum)
        };
        (0..self.setting.nodes).filter(|n| here(*n)).count() > 1
    }

    pub fn start(&mut self, node: usize) {
        self.start_as(node, Start::default());
    }

    /// Starts a node's Cluster service with switches.
    pub fn start_as(&mut self, node: usize, start: Start) {
        if self.nodes[node].is_some() {
            return;
        }
        self.lives[node] += 1;
        let boot = Boot {
            durable: self.boots[node].clone(),
            links: self.cables.carrier(node),
            replication_service: true,
            start,
            time_of_day: self.time_of_day(),
        };
        self.nodes[node] = Some(Node::new(config(&self.setting, node), boot, self.now));
        self.planned[node] = None;
        self.arm(node);
    }

    /// `Restore-DatabaseAvailabilityGroup`: with quorum it is an order, without it a start.
    pub fn restore(&mut self, node: usize, witness_server: Option<u8>) {
        let restore = Restore { evicts: self.stopped_members, witness_server };
        if self.nodes[node].as_ref().is_some_and(|node| node.view().quorum) {
            return self.feed(node, Input::Order(Order::RestoreGroup(restore)));
        }
        self.crash(node);
        let (quorum, restores) = (StartQuorum::Force, Some(restore));
        self.start_as(node, Start { quorum, restores, ..Start::default() });
    }

    /// `Stop-DatabaseAvailabilityGroup`.
    pub fn stop_members(&mut self, nodes: NodeSet, configuration_only: bool) {
        self.stopped_members = self.stopped_members.union(nodes);
        for node in nodes.iter().filter(|_| !configuration_only) {
            self.feed(node.index(), Input::Order(Order::StopService));
        }
    }

    /// `Start-DatabaseAvailabilityGroup`.
    pub fn start_members(&mut self, on: usize, nodes: NodeSet) {
        self.stopped_members = self.stopped_members.minus(nodes);
        self.feed(on, Input::Order(Order::AddMembers(nodes)));
        nodes.iter().for_each(|node| self.start(node.index()));
    }

    fn time_of_day(&self) -> Span {
        let day = span("24h").as_nanos();
        Span::from_nanos((self.setting.time_of_day.as_nanos() + self.now.as_nanos()) % day)
    }

    pub fn crash(&mut self, node: usize) {
        self.nodes[node] = None;
        self.transitions.ended(NodeId::at(node));
        self.frozen[node] = false;
        self.lives[node] += 1;
        self.online.retain(|(on, _), _| *on != node);
    }

    /// A node's core, as it is now.
    ///
    /// # Panics
    /// If the node is stopped.
    pub fn core(&self, node: usize) -> Node {
        self.nodes[node].clone().expect("it runs")
    }

    pub fn feed(&mut self, node: usize, input: Input) {
        let Some(core) = &mut self.nodes[node] else { return };
        let mut out = Vec::new();
        core.step(self.now, input, &mut out);
        for effect in out {
            self.effects.push((self.now, NodeId::at(node), effect.clone()));
            self.follow(node, &effect);
            self.perform(node, effect);
        }
        self.arm(node);
    }

    /// Demands that a state follows another along an edge of its table.
    fn follow(&mut self, node: usize, effect: &Effect) {
        let Effect::Note(note) = effect else { return };
        for change in self.transitions.told(NodeId::at(node), note) {
            let (from, to) = &change.names;
            assert!(change.known, "{}: {from} to {to} is no transition", change.who);
        }
    }

    fn arm(&mut self, node: usize) {
        let at = self.nodes[node].as_ref().and_then(Node::deadline).map(|deadline| deadline.at);
        if at != self.planned[node] {
            self.planned[node] = at;
            if let Some(at) = at {
                let after = at.saturating_since(self.now);
                self.plan(after, Event::Wake(node));
                if self.restless {
                    let early = after.saturating_sub(Span::from_micros(500));
                    self.plan(early, Event::Wake(node));
                    self.plan(after, Event::Wake(node));
                }
            }
        }
    }

    /// The number of a resource.
    pub fn resource(&self, name: &str) -> u16 {
        self.setting.parts.resource(name).0
    }

    /// A resource on a node signals its own failure.
    pub fn signal(&mut self, (node, resource): (usize, u16)) {
        let (resource, failure) = (ResourceId(resource), Failure::NotAlive);
        self.feed(node, Input::Saw(Report::ResourceFailed { resource, failure }));
    }

    /// The names that an order in a case may use.
    pub fn names(&self) -> Names {
        let copies: Vec<NodeId> = (0..self.setting.copies).map(NodeId::at).collect();
        Names {
            nodes: (0..self.setting.nodes).map(|n| format!("n{n}")).collect(),
            groups: self.setting.parts.groups().iter().map(|name| name.replace('-', " ")).collect(),
            resources: self.setting.parts.resources().into_iter().collect(),
            databases: (0..self.setting.databases)
                .map(|n| (if n == 0 { "VIP".to_owned() } else { format!("DB{n}") }, copies.clone()))
                .collect(),
            domain: "site.local".to_owned(),
            client_access_array: None,
            witness_servers: vec!["DC01".to_owned(), "FS02".to_owned()],
            availability_group: "DAG".to_owned(),
            sites: Vec::new(),
            coordination: None,
            windows: WindowsVersion::V2016,
        }
    }

    /// Cuts every network between two nodes.
    pub fn cut_all(&mut self, a: usize, b: usize, cut: bool) {
        for net in 0..self.setting.networks {
            self.cut(net, a, b, cut);
        }
    }

    /// Mends every cable.
    pub fn mend_all(&mut self) {
        self.cables.mend_all();
    }

    pub fn database_failed(&mut self, node: usize) {
        let (database, failure) = (DbId(0), Failure::ServiceStopped);
        self.feed(node, Input::Saw(Report::DatabaseFailed { database, failure }));
    }

    /// What each node waits for, in lines.
    pub fn tell_wakes(&mut self) {
        for (n, node) in self.nodes.iter().enumerate() {
            if let Some(next) = node.as_ref().and_then(Node::deadline) {
                self.log.push(format!("n{n} wakes for {:?}", next.why));
            }
        }
    }

    /// One line on who owns what.
    pub fn state(&self) -> String {
        let mut text = String::new();
        for (n, node) in self.nodes.iter().enumerate() {
            let Some(node) = node else {
                text += &format!("n{n} stopped\n");
                continue;
            };
            let view = node.view();
            let group = |id: u16| {
                let entry = &view.database.groups[GroupId(id)];
                format!("{:?} {:?}", entry.owner, entry.state)
            };
            let db = &view.database.databases[DbId(0)];
            let made = self.setting.parts.groups().into_iter().enumerate().skip(2);
            let made: Vec<String> =
                made.map(|(place, name)| format!(" {name} {}", group(place as u16))).collect();
            text += &format!(
                "n{n} view {} {:?} quorum {} primary {} core {} casarray {}{} vip {:?} mounted {}\n",
                view.view,
                view.members,
                view.quorum,
                view.primary,
                group(0),
                group(1),
                made.concat(),
                db.active,
                db.mounted,
            );
        }
        text
    }
}
