//! The probability of something that some of the runs had, with Wilson's interval, which keeps
//! its share of 95 % also for rare things and few runs.

use super::NORMAL;

/// So many of so many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Proportion {
    /// Runs that had it.
    pub had: u64,
    /// All runs.
    pub of: u64,
}

impl Proportion {
    /// The share; none without runs.
    pub fn share(&self) -> Option<f64> {
        (self.of > 0).then(|| self.had as f64 / self.of as f64)
    }

    /// The ends of its interval; from 0 to 1 without runs.
    pub fn interval(&self) -> (f64, f64) {
        let Some(share) = self.share() else { return (0.0, 1.0) };
        let count = self.of as f64;
        let square = NORMAL * NORMAL;
        let whole = 1.0 + square / count;
        let middle = (share + square / (2.0 * count)) / whole;
        let spread = (share * (1.0 - share) / count + square / (4.0 * count * count)).sqrt();
        let half = NORMAL * spread / whole;
        // At the ends of the scale the interval ends there, whatever rounding does.
        let low = if self.had == 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if self.had == self.of { 1.0 } else { (middle + half).min(1.0) };
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 5e-4, "{a} is not {b}");
        let (low, high) = Proportion { had: 5, of: 10 }.interval();
        near(low, 0.2366);
        near(high, 0.7634);
        let (low, high) = Proportion { had: 0, of: 20 }.interval();
        near(low, 0.0);
        near(high, 0.1611);
        let (low, high) = Proportion { had: 20, of: 20 }.interval();
        near(low, 0.8389);
        near(high, 1.0);
        assert_eq!(Proportion::default().interval(), (0.0, 1.0));
    }
}
