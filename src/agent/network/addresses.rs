//! Puts addresses on interfaces and takes them off.

use super::ledger::Ledger;
use super::netlink::{Abandoned, Failure, Netlink, Requests};
use super::rtnetlink::Key;
use super::{Error, InterfaceAddress};
use core::num::NonZeroU32;
use nix::errno::Errno;
use nix::net::if_::{if_indextoname, if_nametoindex};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the kernel's answer is usually waited for. Assumed: it answers within 1 ms unless
/// something holds its network configuration lock.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(1);

/// What adding an address found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Added {
    /// It was not there.
    New,
    /// It was there already, with the same prefix length, and is left as it is. If somebody else
    /// has put it there it is not held; remove it and add it again, never adopt it.
    AlreadyThere,
}

/// What removing an address found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Removed {
    /// It was there.
    Removed,
    /// It was not there, or there is no such interface.
    NotThere,
}

/// An address that is on an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// Where and which.
    pub place: InterfaceAddress,
    /// Whole seconds that it has left; none: for ever.
    pub valid_seconds: Option<u32>,
}

pub(super) type SharedLedger = Arc<Mutex<Ledger>>;

/// Nothing panics while it has the ledger, so that a poisoned one is sound.
pub(super) fn lock(ledger: &SharedLedger) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The addresses of this host. Clones are handles to the same.
///
/// Requests are done one after the other in the order in which they were made, on a thread of
/// their own, since the kernel may hold them up. An address that was added or replaced here is
/// *held* until it is removed here: a [`Watch`](super::Watch) tells when it is gone otherwise, a
/// [`Listener`](super::Listener) when another host claims it.
///
/// Dropping does not remove anything.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub(super) netlink: Netlink,
    pub(super) ledger: SharedLedger,
}

impl Addresses {
    /// Opens the way to the kernel, for the network namespace of this thread. An answer is waited
    /// for `wait` long, usually [`DEFAULT_WAIT`].
    ///
    /// # Errors
    /// [`Error::Machine`] if there is no socket or no thread to be had.
    pub fn open(wait: Duration) -> Result<Addresses, Error> {
        let netlink = Netlink::open(wait).map_err(|source| {
            let (operation, place) = ("open", "a netlink socket".to_owned());
            Error::Machine { operation, place, source }
        })?;
        Ok(Addresses { netlink, ledger: SharedLedger::default() })
    }

    /// Adds an address for ever. Returns only when the kernel answers for it.
    ///
    /// It should not be dropped at its await: whether the address is there is then not known, and
    /// [`remove`](Addresses::remove) makes sure that it is not. Bounded by the wait; after
    /// [`Error::NoAnswer`] an address that was not there before does not stay.
    ///
    /// # Errors
    /// [`Error::NoInterface`], [`Error::BadAddress`], or the kernel's.
    pub async fn add(&self, place: &InterfaceAddress) -> Result<Added, Error> {
        check(place)?;
        let (job, ledger) = (place.clone(), Arc::clone(&self.ledger));
        let (undo, undone) = (place.clone(), Arc::clone(&self.ledger));
        self.netlink
            .run(
                "add",
                &place.to_string(),
                Abandoned::Skip,
                move |requests| put(requests, &ledger, "add", &job, Requests::add),
                move |requests, added| {
                    if added == Added::New {
                        // Whoever asked has gone: there is nobody to tell that this failed.
                        let _ = remove(requests, &undone, &undo);
                    }
                },
            )
            .await
    }

    /// Adds an address for so many whole seconds, or renews it: from now on it is valid that
    /// long, then the kernel removes it, whatever has become of this process. It ends up to 0.4 s
    /// late (linux-ha.md §10.1); `u32::MAX` is for ever.
    ///
    /// The kernel does not tell whether the address was still there. A process that was frozen
    /// must look at its clock before it renews, and must not renew a lease that has run out.
    ///
    /// It may be dropped at its await: it is then done or not, and the lease ends all the same.
    /// Bounded by the wait.
    ///
    /// # Errors
    /// [`Error::NoInterface`], [`Error::BadAddress`], or the kernel's.
    pub async fn replace(
        &self,
        place: &InterfaceAddress,
        valid_seconds: NonZeroU32,
    ) -> Result<(), Error> {
        check(place)?;
        let (job, ledger) = (place.clone(), Arc::clone(&self.ledger));
        self.netlink
            .run(
                "replace",
                &place.to_string(),
                Abandoned::Skip,
                move |requests| {
                    put(requests, &ledger, "replace", &job, |requests, sequence, key| {
                        requests.replace(sequence, key, valid_seconds)
                    })
                },
                |_, _| {},
            )
            .await
            .map(|_| ())
    }

