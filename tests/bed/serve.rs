//! The front end of a host: tells the host's name to whoever asks, by HTTP and by datagram. A
//! process of its own that the agent starts and stops with the resource.

use crate::ground::variable;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};

/// With the host's name in it, the test below is the front end.
pub(crate) const VARIABLE: &str = "DAGTWIN_BED_FRONT_END";
/// Its port, for both kinds.
pub(crate) const PORT: u16 = 80;

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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(serve(&host)).expect("it serves for ever");
}

async fn serve(host: &str) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::UNSPECIFIED, PORT).into())?;
    let listener = socket.listen(1_024)?;
    let datagrams = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{host}",
        host.len()
    );
    let mut asked = [0; 64];
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                tokio::spawn(answer_one(stream, answer.clone()));
            },
            received = datagrams.recv_from(&mut asked) => if let Ok((length, from)) = received {
                // The question comes back with the name, so that it is known which it was.
                let told = [&asked[..length], host.as_bytes()].concat();
                let _ = datagrams.try_send_to(&told, from);
            },
        }
    }
}

/// Answers, and lets the client close first: whoever closes first keeps the connection's end for a
/// minute, and here come a thousand of them in a second.
async fn answer_one(mut stream: TcpStream, answer: String) {
    let limit = Duration::from_millis(500);
    let conversation = async {
        let mut asked = [0; 512];
        if stream.read(&mut asked).await.is_ok_and(|length| length > 0)
            && stream.write_all(answer.as_bytes()).await.is_ok()
        {
            let _ = stream.read(&mut asked).await;
        }
    };
    let _ = tokio::time::timeout(limit, conversation).await;
}
