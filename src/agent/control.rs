//! Questions and orders over a socket of the host: one line of JSON asks, one line answers.
//!
//! Who may open the socket may order: it is made for its owner and group alone.

use super::status::Status;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Longest request: an order is a line that a person types.
const LONGEST: u64 = 64 << 10;
/// How long a request may take to come, and its answer (assumed).
const PATIENCE: Duration = Duration::from_secs(10);
/// How long who asks waits for an answer (assumed).
const SILENT: Duration = Duration::from_secs(20);

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// How the member is.
    Status,
    /// An order, as the cmdlet's own line: `Move-ClusterGroup CASArray -Node EX02`.
    Order(String),
    /// Read the agent's file again, and take over what can be taken over.
    Reload,
    /// Hand over what can be handed over, and end.
    Stop,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// How the member is.
    Status(Box<Status>),
    /// It was taken, here or for the core group's owner, who may refuse it yet; what comes of it,
    /// the status and the journal tell.
    Taken,
    /// The agent's file was read again.
    Reloaded {
        /// What is in force from now on.
        taken: Vec<String>,
        /// What has changed and will be in force when the agent starts anew.
        at_restart: Vec<String>,
    },
    /// It was not, and why.
    Refused(String),
}

/// A request, and where its answer goes.
pub type Asked = (Request, oneshot::Sender<Answer>);

/// The socket; it is gone from the file system when this is dropped.
#[derive(Debug)]
pub struct Control {
    path: PathBuf,
    listener: UnixListener,
}

impl Control {
    /// Opens the socket. One that an earlier life left and nobody answers on is replaced.
    ///
    /// # Errors
    /// If somebody answers on it, or it cannot be made.
    pub async fn open(path: &Path) -> io::Result<Control> {
        if UnixStream::connect(path).await.is_ok() {
            let text = "another agent answers on it; end that one, or choose another socket";
            return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
        }
        match std::fs::symlink_metadata(path) {
            Ok(there) if there.file_type().is_socket() => std::fs::remove_file(path)?,
            Ok(_) => {
                let text = "expected a socket or nothing; something else is there, and stays";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
            }
            Err(_) => {}
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
        Ok(Control { path: path.to_owned(), listener })
    }

    /// Passes requests on until nobody takes them any more.
    pub async fn serve(self, into: mpsc::Sender<Asked>) {
        while !into.is_closed() {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let into = into.clone();
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, into).await {
                            tracing::debug!(%error, "a request was not answered");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "no request can be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // If it is gone already, so much the better.
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn converse(stream: UnixStream, into: mpsc::Sender<Asked>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(read.take(LONGEST));
    timeout(PATIENCE, reader.read_line(&mut line)).await??;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => ask(request, &into).await,
        Err(error) => {
            let expected = "expected \"status\", {\"order\": \"...\"}, \"reload\" or \"stop\"";
            Answer::Refused(format!("{}: {error}; {expected}", line.trim_end()))
        }
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    timeout(PATIENCE, write.write_all(&text)).await??;
    write.shutdown().await
}

async fn ask(request: Request, into: &mpsc::Sender<Asked>) -> Answer {
    let (tell, told) = oneshot::channel();
    let asked = async {
        into.send((request, tell)).await.ok()?;
        told.await.ok()
    };
    let ended = || Answer::Refused("the agent is ending".to_owned());
    match timeout(PATIENCE, asked).await {
        Ok(answer) => answer.unwrap_or_else(ended),
        Err(_) => Answer::Refused(format!("the agent did not answer within {PATIENCE:?}")),
    }
}

/// Asks an agent; returns the line that it answers. For programs that are no agents: it blocks.
///
/// # Errors
/// If no agent answers there.
pub fn call(path: &Path, request: &Request) -> io::Result<String> {
    use std::io::{BufRead, Write};
    let mut stream = std::os::unix::net::UnixStream::connect(path)?;
    stream.set_read_timeout(Some(SILENT))?;
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut line = String::new();
    std::io::BufReader::new(stream).read_line(&mut line).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            let text = format!("it took the request and has not answered within {SILENT:?}");
            io::Error::new(io::ErrorKind::TimedOut, text)
        }
        _ => error,
    })?;
    match line.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it answered nothing")),
        false => Ok(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks `lines` of an agent that takes every order, and gives what it answers to each.
    fn answered(name: &str, lines: &[&str]) -> Vec<String> {
        let path = std::env::temp_dir().join(format!("dagtwin-{name}-{}.sock", std::process::id()));
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let answers = runtime.block_on(async {
            let (into, mut asked) = mpsc::channel::<Asked>(8);
            let control = Control::open(&path).await.expect("it opens");
            assert!(Control::open(&path).await.is_err(), "somebody answers there");
            tokio::spawn(control.serve(into));
            tokio::spawn(async move {
                while let Some((request, tell)) = asked.recv().await {
                    let answer = match request {
                        Request::Order(line) => Answer::Refused(format!("no {line}")),
                        Request::Status | Request::Reload | Request::Stop => Answer::Taken,
                    };
                    let _ = tell.send(answer);
                }
            });
            let mut answers = Vec::new();
            for line in lines {
                let mut stream = UnixStream::connect(&path).await.expect("it is there");
                stream.write_all(line.as_bytes()).await.expect("it takes it");
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.expect("it answers");
                answers.push(answer);
            }
            answers
        });
        drop(runtime);
        assert!(!path.exists(), "the socket is gone with the agent");
        answers
    }

    #[test]
    fn each_request_has_one_answer_and_nonsense_has_a_remedy() {
        let lines = ["\"reload\"\n", "{\"order\": \"Get-Lost\"}\n", "hello\n", "\n"];
        let answers = answered("control", &lines);
        assert_eq!(answers[..2], ["\"taken\"\n", "{\"refused\":\"no Get-Lost\"}\n"]);
        for answer in &answers[2..] {
            assert!(answer.contains("expected \\\"status\\\""), "{answer}");
        }
    }
}
