//! What a swarm found: text, JSON.

mod json;
mod proofs;
mod text;

pub use proofs::{json as proofs_json, text as proofs_text};

use crate::failover::transitions::Kind;
use crate::lab::swarm::{Site, Tally};
use crate::report::transitions::Coverage;
use std::io::{self, Write};

/// Everything that a report of a swarm shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'s> {
    /// The sites with what became of their runs.
    pub sites: &'s [(Site, Tally)],
    /// The seeds of each site, the last one not included.
    pub seeds: (u64, u64),
    /// Where failures were kept, with the promise that each broke.
    pub capsules: &'s [(String, &'static str)],
    /// A person stopped it.
    pub stopped: bool,
    /// The command that repeats it.
    pub repeat: &'s str,
}

impl Report<'_> {
    /// The transitions that all sites together took.
    fn transitions(&self) -> Coverage {
        let mut coverage = Coverage::default();
        for (_, tally) in self.sites {
            coverage.add(&tally.coverage.edges);
        }
        coverage
    }

    /// The transitions that nobody took, in words.
    fn never_taken(&self) -> Vec<String> {
        let coverage = self.transitions();
        let machines = Kind::ALL.iter().map(|kind| kind.machine());
        let named = machines.flat_map(|machine| {
            let never = coverage.never(&machine);
            let told = never.into_iter().map(|edge| {
                let (from, to) = (machine.word(edge.from), machine.word(edge.to));
                format!("{} {from} to {to}", machine.kind.name())
            });
            told.collect::<Vec<_>>()
        });
        named.collect()
    }

    /// Runs of all sites.
    pub fn runs(&self) -> u64 {
        self.sites.iter().map(|(_, tally)| tally.drawn + tally.aimed).sum()
    }
}

/// How many transitions there are.
fn all_edges() -> usize {
    Kind::ALL.iter().map(|kind| kind.machine().edges.len()).sum()
}

/// Pairs that were met at a site, and those that could be.
fn pairs(tally: &Tally) -> (usize, usize) {
    let possible = tally.coverage.possible();
    let met = possible.filter(|pair| tally.coverage.pairs.contains_key(pair)).count();
    (met, tally.coverage.possible().count())
}

/// For a person.
///
/// # Errors
/// If the writer fails.
pub fn text(report: &Report, width: usize, color: bool, out: &mut dyn Write) -> io::Result<()> {
    text::write(report, width, color, out)
}

/// One JSON document.
///
/// # Errors
/// If the writer fails.
pub fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    json::write(report, out)
}
