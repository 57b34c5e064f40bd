//! Switches that are down, lossy, slow, or cut between two machines.

use super::super::net;
use super::super::plant::Plant;
use crate::base::{Instant, NetId, Ratio, Span};
use crate::journal::RecordNo;
use crate::model::Fault;

/// Makes or mends a fault of a network.
pub(super) fn apply(p: &mut Plant, at: Instant, fault: Fault, strikes: bool, cause: RecordNo) {
    let step = |count: u8| if strikes { count + 1 } else { count - 1 };
    match fault {
        Fault::NetworkDown { network } => {
            let segment = p.segment_mut(network);
            segment.holds = step(segment.holds);
            changed(p, at, network, cause);
        }
        Fault::PathCut { network, from, to } => {
            let cuts = &mut p.segment_mut(network).cuts;
            if strikes {
                cuts.push((from, to, cause));
            } else if let Some(place) = cuts.iter().position(|cut| (cut.0, cut.1) == (from, to)) {
                cuts.remove(place);
            }
            changed(p, at, network, cause);
        }
        Fault::FrameLoss { network, share } => {
            p.segment_mut(network).loss = if strikes { share } else { Ratio::ZERO };
            p.segment_mut(network).since = cause;
        }
        Fault::NetworkDelay { network, delay } => {
            p.segment_mut(network).delay = if strikes { delay } else { Span::ZERO };
        }
        Fault::GratuitousArpBlocked { network } => {
            let segment = p.segment_mut(network);
            segment.arp_blocks = step(segment.arp_blocks);
        }
        Fault::NicDown { .. }
        | Fault::PowerOff { .. }
        | Fault::Freeze { .. }
        | Fault::ServiceStop { .. }
        | Fault::ServiceHang { .. }
        | Fault::ServiceSlow { .. } => unreachable!("only faults of networks come here"),
    }
}

fn changed(p: &mut Plant, at: Instant, network: NetId, cause: RecordNo) {
    p.segment_mut(network).since = cause;
    net::connectivity_changed(p, at, cause);
}
