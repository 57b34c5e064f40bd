//! The quorum calculator and bare cores give the same answer: plans of losses, leaves and
//! partitions are played on both.

use crate::pair::{Pair, Setting, span};
use dagtwin::base::{Id, NodeId, NodeSet};
use dagtwin::failover::quorum::plan::{Cluster, Event, Part};
use dagtwin::failover::quorum::{Automatic, Counting, Mode};
use dagtwin::failover::seam::{Input, Order};

const MODES: [Mode; 4] =
    [Mode::NodeMajority, Mode::NodeAndFileShareMajority, Mode::NodeAndDiskMajority, Mode::DiskOnly];
const COUNTINGS: [Counting; 3] = [Counting::Static, Counting::Nodes, Counting::NodesAndWitness];

/// Chances of a test's own, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn some(&mut self, of: NodeSet, one_in: usize) -> NodeSet {
        of.iter().filter(|_| self.below(one_in) == 0).collect()
    }
}

/// What happens to cores: then time passes until everything is settled, a failed witness included.
fn play(pair: &mut Pair, event: &Event) {
    match event {
        Event::Down { nodes, witness } => {
            nodes.iter().for_each(|node| pair.crash(node.index()));
            pair.witnesses[0].up &= !witness;
        }
        Event::Leave(nodes) => {
            for node in nodes.iter() {
                pair.feed(node.index(), Input::Order(Order::StopService));
            }
        }
        Event::Partition(parts) => {
            for part in parts {
                let others = parts.iter().filter(|other| other.members != part.members);
                for (a, b) in others.flat_map(|other| {
                    part.members.iter().flat_map(|a| other.members.iter().map(move |b| (a, b)))
                }) {
                    pair.cut_all(a.index(), b.index(), true);
                }
                if !part.witness {
                    pair.witnesses[0].away.extend(part.members.iter().map(Id::index));
                }
            }
        }
        Event::Up { .. } => unreachable!("plans of this test bring nobody back"),
    }
    let pause = match event {
        Event::Down { witness: true, .. } => "200s",
        Event::Down { .. } | Event::Leave(_) | Event::Up { .. } => "20s",
        // Before a service that stopped is restarted, and looks for others.
        Event::Partition(_) => "50s",
    };
    pair.run(span(pause));
    pair.log.clear();
    pair.effects.clear();
}

fn setting(chance: &mut Chance, nodes: usize) -> Setting {
    let mut setting = Setting {
        nodes,
        copies: nodes,
        core: chance.below(nodes),
        casarray: None,
        active: 0,
        ..Setting::default()
    };
    setting.quorum.mode = MODES[chance.below(4)];
    setting.quorum.counting = COUNTINGS[chance.below(3)];
    setting.quorum.automatic = [Automatic::Highest, Automatic::Lowest][chance.below(2)];
    setting.quorum.lower_priority = (chance.below(3) == 0).then(|| NodeId::at(chance.below(nodes)));
    setting.weights = (0..nodes).map(|node| node == 0 || chance.below(8) > 0).collect();
    setting
}

fn event(chance: &mut Chance, up: NodeSet, witness_up: bool, last: bool) -> Event {
    let nodes = chance.some(up, 4);
    match chance.below(3) {
        0 if last && up.len() > 1 => {
            let left = chance.some(up, 2);
            let half = left.is_empty() || left == up;
            let left = if half { NodeSet::only(up.lowest().expect("two are up")) } else { left };
            let sides = [left, up.minus(left)];
            let part = |members| Part { members, witness: chance.below(3) > 0 };
            Event::Partition(sides.map(part).to_vec())
        }
        1 => Event::Leave(nodes),
        _ => Event::Down { nodes, witness: witness_up && chance.below(5) == 0 },
    }
}

fn same_answer(chance: &mut Chance, nodes: usize) {
    let setting = setting(chance, nodes);
    let rules = crate::pair::rules(&setting);
    let all = NodeSet::first(nodes);
    let mut cluster = Cluster::new(rules, all, NodeId::at(setting.core));
    let mut pair = Pair::new(setting);
    pair.run(span("20s"));
    let mut story = format!("{nodes} nodes, {rules:?}");
    for number in 0..4 {
        let (up, works) = (cluster.up(), cluster.witness_up());
        let event = event(chance, up, works, number == 3);
        story += &format!("\n{event:?}");
        let said: Vec<usize> = cluster.play(&event).survivors().iter().map(Id::index).collect();
        play(&mut pair, &event);
        let happened = pair.with_quorum();
        assert_eq!(said, happened, "calculated, happened: {story}\n{}", pair.votes().join("\n"));
        if said.is_empty() {
            return;
        }
    }
}

#[test]
fn calculator_and_cores_agree_on_up_to_six_nodes() {
    let mut chance = Chance(0x5eed_0001);
    for _ in 0..600 {
        let nodes = 1 + chance.below(6);
        same_answer(&mut chance, nodes);
    }
}

#[test]
fn calculator_and_cores_agree_on_up_to_sixteen_nodes() {
    let mut chance = Chance(0x5eed_0002);
    for nodes in 7..=16 {
        same_answer(&mut chance, nodes);
    }
}
