use super::plan::{self, Ballot, Cluster, Event, Part};
use super::*;

const MODES: [Mode; 4] =
    [Mode::NodeMajority, Mode::NodeAndFileShareMajority, Mode::NodeAndDiskMajority, Mode::DiskOnly];
const COUNTINGS: [Counting; 3] = [Counting::Static, Counting::Nodes, Counting::NodesAndWitness];

fn rules(nodes: usize, mode: Mode, counting: Counting) -> Rules {
    Rules {
        mode,
        counting,
        configured: NodeSet::first(nodes),
        lower_priority: None,
        automatic: Automatic::Highest,
        two_keep_three: true,
    }
}

fn set(nodes: &[u8]) -> NodeSet {
    nodes.iter().map(|n| NodeId(*n)).collect()
}

fn cluster(rules: Rules, nodes: usize) -> Cluster {
    Cluster::new(rules, NodeSet::first(nodes), NodeId(0))
}

fn down(nodes: &[u8]) -> Event {
    Event::Down { nodes: set(nodes), witness: false }
}

#[test]
fn majorities_of_one_to_sixteen_nodes() {
    for nodes in 1..=16usize {
        for (mode, witness) in [(Mode::NodeMajority, 0), (Mode::NodeAndFileShareMajority, 1)] {
            let votes = rules(nodes, mode, Counting::Static).static_votes();
            let total = nodes + witness;
            assert_eq!(usize::from(votes.needed()), total / 2 + 1);
            for up in 1..=nodes {
                let standing = votes.standing(NodeSet::first(up));
                let held = matches!(standing, Standing::Majority { .. });
                assert_eq!(held, 2 * up > total, "{up} of {nodes}, {mode:?}");
                let short = matches!(standing, Standing::OneShort { .. });
                let with = witness == 1 && 2 * up <= total && 2 * (up + 1) > total;
                assert_eq!(short, with, "{up} of {nodes}, {mode:?}");
            }
        }
    }
}

#[test]
fn a_node_without_vote_adds_nothing() {
    let votes = Votes { nodes: NodeSet::first(2), witness: true };
    assert_eq!(votes.standing(set(&[1, 2])), Standing::OneShort { votes: 1, needed: 2 });
}

#[test]
fn while_votes_change_a_view_must_stand_by_both() {
    let old = Votes { nodes: NodeSet::first(3), witness: false };
    let new = Votes { nodes: set(&[0]), witness: false };
    // Node 0 alone stands by the new votes only, nodes 1 and 2 by the old only.
    assert_eq!(standing(set(&[0]), old, Some(new)), Standing::Minority { votes: 1, needed: 2 });
    assert_eq!(standing(set(&[1, 2]), old, Some(new)), Standing::Minority { votes: 0, needed: 1 });
    assert_eq!(standing(set(&[0, 1]), old, Some(new)), Standing::Majority { votes: 2, needed: 2 });
    assert_eq!(standing(set(&[1, 2]), old, None), Standing::Majority { votes: 2, needed: 2 });
}

#[test]
fn the_witness_votes_iff_the_number_of_node_votes_is_even() {
    for nodes in 1..=16usize {
        let rules = rules(nodes, Mode::NodeAndFileShareMajority, Counting::NodesAndWitness);
        let votes = rules.initial();
        assert_eq!(votes.witness, nodes.is_multiple_of(2), "{nodes} nodes");
        assert_eq!(votes.nodes.len(), nodes);
        // On 2012 it always votes.
        let votes = Rules { counting: Counting::Nodes, ..rules }.initial();
        assert!(votes.witness && votes.nodes.len() == nodes);
    }
}

