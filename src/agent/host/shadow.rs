//! A member that only watches: it takes part in the membership of others that watch, decides as a
//! member does, and touches nothing. What it would have done is in its journal.

use super::{Host, Wanted};
use crate::agent::keeper::Ask;
use crate::base::DbId;
use crate::failover::seam::{Act, ContentIndex, CopyReport, CopyStatus, Failure, Outcome};
use std::collections::BTreeSet;

/// What a watching member takes for done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::agent) struct Shadow {
    mounted: BTreeSet<DbId>,
}

impl Shadow {
    /// What becomes of an operation that nobody performs.
    fn outcome(&mut self, act: &Act) -> Outcome {
        match act {
            Act::CopyStatus(database) => Outcome::Copy(self.report(*database)),
            Act::CopyLastLogs { .. } => Outcome::LastLogs { copied: 0, missing: 0 },
            Act::Mount(database) => {
                self.mounted.insert(*database);
                Outcome::Ok
            }
            Act::Dismount(database) => {
                self.mounted.remove(database);
                Outcome::Ok
            }
            _ => Outcome::Ok,
        }
    }

    /// Every copy is taken for whole, so that the decision is the one of a sound site.
    fn report(&self, database: DbId) -> CopyReport {
        let mounted = self.mounted.contains(&database);
        CopyReport {
            status: if mounted { CopyStatus::Mounted } else { CopyStatus::Healthy },
            content_index: ContentIndex::Healthy,
            generated: 0,
            inspected: 0,
            replayed: 0,
            activation_suspended: false,
        }
    }
}

impl Host {
    /// Answers for what a member that serves would have begun.
    pub(super) fn would_do(&mut self, wanted: &Wanted) {
        let Some(shadow) = &mut self.shadow else { return };
        tracing::info!(act = ?wanted.act, "it would do");
        match wanted.act {
            // Whether it would have won is only looked at.
            Act::ClaimWitness { known, .. } | Act::TestWitness { known, .. } => {
                let ask = Ask::Test { asked: (self.lives, wanted.op, wanted.record), known };
                if self.keeper.as_ref().is_none_or(|keeper| keeper.send(ask).is_err()) {
                    self.tell(wanted.ended(Vec::new(), Outcome::Failed(Failure::NoPath)));
                }
            }
            Act::WitnessBoot { .. } => self.ask_keeper(wanted),
            // What its next life begins from is its own.
            Act::Store(ref durable) => self.store(wanted, &durable.clone()),
            ref act => {
                let outcome = shadow.outcome(act);
                self.tell(wanted.ended(Vec::new(), outcome));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_mounted_where_it_would_have_been() {
        let mut shadow = Shadow::default();
        let status = |shadow: &mut Shadow| match shadow.outcome(&Act::CopyStatus(DbId(0))) {
            Outcome::Copy(report) => report.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status(&mut shadow), CopyStatus::Healthy);
        assert_eq!(shadow.outcome(&Act::Mount(DbId(0))), Outcome::Ok);
        assert_eq!(status(&mut shadow), CopyStatus::Mounted);
        assert_eq!(shadow.outcome(&Act::Dismount(DbId(0))), Outcome::Ok);
        assert_eq!(status(&mut shadow), CopyStatus::Healthy);
    }
}
