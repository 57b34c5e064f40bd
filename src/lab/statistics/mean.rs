//! Means with their intervals, and paired differences.
//!
//! The interval of a mean is Student's: the mean, and on both sides the 97.5th percentile of the t
//! distribution times the standard error. It supposes that means of so many values are spread
//! evenly enough around their own; years of faults are lopsided, so with few of them it is too
//! narrow above. Differences are taken pair by pair, since draws are the same for both, and are
//! less lopsided.

/// With fewer values an interval is not to be trusted.
pub const FEW: usize = 10;

/// The 97.5th percentile of Student's t with 1 to 30 degrees of freedom.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045, 2.042,
];

fn student(freedom: usize) -> f64 {
    match STUDENT.get(freedom.wrapping_sub(1)) {
        Some(value) => *value,
        None if freedom == 0 => f64::NAN,
        None => {
            // Fisher's expansion; with more than thirty degrees it is right to four decimals.
            let (z, n) = (super::NORMAL, freedom as f64);
            let first = (z.powi(3) + z) / 4.0;
            let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
            z + first / n + second / (n * n)
        }
    }
}

/// A mean.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width of its interval; none with fewer than two values.
    pub half: Option<f64>,
}

impl Estimate {
    /// The mean of some values with its interval.
    pub fn of(values: &[f64]) -> Self {
        let count = values.len() as f64;
        let mean = if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / count };
        if values.len() < 2 {
            return Estimate { mean, half: None };
        }
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        Estimate { mean, half: Some(student(values.len() - 1) * error) }
    }

    /// The interval's ends.
    pub fn interval(&self) -> Option<(f64, f64)> {
        self.half.map(|half| (self.mean - half, self.mean + half))
    }
}

/// A difference of two designs or settings, pair by pair.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Difference {
    /// The mean difference.
    pub mean: Estimate,
    /// Pairs that were compared.
    pub pairs: usize,
    /// Pairs in which the second had more than the first.
    pub more: usize,
    /// Pairs in which it had less.
    pub less: usize,
}

impl Difference {
    /// The difference over pairs.
    pub fn of(differences: &[f64]) -> Self {
        Difference {
            mean: Estimate::of(differences),
            pairs: differences.len(),
            more: differences.iter().filter(|one| **one > 0.0).count(),
            less: differences.iter().filter(|one| **one < 0.0).count(),
        }
    }

    /// Whether the interval leaves out zero.
    pub fn is_clear(&self) -> bool {
        self.mean.interval().is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_the_table() {
        let five = Estimate::of(&[2.0, 4.0, 4.0, 5.0, 5.0]);
        assert!((five.mean - 4.0).abs() < 1e-9);
        // The standard deviation is the root of 1.5, the error that of 0.3.
        assert!((five.half.expect("five years") - 2.776 * 0.3_f64.sqrt()).abs() < 1e-9);
        assert_eq!(Estimate::of(&[7.0]).half, None);
        assert_eq!([student(1), student(30)], [12.706, 2.042]);
        for (freedom, value) in [(40, 2.0211), (79, 1.9905), (120, 1.9799)] {
            assert!((student(freedom) - value).abs() < 1e-4, "{freedom}: {}", student(freedom));
        }
        assert!(student(1_000) > 1.959);
    }

    #[test]
    fn a_difference_counts_its_pairs() {
        let difference = Difference::of(&[1.0, 2.0, 0.0, 3.0]);
        assert_eq!((difference.pairs, difference.more, difference.less), (4, 3, 0));
        assert!(!difference.is_clear());
        assert!(Difference::of(&[1.0, 1.1, 0.9, 1.0]).is_clear());
    }
}
