//! `dagtwin verify`: the recorded inputs to a fresh core, the recorded effects demanded; and
//! whether what the plant did is possible at all.

use super::args::Verify;
use super::failure::{Answer, Done, Failure};
use super::journal;
use crate::check;
use crate::failover::seam::Effect;
use crate::journal::binary::Journal;
use crate::journal::text::{Names, line};
use crate::journal::{Digest, Origin, Record, What};
use crate::lab::conformance::{self, Judged};
use crate::lab::replay::Difference;

pub(super) fn verify(args: &Verify) -> Answer {
    let journal = journal::read(&args.journal)?;
    let header = &journal.header;
    let scenario = header.scenario.as_ref();
    if scenario.is_none() && !matches!(header.origin, Origin::Agent { .. }) {
        let name = args.journal.display();
        let expected = "expected the journal of a simulation or of an agent";
        return Err(Failure::Call(format!("{name}: {expected}")));
    }
    let (judged, records) = judged(&journal);
    let breaches = judged.breaches;
    match judged.verified {
        Ok(verified) => {
            let mut output = format!(
                "verified: {} inputs to {} lives of the core gave the recorded {} effects\n\
                 digest {}, {} records, written by dagtwin {}\n",
                verified.inputs,
                verified.lives,
                verified.effects,
                Digest::of(records),
                records.len(),
                header.version,
            );
            for breach in &breaches {
                let (sentence, number) = (breach.sentence.words(), breach.record.0);
                output += &format!("its driver broke: {sentence}: #{number}: {}\n", breach.why);
            }
            if breaches.is_empty() {
                output += "its driver kept the six sentences of its contract\n";
            }
            // What a real host did is possible.
            let impossible = scenario.map_or_else(Vec::new, |scenario| {
                check::physics(&header.topology, scenario, records).violations
            });
            for (_, broken) in &impossible {
                let number = broken.record.map_or(0, |number| number.0);
                output += &format!("impossible: {} #{number}: {}\n", broken.promise, broken.why);
            }
            if scenario.is_some() && impossible.is_empty() {
                let laws = check::PHYSICS.iter().map(|law| law.name).collect::<Vec<_>>();
                output += &format!("possible: {}\n", laws.join(", "));
            }
            let broken = !impossible.is_empty() || !breaches.is_empty();
            Ok(Done { output: output.into_bytes(), broken, ..Done::default() })
        }
        Err(differs) => {
            let names = Names::new(&header.topology, scenario);
            let input = &records[differs.input.0 as usize];
            let output = format!(
                "the core decides differently from the journal\n  input    {}\n  recorded {}\n  \
                 decided  {}\n",
                line(&names, differs.input, input),
                effect(&names, &differs, &differs.recorded),
                effect(&names, &differs, &differs.decided),
            );
            Ok(Done { output: output.into_bytes(), broken: true, ..Done::default() })
        }
    }
}

/// Judges what is whole of a journal. One that was cut off, by a full disk or power loss, may lack
/// effects of its last input.
fn judged(journal: &Journal) -> (Judged, &[Record]) {
    let (header, records) = (&journal.header, &journal.records[..]);
    let judge = |records| conformance::judge(&header.topology, header.scenario.as_ref(), records);
    let all = judge(records);
    let last = records.iter().rposition(|it| matches!(it.what, What::In(..)));
    let Err(differs) = &all.verified else { return (all, records) };
    let input = differs.input.0 as usize;
    if journal.cut_at.is_none() || differs.recorded.is_some() || last != Some(input) {
        return (all, records);
    }
    super::note(&format!("its last step, #{input}, is not whole, and left out"));
    (judge(&records[..input]), &records[..input])
}

fn effect(names: &Names, differs: &Difference, effect: &Option<Effect>) -> String {
    match effect {
        Some(effect) => names.phrase(&What::Out(differs.node, effect.clone())),
        None => "nothing more".to_owned(),
    }
}
