//! What a seed draws: a subset of the kinds of faults and orders, then which of them strike, where,
//! when and for how long. A plan is a scenario; nothing else is drawn.

use super::coverage::{Pair, Visit};
use super::run::members;
use super::site::Site;
use crate::base::draw::{Purpose, Stream};
use crate::base::{Id, Instant, NodeId, NodeSet, Span};
use crate::model::change::{drawn_fault, drawn_order};
use crate::model::fault::{Fault, Kind};
use crate::model::order::cmdlets;
use crate::model::topology::Database;
use crate::model::{Scenario, Topology, show};
use std::collections::BTreeSet;

/// Before this moment nothing strikes: the cluster starts up and clients begin to work.
const BEGIN: Span = Span::from_secs(40);

/// How long faults strike.
const WINDOWS: [Span; 4] =
    [Span::from_secs(5), Span::from_secs(20), Span::from_secs(60), Span::from_secs(120)];

/// How long a fault lasts: up to one of these.
const LASTS: [Span; 6] = [
    Span::from_millis(200),
    Span::from_secs(2),
    Span::from_secs(8),
    Span::from_secs(20),
    Span::from_secs(60),
    Span::from_secs(180),
];

/// Keys of settings with their values.
pub type Settings = &'static [(&'static str, &'static str)];

/// Settings of a plan: none, or those of messages that make several logs each, copied as fast as
/// usual or slowly.
pub(super) const SETTINGS: [Settings; 6] = [
    &[],
    &[],
    &[],
    &[],
    &[("store.log_kilobytes_per_message", "5000")],
    &[("store.log_kilobytes_per_message", "20000"), ("replication.inspect_time", "2s")],
];

/// From when on a copy whose Replication service has started again knows what it lacks, and for how
/// long it may copy that where copying is slow.
const LAGS: (Span, Span) = (Span::from_secs(18), Span::from_secs(60));

/// Cmdlets that build a site, which the others need to be there.
const BUILD: [&str; 2] = ["Add-ClusterServerRole", "New-ClientAccessArray"];

/// How soon something strikes after something else, if it is drawn to follow it: up to one of
/// these.
const AFTER: [Span; 4] =
    [Span::from_millis(50), Span::from_secs(1), Span::from_secs(8), Span::from_secs(30)];

/// Times are whole numbers of this, so that people can read them.
pub(super) const GRAIN: Span = Span::from_millis(1);

/// How often an order is drawn anew because what was drawn is none, or is about another member
/// than the one that is aimed at.
const TRIES: usize = 16;

/// A fault that strikes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Strike {
    /// When.
    pub at: Instant,
    /// For how long; none for one that is over when it has struck.
    pub lasts: Option<Span>,
    /// Its kind.
    pub kind: &'static str,
    /// The keys of its kind with their values.
    pub keys: Vec<(String, String)>,
}

/// An order that an administrator gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// When.
    pub at: Instant,
    /// The cmdlet.
    pub cmdlet: &'static str,
    /// Its line.
    pub line: String,
    /// The node where it is typed.
    pub on: String,
}

impl Strike {
    /// The members that it is about: those that it names, or all.
    pub fn about(&self, topology: &Topology) -> NodeSet {
        members(topology, self.keys.iter().map(|(_, value)| value.as_str()))
    }
}

impl Given {
    /// The members that it is about: those that its line names, or all.
    pub fn about(&self, topology: &Topology) -> NodeSet {
        members(topology, self.line.split([' ', '\\', '"']))
    }
}

/// What a plan was aimed at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aim {
    /// Counts what a swarm aimed.
    pub number: u32,
    /// What is to be met.
    pub pair: Pair,
    /// The stay in whose middle it strikes.
    pub visit: Visit,
}

/// What a seed draws.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The seed, of the plan and of the run.
    pub seed: u64,
    /// What was added to what the seed draws; none for a plan that is the seed's own.
    pub aim: Option<Aim>,
    /// Kinds of faults and cmdlets that may strike.
    pub subset: Vec<&'static str>,
    /// Settings of its own.
    pub set: Settings,
    /// Where groups and databases are at the start.
    pub start: Vec<(String, String)>,
    /// Faults, by their moments.
    pub faults: Vec<Strike>,
    /// Orders, by their moments.
    pub orders: Vec<Given>,
    /// How long everything may take to be back after the last fault is healed.
    pub settle: Span,
}

