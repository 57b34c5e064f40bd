//! A database operation of the Primary Active Manager under way.

use super::Servers;
use crate::base::{Instant, NodeId, NodeSet};
use crate::failover::best_copy::{Asked, Candidate, LagCheck, Request};
use crate::failover::config::{ActiveManagerConfig, Config};
use crate::failover::seam::{CopyReport, CopyStatus, MountDial, Operation, SkipChecks, Why};
use crate::failover::state::ClusterDatabase;
use std::collections::BTreeMap;

/// Where an operation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(super) enum Phase {
    /// The old active copy is being dismounted.
    Dismounting,
    /// Copy states are being asked for.
    Asking,
    /// A node was asked to take over or mount.
    Activating(NodeId),
    /// A node that took too long is asked to leave it: nothing else begins before it has, or is
    /// gone, so that no two copies are mounted.
    Withdrawing(NodeId),
}

/// A database operation under way.
#[derive(Clone, Debug, Hash)]
pub(super) struct Running {
    pub number: u32,
    pub kind: Operation,
    pub why: Why,
    pub from: Option<NodeId>,
    pub to: Option<NodeId>,
    /// The dial that decides; none for the server's own.
    pub dial: Option<MountDial>,
    /// Checks that the administrator leaves out.
    pub skip: SkipChecks,
    pub phase: Phase,
    pub until: Instant,
    pub attempts: u8,
    pub tried: NodeSet,
    pub reports: BTreeMap<NodeId, Option<CopyReport>>,
    pub dismounted: bool,
    /// Whether it was mounted when the operation began.
    pub was_mounted: bool,
    /// Whether it was to be mounted when the operation began.
    pub was_wanted: bool,
    /// Where it had been mounted last when the operation began, if not where it was active.
    pub came_from: Option<NodeId>,
    /// The last node that was gone before it had answered: it may have mounted.
    pub gone: Option<NodeId>,
    /// When it was to be tried again when the operation began.
    pub retry: Option<Instant>,
}

impl Running {
    /// Whether a switchover or a dismount would leave the database mounted where it is: its server
    /// is a member and goes on serving it, but runs no Active Manager that could be told to
    /// dismount it.
    pub(super) fn cannot_let_go(&self, servers: Servers) -> bool {
        let deaf = servers.members.minus(servers.running);
        matches!(self.kind, Operation::Switchover | Operation::Dismount)
            && !self.dismounted
            && self.from.is_some_and(|from| deaf.contains(from))
    }

    /// What best copy selection is asked for.
    pub(super) fn request(&self, config: &ActiveManagerConfig) -> Request {
        let lossless = self.dial == Some(MountDial::Lossless);
        let asked = match self.kind {
            Operation::Switchover if self.to.is_some() => Asked::Target(LagCheck {
                copy_queue: u64::from(config.switchover_copy_queue),
                replay_queue: u64::from(config.switchover_replay_queue),
            }),
            Operation::Switchover => Asked::Switchover { lossless },
            Operation::Failover | Operation::Mount | Operation::Dismount => Asked::Failover,
        };
        Request { asked, skip: self.skip }
    }

    /// What best copy selection is told of a copy.
    pub(super) fn candidate(
        &self,
        (config, shared): (&Config, &ClusterDatabase),
        node: NodeId,
        preference: u8,
        servers: Servers,
        active: u16,
    ) -> Candidate {
        let (server, sites) = (&shared.servers[node], &config.nodes);
        let source = self.from == Some(node);
        // A copy elsewhere than where the database is active is passive. One that is dismounted
        // there was let go in good order, for a copy that then was not mounted: it has every log.
        let passive = |report: CopyReport| {
            let let_go = !source && report.status == CopyStatus::Dismounted;
            let status = if let_go { CopyStatus::Healthy } else { report.status };
            CopyReport { status, ..report }
        };
        Candidate {
            node,
            preference,
            dial: server.dial,
            source,
            tried: self.tried.contains(node),
            reachable: servers.running.contains(node)
                && servers.mapi.contains(node)
                && !servers.draining.contains(node),
            report: self.reports.get(&node).copied().flatten().map(passive),
            policy: server.activation_policy,
            same_site: self.from.is_none_or(|from| sites[from].site == sites[node].site),
            active,
            maximum_active: server.maximum_active,
        }
    }
}
