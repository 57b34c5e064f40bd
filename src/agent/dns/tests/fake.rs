//! Servers that misbehave.

use super::super::{Error, Fault, Found, Key, Registered, Registrar};
use super::{ONE, OTHER_SECRET, SECRET, TWO, host, key};
use domain::base::iana::{Class, Opcode, Rcode, Rtype};
use domain::base::{Message, MessageBuilder, Ttl};
use domain::rdata::A;
use domain::rdata::tsig::Time48;
use domain::tsig::ServerTransaction;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// How a fake server answers one datagram.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Reply {
    /// Not at all.
    Nothing,
    /// With this code; signed.
    Code(Rcode),
    /// With one address for the name; signed.
    Found(Ipv4Addr),
    /// With this code and no signature.
    Unsigned(Rcode),
    /// Signed with another secret.
    Forged(Ipv4Addr),
    /// Signed at this many seconds from now.
    Dated(i64),
    /// Right, but for another id.
    OtherId,
    /// Right, but for another name.
    OtherName,
    /// Right, but from another port.
    OtherPort,
    /// Octets that are no message.
    Short,
    /// The request itself.
    Echo,
    /// Only a beginning.
    Truncated,
}

/// A server that answers each datagram as told, and in the end with nothing.
async fn serve(script: Vec<Vec<Reply>>) -> (SocketAddr, JoinHandle<Vec<Vec<u8>>>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let other = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
    let address = socket.local_addr().expect("its address");
    let task = tokio::spawn(async move {
        let mut seen = Vec::new();
        let mut datagram = [0; 4096];
        for replies in script {
            let (length, from) = socket.recv_from(&mut datagram).await.expect("a request");
            let request = datagram[..length].to_vec();
            for reply in replies {
                let socket = if reply == Reply::OtherPort { &other } else { &socket };
                if let Some(bytes) = written(&request, reply) {
                    socket.send_to(&bytes, from).await.expect("sent");
                }
            }
            seen.push(request);
        }
        seen
    });
    (address, task)
}

fn written(request: &[u8], reply: Reply) -> Option<Vec<u8>> {
    let secret = if matches!(reply, Reply::Forged(_)) { OTHER_SECRET } else { SECRET };
    let key: Key = key("ddns-key", secret);
    let now = i64::try_from(u64::from(Time48::now())).expect("no far future");
    let mut message = Message::from_octets(request.to_vec()).expect("a message");
    // Signed by the right key, so that the forger too gets a transaction to sign in.
    let right = super::key("ddns-key", SECRET);
    let transaction = ServerTransaction::request(right.tsig(), &mut message, Time48::now());
    let transaction = transaction.ok().flatten().expect("a signed request");
    let (code, address, offset) = match reply {
        Reply::Nothing => return None,
        Reply::Short => return Some(vec![1, 2, 3]),
        Reply::Echo => return Some(request.to_vec()),
        Reply::Code(code) | Reply::Unsigned(code) => (code, None, 0),
        Reply::Found(address) | Reply::Forged(address) => (Rcode::NOERROR, Some(address), 0),
        Reply::Dated(offset) => (Rcode::NOERROR, Some(ONE), offset),
        Reply::OtherId | Reply::OtherName | Reply::OtherPort => (Rcode::NOERROR, Some(ONE), 0),
        Reply::Truncated => (Rcode::NOERROR, None, 0),
    };
    let question = message.sole_question().expect("a question");
    let mut builder = MessageBuilder::new_vec();
    let header = builder.header_mut();
    header.set_id(message.header().id() ^ u16::from(reply == Reply::OtherId));
    header.set_opcode(message.header().opcode());
    header.set_qr(true);
    header.set_aa(message.header().opcode() == Opcode::QUERY);
    header.set_tc(reply == Reply::Truncated);
    header.set_rcode(code);
    let mut builder = builder.question();
    if reply == Reply::OtherName {
        builder.push((host("x.example.test").wire(), Rtype::A, Class::IN)).expect("room");
    } else {
        builder.push(question).expect("room");
    }
    let mut builder = builder.answer();
    if let Some(address) = address {
        let record = (question.qname(), Class::IN, Ttl::from_secs(60), A::new(address));
        builder.push(record).expect("room");
    }
    let mut builder = builder.additional();
    let at = Time48::from_u64(now.saturating_add(offset).unsigned_abs());
    if matches!(reply, Reply::Forged(_)) {
        let tsig = Arc::clone(key.tsig());
        domain::tsig::ClientTransaction::request(tsig, &mut builder, at).expect("room");
    } else if !matches!(reply, Reply::Unsigned(_) | Reply::Truncated) {
        transaction.answer(&mut builder, at).expect("room");
    }
    Some(builder.finish())
}

