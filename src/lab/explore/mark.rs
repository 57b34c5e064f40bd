//! Marks of states: 128 bits over everything that a state is made of.
//!
//! Nothing that can change what happens later is left out: cores, their disks, the plant and what
//! is under way are hashed field by field by derived `Hash`, so a field that is added is hashed
//! too. The one hand-written `Hash` in the core is that of its timers, which leaves out who armed
//! them: a driver is told that for its records, and no decision reads it.

use std::hash::{Hash, Hasher};

/// Two lanes of multiply-and-fold over words, with different odd constants.
struct Lanes(u64, u64);

const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xc2b2_ae3d_27d4_eb4f;

fn folded(lane: u64, word: u64, constant: u64) -> u64 {
    let product = u128::from(lane ^ word).wrapping_mul(u128::from(constant));
    // Both halves of the product, so that high bits reach low ones.
    (product as u64) ^ ((product >> 64) as u64) ^ lane.rotate_left(23).wrapping_mul(constant)
}

impl Hasher for Lanes {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in words.by_ref() {
            self.write_u64(u64::from_le_bytes(word.try_into().expect("eight bytes")));
        }
        let rest = words.remainder();
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(last));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = folded(self.0, value, FIRST);
        self.1 = folded(self.1, value.rotate_left(32), SECOND);
    }

    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
        self.write_u64((value >> 64) as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The mark of a value.
pub(super) fn mark(value: &impl Hash) -> u128 {
    let mut lanes = Lanes(SECOND, FIRST);
    value.hash(&mut lanes);
    // A last round, so that the last word reaches every bit.
    lanes.write_u64(0);
    u128::from(lanes.0) << 64 | u128::from(lanes.1)
}

/// A value with its mark, which stands for it wherever it is a part.
#[derive(Debug)]
pub(super) struct Marked<T> {
    pub value: T,
    mark: u128,
}

impl<T: Hash> Marked<T> {
    pub(super) fn new(value: T) -> Self {
        let mark = mark(&value);
        Marked { value, mark }
    }

    pub(super) fn mark(&self) -> u128 {
        self.mark
    }
}

impl<T> Hash for Marked<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn neighbours_have_marks_that_differ_in_many_bits() {
        let marks: Vec<u128> = (0_u64..4_096).map(|n| mark(&[n & 63, n >> 6])).collect();
        assert_eq!(marks.iter().collect::<BTreeSet<_>>().len(), marks.len());
        for lane in [0, 64] {
            let one = |mark: &u128| (*mark >> lane) as u64;
            assert_eq!(marks.iter().map(one).collect::<BTreeSet<_>>().len(), marks.len());
            let flips = marks.windows(2).map(|two| (one(&two[0]) ^ one(&two[1])).count_ones());
            let mean = flips.sum::<u32>() / 4_095;
            assert!((28..=36).contains(&mean), "{mean} of 64 bits flip");
        }
    }

    #[test]
    fn order_and_length_count() {
        assert_ne!(mark(&[1_u64, 2]), mark(&[2_u64, 1]));
        assert_ne!(mark(&vec![0_u8; 3]), mark(&vec![0_u8; 4]));
        assert_ne!(mark(&(1_u64, 0_u64)), mark(&(0_u64, 1_u64)));
        assert_eq!(mark(&Marked::new(7_u64)), mark(&mark(&7_u64)));
    }
}
