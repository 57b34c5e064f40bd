//! Where a log on disk ends: its records are read from a known beginning of one up to the first
//! that is not whole. This is what PostgreSQL does when it repairs itself after a crash; here it
//! tells how much there is to fetch, to the byte, without a process and without touching the
//! data. The layout is that of PostgreSQL 15 (`xlogrecord.h`, `xlog_internal.h`).

use super::error::Error;
use super::position::{History, LOG_BYTES, Position, Timeline, file_name, history_name};
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Bytes of a page of the log.
const PAGE: u64 = 8192;
/// Marks a page of PostgreSQL 15's log (`XLOG_PAGE_MAGIC`).
const MAGIC: u16 = 0xD110;
/// A page header, and the longer one of a file's first page.
const SHORT_HEADER: u64 = 24;
const LONG_HEADER: u64 = 40;
/// A record's header.
const RECORD_HEADER: usize = 24;
/// Page flags: goes on with a record; replaces a record that was never finished.
const CONTINUES: u16 = 0x1;
const REPLACES: u16 = 0x8;

/// The log of a data directory, seen from one timeline.
pub(super) struct Log<'a> {
    directory: &'a Path,
    history: &'a History,
    /// The file that was read last.
    held: Option<(u64, Vec<u8>)>,
}

/// How the reading of one record ended.
enum Record {
    /// It is whole; the next begins here.
    Whole { end: Position },
    /// It was never finished and is replaced by one that begins here.
    Replaced { at: Position },
    /// The log ends before it.
    None,
}

impl<'a> Log<'a> {
    /// The log in a `pg_wal` directory.
    pub(super) fn new(directory: &'a Path, history: &'a History) -> Log<'a> {
        Log { directory, history, held: None }
    }

    /// Where the log ends that is read from `begin`, which must be the beginning of a record.
    /// It blocks: a log file of 1 MB each.
    ///
    /// # Errors
    /// `File` if a log file is there and cannot be read.
    pub(super) fn end(&mut self, begin: Position) -> Result<Position, Error> {
        let (mut at, mut previous) = (begin, None);
        loop {
            let Some(start) = self.skip_header(at)? else { return Ok(at) };
            match self.record(start, previous)? {
                Record::Whole { end } => (at, previous) = (end, Some(start)),
                Record::Replaced { at: instead } => (at, previous) = (instead, None),
                Record::None => return Ok(at),
            }
        }
    }

    /// The first position at or after `at` where a record can begin; none if no page is there.
    fn skip_header(&mut self, at: Position) -> Result<Option<Position>, Error> {
        if !at.0.is_multiple_of(PAGE) {
            return Ok(Some(at));
        }
        Ok(self.page(at)?.map(|page| Position(at.0 + page.header)))
    }

    fn record(&mut self, start: Position, previous: Option<Position>) -> Result<Record, Error> {
        let mut reader = Reader { log: self, at: start, left: u64::MAX };
        let mut header = [0; RECORD_HEADER];
        let first = match reader.read(&mut header[..4])? {
            Got::All => u32::from_ne_bytes([header[0], header[1], header[2], header[3]]),
            Got::Replaced(at) => return Ok(Record::Replaced { at }),
            Got::None => return Ok(Record::None),
        };
        if (first as usize) < RECORD_HEADER {
            return Ok(Record::None);
        }
        reader.left = u64::from(first) - 4;
        match reader.read(&mut header[4..])? {
            Got::All => {}
            Got::Replaced(at) => return Ok(Record::Replaced { at }),
            Got::None => return Ok(Record::None),
        }
        let number = |at: usize| u64::from_ne_bytes(header[at..at + 8].try_into().expect("8"));
        let checksum = u32::from_ne_bytes(header[20..24].try_into().expect("4"));
        let before = Position(number(8));
        if previous.map_or(before >= start, |previous| before != previous) {
            return Ok(Record::None);
        }
        let mut sum = 0;
        let mut piece = [0; 4096];
        while reader.left > 0 {
            let length = piece.len().min(usize::try_from(reader.left).unwrap_or(usize::MAX));
            match reader.read(&mut piece[..length])? {
                Got::All => sum = crc32c::crc32c_append(sum, &piece[..length]),
                Got::Replaced(at) => return Ok(Record::Replaced { at }),
                Got::None => return Ok(Record::None),
            }
        }
        if crc32c::crc32c_append(sum, &header[..20]) != checksum {
            return Ok(Record::None);
        }
        let mut end = reader.at.0.next_multiple_of(8);
        // A switch to the next log file: resource manager 0, kind 0x40.
        if header[17] == 0 && header[16] & 0xF0 == 0x40 {
            end = end.next_multiple_of(LOG_BYTES);
        }
        Ok(Record::Whole { end: Position(end) })
    }

    /// The page that begins at a position, if it is what it claims to be.
    fn page(&mut self, at: Position) -> Result<Option<Page>, Error> {
        let Some(bytes) = self.file(at.file())? else { return Ok(None) };
        let begin = at.offset();
        let Some(head) = bytes.get(begin..begin + LONG_HEADER as usize) else { return Ok(None) };
        let flags = u16::from_ne_bytes([head[2], head[3]]);
        let address = u64::from_ne_bytes(head[8..16].try_into().expect("8"));
        let is = u16::from_ne_bytes([head[0], head[1]]) == MAGIC && address == at.0;
        let header = if begin == 0 { LONG_HEADER } else { SHORT_HEADER };
        let remaining = u32::from_ne_bytes(head[16..20].try_into().expect("4"));
        Ok(is.then_some(Page { flags, header, remaining: u64::from(remaining) }))
    }

    fn file(&mut self, number: u64) -> Result<Option<&[u8]>, Error> {
        if self.held.as_ref().is_none_or(|(held, _)| *held != number) {
            let found = read_newest(self.directory, self.history, number)?;
            self.held = found.map(|bytes| (number, bytes));
        }
        Ok(self.held.as_ref().map(|(_, bytes)| bytes.as_slice()))
    }
}

