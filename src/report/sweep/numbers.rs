//! Numbers and names in words.

use crate::base::Span;
use crate::lab::statistics::Proportion;
use crate::lab::sweep::{Event, NEVER, RECOVERED};
use crate::model::measure::shown_percentile;

/// Seconds with three decimals; a duration without end is never.
pub(super) fn seconds(span: Span) -> String {
    if span == NEVER {
        return "never".to_owned();
    }
    let milliseconds = (span.as_nanos() + 500_000) / 1_000_000;
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}

/// Seconds with their sign and three decimals, of milliseconds.
pub(super) fn signed(milliseconds: f64) -> String {
    let text = format!("{:+.3}", milliseconds / 1e3);
    if text == "-0.000" { "+0.000".to_owned() } else { text }
}

/// Milliseconds; none for a duration without end.
pub(super) fn milliseconds(span: Span) -> Option<f64> {
    (span != NEVER).then(|| span.as_nanos() as f64 / 1e6)
}

/// A percentile by its name; a thousand thousandths are the longest.
pub(super) fn percentile(thousandths: u32) -> String {
    match thousandths {
        1_000 => "longest".to_owned(),
        other => shown_percentile(other),
    }
}

/// A share with its interval, in per cent.
pub(super) fn proportion(found: &Proportion) -> String {
    let Some(share) = found.share() else { return "-".to_owned() };
    let (low, high) = found.interval();
    format!("{} % [{}, {}]", percent(share), percent(low), percent(high))
}

/// A share in per cent with as many decimals as tell something.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0".to_owned(),
        p if p < 1.0 => format!("{p:.3}"),
        p if p >= 99.95 => "100".to_owned(),
        p => format!("{p:.1}"),
    }
}

/// A duration's name as a title.
pub(super) fn of_measure(measure: &str) -> String {
    match measure {
        RECOVERED => "Everything back".to_owned(),
        other => match other.strip_suffix("-outage") {
            Some(kind) => format!("Longest outage of one client of {kind}"),
            None => format!("Back for good: {other}"),
        },
    }
}

/// An event in words.
pub(super) fn of_event(event: Event) -> &'static str {
    match event {
        Event::Failover => "failover",
        Event::NotBack => "not back",
        Event::Broken => "promise broken",
        Event::Unmet => "expectation unmet",
        Event::LostMail => "mail lost",
        Event::LostLogs => "logs lost",
    }
}
