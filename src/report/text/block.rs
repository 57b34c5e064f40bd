//! The timeline as the block of text that a scenario file keeps: one line for each thing that
//! happened, in words and moments that do not depend on the width of a page.

use super::lines::{Column, Line, ordered, told};
use super::relative;
use super::timeline::TIME;
use crate::base::Instant;
use crate::journal::text::Names;
use crate::lab::Outcome;
use crate::model::topology::ClientKind;
use crate::view::outage::{Outage, Who};
use std::collections::{BTreeMap, BTreeSet};

/// Who stands beside what clients meet.
const CLIENTS: &str = "clients";

/// The whole timeline of a run from its first disturbance on, or from its start if there is none.
/// Of clients it tells when the first of a kind lost service and when the last had it again.
pub fn block(outcome: &Outcome) -> String {
    let names = Names::new(outcome.topology, Some(outcome.scenario));
    let zero = outcome.disturbed.unwrap_or(Instant::ZERO);
    let (mut lines, _) = told(outcome, &names);
    lines.retain(|line| line.at >= zero);
    lines.extend(clients(outcome));
    let lines = ordered(lines);
    let machine = |line: &Line| match line.column {
        Column::Machine(machine) => names.machine(machine).chars().count(),
        Column::Across | Column::Clients => CLIENTS.len(),
    };
    let width = lines.iter().map(machine).max().unwrap_or(0);
    let mut out = String::new();
    for line in &lines {
        let who = match line.column {
            Column::Machine(machine) => names.machine(machine),
            Column::Across => "",
            Column::Clients => CLIENTS,
        };
        let text = format!("{:>TIME$}  {who:<width$}  {}", relative(line.at, zero), line.text);
        out += text.trim_end();
        out.push('\n');
    }
    out
}

/// When the first client of each kind lost service, and when the last had it again.
fn clients(outcome: &Outcome) -> Vec<Line> {
    let mut of: BTreeMap<ClientKind, Vec<&Outage>> = BTreeMap::new();
    for outage in outcome.outages.iter().filter(|outage| outage.hard) {
        if let Who::Client(kind, _) = outage.who {
            of.entry(kind).or_default().push(outage);
        }
    }
    let mut lines = Vec::new();
    for (kind, outages) in of {
        let who = |outage: &&&Outage| outage.who;
        let out: BTreeSet<Who> = outages.iter().map(|outage| outage.who).collect();
        let still: BTreeSet<Who> =
            outages.iter().filter(|outage| outage.to.is_none()).map(|o| who(&o)).collect();
        let first = outages.iter().map(|outage| outage.from).min();
        let last = outages.iter().filter_map(|outage| outage.to).max();
        let mut tell = |at: Option<Instant>, text: String| {
            let column = Column::Clients;
            lines.extend(at.map(|at| Line { at, column, text }));
        };
        let name = kind.label();
        tell(first, format!("the first of {} {name} is without service", out.len()));
        match still.len() {
            0 => tell(last, format!("the last of {} {name} has service again", out.len())),
            many => {
                tell(last, format!("the last {name} that comes back has service again"));
                let text = format!("{many} of {} {name} are without service at the end", out.len());
                tell(Some(outcome.scenario.until), text);
            }
        }
    }
    lines
}
