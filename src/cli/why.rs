//! `dagtwin why`: the chain of causes of a record, back to where it began.

use super::args::Why;
use super::failure::{Answer, Done, Failure};
use super::journal;
use crate::base::ClientId;
use crate::journal::record::ClientEvent;
use crate::journal::text::Names;
use crate::journal::{Record, RecordNo, What};
use crate::view::why::chain;
use std::collections::BTreeMap;

pub(super) fn why(args: &Why) -> Answer {
    let journal = journal::read(&args.journal)?;
    let records = &journal.records;
    let from = match args.event {
        Some(number) if (number as usize) < records.len() => RecordNo(number),
        Some(number) => {
            let most = records.len();
            let text = format!("#{number}: expected a record's number below {most}");
            return Err(Failure::Call(text));
        }
        None => match last_recovery(records) {
            Some(record) => record,
            None => return Ok(Done::with("no client was held up in this journal\n")),
        },
    };
    let names = Names::new(&journal.header.topology, journal.header.scenario.as_ref());
    let mut out = String::new();
    for link in chain(&names, records, from) {
        let passed = link.passed.map(|passed| format!("+{passed}")).unwrap_or_default();
        let (number, at) = (link.record.0, link.at.to_string());
        out += &format!("{passed:>16}  #{number:<7} {at:>16}  {:<19} {}\n", link.who, link.text);
    }
    Ok(Done::with(out))
}

/// The answer that ended the last outage of a client: its request had met silence, a reset, a
/// refusal or a new log-on.
fn last_recovery(records: &[Record]) -> Option<RecordNo> {
    let mut held_up: BTreeMap<ClientId, bool> = BTreeMap::new();
    let mut last = None;
    for (index, record) in records.iter().enumerate() {
        let What::Client(client, event) = &record.what else { continue };
        match event {
            ClientEvent::Asked { .. } => {
                held_up.entry(*client).or_insert(false);
            }
            ClientEvent::Retransmitted { .. }
            | ClientEvent::Reset { .. }
            | ClientEvent::GaveUp
            | ClientEvent::Refused { .. }
            | ClientEvent::LogOnPage
            | ClientEvent::TriesAgain
            | ClientEvent::PersonDone
            | ClientEvent::RestartNeeded => {
                held_up.insert(*client, true);
            }
            ClientEvent::Answered { .. } => {
                if held_up.remove(client) == Some(true) {
                    last = Some(RecordNo(index as u32));
                }
            }
            ClientEvent::Started
            | ClientEvent::Connecting { .. }
            | ClientEvent::Connected { .. }
            | ClientEvent::LoggedOn { .. }
            | ClientEvent::Autodiscovered { .. }
            | ClientEvent::State(_) => {}
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Instant, Span};
    use crate::journal::record::Request;

    #[test]
    fn only_an_answer_after_trouble_is_a_recovery() {
        let record = |client, event| Record {
            at: Instant::ZERO,
            cause: None,
            what: What::Client(ClientId(client), event),
        };
        let asked = ClientEvent::Asked { request: Request::Read };
        let answered = ClientEvent::Answered { latency: Span::ZERO };
        let mut records = vec![record(0, asked), record(1, asked), record(0, ClientEvent::GaveUp)];
        records.extend([record(1, answered), record(0, answered), record(1, asked)]);
        records.extend([record(1, answered)]);
        assert_eq!(last_recovery(&records), Some(RecordNo(4)));
        assert_eq!(last_recovery(&records[..2]), None);
    }
}
