//! A resource agent that obeys the standard, and is made to fail in every way.

use super::super::{Limits, Ocf};
use super::*;

/// The agent. `$OCF_RESKEY_mode` and files say how an action behaves.
pub(super) const AGENT: &str = r#"
meta() { cat <<XML
<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="fake" version="1.0"><version>1.1</version>
<shortdesc lang="en">A fake</shortdesc>
<parameters>
<parameter name="address" required="1"><shortdesc lang="en">Where it listens</shortdesc>
<content type="string"/></parameter>
<parameter name="mode"><shortdesc lang="en">How it behaves</shortdesc>
<content type="string" default="good"/></parameter>
<parameter name="count"><shortdesc lang="en">How many</shortdesc>
<content type="integer" default="1"/></parameter>
<parameter name="quick"><shortdesc lang="en">Whether it hurries</shortdesc>
<content type="boolean" default="false"/></parameter>
<parameter name="old"><shortdesc lang="en">Not any more</shortdesc><deprecated/>
<content type="string"/></parameter>
</parameters>
<actions>
<action name="start" timeout="41s"/><action name="stop" timeout="42s"/>
<action name="monitor" timeout="43s" depth="0"/><action name="monitor" timeout="44s" depth="10"/>
<action name="monitor" timeout="45s" depth="20"/>
<action name="meta-data" timeout="5s"/><action name="validate-all" timeout="5s"/>
</actions></resource-agent>
XML
}
S=$D/state-$OCF_RESOURCE_INSTANCE
test -e "$D/code-$1" && { echo "as told: $1" >&2; exit "$(cat "$D/code-$1")"; }
case "$1" in
meta-data) meta;;
validate-all) test "$OCF_RESKEY_address" != nowhere || { echo "nowhere is no place" >&2; exit 6; };;
start)
    case "$OCF_RESKEY_mode" in
    hang) trap '' TERM; echo $$ >"$D/pid"; while :; do sleep 1000; done;;
    daemon) test -e "$S" || { setsid sleep 1000 & echo $! >"$D/daemon"; };;
    env) env | grep ^OCF_ | sort >"$D/env";;
    esac
    touch "$S";;
stop)
    test "$OCF_RESKEY_mode" != stuck || { touch "$D/stopping"; sleep 1000; }
    test -e "$D/daemon" && kill "$(cat "$D/daemon")"
    rm -f "$S" "$D/daemon";;
monitor)
    echo "$OCF_CHECK_LEVEL $OCF_RESKEY_CRM_meta_interval" >>"$D/monitors"
    test "$OCF_RESKEY_mode" != sleepy || sleep 1000
    test -e "$S" || exit 7;;
*) exit 3;;
esac
exit 0"#;

pub(super) fn agent(bench: &Bench) -> Ocf {
    Ocf::new(bench.script("fake", AGENT)).with("address", "here")
}

fn code(bench: &Bench, action: &str, code: i32) {
    fs::write(bench.path(&format!("code-{action}")), code.to_string()).expect("it is writable");
}

