//! Fetches logs.

use super::protocol::{
    ANSWER_MAX, Answer, CHALLENGE, Channel, End, GREETING, Key, REQUEST_MAX, Request, within,
};
use crate::agent::database::error::Error;
use crate::agent::database::position::{Position, Timeline};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where a peer's agent serves logs.
#[derive(Clone, Debug)]
pub struct Client {
    addresses: Vec<SocketAddr>,
    key: Key,
    limit: Duration,
}

/// A connection to a peer's agent.
pub(in crate::agent::database) struct Connection {
    channel: Channel,
    place: String,
    database: String,
    limit: Duration,
}

impl Client {
    /// A peer's agent, best address first; `limit` is for a connection to each address, and for
    /// each answer.
    pub fn new(addresses: Vec<SocketAddr>, key: Key, limit: Duration) -> Client {
        Client { addresses, key, limit }
    }

    /// Asks where the log of a database ends whose instance does not run; none if it runs. For an
    /// administrator who wants to know whether a peer's logs can be had. May be dropped.
    ///
    /// # Errors
    /// `NoPath`, `NoAnswer`, `NotAuthentic`, `Refused` if it does not serve the database.
    pub async fn probe(&self, database: &str) -> Result<Option<(Timeline, Position)>, Error> {
        let end = self.connect(database).await?.end(Position(0)).await?;
        Ok(end.map(|end| (end.timeline, end.end)))
    }

    /// Connects for one database.
    pub(in crate::agent::database) async fn connect(
        &self,
        database: &str,
    ) -> Result<Connection, Error> {
        let mut place = "log server (no address given)".to_owned();
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in &self.addresses {
            place = format!("log server at {address}");
            match within(self.limit, TcpStream::connect(address)).await {
                Ok(stream) => return self.prove(stream, place, database).await,
                Err(error) => last = error,
            }
        }
        Err(Error::NoPath { place, why: last.to_string() })
    }

    async fn prove(
        &self,
        mut stream: TcpStream,
        place: String,
        database: &str,
    ) -> Result<Connection, Error> {
        let mut challenges = vec![0; CHALLENGE];
        let asked = within(self.limit, async {
            stream.set_nodelay(true)?;
            getrandom::fill(&mut challenges).map_err(io::Error::other)?;
            stream.write_all(&GREETING).await?;
            stream.write_all(&challenges).await?;
            let mut answer = [0; CHALLENGE + 32];
            stream.read_exact(&mut answer).await?;
            Ok(answer)
        });
        let answer = asked.await.map_err(|error| failed(&place, self.limit, &error))?;
        challenges.extend(&answer[..CHALLENGE]);
        if !self.key.is_code(&[b"server", &challenges], &answer[CHALLENGE..]) {
            return Err(Error::NotAuthentic { place, why: "it does not know our key".to_owned() });
        }
        let proof = self.key.code(&[b"client", &challenges]);
        within(self.limit, stream.write_all(&proof))
            .await
            .map_err(|error| failed(&place, self.limit, &error))?;
        let channel = Channel::new(stream, &self.key, &challenges, true);
        Ok(Connection { channel, place, database: database.to_owned(), limit: self.limit })
    }
}

impl Connection {
    /// Where the log of an instance that does not run ends; none if it runs.
    pub(in crate::agent::database) async fn end(
        &mut self,
        from: Position,
    ) -> Result<Option<End>, Error> {
        let database = self.database.clone();
        match self.ask(&Request::End { database, from }).await? {
            Answer::End(end) => Ok(Some(end)),
            Answer::Running => Ok(None),
            other => Err(self.unexpected(&other)),
        }
    }

    /// A log file of the newest timeline; none if it is not there.
    pub(in crate::agent::database) async fn log(
        &mut self,
        file: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let database = self.database.clone();
        self.file(&Request::Log { database, file }).await
    }

    /// A timeline's history file; none if it is not there.
    pub(in crate::agent::database) async fn history(
        &mut self,
        timeline: Timeline,
    ) -> Result<Option<Vec<u8>>, Error> {
        let database = self.database.clone();
        self.file(&Request::History { database, timeline }).await
    }

    async fn file(&mut self, request: &Request) -> Result<Option<Vec<u8>>, Error> {
        match self.ask(request).await? {
            Answer::File(bytes) => Ok(Some(bytes)),
            Answer::Absent => Ok(None),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn ask(&mut self, request: &Request) -> Result<Answer, Error> {
        let request = request.encode();
        debug_assert!(request.len() <= REQUEST_MAX, "a request has a most");
        let (limit, channel) = (self.limit, &mut self.channel);
        let answered = async {
            channel.send(&request, limit).await?;
            channel.receive(ANSWER_MAX, limit).await
        };
        let answer = answered.await.map_err(|error| failed(&self.place, limit, &error))?;
        Answer::decode(answer).ok_or_else(|| Error::Content {
            path: self.place.clone(),
            found: "a message of an unknown kind".to_owned(),
            expected: "an answer",
        })
    }

    fn unexpected(&self, answer: &Answer) -> Error {
        let why = match answer {
            Answer::Running => "its instance runs: dismount it first",
            Answer::Unknown => "it does not serve this database",
            Answer::Failed => "it cannot read its log",
            Answer::End(_) | Answer::File(_) | Answer::Absent => "it answered something else",
        };
        let why = format!("{}: {why}", self.place);
        Error::Refused { database: self.database.clone(), what: "copy last logs", why }
    }
}

fn failed(place: &str, limit: Duration, error: &io::Error) -> Error {
    let place = place.to_owned();
    match error.kind() {
        io::ErrorKind::TimedOut => Error::NoAnswer { place, what: "logs", limit },
        // It closes the connection on one that cannot prove itself.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            Error::NotAuthentic { place, why: error.to_string() }
        }
        _ => Error::NoPath { place, why: error.to_string() },
    }
}
