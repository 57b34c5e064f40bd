//! Places in the log: positions in bytes, logs of 1 MB, timelines and their history.

use super::error::Error;
use core::fmt;
use core::str::FromStr;

/// Bytes of one log: `initdb --wal-segsize=1` (linux-ha.md §9), Exchange's log file size
/// (exchange.md §2.1).
pub const LOG_BYTES: u64 = 1 << 20;
/// Logs per four gigabytes: how PostgreSQL splits a log's number in its file name.
const LOGS_PER_PART: u64 = (1 << 32) / LOG_BYTES;

/// A position in the log, in bytes since its beginning; written as PostgreSQL writes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Position(pub u64);

/// A timeline: one more with each activation (linux-ha.md §9, activation number).
pub type Timeline = u32;

impl Position {
    /// The number of the log file (segment) that the byte at this position is in, from 0.
    pub fn file(self) -> u64 {
        self.0 / LOG_BYTES
    }

    /// The generation of the last log that exists if the log ends here: one that has begun
    /// counts.
    pub fn generation(self) -> u64 {
        self.0.div_ceil(LOG_BYTES)
    }

    /// Offset in its log file.
    pub(super) fn offset(self) -> usize {
        (self.0 % LOG_BYTES) as usize
    }

    /// Where a log file begins.
    pub(super) fn of_file(file: u64) -> Position {
        Position(file * LOG_BYTES)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl FromStr for Position {
    type Err = Error;

    fn from_str(text: &str) -> Result<Position, Error> {
        let wrong = || Error::Content {
            path: "log position".to_owned(),
            found: text.chars().take(40).collect(),
            expected: "two hexadecimal numbers, as in 0/16B3748",
        };
        let (high, low) = text.split_once('/').ok_or_else(wrong)?;
        let high = u32::from_str_radix(high, 16).map_err(|_| wrong())?;
        let low = u32::from_str_radix(low, 16).map_err(|_| wrong())?;
        Ok(Position(u64::from(high) << 32 | u64::from(low)))
    }
}

/// How many logs are missing of a log that ends at `end`, if it is here up to `have`. One that is
/// here in part is missing: with a single byte missing the answer is 1, so that a Lossless dial
/// (exchange.md §1.7) never lets a byte go.
pub fn logs_missing(have: Position, end: Position) -> u64 {
    if have >= end { 0 } else { end.generation() - have.file() }
}

/// The highest generation that is here as a whole, of a log that ends at `end`.
pub(super) fn generation_here(have: Position, end: Position) -> u64 {
    if have >= end { have.generation() } else { have.file() }
}

/// The name of a log file in `pg_wal`.
pub(super) fn file_name(timeline: Timeline, file: u64) -> String {
    format!("{timeline:08X}{:08X}{:08X}", file / LOGS_PER_PART, file % LOGS_PER_PART)
}

/// The timeline and number of a log file, from its name; none for anything else, also for
/// `.partial` and compressed ones.
pub(super) fn parse_file_name(name: &str) -> Option<(Timeline, u64)> {
    let plain = name.len() == 24 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
    let number = |range| u64::from_str_radix(name.get(range)?, 16).ok();
    if !plain {
        return None;
    }
    let (timeline, part, low) = (number(0..8)?, number(8..16)?, number(16..24)?);
    (timeline > 0 && low < LOGS_PER_PART)
        .then_some((u32::try_from(timeline).ok()?, part * LOGS_PER_PART + low))
}

/// The name of a timeline's history file in `pg_wal`.
pub(super) fn history_name(timeline: Timeline) -> String {
    format!("{timeline:08X}.history")
}

/// Where a timeline comes from: its ancestors, oldest first, with the position at which each was
/// left.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct History {
    /// The timeline itself.
    pub(super) timeline: Timeline,
    /// Its ancestors and where they were left.
    pub(super) left: Vec<(Timeline, Position)>,
}

impl History {
    /// Reads a history file.
    ///
    /// # Errors
    /// `Content` if it is none.
    pub(super) fn parse(timeline: Timeline, text: &str) -> Result<History, Error> {
        let mut left = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line.starts_with('#') {
                continue;
            }
            let mut words = line.split_ascii_whitespace();
            let ancestor = words.next().and_then(|word| word.parse::<Timeline>().ok());
            let (Some(ancestor), Some(at)) = (ancestor, words.next()) else {
                return Err(Error::Content {
                    path: history_name(timeline),
                    found: line.chars().take(80).collect(),
                    expected: "a timeline and the position where it was left",
                });
            };
            left.push((ancestor, at.parse()?));
        }
        Ok(History { timeline, left })
    }

