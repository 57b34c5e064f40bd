//! What people do in a scenario.

use super::plant::Plant;
use super::{client, host, members, storage};
use crate::base::{Instant, NodeId};
use crate::failover::seam::{Input, Order};
use crate::journal::record::{NotTaken, Plant as Change};
use crate::journal::{RecordNo, What};
use crate::model::scenario::Action;

/// `Stop-ClusterNode`: where nothing runs, that is told.
fn stop_node(p: &mut Plant, at: Instant, node: NodeId, cause: RecordNo) {
    if !p.machine(node.into()).up {
        host::refuse(p, at, node, NotTaken::MachineOff, cause);
    } else if p.host(node).node.is_none() {
        host::refuse(p, at, node, NotTaken::ServiceStopped, cause);
    } else {
        host::stop_service(p, at, node, cause);
    }
}

/// Does a step of the scenario.
pub(super) fn act(p: &mut Plant, at: Instant, index: u16) {
    let cause = p.recorder.record(at, None, What::Step { index });
    let scenario = p.setup.scenario.clone();
    let Some(action) = &scenario.steps[usize::from(index)].action else { return };
    match action {
        Action::Order { on, order: Order::StopService } => stop_node(p, at, *on, cause),
        Action::Order { on, order } => {
            if p.machine((*on).into()).up && p.host(*on).node.is_some() {
                if let Order::SetActivationCoordination(mode) = order {
                    p.directory.activation_coordination = *mode;
                }
                host::feed(p, at, *on, Input::Order(*order), Some(cause));
            } else {
                host::refuse(p, at, *on, NotTaken::ServiceStopped, cause);
            }
        }
        Action::StartClusterService { node, start } => {
            host::order_start(p, at, *node, *start, cause);
        }
        Action::UpdateCopy { copy, source, manual_resume, database_only, .. } => {
            let wish = storage::seed::Wish {
                source: *source,
                manual_resume: *manual_resume,
                database_only: *database_only,
            };
            storage::seed::update(p, at, *copy, wish, cause);
        }
        Action::RestoreGroup { on, witness_server, primary_witness } => {
            let alternate = p.directory.alternate_witness.filter(|_| !primary_witness);
            members::restore(p, at, *on, witness_server.or(alternate), cause);
        }
        Action::StopMembers { nodes, configuration_only } => {
            members::stop(p, at, *nodes, *configuration_only, cause);
        }
        Action::StartMembers { on, nodes } => members::start(p, at, *on, *nodes, cause),
        Action::NewClientAccessArray => {
            let record = p.change(at, Some(cause), Change::ClientAccessArray);
            p.directory.array = Some(record);
        }
        Action::SetRpcClientAccessServer { database } => {
            let change = Change::RpcClientAccessServer { database: *database };
            let record = p.change(at, Some(cause), change);
            p.directory.database_names_array[*database] = Some(record);
            p.directory.database_names_server[*database] = None;
        }
        Action::NameServer { database, node } => {
            let (database, node) = (*database, *node);
            let record = p.change(at, Some(cause), Change::NamesServer { database, node });
            p.directory.database_names_server[database] = Some((node, record));
        }
        Action::SetAlternateWitness { server } => {
            p.change(at, Some(cause), Change::AlternateWitness { server: *server });
            p.directory.alternate_witness = Some(*server);
        }
        Action::NoEffect => {}
        Action::SetCircularLogging { database, enabled } => {
            let (database, enabled) = (*database, *enabled);
            p.change(at, Some(cause), Change::CircularLogging { database, enabled });
            p.directory.circular_logging[database] = enabled;
        }
        Action::SendMessage { client, .. } => {
            client::send_message(p, at, *client, index, cause);
        }
        Action::Refresh { client } => client::refresh(p, at, *client, cause),
    }
}
