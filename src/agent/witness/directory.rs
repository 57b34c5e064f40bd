//! A witness in a directory: local, or mounted.
//!
//! A file system may not answer for as long as it likes, and nothing can end a call that waits for
//! it. So one thread does the calls, and whoever asks waits for it only as long as he wants to.

use super::boot::{self, Boot};
use super::decide::{Step, Unsure};
use super::error::Error;
use super::record::{LISTINGS, Record};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// Time between two looks when another was faster; assumed: a renaming takes less.
const WAIT: Duration = Duration::from_millis(3);

type Job = Box<dyn FnOnce(&mut Hand) + Send>;

/// The side that asks.
#[derive(Debug)]
pub(super) struct Directory {
    place: String,
    /// Room for one job beside the one at work: a thread that hangs is not given more.
    jobs: mpsc::Sender<Job>,
}

/// The side that does it.
struct Hand {
    directory: PathBuf,
    place: String,
    /// What was written without an answer.
    unsure: Unsure,
}

/// The time that a job has.
struct Time {
    limit: Duration,
    deadline: Instant,
    /// Whoever asked does not wait any more.
    left: Arc<AtomicBool>,
}

impl Time {
    fn is_over(&self) -> bool {
        self.left.load(Ordering::Acquire) || Instant::now() >= self.deadline
    }
}

/// Says when it is dropped that whoever asked has left.
struct Leaves(Arc<AtomicBool>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Directory {
    pub(super) fn new(directory: PathBuf) -> Result<Directory, Error> {
        let place = directory.display().to_string();
        let (jobs, mut todo) = mpsc::channel::<Job>(1);
        let mut hand = Hand { directory, place: place.clone(), unsure: Unsure::default() };
        thread::Builder::new()
            .name("witness".to_owned())
            .spawn(move || {
                while let Some(job) = todo.blocking_recv() {
                    job(&mut hand);
                }
            })
            .map_err(|error| Error::of_io(&place, "starting a thread", Duration::ZERO, &error))?;
        Ok(Directory { place, jobs })
    }

    pub(super) async fn exchange<S: Step>(
        &mut self,
        step: S,
        limit: Duration,
    ) -> Result<S::Answer, Error> {
        self.ask(limit, move |hand, time| hand.exchange(&step, time)).await
    }

    pub(super) async fn prepare(&mut self, limit: Duration) -> Result<Record, Error> {
        self.ask(limit, Hand::prepare).await
    }

    pub(super) async fn boot(&mut self, limit: Duration) -> Result<Boot, Error> {
        self.ask(limit, Hand::boot).await
    }

    /// Has the thread do it. A job whose asker has left, or whose time is over, is not begun.
    async fn ask<T: Send + 'static>(
        &mut self,
        limit: Duration,
        job: impl FnOnce(&mut Hand, &Time) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let leaves = Leaves(Arc::new(AtomicBool::new(false)));
        let deadline = Instant::now() + limit;
        let time = Time { limit, deadline, left: Arc::clone(&leaves.0) };
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |hand| {
            if !time.is_over() {
                // If the asker has left meanwhile, nobody wants to know.
                let _ = reply.send(job(hand, &time));
            }
        });
        let asked = async {
            self.jobs.send(job).await.ok()?;
            answer.await.ok()
        };
        let place = self.place.clone();
        match timeout_at(deadline, asked).await {
            Ok(Some(answer)) => answer,
            // The thread lets a job go unanswered only when its time is over.
            Ok(None) | Err(_) => {
                Err(Error::NoAnswer { place, doing: "waiting for the file system", limit })
            }
        }
    }
}

