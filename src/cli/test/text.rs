//! Results of tests for a person.

use super::trial::{Kind, Trial, named};
use super::{Case, CaseResult, explored};
use crate::model::scenario::VerdictKind;
use crate::report::difference::Fate;
use crate::view::words::counted;

/// Runs of a case that are told of one by one.
const MOST_RUNS: usize = 3;
/// Lines of a difference that are shown.
const MOST_LINES: usize = 60;

/// The scenarios of a call, with what is asked of them.
pub(super) fn list(cases: &[Case]) -> String {
    let width = width(cases.iter());
    let mut out = String::new();
    for case in cases {
        out += format!("{:width$}  {}", case.name, case.site.scenario.title).trim_end();
        out.push('\n');
        let verdict = case.site.scenario.verdict;
        if verdict != VerdictKind::Ok {
            out += &format!("{:width$}  - verdict {}\n", "", verdict.word());
        }
        for asked in asked(case) {
            out += &format!("{:width$}  - {asked}\n", "");
        }
    }
    out
}

/// What is asked of a case beside its verdict.
pub(super) fn asked(case: &Case) -> Vec<String> {
    let tested = &case.site.scenario.tested;
    let timeline = tested.timeline.iter().map(|one| format!("timeline of seed {}", one.seed));
    let budgets = tested.budgets.iter();
    let budgets = budgets.map(|one| format!("{} over {}", named(one), counted(one.runs, "run")));
    timeline.chain(budgets).chain(tested.explore.iter().map(explored::named)).collect()
}

fn width<'c>(cases: impl Iterator<Item = &'c Case>) -> usize {
    cases.map(|case| case.name.chars().count()).max().unwrap_or(0)
}

/// Results, case by case, and their sums.
pub(super) fn text(results: &[CaseResult], color: bool) -> String {
    let width = width(results.iter().map(|result| result.case));
    let mut out = String::new();
    for result in results {
        let trials = &result.trials;
        let of = |kind: Kind| trials.iter().filter(move |trial| trial.kind == kind);
        let wrong = of(Kind::Run).filter(|trial| !trial.passed).count();
        let word = match (result.passed(), result.partial) {
            (false, _) => "FAIL",
            (true, true) => "stop",
            (true, false) => "ok  ",
        };
        let title = &result.case.site.scenario.title;
        let mut line = format!("{word}  {:width$}  {title}", result.case.name);
        if let Some(flaw) = result.case.site.loaded.topology.settings.test.planted {
            line += &format!(" (bug planted: {})", flaw.word());
        }
        if wrong > 0 && of(Kind::Run).count() > 1 {
            line += &format!(" ({wrong} of {} runs failed)", of(Kind::Run).count());
        }
        out += line.trim_end();
        out.push('\n');
        let failed = of(Kind::Run).filter(|trial| !trial.passed);
        for trial in failed.take(MOST_RUNS) {
            out += &told("", trial, color);
        }
        if wrong > MOST_RUNS {
            out += &format!("      and {} more seeds\n", wrong - MOST_RUNS);
        }
        for trial in trials.iter().filter(|trial| trial.kind != Kind::Run) {
            out += &told(if trial.passed { "ok    " } else { "FAIL  " }, trial, color);
        }
    }
    out + &sums(results)
}

/// A trial, what was wrong with it, and how it is repeated.
fn told(word: &str, trial: &Trial, color: bool) -> String {
    let inner = if word.is_empty() { "      " } else { "            " };
    let mut lines = trial.told().into_iter();
    let mut out = format!("      {word}{}\n", lines.next().unwrap_or_default());
    if trial.passed {
        return out;
    }
    let more = lines.len().saturating_sub(MOST_LINES);
    for (line, (fate, _)) in lines.zip(&trial.lines).take(MOST_LINES) {
        let code = match fate {
            Fate::Gone => "31",
            Fate::New => "32",
            Fate::Gap => "2",
            Fate::Kept => "",
        };
        out += &match color && !code.is_empty() {
            true => format!("{inner}\x1b[{code}m{line}\x1b[0m\n"),
            false => format!("{inner}{line}\n"),
        };
    }
    if more > 0 {
        out += &format!("{inner}and {more} more lines\n");
    }
    out + &format!("{inner}repeat: {}\n", trial.repeat)
}

/// The last line: how many passed and failed.
fn sums(results: &[CaseResult]) -> String {
    let count = |kind: Kind, passed: bool| {
        let all = results.iter().flat_map(|result| &result.trials);
        all.filter(|trial| trial.kind == kind && trial.passed == passed).count()
    };
    let (passed, failed) = (count(Kind::Run, true), count(Kind::Run, false));
    let scenarios = counted(results.len() as u64, "scenario");
    let mut out = format!("{scenarios}: {} passed, {failed} failed", counted(passed as u64, "run"));
    let others = [(Kind::Timeline, "timeline"), (Kind::Budget, "budget"), (Kind::Explore, "space")];
    for (kind, name) in others {
        let (passed, failed) = (count(kind, true), count(kind, false));
        if passed + failed > 0 {
            out += &format!("; {} passed, {failed} failed", counted(passed as u64, name));
        }
    }
    if results.iter().any(|result| result.partial) {
        out += "; stopped before the rest";
    }
    out + "\n"
}
