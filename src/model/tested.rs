//! What `dagtwin test` asks of a scenario beside its verdict.

use crate::base::Span;

/// What is asked of many runs, or of one in detail. It takes no part in a run, and journals have
/// none of it.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Tested {
    /// `[timeline]`: how a run goes, line by line.
    pub timeline: Option<Timeline>,
    /// Every `[[budget]]`.
    pub budgets: Vec<Budget>,
    /// `[explore]`: a space of orderings in which every promise must be kept.
    pub explore: Option<Space>,
}

/// Most frames that may be lost in a space.
pub const MOST_LOSSES: u8 = 32;
/// Most cuts that may begin in a space.
pub const MOST_CUTS: u8 = 8;
/// Most members that may lose their power in a space.
pub const MOST_CRASHES: u8 = 2;
/// Most states of a space.
pub const MOST_STATES: u64 = 4_000_000_000;
/// The longest time in a space.
pub const LONGEST: Span = Span::from_secs(86_400);

/// A space that is to be explored; what is not given is what `dagtwin explore` takes.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Space {
    /// The line of the file at which it stands.
    pub line: usize,
    /// When exploration begins.
    pub start: Option<Span>,
    /// How long after that the space ends.
    pub horizon: Option<Span>,
    /// How long after the start a cut or a loss of power may begin.
    pub within: Option<Span>,
    /// Frames between the members that may be lost.
    pub losses: Option<u8>,
    /// Cuts that may begin.
    pub cuts: Option<u8>,
    /// Whether a cut may also leave a member alone.
    pub alone: bool,
    /// Members that may lose their power.
    pub crashes: Option<u8>,
    /// How late a core may be woken after its deadline.
    pub clock: Option<Span>,
    /// Most states that are entered.
    pub states: Option<u64>,
    /// With everything healed at the horizon, service must be back within this; none: not asked.
    pub settle: Option<Span>,
}

/// The timeline that a run is expected to have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeline {
    /// The run's seed.
    pub seed: u64,
    /// Its lines; empty if they have not been written yet.
    pub lines: String,
}

/// A percentile of a duration over many seeds, and how long it may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Budget {
    /// The duration's name, as [`measure::names`](super::measure::names) has it.
    pub measure: String,
    /// The percentile, in thousandths.
    pub percentile: u32,
    /// How long it may be.
    pub within: Span,
    /// How many seeds, one after the other.
    pub runs: u64,
}
