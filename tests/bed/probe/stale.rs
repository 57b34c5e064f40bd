//! Datagrams to the floating address at one member's hardware address, whoever has it by now:
//! from a namespace whose neighbour entry never changes.

use super::{Asked, LIMIT, Pace, member};
use crate::ground::{boottime, nanos};
use crate::serve::PORT;
use crate::site::FLOATING;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) fn ask(ends: &AtomicBool) -> Vec<Asked> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a socket");
    socket.connect((Ipv4Addr::from(FLOATING), PORT)).expect("a route");
    socket.set_nonblocking(true).expect("a socket");
    let mut all: Vec<Asked> = Vec::new();
    let mut pace = Pace::new();
    let mut until = u64::MAX;
    while boottime() < until {
        if !ends.load(Ordering::Relaxed) {
            let number = u64::try_from(all.len()).expect("few");
            all.push(Asked { sent: boottime(), answer: None });
            // A refusal of an earlier one is told here; nobody answered, which is all.
            let _ = socket.send(&number.to_le_bytes());
        } else if until == u64::MAX {
            until = boottime() + nanos(LIMIT);
        }
        for _ in 0..2 {
            take(&socket, &mut all);
            pace.wait_half();
        }
    }
    all
}

/// Takes what has come.
fn take(socket: &UdpSocket, all: &mut [Asked]) {
    let mut bytes = [0; 64];
    while let Ok(length) = socket.recv(&mut bytes) {
        let (Some(number), Some(who)) = (bytes.first_chunk(), member(&bytes[..length])) else {
            continue;
        };
        let asked = usize::try_from(u64::from_le_bytes(*number)).ok();
        if let Some(asked) = asked.and_then(|number| all.get_mut(number)) {
            asked.answer.get_or_insert((boottime(), who));
        }
    }
}
