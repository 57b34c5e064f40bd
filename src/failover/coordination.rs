//! Datacenter activation coordination: whether this node's Active Manager may mount databases
//! (exchange.md §3.2). A bit in its memory says so; it is 0 at every start, and becomes 1 when
//! another member has it, when every member can be reached, or, of two members of which one is
//! away, when the witness server has been up for longer than the bit was once set.

use super::seam::{Act, MayMount, Note, Outcome, Timer};
use super::{Ctx, Pending};
use crate::base::{Instant, NodeId, NodeSet, OpId};

/// The bit, and what is being done to set it.
#[derive(Clone, Debug, Hash)]
pub(super) struct Coordination {
    /// The bit.
    pub may_mount: bool,
    /// When it was last set; outlives the node.
    pub since: Option<Instant>,
    asked: Option<OpId>,
    /// When the witness server may be asked.
    ask_at: Instant,
    refused: bool,
    restored: bool,
}

/// What the bit depends on.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Seen {
    /// Whether the mode is on.
    pub on: bool,
    /// Whether the local Active Manager runs in a cluster with quorum.
    pub runs: bool,
    pub members: NodeSet,
    /// How many members the group has, those that are away among them.
    pub nodes: usize,
    pub witness_server: u8,
    /// A member whose bit is 1, if there is one.
    pub other: Option<NodeId>,
}

impl Coordination {
    /// `restored` says that `Restore-DatabaseAvailabilityGroup` started this life.
    pub(super) fn new(since: Option<Instant>, restored: bool, now: Instant) -> Self {
        Coordination { may_mount: false, since, asked: None, ask_at: now, refused: false, restored }
    }

    /// Who can be asked may have changed.
    pub(super) fn membership_changed(&mut self) {
        self.asked = None;
        self.refused = false;
    }

    /// The local Active Manager has ended: its memory is gone.
    pub(super) fn forget(&mut self) {
        self.may_mount = false;
        self.asked = None;
        self.refused = false;
    }

    /// `Restore-DatabaseAvailabilityGroup` sets the bit.
    pub(super) fn restore(&mut self, ctx: &mut Ctx) {
        self.set(ctx, MayMount::Restored);
    }

    pub(super) fn settle(&mut self, ctx: &mut Ctx, seen: Seen) {
        ctx.timers.clear(Timer::Coordination);
        if self.may_mount || !seen.runs {
            return;
        }
        let all = seen.members.len() == seen.nodes;
        if !seen.on {
            // Whoever runs while the mode is off has the bit when it is turned on.
            self.may_mount = true;
            self.since = Some(ctx.now);
        } else if let Some(node) = seen.other {
            self.set(ctx, MayMount::Other(node));
        } else if self.restored {
            self.set(ctx, MayMount::Restored);
        } else if all && ctx.config.active_manager.all_members_suffice {
            self.set(ctx, MayMount::AllMembers);
        } else if seen.nodes == 2 && !all && !self.refused {
            self.ask_witness(ctx, seen.witness_server);
        }
    }

    /// Of two members one is away: how long has the witness server been up?
    fn ask_witness(&mut self, ctx: &mut Ctx, server: u8) {
        if self.asked.is_none() && self.ask_at <= ctx.now {
            self.asked = Some(ctx.act(Act::WitnessBoot { server }, Pending::WitnessBoot));
        } else if self.asked.is_none() {
            ctx.timers.set(Timer::Coordination, self.ask_at);
        }
    }

    /// The witness server answered, or could not be asked.
    pub(super) fn answered(&mut self, ctx: &mut Ctx, op: OpId, outcome: Outcome) {
        if self.asked != Some(op) {
            return;
        }
        self.asked = None;
        match outcome {
            // Equal times are not found in the documents: refused.
            Outcome::WitnessBoot(boot) if self.since.is_some_and(|since| since > boot) => {
                self.set(ctx, MayMount::WitnessStayedUp);
            }
            Outcome::WitnessBoot(boot) => {
                self.refused = true;
                ctx.note(Note::MayNotMount { boot, since: self.since });
            }
            Outcome::Ok
            | Outcome::Copy(_)
            | Outcome::LastLogs { .. }
            | Outcome::Refused(_)
            | Outcome::Failed(_)
            | Outcome::TimedOut => {
                self.ask_at = ctx.now + ctx.config.active_manager.retry;
            }
        }
    }

    fn set(&mut self, ctx: &mut Ctx, why: MayMount) {
        if !self.may_mount {
            self.may_mount = true;
            self.since = Some(ctx.now);
            ctx.note(Note::MayMount { why });
        }
    }
}
