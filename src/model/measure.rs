//! Durations that every run has, by their names, and percentiles of them over many runs.

use super::topology::Topology;
use crate::base::{DbId, GroupId};

/// From the first fault until everything that users can reach is back.
pub const RECOVERED: &str = "recovered";

/// What a percentile looks like, for messages.
pub const PERCENTILE_EXPECTED: &str = "p0.1 to p99.9, such as p95";

/// The names of all durations that runs of a topology have.
pub fn names(topology: &Topology) -> Vec<String> {
    let mut names = vec![RECOVERED.to_owned()];
    for group in &topology.clients {
        let kind = group.kind.word();
        if group.count > 0 && !names.iter().any(|name| name == kind) {
            names.extend([kind.to_owned(), format!("{kind}-outage")]);
        }
    }
    names.extend(topology.groups.ids().map(|group| of_group(topology, group)));
    names.extend(topology.databases.ids().map(|database| of_database(topology, database)));
    names
}

/// The name of what a group is to users.
pub fn of_group(topology: &Topology, group: GroupId) -> String {
    format!("group:{}", topology.groups[group].name)
}

/// The name of what a database is to users.
pub fn of_database(topology: &Topology, database: DbId) -> String {
    format!("database:{}", topology.databases[database].name)
}

/// A percentile such as `p95` or `p99.9`, in thousandths.
pub fn percentile(text: &str) -> Option<u32> {
    let number = text.trim().strip_prefix('p').unwrap_or(text.trim());
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let (whole, tenth): (u32, u32) = (whole.parse().ok()?, tenth.parse().ok()?);
    let thousandths = whole.checked_mul(10)?.checked_add(tenth)?;
    (tenth < 10 && (1..1_000).contains(&thousandths)).then_some(thousandths)
}

/// A percentile, in thousandths, as it is written.
pub fn shown_percentile(thousandths: u32) -> String {
    match thousandths % 10 {
        0 => format!("p{}", thousandths / 10),
        tenth => format!("p{}.{tenth}", thousandths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_read_as_they_are_written() {
        for thousandths in 1..1_000 {
            assert_eq!(percentile(&shown_percentile(thousandths)), Some(thousandths));
        }
        assert_eq!(
            [percentile("50"), percentile("p100"), percentile("p0")],
            [Some(500), None, None]
        );
    }
}
