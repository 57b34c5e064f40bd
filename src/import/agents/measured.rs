//! What operations took on real hosts, as settings of the model.

use crate::base::{CopyId, OpId, Span};
use crate::failover::config::ResourceKind;
use crate::failover::seam::{Act, CopyStatus, Effect, Input, Outcome};
use crate::journal::record::{AgentEvent, Plant};
use crate::journal::{Record, What};
use crate::model::Topology;
use std::collections::BTreeMap;

/// How long a kind of operation took each time that it succeeded, shortest first.
pub type Durations = BTreeMap<Operation, Vec<Span>>;

/// A kind of operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Operation {
    /// The witness claimed.
    ClaimWitness,
    /// An IP Address online.
    AddressOnline,
    /// A Network Name online.
    NameOnline,
    /// A service or an application online.
    ServiceOnline,
    /// An IP Address or a Network Name offline.
    Offline,
    /// A database mounted where its copy was passive.
    Promote,
    /// A database mounted where it was active.
    Mount,
    /// A database dismounted.
    Dismount,
    /// The state of a copy asked for.
    CopyStatus,
    /// A message from one member to another.
    Frame,
}

impl Operation {
    /// The settings that it tells, each with what share of it that is; none for a value of its own.
    fn settings(self) -> &'static [(&'static str, Tells)] {
        match self {
            Operation::ClaimWitness => &[("witness.open_time", Tells::Time)],
            // The agent asks once before it claims an address.
            Operation::AddressOnline => &[
                ("cluster.arp_retry_count", Tells::One),
                ("cluster.arp_retry_interval", Tells::Time),
            ],
            // Registering is not waited for.
            Operation::NameOnline => &[
                ("cluster.network_name_registration", Tells::Time),
                ("directory.log_on_time", Tells::Nothing),
                ("dns.update_time", Tells::Nothing),
            ],
            Operation::ServiceOnline => &[("cluster.generic_online_time", Tells::Time)],
            Operation::Offline => &[("cluster.offline_time", Tells::Time)],
            Operation::Promote | Operation::Mount => &[("store.mount_time", Tells::Time)],
            Operation::Dismount => &[("store.dismount_time", Tells::Time)],
            Operation::CopyStatus => &[("active_manager.call_time", Tells::Time)],
            Operation::Frame => {
                &[("ethernet.latency", Tells::Time), ("ethernet.jitter", Tells::Nothing)]
            }
        }
    }

    fn of(topology: &Topology, act: &Act) -> Option<Operation> {
        let kind = |id| topology.resources.get(id).map(|it| it.kind);
        Some(match act {
            Act::ClaimWitness { .. } => Operation::ClaimWitness,
            Act::Online(id) => match kind(*id)? {
                ResourceKind::IpAddress { .. } => Operation::AddressOnline,
                ResourceKind::NetworkName => Operation::NameOnline,
                ResourceKind::FileShareWitness => return None,
                _ => Operation::ServiceOnline,
            },
            Act::Offline(id) => match kind(*id)? {
                ResourceKind::IpAddress { .. } | ResourceKind::NetworkName => Operation::Offline,
                _ => return None,
            },
            Act::Dismount(_) => Operation::Dismount,
            Act::CopyStatus(_) => Operation::CopyStatus,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tells {
    /// The setting is the operation's time.
    Time,
    /// The setting is 1.
    One,
    /// The setting takes no time.
    Nothing,
}

/// A setting as it was measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Measured {
    /// Section and key.
    pub key: &'static str,
    /// Its value as it stands in a file.
    pub value: String,
    /// How often it was measured; its value is the median of these.
    pub times: usize,
    /// Shortest and longest.
    pub range: (Span, Span),
}

fn is_passive(status: CopyStatus) -> bool {
    matches!(status, CopyStatus::Healthy | CopyStatus::DisconnectedAndHealthy)
}

/// Adds what the operations of one journal took.
pub fn durations(topology: &Topology, records: &[Record], into: &mut Durations) {
    let mut asked: BTreeMap<OpId, (Operation, crate::base::Instant)> = BTreeMap::new();
    let mut passive: BTreeMap<CopyId, bool> = BTreeMap::new();
    for record in records {
        match &record.what {
            What::Plant(Plant::Copy { copy, status, .. }) => {
                passive.insert(*copy, is_passive(*status));
            }
            // A later life counts its operations anew.
            What::Agent(_, AgentEvent::Boot(_)) => asked.clear(),
            What::Out(node, Effect::Do { op, act }) => {
                let operation = match act {
                    Act::Mount(database) => {
                        let copy = CopyId { database: *database, node: *node };
                        let promoted = passive.get(&copy).is_some_and(|passive| *passive);
                        Some(if promoted { Operation::Promote } else { Operation::Mount })
                    }
                    other => Operation::of(topology, other),
                };
                asked.extend(operation.map(|operation| (*op, (operation, record.at))));
            }
            What::In(_, Input::Done { op, outcome }) => {
                let Some((operation, since)) = asked.remove(op) else { continue };
                if matches!(outcome, Outcome::Ok | Outcome::Copy(_)) {
                    into.entry(operation).or_default().push(record.at.since(since));
                }
            }
            _ => {}
        }
    }
    into.values_mut().for_each(|all| all.sort());
}

/// The settings that they tell, in the order of the operations.
pub fn measured(durations: &Durations) -> Vec<Measured> {
    // What a failover takes is a promotion.
    let promotes = durations.get(&Operation::Promote).is_some_and(|all| !all.is_empty());
    let tells = |operation: Operation| operation != Operation::Mount || !promotes;
    let told = durations.iter().filter(|(operation, all)| !all.is_empty() && tells(**operation));
    let told = told.flat_map(|(operation, all)| {
        let median = all[all.len() / 2];
        let range = (all[0], all[all.len() - 1]);
        operation.settings().iter().map(move |(key, tells)| {
            let value = match tells {
                // Settings of a file are whole microseconds.
                Tells::Time => format!("{}us", median.as_nanos().div_ceil(1_000).max(1)),
                Tells::One => "1".to_owned(),
                Tells::Nothing => "0s".to_owned(),
            };
            Measured { key, value, times: all.len(), range }
        })
    });
    told.collect()
}
