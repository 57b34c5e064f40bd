//! Journals that grow: where one is or goes, who serves it, who follows it. Threads and waiting
//! are here because a socket needs them; nothing here decides what is in a journal.

mod follow;
mod server;

pub use follow::{Follow, News};
pub use server::{Server, Sink};

use core::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a journal is, or goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// A TCP socket, as `HOST:PORT`.
    Tcp(String),
    /// A socket in the file system.
    Unix(PathBuf),
    /// Standard input.
    Stdin,
}

impl FromStr for Place {
    type Err = String;

    /// Reads `FILE`, `tcp:HOST:PORT`, `unix:PATH` or `-`.
    fn from_str(text: &str) -> Result<Place, String> {
        const EXPECTED: &str = "expected FILE, tcp:HOST:PORT, unix:PATH, or - for standard input";
        if text == "-" {
            return Ok(Place::Stdin);
        }
        if let Some(address) = text.strip_prefix("tcp:") {
            let parts = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            return match parts.map(|(_, port)| port.parse::<u16>()) {
                Some(Ok(_)) => Ok(Place::Tcp(address.to_owned())),
                _ => Err(format!("{EXPECTED}; a port is a number up to 65535: tcp:127.0.0.1:7010")),
            };
        }
        match text.strip_prefix("unix:") {
            Some("") => Err(format!("{EXPECTED}; unix: needs a path")),
            Some(path) => Ok(Place::Unix(PathBuf::from(path))),
            None if text.is_empty() => Err(EXPECTED.to_owned()),
            None => Ok(Place::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => write!(f, "{}", path.display()),
            Place::Tcp(address) => write!(f, "tcp:{address}"),
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
            Place::Stdin => f.write_str("-"),
        }
    }
}

/// A connection of either kind of socket.
#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Another handle of the same connection.
    fn another(&self) -> io::Result<Stream> {
        match self {
            Stream::Tcp(stream) => stream.try_clone().map(Stream::Tcp),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.try_clone().map(Stream::Unix),
        }
    }

    /// Ends the connection, also for whoever waits on another handle of it.
    fn close(&self) {
        // One that has ended by itself is closed already.
        let _ = match self {
            Stream::Tcp(stream) => stream.shutdown(std::net::Shutdown::Both),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.shutdown(std::net::Shutdown::Both),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.read(bytes),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Stream::Unix(stream) => stream.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a place cannot be used for.
fn unfit(place: &Place, expected: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{place}: expected {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_shown() {
        for (text, place) in [
            ("run.dagtwin", Place::File("run.dagtwin".into())),
            ("C:\\run.dagtwin", Place::File("C:\\run.dagtwin".into())),
            ("tcp:127.0.0.1:7010", Place::Tcp("127.0.0.1:7010".into())),
            ("tcp:[::1]:0", Place::Tcp("[::1]:0".into())),
            ("unix:/tmp/twin", Place::Unix("/tmp/twin".into())),
            ("-", Place::Stdin),
        ] {
            assert_eq!(text.parse(), Ok(place.clone()));
            assert_eq!(place.to_string(), text);
        }
        for wrong in ["", "tcp:", "tcp:7010", "tcp::7010", "tcp:host:70000", "tcp:host:", "unix:"] {
            let told = wrong.parse::<Place>().expect_err(wrong);
            assert!(told.contains("expected FILE, tcp:HOST:PORT"), "{wrong}: {told}");
        }
    }
}
