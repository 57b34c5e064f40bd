//! What a design costs in servers and licences, counted from its topology.

use crate::base::Id;
use crate::model::Topology;
use crate::model::target::{Target, is};
use crate::model::topology::{ClientKind, Machine, WindowsVersion};

/// One line of a design's cost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// What is bought.
    pub what: &'static str,
    /// The key of its price.
    pub key: &'static str,
    /// How many.
    pub count: u64,
    /// The price of one.
    pub price: u64,
}

impl Item {
    /// The price of all of them.
    pub fn total(&self) -> u64 {
        self.count * self.price
    }
}

/// The people of a design: its Outlook and OWA clients, each counted as one.
pub fn people(topology: &Topology) -> u64 {
    let groups = topology.clients.iter();
    let people = groups.filter(|of| matches!(of.kind, ClientKind::Outlook | ClientKind::Owa));
    people.map(|group| u64::from(group.count)).sum()
}

/// Everything that a design buys.
pub fn items(topology: &Topology) -> Vec<Item> {
    let prices = &topology.settings.prices;
    let count = |wanted: &dyn Fn(usize, &Machine) -> bool| {
        let machines = topology.machines.iter();
        machines.filter(|(id, machine)| wanted(id.index(), machine)).count() as u64
    };
    let balancer = |machine: &Machine| is(machine, Target::LoadBalancer);
    let exchange = |machine: &Machine| is(machine, Target::ExchangeServer);
    // Failover clustering is a feature of the Enterprise edition until 2008 R2.
    let clustered = topology.nodes > 1 && topology.windows < WindowsVersion::V2012;
    let enterprise_windows = |at: usize| clustered && at < topology.nodes;
    let copies = |at: usize| {
        let databases = topology.databases.values();
        let there = databases.filter(|one| one.copies.iter().any(|node| node.index() == at));
        there.count() as u64
    };
    let enterprise_exchange =
        |at: usize| copies(at) > u64::from(prices.exchange_standard_databases);
    let item = |what, key, count, price: u32| Item { what, key, count, price: u64::from(price) };
    let all = [
        item("servers", "prices.server", count(&|_, m| !balancer(m)), prices.server),
        item(
            "load balancers",
            "prices.load_balancer",
            count(&|_, m| balancer(m)),
            prices.load_balancer,
        ),
        item(
            "Windows Standard",
            "prices.windows_standard",
            count(&|at, m| !balancer(m) && !enterprise_windows(at)),
            prices.windows_standard,
        ),
        item(
            "Windows Enterprise",
            "prices.windows_enterprise",
            count(&|at, m| !balancer(m) && enterprise_windows(at)),
            prices.windows_enterprise,
        ),
        item(
            "Exchange Standard",
            "prices.exchange_standard",
            count(&|at, m| exchange(m) && !enterprise_exchange(at)),
            prices.exchange_standard,
        ),
        item(
            "Exchange Enterprise",
            "prices.exchange_enterprise",
            count(&|at, m| exchange(m) && enterprise_exchange(at)),
            prices.exchange_enterprise,
        ),
        item("client access", "prices.client_access", people(topology), prices.client_access),
    ];
    all.into_iter().filter(|item| item.count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{builtin, load};

    fn counted(windows: &str, databases: u32) -> Vec<(&'static str, u64)> {
        let file = builtin::SITES[0].topology;
        let text = file.text.replace("\"2008r2\"", windows);
        let limit = databases.to_string();
        let wish = load::Wish::of_command_line("prices.exchange_standard_databases", &limit);
        let topology = load::topology(file.path, &text, &[wish]).expect("it is sound").topology;
        items(&topology).iter().map(|item| (item.what, item.count)).collect()
    }

    #[test]
    fn editions_follow_from_the_topology() {
        let of_2008r2 = [
            ("servers", 3),
            ("Windows Standard", 1),
            ("Windows Enterprise", 2),
            ("Exchange Standard", 2),
            ("client access", 700),
        ];
        assert_eq!(counted("\"2008r2\"", 5), of_2008r2);
        assert_eq!(counted("\"2012\"", 5)[1], ("Windows Standard", 3));
        assert_eq!(counted("\"2008r2\"", 0)[3], ("Exchange Enterprise", 2));
    }
}
