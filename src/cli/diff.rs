//! `dagtwin diff`: two journals, and the first record in which they differ.

use super::args::Diff;
use super::failure::{Answer, Done};
use super::journal;
use crate::journal::binary::Journal;
use crate::journal::text::{Names, line};
use crate::journal::{Digest, RecordNo};
use crate::lab::canary::first_difference;

pub(super) fn diff(args: &Diff) -> Answer {
    let (one, other) = (journal::read(&args.one)?, journal::read(&args.other)?);
    let Some(place) = first_difference(&one.records, &other.records) else {
        let (digest, count) = (Digest::of(&one.records), one.records.len());
        return Ok(Done::with(format!("equal: {count} records, digest {digest}\n")));
    };
    let place = RecordNo(u32::try_from(place).expect("records have numbers of 32 bits"));
    let output = format!(
        "the journals differ from record #{} on\n  {}: {}\n  {}: {}\n",
        place.0,
        args.one.display(),
        shown(&one, place),
        args.other.display(),
        shown(&other, place),
    );
    Ok(Done { output: output.into_bytes(), broken: true, ..Done::default() })
}

fn shown(journal: &Journal, place: RecordNo) -> String {
    let names = Names::new(&journal.header.topology, journal.header.scenario.as_ref());
    let record = journal.records.get(place.0 as usize);
    record.map_or_else(|| "ends before it".to_owned(), |record| line(&names, place, record))
}
