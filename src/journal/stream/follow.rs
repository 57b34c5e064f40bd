//! Follows a journal wherever it is, as it grows.

use super::{Place, Stream, unfit};
use crate::journal::binary::{ReadError, Reader};
use crate::journal::{Digest, Header, Record};
use std::fs::File;
use std::io::{self, Read};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How often a file is asked whether it has grown.
const TICK: Duration = Duration::from_millis(30);
/// Batches that may wait for whoever takes them.
const AHEAD: usize = 64;

/// What there is to tell of a journal that is followed.
#[derive(Debug)]
pub enum News {
    /// Its header; it comes first, once.
    Header(Box<Header>),
    /// The next records, in their order.
    Records(Vec<Record>),
    /// Everything that is there was read; more may come.
    CaughtUp,
    /// The journal is whole; its digest is that of the records. Nothing follows.
    Ended {
        /// The digest.
        digest: Digest,
    },
    /// Whoever wrote it is gone before its end; the records before are true. Nothing follows.
    Cut {
        /// Where it was cut off.
        at_byte: u64,
    },
    /// It is no journal, or a damaged one; the records before are true. Nothing follows.
    Damaged {
        /// Where.
        at_byte: u64,
        /// What is wrong there.
        what: String,
    },
    /// It cannot be read any more. Nothing follows.
    Failed(String),
}

/// A journal that is followed by a thread; dropped, it is followed no more.
#[derive(Debug)]
pub struct Follow {
    news: Receiver<News>,
    stop: Arc<AtomicBool>,
    connection: Option<Stream>,
}

/// Where bytes come from.
enum Input {
    File(File),
    Stream(Stream),
    Stdin(io::Stdin),
}

impl Follow {
    /// Begins to follow a journal from its beginning.
    ///
    /// # Errors
    /// If there is no such file, or nobody serves there.
    pub fn new(place: &Place) -> io::Result<Follow> {
        let input = match place {
            Place::File(path) if path.is_dir() => return Err(unfit(place, "a file, not a folder")),
            Place::File(path) => Input::File(File::open(path)?),
            Place::Tcp(address) => Input::Stream(Stream::Tcp(TcpStream::connect(address)?)),
            #[cfg(unix)]
            Place::Unix(path) => Input::Stream(Stream::Unix(UnixStream::connect(path)?)),
            #[cfg(not(unix))]
            Place::Unix(_) => return Err(unfit(place, "tcp:HOST:PORT on this system")),
            Place::Stdin => Input::Stdin(io::stdin()),
        };
        let connection = match &input {
            Input::Stream(stream) => Some(stream.another()?),
            Input::File(_) | Input::Stdin(_) => None,
        };
        let (sender, news) = sync_channel(AHEAD);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        thread::Builder::new().name("follow".to_owned()).spawn(move || {
            let last = follow(input, &sender, &stopped);
            // With nobody there to hear it, it need not be said.
            let _ = last.map(|news| sender.send(news));
        })?;
        Ok(Follow { news, stop, connection })
    }

    /// What is told, in its order. The channel ends after the last of it.
    pub fn news(&self) -> &Receiver<News> {
        &self.news
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(connection) = &self.connection {
            connection.close();
        }
    }
}

impl Input {
    fn read(&mut self) -> &mut dyn Read {
        match self {
            Input::File(file) => file,
            Input::Stream(stream) => stream,
            Input::Stdin(stdin) => stdin,
        }
    }

    /// Whether a regular file has become shorter than what was read of it.
    fn has_shrunk(&self, read: u64) -> bool {
        let Input::File(file) = self else { return false };
        file.metadata().is_ok_and(|about| about.is_file() && about.len() < read)
    }

    /// Whether more may come after it has nothing to give.
    fn can_grow(&self) -> bool {
        let Input::File(file) = self else { return false };
        file.metadata().is_ok_and(|about| about.is_file())
    }
}

/// Follows an input to its end; the last thing to tell of it. None if nobody listens any more.
fn follow(mut input: Input, sender: &SyncSender<News>, stop: &AtomicBool) -> Option<News> {
    let mut reader = Reader::default();
    let (mut told_header, mut behind, mut read) = (false, true, 0);
    while !stop.load(Ordering::Relaxed) {
        let taken = match reader.read_from(input.read()) {
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(error) => return Some(News::Failed(error.to_string())),
        };
        read += taken as u64;
        let mut records = Vec::new();
        let decoded = reader.decode(&mut records);
        if let (false, Some(header)) = (told_header, reader.header()) {
            told_header = true;
            sender.send(News::Header(Box::new(header.clone()))).ok()?;
        }
        if !records.is_empty() {
            behind = true;
            sender.send(News::Records(records)).ok()?;
        }
        match decoded {
            Err(ReadError::Codec { at_byte, what }) => {
                return Some(News::Damaged { at_byte, what });
            }
            Err(ReadError::Io(error)) => return Some(News::Failed(error.to_string())),
            // A socket may stay open; a file shows at once whether something follows.
            Ok(()) if reader.has_ended() && (taken == 0 || !input.can_grow()) => {
                return Some(News::Ended { digest: reader.digest() });
            }
            Ok(()) => {}
        }
        if taken > 0 {
            continue;
        }
        if !input.can_grow() || input.has_shrunk(read) {
            return Some(News::Cut { at_byte: reader.place() });
        }
        if std::mem::take(&mut behind) {
            sender.send(News::CaughtUp).ok()?;
        }
        thread::sleep(TICK);
    }
    None
}
