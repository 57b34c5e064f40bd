//! A site under attack.

use super::plan::Plan;
use crate::model::load::{self, Loaded, Wish};
use crate::model::{Problem, Scenario, Source, Sources};

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
        let wishes = set.iter().map(|(key, text)| Wish::of_command_line(key, text));
        let loaded = load::topology(&source.file, &source.text, &wishes.collect::<Vec<_>>())?;
        let text = "title = \"nothing happens\"\nuntil = \"10m\"\n";
        let blank = load::scenario("blank", "blank", text, &loaded.topology)?;
        Ok(Site { name: name.to_owned(), source, set, loaded, blank })
    }

    /// The scenario of a plan.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn scenario(&self, plan: &Plan) -> Result<Scenario, Vec<Problem>> {
        let text = plan.text(&self.set);
        load::scenario(&plan.file(), &plan.name(), &text, &self.loaded.topology)
    }

    /// The texts from which a plan's run can be made again.
    pub fn sources(&self, plan: &Plan) -> Sources {
        let text = plan.text(&self.set);
        let scenario = Source { file: plan.file(), name: plan.name(), text };
        Sources { topology: self.source.clone(), scenario, set: Vec::new(), until: None }
    }
}
