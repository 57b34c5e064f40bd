//! Probabilities and factors as fractions of integers.

use core::fmt;
use serde::{Deserialize, Serialize};

/// A non-negative fraction. Written `"3%"`, `"1/200"` or `"2x"` in files.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Ratio = Ratio { numerator: 0, denominator: 1 };
    /// The whole.
    pub const ONE: Ratio = Ratio { numerator: 1, denominator: 1 };

    /// A fraction, or none if the denominator is zero.
    pub const fn new(numerator: u32, denominator: u32) -> Option<Self> {
        if denominator == 0 { None } else { Some(Ratio { numerator, denominator }) }
    }
    /// The upper part of the fraction.
    pub const fn numerator(self) -> u32 {
        self.numerator
    }
    /// The lower part of the fraction; never zero.
    pub const fn denominator(self) -> u32 {
        self.denominator
    }
    /// Whether the fraction is zero.
    pub const fn is_zero(self) -> bool {
        self.numerator == 0
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        let cross = |a: &Ratio, b: &Ratio| u64::from(a.numerator) * u64::from(b.denominator);
        cross(self, other).cmp(&cross(other, self))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ratio {}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            100 => write!(f, "{}%", self.numerator),
            1 => write!(f, "{}x", self.numerator),
            denominator => write!(f, "{}/{denominator}", self.numerator),
        }
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
