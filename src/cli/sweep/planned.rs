//! From what a person typed, and a plan file, to a checked plan.

use super::super::failure::Failure;
use super::super::{input, suggest};
use super::arguments::{Hiccup, Sweep};
use super::{option, quoted};
use crate::base::{Instant, Span};
use crate::lab::assign::Assignment;
use crate::lab::sweep::words::{GOAL_EXPECTED, OUTCOME_EXPECTED, percentile, share};
use crate::lab::sweep::{
    Case, Demand, Design, Enough, Event, Fork, Goal, Manifest, Mode, Outcome, Plan, Point,
    RECOVERED, Whose, measure_names,
};
use crate::model::load::{self, PlanFile};
use crate::model::settings::Value;
use crate::model::vary::{Axis, Values};
use crate::model::{Problem, Scenario, Topology};

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
    /// Its scenario.
    pub scenario: Scenario,
}

impl Asked {
    /// What the manifest of a file of runs asks.
    pub(super) fn of(manifest: &Manifest) -> Result<Asked, Failure> {
        let (plan, mode) = (manifest.plan.clone(), manifest.mode.clone());
        let (loaded, scenario) = load::site(&plan.sources).map_err(Failure::Input)?;
        let title = titled(&loaded.topology, &scenario);
        let points = points(&plan, &mode)?;
        let topology = loaded.topology;
        Ok(Asked { plan, mode, points, title, call: manifest.call.clone(), topology, scenario })
    }

    /// Whether shares of the runs can be made without knowing the others.
    pub(super) fn divisible(&self) -> Result<(), Failure> {
        let told = |what: &str| {
            Err(Failure::Call(format!(
                "--shard: {what} looks at all runs before it asks for more; leave out one of the two"
            )))
        };
        if self.plan.enough.is_some() {
            return told("--enough");
        }
        match self.mode {
            Mode::Tune(_) => told("--goal"),
            Mode::Flip(_) => told("--flip"),
            Mode::Points | Mode::Sensitivity(_) | Mode::Fork(_) => Ok(()),
        }
    }
}

/// The plan of a call.
pub(super) fn asked(args: &Sweep) -> Result<Asked, Failure> {
    let mut file = match &args.plan {
        Some(path) => {
            let text = input::text_of(path)?;
            load::plan(&path.display().to_string(), &text).map_err(Failure::Input)?
        }
        None => PlanFile::default(),
    };
    if let (Some(path), Some(topology)) = (&args.plan, &file.topology) {
        // Paths in a plan file are from its folder.
        let beside = path.parent().unwrap_or(std::path::Path::new("")).join(topology);
        if beside.exists() {
            file.topology = Some(beside.display().to_string());
        }
    }
    let other = |key: &str| {
        file.others.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone())
    };
    let topology = args.topology.clone().or(file.topology.clone());
    let topology = topology.unwrap_or_else(|| "two-node-2010".to_owned());
    let scenario = args.scenario.clone().or(file.scenario.clone());
    let mut set = file.set.clone();
    set.extend(args.set.iter().cloned());
    let until = args.until.clone().or(file.until.clone());
    let site = input::site(&topology, scenario.as_deref(), &set, until.as_deref())?;
    let mut axes = file.axes.clone();
    axes.retain(|axis| !args.vary.iter().any(|typed| typed.key == axis.key));
    axes.extend(args.vary.iter().cloned());
    twice(&axes)?;
    let (mode, mode_words, flipped) = mode(args, &file)?;
    axes = match flipped {
        Some(axis) if axes.is_empty() => vec![axis],
        Some(_) => {
            let text = "--flip looks at one key: leave out --vary";
            return Err(Failure::Call(text.to_owned()));
        }
        None => axes,
    };
    let design = match (args.random.or(file.random), args.one_at_a_time || file.one_at_a_time) {
        (Some(_), _) if axes.is_empty() => {
            return Err(Failure::Call("--random: expected --vary KEY=VALUES beside it".to_owned()));
        }
        (Some(count), _) => Design::Random(count),
        (None, true) => Design::OneAtATime,
        (None, false) => Design::Grid,
    };
    let has_faults = !site.scenario.faults.is_empty();
    let hiccups = hiccups(args, &file, &mode, has_faults)?;
    let budget = args.budget.clone().or_else(|| other("budget"));
    let read_percentile = |text: String| {
        percentile(&text).ok_or_else(|| wrong("percentile", &text, "p0.1 to p99.9, such as p95"))
    };
    let from_file = other("percentile").map(read_percentile).transpose()?;
    let enough = match (args.enough, other("enough")) {
        (Some(enough), _) => Some(enough),
        (None, Some(text)) => Some(enough_of(&text)?),
        (None, None) => None,
    };
    let plan = Plan {
        sources: site.sources,
        axes,
        design,
        hiccups,
        runs: args.runs.or(file.runs).unwrap_or(RUNS),
        seed: args.seed.or(file.seed).unwrap_or(1),
        enough,
        measure: args.measure.clone().or_else(|| other("measure")).unwrap_or(RECOVERED.to_owned()),
        percentile: args.percentile.or(from_file).unwrap_or(950),
        whose: budget.map_or(Whose::Last, Whose::Named),
        changes: changes(args, &file, &mode),
    };
    let title = titled(&site.loaded.topology, &site.scenario);
    names_known(&plan, &mode, &site.loaded.topology)?;
    let points = points(&plan, &mode)?;
    let call = call(&topology, scenario.as_deref(), &set, until.as_deref(), &plan, &mode_words);
    let (topology, scenario) = (site.loaded.topology, site.scenario);
    Ok(Asked { plan, mode, points, title, call, topology, scenario })
}

