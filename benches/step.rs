//! What a step of the core costs: heartbeat exchanges between two nodes, and nothing else.

#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dagtwin::base::{IdVec, Instant, NetId, NodeId, SiteId, Span};
use dagtwin::failover::Node;
use dagtwin::failover::config::{
    ActiveManagerConfig, Config, GroupConfig, GroupKind, HeartbeatConfig, MembershipConfig,
    NetworkConfig, NicConfig, NodeConfig, PlacementConfig, QuorumConfig, Rhythm,
};
use dagtwin::failover::seam::{ActivationPolicy, Boot, Effect, Effects, Input, MountDial, Outcome};
use std::collections::VecDeque;
use std::hint::black_box;

const LATENCY: Span = Span::from_micros(100);
const SECOND: Span = Span::from_secs(1);

const PLACEMENT: PlacementConfig = PlacementConfig {
    ordered: true,
    enforced_anti_affinity: false,
    wait_delay: Span::ZERO,
    node_down_counts: false,
    operator_clears_failovers: true,
};

const QUORUM: QuorumConfig = QuorumConfig {
    mode: dagtwin::failover::quorum::Mode::NodeMajority,
    counting: dagtwin::failover::quorum::Counting::Static,
    lower_priority: None,
    automatic: dagtwin::failover::quorum::Automatic::Highest,
    two_keep_three: true,
    arbitration_delay: Span::ZERO,
    claim_retry: SECOND,
    claim_tries: 1,
    refusal_ends: true,
    termination: Span::from_secs(90),
};

fn config(me: u8) -> Config {
    let node = NodeConfig {
        nics: IdVec::filled(1, NicConfig { network: NetId(0), subnet: 0 }),
        cluster_site: 0,
        vote: true,
        dial: MountDial::Lossless,
        activation_policy: ActivationPolicy::Unrestricted,
        site: SiteId(0),
        maximum_active: None,
    };
    let core = GroupConfig {
        kind: GroupKind::Core,
        preferred: Vec::new(),
        failover_threshold: 1,
        failover_period: Span::from_secs(6 * 3600),
        auto_failback: false,
        failback_window: None,
        priority: 2000,
        anti_affinity: Vec::new(),
        exists: true,
    };
    let rhythm = Rhythm { delay: SECOND, threshold: 5 };
    Config {
        me: NodeId(me),
        nodes: IdVec::filled(2, node),
        networks: IdVec::filled(
            1,
            NetworkConfig { cluster_use: true, client_access: true, metric: 1000 },
        ),
        heartbeat: HeartbeatConfig {
            reply_time: Span::from_secs(4),
            same_subnet: rhythm,
            cross_subnet: rhythm,
            cross_site: rhythm,
            cross_subnet_interfaces_fail: true,
            all_cross_subnet: false,
            tells_misses: false,
        },
        membership: MembershipConfig {
            quarantine: None,
            tick: Span::from_millis(300),
            minimum_ticks: 2,
            opening: Span::from_secs(5),
            stage: Span::from_secs(5),
            pruning: Span::from_secs(5),
            form_after: Span::from_secs(5),
        },
        quorum: QUORUM,
        groups: IdVec::filled(1, core),
        placement: PLACEMENT,
        resources: IdVec::new(),
        databases: IdVec::new(),
        active_manager: ActiveManagerConfig {
            status_timeout: SECOND,
            last_logs_timeout: SECOND,
            mount_timeout: SECOND,
            retry: SECOND,
            skip_down_source: true,
            all_members_suffice: true,
            switchover_copy_queue: 9,
            switchover_replay_queue: 6,
            dismount_fails_over: false,
        },
        flaw: None,
    }
}

/// Two nodes and a cable on which everything takes equally long, so that it is a plain queue.
struct Pair {
    nodes: [Node; 2],
    /// When each wants to be woken, as it said after its last step.
    wakes: [Instant; 2],
    cable: VecDeque<(Instant, usize, Input)>,
    effects: Effects,
    now: Instant,
    steps: u64,
}

impl Pair {
    fn new() -> Self {
        let boot = Boot { links: vec![true], ..Boot::default() };
        let node = |me| Node::new(config(me), boot.clone(), Instant::ZERO);
        let mut pair = Pair {
            nodes: [node(0), node(1)],
            wakes: [Instant::ZERO; 2],
            cable: VecDeque::new(),
            effects: Effects::new(),
            now: Instant::ZERO,
            steps: 0,
        };
        pair.run(Span::from_secs(60));
        assert_eq!(pair.nodes[0].view().members.len(), 2, "the nodes found each other");
        pair
    }

    fn run(&mut self, span: Span) {
        let until = self.now + span;
        loop {
            let woken = usize::from(self.wakes[1] < self.wakes[0]);
            let wakes = self.wakes[woken];
            let arrives = self.cable.front().map_or(Instant::MAX, |(at, ..)| *at);
            let next = arrives.min(wakes);
            if next > until {
                self.now = until;
                return;
            }
            self.now = self.now.max(next);
            match self.cable.pop_front_if(|_| arrives <= wakes) {
                Some((_, node, input)) => self.step(node, input),
                None => self.step(woken, Input::Wake),
            }
        }
    }

    fn step(&mut self, node: usize, input: Input) {
        self.steps += 1;
        self.nodes[node].step(self.now, input, &mut self.effects);
        let deadline = self.nodes[node].deadline();
        self.wakes[node] = deadline.map_or(Instant::MAX, |deadline| deadline.at);
        let at = self.now + LATENCY;
        for effect in self.effects.drain(..) {
            match effect {
                Effect::Send { nic, message, .. } => {
                    let from = NodeId(node as u8);
                    self.cable.push_back((at, 1 - node, Input::Frame { nic, from, message }));
                }
                Effect::Do { op, .. } => {
                    self.cable.push_back((at, node, Input::Done { op, outcome: Outcome::Ok }));
                }
                Effect::Note(_) => {}
            }
        }
    }
}

fn step(c: &mut Criterion) {
    let mut pair = Pair::new();
    let before = pair.steps;
    pair.run(Span::from_secs(100));
    let steps = (pair.steps - before) / 100;
    let mut group = c.benchmark_group("step");
    group.throughput(Throughput::Elements(steps));
    group.bench_function(format!("a second of heartbeats, {steps} steps"), |b| {
        b.iter(|| black_box(&mut pair).run(SECOND));
    });
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
