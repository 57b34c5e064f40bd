use super::*;
use crate::model::order::cmdlets;
use crate::model::{builtin, load};
use std::collections::BTreeSet;

fn site() -> (Topology, Scenario) {
    let site = builtin::SITES[0];
    let (file, scenario) = (site.topology, site.scenarios[0]);
    let topology = load::topology(file.path, file.text, &[]).expect("it is sound").topology;
    let read = load::scenario(scenario.path, scenario.name, scenario.text, &topology);
    (topology, read.expect("it is sound"))
}

const CURSOR: Instant = Instant::from_nanos(66_000_000_000);

fn read(line: &str) -> Result<Change, String> {
    let (topology, scenario) = site();
    parse(line, CURSOR, &topology, &scenario)
}

fn menu(line: &str) -> Vec<Completion> {
    let (topology, scenario) = site();
    complete(line, &topology, &scenario)
}

fn labels(line: &str) -> Vec<String> {
    menu(line).into_iter().map(|one| one.label).collect()
}

fn at(secs: u64) -> Instant {
    Instant::ZERO + Span::from_secs(secs)
}

#[test]
fn lines_say_what_changes() {
    let fault = |kind: &str, keys: &[(&str, &str)], lasts: Option<u64>, when: u64| {
        let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Ok(Change::AddFault {
            at: at(when),
            lasts: lasts.map(Span::from_secs),
            kind: kind.to_owned(),
            keys: keys.collect(),
        })
    };
    let nic = [("machine", "EX02"), ("nic", "MAPI")];
    assert_eq!(read("nic-down EX02 MAPI lasts 30s"), fault("nic-down", &nic, Some(30), 66));
    assert_eq!(read("NIC-down ex02 mapi at 65s"), fault("nic-down", &nic, None, 65));
    let step = [("machine", "EX01"), ("by", "10s")];
    assert_eq!(read("clock-step ex01 10s at 65s"), fault("clock-step", &step, None, 65));
    let stale = [("machine", "DC01")];
    assert_eq!(read("witness-stale dc01"), fault("witness-stale", &stale, None, 66));
    let path = [("network", "Replication"), ("from", "EX01"), ("to", "EX02")];
    let line = "path-cut Replication EX01 EX02 at 70s lasts 5s";
    assert_eq!(read(line), fault("path-cut", &path, Some(5), 70));
    assert_eq!(read("move fault 1 to 65s"), Ok(Change::MoveFault { index: 0, at: at(65) }));
    assert_eq!(read("move step 2 to \"1m 5s\""), Ok(Change::MoveStep { index: 1, at: at(65) }));
    assert_eq!(read("remove fault 1"), Ok(Change::RemoveFault { index: 0 }));
    assert_eq!(read("remove step 3"), Ok(Change::RemoveStep { index: 2 }));
    assert_eq!(read("until 10m"), Ok(Change::Until { at: at(600) }));
    let order = "Move-ActiveMailboxDatabase VIP -ActivateOnServer EX02".to_owned();
    let on = Some("EX02".to_owned());
    let added = Change::AddOrder { at: at(80), order: order.clone(), on };
    assert_eq!(read(&format!("{order} on ex02 at 80s")), Ok(added));
    let added = Change::AddOrder { at: at(66), order: order.clone(), on: None };
    assert_eq!(read(&order), Ok(added));
    let (key, value) = ("cluster.same_subnet_threshold".to_owned(), "10".to_owned());
    assert_eq!(read("set cluster.same_subnet_threshold 10"), Ok(Change::Set { key, value }));
    let (key, value) = ("clients.operating_system".to_owned(), "windows-7".to_owned());
    assert_eq!(read("set clients.operating_system windows-7"), Ok(Change::Set { key, value }));
}

