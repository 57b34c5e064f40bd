//! States of network interfaces and networks (wsfc.md §1.3). Every member tells the others what its
//! adapters reach, so every member of a view works out the same states.

use super::Ctx;
use super::config::{Config, ResourceKind};
use super::message::Message;
use super::seam::Note;
use crate::base::{IdVec, Instant, NetId, NodeId, NodeSet, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// State of a network interface: a node's adapter on a network (wsfc.md §1.3 Interface state).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default, Serialize, Deserialize,
)]
pub enum InterfaceState {
    /// Its node is down.
    #[default]
    Unavailable,
    /// It reaches no other interface.
    Failed,
    /// It does not reach some interface that has not failed.
    Unreachable,
    /// It reaches every interface that has not failed.
    Up,
}

/// State of a network (wsfc.md §1.3 Network state).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default, Serialize, Deserialize,
)]
pub enum NetworkState {
    /// No node that is attached to it is up.
    #[default]
    Unavailable,
    /// No attached node can talk over it: every interface has failed.
    Down,
    /// Some attached nodes do not reach each other.
    Partitioned,
    /// All reach each other.
    Up,
}

impl InterfaceState {
    fn is_bad(self) -> bool {
        matches!(self, InterfaceState::Failed | InterfaceState::Unreachable)
    }

    /// Whether an event tells of the next state: nodes that come and go are told of anyway.
    fn is_news(self, next: Self) -> bool {
        self != next && (self.is_bad() || next.is_bad())
    }
}

impl NetworkState {
    fn is_bad(self) -> bool {
        matches!(self, NetworkState::Down | NetworkState::Partitioned)
    }

    /// Whether an event tells of the next state.
    fn is_news(self, next: Self) -> bool {
        self != next && (self.is_bad() || next.is_bad())
    }
}

/// What a member tells of an adapter on a network that the cluster uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize, Deserialize)]
pub struct Adapter {
    /// The network.
    pub network: NetId,
    /// Whether it has carrier.
    pub carrier: bool,
    /// Peers whose heartbeats over it are missed, although they come over another adapter.
    pub misses: NodeSet,
}

/// When something was told: in which life of its teller, and which change in that life.
type Told = (Instant, u32);

/// States of interfaces and networks, and what they are made from.
#[derive(Clone, Debug, Hash)]
pub(super) struct Networks {
    mine: (Told, Vec<Adapter>),
    heard: IdVec<NodeId, Option<(Told, Vec<Adapter>)>>,
    /// Peers that have confirmed what was last told.
    confirmed: NodeSet,
    interfaces: BTreeMap<(NodeId, NetId), InterfaceState>,
    states: IdVec<NetId, NetworkState>,
    /// Something was told since the states were worked out.
    news: bool,
}

impl Networks {
    pub(super) fn new(config: &Config, life: Instant) -> Self {
        Networks {
            mine: ((life, 0), Vec::new()),
            heard: IdVec::filled(config.nodes.len(), None),
            confirmed: NodeSet::EMPTY,
            interfaces: BTreeMap::new(),
            states: IdVec::filled(config.networks.len(), NetworkState::Unavailable),
            news: true,
        }
    }

    /// A new view: who is new in it knows nothing, and what was known of who is gone is void.
    pub(super) fn membership_changed(&mut self, members: NodeSet) {
        self.confirmed = NodeSet::EMPTY;
        self.news = true;
        for (node, heard) in self.heard.iter_mut() {
            if !members.contains(node) {
                *heard = None;
            }
        }
    }

    /// Tells the others what this node's adapters reach, until they confirm it.
    pub(super) fn tell(
        &mut self,
        ctx: &mut Ctx,
        adapters: Vec<Adapter>,
        members: NodeSet,
        again: bool,
    ) {
        let changed = adapters != self.mine.1;
        if changed {
            let (life, number) = self.mine.0;
            self.mine = ((life, number + 1), adapters);
            self.confirmed = NodeSet::EMPTY;
            self.news = true;
        }
        if changed || again {
            for peer in self.unconfirmed(ctx.config, members).iter() {
                let (told, adapters) = self.mine.clone();
                ctx.send(peer, Message::Adapters { told, adapters });
            }
        }
    }

    /// Members that have not confirmed what was last told.
    pub(super) fn unconfirmed(&self, config: &Config, members: NodeSet) -> NodeSet {
        members.without(config.me).minus(self.confirmed)
    }

    /// A member told what its adapters reach.
    pub(super) fn hear(&mut self, ctx: &mut Ctx, from: NodeId, told: Told, of: Vec<Adapter>) {
        // Of two the one that was told later.
        let known = self.heard[from].take();
        self.heard[from] = known.max(Some((told, of)));
        self.news = true;
        ctx.send(from, Message::AdaptersHeard { told });
    }

    /// A member confirmed it.
    pub(super) fn confirm(&mut self, from: NodeId, told: Told) {
        if told == self.mine.0 {
            self.confirmed = self.confirmed.with(from);
        }
    }

