//! Commits that wait for another copy: they do while a copy of another member in the view streams,
//! from when it keeps up, and cease to in quorum only, for what is committed alone may be lost with
//! this host (linux-ha.md §9).

use crate::agent::database::{Instance, Kind, Position, Stream};
use crate::base::{DbId, NodeId, NodeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Time between two looks (assumed).
const LOOK: Duration = Duration::from_millis(250);
/// How long a copy may not stream before commits cease to wait for it; a restart of its server is
/// shorter (assumed).
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a change may take (assumed).
const LIMIT: Duration = Duration::from_secs(10);

/// Members of the view, and whether it has quorum.
pub(super) type View = (NodeSet, bool);

/// Looks after one copy of a database.
pub(super) struct Acknowledged {
    pub database: DbId,
    pub me: NodeId,
    pub copies: Vec<NodeId>,
    pub instance: Arc<Instance>,
    pub view: watch::Receiver<View>,
}

/// What commits wait for, and since when it is away.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Waiting {
    named: Vec<NodeId>,
    away_since: Option<Instant>,
    /// How far the log was on disk at the last look.
    flushed: Option<Position>,
}

/// A copy that streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Streams {
    node: NodeId,
    /// Whether it has what was on disk at the last look: the connection of one that was cut off
    /// streams, and brings nothing until TCP tries it again.
    keeps_up: bool,
}

/// What is to be changed.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Change {
    Nothing,
    Require(Vec<NodeId>),
    Release,
}

impl Waiting {
    /// The copies that stream, when the log is on disk so far.
    fn judge(&mut self, flushed: Position, streams: &[Stream]) -> Vec<Streams> {
        let last = self.flushed.replace(flushed);
        let keeps_up = |stream: &Stream| last.is_some_and(|last| stream.flushed >= last);
        let one = |it: &Stream| Streams { node: NodeId(it.node), keeps_up: keeps_up(it) };
        streams.iter().map(one).collect()
    }

    /// What is to be changed when these copies stream, as seen in this view. Commits begin to wait
    /// for one that keeps up, and go on waiting for one that does not.
    fn look(&mut self, others: &[NodeId], streams: &[Streams], view: View, now: Instant) -> Change {
        let (members, quorum) = view;
        if !quorum {
            return Change::Nothing;
        }
        let is_able = |node: &NodeId| {
            let waits = self.named.contains(node);
            let streams = streams.iter().any(|it| it.node == *node && (it.keeps_up || waits));
            members.contains(*node) && streams
        };
        let able: Vec<NodeId> = others.iter().copied().filter(is_able).collect();
        if !able.is_empty() {
            self.away_since = None;
            return if able == self.named { Change::Nothing } else { Change::Require(able) };
        }
        if self.named.is_empty() {
            return Change::Nothing;
        }
        let gone = self.named.iter().all(|node| !members.contains(*node));
        let since = *self.away_since.get_or_insert(now);
        if gone || now.duration_since(since) >= PATIENCE {
            Change::Release
        } else {
            Change::Nothing
        }
    }
}

