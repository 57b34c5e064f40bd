//! Writers: one for each database and member, each of which writes as soon as that member takes
//! it. Two that are acknowledged at one time are two writable copies.

use super::{LIMIT, NUMBER, WRITE_PACE};
use crate::ground::{boottime, ms};
use crate::site::DATABASES;
use crate::switch::Network;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, spawn_local};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, NoTls};

/// Time between two attempts to connect.
const ATTEMPT: Duration = ms(5);
/// How long a client waits for its write; a session has longer to begin.
const PATIENCE: Duration = ms(200);

/// A write that was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Write {
    pub(crate) number: u64,
    pub(crate) sent: u64,
    pub(crate) got: u64,
    /// By which member.
    pub(crate) member: usize,
}

pub(super) async fn write(ends: Arc<AtomicBool>) -> Vec<Vec<Write>> {
    let all = Rc::new(RefCell::new(DATABASES.map(|_| Vec::new()).to_vec()));
    let mut writers = Vec::new();
    for (database, (_, port)) in DATABASES.into_iter().enumerate() {
        for member in 0..2 {
            let address = Network::Mapi.address([11, 12][member]);
            let to = format!("{address}:{port}").parse().expect("an address");
            let (ends, all) = (Arc::clone(&ends), Rc::clone(&all));
            writers.push(spawn_local(async move {
                while !ends.load(Ordering::Relaxed) {
                    let Some(client) = session(to, &ends).await else { continue };
                    while !ends.load(Ordering::Relaxed) {
                        let Some((number, sent, got)) = one(&client).await else { break };
                        let write = Write { number, sent, got, member };
                        all.borrow_mut()[database].push(write);
                        let waited = Duration::from_nanos(boottime() - sent);
                        sleep(WRITE_PACE.saturating_sub(waited)).await;
                    }
                }
            }));
        }
    }
    for writer in writers {
        writer.await.expect("it writes");
    }
    all.take()
}

/// A session with a member; attempts follow one another however long each takes.
async fn session(to: SocketAddr, ends: &AtomicBool) -> Option<Client> {
    let mut attempts = JoinSet::new();
    let stream = loop {
        if ends.load(Ordering::Relaxed) {
            return None;
        }
        attempts.spawn_local(timeout(LIMIT, TcpStream::connect(to)));
        let end = sleep(ATTEMPT);
        tokio::pin!(end);
        tokio::select! {
            () = &mut end => {}
            Some(Ok(Ok(Ok(stream)))) = attempts.join_next() => break stream,
        }
        while attempts.try_join_next().is_some() {}
        end.await;
    };
    let mut config = tokio_postgres::Config::new();
    config.user("writer").password("writes").dbname("postgres");
    let begun = timeout(PATIENCE * 2, config.connect_raw(stream, NoTls)).await;
    let Ok(Ok((client, connection))) = begun else {
        sleep(ATTEMPT).await;
        return None;
    };
    spawn_local(connection);
    Some(client)
}

/// Writes a number, if it is acknowledged in time.
async fn one(client: &Client) -> Option<(u64, u64, u64)> {
    let (number, sent) = (NUMBER.fetch_add(1, Ordering::SeqCst), boottime());
    let text = format!("insert into writes values ({number})");
    match timeout(PATIENCE, client.batch_execute(&text)).await {
        Ok(Ok(())) => Some((number, sent, boottime())),
        _ => {
            sleep(ATTEMPT).await;
            None
        }
    }
}