/// Draws from one stream.
pub(super) struct Draw<'t> {
    pub(super) stream: Stream,
    pub(super) topology: &'t Topology,
    blank: &'t Scenario,
}

impl Draw<'_> {
    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.stream.below(all.len() as u64) as usize]
    }

    pub(super) fn span(&mut self, low: Span, high: Span) -> Span {
        let drawn = self.stream.between(low, high).as_nanos();
        Span::from_nanos(drawn / GRAIN.as_nanos() * GRAIN.as_nanos())
    }

    /// Some of a list, without repeating one.
    fn some<T: Copy>(&mut self, all: &[T], count: u64) -> Vec<T> {
        let mut left = all.to_vec();
        let drawn = (0..count.min(all.len() as u64)).map(|_| {
            let place = self.stream.below(left.len() as u64);
            left.swap_remove(place as usize)
        });
        drawn.collect()
    }

    /// When something strikes: anywhere in the window, or soon after something that did.
    fn moment(&mut self, window: Span, before: &[Instant]) -> Instant {
        if before.is_empty() || self.stream.below(2) == 0 {
            return Instant::ZERO + BEGIN + self.span(Span::ZERO, window);
        }
        let (base, after) = (self.one_of(before), self.one_of(&AFTER));
        (base + self.span(Span::ZERO, after)).min(Instant::ZERO + BEGIN + window)
    }

    fn fault(&mut self, kind: &'static Kind, at: Instant) -> Option<Strike> {
        let most = self.one_of(&LASTS);
        let lasts = self.span(GRAIN, most).max(GRAIN);
        let stream = &mut self.stream;
        let mut choose = |words: &[&str]| stream.below(words.len() as u64) as usize;
        let keys = drawn_fault(self.topology, self.blank, kind, &mut choose)?;
        Some(Strike { at, lasts: heals(kind).then_some(lasts), kind: kind.word, keys })
    }

    fn order(&mut self, cmdlet: &'static str, at: Instant) -> Option<Given> {
        let node = NodeId::at(self.stream.below(self.topology.nodes as u64) as usize);
        let stream = &mut self.stream;
        // Where the line could end, it does so half the time.
        let mut choose = |words: &[&str]| match stream.below(2) {
            0 => stream.below(words.len() as u64 + 1) as usize,
            _ => stream.below(words.len() as u64) as usize,
        };
        let line = drawn_order(self.topology, self.blank, cmdlet, node, &mut choose)?;
        Some(Given { at, cmdlet, line, on: self.topology.node_name(node).to_owned() })
    }

    /// A copy that knows how far it is behind, and then its source is gone: what a mount dial is
    /// for, and what two faults drawn by themselves hardly ever come to.
    fn lag(&mut self, start: &[(String, String)]) -> Vec<Strike> {
        let topology = self.topology;
        let databases: Vec<&Database> =
            topology.databases.values().filter(|database| database.copies.len() > 1).collect();
        if databases.is_empty() {
            return Vec::new();
        }
        let database = self.one_of(&databases);
        let placed = start.iter().find(|(name, _)| *name == database.name);
        let (_, active) = placed.expect("every database has a place at the start");
        let names: Vec<&str> =
            database.copies.iter().map(|node| topology.node_name(*node)).collect();
        let others: Vec<&str> = names.into_iter().filter(|name| name != active).collect();
        let behind = self.one_of(&others);
        let at = Instant::ZERO + BEGIN + self.span(Span::ZERO, Span::from_secs(5));
        let lasts = self.span(GRAIN, Span::from_secs(3));
        let key = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let stops = Strike {
            at,
            lasts: Some(lasts),
            kind: "service-stop",
            keys: vec![key("machine", behind), key("service", "replication")],
        };
        let (low, high) = LAGS;
        let (at, most) = (at + lasts + self.span(low, high), self.one_of(&LASTS));
        let lasts = self.span(GRAIN, most).max(GRAIN);
        let kind = self.one_of(&["power-off", "freeze"]);
        let goes = Strike { at, lasts: Some(lasts), kind, keys: vec![key("machine", active)] };
        vec![stops, goes]
    }

    /// Owners of groups and places of databases at the start, each as likely as any other.
    fn start(&mut self) -> Vec<(String, String)> {
        let topology = self.topology;
        let mut start = Vec::new();
        for (id, group) in topology.groups.iter() {
            let owners: Vec<NodeId> = topology.possible_owners(id).iter().collect();
            if !owners.is_empty() {
                let owner = self.one_of(&owners);
                start.push((group.name.clone(), topology.node_name(owner).to_owned()));
            }
        }
        for database in topology.databases.values() {
            let place = self.one_of(&database.copies);
            start.push((database.name.clone(), topology.node_name(place).to_owned()));
        }
        start
    }
}

