//! Quarantine: a member that leaves the membership without a word too often is not let in again
//! for a time (wsfc.md §2).

use super::Ctx;
use super::seam::Note;
use super::state::ClusterDatabase;
use crate::base::{Instant, NodeId, NodeSet, Span};

/// Isolations count for an hour (wsfc.md §2 QuarantineThreshold).
const PERIOD: Span = Span::from_secs(3600);

/// Until when a node may not join; none if it may.
pub(super) fn until(database: &ClusterDatabase, node: NodeId, now: Instant) -> Option<Instant> {
    let until = database.isolations.get(&node)?.quarantined_until;
    until.filter(|until| now < *until)
}

/// Counts the members that were missed from the new view, and forgets the quarantine of those
/// that are in it.
pub(super) fn settle(
    ctx: &mut Ctx,
    database: &mut ClusterDatabase,
    missed: NodeSet,
    members: NodeSet,
) {
    let Some(rules) = ctx.config.membership.quarantine else { return };
    let let_in = database.isolations.iter_mut().filter(|(node, _)| members.contains(**node));
    let ended = let_in.filter_map(|(node, entry)| entry.quarantined_until.take().map(|_| *node));
    for node in ended.collect::<Vec<_>>() {
        ctx.note(Note::NodeQuarantineEnds { node });
        database.changed();
    }
    for node in missed.iter() {
        let room = may_be_quarantined(ctx, database);
        let entry = database.isolations.entry(node).or_default();
        entry.at.retain(|at| ctx.now < *at + PERIOD);
        entry.at.push(ctx.now);
        if room && entry.at.len() >= rules.threshold as usize {
            let until = ctx.now + rules.duration;
            entry.at.clear();
            entry.quarantined_until = Some(until);
            ctx.note(Note::NodeQuarantined { node, until });
        }
        database.changed();
    }
}

/// A quarter of the nodes at most are quarantined at a time, but always one (wsfc.md §2 quarantine
/// limit).
fn may_be_quarantined(ctx: &Ctx, database: &ClusterDatabase) -> bool {
    let nodes = ctx.config.nodes.ids();
    let quarantined = nodes.filter(|node| until(database, *node, ctx.now).is_some()).count();
    quarantined < (ctx.config.nodes.len() / 4).max(1)
}