    /// Up to where a log of another timeline is part of this one: to no end for itself, to
    /// where it was left for an ancestor, none for a stranger.
    pub(super) fn shared(&self, timeline: Timeline) -> Option<Position> {
        if timeline == self.timeline {
            return Some(Position(u64::MAX));
        }
        self.left.iter().find(|(ancestor, _)| *ancestor == timeline).map(|(_, at)| *at)
    }

    /// Whether this is, or goes on from, exactly that timeline: the same number alone does not
    /// make it the same.
    pub(super) fn goes_on_from(&self, other: &History) -> bool {
        let ancestors = if other.timeline == self.timeline {
            Some(self.left.len())
        } else {
            self.left.iter().position(|(ancestor, _)| *ancestor == other.timeline)
        };
        ancestors.is_some_and(|ancestors| self.left[..ancestors] == other.left)
    }

    /// The timelines whose files may hold a log file, newest first.
    pub(super) fn candidates(&self, file: u64) -> Vec<Timeline> {
        let mut found = Vec::new();
        let mut begin = Position(0);
        for (ancestor, at) in &self.left {
            if begin.file() <= file {
                found.push(*ancestor);
            }
            begin = *at;
        }
        if begin.file() <= file {
            found.push(self.timeline);
        }
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_read_as_they_are_written() {
        for (text, bytes) in [("0/0", 0), ("0/16B3748", 0x16B_3748), ("A/FFFFFFFF", 0xA_FFFF_FFFF)]
        {
            assert_eq!(text.parse::<Position>().expect(text), Position(bytes));
            assert_eq!(Position(bytes).to_string(), text);
        }
        for wrong in ["", "0", "0/", "/0", "0/G", "100000000/0", "0/0/0"] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_log_that_is_here_in_part_is_missing() {
        let mb = |n: u64, more: u64| Position(n * LOG_BYTES + more);
        for (have, end, missing) in [
            (mb(3, 0), mb(3, 0), 0),
            (mb(3, 5), mb(3, 5), 0),
            (mb(4, 0), mb(3, 5), 0),
            (mb(3, 4), mb(3, 5), 1),
            (mb(3, 0), mb(3, 1), 1),
            (mb(3, 0), mb(4, 0), 1),
            (mb(3, 9), mb(4, 1), 2),
            (mb(3, 9), mb(9, 0), 6),
            (mb(3, 0), mb(9, 1), 7),
        ] {
            assert_eq!(logs_missing(have, end), missing, "{have} of {end}");
            assert_eq!(
                end.generation().saturating_sub(generation_here(have, end)),
                missing,
                "queue of {have} of {end}"
            );
        }
    }

    #[test]
    fn file_names_are_those_of_the_server() {
        assert_eq!(file_name(1, 1), "000000010000000000000001");
        assert_eq!(file_name(0x1F, 4096 + 0xABC), "0000001F0000000100000ABC");
        for file in [0, 1, 4095, 4096, 123_456_789] {
            assert_eq!(parse_file_name(&file_name(7, file)), Some((7, file)));
        }
        for wrong in [
            "",
            "000000010000000000001000",
            "000000000000000000000001",
            "000000010000000000000001.partial",
            "000000010000000000000001.gz",
            "00000001000000000000000a",
            "../../../../../../etc/pw",
            "00000001000000000000000/",
            "\u{e9}0000001000000000000001",
        ] {
            assert_eq!(parse_file_name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_history_tells_what_is_shared() {
        let text = "1\t0/500000\tno recovery target specified\n\n# x\n2\t0/7000A0\tno recovery\n";
        let history = History::parse(3, text).expect("a history");
        assert_eq!(history.shared(1), Some(Position(0x50_0000)));
        assert_eq!(history.shared(2), Some(Position(0x70_00A0)));
        assert_eq!(history.shared(3), Some(Position(u64::MAX)));
        assert_eq!(history.shared(4), None);
        let other = |timeline, left: &[(Timeline, u64)]| History {
            timeline,
            left: left.iter().map(|(timeline, at)| (*timeline, Position(*at))).collect(),
        };
        for (other, expected) in [
            (other(1, &[]), true),
            (other(2, &[(1, 0x50_0000)]), true),
            (other(2, &[(1, 0x50_0008)]), false),
            (other(3, &[(1, 0x50_0000)]), false),
            (other(4, &[(1, 0x50_0000)]), false),
        ] {
            assert_eq!(history.goes_on_from(&other), expected, "{other:?}");
        }
        assert!(history.goes_on_from(&history));
        assert_eq!(history.candidates(4), vec![1]);
        assert_eq!(history.candidates(5), vec![2, 1]);
        assert_eq!(history.candidates(7), vec![3, 2, 1]);
        assert!(History::parse(2, "one 0/5").is_err());
        assert!(History::parse(2, "1").is_err());
    }
}
