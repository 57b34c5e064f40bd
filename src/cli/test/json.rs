//! Results of tests for programs.

use super::text::asked;
use super::trial::Kind;
use super::{Case, CaseResult};
use crate::failover::config::Flaw;
use serde_json::{Value, json};

/// The scenarios of a call, with what is asked of them.
pub(super) fn list(cases: &[Case]) -> String {
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            json!({
                "name": case.name,
                "title": case.site.scenario.title,
                "topology": case.site.loaded.topology.name,
                "verdict": case.site.scenario.verdict.word(),
                "asked": asked(case),
            })
        })
        .collect();
    format!("{:#}\n", json!({ "cases": cases }))
}

/// Results, case by case, and their sums.
pub(super) fn document(results: &[CaseResult]) -> String {
    let all = || results.iter().flat_map(|result| &result.trials);
    let passed = all().filter(|trial| trial.passed).count();
    let failed = all().filter(|trial| !trial.passed).count();
    let cases = results.iter().map(|result| {
        let of = |kind: Kind| {
            let trials = result.trials.iter().filter(move |trial| trial.kind == kind);
            trials.map(|trial| trial.value.clone()).collect::<Vec<_>>()
        };
        json!({
            "name": result.case.name,
            "title": result.case.site.scenario.title,
            "topology": result.case.site.loaded.topology.name,
            "planted": result.case.site.loaded.topology.settings.test.planted.map(Flaw::word),
            "verdict": result.case.site.scenario.verdict.word(),
            "runs": of(Kind::Run),
            "timeline": of(Kind::Timeline).pop(),
            "budgets": of(Kind::Budget),
            "explore": of(Kind::Explore).pop(),
        })
    });
    let cases: Vec<Value> = cases.collect();
    format!("{:#}\n", json!({ "cases": cases, "passed": passed, "failed": failed }))
}
