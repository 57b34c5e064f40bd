//! What each Windows Server version can do, and what it allows: a topology that asks for more is
//! refused.

use super::settings::{Settings, Value};
use super::topology::WindowsVersion;
use crate::base::Span;

/// Something that not every version can do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ability {
    /// Votes follow the membership (DynamicQuorum).
    DynamicQuorum,
    /// The witness votes only when it makes the number of votes odd (WitnessDynamicWeight).
    DynamicWitness,
    /// LowerQuorumPriorityNodeID.
    LowerQuorumPriorityNode,
    /// `Suspend-ClusterNode -Drain` and `Resume-ClusterNode -Failback`.
    Drain,
    /// Missed heartbeats are told before a path is down (event 1650).
    MissedHeartbeats,
    /// CrossSiteDelay and CrossSiteThreshold.
    CrossSite,
    /// Priority of groups.
    GroupPriority,
    /// ClusterEnforcedAntiAffinity.
    EnforcedAntiAffinity,
    /// A node that leaves too often may not join for a time.
    Quarantine,
}

impl Ability {
    /// Every ability.
    pub const ALL: [Ability; 9] = [
        Ability::DynamicQuorum,
        Ability::DynamicWitness,
        Ability::LowerQuorumPriorityNode,
        Ability::Drain,
        Ability::MissedHeartbeats,
        Ability::CrossSite,
        Ability::GroupPriority,
        Ability::EnforcedAntiAffinity,
        Ability::Quarantine,
    ];

    /// The first version that has it, and what says so.
    pub const fn since(self) -> (WindowsVersion, &'static str) {
        match self {
            Ability::DynamicQuorum => (WindowsVersion::V2012, "wsfc.md §3.1 DynamicQuorum"),
            Ability::DynamicWitness => (WindowsVersion::V2012R2, "wsfc.md §3.1 Dynamic witness"),
            Ability::LowerQuorumPriorityNode => {
                (WindowsVersion::V2012R2, "wsfc.md §3.1 LowerQuorumPriorityNodeID")
            }
            Ability::Drain => (WindowsVersion::V2012, "wsfc.md §2 not applicable to 2008 R2"),
            Ability::MissedHeartbeats => (WindowsVersion::V2012, "wsfc.md §2.1 1650"),
            Ability::CrossSite => (WindowsVersion::V2016, "wsfc.md §1.1 CrossSiteDelay"),
            Ability::GroupPriority => (WindowsVersion::V2012, "wsfc.md §4.3 Priority"),
            Ability::EnforcedAntiAffinity => {
                (WindowsVersion::V2012, "wsfc.md §4.3 AntiAffinityClassNames")
            }
            Ability::Quarantine => (WindowsVersion::V2016, "wsfc.md §2 QuarantineThreshold"),
        }
    }

    /// The settings that only a version with this ability has.
    pub const fn settings(self) -> &'static [&'static str] {
        match self {
            Ability::CrossSite => &["cluster.cross_site_delay", "cluster.cross_site_threshold"],
            Ability::DynamicQuorum => {
                &["cluster.dynamic_quorum", "cluster.automatic_lower_quorum_priority"]
            }
            Ability::LowerQuorumPriorityNode => &["cluster.lower_quorum_priority_node_id"],
            Ability::EnforcedAntiAffinity => &["cluster.cluster_enforced_anti_affinity"],
            Ability::Quarantine => &["cluster.quarantine_threshold", "cluster.quarantine_duration"],
            Ability::DynamicWitness
            | Ability::GroupPriority
            | Ability::Drain
            | Ability::MissedHeartbeats => &[],
        }
    }
}

impl WindowsVersion {
    /// Every version, the oldest first, with its word in files.
    pub const ALL: [(&'static str, WindowsVersion); 5] = [
        ("2008r2", WindowsVersion::V2008R2),
        ("2012", WindowsVersion::V2012),
        ("2012r2", WindowsVersion::V2012R2),
        ("2016", WindowsVersion::V2016),
        ("2019", WindowsVersion::V2019),
    ];

    /// The version whose properties and defaults it has.
    pub fn properties(self) -> WindowsVersion {
        self.min(WindowsVersion::V2016)
    }

    /// Whether the version has an ability.
    pub fn can(self, ability: Ability) -> bool {
        self >= ability.since().0
    }

    /// The version's word in files.
    pub fn word(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, version)| *version == self).map_or("", |(word, _)| word)
    }
}

/// The rules between heartbeat settings of a version, each as the key that breaks it and what was
/// expected (wsfc.md §1.1).
pub fn heartbeat_problems(
    windows: WindowsVersion,
    settings: &Settings,
) -> Vec<(&'static str, String)> {
    let set = &settings.cluster;
    let mut problems = Vec::new();
    if windows == WindowsVersion::V2008R2 {
        for (key, value, most) in [
            ("cluster.same_subnet_threshold", set.same_subnet_threshold, 10),
            ("cluster.cross_subnet_threshold", set.cross_subnet_threshold, 20),
        ] {
            if value > most {
                problems.push((key, format!("from 3 to {most} on 2008 R2 (wsfc.md §1.1)")));
            }
        }
    }
    if set.cross_subnet_threshold < set.same_subnet_threshold {
        let other = format!("cluster.same_subnet_threshold, {}", set.same_subnet_threshold);
        problems.push((
            "cluster.cross_subnet_threshold",
            format!("at least {other} (wsfc.md §1.1 constraint)"),
        ));
    }
    if set.cross_subnet_delay < set.same_subnet_delay {
        let other = format!("cluster.same_subnet_delay, {}", set.same_subnet_delay.show());
        problems.push((
            "cluster.cross_subnet_delay",
            format!("at least {other} (wsfc.md §1.1 constraint)"),
        ));
    }
    problems
}

impl Settings {
    /// Lets cross-subnet values that were not given follow the same-subnet ones, below which they
    /// may not be (wsfc.md §1.1 constraint).
    pub fn follow(&mut self, given: impl Fn(&str) -> bool) {
        let set = &mut self.cluster;
        if !given("cluster.cross_subnet_threshold") {
            set.cross_subnet_threshold = set.cross_subnet_threshold.max(set.same_subnet_threshold);
        }
        if !given("cluster.cross_subnet_delay") {
            set.cross_subnet_delay = Span::max(set.cross_subnet_delay, set.same_subnet_delay);
        }
        self.follow_heartbeat(given);
    }
}
