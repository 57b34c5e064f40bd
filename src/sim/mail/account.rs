//! The account of messages: how many were submitted, and where each is.

use super::super::plant::Plant;
use super::sender_has;
use crate::base::MailId;

/// What became of messages that the mail system took responsibility for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Messages {
    /// Taken into the sender's mailbox, or by a Hub from a relay.
    pub submitted: u64,
    /// In the recipients' mailboxes.
    pub delivered: u64,
    /// On their way, or with the sender alone: some place has them.
    pub pending: u64,
    /// No place has them any more.
    pub lost: u64,
}

impl Messages {
    /// Whether every message is accounted for.
    pub fn balanced(&self) -> bool {
        self.submitted == self.delivered + self.pending + self.lost
    }
}

/// The account now, from the places that have each message.
pub(in crate::sim) fn account(p: &Plant) -> Messages {
    let mut account = Messages { submitted: p.transport.submitted, ..Messages::default() };
    for id in (0..p.transport.messages.len() as u32).map(MailId) {
        let message = &p.transport.messages[id];
        if !message.submitted {
            continue;
        }
        match (message.delivered, message.nowhere() && !sender_has(p, id)) {
            (true, _) => account.delivered += 1,
            (false, true) => account.lost += 1,
            (false, false) => account.pending += 1,
        }
    }
    account
}
