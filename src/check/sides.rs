//! What lets two sides have quorum at once in the real design.

use super::hazards::{FORCED_QUORUM, RESTORED_WITNESS};
use crate::base::{NodeId, NodeSet};
use crate::failover::seam::{Effect, Note};
use crate::journal::{Record, What};
use crate::model::Fault;
use crate::view::Scene;

/// Follows who was forced, and whether the witness was put back.
#[derive(Default)]
pub(super) struct Sides {
    /// The witness was put back to an older state.
    pub(super) restored: bool,
    /// Members on which an administrator forced quorum, and that have not been members with others
    /// since: their epoch is newer than any other's.
    pub(super) forced: NodeSet,
}

impl Sides {
    pub(super) fn follow(&mut self, record: &Record, scene: &Scene<'_>) {
        match &record.what {
            What::Fault { index, healed: false } => {
                let planned = scene.scenario().faults.get(usize::from(*index));
                let restores = planned.map(|it| matches!(it.fault, Fault::WitnessStale { .. }));
                self.restored |= restores == Some(true);
            }
            What::Out(node, Effect::Note(Note::Forced { .. })) => {
                self.forced = self.forced.with(*node);
            }
            What::Out(node, Effect::Note(Note::View { members, .. }))
                if *members != NodeSet::only(*node) =>
            {
                self.forced = self.forced.without(*node);
            }
            _ => {}
        }
    }

    /// The hazard that explains that these and others have quorum apart from each other.
    pub(super) fn explain(&self, mut nodes: impl Iterator<Item = NodeId>) -> Option<&'static str> {
        let forced = nodes.any(|node| self.forced.contains(node));
        forced.then_some(FORCED_QUORUM).or(self.restored.then_some(RESTORED_WITNESS))
    }
}
