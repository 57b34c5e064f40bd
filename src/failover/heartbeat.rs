//! Heartbeats: a request and its reply on every path, judged path by path, then peer by peer
//! (wsfc.md §1.2).

use super::message::{Adapter, Flags, Message};
use super::seam::{Effect, Note, Timer};
use super::{
    Ctx,
    config::{Config, Flaw, HeartbeatConfig, NicConfig, Rhythm},
};
use crate::base::{IdVec, Instant, NicId, NodeId, NodeSet};

/// What lies between the two ends of a path; each kind beats in its own rhythm.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Kind {
    SameSubnet,
    CrossSubnet,
    CrossSite,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::SameSubnet, Kind::CrossSubnet, Kind::CrossSite];

    fn rhythm(self, config: &HeartbeatConfig) -> Rhythm {
        match self {
            Kind::SameSubnet => config.same_subnet,
            Kind::CrossSubnet => config.cross_subnet,
            Kind::CrossSite => config.cross_site,
        }
    }
}

/// A path to a peer: one of this node's adapters on a network that the peer is on too.
#[derive(Clone, Debug, Hash)]
struct Path {
    peer: NodeId,
    nic: NicId,
    kind: Kind,
    metric: u32,
    /// The last request sent.
    sent: u32,
    /// The last request answered, or the last before the path was opened.
    answered: u32,
    up: bool,
    /// Told that it has missed many heartbeats, and not answered since.
    warned: bool,
}

impl Path {
    /// Requests without an answer.
    fn missed(&self) -> u32 {
        self.sent - self.answered
    }
}

/// Liveness of every path.
#[derive(Clone, Debug, Hash)]
pub(super) struct Heartbeat {
    paths: Vec<Path>,
    links: IdVec<NicId, bool>,
    /// When the next heartbeats of each kind are due; never for a kind without paths.
    next: [Instant; Kind::ALL.len()],
    /// When those that are out are judged, if that is before the next are due.
    judged: [Instant; Kind::ALL.len()],
    /// Peers with at least one live path, and this node.
    pub reach: NodeSet,
}

/// What changed in who can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub(super) struct Changed {
    pub lost: NodeSet,
    pub heard: NodeSet,
    /// Whether some path went up or down, even if others lead to its peer.
    pub paths: bool,
}

impl Heartbeat {
    pub(super) fn new(config: &Config, links: &[bool], now: Instant) -> Self {
        let paths = paths(config);
        let next = Kind::ALL.map(|kind| {
            let alone = paths.is_empty() && kind == Kind::SameSubnet;
            let used = alone || paths.iter().any(|path| path.kind == kind);
            if used { now } else { Instant::MAX }
        });
        let nics = config.nodes[config.me].nics.ids();
        let links = nics.map(|nic| links.get(usize::from(nic.0)).copied().unwrap_or(true));
        let links = links.collect();
        let judged = Kind::ALL.map(|_| Instant::MAX);
        Heartbeat { paths, links, next, judged, reach: NodeSet::only(config.me) }
    }

    /// Whether an adapter has carrier.
    pub(super) fn link(&self, nic: NicId) -> bool {
        self.links[nic]
    }

    /// Whether no adapter of this node has carrier.
    pub(super) fn isolated(&self) -> bool {
        self.links.values().all(|up| !up)
    }

    /// What this node's adapters reach, of those on networks that the cluster uses.
    pub(super) fn adapters(&self, config: &Config) -> Vec<Adapter> {
        let used = config.nodes[config.me].nics.iter();
        let used = used.filter(|(_, on)| config.networks[on.network].cluster_use);
        let adapter = |(nic, on): (NicId, &NicConfig)| {
            let down = self.paths.iter().filter(|path| path.nic == nic && !path.up);
            let misses: NodeSet = down.map(|path| path.peer).collect();
            let (network, carrier) = (on.network, self.links[nic]);
            Adapter { network, carrier, misses: misses.intersection(self.reach) }
        };
        used.map(adapter).collect()
    }

    /// The best adapter to reach a peer: of the live paths the one with the lowest metric
    /// (wsfc.md §1.2), but rather one that answers than one that has begun to miss heartbeats;
    /// without a live path the first with carrier.
    pub(super) fn way_to(&self, peer: NodeId) -> Option<NicId> {
        let to = || self.paths.iter().filter(move |path| path.peer == peer);
        let live = to()
            .filter(|path| path.up)
            .min_by_key(|path| (path.missed() > 1, path.metric, path.nic));
        live.or_else(|| to().find(|path| self.links[path.nic])).map(|path| path.nic)
    }

    /// Judges the heartbeats that are out and sends the next, as each is due. A machine that
    /// stood still sends one, not all that it missed.
    pub(super) fn beat(&mut self, ctx: &mut Ctx, flags: Flags) -> Changed {
        let mut changed = Changed::default();
        for kind in Kind::ALL {
            let slot = kind as usize;
            if ctx.now < self.next[slot].min(self.judged[slot]) {
                continue;
            }
            let rhythm = kind.rhythm(&ctx.config.heartbeat);
            let early = u32::from(ctx.config.has(Flaw::MissCountOffByOne));
            for place in 0..self.paths.len() {
                self.judge(ctx, place, kind, rhythm.threshold - early, &mut changed);
            }
            self.judged[slot] = Instant::MAX;
            if ctx.now < self.next[slot] {
                continue;
            }
            self.send(ctx, kind, flags);
            self.next[slot] = ctx.now + rhythm.delay;
            let waited = ctx.config.heartbeat.reply_time;
            if waited < rhythm.delay {
                self.judged[slot] = ctx.now + waited;
            }
        }
        let due = self.next.iter().chain(&self.judged);
        let next = due.copied().fold(Instant::MAX, Instant::min);
        ctx.timers.set(Timer::Beat, next);
        changed
    }

