//! A way through the space as a scenario file, and what the simulator makes of it.

use super::Named;
use super::choice::{Budget, Choices, Fate};
use super::search::Trail;
use super::site::{SEED, Site};
use super::world::{Cut, Event, Next, World};
use crate::base::{Id, Instant, MachineId, NetId, Span};
use crate::check;
use crate::lab::swarm::PANICS;
use crate::model::fault::{Fault, Planned};
use crate::model::topology::NetworkRole;
use crate::model::{Scenario, Topology, load, show};
use crate::sim::{Recording, simulate};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How long a frame's own fault lasts: it meets what is sent at that moment only.
const INSTANT: Span = Span::from_micros(1);

/// The setting that has frames take longer than the latency.
const JITTER: &str = "ethernet.jitter";

/// How much longer than the way itself its scenario runs.
const AFTERWARDS: Span = Span::from_secs(60);

/// Moments of faults are tried rounded down to these first; a way whose promise breaks at round
/// moments too reads better.
const ROUND: [Span; 4] =
    [Span::from_secs(1), Span::from_millis(100), Span::from_millis(1), Span::from_nanos(1)];

/// A way that breaks a promise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counterexample {
    /// The promise.
    pub promise: &'static str,
    /// How it was broken.
    pub why: String,
    /// When.
    pub at: Instant,
    /// How many choices lead there.
    pub choices: usize,
    /// What went wrong on the way, in words.
    pub steps: Vec<String>,
    /// The scenario file.
    pub text: String,
    /// Whether the simulator breaks the same promise with it.
    pub reproduced: bool,
}

/// What went wrong on a way.
#[derive(Default)]
pub(super) struct Told {
    faults: Vec<Planned>,
    steps: Vec<String>,
    /// Cores that were woken late: a scenario cannot say that.
    late: usize,
    at: Instant,
    choices: usize,
}

/// The choices that lead to a place, in their order.
pub(super) fn way(trails: &[Option<Trail>], last: Trail) -> Vec<Trail> {
    let mut way = vec![last];
    let mut from = last.from;
    while let Some(trail) = trails[from as usize] {
        way.push(trail);
        from = trail.from;
    }
    way.reverse();
    way
}

/// Goes a way again and notes what goes wrong on it.
pub(super) fn told(
    site: &Site,
    start: &World,
    mut budget: Budget,
    choices: &Choices,
    way: &[Trail],
) -> Told {
    let mut told = Told { choices: way.len(), ..Told::default() };
    let mut world = start.clone();
    for trail in way {
        let (candidate, fate, sent) = choices.told(site, &world, budget, trail.pick);
        let now = candidate.from.max(world.now);
        match &candidate.next {
            Next::Wake(node) if now > due(&world, *node) => {
                told.late += 1;
                let late = now.since(due(&world, *node));
                let name = site.topology.node_name(*node);
                told.steps.push(format!("{now}  {name} is woken {late} late"));
            }
            Next::Open(due) if now > due.value.from => {
                if let Event::Frame { from, to, nic, .. } = &due.value.what {
                    let network = site.network(*to, *nic);
                    let late = now.since(due.value.from);
                    let sent = due.value.from.since(Instant::ZERO) - site.flight().0;
                    told.delayed(Instant::ZERO + sent, network, late);
                    let names = [*from, *to].map(|node| site.topology.node_name(node));
                    let line = format!("{now}  a frame from {} to {} comes", names[0], names[1]);
                    told.steps.push(format!("{line} {late} late"));
                }
            }
            Next::Wake(_) | Next::Own(_) | Next::Open(_) => {}
        }
        let lost = match fate {
            Fate::Comes { lost } => lost,
            Fate::Cuts { cut, lasts, lost } => {
                told.cut(site, now, cut, lasts);
                lost
            }
            Fate::Crashes { node } => {
                let machine = MachineId::from(node);
                told.faults.push(Planned {
                    at: now,
                    lasts: None,
                    fault: Fault::PowerOff { machine },
                });
                let name = site.topology.node_name(node);
                told.steps.push(format!("{now}  {name} loses its power"));
                0
            }
        };
        for (_, frame) in sent.iter().enumerate().filter(|(place, _)| lost & (1 << place) != 0) {
            let to = site.other(frame.from);
            let (from_machine, to_machine) = (frame.from.into(), to.into());
            let network = frame.network;
            told.path(now, Some(INSTANT), network, (from_machine, to_machine), true);
            let names = [frame.from, to].map(|node| site.topology.node_name(node));
            let network = &site.topology.networks[network].name;
            let line = format!("{now}  a frame from {} to {}", names[0], names[1]);
            told.steps.push(format!("{line} on {network} is lost"));
        }
        let all = choices.successors(site, &world, budget);
        let next = all.into_iter().find(|next| next.pick == trail.pick).expect("as it was");
        (world, budget) = (next.world, next.budget);
    }
    told.at = world.now;
    told
}

