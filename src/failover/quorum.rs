//! Who has a majority. Static counting: votes are those configured, down nodes included
//! (wsfc.md §3.1).

use crate::base::NodeSet;

/// What a view's votes are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Enough without the witness.
    Majority {
        /// Votes of the view.
        votes: u8,
        /// Votes needed.
        needed: u8,
    },
    /// One short, and there is a witness to ask.
    OneShort {
        /// Votes of the view.
        votes: u8,
        /// Votes needed.
        needed: u8,
    },
    /// Not enough, with or without the witness.
    Minority {
        /// Votes of the view.
        votes: u8,
        /// Votes needed.
        needed: u8,
    },
}

/// Judges a view. `voters` are the members with a vote, `witness` whether there is one.
pub fn standing(members: NodeSet, voters: NodeSet, witness: bool) -> Standing {
    let total = voters.len() + usize::from(witness);
    let needed = (total / 2 + 1) as u8;
    let votes = members.intersection(voters).len() as u8;
    if votes >= needed {
        Standing::Majority { votes, needed }
    } else if witness && votes + 1 == needed {
        Standing::OneShort { votes, needed }
    } else {
        Standing::Minority { votes, needed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majorities_of_one_to_sixteen_nodes() {
        for nodes in 1..=16usize {
            for witness in [false, true] {
                let voters = NodeSet::first(nodes);
                let total = nodes + usize::from(witness);
                for up in 1..=nodes {
                    let standing = standing(NodeSet::first(up), voters, witness);
                    let held = matches!(standing, Standing::Majority { .. });
                    assert_eq!(held, 2 * up > total, "{up} of {nodes}, witness {witness}");
                    let short = matches!(standing, Standing::OneShort { .. });
                    let with = witness && 2 * up <= total && 2 * (up + 1) > total;
                    assert_eq!(short, with, "{up} of {nodes}, witness {witness}");
                }
            }
        }
    }

    #[test]
    fn two_sides_never_both_have_a_majority() {
        for nodes in 1..=16usize {
            for left in 0..=nodes {
                let a = NodeSet::first(left);
                let voters = NodeSet::first(nodes);
                let b = voters.minus(a);
                for witness in [false, true] {
                    let held = |side, with| match standing(side, voters, witness) {
                        Standing::Majority { .. } => true,
                        Standing::OneShort { .. } => with,
                        Standing::Minority { .. } => false,
                    };
                    assert!(!(held(a, true) && held(b, false)), "{left} of {nodes}");
                    assert!(!(held(a, false) && held(b, true)), "{left} of {nodes}");
                }
            }
        }
    }

    #[test]
    fn a_node_without_vote_adds_nothing() {
        let voters = NodeSet::first(2);
        let standing = standing(NodeSet::first(3).minus(NodeSet::first(1)), voters, true);
        assert_eq!(standing, Standing::OneShort { votes: 1, needed: 2 });
    }
}