async fn refused(bench: &Bench, ocf: Ocf) -> ServiceError {
    bench.settings("it", Kind::Ocf(ocf)).check().await.expect_err("it is wrong")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_goes_online_and_offline() {
    let bench = Bench::new();
    let it = bench.service(Kind::Ocf(agent(&bench).with("mode", "daemon"))).await;
    not_alive(&it.is_alive().await, "OCF_NOT_RUNNING");
    well(&it.online().await);
    let daemon = bench.pid("daemon").await;
    well(&it.looks_alive().await);
    well(&it.is_alive().await);
    well(&it.online().await);
    assert!(runs(daemon));
    well(&it.offline().await);
    until("the daemon has ended", || !runs(daemon)).await;
    well(&it.offline().await);
    let monitors = fs::read_to_string(bench.path("monitors")).expect("it was asked");
    assert_eq!(monitors, "10 10000\n0 10000\n10 10000\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_gets_its_variables() {
    let bench = Bench::new();
    let it = bench.service(Kind::Ocf(agent(&bench).with("mode", "env"))).await;
    well(&it.online().await);
    let provider = bench.directory.path().file_name().expect("a name").to_string_lossy();
    let expected = format!(
        "OCF_CHECK_LEVEL=0\nOCF_RA_VERSION_MAJOR=1\nOCF_RA_VERSION_MINOR=1\n\
         OCF_RESKEY_CRM_meta_interval=10000\nOCF_RESKEY_CRM_meta_timeout=41000\n\
         OCF_RESKEY_address=here\nOCF_RESKEY_mode=env\nOCF_RESOURCE_INSTANCE=it\n\
         OCF_RESOURCE_PROVIDER={provider}\nOCF_RESOURCE_TYPE=fake\nOCF_ROOT=/usr/lib/ocf\n"
    );
    assert_eq!(fs::read_to_string(bench.path("env")).expect("it is written"), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_limits_are_the_agents_unless_given() {
    let bench = Bench::new();
    let settings = || bench.settings("it", Kind::Ocf(agent(&bench)));
    let seconds = Duration::from_secs;
    let bounds = settings().check().await.expect("in order").bounds;
    let found = [bounds.online, bounds.offline, bounds.looks_alive, bounds.is_alive];
    assert_eq!(found, [seconds(41), seconds(42), seconds(43), seconds(44)]);
    assert_eq!(bounds.terminate, seconds(20));
    let limits =
        Limits { online: Some(seconds(7)), is_alive: Some(seconds(8)), ..Limits::default() };
    let ocf = Ocf { check_level: Some(20), ..agent(&bench) };
    let settings = Settings { limits, ..bench.settings("it", Kind::Ocf(ocf)) };
    let checked = settings.check().await.expect("in order");
    assert_eq!((checked.bounds.online, checked.bounds.is_alive), (seconds(7), seconds(8)));
    assert_eq!((checked.bounds.offline, checked.level), (seconds(42), 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_is_told_with_its_meaning() {
    let bench = Bench::new();
    let it = bench.service(Kind::Ocf(agent(&bench))).await;
    let codes = [
        (0, "SUCCESS"),
        (1, "ERR_GENERIC"),
        (2, "ERR_ARGS"),
        (3, "ERR_UNIMPLEMENTED"),
        (4, "ERR_PERM"),
        (5, "ERR_INSTALLED"),
        (6, "ERR_CONFIGURED"),
        (7, "NOT_RUNNING"),
        (8, "RUNNING_PROMOTED"),
        (9, "FAILED_PROMOTED"),
        (190, "DEGRADED"),
        (191, "DEGRADED_PROMOTED"),
        (77, "which the standard does not have"),
    ];
    for (number, name) in codes {
        for action in ["start", "stop", "monitor"] {
            code(&bench, action, number);
        }
        for (done, action) in [(it.online().await, "start"), (it.offline().await, "stop")] {
            if number == 0 {
                well(&done);
            } else {
                failed(&done, name);
                assert_eq!(done.last_lines, [format!("as told: {action}")]);
            }
        }
        let done = it.is_alive().await;
        if matches!(number, 0 | 8 | 190 | 191) { well(&done) } else { not_alive(&done, name) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_parameters_are_told_before_anything_starts() {
    let bench = Bench::new();
    let good = || agent(&bench);
    let error = refused(&bench, Ocf::new(good().agent)).await.to_string();
    assert!(error.contains("requires the parameter address (Where it listens)"), "{error}");
    let error = refused(&bench, good().with("address", "")).await.to_string();
    assert!(error.contains("requires the parameter address"), "{error}");
    let error = refused(&bench, good().with("adress", "x")).await.to_string();
    assert!(error.contains("no parameter adress; it has: address, "), "{error}");
    let error = refused(&bench, good().with("count", "many")).await.to_string();
    assert!(error.contains("count (How many) is \"many\"; it takes a whole number"), "{error}");
    let error = refused(&bench, good().with("quick", "maybe")).await.to_string();
    assert!(error.contains("true or false"), "{error}");
    let error = refused(&bench, good().with("address", "nowhere")).await.to_string();
    assert!(
        error.contains("OCF_ERR_CONFIGURED") && error.contains("nowhere is no place"),
        "{error}"
    );
    let ocf = good().with("old", "x").with("count", "-3").with("quick", "Yes");
    let checked = bench.settings("it", Kind::Ocf(ocf)).check().await.expect("in order");
    assert_eq!(checked.remarks(), ["parameter old is deprecated (Not any more)"]);
    let read = checked.meta_data().expect("it is an agent");
    assert_eq!((read.about.as_str(), read.parameters.len()), ("A fake", 5));
    let ocf = Ocf { validate: false, ..good().with("address", "nowhere") };
    assert!(bench.settings("it", Kind::Ocf(ocf)).check().await.is_ok());
    code(&bench, "validate-all", 3);
    assert!(bench.settings("it", Kind::Ocf(good())).check().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_that_are_none_are_told() {
    let bench = Bench::new();
    let table = [
        ("exit 5", "cannot be had: it failed with exit status 5"),
        ("echo no such thing >&2; exit 1", "(no such thing)"),
        ("echo usage", "is not XML"),
        (
            "echo '<resource-agent><actions><action name=\"start\"/><action name=\"stop\"/>\
             </actions></resource-agent>'",
            "declares no action `monitor`",
        ),
        ("kill -9 $$", "signal 9"),
        ("yes", "did not end within"),
    ];
    for (place, (text, expected)) in table.into_iter().enumerate() {
        let ocf = Ocf::new(bench.script(&format!("bad-{place}"), text));
        let error = refused(&bench, ocf).await;
        assert!(matches!(error, ServiceError::MetaData { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_left_is_stopped() {
    let bench = Bench::new();
    let it = bench.service(Kind::Ocf(agent(&bench))).await;
    let done = it.left_over().await;
    assert!(done.result.is_ok() && done.found.is_empty(), "{done:?}");
    fs::write(bench.path("state-it"), "").expect("it is writable");
    let done = it.left_over().await;
    well(&done);
    assert_eq!(done.found, ["monitor says 0 OCF_SUCCESS"]);
    assert!(!bench.path("state-it").exists());
    let monitors = fs::read_to_string(bench.path("monitors")).expect("it was asked");
    assert_eq!(monitors, "0 0\n0 0\n");
    // One that cannot say, and cannot be stopped.
    code(&bench, "monitor", 1);
    code(&bench, "stop", 4);
    let done = it.left_over().await;
    failed(&done, "OCF_ERR_PERM");
    assert!(done.found[0].contains("OCF_ERR_GENERIC") && done.remains.len() == 1, "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminate_ends_a_start_that_hangs_and_a_stop_that_does() {
    let bench = Bench::new();
    let it = bench.service(Kind::Ocf(agent(&bench).with("mode", "hang"))).await;
    let online = it.online();
    let pid = bench.pid("pid").await;
    let done = it.terminate().await;
    well(&done);
    called_off(&online.await, Action::Terminate);
    assert!(!runs(pid) && done.remains.is_empty(), "{done:?}");
    let settings = bench.settings("two", Kind::Ocf(agent(&bench).with("mode", "stuck")));
    let limits = Limits { terminate: Some(Duration::from_secs(1)), ..Limits::default() };
    let two = bench.start(Settings { limits, ..settings }).await;
    well(&two.online().await);
    let offline = two.offline();
    until("it stops", || bench.path("stopping").exists()).await;
    let done = two.terminate().await;
    called_off(&offline.await, Action::Terminate);
    well(&done);
    assert!(done.remains.len() == 1 && done.remains[0].contains("within 1s"), "{done:?}");
    assert_eq!(bench.members("two"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_monitor_that_hangs_is_not_alive() {
    let bench = Bench::new();
    let settings = bench.settings("it", Kind::Ocf(agent(&bench).with("mode", "sleepy")));
    let limits = Limits { is_alive: Some(Duration::from_secs(1)), ..Limits::default() };
    let it = bench.start(Settings { limits, ..settings }).await;
    well(&it.online().await);
    not_alive(&it.is_alive().await, "did not end within 1s");
    assert_eq!(bench.members("it"), []);
}
