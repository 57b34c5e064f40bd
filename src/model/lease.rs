//! Lengths of leases: what is usual, and in words why some do not fit. The arithmetic itself is
//! [`Bound`]'s.

use super::Topology;
use super::settings::{Settings, Value};
use super::topology::WindowsVersion;
use crate::base::{NodeId, Span};
use crate::failover::config::Rhythm;
use crate::failover::fencing::{Bound, Misfit, Voter};
use crate::failover::quorum::{Counting, Mode};

impl Settings {
    /// The heartbeat by which members wait for each other.
    pub fn same_subnet(&self) -> Rhythm {
        let cluster = &self.cluster;
        Rhythm { delay: cluster.same_subnet_delay, threshold: cluster.same_subnet_threshold }
    }

    /// The lengths of leases, and what members wait.
    pub fn lease_bound(&self) -> Bound {
        let set = &self.lease;
        let (length, interval, send, drift) = (set.length, set.interval, set.send, set.drift);
        Bound { length, interval, send, drift, wait: Bound::wait(self.same_subnet()) }
    }

    /// Lets lengths of leases that were not given follow the heartbeats.
    pub(super) fn follow_heartbeat(&mut self, given: impl Fn(&str) -> bool) {
        let usual = Bound::usual(Bound::wait(self.same_subnet()));
        let set = &mut self.lease;
        let follow = |key: &str, value: &mut Span, usual: Span| {
            if !given(key) {
                *value = usual;
            }
        };
        follow("lease.length", &mut set.length, usual.length);
        follow("lease.interval", &mut set.interval, usual.interval);
        follow("lease.send", &mut set.send, usual.send);
        follow("lease.witness_patience", &mut set.witness_patience, usual.wait);
        let look = usual_look(set.witness_patience);
        follow("lease.witness_interval", &mut set.witness_interval, look);
    }
}

impl Topology {
    /// Who has a vote beside a member: whose word can keep others from taking over from it.
    pub fn voters_beside(&self, node: NodeId) -> Vec<Voter> {
        let others = self.node_ids().filter(|other| *other != node);
        let others = others.filter(|other| self.machines[(*other).into()].vote);
        let witness = (self.rules().mode != Mode::NodeMajority).then_some(Voter::Witness);
        others.map(Voter::Member).chain(witness).collect()
    }
}

/// What is wrong with the settings of leases, if these are enabled: the key and what is expected.
pub(in crate::model) fn lease_problem(
    windows: WindowsVersion,
    settings: &Settings,
) -> Option<(&'static str, String)> {
    let set = &settings.lease;
    if !set.enabled {
        return None;
    }
    if windows.counting(settings.cluster.dynamic_quorum) != Counting::Static {
        let expected = "false: votes that follow the membership have no fixed majority";
        return Some(("enabled", expected.to_owned()));
    }
    if set.witness_interval * 4 > set.witness_patience {
        return Some(("witness_interval", "at most a quarter of the patience".to_owned()));
    }
    settings.lease_bound().check().err().map(told)
}

/// Time between two looks at a witness's record where nothing else is wanted.
pub fn usual_look(patience: Span) -> Span {
    patience.scaled(1, 8).min(Span::from_millis(250))
}

/// The key that is to blame, and what is expected of it.
pub fn told(misfit: Misfit) -> (&'static str, String) {
    match misfit {
        Misfit::TooLong { needs, wait } => {
            let expected = format!(
                "length + interval + send + drift, {}, below {}, which is what the other members \
                 wait (same_subnet_delay x (same_subnet_threshold - 1))",
                needs.show(),
                wait.show()
            );
            ("length", expected)
        }
        Misfit::TooSeldom { needs, half } => {
            let expected = format!(
                "interval + send, {}, at most half of the length, {}",
                needs.show(),
                half.show()
            );
            ("interval", expected)
        }
        Misfit::Nothing => ("length", "length, interval and send above zero".to_owned()),
        Misfit::Drift => {
            let most = Bound::MOST_DRIFT;
            ("drift", format!("parts of a million, at most {most}"))
        }
    }
}