#[test]
fn without_a_witness_an_even_number_drops_one() {
    let named = |nodes, counting, lower_priority, automatic| {
        let rules = rules(nodes, Mode::NodeMajority, counting);
        Rules { lower_priority, automatic, ..rules }.initial().nodes
    };
    let (both, last) = (Counting::NodesAndWitness, Automatic::Highest);
    assert_eq!(named(4, both, None, last), set(&[0, 1, 2]));
    assert_eq!(named(4, both, None, Automatic::Lowest), set(&[1, 2, 3]));
    assert_eq!(named(4, both, Some(NodeId(1)), last), set(&[0, 2, 3]));
    assert_eq!(named(3, both, Some(NodeId(1)), last), set(&[0, 1, 2]));
    assert_eq!(named(4, Counting::Nodes, None, last), set(&[0, 1, 2, 3]));
    assert_eq!(named(2, Counting::Nodes, None, last), set(&[0]));
}

#[test]
fn a_weight_of_zero_is_never_overridden() {
    for counting in COUNTINGS {
        for mode in [Mode::NodeMajority, Mode::NodeAndFileShareMajority] {
            let rules = Rules { configured: set(&[0, 1, 3]), ..rules(4, mode, counting) };
            let mut cluster = cluster(rules, 4);
            for event in [down(&[3]), Event::Up { nodes: set(&[3]), witness: false }] {
                let judged = cluster.play(&event);
                assert!(!judged.after.nodes.contains(NodeId(2)), "{mode:?} {counting:?}");
            }
        }
    }
}

/// One node after the other is lost, the highest first: how many may go before quorum does.
fn losses(rules: Rules, nodes: usize) -> usize {
    let mut cluster = cluster(rules, nodes);
    let lost = (1..nodes).rev().find(|n| cluster.play(&down(&[*n as u8])).survivors().is_empty());
    lost.map_or(nodes - 1, |n| nodes - 1 - n)
}

#[test]
fn documented_sequences_of_losses() {
    use Counting::{Nodes, NodesAndWitness, Static};
    use Mode::{NodeAndFileShareMajority as Share, NodeMajority as Alone};
    for n in 1..=16usize {
        assert_eq!(losses(rules(n, Alone, Static), n), n.div_ceil(2) - 1, "{n} nodes, static");
        assert_eq!(losses(rules(n, Share, Static), n), n / 2, "{n} nodes and share, static");
        // Last man standing: the votes follow, whichever version.
        assert_eq!(losses(rules(n, Alone, NodesAndWitness), n), n - 1, "{n} nodes, 2012 R2");
        assert_eq!(losses(rules(n, Alone, Nodes), n), n - 1, "{n} nodes, 2012");
        assert_eq!(losses(rules(n, Share, NodesAndWitness), n), n - 1, "{n} and share, 2012 R2");
        assert_eq!(losses(rules(n, Share, Nodes), n), n - 1, "{n} and share, 2012");
        assert_eq!(losses(rules(n, Mode::DiskOnly, Static), n), n - 1, "{n} and disk");
    }
}

#[test]
fn dynamic_quorum_does_not_survive_the_loss_of_a_majority_at_once() {
    for counting in COUNTINGS {
        for nodes in 3..=16u8 {
            let many: Vec<u8> = (nodes / 2 - u8::from(nodes.is_multiple_of(2))..nodes).collect();
            let rules = rules(usize::from(nodes), Mode::NodeMajority, counting);
            let judged = cluster(rules, usize::from(nodes)).play(&down(&many));
            assert_eq!(judged.survivors(), NodeSet::EMPTY, "{nodes} nodes, {counting:?}");
        }
    }
}

#[test]
fn with_a_witness_votes_are_not_reduced_below_three() {
    for counting in [Counting::Nodes, Counting::NodesAndWitness] {
        let mut cluster = cluster(rules(4, Mode::NodeAndFileShareMajority, counting), 4);
        for node in [3, 2, 1] {
            assert!(!cluster.play(&down(&[node])).survivors().is_empty());
        }
        assert_eq!(cluster.stands().after, Votes { nodes: set(&[0, 1]), witness: true });
        let last = cluster.play(&Event::Down { nodes: NodeSet::EMPTY, witness: true });
        assert_eq!(last.survivors(), NodeSet::EMPTY, "{counting:?}");
    }
}

