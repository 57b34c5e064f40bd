//! keepalived: VRRP, without quorum.

use crate::ground::ms;
use crate::machine::Process;
use crate::site::Host;
use std::fs;
use std::path::Path;
use std::time::Duration;

pub(super) fn start(advert: Duration, host: &Host, folder: &Path) -> Process {
    let seconds = advert.as_secs_f64();
    // Only version 3 counts in less than seconds.
    let version = if advert < ms(1_000) { 3 } else { 2 };
    let priority = if host.name == "EX01" { 150 } else { 100 };
    let text = format!(
        "global_defs {{\n router_id {}\n vrrp_version {version}\n}}\n\
         vrrp_instance floating {{\n state BACKUP\n interface eth0\n virtual_router_id 51\n \
         priority {priority}\n advert_int {seconds}\n virtual_ipaddress {{\n  \
         10.77.10.20/24 dev eth0\n }}\n}}\n",
        host.name
    );
    let file = folder.join(format!("{}-keepalived.conf", host.name));
    fs::write(&file, text).expect("a file");
    let file = file.to_str().expect("plain");
    let words =
        ["/usr/sbin/keepalived", "--dont-fork", "--log-console", "--use-file", file, "--vrrp"];
    host.machine.as_ref().expect("it has power").start(&words, &host.log())
}
