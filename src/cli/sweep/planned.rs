//! From what a person typed, and a plan file, to a checked plan.

use super::super::failure::Failure;
use super::super::{input, suggest};
use super::arguments::{Hiccup, Sweep};
use super::question::{self, percent};
use super::{from_file, option, quoted};
use crate::base::{Instant, Span};
use crate::lab::assign::Assignment;
use crate::lab::sweep::{
    Case, Demand, Design, Enough, Fork, Manifest, Mode, Outcome, Plan, Point, RECOVERED, Whose,
};
use crate::model::fault::{Fault, Planned};
use crate::model::measure::{self, shown_percentile};
use crate::model::settings::Value;
use crate::model::vary::{Axis, Values};
use crate::model::{Problem, Scenario, Topology, load};

/// Seeds of each point if nobody says.
const RUNS: u64 = 100;
/// The hiccup if nobody says: short enough that nobody wants a failover.
const HICCUP: Span = Span::from_secs(3);

/// A checked sweep.
pub(super) struct Asked {
    pub plan: Plan,
    pub mode: Mode,
    /// Every point; the first is the site as it is.
    pub points: Vec<Point>,
    /// The topology and the scenario in words.
    pub title: String,
    /// The command that repeats it.
    pub call: String,
    /// The site as it is.
    pub topology: Topology,
}

impl Asked {
    /// What the manifest of a file of runs asks.
    pub(super) fn of(manifest: &Manifest) -> Result<Asked, Failure> {
        let (plan, mode) = (manifest.plan.clone(), manifest.mode.clone());
        let (loaded, scenario) = load::site(&plan.sources).map_err(Failure::Input)?;
        let title = titled(&loaded.topology, &scenario);
        let points = points(&plan, &mode, scenario.until)?;
        let (call, topology) = (manifest.call.clone(), loaded.topology);
        Ok(Asked { plan, mode, points, title, call, topology })
    }

    /// Whether shares of the runs can be made without knowing the others.
    pub(super) fn divisible(&self) -> Result<(), Failure> {
        let told = |what: &str| {
            Err(Failure::Call(format!(
                "--shard: {what} looks at all runs before it asks for more; leave out one of the \
                 two"
            )))
        };
        if self.plan.enough.is_some() {
            return told("--enough");
        }
        match self.mode {
            Mode::Tune(_) => told("--goal"),
            Mode::Flip(_) => told("--flip"),
            Mode::Sensitivity(_) => told("--sensitivity"),
            Mode::Points | Mode::Fork(_) => Ok(()),
        }
    }
}

/// The plan of a call.
pub(super) fn asked(typed: &Sweep) -> Result<Asked, Failure> {
    let args = from_file::filled(typed)?;
    let topology = args.topology.clone().unwrap_or_else(|| "two-node-2010".to_owned());
    let scenario = args.scenario.as_deref();
    let site = input::site(&topology, scenario, &args.set, args.until.as_deref())?;
    let (mode, words) = question::mode(&args)?;
    let axes = match (&args.question.flip, args.vary.is_empty()) {
        (Some(axis), true) => vec![axis.clone()],
        (Some(_), false) => {
            return Err(Failure::Call("--flip looks at one key: leave out --vary".to_owned()));
        }
        (None, _) => args.vary.clone(),
    };
    twice(&axes)?;
    if args.enough.is_some() && !matches!(mode, Mode::Points) {
        let text = "--enough: points may stop early; this question uses --runs seeds";
        return Err(Failure::Call(text.to_owned()));
    }
    let design = match args.random {
        Some(_) if axes.is_empty() => {
            return Err(Failure::Call("--random: expected --vary KEY=VALUES beside it".to_owned()));
        }
        Some(count) => Design::Random(count),
        None if args.one_at_a_time => Design::OneAtATime,
        None => Design::Grid,
    };
    let plan = Plan {
        sources: site.sources,
        axes,
        design,
        hiccups: hiccups(&args, &mode, &site.scenario)?,
        runs: args.runs.unwrap_or(RUNS),
        seed: args.seed.unwrap_or(1),
        enough: args.enough,
        measure: args.measure.clone().unwrap_or_else(|| RECOVERED.to_owned()),
        percentile: args.percentile.unwrap_or(950),
        whose: args.budget.clone().map_or(Whose::Last, Whose::Named),
        changes: args.question.change.clone(),
    };
    names_known(&plan, &mode, &site.loaded.topology)?;
    let points = points(&plan, &mode, site.scenario.until)?;
    let title = titled(&site.loaded.topology, &site.scenario);
    let call = call(&topology, &args, &plan, &words);
    Ok(Asked { plan, mode, points, title, call, topology: site.loaded.topology })
}

