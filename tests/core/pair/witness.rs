//! The witness of bare cores: a share or a disk with a lock, a tag and, on a disk, a copy of the
//! cluster database. Network 0 leads to a share; a disk has a path of its own.

use super::*;
use dagtwin::base::OpId;
use dagtwin::failover::quorum::Witness as Kind;

/// What a case can change about the witness.
#[derive(Clone, Debug)]
pub struct Witness {
    pub up: bool,
    /// How long it takes to answer.
    pub answers_after: Span,
    /// Nodes that cannot reach it.
    pub away: BTreeSet<usize>,
    /// Who has its lock.
    pub holder: Option<usize>,
    tag: u64,
    copy: Durable,
}

impl Default for Witness {
    fn default() -> Self {
        Witness {
            up: true,
            answers_after: span("437ms"),
            away: BTreeSet::new(),
            holder: None,
            tag: 0,
            copy: Durable::default(),
        }
    }
}

impl Pair {
    fn disk(&self) -> bool {
        self.setting.quorum.mode.witness() == Some(Kind::Disk)
    }

    /// One of the two witness servers; a case that names none means the first.
    pub fn witness(&self, server: u8) -> &Witness {
        &self.witnesses[usize::from(server)]
    }

    /// Whether a node can reach the witness.
    pub(super) fn reaches(&self, node: usize, server: u8) -> bool {
        (self.disk() || self.cables.link(node, 0)) && !self.witness(server).away.contains(&node)
    }

    /// A node claims the lock or, without an epoch to write, looks whether it is free.
    pub(super) fn claim(
        &mut self,
        node: usize,
        op: OpId,
        server: u8,
        known: u64,
        write: Option<u64>,
    ) {
        let outcome = self.lock(node, server, known, write);
        let after = self.witness(server).answers_after;
        let newer = self.disk() && outcome == Outcome::Ok && write.is_some();
        if newer && self.witness(server).copy.epoch > 0 {
            let input = Input::Learned(Box::new(self.witness(server).copy.clone()));
            let life = self.lives[node];
            self.plan(after, Event::Feed { node, life, input });
        }
        let life = self.lives[node];
        self.plan(after, Event::Feed { node, life, input: Input::Done { op, outcome } });
    }

    fn lock(&mut self, node: usize, server: u8, known: u64, write: Option<u64>) -> Outcome {
        if !self.reaches(node, server) {
            return Outcome::Failed(Failure::NoPath);
        }
        if !self.witness(server).up {
            return Outcome::Failed(Failure::NoAnswer);
        }
        // Who is gone or does not reach the witness any more does not keep it.
        let disk = self.disk();
        let witness = self.witness(server);
        let gone = |holder: usize| self.nodes[holder].is_none() || witness.away.contains(&holder);
        if let Some(holder) = witness.holder.filter(|holder| *holder != node && !gone(*holder)) {
            return Outcome::Refused(Refusal::WitnessHeld(NodeId::at(holder)));
        }
        if witness.tag > known && !disk && witness.holder != Some(node) {
            return Outcome::Refused(Refusal::WitnessNewer);
        }
        if let Some(epoch) = write {
            let witness = &mut self.witnesses[usize::from(server)];
            witness.holder = Some(node);
            witness.tag = witness.tag.max(epoch);
        }
        Outcome::Ok
    }

    /// A node gives the lock back, or its service ends and closes the file.
    pub(super) fn release(&mut self, node: usize, server: u8) {
        if self.witness(server).holder == Some(node) && self.reaches(node, server) {
            self.witnesses[usize::from(server)].holder = None;
        }
    }

    /// A node with quorum stored what it knows.
    pub(super) fn note_epoch(&mut self, node: usize, durable: &Durable) {
        let server = durable.database.witness_server;
        if self.reaches(node, server) && self.witness(server).up {
            let witness = &mut self.witnesses[usize::from(server)];
            witness.tag = witness.tag.max(durable.epoch);
            witness.copy = durable.clone();
        }
    }

    /// Whether the witness's resource passes its thorough check on a node.
    pub(super) fn witness_is_alive(&self, node: usize) -> bool {
        let known = self.nodes[node].as_ref();
        let server = known.map_or(0, |node| node.view().database.witness_server);
        self.witness(server).up && self.reaches(node, server)
    }

    /// Votes as each node knows them, in lines.
    pub fn votes(&self) -> Vec<String> {
        let nodes = self.nodes.iter().enumerate();
        let line = |(n, node): (usize, &Option<Node>)| match node {
            None => format!("n{n} stopped"),
            Some(node) => {
                let (view, entry) = (node.view(), &node.view().database.quorum);
                let config = config(&self.setting, n);
                let votes = entry.in_force.unwrap_or_else(|| config.rules().initial());
                format!(
                    "n{n} quorum {} votes {:?} witness {} needed {} proposed {} forced {}",
                    view.quorum,
                    votes.nodes,
                    u8::from(votes.witness),
                    votes.needed(),
                    entry.proposed.is_some(),
                    entry.forced,
                )
            }
        };
        nodes.map(line).collect()
    }

    /// Nodes whose view holds quorum.
    pub fn with_quorum(&self) -> Vec<usize> {
        let nodes = self.nodes.iter().enumerate();
        let held = nodes.filter(|(_, n)| n.as_ref().is_some_and(|n| n.view().quorum));
        held.map(|(n, _)| n).collect()
    }
}
