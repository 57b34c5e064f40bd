//! Why a database is not mounted where clients reach it.

use super::{Blocker, Search, of, told};
use crate::base::{DbId, NodeId};
use crate::failover::seam::{Note, Operation, Ranked};
use crate::journal::record::Plant;
use crate::journal::{RecordNo, What};
use crate::model::Service;
use crate::view::words::moment;

impl Search<'_, '_> {
    pub(super) fn database(&self, database: DbId) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        let mounted = self.scene.mounted(database);
        let active = self.scene.databases[database].active;
        if let Some(node) = mounted.or(active) {
            let on = of(self.names.node(node), self.store(node));
            blockers.extend(on.chain(self.away(node)));
        }
        if mounted.is_none() && blockers.is_empty() {
            blockers.extend(active.and_then(|node| self.dismounted(database, node)));
        }
        blockers.extend(self.no_quorum());
        blockers.extend(self.active_manager());
        blockers.extend(self.operation(database));
        if blockers.is_empty() {
            let copies = self.scene.copies.iter().filter(|(id, _)| id.database == database);
            blockers.extend(copies.map(|(id, copy)| {
                told(format!("{} is {:?}", self.names.copy(*id), copy.status), None)
            }));
        }
        blockers
    }

    fn store(&self, node: NodeId) -> Vec<Blocker> {
        if self.scene.runs(node.into(), Service::Store) || !self.scene.machines[node.into()] {
            return Vec::new();
        }
        let record = self.service_ended(node.into(), Service::Store);
        vec![told("the Information Store does not run", record)]
    }

    fn dismounted(&self, of: DbId, node: NodeId) -> Option<Blocker> {
        let (record, ()) = self.last(|record| match record.what {
            What::Plant(Plant::Dismounted { copy }) => {
                (copy.database == of && copy.node == node).then_some(())
            }
            _ => None,
        })?;
        Some(told(self.words(record), record))
    }

    /// What keeps Active Manager from doing anything at all.
    fn active_manager(&self) -> Vec<Blocker> {
        if self.scene.quorum_holders().is_empty() {
            return Vec::new();
        }
        let mut blockers = Vec::new();
        let mut members = self.scene.nodes.iter();
        if !members.any(|(node, member)| member.primary && self.scene.machines[node.into()]) {
            let owner = self.scene.groups[crate::base::GroupId(0)].owner;
            let stopped = owner.and_then(|owner| {
                let runs = self.scene.runs(owner.into(), Service::Replication);
                (!runs).then(|| self.service_ended(owner.into(), Service::Replication))
            });
            blockers.push(match (stopped, owner) {
                (Some(record), Some(owner)) => {
                    let owner = self.names.node(owner);
                    let text = format!(
                        "nobody is Primary Active Manager: the Replication service of {owner}, \
                         which has the core group, does not run"
                    );
                    told(text, record)
                }
                _ => told("nobody is Primary Active Manager", None),
            });
        }
        for node in self.up_members().iter() {
            let bit = self.noted(Some(node), |_, note| match note {
                Note::MayNotMount { .. } => Some(false),
                Note::MayMount { .. } | Note::Started => Some(true),
                _ => None,
            });
            if let Some((record, false)) = bit {
                blockers.extend(of(self.names.node(node), vec![told(self.words(record), record)]));
            }
        }
        blockers
    }

    /// How far the operation on a database is, or how the last one ended.
    fn operation(&self, of: DbId) -> Vec<Blocker> {
        let begun = self.noted(None, |_, note| match note {
            Note::DatabaseOperation { database, operation, .. } if *database == of => {
                Some(Some(*operation))
            }
            Note::DatabaseOperationEnded { database, .. } if *database == of => Some(None),
            _ => None,
        });
        let Some((record, operation)) = begun else { return Vec::new() };
        let mut blockers = Vec::new();
        if let Some(operation) = operation {
            blockers.push(self.under_way(of, operation, record));
        }
        let since = match operation {
            Some(_) => record,
            None => self.last_operation(of).unwrap_or(record),
        };
        blockers.extend(self.judged(of, since));
        if operation.is_none() {
            let stays = self.noted(None, |_, note| match note {
                Note::DatabaseStays { database, mounted: false, .. } => {
                    (*database == of).then_some(())
                }
                _ => None,
            });
            let stays = stays.filter(|(stays, ())| *stays >= since);
            blockers.extend(stays.map(|(record, ())| told(self.words(record), record)));
        }
        blockers
    }

    fn last_operation(&self, of: DbId) -> Option<RecordNo> {
        let begun = self.noted(None, |_, note| match note {
            Note::DatabaseOperation { database, .. } => (*database == of).then_some(()),
            _ => None,
        });
        begun.map(|(record, ())| record)
    }

    fn under_way(&self, of: DbId, operation: Operation, begun: RecordNo) -> Blocker {
        let step = self.noted(None, |_, note| match note {
            Note::CopyChosen { database, node, .. } if *database == of => {
                let node = self.names.node(*node);
                Some(format!("the last logs are fetched to {node}"))
            }
            Note::LastLogs { database, .. } if *database == of => {
                Some("the mount dial has decided".to_owned())
            }
            Note::Database { database, active, status } if *database == of => {
                Some(format!("it is {status:?} on {}", self.names.node(*active)))
            }
            Note::Ranking { database, .. } if *database == of => {
                Some("the copies are ranked".to_owned())
            }
            _ => None,
        });
        let since = moment(self.at(begun));
        let kind = match operation {
            Operation::Mount => "mount",
            Operation::Dismount => "dismount",
            Operation::Switchover => "switchover",
            Operation::Failover => "failover",
        };
        match step.filter(|(step, _)| *step > begun) {
            Some((step, words)) => told(format!("{kind} under way since {since} s: {words}"), step),
            None => {
                let words = "the copies are asked how they are";
                told(format!("{kind} under way since {since} s: {words}"), begun)
            }
        }
    }

    /// What the last ranking and the mount dial said.
    fn judged(&self, of: DbId, since: RecordNo) -> Vec<Blocker> {
        let mut blockers = Vec::new();
        let ranking = self.noted(None, |_, note| match note {
            Note::Ranking { database, order } if *database == of => Some(order.clone()),
            _ => None,
        });
        if let Some((record, order)) = ranking.filter(|(record, _)| *record >= since) {
            let dropped = |ranked: &Ranked| {
                let why = ranked.set.err()?;
                let node = self.names.node(ranked.node);
                Some(told(format!("the copy on {node} was passed over: {why}"), record))
            };
            blockers.extend(order.iter().filter_map(dropped));
        }
        let dial = self.noted(None, |_, note| match note {
            Note::LastLogs { database, accepted, .. } if *database == of => Some(*accepted),
            _ => None,
        });
        if let Some((record, false)) = dial.filter(|(record, _)| *record >= since) {
            blockers.push(told(self.words(record), record));
        }
        blockers
    }
}
