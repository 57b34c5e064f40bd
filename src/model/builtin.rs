//! Topologies and scenarios that come with the program, so that it runs without any file.

/// A topology with its scenarios, as texts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Site {
    /// Name, as the command line takes it.
    pub name: &'static str,
    /// The topology file's text.
    pub topology: &'static str,
    /// Names and texts of its scenario files.
    pub scenarios: &'static [(&'static str, &'static str)],
}

macro_rules! site {
    ($folder:literal: $($scenario:literal)*) => {
        Site {
            name: $folder,
            topology: include_str!(concat!("../../topologies/", $folder, "/topology.toml")),
            scenarios: &[$((
                $scenario,
                include_str!(
                    concat!("../../topologies/", $folder, "/scenarios/", $scenario, ".toml")
                ),
            ),)*],
        }
    };
}

/// Every topology that comes with the program; the first one is the default.
pub const SITES: &[Site] = &[site!("two-node-2010":
    "nic-loss" "nic-loss-core-group-on-ex01" "article" "quiet" "power-off" "mapi-nic-loss"
    "replication-nic-loss" "store-stop" "cluster-service-stop" "dc01-off" "dc01-off-then-nics"
    "forced-move" "nics-back" "gratuitous-arp-blocked" "windows-7-clients" "switch-hiccup"
)];

/// The site of a name.
pub fn site(name: &str) -> Option<&'static Site> {
    SITES.iter().find(|site| site.name == name)
}