fn registrar(server: SocketAddr, timeout: Duration) -> Registrar {
    let key = key("ddns-key", SECRET);
    Registrar::new(server, host("example.test"), key, timeout).expect("a registrar")
}

/// For what is never to come.
const SHORT: Duration = Duration::from_millis(400);
/// For what comes after half of it, also on a busy machine.
const MIDDLE: Duration = Duration::from_secs(12);
/// For what comes at once.
const LONG: Duration = Duration::from_secs(30);

async fn lookup(script: Vec<Vec<Reply>>, timeout: Duration) -> Result<Found, Error> {
    let (server, _task) = serve(script).await;
    registrar(server, timeout).lookup(&host("casarray.example.test")).await
}

#[tokio::test]
async fn a_silent_server_is_asked_twice_and_given_up() {
    let (server, task) = serve(vec![vec![Reply::Nothing]; 2]).await;
    let start = tokio::time::Instant::now();
    let name = host("casarray.example.test");
    let error = registrar(server, SHORT).register(&name, ONE, 60, None).await.expect_err("silence");
    assert!(start.elapsed() >= SHORT && start.elapsed() < SHORT * 20, "{:?}", start.elapsed());
    assert_eq!(error.fault(), Fault::NoAnswer);
    assert_eq!(error.to_string(), format!("DNS server {server}: no answer within 400ms"));
    let seen = task.await.expect("the server");
    assert_eq!(seen[0], seen[1], "the same datagram, so that either answer counts");
}

#[tokio::test]
async fn a_bound_socket_that_nobody_reads_is_silent() {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let server = socket.local_addr().expect("its address");
    let error = registrar(server, SHORT).withdraw(&host("a.example.test"), ONE).await;
    assert_eq!(error.expect_err("silence").fault(), Fault::NoAnswer);
}

#[tokio::test]
async fn the_second_datagram_is_answered() {
    let script = vec![vec![], vec![Reply::Found(ONE)]];
    let found = lookup(script, MIDDLE).await.expect("an answer");
    assert_eq!(found, Found { addresses: vec![ONE], ttl: Some(60) });
}

#[tokio::test]
async fn nobody_there_is_known_at_once() {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let server = socket.local_addr().expect("its address");
    drop(socket);
    let name = host("casarray.example.test");
    let error = registrar(server, LONG).lookup(&name).await.expect_err("nobody");
    assert_eq!(error.fault(), Fault::NotListening);
    // Over TCP too, where the answer is said to be longer than a datagram.
    let error = lookup(vec![vec![Reply::Truncated]], LONG).await.expect_err("nobody");
    assert_eq!(error.fault(), Fault::NotListening);
    // The kernel has no path to a broadcast address for this socket; nothing is sent.
    let server = SocketAddr::from((Ipv4Addr::BROADCAST, 53));
    let error = registrar(server, LONG).lookup(&name).await.expect_err("no path");
    assert_eq!(error.fault(), Fault::NoPath);
}

#[tokio::test]
async fn a_long_request_does_not_go_over_udp() {
    let script = vec![vec![Reply::Code(Rcode::NXDOMAIN)], vec![Reply::Code(Rcode::NOERROR)]];
    let (server, _task) = serve(script).await;
    let label = "x".repeat(60);
    let name = host(&format!("{label}.{label}.{label}.example.test"));
    let error = registrar(server, LONG).register(&name, ONE, 60, None).await.expect_err("TCP");
    assert_eq!(error.fault(), Fault::NotListening, "nobody listens over TCP");
}

