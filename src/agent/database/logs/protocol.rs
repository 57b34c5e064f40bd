//! What is said between the two sides.

use crate::agent::database::error::Error;
use crate::agent::database::position::{LOG_BYTES, Position, Timeline};
use core::fmt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The first bytes of a connection.
pub(super) const GREETING: [u8; 16] = *b"dagtwin logs 1\r\n";
/// Bytes of a challenge, and of a code (HMAC-SHA256).
pub(super) const CHALLENGE: usize = 32;
const CODE: usize = 32;
/// Longest request, and longest answer: a log and its tag.
pub(super) const REQUEST_MAX: usize = 128;
pub(super) const ANSWER_MAX: usize = LOG_BYTES as usize + 1;
/// Shortest secret of a key, in bytes.
const SECRET_MIN: usize = 16;

/// What both hosts know.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// A key from a secret of at least 16 bytes.
    ///
    /// # Errors
    /// `Setting` if it is shorter.
    pub fn new(secret: &[u8]) -> Result<Key, Error> {
        if secret.len() < SECRET_MIN {
            return Err(Error::Setting {
                setting: "key",
                found: format!("{} bytes", secret.len()),
                expected: "at least 16 random bytes, the same on both hosts",
            });
        }
        Ok(Key(secret.to_vec()))
    }

    /// The code of some parts, in order.
    pub(super) fn code(&self, parts: &[&[u8]]) -> [u8; CODE] {
        mac(&self.0, parts).finalize().into_bytes().into()
    }

    /// Whether a code is that of some parts; it takes the same time if it is not.
    pub(super) fn is_code(&self, parts: &[&[u8]], code: &[u8]) -> bool {
        mac(&self.0, parts).verify_slice(code).is_ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// A connection on which both sides have proved themselves.
pub(super) struct Channel {
    stream: TcpStream,
    sending: Key,
    receiving: Key,
    sent: u64,
    received: u64,
}

impl Channel {
    pub(super) fn new(stream: TcpStream, key: &Key, challenges: &[u8], is_client: bool) -> Channel {
        let to_server = Key(key.code(&[b"to server", challenges]).to_vec());
        let to_client = Key(key.code(&[b"to client", challenges]).to_vec());
        let (sending, receiving) =
            if is_client { (to_server, to_client) } else { (to_client, to_server) };
        Channel { stream, sending, receiving, sent: 0, received: 0 }
    }

    /// Sends a message. A channel on which this failed is of no more use.
    pub(super) async fn send(&mut self, message: &[u8], limit: Duration) -> io::Result<()> {
        let length = u32::try_from(message.len()).map_err(io::Error::other)?.to_be_bytes();
        let code = self.sending.code(&[&self.sent.to_be_bytes(), &length, message]);
        self.sent += 1;
        within(limit, async {
            self.stream.write_all(&length).await?;
            self.stream.write_all(message).await?;
            self.stream.write_all(&code).await
        })
        .await
    }

    /// Receives a message of at most `most` bytes. A channel on which this failed is of no more
    /// use.
    pub(super) async fn receive(&mut self, most: usize, limit: Duration) -> io::Result<Vec<u8>> {
        let (length, message, code) = within(limit, async {
            let length = self.stream.read_u32().await?;
            if length as usize > most {
                let told = format!("a message of {length} bytes, expected at most {most}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, told));
            }
            let mut message = vec![0; length as usize];
            self.stream.read_exact(&mut message).await?;
            let mut code = [0; CODE];
            self.stream.read_exact(&mut code).await?;
            Ok((length, message, code))
        })
        .await?;
        let parts: [&[u8]; 3] = [&self.received.to_be_bytes(), &length.to_be_bytes(), &message];
        if !self.receiving.is_code(&parts, &code) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a message with a wrong code"));
        }
        self.received += 1;
        Ok(message)
    }
}

/// Waits for something on a socket, for a while.
pub(super) async fn within<T>(
    limit: Duration,
    what: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    timeout(limit, what).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// What a client asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Request {
    /// Where a database's log ends; `from` is where a record begins, as a hint.
    End { database: String, from: Position },
    /// A log file by its number, of the newest timeline.
    Log { database: String, file: u64 },
    /// A timeline's history file.
    History { database: String, timeline: Timeline },
}

/// Where the log of an instance that does not run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::agent::database) struct End {
    /// Names the data for life.
    pub(in crate::agent::database) system: u64,
    /// Its timeline.
    pub(in crate::agent::database) timeline: Timeline,
    /// Where its log ends.
    pub(in crate::agent::database) end: Position,
}

