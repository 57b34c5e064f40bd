//! What a member keeps on disk from one life of its service to the next: whole or not at all,
//! whatever ends the process, and on the disk before anybody is told that it is kept.

use crate::base::Instant;
use crate::failover::seam::Durable;
use crate::journal::hash_of;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The first bytes of the file.
const MAGIC: &[u8; 8] = b"dagtwinS";
/// Version of the format that this program writes, and the only one that it reads.
const VERSION: u16 = 1;
/// Longest file: a cluster database of the largest site is a thousandth of it.
const LONGEST: u64 = 64 << 20;

/// What can be wrong with what is kept.
#[derive(Error, Debug)]
pub enum StoreError {
    /// The file or folder could not be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another agent works in this folder.
    #[error(
        "{path}: another agent holds it; expected one agent for each folder: end the other, or \
         give this one a state folder of its own"
    )]
    Held {
        /// The lock file.
        path: PathBuf,
    },
    /// It is no file of ours, or one of another version, or damaged.
    #[error(
        "{path}: {what}; remove it only while the other member runs: this one then begins as one \
         that never ran, and learns all from there"
    )]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// What is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Kept {
    /// What the node stored.
    pub durable: Durable,
    /// No later life may begin at or before this moment.
    pub latest: Instant,
}

/// A member's folder. Only one process at a time has it open.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    _lock: File,
}

impl Store {
    /// Opens a folder, and makes it if it is not there.
    ///
    /// # Errors
    /// If it cannot be made or locked, or another agent has it open.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        let at = |path: &Path, error| StoreError::Io { path: path.to_owned(), error };
        fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
        let path = folder.join("lock");
        let options = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let lock = options.map_err(|error| at(&path, error))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Store { folder: folder.to_owned(), _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Held { path }),
            Err(error) => Err(at(&path, error.into())),
        }
    }

    /// The file with what is kept.
    pub fn file(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// What was kept last; none if nothing ever was.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn load(&self) -> Result<Option<Kept>, StoreError> {
        let path = self.file();
        let mut bytes = Vec::new();
        let read = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)),
        };
        read.map_err(|error| StoreError::Io { path: path.clone(), error })?;
        decode(&bytes).map(Some).map_err(|what| StoreError::Damaged { path, what })
    }

    /// Keeps this in place of what was kept before; when it returns, it is on the disk.
    ///
    /// # Errors
    /// If it cannot be written. What was kept before is then still there.
    pub fn save(&self, kept: &Kept) -> Result<(), StoreError> {
        let (path, part) = (self.file(), self.folder.join("state.part"));
        let written = File::create(&part).and_then(|mut file| {
            file.write_all(&encode(kept))?;
            file.sync_all()?;
            fs::rename(&part, &path)?;
            File::open(&self.folder)?.sync_all()
        });
        written.map_err(|error| StoreError::Io { path, error })
    }
}

fn encode(kept: &Kept) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(kept.latest.as_nanos().to_le_bytes());
    let mut bytes = postcard::to_extend(&kept.durable, bytes).expect("memory takes it");
    let hash = hash_of(&bytes);
    bytes.extend(hash.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Result<Kept, String> {
    let version = match bytes.strip_prefix(MAGIC).and_then(|rest| rest.first_chunk::<2>()) {
        Some(version) => u16::from_le_bytes(*version),
        None => return Err("expected a state file of dagtwin, which begins otherwise".to_owned()),
    };
    if version != VERSION {
        return Err(format!("a state file of version {version}; expected version {VERSION}"));
    }
    let whole = bytes.split_last_chunk::<8>();
    let whole = whole.filter(|(body, hash)| hash_of(body) == u64::from_le_bytes(**hash));
    let Some((body, _)) = whole else {
        return Err("it is damaged: what it holds is not what its last bytes vouch for".to_owned());
    };
    let (latest, durable) =
        body[10..].split_first_chunk::<8>().ok_or("it ends too early".to_owned())?;
    let durable = postcard::from_bytes(durable).map_err(|error| error.to_string())?;
    Ok(Kept { durable, latest: Instant::from_nanos(u64::from_le_bytes(*latest)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is gone when the test is.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let folder =
                std::env::temp_dir().join(format!("dagtwin-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn kept(epoch: u64) -> Kept {
        let durable = Durable { epoch, ..Durable::default() };
        Kept { durable, latest: Instant::from_nanos(epoch * 10) }
    }

    #[test]
    fn what_was_kept_last_is_there_and_nothing_before_anything_was() {
        let folder = Folder::new("kept");
        let store = Store::open(&folder.0).expect("it opens");
        assert_eq!(store.load().expect("it reads"), None);
        for epoch in [1, 2] {
            store.save(&kept(epoch)).expect("it is written");
            assert_eq!(store.load().expect("it reads"), Some(kept(epoch)));
        }
    }

    #[test]
    fn one_agent_has_a_folder_and_the_next_when_it_has_ended() {
        let folder = Folder::new("lock");
        let store = Store::open(&folder.0).expect("it opens");
        let error = Store::open(&folder.0).expect_err("it is held").to_string();
        assert!(error.contains("another agent holds it"), "{error}");
        drop(store);
        assert!(Store::open(&folder.0).is_ok());
    }

    #[test]
    fn every_damaged_byte_and_every_length_is_found() {
        let bytes = encode(&kept(7));
        assert_eq!(decode(&bytes), Ok(kept(7)));
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x10;
            assert!(decode(&damaged).is_err(), "byte {place}");
        }
    }

    #[test]
    fn a_write_that_was_cut_off_leaves_what_was_there() {
        let folder = Folder::new("torn");
        let store = Store::open(&folder.0).expect("it opens");
        store.save(&kept(1)).expect("it is written");
        fs::write(folder.0.join("state.part"), &encode(&kept(2))[..9]).expect("it is written");
        assert_eq!(store.load().expect("it reads"), Some(kept(1)));
        store.save(&kept(3)).expect("it is written");
        assert_eq!(store.load().expect("it reads"), Some(kept(3)));
        fs::write(store.file(), b"something else").expect("it is written");
        let error = store.load().expect_err("it is none of ours").to_string();
        assert!(error.contains("begins otherwise; remove it only while"), "{error}");
    }
}