fn due(world: &World, node: crate::base::NodeId) -> Instant {
    let core = world.member(node).core.as_ref();
    core.and_then(|core| core.value.deadline()).map_or(Instant::MAX, |deadline| deadline.at)
}

impl Told {
    fn path(
        &mut self,
        at: Instant,
        lasts: Option<Span>,
        network: NetId,
        (from, to): (MachineId, MachineId),
        one_way: bool,
    ) {
        let fault = Fault::PathCut { network, from, to, one_way };
        self.faults.push(Planned { at, lasts, fault });
    }

    fn delayed(&mut self, at: Instant, network: NetId, delay: Span) {
        let fault = Fault::NetworkDelay { network, delay };
        self.faults.push(Planned { at, lasts: Some(INSTANT), fault });
    }

    fn cut(&mut self, site: &Site, at: Instant, cut: Cut, lasts: Option<Span>) {
        self.steps.push(format!("{at}  {}", told_cut(site, cut, lasts)));
        match cut {
            Cut::Path { network, from, one_way } => {
                let ends = (from.into(), site.other(from).into());
                for network in site.shared().filter(|id| network.is_none_or(|one| one == *id)) {
                    self.path(at, lasts, network, ends, one_way);
                }
            }
            Cut::Alone { node } => {
                for network in site.shared() {
                    let ends = (node.into(), site.other(node).into());
                    self.path(at, lasts, network, ends, false);
                }
                for (network, machine) in beside(site) {
                    self.path(at, lasts, network, (node.into(), machine), false);
                }
            }
        }
    }

    /// What still lasts ends at a moment.
    pub(super) fn heal(&mut self, at: Instant) {
        for fault in &mut self.faults {
            if fault.lasts.is_none() && fault.at < at {
                fault.lasts = Some(at.since(fault.at));
            }
        }
    }
}

/// Machines beside the cluster, on each network that members use to reach them.
fn beside(site: &Site) -> Vec<(NetId, MachineId)> {
    let machines =
        site.topology.machines.iter().filter(|(id, _)| id.index() >= site.topology.nodes);
    let of = |(id, machine): (MachineId, &crate::model::topology::Machine)| {
        let nics = machine.nics.values().map(|nic| nic.network);
        nics.map(move |network| (network, id)).collect::<Vec<_>>()
    };
    let client =
        |network: NetId| site.topology.networks[network].role == NetworkRole::ClusterAndClient;
    machines.flat_map(of).filter(|(network, _)| client(*network)).collect()
}

fn told_cut(site: &Site, cut: Cut, lasts: Option<Span>) -> String {
    let name = |node| site.topology.node_name(node);
    let lasts = lasts.map_or_else(|| "to the end".to_owned(), |lasts| format!("for {lasts}"));
    match cut {
        Cut::Path { network, from, one_way } => {
            let on = network.map_or("every network", |id| &site.topology.networks[id].name);
            let (one, other) = (name(from), name(site.other(from)));
            match one_way {
                true => format!("what {one} sends to {other} on {on} is lost, {lasts}"),
                false => format!("{one} and {other} are cut off from each other on {on}, {lasts}"),
            }
        }
        Cut::Alone { node } => {
            format!("{} reaches neither the other member nor the witness, {lasts}", name(node))
        }
    }
}

