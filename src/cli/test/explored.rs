//! `[explore]`: spaces of orderings in which every promise must be kept.

use super::super::failure::Failure;
use super::super::{explore as command, progress};
use super::trial::{Kind, Trial};
use super::work::Made;
use super::{Case, Test};
use crate::base::Instant;
use crate::lab::VerdictKind;
use crate::lab::explore::{self, Bounds, CutOff, Explored, Named};
use crate::lab::pool::Progress;
use crate::lab::what_if;
use crate::model::Problem;
use crate::model::settings::Value as _;
use crate::model::tested::Space;
use crate::report::difference::Fate;
use serde_json::json;
use std::sync::atomic::Ordering;

/// What is explored; the rest is as `dagtwin explore` has it.
fn bounds(space: &Space, jobs: usize) -> Bounds {
    let usual = Bounds::default();
    Bounds {
        start: space.start.map_or(usual.start, |start| Instant::ZERO + start),
        horizon: space.horizon.unwrap_or(usual.horizon),
        within: space.within.unwrap_or(usual.within),
        losses: space.losses.unwrap_or(usual.losses),
        cuts: space.cuts.unwrap_or(usual.cuts),
        alone: space.alone,
        crashes: space.crashes.unwrap_or(usual.crashes),
        clock: space.clock.unwrap_or(usual.clock),
        states: space.states.unwrap_or(usual.states),
        settle: space.settle,
        jobs,
        ..usual
    }
}

/// Something is wrong with a case's space.
fn problem(case: &Case, space: &Space, why: &str) -> Problem {
    Problem {
        file: case.site.sources.scenario.file.clone(),
        line: Some(space.line),
        key: "explore".to_owned(),
        value: "{...}".to_owned(),
        expected: format!("a site that can be explored: {why}"),
        hint: None,
    }
}

/// Refuses cases whose site cannot be explored, before anything is run.
pub(super) fn refuse(cases: &[Case]) -> Result<(), Failure> {
    let problems = cases.iter().filter_map(|case| {
        let space = case.site.scenario.tested.explore.as_ref()?;
        let why = explore::refusal(&case.site.loaded.topology)?;
        Some(problem(case, space, &why))
    });
    let problems: Vec<Problem> = problems.collect();
    if problems.is_empty() { Ok(()) } else { Err(Failure::Input(problems)) }
}

/// Explores what the cases ask for, one after the other, each on all cores.
pub(super) fn explore(
    cases: &[Case],
    made: &mut [Made],
    jobs: usize,
    progress: &Progress,
) -> Result<(), Failure> {
    for (case, made) in cases.iter().zip(made) {
        let Some(space) = &case.site.scenario.tested.explore else { continue };
        if progress.stop.load(Ordering::Relaxed) {
            made.partial = true;
            continue;
        }
        for count in [&progress.done, &progress.total] {
            count.store(0, Ordering::Relaxed);
        }
        let site = (&case.site.loaded.topology, &case.site.scenario);
        let topology = command::named(&case.call.0);
        let set = what_if::settings_of(&case.site.sources);
        let named = Named { topology: &topology, set: &set };
        let note = format!("exploring {}", case.name);
        let found = progress::counted_in(&note, "ms", progress, || {
            explore::explore(site, named, &bounds(space, jobs), progress)
        });
        let found = found.map_err(|why| Failure::Input(vec![problem(case, space, &why)]))?;
        made.partial |= found.cut_off == Some(CutOff::Stopped);
        made.explored = Some(found);
    }
    Ok(())
}

/// A space in words.
pub(super) fn named(space: &Space) -> String {
    let bounds = bounds(space, 1);
    let count = |count: u8, one: &str, more: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        many => Some(format!("{many} {more}")),
    };
    let hazards = [
        count(bounds.losses, "loss", "losses"),
        count(bounds.cuts, "cut", "cuts"),
        count(bounds.crashes, "loss of power", "losses of power"),
    ];
    let alone = bounds.alone.then(|| "a member alone".to_owned());
    let hazards: Vec<String> = hazards.into_iter().flatten().chain(alone).collect();
    let with = if hazards.is_empty() { "nothing lost".to_owned() } else { hazards.join(", ") };
    format!("every ordering within {}, {with}", bounds.horizon.show())
}

/// The trial of a space that was explored; none if somebody stopped it.
pub(super) fn trial(args: &Test, case: &Case, space: &Space, found: &Explored) -> Option<Trial> {
    let broken = &found.counterexamples;
    if found.cut_off == Some(CutOff::Stopped) && broken.is_empty() {
        return None;
    }
    let exhausted = found.cut_off.is_none();
    let passed = exhausted && broken.is_empty();
    let size = format!("{} states, {} choices deep", found.states, found.depth);
    let came = match (broken.first(), exhausted) {
        (Some(first), _) => format!("{} is broken, after {} choices", first.promise, first.choices),
        (None, true) => format!("exhausted, {size}"),
        (None, false) => {
            format!("not exhausted, {size}, everything before {}", found.reached)
        }
    };
    let verdict = match broken.first() {
        Some(first) if first.promise == "service-back" => VerdictKind::Liveness,
        Some(_) => VerdictKind::Safety,
        None if exhausted => VerdictKind::Ok,
        None => VerdictKind::Budget,
    };
    let mut lines: Vec<(Fate, String)> = Vec::new();
    for one in broken {
        lines.push((Fate::Kept, format!("{}  {}: {}", one.at, one.promise, one.why)));
        lines.extend(one.steps.iter().map(|step| (Fate::Kept, format!("  {step}"))));
    }
    if broken.is_empty() && !exhausted {
        let told = "give it more states, or a smaller space".to_owned();
        lines.push((Fate::Kept, told));
    }
    let (topology, scenario) = &case.call;
    let mut repeat = command::call(topology, Some(scenario), &bounds(space, 1), &args.set);
    if !broken.is_empty() {
        repeat += " --out broken.toml";
    }
    let milliseconds = |at: Instant| at.as_nanos() as f64 / 1e6;
    let shown = broken.iter().map(|one| {
        json!({
            "promise": one.promise,
            "at_ms": milliseconds(one.at),
            "why": one.why,
            "scenario": one.text,
        })
    });
    let value = json!({
        "passed": passed,
        "verdict": verdict.word(),
        "exhausted": exhausted,
        "states": found.states,
        "transitions": found.transitions,
        "depth": found.depth,
        "reached_ms": milliseconds(found.reached),
        "broken": shown.collect::<Vec<_>>(),
        "repeat": repeat,
    });
    Some(Trial { kind: Kind::Explore, name: named(space), passed, came, lines, repeat, value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    #[test]
    fn what_is_not_given_is_as_the_command_has_it() {
        let space =
            Space { horizon: Some(Span::from_secs(9)), losses: Some(1), ..Space::default() };
        let usual = Bounds::default();
        let wanted = Bounds { horizon: Span::from_secs(9), losses: 1, ..usual };
        assert_eq!(bounds(&space, 1), wanted);
        assert_eq!(named(&space), "every ordering within 9s, 1 loss, 1 cut");
    }
}
