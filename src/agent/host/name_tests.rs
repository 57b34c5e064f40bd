//! A name against a silent server and against a real BIND.

use super::*;
use crate::agent::dns::tests::named::Named;
use crate::agent::dns::{self, Algorithm, HostName, Key};
use crate::base::OpId;
use crate::failover::seam::Input;
use crate::journal::RecordNo;
use std::net::SocketAddr;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

const OURS: Ipv4Addr = Ipv4Addr::new(10, 213, 1, 11);
const ANOTHER: Ipv4Addr = Ipv4Addr::new(10, 213, 1, 13);
const RESOURCE: ResourceId = ResourceId(0);
/// Enough for anything that works, on a machine that has other things to do.
const ENOUGH: Duration = Duration::from_secs(30);
/// Longer than that: nobody may wait for an attempt.
const LONG: Duration = Duration::from_secs(60);

fn host(text: &str) -> HostName {
    text.parse().expect("a host name")
}

fn registrar(server: SocketAddr, key: Key) -> Registrar {
    Registrar::new(server, host("example.test"), key, LONG).expect("a registrar")
}

fn worker(registrar: Registrar, news: UnboundedSender<News>) -> NameWorker {
    of_server(watch::channel(NameServer { registrar, ttl: 60 }).1, news)
}

fn of_server(server: watch::Receiver<NameServer>, news: UnboundedSender<News>) -> NameWorker {
    let registration = Registration::new(host("casarray.example.test"), None);
    let address = Address(OURS.to_bits());
    NameWorker { resource: RESOURCE, address, server, registration, news }
}

fn any_key() -> Key {
    let secret = "c2VjcmV0IG9mIGV4YWN0bHkgMzIgb2N0ZXRzIGhlcmU=";
    Key::new("ddns-key", Algorithm::HmacSha256, secret).expect("a key")
}

fn wanted(op: u32, act: Act) -> Wanted {
    Wanted { life: Some(1), op: OpId(op), act, record: RecordNo(0) }
}

async fn next(news: &mut UnboundedReceiver<News>) -> Told {
    match timeout(ENOUGH, news.recv()).await.expect("in time") {
        Some(News::Told(told)) => told,
        other => panic!("{other:?}"),
    }
}

fn done(op: u32) -> Option<Input> {
    Some(Input::Done { op: OpId(op), outcome: Outcome::Ok })
}

#[tokio::test]
async fn a_server_that_does_not_answer_delays_nothing() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let (news, mut told) = unbounded_channel();
    let (sender, receiver) = unbounded_channel();
    let at = server.local_addr().expect("its address");
    tokio::spawn(worker(registrar(at, any_key()), news).run(receiver));
    let acts: [fn(ResourceId) -> Act; 4] =
        [Act::Online, Act::LooksAlive, Act::IsAlive, Act::Offline];
    for (op, act) in (1..).zip(acts) {
        sender.send(wanted(op, act(RESOURCE))).expect("it listens");
        assert_eq!(next(&mut told).await.input, done(op), "while an attempt runs");
        if op == 1 {
            let heard = timeout(ENOUGH, server.recv(&mut [0; 4096])).await;
            heard.expect("in time").expect("a request: the attempt has begun");
        }
    }
}

#[tokio::test]
async fn a_server_that_replaces_another_is_asked_at_once() {
    let hears = async |server: &UdpSocket| {
        let heard = timeout(ENOUGH, server.recv(&mut [0; 4096])).await;
        heard.expect("in time").expect("a request")
    };
    let first = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let second = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let at = |server: &UdpSocket| {
        let registrar = registrar(server.local_addr().expect("its address"), any_key());
        NameServer { registrar, ttl: 60 }
    };
    let (news, mut told) = unbounded_channel();
    let (sender, receiver) = unbounded_channel();
    let (replace, server) = watch::channel(at(&first));
    tokio::spawn(of_server(server, news).run(receiver));
    sender.send(wanted(1, Act::Online(RESOURCE))).expect("it listens");
    assert_eq!(next(&mut told).await.input, done(1));
    hears(&first).await;
    replace.send(at(&second)).expect("it listens");
    hears(&second).await;
}

#[tokio::test]
async fn offline_ends_what_runs_and_what_is_due() {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let (news, _told) = unbounded_channel();
    let at = server.local_addr().expect("its address");
    for ends in [Act::Offline(RESOURCE), Act::Terminate(RESOURCE)] {
        let mut it = worker(registrar(at, any_key()), news.clone());
        it.perform(&wanted(1, Act::Online(RESOURCE)), &mut None);
        assert!(it.registration.deadline().is_some(), "it is due");
        let mut running = it.begin();
        assert!(running.is_some());
        it.perform(&wanted(2, Act::IsAlive(RESOURCE)), &mut running);
        assert!(running.is_some(), "a look at its health ends nothing");
        it.perform(&wanted(3, ends), &mut running);
        assert!(running.is_none());
        assert_eq!((it.registration.deadline(), it.registration.status()), (None, &Status::Idle));
        assert!(it.begin().is_none());
    }
}

#[tokio::test]
async fn the_owner_writes_over_what_others_did_and_nobody_else_does() {
    let Some(named) = Named::start().await else { return };
    let key = || Key::read(&named.file("ddns.key"), None).expect("the key");
    let (other, name) = (registrar(named.address, key()), host("casarray.example.test"));
    let addresses = async || other.lookup(&name).await.expect("a lookup").addresses;
    let (news, mut told) = unbounded_channel();
    let (sender, receiver) = unbounded_channel();
    tokio::spawn(worker(registrar(named.address, key()), news).run(receiver));
    let ask = |act| sender.send(wanted(1, act)).expect("it listens");
    let registered =
        vec![Plant::DnsRecord { resource: RESOURCE, address: Address(OURS.to_bits()) }];
    let failed = vec![Plant::DnsUpdateFailed { resource: RESOURCE }];
    ask(Act::Online(RESOURCE));
    assert_eq!(next(&mut told).await.input, done(1));
    assert_eq!(next(&mut told).await.facts, registered);
    for vanished in [true, false] {
        ask(Act::Offline(RESOURCE));
        assert_eq!(next(&mut told).await.input, done(1));
        assert_eq!(addresses().await, [OURS], "the record stays");
        let there = if vanished {
            let gone = other.withdraw(&name, OURS).await.expect("an answer");
            assert_eq!(gone, dns::Withdrawn::Removed);
            vec![]
        } else {
            other.register(&name, ANOTHER, 60, None).await.expect("an answer");
            vec![ANOTHER]
        };
        ask(Act::IsAlive(RESOURCE));
        assert_eq!(next(&mut told).await.input, done(1));
        assert_eq!(addresses().await, there, "nothing is written by whoever is offline");
        ask(Act::Online(RESOURCE));
        assert_eq!(next(&mut told).await.input, done(1));
        // First it finds that it is not as it left it, and then it overrules that.
        assert_eq!(next(&mut told).await.facts, failed);
        assert_eq!(next(&mut told).await.facts, registered);
        assert_eq!(addresses().await, [OURS]);
    }
}
