//! Serves a growing journal to any number of watchers, each from its beginning.

use super::{Place, Stream, unfit};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// How much a watcher is sent at a time.
const CHUNK: usize = 1 << 16;

/// What was written so far, and who is being sent it.
#[derive(Debug, Default)]
struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    /// Nothing more is written.
    ended: bool,
    /// Nobody more is served.
    closing: bool,
    /// Watchers who have not been sent everything, and have not left.
    watchers: usize,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked left bytes that are as good as before.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The listening side of a socket.
enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// Serves one journal. What is written to its [`Sink`] is kept in memory, and every watcher is
/// sent all of it by a thread of its own: a slow one holds up nobody, a gone one is forgotten.
#[derive(Debug)]
pub struct Server {
    place: Place,
    log: Arc<Log>,
}

/// Where the journal is written to; writing never waits for a watcher.
#[derive(Clone, Debug)]
pub struct Sink(Arc<Log>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Has watchers sent what was written.
    fn flush(&mut self) -> io::Result<()> {
        self.0.changed.notify_all();
        Ok(())
    }
}

impl Server {
    /// Listens at a place: `tcp:HOST:PORT` (port 0 takes a free one) or `unix:PATH`.
    ///
    /// # Errors
    /// If the place is no socket, or nobody can listen there.
    pub fn listen(place: &Place) -> io::Result<Server> {
        let (listener, place) = match place {
            Place::Tcp(address) => {
                let listener = TcpListener::bind(address)?;
                let place = Place::Tcp(listener.local_addr()?.to_string());
                (Listener::Tcp(listener), place)
            }
            #[cfg(unix)]
            Place::Unix(path) => {
                clear_stale(path)?;
                (Listener::Unix(UnixListener::bind(path)?), place.clone())
            }
            _ => return Err(unfit(place, "tcp:HOST:PORT or unix:PATH")),
        };
        let log = Arc::new(Log::default());
        let of_watchers = Arc::clone(&log);
        thread::Builder::new().name("watchers".to_owned()).spawn(move || {
            accept(&listener, &of_watchers);
        })?;
        Ok(Server { place, log })
    }

    /// Where it listens, with the port that was taken.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Where the journal is to be written to.
    pub fn sink(&self) -> Sink {
        Sink(Arc::clone(&self.log))
    }

    /// Nothing more is written. Watchers are sent the rest; whoever has not taken it after a time
    /// is left.
    pub fn end(self, patience: Duration) {
        let mut state = self.log.lock();
        state.ended = true;
        self.log.changed.notify_all();
        // Whether they have taken it all or not, nobody is waited for any longer.
        let _ = self.log.changed.wait_timeout_while(state, patience, |state| state.watchers > 0);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut state = self.log.lock();
        (state.ended, state.closing) = (true, true);
        drop(state);
        self.log.changed.notify_all();
        // The thread that accepts sees the end when somebody comes.
        match &self.place {
            Place::Tcp(address) => drop(TcpStream::connect(address)),
            #[cfg(unix)]
            Place::Unix(path) => {
                drop(UnixStream::connect(path));
                // If somebody has removed it already, all is well.
                let _ = std::fs::remove_file(path);
            }
            _ => {}
        }
    }
}

/// Removes a socket that nobody listens at any more.
#[cfg(unix)]
fn clear_stale(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    let Ok(about) = std::fs::symlink_metadata(path) else { return Ok(()) };
    let stale = about.file_type().is_socket() && UnixStream::connect(path).is_err();
    if stale { std::fs::remove_file(path) } else { Err(io::ErrorKind::AddrInUse.into()) }
}

/// Takes watchers until the server closes.
fn accept(listener: &Listener, log: &Arc<Log>) {
    loop {
        let stream = match listener {
            Listener::Tcp(listener) => listener.accept().map(|(stream, _)| Stream::Tcp(stream)),
            #[cfg(unix)]
            Listener::Unix(listener) => listener.accept().map(|(stream, _)| Stream::Unix(stream)),
        };
        let mut state = log.lock();
        if state.closing {
            return;
        }
        let Ok(mut stream) = stream else {
            // Whoever it was has gone, or there are too many open files at the moment.
            drop(state);
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        state.watchers += 1;
        drop(state);
        let of_watcher = Arc::clone(log);
        let served = thread::Builder::new().name("watcher".to_owned()).spawn(move || {
            // One that leaves is nobody's failure.
            let _ = serve(&mut stream, &of_watcher);
            stream.close();
            of_watcher.lock().watchers -= 1;
            of_watcher.changed.notify_all();
        });
        if served.is_err() {
            log.lock().watchers -= 1;
        }
    }
}

/// Sends a watcher everything from the beginning to the end.
fn serve(stream: &mut Stream, log: &Log) -> io::Result<()> {
    let mut sent = 0;
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        let mut state = log.lock();
        while state.bytes.len() == sent && !state.ended {
            let woken = log.changed.wait(state);
            state = woken.unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        let rest = &state.bytes[sent..];
        chunk.clear();
        chunk.extend_from_slice(&rest[..rest.len().min(CHUNK)]);
        drop(state);
        if chunk.is_empty() {
            return Ok(());
        }
        stream.write_all(&chunk)?;
        sent += chunk.len();
    }
}
