//! What can stand in a settings table.

use crate::base::{Decimal, Ratio, Span};
use crate::failover::config::Flaw;

/// A value that can stand in a settings table.
pub trait Value: Sized + PartialOrd {
    /// What a value looks like, for messages.
    const EXPECTED: &'static str;
    /// Reads the text of a value.
    fn read(text: &str) -> Option<Self>;
    /// The value as it would stand in a file.
    fn show(&self) -> String;
}

impl Value for Span {
    const EXPECTED: &'static str = "a duration with its unit, such as \"1500ms\" or \"5s\"";
    fn read(text: &str) -> Option<Self> {
        let days = jiff::SpanRelativeTo::days_are_24_hours();
        let with_days = || text.parse::<jiff::Span>().ok()?.to_duration(days).ok();
        let parsed = text.parse::<jiff::SignedDuration>().ok().or_else(with_days)?;
        let nanos = u64::try_from(parsed.as_nanos()).ok()?;
        (!text.trim_start().starts_with('-')).then_some(Span::from_nanos(nanos))
    }
    fn show(&self) -> String {
        let nanos = self.as_nanos();
        [
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
        ]
        .iter()
        .find(|(unit, _)| nanos >= *unit && nanos.is_multiple_of(*unit))
        .map_or_else(|| format!("{nanos}ns"), |(unit, name)| format!("{}{name}", nanos / unit))
    }
}

impl Value for u32 {
    const EXPECTED: &'static str = "a whole number";
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u64 {
    const EXPECTED: &'static str = "a whole number";
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";
    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Ratio {
    const EXPECTED: &'static str =
        "a share such as \"3%\" or \"1/200\", or a factor such as \"2x\"";
    fn read(text: &str) -> Option<Self> {
        if let Some(percent) = text.strip_suffix('%') {
            return Ratio::new(percent.trim().parse().ok()?, 100);
        }
        if let Some(factor) = text.strip_suffix('x') {
            return Ratio::new(factor.trim().parse().ok()?, 1);
        }
        let (numerator, denominator) = text.split_once('/')?;
        Ratio::new(numerator.trim().parse().ok()?, denominator.trim().parse().ok()?)
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Option<Flaw> {
    const EXPECTED: &'static str = "\"none\", or a name of `dagtwin list planted`";
    fn read(text: &str) -> Option<Self> {
        let named = || Flaw::ALL.iter().find(|flaw| flaw.word() == text);
        if text == "none" { Some(None) } else { named().copied().map(Some) }
    }
    fn show(&self) -> String {
        self.map_or("none", Flaw::word).to_owned()
    }
}

impl Value for Decimal {
    const EXPECTED: &'static str = "a number with at most two decimals, such as 18.75";
    fn read(text: &str) -> Option<Self> {
        Decimal::parse(text)
    }
    fn show(&self) -> String {
        self.to_string()
    }
}
