//! Where two runs that should be equal part.

use crate::journal::Record;

/// The place of the first record in which two journals differ, or at which one of them ends; none
/// if they are equal.
pub fn first_difference(one: &[Record], other: &[Record]) -> Option<usize> {
    let shorter = one.len().min(other.len());
    let differs = one.iter().zip(other).position(|(a, b)| a != b);
    differs.or_else(|| (one.len() != other.len()).then_some(shorter))
}
