//! What is known of interfaces and addresses, and what of a piece of news is a change.

use super::super::ledger::Ledger;
use super::super::rtnetlink::{Key, Link, Row};
use super::Event;
use std::collections::{BTreeMap, VecDeque};

/// An interface with a watched name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    index: u32,
    up: bool,
}

/// What is known.
#[derive(Debug)]
pub(super) struct State {
    /// The watched names; none: there is no such interface.
    watched: BTreeMap<String, Option<Known>>,
    /// The number of our requests' socket.
    port: u32,
    /// By which of our requests an address that is there was put or renewed last.
    put: BTreeMap<Key, u32>,
}

impl State {
    pub(super) fn new(interfaces: &[&str], port: u32) -> State {
        let watched = interfaces.iter().map(|name| ((*name).to_owned(), None)).collect();
        State { watched, port, put: BTreeMap::new() }
    }

    pub(super) fn links(&self) -> Vec<(String, bool)> {
        let up = |known: &Option<Known>| known.is_some_and(|known| known.up);
        self.watched.iter().map(|(name, known)| (name.clone(), up(known))).collect()
    }

    /// An interface is there, and is so.
    pub(super) fn link(&mut self, link: &Link, events: &mut VecDeque<Event>) {
        for (name, known) in &mut self.watched {
            let same = known.filter(|known| known.index == link.index);
            if *name == link.name {
                // Another one with the same name: the former is gone.
                set(name, known, same, events);
                set(name, known, Some(Known { index: link.index, up: link.up }), events);
            } else if same.is_some() {
                // It has another name now.
                set(name, known, None, events);
            }
        }
    }

    /// An interface is gone.
    pub(super) fn gone(&mut self, index: u32, events: &mut VecDeque<Event>) {
        for (name, known) in &mut self.watched {
            if known.is_some_and(|known| known.index == index) {
                set(name, known, None, events);
            }
        }
    }

    /// These are all the interfaces.
    pub(super) fn all_links(&mut self, links: &[Link], events: &mut VecDeque<Event>) {
        for (name, known) in &mut self.watched {
            let there = |index| links.iter().any(|link| link.index == index && link.name == *name);
            let same = known.filter(|known| there(known.index));
            set(name, known, same, events);
        }
        for link in links {
            self.link(link, events);
        }
    }

    /// An address was put or renewed, by a request of this number from this socket.
    pub(super) fn address(&mut self, key: Key, port: u32, sequence: u32) {
        if port == self.port {
            self.put.insert(key, sequence);
        }
    }

    /// An address is gone.
    pub(super) fn address_gone(
        &mut self,
        key: Key,
        port: u32,
        ledger: &mut Ledger,
        events: &mut VecDeque<Event>,
    ) {
        let lost = self.put.remove(&key).and_then(|sequence| ledger.removed(key, sequence));
        let by = Some(port).filter(|port| *port != 0);
        events.extend(lost.map(|address| Event::AddressLost { address, by }));
    }

    /// These are all the addresses, as they were some time after these were held.
    pub(super) fn all_addresses(
        &mut self,
        held: &BTreeMap<Key, u32>,
        rows: &[Row],
        ledger: &mut Ledger,
        events: &mut VecDeque<Event>,
    ) {
        self.put.clear();
        for (key, sequence) in held {
            if rows.iter().any(|row| row.key == *key) {
                self.put.insert(*key, *sequence);
            } else if let Some(address) = ledger.removed(*key, *sequence) {
                events.push_back(Event::AddressLost { address, by: None });
            }
        }
    }
}

/// Takes in the state of a name, and tells it if it is a change.
fn set(name: &str, known: &mut Option<Known>, now: Option<Known>, events: &mut VecDeque<Event>) {
    let up = now.is_some_and(|known| known.up);
    if known.is_some_and(|known| known.up) != up {
        events.push_back(Event::Link { interface: name.to_owned(), up });
    }
    *known = now;
}

#[cfg(test)]
mod tests {
    use super::super::super::InterfaceAddress;
    use super::*;
    use std::net::Ipv4Addr;

    /// Our socket's number.
    const OURS: u32 = 40;

    fn link(index: u32, name: &str, up: bool) -> Link {
        Link { index, name: name.to_owned(), up, hardware: None }
    }

    fn told(events: &mut VecDeque<Event>) -> Vec<bool> {
        let ups = events.drain(..).map(|event| match event {
            Event::Link { up, .. } => up,
            Event::AddressLost { .. } => panic!("no address is held"),
        });
        ups.collect()
    }

