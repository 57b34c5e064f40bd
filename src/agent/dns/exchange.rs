//! One request and its answer.

use super::error::Heard;
use super::signature::{FUDGE, Signed, Verdict};
use super::{Error, Key, message};
use domain::base::Message;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

/// The longest message that goes over UDP (RFC 1035 §4.2.1), in octets.
const LONGEST_OVER_UDP: usize = 512;
/// Answers over UDP beyond this are cut by the kernel and then not readable; none should come.
const LARGEST_DATAGRAM: usize = 4096;

/// One request to one server.
pub(super) struct Exchange<'a> {
    /// Whom to ask.
    pub server: SocketAddr,
    /// The key that the request was signed with.
    pub key: &'a Key,
    /// The request.
    pub request: Signed,
    /// How long it may take in all.
    pub timeout: Duration,
    /// The wall clock, in seconds since 1970.
    pub wall_clock: fn() -> u64,
}

/// What one received message is to the exchange.
enum Received {
    /// The answer.
    Answer(Message<Vec<u8>>),
    /// Its beginning; the whole is to be fetched over TCP.
    Truncated,
    /// Something else.
    Noise(String),
}

impl Exchange<'_> {
    /// Asks over UDP, once more after half of the time, and over TCP if the answer is too long.
    /// Ends within the time-out. May be dropped; whether an update was made is then not known.
    pub(super) async fn run(&self) -> Result<Message<Vec<u8>>, Error> {
        let start = Instant::now();
        let end = start + self.timeout;
        if self.request.bytes.len() <= LONGEST_OVER_UDP
            && let Some(answer) = self.over_udp(start + self.timeout / 2, end).await?
        {
            return Ok(answer);
        }
        match timeout_at(end, self.over_tcp()).await {
            Ok(answer) => answer,
            Err(_) => Err(self.no_answer(None)),
        }
    }

    /// The answer, or none if it was truncated.
    async fn over_udp(
        &self,
        again: Instant,
        end: Instant,
    ) -> Result<Option<Message<Vec<u8>>>, Error> {
        let any: IpAddr = match self.server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // A port of its own for each request; connected, so that the kernel passes nothing on
        // that another host sent, and tells at once when nobody listens.
        let socket = UdpSocket::bind((any, 0)).await.map_err(self.failed("opening a socket"))?;
        socket.connect(self.server).await.map_err(self.failed("choosing a path"))?;
        socket.send(&self.request.bytes).await.map_err(self.failed("sending"))?;
        let (mut next, mut heard) = (again, None);
        let mut datagram = vec![0; LARGEST_DATAGRAM];
        loop {
            let Ok(received) = timeout_at(next, socket.recv(&mut datagram)).await else {
                if next == end {
                    return Err(self.no_answer(heard));
                }
                socket.send(&self.request.bytes).await.map_err(self.failed("sending"))?;
                next = end;
                continue;
            };
            let length = received.map_err(self.failed("receiving"))?;
            match self.receive(datagram[..length].to_vec())? {
                Received::Answer(answer) => return Ok(Some(answer)),
                Received::Truncated => return Ok(None),
                Received::Noise(what) => heard = Some(what),
            }
        }
    }

    async fn over_tcp(&self) -> Result<Message<Vec<u8>>, Error> {
        let request = &self.request.bytes;
        let Ok(length) = u16::try_from(request.len()) else {
            let source = io::Error::from(io::ErrorKind::InvalidInput);
            return Err(Error::Machine { server: self.server, what: "a message's length", source });
        };
        let mut stream =
            TcpStream::connect(self.server).await.map_err(self.failed("connecting"))?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend(request);
        stream.write_all(&framed).await.map_err(self.failed("sending"))?;
        let length = stream.read_u16().await.map_err(self.failed("receiving"))?;
        let mut bytes = vec![0; length.into()];
        stream.read_exact(&mut bytes).await.map_err(self.failed("receiving"))?;
        match self.receive(bytes)? {
            Received::Answer(answer) => Ok(answer),
            Received::Truncated => Err(self.no_answer(Some("cut off over TCP too".to_owned()))),
            Received::Noise(what) => Err(self.no_answer(Some(what))),
        }
    }

    /// Judges what came. An error is the server's own word on the key.
    fn receive(&self, bytes: Vec<u8>) -> Result<Received, Error> {
        let Ok(mut answer) = Message::from_octets(bytes) else {
            return Ok(Received::Noise("something too short for a DNS message".to_owned()));
        };
        let Ok(request) = Message::from_octets(self.request.bytes.as_slice()) else {
            unreachable!("our own request has a header");
        };
        if !message::answers(&answer, &request) {
            return Ok(Received::Noise("the answer to another question".to_owned()));
        }
        if answer.header().tc() {
            return Ok(Received::Truncated);
        }
        let (server, key) = (self.server, self.key.name().to_string());
        match self.request.judge(&mut answer, (self.wall_clock)()) {
            Verdict::Trusted => Ok(Received::Answer(answer)),
            Verdict::UnknownKey => Err(Error::UnknownKey { server, key }),
            Verdict::WrongSecret => Err(Error::WrongSecret { server, key }),
            Verdict::ClockSkew(ahead) => Err(Error::ClockSkew { server, ahead, fudge: FUDGE }),
            Verdict::Untrusted(what) => Ok(Received::Noise(what)),
        }
    }

    fn no_answer(&self, heard: Option<String>) -> Error {
        Error::NoAnswer { server: self.server, waited: self.timeout, heard: Heard(heard) }
    }

    /// What a failed system call means.
    fn failed(&self, what: &'static str) -> impl FnOnce(io::Error) -> Error {
        let server = self.server;
        let waited = self.timeout;
        move |source| match source.kind() {
            io::ErrorKind::ConnectionRefused => Error::NotListening { server },
            io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            // What a packet filter of this host gives.
            | io::ErrorKind::PermissionDenied => Error::NoPath { server, source },
            io::ErrorKind::TimedOut
            | io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => {
                let heard = Heard(Some(format!("its connection ended: {source}")));
                Error::NoAnswer { server, waited, heard }
            }
            _ => Error::Machine { server, what, source },
        }
    }
}