    /// Judges one path, if it is of this kind.
    fn judge(
        &mut self,
        ctx: &mut Ctx,
        place: usize,
        kind: Kind,
        threshold: u32,
        changed: &mut Changed,
    ) {
        let path = &mut self.paths[place];
        let missed = path.missed();
        if path.kind != kind || !path.up {
            return;
        }
        if missed >= threshold {
            self.lose(ctx, place, missed, changed);
        } else if ctx.config.heartbeat.tells_misses
            && missed * 5 >= threshold * 2
            && !std::mem::replace(&mut path.warned, true)
        {
            let (peer, nic) = (path.peer, path.nic);
            ctx.note(Note::HeartbeatsMissed { peer, nic, missed });
        }
    }

    /// Sends a request on every path of a kind whose adapter has carrier.
    fn send(&mut self, ctx: &mut Ctx, kind: Kind, flags: Flags) {
        let able = |path: &&mut Path| path.kind == kind && self.links[path.nic];
        for path in self.paths.iter_mut().filter(able) {
            path.sent += 1;
            let message = Message::Request { sequence: path.sent, flags };
            ctx.out.push(Effect::Send { nic: path.nic, to: path.peer, message });
        }
    }

    fn lose(&mut self, ctx: &mut Ctx, place: usize, missed: u32, changed: &mut Changed) {
        let path = &mut self.paths[place];
        path.up = false;
        path.warned = false;
        changed.paths = true;
        let (peer, nic) = (path.peer, path.nic);
        ctx.note(Note::PathLost { peer, nic, missed });
        if !self.paths.iter().any(|path| path.peer == peer && path.up) {
            self.reach = self.reach.without(peer);
            changed.lost = changed.lost.with(peer);
            ctx.note(Note::PeerLost { peer });
        }
    }

    /// A reply came in: the path lives.
    pub(super) fn reply(
        &mut self,
        ctx: &mut Ctx,
        nic: NicId,
        from: NodeId,
        sequence: u32,
    ) -> Changed {
        let mut changed = Changed::default();
        let path = self.paths.iter_mut().find(|path| path.peer == from && path.nic == nic);
        let Some(path) = path.filter(|path| sequence <= path.sent) else {
            ctx.note(Note::BadFrame { from });
            return changed;
        };
        path.answered = path.answered.max(sequence);
        path.warned = false;
        if !path.up && path.answered == path.sent {
            path.up = true;
            changed.paths = true;
            ctx.note(Note::PathUp { peer: from, nic });
            if !self.reach.contains(from) {
                self.reach = self.reach.with(from);
                changed.heard = changed.heard.with(from);
                ctx.note(Note::PeerHeard { peer: from });
            }
        }
        changed
    }

    /// An adapter of this node gained or lost carrier. Loss takes its paths down at once.
    pub(super) fn media(&mut self, ctx: &mut Ctx, nic: NicId, up: bool) -> Changed {
        let mut changed = Changed::default();
        self.links[nic] = up;
        for place in 0..self.paths.len() {
            let path = &mut self.paths[place];
            if path.nic != nic {
                continue;
            }
            if up {
                path.answered = path.sent;
            } else if path.up {
                self.lose(ctx, place, 0, &mut changed);
            }
        }
        changed
    }
}

/// The paths of a node. Between two nodes that share a subnet those across subnets are kept only
/// if the configuration wants them all (wsfc.md §1.1 PlumbAllCrossSubnetRoutes).
fn paths(config: &Config) -> Vec<Path> {
    let mut paths = Vec::new();
    let me = &config.nodes[config.me];
    for (peer, other) in config.nodes.iter().filter(|(peer, _)| *peer != config.me) {
        let first = paths.len();
        for (nic, mine) in me.nics.iter() {
            let Some(theirs) = other.nics.values().find(|on| on.network == mine.network) else {
                continue;
            };
            let network = &config.networks[mine.network];
            if !network.cluster_use {
                continue;
            }
            let kind = if me.cluster_site != other.cluster_site {
                Kind::CrossSite
            } else if mine.subnet != theirs.subnet {
                Kind::CrossSubnet
            } else {
                Kind::SameSubnet
            };
            let metric = network.metric;
            let (sent, answered, up, warned) = (0, 0, false, false);
            paths.push(Path { peer, nic, kind, metric, sent, answered, up, warned });
        }
        let shared = paths[first..].iter().any(|path| path.kind == Kind::SameSubnet);
        if shared && !config.heartbeat.all_cross_subnet {
            let mut place = 0;
            paths.retain(|path| {
                place += 1;
                place <= first || path.kind != Kind::CrossSubnet
            });
        }
    }
    paths
}
