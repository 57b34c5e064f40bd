//! Keyed random streams: one small generator for each (entity, purpose), seeded from the run's
//! seed and that key, so that a new consumer or a changed timer shifts nobody else's draws.

use super::ratio::Ratio;
use super::time::Span;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// What a stream is drawn for. The number is part of the key: never reuse or renumber one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Purpose {
    /// When a machine's Cluster service starts.
    Start = 1,
    /// Delay and loss of frames on a network.
    Network = 2,
    /// How long a person or program waits between requests.
    Think = 3,
    /// How long a service takes.
    Service = 4,
    /// The random factor on a neighbour cache's reachable time.
    Reachable = 5,
    /// What a client does next (read, send, ...), and to whom.
    Choice = 6,
    /// Sizes of messages.
    Size = 7,
    /// Which frames a faulty network doubles or holds back.
    Disorder = 8,
    /// When a component fails next, in a year of faults.
    TimeBetween = 40,
    /// How long it takes until it is repaired.
    TimeToRepair = 41,
    /// The seed of a year.
    Year = 42,
    /// Which values the points of a random sweep have.
    Sample = 50,
    /// Which runs stand in a resampled set.
    Resample = 51,
    /// Values at which a search is checked beside its own.
    Check = 52,
    /// What a run of a swarm has done to it.
    Swarm = 60,
}

/// One stream of draws.
#[derive(Clone, Debug)]
pub struct Stream(Xoshiro256PlusPlus);

/// One SplitMix64 round; fixed by a test vector.
const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Stream {
    /// The stream of an entity for a purpose. `entity` is any number that is stable between runs
    /// that are to be compared, for example a [`ClientId`](super::ClientId).
    pub fn new(seed: u64, entity: u64, purpose: Purpose) -> Self {
        let key = mix(mix(seed) ^ mix(entity.wrapping_mul(64).wrapping_add(purpose as u64)));
        Stream(Xoshiro256PlusPlus::seed_from_u64(key))
    }

    /// A whole number in `0..bound`; zero if the bound is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A span in `low..=high`, evenly.
    ///
    /// # Panics
    /// If `low` is above `high`.
    pub fn between(&mut self, low: Span, high: Span) -> Span {
        let width = (high - low).as_nanos();
        low + Span::from_nanos(self.below(width.saturating_add(1)))
    }

    /// Whether something of this probability happens. Draws nothing when it is zero.
    pub fn chance(&mut self, probability: Ratio) -> bool {
        !probability.is_zero()
            && self.below(u64::from(probability.denominator())) < u64::from(probability.numerator())
    }

    /// A share of the whole in parts of 2^32, evenly: the place at which a distribution's inverse
    /// is read.
    pub fn share(&mut self) -> u64 {
        self.0.next_u64() >> 32
    }

    /// A span around `mean` from the exponential distribution, by a table of its inverse with
    /// linear steps between (integers only). At most about 5.3 times the mean.
    pub fn exponential(&mut self, mean: Span) -> Span {
        let word = self.0.next_u64();
        let cell = (word >> 59) as usize;
        let within = (word >> 43) & 0xffff;
        let (low, high) = (INVERSE_EXPONENTIAL[cell], INVERSE_EXPONENTIAL[cell + 1]);
        let value = u64::from(low) + (((u64::from(high) - u64::from(low)) * within) >> 16);
        mean.scaled(value, 10_000)
    }
}

/// `-ln(1 - i/32)` in ten-thousandths for i = 0 to 31, and the closing point of the last cell,
/// chosen so that the mean of the piecewise linear distribution is exactly one.
const INVERSE_EXPONENTIAL: [u32; 33] = [
    0, 317, 645, 984, 1335, 1699, 2076, 2469, 2877, 3302, 3747, 4212, 4700, 5213, 5754, 6325, 6931,
    7577, 8267, 9008, 9808, 10678, 11632, 12685, 13863, 15198, 16740, 18563, 20794, 23671, 27726,
    34657, 53094,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_named_generator() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        let first = Xoshiro256PlusPlus::seed_from_u64(42).next_u64();
        assert_eq!(first, 0xd076_4d4f_4476_689f);
    }

    #[test]
    fn streams_of_other_keys_differ() {
        let word = |entity, purpose| Stream::new(7, entity, purpose).below(u64::MAX);
        assert_ne!(word(1, Purpose::Think), word(2, Purpose::Think));
        assert_ne!(word(1, Purpose::Think), word(1, Purpose::Service));
        assert_eq!(word(1, Purpose::Think), word(1, Purpose::Think));
    }

    #[test]
    fn the_table_has_mean_one() {
        let doubled: u32 = INVERSE_EXPONENTIAL.windows(2).map(|w| w[0] + w[1]).sum();
        assert_eq!(doubled, 640_000);
    }

    #[test]
    fn a_chance_of_nothing_draws_nothing() {
        let mut a = Stream::new(1, 1, Purpose::Network);
        let mut b = a.clone();
        assert!(!a.chance(Ratio::ZERO));
        assert_eq!(a.below(1 << 60), b.below(1 << 60));
    }
}
