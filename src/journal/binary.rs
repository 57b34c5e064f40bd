//! The binary form: what other commands read.
//!
//! A file is the eight bytes `dagtwinJ`, a frame with the header, eight bytes with the header's
//! hash, a frame for each record, and a frame of length zero followed by the digest as eight bytes.
//! A frame is its length as four bytes and that many bytes of postcard; numbers of a fixed length
//! are little endian. A file that was cut off has every whole frame. docs/JOURNAL.md says more.

use super::Header;
use super::digest::{Digest, hash_of};
use super::record::Record;
use serde::de::DeserializeOwned;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use thiserror::Error;

const MAGIC: &[u8; 8] = b"dagtwinJ";
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

/// Writes a journal.
///
/// # Errors
/// If the writer fails.
pub fn write(out: &mut dyn Write, header: &Header, records: &[Record]) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    out.write_all(MAGIC)?;
    let mut buffer = Vec::new();
    frame(&mut out, &mut buffer, header)?;
    out.write_all(&hash_of(&buffer).to_le_bytes())?;
    let mut digest = Digest::default();
    for record in records {
        frame(&mut out, &mut buffer, record)?;
        digest.record(record);
    }
    out.write_all(&0u32.to_le_bytes())?;
    out.write_all(&digest.bits().to_le_bytes())?;
    out.flush()
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
    let mut file = File { input: BufReader::new(input), at: 0, buffer: Vec::new() };
    if !file.fill(MAGIC.len() as u64)? || file.buffer != MAGIC {
        return Err(wrong(0, "this is no dagtwin journal"));
    }
    let header = header(&mut file)?;
    let mut records: Vec<Record> = Vec::new();
    let mut digest = Digest::default();
    loop {
        let at = file.at;
        match file.frame()? {
            Frame::Body => {
                let record: Record = decode(at, &file.buffer)?;
                if record.cause.is_some_and(|cause| cause.0 as usize >= records.len()) {
                    return Err(wrong(at, "a record names one that is not earlier as its cause"));
                }
                digest.record(&record);
                records.push(record);
            }
            Frame::Cut => return Ok(Journal { header, records, cut_at: Some(at) }),
            Frame::End => {
                if !file.fill(8)? {
                    return Ok(Journal { header, records, cut_at: Some(at) });
                }
                if file.buffer != digest.bits().to_le_bytes() {
                    return Err(wrong(at, "the digest is not that of the records"));
                }
                let end = file.at;
                if file.fill(1)? {
                    return Err(wrong(end, "something follows the end of the journal"));
                }
                return Ok(Journal { header, records, cut_at: None });
            }
        }
    }
}

/// Reads a journal from a file.
///
/// # Errors
/// As for [`read`].
pub fn read_file(path: &Path) -> Result<Journal, ReadError> {
    read(&mut std::fs::File::open(path)?)
}

fn header(file: &mut File<'_>) -> Result<Header, ReadError> {
    let at = file.at;
    match file.frame()? {
        Frame::Body => {}
        Frame::End | Frame::Cut => return Err(wrong(at, "the journal ends before its header")),
    }
    // The format stands first, so that a journal of another one is told as such.
    if let Ok((format, _)) = postcard::take_from_bytes::<u16>(&file.buffer)
        && format != Header::FORMAT
    {
        let expected = Header::FORMAT;
        let what = format!("a journal of format {format}; this program reads format {expected}");
        return Err(wrong(at, &what));
    }
    let hash = hash_of(&file.buffer);
    let header = decode(at, &file.buffer);
    let end = file.at;
    if !file.fill(8)? {
        return Err(wrong(end, "the journal ends within its header"));
    }
    if file.buffer != hash.to_le_bytes() {
        return Err(wrong(at, "the header is damaged: its hash is another"));
    }
    header
}

fn wrong(at_byte: u64, what: &str) -> ReadError {
    ReadError::Codec { at_byte, what: what.to_owned() }
}

fn decode<T: DeserializeOwned>(at: u64, body: &[u8]) -> Result<T, ReadError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(wrong(at, &format!("a frame with {} bytes too many", rest.len()))),
        Err(error) => Err(wrong(at, &format!("a frame that cannot be decoded: {error}"))),
    }
}

/// What stands at a place in the file.
enum Frame {
    /// A frame; its body is in the buffer.
    Body,
    /// The frame of length zero.
    End,
    /// The file ends here or within the frame.
    Cut,
}

/// A file that is read from its beginning to its end.
struct File<'r> {
    input: BufReader<&'r mut dyn Read>,
    /// Bytes taken so far.
    at: u64,
    /// What was taken last.
    buffer: Vec<u8>,
}

impl File<'_> {
    /// Takes as many bytes into the buffer; false if the file ends before. The buffer grows with
    /// what is really there, not with what a length claims.
    fn fill(&mut self, length: u64) -> io::Result<bool> {
        self.buffer.clear();
        let taken = self.input.by_ref().take(length).read_to_end(&mut self.buffer)? as u64;
        self.at += taken;
        Ok(taken == length)
    }

    fn frame(&mut self) -> Result<Frame, ReadError> {
        let at = self.at;
        if !self.fill(4)? {
            return Ok(Frame::Cut);
        }
        let length = self.buffer.iter().rev().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        if length == 0 {
            return Ok(Frame::End);
        }
        if length > LONGEST_FRAME {
            return Err(wrong(at, &format!("a frame of {length} bytes")));
        }
        Ok(if self.fill(length.into())? { Frame::Body } else { Frame::Cut })
    }
}
