//! Short words for spans and moments, for people who look at a picture.

use crate::base::{Instant, Span};

const SECOND: u64 = 1_000_000_000;

/// A number of tenths, rounded to the nearest.
fn tenths(nanos: u64) -> String {
    let tenths = nanos.saturating_add(SECOND / 20) / (SECOND / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A span, so exact as a person needs it: `26 ms`, `10.5 s`, `17 min 5 s`.
pub fn short(span: Span) -> String {
    let nanos = span.as_nanos();
    let seconds = nanos / SECOND;
    match seconds {
        _ if nanos == 0 => "0 s".to_owned(),
        _ if nanos < 500_000 => "under 1 ms".to_owned(),
        _ if nanos < SECOND / 10 => format!("{} ms", (nanos + 500_000) / 1_000_000),
        0..1_000 => format!("{} s", tenths(nanos)),
        1_000..7_200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// A moment in seconds, to a tenth: `60.0`.
pub fn moment(at: Instant) -> String {
    tenths(at.as_nanos())
}

/// Several things in a row: `a, b and c`.
pub fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// A number of things in words: `1 client`, `3 clients`.
pub fn counted(count: impl Into<u64>, thing: &str) -> String {
    let count: u64 = count.into();
    let more = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_exact_as_a_person_needs_them() {
        let cases = [
            (0, "0 s"),
            (400_000, "under 1 ms"),
            (26_025_000, "26 ms"),
            (99_999_999, "100 ms"),
            (100_000_000, "0.1 s"),
            (10_522_000_000, "10.5 s"),
            (10_550_000_000, "10.6 s"),
            (999_960_000_000, "1000.0 s"),
            (1_025_000_000_000, "17 min 5 s"),
            (7_260_000_000_000, "2 h 1 min"),
        ];
        for (nanos, words) in cases {
            assert_eq!(short(Span::from_nanos(nanos)), words);
        }
        assert_eq!(moment(Instant::from_nanos(60_049_000_000)), "60.0");
        let words: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(listed(&words), "a, b and c");
        assert_eq!(listed(&words[..1]), "a");
    }
}
