//! The socket to the kernel's nf_tables.

use super::Error;
use super::message::{Answer, Element, Messages, Set, answers};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How long an answer is waited for. The kernel answers before `send` returns, so that this only
/// bounds what cannot happen. Assumed.
const LIMIT: Duration = Duration::from_secs(1);
/// Room for one datagram of a list; the kernel writes at most 32 KiB at once (netlink(7)).
const ROOM: usize = 32 * 1024;
/// How often a list that was changed while it was read is read again. Assumed.
const TRIES: usize = 5;

#[derive(Debug)]
pub(super) struct Socket {
    socket: OwnedFd,
    room: Vec<u8>,
}

/// What the kernel refused in a transaction: number of the message and error number.
pub(super) type Refusals = Vec<(u32, Errno)>;

impl Socket {
    /// Opens the socket in the network namespace of the calling thread, where it stays.
    pub(super) fn open() -> Result<Socket, Error> {
        let doing = "open a netlink socket";
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        let protocol = Some(netlink::NETFILTER);
        let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, protocol)
            .map_err(|error| general(doing, error))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(LIMIT))
            .map_err(|error| general(doing, error))?;
        rustix::net::bind(&socket, &netlink::SocketAddrNetlink::new(0, 0))
            .map_err(|error| general(doing, error))?;
        Ok(Socket { socket, room: vec![0; ROOM] })
    }

    /// Whether an interface of this name is in the socket's namespace.
    pub(super) fn has_interface(&self, name: &str) -> Result<(), Error> {
        match rustix::net::netdevice::name_to_index(&self.socket, name) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(Error::NoInterface { interface: name.to_owned(), source: error.into() })
            }
        }
    }

    /// Sends messages and waits until `last` is acknowledged or something is refused. Refusals
    /// that have to do with rights or with what the kernel can do come as errors, others are
    /// given back.
    pub(super) fn exchange(
        &mut self,
        doing: &'static str,
        messages: &Messages,
        first: u32,
        last: u32,
    ) -> Result<Refusals, Error> {
        self.send(doing, messages)?;
        let (mut refusals, mut acknowledged) = (Vec::new(), false);
        loop {
            // All answers are there already; the first is waited for all the same.
            let wait = !acknowledged && refusals.is_empty();
            let Some(found) = self.receive(doing, wait)? else { break };
            for (number, answer) in found {
                match answer {
                    // Left over from an exchange that was given up.
                    _ if !(first..=last).contains(&number) => {}
                    Answer::Done => acknowledged |= number == last,
                    Answer::Refused(code) => {
                        refusals.push((number, errno(code)));
                    }
                    Answer::Elements { .. } | Answer::Other => {}
                }
            }
        }
        match refusals.iter().find(|(_, error)| is_general(*error)) {
            Some((_, error)) => Err(general(doing, *error)),
            None => Ok(refusals),
        }
    }

    /// The live elements of a set; none if there is no such set.
    pub(super) fn elements(
        &mut self,
        messages: &mut Messages,
        set: Set,
    ) -> Result<Option<Vec<Element>>, Error> {
        for _ in 0..TRIES {
            messages.clear();
            let number = messages.get_elements(set);
            match self.list(messages, number)? {
                List::Whole(elements) => return Ok(Some(elements)),
                List::Absent => return Ok(None),
                List::Torn => {}
            }
        }
        let what = format!("set {} changed at each of {TRIES} tries to read it", set.name);
        Err(Error::Answer { doing: LIST, what })
    }

    fn list(&mut self, messages: &Messages, number: u32) -> Result<List, Error> {
        self.send(LIST, messages)?;
        let (mut whole, mut any_torn) = (Vec::new(), false);
        loop {
            let found = self.receive(LIST, true)?.unwrap_or_default();
            for (_, answer) in found.into_iter().filter(|(of, _)| *of == number) {
                match answer {
                    Answer::Elements { elements, torn } => {
                        whole.extend(elements);
                        any_torn |= torn;
                    }
                    Answer::Done if any_torn => return Ok(List::Torn),
                    Answer::Done => return Ok(List::Whole(whole)),
                    Answer::Refused(code) => match errno(code) {
                        Errno::NOENT => return Ok(List::Absent),
                        error => return Err(general(LIST, error)),
                    },
                    Answer::Other => {}
                }
            }
        }
    }

    fn send(&self, doing: &'static str, messages: &Messages) -> Result<(), Error> {
        let bytes = messages.bytes();
        match rustix::net::send(&self.socket, bytes, SendFlags::empty()) {
            Ok(sent) if sent == bytes.len() => Ok(()),
            Ok(sent) => {
                let what = format!("{sent} of {} bytes sent", bytes.len());
                Err(Error::Answer { doing, what })
            }
            Err(error) => Err(general(doing, error)),
        }
    }

    /// One datagram; none if it is not waited for and there is none.
    fn receive(
        &mut self,
        doing: &'static str,
        wait: bool,
    ) -> Result<Option<Vec<(u32, Answer)>>, Error> {
        let flags = if wait { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        loop {
            match rustix::net::recv(&self.socket, &mut self.room[..], flags | RecvFlags::TRUNC) {
                Ok((_, length)) => {
                    let bytes = self.room.get(..length).ok_or_else(|| Error::Answer {
                        doing,
                        what: format!("{length} bytes at once; expected at most {ROOM}"),
                    })?;
                    return match answers(bytes) {
                        Ok(found) => Ok(Some(found)),
                        Err(error) => Err(Error::Answer { doing, what: error.to_string() }),
                    };
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if !wait => return Ok(None),
                Err(Errno::AGAIN) => return Err(Error::NoAnswer { doing, limit: LIMIT }),
                Err(error) => return Err(general(doing, error)),
            }
        }
    }
}

const LIST: &str = "list the leases";

enum List {
    Whole(Vec<Element>),
    Torn,
    Absent,
}

/// An error number of the kernel; what cannot be one counts as a broken protocol.
fn errno(code: i32) -> Errno {
    if (1..4096).contains(&code) { Errno::from_raw_os_error(code) } else { Errno::PROTO }
}

/// Whether an error tells of the machine rather than of what was asked.
fn is_general(error: Errno) -> bool {
    let refusals = [Errno::NOENT, Errno::EXIST];
    !refusals.contains(&error)
}

/// What an error number of the machine means.
pub(super) fn general(doing: &'static str, error: Errno) -> Error {
    match error {
        Errno::PERM | Errno::ACCESS => Error::NoRights { doing },
        // nfnetlink knows no such subsystem; the socket knows no such protocol.
        Errno::INVAL | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT => {
            Error::Unsupported { doing, said: error.to_string() }
        }
        error => Error::Kernel { doing, source: error.into() },
    }
}