struct Page {
    flags: u16,
    header: u64,
    remaining: u64,
}

enum Got {
    All,
    Replaced(Position),
    None,
}

/// Reads a record's bytes over the pages that it lies on.
struct Reader<'l, 'a> {
    log: &'l mut Log<'a>,
    at: Position,
    /// Bytes of the record that are still to come.
    left: u64,
}

impl Reader<'_, '_> {
    fn read(&mut self, mut into: &mut [u8]) -> Result<Got, Error> {
        while !into.is_empty() {
            if self.at.0.is_multiple_of(PAGE) {
                let Some(page) = self.log.page(self.at)? else { return Ok(Got::None) };
                let begin = Position(self.at.0 + page.header);
                if page.flags & REPLACES != 0 {
                    return Ok(Got::Replaced(begin));
                }
                if page.flags & CONTINUES == 0 || page.remaining != self.left {
                    return Ok(Got::None);
                }
                self.at = begin;
            }
            let in_page = (PAGE - self.at.0 % PAGE) as usize;
            let length = in_page.min(into.len());
            let offset = self.at.offset();
            let file = self.log.file(self.at.file())?;
            let Some(bytes) = file.and_then(|bytes| bytes.get(offset..offset + length)) else {
                return Ok(Got::None);
            };
            into[..length].copy_from_slice(bytes);
            into = &mut into[length..];
            self.at = Position(self.at.0 + length as u64);
            self.left = self.left.saturating_sub(length as u64);
        }
        Ok(Got::All)
    }
}

