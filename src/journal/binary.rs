//! The binary form: what other commands read.
//!
//! A file is the eight bytes `dagtwinJ`, a frame with the header, a frame for each record, and a
//! frame of length zero followed by the digest as eight bytes. A frame is its length as four bytes
//! (little endian) and that many bytes of postcard. A file that was cut off has every whole frame.

use super::Header;
use super::digest::Digest;
use super::record::Record;
use serde::de::DeserializeOwned;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use thiserror::Error;

const MAGIC: &[u8; 8] = b"dagtwinJ";
/// Longest frame: the header carries a whole topology.
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
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let mut reader = Frames { bytes: &bytes, at: 0 };
    if bytes.get(..MAGIC.len()) != Some(MAGIC) {
        return Err(ReadError::Codec { at_byte: 0, what: "this is no dagtwin journal".into() });
    }
    reader.at = MAGIC.len();
    let header: Header = match reader.next()? {
        Frame::Value(header) => header,
        Frame::End | Frame::Cut => {
            return Err(ReadError::Codec {
                at_byte: reader.at as u64,
                what: "the journal ends before its header".into(),
            });
        }
    };
    let mut records = Vec::new();
    let mut digest = Digest::default();
    loop {
        let at = reader.at as u64;
        match reader.next::<Record>()? {
            Frame::Value(record) => {
                digest.record(&record);
                records.push(record);
            }
            Frame::Cut => return Ok(Journal { header, records, cut_at: Some(at) }),
            Frame::End => {
                let written = reader.bytes.get(reader.at..reader.at + 8);
                let Some(written) = written else {
                    return Ok(Journal { header, records, cut_at: Some(at) });
                };
                if written != digest.bits().to_le_bytes() {
                    let what = "the digest is not that of the records".into();
                    return Err(ReadError::Codec { at_byte: at, what });
                }
                return Ok(Journal { header, records, cut_at: None });
            }
        }
    }
}

enum Frame<T> {
    Value(T),
    End,
    Cut,
}

struct Frames<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Frames<'_> {
    fn next<T: DeserializeOwned>(&mut self) -> Result<Frame<T>, ReadError> {
        let Some(length) = self.bytes.get(self.at..self.at + 4) else { return Ok(Frame::Cut) };
        let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
        if length == 0 {
            self.at += 4;
            return Ok(Frame::End);
        }
        let codec = |what: String| ReadError::Codec { at_byte: self.at as u64, what };
        if length > LONGEST_FRAME {
            return Err(codec(format!("a frame of {length} bytes")));
        }
        let from = self.at + 4;
        let Some(body) = self.bytes.get(from..from + length as usize) else {
            return Ok(Frame::Cut);
        };
        let value = postcard::from_bytes(body).map_err(|error| codec(error.to_string()))?;
        self.at = from + length as usize;
        Ok(Frame::Value(value))
    }
}
