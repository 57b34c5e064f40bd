use super::*;
use crate::failover::seam::{MountDial, Order, SkipChecks};

fn names() -> Names {
    let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Names {
        nodes: text(&["EX01", "EX02", "EX03"]).into_iter().collect(),
        groups: text(&["Cluster Group", "CASArray"]).into_iter().collect(),
        resources: text(&["CASArray IP Address", "CASArray"]).into_iter().collect(),
        databases: [("VIP".to_owned(), vec![NodeId(0), NodeId(1)])].into_iter().collect(),
        domain: "contoso.local".to_owned(),
        client_access_array: Some("casarray.contoso.local".to_owned()),
        availability_group: "PrimaryDAG".to_owned(),
        sites: vec![
            ("Berlin".to_owned(), NodeSet::first(2)),
            ("Bonn".to_owned(), NodeSet::only(NodeId(2))),
        ],
        witness_servers: text(&["DC01", "FS02"]),
        coordination: None,
        windows: WindowsVersion::V2008R2,
    }
}

fn given(line: &str) -> Result<Action, Wrong> {
    read(line, NodeId(1), &names())
}

fn refused(line: &str) -> String {
    let wrong = given(line).expect_err("the line is wrong");
    format!("{} {}", wrong.expected, wrong.hint.unwrap_or_default())
}

#[test]
fn names_and_parameters_are_read_without_regard_to_case() {
    let (group, to) = (GroupId(1), Some(NodeId(1)));
    let expected = Action::Order { on: NodeId(1), order: Order::MoveGroup { group, to } };
    for line in [
        "Move-ClusterGroup CASArray -Node EX02",
        "move-clustergroup -NODE:ex02   casarray",
        "Move-ClusterGroup -Name 'CASArray' -Node \"EX02\"",
        "Move-ClusterGroup CASArray EX02 -Wait 0 -Cluster PrimaryDAG",
        "Move-ClusterGroup EX02 -Name CASArray -ErrorAction Stop -Verbose",
    ] {
        assert_eq!(given(line).as_ref(), Ok(&expected), "{line}");
    }
    let core = given("Move-ClusterGroup \"Cluster Group\"");
    let order = Order::MoveGroup { group: GroupId(0), to: None };
    assert_eq!(core, Ok(Action::Order { on: NodeId(1), order }));
}

#[test]
fn a_switchover_with_its_override() {
    let line =
        "Move-ActiveMailboxDatabase VIP -ActivateOnServer EX02 -MountDialOverride BestEffort";
    let (database, to, dial) = (DbId(0), Some(NodeId(1)), Some(MountDial::BestEffort));
    let order = Order::MoveDatabase { database, to, dial, skip: SkipChecks::default() };
    assert_eq!(given(line), Ok(Action::Order { on: NodeId(1), order }));
    assert_eq!(given(&format!("{line} -Confirm:$false")), given(line));
    let elsewhere = refused("Move-ActiveMailboxDatabase VIP -ActivateOnServer EX03");
    assert!(elsewhere.contains("a copy of VIP"), "{elsewhere}");
}

