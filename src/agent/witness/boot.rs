//! When the witness host started (exchange.md §3.2): a second file in the place, written by the
//! witness host for itself.

use super::error::Error;
use super::record::with_checksum;
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

/// Name of the file in the place.
pub(super) const FILE: &str = "boot";
/// Longest text, in bytes.
pub(super) const LONGEST: usize = 512;
const TITLE: &str = "dagtwin witness boot 1\n";

/// A start of the witness host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Boot {
    /// The moment, in UTC by the witness host's clock, whole seconds.
    pub started: Timestamp,
    /// What the kernel calls this start: another one for every start.
    pub id: String,
}

impl Boot {
    /// The start of the host that this runs on, as its kernel tells it. Reads two files of
    /// `/proc`; does not block.
    ///
    /// # Errors
    /// If `/proc` cannot be read or does not have them.
    pub fn of_this_host() -> Result<Boot, Error> {
        let read = |file: &str| {
            let doing = "reading when the host started";
            fs::read_to_string(file)
                .map_err(|error| Error::of_io(file, doing, Duration::ZERO, &error))
        };
        let (stat, id) = (read("/proc/stat")?, read("/proc/sys/kernel/random/boot_id")?);
        let started = stat
            .lines()
            .find_map(|line| line.strip_prefix("btime "))
            .and_then(|seconds| Timestamp::from_second(seconds.trim().parse().ok()?).ok());
        let started = started.ok_or_else(|| Error::Failed {
            place: "/proc/stat".to_owned(),
            doing: "looking for the line btime",
            found: "there is none with a number of seconds".to_owned(),
        })?;
        Ok(Boot { started, id: id.trim().to_owned() })
    }

    fn text(&self) -> String {
        with_checksum(format!("{TITLE}started {}\nboot-id {}\n", self.started, self.id))
    }

    /// The start in a text; none if it is not whole or not of this version.
    pub(super) fn of_text(text: &[u8]) -> Option<Boot> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.strip_prefix(TITLE)?.lines();
        let started = lines.next()?.strip_prefix("started ")?.parse().ok()?;
        let id = lines.next()?.strip_prefix("boot-id ")?.to_owned();
        let boot = Boot { started, id };
        (boot.text() == text).then_some(boot)
    }

    /// The start in a file of a place.
    pub(super) fn of_file(place: &str, file: &[u8]) -> Result<Boot, Error> {
        Boot::of_text(file).ok_or_else(|| Error::Failed {
            place: place.to_owned(),
            doing: "reading when the witness host started",
            found: "the file `boot` is not whole, or of another version; write it again".to_owned(),
        })
    }
}

/// Says in a place when the witness host started: for the witness host, about itself, in its own
/// directory (the one that it shares). A place that already tells of this start is left as it is,
/// so that a clock that was set since does not move the moment. Blocks for as long as the disk
/// takes.
///
/// # Errors
/// If the directory cannot be written to.
pub fn write_boot(directory: &Path, boot: &Boot) -> Result<(), Error> {
    let known = fs::read(directory.join(FILE)).ok().and_then(|text| Boot::of_text(&text));
    if known.is_some_and(|known| known.id == boot.id) {
        return Ok(());
    }
    replace(directory, boot.text().as_bytes()).map_err(|error| {
        let place = directory.display().to_string();
        Error::of_io(&place, "writing when the host started", Duration::ZERO, &error)
    })
}

/// Replaces the file as a whole: whoever reads it finds the old one or the new one.
fn replace(directory: &Path, text: &[u8]) -> io::Result<()> {
    let new = directory.join("boot.new");
    let mut file = File::create(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, directory.join(FILE))?;
    File::open(directory)?.sync_all()
}