#[test]
fn a_failed_witness_has_no_vote_on_2012_r2() {
    for (counting, survivors) in [(Counting::Nodes, 0), (Counting::NodesAndWitness, 2)] {
        let mut cluster = cluster(rules(4, Mode::NodeAndFileShareMajority, counting), 4);
        cluster.play(&Event::Down { nodes: NodeSet::EMPTY, witness: true });
        // Five votes on 2012; on 2012 R2 three: the witness's is gone and node 3's with it.
        assert_eq!(cluster.play(&down(&[2, 3])).survivors().len(), survivors, "{counting:?}");
    }
}

#[test]
fn a_leave_moves_the_vote_and_a_loss_does_not() {
    for counting in [Counting::Nodes, Counting::NodesAndWitness] {
        let two = rules(2, Mode::NodeMajority, counting);
        // Node 0 has the vote.
        assert_eq!(cluster(two, 2).play(&Event::Leave(set(&[0]))).survivors(), set(&[1]));
        assert_eq!(cluster(two, 2).play(&down(&[0])).survivors(), NodeSet::EMPTY);
        assert_eq!(cluster(two, 2).play(&down(&[1])).survivors(), set(&[0]));
    }
    let two = rules(2, Mode::NodeMajority, Counting::Static);
    assert_eq!(cluster(two, 2).play(&Event::Leave(set(&[0]))).survivors(), NodeSet::EMPTY);
}

#[test]
fn what_comes_back_forms_with_what_it_knows() {
    let share = rules(2, Mode::NodeAndFileShareMajority, Counting::Static);
    let back = |nodes: &[u8], witness| Event::Up { nodes: set(nodes), witness };
    // Node 1 went on alone with the witness; node 0 knows less than the witness's tag.
    let mut two = cluster(share, 2);
    two.play(&down(&[0]));
    assert_eq!(two.play(&down(&[1])).survivors(), NodeSet::EMPTY);
    let judged = two.play(&back(&[0], false));
    assert_eq!(judged.sides[0].ballot, super::plan::Ballot::Newer);
    assert_eq!(two.play(&back(&[1], false)).survivors(), NodeSet::first(2));
    // A disk has a copy of the cluster database: there node 0 learns what it missed.
    let disk = Rules { mode: Mode::NodeAndDiskMajority, ..share };
    let mut two = cluster(disk, 2);
    two.play(&down(&[0]));
    two.play(&down(&[1]));
    assert_eq!(two.play(&back(&[0], false)).survivors(), set(&[0]));
    // A witness that returns lets the last one form again.
    let mut two = cluster(share, 2);
    two.play(&Event::Down { nodes: set(&[1]), witness: true });
    assert_eq!(two.play(&back(&[], true)).survivors(), set(&[0]));
}

#[test]
fn of_two_sides_that_reach_the_witness_the_core_groups_owner_is_first() {
    let split = |owner, reach: [bool; 2]| {
        let rules = rules(2, Mode::NodeAndFileShareMajority, Counting::Static);
        let parts = [0, 1].map(|n| Part { members: set(&[n]), witness: reach[usize::from(n)] });
        let mut cluster = Cluster::new(rules, NodeSet::first(2), NodeId(owner));
        cluster.play(&Event::Partition(parts.to_vec())).survivors()
    };
    assert_eq!(split(0, [true, true]), set(&[0]));
    assert_eq!(split(1, [true, true]), set(&[1]));
    assert_eq!(split(1, [true, false]), set(&[0]));
    assert_eq!(split(1, [false, false]), NodeSet::EMPTY);
}

/// Splits every way and says that one side at most has quorum, and that `held` tells it.
fn one_side_at_most(cluster: &Cluster, left: NodeSet, what: &str) {
    let right = cluster.up().minus(left);
    for reach in [[false, false], [false, true], [true, false], [true, true]] {
        let parts = vec![
            Part { members: left, witness: reach[0] },
            Part { members: right, witness: reach[1] },
        ];
        let judged = cluster.clone().play(&Event::Partition(parts));
        let with = judged.sides.iter().filter(|side| side.quorum()).count();
        assert!(with <= 1, "{what}: {judged:?}");
        let held: u8 = judged.sides.iter().map(super::plan::Side::held).sum();
        assert!(held <= judged.votes.total(), "{what}: {judged:?}");
        for side in &judged.sides {
            let enough = side.held() >= judged.votes.needed();
            assert_eq!(side.quorum(), enough, "{what}: {judged:?}");
        }
    }
}

