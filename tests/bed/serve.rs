//! The front end of a host: tells the host's name to whoever asks, by HTTP and by datagram. A
//! process of its own that the agent starts and stops with the resource. One loop over sockets that
//! never block, since a thousand clients come in a second to processors that others share.

use crate::ground::{boottime, ms, nanos, variable};
use crate::site::FLOATING;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

/// With the host's name in it, the test below is the front end.
pub(crate) const VARIABLE: &str = "DAGTWIN_BED_FRONT_END";
/// Its port, for both kinds.
pub(crate) const PORT: u16 = 80;
/// How long a client may take to ask and to close.
const PATIENCE: Duration = ms(300);

/// The words that start it.
pub(crate) fn words(host: &str) -> Vec<String> {
    let program = std::env::current_exe().expect("this program");
    let program = program.to_str().expect("a plain path").to_owned();
    let said = format!("{VARIABLE}={host}");
    let rest = ["serve::front_end", "--exact", "--ignored", "--nocapture"].map(str::to_owned);
    // Before everything but the probers: on a host of its own it would have its own processor.
    let first = ["/usr/bin/chrt", "--fifo", "5", "/usr/bin/env"].map(str::to_owned);
    first.into_iter().chain([said, program]).chain(rest).collect()
}

#[test]
#[ignore = "a process that agents start"]
fn front_end() {
    let Some(host) = variable(VARIABLE) else { return };
    serve(&host).expect("it serves for ever");
}

/// A client that was accepted.
struct Client {
    stream: TcpStream,
    until: u64,
}

fn serve(host: &str) -> std::io::Result<()> {
    let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&anywhere.into())?;
    socket.listen(1_024)?;
    let listener = TcpListener::from(socket);
    // An answer is to come from the address that was asked, whether it is here already or not.
    let floating = SocketAddr::from((Ipv4Addr::from(FLOATING), PORT));
    let socket = Socket::new(Domain::IPV4, Type::DGRAM.nonblocking(), None)?;
    socket.set_freebind_v4(true)?;
    socket.bind(&floating.into())?;
    let datagrams = UdpSocket::from(socket);
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{host}",
        host.len()
    );
    let mut clients: Vec<Client> = Vec::new();
    loop {
        wait(&listener, &datagrams, &clients)?;
        let now = boottime();
        while let Ok((stream, _)) = listener.accept() {
            if stream.set_nonblocking(true).is_ok() {
                clients.push(Client { stream, until: now + nanos(PATIENCE) });
            }
        }
        clients.retain_mut(|client| now < client.until && goes_on(&mut client.stream, &answer));
        let mut asked = [0; 64];
        while let Ok((length, from)) = datagrams.recv_from(&mut asked) {
            // The question comes back with the name, so that it is known which it was.
            let told = [&asked[..length], host.as_bytes()].concat();
            let _ = datagrams.send_to(&told, from);
        }
    }
}

/// Waits until somebody wants something.
fn wait(listener: &TcpListener, datagrams: &UdpSocket, clients: &[Client]) -> std::io::Result<()> {
    let mut polled =
        vec![PollFd::new(listener, PollFlags::IN), PollFd::new(datagrams, PollFlags::IN)];
    polled.extend(clients.iter().map(|it| PollFd::new(&it.stream, PollFlags::IN)));
    let limit = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    match poll(&mut polled, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Answers a client that has asked; whether it has not closed yet. Whoever closes first keeps the
/// connection's end for a minute, so that is left to the client.
fn goes_on(stream: &mut TcpStream, answer: &str) -> bool {
    let mut asked = [0; 512];
    match stream.read(&mut asked) {
        Ok(0) => false,
        Ok(_) => stream.write_all(answer.as_bytes()).is_ok(),
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}