#[tokio::test]
async fn what_cannot_be_trusted_is_passed_over() {
    let noise = [
        (Reply::Unsigned(Rcode::REFUSED), "REFUSED, not signed"),
        (Reply::Unsigned(Rcode::FORMERR), "FORMERR, not signed"),
        (Reply::Forged(TWO), "NOERROR, with a wrong signature (BADSIG)"),
        (Reply::Dated(-4000), "NOERROR, signed at a time too far from ours (BADTIME)"),
        (Reply::Dated(4000), "NOERROR, signed at a time too far from ours (BADTIME)"),
        (Reply::OtherId, "the answer to another question"),
        (Reply::OtherName, "the answer to another question"),
        (Reply::Echo, "the answer to another question"),
        (Reply::Short, "something too short for a DNS message"),
    ];
    let waiting = noise.map(|(reply, expected)| {
        let script = vec![vec![reply], vec![]];
        (expected, tokio::spawn(async move { lookup(script, MIDDLE / 2).await }))
    });
    for (expected, task) in waiting {
        let error = task.await.expect("a task").expect_err("noise");
        assert_eq!(error.fault(), Fault::NoAnswer, "{error}");
        let text = format!("no answer within 6s that can be trusted; heard: {expected}");
        assert!(error.to_string().ends_with(&text), "{error}");
    }
    for (reply, _) in noise {
        // The answer itself comes after it.
        let found = lookup(vec![vec![reply, Reply::Found(ONE)]], LONG).await.expect("an answer");
        assert_eq!(found.addresses, [ONE], "{reply:?}");
    }
    let error = lookup(vec![vec![Reply::OtherPort], vec![]], SHORT).await.expect_err("noise");
    assert!(error.to_string().ends_with("no answer within 400ms"), "{error}");
}

#[tokio::test]
async fn every_answer_code_has_a_meaning() {
    let lookups = [
        (Rcode::REFUSED, "refused to look up casarray.example.test"),
        (Rcode::SERVFAIL, "failed (SERVFAIL) at zone example.test"),
        (Rcode::NOTAUTH, "does not hold the zone example.test"),
        (Rcode::FORMERR, "answered FORMERR for casarray.example.test"),
        (Rcode::NOTIMP, "answered NOTIMP for casarray.example.test"),
    ];
    for (code, expected) in lookups {
        let error = lookup(vec![vec![Reply::Code(code)]], LONG).await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.fault(), Fault::Refused);
    }
    let updates = [
        (Rcode::REFUSED, "refused to update casarray.example.test"),
        (Rcode::SERVFAIL, "failed (SERVFAIL) at zone example.test"),
        (Rcode::NOTAUTH, "does not hold the zone example.test"),
        (Rcode::NOTZONE, "is not inside zone example.test there (NOTZONE)"),
        (Rcode::YXRRSET, "is an alias (CNAME) there"),
        (Rcode::NXRRSET, "answered NXRRSET for casarray.example.test"),
        (Rcode::YXDOMAIN, "answered YXDOMAIN for casarray.example.test"),
    ];
    let name = host("casarray.example.test");
    for (code, expected) in updates {
        let script = vec![vec![Reply::Code(Rcode::NXDOMAIN)], vec![Reply::Code(code)]];
        let (server, _task) = serve(script).await;
        let error = registrar(server, LONG).register(&name, ONE, 60, None).await;
        let error = error.expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.fault(), Fault::Refused);
    }
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_found_done() {
    // The first datagram does it, its answer is lost, the second meets the new address.
    let script = vec![
        vec![Reply::Found(TWO)],
        vec![],
        vec![Reply::Code(Rcode::NXRRSET)],
        vec![Reply::Found(ONE)],
    ];
    let (server, _task) = serve(script).await;
    let name = host("casarray.example.test");
    let registered = registrar(server, MIDDLE).register(&name, ONE, 60, Some(TWO)).await;
    assert_eq!(registered.expect("an answer"), Registered::Already);
}

#[tokio::test]
async fn what_no_host_can_have_is_not_asked_for() {
    let registrar = registrar(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), LONG);
    let name = host("casarray.example.test");
    for address in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)] {
        let error = registrar.register(&name, address, 60, None).await.expect_err("no host's");
        assert!(matches!(error, Error::Address { .. }), "{error}");
    }
    let error = registrar.register(&name, ONE, 1 << 31, None).await.expect_err("too long");
    assert!(matches!(error, Error::TimeToLive { .. }), "{error}");
    for timeout in [Duration::ZERO, Duration::from_secs(61)] {
        let key = key("ddns-key", SECRET);
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let made = Registrar::new(server, host("example.test"), key, timeout);
        assert!(matches!(made, Err(Error::Timeout { .. })), "{made:?}");
    }
}
