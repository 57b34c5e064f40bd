//! `Get-MailboxDatabaseCopyStatus`: databases with their copies (exchange.md §8.1).
//!
//! Fields that are not needed may be there or not; which ones are depends on the version of
//! Exchange. What a copy's queues are is settled here, because a file may tell them as lengths, as
//! numbers of logs, or both.

mod field;
mod logs;
#[cfg(test)]
mod tests;

use super::table::{self, Row};
use super::{decode, same_server};
use crate::failover::seam::{ActivationPolicy, ContentIndex, CopyReport, CopyStatus};
use crate::model::Problem;
use field::Reader;
use logs::Logs;
use std::collections::BTreeMap;

/// Fields that are read, in lower case.
const KNOWN: &[&str] = &[
    "identity",
    "id",
    "name",
    "databasename",
    "mailboxserver",
    "status",
    "activedatabasecopy",
    "activecopy",
    "activationsuspended",
    "activationpreference",
    "autoactivationpolicy",
    "contentindexstate",
    "copyqueuelength",
    "replayqueuelength",
    "lastloggenerated",
    "lastloginspected",
    "lastlogreplayed",
    "lastloginfofromclustergen",
];

/// Most copies of a database (exchange.md §2.1).
const MOST_COPIES: usize = 16;

/// Most problems that are told of one file.
const MOST_PROBLEMS: usize = 20;

/// What a file tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Export {
    /// Databases in the order in which they first appear.
    pub databases: Vec<Database>,
    /// What was assumed where the file is silent or contradicts itself.
    pub notes: Vec<String>,
}

/// A database with its copies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// The server with the active copy, if the file tells.
    pub active: Option<String>,
    /// Whether the active copy is mounted or about to be, as far as the file tells.
    pub mounted: bool,
    /// The newest log that any copy, the active one among them, knows of: on the scale of the
    /// copies' reports, which is that of this program.
    pub newest: u64,
    /// Its copies in the order of the file.
    pub copies: Vec<Copy>,
}

/// A copy of a database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copy {
    /// Its server.
    pub server: String,
    /// Its state; for one that cannot be activated and that nothing more is known of, the word.
    pub status: Result<CopyStatus, &'static str>,
    /// What best copy selection looks at. A queue whose length is not known is at least
    /// [`UNKNOWN_QUEUE`](crate::failover::best_copy::UNKNOWN_QUEUE) logs long.
    pub report: CopyReport,
    /// Its activation preference; Exchange 2010 does not tell it here.
    pub preference: Option<u8>,
    /// DatabaseCopyAutoActivationPolicy of its server; Exchange 2010 does not tell it here.
    pub policy: Option<ActivationPolicy>,
}

/// A row of the file, read.
struct Read {
    /// What messages call its place, and its line.
    path: String,
    line: Option<usize>,
    database: String,
    server: String,
    status: Result<CopyStatus, &'static str>,
    content_index: ContentIndex,
    suspended: bool,
    preference: Option<u8>,
    policy: Option<ActivationPolicy>,
    /// Where this row says that the active copy is.
    active: Option<String>,
    /// Whether this row says that it is the active copy.
    is_active: Option<bool>,
    logs: Logs,
}

/// Reads a file.
///
/// # Errors
/// Everything that is wrong with it, up to a limit.
pub fn read(file: &str, bytes: &[u8]) -> Result<Export, Vec<Problem>> {
    let whole = |wrong: table::Wrong| vec![wrong.problem(file)];
    let text = decode::text(bytes)
        .ok_or_else(|| whole(table::Wrong::new("a text in UTF-8, UTF-16 or Windows-1252")))?;
    let rows = table::rows(&text, KNOWN).map_err(whole)?;
    let mut reader = Reader::new(file);
    let read: Vec<Read> = rows.iter().filter_map(|row| one(&mut reader, row)).collect();
    if rows.is_empty() {
        return Err(whole(table::Wrong::new("at least one database copy; the file has none")));
    }
    let databases = group(&mut reader, read);
    let mut problems = reader.problems;
    let more = problems.len().saturating_sub(MOST_PROBLEMS);
    if more > 0 {
        problems.truncate(MOST_PROBLEMS);
        problems.extend(whole(table::Wrong::new(&format!("no such mistakes; {more} more follow"))));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut notes = Vec::new();
    let databases = databases.into_iter().map(|(name, rows)| database(name, rows, &mut notes));
    Ok(Export { databases: databases.collect(), notes })
}

/// Reads a row; none if it does not even tell which copy it is.
fn one(reader: &mut Reader, row: &Row) -> Option<Read> {
    let (database, server) = reader.copy(row)?;
    Some(Read {
        path: row.path.clone(),
        line: row.line,
        database,
        server,
        status: reader.status(row),
        content_index: reader.content_index(row),
        suspended: reader.flag(row, "ActivationSuspended").unwrap_or(false),
        preference: reader.preference(row),
        policy: reader.policy(row),
        active: row.get("ActiveDatabaseCopy").map(|field| field.text.clone()),
        is_active: reader.flag(row, "ActiveCopy"),
        logs: reader.logs(row),
    })
}

/// The rows of each database in the order in which databases appear, and none twice.
fn group(reader: &mut Reader, rows: Vec<Read>) -> Vec<(String, Vec<Read>)> {
    let mut databases: Vec<(String, Vec<Read>)> = Vec::new();
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let at = *place.entry(row.database.to_lowercase()).or_insert_with(|| {
            databases.push((row.database.clone(), Vec::new()));
            databases.len() - 1
        });
        let (name, copies) = &mut databases[at];
        if copies.iter().any(|other| same_server(&other.server, &row.server)) {
            let expected = "each copy once";
            reader.wrong(
                row.line,
                &row.path,
                "Identity",
                &format!("{name}\\{}", row.server),
                expected,
            );
        } else if copies.len() == MOST_COPIES {
            let expected = format!("at most {MOST_COPIES} copies of a database");
            reader.wrong(row.line, &row.path, "DatabaseName", name, &expected);
        } else {
            if let Some((field, value, expected)) = contradiction(name, copies, &row) {
                reader.wrong(row.line, &row.path, field, &value, &expected);
            }
            copies.push(row);
        }
    }
    databases
}