#[test]
fn no_split_of_up_to_six_nodes_leaves_two_sides_with_quorum() {
    for (mode, counting) in MODES.iter().flat_map(|m| COUNTINGS.map(|c| (*m, c))) {
        for nodes in 1..=6usize {
            for lost in 0..1u16 << nodes {
                for witness in [false, true] {
                    let mut cluster = cluster(rules(nodes, mode, counting), nodes);
                    let gone = (0..nodes as u8).filter(|n| lost & 1 << n != 0).map(NodeId);
                    cluster.play(&Event::Down { nodes: gone.collect(), witness });
                    for left in 0..1u16 << nodes {
                        let left = (0..nodes as u8).filter(|n| left & 1 << n != 0).map(NodeId);
                        let left: NodeSet = left.collect();
                        let what = format!("{mode:?} {counting:?} {nodes} nodes, lost {lost:b}");
                        one_side_at_most(&cluster, left.intersection(cluster.up()), &what);
                    }
                }
            }
        }
    }
}

#[test]
fn no_sequence_of_losses_in_up_to_sixteen_nodes_leads_to_two_sides_with_quorum() {
    // A generator of the test's own: floor 1 knows no chance.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut pick = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for _ in 0..4_000 {
        let nodes = 1 + pick(16) as usize;
        let (mode, counting) = (MODES[pick(4) as usize], COUNTINGS[pick(3) as usize]);
        let mut cluster = cluster(rules(nodes, mode, counting), nodes);
        let mut story = format!("{mode:?} {counting:?} {nodes}");
        for _ in 0..5 {
            let nodes: NodeSet = (0..nodes as u8).filter(|_| pick(4) == 0).map(NodeId).collect();
            let witness = pick(5) == 0;
            let event = match pick(4) {
                0 | 1 => Event::Down { nodes, witness },
                2 => Event::Leave(nodes.intersection(cluster.up())),
                _ => Event::Up { nodes, witness },
            };
            cluster.play(&event);
            story += &format!("; {event:?}");
            let left: NodeSet = cluster.up().iter().filter(|_| pick(2) == 0).collect();
            one_side_at_most(&cluster, left, &story);
        }
    }
}

/// Nodes without their witness, on one side.
fn part(nodes: &[u8], witness: bool) -> Part {
    Part { members: set(nodes), witness }
}

/// What each side came to: votes that it holds, and whether it has quorum.
fn sides(judged: &plan::Judged) -> Vec<(Ballot, u8, bool)> {
    judged.sides.iter().map(|side| (side.ballot, side.held(), side.quorum())).collect()
}

#[test]
fn the_witness_adds_its_vote_where_it_is_won_or_would_count() {
    let four = || cluster(rules(4, Mode::NodeAndFileShareMajority, Counting::Static), 4);
    let split = Event::Partition(vec![part(&[2, 3], true), part(&[0, 1], true)]);
    let lost = Ballot::Lost { to_owner: true };
    assert_eq!(sides(&four().play(&split)), [(lost, 2, false), (Ballot::WonByOwner, 3, true)]);
    let out_of_reach = Event::Partition(vec![part(&[0, 1], false), part(&[2, 3], true)]);
    assert_eq!(
        sides(&four().play(&out_of_reach)),
        [(Ballot::Unreachable, 2, false), (Ballot::WonAfterDelay, 3, true)]
    );
    let spare = Ballot::NotNeeded { counts: true };
    let few = Ballot::NotEnough { counts: false };
    let three_and_one = Event::Partition(vec![part(&[0, 1, 2], true), part(&[3], true)]);
    assert_eq!(sides(&four().play(&three_and_one)), [(spare, 4, true), (few, 1, false)]);
    let alone = Event::Partition(vec![part(&[0, 1, 2], false), part(&[3], true)]);
    let counts = Ballot::NotEnough { counts: true };
    assert_eq!(sides(&four().play(&alone))[1], (counts, 2, false));
}

