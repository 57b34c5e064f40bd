//! Which addresses we hold, and by which of our requests. Every request has a number, which the
//! kernel tells along with the change it made; so a removal that is heard of late is not taken for
//! one of an address that we have put there since.

use super::InterfaceAddress;
use super::rtnetlink::Key;
use std::collections::BTreeMap;

/// How an address is held.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Holding {
    place: InterfaceAddress,
    /// The request that put or renewed it, when the kernel has said yes.
    confirmed: Option<u32>,
    /// The request that is on its way.
    pending: Option<u32>,
}

/// The addresses that we hold.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    held: BTreeMap<Key, Holding>,
}

impl Ledger {
    /// A request that puts or renews an address is about to be made.
    pub(super) fn begin(&mut self, key: Key, place: &InterfaceAddress, sequence: u32) {
        let new = || Holding { place: place.clone(), confirmed: None, pending: None };
        self.held.entry(key).or_insert_with(new).pending = Some(sequence);
    }

    /// The kernel said yes to it.
    pub(super) fn confirm(&mut self, key: Key, sequence: u32) {
        // Without it, somebody has removed the address again already.
        if let Some(holding) = self.held.get_mut(&key)
            && holding.pending == Some(sequence)
        {
            holding.confirmed = holding.pending.take();
        }
    }

    /// It had no success.
    pub(super) fn failed(&mut self, key: Key, sequence: u32) {
        if let Some(holding) = self.held.get_mut(&key)
            && holding.pending == Some(sequence)
        {
            holding.pending = None;
            self.tidy(key);
        }
    }

    /// We are about to remove an address: it is held no more. Returns by which request it was.
    pub(super) fn release(&mut self, key: Key) -> Option<u32> {
        self.held.remove(&key).and_then(|holding| holding.confirmed)
    }

    /// We are about to remove an address whose interface is gone.
    pub(super) fn release_named(&mut self, place: &InterfaceAddress) {
        self.held.retain(|_, holding| holding.place != *place);
    }

    /// Removing it had no success: it is held as before.
    pub(super) fn keep(&mut self, key: Key, place: &InterfaceAddress, sequence: u32) {
        self.begin(key, place, sequence);
        self.confirm(key, sequence);
    }

    /// An address that this request had put is gone. If we held it by that request, it is held no
    /// more, and returned.
    pub(super) fn removed(&mut self, key: Key, sequence: u32) -> Option<InterfaceAddress> {
        let holding = self.held.get_mut(&key)?;
        if holding.confirmed == Some(sequence) {
            holding.confirmed = None;
        } else if holding.pending == Some(sequence) {
            holding.pending = None;
            holding.confirmed = None;
        } else {
            return None;
        }
        let place = holding.place.clone();
        self.tidy(key);
        Some(place)
    }

    /// What is held for sure, each with its request.
    pub(super) fn snapshot(&self) -> BTreeMap<Key, u32> {
        self.held
            .iter()
            .filter_map(|(key, holding)| holding.confirmed.map(|sequence| (*key, sequence)))
            .collect()
    }

    /// Whether an address is held on the interface with this index, with any prefix length.
    pub(super) fn holds(&self, index: u32, address: std::net::Ipv4Addr) -> bool {
        self.held.keys().any(|key| key.index == index && key.address == address)
    }

    /// The places of what is held for sure.
    pub(super) fn places(&self) -> Vec<InterfaceAddress> {
        let sure = self.held.values().filter(|holding| holding.confirmed.is_some());
        sure.map(|holding| holding.place.clone()).collect()
    }

    fn tidy(&mut self, key: Key) {
        if self.held.get(&key).is_some_and(|it| it.confirmed.is_none() && it.pending.is_none()) {
            self.held.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn key() -> (Key, InterfaceAddress) {
        let place = InterfaceAddress::new("eth0", Ipv4Addr::new(10, 0, 0, 5), 32);
        (Key::new(2, &place), place)
    }

    fn held(sequence: u32) -> (Ledger, Key, InterfaceAddress) {
        let (key, place) = key();
        let mut ledger = Ledger::default();
        ledger.begin(key, &place, sequence);
        ledger.confirm(key, sequence);
        (ledger, key, place)
    }

    #[test]
    fn a_removal_counts_for_the_request_that_it_undoes() {
        let (mut ledger, key, place) = held(7);
        assert_eq!(ledger.removed(key, 6), None, "of an older request");
        assert_eq!(ledger.removed(key, 7), Some(place));
        assert_eq!(ledger.removed(key, 7), None, "told once");
        assert!(ledger.places().is_empty());
    }

    #[test]
    fn what_we_remove_is_not_a_loss_even_if_we_put_it_back() {
        let (mut ledger, key, place) = held(7);
        assert_eq!(ledger.release(key), Some(7));
        ledger.begin(key, &place, 9);
        ledger.confirm(key, 9);
        assert_eq!(ledger.removed(key, 7), None);
        assert_eq!(ledger.snapshot(), BTreeMap::from([(key, 9)]));
    }

    #[test]
    fn a_removal_during_a_renewal_is_told_and_the_renewal_counts() {
        let (mut ledger, key, place) = held(7);
        ledger.begin(key, &place, 8);
        assert_eq!(ledger.removed(key, 7), Some(place.clone()));
        ledger.confirm(key, 8);
        assert_eq!(ledger.places(), [place]);
    }

    #[test]
    fn a_removal_before_the_answer_is_read_is_not_undone_by_the_answer() {
        let (mut ledger, key, place) = held(7);
        ledger.begin(key, &place, 8);
        assert_eq!(ledger.removed(key, 8), Some(place));
        ledger.confirm(key, 8);
        assert!(ledger.places().is_empty());
        assert!(!ledger.holds(key.index, key.address));
    }

    #[test]
    fn a_failed_request_leaves_what_was_held_before() {
        let (mut ledger, key, place) = held(7);
        ledger.begin(key, &place, 8);
        ledger.failed(key, 8);
        assert_eq!(ledger.snapshot(), BTreeMap::from([(key, 7)]));
        let (other, place) = (Key { index: 3, ..key }, place);
        ledger.begin(other, &place, 9);
        ledger.failed(other, 9);
        assert!(!ledger.holds(3, key.address));
    }
}