/// A log file from the newest timeline that has it. A file that is too short, as a full disk
/// leaves it, is filled up with zeros: what is in it counts, and nothing follows.
pub(super) fn read_newest(
    directory: &Path,
    history: &History,
    number: u64,
) -> Result<Option<Vec<u8>>, Error> {
    for timeline in history.candidates(number) {
        if let Some(mut bytes) = read_file(&directory.join(file_name(timeline, number)))? {
            bytes.resize(LOG_BYTES as usize, 0);
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// A file of at most 1 MB, none if it is not there. Links are not followed: the agent may be
/// root, and the directory is another user's.
pub(super) fn read_file(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let open = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = match open {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("open", path, error)),
    };
    read_bounded(&file).map(Some).map_err(|error| Error::file("read", path, error))
}

fn read_bounded(file: &File) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::with_capacity(LOG_BYTES as usize);
    file.take(LOG_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The history of a timeline, from its file in `pg_wal`. The first one has none.
///
/// # Errors
/// `File` or `Content`; also if the file is not there.
pub(super) fn read_history(directory: &Path, timeline: u32) -> Result<History, Error> {
    if timeline <= 1 {
        return Ok(History { timeline, left: Vec::new() });
    }
    let path = directory.join(history_name(timeline));
    let bytes = read_file(&path)?
        .ok_or_else(|| Error::file("open", &path, io::ErrorKind::NotFound.into()))?;
    History::parse(timeline, &String::from_utf8_lossy(&bytes))
}

/// The timeline that a passive copy is on, which has log up to `have`. Its control file is behind:
/// it has the one of its last restart point (`known`). The newest one counts that goes on from
/// there and whose log is here, or in which the one whose log is here was left no earlier than
/// that.
///
/// # Errors
/// `File` or `Content`.
pub(super) fn newest_history(
    directory: &Path,
    known: Timeline,
    have: Position,
) -> Result<History, Error> {
    let known = read_history(directory, known)?;
    let last = Position(have.0.saturating_sub(1)).file();
    // What the log that is here is of; the newest may only go on from there.
    let mut here = known.clone();
    let mut newest = known.clone();
    for timeline in known.timeline + 1.. {
        let path = directory.join(history_name(timeline));
        let Some(bytes) = read_file(&path)? else { break };
        let history = History::parse(timeline, &String::from_utf8_lossy(&bytes))?;
        if !history.goes_on_from(&known) {
            continue;
        }
        if directory.join(file_name(timeline, last)).exists() {
            here = history.clone();
            newest = history;
        } else if history.goes_on_from(&here)
            && history.shared(here.timeline).is_some_and(|left| have <= left)
        {
            newest = history;
        }
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Writes a log as the server does.
    struct Writer {
        bytes: Vec<u8>,
        first: u64,
        previous: u64,
    }

    impl Writer {
        fn new(first: u64) -> Writer {
            Writer { bytes: Vec::new(), first, previous: 0 }
        }
        fn at(&self) -> u64 {
            self.first * LOG_BYTES + self.bytes.len() as u64
        }
        fn page(&mut self, remaining: u32, flags: u16) {
            let at = self.at();
            let long = at.is_multiple_of(LOG_BYTES);
            self.bytes.extend(MAGIC.to_ne_bytes());
            self.bytes.extend((flags | if long { 2 } else { 0 }).to_ne_bytes());
            self.bytes.extend(1_u32.to_ne_bytes());
            self.bytes.extend(at.to_ne_bytes());
            self.bytes.extend(remaining.to_ne_bytes());
            self.bytes.extend([0; 4]);
            if long {
                self.bytes.extend([0; 16]);
            }
        }
        /// A record with so much in it; where it begins and the next may begin.
        fn record(&mut self, payload: usize, info: u8) -> (u64, u64) {
            if self.at().is_multiple_of(PAGE) {
                self.page(0, 0);
            }
            let start = self.at();
            let mut record = Vec::new();
            record.extend(((RECORD_HEADER + payload) as u32).to_ne_bytes());
            record.extend([0; 4]);
            record.extend(self.previous.to_ne_bytes());
            record.extend([info, 0, 0, 0]);
            let body: Vec<u8> = (0..payload).map(|n| n as u8).collect();
            let sum = crc32c::crc32c_append(crc32c::crc32c(&body), &record);
            record.extend(sum.to_ne_bytes());
            record.extend(body);
            let mut rest = record.as_slice();
            while !rest.is_empty() {
                if self.at().is_multiple_of(PAGE) {
                    self.page(rest.len() as u32, CONTINUES);
                }
                let length = rest.len().min((PAGE - self.at() % PAGE) as usize);
                self.bytes.extend(&rest[..length]);
                rest = &rest[length..];
            }
            self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
            self.previous = start;
            (start, self.at())
        }
        /// Puts it on disk: whole files, with what a recycled one has after the end.
        fn store(&self, timeline: Timeline, rest: u8) -> Directory {
            let directory = Directory::new();
            for (n, piece) in self.bytes.chunks(LOG_BYTES as usize).enumerate() {
                let mut piece = piece.to_vec();
                piece.resize(LOG_BYTES as usize, rest);
                let name = file_name(timeline, self.first + n as u64);
                std::fs::write(directory.0.join(name), piece).expect("a file");
            }
            directory
        }
    }

    struct Directory(PathBuf);

    impl Directory {
        fn new() -> Directory {
            let mut random = [0; 8];
            getrandom::fill(&mut random).expect("random bytes");
            let name = format!("dagtwin-wal-{:x}", u64::from_ne_bytes(random));
            let path = std::env::temp_dir().join(name);
            std::fs::create_dir(&path).expect("a directory");
            Directory(path)
        }
        fn end(&self, begin: u64) -> u64 {
            let history = History { timeline: 1, left: Vec::new() };
            Log::new(&self.0, &history).end(Position(begin)).expect("readable").0
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_log_ends_after_its_last_whole_record() {
        let mut writer = Writer::new(3);
        let (begin, _) = writer.record(10, 0);
        let mut records = Vec::new();
        // Over pages, over files, and headers that are cut by a page's end.
        for n in 0..3000 {
            records.push(writer.record(n % 1500, 0));
        }
        records.push(writer.record(2_500_000, 0));
        records.push(writer.record(33, 0));
        let end = writer.at();
        for rest in [0, 0xAA] {
            let directory = writer.store(1, rest);
            assert_eq!(directory.end(begin), end);
            assert_eq!(directory.end(records[1000].0), end, "from a record in the middle");
            assert_eq!(directory.end(end), end, "from its end");
        }
    }

    #[test]
    fn a_damaged_or_cut_record_ends_it() {
        let mut writer = Writer::new(1);
        let (begin, _) = writer.record(10, 0);
        let records: Vec<_> = (0..60).map(|n| writer.record(n * 7 % 9000, 0)).collect();
        for &(start, next) in records.iter().step_by(5) {
            let mut damaged = Writer { bytes: writer.bytes.clone(), ..Writer::new(1) };
            damaged.bytes[(start - LOG_BYTES) as usize] ^= 8;
            let end = damaged.store(1, 0).end(begin);
            assert!(end <= start && start - end <= LONG_HEADER, "{end:x} of {start:x}");
            // Cut in its middle, and what a recycled file has there.
            let middle = (start + (next - start) / 2 - LOG_BYTES) as usize;
            damaged.bytes = writer.bytes[..middle].to_vec();
            let end = damaged.store(1, 0xAA).end(begin);
            assert!(end <= start && start - end <= LONG_HEADER, "{end:x} of {start:x}");
        }
    }

    #[test]
    fn a_switch_ends_its_file_and_a_short_file_counts_as_far_as_it_goes() {
        let mut writer = Writer::new(1);
        let (begin, _) = writer.record(10, 0);
        let (switch, _) = writer.record(0, 0x40);
        writer.bytes.resize(LOG_BYTES as usize, 0);
        let (last, end) = writer.record(50, 0);
        assert_eq!(writer.store(1, 0).end(begin), end);
        let directory = writer.store(1, 0);
        let path = directory.0.join(file_name(1, 2));
        std::fs::write(&path, &writer.bytes[LOG_BYTES as usize..]).expect("a short file");
        assert_eq!(directory.end(begin), end);
        std::fs::write(&path, [0; 100]).expect("a short file");
        assert_eq!(directory.end(begin), 2 * LOG_BYTES, "before {last:x}");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(directory.end(begin), 2 * LOG_BYTES, "after {switch:x}");
    }

    #[test]
    fn the_timeline_of_a_passive_copy_is_the_newest_that_has_its_log() {
        let directory = Directory::new();
        let at = |mb: u64| Position(mb * LOG_BYTES);
        let write = |name: String, text: &str| {
            std::fs::write(directory.0.join(name), text).expect("a file");
        };
        let found = |have| newest_history(&directory.0, 1, have).expect("a history").timeline;
        assert_eq!(found(at(9)), 1);
        write(history_name(2), "1\t0/500000\tx\n");
        write(history_name(4), "1\t0/500000\tx\n2\t0/600000\ty\n");
        assert_eq!(found(at(5)), 2, "it can go on there");
        assert_eq!(found(at(6)), 1, "it has gone on elsewhere");
        write(file_name(2, 5), "");
        assert_eq!(found(at(6)), 2, "its log is here");
        write(history_name(3), "2\t0/700000\tx\n");
        assert_eq!(found(at(6)), 4, "another one's history is passed over");
    }

    #[test]
    fn links_are_not_followed() {
        let directory = Directory::new();
        let link = directory.0.join(file_name(1, 1));
        std::os::unix::fs::symlink("/etc/passwd", &link).expect("a link");
        assert!(read_file(&link).is_err());
        assert!(read_file(&directory.0.join(file_name(1, 2))).expect("no error").is_none());
    }
}