/// After the end of the run nothing can come otherwise.
fn ends_in_time(fork: &Fork, until: Instant) -> Result<(), Failure> {
    match fork.moments.last() {
        Some(last) if *last >= until => {
            let show = |at: Instant| at.since(Instant::ZERO).show();
            let expected = format!("moments before the end of the run at {}", show(until));
            Err(wrong("fork", &show(*last), &expected))
        }
        _ => Ok(()),
    }
}

fn titled(topology: &Topology, scenario: &Scenario) -> String {
    format!("{}, {}: {}", topology.name, scenario.name, scenario.title)
}

pub(super) fn wrong(option: &str, value: &str, expected: &str) -> Failure {
    Failure::Input(vec![Problem {
        file: format!("--{option}"),
        line: None,
        key: String::new(),
        value: format!("{value:?}"),
        expected: expected.to_owned(),
        hint: None,
    }])
}

/// A key that is varied twice would have two values in one run.
fn twice(axes: &[Axis]) -> Result<(), Failure> {
    for (place, axis) in axes.iter().enumerate() {
        if axes[..place].iter().any(|other| other.key == axis.key) {
            return Err(wrong("vary", &axis.key, "every key once; give all its values together"));
        }
    }
    Ok(())
}

fn hiccups(args: &Sweep, mode: &Mode, scenario: &Scenario) -> Result<Vec<Span>, Failure> {
    let has_faults = !scenario.faults.is_empty();
    // What is off or stopped is not back when the cause is gone: it has to start.
    let passes = |planned: &Planned| {
        !matches!(planned.fault, Fault::PowerOff { .. } | Fault::ServiceStop { .. })
    };
    let typed = args.hiccup.iter().filter_map(|hiccup| match hiccup {
        Hiccup::Lasts(length) => Some(*length),
        Hiccup::No => None,
    });
    let mut lengths: Vec<Span> = match (args.hiccup.is_empty(), mode) {
        (false, Mode::Flip(_) | Mode::Fork(_) | Mode::Sensitivity(_))
            if args.hiccup.iter().any(|hiccup| *hiccup != Hiccup::No) =>
        {
            let text = "--hiccup: points and goals have hiccups; this question has none";
            return Err(Failure::Call(text.to_owned()));
        }
        (false, _) => typed.collect(),
        (true, Mode::Points) if has_faults && scenario.faults.iter().all(passes) => vec![HICCUP],
        (true, _) => Vec::new(),
    };
    if let Mode::Tune(goals) = mode {
        lengths = goals
            .iter()
            .filter_map(|goal| match goal.case {
                Case::Hiccup(length) => Some(length),
                Case::Planned | Case::Fork { .. } => None,
            })
            .collect();
    }
    lengths.sort();
    lengths.dedup();
    if !lengths.is_empty() && !has_faults {
        return Err(Failure::Call(
            "--hiccup: expected a scenario with faults; this one has none".to_owned(),
        ));
    }
    Ok(lengths)
}

/// Whether every duration that is asked for exists.
fn names_known(plan: &Plan, mode: &Mode, topology: &Topology) -> Result<(), Failure> {
    let known = measure::names(topology);
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let check = |name: &str| match known.contains(&name) {
        true => Ok(()),
        false => Err(Failure::Call(suggest::unknown("duration", name, &known, ""))),
    };
    check(&plan.measure)?;
    if let Whose::Named(name) = &plan.whose {
        check(name)?;
    }
    let outcome = |outcome: &Outcome| match outcome {
        Outcome::Longer { measure, .. } => check(measure),
        Outcome::Event(_) => Ok(()),
    };
    match mode {
        Mode::Flip(of) => outcome(of),
        Mode::Fork(fork) => outcome(&fork.outcome),
        Mode::Tune(goals) => goals.iter().try_for_each(|goal| match &goal.demand {
            Demand::AtMost { measure, .. } => check(measure),
            Demand::Rarer { .. } => Ok(()),
        }),
        Mode::Points | Mode::Sensitivity(_) => Ok(()),
    }
}

