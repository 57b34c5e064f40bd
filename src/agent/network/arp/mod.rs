//! Asks for addresses, announces them, and hears who else claims them.

mod announcer;
mod frame;
mod listener;
mod socket;

pub use announcer::{Announcements, Announcer, Schedule};
pub use frame::Form;
pub use listener::{Heard, Listener};

use super::addresses::{Addresses, SharedLedger};
use super::netlink::{Failure, Netlink, Requests};
use super::rtnetlink::Link;
use super::{Error, HardwareAddress};
use frame::Frame;
use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::LinkAddr;
use socket::{Socket, Taken};
use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

/// Frames that may wait for whoever listens; more are lost. Assumed.
const AHEAD: usize = 1024;
/// What is done to an interface before anything is sent.
const LOOK: &str = "look at";

/// What a probe found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProbeAnswer {
    /// Nobody answered.
    Silence,
    /// This adapter has the address: it answered, or claimed it meanwhile.
    Holder(HardwareAddress),
    /// Nobody has it, but this adapter asked for it too: it is about to claim it (RFC 5227
    /// §2.1.1).
    Prober(HardwareAddress),
}

/// ARP on all interfaces of this network namespace, by one socket. Clones are handles to the same.
///
/// The socket is not tied to an interface, so it outlives any of them; before anything is sent the
/// kernel is asked whether the interface is up and which hardware address it has now.
#[derive(Clone, Debug)]
pub struct Arp {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    socket: Arc<Socket>,
    netlink: Netlink,
    ledger: SharedLedger,
    frames: broadcast::Sender<Taken>,
    receiving: AbortHandle,
    /// The system's own form of interface indexes, by index.
    ports: Mutex<BTreeMap<u32, LinkAddr>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.receiving.abort();
    }
}

/// An interface that is up and speaks ARP.
#[derive(Clone, Debug)]
struct Port {
    index: u32,
    hardware: HardwareAddress,
    to: LinkAddr,
}

impl Arp {
    /// Opens a socket in the network namespace of this thread, and receives in a task of its own
    /// for as long as there is a handle. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Machine`] if there is no socket to be had.
    pub fn open(addresses: &Addresses) -> Result<Arp, Error> {
        let socket = Arc::new(Socket::open().map_err(|source| {
            let (operation, place) = ("open", "a socket for ARP".to_owned());
            Error::Machine { operation, place, source }
        })?);
        let (frames, _) = broadcast::channel(AHEAD);
        let receiving =
            tokio::spawn(socket::receive(Arc::clone(&socket), frames.clone())).abort_handle();
        Ok(Arp {
            inner: Arc::new(Inner {
                socket,
                netlink: addresses.netlink.clone(),
                ledger: SharedLedger::clone(&addresses.ledger),
                frames,
                receiving,
                ports: Mutex::default(),
            }),
        })
    }

    /// Asks once on an interface whether anybody has an address, and waits `wait` for the answer;
    /// usually 50 to 100 ms, as a live holder answers in well under 1 ms (linux-ha.md §10.6).
    /// Returns as soon as a holder is heard. The question claims nothing (RFC 5227 §2.1.1). A
    /// frame that is lost on the way looks like silence.
    ///
    /// It may be dropped at its await. Bounded by `wait` and two waits of the `Addresses`.
    ///
    /// # Errors
    /// If the interface is not up before and after, since its silence would mean nothing;
    /// [`Error::FramesLost`].
    pub async fn probe(
        &self,
        interface: &str,
        address: Ipv4Addr,
        wait: Duration,
    ) -> Result<ProbeAnswer, Error> {
        let mut frames = self.inner.frames.subscribe();
        let port = self.port(interface, None).await?;
        self.send(interface, &port, &Frame::probe(port.hardware, address))?;
        let deadline = Instant::now() + wait;
        let mut answer = ProbeAnswer::Silence;
        let mut lost = 0;
        loop {
            match timeout_at(deadline, frames.recv()).await {
                Ok(Ok(taken)) if taken.index == port.index => {
                    match judge(&taken.frame, port.hardware, address) {
                        ProbeAnswer::Silence => {}
                        ProbeAnswer::Holder(hardware) => return Ok(ProbeAnswer::Holder(hardware)),
                        ProbeAnswer::Prober(hardware) => answer = ProbeAnswer::Prober(hardware),
                    }
                }
                Ok(Ok(_)) => {}
                Ok(Err(RecvError::Lagged(frames))) => lost += frames,
                Ok(Err(RecvError::Closed)) => return Err(Error::ended("receive", "ARP")),
                Err(_) => break,
            }
        }
        if lost > 0 {
            let interface = interface.to_owned();
            return Err(Error::FramesLost { interface, address, frames: lost });
        }
        if self.port(interface, None).await?.index != port.index {
            return Err(Error::InterfaceDown { interface: interface.to_owned() });
        }
        Ok(answer)
    }

    /// Announces an address on an interface once, in these forms; usually [`Form::BOTH`], as some
    /// listen to the one form, some to the other. Only if the interface has the address: after a
    /// freeze its lease may have run out, and an announcement would lead clients astray.
    ///
    /// It may be dropped at its await: the announcement is then made as a whole or not at all.
    /// Bounded by a wait of the `Addresses`.
    ///
    /// # Errors
    /// [`Error::NotHeld`], or if the interface is not up or refuses.
    pub async fn announce(
        &self,
        interface: &str,
        address: Ipv4Addr,
        forms: &[Form],
    ) -> Result<(), Error> {
        let port = self.port(interface, Some(address)).await?;
        self.send_announcement(interface, &port, address, forms)
    }

