//! A netlink socket that asks and waits for the answer, and the thread that owns it. The kernel
//! does a request inside the system call and may wait there for its configuration lock: that must
//! not hold up whoever sends heartbeats.

use super::Error;
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NetlinkMessage,
};
use netlink_packet_route::RouteNetlinkMessage;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce, ReceiveTimeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, getsockname,
    recvfrom, sendto, setsockopt, socket,
};
use nix::sys::time::TimeVal;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;

/// Largest datagram: the kernel makes those of a dump 32 KiB at most.
pub(super) const DATAGRAM: usize = 64 * 1024;
/// Types of netlink's own messages.
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// A dump that was interrupted by a change is begun again so often.
const DUMPS: u32 = 8;

/// Why a request had no success.
#[derive(Debug)]
pub(super) enum Failure {
    /// The kernel answered with an error.
    Refused(Errno),
    /// The socket failed.
    Broken(io::Error),
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Broken(errno.into())
    }
}

impl Failure {
    /// The error for it.
    pub(super) fn at(self, operation: &'static str, place: &str) -> Error {
        let place = place.to_owned();
        match self {
            Failure::Refused(errno) => Error::Refused { operation, place, source: errno.into() },
            Failure::Broken(source) => Error::Machine { operation, place, source },
        }
    }
}

/// One message of a datagram.
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    /// Who asked for it, or for the change that it tells of.
    pub(super) port: u32,
    pub(super) payload: &'a [u8],
}

/// The messages of a datagram; ends at the first that is no message.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let buffer = NetlinkBuffer::new_checked(datagram).ok()?;
        let length = usize::try_from(buffer.length()).ok()?;
        let message = Message {
            kind: buffer.message_type(),
            flags: buffer.flags(),
            sequence: buffer.sequence_number(),
            port: buffer.port_number(),
            payload: datagram.get(16..length)?,
        };
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// Opens a netlink socket that hears the given groups.
pub(super) fn open(flags: SockFlag, groups: u32, buffer: usize) -> nix::Result<OwnedFd> {
    let flags = flags | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    enlarge(&fd, buffer);
    Ok(fd)
}

/// Enlarges a receive buffer as far as we are allowed to; a smaller one only overflows earlier.
pub(super) fn enlarge(fd: &OwnedFd, bytes: usize) {
    if setsockopt(fd, RcvBufForce, &bytes).is_err() {
        let _ = setsockopt(fd, RcvBuf, &bytes);
    }
}

/// Lets tokio wait for a socket to be readable.
#[expect(
    deprecated,
    reason = "its successor is unsafe, for types that do not own their descriptor; this one does"
)]
pub(super) fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

/// Receives a datagram; `Ok(None)` is one that does not come from the kernel.
pub(super) fn receive(fd: &OwnedFd, buffer: &mut [u8]) -> nix::Result<Option<usize>> {
    let (length, from) = recvfrom::<NetlinkAddr>(fd.as_raw_fd(), buffer)?;
    Ok(from.is_some_and(|from| from.pid() == 0).then_some(length))
}

