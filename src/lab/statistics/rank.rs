//! Percentiles of a sample with intervals between two of its own values.
//!
//! How many of `n` values are below the true percentile `p` has the binomial distribution of `n`
//! and `p`, whatever the values' own is. So the interval from one value by its rank to another
//! holds the true percentile with a probability that can be worked out; it is at least 95 %.

use crate::base::Span;

/// What either side of the interval may miss.
const TAIL: f64 = 0.025;

/// Which of some sorted values stand for a percentile; ranks count from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ranks {
    /// The estimate's.
    pub rank: u64,
    /// The interval's lower end's; none if there are too few values for one.
    pub low: Option<u64>,
    /// Its upper end's.
    pub high: Option<u64>,
}

impl Ranks {
    /// The ranks of a percentile among `count` values; it is given in thousandths, from 1 to 999.
    /// None without values.
    pub fn of(count: u64, thousandths: u32) -> Option<Ranks> {
        if count == 0 {
            return None;
        }
        let part = u128::from(count) * u128::from(thousandths);
        let rank = u64::try_from(part.div_ceil(1_000)).unwrap_or(count).clamp(1, count);
        let (low, high) = binomial_tails(count, f64::from(thousandths) / 1_000.0);
        Some(Ranks { rank, low: (low >= 1).then_some(low), high: (high <= count).then_some(high) })
    }
}

/// The largest rank `l` with a probability of at most [`TAIL`] that fewer than `l` values are
/// below the percentile, and the smallest rank `u` with one of at most [`TAIL`] that `u` or more
/// are.
fn binomial_tails(count: u64, share: f64) -> (u64, u64) {
    let odds = share / (1.0 - share);
    let mode = (((count + 1) as f64) * share).floor().min(count as f64) as u64;
    // The probabilities of neighbours have a simple ratio; those too small to matter end the walk.
    let mut below = vec![1.0_f64];
    for k in (1..=mode).rev() {
        let next = below[below.len() - 1] * k as f64 / ((count - k + 1) as f64 * odds);
        if next < 1e-17 {
            break;
        }
        below.push(next);
    }
    let mut above = Vec::new();
    let mut last = 1.0_f64;
    for k in mode + 1..=count {
        last *= (count - k + 1) as f64 * odds / k as f64;
        if last < 1e-17 {
            break;
        }
        above.push(last);
    }
    let whole: f64 = below.iter().sum::<f64>() + above.iter().sum::<f64>();
    let lowest = mode + 1 - below.len() as u64;
    let mut low = lowest;
    let mut sum = 0.0;
    for weight in below.iter().rev().chain(&above) {
        sum += weight / whole;
        if sum > TAIL {
            break;
        }
        low += 1;
    }
    let highest = mode + above.len() as u64;
    let mut high = highest + 1;
    sum = 0.0;
    for weight in above.iter().rev().chain(&below) {
        sum += weight / whole;
        if sum > TAIL {
            break;
        }
        high -= 1;
    }
    (low, high)
}

/// A percentile of some durations, with its interval.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quantile {
    /// The estimate.
    pub value: Span,
    /// The interval's lower end; none if there are too few runs for one.
    pub low: Option<Span>,
    /// Its upper end.
    pub high: Option<Span>,
}

impl Quantile {
    /// A percentile, in thousandths, of durations that are sorted; none without any.
    pub fn of(sorted: &[Span], thousandths: u32) -> Option<Quantile> {
        let ranks = Ranks::of(sorted.len() as u64, thousandths)?;
        let at = |rank: u64| sorted[rank as usize - 1];
        let (low, high) = (ranks.low.map(at), ranks.high.map(at));
        Some(Quantile { value: at(ranks.rank), low, high })
    }

    /// The width of the interval; none if an end is missing.
    pub fn width(&self) -> Option<Span> {
        self.low.zip(self.high).map(|(low, high)| high - low)
    }
}

/// Fewest values for which a percentile, in thousandths, has an interval with both ends.
pub fn fewest(thousandths: u32) -> u64 {
    let share = f64::from(thousandths.clamp(1, 999)) / 1_000.0;
    let rarer = share.max(1.0 - share);
    (TAIL.ln() / rarer.ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::draw::{Purpose, Stream};

    #[test]
    fn ranks_are_those_of_the_tables() {
        // Conover's and others' tables: the median of 10 lies between the 2nd and the 9th of them
        // with 97.9 %, that of 20 between the 6th and the 15th with 95.9 %.
        assert_eq!(Ranks::of(10, 500), Some(Ranks { rank: 5, low: Some(2), high: Some(9) }));
        assert_eq!(Ranks::of(20, 500), Some(Ranks { rank: 10, low: Some(6), high: Some(15) }));
        assert_eq!(Ranks::of(0, 500), None);
        let few = Ranks::of(10, 950).expect("there are ten");
        assert_eq!((few.rank, few.high), (10, None));
    }

    #[test]
    fn so_many_values_are_needed() {
        assert_eq!(fewest(500), 6);
        assert_eq!(fewest(950), 72);
        assert_eq!(fewest(990), 368);
        for thousandths in [500, 900, 950, 990] {
            let enough = fewest(thousandths);
            assert!(Ranks::of(enough, thousandths).is_some_and(|ranks| ranks.high.is_some()));
            assert!(Ranks::of(enough - 1, thousandths).is_some_and(|ranks| ranks.high.is_none()));
        }
    }

    /// Repeated samples of a distribution whose percentile is known: the interval holds it at
    /// least as often as it says, and not always.
    #[test]
    fn intervals_cover_what_they_say() {
        let samples = 2_000_u64;
        for (count, thousandths) in [(30, 500), (100, 900), (200, 950), (500, 990)] {
            let truth = Span::from_nanos(u64::from(thousandths) * 1_000_000);
            let mut covered = 0_u64;
            for sample in 0..samples {
                let mut draws = Stream::new(sample, count, Purpose::Choice);
                let mut values: Vec<Span> =
                    (0..count).map(|_| Span::from_nanos(draws.below(1_000_000_000))).collect();
                values.sort();
                let found = Quantile::of(&values, thousandths).expect("there are values");
                covered += u64::from(
                    found.low.is_none_or(|low| low <= truth)
                        && found.high.is_none_or(|high| truth < high),
                );
            }
            // Its own standard deviation is half of a hundredth.
            assert!(covered >= samples * 94 / 100, "{count}, {thousandths}: {covered}");
            assert!(covered < samples * 995 / 1_000, "{count}, {thousandths}: {covered}");
        }
    }
}
