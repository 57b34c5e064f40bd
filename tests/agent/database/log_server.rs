//! The log server against those who should get nothing.

use crate::database::bed::Directory;
use dagtwin::agent::database::logs::{Key, Server};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(30);

async fn server(directory: &Directory) -> Server {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let key = Key::new(b"sixteen bytes or more").expect("a key");
    let databases = BTreeMap::from([("db1".to_owned(), directory.0.clone())]);
    Server::start(any, key, databases).await.expect("a log server")
}

/// Sends something; everything that comes back until the server closes.
async fn answered(server: &Server, bytes: &[u8]) -> usize {
    let mut stream = TcpStream::connect(server.address()).await.expect("connected");
    stream.write_all(bytes).await.expect("sent");
    let mut back = Vec::new();
    let read = timeout(LIMIT, stream.read_to_end(&mut back)).await.expect("it closes in time");
    // A reset is an end as well.
    read.map_or(back.len(), |_| back.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_get_no_answer() {
    let directory = Directory::new();
    let server = server(&directory).await;
    let hello = [b"dagtwin logs 1\r\n".as_slice(), &[7; 32]].concat();
    // Nothing, garbage, half a greeting: closed without a word.
    for bytes in
        [&[][..], b"GET / HTTP/1.1\r\n\r\n-----------------------------------", &hello[..20]]
    {
        assert_eq!(answered(&server, bytes).await, 0);
    }
    // A greeting gets a challenge and a proof; no more without one in return.
    assert_eq!(answered(&server, &hello).await, 64);
    let forged = [&hello[..], &[9; 32], &[0, 0, 0, 4], b"abcd", &[1; 32]].concat();
    assert_eq!(answered(&server, &forged).await, 64);
    let endless = [&hello[..], &[9; 32], &[0xFF; 4096]].concat();
    assert_eq!(answered(&server, &endless).await, 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_cannot_be_said_again() {
    let directory = Directory::new();
    let server = server(&directory).await;
    let key = Key::new(b"sixteen bytes or more").expect("a key");
    // A relay that records what an honest client says.
    let relay = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a relay");
    let address = relay.local_addr().expect("its address");
    let to = server.address();
    let recorded = tokio::spawn(async move {
        let (mut client, _) = relay.accept().await.expect("a client");
        let mut server = TcpStream::connect(to).await.expect("connected");
        let mut said = Vec::new();
        let (mut up, mut down) = ([0; 1024], [0; 1024]);
        loop {
            tokio::select! {
                read = client.read(&mut up) => match read {
                    Ok(length @ 1..) => {
                        said.extend(&up[..length]);
                        server.write_all(&up[..length]).await.expect("passed on");
                    }
                    _ => return said,
                },
                read = server.read(&mut down) => match read {
                    Ok(length @ 1..) => client.write_all(&down[..length]).await.expect("back"),
                    _ => return said,
                },
            }
        }
    });
    let client = dagtwin::agent::database::logs::Client::new(vec![address], key, LIMIT);
    let answer = client.probe("db1").await;
    assert!(answer.is_err(), "there is no database: {answer:?}");
    let said = recorded.await.expect("recorded");
    assert!(said.len() > 48 + 32 + 36, "a proof and a request: {}", said.len());
    assert_eq!(answered(&server, &said).await, 64, "no answer to what was said before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_can_be_named() {
    let directory = Directory::new();
    let server = server(&directory).await;
    let key = Key::new(b"sixteen bytes or more").expect("a key");
    let client = dagtwin::agent::database::logs::Client::new(vec![server.address()], key, LIMIT);
    for name in ["", "db2", "..", "db1/..", "/etc/passwd", "db1\0"] {
        let told = client.probe(name).await.expect_err(name).to_string();
        assert!(told.contains("does not serve"), "{name:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_ones_do_not_shut_others_out() {
    let directory = Directory::new();
    let server = server(&directory).await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(TcpStream::connect(server.address()).await.expect("connected"));
    }
    // They are let go of after the time that a proof may take.
    let key = Key::new(b"sixteen bytes or more").expect("a key");
    let client = dagtwin::agent::database::logs::Client::new(vec![server.address()], key, LIMIT);
    let served = async {
        loop {
            let told = client.probe("db2").await.expect_err("no such database").to_string();
            if told.contains("does not serve") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(LIMIT, served).await.expect("served again");
}
