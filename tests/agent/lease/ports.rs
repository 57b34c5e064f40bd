//! What the gate does to the port of a database.

use crate::lease::bed::{Bed, DATABASE, NODE, NODE_REPLICATION, PORT, grant, ms, run};
use crate::lease::observer::{Frame, Observer, Server, Stream, connect};
use dagtwin::agent::lease::{Gate, boottime};
use std::net::SocketAddr;
use std::thread;

const CLIENTS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(NODE), PORT);
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(NODE_REPLICATION), PORT);

fn connects(bed: &Bed, to: SocketAddr) -> bool {
    bed.on_client(|| connect(to)).is_some()
}

#[test]
fn a_port_is_open_while_its_lease_is_live_and_to_the_exempt_always() {
    let Some(bed) = Bed::new() else { return };
    let _server = Server::start(&bed, PORT);
    let _other = Server::start(&bed, 43080);
    let mut gate = bed.installed();
    assert!(!connects(&bed, CLIENTS));
    assert!(connects(&bed, PEER));
    // Other ports are not concerned.
    assert!(connects(&bed, SocketAddr::from((NODE, 43080))));
    // The host itself is not exempt unless it is named.
    assert!(bed.on_node(|| connect(SocketAddr::from(([127, 0, 0, 1], PORT)))).is_none());
    grant(&mut gate, &[DATABASE], ms(60_000));
    assert!(connects(&bed, CLIENTS));
    assert!(connects(&bed, PEER));
    gate.withdraw(DATABASE).unwrap();
    assert!(!connects(&bed, CLIENTS));
    assert!(connects(&bed, PEER));
}

#[test]
fn the_host_itself_can_be_exempt() {
    let Some(bed) = Bed::new() else { return };
    let _server = Server::start(&bed, PORT);
    let mut settings = bed.settings();
    settings.exempt = vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
    let mut gate = bed.on_node(|| Gate::open(settings).unwrap());
    bed.install(&mut gate);
    assert!(bed.on_node(|| connect(SocketAddr::from(([127, 0, 0, 1], PORT)))).is_some());
    assert!(!connects(&bed, CLIENTS));
    assert!(!connects(&bed, PEER));
}

#[test]
fn open_connections_are_cut_off_and_those_of_the_exempt_go_on() {
    let Some(bed) = Bed::new() else { return };
    let _server = Server::start(&bed, PORT);
    let mut gate = bed.installed();
    grant(&mut gate, &[DATABASE], ms(60_000));
    let (client, peer) = (Stream::open(&bed, CLIENTS), Stream::open(&bed, PEER));
    assert!(client.goes_on(ms(2000)) && peer.goes_on(ms(2000)));
    let observer = Observer::start(&bed);
    observer.wait_for(Frame::is_data);
    let ticket = gate.ticket(ms(5000)).unwrap();
    gate.renew(&[DATABASE], ms(300), ticket).unwrap();
    // It ends no later than this.
    let end = boottime() + ms(300 + 20);
    thread::sleep(ms(400));
    let read = client.read();
    assert!(peer.goes_on(ms(2000)));
    assert!(!client.goes_on(ms(1000)) && client.read() == read);
    assert!(peer.goes_on(ms(2000)));
    // Neither data, nor what TCP sends again and again, nor an end of the connection.
    let late = observer.after(end + ms(30));
    assert!(late.is_empty(), "{late:?}");
}

/// The database ends after its lease: what the kernel sends for it then must not come through
/// either, as it would look like an orderly end.
#[test]
fn the_end_of_a_server_is_not_heard() {
    let Some(bed) = Bed::new() else { return };
    let server = Server::start(&bed, PORT);
    let mut gate = bed.installed();
    grant(&mut gate, &[DATABASE], ms(60_000));
    let client = Stream::open(&bed, CLIENTS);
    assert!(client.goes_on(ms(2000)));
    gate.withdraw(DATABASE).unwrap();
    let withdrawn = boottime();
    let observer = Observer::start(&bed);
    drop(server);
    let late = observer.after(withdrawn + ms(30));
    assert!(late.is_empty(), "{late:?}");
}

#[test]
fn ipv6_is_gated_as_well() {
    let Some(bed) = Bed::new() else { return };
    for (namespace, address) in [(&bed.node, "fd77::1/64"), (&bed.client, "fd77::2/64")] {
        run(&["ip", "-n", namespace, "address", "add", address, "dev", "e0", "nodad"]);
    }
    let listener = bed.on_node(|| std::net::TcpListener::bind(("::", PORT)).unwrap());
    let to: SocketAddr = format!("[fd77::1]:{PORT}").parse().unwrap();
    assert!(connects(&bed, to), "without a gate it answers");
    let mut gate = bed.installed();
    assert!(!connects(&bed, to));
    grant(&mut gate, &[DATABASE], ms(60_000));
    assert!(connects(&bed, to));
    drop(listener);
}
