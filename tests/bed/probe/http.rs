//! A new connection and a request at every millisecond, however long the others take: one loop
//! over sockets that never block.

use super::{Asked, LIMIT, Pace, member};
use crate::ground::{boottime, nanos};
use crate::serve::PORT;
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: casarray.bed.test\r\n\r\n";

/// A request under way.
struct Request {
    sent: u64,
    stream: TcpStream,
    written: bool,
    read: Vec<u8>,
}

/// How a request is.
enum Progress {
    UnderWay,
    Answered(usize),
    Failed,
}

pub(super) fn ask(address: Ipv4Addr, ends: &AtomicBool) -> Vec<Asked> {
    let (mut all, mut under_way) = (Vec::new(), Vec::new());
    let mut pace = Pace::new();
    loop {
        let asks = !ends.load(Ordering::Relaxed);
        if asks {
            match begin(address) {
                Some(request) => under_way.push(request),
                None => all.push(Asked { sent: boottime(), answer: None }),
            }
        } else if under_way.is_empty() {
            return all;
        }
        // An answer comes within a part of the pace, and is not to wait for all of it.
        for _ in 0..2 {
            under_way.retain_mut(|request: &mut Request| {
                let answer = match request.go_on() {
                    Progress::UnderWay => return true,
                    Progress::Answered(who) => Some((boottime(), who)),
                    Progress::Failed => None,
                };
                all.push(Asked { sent: request.sent, answer });
                false
            });
            pace.wait_half();
        }
    }
}

/// Begins a request; none if there is not even a route.
fn begin(address: Ipv4Addr) -> Option<Request> {
    let sent = boottime();
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None).ok()?;
    // It ends with a reset: no end of the connection is kept.
    socket.set_linger(Some(Duration::ZERO)).ok()?;
    let to = SocketAddr::from((address, PORT));
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(error)
            if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(_) => return None,
    }
    Some(Request { sent, stream: socket.into(), written: false, read: Vec::new() })
}

impl Request {
    fn go_on(&mut self) -> Progress {
        if boottime() > self.sent + nanos(LIMIT) {
            return Progress::Failed;
        }
        if !self.written {
            match self.stream.write(REQUEST) {
                Ok(length) if length == REQUEST.len() => self.written = true,
                Err(error) if waits(&error) => return Progress::UnderWay,
                Ok(_) | Err(_) => return Progress::Failed,
            }
        }
        let mut bytes = [0; 256];
        match self.stream.read(&mut bytes) {
            Ok(0) => return Progress::Failed,
            Ok(length) => self.read.extend_from_slice(&bytes[..length]),
            Err(error) if waits(&error) => return Progress::UnderWay,
            Err(_) => return Progress::Failed,
        }
        member(&self.read).map_or(Progress::UnderWay, Progress::Answered)
    }
}

/// Whether there is only no connection or nothing to read yet.
fn waits(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}
