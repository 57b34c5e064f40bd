//! Fields of a row as values, and what is wrong with them.

use super::super::same_server;
use super::super::table::{Field, Row};
use super::logs::{Count, Logs};
use super::shown;
use crate::failover::seam::{ActivationPolicy, ContentIndex, CopyStatus};
use crate::model::{Problem, load};

/// States that a copy may have, as the product spells them (exchange.md §1.8). Those without a
/// state of ours cannot be activated, and nothing else is decided by them.
const STATUSES: &[(&str, Result<CopyStatus, &str>)] = &[
    ("Mounted", Ok(CopyStatus::Mounted)),
    ("Mounting", Ok(CopyStatus::Mounting)),
    ("Dismounting", Ok(CopyStatus::Dismounting)),
    ("Dismounted", Ok(CopyStatus::Dismounted)),
    ("Healthy", Ok(CopyStatus::Healthy)),
    ("Initializing", Ok(CopyStatus::Initializing)),
    ("Resynchronizing", Ok(CopyStatus::Resynchronizing)),
    ("DisconnectedAndHealthy", Ok(CopyStatus::DisconnectedAndHealthy)),
    ("DisconnectedAndResynchronizing", Ok(CopyStatus::DisconnectedAndResynchronizing)),
    ("Failed", Ok(CopyStatus::Failed)),
    ("Suspended", Ok(CopyStatus::Suspended)),
    ("FailedAndSuspended", Ok(CopyStatus::FailedAndSuspended)),
    ("Seeding", Ok(CopyStatus::Seeding)),
    ("SeedingSource", Ok(CopyStatus::SeedingSource)),
    ("ServiceDown", Ok(CopyStatus::ServiceDown)),
    ("SinglePageRestore", Err("SinglePageRestore")),
    ("NonExchangeReplication", Err("NonExchangeReplication")),
    ("Unknown", Err("Unknown")),
];

const POLICIES: &[(&str, ActivationPolicy)] = &[
    ("Unrestricted", ActivationPolicy::Unrestricted),
    ("IntrasiteOnly", ActivationPolicy::IntrasiteOnly),
    ("Blocked", ActivationPolicy::Blocked),
];

/// Reads the fields of rows and gathers what is wrong.
pub(super) struct Reader<'f> {
    file: &'f str,
    pub problems: Vec<Problem>,
}

impl<'f> Reader<'f> {
    pub(super) fn new(file: &'f str) -> Self {
        Reader { file, problems: Vec::new() }
    }

    /// A place with a value that is not as expected.
    pub(super) fn wrong(
        &mut self,
        line: Option<usize>,
        path: &str,
        name: &str,
        value: &str,
        expected: &str,
    ) {
        self.problems.push(Problem {
            file: self.file.to_owned(),
            line,
            key: format!("{path}{name}"),
            value: if value.is_empty() { String::new() } else { shown(value) },
            expected: expected.to_owned(),
            hint: None,
        });
    }

    fn wrong_field(&mut self, row: &Row, field: &Field, expected: &str) {
        self.wrong(field.line, &row.path, &field.name, &field.text, expected);
    }

    /// The database and the server of a copy: from their own fields, else from `DB\SERVER`.
    pub(super) fn copy(&mut self, row: &Row) -> Option<(String, String)> {
        let both = ["Identity", "Name", "Id"]
            .into_iter()
            .filter_map(|name| row.get(name))
            .find_map(|field| field.text.rsplit_once('\\'));
        let database = row.get("DatabaseName").map(|field| field.text.as_str());
        let server = row.get("MailboxServer").map(|field| field.text.as_str());
        let database = database.or(both.map(|(database, _)| database)).map(str::trim);
        let server = server.or(both.map(|(_, server)| server)).map(str::trim);
        match (database, server) {
            (Some(database), Some(server)) if !database.is_empty() && !server.is_empty() => {
                if let Some((other, on)) = both
                    && !(other.trim().eq_ignore_ascii_case(database) && same_server(on, server))
                {
                    let expected = format!(
                        "the copy that DatabaseName and MailboxServer name, {database}\\{server}"
                    );
                    let told = format!("{other}\\{on}");
                    self.wrong(row.line, &row.path, "Identity", &told, &expected);
                }
                Some((database.to_owned(), server.to_owned()))
            }
            _ => {
                let value = row.get("Identity").map_or("", |field| field.text.as_str());
                let expected = "which copy this is: Identity as DATABASE\\SERVER, or DatabaseName \
                                and MailboxServer";
                self.wrong(row.line, &row.path, "Identity", value, expected);
                None
            }
        }
    }

