//! Media sense, and the loss of addresses that we hold.

mod state;

use super::addresses::{Addresses, SharedLedger, lock};
use super::netlink::{DATAGRAM, Failure, Netlink, messages, open, receive, register};
use super::rtnetlink::{
    DELETE_ADDRESS, DELETE_LINK, LINK_AND_ADDRESS_GROUPS, NEW_ADDRESS, NEW_LINK, parse_address,
    parse_link,
};
use super::{Error, InterfaceAddress};
use nix::errno::Errno;
use nix::sys::socket::SockFlag;
use state::State;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Bytes of news that may wait to be read; more are an overrun. Assumed.
const RECEIVE_BUFFER: usize = 1024 * 1024;
/// After the socket has failed it is opened again this much later. Assumed.
const REOPEN_AFTER: Duration = Duration::from_secs(1);
/// News that is forgotten at most before everything is read anew: more than the buffer holds.
const MOST_FORGOTTEN: usize = 65_536;

/// What the kernel told without having been asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Media sense of a watched interface changed.
    Link {
        /// The interface.
        interface: String,
        /// Whether it is set up, has carrier and may pass traffic.
        up: bool,
    },
    /// An address that was held is gone, and not because we removed it: somebody else did, its
    /// lease ran out, its interface was deleted, or the kernel took it away together with the
    /// first address of its subnet. It is not held any more.
    AddressLost {
        /// The address.
        address: InterfaceAddress,
        /// Who asked for it, as far as is known: the number of a netlink socket, usually the
        /// process's. None: the kernel itself, or an overrun hides it.
        by: Option<u32>,
    },
}

/// Watches interfaces by name, and the addresses that an [`Addresses`] holds.
///
/// An interface is up when it is set up, has carrier, and its operational state is up (or unknown
/// to the driver). One that does not exist is down. One that was deleted and made anew was down in
/// between, also if that went unseen. The kernel may tell of a lost carrier up to 1 s late if the
/// carrier was lost or found in the second before.
#[derive(Debug)]
pub struct Watch {
    socket: Option<AsyncFd<OwnedFd>>,
    netlink: Netlink,
    ledger: SharedLedger,
    state: State,
    /// Everything has to be read anew before more news is read.
    stale: bool,
    overruns: u64,
    events: VecDeque<Event>,
    buffer: Vec<u8>,
}

impl Watch {
    /// Begins to watch; returns when it knows the state of every interface. Needs a tokio runtime.
    ///
    /// It may be dropped at its await. Bounded by the wait of `addresses`.
    ///
    /// # Errors
    /// The kernel's, or [`Error::Machine`] if there is no socket to be had.
    pub async fn open(addresses: &Addresses, interfaces: &[&str]) -> Result<Watch, Error> {
        let mut watch = Watch {
            socket: Some(subscribe()?),
            netlink: addresses.netlink.clone(),
            ledger: SharedLedger::clone(&addresses.ledger),
            state: State::new(interfaces, addresses.netlink.port()),
            stale: true,
            overruns: 0,
            events: VecDeque::new(),
            buffer: vec![0; DATAGRAM],
        };
        watch.read_all().await?;
        // What is up at first is no change.
        watch.events.clear();
        Ok(watch)
    }

    /// The interfaces and whether they are up, after all events that [`next`](Watch::next) has
    /// returned and those that it is going to return without waiting; at first, as they were found.
    pub fn links(&self) -> Vec<(String, bool)> {
        self.state.links()
    }

    /// How often news was lost and everything was read anew.
    pub fn overruns(&self) -> u64 {
        self.overruns
    }

    /// The next event; waits for it as long as it takes, so it has no time-out of its own.
    ///
    /// It may be dropped at its await: no event is lost.
    ///
    /// # Errors
    /// If news cannot be read. It may be called again: it then waits a second, opens a new socket
    /// and reads everything anew.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            if self.socket.is_none() {
                tokio::time::sleep(REOPEN_AFTER).await;
                self.socket = Some(subscribe()?);
                self.stale = true;
            }
            if self.stale {
                self.read_all().await?;
                continue;
            }
            self.read_news().await?;
        }
    }

    /// Reads one datagram, or notes that some were lost.
    async fn read_news(&mut self) -> Result<(), Error> {
        let Some(socket) = &self.socket else { return Ok(()) };
        let buffer = &mut self.buffer;
        let read = socket
            .async_io(Interest::READABLE, |fd| receive(fd, buffer).map_err(io::Error::from))
            .await;
        match read {
            Ok(Some(length)) => self.take(length),
            Ok(None) => {}
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => {
                self.overruns += 1;
                self.stale = true;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                self.socket = None;
                return Err(machine("read", source));
            }
        }
        Ok(())
    }

    /// Takes in the messages of a datagram.
    fn take(&mut self, length: usize) {
        let mut ledger = lock(&self.ledger);
        for message in messages(&self.buffer[..length]) {
            let payload = message.payload;
            let (port, sequence) = (message.port, message.sequence);
            match message.kind {
                NEW_LINK => {
                    if let Some(link) = parse_link(payload) {
                        self.state.link(&link, &mut self.events);
                    }
                }
                DELETE_LINK => {
                    if let Some(link) = parse_link(payload) {
                        self.state.gone(link.index, &mut self.events);
                    }
                }
                NEW_ADDRESS => {
                    if let Some(row) = parse_address(payload) {
                        self.state.address(row.key, port, sequence);
                    }
                }
                DELETE_ADDRESS => {
                    if let Some(row) = parse_address(payload) {
                        self.state.address_gone(row.key, port, &mut ledger, &mut self.events);
                    }
                }
                _ => {}
            }
        }
    }

    /// Reads everything anew. News that was read before is older and is forgotten; what waits to
    /// be read may be older too, but tells of changes that there were, and ends at the present.
    async fn read_all(&mut self) -> Result<(), Error> {
        if let Some(socket) = &self.socket {
            for _ in 0..MOST_FORGOTTEN {
                match receive(socket.get_ref(), &mut self.buffer) {
                    // A further overrun: the reading below comes after it too.
                    Ok(_) | Err(Errno::ENOBUFS | Errno::EINTR) => {}
                    Err(_) => break,
                }
            }
        }
        let ledger = SharedLedger::clone(&self.ledger);
        let (held, links, rows) = self
            .netlink
            .read("list", "interfaces and addresses", move |requests| {
                // On this thread no request of ours is on its way at this moment.
                let held = lock(&ledger).snapshot();
                let at = |place| move |failure: Failure| failure.at("list", place);
                let links = requests.links().map_err(at("interfaces"))?;
                let rows = requests.addresses().map_err(at("addresses"))?;
                Ok((held, links, rows))
            })
            .await?;
        self.stale = false;
        self.state.all_links(&links, &mut self.events);
        let mut ledger = lock(&self.ledger);
        self.state.all_addresses(&held, &rows, &mut ledger, &mut self.events);
        Ok(())
    }
}

fn subscribe() -> Result<AsyncFd<OwnedFd>, Error> {
    let fd = open(SockFlag::SOCK_NONBLOCK, LINK_AND_ADDRESS_GROUPS, RECEIVE_BUFFER)
        .map_err(|errno| machine("open", errno.into()))?;
    register(fd).map_err(|source| machine("open", source))
}

fn machine(operation: &'static str, source: io::Error) -> Error {
    let place = "the kernel's news of interfaces and addresses".to_owned();
    Error::Machine { operation, place, source }
}
