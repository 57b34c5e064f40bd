//! Whether everything that was asked and sent is accounted for: the plant's own books must balance,
//! and the records must tell the same of how each request and message ended.

use super::run::MailCounts;
use crate::journal::record::{ClientEvent, Refused};
use crate::journal::{Record, What};
use crate::sim::Account;

/// What does not balance, in words; nothing if all is accounted for.
pub fn disagreements(account: &Account, mail: &MailCounts, records: &[Record]) -> Vec<String> {
    let mut found = Vec::new();
    let (requests, messages) = (&account.requests, &account.messages);
    if !requests.balanced() {
        found.push(format!("requests do not balance: {requests:?}"));
    }
    if !messages.balanced() {
        found.push(format!("messages do not balance: {messages:?}"));
    }
    let (mut answered, mut refused, mut timed_out) = (0, 0, 0);
    for record in records {
        let What::Client(_, event) = &record.what else { continue };
        match event {
            ClientEvent::Answered { .. } => answered += 1,
            ClientEvent::GaveUp | ClientEvent::Refused { why: Refused::ServiceTimeOut } => {
                timed_out += 1;
            }
            ClientEvent::Refused { .. } | ClientEvent::Reset { .. } | ClientEvent::LogOnPage => {
                refused += 1;
            }
            _ => {}
        }
    }
    let told = [
        ("answered requests", requests.answered, answered),
        ("refused requests", requests.refused, refused),
        ("requests timed out", requests.timed_out, timed_out),
        ("submitted messages", messages.submitted, mail.submitted),
        ("delivered messages", messages.delivered, mail.delivered),
        ("pending messages", messages.pending, mail.pending),
        ("lost messages", messages.lost, mail.lost),
    ];
    for (what, booked, recorded) in told {
        if booked != recorded {
            found.push(format!("{what}: {booked} in the books, {recorded} in the records"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let mut account = Account::default();
        let mail = MailCounts::default();
        assert_eq!(disagreements(&account, &mail, &[]), Vec::<String>::new());
        account.requests.issued = 2;
        account.requests.answered = 1;
        account.messages.submitted = 1;
        let found = disagreements(&account, &mail, &[]);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(found[0].starts_with("requests do not balance"), "{found:?}");
        assert!(found[2].starts_with("answered requests: 1 in the books, 0"), "{found:?}");
    }
}
