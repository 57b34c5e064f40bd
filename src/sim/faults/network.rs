//! Switches that are down, lossy, slow, or cut between two machines.

use super::super::net;
use super::super::plant::{Cut, Plant};
use super::in_force;
use crate::base::{Instant, NetId, Ratio};
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
        Fault::PathCut { network, from, to, one_way } => {
            let cuts = &mut p.segment_mut(network).cuts;
            let same = |cut: &Cut| (cut.from, cut.to, cut.one_way) == (from, to, one_way);
            if strikes {
                cuts.push(Cut { from, to, one_way, since: cause });
            } else if let Some(place) = cuts.iter().position(same) {
                cuts.remove(place);
            }
            // What the cut stands between is in the cut itself, so the network is as old as before.
            net::connectivity_changed(p, at, cause);
        }
        Fault::PathLoss { network, from, to, share } => {
            let losses = &mut p.segment_mut(network).losses;
            if strikes {
                losses.push((from, to, share, cause));
            } else if let Some(place) =
                losses.iter().position(|loss| (loss.0, loss.1, loss.2) == (from, to, share))
            {
                losses.remove(place);
            }
            net::connectivity_changed(p, at, cause);
        }
        Fault::FrameLoss { network, .. } => {
            let shares = in_force(p).filter_map(|fault| match fault {
                Fault::FrameLoss { network: of, share } if of == network => Some(share),
                _ => None,
            });
            p.segment_mut(network).loss = shares.max().unwrap_or(Ratio::ZERO);
            p.segment_mut(network).since = cause;
        }
        Fault::NetworkDelay { network, .. } => {
            let delays = in_force(p).filter_map(|fault| match fault {
                Fault::NetworkDelay { network: of, delay } if of == network => Some(delay),
                _ => None,
            });
            p.segment_mut(network).delay = delays.sum();
            p.segment_mut(network).since = cause;
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
        | Fault::ServiceSlow { .. }
        | Fault::ResourceFail { .. }
        | Fault::ResourceHang { .. }
        | Fault::LogCorruption { .. } => unreachable!("only faults of networks come here"),
    }
}

fn changed(p: &mut Plant, at: Instant, network: NetId, cause: RecordNo) {
    p.segment_mut(network).since = cause;
    net::connectivity_changed(p, at, cause);
}
