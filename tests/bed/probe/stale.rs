//! Datagrams to the floating address at one member's hardware address, whoever has it by now:
//! from a namespace whose neighbour entry never changes.

use super::{Asked, LIMIT, PACE, member};
use crate::ground::boottime;
use crate::serve::PORT;
use crate::site::FLOATING;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::UdpSocket;
use tokio::time::MissedTickBehavior;

pub(super) async fn ask(ends: Arc<AtomicBool>) -> Vec<Asked> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.expect("a socket");
    let to = (Ipv4Addr::from(FLOATING), PORT);
    socket.connect(to).await.expect("a route");
    let mut all: Vec<Asked> = Vec::new();
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut bytes = [0; 64];
    let mut until = None;
    while until.is_none_or(|until| boottime() < until) {
        tokio::select! {
            _ = pace.tick() => if ends.load(Ordering::Relaxed) {
                let limit = u64::try_from(LIMIT.as_nanos()).expect("short");
                until.get_or_insert(boottime() + limit);
            } else {
                let number = u64::try_from(all.len()).expect("few");
                all.push(Asked { sent: boottime(), answer: None });
                // A refusal of an earlier one is told here; nobody answered, which is all.
                let _ = socket.try_send(&number.to_le_bytes());
            },
            received = socket.recv(&mut bytes) => {
                let Ok(length) = received else { continue };
                let (Some(number), Some(who)) = (bytes.first_chunk(), member(&bytes[..length]))
                else { continue };
                let asked = usize::try_from(u64::from_le_bytes(*number)).ok();
                if let Some(asked) = asked.and_then(|number| all.get_mut(number)) {
                    asked.answer.get_or_insert((boottime(), who));
                }
            }
        }
    }
    all
}
