//! What one pass over the records of a run finds: every reader is shown the same scene, which is
//! folded once.

use crate::check::{self, Judge};
use crate::journal::{Record, RecordNo};
use crate::model::{Scenario, Topology};
use crate::view::Scene;
use crate::view::outage::{self, Outage};

/// What the records came to.
pub struct Folded<'t> {
    /// Every outage after the first disturbance.
    pub outages: Vec<Outage>,
    /// Promises.
    pub promises: check::Verdict,
    /// The site at the end.
    pub end: Scene<'t>,
}

/// Reads all records of a run.
pub fn folded<'t>(
    topology: &'t Topology,
    scenario: &'t Scenario,
    records: &[Record],
) -> Folded<'t> {
    let mut end = Scene::new(topology, scenario);
    let mut judge = Judge::new(topology, scenario);
    let mut outages = outage::Fold::new(topology);
    for (number, record) in (0..).map(RecordNo).zip(records) {
        end.apply(record);
        judge.see(number, record, &end);
        outages.see(&end, records, number);
    }
    Folded {
        outages: outages.into_outages(topology, scenario),
        promises: judge.end(scenario.until, &end),
        end,
    }
}
