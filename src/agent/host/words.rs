//! What is said to other members, and what is heard of them.

use super::Host;
use crate::agent::database::Position;
use crate::agent::run::Datagram;
use crate::agent::wire::{LogEnd, Opened};
use crate::base::{Instant, NetId, NicId, NodeId};
use crate::failover::fencing::Voter;
use crate::failover::message::Message;
use crate::failover::seam::Input;
use crate::journal::record::AgentEvent;
use crate::journal::{RecordNo, What};
use std::sync::PoisonError;

impl Host {
    /// Sends a message to another member.
    pub(super) fn say(&mut self, nic: NicId, to: NodeId, message: &Message, record: RecordNo) {
        let Some(network) = self.network(nic) else { return };
        // Whoever hears it is bound to this member no more.
        if *message == Message::Leave {
            self.serve_no_more();
        }
        let binding = self.bonds.binding(to, self.clock.now());
        if message.is_heartbeat() {
            let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
            self.wire.publish(published.values().copied().collect());
        }
        match self.wire.seal((to, network), binding, Some(record), message) {
            Some(bytes) => self.paths.send(nic, to, &bytes),
            None => tracing::error!("a message is too long for a datagram"),
        }
    }

    /// Takes in a datagram.
    pub(super) fn hear(&mut self, datagram: &Datagram) -> Option<(Input, Option<What>)> {
        let (nic, now) = (datagram.nic, self.clock.now());
        let network = self.network(nic)?;
        match self.wire.open(network, now, &datagram.bytes) {
            Opened::Message { from, record, life, binding, logs, message } => {
                for LogEnd { database, timeline, end } in logs {
                    if let Some(instance) = self.instances.get(&database) {
                        instance.heard(timeline, Position(end));
                    }
                }
                self.stamped(from, life, binding.stamp);
                self.send_held(from);
                if matches!(message, Message::Reply { .. }) {
                    self.bonds.answered(from, now);
                }
                if message == Message::Leave {
                    self.bonds.dismissed(from);
                }
                self.fence.promised(from, binding.echo, binding.bound);
                // A heartbeat's story is told by the clock.
                let came = record.filter(|_| !message.is_heartbeat());
                let came = came.map(|record| AgentEvent::Came { from, life, record });
                let came = came.map(|came| What::Agent(self.me, came));
                Some((Input::Frame { nic, from, message }, came))
            }
            Opened::Greeted { from, life, answer } => {
                self.known(from, life);
                self.fence.released(Voter::Member(from));
                self.paths.send(nic, from, &answer);
                self.send_held(from);
                None
            }
            Opened::Known { from, life, binding } => {
                self.stamped(from, life, binding.stamp);
                self.send_held(from);
                None
            }
            Opened::Dropped(why) => {
                tracing::debug!(?why, "a datagram was dropped");
                None
            }
        }
    }

    /// Sends the heartbeats of the last beat that greetings stood in for, now that the member is
    /// known.
    fn send_held(&mut self, to: NodeId) {
        let beat = self.config.heartbeat.same_subnet.delay;
        let since = Instant::ZERO + self.clock.now().since(Instant::ZERO).saturating_sub(beat);
        for (network, record, message) in self.wire.take_held(to, since) {
            let nics = &self.config.nodes[self.me].nics;
            let Some((nic, _)) = nics.iter().find(|(_, on)| on.network == network) else {
                continue;
            };
            let binding = self.bonds.binding(to, self.clock.now());
            if let Some(bytes) = self.wire.seal((to, network), binding, record, &message) {
                self.paths.send(nic, to, &bytes);
            }
        }
    }

    /// A datagram of a life of another member came, with its clock's stamp.
    fn stamped(&mut self, from: NodeId, life: Instant, stamp: Instant) {
        self.known(from, life);
        self.bonds.stamped(from, stamp);
    }

    /// A member's life is the one that it was, or another one.
    fn known(&mut self, member: NodeId, life: Instant) {
        if self.heard.insert(member, life).is_some_and(|earlier| earlier != life) {
            self.bonds.reborn(member);
        }
    }

    fn network(&self, nic: NicId) -> Option<NetId> {
        self.config.nodes[self.me].nics.get(nic).map(|on| on.network)
    }
}