impl Acknowledged {
    /// Runs as long as the host does.
    pub(super) async fn run(mut self) {
        let mut waiting = Waiting::default();
        loop {
            match timeout(LOOK, self.view.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(_)) => return,
            }
            // One that is passive, or does not run, has no commits.
            let Ok((flushed, streams)) = self.instance.streaming_to().await else {
                waiting = Waiting::default();
                continue;
            };
            let streams = waiting.judge(flushed, &streams);
            let others: Vec<NodeId> =
                self.copies.iter().copied().filter(|node| *node != self.me).collect();
            let view = *self.view.borrow_and_update();
            let change = waiting.look(&others, &streams, view, Instant::now());
            self.change(change, &mut waiting).await;
        }
    }

    async fn change(&self, change: Change, waiting: &mut Waiting) {
        let database = self.database;
        let (result, named) = match change {
            Change::Nothing => return,
            Change::Require(copies) => {
                let nodes: Vec<u8> = copies.iter().map(|node| node.0).collect();
                (self.instance.require_acknowledgement(&nodes, LIMIT).await, copies)
            }
            Change::Release => (self.instance.release_acknowledgement(LIMIT).await, Vec::new()),
        };
        match result {
            Ok(()) if named.is_empty() => {
                tracing::warn!(?database, "commits wait for no other copy any more");
                (waiting.named, waiting.away_since) = (Vec::new(), None);
            }
            Ok(()) => {
                tracing::info!(?database, ?named, "commits wait for another copy");
                waiting.named = named;
            }
            // The copy may have ceased to stream in between: it is looked at again.
            Err(error) if error.kind() == Kind::Refused => {}
            Err(error) => tracing::warn!(?database, %error, "what commits wait for is not changed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: NodeId = NodeId(1);

    const STREAMS: Streams = Streams { node: OTHER, keeps_up: true };

    fn both() -> NodeSet {
        NodeSet::only(NodeId(0)).with(OTHER)
    }

    #[test]
    fn commits_begin_to_wait_for_a_copy_that_keeps_up() {
        let now = Instant::now();
        let stream = |flushed| Stream { node: 1, flushed: Position(flushed), acknowledging: false };
        let mut waiting = Waiting::default();
        let mut look = |flushed: u64, copy: u64| {
            let streams = waiting.judge(Position(flushed), &[stream(copy)]);
            waiting.look(&[OTHER], &streams, (both(), true), now)
        };
        assert_eq!(look(100, 100), Change::Nothing, "it is not known yet");
        assert_eq!(look(200, 90), Change::Nothing, "nothing has come through since");
        assert_eq!(look(300, 199), Change::Nothing, "not all");
        assert_eq!(look(400, 300), Change::Require(vec![OTHER]));
        let behind = Streams { node: OTHER, keeps_up: false };
        let mut waiting = Waiting { named: vec![OTHER], ..Waiting::default() };
        assert_eq!(waiting.look(&[OTHER], &[behind], (both(), true), now), Change::Nothing);
    }

    #[test]
    fn commits_wait_while_the_other_streams_and_cease_to_in_quorum_only() {
        let alone = NodeSet::only(NodeId(0));
        let now = Instant::now();
        let mut waiting = Waiting::default();
        let look = |waiting: &mut Waiting, streams: &[Streams], view: View, after: u64| {
            waiting.look(&[OTHER], streams, view, now + Duration::from_millis(after))
        };
        assert_eq!(look(&mut waiting, &[], (both(), true), 0), Change::Nothing);
        assert_eq!(look(&mut waiting, &[STREAMS], (alone, true), 0), Change::Nothing);
        let require = Change::Require(vec![OTHER]);
        assert_eq!(look(&mut waiting, &[STREAMS], (both(), true), 0), require);
        waiting.named = vec![OTHER];
        assert_eq!(look(&mut waiting, &[STREAMS], (both(), true), 0), Change::Nothing);
        assert_eq!(look(&mut waiting, &[], (alone, false), 0), Change::Nothing, "no quorum");
        assert_eq!(look(&mut waiting, &[], (alone, true), 0), Change::Release, "it is gone");
    }

    #[test]
    fn a_member_whose_copy_restarts_has_a_moment_for_it() {
        let now = Instant::now();
        let mut waiting = Waiting { named: vec![OTHER], ..Waiting::default() };
        let mut look = |streams: &[Streams], after: u64| {
            let now = now + Duration::from_millis(after);
            waiting.look(&[OTHER], streams, (both(), true), now)
        };
        assert_eq!(look(&[], 0), Change::Nothing);
        assert_eq!(look(&[], 2_999), Change::Nothing);
        assert_eq!(look(&[STREAMS], 2_999), Change::Nothing, "it is back");
        assert_eq!(look(&[], 3_000), Change::Nothing, "the count begins anew");
        assert_eq!(look(&[], 6_000), Change::Release);
    }
}
