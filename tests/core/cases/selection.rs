//! Best copy selection and the mount dial by themselves, for cases in `tests/cases/best-copy`: a
//! sheet of copies, and what the rules say to it.

use super::words::dial;
use dagtwin::base::NodeId;
use dagtwin::failover::best_copy::{Asked, Candidate, LagCheck, Request, mount_dial, rank};
use dagtwin::failover::seam::{
    ActivationPolicy, ContentIndex, CopyReport, CopyStatus, MountDial, SkipChecks,
};

/// The newest log of a sheet.
const NEWEST: u64 = 100_000;

/// The copies that a case has told of.
#[derive(Default)]
pub(super) struct Sheet {
    copies: Vec<Candidate>,
    pub(super) log: Vec<String>,
}

fn status(text: &str) -> CopyStatus {
    match text {
        "healthy" => CopyStatus::Healthy,
        "disconnected-and-healthy" => CopyStatus::DisconnectedAndHealthy,
        "disconnected-and-resynchronizing" => CopyStatus::DisconnectedAndResynchronizing,
        "seeding-source" => CopyStatus::SeedingSource,
        "mounted" => CopyStatus::Mounted,
        "dismounted" => CopyStatus::Dismounted,
        "initializing" => CopyStatus::Initializing,
        "resynchronizing" => CopyStatus::Resynchronizing,
        "failed" => CopyStatus::Failed,
        "suspended" => CopyStatus::Suspended,
        "failed-and-suspended" => CopyStatus::FailedAndSuspended,
        "seeding" => CopyStatus::Seeding,
        "service-down" => CopyStatus::ServiceDown,
        other => panic!("{other} is not a status"),
    }
}

impl Sheet {
    /// Takes a command of this kind; false if it is another kind's.
    pub(super) fn command(&mut self, words: &[&str]) -> bool {
        match words {
            ["copy", node, words @ ..] => self.copy(node, words),
            ["select", words @ ..] => self.select(words),
            ["dial", missing, "missing", server, over @ ..] => {
                let missing = missing.parse().expect("a count");
                let over = over.first().map(|word| dial(word));
                self.log.push(mount_dial(missing, dial(server), over).to_string());
            }
            _ => return false,
        }
        true
    }

    /// `copy n2 crawling copy-queue 3 …`: a copy, healthy in everything that is not told. A copy
    /// that was told before is told anew.
    fn copy(&mut self, node: &str, words: &[&str]) {
        let number: u8 = node.trim_start_matches('n').parse().expect("a node");
        let mut report = CopyReport {
            status: CopyStatus::Healthy,
            content_index: ContentIndex::Healthy,
            generated: NEWEST,
            inspected: NEWEST,
            replayed: NEWEST,
            activation_suspended: false,
        };
        let mut copy = Candidate {
            node: NodeId(number),
            preference: number + 1,
            dial: MountDial::GoodAvailability,
            source: false,
            tried: false,
            reachable: true,
            report: None,
            policy: ActivationPolicy::Unrestricted,
            same_site: true,
            active: 0,
            maximum_active: None,
        };
        let mut answers = true;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || *words.next().expect("a value");
            match *word {
                "preference" => copy.preference = value().parse().expect("a number"),
                "dial" => copy.dial = dial(value()),
                "source" => copy.source = true,
                "tried" => copy.tried = true,
                "unreachable" => copy.reachable = false,
                "silent" => answers = false,
                "status" => report.status = status(value()),
                "index" => {
                    report.content_index = match value() {
                        "crawling" => ContentIndex::Crawling,
                        "failed" => ContentIndex::Failed,
                        other => panic!("{other} is not an index"),
                    }
                }
                "copy-queue" => {
                    report.inspected = NEWEST - value().parse::<u64>().expect("a count");
                    report.replayed = report.inspected;
                }
                "replay-queue" => {
                    report.replayed = report.inspected - value().parse::<u64>().expect("a count");
                }
                "heard-of" => report.generated = NEWEST - value().parse::<u64>().expect("a count"),
                "suspended" => report.activation_suspended = true,
                "blocked" => copy.policy = ActivationPolicy::Blocked,
                "intrasite-only" => copy.policy = ActivationPolicy::IntrasiteOnly,
                "other-site" => copy.same_site = false,
                "active" => copy.active = value().parse().expect("a count"),
                "maximum" => copy.maximum_active = Some(value().parse().expect("a count")),
                other => panic!("{other} is nothing that a copy has"),
            }
        }
        copy.report = answers.then_some(report);
        self.copies.retain(|other| other.node != copy.node);
        self.copies.push(copy);
    }

    /// `select [failover|switchover|lossless|target] [skip-… …]`: the order of the copies told.
    fn select(&mut self, words: &[&str]) {
        let (asked, skipped) = words.split_first().expect("who asks");
        let asked = match *asked {
            "failover" => Asked::Failover,
            "switchover" => Asked::Switchover { lossless: false },
            "lossless" => Asked::Switchover { lossless: true },
            "target" => Asked::Target(LagCheck { copy_queue: 9, replay_queue: 6 }),
            other => panic!("{other} does not ask"),
        };
        let mut skip = SkipChecks::default();
        for word in skipped {
            match *word {
                "skip-health" => skip.health_checks = true,
                "skip-active-copy" => skip.active_copy_checks = true,
                "skip-lag" => skip.lag_checks = true,
                "skip-client-experience" => skip.client_experience_checks = true,
                "skip-maximum" => skip.maximum_active_databases_checks = true,
                other => panic!("{other} is no check"),
            }
        }
        for (place, ranked) in rank(&self.copies, Request { asked, skip }).iter().enumerate() {
            let (node, why) = (ranked.node, ranked.why());
            self.log.push(match ranked.set {
                Ok(_) => format!("{}. {node:?}  {why}", place + 1),
                Err(_) => format!("-  {node:?}  {why}"),
            });
        }
    }
}
