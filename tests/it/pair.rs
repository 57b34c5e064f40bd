//! Bare cores with cables, one clock, a witness, and resources that answer after fixed spans. No
//! simulator: what is wrong here is wrong in the core.

use dagtwin::base::{
    DbId, GroupId, Id, IdVec, Instant, NetId, NicId, NodeId, NodeSet, OpId, ResourceId, Span,
};
use dagtwin::failover::Node;
use dagtwin::failover::config::*;
use dagtwin::failover::seam::*;
use dagtwin::failover::state::{ClusterDatabase, DatabaseEntry, GroupEntry};
use std::collections::{BTreeMap, BTreeSet};

/// Network 0 carries clients and the witness, network 1 is for replication.
const NETWORKS: usize = 2;

#[derive(Clone, Debug)]
enum Event {
    Wake(usize),
    Feed { node: usize, life: u32, input: Input },
    Start { node: usize, life: u32 },
}

/// What a case sets before its cores start.
#[derive(Clone, Debug)]
pub struct Setting {
    pub nodes: usize,
    pub witness: bool,
    pub core: usize,
    pub casarray: Option<usize>,
    pub active: usize,
    pub copies: usize,
    pub delay: Span,
    pub failback: bool,
    pub threshold: u32,
    pub starts: Vec<Span>,
    pub dials: Vec<MountDial>,
}

impl Default for Setting {
    fn default() -> Self {
        Setting {
            nodes: 2,
            witness: true,
            core: 1,
            casarray: Some(0),
            active: 0,
            copies: 2,
            delay: Span::from_secs(6),
            failback: false,
            threshold: 1,
            starts: Vec::new(),
            dials: Vec::new(),
        }
    }
}

/// Cores, cables and what hangs on them.
pub struct Pair {
    pub now: Instant,
    setting: Setting,
    nodes: Vec<Option<Node>>,
    lives: Vec<u32>,
    boots: Vec<Durable>,
    links: Vec<[bool; NETWORKS]>,
    cuts: BTreeSet<(usize, usize, usize)>,
    queue: BTreeMap<(Instant, u64), Event>,
    planned: Vec<Option<Instant>>,
    count: u64,
    pub witness_up: bool,
    holder: Option<usize>,
    tag: u64,
    /// Every n-th frame is lost; zero for none.
    pub drop_every: u64,
    frames: u64,
    /// Wakes come twice and half a millisecond early.
    pub restless: bool,
    pub missing: u64,
    pub fail_online: BTreeSet<(usize, u16)>,
    pub fail_probe: BTreeSet<(usize, u16)>,
    pub fail_mount: BTreeSet<usize>,
    pub index: BTreeMap<usize, ContentIndex>,
    pub log: Vec<String>,
    pub effects: Vec<(Instant, NodeId, Effect)>,
    online: BTreeMap<(usize, u16), bool>,
    pub overlap: Span,
}

fn span(text: &str) -> Span {
    <Span as dagtwin::model::settings::Value>::read(text).expect("a span")
}

/// A resource with the product's defaults.
fn resource(
    possible_owners: NodeSet,
    kind: ResourceKind,
    group: u16,
    depends_on: Vec<ResourceId>,
) -> ResourceConfig {
    ResourceConfig {
        kind,
        group: GroupId(group),
        depends_on,
        possible_owners,
        looks_alive: span("5s"),
        is_alive: span("60s"),
        restart_action: match kind {
            ResourceKind::FileShareWitness => RestartAction::RestartNoNotify,
            ResourceKind::IpAddress { .. } | ResourceKind::NetworkName => {
                RestartAction::RestartNotify
            }
        },
        restart_threshold: 1,
        restart_period: span("15m"),
        restart_delay: span("500ms"),
        retry_period_on_failure: Some(span("1h")),
        pending_timeout: span("3m"),
    }
}

