//! Database operations in the columns of CollectOverMetrics.ps1 (exchange.md §8.5).

use crate::base::{DbId, Instant, Span};
use crate::failover::seam::{Act, Effect, Input, Note, Operation, Outcome, Why};
use crate::journal::record::Plant;
use crate::journal::text::Names;
use crate::journal::{Record, RecordNo, What};
use std::collections::BTreeMap;

/// The columns, in their order.
pub const COLUMNS: [&str; 34] = [
    "DatabaseName",
    "TimeRecoveryStarted",
    "TimeRecoveryEnded",
    "ActionInitiator",
    "ActionCategory",
    "ActionReason",
    "Result",
    "DurationOutage",
    "DurationDismount",
    "DurationBcs",
    "DurationAcll",
    "DurationMount",
    "DurationOther",
    "ActiveOnStart",
    "ActiveOnFinish",
    "PAMServer",
    "NumberOfAttempts",
    "ReplayedLogs",
    "LostLogs",
    "LostBytes",
    "DatabaseGuid",
    "UniqueOperationId",
    "ErrorMessage",
    "StoreMountLids",
    "StoreMountProgress",
    "EseMountTiming",
    "EseDismountTiming",
    "BcsTimingDetails",
    "AcllTimingDetails",
    "AcllCopiedLogs",
    "AcllFinalReplayQueue",
    "MountRpcTimingDetails",
    "MoveComment",
    "SubReason",
];

/// One database operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Move {
    /// The values of [`COLUMNS`]; empty where the twin has no such notion. Durations are seconds,
    /// times are seconds since the start of the run.
    pub values: Vec<String>,
}

/// An operation as it is read.
#[derive(Clone, Debug)]
struct Reading {
    number: RecordNo,
    started: Instant,
    operation: Operation,
    why: Why,
    from: String,
    primary: String,
    dismount: Span,
    bcs: Span,
    acll: Span,
    mount: Span,
    asked: Option<Instant>,
    replayed: Option<u64>,
    lost: Option<u64>,
    copied: Option<u64>,
}

/// Every database operation of a run, in the order of their ends.
pub fn moves(names: &Names, records: &[Record]) -> Vec<Move> {
    let mut open: BTreeMap<DbId, Reading> = BTreeMap::new();
    let mut acts: BTreeMap<(u8, u32), (Instant, DbId, char)> = BTreeMap::new();
    let mut moves = Vec::new();
    for (number, record) in records.iter().enumerate() {
        match &record.what {
            What::Out(node, Effect::Do { op, act }) => {
                let kind = match act {
                    Act::Dismount(database) => Some((*database, 'd')),
                    Act::CopyLastLogs { database, .. } => Some((*database, 'a')),
                    Act::Mount(database) => Some((*database, 'm')),
                    _ => None,
                };
                if let Some((database, kind)) = kind {
                    acts.insert((node.0, op.0), (record.at, database, kind));
                }
            }
            What::In(node, Input::Done { op, outcome }) => {
                if let Some((began, database, kind)) = acts.remove(&(node.0, op.0))
                    && let Some(reading) = open.get_mut(&database)
                {
                    reading.ended(kind, record.at.since(began), outcome);
                }
            }
            What::Plant(Plant::Mounted { copy, lost_logs, replayed_logs }) => {
                if let Some(reading) = open.get_mut(&copy.database) {
                    reading.lost = Some(*lost_logs);
                    reading.replayed = Some(*replayed_logs);
                }
            }
            What::Out(node, Effect::Note(note)) => {
                let number = RecordNo(number as u32);
                let primary = names.node(*node);
                read_note(names, &mut open, &mut moves, (number, record.at), primary, note);
            }
            _ => {}
        }
    }
    for (database, reading) in open {
        moves.push(reading.close(names, database, None, "Unknown", 0));
    }
    moves
}