/// Every point. Each value is tried alone before anything is run: whole sweeps should not fail
/// after an hour because of a key that does not exist.
fn points(plan: &Plan, mode: &Mode, until: Instant) -> Result<Vec<Point>, Failure> {
    let points = match mode {
        Mode::Flip(_) | Mode::Fork(_) | Mode::Sensitivity(_) => vec![Point::new()],
        Mode::Points | Mode::Tune(_) => plan.points().map_err(Failure::Input)?,
    };
    let mut problems: Vec<Problem> = Vec::new();
    for axis in &plan.axes {
        let values = match &axis.values {
            Values::List(list) => list.clone(),
            Values::Range(range) => {
                vec![range.scale.show(range.from), range.scale.show(range.to)]
            }
        };
        let mut told_all: Vec<Problem> = Vec::new();
        let mut sound = 0;
        for value in values {
            let point = vec![Assignment { key: axis.key.clone(), value }];
            match plan.site(&point, Case::Planned) {
                Ok(_) => sound += 1,
                Err(told) => told_all.extend(told),
            }
        }
        // A value that does not fit has a row that says so; but a key without a single one that
        // does, or a search with an end that does not, is a mistake.
        if sound == 0 || (matches!(mode, Mode::Flip(_)) && !told_all.is_empty()) {
            for problem in told_all {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
    }
    let forks = match mode {
        Mode::Fork(fork) => {
            ends_in_time(fork, until)?;
            fork.moments.clone()
        }
        _ => Vec::new(),
    };
    let forks = forks.into_iter().map(|at| Case::Fork { at, of: plan.seed });
    for case in plan.cases().into_iter().chain(forks) {
        if let (true, Err(told)) = (problems.is_empty(), plan.site(&Point::new(), case)) {
            problems.extend(told);
        }
    }
    if problems.is_empty() { Ok(points) } else { Err(Failure::Input(problems)) }
}

/// The command that repeats a sweep; it needs no plan file.
fn call(topology: &str, args: &Sweep, plan: &Plan, mode: &[String]) -> String {
    let mut words = vec!["dagtwin sweep".to_owned(), quoted(topology)];
    let usual = crate::model::builtin::DEFAULT_SCENARIO;
    words.push(option("scenario", args.scenario.as_deref().unwrap_or(usual)));
    if mode.iter().all(|word| !word.starts_with("--flip")) {
        words.extend(plan.axes.iter().map(|axis| option("vary", &written(axis))));
    }
    match plan.design {
        Design::Random(count) => words.push(format!("--random {count}")),
        Design::OneAtATime => words.push("--one-at-a-time".to_owned()),
        Design::Grid => {}
    }
    words.push(format!("--runs {} --seed {}", plan.runs, plan.seed));
    words.extend(plan.hiccups.iter().map(|length| option("hiccup", &length.show())));
    if plan.hiccups.is_empty() {
        words.push("--hiccup none".to_owned());
    }
    if plan.measure != RECOVERED {
        words.push(option("measure", &plan.measure));
    }
    if plan.percentile != 950 {
        words.push(option("percentile", &shown_percentile(plan.percentile)));
    }
    if let Whose::Named(name) = &plan.whose {
        words.push(option("budget", name));
    }
    words.extend(plan.enough.map(|enough| match enough {
        Enough::Width(width) => option("enough", &width.show()),
        Enough::Share(share) => option("enough", &percent(share)),
    }));
    words.extend(mode.iter().cloned());
    words.extend(plan.changes.iter().map(|change| option("change", change)));
    words.extend(args.set.iter().map(|(key, value)| option("set", &format!("{key}={value}"))));
    words.extend(args.until.iter().map(|until| option("until", until)));
    words.join(" ")
}

/// An axis as it is written.
pub(super) fn written(axis: &Axis) -> String {
    let values = match &axis.values {
        Values::List(list) => list.join(","),
        Values::Range(range) => {
            let show = |quantity| range.scale.show(quantity);
            let step = range.step.map_or_else(String::new, |step| format!(":{}", show(step)));
            format!("{}..{}{step}", show(range.from), show(range.to))
        }
    };
    format!("{}={values}", axis.key)
}
