//! Heartbeats: a request and its reply on every path, judged path by path, then peer by peer
//! (wsfc.md §1.2).

use super::message::{Flags, Message};
use super::seam::{Effect, Note, Timer};
use super::{Ctx, config::Config};
use crate::base::{IdVec, Instant, NicId, NodeId, NodeSet};

/// A path to a peer: one of this node's adapters on a network that the peer is on too.
#[derive(Clone, Debug)]
struct Path {
    peer: NodeId,
    nic: NicId,
    /// The last request sent.
    sent: u32,
    /// The last request answered, or the last before the path was opened.
    answered: u32,
    up: bool,
    /// When anything last came over it.
    heard: Instant,
}

/// Liveness of every path.
#[derive(Clone, Debug)]
pub(super) struct Heartbeat {
    paths: Vec<Path>,
    links: IdVec<NicId, bool>,
    next: Instant,
    /// Peers with at least one live path, and this node.
    pub reach: NodeSet,
}

/// What changed in who can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Changed {
    pub lost: NodeSet,
    pub heard: NodeSet,
    /// Whether some path went up or down, even if others lead to its peer.
    pub paths: bool,
}

impl Heartbeat {
    pub(super) fn new(config: &Config, links: &[bool], now: Instant) -> Self {
        let mut paths = Vec::new();
        for (peer, other) in config.nodes.iter().filter(|(peer, _)| *peer != config.me) {
            for (nic, network) in config.nodes[config.me].nics.iter() {
                let shared = other.nics.values().any(|on| on == network);
                if shared && config.networks[*network].cluster_use {
                    paths.push(Path { peer, nic, sent: 0, answered: 0, up: false, heard: now });
                }
            }
        }
        let nics = config.nodes[config.me].nics.ids();
        let links = nics.map(|nic| links.get(usize::from(nic.0)).copied().unwrap_or(true));
        let links = links.collect();
        Heartbeat { paths, links, next: now, reach: NodeSet::only(config.me) }
    }

    /// Whether an adapter has carrier.
    pub(super) fn link(&self, nic: NicId) -> bool {
        self.links[nic]
    }

    /// Whether no adapter of this node has carrier.
    pub(super) fn isolated(&self) -> bool {
        self.links.values().all(|up| !up)
    }

    /// Something came over a path.
    pub(super) fn heard(&mut self, now: Instant, nic: NicId, from: NodeId) {
        if let Some(path) = self.paths.iter_mut().find(|p| p.peer == from && p.nic == nic) {
            path.heard = now;
        }
    }

    /// The best adapter to reach a peer: that of the live path that was heard last, else the first
    /// with carrier.
    pub(super) fn way_to(&self, peer: NodeId) -> Option<NicId> {
        let to = || self.paths.iter().filter(move |path| path.peer == peer);
        let live = to()
            .filter(|path| path.up)
            .max_by_key(|path| (path.heard, core::cmp::Reverse(path.nic)));
        live.or_else(|| to().find(|path| self.links[path.nic])).map(|path| path.nic)
    }

    /// Judges the heartbeats that are out and sends the next, if they are due. A machine that
    /// stood still sends one, not all that it missed.
    pub(super) fn beat(&mut self, ctx: &mut Ctx, flags: Flags) -> Changed {
        let mut changed = Changed::default();
        if ctx.now >= self.next {
            for place in 0..self.paths.len() {
                let path = &self.paths[place];
                let missed = path.sent - path.answered;
                if path.up && missed >= ctx.config.heartbeat.threshold {
                    self.lose(ctx, place, missed, &mut changed);
                }
            }
            self.send(ctx, flags);
            self.next = ctx.now + ctx.config.heartbeat.delay;
        }
        ctx.timers.set(Timer::Beat, self.next);
        changed
    }

    /// Sends a request on every path whose adapter has carrier.
    fn send(&mut self, ctx: &mut Ctx, flags: Flags) {
        for path in self.paths.iter_mut().filter(|path| self.links[path.nic]) {
            path.sent += 1;
            let message = Message::Request { sequence: path.sent, flags };
            ctx.out.push(Effect::Send { nic: path.nic, to: path.peer, message });
        }
    }

    fn lose(&mut self, ctx: &mut Ctx, place: usize, missed: u32, changed: &mut Changed) {
        let path = &mut self.paths[place];
        path.up = false;
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
