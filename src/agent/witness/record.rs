//! The record and its text in the file.
//!
//! The file has two places of 512 bytes. A write goes to the place that does not hold the newest
//! record, so a write that was cut short costs nothing but itself: its checksum is wrong, and the
//! record before it is still whole.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use thiserror::Error;

/// Size of one place, in bytes: a sector, the unit in which disks promise to write.
pub(super) const PLACE: usize = 512;
/// Size of the whole file, in bytes.
pub(super) const FILE: usize = 2 * PLACE;
/// How a text of ours begins, before its version.
const TITLE: &str = "dagtwin witness ";
/// The version that this code writes, and the only one that it reads.
const VERSION: &str = "1";

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

/// Why a file is not taken for a witness's.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Unfit {
    /// Nothing is in it.
    #[error("the file is empty; prepare the witness once")]
    Blank,
    /// Another version of this software wrote it.
    #[error("the file is of version {0}, and only version 1 is understood; update this agent")]
    Version(String),
    /// Something else is in it.
    #[error("the file is not a witness's; if nothing needs it, remove it and prepare the witness")]
    Foreign,
    /// Neither of its records has the right checksum.
    #[error(
        "no record in the file is whole (its disk failed, or it was edited); see that no node \
         holds the witness, remove the file and prepare the witness"
    )]
    Torn,
}

impl Record {
    /// What a witness says that nobody has ever claimed.
    pub(super) const FIRST: Record = Record { owner: None, epoch: 0, counter: 0 };

    /// The record that follows this one.
    pub(super) fn followed_by(self, owner: Option<u8>, epoch: u64) -> Record {
        Record { owner, epoch, counter: self.counter.saturating_add(1) }
    }

    /// Where in the file the record belongs, in bytes.
    pub(super) fn offset(self) -> u64 {
        if self.counter.is_multiple_of(2) { 0 } else { PLACE as u64 }
    }

    /// Its text: lines, a checksum over them, and spaces up to the end of the place.
    pub(super) fn text(self) -> [u8; PLACE] {
        let owner = self.owner.map_or_else(|| "nobody".to_owned(), |node| node.to_string());
        let text = with_checksum(format!(
            "{TITLE}{VERSION}\nowner {owner}\nepoch {}\ncounter {}\n",
            self.epoch, self.counter
        ));
        let mut place = [b' '; PLACE];
        place[PLACE - 1] = b'\n';
        // The longest text, with every number at its largest, has 107 bytes.
        place[..text.len()].copy_from_slice(text.as_bytes());
        place
    }

    /// The record in a text that has a right title; none if it is not whole.
    fn of_text(place: &[u8]) -> Option<Record> {
        let text = std::str::from_utf8(place).ok()?;
        let mut lines = text.lines().skip(1);
        let mut value = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let owner = match value("owner")? {
            "nobody" => None,
            node => Some(node.parse().ok()?),
        };
        let epoch = value("epoch")?.parse().ok()?;
        let counter = value("counter")?.parse().ok()?;
        let record = Record { owner, epoch, counter };
        // One way of writing it is right: this compares the checksum, and all else too.
        (record.text() == place).then_some(record)
    }

    /// The newest whole record of a file.
    ///
    /// # Errors
    /// If there is none, or the file is not one that this version understands.
    pub(super) fn of_file(file: &[u8]) -> Result<Record, Unfit> {
        if file.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0) {
            return Err(Unfit::Blank);
        }
        if file.len() > FILE {
            return Err(Unfit::Foreign);
        }
        let mut newest: Option<Record> = None;
        for (number, place) in file.chunks(PLACE).enumerate() {
            check_title(place)?;
            let Some(record) = Record::of_text(place) else { continue };
            let belongs = record.offset() == (number * PLACE) as u64;
            if belongs && newest.is_none_or(|other| other.counter < record.counter) {
                newest = Some(record);
            }
        }
        newest.ok_or(Unfit::Torn)
    }

    /// The file of a witness that nobody has ever claimed.
    pub(super) fn first_file() -> Vec<u8> {
        let second = Record::FIRST.followed_by(None, 0);
        [Record::FIRST.text(), second.text()].concat()
    }
}

/// Refuses what is not ours or of another version. What was cut short passes: it has no whole
/// record anyway.
fn check_title(place: &[u8]) -> Result<(), Unfit> {
    let end = place.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let title = TITLE.as_bytes();
    let Some(rest) = place[..end].strip_prefix(title) else {
        return if title.starts_with(&place[..end]) { Ok(()) } else { Err(Unfit::Foreign) };
    };
    let Some(line) = rest.iter().position(|byte| *byte == b'\n') else { return Ok(()) };
    let version = String::from_utf8_lossy(&rest[..line.min(20)]);
    if version == VERSION { Ok(()) } else { Err(Unfit::Version(version.into_owned())) }
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
