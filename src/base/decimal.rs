//! Numbers with two decimals, as the product's sizing tables print them.

use core::fmt;
use serde::{Deserialize, Serialize};

/// A non-negative number with two decimals, kept in hundredths: `18.75`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Decimal(u32);

impl Decimal {
    /// The number of so many hundredths.
    pub const fn from_hundredths(hundredths: u32) -> Self {
        Decimal(hundredths)
    }
    /// How many hundredths it is.
    pub const fn hundredths(self) -> u32 {
        self.0
    }
    /// Reads `18`, `18.7` or `18.75`; none for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
            return None;
        }
        let tens = if fraction.len() == 1 { 10 } else { 1 };
        let hundredths = fraction.parse::<u32>().ok()? * tens;
        Some(Decimal(whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(hundredths)?))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:02}", self.0 / 100, self.0 % 100);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_decimals_are_read_and_shown() {
        let shown = |text: &str| Decimal::parse(text).map(|value| value.to_string());
        for text in ["0", "18", "18.7", "18.75", "30.12", "0.06"] {
            assert_eq!(shown(text).as_deref(), Some(text));
        }
        assert_eq!(shown("18.70").as_deref(), Some("18.7"));
        for text in ["", ".", "1.", ".5", "-1", "1.234", "1,5", "99999999999", "4e3"] {
            assert_eq!(shown(text), None, "{text:?}");
        }
    }
}