    /// Removes an address.
    ///
    /// It may be dropped at its await, and may end in [`Error::NoAnswer`]: it is done all the
    /// same, as soon as the kernel can. Bounded by the wait.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn remove(&self, place: &InterfaceAddress) -> Result<Removed, Error> {
        let (job, ledger) = (place.clone(), Arc::clone(&self.ledger));
        self.netlink
            .run(
                "remove",
                &place.to_string(),
                Abandoned::Do,
                move |requests| remove(requests, &ledger, &job),
                |_, _| {},
            )
            .await
    }

    /// Removes an address from whatever interfaces have it, with whatever prefix lengths: what a
    /// former life has left over must never be adopted (linux-ha.md §10.5). Returns from where it
    /// was removed. If one removal fails the others are still tried.
    ///
    /// It may be dropped at its await, and may end in [`Error::NoAnswer`]: it is done all the
    /// same, as soon as the kernel can. Bounded by the wait.
    ///
    /// # Errors
    /// The kernel's, of the first removal that failed.
    pub async fn remove_everywhere(
        &self,
        address: Ipv4Addr,
    ) -> Result<Vec<InterfaceAddress>, Error> {
        let ledger = Arc::clone(&self.ledger);
        let place = format!("{address} on every interface");
        self.netlink
            .run(
                "remove",
                &place,
                Abandoned::Do,
                move |requests| remove_everywhere(requests, &ledger, address),
                |_, _| {},
            )
            .await
    }

    /// Every IPv4 address of every interface.
    ///
    /// It may be dropped at its await. Bounded by the wait.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn list(&self) -> Result<Vec<Listed>, Error> {
        const PLACE: &str = "every address";
        self.netlink
            .read("list", PLACE, |requests| {
                let rows = requests.addresses().map_err(|failure| failure.at("list", PLACE))?;
                let listed = rows.into_iter().filter_map(|row| {
                    Some(Listed { place: named(row.key)?, valid_seconds: row.valid })
                });
                Ok(listed.collect())
            })
            .await
    }

    /// What is held, as far as is known: a loss counts when a [`Watch`](super::Watch) has told it.
    pub fn held(&self) -> Vec<InterfaceAddress> {
        lock(&self.ledger).places()
    }
}

/// Refuses what no host can have; the kernel would take some of it.
fn check(place: &InterfaceAddress) -> Result<(), Error> {
    let reason = if place.prefix_length > 32 {
        "its prefix is longer than 32 bits"
    } else if place.address.is_unspecified() || place.address.is_broadcast() {
        "it names no host"
    } else if place.address.is_multicast() {
        "it names a group of hosts"
    } else {
        return Ok(());
    };
    Err(Error::BadAddress { address: place.clone(), reason })
}

/// The index of an interface; none: there is none with this name.
fn index(interface: &str) -> Option<u32> {
    if_nametoindex(interface).ok()
}

/// The place of an address; none: its interface is gone.
fn named(key: Key) -> Option<InterfaceAddress> {
    let interface = if_indextoname(key.index).ok()?.to_string_lossy().into_owned();
    let Key { address, prefix_length, .. } = key;
    Some(InterfaceAddress { interface, address, prefix_length })
}

/// Puts an address on its interface, and keeps the ledger.
fn put(
    requests: &mut Requests,
    ledger: &SharedLedger,
    operation: &'static str,
    place: &InterfaceAddress,
    ask: impl FnOnce(&mut Requests, u32, Key) -> Result<(), Failure>,
) -> Result<Added, Error> {
    let no_interface = || Error::NoInterface { interface: place.interface.clone() };
    let key = Key::new(index(&place.interface).ok_or_else(no_interface)?, place);
    let sequence = requests.next_sequence();
    lock(ledger).begin(key, place, sequence);
    let asked = ask(requests, sequence, key);
    let mut ledger = lock(ledger);
    match asked {
        Ok(()) => ledger.confirm(key, sequence),
        Err(_) => ledger.failed(key, sequence),
    }
    match asked {
        Ok(()) => Ok(Added::New),
        Err(Failure::Refused(Errno::EEXIST)) => Ok(Added::AlreadyThere),
        Err(Failure::Refused(Errno::ENODEV)) => Err(no_interface()),
        Err(failure) => Err(failure.at(operation, &place.to_string())),
    }
}

fn remove(
    requests: &mut Requests,
    ledger: &SharedLedger,
    place: &InterfaceAddress,
) -> Result<Removed, Error> {
    let Some(index) = index(&place.interface) else {
        lock(ledger).release_named(place);
        return Ok(Removed::NotThere);
    };
    let removed = delete(requests, ledger, Key::new(index, place), place)?;
    Ok(if removed { Removed::Removed } else { Removed::NotThere })
}

/// Deletes an address that is held no more from this moment on, unless that fails.
fn delete(
    requests: &mut Requests,
    ledger: &SharedLedger,
    key: Key,
    place: &InterfaceAddress,
) -> Result<bool, Error> {
    let before = lock(ledger).release(key);
    requests.delete(key).map_err(|failure| {
        if let Some(sequence) = before {
            lock(ledger).keep(key, place, sequence);
        }
        failure.at("remove", &place.to_string())
    })
}

fn remove_everywhere(
    requests: &mut Requests,
    ledger: &SharedLedger,
    address: Ipv4Addr,
) -> Result<Vec<InterfaceAddress>, Error> {
    let rows = requests
        .addresses()
        .map_err(|failure| failure.at("list", &format!("the interfaces that have {address}")))?;
    let mut removed = Vec::new();
    let mut failed = Ok(());
    for key in rows.into_iter().map(|row| row.key).filter(|key| key.address == address) {
        let Some(place) = named(key) else { continue };
        match delete(requests, ledger, key, &place) {
            Ok(true) => removed.push(place),
            Ok(false) => {}
            Err(error) => failed = failed.and(Err(error)),
        }
    }
    failed.map(|()| removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_host_can_have_is_refused() {
        let table: [(&str, u8, bool); 7] = [
            ("10.0.0.5", 24, true),
            ("10.0.0.5", 32, true),
            ("10.0.0.5", 0, true),
            ("10.0.0.5", 33, false),
            ("0.0.0.0", 24, false),
            ("255.255.255.255", 32, false),
            ("224.0.0.18", 32, false),
        ];
        for (address, prefix_length, good) in table {
            let address = address.parse().expect("a table of addresses");
            let place = InterfaceAddress::new("eth0", address, prefix_length);
            assert_eq!(check(&place).is_ok(), good, "{place}");
        }
    }
}