#[test]
fn wrong_lines_name_the_word_what_was_expected_and_what_is_near() {
    for (line, parts) in [
        ("", &["a kind of fault, a cmdlet"][..]),
        ("nic-dwn EX01 all", &["`nic-dwn`", "did you mean \"nic-down\""]),
        ("nic-down EX09 all", &["`EX09`", "one of EX01, EX02, DC01", "did you mean \"EX01\""]),
        ("nic-down EX01", &["after `EX01`", "an adapter of the machine, or all"]),
        ("nic-down EX01 MAPY", &["`MAPY`", "did you mean \"MAPI\""]),
        ("nic-down EX01 all lasts", &["after `lasts`", "a duration with its unit"]),
        ("nic-down EX01 all lasts 30", &["`30`", "a duration with its unit"]),
        ("nic-down EX01 all lasts 0s", &["`0s`", "a duration with its unit"]),
        ("nic-down EX01 all at 2h", &["`2h`", "at most 5m"]),
        ("nic-down EX01 all for 3s", &["`for`", "lasts, at, or the end"]),
        ("power-off EX01 lasts 3s at 4s more", &["`more`", "nothing more"]),
        ("path-cut MAPI EX01 EX01", &["`EX01`", "a machine that is on the network"]),
        ("service-hang EX01 cluster", &["`cluster`", "a service that the machine runs"]),
        ("service-slow EX01 store 0x", &["`0x`", "a factor"]),
        ("clock-rate EX01 3x", &["`3x`", "from 50% to 200%"]),
        ("clock-step DC01 5s", &["`DC01`", "one of EX01, EX02"]),
        ("clock-step EX01 0s", &["`0s`", "above zero"]),
        ("clock-step EX01 5s lasts 5s", &["`lasts`", "at, or the end"]),
        ("dns-stale EX01", &["`EX01`", "a machine"]),
        ("frame-loss MAPI 101%", &["`101%`", "at most 100%"]),
        ("move fault 2 to 65s", &["`2`", "from 1 to 1"]),
        ("move fault 0 to 65s", &["`0`", "from 1 to 1"]),
        ("move fault 1 65s", &["`65s`", "expected to"]),
        ("move fault 1", &["after `1`", "expected to"]),
        ("remove falt 1", &["`falt`", "did you mean \"fault\""]),
        ("remove step 9", &["`9`", "from 1 to 5"]),
        ("set cluster.same_subnet_treshold 3", &["did you mean \"cluster.same_subnet_threshold\""]),
        ("set cluster.same_subnet_threshold x", &["`x`", "a value from"]),
        ("set clients.count many", &["`many`", "a whole number"]),
        ("until 0s", &["`0s`", "a duration above zero"]),
        ("Move-ClusterGrup CASArray", &["`Move-ClusterGrup`", "Move-ClusterGroup"]),
        ("Move-ClusterGroup", &["Move-ClusterGroup with -Name GROUP"]),
        ("Move-ClusterGroup CASArrey", &["CASArrey", "did you mean \"CASArray\""]),
        ("Move-ClusterGroup CASArray on EX07", &["EX07"]),
        ("Move-ClusterGroup \"CASArray", &["a closing quote"]),
    ] {
        let wrong = read(line).expect_err(line);
        for part in parts {
            assert!(wrong.contains(part), "{line}: {wrong}");
        }
    }
}

/// Takes the first choice that no word before has been, until the line can be read.
fn typed_through(begin: &str) -> Change {
    let (topology, scenario) = site();
    let mut line = format!("{begin} ");
    for _ in 0..12 {
        if let Ok(change) = parse(&line, CURSOR, &topology, &scenario) {
            return change;
        }
        let choices = complete(&line, &topology, &scenario);
        let next = choices.first().unwrap_or_else(|| panic!("{line}: nothing to choose"));
        line = next.text.clone();
    }
    panic!("{line}: still not whole: {:?}", parse(&line, CURSOR, &topology, &scenario));
}

#[test]
fn every_kind_of_fault_can_be_chosen_word_by_word() {
    for kind in Fault::KINDS {
        let change = typed_through(kind.word);
        let Change::AddFault { kind: word, keys, .. } = &change else { panic!("{change:?}") };
        assert_eq!(word, kind.word);
        let given: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(given, kind.keys);
    }
}

