//! Takes away from this host what an agent that is no more has left: for `ExecStopPost=` and for
//! people (linux-ha.md §10.8).

use super::StartError;
use crate::agent::lease::{self, Gate};
use crate::agent::network::{self, Addresses};
use crate::model::Topology;
use crate::model::host::HostSettings;
use std::net::{Ipv4Addr, TcpListener};
use tokio::net::UnixStream;

/// Removes the floating addresses of the topology from this host, and then the leases' table. What
/// is not there is no error. Tells what was done.
///
/// # Errors
/// `Runs` if an agent answers: nothing is done. `Serves` if a database still runs: the addresses
/// are gone, but without the table clients could write to it. What else the machine refuses; the
/// rest is done all the same, but the table stays as long as an address does.
pub async fn clear(
    topology: &Topology,
    settings: &HostSettings,
) -> Result<Vec<String>, StartError> {
    if UnixStream::connect(&settings.control).await.is_ok() {
        return Err(StartError::Runs { control: settings.control.clone() });
    }
    let addresses = Addresses::open(network::DEFAULT_WAIT)?;
    let (mut done, mut failed) = (Vec::new(), Ok(()));
    for address in topology.resources.values().filter_map(|resource| resource.address) {
        match addresses.remove_everywhere(Ipv4Addr::from(address.0)).await {
            Ok(removed) => {
                done.extend(removed.iter().map(|place| format!("{place} is removed")));
            }
            Err(error) => failed = failed.and(Err(error)),
        }
    }
    failed?;
    for (id, database) in &settings.databases {
        // Whoever listens on the port has it; connections that are over do not.
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, database.port)).is_err() {
            let (name, table) =
                (topology.databases[*id].name.clone(), settings.lease.table.clone());
            return Err(StartError::Serves { name, port: database.port, table });
        }
    }
    let table = settings.lease.table.clone();
    let mut gate = Gate::open(lease::Settings { table, ..lease::Settings::default() })?;
    gate.remove()?;
    done.push(format!("the table {} is removed", settings.lease.table));
    Ok(done)
}
