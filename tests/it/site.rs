//! The built-in topologies and scenarios, loaded.

use dagtwin::model::builtin::SITES;
use dagtwin::model::{Scenario, Topology, load};

/// A built-in topology with one of its scenarios.
pub(crate) struct Built {
    /// The scenario's name.
    pub(crate) name: &'static str,
    /// The topology, with the scenario's settings.
    pub(crate) topology: Topology,
    /// The scenario.
    pub(crate) scenario: Scenario,
}

/// Every built-in scenario, in the order of the list.
pub(crate) fn all() -> Vec<Built> {
    let mut found = Vec::new();
    for site in SITES {
        for file in site.scenarios {
            let topology = site.topology;
            let loaded =
                load::topology(topology.path, topology.text, &load::wishes(file.path, file.text));
            let topology = loaded.unwrap_or_else(|problems| panic!("{problems:#?}")).topology;
            let scenario = load::scenario(file.path, file.name, file.text, &topology);
            let scenario = scenario.unwrap_or_else(|problems| panic!("{problems:#?}"));
            found.push(Built { name: file.name, topology, scenario });
        }
    }
    assert!(found.len() > 10, "found {} scenarios only", found.len());
    found
}

/// One built-in scenario by its name.
pub(crate) fn named(name: &str) -> Built {
    all().into_iter().find(|built| built.name == name).expect("a built-in scenario")
}
