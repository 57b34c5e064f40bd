//! A cable that takes time: the kernel here can delay nothing, so frames between a host's port and
//! the switch are taken out by hand and put in again later.

use crate::ground::goes_first;
use crate::space::enter;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recvfrom, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::TimeVal;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

/// A frame that this side has sent itself.
const OUTGOING: u8 = 4;
/// Longest frame: what hosts send is cut by their adapters before.
const LONGEST: usize = 2_048;
/// Ethernet's header.
const HEADER: usize = 14;

/// Carries frames between two interfaces, each so much later, until it is dropped.
pub(crate) struct Relay {
    ends: Arc<AtomicBool>,
    carriers: Vec<JoinHandle<()>>,
}

impl Relay {
    pub(crate) fn new(space: u32, interfaces: [&str; 2], delay: Duration) -> Relay {
        let ends = Arc::new(AtomicBool::new(false));
        let [one, two] = interfaces.map(|name| {
            let name = name.to_owned();
            spawn(move || {
                enter(space);
                Arc::new(open(&name))
            })
            .join()
            .expect("a packet socket")
        });
        let ways = [(Arc::clone(&one), Arc::clone(&two)), (two, one)];
        let mut carriers = Vec::new();
        for (from, to) in ways {
            let (put, take) = mpsc::channel();
            let over = Arc::clone(&ends);
            carriers.push(spawn(move || {
                goes_first();
                while !over.load(Ordering::Relaxed) {
                    if let Some(frame) = receive(&from)
                        && put.send((Instant::now() + delay, frame)).is_err()
                    {
                        return;
                    }
                }
            }));
            carriers.push(spawn(move || {
                goes_first();
                for (due, frame) in take {
                    sleep(due.saturating_duration_since(Instant::now()));
                    // An interface that is down takes none, as a cable that is pulled.
                    let _ = send(to.as_raw_fd(), &frame, MsgFlags::empty());
                }
            }));
        }
        Relay { ends, carriers }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for carrier in self.carriers.drain(..) {
            let _ = carrier.join();
        }
    }
}

/// A socket that has every frame of an interface.
fn open(interface: &str) -> OwnedFd {
    let protocol = Some(SockProtocol::EthAll);
    let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), protocol);
    let socket = socket.expect("root may");
    let interfaces = getifaddrs().expect("interfaces");
    let address: Option<LinkAddr> = interfaces
        .filter(|it| it.interface_name == interface)
        .find_map(|it| it.address?.as_link_addr().copied());
    bind(socket.as_raw_fd(), &address.expect("the interface")).expect("bound");
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(0, 100_000)).expect("a limit");
    setsockopt(&socket, sockopt::RcvBuf, &(4 << 20)).expect("a buffer");
    socket
}

/// The next frame that came in; none if there was none for a while.
fn receive(socket: &OwnedFd) -> Option<Vec<u8>> {
    let mut bytes = vec![0; LONGEST];
    match recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut bytes) {
        Ok((length, Some(from))) if from.pkttype() != OUTGOING => {
            bytes.truncate(length);
            complete(&mut bytes);
            Some(bytes)
        }
        Ok(_) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ENETDOWN) => None,
        Err(error) => panic!("a packet socket: {error}"),
    }
}

/// Fills in the checksum that the sender's kernel has left to its adapter.
fn complete(frame: &mut [u8]) {
    let ipv4 = frame.len() > HEADER + 20 && frame[12..14] == [8, 0];
    let whole = ipv4 && u16::from_be_bytes([frame[20], frame[21]]) & 0x3fff == 0;
    if !whole {
        return;
    }
    let (begin, total) = (usize::from(frame[14] & 15) * 4, [frame[16], frame[17]]);
    let end = HEADER + usize::from(u16::from_be_bytes(total));
    let place = match frame[23] {
        6 => 16,
        17 => 6,
        _ => return,
    };
    let (begin, protocol) = (HEADER + begin, u32::from(frame[23]));
    let addresses = frame[26..34].to_vec();
    let Some(segment) = frame.get_mut(begin..end).filter(|it| it.len() > place + 1) else { return };
    segment[place..place + 2].fill(0);
    let length = u32::try_from(segment.len()).expect("a frame is short");
    let words = addresses.iter().chain(segment.iter()).enumerate();
    let shifted = words.map(|(at, byte)| u32::from(*byte) << if at % 2 == 0 { 8 } else { 0 });
    let mut sum = shifted.sum::<u32>() + protocol + length;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = !u16::try_from(sum).expect("it was folded");
    segment[place..place + 2].copy_from_slice(&sum.to_be_bytes());
}
