//! The record and its text, which is the name of a file.
//!
//! The name is all there is: nothing in a file is read or written, so nothing can be half written,
//! and who lists the folder sees the whole record.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use thiserror::Error;

/// How a name of ours begins, before its version.
const TITLE: &str = "witness-";
/// What a file server is asked for: the names that begin so.
pub(super) const PATTERN: &str = "witness-*";
/// The version that this code writes, and the only one that it reads.
const VERSION: &str = "1";
/// How often a place is listed until it is believed that it has no record, or several. A listing
/// that is made while a record is renamed may have neither of its names, or both: of a Samba that
/// renamed without a pause, 0.2 to 1 % had neither (it looks a name up once more after reading it),
/// and two in a row, with nothing between them.
pub(super) const LISTINGS: u32 = 6;

/// What the witness says. It never goes back: every write counts `counter` up by one, whoever
/// writes, and no write lowers `epoch`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Record {
    /// The number of the node that holds the witness; none if nobody does.
    pub owner: Option<u8>,
    /// The epoch of the last claim: the tag that rivals compare (wsfc.md §3.2).
    pub epoch: u64,
    /// Number of writes since the witness was prepared. What moves while the owner lives.
    pub counter: u64,
}

/// Why the names in a place are not taken for a witness's record.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Unfit {
    /// Another version of this software wrote it.
    #[error("the record is of version {0}, and only version 1 is understood; update this agent")]
    Version(String),
    /// A name that begins as a record's does, and is none.
    #[error("{0:?} is named like a record, and is none; if nothing needs it, remove it")]
    Foreign(String),
    /// More than one record: somebody has copied one or brought one back, or the witness was
    /// prepared just when it was claimed.
    #[error(
        "there are several records; keep the newest, {newest:?}, and remove the others: {older:?}"
    )]
    Several {
        /// The name of the one that was written last.
        newest: String,
        /// The names of the others.
        older: Vec<String>,
    },
}

impl Record {
    /// What a witness says that nobody has ever claimed.
    pub(super) const FIRST: Record = Record { owner: None, epoch: 0, counter: 0 };

    /// The record that follows this one.
    pub(super) fn followed_by(self, owner: Option<u8>, epoch: u64) -> Record {
        Record { owner, epoch, counter: self.counter.saturating_add(1) }
    }

    /// The name of the file that is this record, such as `witness-1.owner-2.epoch-7.counter-42`.
    /// Any file system takes it, and no shell reads anything into it.
    pub(super) fn name(self) -> String {
        let owner = self.owner.map_or_else(|| "nobody".to_owned(), |node| node.to_string());
        let (epoch, counter) = (self.epoch, self.counter);
        format!("{TITLE}{VERSION}.owner-{owner}.epoch-{epoch}.counter-{counter}")
    }

    /// The record that a name of ours is.
    fn of_name(name: &str) -> Result<Record, Unfit> {
        let foreign = || Unfit::Foreign(name.to_owned());
        let text = name.strip_prefix(TITLE).ok_or_else(foreign)?;
        let (version, values) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |byte: u8| byte.is_ascii_digit();
        if version != VERSION && !version.is_empty() && version.bytes().all(is_number) {
            return Err(Unfit::Version(version.to_owned()));
        }
        let record = Record::of_values(values).ok_or_else(foreign)?;
        // One way of writing it is right.
        if record.name() == name { Ok(record) } else { Err(foreign()) }
    }

    fn of_values(values: &str) -> Option<Record> {
        let mut values = values.split('.');
        let mut value = |name: &str| values.next()?.strip_prefix(name)?.strip_prefix('-');
        let owner = match value("owner")? {
            "nobody" => None,
            node => Some(node.parse().ok()?),
        };
        let epoch = value("epoch")?.parse().ok()?;
        let counter = value("counter")?.parse().ok()?;
        Some(Record { owner, epoch, counter })
    }

    /// The record among the names in a place; none if there is none.
    ///
    /// # Errors
    /// If there is more than one, or one that this version does not understand.
    pub(super) fn of_names<N: AsRef<str>>(
        names: impl IntoIterator<Item = N>,
    ) -> Result<Option<Record>, Unfit> {
        let mut records = Vec::new();
        for name in names {
            let name = name.as_ref();
            // A file server takes small and capital letters for the same.
            let begin = name.get(..TITLE.len());
            if begin.is_some_and(|begin| begin.eq_ignore_ascii_case(TITLE)) {
                records.push(Record::of_name(name)?);
            }
        }
        records.sort_unstable_by_key(|record| (record.counter, record.epoch, record.owner));
        let Some(newest) = records.pop() else { return Ok(None) };
        if records.is_empty() {
            return Ok(Some(newest));
        }
        let older = records.into_iter().map(Record::name).collect();
        Err(Unfit::Several { newest: newest.name(), older })
    }

    /// Whether what a listing gave may come from a renaming that was under way.
    pub(super) fn is_unsettled(found: &Result<Option<Record>, Unfit>) -> bool {
        matches!(found, Ok(None) | Err(Unfit::Several { .. }))
    }
}

/// A text with one more line, its checksum: the first 8 bytes of its SHA-256.
pub(super) fn with_checksum(mut text: String) -> String {
    let digest = Sha256::digest(text.as_bytes());
    text.push_str("check ");
    for byte in &digest[..8] {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    text
}
