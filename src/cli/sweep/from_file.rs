//! A plan file as if it had been typed: it fills in what the command line does not say.

use super::super::failure::Failure;
use super::super::input;
use super::arguments::{self, Hiccup, Sweep};
use crate::model::Problem;
use crate::model::load::{self, PlanFile};
use std::path::Path;

/// The call with what its plan file says.
pub(super) fn filled(typed: &Sweep) -> Result<Sweep, Failure> {
    let mut args = typed.clone();
    let Some(path) = &typed.plan else { return Ok(args) };
    let text = input::text_of(path)?;
    let file = load::plan(&path.display().to_string(), &text).map_err(Failure::Input)?;
    args.topology = args.topology.or_else(|| file.topology.as_ref().map(|name| from(path, name)));
    args.scenario = args.scenario.or_else(|| file.scenario.clone());
    args.until = args.until.or_else(|| file.until.clone());
    args.set = file.set.iter().chain(&typed.set).cloned().collect();
    let unsaid = |key: &str| !typed.vary.iter().any(|axis| axis.key == key);
    let axes = file.axes.iter().filter(|axis| unsaid(&axis.key));
    args.vary = axes.chain(&typed.vary).cloned().collect();
    args.runs = args.runs.or(file.runs);
    args.seed = args.seed.or(file.seed);
    if args.random.is_none() && !args.one_at_a_time {
        (args.random, args.one_at_a_time) = (file.random, file.one_at_a_time);
    }
    if let (true, Some(lengths)) = (args.hiccup.is_empty(), &file.hiccups) {
        args.hiccup = match lengths.as_slice() {
            [] => vec![Hiccup::No],
            some => some.iter().map(|length| Hiccup::Lasts(*length)).collect(),
        };
    }
    others(&mut args, path, &file)?;
    Ok(args)
}

/// A topology beside the plan file is meant before one of that name elsewhere.
fn from(path: &Path, topology: &str) -> String {
    let beside = path.parent().unwrap_or(Path::new("")).join(topology);
    if beside.exists() { beside.display().to_string() } else { topology.to_owned() }
}

/// Options that are read as on the command line. The file's question counts if none was typed.
fn others(args: &mut Sweep, path: &Path, file: &PlanFile) -> Result<(), Failure> {
    let question = &args.question;
    let asked = question.flip.is_some() || question.fork.is_some() || !question.goal.is_empty();
    let asked = asked || question.sensitivity.is_some();
    for (key, value) in &file.others {
        let wrong = |told: String| {
            Failure::Input(vec![Problem {
                file: path.display().to_string(),
                line: None,
                key: (*key).to_owned(),
                value: format!("{value:?}"),
                expected: told.strip_prefix("expected ").unwrap_or(&told).to_owned(),
                hint: None,
            }])
        };
        let question = &mut args.question;
        match *key {
            "measure" => drop(args.measure.get_or_insert_with(|| value.clone())),
            "budget" => drop(args.budget.get_or_insert_with(|| value.clone())),
            "percentile" if args.percentile.is_none() => {
                args.percentile = Some(arguments::percentile(value).map_err(wrong)?);
            }
            "enough" if args.enough.is_none() => {
                args.enough = Some(arguments::enough(value).map_err(wrong)?);
            }
            "outcome" if !asked => drop(question.outcome.get_or_insert_with(|| value.clone())),
            "sensitivity" if !asked => {
                question.sensitivity = Some(arguments::perturbation(value).map_err(wrong)?);
            }
            "flip" if !asked => question.flip = Some(arguments::axis(value).map_err(wrong)?),
            "fork" if !asked => question.fork = Some(arguments::moments(value).map_err(wrong)?),
            "goal" if !asked => question.goal.push(value.clone()),
            "change" if !asked => question.change.push(value.clone()),
            _ => {}
        }
    }
    let question = &args.question;
    let asked = [
        question.sensitivity.is_some(),
        question.flip.is_some(),
        question.fork.is_some(),
        !question.goal.is_empty(),
    ];
    if asked.into_iter().filter(|asked| *asked).count() > 1 {
        return Err(Failure::Call(format!(
            "{}: expected one question: sensitivity, flip, fork or goal",
            path.display()
        )));
    }
    Ok(())
}