    /// One thing that happens.
    enum News {
        Link(u32, &'static str, bool),
        Gone(u32),
        All(&'static [(u32, &'static str, bool)]),
    }

    #[test]
    fn changes_of_a_name_are_told_in_order() {
        use News::{All, Gone, Link};
        let table: [(News, &[bool]); 15] = [
            (Link(2, "eth0", false), &[]),
            (Link(2, "eth0", true), &[true]),
            (Link(2, "eth0", true), &[]),
            (Link(3, "eth1", false), &[]),
            (Gone(3), &[]),
            (Gone(2), &[false]),
            (Link(4, "eth0", true), &[true]),
            // Made anew without our having seen it deleted.
            (Link(5, "eth0", true), &[false, true]),
            // The older one's end is late news.
            (Gone(4), &[]),
            // It takes another name, and back.
            (Link(5, "wan", true), &[false]),
            (Link(5, "eth0", true), &[true]),
            // An overrun hides a deletion and a new interface of that name.
            (All(&[(1, "lo", true), (6, "eth0", true)]), &[false, true]),
            (All(&[(6, "eth0", true)]), &[]),
            // An overrun hides that two have exchanged names.
            (All(&[(6, "eth1", true), (7, "eth0", false)]), &[false]),
            (All(&[]), &[]),
        ];
        let mut state = State::new(&["eth0"], OURS);
        let mut events = VecDeque::new();
        for (step, (news, expected)) in table.into_iter().enumerate() {
            match news {
                Link(index, name, up) => state.link(&link(index, name, up), &mut events),
                Gone(index) => state.gone(index, &mut events),
                All(links) => {
                    let links: Vec<_> =
                        links.iter().map(|(index, name, up)| link(*index, name, *up)).collect();
                    state.all_links(&links, &mut events);
                }
            }
            assert_eq!(told(&mut events), expected, "step {step}");
        }
    }

    fn address(last: u8) -> (Key, InterfaceAddress) {
        let place = InterfaceAddress::new("eth0", Ipv4Addr::new(10, 0, 0, last), 24);
        (Key::new(2, &place), place)
    }

    fn hold(ledger: &mut Ledger, last: u8, sequence: u32) -> (Key, InterfaceAddress) {
        let (key, place) = address(last);
        ledger.begin(key, &place, sequence);
        ledger.confirm(key, sequence);
        (key, place)
    }

    #[test]
    fn a_loss_is_told_with_who_asked_for_it() {
        let (mut state, mut ledger) = (State::new(&[], OURS), Ledger::default());
        let mut events = VecDeque::new();
        let (key, place) = hold(&mut ledger, 5, 7);
        state.address(key, OURS, 7);
        state.address_gone(key, 99, &mut ledger, &mut events);
        state.address_gone(key, 99, &mut ledger, &mut events);
        assert_eq!(events, [Event::AddressLost { address: place, by: Some(99) }]);
    }

    #[test]
    fn our_removals_are_not_told_even_late_but_what_they_take_along_is() {
        let (mut state, mut ledger) = (State::new(&[], OURS), Ledger::default());
        let mut events = VecDeque::new();
        let (first, _) = hold(&mut ledger, 5, 7);
        let (second, place) = hold(&mut ledger, 6, 8);
        state.address(first, OURS, 7);
        state.address(second, OURS, 8);
        // We remove the first, which takes the second along, and put the first back.
        ledger.release(first);
        hold(&mut ledger, 5, 10);
        state.address_gone(first, OURS, &mut ledger, &mut events);
        state.address_gone(second, OURS, &mut ledger, &mut events);
        state.address(first, OURS, 10);
        assert_eq!(events, [Event::AddressLost { address: place, by: Some(OURS) }]);
        assert_eq!(ledger.snapshot(), BTreeMap::from([(first, 10)]));
    }

    #[test]
    fn after_an_overrun_what_is_not_listed_is_lost_unless_it_is_newer() {
        let (mut state, mut ledger) = (State::new(&[], OURS), Ledger::default());
        let mut events = VecDeque::new();
        let (_, lost) = hold(&mut ledger, 5, 7);
        let (kept, _) = hold(&mut ledger, 6, 8);
        let (renewed, _) = hold(&mut ledger, 7, 9);
        let held = ledger.snapshot();
        hold(&mut ledger, 7, 10);
        let rows = [Row { key: kept, valid: None }];
        state.all_addresses(&held, &rows, &mut ledger, &mut events);
        assert_eq!(events, [Event::AddressLost { address: lost, by: None }]);
        assert_eq!(ledger.snapshot(), BTreeMap::from([(kept, 8), (renewed, 10)]));
    }
}
