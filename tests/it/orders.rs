//! Orders whose effect is told in the journal, or met by clients.

use crate::program::{Folder, told};
use crate::source::root;

/// A scenario's run in a topology: its exit status and its journal as text.
fn run(name: &str, topology: &str, scenario: &str) -> (i32, String) {
    let folder = Folder::new(name);
    let (file, journal) = (folder.path("scenario.toml"), folder.path("journal.txt"));
    std::fs::write(&file, scenario).expect("a scenario");
    let call = ["run", topology, "--scenario", &file, "--quiet", "--journal", &journal];
    let run = told(&call);
    assert!(run.status < 2, "{}", run.err);
    (run.status, std::fs::read_to_string(&journal).expect("the journal"))
}

#[test]
fn stopping_what_does_not_run_is_refused_with_its_reason() {
    let scenario = "title = \"EX02 is off\"\nuntil = \"4m\"\n\
                    [[fault]]\nat = \"30s\"\nkind = \"power-off\"\nmachine = \"EX02\"\n\
                    [[step]]\ntext = \"a dead node\"\nat = \"60s\"\norder = \"Stop-ClusterNode EX02\"\n\
                    [[step]]\ntext = \"once\"\nat = \"70s\"\norder = \"Stop-ClusterNode EX01\"\n\
                    [[step]]\ntext = \"twice\"\nat = \"3m\"\norder = \"Stop-ClusterNode EX01\"\n";
    let (_, journal) = run("stop-dead-node", "two-node-2010", scenario);
    let refusals: Vec<&str> =
        journal.lines().filter_map(|line| line.split("the order is refused: ").nth(1)).collect();
    assert_eq!(refusals, ["the server is off", "the Cluster service does not run"]);
}

#[test]
fn an_alternate_witness_that_was_named_before_is_taken_by_the_restore() {
    let path = root().join("tests/corpus/second-witness/primary-site-lost.toml");
    let with = std::fs::read_to_string(path).expect("the scenario");
    let without = with.replace(" -AlternateWitnessServer FS02", "");
    assert_ne!(with, without);
    let set = "\n[[step]]\ntext = \"named in time\"\nat = \"30s\"\norder = \
               \"Set-DatabaseAvailabilityGroup PrimaryDAG -AlternateWitnessServer FS02\"\n";
    let primary = without.replace(
        "Restore-DatabaseAvailabilityGroup PrimaryDAG",
        "Restore-DatabaseAvailabilityGroup PrimaryDAG -UsePrimaryWitnessServer",
    );
    let topology = "tests/corpus/second-witness";
    for (name, scenario, named) in [
        ("alternate-before", without.clone() + set, true),
        ("alternate-never", without, false),
        ("alternate-not-taken", primary + set, false),
    ] {
        let (_, journal) = run(name, topology, &scenario);
        assert!(journal.contains("restore the database availability group without EX01"), "{name}");
        assert_eq!(journal.contains(", with the witness server FS02"), named, "{name}");
    }
}

#[test]
fn outlook_goes_to_the_server_that_its_database_names() {
    let scenario = "title = \"VIP names EX02\"\nuntil = \"90s\"\n[start]\nVIP = \"EX01\"\n\
                    [[step]]\ntext = \"named\"\nat = \"5s\"\norder = \
                    \"Set-MailboxDatabase VIP -RpcClientAccessServer EX02.contoso.local\"\n\
                    [[step]]\ntext = \"connected there\"\nat = \"60s\"\nexpect = [\
                    { what = \"connected-to\", client = \"outlook-cached\", node = \"EX02\" }, \
                    { what = \"database\", database = \"VIP\", active = \"EX01\" }]\n";
    assert_eq!(run("database-names-a-server", "two-node-2010", scenario).0, 0);
    let array = scenario.replace("EX02.contoso.local", "casarray.contoso.local");
    assert_eq!(run("database-names-the-array", "two-node-2010", &array).0, 1);
}

#[test]
fn a_restore_needs_the_mode_and_a_stopped_member() {
    let path = root().join("tests/corpus/second-witness/primary-site-lost.toml");
    let with = std::fs::read_to_string(path).expect("the scenario");
    let off = with.replace("DatacenterActivationMode DagOnly", "DatacenterActivationMode Off");
    let stop = "order = \"Stop-DatabaseAvailabilityGroup PrimaryDAG -MailboxServer EX01 \
                -ConfigurationOnly\"\non = \"EX02\"\n";
    let nobody = with.replace(stop, "");
    assert!(off != with && nobody != with);
    let refusals = |name, scenario: &str, why: &str| {
        let (_, journal) = run(name, "tests/corpus/second-witness", scenario);
        journal.matches(&format!("the order is refused: {why}")).count()
    };
    assert_eq!(refusals("restored", &with, ""), 0);
    let why = "DatacenterActivationMode of the group is Off";
    assert_eq!(refusals("mode-off", &off, why), 3, "Stop-, Restore- and Start-");
    assert_eq!(refusals("nobody-stopped", &nobody, "no member is marked as stopped"), 1);
}
