//! The calendar: pending events in the exact order (moment, insertion number).
//!
//! A hierarchical timing wheel: the lowest level has slots of about 66 microseconds, each level
//! above is 64 times coarser. The slot that virtual time is in is kept sorted, so the order is
//! that of a heap over (moment, number) at the price of a wheel.

use crate::base::Instant;
use bevy_ecs::prelude::Resource;
use core::cmp::Reverse;

/// Nanoseconds of one slot of the lowest level, as a power of two.
const TICK_BITS: u32 = 16;
/// Slots of a level, as a power of two.
const SLOT_BITS: u32 = 6;
/// Levels: 16 + 8 × 6 = 64 bits, as many as a moment has.
const LEVELS: usize = 8;
const SLOTS: usize = 1 << SLOT_BITS;
/// End of a list.
const NIL: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Entry<E> {
    at: u64,
    number: u64,
    event: E,
}

/// Pending events of type `E`.
#[derive(Resource)]
pub struct Calendar<E: Copy + Send + Sync + 'static> {
    tick: u64,
    number: u64,
    len: usize,
    /// Moment of the last event handed out.
    handed_out: u64,
    /// Entries of the present slot and before, the next one last.
    present: Vec<Entry<E>>,
    heads: [[u32; SLOTS]; LEVELS],
    occupied: [u64; LEVELS],
    slab: Vec<(Entry<E>, u32)>,
    free: u32,
}

impl<E: Copy + Send + Sync + 'static> Default for Calendar<E> {
    fn default() -> Self {
        Calendar {
            tick: 0,
            number: 0,
            len: 0,
            handed_out: 0,
            present: Vec::new(),
            heads: [[NIL; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            slab: Vec::new(),
            free: NIL,
        }
    }
}

impl<E: Copy + Send + Sync + 'static> Calendar<E> {
    /// Number of pending events.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an event; among events of one moment it comes last.
    ///
    /// # Panics
    /// If its moment is before that of the last event handed out: time does not go back.
    pub fn push(&mut self, at: Instant, event: E) {
        assert!(at.as_nanos() >= self.handed_out, "an event at {at} is planned too late");
        let entry = Entry { at: at.as_nanos(), number: self.number, event };
        self.number += 1;
        self.len += 1;
        self.place(entry);
    }

    /// Takes the next event if it is not after `until`.
    pub fn pop(&mut self, until: Instant) -> Option<(Instant, E)> {
        while self.present.is_empty() {
            if self.len == 0 || !self.advance(until.as_nanos() >> TICK_BITS) {
                return None;
            }
        }
        let next = self.present.last()?;
        if next.at > until.as_nanos() {
            return None;
        }
        let entry = self.present.pop()?;
        self.len -= 1;
        self.handed_out = entry.at;
        Some((Instant::from_nanos(entry.at), entry.event))
    }

    fn place(&mut self, entry: Entry<E>) {
        let tick = entry.at >> TICK_BITS;
        if tick <= self.tick {
            let key = (entry.at, entry.number);
            let position = self.present.partition_point(|other| (other.at, other.number) > key);
            self.present.insert(position, entry);
            return;
        }
        let level = ((63 - (tick ^ self.tick).leading_zeros()) / SLOT_BITS) as usize;
        let slot = (tick >> (SLOT_BITS * level as u32)) as usize & (SLOTS - 1);
        let next = self.heads[level][slot];
        let place = if self.free == NIL {
            self.slab.push((entry, next));
            (self.slab.len() - 1) as u32
        } else {
            let place = self.free;
            self.free = self.slab[place as usize].1;
            self.slab[place as usize] = (entry, next);
            place
        };
        self.heads[level][slot] = place;
        self.occupied[level] |= 1 << slot;
    }

    /// Moves on to the next slot that has entries, unless it begins after `last`.
    fn advance(&mut self, last: u64) -> bool {
        for level in 0..LEVELS {
            let shift = SLOT_BITS * level as u32;
            let here = (self.tick >> shift) & (SLOTS as u64 - 1);
            let later = self.occupied[level] & !(u64::MAX >> (63 - here));
            if later == 0 {
                continue;
            }
            let slot = later.trailing_zeros() as u64;
            let above = shift + SLOT_BITS;
            let kept = if above >= 64 { 0 } else { self.tick >> above << above };
            let tick = kept | slot << shift;
            if tick > last {
                return false;
            }
            self.tick = tick;
            self.empty_slot(level, slot as usize);
            return true;
        }
        unreachable!("a calendar with pending events has an occupied slot");
    }

    fn empty_slot(&mut self, level: usize, slot: usize) {
        let mut place = std::mem::replace(&mut self.heads[level][slot], NIL);
        self.occupied[level] &= !(1 << slot);
        while place != NIL {
            let (entry, next) = self.slab[place as usize];
            self.slab[place as usize].1 = self.free;
            self.free = place;
            if level == 0 {
                self.present.push(entry);
            } else {
                self.place(entry);
            }
            place = next;
        }
        if level == 0 {
            self.present.sort_unstable_by_key(|entry| Reverse((entry.at, entry.number)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::draw::{Purpose, Stream};
    use std::collections::BTreeMap;

    #[test]
    fn order_is_that_of_a_sorted_map() {
        for seed in 0..50 {
            let mut draws = Stream::new(seed, 0, Purpose::Choice);
            let (mut calendar, mut model) = (Calendar::default(), BTreeMap::new());
            let (mut now, mut number) = (0u64, 0u64);
            for _ in 0..2_000 {
                if draws.below(5) < 3 || model.is_empty() {
                    let reach = 1 << draws.below(50);
                    let at = now + draws.below(reach);
                    calendar.push(Instant::from_nanos(at), number);
                    model.insert((at, number), number);
                    number += 1;
                } else {
                    let (&(at, _), _) = model.first_key_value().expect("not empty");
                    let (_, expected) = model.pop_first().expect("not empty");
                    let got = calendar.pop(Instant::MAX).expect("not empty");
                    assert_eq!(got, (Instant::from_nanos(at), expected), "seed {seed}");
                    now = at;
                }
                assert_eq!(calendar.len(), model.len());
            }
        }
    }

    #[test]
    fn nothing_after_the_limit_is_taken_and_nothing_is_lost() {
        let mut calendar = Calendar::default();
        let at = |n| Instant::from_nanos(n);
        calendar.push(at(5_000_000_000), 'b');
        calendar.push(at(10), 'a');
        assert_eq!(calendar.pop(at(9)), None);
        assert_eq!(calendar.pop(at(10)), Some((at(10), 'a')));
        assert_eq!(calendar.pop(at(4_999_999_999)), None);
        calendar.push(at(4_999_999_999), 'c');
        assert_eq!(calendar.pop(at(5_000_000_000)), Some((at(4_999_999_999), 'c')));
        assert_eq!(calendar.pop(at(5_000_000_000)), Some((at(5_000_000_000), 'b')));
        assert!(calendar.is_empty());
    }
}
