//! The tables of states and edges as one diagram for other tools.

use super::transitions::Coverage;
use crate::failover::transitions::{Kind, Machine};
use std::io::{self, Write};

/// The name of a state that no other machine's state has.
fn identifier(machine: &Machine, state: usize) -> String {
    let word = machine.word(state).replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("{}_{word}", machine.kind.key())
}

/// How often an edge was taken, for its label; nothing without journals.
fn count(coverage: &Coverage, taken: u64) -> String {
    match (coverage.journals, taken) {
        (0, _) => String::new(),
        (_, 0) => " (never)".to_owned(),
        (_, taken) => format!(" ({taken})"),
    }
}

/// For Graphviz: a box for each machine. States in which it may begin have a double border; edges
/// that the journals never took are dashed.
///
/// # Errors
/// If the writer fails.
pub fn dot(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph states {{\n    rankdir=LR;")?;
    for machine in Kind::ALL.map(Kind::machine) {
        let kind = machine.kind;
        writeln!(out, "    subgraph cluster_{} {{", kind.key())?;
        writeln!(out, "        label=\"{}\";", kind.name())?;
        for row in &machine.states {
            let borders = if row.initial { 2 } else { 1 };
            let name = identifier(&machine, row.state);
            writeln!(out, "        {name} [label=\"{}\", peripheries={borders}];", row.word)?;
        }
        for edge in &machine.edges {
            let (from, to) = (identifier(&machine, edge.from), identifier(&machine, edge.to));
            let taken = coverage.taken(&machine, edge);
            let style = match (coverage.journals, taken) {
                (1.., 0) => ", style=dashed",
                _ => "",
            };
            let label = format!("{}{}", edge.trigger, count(coverage, taken));
            let label = label.replace('"', "\\\"");
            writeln!(out, "        {from} -> {to} [label=\"{label}\"{style}];")?;
        }
        writeln!(out, "    }}")?;
    }
    writeln!(out, "}}")
}

/// For Mermaid: a composite state for each machine.
///
/// # Errors
/// If the writer fails.
pub fn mermaid(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "stateDiagram-v2")?;
    for machine in Kind::ALL.map(Kind::machine) {
        let kind = machine.kind;
        writeln!(out, "    state \"{}\" as {} {{", kind.name(), kind.key())?;
        for row in &machine.states {
            let name = identifier(&machine, row.state);
            writeln!(out, "        state \"{}\" as {name}", row.word)?;
            if row.initial {
                writeln!(out, "        [*] --> {name}")?;
            }
        }
        for edge in &machine.edges {
            let (from, to) = (identifier(&machine, edge.from), identifier(&machine, edge.to));
            // A colon or a semicolon would end the label.
            let label = edge.trigger.replace([':', ';'], ",");
            let label = label + &count(coverage, coverage.taken(&machine, edge));
            writeln!(out, "        {from} --> {to}: {label}")?;
        }
        writeln!(out, "    }}")?;
    }
    Ok(())
}
