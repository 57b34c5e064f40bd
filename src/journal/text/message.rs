//! What nodes say to each other, in words.

use super::Names;
use super::words::{dial_name, failure_name, group_state, resource_state, why_name};
use crate::base::DbId;
use crate::failover::message::{Adapter, Flags, GroupReport, Message, Regroup};
use crate::failover::seam::CopyReport;
use crate::failover::state::ClusterDatabase;

impl Names<'_> {
    fn copy_told(&self, database: DbId, report: Option<&CopyReport>) -> String {
        let database = self.database(database);
        match report {
            None => format!("the copy of {database} cannot be told"),
            Some(report) => format!(
                "the copy of {database} is {:?}, copy queue {}, replay queue {}",
                report.status,
                report.copy_queue(),
                report.replay_queue()
            ),
        }
    }

    /// What a member's adapters do not reach.
    fn adapters(&self, adapters: &[Adapter]) -> String {
        let bad = adapters.iter().filter(|on| !on.carrier || !on.misses.is_empty());
        let words = bad.map(|on| {
            let network = self.network(on.network);
            match on.carrier {
                true => format!("over {network} I miss {}", self.nodes(on.misses)),
                false => format!("my adapter on {network} has no carrier"),
            }
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() { "my adapters reach all".to_owned() } else { words.join("; ") }
    }

    pub(super) fn message(&self, message: &Message) -> String {
        match message {
            Message::Request { sequence, flags } => {
                format!("heartbeat {sequence}, {}", flags_words(flags))
            }
            Message::Reply { sequence } => format!("heartbeat {sequence} heard"),
            Message::State(flags) => format!("I am now {}", flags_words(flags)),
            Message::Join { clear_quarantine: false } => "may I join?".to_owned(),
            Message::Join { clear_quarantine: true } => {
                "may I join? my quarantine is cleared".to_owned()
            }
            Message::Quarantined => "you are quarantined".to_owned(),
            Message::Evicted => "you are no member of the cluster".to_owned(),
            Message::Regroup(regroup) => self.regroup(regroup),
            Message::View { view, members, lives: _, new: _, database } => {
                format!("view {view} is {}, {}", self.nodes(*members), version(database))
            }
            Message::ViewTaken { view } => format!("view {view} taken"),
            Message::ViewInForce { view } => format!("view {view} is taken by all"),
            Message::Adapters { told: _, adapters } => self.adapters(adapters),
            Message::AdaptersHeard { told: _ } => "adapters heard".to_owned(),
            Message::Leave => "I leave".to_owned(),
            Message::Update { view, epoch: _, database } => {
                format!("cluster database of view {view}, {}", version(database))
            }
            Message::Updated { version } => format!("cluster database version {version} taken"),
            Message::Group(report) => self.group_report(report),
            Message::Order { number, order } => {
                format!("order {number}: {}", self.order(order))
            }
            Message::Ordered { number } => format!("order {number} taken"),
            Message::Drained => "nothing is left to move away from you".to_owned(),
            other => self.database_message(other),
        }
    }

    /// What Active Managers say to each other.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller takes all others")]
    fn database_message(&self, message: &Message) -> String {
        match message {
            Message::AskCopy(database) => {
                format!("how is your copy of {}?", self.database(*database))
            }
            Message::Copy { database, report } => self.copy_told(*database, report.as_ref()),
            Message::Dismount { database, operation } => {
                format!("operation {operation}: dismount {}", self.database(*database))
            }
            Message::Dismounted { database, operation } => {
                format!("operation {operation}: {} is dismounted", self.database(*database))
            }
            Message::Activate {
                database,
                operation,
                attempt,
                source,
                takes_over,
                own: _,
                over: dial,
            } => {
                let mut text = format!("operation {operation}, attempt {attempt}: ");
                text += if *takes_over { "activate " } else { "mount " };
                text += self.database(*database);
                if let Some(source) = source {
                    text += &format!(", last logs from {}", self.node(*source));
                }
                if let Some(dial) = dial {
                    text += &format!(", dial {}", dial_name(*dial));
                }
                text
            }
            Message::Activated { database, operation, attempt, result, last_log } => {
                let end = match result {
                    Ok(()) => "is mounted".to_owned(),
                    Err(failure) => format!("is not mounted: {}", failure_name(*failure)),
                };
                let database = self.database(*database);
                format!(
                    "operation {operation}, attempt {attempt}: {database} {end}, log {last_log}"
                )
            }
            Message::DatabaseFailed { database, failure } => {
                format!("{} failed: {}", self.database(*database), failure_name(*failure))
            }
            other => unreachable!("{other:?} is not about a database"),
        }
    }

    fn regroup(&self, regroup: &Regroup) -> String {
        let reach = self.nodes(regroup.reach);
        if regroup.mesh.is_empty() {
            format!("regroup {}: I reach {reach}", regroup.round)
        } else {
            let mesh = self.nodes(regroup.mesh);
            format!("regroup {}: I reach {reach} and would go on with {mesh}", regroup.round)
        }
    }

    fn group_report(&self, report: &GroupReport) -> String {
        let mut text = format!("{} is {}", self.group(report.group), group_state(report.state));
        for (resource, state) in &report.resources {
            text += &format!(", {} {}", self.resource(*resource), resource_state(*state));
        }
        if let Some(why) = report.leaves {
            text += &format!("; it cannot stay here: {}", why_name(why));
        }
        text
    }
}

/// What a node tells of itself.
fn flags_words(flags: &Flags) -> String {
    let mut text = match (flags.view, flags.quorum) {
        (0, _) => "in no view".to_owned(),
        (view, true) => format!("in view {view} with quorum"),
        (view, false) => format!("in view {view} without quorum"),
    };
    if !flags.mapi {
        text += ", MAPI network down";
    }
    if !flags.active_manager {
        text += ", no Active Manager";
    }
    if flags.draining {
        text += ", being stopped";
    }
    text
}

fn version(database: &ClusterDatabase) -> String {
    format!("database version {}", database.version)
}