#[test]
fn what_is_wrong_is_named_with_what_was_expected() {
    for (line, expected) in [
        ("", "a cmdlet"),
        ("Mov-ClusterGroup CASArray", "did you mean \"Move-ClusterGroup\""),
        ("Move-ClusterGroup", "-Name GROUP"),
        ("Move-ClusterGroup CASAray", "did you mean \"CASArray\""),
        ("Stop-ClusterResource \"CASArray IP Adress\"", "did you mean \"CASArray IP Address\""),
        ("Move-ClusterGroup CASArray EX02 EX01", "a parameter's name before \"EX01\""),
        ("Move-ClusterGroup CASArray -Wait soon", "a whole number after -Wait, not soon"),
        ("Move-ClusterGroup CASArray -WhatIf", "a parameter of Move-ClusterGroup"),
        ("Mount-Database VIP -WhatIf", "no -WhatIf: with it nothing would be done"),
        ("Start-ClusterGroup CASArray -DomainController DC01", "a parameter of Start-ClusterGroup"),
        (
            "Set-MailboxServer EX01 -MaximumActiveDatabases -5",
            "or $null after -MaximumActiveDatabases, not -5",
        ),
        ("Set-MailboxServer EX01 -MaximumActiveDatabases", "N|$null after -MaximumActiveDatabases"),
        ("StopDagServerMaintenance EX1", "did you mean \"EX01\""),
        (
            "Restore-DatabaseAvailabilityGroup PrimaryDAG -ActiveDirectorySite Born",
            "one of Berlin, Bonn",
        ),
        (
            "Set-MailboxDatabase VIP -RpcClientAccessServer EX09.contoso.local",
            "-RpcClientAccessServer casarray",
        ),
        ("Move-ClusterGroup CASArray -Nod EX02", "did you mean \"-Node\""),
        ("Move-ClusterGroup CASArray -Node", "NODE after -Node"),
        ("Move-ClusterGroup CASArray -Node EX02 -Node EX01", "-Node only once"),
        ("Move-ClusterGroup \"CASArray", "a closing \""),
        ("Move-ActiveMailboxDatabase VIP -MountDialOverride Much", "one of None, Lossless"),
        ("Move-ActiveMailboxDatabase", "-Identity DATABASE"),
        ("Move-ActiveMailboxDatabase VIP -Server EX01", "not both"),
        ("Move-ActiveMailboxDatabase -Server EX01 -ActivateOnServer EX01", "another server"),
        ("Set-MailboxServer EX01", "at least one parameter"),
        (
            "Set-MailboxServer EX01 -MaximumActiveDatabases many",
            "a whole number from 0 to 65535 or $null",
        ),
        ("Set-DatabaseAvailabilityGroup DAG2 -DatacenterActivationMode Off", "PrimaryDAG"),
        ("Set-DatabaseAvailabilityGroup PrimaryDAG", "-DatacenterActivationMode Off or DagOnly"),
        ("Dismount-Database VIP -Confirm", "nobody is there to answer"),
        ("Dismount-Database VIP -Confirm:no", "$true or $false after -Confirm:, not no"),
        ("New-ClientAccessArray", "-Fqdn casarray.contoso.local"),
        ("Set-MailboxDatabase VIP -RpcClientAccessServer casaray.contoso.local", "did you mean"),
    ] {
        let told = refused(line);
        assert!(told.contains(expected), "{line}: {told}");
    }
}

#[test]
fn every_cmdlet_shows_how_it_is_written() {
    let syntax: Vec<String> = cmdlets().map(Cmdlet::syntax).collect();
    assert!(
        syntax.contains(&"Move-ClusterGroup [-Name] GROUP [[-Node] NODE] [-Wait N]".to_owned())
    );
    let mut sorted: Vec<&str> = cmdlets().map(|cmdlet| cmdlet.name).collect();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), cmdlets().count(), "a cmdlet stands twice");
}

#[test]
fn a_witness_server_is_one_that_there_is() {
    let expected = Action::Order { on: NodeId(1), order: Order::SetWitnessServer(1) };
    let line = "Set-DatabaseAvailabilityGroup PrimaryDAG -WitnessServer";
    assert_eq!(given(&format!("{line} fs02 -WitnessDirectory C:\\W")), Ok(expected));
    assert!(refused(&format!("{line} FS03")).contains("one of DC01, FS02"));
    let both = format!("{line} FS02 -DatacenterActivationMode Off");
    assert!(refused(&both).contains("one change in one order"));
}

#[test]
fn members_are_stopped_and_started_one_by_one_or_by_site() {
    let (on, nodes) = (NodeId(1), NodeSet::only(NodeId(2)));
    let stopped = Action::StopMembers { nodes, configuration_only: true };
    let line = "Stop-DatabaseAvailabilityGroup PrimaryDAG -MailboxServer EX03 -ConfigurationOnly";
    assert_eq!(given(line), Ok(stopped.clone()));
    let line = line.replace("MailboxServer EX03", "ActiveDirectorySite bonn");
    assert_eq!(given(&line), Ok(stopped));
    let line = "Start-DatabaseAvailabilityGroup PrimaryDAG -ActiveDirectorySite Berlin";
    assert_eq!(given(line), Ok(Action::StartMembers { on, nodes: NodeSet::first(2) }));
    assert!(refused(&line.replace("Berlin", "Born")).contains("one of Berlin, Bonn"));
    assert!(refused("Stop-DatabaseAvailabilityGroup PrimaryDAG").contains("not both"));
    assert!(refused("Stop-DatabaseAvailabilityGroup D -MailboxServer EX01").contains("PrimaryDAG"));
    let line = "Restore-DatabaseAvailabilityGroup PrimaryDAG";
    assert_eq!(
        given(line),
        Ok(Action::RestoreGroup { on, witness_server: None, primary_witness: false })
    );
    let line = format!("{line} -AlternateWitnessServer FS02 -AlternateWitnessDirectory C:\\W");
    assert_eq!(
        given(&line),
        Ok(Action::RestoreGroup { on, witness_server: Some(1), primary_witness: false })
    );
    assert!(refused(&line.replace("FS02", "FS03")).contains("one of DC01, FS02"));
}