    /// Hears announcements and conflicts from now on.
    pub fn listen(&self) -> Listener {
        Listener::new(self.clone(), self.inner.frames.subscribe())
    }

    fn send_announcement(
        &self,
        interface: &str,
        port: &Port,
        address: Ipv4Addr,
        forms: &[Form],
    ) -> Result<(), Error> {
        for form in forms {
            self.send(interface, port, &Frame::announcement(*form, port.hardware, address))?;
        }
        Ok(())
    }

    fn send(&self, interface: &str, port: &Port, frame: &Frame) -> Result<(), Error> {
        self.inner.socket.send(&frame.bytes(), &port.to).map_err(|errno| {
            let name = interface.to_owned();
            if errno == Errno::ENETDOWN {
                return Error::InterfaceDown { interface: name };
            }
            if errno == Errno::ENXIO || errno == Errno::ENODEV {
                return Error::NoInterface { interface: name };
            }
            let place = format!("ARP on {interface}");
            Error::Machine { operation: "send", place, source: errno.into() }
        })
    }

    /// The interface as it is now; it must be up, and have the address if one is given.
    async fn port(&self, interface: &str, having: Option<Ipv4Addr>) -> Result<Port, Error> {
        let (name, inner) = (interface.to_owned(), Arc::downgrade(&self.inner));
        let look = move |requests: &mut Requests| {
            let inner = inner.upgrade().ok_or_else(|| Error::ended(LOOK, &name))?;
            inner.port(requests, &name, having)
        };
        self.inner.netlink.read(LOOK, &format!("interface {interface}"), look).await
    }

    /// The hardware addresses of this host.
    async fn own(&self) -> Result<Vec<HardwareAddress>, Error> {
        self.inner
            .netlink
            .read("list", "interfaces", |requests| {
                let links = requests.links().map_err(|failure| failure.at("list", "interfaces"))?;
                Ok(links.into_iter().filter_map(|link| link.hardware).collect())
            })
            .await
    }
}

impl Inner {
    fn port(
        &self,
        requests: &mut Requests,
        name: &str,
        having: Option<Ipv4Addr>,
    ) -> Result<Port, Error> {
        let place = || format!("interface {name}");
        let failed = |failure: Failure| failure.at(LOOK, &place());
        let (link, hardware) = usable(requests.link(name).map_err(failed)?, name)?;
        let index = link.index;
        if let Some(address) = having {
            let rows = requests.addresses().map_err(failed)?;
            let mut keys = rows.iter().map(|row| row.key);
            if !keys.any(|key| key.index == index && key.address == address) {
                return Err(Error::NotHeld { interface: name.to_owned(), address });
            }
        }
        let to = self.to(index).map_err(|source| failed(Failure::Broken(source)))?;
        let to = to.ok_or_else(|| Error::NoInterface { interface: name.to_owned() })?;
        Ok(Port { index, hardware, to })
    }

    /// The system's own form of an interface's index; none: the interface is gone.
    fn to(&self, index: u32) -> io::Result<Option<LinkAddr>> {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(to) = ports.get(&index) {
            return Ok(Some(*to));
        }
        let entries = getifaddrs()?.filter_map(|entry| entry.address);
        *ports = entries
            .filter_map(|address| {
                let to = *address.as_link_addr()?;
                Some((u32::try_from(to.ifindex()).ok()?, to))
            })
            .collect();
        Ok(ports.get(&index).copied())
    }
}

/// The interface, if it is up and speaks ARP.
fn usable(link: Option<Link>, name: &str) -> Result<(Link, HardwareAddress), Error> {
    let interface = name.to_owned();
    let Some(link) = link else { return Err(Error::NoInterface { interface }) };
    let Some(hardware) = link.hardware else { return Err(Error::NotEthernet { interface }) };
    if link.up { Ok((link, hardware)) } else { Err(Error::InterfaceDown { interface }) }
}

/// What a frame says about an address that is asked for.
fn judge(frame: &Frame, own: HardwareAddress, address: Ipv4Addr) -> ProbeAnswer {
    let probe = frame.form == Form::Request && frame.sender_address.is_unspecified();
    if frame.sender == own {
        ProbeAnswer::Silence
    } else if frame.sender_address == address {
        ProbeAnswer::Holder(frame.sender)
    } else if probe && frame.target_address == address {
        ProbeAnswer::Prober(frame.sender)
    } else {
        ProbeAnswer::Silence
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_judged_as_rfc_5227_has_it() {
        let (own, other) = (HardwareAddress([2; 6]), HardwareAddress([4; 6]));
        let (asked, third) = (Ipv4Addr::new(10, 0, 0, 5), Ipv4Addr::new(10, 0, 0, 6));
        let reply = |sender, address| Frame {
            form: Form::Reply,
            sender,
            sender_address: address,
            target: own,
            target_address: Ipv4Addr::UNSPECIFIED,
        };
        let question = Frame { sender_address: third, ..Frame::probe(other, asked) };
        let table = [
            (reply(other, asked), ProbeAnswer::Holder(other)),
            (reply(other, third), ProbeAnswer::Silence),
            (reply(own, asked), ProbeAnswer::Silence),
            (Frame::announcement(Form::Request, other, asked), ProbeAnswer::Holder(other)),
            (Frame::announcement(Form::Reply, other, asked), ProbeAnswer::Holder(other)),
            (Frame::probe(other, asked), ProbeAnswer::Prober(other)),
            (Frame::probe(own, asked), ProbeAnswer::Silence),
            (Frame::probe(other, third), ProbeAnswer::Silence),
            (question, ProbeAnswer::Silence),
        ];
        for (frame, expected) in table {
            assert_eq!(judge(&frame, own, asked), expected, "{frame:?}");
        }
    }
}