/// Whether a kind of fault is healed: damaged logs stay damaged, and some are over when they have
/// struck.
fn heals(kind: &Kind) -> bool {
    !kind.is_momentary() && kind.word != "log-corruption"
}

/// From when on something strikes.
pub(super) fn begin() -> Instant {
    Instant::ZERO + BEGIN
}

/// What a seed draws for a site.
pub fn plan(seed: u64, site: &Site) -> Plan {
    let stream = Stream::new(seed, 0, Purpose::Swarm);
    let topology = &site.loaded.topology;
    let mut draw = Draw { stream, topology, blank: &site.blank };
    let kinds: Vec<&'static Kind> = Fault::KINDS.iter().collect();
    let count = 1 + draw.stream.below(5);
    let kinds = draw.some(&kinds, count);
    let names = cmdlets().map(|cmdlet| cmdlet.name).filter(|name| !BUILD.contains(name));
    let names: Vec<&'static str> = names.collect();
    let count = [0, 0, 1, 3][draw.stream.below(4) as usize];
    let cmdlets = draw.some(&names, count);
    let start = draw.start();
    let window = draw.one_of(&WINDOWS);
    let count = 1 + draw.stream.below(6);
    let mut moments = Vec::new();
    let mut faults: Vec<Strike> = Vec::new();
    for _ in 0..count {
        let (kind, at) = (draw.one_of(&kinds), draw.moment(window, &moments));
        let Some(strike) = draw.fault(kind, at) else { continue };
        if !faults.iter().any(|other| overlap(other, &strike)) {
            moments.push(at);
            faults.push(strike);
        }
    }
    let mut orders = Vec::new();
    for cmdlet in &cmdlets {
        let at = draw.moment(window, &moments);
        orders.extend((0..TRIES).find_map(|_| draw.order(cmdlet, at)));
    }
    let set = draw.one_of(&SETTINGS);
    let mut words: Vec<&'static str> = kinds.iter().map(|kind| kind.word).collect();
    if set.len() > 1 {
        for strike in draw.lag(&start) {
            if !faults.iter().any(|other| overlap(other, &strike)) {
                words.push(strike.kind);
                faults.push(strike);
            }
        }
    }
    if topology.settings.lease.enabled && draw.stream.below(2) == 0 {
        for strike in draw.apart(begin()) {
            if !faults.iter().any(|other| overlap(other, &strike)) {
                words.push(strike.kind);
                faults.push(strike);
            }
        }
    }
    words.extend(cmdlets);
    let mut seen = BTreeSet::new();
    words.retain(|word| seen.insert(*word));
    faults.sort_by_key(|strike| strike.at);
    orders.sort_by_key(|given: &Given| given.at);
    Plan { seed, aim: None, subset: words, set, start, faults, orders, settle: settle(topology) }
}

/// The same fault at the same place may not strike twice at a time.
pub(super) fn overlap(one: &Strike, other: &Strike) -> bool {
    let ends = |strike: &Strike| strike.lasts.map_or(strike.at, |lasts| strike.at + lasts);
    let same = (one.kind, &one.keys) == (other.kind, &other.keys);
    // Without a length it is in force for the rest of the run.
    let meet = one.at < ends(other) && other.at < ends(one);
    same && (meet || one.lasts.is_none() || other.lasts.is_none())
}

/// How long a site may take: until a machine has booted, its Cluster service has started again and
/// a mount that nobody answers is given up, and as long again as scenarios have by default.
fn settle(topology: &Topology) -> Span {
    let settings = &topology.settings;
    let starts = settings.power.boot_time + settings.cluster.service_restart_delay * 2;
    starts + settings.active_manager.mount_timeout + Span::from_secs(120)
}

