//! Hears who else claims addresses.

use super::super::addresses::lock;
use super::frame::{Form, Frame};
use super::socket::Taken;
use super::{Arp, Error, HardwareAddress};
use nix::net::if_::if_indextoname;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// How old the list of this host's own adapters may be when a stranger is suspected. Assumed: it
/// bounds the cost of a flood, and an adapter that was added since is rarely the one heard.
const OWN_FRESH: Duration = Duration::from_millis(100);

/// What was heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard {
    /// Another host claims an address that we hold, on the interface that we hold it on.
    Conflict {
        /// The interface.
        interface: String,
        /// The address.
        address: Ipv4Addr,
        /// The other one's adapter.
        hardware: HardwareAddress,
    },
    /// Another host announced an address that we do not hold.
    Announcement {
        /// The interface it was heard on.
        interface: String,
        /// The address.
        address: Ipv4Addr,
        /// Whose adapter has it now.
        hardware: HardwareAddress,
        /// In which form.
        form: Form,
    },
    /// So many frames came in that this many were not looked at: a conflict may be among them.
    Lost {
        /// How many.
        frames: u64,
    },
}

/// Hears announcements, and conflicts about addresses that the
/// [`Addresses`](super::super::Addresses) holds. Frames of this host's own adapters are neither.
#[derive(Debug)]
pub struct Listener {
    arp: Arp,
    frames: Receiver<Taken>,
    /// Taken and not judged yet.
    pending: Option<Taken>,
    own: Vec<HardwareAddress>,
    own_since: Option<Instant>,
}

impl Listener {
    pub(super) fn new(arp: Arp, frames: Receiver<Taken>) -> Listener {
        Listener { arp, frames, pending: None, own: Vec::new(), own_since: None }
    }

    /// The next thing worth telling; waits for it as long as it takes, so it has no time-out of
    /// its own.
    ///
    /// It may be dropped at its await: nothing is lost by that.
    ///
    /// # Errors
    /// If the kernel does not tell which adapters are ours. It may be called again; what was being
    /// judged is judged then.
    pub async fn next(&mut self) -> Result<Heard, Error> {
        loop {
            let taken = match self.pending {
                Some(taken) => taken,
                None => match self.frames.recv().await {
                    Ok(taken) => *self.pending.insert(taken),
                    Err(RecvError::Lagged(frames)) => return Ok(Heard::Lost { frames }),
                    Err(RecvError::Closed) => return Err(Error::ended("receive", "ARP")),
                },
            };
            let heard = self.judge(taken).await?;
            self.pending = None;
            if let Some(heard) = heard {
                return Ok(heard);
            }
        }
    }

    async fn judge(&mut self, taken: Taken) -> Result<Option<Heard>, Error> {
        let Taken { index, frame } = taken;
        let Frame { form, sender: hardware, sender_address: address, .. } = frame;
        let holds = lock(&self.arp.inner.ledger).holds(index, address);
        if !holds && !frame.is_announcement() {
            return Ok(None);
        }
        if self.is_own(hardware).await? {
            return Ok(None);
        }
        // An interface that is gone by now needs no alarm.
        let Ok(interface) = if_indextoname(index) else { return Ok(None) };
        let interface = interface.to_string_lossy().into_owned();
        Ok(Some(if holds {
            Heard::Conflict { interface, address, hardware }
        } else {
            Heard::Announcement { interface, address, hardware, form }
        }))
    }

    async fn is_own(&mut self, hardware: HardwareAddress) -> Result<bool, Error> {
        let fresh = self.own_since.is_some_and(|since| since.elapsed() < OWN_FRESH);
        if !self.own.contains(&hardware) && !fresh {
            self.own = self.arp.own().await?;
            self.own_since = Some(Instant::now());
        }
        Ok(self.own.contains(&hardware))
    }
}
