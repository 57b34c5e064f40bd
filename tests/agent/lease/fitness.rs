//! Machines that are not fit for it say so.

use crate::lease::bed::{Bed, block_on, output, variable};
use dagtwin::agent::lease::{Error, Gate, Settings};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

const VARIABLE: &str = "DAGTWIN_LEASE_NO_RIGHTS";

#[test]
fn an_interface_that_is_not_there() {
    let Some(bed) = Bed::new() else { return };
    let settings = Settings { interfaces: vec!["eth9".to_owned()], ..bed.settings() };
    let mut gate = bed.on_node(|| Gate::open(settings).unwrap());
    let error = bed.on_node(|| block_on(gate.install())).unwrap_err();
    assert!(matches!(error, Error::NoInterface { .. }), "{error}");
    assert!(error.to_string().contains("interface eth9: not there"), "{error}");
}

#[test]
fn no_nft() {
    let Some(bed) = Bed::new() else { return };
    let settings = Settings { nft: PathBuf::from("/nowhere/nft"), ..bed.settings() };
    let mut gate = bed.on_node(|| Gate::open(settings).unwrap());
    let error = bed.on_node(|| block_on(gate.install())).unwrap_err();
    assert!(matches!(error, Error::NoProgram { .. }), "{error}");
    assert!(error.to_string().contains("install the package nftables"), "{error}");
}

/// A kernel without it cannot be had here: a script says what `nft` says there.
#[test]
fn what_nft_says_is_understood() {
    let Some(bed) = Bed::new() else { return };
    let script = std::env::temp_dir().join(format!("dagtwin-nft-{}", std::process::id()));
    let table = [
        ("Error: Could not process rule: Operation not supported", "CONFIG_NETFILTER_EGRESS"),
        ("netlink: Error: cache initialization failed: Invalid argument", "does not support it"),
        ("Error: Could not process rule: Operation not permitted", "CAP_NET_ADMIN"),
        ("Error: syntax error, unexpected newline", "table dagtwin: Error: syntax error"),
    ];
    for (said, part) in table {
        std::fs::write(&script, format!("#!/bin/sh\necho '{said}' >&2\nexit 1\n")).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        let settings = Settings { nft: script.clone(), ..bed.settings() };
        let mut gate = bed.on_node(|| Gate::open(settings).unwrap());
        let error = bed.on_node(|| block_on(gate.install())).unwrap_err().to_string();
        assert!(error.contains(part), "{error} does not tell of {part}");
    }
    std::fs::remove_file(&script).unwrap();
}

#[test]
fn a_process_without_rights() {
    let Some(bed) = Bed::new() else { return };
    let program = std::env::current_exe().unwrap();
    // A copy that anybody may execute, wherever the target folder is.
    let copy = std::env::temp_dir().join(format!("dagtwin-no-rights-{}", std::process::id()));
    std::fs::copy(program, &copy).unwrap();
    let output = Command::new("ip")
        .args(["netns", "exec", &bed.node, "setpriv", "--reuid", "65534", "--clear-groups"])
        .arg(&copy)
        .args(["lease::fitness::without_rights", "--exact", "--ignored", "--nocapture"])
        .env(VARIABLE, "1")
        .output()
        .unwrap();
    std::fs::remove_file(&copy).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("CAP_NET_ADMIN"), "{said}");
}

#[test]
#[ignore = "a process that another test starts"]
fn without_rights() {
    if !variable(VARIABLE) {
        return;
    }
    let error = Gate::open(Settings::default()).unwrap_err();
    assert!(matches!(error, Error::NoRights { .. }), "{error}");
    println!("{error}");
}

#[test]
fn several_addresses_ports_and_interfaces() {
    let Some(bed) = Bed::new() else { return };
    let settings = Settings {
        interfaces: vec!["e0".to_owned(), "e1".to_owned()],
        addresses: vec!["10.77.0.9".parse().unwrap(), "10.77.0.10".parse().unwrap()],
        ports: vec![5432, 5433, 5434],
        exempt: ["10.77.1.2", "10.77.1.0/24", "fd77::/64", "::1"]
            .map(|network| network.parse().unwrap())
            .to_vec(),
        ..Settings::default()
    };
    let mut gate = bed.on_node(|| Gate::open(settings).unwrap());
    bed.install(&mut gate);
    let none = Settings { interfaces: vec!["e0".to_owned()], ..Settings::default() };
    let mut gate = bed.on_node(|| Gate::open(none).unwrap());
    bed.install(&mut gate);
    assert_eq!(gate.inspect().unwrap(), []);
    gate.withdraw_all().unwrap();
    let list = output(&["ip", "netns", "exec", &bed.node, "nft", "list", "tables"]);
    assert_eq!(String::from_utf8_lossy(&list.stdout).trim(), "table inet dagtwin");
}
