//! The packet socket for ARP.

use super::super::netlink::{enlarge, register};
use super::frame::Frame;
use nix::errno::Errno;
use nix::sys::socket::{LinkAddr, MsgFlags, recvfrom, sendto};
use socket2::{Domain, Protocol, Type};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::broadcast;

/// EtherType of ARP.
const ETHER_TYPE: u16 = 0x0806;
/// A frame that this host sends.
const OUTGOING: u8 = 4;
/// Bytes of frames that may wait to be read. Assumed.
const RECEIVE_BUFFER: usize = 1024 * 1024;
/// After an error it is read again this much later, so that one that lasts costs nothing. Assumed.
const PAUSE: Duration = Duration::from_millis(100);

/// A frame that came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// On which interface.
    pub(super) index: u32,
    pub(super) frame: Frame,
}

/// The packet socket.
#[derive(Debug)]
pub(super) struct Socket(AsyncFd<OwnedFd>);

impl Socket {
    /// Opens it for all interfaces.
    pub(super) fn open() -> io::Result<Socket> {
        let protocol = Protocol::from(i32::from(ETHER_TYPE.to_be()));
        let socket = socket2::Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
        socket.set_nonblocking(true)?;
        let fd = OwnedFd::from(socket);
        enlarge(&fd, RECEIVE_BUFFER);
        Ok(Socket(register(fd)?))
    }

    /// Sends a frame at once or not at all.
    pub(super) fn send(&self, frame: &[u8], to: &LinkAddr) -> nix::Result<()> {
        loop {
            match sendto(self.0.as_raw_fd(), frame, to, MsgFlags::MSG_DONTWAIT) {
                Err(Errno::EINTR) => {}
                sent => return sent.map(|_| ()),
            }
        }
    }

    /// The next frame; none if it is not one to look at.
    async fn next(&self) -> io::Result<Option<Taken>> {
        let mut bytes = [0; 128];
        let read = |fd: &OwnedFd| {
            recvfrom::<LinkAddr>(fd.as_raw_fd(), &mut bytes).map_err(io::Error::from)
        };
        let (length, from) = self.0.async_io(Interest::READABLE, read).await?;
        let from = from.filter(|from| from.pkttype() != OUTGOING);
        let index = from.and_then(|from| u32::try_from(from.ifindex()).ok());
        let frame = Frame::parse(&bytes[..length]);
        Ok(index.zip(frame).map(|(index, frame)| Taken { index, frame }))
    }
}

/// Hands on what comes in, for as long as it is let.
pub(super) async fn receive(socket: Arc<Socket>, frames: broadcast::Sender<Taken>) {
    loop {
        match socket.next().await {
            // Without anybody who listens it is forgotten.
            Ok(Some(taken)) => drop(frames.send(taken)),
            Ok(None) => {}
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
