//! Journals as commands read and write them.

use super::failure::{Failure, plain};
use crate::journal::binary::{self, Journal, ReadError};
use crate::journal::{Header, Record, text};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Reads a journal; notes on standard error that it was cut off, if it was.
pub(super) fn read(path: &Path) -> Result<Journal, Failure> {
    let (name, journal) = (path.display(), whole_records(path)?);
    if let Some(byte) = journal.cut_at {
        let kept = journal.records.len();
        super::note(&format!("{name} was cut off at byte {byte}; {kept} records are whole"));
    }
    for broken in journal.header.capsule.iter().flat_map(|capsule| &capsule.broken) {
        let (promise, at, why) = (&broken.promise, broken.at, &broken.why);
        super::note(&format!("{name} was kept because it breaks {promise} at {at}: {why}"));
    }
    Ok(journal)
}

/// Reads what is whole of a journal, such as that of an agent that runs.
pub(super) fn whole_records(path: &Path) -> Result<Journal, Failure> {
    let name = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Failure::Call(format!(
                "{name}: expected a journal; there is no such file"
            )));
        }
        Err(error) => return Err(Failure::at(path, &error)),
    };
    binary::read(&mut BufReader::new(file)).map_err(|error| match error {
        ReadError::Io(error) if error.kind() == io::ErrorKind::IsADirectory => {
            Failure::Call(format!("{name}: expected a journal; this is a folder"))
        }
        ReadError::Io(error) => Failure::at(path, &error),
        ReadError::Codec { .. } => Failure::Call(format!("{name}: expected a journal; {error}")),
    })
}

/// Whether a file is a journal, by its name or by how it begins; from a pipe nothing is taken.
pub(super) fn is_one(path: &Path) -> bool {
    let named = path.extension().is_some_and(|ending| ending == "dagtwin");
    let begins = || {
        let mut start = [0; binary::MAGIC.len()];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
        read.is_ok() && start == *binary::MAGIC
    };
    named || path.is_file() && begins()
}

/// Writes a journal that `--journal` asked for, as text if the name ends in `.txt`.
pub(super) fn write(path: &Path, header: &Header, records: &[Record]) -> Result<(), Failure> {
    written(path, header, records).map_err(|error| {
        Failure::Machine(format!("--journal {}: {}", path.display(), plain(&error)))
    })
}

/// Writes a journal, as text if the name ends in `.txt`.
pub(super) fn written(path: &Path, header: &Header, records: &[Record]) -> io::Result<()> {
    let as_text = path.extension().is_some_and(|ending| ending == "txt");
    binary::write_file(path, |out| match as_text {
        true => text::write(out, header, records),
        false => binary::write(out, header, records),
    })
}
