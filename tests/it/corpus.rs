//! Scenarios that once showed a fault of the program, kept for ever, and those that take an edge
//! that no other takes. Each is in a folder with the name of its site, and says how it must end
//! with its key `verdict`.

use crate::source::root;
use dagtwin::lab;
use dagtwin::model::builtin::SITES;
use dagtwin::model::load::{self, Given};
use dagtwin::model::{Scenario, Topology};
use std::fs::{read_dir, read_to_string};

/// The text of a site's topology: in its folder, or built in.
fn topology(site: &str) -> String {
    let own = root().join("tests/corpus").join(site).join("topology.toml");
    if own.exists() {
        return read_to_string(own).expect("the topology");
    }
    let site = SITES.iter().find(|known| known.topology.name == site).expect("a built-in site");
    site.topology.text.to_owned()
}

/// Every scenario of the corpus with its topology, by site and name.
pub(crate) fn all() -> Vec<(String, Topology, Scenario)> {
    let mut found = Vec::new();
    for site in read_dir(root().join("tests/corpus")).expect("the corpus") {
        let site = site.expect("a folder").file_name().into_string().expect("UTF-8");
        let folder = root().join("tests/corpus").join(&site);
        for file in read_dir(folder).expect("a folder") {
            let path = file.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if name == "topology" {
                continue;
            }
            let text = read_to_string(&path).expect("the scenario");
            let loaded = load::topology(
                "topology.toml",
                &topology(&site),
                &load::wishes("scenario.toml", &text),
            );
            let loaded = loaded.unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
            let scenario = load::scenario(&name, &name, &text, &loaded.topology);
            let scenario = scenario.unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
            found.push((format!("{site}/{name}"), loaded.topology, scenario));
        }
    }
    found
}

/// One scenario of the corpus by its site and name.
pub(crate) fn named(name: &str) -> (String, Topology, Scenario) {
    all().into_iter().find(|(known, ..)| known == name).expect("a scenario of the corpus")
}

#[test]
fn every_scenario_of_the_corpus_ends_as_it_says_and_is_possible() {
    let (mut wrong, mut count) = (String::new(), 0);
    for (name, topology, scenario) in all() {
        for seed in 1..=2 {
            let outcome = lab::run(&topology, &scenario, seed, &Given::new());
            if seed == 1 {
                crate::scenarios::possible(&name, &outcome);
            }
            if outcome.verdict.kind != scenario.verdict {
                wrong += &format!("{name}, seed {seed}: {:#?}\n", outcome.verdict);
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 20, "{count} runs only");
}
