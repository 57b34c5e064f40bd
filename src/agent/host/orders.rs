//! What an administrator asks a member: how it is, and orders as the cmdlets' own lines, of which
//! most are for the node, some for its host.

use super::Host;
use super::prepare::PREPARE;
use crate::agent::control::Answer;
use crate::agent::run::{News, Told};
use crate::agent::status::{Asked, CopyHere, Status};
use crate::base::{CopyId, DbId, NodeId};
use crate::failover::Node;
use crate::failover::seam::{Input, Order, OrderRefusal, Restore, Start, StartQuorum};
use crate::journal::text::order_refusal;
use crate::model::order;
use crate::model::order::Names;
use crate::model::scenario::Action;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// What is answered, and what the node is told.
type Taken = (Answer, Option<Order>);

/// What administrators are told.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Copies on this host, as they told of themselves last.
    pub(super) copies: BTreeMap<DbId, CopyHere>,
    /// Orders that the node has refused since anything was asked last.
    pub(super) refused: Vec<(Order, OrderRefusal)>,
}

impl Notices {
    /// Why an order was refused, in words.
    pub(super) fn refusal(&mut self, of: Order) -> Option<String> {
        let refused = self.refused.drain(..).find(|(order, _)| *order == of);
        refused.map(|(_, why)| order_refusal(why).to_owned())
    }
}

fn refused(why: &str) -> Taken {
    (Answer::Refused(why.to_owned()), None)
}

impl Host {
    /// Takes an order that was typed on this host.
    pub(super) fn order(&mut self, node: Option<&Node>, line: &str) -> Taken {
        let names = Names::of(&self.topology);
        let action = match order::read(line, self.me, &names) {
            Ok(action) => action,
            Err(wrong) => {
                let hint = wrong.hint.map_or_else(String::new, |hint| format!("; {hint}"));
                return refused(&format!("{line}: expected {}{hint}", wrong.expected));
            }
        };
        match action {
            Action::Order { on, .. } if on != self.me => {
                let name = self.topology.node_name(on);
                refused(&format!("{name} does that itself: give the order on that host"))
            }
            Action::Order { order, .. } => match node {
                Some(_) => (Answer::Taken, Some(order)),
                None => {
                    refused("the Cluster service does not run here; Start-ClusterNode starts it")
                }
            },
            Action::StartClusterService { node: wanted, start } => {
                self.start_service(node, wanted, start)
            }
            Action::RestoreGroup { witness_server, .. } => self.restore(node, witness_server),
            Action::UpdateCopy { copy, source, manual_resume, .. } => {
                self.update_copy(node, copy, source, manual_resume)
            }
            Action::NoEffect => (Answer::Taken, None),
            _ => refused(
                "an agent has no directory: what is kept there, clients and members that are \
                 marked as stopped, is no matter of it",
            ),
        }
    }

    /// How the member is.
    pub(super) fn status(&self, node: Option<&Node>) -> Status {
        let mut counts = self.counts.clone();
        counts.dropped(self.wire.dropped());
        counts.unsent = self.paths.counts().unsent.load(Ordering::Relaxed);
        counts.address_conflicts = self.conflicts.load(Ordering::Relaxed);
        counts.overrun = self.paths.counts().overrun.load(Ordering::Relaxed);
        let asked = Asked {
            me: self.me,
            node,
            shadow: self.shadow.is_some(),
            now: self.clock.now(),
            safe_until: self.safe_until(),
            copies: &self.notices.copies,
        };
        Status::of(&self.topology, asked, counts)
    }

    /// Starts the Cluster service of this host as the order says.
    fn start_service(&mut self, node: Option<&Node>, wanted: NodeId, start: Start) -> Taken {
        if wanted != self.me {
            return refused("a Cluster service is started on its own host");
        }
        if node.is_some_and(|node| node.view().quorum || start == Start::default()) {
            return refused("the Cluster service runs already");
        }
        self.start = start;
        if node.is_some() {
            self.at_once = true;
            return (Answer::Taken, Some(Order::StopService));
        }
        self.again = Some(self.clock.now());
        (Answer::Taken, None)
    }

    /// Without quorum, forces it; with it, the members that are left serve.
    fn restore(&mut self, node: Option<&Node>, witness_server: Option<u8>) -> Taken {
        match node {
            Some(node) if node.view().quorum => {
                let restore = Restore { witness_server, ..Restore::default() };
                (Answer::Taken, Some(Order::RestoreGroup(restore)))
            }
            _ => {
                let restores = Some(Restore { witness_server, ..Restore::default() });
                let start = Start { quorum: StartQuorum::Force, restores, ..Start::default() };
                self.start_service(node, self.me, start)
            }
        }
    }

    /// Seeds a copy of this host anew.
    fn update_copy(
        &mut self,
        node: Option<&Node>,
        copy: CopyId,
        source: Option<NodeId>,
        manual_resume: bool,
    ) -> Taken {
        let Some(instance) = self.instances.get(&copy.database) else {
            return refused("this host has no copy of that database");
        };
        if copy.node != self.me {
            return refused("a copy is seeded on its own host");
        }
        let Some(source) =
            source.or_else(|| active(node, copy.database)).filter(|it| *it != self.me)
        else {
            return refused("it is not known where that database is active: name -SourceServer");
        };
        let (instance, news) = (std::sync::Arc::clone(instance), self.news.clone());
        tokio::spawn(async move {
            match instance.seed(source.0, PREPARE).await {
                Ok(()) => tracing::info!(?copy, ?source, "a copy is seeded"),
                Err(error) => return tracing::error!(?copy, %error, "a copy could not be seeded"),
            }
            if !manual_resume {
                let (database, node) = (copy.database, copy.node);
                let order = Order::ResumeCopy { database, node, replication_only: false };
                let input = Some(Input::Order(order));
                let told = Told { life: None, cause: None, facts: Vec::new(), input };
                // Nobody listens any more when everything ends.
                let _ = news.send(News::Told(told));
            }
        });
        (Answer::Taken, None)
    }
}

/// Where a database is active, as the node knows.
fn active(node: Option<&Node>, database: DbId) -> Option<NodeId> {
    node.and_then(|node| node.view().database.databases.get(database).and_then(|it| it.active))
}