/// A way as a scenario of the whole site, with the roundest moments at which the simulator breaks
/// the promise too; with the exact ones if it breaks it at none.
pub(super) fn counterexample(
    (topology, scenario): (&Topology, &Scenario),
    named: Named<'_>,
    (promise, why): (&'static str, &str),
    told: &Told,
) -> Counterexample {
    let mut exact = topology.clone();
    // The way has exact moments, so frames take exactly the latency.
    let set = exact.settings.set(JITTER, "0s");
    debug_assert!(set.is_ok(), "no jitter is allowed");
    let mut text = String::new();
    let mut reproduced = false;
    for round in ROUND {
        text = written((topology, scenario), named, (promise, why), told, round);
        let read = load::scenario("counterexample.toml", "counterexample", &text, &exact);
        let Ok(read) = read else { continue };
        let run = AssertUnwindSafe(|| simulate(&exact, &read, SEED, Recording::Memory));
        reproduced = match catch_unwind(run) {
            Ok(recorded) => {
                let (verdict, _) = check::judge(&exact, &read, &recorded.records);
                verdict.violations.iter().any(|(_, violation)| violation.promise == promise)
            }
            Err(_) => promise == PANICS,
        };
        if reproduced {
            break;
        }
    }
    let (steps, at, choices) = (told.steps.clone(), told.at, told.choices);
    Counterexample { promise, why: why.to_owned(), at, choices, steps, text, reproduced }
}

fn written(
    (topology, scenario): (&Topology, &Scenario),
    named: Named<'_>,
    (promise, why): (&'static str, &str),
    told: &Told,
    round: Span,
) -> String {
    let mut out = format!("# Found by `dagtwin explore`: {promise} is broken at {}.\n#\n", told.at);
    for step in &told.steps {
        out += &format!("# {step}\n");
    }
    if told.late > 0 {
        out += "#\n# That a core is woken late cannot be said here.\n";
    }
    let liveness =
        check::ALL.iter().any(|one| one.name == promise && one.kind == check::Kind::Liveness);
    let last =
        told.faults.iter().map(|fault| fault.at.saturating_add(fault.lasts.unwrap_or_default()));
    let last = last.max().unwrap_or_default().max(told.at);
    let whole = last.since(Instant::ZERO).as_nanos().div_ceil(1_000_000_000);
    let after = if liveness { AFTERWARDS * 5 } else { AFTERWARDS };
    let until = Instant::ZERO + Span::from_secs(whole) + after;
    let verdict = if liveness { "liveness" } else { "safety" };
    out += &format!("\ntitle = {}\n", show::quoted(why));
    out +=
        &format!("topology = {}\nuntil = {}\n", show::quoted(named.topology), show::moment(until));
    out += &format!("verdict = {}\n", show::quoted(verdict));
    out += "\n# Every frame takes exactly the latency, so that moments are those of the way.\n";
    out += &format!("[set]\n{} = \"0s\"\n", show::quoted(JITTER));
    for (key, value) in named.set.iter().filter(|(key, _)| key != JITTER) {
        out += &format!("{} = {}\n", show::quoted(key), show::quoted(value));
    }
    out += &placement(topology, scenario);
    for fault in &told.faults {
        let nanos = fault.at.as_nanos();
        // A frame's own fault has its exact moment.
        let at =
            if fault.lasts == Some(INSTANT) { nanos } else { nanos - nanos % round.as_nanos() };
        let planned = Planned { at: Instant::from_nanos(at), ..*fault };
        out += &format!("\n{}", show::planned(topology, &planned));
    }
    out
}

/// Who owns what before the run.
fn placement(topology: &Topology, scenario: &Scenario) -> String {
    let mut out = String::from("\n[start]\n");
    let mut put = |name: &str, node| {
        out += &format!("{} = {}\n", show::quoted(name), show::quoted(topology.node_name(node)));
    };
    for (group, owner) in topology.groups.values().zip(&scenario.start.groups) {
        if let Some(owner) = owner {
            put(&group.name, *owner);
        }
    }
    for (database, node) in topology.databases.values().zip(&scenario.start.databases) {
        put(&database.name, *node);
    }
    out
}
