//! Bounded exploration: every ordering of deliveries, timers, losses and cuts that the timing
//! bounds allow, in a world of two members and a witness. docs/EXPLORE.md says what is explored,
//! what is judged and what is left out.

mod choice;
mod drive;
mod mark;
mod plant;
mod retold;
mod search;
mod site;
mod start;
#[cfg(test)]
mod tests;
mod world;

use crate::base::{Instant, NodeId, Span};
use crate::lab::pool::Progress;
use crate::lab::swarm::PANICS;
use crate::model::{Scenario, Topology};
use choice::{Budget, Choices};
use search::{Found, Limits};
use site::Site;
use std::collections::BTreeSet;
use world::{Cut, World};

pub use retold::Counterexample;
pub use site::refusal;

/// Promises that a state or a step of the space is judged by. The others of `check` are about mail,
/// the records of causes, and what is measured.
pub const JUDGED: [&str; 5] =
    ["one-owner", "one-mounted-copy", "one-quorum", "quorum-before-service", PANICS];

/// How far a space reaches, and what may go wrong in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// When exploration begins; before it everything comes online along one canonical schedule.
    pub start: Instant,
    /// How long after that the space ends.
    pub horizon: Span,
    /// How long after the start a cut or a loss of power may begin.
    pub within: Span,
    /// Frames between the members that may be lost, each by itself.
    pub losses: u8,
    /// Cuts that may begin.
    pub cuts: u8,
    /// Whether a cut may also leave a member alone, without the machines beside the cluster.
    pub alone: bool,
    /// Members that may lose their power.
    pub crashes: u8,
    /// How late a core may be woken after its deadline.
    pub clock: Span,
    /// Most states that are entered.
    pub states: u64,
    /// Whether what commutes comes in one order only; the verdict is the same without.
    pub reduces: bool,
    /// With everything healed at the horizon, service must be back within this; none: not asked.
    pub settle: Option<Span>,
    /// States that are followed at a time; it changes no result.
    pub jobs: usize,
}

impl Default for Bounds {
    /// What `dagtwin explore` explores if it is told nothing.
    fn default() -> Self {
        Bounds {
            start: Instant::ZERO + Span::from_secs(60),
            horizon: Span::from_secs(20),
            within: Span::from_secs(1),
            losses: 1,
            cuts: 1,
            alone: false,
            crashes: 0,
            clock: Span::ZERO,
            states: 2_000_000,
            reduces: true,
            settle: None,
            jobs: 1,
        }
    }
}

/// What exploration came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explored {
    /// States that were entered.
    pub states: u64,
    /// Choices that were followed.
    pub transitions: u64,
    /// Choices that led to a state that had been entered with as much left to go wrong.
    pub merged: u64,
    /// Most choices one after the other.
    pub depth: u32,
    /// States in which nothing is left to come before the horizon.
    pub frontier: u64,
    /// Moment up to which every choice was followed.
    pub reached: Instant,
    /// Ways that ended with a broken promise.
    pub broken_ways: u64,
    /// The first way to break each promise that was broken.
    pub counterexamples: Vec<Counterexample>,
    /// States at the horizon from which service came back with everything healed.
    pub settled: u64,
    /// Databases that stand for others that are alike, and how many those are.
    pub alike: usize,
    /// Why it is not exhausted, if it is not.
    pub cut_off: Option<CutOff>,
}

/// Why a space was not exhausted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CutOff {
    /// There were more states than were allowed.
    States,
    /// A person stopped it.
    Stopped,
}

/// How a scenario file says which site it is for.
#[derive(Clone, Copy, Debug)]
pub struct Named<'n> {
    /// The topology: a built-in one's name, or a file.
    pub topology: &'n str,
    /// Settings that are other than the topology's.
    pub set: &'n [(String, String)],
}

