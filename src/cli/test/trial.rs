//! What is asked of a case, each with a name of its own, and what came of it.

use super::work::{Judged, Made, timeline_seed};
use super::{Case, Test, explored};
use crate::base::Span;
use crate::lab::VerdictKind;
use crate::lab::percentile::{self, Kept};
use crate::lab::sweep::NEVER;
use crate::model::measure::shown_percentile;
use crate::model::settings::Value as _;
use crate::model::tested::Budget;
use crate::report::difference::{Fate, difference};
use crate::view::words::counted;
use serde_json::{Value, json};

/// The kind of a trial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A run with its expectations, promises and verdict.
    Run,
    /// A run's timeline.
    Timeline,
    /// A percentile over many runs.
    Budget,
    /// A space of orderings.
    Explore,
}

/// Something that was tested.
pub(super) struct Trial {
    pub(super) kind: Kind,
    /// Its name within the case.
    pub(super) name: String,
    pub(super) passed: bool,
    /// What came, in a few words; empty where the name says all.
    pub(super) came: String,
    /// What was wrong, line by line; of a timeline the lines that differ.
    pub(super) lines: Vec<(Fate, String)>,
    /// The command that shows what came.
    pub(super) repeat: String,
    /// The trial for programs.
    pub(super) value: Value,
}

impl Trial {
    /// What was wrong.
    pub(super) fn told(&self) -> Vec<String> {
        let first = match self.came.is_empty() {
            true => self.name.clone(),
            false => format!("{}: {}", self.name, self.came),
        };
        let lines = self.lines.iter().map(|(fate, line)| match self.kind {
            Kind::Timeline => format!("{} {line}", fate.sign()),
            Kind::Run | Kind::Budget | Kind::Explore => line.clone(),
        });
        std::iter::once(first).chain(lines).collect()
    }
}

/// The trials of a case; and whether some of them are not known, because the work was stopped.
pub(super) fn trials(args: &Test, case: &Case, made: &Made, accepted: bool) -> (Vec<Trial>, bool) {
    let mut trials: Vec<Trial> = made.runs.iter().map(|judged| run(args, case, judged)).collect();
    if let (Some(seed), Some(came)) = (timeline_seed(args, case), &made.timeline) {
        trials.push(timeline(args, case, seed, came, accepted));
    }
    for wanted in &case.site.scenario.tested.budgets {
        let runs = usize::try_from(wanted.runs).unwrap_or(usize::MAX);
        let known = made.measured.get(..runs);
        let kept = known.and_then(|known| percentile::judge(wanted, known));
        trials.extend(kept.map(|kept| budget(args, case, wanted, &kept)));
    }
    if let (Some(space), Some(found)) = (&case.site.scenario.tested.explore, &made.explored) {
        trials.extend(explored::trial(args, case, space, found));
    }
    (trials, made.partial)
}

fn run(args: &Test, case: &Case, judged: &Judged) -> Trial {
    let wanted = case.site.scenario.verdict;
    let passed = judged.verdict == wanted;
    let (verdict, repeat) = (judged.verdict.word(), case.repeat(args, judged.seed));
    let lines =
        judged.broken.iter().map(|(what, at, why)| (Fate::Kept, format!("{at}  {what}: {why}")));
    let broken = judged.broken.iter().map(|(what, at, why)| {
        json!({ "promise": what, "at_ms": at.as_nanos() as f64 / 1e6, "why": why })
    });
    let value = json!({
        "seed": judged.seed,
        "passed": passed,
        "verdict": verdict,
        "digest": judged.digest,
        "recovered_ms": judged.recovered_ms,
        "broken": broken.collect::<Vec<_>>(),
        "repeat": repeat,
    });
    Trial {
        kind: Kind::Run,
        name: format!("seed {}", judged.seed),
        passed,
        came: format!("verdict {verdict}, wanted {}", wanted.word()),
        lines: lines.collect(),
        repeat,
        value,
    }
}

