//! The shape of a day: how busy people are in each of its hours.

use super::Value;
use crate::base::Span;
use serde::{Deserialize, Serialize};

const HOURS: usize = 24;
const HOUR: u64 = 3_600_000_000_000;

/// How busy people are in each hour of the day, in percent of the busiest one. At least one hour
/// is not zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day([u8; HOURS]);

impl Day {
    /// The same at every hour.
    pub const FLAT: Day = Day([100; HOURS]);

    /// The day's work, as the time that it would take at the busiest hour's rate.
    pub fn busy_time(&self) -> Span {
        let percent: u64 = self.0.iter().map(|share| u64::from(*share)).sum();
        Span::from_nanos(percent * HOUR / 100)
    }

    /// How long it takes from a time of day until work is done that would take `work` at the
    /// busiest hour's rate.
    pub fn time_for(&self, time_of_day: Span, work: Span) -> Span {
        if *self == Day::FLAT {
            return work;
        }
        // In nanoseconds of one percent, so that nothing is lost by division.
        let mut left = u128::from(work.as_nanos()) * 100;
        let mut now = time_of_day.as_nanos();
        loop {
            let hour = (now / HOUR) as usize % HOURS;
            let (share, rest) = (u128::from(self.0[hour]), HOUR - now % HOUR);
            let done = share * u128::from(rest);
            if share > 0 && left <= done {
                now += (left / share) as u64;
                return Span::from_nanos(now - time_of_day.as_nanos());
            }
            left -= done;
            now += rest;
        }
    }
}

impl Value for Day {
    const EXPECTED: &'static str = "flat, or 24 numbers from 0 to 100, one for each hour from \
                                    midnight, not all of them 0";
    fn read(text: &str) -> Option<Self> {
        if text.trim() == "flat" {
            return Some(Day::FLAT);
        }
        let split = text.split([' ', ',']).filter(|word| !word.is_empty());
        let hours: Option<Vec<u8>> =
            split.map(|word| word.parse().ok().filter(|share| *share <= 100)).collect();
        let hours: [u8; HOURS] = hours?.try_into().ok()?;
        hours.iter().any(|share| *share > 0).then_some(Day(hours))
    }
    fn show(&self) -> String {
        if *self == Day::FLAT {
            return "flat".to_owned();
        }
        self.0.map(|share| share.to_string()).join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: &str = "0 0 0 0 0 0 0 10 50 100 100 50 50 100 100 50 0 0 0 0 0 0 0 0";

    fn hours(hours: u64) -> Span {
        Span::from_secs(hours * 3_600)
    }

    #[test]
    fn a_day_is_read_and_shown_and_an_empty_one_is_none() {
        assert_eq!(Day::read(WORK).map(|day| day.show()).as_deref(), Some(WORK));
        assert_eq!(Day::read("flat"), Some(Day::FLAT));
        for wrong in ["", "1 2 3", &["0"; 24].join(" "), &["101"; 24].join(","), "x"] {
            assert_eq!(Day::read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn work_waits_for_the_hours_in_which_people_are_busy() {
        let day = Day::read(WORK).expect("a day");
        assert_eq!(day.time_for(hours(9), hours(1)), hours(1), "at the busiest hour");
        assert_eq!(day.time_for(hours(8), hours(1)), Span::from_secs(5_400), "half of it at 50 %");
        assert_eq!(day.time_for(hours(18), Span::ZERO), hours(13), "nothing before seven");
        let whole = day.busy_time();
        assert_eq!(whole, Span::from_secs(6 * 3_600 + 360));
        assert_eq!(day.time_for(hours(9), whole + hours(1)), hours(25), "a day later");
        assert_eq!(Day::FLAT.time_for(hours(3), hours(40)), hours(40));
    }
}