impl Hand {
    fn exchange<S: Step>(&mut self, step: &S, time: &Time) -> Result<S::Answer, Error> {
        loop {
            let found = self.record(time)?;
            let own = self.unsure.found(found);
            let (answer, write) = step.decide(found, own);
            let Some(next) = write else { return Ok(answer) };
            // Whoever asked may have given up, and must not become owner behind his own back.
            if time.is_over() {
                return Err(self.late("looking for the record", time));
            }
            self.unsure.writing(next);
            match self.rename(found, next) {
                Ok(()) => {
                    self.unsure.arrived();
                    return Ok(answer);
                }
                // Another was faster; or it was this very call, of which NFS lost the answer and
                // which it repeated. The next look finds out.
                Err(error) if error.kind() == ErrorKind::NotFound => thread::sleep(WAIT),
                Err(error) => return Err(self.failed("renaming the record", time, &error)),
            }
        }
    }

    /// Changes the record that was found, and no other: its name is gone as soon as anybody has.
    /// The new name cannot be taken. It has a number that none has had before, and who would take
    /// it at the same moment has to take it from the same file.
    fn rename(&self, found: Record, next: Record) -> io::Result<()> {
        fs::rename(self.directory.join(found.name()), self.directory.join(next.name()))?;
        self.sync()
    }

    /// Has the names in the directory put on disk.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn prepare(&mut self, time: &Time) -> Result<Record, Error> {
        if let Some(found) = self.list(time)? {
            return Ok(found);
        }
        let made = File::create_new(self.directory.join(Record::FIRST.name()))
            .and_then(|file| file.sync_all())
            .and_then(|()| self.sync());
        match made {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(self.failed("preparing the record", time, &error))
            }
            // If another prepared it and a third claimed it meanwhile, there are two now.
            Ok(()) | Err(_) => self.record(time),
        }
    }

    /// The record that has to be there.
    fn record(&self, time: &Time) -> Result<Record, Error> {
        self.list(time)?.ok_or_else(|| {
            let remedy = "check that the directory is mounted, or prepare the witness once";
            Error::no_record(&self.place, remedy)
        })
    }

    /// The record that is there.
    fn list(&self, time: &Time) -> Result<Option<Record>, Error> {
        let mut left = LISTINGS;
        loop {
            let found = Record::of_names(self.names(time)?);
            left -= 1;
            if left == 0 || time.is_over() || !Record::is_unsettled(&found) {
                let place = self.place.clone();
                return found.map_err(|unfit| Error::Unfit { place, unfit });
            }
            thread::sleep(WAIT);
        }
    }

    fn names(&self, time: &Time) -> Result<Vec<String>, Error> {
        let names = fs::read_dir(&self.directory).and_then(|entries| {
            let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
            entries.map(|entry| entry.map(name)).collect::<io::Result<Vec<String>>>()
        });
        names.map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                return Error::NoPath { place: self.place.clone(), found: error.to_string() };
            }
            self.failed("looking for the record", time, &error)
        })
    }

    fn boot(&mut self, time: &Time) -> Result<Boot, Error> {
        let path = self.directory.join(boot::FILE);
        let text = File::open(path).and_then(|file| read_at_most(&file, boot::LONGEST));
        match text {
            Ok(text) => Boot::of_file(&self.place, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(self.missing(
                "the file `boot`",
                "have the witness host write it when it starts",
                &error,
            )),
            Err(error) => Err(self.failed("reading when the host started", time, &error)),
        }
    }

    /// A file that is not there; or the directory is not, and nothing leads to it.
    fn missing(&self, missing: &'static str, remedy: &'static str, error: &io::Error) -> Error {
        let (place, found) = (self.place.clone(), error.to_string());
        if self.directory.is_dir() {
            Error::Missing { place, missing, found, remedy }
        } else {
            Error::NoPath { place, found }
        }
    }

    fn failed(&self, doing: &'static str, time: &Time, error: &io::Error) -> Error {
        Error::of_io(&self.place, doing, time.limit, error)
    }

    fn late(&self, doing: &'static str, time: &Time) -> Error {
        Error::NoAnswer { place: self.place.clone(), doing, limit: time.limit }
    }
}

fn read_at_most(file: &File, most: usize) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(most);
    file.take(most as u64).read_to_end(&mut text)?;
    Ok(text)
}
