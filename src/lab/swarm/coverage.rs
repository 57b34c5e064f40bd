//! What a swarm has reached: transitions, and what struck in which state; and plans aimed at what
//! it has not.

use super::plan::{Aim, Plan};
use super::run::Ran;
use super::site::Site;
use crate::base::{Instant, NodeId, Span};
use crate::failover::transitions::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// A fault or an order, and the state of something on the member that it is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pair {
    /// The kind of fault, or the cmdlet.
    pub word: &'static str,
    /// Which machine.
    pub kind: Kind,
    /// The place of its state.
    pub state: usize,
}

/// A stay in a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Visit {
    /// Where.
    pub node: NodeId,
    /// Since when.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
}

impl Visit {
    /// How long it was.
    pub fn length(&self) -> Span {
        self.to.since(self.from)
    }
}

/// How many plans are remembered for each state: what is aimed at it starts from one of them.
const REMEMBERED: usize = 4;

/// How often a pair is aimed at in vain before others go first.
const TRIES: u32 = 3;

/// What the runs of one site have reached.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// How often each transition was taken.
    pub edges: BTreeMap<(Kind, usize, usize), u64>,
    /// How often each pair was met.
    pub pairs: BTreeMap<Pair, u64>,
    /// Everything that struck or was ordered.
    words: BTreeSet<&'static str>,
    /// Some stays in each state, with the plans that led there.
    visits: BTreeMap<(Kind, usize), Vec<(Plan, Visit)>>,
    /// How often each pair was aimed at.
    tried: BTreeMap<Pair, u32>,
    /// Plans that were aimed so far.
    aimed: u32,
}

impl Coverage {
    /// Takes in a run.
    pub fn add(&mut self, ran: &Ran) {
        for (edge, count) in &ran.edges {
            *self.edges.entry(*edge).or_default() += count;
        }
        for (pair, count) in &ran.pairs {
            *self.pairs.entry(*pair).or_default() += count;
            self.words.insert(pair.word);
        }
        for (state, visit) in &ran.visits {
            let known = self.visits.entry(*state).or_default();
            if known.len() < REMEMBERED && visit.from >= super::plan::begin() {
                known.push((ran.plan.clone(), *visit));
            }
        }
    }

    /// Every pair that could be met: of what struck, with the states that were seen to last for a
    /// moment.
    pub fn possible(&self) -> impl Iterator<Item = Pair> + '_ {
        let states = self.visits.iter().filter(|(_, known)| !known.is_empty());
        let states = states.map(|(state, _)| *state);
        self.words.iter().flat_map(move |word| {
            states.clone().map(move |(kind, state)| Pair { word, kind, state })
        })
    }

    /// Plans aimed at pairs that were not met: one that led to the state, with what is to strike
    /// added in the middle of the stay. Up to then the run is the same, so it strikes there.
    pub fn aimed(&mut self, site: &Site, most: usize) -> Vec<Plan> {
        let open: Vec<Pair> =
            self.possible().filter(|pair| !self.pairs.contains_key(pair)).collect();
        let tries = |pair: &Pair| self.tried.get(pair).copied().unwrap_or(0);
        let mut open: Vec<(u32, Pair)> =
            open.into_iter().map(|pair| (tries(&pair), pair)).collect();
        open.retain(|(tries, _)| *tries < TRIES);
        open.sort();
        let mut plans = Vec::new();
        for (tries, pair) in open.into_iter().take(most) {
            self.tried.insert(pair, tries + 1);
            let known = &self.visits[&(pair.kind, pair.state)];
            let (base, visit) = &known[tries as usize % known.len()];
            self.aimed += 1;
            let aim = Aim { number: self.aimed, pair, visit: *visit };
            plans.extend(base.aimed(site, aim));
        }
        plans
    }
}
