//! The rules of the table, as `nft` reads them. They are set up once; leases come later.
//!
//! Hooks, and what each is there for:
//! * netdev ingress: a question (ARP, IP) for an address does not get in. ARP that tells of the
//!   address's new holder passes, so that this host stays a client of it.
//! * netdev egress: no answer leaves, neither the kernel's nor one from a packet socket, such as
//!   an announcement; nor what an open stream would go on sending.
//! * inet prerouting and postrouting: the same for IP on every other interface, and also if an
//!   interface was made anew and its netdev hooks are gone.
//! * inet input and output: the ports, likewise in both directions.
//!
//! No rule looks at the state of a connection: an open one is cut off like any other.

use super::Settings;
use std::fmt::Write as _;

/// Set of the addresses with a live lease; one in each family.
pub(super) const ADDRESSES: &str = "addresses";
/// Set of the ports with a live lease.
pub(super) const PORTS: &str = "ports";
/// Set of live tickets of one life of the agent; its number follows.
pub(super) const TICKETS: &str = "tickets_";

/// The script that replaces whatever an earlier life left, in one transaction, and grants nothing.
pub(super) fn script(settings: &Settings, tickets: &str) -> String {
    let mut text = String::new();
    for family in ["netdev", "inet"] {
        // Deleting what is not there is an error, adding what is there is not.
        let table = &settings.table;
        let _ = writeln!(text, "add table {family} {table}\ndelete table {family} {table}");
    }
    if !settings.addresses.is_empty() {
        netdev(&mut text, settings);
    }
    inet(&mut text, settings, tickets);
    text
}

fn netdev(text: &mut String, settings: &Settings) {
    let table = &settings.table;
    let guarded = join(&settings.addresses);
    let devices = settings.interfaces.iter().map(|name| format!("\"{name}\""));
    let devices = devices.collect::<Vec<_>>().join(", ");
    let _ = write!(
        text,
        "table netdev {table} {{
    set {ADDRESSES} {{ type ipv4_addr; flags timeout; }}
    chain ingress {{
        type filter hook ingress devices = {{ {devices} }} priority -500; policy accept;
        arp daddr ip {{ {guarded} }} arp daddr ip != @{ADDRESSES} arp saddr ip != {{ {guarded} }} \
         drop
        ip daddr {{ {guarded} }} ip daddr != @{ADDRESSES} drop
    }}
    chain egress {{
        type filter hook egress devices = {{ {devices} }} priority 500; policy accept;
        arp saddr ip {{ {guarded} }} arp saddr ip != @{ADDRESSES} drop
        ip saddr {{ {guarded} }} ip saddr != @{ADDRESSES} drop
    }}
}}
"
    );
}

fn inet(text: &mut String, settings: &Settings, tickets: &str) {
    let _ = write!(
        text,
        "table inet {} {{
    set {ADDRESSES} {{ type ipv4_addr; flags timeout; }}
    set {PORTS} {{ type inet_service; flags timeout; }}
    set {tickets} {{ type mark; flags timeout; }}
",
        settings.table
    );
    if !settings.addresses.is_empty() {
        let guarded = join(&settings.addresses);
        // Before and after any address translation.
        for (hook, priority, side) in [("prerouting", -450, "daddr"), ("postrouting", 450, "saddr")]
        {
            let _ = write!(
                text,
                "    chain {hook} {{
        type filter hook {hook} priority {priority}; policy accept;
        ip {side} {{ {guarded} }} ip {side} != @{ADDRESSES} drop
    }}
"
            );
        }
    }
    if !settings.ports.is_empty() {
        let ports = join(&settings.ports);
        for (hook, other, side) in [("input", "saddr", "dport"), ("output", "daddr", "sport")] {
            let _ = write!(
                text,
                "    chain {hook} {{
        type filter hook {hook} priority -450; policy accept;
{}        meta l4proto {{ tcp, udp }} th {side} {{ {ports} }} th {side} != @{PORTS} drop
    }}
",
                exempt(settings, other)
            );
        }
    }
    text.push_str("}\n");
}

/// Rules that let the exempt networks pass.
fn exempt(settings: &Settings, side: &str) -> String {
    let mut text = String::new();
    for network in &settings.exempt {
        let family = if network.address.is_ipv4() { "ip" } else { "ip6" };
        let _ = writeln!(text, "        {family} {side} {network} accept");
    }
    text
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            table: "t".to_owned(),
            interfaces: vec!["e0".to_owned(), "e1".to_owned()],
            addresses: vec!["10.0.0.8".parse().unwrap(), "10.0.0.9".parse().unwrap()],
            ports: vec![5432],
            exempt: vec!["10.0.1.2".parse().unwrap(), "fd00::/64".parse().unwrap()],
            ..Settings::default()
        }
    }

    #[test]
    fn both_families_are_replaced_first() {
        let text = script(&settings(), "tickets_1");
        assert!(text.starts_with("add table netdev t\ndelete table netdev t\nadd table inet t\n"));
        for part in [
            "hook ingress devices = { \"e0\", \"e1\" }",
            "hook egress devices = { \"e0\", \"e1\" }",
            "ip daddr { 10.0.0.8, 10.0.0.9 } ip daddr != @addresses drop",
            "arp saddr ip { 10.0.0.8, 10.0.0.9 } arp saddr ip != @addresses drop",
            "ip saddr 10.0.1.2/32 accept",
            "ip6 daddr fd00::/64 accept",
            "th dport { 5432 } th dport != @ports drop",
            "set tickets_1 { type mark; flags timeout; }",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }

    #[test]
    fn nothing_of_what_is_not_guarded() {
        let none = Settings { addresses: Vec::new(), ports: Vec::new(), ..settings() };
        let text = script(&none, "tickets_1");
        assert!(!text.contains("chain") && !text.contains("table netdev t {"), "{text}");
    }
}
