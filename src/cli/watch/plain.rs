//! What is printed where there is no terminal: the text report of the same run or journal.

use super::super::failure::{Answer, Done, Failure};
use super::super::run::terminal_width;
use super::Watch;
use super::source::journal_of;
use crate::journal::stream::{Follow, News, Place};
use crate::journal::{Header, Origin, Record};
use crate::lab;
use crate::model::load::{self, Given};
use crate::report::{self, Format};
use crate::view::headline::headline;

pub(super) fn report(args: &Watch) -> Answer {
    let Some(place) = journal_of(args)? else { return ran(args) };
    let (header, records) = whole(&place)?;
    let mut done = Done::default();
    match &header.scenario {
        Some(scenario) => {
            let seed = match header.origin {
                Origin::Sim { seed } => seed,
                Origin::Agent { .. } | Origin::Import { .. } => 0,
            };
            let given = header.sources.as_ref().and_then(|sources| load::site(sources).ok());
            let given = given.map_or_else(Given::default, |(loaded, _)| loaded.given);
            let site = (&header.topology, scenario);
            let outcome = lab::judged(site, seed, &given, records, None);
            done.broken = outcome.verdict.kind.is_broken();
            let repeat = super::command(args);
            let written = report::write(&outcome, format(), &repeat, &mut done.output);
            written.map_err(|error| Failure::output(&error))?;
        }
        None => {
            let found = headline(&header.topology, None, &records, &[]);
            for sentence in found.sentences() {
                done.output.extend(sentence.bytes().chain([b'\n']));
            }
        }
    }
    Ok(done)
}

fn format() -> Format {
    Format::Text { width: usize::from(terminal_width()), color: super::super::colored() }
}

/// The report of a run, as `dagtwin run` prints it.
fn ran(args: &Watch) -> Answer {
    let run = super::super::args::Run {
        topology: args.what.clone(),
        scenario: args.scenario.clone(),
        seed: args.seed,
        until: args.until.clone(),
        set: args.set.clone(),
        format: super::super::args::ReportFormat::Text,
        journal: None,
        pace: None,
        listen: None,
        width: None,
        quiet: false,
    };
    super::super::run::run(&run)
}

/// A journal to its end; of one that is still being written, to the end of the writing.
fn whole(place: &Place) -> Result<(Header, Vec<Record>), Failure> {
    if let Place::File(path) = place {
        let journal = super::super::journal::read(path)?;
        return Ok((journal.header, journal.records));
    }
    let follow =
        Follow::new(place).map_err(|error| Failure::Machine(format!("{place}: {error}")))?;
    let (mut header, mut records) = (None, Vec::new());
    for news in follow.news() {
        match news {
            News::Header(found) => header = Some(*found),
            News::Records(more) => records.extend(more),
            News::CaughtUp => {}
            News::Ended { .. } => break,
            News::Cut { at_byte } => {
                super::super::note(&format!("{place} was cut off at byte {at_byte}"));
                break;
            }
            News::Damaged { at_byte, what } => {
                let text = format!("{place}: expected a journal; byte {at_byte}: {what}");
                return Err(Failure::Call(text));
            }
            News::Failed(why) => return Err(Failure::Machine(format!("{place}: {why}"))),
        }
    }
    let nothing = || Failure::Call(format!("{place}: expected a journal; it has no header"));
    Ok((header.ok_or_else(nothing)?, records))
}
