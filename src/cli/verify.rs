//! `dagtwin verify`: the recorded inputs to a fresh core, the recorded effects demanded; and
//! whether what the plant did is possible at all.

use super::args::Verify;
use super::failure::{Answer, Done, Failure};
use super::journal;
use crate::check;
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
        Ok(verified) => {
            let physics = check::physics(&header.topology, scenario, records);
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
            for (_, broken) in &physics.violations {
                let number = broken.record.map_or(0, |number| number.0);
                output += &format!("impossible: {} #{number}: {}\n", broken.promise, broken.why);
            }
            if physics.violations.is_empty() {
                let laws = check::PHYSICS.iter().map(|law| law.name).collect::<Vec<_>>();
                output += &format!("possible: {}\n", laws.join(", "));
            }
            let broken = !physics.violations.is_empty();
            Ok(Done { output: output.into_bytes(), broken, ..Done::default() })
        }
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
