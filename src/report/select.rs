//! Best copy selection as text and as JSON.

use super::page::{Ink, Page};
use crate::failover::best_copy::{UNKNOWN_QUEUE, criteria};
use crate::failover::seam::{ContentIndex, MountDial};
use crate::lab::select::{Place, Question, Selected};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Writes the answers as one JSON document.
///
/// # Errors
/// If the writer fails.
pub fn json(
    question: &Question,
    answers: &[Selected],
    notes: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    let lost = question.servers.iter().filter(|server| server.lost);
    let document = json!({
        "schema_version": 1,
        "lost": lost.map(|server| server.name.as_str()).collect::<Vec<_>>(),
        "move": question.lossless_move.then_some("lossless"),
        "databases": answers.iter().map(|answer| database(question, answer)).collect::<Vec<_>>(),
        "notes": notes,
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

fn database(question: &Question, answer: &Selected) -> Value {
    let server = |server: usize| question.servers[server].name.as_str();
    let of = &question.databases[answer.database];
    let dropped =
        answer.dropped.iter().map(|(copy, why)| json!({ "server": server(*copy), "why": why }));
    let chosen = answer.chosen.and_then(|chosen| answer.order.get(chosen));
    let decided = answer.decided();
    json!({
        "name": of.name,
        "active_on": server(of.active),
        "sorted_by": sorted_by(answer),
        "order": answer.order.iter().map(|place| json!({
            "server": server(place.server),
            "set": place.ranked.set.ok(),
            "why": place.why,
            "copy_queue": known(place.ranked.copy_queue),
            "replay_queue": known(place.ranked.replay_queue),
            "activation_preference": place.ranked.preference,
            "missing_logs": known(place.dial.missing),
            "dial": dial(place.dial.dial),
            "mounts": place.dial.mounts,
        })).collect::<Vec<_>>(),
        "dropped": dropped.collect::<Vec<_>>(),
        "chosen": chosen.map(|place| server(place.server)),
        "missing_logs": decided.and_then(|place| known(place.dial.missing)),
        "dial": decided.map(|place| dial(place.dial.dial)),
        "mounts": chosen.is_some(),
        "why": answer.why,
        "active_copy_dismounted": !of.mounted,
        "note": answer.note,
    })
}

fn sorted_by(answer: &Selected) -> &'static str {
    if answer.by_preference { "activation_preference" } else { "copy_queue" }
}

/// A number of logs, if it is known.
fn known(logs: u64) -> Option<u64> {
    (logs < UNKNOWN_QUEUE).then_some(logs)
}

fn dial(dial: MountDial) -> String {
    format!("{dial:?}")
}

/// The columns between the server's name and whether the copy mounts.
const COLUMNS: [&str; 8] =
    ["set", "status", "index", "copy queue", "replay queue", "preference", "missing", "accepted"];

/// Writes the answers for a person, at least 60 columns wide.
///
/// # Errors
/// If the writer fails.
pub fn text(
    question: &Question,
    answers: &[Selected],
    width: usize,
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let page = &mut Page::new(out, width, color);
    let lost = question.servers.iter().filter(|server| server.lost);
    let lost: Vec<&str> = lost.map(|server| server.name.as_str()).collect();
    let count = match answers.len() {
        0 => "no database is active there".to_owned(),
        1 => "1 database is active there".to_owned(),
        many => format!("{many} databases are active there"),
    };
    let lost = lost.join(", ");
    let title = if question.lossless_move {
        format!("Lossless switchover from {lost} without target: {count}")
    } else {
        format!("Failover from {lost}: {count}")
    };
    page.item(Ink::Bold, "", &title)?;
    let mut sets = BTreeSet::new();
    for answer in answers {
        sets.extend(answer.order.iter().filter_map(|place| place.ranked.set.ok()));
        one(question, answer, page)?;
    }
    if !sets.is_empty() {
        page.title("Criteria sets")?;
        for set in sets {
            page.item(Ink::Plain, &format!("  {set:>2}  "), &criteria(set))?;
        }
    }
    Ok(())
}

fn one(question: &Question, answer: &Selected, page: &mut Page<'_>) -> io::Result<()> {
    let database = &question.databases[answer.database];
    let chosen = answer.chosen.and_then(|chosen| answer.order.get(chosen));
    let (ink, end) = match chosen {
        Some(place) => {
            let logs = match known(place.dial.missing) {
                Some(0) => "no log is lost".to_owned(),
                Some(1) => "1 log is lost".to_owned(),
                Some(logs) => format!("{logs} logs are lost"),
                None => "nobody knows how many logs are lost".to_owned(),
            };
            (Ink::Good, format!("mounts on {}, {logs}", question.servers[place.server].name))
        }
        None => (Ink::Bad, "mounts nowhere".to_owned()),
    };
    page.line(Ink::Plain, "")?;
    page.item(ink, "", &format!("{}: {end}", database.name))?;
    let sorted = if answer.by_preference {
        "sorted by activation preference, then by the first criteria set that a copy meets"
    } else {
        "sorted by copy queue, then preference, then by the first criteria set that a copy meets"
    };
    page.item(Ink::Dim, "  ", sorted)?;
    copies(question, answer, page)?;
    page.item(Ink::Plain, "  ", &answer.why)?;
    answer.note.map_or(Ok(()), |note| page.item(Ink::Plain, "  note: ", note))
}

/// The copies as a table if it fits, else one after the other with their reasons.
fn copies(question: &Question, answer: &Selected, page: &mut Page<'_>) -> io::Result<()> {
    let name = |server: usize| question.servers[server].name.as_str();
    let servers = answer.order.iter().map(|place| place.server);
    let servers = servers.chain(answer.dropped.iter().map(|(server, _)| *server));
    let longest = servers.map(|server| name(server).chars().count()).max().unwrap_or(0).max(6);
    let cells: Vec<_> = answer.order.iter().map(|place| cells(question, answer, place)).collect();
    let widths = COLUMNS.iter().enumerate().map(|(column, title)| {
        let longest = cells.iter().map(|row| row[column].chars().count()).max();
        longest.unwrap_or(0).max(title.len())
    });
    let widths: Vec<usize> = widths.collect();
    let line = |lead: &str, name: &str, cells: &[String], end: &str| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("  {cell:>width$}"));
        format!("  {lead:>2}  {name:longest$}{}  {end}", cells.collect::<String>())
    };
    let mut rows = vec![line("#", "server", &COLUMNS.map(str::to_owned), "mounts")];
    for (number, (place, cells)) in answer.order.iter().zip(&cells).enumerate() {
        let end = if place.dial.mounts { "yes" } else { "no" };
        rows.push(line(&(number + 1).to_string(), name(place.server), cells, end));
    }
    let fits = rows.iter().all(|row| row.chars().count() <= page.width);
    if !answer.order.is_empty() && fits {
        for (number, row) in rows.iter().enumerate() {
            let ink = match number.checked_sub(1) {
                None => Ink::Dim,
                Some(place) if Some(place) == answer.chosen => Ink::Bold,
                Some(_) => Ink::Plain,
            };
            page.line(ink, row)?;
        }
    } else {
        for (at, place) in answer.order.iter().enumerate() {
            let lead = format!("  {:>2}  {}: ", at + 1, name(place.server));
            page.item(Ink::Plain, &lead, &place.why)?;
        }
    }
    for (server, why) in &answer.dropped {
        page.item(Ink::Plain, &format!("   -  {:longest$}  dropped: ", name(*server)), why)?;
    }
    Ok(())
}

fn cells(question: &Question, answer: &Selected, place: &Place) -> [String; 8] {
    let copies = &question.databases[answer.database].copies;
    let copy = copies.iter().find(|copy| copy.server == place.server);
    let (status, index) = copy.map_or((String::new(), ""), |copy| {
        let index = match copy.report.content_index {
            ContentIndex::Healthy => "Healthy",
            ContentIndex::Crawling => "Crawling",
            ContentIndex::Failed => "neither",
        };
        (format!("{:?}", copy.report.status), index)
    });
    let logs = |logs| known(logs).map_or_else(|| "?".to_owned(), |logs| logs.to_string());
    [
        place.ranked.set.map_or_else(|_| String::new(), |set| set.to_string()),
        status,
        index.to_owned(),
        logs(place.ranked.copy_queue),
        logs(place.ranked.replay_queue),
        place.ranked.preference.to_string(),
        logs(place.dial.missing),
        match place.dial.dial {
            MountDial::BestEffort => "any".to_owned(),
            dial @ (MountDial::Lossless
            | MountDial::GoodAvailability
            | MountDial::BestAvailability) => dial.permitted().to_string(),
        },
    ]
}
