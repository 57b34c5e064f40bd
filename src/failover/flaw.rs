//! Bugs that can be planted in the core, or in its driver, to prove that judges and searches find
//! them. Each is a small `if` where the right thing is done otherwise; none is planted unless a
//! configuration asks for it, and no site does.

use serde::{Deserialize, Serialize};

macro_rules! flaws {
    ($($(#[doc = $doc:literal])* $flaw:ident = $word:literal;)*) => {
        /// A bug to plant.
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
        )]
        pub enum Flaw {$(
            $(#[doc = $doc])*
            $flaw,
        )*}

        impl Flaw {
            /// Every one, in the order of lists.
            pub const ALL: &[Flaw] = &[$(Flaw::$flaw,)*];

            /// Its name, as settings have it.
            pub const fn word(self) -> &'static str {
                match self {$(
                    Flaw::$flaw => $word,
                )*}
            }

            /// What is done wrong, in one line.
            pub fn meaning(self) -> &'static str {
                let meaning = match self {$(
                    Flaw::$flaw => concat!($($doc),*),
                )*};
                meaning.trim()
            }

            /// The setting without which it does nothing; none if it needs none.
            pub const fn needs(self) -> Option<(&'static str, &'static str)> {
                match self {
                    Flaw::LeaseOutlivesBound | Flaw::BondsNotKept => {
                        Some(("lease.enabled", "true"))
                    }
                    _ => None,
                }
            }
        }
    };
}

flaws! {
    /// A side that is one vote short takes quorum without claiming the witness.
    SkipWitnessLock = "skip-witness-lock";
    /// A side that finds the witness's lock held by another counts its vote all the same.
    DoubleVote = "double-vote";
    /// The witness's newer tag keeps nobody out whose configuration is out of date.
    StaleTagWins = "stale-tag-wins";
    /// Groups and databases are started while the witness still decides.
    MountBeforeArbitration = "mount-before-arbitration";
    /// A member that loses quorum stops and dismounts nothing.
    KeepServiceWithoutQuorum = "keep-service-without-quorum";
    /// When the core group's owner is gone, every member takes itself for its heir.
    TwoCoordinators = "two-coordinators";
    /// Of the cluster databases that meet in a regroup, the oldest is taken.
    LostClusterDatabase = "lost-cluster-database";
    /// A node whose service ended for want of quorum never starts it again.
    NeverRejoins = "never-rejoins";
    /// A path is down with one missed heartbeat fewer than the threshold.
    MissCountOffByOne = "miss-count-off-by-one";
    /// A group comes online at its new owner before it is offline at the old one.
    GroupOnlineBeforeOffline = "group-online-before-offline";
    /// A failed resource is restarted in place for ever, and its group never moves.
    RestartBudgetIgnored = "restart-budget-ignored";
    /// An address that comes online is announced to nobody.
    NoGratuitousArp = "no-gratuitous-arp";
    /// A switchover mounts the new copy and leaves the old one mounted.
    DismountForgotten = "dismount-forgotten";
    /// A copy is mounted however many logs it is missing.
    LastLogsIgnored = "last-logs-ignored";
    /// Every server's mount dial counts as Best Availability.
    WrongMountDial = "wrong-mount-dial";
    /// An operation that found no copy to mount is never tried again.
    NeverRetriesMount = "never-retries-mount";
    /// A lease lasts for several times as long as the others wait.
    LeaseOutlivesBound = "lease-outlives-bound";
    /// A member takes over although it is still bound not to.
    BondsNotKept = "bonds-not-kept";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flaw_has_a_word_and_a_meaning_of_its_own() {
        for (place, flaw) in Flaw::ALL.iter().enumerate() {
            let earlier = &Flaw::ALL[..place];
            assert!(earlier.iter().all(|other| other.word() != flaw.word()), "{flaw:?}");
            assert!(earlier.iter().all(|other| other.meaning() != flaw.meaning()), "{flaw:?}");
            assert!(flaw.meaning().ends_with('.'), "{flaw:?}: {}", flaw.meaning());
        }
    }
}