    /// Works out the states anew; the core group's owner tells of those that changed.
    pub(super) fn judge(&mut self, ctx: &mut Ctx, members: NodeSet, tells: bool) {
        if !std::mem::take(&mut self.news) {
            return;
        }
        for network in ctx.config.networks.ids() {
            if !ctx.config.networks[network].cluster_use {
                continue;
            }
            let seen = Seen { config: ctx.config, members, network, networks: self };
            let nodes = ctx.config.nodes.ids().filter(|node| seen.subnet(*node).is_some());
            let interfaces: Vec<_> = nodes.map(|node| (node, seen.interface(node))).collect();
            let state = seen.state();
            for (node, state) in interfaces {
                let before = self.interfaces.insert((node, network), state);
                if tells && before.unwrap_or_default().is_news(state) {
                    ctx.note(Note::Interface { node, network, state });
                }
            }
            let before = std::mem::replace(&mut self.states[network], state);
            if tells && before.is_news(state) {
                ctx.note(Note::Network { network, state });
            }
        }
    }

    /// Whether an IP Address resource has no interface to be on: its own has failed.
    pub(super) fn is_stranded(&self, config: &Config, resource: ResourceId) -> bool {
        match config.resources[resource].kind {
            ResourceKind::IpAddress { network } => {
                self.interfaces.get(&(config.me, network)) == Some(&InterfaceState::Failed)
            }
            ResourceKind::NetworkName
            | ResourceKind::FileShareWitness
            | ResourceKind::GenericService
            | ResourceKind::GenericApplication
            | ResourceKind::Wait => false,
        }
    }
}

/// A network, as a member of a view sees it.
struct Seen<'a> {
    config: &'a Config,
    members: NodeSet,
    network: NetId,
    networks: &'a Networks,
}

impl Seen<'_> {
    /// The subnet of a node's adapter on this network, if it has one.
    fn subnet(&self, node: NodeId) -> Option<u8> {
        let mut nics = self.config.nodes[node].nics.values();
        nics.find(|nic| nic.network == self.network).map(|nic| nic.subnet)
    }

    /// Members that are attached.
    fn attached(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.members.iter().filter(|node| self.subnet(*node).is_some())
    }

    /// What a member told of its adapter; nothing before it did.
    fn adapter(&self, node: NodeId) -> Option<&Adapter> {
        let told = match node == self.config.me {
            true => Some(&self.networks.mine.1),
            false => self.networks.heard[node].as_ref().map(|(_, adapters)| adapters),
        };
        told?.iter().find(|adapter| adapter.network == self.network)
    }

    fn has_carrier(&self, node: NodeId) -> bool {
        self.adapter(node).is_none_or(|adapter| adapter.carrier)
    }

    fn misses(&self, node: NodeId, peer: NodeId) -> bool {
        self.adapter(node).is_some_and(|adapter| adapter.misses.contains(peer))
    }

    /// Whether two members hear each other here.
    fn speak(&self, a: NodeId, b: NodeId) -> bool {
        let carrier = self.has_carrier(a) && self.has_carrier(b);
        carrier && !self.misses(a, b) && !self.misses(b, a)
    }

    /// Whether an interface reaches no other. Of two that do not hear each other the one without
    /// carrier is to blame, and if both have it neither is, but across subnets both are.
    fn has_failed(&self, node: NodeId) -> bool {
        let near = |other: NodeId| self.subnet(other) == self.subnet(node);
        let to_blame = |other: NodeId| near(other) && !self.has_carrier(other);
        let others = || self.attached().filter(move |other| *other != node && !to_blame(*other));
        let alone = !others().any(|other| self.speak(node, other));
        let judged = match others().count() {
            0 => false,
            1 => self.config.heartbeat.cross_subnet_interfaces_fail && !others().any(near),
            _ => true,
        };
        !self.has_carrier(node) || alone && judged
    }

    fn interface(&self, node: NodeId) -> InterfaceState {
        let sound = |other: &NodeId| *other != node && !self.has_failed(*other);
        if !self.members.contains(node) {
            InterfaceState::Unavailable
        } else if self.has_failed(node) {
            InterfaceState::Failed
        } else if self.attached().filter(sound).any(|other| !self.speak(node, other)) {
            InterfaceState::Unreachable
        } else {
            InterfaceState::Up
        }
    }

    fn state(&self) -> NetworkState {
        let pairs = self.attached().flat_map(|a| self.attached().map(move |b| (a, b)));
        if self.attached().next().is_none() {
            NetworkState::Unavailable
        } else if self.attached().all(|node| self.has_failed(node)) {
            NetworkState::Down
        } else if pairs.into_iter().any(|(a, b)| a != b && !self.speak(a, b)) {
            NetworkState::Partitioned
        } else {
            NetworkState::Up
        }
    }
}