#[test]
fn every_cmdlet_can_be_chosen_word_by_word() {
    for cmdlet in cmdlets() {
        // What is expected beside an identity differs; these two want one parameter of several.
        let begin = match cmdlet.name {
            "Set-DatabaseAvailabilityGroup" => {
                "Set-DatabaseAvailabilityGroup PrimaryDAG -DatacenterActivationMode"
            }
            "Set-MailboxDatabase" => "Set-MailboxDatabase VIP -RpcClientAccessServer",
            name => name,
        };
        let change = typed_through(begin);
        let Change::AddOrder { order, .. } = &change else { panic!("{change:?}") };
        assert!(order.starts_with(cmdlet.name), "{order}");
    }
}

#[test]
fn an_empty_line_is_the_menu_of_everything() {
    let all: BTreeSet<String> = labels("").into_iter().collect();
    let kinds = Fault::KINDS.iter().map(|kind| kind.word);
    let others = ["move", "remove", "set", "until"];
    for word in kinds.chain(others).chain(cmdlets().map(|cmdlet| cmdlet.name)) {
        assert!(all.contains(word), "{word}");
    }
    assert!(
        menu("").iter().all(|one| !one.help.is_empty() && one.text == format!("{} ", one.label))
    );
}

#[test]
fn words_are_completed_from_the_site() {
    assert_eq!(labels("nic-down "), ["EX01", "EX02", "DC01"]);
    assert_eq!(labels("nic-down EX0"), ["EX01", "EX02"]);
    assert_eq!(labels("nic-down EX01 "), ["all", "MAPI", "Replication"]);
    assert_eq!(menu("nic-down EX01 Ma")[0].text, "nic-down EX01 MAPI ");
    assert_eq!(labels("path-cut Replication EX01 "), ["EX02"]);
    assert_eq!(labels("power-off EX01 "), ["lasts", "at"]);
    assert_eq!(labels("power-off EX01 lasts 30s "), ["at"]);
    assert_eq!(labels("resource-fail "), ["EX01", "EX02"]);
    let group = menu("Move-ClusterGroup clu");
    assert_eq!(group[0].text, "Move-ClusterGroup \"Cluster Group\" ");
    assert_eq!(menu("Move-ClusterGroup \"Clu")[0].text, "Move-ClusterGroup \"Cluster Group\" ");
    assert!(labels("Move-ClusterGroup CASArray ").contains(&"-Node".to_owned()));
    assert!(labels("Move-ClusterGroup CASArray ").contains(&"on".to_owned()));
    assert_eq!(labels("Move-ClusterGroup CASArray on "), ["EX01", "EX02"]);
    let faults = menu("remove fault ");
    assert_eq!(faults[0].label, "1");
    assert_eq!(faults[0].help, "nic-down on EX01 all NICs at 60.000 s");
    let key = &menu("set cluster.same_subnet_thr")[0];
    assert_eq!(key.label, "cluster.same_subnet_threshold");
    assert!(key.help.starts_with("5 (") && key.help.len() > 10, "{}", key.help);
    assert_eq!(labels("set cluster.same_subnet_threshold ")[0], "5");
    assert_eq!(labels("set clients.authentication "), ["ntlm", "kerberos"]);
    assert_eq!(labels("earthquake "), Vec::<String>::new());
}

#[test]
fn changes_are_told_in_words() {
    let (topology, scenario) = site();
    for (line, told) in [
        ("nic-down EX01 all", "nic-down on EX01 all NICs at 66.000 s"),
        (
            "path-cut MAPI EX01 EX02 lasts 5s",
            "path-cut on MAPI from EX01 to EX02 for 5.000 s at 66.000 s",
        ),
        ("log-corruption VIP EX02", "log-corruption on VIP of EX02 at 66.000 s"),
        ("move fault 1 to 65s", "nic-down on EX01 all NICs moved from 60.000 s to 65.000 s"),
        ("remove fault 1", "no nic-down on EX01 all NICs at 60.000 s"),
        ("Mount-Database VIP on EX02", "Mount-Database VIP on EX02 at 66.000 s"),
        ("set cluster.same_subnet_threshold 10", "cluster.same_subnet_threshold = 10 instead of 5"),
        ("until 10m", "the run ends at 600.000 s instead of 300.000 s"),
    ] {
        let change = parse(line, CURSOR, &topology, &scenario).expect(line);
        assert_eq!(change.describe(&topology, &scenario), told);
    }
}
