//! The control file of an instance, read without a process of its own: what state the data were
//! left in. Its first fields have kept their places in format 1300 (PostgreSQL 13 to 16).

use super::error::Error;
use super::position::{LOG_BYTES, Position, Timeline};
use std::path::Path;

/// The format whose fields are known here.
const FORMAT: u32 = 1300;
/// Where the checksum is: the length of what it covers.
const CHECKSUM_AT: usize = 288;

/// How the data were left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Left {
    /// Just made, or starting.
    Starting,
    /// Stopped in good order as an active copy.
    Stopped,
    /// Stopped in good order as a passive copy.
    StoppedPassive,
    /// Was stopping.
    Stopping,
    /// Was repairing itself after a crash.
    Recovering,
    /// Was a passive copy when it ended, or was being promoted.
    Passive,
    /// Was an active copy when it ended.
    Active,
}

/// What the control file tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Control {
    /// Names the data for life: copies of one database have the same.
    pub(super) system: u64,
    /// How the data were left.
    pub(super) left: Left,
    /// Where its last checkpoint is.
    pub(super) checkpoint: Position,
    /// Where a repair after a crash begins to read.
    pub(super) redo: Position,
    /// The newest timeline that it has been on.
    pub(super) timeline: Timeline,
}

impl Control {
    /// Reads the control file below a data directory. It blocks for one small read.
    ///
    /// # Errors
    /// `File` if it cannot be read, `Content` if it is damaged or of another format.
    pub(super) fn read(data: &Path) -> Result<Control, Error> {
        let path = data.join("global/pg_control");
        // A server may be writing it just now: it is read again.
        let mut last = None;
        for _ in 0..5 {
            let bytes = std::fs::read(&path).map_err(|error| Error::file("read", &path, error))?;
            match Control::parse(&bytes) {
                Ok(control) => return Ok(control),
                Err((found, expected)) => last = Some((found, expected)),
            }
        }
        let (found, expected) = last.unwrap_or_default();
        Err(Error::Content { path: path.display().to_string(), found, expected })
    }

    fn parse(bytes: &[u8]) -> Result<Control, (String, &'static str)> {
        let u32_at = |at: usize| word(bytes, at).map(u32::from_ne_bytes);
        let u64_at = |at: usize| word(bytes, at).map(u64::from_ne_bytes);
        let short = || (format!("{} bytes", bytes.len()), "a control file of 8192 bytes");
        let format = u32_at(8).ok_or_else(short)?;
        if format != FORMAT {
            return Err((format!("format {format}"), "format 1300 (PostgreSQL 13 to 16)"));
        }
        let checksum = u32_at(CHECKSUM_AT).ok_or_else(short)?;
        if crc32c::crc32c(&bytes[..CHECKSUM_AT]) != checksum {
            return Err(("a wrong checksum".to_owned(), "a whole control file"));
        }
        let log = u32_at(228).ok_or_else(short)?;
        if u64::from(log) != LOG_BYTES {
            return Err((format!("logs of {log} bytes"), "logs of 1 MB (initdb --wal-segsize=1)"));
        }
        let state = u32_at(16).ok_or_else(short)?;
        let left = match state {
            0 => Left::Starting,
            1 => Left::Stopped,
            2 => Left::StoppedPassive,
            3 => Left::Stopping,
            4 => Left::Recovering,
            5 => Left::Passive,
            6 => Left::Active,
            _ => return Err((format!("state {state}"), "a state from 0 to 6")),
        };
        Ok(Control {
            system: u64_at(0).ok_or_else(short)?,
            left,
            checkpoint: Position(u64_at(32).ok_or_else(short)?),
            redo: Position(u64_at(40).ok_or_else(short)?),
            // After a promotion the new timeline is here before a checkpoint has it.
            timeline: u32_at(48).ok_or_else(short)?.max(u32_at(144).ok_or_else(short)?),
        })
    }
}

fn word<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(state: u32) -> Vec<u8> {
        let mut bytes = vec![0; 8192];
        bytes[0..8].copy_from_slice(&7_u64.to_ne_bytes());
        bytes[8..12].copy_from_slice(&FORMAT.to_ne_bytes());
        bytes[16..20].copy_from_slice(&state.to_ne_bytes());
        bytes[32..40].copy_from_slice(&0x20_0060_u64.to_ne_bytes());
        bytes[40..48].copy_from_slice(&0x20_0028_u64.to_ne_bytes());
        bytes[48..52].copy_from_slice(&1_u32.to_ne_bytes());
        bytes[144..148].copy_from_slice(&2_u32.to_ne_bytes());
        bytes[228..232].copy_from_slice(&(LOG_BYTES as u32).to_ne_bytes());
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..CHECKSUM_AT + 4].copy_from_slice(&checksum.to_ne_bytes());
        bytes
    }

    #[test]
    fn a_control_file_is_read_or_told_to_be_none() {
        let control = Control::parse(&file(5)).expect("a control file");
        assert_eq!((control.system, control.left, control.timeline), (7, Left::Passive, 2));
        assert_eq!((control.redo.0, control.checkpoint.0), (0x20_0028, 0x20_0060));
        assert!(Control::parse(&file(9)).is_err());
        assert!(Control::parse(&file(1)[..100]).is_err());
        assert!(Control::parse(&[]).is_err());
        let mut damaged = file(1);
        damaged[40] ^= 1;
        assert!(Control::parse(&damaged).is_err());
        let mut newer = file(1);
        newer[8..12].copy_from_slice(&1700_u32.to_ne_bytes());
        let told = Control::parse(&newer).expect_err("another format");
        assert!(told.0.contains("1700"));
    }
}