#[test]
fn of_two_sides_without_the_owner_the_one_with_the_lowest_node_is_first() {
    // The owner has no vote, and is on no side.
    let mut rules = rules(5, Mode::NodeAndFileShareMajority, Counting::Static);
    rules.configured = NodeSet::first(4);
    for swapped in [false, true] {
        let mut parts = vec![part(&[0, 3], true), part(&[1, 2], true)];
        if swapped {
            parts.reverse();
        }
        let mut cluster = Cluster::new(rules, NodeSet::first(5), NodeId(4));
        let mut came_to = sides(&cluster.play(&Event::Partition(parts)));
        if swapped {
            came_to.reverse();
        }
        let lost = Ballot::Lost { to_owner: false };
        assert_eq!(came_to, [(Ballot::WonAfterDelay, 3, true), (lost, 2, false)]);
    }
}

#[test]
fn only_who_reaches_the_disk_learns_from_it() {
    for (witness_up, reaches, votes) in [(true, true, 2), (true, false, 3), (false, true, 3)] {
        let mut cluster = cluster(rules(3, Mode::NodeAndDiskMajority, Counting::Nodes), 3);
        cluster.play(&down(&[2]));
        cluster.play(&down(&[0, 1]));
        assert!(cluster.up().is_empty());
        if !witness_up {
            cluster.play(&Event::Down { nodes: NodeSet::EMPTY, witness: true });
        }
        let back = Event::Up { nodes: set(&[2]), witness: false };
        assert_eq!(cluster.play(&back).survivors(), NodeSet::EMPTY);
        assert_eq!(cluster.up(), set(&[2]), "it waits");
        let judged = cluster.play(&Event::Partition(vec![part(&[2], reaches)]));
        assert_eq!(judged.sides[0].votes.nodes.len(), votes, "{witness_up} {reaches}");
    }
}

#[test]
fn without_quorum_nobody_gives_up_a_vote() {
    let mut cluster = cluster(rules(5, Mode::NodeMajority, Counting::Nodes), 5);
    assert!(cluster.play(&down(&[0, 1, 2])).survivors().is_empty());
    let judged = cluster.play(&Event::Leave(set(&[4])));
    assert_eq!(judged.sides[0].standing, Standing::Minority { votes: 1, needed: 3 });
}

#[test]
fn the_core_group_goes_to_the_next_node_and_after_the_last_to_the_first() {
    for (owner, heir) in [(0, 1), (1, 3), (3, 0)] {
        let rules = rules(4, Mode::NodeMajority, Counting::Static);
        let mut cluster = Cluster::new(rules, set(&[0, 1, 3]), NodeId(owner));
        cluster.play(&Event::Leave(set(&[owner])));
        assert_eq!(cluster.stands().owner, Some(NodeId(heir)));
    }
}

#[test]
fn of_a_disk_alone_nothing_is_dynamic() {
    let disk = Votes { nodes: NodeSet::EMPTY, witness: true };
    for counting in COUNTINGS {
        let rules = rules(3, Mode::DiskOnly, counting);
        assert_eq!(rules.initial(), disk);
        assert_eq!(rules.adapt(disk, set(&[0, 1]), true), disk);
    }
}

#[test]
fn with_a_witness_votes_stop_at_three() {
    let rules = rules(4, Mode::NodeAndFileShareMajority, Counting::Nodes);
    let votes = |nodes: &[u8]| Votes { nodes: set(nodes), witness: true };
    assert_eq!(rules.adapt(votes(&[0, 1, 2]), set(&[0, 1]), true), votes(&[0, 1]));
    assert_eq!(rules.adapt(votes(&[0, 1]), set(&[0]), true), votes(&[0, 1]));
    assert_eq!(rules.adapt(votes(&[0, 1]), set(&[0, 2]), true), votes(&[0, 2]));
}