    /// The state of the copy.
    pub(super) fn status(&mut self, row: &Row) -> Result<CopyStatus, &'static str> {
        const NONE: Result<CopyStatus, &str> = Err("Unknown");
        let Some(field) = row.get("Status") else {
            let expected = "the state of the copy; the field is missing or empty";
            self.wrong(row.line, &row.path, "Status", "", expected);
            return NONE;
        };
        let letters = |text: &str| {
            let letters = text.chars().filter(|c| c.is_alphanumeric());
            letters.collect::<String>().to_lowercase()
        };
        let text = letters(&field.text);
        let found = STATUSES.iter().find(|(word, _)| text == letters(word));
        if let Some((_, status)) = found {
            return *status;
        }
        let words: Vec<&str> = STATUSES.iter().map(|(word, _)| *word).collect();
        self.wrong_field(row, field, &format!("one of {}", words.join(", ")));
        let number = text.chars().all(|c| c.is_ascii_digit());
        let hint = if number {
            Some(
                "no document tells what the numbers of this enumeration stand for: export the \
                 words, with Export-Csv or with @{n='Status';e={\"$($_.Status)\"}}"
                    .to_owned(),
            )
        } else {
            load::near(&field.text, words.iter().copied())
        };
        if let Some(problem) = self.problems.last_mut() {
            problem.hint = hint;
        }
        NONE
    }

    /// The content index, as far as best copy selection tells its states apart.
    pub(super) fn content_index(&mut self, row: &Row) -> ContentIndex {
        let text = row.get("ContentIndexState").map(|field| field.text.to_lowercase());
        match text.as_deref() {
            Some("healthy") => ContentIndex::Healthy,
            Some("crawling") => ContentIndex::Crawling,
            Some(_) | None => ContentIndex::Failed,
        }
    }

    /// True or false, if the field is there.
    pub(super) fn flag(&mut self, row: &Row, name: &str) -> Option<bool> {
        let field = row.get(name)?;
        match field.text.to_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => {
                self.wrong_field(row, field, "True or False");
                None
            }
        }
    }

    /// The activation preference.
    pub(super) fn preference(&mut self, row: &Row) -> Option<u8> {
        let field = row.get("ActivationPreference")?;
        let number = field.text.parse().ok().filter(|number| *number > 0);
        if number.is_none() {
            self.wrong_field(row, field, "a number from 1 to 255, 1 the most preferred");
        }
        number
    }

    /// The policy of the copy's server.
    pub(super) fn policy(&mut self, row: &Row) -> Option<ActivationPolicy> {
        let field = row.get("AutoActivationPolicy")?;
        let found = POLICIES.iter().find(|(word, _)| word.eq_ignore_ascii_case(&field.text));
        if found.is_none() {
            self.wrong_field(row, field, "Unrestricted, IntrasiteOnly or Blocked");
        }
        found.map(|(_, policy)| *policy)
    }

    /// Numbers of logs and lengths of queues.
    pub(super) fn logs(&mut self, row: &Row) -> Logs {
        Logs {
            copy_queue: self.count(row, "CopyQueueLength"),
            replay_queue: self.count(row, "ReplayQueueLength"),
            generated: self
                .count(row, "LastLogGenerated")
                .newer(self.count(row, "LastLogInfoFromClusterGen")),
            inspected: self.count(row, "LastLogInspected"),
            replayed: self.count(row, "LastLogReplayed"),
        }
    }

    fn count(&mut self, row: &Row, name: &str) -> Count {
        let Some(field) = row.get(name) else { return Count::Absent };
        let digits = field.text.strip_prefix('-').unwrap_or(&field.text);
        if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
            self.wrong_field(row, field, "a whole number of logs");
            return Count::Absent;
        }
        match field.text.parse() {
            Ok(number) => Count::of(number),
            // Below zero, or beyond 64 bits: no number of logs, and told where there is none.
            Err(_) => Count::Unknown,
        }
    }
}
