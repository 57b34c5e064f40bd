//! Outcomes and goals as they are written.

use super::plan::{Case, Demand, Event, Goal, Outcome};
use crate::base::Span;
use crate::model::measure::percentile;
use crate::model::settings::Value;

/// What an outcome looks like, for messages.
pub const OUTCOME_EXPECTED: &str = "an event (failover, not-back, broken, unmet, lost-mail, \
                                    lost-logs), or a duration that is too long, such as \
                                    outlook>12s or recovered>20s";

/// What a goal looks like, for messages.
pub const GOAL_EXPECTED: &str = "a goal such as \"outlook p95 <= 12s\", \"no failover on a hiccup \
                                 of 4s\" or \"lost-mail <= 1%\"";

impl Outcome {
    /// Reads an outcome; none if it is none.
    pub fn read(text: &str) -> Option<Outcome> {
        if let Some((measure, limit)) = text.split_once('>') {
            let measure = measure.trim();
            let than = Span::read(limit.trim())?;
            return is_name(measure).then(|| Outcome::Longer { measure: measure.to_owned(), than });
        }
        Event::read(text).map(Outcome::Event)
    }

    /// As it is written.
    pub fn told(&self) -> String {
        match self {
            Outcome::Event(event) => event.word().to_owned(),
            Outcome::Longer { measure, than } => format!("{measure}>{}", than.show()),
        }
    }
}

impl Event {
    /// Reads an event; none if it is none.
    pub fn read(text: &str) -> Option<Event> {
        Event::ALL.into_iter().find(|event| event.word() == text.trim())
    }
}

/// Whether a text may be the name of a duration.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(['<', '=', '>'])
}

/// A share such as `1%` or `0.05%`, in millionths.
pub fn share(text: &str) -> Option<u64> {
    let number = text.trim().strip_suffix('%')?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if part.len() > 4 || !part.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let parts: u64 = if part.is_empty() { 0 } else { format!("{part:0<4}").parse().ok()? };
    let millionths = whole.parse::<u64>().ok()?.checked_mul(10_000)?.checked_add(parts)?;
    (millionths <= 1_000_000).then_some(millionths)
}

impl Goal {
    /// Reads a goal; none if it is none.
    pub fn read(text: &str) -> Option<Goal> {
        let (case, rest) = case_of(text.trim())?;
        let demand = match rest.strip_prefix("no ") {
            Some(event) => Demand::Rarer { event: Event::read(event)?, limit: 0 },
            None => {
                let (what, limit) = rest.split_once("<=")?;
                let (what, limit) = (what.trim(), limit.trim());
                match Event::read(what) {
                    Some(event) => Demand::Rarer { event, limit: share(limit)? },
                    None => {
                        let (measure, of) = what.rsplit_once(' ')?;
                        let (measure, limit) = (measure.trim(), Span::read(limit)?);
                        if !is_name(measure) {
                            return None;
                        }
                        let measure = measure.to_owned();
                        Demand::AtMost { measure, percentile: percentile(of)?, limit }
                    }
                }
            }
        };
        Some(Goal { text: text.trim().to_owned(), case, demand })
    }
}

/// The case of a goal, and the rest of it.
fn case_of(text: &str) -> Option<(Case, &str)> {
    let length = |text: &str| Span::read(text.trim()).filter(|length| !length.is_zero());
    if let Some((rest, of)) = text.split_once(" on a hiccup of ") {
        return Some((Case::Hiccup(length(of)?), rest.trim()));
    }
    Some((Case::Planned, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_read_as_they_are_written() {
        let goal = Goal::read("outlook p95 <= 12s").expect("a goal");
        assert_eq!(goal.case, Case::Planned);
        let (measure, limit) = ("outlook".to_owned(), Span::from_secs(12));
        assert_eq!(goal.demand, Demand::AtMost { measure, percentile: 950, limit });
        let goal = Goal::read("no failover on a hiccup of 4s").expect("a goal");
        assert_eq!(goal.case, Case::Hiccup(Span::from_secs(4)));
        assert_eq!(goal.demand, Demand::Rarer { event: Event::Failover, limit: 0 });
        let goal = Goal::read("lost-mail <= 0.5%").expect("a goal");
        assert_eq!(goal.demand, Demand::Rarer { event: Event::LostMail, limit: 5_000 });
        for text in ["", "outlook", "outlook <= 12s", "outlook p0 <= 1s", "failover <= 3s", "no x"]
        {
            assert_eq!(Goal::read(text), None, "{text}");
        }
    }

    #[test]
    fn outcomes_and_shares() {
        let than = Span::from_secs(12);
        let longer = Outcome::Longer { measure: "outlook".to_owned(), than };
        assert_eq!(Outcome::read("outlook > 12s"), Some(longer));
        assert_eq!(Outcome::read("failover"), Some(Outcome::Event(Event::Failover)));
        assert_eq!(
            [share("0.05%"), share("100%"), share("101%"), share("1")],
            [Some(500), Some(1_000_000), None, None]
        );
    }
}
