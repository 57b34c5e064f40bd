//! Switches that are down, lossy, slow, or cut between two machines.

use super::super::net;
use super::super::plant::{Path, Plant};
use super::in_force;
use crate::base::{Instant, MachineId, NetId, Ratio, Span};
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
            let path = Path { from, to, one_way };
            if strikes {
                cuts.push((path, cause));
            } else if let Some(place) = cuts.iter().position(|cut| cut.0 == path) {
                cuts.remove(place);
            }
            // What the cut stands between is in the cut itself, so the network is as old as before.
            net::connectivity_changed(p, at, cause);
        }
        Fault::PathLoss { network, from, to, share, one_way } => {
            let losses = &mut p.segment_mut(network).losses;
            let path = Path { from, to, one_way };
            if strikes {
                losses.push((path, share, cause));
            } else if let Some(place) =
                losses.iter().position(|loss| (loss.0, loss.1) == (path, share))
            {
                losses.remove(place);
            }
            net::connectivity_changed(p, at, cause);
        }
        Fault::FrameLoss { network, .. } | Fault::NetworkDelay { network, .. } => {
            frames(p, network);
            p.segment_mut(network).since = cause;
        }
        Fault::FrameDuplication { network, .. } | Fault::FrameReordering { network, .. } => {
            frames(p, network);
        }
        Fault::PathDelay { network, from, to, delay } => {
            slow_path(p, network, (from, to, delay), strikes);
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
        | Fault::LogCorruption { .. }
        | Fault::ServiceCrash { .. }
        | Fault::Reboot { .. }
        | Fault::ClockRate { .. }
        | Fault::ClockStep { .. }
        | Fault::WitnessLockHeld { .. }
        | Fault::WitnessStale { .. }
        | Fault::DnsUpdateRefused { .. }
        | Fault::DnsStale { .. }
        | Fault::DiskSlow { .. }
        | Fault::DiskFull { .. }
        | Fault::MountFail { .. }
        | Fault::DismountSlow { .. } => unreachable!("only faults of networks come here"),
    }
}

/// A path becomes slow one way, or is slow no more.
fn slow_path(p: &mut Plant, network: NetId, path: (MachineId, MachineId, Span), strikes: bool) {
    let delays = &mut p.segment_mut(network).delays;
    if strikes {
        delays.push(path);
    } else if let Some(place) = delays.iter().position(|one| *one == path) {
        delays.remove(place);
    }
}

/// What a network does to every frame: the faults in force that want the most of it, and all
/// delays together.
fn frames(p: &mut Plant, network: NetId) {
    let (mut loss, mut duplication, mut delay) = (Ratio::ZERO, Ratio::ZERO, Span::ZERO);
    let mut reordering = None;
    for fault in in_force(p) {
        match fault {
            Fault::FrameLoss { network: of, share } if of == network => loss = loss.max(share),
            Fault::FrameDuplication { network: of, share } if of == network => {
                duplication = duplication.max(share);
            }
            Fault::FrameReordering { network: of, share, delay } if of == network => {
                reordering = reordering.max(Some((share, delay)));
            }
            Fault::NetworkDelay { network: of, delay: more } if of == network => delay += more,
            _ => {}
        }
    }
    let segment = p.segment_mut(network);
    (segment.loss, segment.duplication, segment.delay) = (loss, duplication, delay);
    segment.reordering = reordering;
}

fn changed(p: &mut Plant, at: Instant, network: NetId, cause: RecordNo) {
    p.segment_mut(network).since = cause;
    net::connectivity_changed(p, at, cause);
}