/// The configuration of a node in a setting.
pub fn config(setting: &Setting, me: usize) -> Config {
    let node = |n: usize| NodeConfig {
        nics: [NetId(0), NetId(1)].into_iter().collect(),
        vote: true,
        dial: setting.dials.get(n).copied().unwrap_or(MountDial::GoodAvailability),
        activation_allowed: true,
        maximum_active: None,
    };
    let all = NodeSet::first(setting.nodes);
    let group = |kind| GroupConfig {
        kind,
        preferred: if setting.failback { vec![NodeId(0)] } else { vec![] },
        failover_threshold: setting.threshold,
        failover_period: span("6h"),
        auto_failback: setting.failback && kind == GroupKind::Role,
        exists: true,
    };
    let resource = |kind, group, depends_on| resource(all, kind, group, depends_on);
    let ip = ResourceKind::IpAddress { network: NetId(0) };
    Config {
        me: NodeId::at(me),
        nodes: (0..setting.nodes).map(node).collect(),
        networks: [true, false]
            .map(|client_access| NetworkConfig { cluster_use: true, client_access })
            .into_iter()
            .collect(),
        heartbeat: HeartbeatConfig { delay: span("1s"), threshold: 5 },
        membership: MembershipConfig {
            tick: span("300ms"),
            minimum_ticks: 2,
            opening: span("5s"),
            stage: span("5s"),
            form_after: span("5s"),
        },
        quorum: QuorumConfig {
            witness: setting.witness,
            arbitration_delay: setting.delay,
            claim_retry: span("1s"),
            claim_tries: 30,
            termination: span("90s"),
        },
        groups: [group(GroupKind::Core), group(GroupKind::Role)].into_iter().collect(),
        resources: [
            resource(ip, 0, vec![]),
            resource(ResourceKind::NetworkName, 0, vec![ResourceId(0)]),
            resource(ResourceKind::FileShareWitness, 0, vec![]),
            resource(ip, 1, vec![]),
            resource(ResourceKind::NetworkName, 1, vec![ResourceId(3)]),
        ]
        .into_iter()
        .collect(),
        databases: [DatabaseConfig {
            copies: (0..setting.copies).map(|n| (NodeId::at(n), n as u8 + 1)).collect(),
        }]
        .into_iter()
        .collect(),
        active_manager: ActiveManagerConfig {
            status_timeout: span("2s"),
            last_logs_timeout: span("15s"),
            mount_timeout: span("5m"),
            retry: span("30s"),
            skip_down_source: true,
        },
    }
}

