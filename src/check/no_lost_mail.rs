//! A message that the system took responsibility for is lost only with logs that the mount dial
//! let go.

use super::hazards::REMOVED_OWNER;
use super::{Findings, Kind, Promise, Violation, Watch};
use crate::base::{DbId, Instant, MailId};
use crate::journal::record::{MailEvent, Plant};
use crate::journal::{Record, RecordNo, What};
use crate::view::Scene;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const PROMISE: Promise = Promise {
    name: "no-lost-mail",
    statement: "no accepted message is lost, save with logs that the mount dial let go",
    source: "exchange.md §1.7, §2.4",
    applies: "at every message that no place has any more",
    not: "that a message comes in time, or only once; that logs within the dial's limit are kept",
    kind: Kind::Safety,
    sees_traffic: false,
    watch: |_, _| Box::new(NoLostMail::default()),
};

#[derive(Default)]
struct NoLostMail {
    /// Accepted messages that are not lost.
    accepted: BTreeSet<MailId>,
    /// Databases from which an activation lost logs.
    let_go: BTreeSet<DbId>,
    /// Databases that an old owner had mounted beside a new one: what it wrote then is lost.
    doubled: BTreeSet<DbId>,
    /// Messages that were in lost logs, and of which database.
    gone: BTreeMap<MailId, DbId>,
    findings: Findings,
}

impl Watch for NoLostMail {
    fn see(&mut self, number: RecordNo, record: &Record, scene: &Scene<'_>) {
        let (mail, event) = match &record.what {
            What::Plant(Plant::Mounted { copy, lost_logs, .. }) => {
                let mounted = scene.copies.iter().filter(|(_, known)| known.mounted);
                let here = mounted.filter(|(id, _)| id.database == copy.database).count();
                if *lost_logs > 0 {
                    self.let_go.insert(copy.database);
                }
                if here > 1 {
                    self.doubled.insert(copy.database);
                }
                return;
            }
            What::Mail(mail, event) => (*mail, event),
            _ => return,
        };
        match event {
            MailEvent::Submitted { .. } => {
                self.accepted.insert(mail);
            }
            MailEvent::LostFromDatabase { database } => {
                self.gone.insert(mail, *database);
            }
            MailEvent::Lost if self.accepted.remove(&mail) => {
                let database = self.gone.get(&mail).copied();
                let why = match database {
                    Some(database) if self.let_go.contains(&database) => return,
                    Some(database) => {
                        let name = &scene.topology().databases[database].name;
                        format!("message {} is lost, and no activation of {name} lost logs", mail.0)
                    }
                    None => format!("message {} is lost, and not with a database's logs", mail.0),
                };
                let (promise, record_no) = (PROMISE.name, Some(number));
                let doubled = database.is_some_and(|database| self.doubled.contains(&database));
                let hazard = doubled.then_some(REMOVED_OWNER);
                let violation =
                    Violation { promise, at: record.at, record: record_no, why, hazard };
                self.findings.violations.push(violation);
            }
            MailEvent::Lost
            | MailEvent::Written { .. }
            | MailEvent::Queued { .. }
            | MailEvent::Shadowed { .. }
            | MailEvent::Delivered { .. }
            | MailEvent::Resubmitted { .. }
            | MailEvent::Duplicate
            | MailEvent::Deferred { .. } => {}
        }
    }

    fn end(self: Box<Self>, _: Instant, _: &Scene<'_>) -> Findings {
        self.findings
    }
}

#[cfg(test)]
mod tests {
    use super::super::story::Story;
    use super::*;
    use crate::base::ClientId;
    use crate::model::topology::ClientKind;

    const SUBMITTED: MailEvent =
        MailEvent::Submitted { client: ClientId(0), kind: ClientKind::Outlook };

    #[test]
    fn an_accepted_message_that_vanishes_breaks_it() {
        let mut story = Story::new();
        story.mail(1, 7, SUBMITTED);
        story.mail(2, 7, MailEvent::Lost);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn one_lost_with_logs_of_an_activation_that_lost_none_breaks_it() {
        let mut story = Story::new();
        story.mail(1, 7, SUBMITTED);
        story.mounted(2, "EX02", 0);
        story.mail(2, 7, MailEvent::LostFromDatabase { database: DbId(0) });
        story.mail(2, 7, MailEvent::Lost);
        assert_eq!(story.judge(&PROMISE).violations.len(), 1);
    }

    #[test]
    fn logs_that_the_dial_let_go_explain_it_and_so_does_never_having_been_accepted() {
        let mut story = Story::new();
        story.mail(1, 7, SUBMITTED);
        story.mounted(2, "EX02", 3);
        story.mail(2, 7, MailEvent::LostFromDatabase { database: DbId(0) });
        story.mail(2, 7, MailEvent::Lost);
        story.mail(3, 8, MailEvent::Lost);
        assert_eq!(story.judge(&PROMISE), Findings::default());
    }
}
