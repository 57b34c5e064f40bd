//! Corosync with a quorum device on DC01, and Pacemaker with one address.

use crate::ground::{feed, ms, said, wait_for};
use crate::machine::{Machine, Process};
use crate::servers;
use crate::site::{Host, Site};
use crate::switch::Network;

/// The address, preferred on EX01, without fencing.
const RESOURCES: &str = r#"<resources>
<primitive id="floating" class="ocf" provider="heartbeat" type="IPaddr2">
<instance_attributes id="floating-attributes">
<nvpair id="floating-ip" name="ip" value="10.77.10.20"/>
<nvpair id="floating-mask" name="cidr_netmask" value="24"/>
<nvpair id="floating-nic" name="nic" value="eth0"/></instance_attributes>
<operations><op id="floating-monitor" name="monitor" interval="10s"/></operations>
</primitive></resources>"#;
const CONSTRAINTS: &str = r#"<constraints>
<rsc_location id="prefers" rsc="floating" node="EX01" score="50"/></constraints>"#;

/// What makes two of them run on one kernel: folders of their own (linux-ha.md, top).
const FOLDERS: &str = "set -e
for at in /dev/shm /etc/corosync /var/lib/corosync /var/lib/pacemaker /var/log; do
    mkdir -p $at; mount -t tmpfs -o mode=755 tmpfs $at
done
chmod 1777 /dev/shm
mkdir -p /var/log/pacemaker /var/log/corosync /run/corosync-qdevice /run/corosync-qnetd
for at in cib pengine cores blackbox; do mkdir -p /var/lib/pacemaker/$at; done
chown -R hacluster:haclient /var/lib/pacemaker /var/log/pacemaker
cat > /etc/corosync/corosync.conf
";

fn machine(host: &Host) -> &Machine {
    host.machine.as_ref().expect("it has power")
}

/// Starts the witness.
pub(super) fn witness(site: &Site) -> Process {
    let words = ["sh", "-c", "mkdir -p /run/corosync-qnetd; exec corosync-qnetd -f -s off"];
    site.dc01.start(&words, &site.folder().join("qnetd.log"))
}

pub(super) fn configure(host: &Host, tuned: bool) {
    let (token, device) = match tuned {
        true => ("token: 300\n", "timeout: 1300\nsync_timeout: 3000\n"),
        false => ("", ""),
    };
    let nodes = [("EX01", 11), ("EX02", 12)].into_iter().zip(1..).map(|((name, number), id)| {
        let [first, second] = Network::ALL.map(|network| network.address(number));
        format!(
            "node {{\nring0_addr: {first}\nring1_addr: {second}\nname: {name}\nnodeid: {id}\n}}\n"
        )
    });
    let text = format!(
        "totem {{\nversion: 2\ncluster_name: bed\ntransport: knet\ncrypto_cipher: none\n\
         crypto_hash: none\n{token}}}\nnodelist {{\n{}}}\n\
         quorum {{\nprovider: corosync_votequorum\ndevice {{\nmodel: net\nvotes: 1\n{device}\
         net {{\nhost: {}\nalgorithm: ffsplit\ntls: off\n}}\n}}\n}}\n\
         logging {{\nto_stderr: yes\nto_syslog: no\n}}\n",
        nodes.collect::<String>(),
        Network::Mapi.address(servers::NUMBER),
    );
    feed(machine(host).command("sh").args(["-c", FOLDERS]), &text);
}

/// Starts all of it on a host.
pub(super) fn start(host: &Host) -> Vec<Process> {
    let start = |words: &[&str]| machine(host).start(words, &host.log());
    let mut daemons = vec![start(&["corosync", "-f"])];
    let runs = || {
        let status = machine(host).command("corosync-cfgtool").arg("-s").output();
        match status {
            Ok(output) if output.status.success() => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    wait_for(ms(20_000), runs).expect("corosync runs");
    daemons.push(start(&["corosync-qdevice", "-f"]));
    daemons.push(start(&["pacemakerd", "-f"]));
    daemons
}

/// Gives the pair its address, as soon as it can be given one.
pub(super) fn add_address(host: &Host) {
    let ready = || {
        // Whoever asks too early may wait for ever.
        let output = machine(host).command("timeout").args(["5", "crm_mon", "-1"]).output();
        let text = output.map_err(|error| error.to_string())?.stdout;
        let text = String::from_utf8_lossy(&text).into_owned();
        let whole = text.contains("with quorum") && text.contains("Online: [ EX01 EX02 ]");
        if whole { Ok(()) } else { Err(text) }
    };
    wait_for(ms(60_000), ready).expect("pacemaker runs");
    let attribute = ["--type", "crm_config", "--name", "stonith-enabled", "--update", "false"];
    said(machine(host).command("timeout").args(["20", "crm_attribute"]).args(attribute));
    for (section, text) in [("resources", RESOURCES), ("constraints", CONSTRAINTS)] {
        let words = ["--replace", "--scope", section, "--xml-text", text];
        said(machine(host).command("timeout").args(["20", "cibadmin"]).args(words));
    }
}