impl Plan {
    /// The plan with one more fault or order, in the middle of a stay in a state and about the
    /// member where that was; none if there is no such fault there.
    pub(super) fn aimed(&self, site: &Site, aim: Aim) -> Option<Plan> {
        let mut plan = Plan { aim: Some(aim), ..self.clone() };
        let topology = &site.loaded.topology;
        let stream = Stream::new(self.seed, u64::from(aim.number), Purpose::Swarm);
        let mut draw = Draw { stream, topology, blank: &site.blank };
        let (at, node) = (aim.visit.from + aim.visit.length() / 2, aim.visit.node);
        let word = aim.pair.word;
        let meets = |about: NodeSet| about.contains(node);
        match Fault::KINDS.iter().find(|kind| kind.word == word) {
            Some(kind) => {
                let mut tries = (0..TRIES).filter_map(|_| draw.fault(kind, at));
                let strike = tries.find(|strike| meets(strike.about(topology)))?;
                if plan.faults.iter().any(|other| overlap(other, &strike)) {
                    return None;
                }
                plan.faults.push(strike);
                plan.faults.sort_by_key(|strike| strike.at);
            }
            None => {
                let mut tries = (0..TRIES).filter_map(|_| draw.order(word, at));
                let given = tries.find(|given| meets(given.about(topology)))?;
                plan.orders.push(given);
                plan.orders.sort_by_key(|given| given.at);
            }
        }
        Some(plan)
    }

    /// How many faults and orders it has.
    pub fn size(&self) -> usize {
        self.faults.len() + self.orders.len()
    }

    /// A name for it, as a file's.
    pub fn name(&self) -> String {
        match self.aim {
            None => format!("swarm-{}", self.seed),
            Some(aim) => format!("swarm-{}-aimed-{}", self.seed, aim.number),
        }
    }

    /// What messages call its text.
    pub fn file(&self) -> String {
        format!("{}.toml", self.name())
    }

    /// When the last fault is healed or the last order given.
    pub(super) fn calm(&self) -> Instant {
        let faults = self.faults.iter().map(|strike| match strike.lasts {
            Some(lasts) => strike.at + lasts,
            None => strike.at,
        });
        let orders = self.orders.iter().map(|given| given.at);
        faults.chain(orders).max().unwrap_or(Instant::ZERO + BEGIN)
    }

    /// The scenario's file; `set` are settings that it is to have.
    pub fn text(&self, set: &[(String, String)]) -> String {
        let until = self.calm() + self.settle;
        let mut words: Vec<&str> = self.faults.iter().map(|strike| strike.kind).collect();
        words.extend(self.orders.iter().map(|given| given.cmdlet));
        let kinds = words.join(", ");
        let mut out = format!("# Drawn by `dagtwin swarm` from seed {}", self.seed);
        if let Some(aim) = self.aim {
            let machine = aim.pair.kind.machine();
            let (of, state) = (aim.pair.kind.name(), machine.word(aim.pair.state));
            out += &format!("; {} was added while a {of} was {state}", aim.pair.word);
        }
        out += &format!(".\n# Kinds drawn: {}.\n\n", self.subset.join(", "));
        out += &format!("title = {}\n", show::quoted(&format!("Swarm: {kinds}")));
        out += &format!("until = {}\n", show::moment(until));
        out += &format!("settle = {}\n", show::span(self.settle));
        let given = |key: &str| set.iter().any(|(other, _)| other == key);
        let own = self.set.iter().filter(|(key, _)| !given(key));
        let own = own.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let set: Vec<(String, String)> = set.iter().cloned().chain(own).collect();
        for (table, entries) in [("set", &set), ("start", &self.start)] {
            if !entries.is_empty() {
                out += &format!("\n[{table}]\n");
            }
            for (key, value) in entries {
                out += &format!("{} = {}\n", show::quoted(key), show::quoted(value));
            }
        }
        for strike in &self.faults {
            out += &format!("\n[[fault]]\nat = {}\n", show::moment(strike.at));
            if let Some(lasts) = strike.lasts {
                out += &format!("lasts = {}\n", show::span(lasts));
            }
            out += &format!("kind = {}\n", show::quoted(strike.kind));
            for (key, value) in &strike.keys {
                out += &format!("{key} = {}\n", show::quoted(value));
            }
        }
        for given in &self.orders {
            let (at, line) = (show::moment(given.at), show::quoted(&given.line));
            let text = show::quoted(&format!("An administrator: {}", given.line));
            out += &format!("\n[[step]]\ntext = {text}\nat = {at}\norder = {line}\n");
            out += &format!("on = {}\n", show::quoted(&given.on));
        }
        out
    }
}
