//! What nodes say to each other. Drivers carry messages and do not look inside.

use super::state::ClusterDatabase;
use crate::base::NodeSet;
use serde::{Deserialize, Serialize};

/// A message between nodes. Small ones are stored in place, the cluster database in a box.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// A heartbeat; the peer answers it.
    Request {
        /// Its number on this path.
        sequence: u32,
    },
    /// The answer to a heartbeat.
    Reply {
        /// The number of the heartbeat that it answers.
        sequence: u32,
    },
    /// A new view and the cluster database that goes with it.
    View {
        /// Its number.
        view: u64,
        /// Its members.
        members: NodeSet,
        /// The cluster database.
        database: Box<ClusterDatabase>,
    },
}
