//! Capsules: one file with everything that is needed to look at a broken promise again.

use super::failure::Failure;
use super::{journal, run::quoted};
use crate::check::judge_with_physics;
use crate::journal::{Broken, Capsule, Header, Record};
use crate::model::load::{self, Loaded};
use crate::model::{Scenario, Sources};
use crate::sim::{Recording, simulate};
use std::path::Path;

/// Makes a run again and writes it as a capsule, which is kept for a promise. `shrunk` says how it
/// was made small.
pub(super) fn write(
    path: &Path,
    (sources, seed): (&Sources, u64),
    promise: &str,
    found_by: String,
    shrunk: Vec<String>,
) -> Result<(), Failure> {
    let (loaded, scenario) = load::site(sources).map_err(Failure::Input)?;
    let Loaded { topology, .. } = &loaded;
    let records: Vec<Record> = simulate(topology, &scenario, seed, Recording::Memory).records;
    let repeat =
        format!("dagtwin run --scenario {} --seed {seed}", quoted(&path.display().to_string()));
    let broken = broken(&loaded, &scenario, promise, &records);
    let capsule = Capsule { found_by, broken, repeat, shrunk };
    let header = Header::of_run(topology, &scenario, seed);
    let header = header.with_sources(sources.clone()).with_capsule(capsule);
    journal::written(path, &header, &records).map_err(|error| Failure::at(path, &error))
}

/// The promise that a run is kept for, and every other that it breaks without a hazard that
/// explains it, each with how it was broken first.
fn broken(loaded: &Loaded, scenario: &Scenario, promise: &str, records: &[Record]) -> Vec<Broken> {
    let verdict = judge_with_physics(&loaded.topology, scenario, records);
    let mut violations: Vec<_> = verdict.violations.into_iter().map(|(_, one)| one).collect();
    violations.retain(|one| one.promise == promise || one.hazard.is_none());
    // Of that promise first what nothing explains.
    violations.sort_by_key(|one| (one.promise != promise, one.hazard.is_some()));
    let mut broken: Vec<Broken> = Vec::new();
    for violation in violations {
        if !broken.iter().any(|known| known.promise == violation.promise) {
            let promise = violation.promise.to_owned();
            broken.push(Broken { promise, at: violation.at, why: violation.why });
        }
    }
    broken
}
