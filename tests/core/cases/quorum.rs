//! Words of case files about quorum and its witness.

use super::words::node;
use crate::pair::{Pair, Setting, span};
use dagtwin::base::{Id, NodeId};
use dagtwin::failover::quorum::{Automatic, Counting, Mode};

/// `set …` about quorum.
pub(super) fn set(setting: &mut Setting, words: &[&str]) {
    match words {
        ["witness", "yes"] => setting.quorum.mode = Mode::NodeAndFileShareMajority,
        ["witness", "no"] => setting.quorum.mode = Mode::NodeMajority,
        ["witness", "disk"] => setting.quorum.mode = Mode::NodeAndDiskMajority,
        ["witness", "disk-only"] => setting.quorum.mode = Mode::DiskOnly,
        ["version", "2008r2"] => setting.quorum.counting = Counting::Static,
        ["version", "2012"] => setting.quorum.counting = Counting::Nodes,
        ["version", "2012r2"] => setting.quorum.counting = Counting::NodesAndWitness,
        ["weights", weights @ ..] => {
            setting.weights = weights.iter().map(|text| *text != "0").collect();
        }
        ["lower-priority", n] => setting.quorum.lower_priority = Some(NodeId::at(node(n))),
        ["two-keep-three", on] => setting.quorum.two_keep_three = *on == "yes",
        ["witness-refusal-ends", on] => setting.quorum.refusal_ends = *on == "yes",
        ["automatic", "lowest"] => setting.quorum.automatic = Automatic::Lowest,
        other => panic!("unknown setting {other:?}"),
    }
}

/// What is done to the witness, and what is told of votes.
pub(super) fn command(pair: &mut Pair, words: &[&str]) {
    match words {
        ["second-witness", "up"] => pair.witnesses[1].up = true,
        ["second-witness", "down"] => pair.witnesses[1].up = false,
        ["witness", "up"] => pair.witnesses[0].up = true,
        ["witness", "down"] => pair.witnesses[0].up = false,
        ["witness", "slow", time] => pair.witnesses[0].answers_after = span(time),
        ["witness", "away", n] => drop(pair.witnesses[0].away.insert(node(n))),
        ["witness", "back", n] => drop(pair.witnesses[0].away.remove(&node(n))),
        ["locks"] => {
            let lock = pair.witnesses[0].holder.map_or("nobody".to_owned(), |n| format!("n{n}"));
            pair.log.push(format!("the witness is locked by {lock}"));
        }
        ["votes"] => {
            let votes = pair.votes();
            pair.log.extend(votes);
        }
        ["holders"] => {
            let names: Vec<String> = pair.with_quorum().iter().map(|n| format!("n{n}")).collect();
            pair.log.push(format!("quorum: {}", names.join(" ")));
        }
        // Cuts every network between two sets of nodes: `split n0 n1 | n2`.
        ["split", sides @ ..] => {
            let sides = sides.join(" ");
            let (left, right) = sides.split_once('|').expect("two sides with | between them");
            for a in left.split_whitespace() {
                for b in right.split_whitespace() {
                    pair.cut_all(node(a), node(b), true);
                }
            }
        }
        ["unite"] => pair.mend_all(),
        other => panic!("unknown command {other:?}"),
    }
}
