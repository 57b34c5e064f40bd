//! Addresses: added, removed, leased, left over.

use crate::network::lab::{Lab, PATIENCE, SERVICE, assert_error, next, open, text};
use core::num::NonZeroU32;
use dagtwin::agent::network::{Added, Addresses, Error, Event, InterfaceAddress, Removed, Watch};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

async fn listed(addresses: &Addresses, place: &InterfaceAddress) -> Option<Option<u32>> {
    let list = addresses.list().await.expect("the kernel lists");
    list.into_iter().find(|listed| listed.place == *place).map(|listed| listed.valid_seconds)
}

#[test]
fn what_is_there_and_what_is_not_are_told_apart() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let addresses = open();
        let service = InterfaceAddress::new("eth0", SERVICE, 32);
        assert_eq!(addresses.remove(&service).await.expect("no error"), Removed::NotThere);
        assert_eq!(addresses.add(&service).await.expect("no error"), Added::New);
        assert!(lab.show("host", "addr show eth0").contains("inet 10.77.0.100/32 scope global"));
        assert_eq!(addresses.add(&service).await.expect("no error"), Added::AlreadyThere);
        assert_eq!(addresses.held(), std::slice::from_ref(&service));
        assert_eq!(listed(&addresses, &service).await, Some(None));
        assert_eq!(addresses.remove(&service).await.expect("no error"), Removed::Removed);
        assert_eq!(addresses.remove(&service).await.expect("no error"), Removed::NotThere);
        assert_eq!(listed(&addresses, &service).await, None);
        // Somebody else's is not made ours.
        lab.ip("host", "addr add 10.77.0.100/32 dev eth0");
        assert_eq!(addresses.add(&service).await.expect("no error"), Added::AlreadyThere);
        assert!(addresses.held().is_empty());
    });
}

#[test]
fn errors_name_the_interface_and_the_address() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let addresses = open();
        let nowhere = InterfaceAddress::new("eth7", SERVICE, 32);
        assert_error!(addresses.add(&nowhere).await, Error::NoInterface { .. });
        assert!(text(addresses.add(&nowhere).await).contains("eth7"));
        let lease = NonZeroU32::new(5).expect("five");
        assert_error!(addresses.replace(&nowhere, lease).await, Error::NoInterface { .. });
        assert_eq!(addresses.remove(&nowhere).await.expect("no error"), Removed::NotThere);
        let nobody = InterfaceAddress::new("eth0", Ipv4Addr::BROADCAST, 32);
        let said = text(addresses.add(&nobody).await);
        assert!(said.contains("255.255.255.255/32 on eth0"), "{said}");
        assert!(addresses.held().is_empty());
    });
}

#[test]
fn a_lease_ends_by_itself_and_renewing_keeps_it() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let addresses = open();
        let service = InterfaceAddress::new("eth0", SERVICE, 32);
        let mut watch = Watch::open(&addresses, &[]).await.expect("it opens");
        let lease = NonZeroU32::new(3).expect("three");
        let (start, mut last, mut gap) = (Instant::now(), Instant::now(), Duration::ZERO);
        while start.elapsed() < Duration::from_secs(5) {
            addresses.replace(&service, lease).await.expect("it is renewed");
            gap = gap.max(last.elapsed());
            last = Instant::now();
            sleep(Duration::from_millis(250)).await;
        }
        // A machine that stood still has lost it in between, and that is right.
        let early = timeout(Duration::from_millis(1), watch.next()).await.is_ok();
        assert!(!early || gap > Duration::from_secs(2), "lost although renewed within {gap:?}");
        let lost = Event::AddressLost { address: service.clone(), by: None };
        while let Some(left) = listed(&addresses, &service).await {
            assert!(left.is_some_and(|left| left <= 3), "{left:?}");
            assert!(last.elapsed() < PATIENCE, "the lease does not end");
            sleep(Duration::from_millis(50)).await;
        }
        while !addresses.held().is_empty() {
            assert_eq!(next(&mut watch).await, lost);
        }
        // One for ever becomes a lease, and the other way round.
        addresses.add(&service).await.expect("it is added");
        addresses.replace(&service, lease).await.expect("it is a lease");
        assert!(listed(&addresses, &service).await.is_some_and(|left| left.is_some()));
        addresses.replace(&service, NonZeroU32::MAX).await.expect("it is for ever");
        assert_eq!(listed(&addresses, &service).await, Some(None));
    });
}

#[test]
fn what_is_left_over_is_removed_from_wherever_it_is() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        lab.ip("host", "addr add 10.77.0.100/24 dev eth0\naddr add 10.77.0.100/32 dev eth0");
        lab.ip("host", "addr add 10.77.0.100/32 dev eth1\nlink set eth1 down");
        let addresses = open();
        let before = addresses.list().await.expect("the kernel lists").len();
        let mut removed = addresses.remove_everywhere(SERVICE).await.expect("they are removed");
        removed.sort();
        let place = |interface, prefix| InterfaceAddress::new(interface, SERVICE, prefix);
        assert_eq!(removed, [place("eth0", 24), place("eth0", 32), place("eth1", 32)]);
        assert_eq!(addresses.list().await.expect("the kernel lists").len(), before - 3);
        let again = addresses.remove_everywhere(SERVICE).await.expect("there is none");
        assert!(again.is_empty());
    });
}

#[test]
fn requests_are_done_in_their_order_also_from_many_tasks() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let addresses = open();
        let tasks: Vec<_> = (1..=40)
            .map(|last| {
                let addresses = addresses.clone();
                let place = InterfaceAddress::new("eth1", Ipv4Addr::new(10, 79, 0, last), 32);
                tokio::spawn(async move {
                    for _ in 0..10 {
                        assert_eq!(addresses.add(&place).await.expect("added"), Added::New);
                        let removed = addresses.remove(&place).await.expect("removed");
                        assert_eq!(removed, Removed::Removed);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no task panics");
        }
        assert!(addresses.held().is_empty());
    });
}
