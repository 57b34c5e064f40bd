//! Frames on their way, as the records tell of them.

use crate::base::{Instant, MachineId, NetId, NicId, NodeId};
use crate::failover::message::Message;
use crate::failover::seam::{Effect, Input};
use crate::journal::record::Plant;
use crate::journal::{Record, RecordNo, What};
use crate::model::Fault;
use crate::view::Scene;
use std::collections::BTreeMap;

/// A frame that was sent and not lost.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub from: NodeId,
    pub to: NodeId,
    pub network: NetId,
    pub sent: Instant,
    /// What stood in its way when it was sent.
    pub obstacle: Option<&'static str>,
    /// It has arrived.
    pub arrived: bool,
    message: Message,
}

/// A frame that came in.
pub(super) enum Arrival<'f> {
    /// It is one that was sent.
    Of(&'f mut Flight),
    /// It never was.
    Unsent,
}

/// Every frame of a run, by the record of its sending.
#[derive(Default)]
pub(super) struct Flights {
    all: BTreeMap<RecordNo, Flight>,
    last: Option<RecordNo>,
}

impl Flights {
    /// Follows a record; what it is if it is an arrival.
    pub(super) fn follow(
        &mut self,
        number: RecordNo,
        record: &Record,
        scene: &Scene<'_>,
    ) -> Option<Arrival<'_>> {
        match &record.what {
            What::Out(from, Effect::Send { nic, to, message }) => {
                let (from, to) = (*from, *to);
                let network = network_of(scene, from, *nic)?;
                let obstacle = obstacle(scene, from, *nic, to);
                let (message, sent) = (message.clone(), record.at);
                let flight = Flight { from, to, network, sent, obstacle, arrived: false, message };
                self.all.insert(number, flight);
                self.last = Some(number);
                None
            }
            What::Plant(Plant::FrameLost { from, to, .. }) => {
                let last = self.last.take()?;
                let lost = self.all.get(&last).is_some_and(|it| (it.from, it.to) == (*from, *to));
                if lost {
                    self.all.remove(&last);
                }
                None
            }
            What::In(to, Input::Frame { nic, from, message }) => {
                let network = network_of(scene, *to, *nic);
                let fits = |it: &Flight| {
                    (it.from, it.to, Some(it.network)) == (*from, *to, network)
                        && it.message == *message
                };
                let named = record.cause.filter(|cause| self.all.get(cause).is_some_and(fits));
                // The cause of a step that gives a path up is the first frame that was lost on it.
                let mut others = self.all.iter().filter(|(_, it)| !it.arrived && fits(it));
                let sent = named.or_else(|| others.next().map(|(number, _)| *number));
                let flight = sent.and_then(|sent| self.all.get_mut(&sent));
                Some(flight.map_or(Arrival::Unsent, Arrival::Of))
            }
            _ => None,
        }
    }
}

fn network_of(scene: &Scene<'_>, node: NodeId, nic: NicId) -> Option<NetId> {
    let nics = &scene.topology().machines[MachineId::from(node)].nics;
    nics.get(nic).map(|nic| nic.network)
}

/// What keeps a frame from leaving, if something does.
fn obstacle(scene: &Scene<'_>, from: NodeId, nic: NicId, to: NodeId) -> Option<&'static str> {
    let machine = MachineId::from(from);
    let network = network_of(scene, from, nic)?;
    if !scene.machines[machine] {
        Some("a machine that does not run")
    } else if !scene.adapters[machine][nic] {
        Some("an adapter without carrier")
    } else if !scene.networks[network] {
        Some("a network that forwards nothing")
    } else if is_cut(scene, network, machine, to.into()) {
        Some("a path that is cut")
    } else {
        None
    }
}

/// Whether what one machine sends to another on a network is lost.
pub(super) fn is_cut(scene: &Scene<'_>, on: NetId, sender: MachineId, receiver: MachineId) -> bool {
    scene.active_faults().any(|fault| match fault {
        Fault::PathCut { network, from, to, one_way } => {
            let back = !one_way && (from, to) == (receiver, sender);
            network == on && ((from, to) == (sender, receiver) || back)
        }
        _ => false,
    })
}