fn read_note(
    names: &Names,
    open: &mut BTreeMap<DbId, Reading>,
    moves: &mut Vec<Move>,
    (number, at): (RecordNo, Instant),
    primary: &str,
    note: &Note,
) {
    match note {
        Note::DatabaseOperation { database, operation, why, from } => {
            let reading = Reading {
                number,
                started: at,
                operation: *operation,
                why: *why,
                from: from.map(|node| names.node(node).to_owned()).unwrap_or_default(),
                primary: primary.to_owned(),
                dismount: Span::ZERO,
                bcs: Span::ZERO,
                acll: Span::ZERO,
                mount: Span::ZERO,
                asked: Some(at),
                replayed: None,
                lost: None,
                copied: None,
            };
            open.insert(*database, reading);
        }
        Note::CopyChosen { database, .. } => {
            if let Some(reading) = open.get_mut(database)
                && let Some(asked) = reading.asked.take()
            {
                reading.bcs += at.since(asked).saturating_sub(reading.dismount);
            }
        }
        Note::DatabaseOperationEnded { database, active, success, attempts } => {
            if let Some(reading) = open.remove(database) {
                let active = active.map(|node| names.node(node).to_owned());
                let result = if *success { "Success" } else { "Failed" };
                let ended = Some((at, active.unwrap_or_default()));
                moves.push(reading.close(names, *database, ended, result, *attempts));
            }
        }
        _ => {}
    }
}

/// Seconds with their decimals.
fn seconds(nanos: u64) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).to_owned()
}

impl Reading {
    fn ended(&mut self, kind: char, span: Span, outcome: &Outcome) {
        match kind {
            'd' => self.dismount += span,
            'a' => {
                self.acll += span;
                if let Outcome::LastLogs { copied, .. } = outcome {
                    self.copied = Some(self.copied.unwrap_or(0) + copied);
                }
            }
            _ => self.mount += span,
        }
    }

    fn close(
        &self,
        names: &Names,
        database: DbId,
        ended: Option<(Instant, String)>,
        result: &str,
        attempts: u8,
    ) -> Move {
        let category = match self.operation {
            Operation::Mount => "Mount",
            Operation::Dismount => "Dismount",
            Operation::Switchover | Operation::Failover => "Move",
        };
        let (initiator, reason) = match self.why {
            Why::Asked => ("Admin", "Cmdlet"),
            Why::Stopping => ("Automatic", "ServiceStop"),
            Why::Startup => ("Automatic", "Startup"),
            Why::DatabaseFailed => ("Automatic", "FailureItem"),
            Why::NodeDown => ("Automatic", "NodeDown"),
            Why::MapiNetworkDown => ("Automatic", "MapiNetDown"),
            Why::ResourceFailed
            | Why::QuorumLost
            | Why::ConnectivityLost
            | Why::Evicted
            | Why::ForcedElsewhere
            | Why::NodePaused
            | Why::Quarantined
            | Why::NoMember
            | Why::Failback
            | Why::ThresholdExceeded => ("Automatic", "None"),
        };
        let total = ended.as_ref().map_or(Span::ZERO, |(at, _)| at.since(self.started));
        let parts = self.dismount + self.acll + self.mount;
        let count = |value: Option<u64>| value.map(|n| n.to_string()).unwrap_or_default();
        let known = [
            names.database(database).to_owned(),
            seconds(self.started.as_nanos()),
            ended.as_ref().map(|(at, _)| seconds(at.as_nanos())).unwrap_or_default(),
            initiator.to_owned(),
            category.to_owned(),
            reason.to_owned(),
            result.to_owned(),
            seconds(total.as_nanos()),
            seconds(self.dismount.as_nanos()),
            seconds(self.bcs.as_nanos()),
            seconds(self.acll.as_nanos()),
            seconds(self.mount.as_nanos()),
            seconds(total.saturating_sub(parts).as_nanos()),
            self.from.clone(),
            ended.map(|(_, active)| active).unwrap_or_default(),
            self.primary.clone(),
            attempts.to_string(),
            count(self.replayed),
            count(self.lost),
            String::new(),
            String::new(),
            format!("{}", self.number.0),
        ];
        let mut values = known.to_vec();
        values.resize(COLUMNS.len(), String::new());
        values[29] = count(self.copied);
        Move { values }
    }
}
