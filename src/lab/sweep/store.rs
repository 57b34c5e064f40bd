//! Runs on disk: a file that only grows. What was written stays whole when the program is killed
//! at any moment; a last entry that was cut off is left out and overwritten.
//!
//! The file is its first bytes, then entries: length and check sum, four bytes each, and the
//! entry. Names and points stand once, before the first run that has them.

use super::memo::{Memo, News, Places};
use super::plan::{Mode, Plan};
use crate::journal::hash_of;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The first bytes of every such file.
const FIRST: &[u8; 8] = b"dagtwin\x02";
/// The longest entry.
const LONGEST: u32 = 64 << 20;

/// What runs belong to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the program: another one may come to other runs.
    pub version: String,
    /// The plan.
    pub plan: Plan,
    /// What is asked.
    pub mode: Mode,
    /// Which share of the runs the file is for: the first number from 1 to the second.
    pub shard: (u32, u32),
    /// The command that makes the whole, without shard and store.
    pub call: String,
}

/// This program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize, Deserialize)]
enum Entry {
    Manifest(Box<Manifest>),
    News(News),
}

/// A file of runs that is open for more.
#[derive(Debug)]
pub struct Store {
    file: File,
    path: PathBuf,
    length: u64,
}

/// What is wrong with a file of runs.
#[derive(Debug)]
pub enum StoreError {
    /// The machine failed us.
    Io(io::Error),
    /// It is no such file.
    NotOne,
    /// Another process is writing it.
    Busy,
    /// It is damaged from this byte on, and more follows.
    Damaged(u64),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        StoreError::Io(error)
    }
}

/// A file of runs that was read.
#[derive(Debug)]
pub struct Kept {
    /// What its runs belong to, as it was last told.
    pub manifest: Manifest,
    /// Runs in it.
    pub runs: u64,
    /// Bytes that are whole.
    length: u64,
}

impl Store {
    /// Begins a file, or goes on with one that is there; what it holds is learnt by the memo.
    /// `fits` says whether a file's runs are of use.
    ///
    /// # Errors
    /// If the file cannot be read or written, is something else, or is being written; the inner
    /// error is that of `fits`.
    pub fn open<E>(
        path: &Path,
        manifest: &Manifest,
        memo: &mut Memo,
        fits: impl FnOnce(&Manifest) -> Result<(), E>,
    ) -> Result<Result<Store, E>, StoreError> {
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy),
            // Some file systems know no locks.
            Err(TryLockError::Error(_)) => {}
        }
        let mut length = 0;
        let mut known = None;
        if file.metadata()?.len() > 0 {
            match read(&mut file, memo) {
                Ok(kept) => {
                    if let Err(error) = fits(&kept.manifest) {
                        return Ok(Err(error));
                    }
                    length = kept.length;
                    known = Some(kept.manifest);
                }
                // Killed before its first entry was whole.
                Err(StoreError::NotOne) if begun(&mut file)? => {}
                Err(error) => return Err(error),
            }
        }
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        let mut store = Store { file, path: path.to_owned(), length };
        let mut bytes = Vec::new();
        if length == 0 {
            bytes.extend_from_slice(FIRST);
        }
        if known.as_ref() != Some(manifest) {
            frame(&Entry::Manifest(Box::new(manifest.clone())), &mut bytes);
        }
        store.write(&bytes)?;
        Ok(Ok(store))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds entries; all of them are in the hands of the operating system when it returns.
    ///
    /// # Errors
    /// If they could not be written: then none of them is there.
    pub fn add(&mut self, news: Vec<News>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for one in news {
            frame(&Entry::News(one), &mut bytes);
        }
        self.write(&bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // A half entry would be taken for damage by whoever adds to it.
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }
}

fn frame(entry: &Entry, bytes: &mut Vec<u8>) {
    let body = postcard::to_allocvec(entry).expect("entries are plain data");
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&check(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
}

fn check(body: &[u8]) -> u32 {
    let hash = hash_of(body);
    (hash ^ (hash >> 32)) as u32
}

/// Whether a file is the beginning of one of ours.
fn begun(file: &mut File) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(FIRST.len() as u64).read_to_end(&mut bytes)?;
    Ok(FIRST.starts_with(&bytes))
}

/// Reads a file of runs; the memo learns what it holds.
///
/// # Errors
/// If it cannot be read, is no such file, or is damaged.
pub fn read_path(path: &Path, memo: &mut Memo) -> Result<Kept, StoreError> {
    read(&mut File::open(path)?, memo)
}

fn read(file: &mut File, memo: &mut Memo) -> Result<Kept, StoreError> {
    let whole = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let mut input = BufReader::new(file);
    let mut first = [0; FIRST.len()];
    if whole < first.len() as u64 {
        return Err(StoreError::NotOne);
    }
    input.read_exact(&mut first)?;
    if first != *FIRST {
        return Err(StoreError::NotOne);
    }
    let mut length = first.len() as u64;
    let (mut manifest, mut runs) = (None, 0);
    let mut places = Places::default();
    while let Some((entry, end)) = next(&mut input, length, whole)? {
        match entry {
            Entry::Manifest(told) => manifest = Some(*told),
            Entry::News(news) => {
                runs += u64::from(matches!(news, News::Run(..)));
                memo.learn(&news, &mut places).map_err(|_| StoreError::Damaged(length))?;
            }
        }
        length = end;
    }
    let manifest = manifest.ok_or(StoreError::NotOne)?;
    Ok(Kept { manifest, runs, length })
}

/// The next entry and where it ends; none at the end, or where the last one was cut off.
fn next(input: &mut impl Read, from: u64, whole: u64) -> Result<Option<(Entry, u64)>, StoreError> {
    if whole - from < 8 {
        return Ok(None);
    }
    let mut head = [0; 8];
    input.read_exact(&mut head)?;
    let size = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let sum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    let end = from + 8 + u64::from(size);
    if size > LONGEST {
        return Err(StoreError::Damaged(from));
    }
    if end > whole {
        return Ok(None);
    }
    let mut body = vec![0; size as usize];
    input.read_exact(&mut body)?;
    let read = (check(&body) == sum).then(|| postcard::from_bytes(&body).ok()).flatten();
    match read {
        Some(entry) => Ok(Some((entry, end))),
        // Power that failed may leave the last entry's room without its bytes.
        None if end == whole => Ok(None),
        None => Err(StoreError::Damaged(from)),
    }
}