impl Pair {
    pub fn new(setting: Setting) -> Self {
        let group = |owner: Option<usize>| GroupEntry {
            exists: owner.is_some(),
            owner: owner.map(NodeId::at),
            wanted: true,
            ..GroupEntry::default()
        };
        let database = ClusterDatabase {
            version: 1,
            groups: [group(Some(setting.core)), group(setting.casarray)].into_iter().collect(),
            resources: IdVec::filled(5, ResourceState::Offline),
            databases: [DatabaseEntry {
                active: Some(NodeId::at(setting.active)),
                mounted: false,
                wanted: true,
                last_log: 0,
            }]
            .into_iter()
            .collect(),
        };
        let count = setting.nodes;
        let mut pair = Pair {
            now: Instant::ZERO,
            nodes: vec![None; count],
            lives: vec![0; count],
            boots: vec![Durable { epoch: 1, database }; count],
            links: vec![[true; NETWORKS]; count],
            cuts: BTreeSet::new(),
            queue: BTreeMap::new(),
            planned: vec![None; count],
            count: 0,
            witness_up: true,
            holder: None,
            tag: 0,
            drop_every: 0,
            frames: 0,
            restless: false,
            missing: 0,
            fail_online: BTreeSet::new(),
            fail_probe: BTreeSet::new(),
            fail_mount: BTreeSet::new(),
            index: BTreeMap::new(),
            log: Vec::new(),
            effects: Vec::new(),
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
        while let Some(((at, _), _)) = self.queue.first_key_value() {
            if *at > until {
                break;
            }
            let ((at, _), event) = self.queue.pop_first().expect("just seen");
            if self.two_owners() {
                self.overlap += at.since(self.now);
            }
            self.now = at;
            match event {
                Event::Wake(node) => {
                    if self.planned[node] == Some(at) || self.restless {
                        self.feed(node, Input::Wake);
                    }
                }
                Event::Feed { node, life, input } if self.lives[node] == life => {
                    self.feed(node, input);
                }
                Event::Feed { .. } => {}
                Event::Start { node, life } if self.lives[node] == life => self.start(node),
                Event::Start { .. } => {}
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
        if self.nodes[node].is_some() {
            return;
        }
        self.lives[node] += 1;
        let boot = Boot {
            durable: self.boots[node].clone(),
            links: self.links[node].to_vec(),
            replication_service: true,
        };
        self.nodes[node] = Some(Node::new(config(&self.setting, node), boot, self.now));
        self.planned[node] = None;
        self.arm(node);
    }

    pub fn crash(&mut self, node: usize) {
        self.nodes[node] = None;
        self.lives[node] += 1;
        for resource in 0..5 {
            self.online.remove(&(node, resource));
        }
    }

    pub fn feed(&mut self, node: usize, input: Input) {
        let Some(core) = &mut self.nodes[node] else { return };
        let mut out = Vec::new();
        core.step(self.now, input, &mut out);
        for effect in out {
            self.effects.push((self.now, NodeId::at(node), effect.clone()));
            self.perform(node, effect);
        }
        self.arm(node);
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

    fn perform(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Send { nic, to, message } => {
                self.frames += 1;
                let net = usize::from(nic.0);
                let other = usize::from(to.0);
                let cut = self.cuts.contains(&(net, node.min(other), node.max(other)));
                let dropped = self.drop_every > 0 && self.frames.is_multiple_of(self.drop_every);
                if self.links[node][net] && self.links[other][net] && !cut && !dropped {
                    let input = Input::Frame { nic, from: NodeId::at(node), message };
                    let life = self.lives[other];
                    self.plan(Span::from_micros(100), Event::Feed { node: other, life, input });
                }
            }
            Effect::Note(note) => {
                let line = format!("{}  n{node}  {note:?}", self.now);
                self.log.push(line);
            }
            Effect::Do { op, act } => self.begin(node, op, act),
        }
    }

    fn done(&mut self, node: usize, op: OpId, after: &str, outcome: Outcome) {
        let life = self.lives[node];
        let input = Input::Done { op, outcome };
        self.plan(span(after), Event::Feed { node, life, input });
    }

    fn begin(&mut self, node: usize, op: OpId, act: Act) {
        let net = self.links[node][0];
        match act {
            Act::ClaimWitness => {
                let outcome = self.claim(node);
                self.done(node, op, "437ms", outcome);
            }
            Act::TestWitness => {
                let outcome = self.claim(node);
                if outcome == Outcome::Ok {
                    self.holder = None;
                }
                self.done(node, op, "437ms", outcome);
            }
            Act::ReleaseWitness => {
                if self.holder == Some(node) && net {
                    self.holder = None;
                }
                self.done(node, op, "1ms", Outcome::Ok);
            }
            Act::Store(durable) => {
                self.tag = self.tag.max(if net { durable.epoch } else { 0 });
                self.boots[node] = *durable;
                self.done(node, op, "1ms", Outcome::Ok);
            }
            Act::Online(resource) => self.online(node, op, resource),
            Act::Offline(ResourceId(resource)) | Act::Terminate(ResourceId(resource)) => {
                self.online.insert((node, resource), false);
                self.done(node, op, "100ms", Outcome::Ok);
            }
            Act::LooksAlive(ResourceId(resource)) | Act::IsAlive(ResourceId(resource)) => {
                let bad = self.fail_probe.contains(&(node, resource))
                    || resource == 2 && matches!(act, Act::IsAlive(_)) && !self.witness_up;
                let bad = if bad { Outcome::Failed(Failure::NotAlive) } else { Outcome::Ok };
                self.done(node, op, "10ms", bad);
            }
            Act::CopyStatus(_) => {
                let report = self.copy_report(node);
                self.done(node, op, "10ms", Outcome::Copy(report));
            }
            Act::CopyLastLogs { source, .. } => {
                let missing = if source.is_some() { 0 } else { self.missing };
                let outcome = Outcome::LastLogs { copied: 0, missing };
                self.done(node, op, "100ms", outcome);
            }
            Act::Mount(_) if self.fail_mount.contains(&node) => {
                self.done(node, op, "2s", Outcome::Failed(Failure::Disk));
            }
            Act::Mount(_) => self.done(node, op, "2s", Outcome::Ok),
            Act::Dismount(_) => self.done(node, op, "1s", Outcome::Ok),
            Act::Follow { database, active } => {
                let line = format!("{}  n{node}  Follow {database:?} {active:?}", self.now);
                self.log.push(line);
            }
            Act::Stop { restart } => {
                self.crash(node);
                if self.holder == Some(node) && net {
                    self.holder = None;
                }
                if restart {
                    let life = self.lives[node];
                    self.plan(span("60s"), Event::Start { node, life });
                }
            }
        }
    }

    /// A copy that has everything.
    fn copy_report(&self, node: usize) -> CopyReport {
        CopyReport {
            status: CopyStatus::Healthy,
            content_index: *self.index.get(&node).unwrap_or(&ContentIndex::Healthy),
            generated: 1000,
            inspected: 1000,
            replayed: 1000,
            activation_suspended: false,
        }
    }

    /// A claim travels network 0: an isolated node cannot win.
    fn claim(&mut self, node: usize) -> Outcome {
        if !self.links[node][0] {
            return Outcome::Failed(Failure::NoPath);
        }
        if !self.witness_up {
            return Outcome::Failed(Failure::NoAnswer);
        }
        if let Some(holder) = self.holder.filter(|holder| *holder != node) {
            return Outcome::Refused(Refusal::WitnessHeld(NodeId::at(holder)));
        }
        if self.tag > self.boots[node].epoch {
            return Outcome::Refused(Refusal::WitnessNewer);
        }
        self.holder = Some(node);
        Outcome::Ok
    }

    fn online(&mut self, node: usize, op: OpId, ResourceId(resource): ResourceId) {
        let address = resource == 0 || resource == 3;
        if address && !self.links[node][0] {
            self.done(node, op, "1ms", Outcome::Failed(Failure::InterfaceDown));
        } else if self.fail_online.contains(&(node, resource)) {
            self.done(node, op, "300ms", Outcome::Failed(Failure::DuplicateAddress));
        } else {
            self.online.insert((node, resource), true);
            self.done(node, op, if address { "1500ms" } else { "500ms" }, Outcome::Ok);
        }
    }

    /// Pulls or plugs every adapter of a node at once.
    pub fn all_links(&mut self, node: usize, up: bool) {
        self.links[node] = [up; NETWORKS];
        for net in 0..NETWORKS {
            self.link(node, net, up);
        }
    }

    /// Pulls or plugs an adapter; the resource on it signals its own failure.
    pub fn link(&mut self, node: usize, net: usize, up: bool) {
        self.links[node][net] = up;
        let nic = NicId::at(net);
        self.feed(node, Input::Link { nic, up });
        for resource in [0, 3] {
            if net == 0 && !up && self.online.get(&(node, resource)) == Some(&true) {
                let failure = Failure::InterfaceDown;
                let resource = ResourceId(resource);
                self.feed(node, Input::Saw(Report::ResourceFailed { resource, failure }));
            }
        }
    }

    /// Cuts or mends the cable between two nodes on one network.
    pub fn cut(&mut self, net: usize, a: usize, b: usize, cut: bool) {
        let pair = (net, a.min(b), a.max(b));
        if cut {
            self.cuts.insert(pair);
        } else {
            self.cuts.remove(&pair);
        }
    }

    pub fn database_failed(&mut self, node: usize) {
        let (database, failure) = (DbId(0), Failure::ServiceStopped);
        self.feed(node, Input::Saw(Report::DatabaseFailed { database, failure }));
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
            text += &format!(
                "n{n} view {} {:?} quorum {} primary {} core {} casarray {} vip {:?} mounted {}\n",
                view.view,
                view.members,
                view.quorum,
                view.primary,
                group(0),
                group(1),
                db.active,
                db.mounted,
            );
        }
        text
    }
}