fn timeline(args: &Test, case: &Case, seed: u64, came: &str, accepted: bool) -> Trial {
    let known = &case.site.scenario.tested.timeline;
    let expected = known.as_ref().map_or("", |known| known.lines.as_str());
    let lines = difference(expected, came);
    let passed = accepted || lines.is_empty();
    let number = lines.iter().filter(|(fate, _)| matches!(fate, Fate::Gone | Fate::New)).count();
    let told = match (accepted, expected.trim().is_empty()) {
        _ if lines.is_empty() => String::new(),
        (true, true) => format!("{} written", counted(number as u64, "line")),
        (true, false) => format!("written, {} differed", counted(number as u64, "line")),
        (false, true) => {
            "the file has no lines yet; --accept writes those that came (+)".to_owned()
        }
        (false, false) => {
            let differ = if number == 1 { "line differs" } else { "lines differ" };
            format!("{number} {differ} from the file's (-); --accept writes those that came (+)")
        }
    };
    let shown = lines.iter().map(|(fate, line)| format!("{}{line}", fate.sign()));
    let value = json!({
        "seed": seed,
        "passed": passed,
        "verdict": verdict(passed),
        "written": accepted,
        "difference": shown.collect::<Vec<_>>(),
        "repeat": case.repeat(args, seed),
    });
    Trial {
        kind: Kind::Timeline,
        name: format!("timeline of seed {seed}"),
        passed,
        came: told,
        lines: if passed { Vec::new() } else { lines },
        repeat: case.repeat(args, seed),
        value,
    }
}

fn budget(args: &Test, case: &Case, wanted: &Budget, kept: &Kept) -> Trial {
    let end = |span: Option<Span>| span.map_or_else(|| "?".to_owned(), shown);
    let (value, low, high) = (kept.quantile.value, kept.quantile.low, kept.quantile.high);
    let mut came = format!("{}, between {} and {} with 95 %", shown(value), end(low), end(high));
    came += &format!(", over {} from seed {}", counted(kept.runs, "run"), args.seed);
    if kept.endless > 0 {
        came += &format!("; in {} of them it has no end", kept.endless);
    }
    let repeat = case.repeat(args, kept.seed);
    let milliseconds =
        |span: Option<Span>| span.filter(|s| *s != NEVER).map(|s| s.as_nanos() as f64 / 1e6);
    let document = json!({
        "measure": wanted.measure,
        "percentile": shown_percentile(wanted.percentile),
        "within_ms": milliseconds(Some(wanted.within)),
        "passed": kept.held,
        "verdict": verdict(kept.held),
        "ms": milliseconds(Some(value)),
        "low_ms": milliseconds(low),
        "high_ms": milliseconds(high),
        "endless": kept.endless,
        "runs": kept.runs,
        "first_seed": args.seed,
        "seed": kept.seed,
        "repeat": repeat,
    });
    Trial {
        kind: Kind::Budget,
        name: named(wanted),
        passed: kept.held,
        came,
        lines: vec![(Fate::Kept, format!("the run with seed {} stands for it", kept.seed))],
        repeat,
        value: document,
    }
}

/// A budget in words.
pub(super) fn named(budget: &Budget) -> String {
    let percentile = shown_percentile(budget.percentile);
    format!("{percentile} of {} within {}", budget.measure, budget.within.show())
}

/// A duration in whole milliseconds, rounded up; it may have no end.
fn shown(span: Span) -> String {
    const MILLISECOND: u64 = 1_000_000;
    match span {
        NEVER => "never".to_owned(),
        span => Span::from_millis(span.as_nanos().div_ceil(MILLISECOND)).to_string(),
    }
}

/// The verdict of what is no single run.
fn verdict(passed: bool) -> &'static str {
    if passed { VerdictKind::Ok.word() } else { VerdictKind::Budget.word() }
}
