//! A client host's neighbour cache: which machine an address leads to, as RFC 4861 and the
//! client's operating system keep it (wsfc.md §5.1). Pure: whoever owns it sends the packets.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::draw::Purpose;
    use crate::model::Settings;

    const ADDRESS: Address = Address(0xc0a8_0a14);
    const EX01: MachineId = MachineId(0);
    const EX02: MachineId = MachineId(1);

    fn secs(seconds: u64) -> Instant {
        Instant::ZERO + Span::from_secs(seconds)
    }

    fn times() -> NeighbourCacheSettings {
        Settings::default().neighbour_cache
    }

    /// A cache that has just resolved the address to EX01.
    fn cache(system: ClientOs) -> Cache {
        let mut cache = Cache::new(system, Stream::new(1, 1, Purpose::Reachable));
        assert_eq!(cache.way(secs(0), ADDRESS, &times()), Way::Ask);
        assert!(!cache.resolved(secs(0), ADDRESS, EX01, RecordNo(7), &times()));
        cache
    }

    #[test]
    fn what_a_gratuitous_arp_does_depends_on_the_system() {
        for (system, follows) in [
            (ClientOs::WindowsXp, true),
            (ClientOs::Windows7, false),
            (ClientOs::Windows7Kb2582281, true),
        ] {
            let mut cache = cache(system);
            assert_eq!(cache.heard(secs(5), ADDRESS, EX02, &times()), follows, "{system:?}");
            let machine = match cache.way(secs(6), ADDRESS, &times()) {
                Way::To(machine) | Way::ToWithTimer(machine, ..) => machine,
                Way::Ask | Way::Wait => panic!("the entry leads somewhere"),
            };
            assert_eq!(machine, if follows { EX02 } else { EX01 }, "{system:?}");
        }
    }

    #[test]
    fn hosts_without_an_entry_learn_nothing_from_a_gratuitous_arp() {
        let draws = Stream::new(1, 1, Purpose::Reachable);
        let mut cache = Cache::new(ClientOs::Windows7Kb2582281, draws);
        assert!(!cache.heard(secs(1), ADDRESS, EX02, &times()));
        assert_eq!(cache.way(secs(1), ADDRESS, &times()), Way::Ask);
    }

    #[test]
    fn an_entry_is_reachable_for_15_to_45_seconds_then_probed_then_dropped() {
        let mut shortest = secs(100);
        let mut longest = secs(0);
        for key in 0..200 {
            let draws = Stream::new(1, key, Purpose::Reachable);
            let mut cache = Cache::new(ClientOs::Windows7, draws);
            cache.way(secs(0), ADDRESS, &times());
            cache.resolved(secs(0), ADDRESS, EX01, RecordNo(7), &times());
            let State::Reachable { until } = cache.entries[0].state else { panic!("reachable") };
            shortest = shortest.min(until);
            longest = longest.max(until);
        }
        assert!(secs(15) <= shortest && shortest < secs(16), "{shortest}");
        assert!(secs(44) < longest && longest <= secs(45), "{longest}");

        let mut cache = cache(ClientOs::Windows7);
        let Way::ToWithTimer(EX01, first, turn) = cache.way(secs(50), ADDRESS, &times()) else {
            panic!("a stale entry is used and doubted");
        };
        assert_eq!(first, secs(55));
        assert_eq!(cache.way(secs(51), ADDRESS, &times()), Way::To(EX01));
        let (mut at, mut turn) = (first, turn);
        for second in [56, 57, 58] {
            assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Probe(EX01));
            (at, turn) = cache.probed(at, ADDRESS, &times()).expect("an entry");
            assert_eq!(at, secs(second));
        }
        assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Dropped(EX01));
        assert_eq!(cache.way(at, ADDRESS, &times()), Way::Ask);
        assert!(cache.resolved(at, ADDRESS, EX02, RecordNo(9), &times()));
        assert_eq!(cache.way(at, ADDRESS, &times()), Way::To(EX02));
    }

    #[test]
    fn progress_of_tcp_confirms_an_entry_and_voids_its_timer() {
        let mut cache = cache(ClientOs::Windows7);
        let Way::ToWithTimer(_, _, turn) = cache.way(secs(50), ADDRESS, &times()) else {
            panic!("a stale entry is used and doubted");
        };
        cache.confirmed(secs(51), ADDRESS);
        assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Nothing);
        assert_eq!(cache.way(secs(65), ADDRESS, &times()), Way::To(EX01));
    }

    #[test]
    fn broadcasts_are_repeated_and_a_gratuitous_arp_answers_them() {
        let mut cache = Cache::new(ClientOs::Windows7, Stream::new(1, 1, Purpose::Reachable));
        assert_eq!(cache.way(secs(0), ADDRESS, &times()), Way::Ask);
        let (mut at, mut turn) = cache.unanswered(secs(0), ADDRESS, &times()).expect("an entry");
        assert_eq!(at, secs(1));
        assert_eq!(cache.way(secs(0), ADDRESS, &times()), Way::Wait);
        for second in [2, 3] {
            assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Broadcast);
            (at, turn) = cache.unanswered(at, ADDRESS, &times()).expect("an entry");
            assert_eq!(at, secs(second));
        }
        assert!(!cache.heard(at, ADDRESS, EX02, &times()), "it led nowhere before");
        assert_eq!(cache.due(ADDRESS, turn, &times()), Due::Nothing);
        assert!(matches!(cache.way(at, ADDRESS, &times()), Way::ToWithTimer(EX02, ..)));
    }

    #[test]
    fn broadcasts_end_after_the_third() {
        let mut cache = Cache::new(ClientOs::Windows7, Stream::new(1, 1, Purpose::Reachable));
        cache.way(secs(0), ADDRESS, &times());
        let mut timer = cache.unanswered(secs(0), ADDRESS, &times()).expect("an entry");
        for _ in 0..2 {
            assert_eq!(cache.due(ADDRESS, timer.1, &times()), Due::Broadcast);
            timer = cache.unanswered(timer.0, ADDRESS, &times()).expect("an entry");
        }
        assert_eq!(cache.due(ADDRESS, timer.1, &times()), Due::Unresolved);
        assert_eq!(cache.way(timer.0, ADDRESS, &times()), Way::Ask);
    }

    #[test]
    fn an_entry_of_windows_xp_lives_its_life_whatever_tcp_says() {
        let mut cache = cache(ClientOs::WindowsXp);
        cache.confirmed(secs(599), ADDRESS);
        assert_eq!(cache.way(secs(599), ADDRESS, &times()), Way::To(EX01));
        assert_eq!(cache.way(secs(600), ADDRESS, &times()), Way::Ask);
    }
}
