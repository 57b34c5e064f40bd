//! A what-if as a scenario file that `dagtwin test` accepts, and refuses once it gets worse.

use super::WhatIf;
use super::edit::{Text, list_of, shown};
use crate::base::Span;
use crate::lab::VerdictKind;
use crate::lab::expect::{self, StepMarks};
use crate::model::settings::Value as _;
use std::collections::BTreeMap;
use toml_edit::{Table, value};

/// The seed that `dagtwin test` runs first.
const TESTED: u64 = 1;

/// The text of a scenario file that keeps what a what-if came to. `topology` is how the file names
/// its topology.
///
/// Expectations that no longer hold are taken out, the verdict is the one that came, and what is
/// out must be back as fast as it was, to the next second. If the seed is not the one that
/// `dagtwin test` begins with, the file asks only for what came with both. What is
/// asked of many runs, or of one in detail, is taken out.
pub fn saved(what_if: &WhatIf, topology: &str) -> String {
    let Some(sources) = &what_if.header.sources else { return String::new() };
    // Texts that were run once can be run again.
    let tested = (what_if.seed != TESTED).then(|| super::run(sources, TESTED, &[]));
    let tested = tested.and_then(Result::ok);
    let runs: Vec<&WhatIf> = [what_if].into_iter().chain(tested.as_ref()).collect();
    let Ok(mut text) = Text::new(&sources.scenario.file, &sources.scenario.text) else {
        return sources.scenario.text.clone();
    };
    let mut head = head(what_if);
    for (step, positions) in broken(&runs).into_iter().rev() {
        for (position, why) in positions.into_iter().rev() {
            if !text.remove_expectation(step, position, &why) {
                head += &format!("# {why}\n");
            }
        }
    }
    for key in ["timeline", "budget", "explore"] {
        if text.remove_key(key) {
            head += &format!("# Its {key} was of the run before the change, and is left out.\n");
        }
    }
    text.key("topology", topology);
    if let (Some(title), false) = (text.of_key("title"), what_if.changes.is_empty()) {
        let title = format!("{title}; what if: {}", what_if.changes.join("; "));
        text.key("title", &title);
    }
    // The test's own seed decides how it ends.
    let verdict = runs.last().map_or(VerdictKind::Ok, |run| run.kept);
    match verdict {
        VerdictKind::Ok => drop(text.remove_key("verdict")),
        other => text.key("verdict", other.word()),
    }
    if let Some(step) = recovery(&runs) {
        text.add("step", step);
    }
    format!("{head}\n{}", text.text())
}

/// What the file is, where it came from.
fn head(what_if: &WhatIf) -> String {
    let header = &what_if.header;
    let scenario = header.scenario.as_ref().map_or("", |scenario| scenario.name.as_str());
    let mut head = String::from("# What if:\n");
    if what_if.changes.is_empty() {
        head = String::from("# A run as it was, without a change.\n");
    }
    for change in &what_if.changes {
        head += &format!("# - {}\n", change.replace(char::is_control, " "));
    }
    let (topology, seed, version) = (&header.topology.name, what_if.seed, &header.version);
    head + &format!("# From {scenario} in {topology}, seed {seed}, with dagtwin {version}.\n")
}

/// Expectations that some run did not meet, by step and position, each with what came instead.
fn broken(runs: &[&WhatIf]) -> BTreeMap<usize, BTreeMap<usize, String>> {
    let mut broken: BTreeMap<usize, BTreeMap<usize, String>> = BTreeMap::new();
    for run in runs {
        let missed = |step: &StepMarks| step.marks.iter().any(|mark| mark.held_after.is_none());
        if !run.steps.iter().any(missed) {
            continue;
        }
        let patient = without_limit(run);
        for (place, step) in run.steps.iter().enumerate() {
            for (position, mark) in step.marks.iter().enumerate() {
                if mark.held_after.is_some() {
                    continue;
                }
                let later =
                    patient.get(place).and_then(|step| step.marks.get(position)?.held_after);
                let came = match later {
                    Some(after) => format!("it came after {after}"),
                    None => "it never came".to_owned(),
                };
                let why = format!("Expected was: {} within {}; {came}.", mark.text, mark.within);
                broken.entry(place).or_default().insert(position, why);
            }
        }
    }
    broken
}

/// The marks of a run whose expectations all have until its end.
fn without_limit(run: &WhatIf) -> Vec<StepMarks> {
    let Some(mut scenario) = run.header.scenario.clone() else { return Vec::new() };
    let until = scenario.until;
    for step in &mut scenario.steps {
        for expectation in &mut step.expect {
            expectation.within = until.saturating_since(step.at);
        }
    }
    expect::judge(&run.header.topology, &scenario, &run.records, &run.outages)
}

/// The step that asks for what is out to be back as fast as it was; none if it never was.
fn recovery(runs: &[&WhatIf]) -> Option<Table> {
    const SECOND: u64 = 1_000_000_000;
    let scenario = runs.first()?.header.scenario.as_ref()?;
    let at = runs.first()?.disturbed.unwrap_or(scenario.clients_from).min(scenario.until);
    let back = |run: &&WhatIf| {
        let hard = run.outages.iter().filter(|outage| outage.hard);
        hard.map(|outage| outage.to).try_fold(at, |last, to| Some(last.max(to?)))
    };
    let last = runs.iter().map(back).try_fold(at, |last, one| Some(last.max(one?)))?;
    let took = last.since(at).as_nanos().div_ceil(SECOND);
    let within = Span::from_secs(took).min(scenario.until.saturating_since(at));
    let mut expectation = Table::new();
    expectation.insert("what", value("recovered"));
    expectation.insert("within", value(within.show()));
    let mut step = Table::new();
    step.insert("label", value("what-if"));
    let text = match last == at {
        true => "Nothing that users can reach is out".to_owned(),
        false => format!("Everything that users can reach is back; it took {}", last.since(at)),
    };
    step.insert("text", value(text));
    step.insert("at", value(shown(at)));
    step.insert("expect", list_of(expectation));
    Some(step)
}
