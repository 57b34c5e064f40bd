//! Floor 1: the failover state machine. It decides; it knows nothing of how, and draws no random
//! number.
//!
//! [`Node`] is one cluster member's Cluster service with the Active Manager beside it. A driver
//! feeds it [`seam::Input`]s and does the [`seam::Effect`]s; [`seam`] has the contract.

#![deny(clippy::wildcard_enum_match_arm)]

mod active_manager;
pub mod best_copy;
mod boot;
pub mod config;
mod coordination;
mod coordinator;
mod copies;
mod databases;
mod eviction;
pub mod fencing;
mod flaw;
mod groups;
mod heartbeat;
mod maintenance;
mod membership;
pub mod message;
mod networks;
mod node;
mod note;
mod pause;
mod placement;
mod quarantine;
pub mod quorum;
pub mod seam;
pub mod state;
mod timers;
pub mod transitions;
pub mod truncation;

pub use node::{Node, View};

use crate::base::{DbId, Instant, NodeId, OpId, ResourceId};
use config::Config;
use message::Message;
use seam::{Act, Effect, Effects, Note};
use std::collections::{BTreeMap, VecDeque};
use timers::Timers;

/// What an operation under way is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Pending {
    Nothing,
    Claim,
    WitnessBoot,
    Store,
    Online(ResourceId),
    Offline(ResourceId),
    LooksAlive(ResourceId),
    IsAlive(ResourceId),
    CopyStatus(DbId),
    LastLogs(DbId),
    Mount(DbId),
    Dismount(DbId),
}

/// Operations under way.
#[derive(Clone, Debug, Hash, Default)]
struct Operations {
    count: u32,
    pending: BTreeMap<OpId, Pending>,
}

/// What a part of the node may touch while it handles an input.
struct Ctx<'a> {
    now: Instant,
    config: &'a Config,
    out: &'a mut Effects,
    timers: &'a mut Timers,
    operations: &'a mut Operations,
    /// Messages of this node to itself, handled before the step ends.
    own: &'a mut VecDeque<Message>,
    /// Ways to the peers as the heartbeat sees them.
    ways: &'a [Option<crate::base::NicId>],
}

impl Operations {
    /// Whether an operation under way is a poll of a resource.
    fn is_poll(&self, op: OpId) -> bool {
        let pending = self.pending.get(&op);
        matches!(pending, Some(Pending::LooksAlive(_) | Pending::IsAlive(_)))
    }
}

impl Ctx<'_> {
    fn note(&mut self, note: Note) {
        self.out.push(Effect::Note(note));
    }

    /// Asks the driver to do something and remembers what for.
    fn act(&mut self, act: Act, pending: Pending) -> OpId {
        let op = OpId(self.operations.count);
        self.operations.count = self.operations.count.wrapping_add(1);
        self.out.push(Effect::Do { op, act });
        if pending != Pending::Nothing {
            self.operations.pending.insert(op, pending);
        }
        op
    }

    /// Sends a message by the best way there is; to this node itself it goes without a network.
    fn send(&mut self, to: NodeId, message: Message) {
        if to == self.config.me {
            self.own.push_back(message);
        } else if let Some(nic) = self.ways[usize::from(to.0)] {
            self.out.push(Effect::Send { nic, to, message });
        }
    }
}
