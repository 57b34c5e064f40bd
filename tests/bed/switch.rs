//! Two switches, one for each network, in a namespace of their own, and what they do not pass.

use crate::space::Space;

/// A network of the site.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Network {
    Mapi,
    Replication,
}

impl Network {
    pub(crate) const ALL: [Network; 2] = [Network::Mapi, Network::Replication];

    fn letter(self) -> &'static str {
        match self {
            Network::Mapi => "m",
            Network::Replication => "r",
        }
    }

    fn bridge(self) -> String {
        format!("br{}", self.letter())
    }

    /// What the network's adapter is called on every host.
    pub(crate) fn adapter(self) -> &'static str {
        match self {
            Network::Mapi => "eth0",
            Network::Replication => "eth1",
        }
    }

    /// An address of it.
    pub(crate) fn address(self, number: u8) -> String {
        match self {
            Network::Mapi => format!("10.77.10.{number}"),
            Network::Replication => format!("10.77.20.{number}"),
        }
    }
}

/// The switches.
pub(crate) struct Switch {
    pub(crate) space: Space,
}

/// The switch's port of a host.
pub(crate) fn port(host: &str, network: Network) -> String {
    format!("{host}{}", network.letter())
}

/// Frames from one host to another that are dropped: so many of a hundred.
#[derive(Clone, Copy)]
pub(crate) struct Drops<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) percent: u32,
}

impl Switch {
    pub(crate) fn new() -> Switch {
        let space = Space::new("switch");
        for network in Network::ALL {
            let bridge = network.bridge();
            // Without a spanning tree a port forwards at once.
            space.ip(&format!(
                "link add {bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n\
                 link set {bridge} up\n"
            ));
        }
        Switch { space }
    }

    /// Plugs a host into a network, with an address of it.
    pub(crate) fn plug(&self, host: &Space, name: &str, network: Network, number: u8) {
        let (port, adapter, address) =
            (port(name, network), network.adapter(), network.address(number));
        let (bridge, process) = (network.bridge(), host.pid());
        self.space.ip(&format!(
            "link add {port} type veth peer name {adapter} netns {process}\n\
             link set {port} master {bridge}\nlink set {port} up\n"
        ));
        host.ip(&format!("address add {address}/24 dev {adapter}\nlink set {adapter} up\n"));
    }

    /// Pulls the cables of a host, or puts them in.
    pub(crate) fn cables(&self, host: &str, networks: &[Network], up: bool) {
        let state = if up { "up" } else { "down" };
        let lines = networks.iter().map(|network| port(host, *network));
        let lines = lines.map(|port| format!("link set {port} {state}\n"));
        self.space.ip(&lines.collect::<String>());
    }

    /// Makes a second end for a host's cable, plugged in nowhere: frames between the port and the
    /// interface that is given will have to be carried by hand.
    pub(crate) fn lengthen(&self, host: &str, network: Network) -> (String, String) {
        let (port, letter) = (port(host, network), network.letter());
        self.space.ip(&format!(
            "link add out{letter} type veth peer name in{letter}\nlink set out{letter} up\n\
             link set in{letter} up\nlink set {port} promisc on\n"
        ));
        (port, format!("in{letter}"))
    }

    /// Plugs in the second end in place of the port.
    pub(crate) fn put_between(&self, host: &str, network: Network) {
        let (port, bridge, letter) = (port(host, network), network.bridge(), network.letter());
        self.space.ip(&format!("link set {port} nomaster\nlink set out{letter} master {bridge}\n"));
    }

    /// Plugs in the port again.
    pub(crate) fn take_out(&self, host: &str, network: Network) {
        let (port, bridge, letter) = (port(host, network), network.bridge(), network.letter());
        self.space.ip(&format!(
            "link set out{letter} nomaster\nlink set {port} master {bridge}\n\
             link set {port} promisc off\nlink del out{letter}\n"
        ));
    }

    /// Drops such frames on both networks, and passes all others again.
    pub(crate) fn drop_frames(&self, drops: &[Drops]) {
        let mut rules = String::from("table bridge faults\ndelete table bridge faults\n");
        rules += "table bridge faults {\nchain passes {\n";
        rules += "type filter hook forward priority 0; policy accept;\n";
        for (drops, network) in drops.iter().flat_map(|it| Network::ALL.map(|on| (it, on))) {
            let end = |side: &str, host: &str| match host {
                // Any host at all.
                "" => String::new(),
                host => format!("{side} \"{}\" ", port(host, network)),
            };
            let (from, to) = (end("iifname", drops.from), end("oifname", drops.to));
            let share = match drops.percent {
                100.. => String::new(),
                percent => format!("numgen random mod 100 < {percent} "),
            };
            rules += &format!("{from}{to}{share}drop\n");
        }
        rules += "}\n}\n";
        self.space.nft(&rules);
    }

    pub(crate) fn pass_all(&self) {
        self.drop_frames(&[]);
    }
}
