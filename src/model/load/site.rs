//! From all the texts of a run to its checked values.

use super::settings::Wish;
use super::topology::Loaded;
use crate::model::sources::{Source, Sources};
use crate::model::{Problem, Scenario};

/// Loads a topology and a scenario over it. Settings come from the topology's file, then from the
/// scenario's, then from the command line.
///
/// # Errors
/// Everything that is wrong with the files and the options.
pub fn site(sources: &Sources) -> Result<(Loaded, Scenario), Vec<Problem>> {
    let Sources { topology, scenario: Source { file, name, text }, .. } = sources;
    let mut wishes = super::wishes(file, text);
    wishes.extend(sources.set.iter().map(|(key, text)| Wish::of_command_line(key, text)));
    let loading = super::topology(&topology.file, &topology.text, &wishes);
    let loaded = loading.map_err(|mut problems| {
        // Without what is wished the topology may be sound: then the scenario's other mistakes
        // can be told too.
        let bare = super::topology(&topology.file, &topology.text, &[]);
        let reading = bare.map(|bare| super::scenario(file, name, text, &bare.topology));
        problems.extend(reading.ok().and_then(Result::err).unwrap_or_default());
        problems
    })?;
    let mut scenario = super::scenario(file, name, text, &loaded.topology)?;
    end_at(&mut scenario, sources.until.as_deref())?;
    Ok((loaded, scenario))
}

/// Ends a scenario at the moment that `--until` names. What is planned after it is left out:
/// nobody will be there to see it.
fn end_at(scenario: &mut Scenario, until: Option<&str>) -> Result<(), Vec<Problem>> {
    let Some(text) = until else { return Ok(()) };
    let Some(until) = super::until(text) else {
        return Err(vec![Problem {
            file: "--until".to_owned(),
            line: None,
            key: String::new(),
            value: format!("{text:?}"),
            expected: "a duration with its unit above zero and of at most 366 days, such as \
                       \"90s\" or \"10m\""
                .to_owned(),
            hint: None,
        }]);
    };
    scenario.until = until;
    scenario.steps.retain(|step| step.at <= until);
    scenario.faults.retain(|fault| fault.at <= until);
    Ok(())
}
