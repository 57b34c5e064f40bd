//! The floating name's address, as a client finds it at the DNS server of the site.

use crate::ground::{ms, wait_for};
use crate::servers;
use crate::switch::Network;
use dagtwin::agent::dns::{HostName, Key, Registrar, TIMEOUT};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// The name under which clients know the group.
pub(super) const NAME: &str = "casarray.bed.test";

/// Asks until the name has an address: it is registered beside everything else.
pub(super) fn resolve(key_file: &Path) -> Ipv4Addr {
    let server: Ipv4Addr = Network::Mapi.address(servers::NUMBER).parse().expect("an address");
    let host_name = |text: &str| text.parse::<HostName>().expect("a name");
    let key = Key::read(key_file, None).expect("the key of the zone");
    let server = SocketAddr::from((server, 53));
    let registrar = Registrar::new(server, host_name("bed.test"), key, TIMEOUT);
    let registrar = registrar.expect("a registrar");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let found = wait_for(ms(30_000), || {
        let found = runtime.block_on(registrar.lookup(&host_name(NAME)));
        match found.map_err(|error| error.to_string())?.addresses[..] {
            [address] => Ok(address),
            ref other => Err(format!("{NAME} has the addresses {other:?}")),
        }
    });
    found.expect("clients find the name")
}