/// The socket, as jobs see it.
pub(super) struct Requests {
    fd: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Requests {
    /// The number of the next request. The kernel tells it along with the change that follows.
    pub(super) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Asks, with `flags` besides those that every request has.
    pub(super) fn ask(
        &mut self,
        sequence: u32,
        message: RouteNetlinkMessage,
        flags: u16,
        mut each: impl FnMut(u16, &[u8]),
    ) -> Result<(), Failure> {
        self.send(sequence, message, NLM_F_REQUEST | NLM_F_ACK | flags)?;
        self.answers(sequence, &mut each).map(|_| ())
    }

    /// Lists. `each` returns what it makes of a message.
    pub(super) fn dump<T>(
        &mut self,
        message: &RouteNetlinkMessage,
        each: impl Fn(u16, &[u8]) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        for _ in 0..DUMPS {
            let mut list = Vec::new();
            let sequence = self.next_sequence();
            self.send(sequence, message.clone(), NLM_F_REQUEST | NLM_F_DUMP)?;
            let whole = self.answers(sequence, &mut |kind, payload| {
                list.extend(each(kind, payload));
            })?;
            if whole {
                return Ok(list);
            }
        }
        Err(Failure::Broken(io::Error::other("the list changed while it was read, each time")))
    }

    fn send(
        &mut self,
        sequence: u32,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(), Failure> {
        let mut message = NetlinkMessage::from(message);
        message.header.flags = flags;
        message.header.sequence_number = sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        let kernel = NetlinkAddr::new(0, 0);
        loop {
            match sendto(self.fd.as_raw_fd(), &bytes, &kernel, MsgFlags::empty()) {
                Err(Errno::EINTR) => {}
                done => return done.map(|_| ()).map_err(Failure::from),
            }
        }
    }

    /// Reads up to the end of the answer; tells whether it is consistent.
    fn answers(
        &mut self,
        sequence: u32,
        each: &mut dyn FnMut(u16, &[u8]),
    ) -> Result<bool, Failure> {
        let mut whole = true;
        loop {
            let length = match receive(&self.fd, &mut self.buffer) {
                Ok(Some(length)) => length,
                Ok(None) | Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            for message in messages(&self.buffer[..length]) {
                if message.sequence != sequence {
                    continue;
                }
                whole &= message.flags & NLM_F_DUMP_INTR == 0;
                if message.kind != ERROR && message.kind != DONE {
                    each(message.kind, message.payload);
                    continue;
                }
                let code =
                    message.payload.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                return match code {
                    0 => Ok(whole),
                    code if Errno::from_raw(-code) == Errno::EINTR => Ok(false),
                    code => Err(Failure::Refused(Errno::from_raw(-code))),
                };
            }
        }
    }
}

type Job = Box<dyn FnOnce(&mut Requests) + Send>;

/// What becomes of a job that nobody waits for any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Abandoned {
    /// It is not begun.
    Skip,
    /// It is done all the same.
    Do,
}

/// The thread that owns the socket. It does jobs in the order they came in, and ends with the last
/// of its handles.
#[derive(Clone, Debug)]
pub(super) struct Netlink {
    jobs: mpsc::Sender<Job>,
    port: u32,
    wait: Duration,
}

impl Netlink {
    /// Opens a socket in the namespace of this thread. Answers are waited for `wait` long.
    pub(super) fn open(wait: Duration) -> io::Result<Netlink> {
        let fd = open(SockFlag::empty(), 0, DATAGRAM)?;
        // The kernel's answer is there when the request returns; this only guards against a
        // kernel that does not answer.
        setsockopt(&fd, ReceiveTimeout, &TimeVal::new(2, 0))?;
        let port = getsockname::<NetlinkAddr>(fd.as_raw_fd())?.pid();
        let mut requests = Requests { fd, sequence: 0, buffer: vec![0; DATAGRAM] };
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new().name("netlink".to_owned()).spawn(move || {
            for job in queue {
                job(&mut requests);
            }
        })?;
        Ok(Netlink { jobs, port, wait })
    }

    /// The socket's number, which the kernel tells along with changes that were asked for here.
    pub(super) fn port(&self) -> u32 {
        self.port
    }

    /// Does a job on the thread. `undo` takes back a result that came too late for whoever waited.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        place: &str,
        abandoned: Abandoned,
        job: impl FnOnce(&mut Requests) -> Result<T, Error> + Send + 'static,
        undo: impl FnOnce(&mut Requests, T) + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, mut answer) = oneshot::channel();
        let job: Job = Box::new(move |requests| {
            if abandoned == Abandoned::Skip && reply.is_closed() {
                return;
            }
            if let Err(Ok(late)) = reply.send(job(requests)) {
                undo(requests, late);
            }
        });
        let ended = || Error::ended(operation, place);
        self.jobs.send(job).map_err(|_| ended())?;
        if let Ok(answer) = tokio::time::timeout(self.wait, &mut answer).await {
            return answer.map_err(|_| ended())?;
        }
        // It may have come between the time-out and this moment; after `close` it cannot any more.
        answer.close();
        let waited = self.wait;
        answer
            .try_recv()
            .unwrap_or_else(|_| Err(Error::NoAnswer { operation, place: place.to_owned(), waited }))
    }

