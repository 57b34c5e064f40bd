//! What `dagtwin test` asks of a scenario: `[timeline]` and `[[budget]]`.

use super::plan::MOST_RUNS;
use super::read::Section;
use crate::base::Span;
use crate::model::measure;
use crate::model::tested::{self, Budget, Space, Tested, Timeline};
use crate::model::topology::Topology;

/// Most budgets of a file.
const MOST_BUDGETS: usize = 100;
/// Seeds of a budget that does not say: the 95th percentile has an interval with both ends then.
const USUAL_RUNS: u64 = 100;

/// Reads them; `early` is whether a fault strikes before clients work.
pub(super) fn tested(root: &Section, topology: &Topology, early: bool) -> Tested {
    let sections = root.tables("budget");
    if sections.len() > MOST_BUDGETS {
        root.wrong("budget", &format!("at most {MOST_BUDGETS} budgets"), None);
        return Tested::default();
    }
    if !sections.is_empty() && early {
        let hint = "what is lost before clients work has never been there";
        let expected = "no budget where a fault strikes before clients work (clients_from)";
        root.wrong("budget", expected, Some(hint.to_owned()));
    }
    let names = measure::names(topology);
    let budgets = sections.iter().filter_map(|section| budget(section, &names)).collect();
    let timeline = root.table("timeline").map(|section| timeline(&section));
    let explore = root.table("explore").map(|section| space(&section));
    Tested { timeline, budgets, explore }
}

fn space(section: &Section) -> Space {
    let span = |key| {
        let span = section.value::<Span>(key);
        if span.is_some_and(|span| span > tested::LONGEST) {
            section.wrong(key, "a duration of at most a day", None);
        }
        span
    };
    let count = |key, (least, most): (u64, u64)| {
        let count = section.value::<u64>(key);
        if count.is_some_and(|count| !(least..=most).contains(&count)) {
            section.wrong(key, &format!("a whole number from {least} to {most}"), None);
        }
        count
    };
    let few = |key, most: u8| count(key, (0, most.into())).and_then(|n| u8::try_from(n).ok());
    let space = Space {
        line: section.line(),
        start: span("start"),
        horizon: span("horizon"),
        within: span("within"),
        losses: few("losses", tested::MOST_LOSSES),
        cuts: few("cuts", tested::MOST_CUTS),
        alone: section.value("alone").unwrap_or(false),
        crashes: few("crashes", tested::MOST_CRASHES),
        clock: span("clock"),
        states: count("states", (1, tested::MOST_STATES)),
        settle: span("settle"),
    };
    section.finish();
    space
}

fn timeline(section: &Section) -> Timeline {
    let seed = section.value("seed").unwrap_or(1);
    let lines = section.lines("lines").unwrap_or_default();
    section.finish();
    Timeline { seed, lines }
}

fn budget(section: &Section, names: &[String]) -> Option<Budget> {
    let measure = section.text("measure");
    let known = names.contains(&measure.text);
    if !known && !measure.text.is_empty() {
        let expected = format!("a duration: one of {}", names.join(", "));
        let near = super::near(&measure.text, names.iter().map(String::as_str));
        section.wrong_at(&measure, &expected, near);
    }
    let percentile = match section.optional_text("percentile") {
        Some(place) => {
            let read = measure::percentile(&place.text);
            if read.is_none() {
                section.wrong_at(&place, measure::PERCENTILE_EXPECTED, None);
            }
            read
        }
        None => Some(950),
    };
    if !section.has("within") {
        section.wrong("within", "a duration such as \"25s\"; the key is missing", None);
    }
    let within = section.value::<Span>("within");
    let runs = section.value::<u64>("runs").unwrap_or(USUAL_RUNS);
    if !(1..=MOST_RUNS).contains(&runs) {
        section.wrong("runs", &format!("a whole number from 1 to {MOST_RUNS}"), None);
    }
    section.finish();
    Some(Budget { measure: measure.text, percentile: percentile?, within: within?, runs })
}
