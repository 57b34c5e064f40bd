//! Reads the binary form as it comes: from a whole file or from one that grows.

use super::{LONGEST_FRAME, MAGIC, ReadError};
use crate::journal::Header;
use crate::journal::digest::{Digest, hash_of};
use crate::journal::record::Record;
use serde::de::DeserializeOwned;
use std::io::{self, Read};

/// How many bytes are asked for at a time.
const CHUNK: usize = 1 << 20;

/// A journal that is read part by part. It is given bytes as they come and decodes every whole
/// frame; what is there of the next one waits for the rest.
#[derive(Debug, Default)]
pub struct Reader {
    /// Bytes that are not decoded yet, behind some that are.
    bytes: Vec<u8>,
    /// How many of them are decoded.
    done: usize,
    /// Where in the journal `bytes` begins.
    at: u64,
    part: Part,
    header: Option<Header>,
    digest: Digest,
    /// Records so far.
    count: usize,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Part {
    #[default]
    Magic,
    Header,
    Records,
    /// Nothing: it has ended.
    End,
}

impl Reader {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.drop_done();
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes the next bytes from a file; zero if it has none at the moment.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read_from(&mut self, input: &mut dyn Read) -> io::Result<usize> {
        self.drop_done();
        let before = self.bytes.len();
        self.bytes.resize(before + CHUNK, 0);
        let taken = loop {
            match input.read(&mut self.bytes[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                taken => break taken,
            }
        };
        self.bytes.truncate(before + *taken.as_ref().unwrap_or(&0));
        taken
    }

    /// Decodes every whole frame and appends its record. After an error the records before it
    /// are there; nothing more can be read.
    ///
    /// # Errors
    /// If what is there is no journal, or a damaged one.
    pub fn decode(&mut self, records: &mut Vec<Record>) -> Result<(), ReadError> {
        while match self.part {
            Part::Magic => self.magic()?,
            Part::Header => self.header_frame()?,
            Part::Records => self.record(records)?,
            Part::End if self.done < self.bytes.len() => {
                return Err(wrong(self.place(), "something follows the end of the journal"));
            }
            Part::End => false,
        } {}
        Ok(())
    }

    /// The header, once it is there.
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Whether the end was read: nothing more comes.
    pub fn has_ended(&self) -> bool {
        self.part == Part::End
    }

    /// Where in the journal the first byte is that is not decoded.
    pub fn place(&self) -> u64 {
        self.at + self.done as u64
    }

    /// The digest of the records so far.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// There are no more bytes: the header, and where the journal was cut off, if it was.
    ///
    /// # Errors
    /// If not even the header is there.
    pub fn finish(self) -> Result<(Header, Option<u64>), ReadError> {
        let at = self.place();
        let cut_at = (self.part != Part::End).then_some(at);
        if self.part == Part::Magic {
            return Err(wrong(0, "this is no dagtwin journal"));
        }
        let whole = self.frame().is_ok_and(|body| body.is_some());
        self.header.map(|header| (header, cut_at)).ok_or_else(|| match whole {
            true => wrong(at, "the journal ends within its header"),
            false => wrong(at, "the journal ends before its header"),
        })
    }

    fn drop_done(&mut self) {
        self.at += self.done as u64;
        self.bytes.drain(..self.done);
        self.done = 0;
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.done..]
    }

    fn magic(&mut self) -> Result<bool, ReadError> {
        let there = self.rest().len().min(MAGIC.len());
        if self.rest()[..there] != MAGIC[..there] {
            return Err(wrong(0, "this is no dagtwin journal"));
        }
        let whole = there == MAGIC.len();
        if whole {
            self.done += there;
            self.part = Part::Header;
        }
        Ok(whole)
    }

    /// The body of the next frame, if all of it is there.
    fn frame(&self) -> Result<Option<&[u8]>, ReadError> {
        let Some((length, rest)) = self.rest().split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length);
        if length > LONGEST_FRAME {
            return Err(wrong(self.place(), &format!("a frame of {length} bytes")));
        }
        Ok(rest.get(..length as usize))
    }

    fn header_frame(&mut self) -> Result<bool, ReadError> {
        let at = self.place();
        let Some(body) = self.frame()? else { return Ok(false) };
        if body.is_empty() {
            return Err(wrong(at, "the journal ends before its header"));
        }
        // The format stands first, so that a journal of another one is told as such.
        if let Ok((format, _)) = postcard::take_from_bytes::<u16>(body)
            && format != Header::FORMAT
        {
            let expected = Header::FORMAT;
            let what =
                format!("a journal of format {format}; this program reads format {expected}");
            return Err(wrong(at, &what));
        }
        let length = 4 + body.len();
        let Some(hash) = self.rest()[length..].first_chunk::<8>() else { return Ok(false) };
        if u64::from_le_bytes(*hash) != hash_of(body) {
            return Err(wrong(at, "the header is damaged: its hash is another"));
        }
        self.header = Some(decoded(at, body)?);
        self.done += length + 8;
        self.part = Part::Records;
        Ok(true)
    }

    fn record(&mut self, records: &mut Vec<Record>) -> Result<bool, ReadError> {
        let at = self.place();
        let Some(body) = self.frame()? else { return Ok(false) };
        if body.is_empty() {
            return self.end(at);
        }
        let record: Record = decoded(at, body)?;
        if record.cause.is_some_and(|cause| cause.0 as usize >= self.count) {
            return Err(wrong(at, "a record names one that is not earlier as its cause"));
        }
        let (mut digest, length) = (self.digest, 4 + body.len());
        digest.encoded(body);
        self.digest = digest;
        self.done += length;
        self.count += 1;
        records.push(record);
        Ok(true)
    }

    /// The frame of length zero and the digest after it.
    fn end(&mut self, at: u64) -> Result<bool, ReadError> {
        let Some(digest) = self.rest()[4..].first_chunk::<8>() else { return Ok(false) };
        if u64::from_le_bytes(*digest) != self.digest.bits() {
            return Err(wrong(at, "the digest is not that of the records"));
        }
        self.done += 4 + 8;
        self.part = Part::End;
        Ok(true)
    }
}

fn wrong(at_byte: u64, what: &str) -> ReadError {
    ReadError::Codec { at_byte, what: what.to_owned() }
}

fn decoded<T: DeserializeOwned>(at: u64, body: &[u8]) -> Result<T, ReadError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(wrong(at, &format!("a frame with {} bytes too many", rest.len()))),
        Err(error) => Err(wrong(at, &format!("a frame that cannot be decoded: {error}"))),
    }
}
