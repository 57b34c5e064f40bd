//! What has to be there once before agents can serve.

use super::Renewals;
use super::error::StartError;
use super::start::{Assembly, secret};
use crate::agent::database::Instance;
use crate::agent::witness::Witness;
use crate::model::Topology;
use crate::model::host::HostSettings;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long a copy may take to be made (assumed).
pub(super) const PREPARE: Duration = Duration::from_secs(600);

/// Makes what has to be there once before agents can serve: the witness's record, and the copies of
/// databases here. The first copy of a database is made empty; another one is seeded from it, for
/// which its agent has to run. What is there already stays as it is. Tells what was done.
///
/// # Errors
/// Whatever is wrong with the settings or the machine.
pub async fn prepare(
    topology: &Topology,
    settings: &HostSettings,
) -> Result<Vec<String>, StartError> {
    let (news, _told) = mpsc::unbounded_channel();
    let (_renewal, renewed) = watch::channel(Renewals::default());
    let (key, life, conflicts) = (secret(&settings.key_file)?, NonZeroU32::MIN, Arc::default());
    let (news, names) = (&news, None);
    let assembly = Assembly { topology, settings, news, key, renewed, names, life, conflicts };
    let mut done = Vec::new();
    if let Some((place, limit)) = assembly.place() {
        let record = Witness::new(place)?.prepare(limit).await?;
        done.push(format!("the witness has a record: {record:?}"));
    }
    for id in settings.databases.keys() {
        let instance = assembly.instance(*id)?;
        let (name, data) = (instance.name.clone(), instance.data());
        if data.exists() {
            done.push(format!("database {name}: {} is there", data.display()));
            continue;
        }
        let (instance, _events) = Instance::open(instance).await?;
        let first = topology.databases[*id].copies.first().copied();
        match first.filter(|node| *node != settings.node) {
            None => instance.create(PREPARE).await?,
            Some(node) => instance.seed(node.0, PREPARE).await?,
        }
        done.push(format!("database {name}: {} is made", data.display()));
    }
    Ok(done)
}
