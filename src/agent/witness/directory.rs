//! A witness in a directory: local, or mounted.
//!
//! A file system may not answer for as long as it likes, and nothing can end a call that waits for
//! it. So one thread does the calls, and whoever asks waits for it only as long as he wants to.

use super::boot::{self, Boot};
use super::decide::Step;
use super::error::Error;
use super::record::{FILE, Record, Unfit};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// Name of the record's file.
pub(super) const NAME: &str = "witness";
/// Time between two tries to lock; assumed: a holder needs one write to disk, some milliseconds.
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
    /// What was written last, if it is not known to have arrived.
    unsure: Option<Record>,
}

/// The time that a job has.
struct Time {
    limit: Duration,
    deadline: Instant,
    /// Whoever asked does not wait any more.
    left: Arc<AtomicBool>,
    /// Another has the record locked.
    in_use: Arc<AtomicBool>,
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
        let mut hand = Hand { directory, place: place.clone(), unsure: None };
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
        let in_use = Arc::new(AtomicBool::new(false));
        let time = Time { limit, deadline, left: Arc::clone(&leaves.0), in_use: in_use.clone() };
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
            Ok(None) | Err(_) if in_use.load(Ordering::Acquire) => {
                Err(Error::Busy { place, limit })
            }
            // The thread lets a job go unanswered only when its time is over.
            Ok(None) | Err(_) => {
                Err(Error::NoAnswer { place, doing: "waiting for the file system", limit })
            }
        }
    }
}

impl Hand {
    fn exchange<S: Step>(&mut self, step: &S, time: &Time) -> Result<S::Answer, Error> {
        let file = self.open(OpenOptions::new().read(true).write(S::WRITES), time)?;
        self.lock(&file, time)?;
        let found = self.record(&self.read(&file, time)?)?;
        if self.unsure != Some(found) {
            self.unsure = None;
        }
        let (answer, write) = step.decide(found, self.unsure);
        if let Some(record) = write {
            // Whoever asked may have given up, and must not become owner behind his own back.
            if time.is_over() {
                return Err(self.late("reading the record", time));
            }
            self.unsure = Some(record);
            file.write_all_at(&record.text(), record.offset())
                .and_then(|()| file.sync_data())
                .map_err(|error| self.failed("writing the record", time, &error))?;
            self.unsure = None;
        }
        Ok(answer)
    }

    fn prepare(&mut self, time: &Time) -> Result<Record, Error> {
        let mut how = OpenOptions::new();
        let file = self.open(how.read(true).write(true).create(true).truncate(false), time)?;
        self.lock(&file, time)?;
        let found = self.read(&file, time)?;
        if Record::of_file(&found) == Err(Unfit::Blank) {
            file.write_all_at(&Record::first_file(), 0)
                .and_then(|()| file.sync_all())
                .and_then(|()| File::open(&self.directory)?.sync_all())
                .map_err(|error| self.failed("preparing the record", time, &error))?;
            return self.record(&Record::first_file());
        }
        self.record(&found)
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

    fn open(&self, how: &OpenOptions, time: &Time) -> Result<File, Error> {
        how.open(self.directory.join(NAME)).map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                let remedy = "check that the directory is mounted, or prepare the witness once";
                return self.missing("the file `witness`", remedy, &error);
            }
            self.failed("opening the record", time, &error)
        })
    }

    /// Locks the file for this open of it; the kernel ends the lock when it is closed, also by
    /// the death of the process.
    fn lock(&self, file: &File, time: &Time) -> Result<(), Error> {
        loop {
            let locked = match file.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => false,
                Err(TryLockError::Error(error)) => {
                    return Err(self.failed("locking the record", time, &error));
                }
            };
            time.in_use.store(!locked, Ordering::Release);
            if locked {
                return Ok(());
            }
            if time.is_over() {
                return Err(Error::Busy { place: self.place.clone(), limit: time.limit });
            }
            thread::sleep(WAIT);
        }
    }

    fn read(&self, file: &File, time: &Time) -> Result<Vec<u8>, Error> {
        // One byte more than there may be, to see that there is more.
        read_at_most(file, FILE + 1)
            .map_err(|error| self.failed("reading the record", time, &error))
    }

    fn record(&self, file: &[u8]) -> Result<Record, Error> {
        let place = self.place.clone();
        Record::of_file(file).map_err(|unfit| Error::Unfit { place, unfit })
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