/// Explores a site from the placement of a scenario: two members and a witness, without clients.
///
/// # Errors
/// If the site is none that can be explored, or is not online when exploration is to begin.
pub fn explore(
    (topology, scenario): (&Topology, &Scenario),
    named: Named<'_>,
    bounds: &Bounds,
    progress: &Progress,
) -> Result<Explored, String> {
    if let Some(refusal) = refusal(topology) {
        return Err(refusal);
    }
    let site = Site::new(topology, scenario);
    let begun = begin(&site, bounds.start)?;
    let choices = choices(&site, bounds);
    let budget = Budget { losses: bounds.losses, cuts: bounds.cuts, crashes: bounds.crashes };
    let limits = Limits { states: bounds.states, jobs: bounds.jobs, ends: bounds.settle.is_some() };
    let mut found = search::search(&site, begun.clone(), budget, &choices, &limits, progress);
    let mut counterexamples = Vec::new();
    for (promise, why, last) in &found.broken {
        let way = retold::way(&found.trails, *last);
        let told = retold::told(&site, &begun, budget, &choices, &way);
        let whole = (topology, scenario);
        counterexamples.push(retold::counterexample(whole, named, (promise, why), &told));
    }
    let (settled, unsettled) = settle(&site, bounds, &mut found);
    if let Some((number, why)) = unsettled
        && let Some(last) = found.trails[number as usize]
    {
        let way = retold::way(&found.trails, last);
        let mut told = retold::told(&site, &begun, budget, &choices, &way);
        told.heal(choices.horizon);
        let (whole, promise) = ((topology, scenario), ("service-back", why.as_str()));
        counterexamples.push(retold::counterexample(whole, named, promise, &told));
    }
    Ok(Explored {
        states: found.trails.len() as u64,
        transitions: found.transitions,
        merged: found.merged,
        depth: found.depth,
        frontier: found.frontier,
        reached: found.reached,
        broken_ways: found.broken_ways,
        counterexamples,
        settled,
        alike: topology.databases.len() - site.topology.databases.len(),
        cut_off: match (found.limited, found.stopped) {
            (true, _) => Some(CutOff::States),
            (false, true) => Some(CutOff::Stopped),
            (false, false) => None,
        },
    })
}

/// The state that exploration begins from.
fn begin(site: &Site, start: Instant) -> Result<World, String> {
    let mut world = World::new(site);
    start::play(site, &mut world, start);
    let missing = start::missing(site, &world);
    missing.map_or(Ok(world), |missing| {
        Err(format!("not everything is online at {start}, when exploration is to begin: {missing}"))
    })
}

/// How many of the states at the horizon settle, and the first that does not, with the reason.
fn settle(site: &Site, bounds: &Bounds, found: &mut Found) -> (u64, Option<(u32, String)>) {
    let Some(within) = bounds.settle else { return (0, None) };
    let mut known = BTreeSet::new();
    let mut settled = 0;
    for (number, world) in std::mem::take(&mut found.ends) {
        match start::settles(site, world, within, &mut known) {
            Ok(()) => settled += 1,
            Err(why) => return (settled, Some((number, why))),
        }
    }
    (settled, None)
}

fn choices(site: &Site, bounds: &Bounds) -> Choices {
    let mut cuts = Vec::new();
    let networks: Vec<_> = site.shared().collect();
    // With one network, every network is that one.
    let every = (networks.len() > 1).then_some(None);
    for network in networks.into_iter().map(Some).chain(every) {
        let one_way = site.nodes().map(|from| Cut::Path { network, from, one_way: true });
        cuts.extend(one_way);
        cuts.push(Cut::Path { network, from: NodeId(0), one_way: false });
    }
    if bounds.alone {
        cuts.extend(site.nodes().map(|node| Cut::Alone { node }));
    }
    let cluster = &site.settings().cluster;
    let loses = cluster.same_subnet_delay * u64::from(cluster.same_subnet_threshold);
    Choices {
        clock: bounds.clock,
        horizon: bounds.start.saturating_add(bounds.horizon),
        begins: bounds.start.saturating_add(bounds.within),
        reduces: bounds.reduces,
        cuts,
        // To the end; until the path is lost; until the other side may claim the witness.
        spans: vec![None, Some(loses), Some(loses + cluster.arbitration_delay)],
    }
}
