//! Faults and orders of which every word is chosen among those that the grammar offers: what can
//! be typed can be drawn.

use super::line::{self, Word};
use super::slot::{self, Site};
use super::{faults, order};
use crate::base::NodeId;
use crate::model::fault::Kind;
use crate::model::order::cmdlets;
use crate::model::scenario::Scenario;
use crate::model::topology::Topology;

/// Chooses one of some words by its place; what it gives beyond them ends the line.
pub type Choose<'c> = dyn FnMut(&[&str]) -> usize + 'c;

/// The keys of a kind of fault, each value chosen among those that may stand there; none if the
/// topology has nothing that could.
pub fn drawn_fault(
    topology: &Topology,
    scenario: &Scenario,
    kind: &Kind,
    choose: &mut Choose<'_>,
) -> Option<Vec<(String, String)>> {
    let site = Site { topology, scenario };
    let mut words = vec![word(kind.word)];
    for _ in kind.keys {
        let choices = slot::after(site, &words).choices;
        let texts: Vec<&str> = choices.iter().map(|choice| choice.word.as_str()).collect();
        let chosen = *texts.get(choose(&texts))?;
        words.push(word(chosen));
    }
    Some(faults::keys(site, kind, &words[1..]))
}

/// The line of a cmdlet as it is typed on a node, its parameters chosen among those that decide
/// something; none if what was chosen is no order.
pub fn drawn_order(
    topology: &Topology,
    scenario: &Scenario,
    cmdlet: &str,
    on: NodeId,
    choose: &mut Choose<'_>,
) -> Option<String> {
    let site = Site { topology, scenario };
    let cmdlet = cmdlets().find(|known| known.name == cmdlet)?;
    let mut words = vec![word(cmdlet.name)];
    // Every parameter is given once at most, so the longest line has all of them.
    for _ in 0..2 * (cmdlet.parameters.len() + 2) {
        let slot = slot::after(site, &words);
        let without = cmdlet.without_effect();
        let of_cmdlet =
            |text: &str| text != "on" && text != "at" && !without.iter().any(|w| w == text);
        let choices = slot.choices.iter().map(|choice| choice.word.as_str());
        let texts: Vec<&str> = choices.filter(|text| of_cmdlet(text)).collect();
        let Some(chosen) = texts.get(choose(&texts)) else { break };
        words.push(word(chosen));
    }
    order::judge(topology, &words, on).ok().map(|()| order::own(&words))
}

/// A word as a person would type it.
fn word(text: &str) -> Word {
    let typed = line::typed(text);
    let quoted = typed != text;
    Word { text: text.to_owned(), start: 0, end: typed.len(), quoted, open: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::draw::{Purpose, Stream};
    use crate::model::fault::Fault;
    use crate::model::{builtin, load};

    #[test]
    fn every_kind_of_fault_and_every_cmdlet_can_be_drawn() {
        let file = builtin::SITES[0].topology;
        let topology = load::topology(file.path, file.text, &[]).expect("it is sound").topology;
        let text = "title = \"x\"\nuntil = \"5m\"";
        let scenario = load::scenario("x.toml", "x", text, &topology).expect("it is sound");
        for kind in Fault::KINDS {
            let keys = drawn_fault(&topology, &scenario, kind, &mut |words| words.len() / 2);
            let keys = keys.unwrap_or_else(|| panic!("{}", kind.word));
            let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(names, kind.keys);
        }
        let drawn = cmdlets().filter(|cmdlet| {
            (0..200).any(|seed| {
                let mut stream = Stream::new(seed, 0, Purpose::Swarm);
                let mut choose = |words: &[&str]| stream.below(words.len() as u64 + 1) as usize;
                drawn_order(&topology, &scenario, cmdlet.name, NodeId(0), &mut choose).is_some()
            })
        });
        let drawn: Vec<&str> = drawn.map(|cmdlet| cmdlet.name).collect();
        let all: Vec<&str> = cmdlets().map(|cmdlet| cmdlet.name).collect();
        assert_eq!(drawn, all);
    }
}
