//! What a question, a lane or a line of a scene is about.

use crate::base::{CopyId, DbId, GroupId, MachineId, NicId, ResourceId};
use crate::journal::text::Names;
use crate::model::Topology;
use crate::model::topology::ClientKind;

/// Something of the site that has a state of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// A machine; of a cluster member its node too.
    Machine(MachineId),
    /// An adapter of a machine.
    Adapter(MachineId, NicId),
    /// A group.
    Group(GroupId),
    /// A database, wherever it is mounted.
    Database(DbId),
    /// A copy of a database.
    Copy(CopyId),
    /// The lock on the witness's log.
    Witness,
    /// A name in DNS, by the resource that registers it.
    Name(ResourceId),
    /// All clients of a kind.
    Clients(ClientKind),
}

impl Subject {
    /// What people call it.
    pub fn name(self, names: &Names, topology: &Topology) -> String {
        match self {
            Subject::Machine(machine) => names.machine(machine).to_owned(),
            Subject::Adapter(machine, nic) => {
                format!("{} {}", names.machine(machine), names.nic(machine, nic))
            }
            Subject::Group(group) => names.group(group).to_owned(),
            Subject::Database(database) => names.database(database).to_owned(),
            Subject::Copy(copy) => names.copy(copy),
            Subject::Witness => "Witness".to_owned(),
            Subject::Name(resource) => topology.resources[resource]
                .dns_name
                .clone()
                .unwrap_or_else(|| names.resource(resource).to_owned()),
            Subject::Clients(kind) => kind.label().to_owned(),
        }
    }
}
