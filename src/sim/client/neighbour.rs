//! A client host's neighbour cache: which machine an address leads to, as RFC 4861 and the
//! client's operating system keep it (wsfc.md §5.1). Pure: whoever owns it sends the packets.

#[cfg(test)]
mod tests;

use crate::base::draw::Stream;
use crate::base::{Address, Instant, MachineId, Span};
use crate::journal::RecordNo;
use crate::model::settings::NeighbourCacheSettings;
use crate::model::topology::ClientOs;

/// What is known of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing, and nobody asks.
    Unknown,
    /// Broadcasts are out, this many of them.
    Incomplete { sent: u32 },
    /// Leads to the machine until then without a doubt; then it is stale. Before Vista it is
    /// dropped then.
    Reachable { until: Instant },
    /// A packet went out on a stale entry: doubt is allowed for a while.
    Delay,
    /// The machine is asked whether it still has the address, this many times so far.
    Probe { sent: u32 },
}

/// What is known of one address.
struct Entry {
    address: Address,
    state: State,
    /// The machine that it leads to; none while that is not known.
    machine: Option<MachineId>,
    /// The machine that it led to when that was last known.
    last: Option<MachineId>,
    /// Whether it was dropped because probes were not answered.
    dropped: bool,
    /// The record that made it lead where it does, or that dropped it.
    since: RecordNo,
    /// How long it stays reachable without being confirmed.
    reachable: Span,
    /// Counts changes of state, so that a late timer is void.
    turn: u32,
}

impl Entry {
    /// Lets it lead to a machine. Says whether that is elsewhere than it was last known to lead.
    fn lead_to(&mut self, machine: MachineId) -> bool {
        let elsewhere = self.dropped || self.last.is_some_and(|last| last != machine);
        self.turn += 1;
        self.machine = Some(machine);
        self.last = Some(machine);
        self.dropped = false;
        elsewhere
    }
}

/// What a packet to an address meets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// It goes to this machine.
    To(MachineId),
    /// It goes to this machine, and the entry's timer is to be set.
    ToWithTimer(MachineId, Instant, u32),
    /// It waits, and a broadcast goes out first.
    Ask,
    /// It waits for an answer to a broadcast that is out.
    Wait,
}

/// What an entry's timer asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Nothing: the entry has changed since.
    Nothing,
    /// One more broadcast.
    Broadcast,
    /// Broadcasts were sent in vain: what waits is dropped.
    Unresolved,
    /// A unicast probe to this machine.
    Probe(MachineId),
    /// Probes to this machine were sent in vain: the entry is dropped, and the next packet asks
    /// by a broadcast who has the address.
    Dropped(MachineId),
}

/// A neighbour cache.
pub(super) struct Cache {
    system: ClientOs,
    entries: Vec<Entry>,
    draws: Stream,
}

impl Cache {
    pub(super) fn new(system: ClientOs, draws: Stream) -> Self {
        Cache { system, entries: Vec::new(), draws }
    }

    /// Draws from another stream from now on.
    pub(super) fn draw_from(&mut self, draws: Stream) {
        self.draws = draws;
    }