fn titled(topology: &Topology, scenario: &Scenario) -> String {
    format!("{}, {}: {}", topology.name, scenario.name, scenario.title)
}

fn wrong(option: &str, value: &str, expected: &str) -> Failure {
    Failure::Input(vec![Problem {
        file: format!("--{option}"),
        line: None,
        key: String::new(),
        value: format!("{value:?}"),
        expected: expected.to_owned(),
        hint: None,
    }])
}

fn enough_of(text: &str) -> Result<Enough, Failure> {
    let width = Span::read(text).filter(|span| !span.is_zero()).map(Enough::Width);
    let found = width.or(share(text).filter(|share| *share > 0).map(Enough::Share));
    found.ok_or_else(|| wrong("enough", text, "a duration such as 200ms, or a share such as 2%"))
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

/// What is asked, with the options that say so, and the axis of a flip.
fn mode(args: &Sweep, file: &PlanFile) -> Result<(Mode, Vec<String>, Option<Axis>), Failure> {
    let question = &args.question;
    let listed = |key: &str| -> Vec<String> {
        let others = file.others.iter().filter(|(known, _)| *known == key);
        others.map(|(_, value)| value.clone()).collect()
    };
    let outcome_text = question.outcome.clone().or_else(|| listed("outcome").pop());
    let outcome = |usual: Event| match &outcome_text {
        Some(text) => Outcome::read(text).ok_or_else(|| wrong("outcome", text, OUTCOME_EXPECTED)),
        None => Ok(Outcome::Event(usual)),
    };
    let typed = question.flip.is_some() || question.fork.is_some() || !question.goal.is_empty();
    let typed = typed || question.sensitivity.is_some();
    if let Some(share) = question.sensitivity {
        let words = vec![option("sensitivity", &percent(share))];
        return Ok((Mode::Sensitivity((share / 1_000) as u32), words, None));
    }
    let flip = match (&question.flip, listed("flip").pop()) {
        (Some(axis), _) => Some(axis.clone()),
        (None, Some(text)) if !typed => Some(flip_of(&text)?),
        _ => None,
    };
    if let Some(axis) = flip {
        let Values::Range(range) = &axis.values else {
            return Err(wrong("flip", &axis.key, "a range, such as fault.0.lasts=100ms..20s"));
        };
        let ends = (range.scale.show(range.from), range.scale.show(range.to));
        let step =
            range.step.map_or_else(String::new, |step| format!(":{}", range.scale.show(step)));
        let outcome = outcome(Event::Failover)?;
        let text = format!("{}={}..{}{step}", axis.key, ends.0, ends.1);
        let words = vec![option("flip", &text), option("outcome", &outcome.told())];
        return Ok((Mode::Flip(outcome), words, Some(axis)));
    }
    let moments = match (&question.fork, listed("fork").pop()) {
        (Some(values), _) => Some(values.clone()),
        (None, Some(text)) if !typed => Some(
            Values::read(&text).map_err(|_| wrong("fork", &text, "moments such as 60s..75s:1s"))?,
        ),
        _ => None,
    };
    if let Some(values) = moments {
        let told = || wrong("fork", "", "moments such as 60s..75s:1s, or 60s,65s,70s");
        let grid = values.grid().map_err(|_| told())?;
        let read: Option<Vec<Span>> = grid.iter().map(|text| Span::read(text)).collect();
        let mut moments: Vec<Instant> =
            read.ok_or_else(told)?.into_iter().map(|span| Instant::ZERO + span).collect();
        moments.sort();
        moments.dedup();
        let fork = Fork { moments, outcome: outcome(Event::NotBack)? };
        let mut words = vec![option("fork", &grid.join(","))];
        words.push(option("outcome", &fork.outcome.told()));
        return Ok((Mode::Fork(fork), words, None));
    }
    let goals = if typed { question.goal.clone() } else { listed("goal") };
    if !goals.is_empty() {
        let read =
            |text: &String| Goal::read(text).ok_or_else(|| wrong("goal", text, GOAL_EXPECTED));
        let read = goals.iter().map(read).collect::<Result<Vec<Goal>, Failure>>()?;
        let words = goals.iter().map(|goal| option("goal", goal)).collect();
        return Ok((Mode::Tune(read), words, None));
    }
    if let Some(text) = outcome_text {
        return Err(wrong("outcome", &text, "--flip or --fork beside it"));
    }
    Ok((Mode::Points, Vec::new(), None))
}

/// The changes of a fork.
fn changes(args: &Sweep, file: &PlanFile, mode: &Mode) -> Vec<String> {
    let listed = file.others.iter().filter(|(known, _)| *known == "change");
    match mode {
        Mode::Fork(_) if args.question.change.is_empty() => {
            listed.map(|(_, value)| value.clone()).collect()
        }
        _ => args.question.change.clone(),
    }
}

fn flip_of(text: &str) -> Result<Axis, Failure> {
    let told = || wrong("flip", text, "KEY=A..B, such as fault.0.lasts=100ms..20s");
    let (key, values) = text.split_once('=').ok_or_else(told)?;
    let values = Values::read(values).map_err(|_| told())?;
    Ok(Axis { key: key.trim().to_owned(), values })
}

fn hiccups(
    args: &Sweep,
    file: &PlanFile,
    mode: &Mode,
    has_faults: bool,
) -> Result<Vec<Span>, Failure> {
    let typed = args.hiccup.iter().filter_map(|hiccup| match hiccup {
        Hiccup::Lasts(length) => Some(*length),
        Hiccup::No => None,
    });
    let mut lengths: Vec<Span> = match (args.hiccup.is_empty(), &file.hiccups, mode) {
        (false, _, _) => typed.collect(),
        (true, Some(lengths), _) => lengths.clone(),
        (true, None, Mode::Points) if has_faults => vec![HICCUP],
        (true, None, _) => Vec::new(),
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
    let known = measure_names(topology);
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
fn points(plan: &Plan, mode: &Mode) -> Result<Vec<Point>, Failure> {
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
        for value in values {
            let point = vec![Assignment { key: axis.key.clone(), value }];
            if let Err(told) = plan.site(&point, Case::Planned) {
                for mut problem in told {
                    // Settings are told of as if they had been given with --set.
                    if problem.file == "--set" {
                        "--vary".clone_into(&mut problem.file);
                    }
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
            }
        }
    }
    let forks = match mode {
        Mode::Fork(fork) => fork.moments.clone(),
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

/// A share in millionths as it is written.
fn percent(share: u64) -> String {
    let text = format!("{}.{:04}", share / 10_000, share % 10_000);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The command that repeats a sweep; it needs no plan file.
fn call(
    topology: &str,
    scenario: Option<&str>,
    set: &[(String, String)],
    until: Option<&str>,
    plan: &Plan,
    mode: &[String],
) -> String {
    let mut words = vec!["dagtwin sweep".to_owned(), quoted(topology)];
    let scenario = scenario.unwrap_or(crate::model::builtin::DEFAULT_SCENARIO);
    words.push(option("scenario", scenario));
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
    words.extend(set.iter().map(|(key, value)| option("set", &format!("{key}={value}"))));
    words.extend(until.map(|until| option("until", until)));
    words.join(" ")
}

fn shown_percentile(thousandths: u32) -> String {
    match thousandths % 10 {
        0 => format!("p{}", thousandths / 10),
        tenth => format!("p{}.{tenth}", thousandths / 10),
    }
}

/// An axis as it is written.
fn written(axis: &Axis) -> String {
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