/// What cannot be so beside the other copies of a database: field, value, what was expected.
fn contradiction(
    database: &str,
    copies: &[Read],
    row: &Read,
) -> Option<(&'static str, String, String)> {
    let mounted = |row: &&Read| row.status == Ok(CopyStatus::Mounted);
    if let (true, Some(other)) = (mounted(&row), copies.iter().find(mounted)) {
        let expected = format!("one mounted copy of {database}; that on {} is", other.server);
        return Some(("Status", "Mounted".to_owned(), expected));
    }
    let preference = row.preference?;
    let other = copies.iter().find(|other| other.preference == Some(preference))?;
    let expected = format!("a number of its own; the copy on {} has it", other.server);
    Some(("ActivationPreference", preference.to_string(), expected))
}

/// A database of its rows.
fn database(name: String, rows: Vec<Read>, notes: &mut Vec<String>) -> Database {
    let active = active(&name, &rows, notes);
    let on_active =
        active.as_ref().and_then(|active| rows.iter().find(|row| same_server(&row.server, active)));
    let mounted = on_active.is_none_or(|row| row.status != Ok(CopyStatus::Dismounted));
    let newest = rows.iter().map(|row| row.logs.newest()).max().unwrap_or(0);
    let copies = rows
        .into_iter()
        .map(|row| {
            let passive = active.as_ref().is_some_and(|active| !same_server(&row.server, active));
            if let Some(note) = row.logs.contradiction().filter(|_| passive) {
                notes.push(format!("{name}\\{}: {note}", row.server));
            }
            let (generated, inspected, replayed) = row.logs.generations(newest);
            Copy {
                report: CopyReport {
                    status: row.status.unwrap_or(CopyStatus::Failed),
                    content_index: row.content_index,
                    generated,
                    inspected,
                    replayed,
                    activation_suspended: row.suspended,
                },
                server: row.server,
                status: row.status,
                preference: row.preference,
                policy: row.policy,
            }
        })
        .collect();
    Database { name, active, mounted, newest: logs::BASE + newest, copies }
}

/// The server with the active copy: the one that is mounted, whatever else is told; else by the
/// word of all rows, of the row that calls itself active, or of the row whose state only an active
/// copy has.
fn active(name: &str, rows: &[Read], notes: &mut Vec<String>) -> Option<String> {
    if let Some(mounted) = rows.iter().find(|row| row.status == Ok(CopyStatus::Mounted)) {
        let here = |row: &Read| same_server(&row.server, &mounted.server);
        let denies = |row: &Read| {
            row.active.as_ref().is_some_and(|active| !same_server(active, &mounted.server))
                || row.is_active.is_some_and(|active| active != here(row))
                || !here(row) && has_state_of_active(row)
        };
        if rows.iter().any(denies) {
            let fields = "ActiveDatabaseCopy, ActiveCopy or Status of a copy says otherwise";
            notes.push(format!("{name}: it is mounted on {}; {fields}", mounted.server));
        }
        return Some(mounted.server.clone());
    }
    let mut told = rows.iter().filter_map(|row| row.active.as_deref());
    let first = told.next();
    let agreed = first.filter(|first| told.all(|other| same_server(first, other)));
    let only = |found: Vec<&Read>| match found.as_slice() {
        [one] => Some(one.server.clone()),
        _ => None,
    };
    let calls_itself = || only(rows.iter().filter(|row| row.is_active == Some(true)).collect());
    let by_state = || only(rows.iter().filter(|row| has_state_of_active(row)).collect());
    let chosen = agreed.map(str::to_owned).or_else(calls_itself).or_else(by_state);
    if chosen.is_none() {
        notes.push(format!("{name}: the file does not tell where it is active; it is left out"));
    } else if first.is_some() && agreed.is_none() {
        notes.push(format!("{name}: ActiveDatabaseCopy differs between its copies"));
    }
    chosen.map(|chosen| {
        // As the rows spell it: ActiveDatabaseCopy is in lower case in some versions.
        let spelled = rows.iter().find(|row| same_server(&row.server, &chosen));
        spelled.map_or(chosen, |row| row.server.clone())
    })
}

/// Whether a copy has a state that only an active copy has (exchange.md §1.8).
fn has_state_of_active(row: &Read) -> bool {
    matches!(
        row.status,
        Ok(CopyStatus::Mounted
            | CopyStatus::Mounting
            | CopyStatus::Dismounting
            | CopyStatus::Dismounted)
    )
}

/// A value as messages show it: quoted, and not endless.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 60;
    let text = text.trim();
    let short: String = text.chars().take(MOST).collect();
    let more = if short.len() < text.len() { "..." } else { "" };
    format!("\"{short}{more}\"")
}
