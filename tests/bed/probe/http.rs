//! A new connection and a request at every millisecond, however long the others take.

use super::{Asked, LIMIT, PACE, member};
use crate::ground::boottime;
use crate::serve::PORT;
use crate::site::FLOATING;
use socket2::{Domain, Socket, Type};
use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

pub(super) async fn ask(ends: Arc<AtomicBool>) -> Vec<Asked> {
    let all = Rc::new(RefCell::new(Vec::new()));
    let mut pace = tokio::time::interval(PACE);
    while !ends.load(Ordering::Relaxed) {
        pace.tick().await;
        let all = Rc::clone(&all);
        tokio::task::spawn_local(async move {
            let sent = boottime();
            let name = tokio::time::timeout(LIMIT, one()).await;
            let answer = name.ok().and_then(Result::ok).flatten();
            all.borrow_mut().push(Asked { sent, answer: answer.map(|who| (boottime(), who)) });
        });
    }
    tokio::time::sleep(LIMIT * 2).await;
    all.take()
}

/// One request; who answered.
async fn one() -> io::Result<Option<usize>> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM.nonblocking(), None)?;
    // It ends with a reset: no end of the connection is kept.
    socket.set_linger(Some(Duration::ZERO))?;
    let socket = TcpSocket::from_std_stream(socket.into());
    let to = SocketAddr::from((Ipv4Addr::from(FLOATING), PORT));
    let mut stream = socket.connect(to).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: casarray.bed.test\r\n\r\n").await?;
    let (mut bytes, mut length) = ([0; 256], 0);
    while length < bytes.len() {
        match stream.read(&mut bytes[length..]).await? {
            0 => break,
            more => length += more,
        }
        if let Some(who) = member(&bytes[..length]) {
            return Ok(Some(who));
        }
    }
    Ok(None)
}
