//! Media sense, and addresses that somebody else removes.

use crate::network::lab::{Lab, SERVICE, link, next, open};
use dagtwin::agent::network::{Added, Event, InterfaceAddress, Removed, Watch};
use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::timeout;

fn service(prefix_length: u8) -> InterfaceAddress {
    InterfaceAddress::new("eth0", SERVICE, prefix_length)
}

#[test]
fn a_pulled_cable_an_interface_set_down_and_one_deleted_are_told_in_order() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let mut watch = Watch::open(&open(), &["eth0", "eth1", "eth7"]).await.expect("it opens");
        let found = [("eth0", true), ("eth1", true), ("eth7", false)];
        assert_eq!(watch.links(), found.map(|(name, up)| (name.to_owned(), up)));
        lab.ip("hub", "link set host0 down");
        assert_eq!(next(&mut watch).await, link("eth0", false));
        lab.ip("hub", "link set host1 down");
        assert_eq!(next(&mut watch).await, link("eth1", false));
        lab.ip("hub", "link set host0 up");
        assert_eq!(next(&mut watch).await, link("eth0", true));
        lab.ip("host", "link set eth0 down");
        assert_eq!(next(&mut watch).await, link("eth0", false));
        lab.ip("host", "link set eth0 up");
        assert_eq!(next(&mut watch).await, link("eth0", true));
        lab.ip("host", "link del eth0");
        assert_eq!(next(&mut watch).await, link("eth0", false));
        lab.plug("host", 0, 1);
        assert_eq!(next(&mut watch).await, link("eth0", true));
        let last = watch.links();
        assert_eq!(last[0], ("eth0".to_owned(), true));
        assert_eq!(watch.overruns(), 0);
    });
}

#[test]
fn renaming_is_told_and_a_port_that_leaves_a_bridge_is_not() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let mut watch = Watch::open(&open(), &["eth0", "eth1"]).await.expect("it opens");
        lab.ip("host", "link add br9 type bridge\nlink set br9 up");
        lab.ip("host", "link set eth1 master br9\nlink set eth1 nomaster");
        lab.ip("host", "link set eth0 down");
        assert_eq!(next(&mut watch).await, link("eth0", false));
        lab.ip("host", "link set eth0 name wan\nlink set wan up");
        lab.ip("host", "link set eth1 down");
        assert_eq!(next(&mut watch).await, link("eth1", false));
        lab.ip("host", "link set wan down\nlink set wan name eth0\nlink set eth0 up");
        assert_eq!(next(&mut watch).await, link("eth0", true));
    });
}

#[test]
fn after_an_overrun_everything_is_read_anew() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let addresses = open();
        let mut watch = Watch::open(&addresses, &["eth0", "eth1"]).await.expect("it opens");
        assert_eq!(addresses.add(&service(32)).await.expect("it is added"), Added::New);
        let flood = |action: &str| {
            let line = |n: u32| format!("addr {action} 10.78.{}.{}/32 dev lo\n", n / 250, n % 250);
            lab.ip("host", &(0..3000).map(line).collect::<String>());
        };
        flood("add");
        lab.ip("hub", "link set host1 down");
        lab.ip("host", &format!("addr del {SERVICE}/32 dev eth0"));
        // Deleted and made anew: what is there now is up as before, but is another one.
        lab.ip("host", "link del eth0");
        lab.plug("host", 0, 1);
        flood("del");
        let mut events = Vec::new();
        while events.len() < 4 {
            events.push(next(&mut watch).await);
        }
        assert!(watch.overruns() > 0, "it was no flood");
        let lost = Event::AddressLost { address: service(32), by: None };
        for expected in [link("eth0", false), link("eth0", true), link("eth1", false), lost] {
            let count = events.iter().filter(|event| **event == expected).count();
            assert_eq!(count, 1, "{expected:?} in {events:?}");
        }
        assert!(addresses.held().is_empty());
        lab.ip("hub", "link set host0 down");
        assert_eq!(next(&mut watch).await, link("eth0", false));
    });
}

#[test]
fn what_a_stranger_removes_is_told_and_what_we_remove_is_not() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let addresses = open();
        let mut watch = Watch::open(&addresses, &["eth0"]).await.expect("it opens");
        addresses.add(&service(24)).await.expect("it is added");
        lab.ip("host", &format!("addr del {SERVICE}/24 dev eth0"));
        let Event::AddressLost { address, by: Some(by) } = next(&mut watch).await else {
            panic!("a loss with its author was expected")
        };
        assert_eq!(address, service(24));
        assert_ne!(by, 0);
        assert!(addresses.held().is_empty());
        // Ours; what the watch reads of it is old by then.
        for _ in 0..20 {
            assert_eq!(addresses.add(&service(24)).await.expect("added"), Added::New);
            assert_eq!(addresses.remove(&service(24)).await.expect("removed"), Removed::Removed);
        }
        addresses.add(&service(24)).await.expect("it is added");
        // A stranger's own address is no concern of ours.
        lab.ip("host", "addr add 10.77.0.50/24 dev eth0\naddr del 10.77.0.50/24 dev eth0");
        lab.ip("hub", "link set host0 down");
        assert_eq!(next(&mut watch).await, link("eth0", false));
        assert_eq!(addresses.held(), [service(24)]);
        // With its interface an address goes, too.
        lab.ip("host", "link del eth0");
        let lost = Event::AddressLost { address: service(24), by: None };
        assert_eq!(lost, next(&mut watch).await);
    });
}

#[test]
fn an_address_that_goes_with_the_first_of_its_subnet_is_told() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        for name in ["all", "eth0"] {
            let path = format!("/proc/sys/net/ipv4/conf/{name}/promote_secondaries");
            fs::write(path, "0").expect("root may, in the lab's namespace");
        }
        let addresses = open();
        let mut watch = Watch::open(&addresses, &["eth0"]).await.expect("it opens");
        addresses.add(&service(24)).await.expect("it is added");
        let alone = InterfaceAddress::new("eth0", Ipv4Addr::new(10, 77, 0, 101), 32);
        addresses.add(&alone).await.expect("it is added");
        // By us, so that its author alone does not tell it from a removal that was meant.
        let first = InterfaceAddress::new("eth0", Ipv4Addr::new(10, 77, 0, 1), 24);
        assert_eq!(addresses.remove(&first).await.expect("it is there"), Removed::Removed);
        let Event::AddressLost { address, .. } = next(&mut watch).await else {
            panic!("a loss was expected")
        };
        assert_eq!(address, service(24));
        assert_eq!(addresses.held(), [alone]);
    });
}

#[test]
fn waiting_for_an_event_may_be_given_up() {
    let Some(lab) = Lab::new() else { return };
    lab.inside("host", async || {
        let mut watch = Watch::open(&open(), &["eth0"]).await.expect("it opens");
        for up in [false, true, false, true] {
            lab.ip("hub", &format!("link set host0 {}", if up { "up" } else { "down" }));
            let mut event = None;
            for _ in 0..30_000 {
                event = timeout(Duration::from_millis(1), watch.next()).await.ok();
                if event.is_some() {
                    break;
                }
            }
            assert_eq!(event.expect("in time").expect("the kernel tells"), link("eth0", up));
        }
    });
}
