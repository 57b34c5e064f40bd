//! Hands out logs.

use super::protocol::{
    ANSWER_MAX, Answer, CHALLENGE, Channel, End, GREETING, Key, REQUEST_MAX, Request, within,
};
use crate::agent::database::control::Control;
use crate::agent::database::error::Error;
use crate::agent::database::position::{LOG_BYTES, history_name};
use crate::agent::database::process::pid_on;
use crate::agent::database::wal::{Log, read_file, read_history, read_newest};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// Most connections at a time (assumed); more are closed at once.
const CONNECTIONS: usize = 16;
/// How long a client may take to prove itself: 2 s (assumed).
const PROOF: Duration = Duration::from_secs(2);
/// How long it may be silent between requests, and take for an answer: 10 s (assumed).
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the logs of this host's databases. Dropped, it ends.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// Listens at an address (port 0 takes a free one) for peers that know the key. Databases are
    /// given by name, with their data directory. May be dropped.
    ///
    /// # Errors
    /// `NoPath` if nobody can listen there.
    pub async fn start(
        address: SocketAddr,
        key: Key,
        databases: BTreeMap<String, PathBuf>,
    ) -> Result<Server, Error> {
        let place = || format!("log server at {address}");
        let failed = |error: io::Error| Error::NoPath { place: place(), why: error.to_string() };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let accepting = tokio::spawn(accept(listener, key, Arc::new(databases)));
        Ok(Server { address, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept(listener: TcpListener, key: Key, databases: Arc<BTreeMap<String, PathBuf>>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    let mut served = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many files are open, or the like: it may pass.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        while served.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else { continue };
        let (key, databases) = (key.clone(), Arc::clone(&databases));
        served.spawn(async move {
            // Whatever ends a connection, the client notices it and tells.
            let _ = serve(stream, &key, &databases).await;
            drop(permit);
        });
    }
}

async fn serve(
    stream: TcpStream,
    key: &Key,
    databases: &Arc<BTreeMap<String, PathBuf>>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut channel = within(PROOF, prove(stream, key)).await?;
    loop {
        let request = channel.receive(REQUEST_MAX, PATIENCE).await?;
        let Some(request) = Request::decode(&request) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let databases = Arc::clone(databases);
        let answer = tokio::task::spawn_blocking(move || answer(&databases, &request));
        let answer = answer.await.map_err(io::Error::other)?.encode();
        debug_assert!(answer.len() <= ANSWER_MAX, "an answer has a most");
        channel.send(&answer, PATIENCE).await?;
    }
}

/// Both sides prove that they know the key.
async fn prove(mut stream: TcpStream, key: &Key) -> io::Result<Channel> {
    let mut first = [0; GREETING.len() + CHALLENGE];
    stream.read_exact(&mut first).await?;
    if first[..GREETING.len()] != GREETING {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut challenges = first[GREETING.len()..].to_vec();
    let mut own = [0; CHALLENGE];
    getrandom::fill(&mut own).map_err(io::Error::other)?;
    challenges.extend(own);
    stream.write_all(&own).await?;
    stream.write_all(&key.code(&[b"server", &challenges])).await?;
    let mut code = [0; 32];
    stream.read_exact(&mut code).await?;
    if !key.is_code(&[b"client", &challenges], &code) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(Channel::new(stream, key, &challenges, false))
}

fn answer(databases: &BTreeMap<String, PathBuf>, request: &Request) -> Answer {
    let (Request::End { database, .. }
    | Request::Log { database, .. }
    | Request::History { database, .. }) = request;
    let Some(data) = databases.get(database) else { return Answer::Unknown };
    if pid_on(data).is_some() {
        return Answer::Running;
    }
    match read(data, request) {
        Ok(answer) => answer,
        Err(_) => Answer::Failed,
    }
}

fn read(data: &Path, request: &Request) -> Result<Answer, Error> {
    let wal = data.join("pg_wal");
    let file = match request {
        Request::End { from, .. } => {
            let control = Control::read(data)?;
            let history = read_history(&wal, control.timeline)?;
            // From the hint it is less to read; before its last checkpoint the log may be gone.
            let begin = control.redo.max(*from);
            let mut log = Log::new(&wal, &history);
            let mut end = log.end(begin)?;
            if end <= begin && begin > control.redo {
                // No record begins there: this log ends before, or is another one.
                end = log.end(control.redo)?;
            }
            let (system, timeline) = (control.system, control.timeline);
            return Ok(Answer::End(End { system, timeline, end }));
        }
        Request::Log { file, .. } if *file <= u64::MAX / LOG_BYTES => {
            let control = Control::read(data)?;
            let history = read_history(&wal, control.timeline)?;
            read_newest(&wal, &history, *file)?
        }
        Request::Log { .. } => None,
        Request::History { timeline, .. } => read_file(&wal.join(history_name(*timeline)))?,
    };
    Ok(file.map_or(Answer::Absent, Answer::File))
}
