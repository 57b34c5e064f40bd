//! Plan files: what a sweep varies, and how often it runs what.

use super::read::{File, Placed, Section};
use crate::base::Span;
use crate::model::Problem;
use crate::model::settings::Value;
use crate::model::vary::{Axis, Values};

/// Most seeds of a point.
pub const MOST_RUNS: u64 = 10_000_000;

/// What a plan file says; every key but `vary` is one of the options of `dagtwin sweep`.
#[derive(Clone, Default, Debug)]
pub struct PlanFile {
    /// The topology.
    pub topology: Option<String>,
    /// The scenario.
    pub scenario: Option<String>,
    /// When runs end.
    pub until: Option<String>,
    /// Settings.
    pub set: Vec<(String, String)>,
    /// What is varied.
    pub axes: Vec<Axis>,
    /// Seeds of each point.
    pub runs: Option<u64>,
    /// The first seed.
    pub seed: Option<u64>,
    /// Points of a random design.
    pub random: Option<u64>,
    /// Whether keys are varied one at a time.
    pub one_at_a_time: bool,
    /// Lengths of hiccups.
    pub hiccups: Option<Vec<Span>>,
    /// Options that are read as they are on the command line, with their values.
    pub others: Vec<(&'static str, String)>,
}

/// Options that a plan file may give with one value.
const SINGLE: [&str; 8] =
    ["measure", "percentile", "budget", "enough", "sensitivity", "flip", "outcome", "fork"];
/// Options that it may give with a list of values.
const LISTS: [&str; 2] = ["goal", "change"];

/// Reads a plan file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn plan(file_name: &str, text: &str) -> Result<PlanFile, Vec<Problem>> {
    let file = File::new(file_name, text);
    let table = file.root();
    let root = Section::new(&file, String::new(), &table);
    let text = |key| root.optional_text(key).map(|place| place.text);
    let mut plan = PlanFile {
        topology: text("topology"),
        scenario: text("scenario"),
        until: text("until"),
        runs: count(&root, "runs", (1, MOST_RUNS)),
        seed: count(&root, "seed", (0, u64::MAX)),
        random: count(&root, "random", (1, crate::model::vary::MOST_POINTS)),
        one_at_a_time: root.value("one_at_a_time").unwrap_or(false),
        ..PlanFile::default()
    };
    if let Some(set) = root.table("set") {
        plan.set = set.entries().into_iter().map(|(key, place)| (key, place.text)).collect();
    }
    if let Some(vary) = root.table("vary") {
        plan.axes = vary.entries().into_iter().filter_map(|one| axis(&vary, one)).collect();
    }
    if root.has("hiccup") {
        plan.hiccups = Some(hiccups(&root));
    }
    for key in SINGLE {
        plan.others.extend(text(key).map(|value| (key, value)));
    }
    for key in LISTS {
        plan.others.extend(root.texts(key).into_iter().map(|place| (key, place.text)));
    }
    root.finish();
    if file.is_sound() { Ok(plan) } else { Err(file.into_problems()) }
}

fn count(root: &Section, key: &'static str, (least, most): (u64, u64)) -> Option<u64> {
    let number = root.has(key).then(|| root.entries())?;
    let (_, place) = number.into_iter().find(|(name, _)| name == key)?;
    let read = place.text.parse().ok().filter(|number| (least..=most).contains(number));
    if read.is_none() {
        root.wrong_at(&place, &format!("a whole number from {least} to {most}"), None);
    }
    read
}

fn axis(vary: &Section, (key, place): (String, Placed)) -> Option<Axis> {
    // A list of the file is the list of the values.
    let inner = place.text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    match Values::read(inner.unwrap_or(&place.text)) {
        Ok(values) => Some(Axis { key, values }),
        Err(expected) => {
            vary.wrong_at(&place, &expected, None);
            None
        }
    }
}

fn hiccups(root: &Section) -> Vec<Span> {
    let mut lengths = Vec::new();
    for place in root.texts("hiccup") {
        if place.text == "none" {
            continue;
        }
        match Span::read(&place.text).filter(|span| !span.is_zero()) {
            Some(length) => lengths.push(length),
            None => root.wrong_at(&place, "a list of durations above zero, such as [\"3s\"]", None),
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_a_call_would() {
        let text = "topology = \"two-node-2010\"\nruns = 200\nhiccup = [\"3s\", \"5s\"]\n\
                    goal = [\"outlook p95 <= 12s\"]\n[set]\n\"clients.count\" = 1\n[vary]\n\
                    \"cluster.same_subnet_threshold\" = \"3..5\"\n\"fault.0.at\" = [\"60s\", \
                    \"61s\"]\n";
        let plan = plan("plan.toml", text).expect("it is sound");
        assert_eq!((plan.topology.as_deref(), plan.runs), (Some("two-node-2010"), Some(200)));
        assert_eq!(plan.set, [("clients.count".to_owned(), "1".to_owned())]);
        assert_eq!(plan.hiccups, Some(vec![Span::from_secs(3), Span::from_secs(5)]));
        let grids: Vec<_> = plan.axes.iter().map(|axis| axis.values.grid()).collect();
        let list = |words: &[&str]| Ok(words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(grids, [list(&["3", "4", "5"]), list(&["60s", "61s"])]);
        assert_eq!(plan.others, [("goal", "outlook p95 <= 12s".to_owned())]);
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        let text = "runs = 0\nrnus = 3\nhiccup = [\"never\"]\n[vary]\n\"fault.0.at\" = \"9..1\"\n";
        let problems = plan("plan.toml", text).expect_err("it has mistakes");
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        for part in [
            "plan.toml:1: runs = 0",
            "plan.toml:2: rnus",
            "plan.toml:3: hiccup",
            "plan.toml:5: vary.fault.0.at",
        ] {
            assert!(told.iter().any(|line| line.starts_with(part)), "{part} in {told:?}");
        }
    }
}
