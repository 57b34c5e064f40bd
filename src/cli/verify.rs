//! `dagtwin verify`: the recorded inputs to a fresh core, the recorded effects demanded.

use super::args::Verify;
use super::failure::{Answer, Done, Failure};
use super::journal;
use crate::failover::seam::Effect;
use crate::journal::text::{Names, line};
use crate::journal::{Digest, What};
use crate::lab::replay::{self, Difference};

pub(super) fn verify(args: &Verify) -> Answer {
    let journal = journal::read(&args.journal)?;
    let (header, records) = (&journal.header, &journal.records);
    let Some(scenario) = &header.scenario else {
        let name = args.journal.display();
        return Err(Failure::Call(format!("{name}: expected the journal of a simulation")));
    };
    match replay::verify(&header.topology, scenario, records) {
        Ok(verified) => Ok(Done::with(format!(
            "verified: {} inputs to {} lives of the core gave the recorded {} effects\n\
             digest {}, {} records, written by dagtwin {}\n",
            verified.inputs,
            verified.lives,
            verified.effects,
            Digest::of(records),
            records.len(),
            header.version,
        ))),
        Err(differs) => {
            let names = Names::new(&header.topology, Some(scenario));
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

fn effect(names: &Names, differs: &Difference, effect: &Option<Effect>) -> String {
    match effect {
        Some(effect) => names.phrase(&What::Out(differs.node, effect.clone())),
        None => "nothing more".to_owned(),
    }
}