/// What a server answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// Where the log ends.
    End(End),
    /// A log or a history file.
    File(Vec<u8>),
    /// There is no such file.
    Absent,
    /// The instance runs: it has to be asked itself.
    Running,
    /// The server does not know the database.
    Unknown,
    /// The server cannot read it.
    Failed,
}

impl Request {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (tag, database, number) = match self {
            Request::End { database, from } => (1, database, from.0),
            Request::Log { database, file } => (2, database, *file),
            Request::History { database, timeline } => (3, database, u64::from(*timeline)),
        };
        let mut bytes = vec![tag];
        bytes.extend(number.to_be_bytes());
        bytes.extend(database.as_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Request> {
        let (tag, rest) = bytes.split_first()?;
        let (number, name) = rest.split_first_chunk::<8>()?;
        let number = u64::from_be_bytes(*number);
        let database = str::from_utf8(name).ok()?.to_owned();
        match tag {
            1 => Some(Request::End { database, from: Position(number) }),
            2 => Some(Request::Log { database, file: number }),
            3 => Some(Request::History { database, timeline: u32::try_from(number).ok()? }),
            _ => None,
        }
    }
}

impl Answer {
    pub(super) fn encode(self) -> Vec<u8> {
        match self {
            Answer::End(End { system, timeline, end }) => {
                let mut bytes = vec![1];
                bytes.extend(system.to_be_bytes());
                bytes.extend(timeline.to_be_bytes());
                bytes.extend(end.0.to_be_bytes());
                bytes
            }
            Answer::File(mut file) => {
                file.insert(0, 2);
                file
            }
            Answer::Absent => vec![3],
            Answer::Running => vec![4],
            Answer::Unknown => vec![5],
            Answer::Failed => vec![6],
        }
    }

    pub(super) fn decode(mut bytes: Vec<u8>) -> Option<Answer> {
        match (*bytes.first()?, bytes.len()) {
            (1, 21) => {
                let number =
                    |at: usize| Some(u64::from_be_bytes(bytes[at..at + 8].try_into().ok()?));
                let timeline = u32::from_be_bytes(bytes[9..13].try_into().ok()?);
                let (system, end) = (number(1)?, Position(number(13)?));
                Some(Answer::End(End { system, timeline, end }))
            }
            (2, _) => {
                bytes.remove(0);
                Some(Answer::File(bytes))
            }
            (3, 1) => Some(Answer::Absent),
            (4, 1) => Some(Answer::Running),
            (5, 1) => Some(Answer::Unknown),
            (6, 1) => Some(Answer::Failed),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_are_written() {
        let database = || "db-1".to_owned();
        for request in [
            Request::End { database: database(), from: Position(7) },
            Request::Log { database: database(), file: u64::MAX },
            Request::History { database: String::new(), timeline: 3 },
        ] {
            assert_eq!(Request::decode(&request.encode()), Some(request));
        }
        for answer in [
            Answer::End(End { system: 1, timeline: 2, end: Position(3) }),
            Answer::File(vec![1, 2, 3]),
            Answer::Absent,
            Answer::Running,
            Answer::Unknown,
            Answer::Failed,
        ] {
            assert_eq!(Answer::decode(answer.clone().encode()), Some(answer));
        }
        for wrong in [&[][..], &[1], &[1, 2, 3], &[9; 21], &[3, 0]] {
            assert_eq!(Answer::decode(wrong.to_vec()), None);
        }
        let mut too_high = Request::History { database: database(), timeline: 1 }.encode();
        too_high[1] = 1;
        for wrong in [&[][..], &[1; 8], &[4; 20], &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF], &too_high] {
            assert_eq!(Request::decode(wrong), None);
        }
    }

    #[test]
    fn a_key_is_long_and_not_shown() {
        assert!(Key::new(&[1; 15]).is_err());
        let key = Key::new(&[77; 16]).expect("a key");
        assert_eq!(format!("{key:?}"), "Key(..)");
        let code = key.code(&[b"a", b"b"]);
        assert!(key.is_code(&[b"ab"], &code));
        assert!(!key.is_code(&[b"ac"], &code));
        assert!(!Key::new(&[78; 16]).expect("a key").is_code(&[b"ab"], &code));
    }
}