    /// Reads something on the thread.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        place: &str,
        job: impl FnOnce(&mut Requests) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.run(operation, place, Abandoned::Skip, job, |_, _| {}).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(16 + payload.len()).expect("a short message");
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 10]);
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_datagram_is_cut_into_messages_and_rubbish_ends_it() {
        let (first, second) = (message(16, b"abcde"), message(17, b""));
        let kinds = |bytes: &[u8]| -> Vec<(u16, usize)> {
            messages(bytes).map(|it| (it.kind, it.payload.len())).collect()
        };
        let whole = [first.clone(), second.clone()].concat();
        assert_eq!(kinds(&whole), [(16, 5), (17, 0)]);
        assert_eq!(kinds(&[first.clone(), vec![0; 20], second.clone()].concat()), [(16, 5)]);
        for length in 0..whole.len() {
            assert!(kinds(&whole[..length]).len() < 2, "{length} bytes");
        }
        let mut longer = second;
        longer[0] = 200;
        assert_eq!(kinds(&[first, longer].concat()), [(16, 5)]);
    }

    /// Jobs that tell what was done, behind one that holds the thread up.
    #[tokio::test]
    async fn what_nobody_waits_for_is_undone_or_not_begun_and_removals_are_done() {
        let netlink = Netlink::open(Duration::from_millis(50)).expect("any user may open one");
        let done = Arc::new(Mutex::new(Vec::new()));
        let (release, held) = mpsc::channel::<()>();
        let note = |what: &'static str| {
            let done = Arc::clone(&done);
            move || done.lock().expect("no test panics with it").push(what)
        };
        let (slow, undo) = (note("slow"), note("undo"));
        let late = netlink.run(
            "add",
            "slow",
            Abandoned::Skip,
            move |_| {
                let _ = held.recv();
                slow();
                Ok(())
            },
            move |_, ()| undo(),
        );
        assert!(matches!(late.await, Err(Error::NoAnswer { .. })));
        for (what, abandoned) in [("skipped", Abandoned::Skip), ("removed", Abandoned::Do)] {
            let act = note(what);
            let job = move |_: &mut Requests| {
                act();
                Ok(())
            };
            let late = netlink.run("try", what, abandoned, job, |_, ()| {}).await;
            let text = late.expect_err("the thread is held up").to_string();
            assert!(text.contains("no answer") && text.contains(what), "{text}");
        }
        release.send(()).expect("the first job waits for it");
        let patient = Netlink { wait: Duration::from_secs(10), ..netlink };
        patient.read("end", "the queue", |_| Ok(())).await.expect("the thread goes on");
        assert_eq!(*done.lock().expect("no test panics with it"), ["slow", "undo", "removed"]);
    }

    #[tokio::test]
    async fn the_loopback_interface_is_found_and_others_are_not() {
        let netlink = Netlink::open(Duration::from_secs(10)).expect("any user may open one");
        let names = ["lo", "no-such", "", "a-name-that-is-too-long", "l\0o"];
        let found = netlink
            .read("find", "lo", move |requests| {
                names
                    .map(|name| requests.link(name).map_err(|failure| failure.at("find", name)))
                    .into_iter()
                    .collect::<Result<Vec<_>, _>>()
            })
            .await
            .expect("the kernel answers");
        assert_eq!(found.iter().filter(|link| link.is_some()).count(), 1);
        let loopback = found[0].as_ref().expect("every namespace has it");
        assert_eq!((loopback.name.as_str(), loopback.hardware), ("lo", None));
    }
}
