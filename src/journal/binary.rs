//! The binary form: what other commands read.
//!
//! A file is the eight bytes `dagtwinJ`, a frame with the header, eight bytes with the header's
//! hash, a frame for each record, and a frame of length zero followed by the digest as eight bytes.
//! A frame is its length as four bytes and that many bytes of postcard; numbers of a fixed length
//! are little endian. A file that was cut off has every whole frame. docs/JOURNAL.md says more.

mod reader;

pub use reader::Reader;

use super::Header;
use super::digest::{Digest, hash_of};
use super::record::Record;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use thiserror::Error;

/// The first bytes of a journal.
pub const MAGIC: &[u8; 8] = b"dagtwinJ";
/// Longest frame: the header carries a whole topology, a record a whole cluster database.
const LONGEST_FRAME: u32 = 64 << 20;

/// A journal as it was read.
#[derive(Clone, Debug)]
pub struct Journal {
    /// What the run was.
    pub header: Header,
    /// Its records.
    pub records: Vec<Record>,
    /// Where the file was cut off, if it was: the records before are all there.
    pub cut_at: Option<u64>,
}

/// What can be wrong with a journal file.
#[derive(Error, Debug)]
pub enum ReadError {
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is no journal, or one of another version.
    #[error("byte {at_byte}: {what}")]
    Codec {
        /// Where.
        at_byte: u64,
        /// What is wrong there.
        what: String,
    },
}

/// Writes a journal as it grows: the header first, then records, then the end.
pub struct Writer<W: Write> {
    out: W,
    buffer: Vec<u8>,
    digest: Digest,
}

impl<W: Write> Writer<W> {
    /// Begins a journal.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn new(mut out: W, header: &Header) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        let mut buffer = Vec::new();
        frame(&mut out, &mut buffer, header)?;
        out.write_all(&hash_of(&buffer).to_le_bytes())?;
        Ok(Writer { out, buffer, digest: Digest::default() })
    }

    /// Appends records.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn append(&mut self, records: &[Record]) -> io::Result<()> {
        for record in records {
            frame(&mut self.out, &mut self.buffer, record)?;
            self.digest.encoded(&self.buffer);
        }
        Ok(())
    }

    /// Has readers see what was appended.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes the end with the digest, which it returns; nothing follows.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn finish(mut self) -> io::Result<Digest> {
        self.out.write_all(&0u32.to_le_bytes())?;
        self.out.write_all(&self.digest.bits().to_le_bytes())?;
        self.out.flush()?;
        Ok(self.digest)
    }
}

/// Writes a journal.
///
/// # Errors
/// If the writer fails.
pub fn write(out: &mut dyn Write, header: &Header, records: &[Record]) -> io::Result<()> {
    let mut writer = Writer::new(BufWriter::with_capacity(1 << 16, out), header)?;
    writer.append(records)?;
    writer.finish().map(drop)
}

fn frame<T: serde::Serialize>(
    out: &mut impl Write,
    buffer: &mut Vec<u8>,
    value: &T,
) -> io::Result<()> {
    buffer.clear();
    let taken = std::mem::take(buffer);
    *buffer = postcard::to_extend(value, taken).map_err(io::Error::other)?;
    let length = u32::try_from(buffer.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(buffer)
}

/// Writes a journal to a file: first under another name beside it, so that a failure leaves
/// nothing half written.
///
/// # Errors
/// If the file cannot be written.
pub fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
    }
    if path.exists() && !path.is_file() {
        // A device or a pipe is written to; another file may not take its place.
        let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
        write(&mut file)?;
        return file.flush();
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = std::fs::File::create(&part).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    });
    if written.is_err() {
        // What could not be finished is of no use to anybody.
        let _ = std::fs::remove_file(&part);
    }
    written
}

/// Reads a journal.
///
/// # Errors
/// If it cannot be read or is no journal. A file that ends early is no error.
pub fn read(input: &mut dyn Read) -> Result<Journal, ReadError> {
    let (mut reader, mut records) = (Reader::default(), Vec::new());
    while reader.read_from(input)? > 0 {
        reader.decode(&mut records)?;
    }
    let (header, cut_at) = reader.finish()?;
    Ok(Journal { header, records, cut_at })
}

/// Reads a journal from a file.
///
/// # Errors
/// As for [`read`].
pub fn read_file(path: &Path) -> Result<Journal, ReadError> {
    read(&mut std::fs::File::open(path)?)
}