    /// Memory beside the value itself.
    pub(super) fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    fn find(&mut self, address: Address) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.address == address)
    }

    /// The record that made an address lead where it does.
    pub(super) fn since(&self, address: Address) -> RecordNo {
        let entry = self.entries.iter().find(|entry| entry.address == address);
        entry.map_or(RecordNo(0), |entry| entry.since)
    }

    /// A packet is about to leave for an address.
    pub(super) fn way(
        &mut self,
        at: Instant,
        address: Address,
        times: &NeighbourCacheSettings,
    ) -> Way {
        let old = self.system == ClientOs::WindowsXp;
        let Some(entry) = self.find(address) else {
            self.entries.push(Entry {
                address,
                state: State::Unknown,
                machine: None,
                last: None,
                dropped: false,
                since: RecordNo(0),
                reachable: Span::ZERO,
                turn: 0,
            });
            return Way::Ask;
        };
        match (entry.state, entry.machine) {
            (State::Incomplete { .. }, _) => Way::Wait,
            (State::Reachable { until }, Some(machine)) if at < until => Way::To(machine),
            (State::Reachable { .. }, Some(machine)) if !old => {
                entry.turn += 1;
                entry.state = State::Delay;
                Way::ToWithTimer(machine, at + times.delay_first_probe_time, entry.turn)
            }
            (State::Delay | State::Probe { .. }, Some(machine)) => Way::To(machine),
            (State::Unknown | State::Reachable { .. } | State::Delay | State::Probe { .. }, _) => {
                entry.state = State::Unknown;
                entry.machine = None;
                Way::Ask
            }
        }
    }

    /// A broadcast found nobody: when to ask again, with the turn of that timer.
    pub(super) fn unanswered(
        &mut self,
        at: Instant,
        address: Address,
        times: &NeighbourCacheSettings,
    ) -> Option<(Instant, u32)> {
        let entry = self.find(address)?;
        let sent = match entry.state {
            State::Incomplete { sent } => sent + 1,
            State::Unknown | State::Reachable { .. } | State::Delay | State::Probe { .. } => 1,
        };
        entry.turn += 1;
        entry.machine = None;
        entry.state = State::Incomplete { sent };
        Some((at + times.retransmit_timer, entry.turn))
    }

    /// A broadcast was answered. Says whether the entry leads elsewhere than it last did; its
    /// record is `since` until [`Cache::recorded`] names another.
    pub(super) fn resolved(
        &mut self,
        at: Instant,
        address: Address,
        machine: MachineId,
        since: RecordNo,
        times: &NeighbourCacheSettings,
    ) -> bool {
        let reachable = self.drawn(times);
        let Some(entry) = self.find(address) else { return false };
        if entry.last != Some(machine) {
            entry.since = since;
        }
        let elsewhere = entry.lead_to(machine);
        entry.reachable = reachable;
        entry.state = State::Reachable { until: at + reachable };
        elsewhere
    }

    /// How long a new entry stays reachable: a draw around the base, or the fixed life that
    /// entries had before Vista.
    fn drawn(&mut self, times: &NeighbourCacheSettings) -> Span {
        match self.system {
            ClientOs::WindowsXp => times.xp_lifetime,
            ClientOs::Windows7 | ClientOs::Windows7Kb2582281 => {
                let base = times.base_reachable_time;
                self.draws.between(base / 2, base + base / 2)
            }
        }
    }

    /// The address answered a packet: TCP made progress, so the entry is right. Before Vista
    /// that does not lengthen its life.
    pub(super) fn confirmed(&mut self, at: Instant, address: Address) {
        if self.system == ClientOs::WindowsXp {
            return;
        }
        let Some(entry) = self.find(address) else { return };
        if entry.machine.is_some() {
            entry.state = State::Reachable { until: at + entry.reachable };
        }
    }

    /// TCP had to send again: the entry may be wrong, so it is stale.
    pub(super) fn doubted(&mut self, at: Instant, address: Address) {
        if self.system == ClientOs::WindowsXp {
            return;
        }
        let Some(entry) = self.find(address) else { return };
        if let State::Reachable { until } = &mut entry.state {
            *until = at.min(*until);
        }
    }

    /// A gratuitous ARP says that a machine has the address. Says whether the entry leads
    /// elsewhere now. An entry that waits for an answer takes it for one under every system.
    pub(super) fn heard(
        &mut self,
        at: Instant,
        address: Address,
        machine: MachineId,
        times: &NeighbourCacheSettings,
    ) -> bool {
        let system = self.system;
        let Some(entry) = self.find(address) else { return false };
        let waits = matches!(entry.state, State::Incomplete { .. });
        let known = entry.machine.is_some();
        let takes = match system {
            ClientOs::WindowsXp | ClientOs::Windows7Kb2582281 => known || waits,
            ClientOs::Windows7 => waits,
        };
        if !takes {
            return false;
        }
        let until = match system {
            ClientOs::WindowsXp => at + times.xp_lifetime,
            // What was not asked for leaves an entry stale (RFC 4861 §7.2.5).
            ClientOs::Windows7 | ClientOs::Windows7Kb2582281 => at,
        };
        let same = entry.machine == Some(machine);
        if same && system != ClientOs::WindowsXp {
            return false;
        }
        let elsewhere = entry.lead_to(machine);
        if entry.reachable.is_zero() {
            entry.reachable = times.base_reachable_time;
        }
        entry.state = State::Reachable { until };
        elsewhere
    }

    /// The change of an entry was written down under this number.
    pub(super) fn recorded(&mut self, address: Address, record: RecordNo) {
        if let Some(entry) = self.find(address) {
            entry.since = record;
        }
    }

    /// An entry's timer rings.
    pub(super) fn due(
        &mut self,
        address: Address,
        turn: u32,
        times: &NeighbourCacheSettings,
    ) -> Due {
        let Some(entry) = self.find(address).filter(|entry| entry.turn == turn) else {
            return Due::Nothing;
        };
        match (entry.state, entry.machine) {
            (State::Incomplete { sent }, _) if sent < times.max_multicast_solicit => Due::Broadcast,
            (State::Incomplete { .. }, _) => {
                entry.state = State::Unknown;
                Due::Unresolved
            }
            (State::Delay, Some(machine)) => Due::Probe(machine),
            (State::Probe { sent }, Some(machine)) if sent < times.max_unicast_solicit => {
                Due::Probe(machine)
            }
            (State::Probe { .. }, Some(machine)) => {
                entry.state = State::Unknown;
                entry.machine = None;
                entry.dropped = true;
                entry.turn += 1;
                Due::Dropped(machine)
            }
            (State::Unknown | State::Reachable { .. } | State::Delay | State::Probe { .. }, _) => {
                Due::Nothing
            }
        }
    }

    /// A probe went out and is not answered: when the next one is due, with its turn.
    pub(super) fn probed(
        &mut self,
        at: Instant,
        address: Address,
        times: &NeighbourCacheSettings,
    ) -> Option<(Instant, u32)> {
        let entry = self.find(address)?;
        let sent = match entry.state {
            State::Probe { sent } => sent + 1,
            State::Unknown | State::Incomplete { .. } | State::Reachable { .. } | State::Delay => 1,
        };
        entry.turn += 1;
        entry.state = State::Probe { sent };
        Some((at + times.retransmit_timer, entry.turn))
    }
}
