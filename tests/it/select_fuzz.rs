//! No file makes `dagtwin select` panic: thousands of changes to the samples are read or refused,
//! and what is read is answered.

use crate::source::root;
use dagtwin::base::draw::{Purpose, Stream};
use dagtwin::failover::seam::{ActivationPolicy, MountDial, SkipChecks};
use dagtwin::import::{copies, same_server};
use dagtwin::lab::select::{Copy, Database, Question, Server, select};
use dagtwin::report::select as report;

/// Pieces that files of this kind hold, and some that they should not.
const PIECES: &[&str] = &[
    "Identity",
    "Status : ",
    "\\",
    "\"",
    "\"\"",
    ",",
    ";",
    "\t",
    "\r\n",
    "\n\n",
    "{",
    "}",
    "[",
    "]",
    ":",
    " : ",
    "0",
    "-1",
    "9",
    "18446744073709551615",
    "4294967296",
    "Healthy",
    "Mounted",
    "null",
    "#TYPE",
    "sep=",
    "\u{feff}",
    "\u{a0}",
    "é",
    "\u{1f4a3}",
    "\0",
    "EX01",
    "DB\\EX02",
];

fn changed(bytes: &[u8], draws: &mut Stream) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=draws.below(4) {
        let mut place = || draws.below(bytes.len() as u64 + 1) as usize;
        let (one, other) = (place(), place());
        let (from, to) = (one.min(other), one.max(other));
        let short = to.min(from + 40);
        match draws.below(7) {
            0 => drop(bytes.drain(from..short)),
            1 => bytes.truncate(to),
            2 => {
                let part = bytes[from..short].to_vec();
                bytes.splice(to..to, part);
            }
            3 if from < bytes.len() => bytes[from] = draws.below(256) as u8,
            4 => drop(bytes.drain(from..to)),
            _ => {
                let piece = PIECES[draws.below(PIECES.len() as u64) as usize].as_bytes();
                let end = if draws.below(2) == 0 { from } else { short.min(from + piece.len()) };
                bytes.splice(from..end, piece.iter().copied());
            }
        }
    }
    bytes
}

/// The question about an export with its first active server lost.
fn question(export: &copies::Export, draws: &mut Stream) -> Question {
    let mut names: Vec<&str> = Vec::new();
    for database in &export.databases {
        let servers = database.copies.iter().map(|copy| copy.server.as_str());
        for name in servers.chain(database.active.as_deref()) {
            if !names.iter().any(|known| same_server(known, name)) {
                names.push(name);
            }
        }
    }
    let place = |name: &str| names.iter().position(|known| same_server(known, name));
    let lost = export.databases.iter().find_map(|database| place(database.active.as_deref()?));
    let server = |(at, name): (usize, &&str)| Server {
        name: (*name).to_owned(),
        dial: MountDial::BestAvailability,
        policy: ActivationPolicy::Unrestricted,
        site: String::new(),
        maximum_active: None,
        reachable: true,
        lost: Some(at) == lost,
    };
    let databases = export.databases.iter().filter_map(|database| {
        let copies = database.copies.iter().map(|copy| Copy {
            server: place(&copy.server).expect("it was gathered"),
            preference: copy.preference.unwrap_or(1),
            status: copy.status,
            report: copy.report,
        });
        Some(Database {
            name: database.name.clone(),
            active: place(database.active.as_deref()?)?,
            mounted: database.mounted,
            newest: database.newest,
            copies: copies.collect(),
        })
    });
    Question {
        servers: names.iter().enumerate().map(server).collect(),
        databases: databases.collect(),
        lossless_move: draws.below(4) == 0,
        source_answers: draws.below(4) == 0,
        skip: SkipChecks { lag_checks: draws.below(4) == 0, ..SkipChecks::default() },
    }
}

#[test]
fn no_file_makes_it_panic() {
    let samples: Vec<Vec<u8>> = [
        "2010-list-german.txt",
        "2010-list-us-wrapped.txt",
        "2016.csv",
        "2016.json",
        "one-stale.json",
        "rtm-semicolons.csv",
    ]
    .map(|name| std::fs::read(root().join("tests/select").join(name)).expect("a sample"))
    .to_vec();
    let mut draws = Stream::new(1, 0, Purpose::Choice);
    let (mut read, mut answered) = (0, 0);
    for round in 0..6_000 {
        let bytes = changed(&samples[round % samples.len()], &mut draws);
        let Ok(export) = copies::read("copies", &bytes) else { continue };
        read += 1;
        let question = question(&export, &mut draws);
        let answers = select(&question);
        answered += answers.len();
        let mut out = Vec::new();
        report::json(&question, &answers, &export.notes, &mut out).expect("memory");
        report::text(&question, &answers, 60 + round % 100, false, &mut out).expect("memory");
    }
    assert!(read > 1_000 && answered > 1_000, "{read} read, {answered} answered");
}