#[test]
fn circular_logging_is_on_or_off() {
    let database = DbId(0);
    for (word, enabled) in [("$true", true), ("$FALSE", false)] {
        let line = format!("Set-MailboxDatabase VIP -CircularLoggingEnabled {word}");
        assert_eq!(given(&line), Ok(Action::SetCircularLogging { database, enabled }));
    }
    assert!(refused("Set-MailboxDatabase VIP -CircularLoggingEnabled yes").contains("$true"));
    let both = "Set-MailboxDatabase VIP -CircularLoggingEnabled $true \
                -RpcClientAccessServer casarray.contoso.local";
    assert!(refused(both).contains("one parameter in one order"));
}

#[test]
fn what_decides_nothing_is_understood() {
    for (line, with) in [
        ("Mount-Database VIP", "-AcceptDataLoss -Force -Confirm:$false"),
        ("Dismount-Database VIP", "-Confirm:$false -DomainController dc01.contoso.local"),
        ("Stop-ClusterNode EX01", "-Wait 60 -Cluster PrimaryDAG"),
        ("Set-MailboxServer EX01 -MaximumActiveDatabases 4", "-WhatIf:$false -Verbose"),
        ("Move-ActiveMailboxDatabase VIP EX02", "-TerminateOnWarning -MoveComment \"for a test\""),
        ("StartDagServerMaintenance.ps1 EX01", "-overrideMinimumTwoCopies -Verbose"),
    ] {
        assert!(given(line).is_ok(), "{line}: {}", refused(line));
        assert_eq!(given(&format!("{line} {with}")), given(line), "{line} {with}");
    }
    let directory = "Set-DatabaseAvailabilityGroup PrimaryDAG -WitnessDirectory C:\\W";
    assert_eq!(given(directory), Ok(Action::NoEffect));
}

#[test]
fn a_script_may_stand_behind_its_path_and_without_its_ending() {
    let wanted = given("StartDagServerMaintenance.ps1 EX01");
    assert!(wanted.is_ok());
    for name in [
        "StartDagServerMaintenance",
        ".\\startdagservermaintenance.ps1",
        "./StartDagServerMaintenance",
    ] {
        assert_eq!(given(&format!("{name} -serverName EX01")), wanted, "{name}");
    }
    assert!(refused(".\\Mount-Database VIP").contains("a cmdlet that"));
}

#[test]
fn a_database_can_name_a_server() {
    let expected = Action::NameServer { database: DbId(0), node: NodeId(0) };
    let line = "Set-MailboxDatabase VIP -RpcClientAccessServer ex01.contoso.local";
    assert_eq!(given(line), Ok(expected));
}

#[test]
fn the_alternate_witness_is_named_before_or_with_the_restore() {
    let line = "Set-DatabaseAvailabilityGroup PrimaryDAG -AlternateWitnessServer FS02";
    assert_eq!(given(line), Ok(Action::SetAlternateWitness { server: 1 }));
    let line = "Restore-DatabaseAvailabilityGroup PrimaryDAG -UsePrimaryWitnessServer";
    let (on, witness_server) = (NodeId(1), None);
    let expected = Action::RestoreGroup { on, witness_server, primary_witness: true };
    assert_eq!(given(line), Ok(expected));
    assert!(refused(&format!("{line} -AlternateWitnessServer FS02")).contains("not both"));
}

#[test]
fn a_topology_without_databases_is_told_as_such() {
    let names = Names { databases: IdVec::new(), ..names() };
    for line in ["Mount-Database VIP", "Resume-MailboxDatabaseCopy VIP\\EX02"] {
        let wrong = read(line, NodeId(0), &names).expect_err("there is none");
        assert!(wrong.expected.contains("this one has none"), "{}", wrong.expected);
    }
    let told = refused("Set-DatabaseAvailabilityGroup PrimaryDAG -DatacenterActivationMode On");
    assert!(told.contains("one of Off, DagOnly") && !told.contains("did you mean"), "{told}");
}
