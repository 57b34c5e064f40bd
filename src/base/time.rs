//! Moments and spans in whole nanoseconds. Zero is the driver's business: a run starts at zero,
//! an agent counts from its host's boot.

use core::fmt;
use core::ops::{Add, AddAssign, Div, Mul, Sub};
use serde::{Deserialize, Serialize};

/// A moment, in nanoseconds since the driver's zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Instant(u64);

/// A length of time in nanoseconds; never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

impl Instant {
    /// The driver's zero.
    pub const ZERO: Instant = Instant(0);
    /// Later than every moment of a run.
    pub const MAX: Instant = Instant(u64::MAX);

    /// The moment `nanos` nanoseconds after zero.
    pub const fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }
    /// Nanoseconds since zero.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
    /// Time since `earlier`.
    ///
    /// # Panics
    /// If `earlier` is later than this moment.
    pub fn since(self, earlier: Instant) -> Span {
        Span(self.0.checked_sub(earlier.0).expect("a later moment"))
    }
    /// Time since `earlier`, zero if that is later than this moment.
    pub fn saturating_since(self, earlier: Instant) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
    /// This moment plus a span; the latest representable moment if that is past the end of time.
    pub fn saturating_add(self, span: Span) -> Instant {
        Instant(self.0.saturating_add(span.0))
    }
}

impl Span {
    /// No time.
    pub const ZERO: Span = Span(0);
    /// Longer than every run.
    pub const MAX: Span = Span(u64::MAX);

    /// A span of nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Self {
        Span(nanos)
    }
    /// A span of microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Span(micros * 1_000)
    }
    /// A span of milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Span(millis * 1_000_000)
    }
    /// A span of seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Span(secs * 1_000_000_000)
    }
    /// Nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }
    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// This span less another, zero if that is longer.
    #[must_use]
    pub fn saturating_sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
    /// This span times `numerator / denominator`, rounded down.
    ///
    /// # Panics
    /// If the denominator is zero or the result does not fit.
    #[must_use]
    pub fn scaled(self, numerator: u64, denominator: u64) -> Span {
        if let Some(product) = self.0.checked_mul(numerator) {
            return Span(product / denominator);
        }
        let wide = u128::from(self.0) * u128::from(numerator) / u128::from(denominator);
        Span(u64::try_from(wide).expect("a span of less than 584 years"))
    }
}

impl Add<Span> for Instant {
    type Output = Instant;
    fn add(self, span: Span) -> Instant {
        Instant(self.0 + span.0)
    }
}
impl AddAssign<Span> for Instant {
    fn add_assign(&mut self, span: Span) {
        self.0 += span.0;
    }
}
impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0 + other.0)
    }
}
impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        self.0 += other.0;
    }
}
impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        Span(self.0 - other.0)
    }
}
impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, times: u64) -> Span {
        Span(self.0 * times)
    }
}
impl Div<u64> for Span {
    type Output = Span;
    fn div(self, parts: u64) -> Span {
        Span(self.0 / parts)
    }
}
impl core::iter::Sum for Span {
    fn sum<I: Iterator<Item = Span>>(iter: I) -> Span {
        iter.fold(Span::ZERO, Add::add)
    }
}

/// Seconds with as many decimals as needed (three at least): `5.300 s`, `0.000000016 s`.
fn seconds(nanos: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let fraction = format!("{:09}", nanos % 1_000_000_000);
    let shown = fraction.trim_end_matches('0').len().max(3);
    f.pad(&format!("{}.{} s", nanos / 1_000_000_000, &fraction[..shown]))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        seconds(self.0, f)
    }
}
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        seconds(self.0, f)
    }
}
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        seconds(self.0, f)
    }
}
impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        seconds(self.0, f)
    }
}
