//! UDP over each of the host's adapters: what is sent over one leaves by it, and what comes in by
//! it is known to have, whatever the routes say.

use super::run::Datagram;
use crate::base::{IdVec, NicId, NodeId};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;

/// Longest datagram that can come.
const LONGEST: usize = 65_535;
/// How long an adapter that cannot be opened is left alone (assumed).
const AGAIN: Duration = Duration::from_secs(1);

/// One of this host's adapters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adapter {
    /// The interface's name, such as `eth0`.
    pub interface: String,
    /// Its own address.
    pub address: Ipv4Addr,
    /// The addresses of the other members on the same network.
    pub peers: BTreeMap<NodeId, Ipv4Addr>,
}

/// How often things went wrong that nobody waits for.
#[derive(Debug, Default)]
pub struct Counts {
    /// Datagrams that could not be sent.
    pub unsent: AtomicU64,
    /// Datagrams that came faster than they were taken, and are lost.
    pub overrun: AtomicU64,
}

/// Sockets of all adapters.
#[derive(Debug)]
pub struct Paths {
    adapters: IdVec<NicId, Adapter>,
    port: u16,
    open: IdVec<NicId, Option<Open>>,
    into: Sender<Datagram>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Open {
    socket: Arc<std::sync::OnceLock<UdpSocket>>,
    /// Taken out when another one takes its place.
    task: Option<JoinHandle<()>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Paths {
    /// Whether the port is free on every adapter that is there now: who has it may be an agent that
    /// serves.
    ///
    /// # Errors
    /// The interface on which another process has it.
    pub fn check_free(adapters: &IdVec<NicId, Adapter>, port: u16) -> Result<(), String> {
        let taken = adapters.values().find(|adapter| {
            bind(adapter, port).is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
        });
        taken.map_or(Ok(()), |adapter| Err(adapter.interface.clone()))
    }

    /// Opens a socket on each adapter; one that cannot be opened now is tried again each second.
    /// What comes in is put into `into`.
    pub fn open(adapters: IdVec<NicId, Adapter>, port: u16, into: Sender<Datagram>) -> Paths {
        let open = adapters.ids().map(|_| None).collect();
        let counts = Arc::new(Counts::default());
        let mut paths = Paths { adapters, port, open, into, counts };
        for nic in paths.adapters.ids() {
            paths.renew(nic);
        }
        paths
    }

    /// Opens an adapter's socket anew: its interface may be another one of the same name now.
    pub fn renew(&mut self, nic: NicId) {
        let adapter = self.adapters[nic].clone();
        let (port, into, counts) = (self.port, self.into.clone(), Arc::clone(&self.counts));
        let socket = Arc::new(std::sync::OnceLock::new());
        let shared = Arc::clone(&socket);
        let before = self.open[nic].take().and_then(|mut open| open.task.take());
        let task = tokio::spawn(async move {
            // The address is free only when the socket before has been closed.
            if let Some(before) = before {
                before.abort();
                let _ = before.await;
            }
            let opened = opened(&adapter, port).await;
            let socket = shared.get_or_init(|| opened);
            receive(socket, nic, &into, &counts).await;
        });
        self.open[nic] = Some(Open { socket, task: Some(task) });
    }

    /// Sends a datagram; what cannot be sent at once is lost, and counted.
    pub fn send(&self, nic: NicId, to: NodeId, bytes: &[u8]) {
        let sent = self.adapters.get(nic).and_then(|adapter| {
            let address = SocketAddrV4::new(*adapter.peers.get(&to)?, self.port);
            let socket = self.open[nic].as_ref()?.socket.get()?;
            socket.try_send_to(bytes, SocketAddr::V4(address)).ok()
        });
        if sent.is_none() {
            self.counts.unsent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often things went wrong.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

/// The socket of an adapter, as soon as there is one.
async fn opened(adapter: &Adapter, port: u16) -> UdpSocket {
    let mut told = false;
    loop {
        match bind(adapter, port) {
            Ok(socket) => return socket,
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    let Adapter { interface, address, .. } = adapter;
                    tracing::warn!(%interface, %address, port, %error, "adapter cannot be opened");
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

fn bind(adapter: &Adapter, port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    // Its address may be set a moment later than its interface is there.
    socket.set_freebind_v4(true)?;
    socket.bind_device(Some(adapter.interface.as_bytes()))?;
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(adapter.address, port)).into())?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

/// Takes in what comes for as long as the socket lives.
async fn receive(socket: &UdpSocket, nic: NicId, into: &Sender<Datagram>, counts: &Counts) {
    let mut buffer = vec![0; LONGEST];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, _)) => {
                let bytes = buffer[..length].to_vec();
                match into.try_send(Datagram { nic, bytes }) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_)) => {
                        counts.overrun.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(TrySendError::Closed(_)) => return,
                }
            }
            // What was sent to nobody comes back as an error; the socket is as good as before. One
            // whose interface is gone says so without end.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
