//! What is guarded, and where.

use super::Error;
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;

/// Longest name of an interface, without the final zero (IFNAMSIZ of linux/if.h).
const INTERFACE_NAME: usize = 15;
/// Longest name of a table that we take; the kernel takes 255.
const TABLE_NAME: usize = 31;

/// Something that is served only while its lease is live.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Thing {
    /// A floating address, with its ARP.
    Address(Ipv4Addr),
    /// A port of this host, TCP and UDP, on every address and interface.
    Port(u16),
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Thing::Address(address) => write!(f, "address {address}"),
            Thing::Port(port) => write!(f, "port {port}"),
        }
    }
}

/// A network, or one host.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Network {
    /// Its address.
    pub address: IpAddr,
    /// Length of its prefix in bits, 1 to 32 (IPv4) or 128 (IPv6).
    pub prefix: u8,
}

impl Network {
    /// Bits of an address of its family.
    const fn bits(&self) -> u8 {
        match self.address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = Error;

    /// `ADDRESS/PREFIX`, or `ADDRESS` for one host.
    fn from_str(text: &str) -> Result<Network, Error> {
        let wrong = || settings(format!("{text:?}: expected an address or ADDRESS/PREFIX"));
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let network = Network { address: address.parse().map_err(|_| wrong())?, prefix: 0 };
        let network = Network { prefix: prefix.unwrap_or(network.bits()), ..network };
        if network.prefix > network.bits() { Err(wrong()) } else { Ok(network) }
    }
}

/// What is guarded, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Name of the nftables table, in the families inet and netdev: letters, digits and `_`.
    pub table: String,
    /// The interfaces on which clients can ask for the addresses. Name every one that shares a
    /// network with them; a VLAN by its own interface. On others IP is cut off as well, ARP not.
    pub interfaces: Vec<String>,
    /// The floating addresses. IPv4 only.
    pub addresses: Vec<Ipv4Addr>,
    /// The ports of the databases.
    pub ports: Vec<u16>,
    /// Who may always talk to the ports: the peer on the replication network, and 127.0.0.0/8 if
    /// programs of this host use TCP. Addresses are not checked against the interface.
    pub exempt: Vec<Network>,
    /// The `nft` program; used by `install` only.
    pub nft: PathBuf,
}

impl Default for Settings {
    /// Table `dagtwin`, `nft` from the path, nothing guarded.
    fn default() -> Settings {
        Settings {
            table: "dagtwin".to_owned(),
            interfaces: Vec::new(),
            addresses: Vec::new(),
            ports: Vec::new(),
            exempt: Vec::new(),
            nft: PathBuf::from("nft"),
        }
    }
}

impl Settings {
    /// Whether they can be used. All of them end up in a script for `nft`.
    ///
    /// # Errors
    /// [`Error::Settings`], which says what is expected.
    pub fn check(&self) -> Result<(), Error> {
        check_table(&self.table)?;
        self.interfaces.iter().try_for_each(|name| check_interface(name))?;
        self.addresses.iter().try_for_each(|address| check_address(*address))?;
        if !self.addresses.is_empty() && self.interfaces.is_empty() {
            return Err(settings("addresses are guarded, but no interface is named".to_owned()));
        }
        if self.ports.contains(&0) {
            return Err(settings("port 0: expected 1 to 65535".to_owned()));
        }
        for network in &self.exempt {
            if network.prefix == 0 || network.prefix > network.bits() {
                let most = network.bits();
                return Err(settings(format!("exempt {network}: expected a prefix 1 to {most}")));
            }
        }
        unique(&self.interfaces, "interface")?;
        unique(&self.addresses, "address")?;
        unique(&self.ports, "port")?;
        unique(&self.exempt, "exempt network")
    }

    /// Whether the table guards something.
    pub(super) fn guards(&self, thing: Thing) -> bool {
        match thing {
            Thing::Address(address) => self.addresses.contains(&address),
            Thing::Port(port) => self.ports.contains(&port),
        }
    }
}

fn settings(what: String) -> Error {
    Error::Settings { what }
}

fn check_table(name: &str) -> Result<(), Error> {
    let fits = name.len() <= TABLE_NAME
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fits {
        return Ok(());
    }
    Err(settings(format!("table {name:?}: expected a letter, then letters, digits and _")))
}

fn check_interface(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '/' | '\\' | '*');
    if (1..=INTERFACE_NAME).contains(&name.len()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err(settings(format!("interface {name:?}: expected the name of a network interface")))
}

fn check_address(address: Ipv4Addr) -> Result<(), Error> {
    let unfit = address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || address.is_broadcast();
    if unfit {
        return Err(settings(format!("address {address}: expected a host's address")));
    }
    Ok(())
}

fn unique<T: Ord + fmt::Debug>(items: &[T], kind: &str) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    match items.iter().find(|item| !seen.insert(*item)) {
        Some(twice) => Err(settings(format!("{kind} {twice:?} is named twice"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Settings {
        Settings {
            interfaces: vec!["eth0".to_owned()],
            addresses: vec![Ipv4Addr::new(10, 0, 0, 9)],
            ports: vec![5432],
            exempt: vec!["10.0.1.2".parse().unwrap(), "fd00::/64".parse().unwrap()],
            ..Settings::default()
        }
    }

    #[test]
    fn what_fits() {
        good().check().unwrap();
        Settings::default().check().unwrap();
        assert_eq!(good().exempt[0].to_string(), "10.0.1.2/32");
        assert_eq!(good().exempt[1].to_string(), "fd00::/64");
    }

    #[test]
    fn what_does_not_fit() {
        type Spoil = fn(&mut Settings);
        let table: &[(Spoil, &str)] = &[
            (|s| s.table = String::new(), "table"),
            (|s| s.table = "a; flush ruleset".to_owned(), "table"),
            (|s| s.table = "9a".to_owned(), "table"),
            (|s| s.interfaces.clear(), "no interface"),
            (|s| s.interfaces = vec!["e\" }".to_owned()], "interface"),
            (|s| s.interfaces = vec!["a234567890123456".to_owned()], "interface"),
            (|s| s.interfaces.push("eth0".to_owned()), "twice"),
            (|s| s.addresses = vec![Ipv4Addr::LOCALHOST], "127.0.0.1"),
            (|s| s.addresses.push(s.addresses[0]), "twice"),
            (|s| s.ports.push(0), "port 0"),
            (|s| s.ports.push(5432), "twice"),
            (|s| s.exempt[0].prefix = 0, "prefix 1 to 32"),
            (|s| s.exempt[0].prefix = 33, "prefix 1 to 32"),
            (|s| s.exempt[1].prefix = 129, "prefix 1 to 128"),
        ];
        for (spoil, part) in table {
            let mut settings = good();
            spoil(&mut settings);
            let said = settings.check().unwrap_err().to_string();
            assert!(said.contains(part), "{said} does not tell of {part}");
        }
    }

    #[test]
    fn networks_from_text() {
        for wrong in ["", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "a/8", "10.0.0.0/8/8"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
