//! The agent's journal: every record is handed to the operating system before what it tells of goes
//! on, so that it survives the end of the process.

use crate::base::Instant;
use crate::journal::binary::Writer;
use crate::journal::{Header, Record, RecordNo, What};
use std::io::{self, Write};

/// Writes records and numbers them.
///
/// A journal that cannot be written is no reason to stop serving: it ends there, which is told once
/// by [`Recorder::failure`], and records go on being numbered.
pub struct Recorder<W: Write> {
    writer: Option<Writer<W>>,
    next: u32,
    failure: Option<io::Error>,
}

impl<W: Write> Recorder<W> {
    /// Begins a journal.
    ///
    /// # Errors
    /// If its header cannot be written.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Writer::new(out, header)?;
        writer.flush()?;
        Ok(Recorder { writer: Some(writer), next: 0, failure: None })
    }

    /// A journal that is kept nowhere.
    pub fn none() -> Self {
        Recorder { writer: None, next: 0, failure: None }
    }

    /// Adds a record; it is on its way to the file when [`Recorder::flush`] was called.
    pub fn record(&mut self, at: Instant, cause: Option<RecordNo>, what: What) -> RecordNo {
        let number = RecordNo(self.next);
        let record = Record { at, cause, what };
        self.written(|writer| writer.append(std::slice::from_ref(&record)));
        match self.next.checked_add(1) {
            Some(next) => self.next = next,
            // Four thousand million records: numbers end, and so does the journal.
            None => self.ends(io::Error::other("no number is left for another record")),
        }
        number
    }

    /// Hands what was recorded to the operating system.
    pub fn flush(&mut self) {
        self.written(Writer::flush);
    }

    /// Why the journal has ended, once.
    pub fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Ends the journal in good order, with its digest.
    ///
    /// # Errors
    /// If the end cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.writer.take().map_or(Ok(()), |writer| writer.finish().map(drop))
    }

    fn written(&mut self, write: impl FnOnce(&mut Writer<W>) -> io::Result<()>) {
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = write(writer) {
            self.ends(error);
        }
    }

    fn ends(&mut self, error: io::Error) {
        if self.writer.take().is_some() {
            self.failure = Some(error);
        }
    }
}
