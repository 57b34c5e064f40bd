//! A site under attack.

use super::plan::{Plan, SETTINGS, Settings};
use crate::model::load::{self, Loaded, Wish};
use crate::model::{Problem, Scenario, Source, Sources, Topology};

/// A site under attack, with the settings that were given beside its file.
#[derive(Clone, Debug)]
pub struct Site {
    /// How a call names it.
    pub name: String,
    /// Its file.
    pub source: Source,
    /// Settings that every scenario of a plan has.
    pub set: Vec<(String, String)>,
    /// What was loaded.
    pub loaded: Loaded,
    /// The same with the settings that some plans have.
    others: Vec<(Settings, Loaded)>,
    /// A scenario in which nothing happens: what may be named in a plan does not depend on it.
    pub blank: Scenario,
}

impl Site {
    /// Loads a site.
    ///
    /// # Errors
    /// Everything that is wrong with its file and the settings.
    pub fn new(
        name: &str,
        source: Source,
        set: Vec<(String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        // What the call gives counts more than what a plan has.
        let load = |own: Settings| {
            let own = own.iter().filter(|(key, _)| !set.iter().any(|(other, _)| other == key));
            let own = own.map(|(key, text)| Wish::of_command_line(key, text));
            let given = set.iter().map(|(key, text)| Wish::of_command_line(key, text));
            load::topology(&source.file, &source.text, &own.chain(given).collect::<Vec<_>>())
        };
        let loaded = load(&[])?;
        let mut others: Vec<(Settings, Loaded)> = Vec::new();
        for settings in SETTINGS.into_iter().filter(|settings| !settings.is_empty()) {
            if others.iter().all(|(known, _)| *known != settings) {
                others.push((settings, load(settings)?));
            }
        }
        let text = "title = \"nothing happens\"\nuntil = \"10m\"\n";
        let blank = load::scenario("blank", "blank", text, &loaded.topology)?;
        Ok(Site { name: name.to_owned(), source, set, loaded, others, blank })
    }

    /// The topology with a plan's settings.
    pub fn topology(&self, plan: &Plan) -> &Topology {
        let other = self.others.iter().find(|(settings, _)| *settings == plan.set);
        &other.map_or(&self.loaded, |(_, loaded)| loaded).topology
    }

    /// The scenario of a plan.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn scenario(&self, plan: &Plan) -> Result<Scenario, Vec<Problem>> {
        let text = plan.text(&self.set);
        load::scenario(&plan.file(), &plan.name(), &text, self.topology(plan))
    }

    /// The texts from which a plan's run can be made again.
    pub fn sources(&self, plan: &Plan) -> Sources {
        let text = plan.text(&self.set);
        let scenario = Source { file: plan.file(), name: plan.name(), text };
        Sources { topology: self.source.clone(), scenario, set: Vec::new(), until: None }
    }
}
