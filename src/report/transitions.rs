//! The tables of states and edges, with how often each edge was taken in journals.

use crate::failover::transitions::{Edge, Kind, Machine};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How often each edge was taken, by machine and places of its states.
pub type Counts = BTreeMap<(Kind, usize, usize), u64>;

/// What is shown: the tables, and the counts of so many journals if any was given.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Journals that were counted; with none only the tables are shown.
    pub journals: usize,
    /// The sum of their counts.
    pub counts: Counts,
}

impl Coverage {
    /// Takes in the counts of one more journal.
    pub fn add(&mut self, counts: &Counts) {
        self.journals += 1;
        for (key, count) in counts {
            *self.counts.entry(*key).or_default() += count;
        }
    }

    /// How often an edge was taken.
    pub fn taken(&self, machine: &Machine, edge: &Edge<usize>) -> u64 {
        self.counts.get(&(machine.kind, edge.from, edge.to)).copied().unwrap_or(0)
    }

    /// The edges of a machine that were never taken.
    pub fn never<'m>(&self, machine: &'m Machine) -> Vec<&'m Edge<usize>> {
        machine.edges.iter().filter(|edge| self.taken(machine, edge) == 0).collect()
    }
}

fn machines() -> Vec<Machine> {
    Kind::ALL.iter().map(|kind| kind.machine()).collect()
}

/// For a person: a line for each edge.
///
/// # Errors
/// If the writer fails.
pub fn text(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    let (mut edges, mut never) = (0, 0);
    for machine in machines() {
        writeln!(out, "{}:", machine.kind.name())?;
        let widest = machine.states.iter().map(|row| row.word.len()).max().unwrap_or(0);
        for edge in &machine.edges {
            let (from, to) = (machine.word(edge.from), machine.word(edge.to));
            let taken = match (coverage.journals, coverage.taken(&machine, edge)) {
                (0, _) => String::new(),
                (_, 0) => format!("{:>7}  ", "never"),
                (_, count) => format!("{count:>7}  "),
            };
            writeln!(out, "  {from:widest$} -> {to:widest$}  {taken}{}", edge.trigger)?;
        }
        writeln!(out)?;
        edges += machine.edges.len();
        never += coverage.never(&machine).len();
    }
    match coverage.journals {
        0 => writeln!(out, "{edges} edges"),
        journals => {
            let total: u64 = coverage.counts.values().sum();
            let plural = if journals == 1 { "" } else { "s" };
            writeln!(
                out,
                "{journals} journal{plural}: {total} changes of state, {} of {edges} edges taken, \
                 {never} never",
                edges - never
            )
        }
    }
}

/// One JSON document. Without journals `taken` is null everywhere.
///
/// # Errors
/// If the writer fails.
pub fn json(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    let counted = |count: u64| if coverage.journals == 0 { Value::Null } else { json!(count) };
    let (mut shown, mut edges, mut never) = (Vec::new(), 0, 0);
    for machine in machines() {
        let states = machine.states.iter().map(
            |row| json!({ "state": row.word, "initial": row.initial, "lasting": row.lasting }),
        );
        let rows = machine.edges.iter().map(|edge| {
            json!({
                "from": machine.word(edge.from),
                "to": machine.word(edge.to),
                "trigger": edge.trigger,
                "source": edge.source,
                "taken": counted(coverage.taken(&machine, edge)),
            })
        });
        shown.push(json!({
            "machine": machine.kind.key(),
            "states": states.collect::<Vec<_>>(),
            "edges": rows.collect::<Vec<_>>(),
        }));
        edges += machine.edges.len();
        never += coverage.never(&machine).len();
    }
    let document = json!({
        "schema_version": 1,
        "journals": coverage.journals,
        "machines": shown,
        "edges": edges,
        "taken": counted((edges - never) as u64),
        "never_taken": counted(never as u64),
        "changes": counted(coverage.counts.values().sum()),
    });
    writeln!(out, "{document:#}")
}

/// One row for each edge. Without journals the last column is empty.
///
/// # Errors
/// If the writer fails.
pub fn csv(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["machine", "from", "to", "trigger", "source", "taken"])?;
    for machine in machines() {
        for edge in &machine.edges {
            let taken = match coverage.journals {
                0 => String::new(),
                _ => coverage.taken(&machine, edge).to_string(),
            };
            rows.write_record([
                machine.kind.key(),
                machine.word(edge.from),
                machine.word(edge.to),
                edge.trigger,
                edge.source,
                taken.as_str(),
            ])?;
        }
    }
    rows.flush()
}
