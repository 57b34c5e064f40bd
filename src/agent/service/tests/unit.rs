//! Units, by a `systemctl` that keeps its state in files.

use super::super::{Limits, Unit};
use super::*;

/// A systemctl. `state` holds the word that is-active says; `calls` every call.
const SYSTEMCTL: &str = r#"
echo "$*" >>"$D/calls"
for last; do :; done
case "$1" in
show)
    test -e "$D/mute" && { echo "Failed to connect to bus" >&2; exit 1; }
    cat "$D/show" 2>/dev/null || printf 'LoadState=loaded\nCanStart=yes\nResult=success\n';;
is-active)
    test -e "$D/hang" && { trap '' TERM; sleep 1000; }
    test -e "$D/mute" && exit 1
    # A unit on its way arrives when it is asked often enough.
    if test -e "$D/later"; then
        n=$(($(cat "$D/later") - 1)); echo $n >"$D/later"
        test $n -gt 0 || { cp "$D/then" "$D/state"; rm "$D/later"; }
    fi
    s=$(cat "$D/state" 2>/dev/null || echo inactive); echo "$s"; test "$s" = active || exit 3;;
start)
    test -e "$D/refuse" && { echo "Job for $last failed." >&2; exit 1; }
    test -e "$D/slow" && { echo $$ >"$D/starting"; sleep 1000; }
    echo "$(cat "$D/started" 2>/dev/null || echo active)" >"$D/state";;
stop)
    test -e "$D/refuse-stop" && { echo "Job for $last canceled." >&2; exit 1; }
    test -e "$D/unkillable" || echo inactive >"$D/state";;
kill) test -e "$D/unkillable" || echo failed >"$D/state";;
reset-failed) grep -q failed "$D/state" 2>/dev/null && echo inactive >"$D/state"; exit 0;;
*) exit 64;;
esac
exit 0"#;

fn unit(bench: &Bench) -> Unit {
    Unit {
        unit: "web.service".to_owned(),
        systemctl: bench.script("systemctl", SYSTEMCTL).into(),
        booted: bench.directory.path().to_path_buf(),
    }
}

fn put(bench: &Bench, name: &str, text: &str) {
    fs::write(bench.path(name), text).expect("it is writable");
}

fn state(bench: &Bench) -> String {
    fs::read_to_string(bench.path("state")).unwrap_or_default().trim().to_owned()
}

async fn refused(bench: &Bench, unit: Unit) -> String {
    let error = bench.settings("it", Kind::Unit(unit)).check().await.expect_err("it is wrong");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_goes_online_and_offline() {
    let bench = Bench::new();
    let it = bench.service(Kind::Unit(unit(&bench))).await;
    not_alive(&it.looks_alive().await, "unit web.service is inactive");
    well(&it.online().await);
    well(&it.looks_alive().await);
    well(&it.is_alive().await);
    well(&it.offline().await);
    not_alive(&it.is_alive().await, "inactive");
    let calls = fs::read_to_string(bench.path("calls")).expect("it was called");
    let expected = "show --property=LoadState,CanStart,Result web.service\n\
                    is-active web.service\nstart web.service\nis-active web.service\n\
                    is-active web.service\nis-active web.service\nstop web.service\n\
                    is-active web.service\nis-active web.service\n";
    assert_eq!(calls, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_are_told() {
    let bench = Bench::new();
    let it = bench.service(Kind::Unit(unit(&bench))).await;
    for word in ["active", "reloading", "refreshing"] {
        put(&bench, "state", word);
        well(&it.looks_alive().await);
    }
    let words =
        ["inactive", "failed", "activating", "deactivating", "maintenance", "unknown", "odd"];
    for word in words {
        put(&bench, "state", word);
        not_alive(&it.is_alive().await, word);
    }
    put(&bench, "mute", "");
    not_alive(&it.is_alive().await, "told no state");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_on_its_way_is_waited_for() {
    let bench = Bench::new();
    let it = bench.service(Kind::Unit(unit(&bench))).await;
    for (name, text) in [("started", "activating"), ("later", "3"), ("then", "active")] {
        put(&bench, name, text);
    }
    well(&it.online().await);
    for (name, text) in [("later", "2"), ("then", "failed")] {
        put(&bench, name, text);
    }
    failed(&it.online().await, "unit web.service is failed");
    put(&bench, "started", "inactive");
    failed(&it.online().await, "RemainAfterExit=yes");
    put(&bench, "refuse", "");
    let done = it.online().await;
    failed(&done, "exit status 1");
    assert_eq!(done.last_lines, ["Job for web.service failed."]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_comes_up_times_out_or_is_called_off() {
    let bench = Bench::new();
    put(&bench, "started", "activating");
    let settings = bench.settings("it", Kind::Unit(unit(&bench)));
    let limits = Limits { online: Some(Duration::from_secs(2)), ..Limits::default() };
    let it = bench.start(Settings { limits, ..settings }).await;
    let done = it.online().await;
    assert!(matches!(done.result, Err(ServiceError::TimedOut { .. })), "{done:?}");
    let it = bench.service(Kind::Unit(unit(&bench))).await;
    let online = it.online();
    until("it is on its way", || state(&bench) == "activating").await;
    let terminate = it.terminate();
    called_off(&online.await, Action::Terminate);
    well(&terminate.await);
    assert_eq!(state(&bench), "inactive");
    // The client itself hangs.
    put(&bench, "slow", "");
    let online = it.online();
    let client = bench.pid("starting").await;
    well(&it.offline().await);
    called_off(&online.await, Action::Offline);
    assert!(!runs(client));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminate_kills_after_it_stopped_restarts_and_never_fails() {
    let bench = Bench::new();
    let settings = bench.settings("it", Kind::Unit(unit(&bench)));
    let limits = Limits { terminate: Some(Duration::from_secs(2)), ..Limits::default() };
    let it = bench.start(Settings { limits, ..settings }).await;
    well(&it.online().await);
    fs::remove_file(bench.path("calls")).expect("it was called");
    put(&bench, "refuse-stop", "");
    failed(&it.offline().await, "exit status 1");
    let done = it.terminate().await;
    well(&done);
    assert!(done.remains.is_empty() && state(&bench) == "inactive", "{done:?}");
    let calls = fs::read_to_string(bench.path("calls")).expect("it was called");
    let expected = "stop web.service\nstop --no-block web.service\n\
                    kill --signal=SIGKILL web.service\nis-active web.service\n\
                    reset-failed web.service\n";
    assert_eq!(calls, expected);
    well(&it.online().await);
    put(&bench, "unkillable", "");
    let done = it.terminate().await;
    well(&done);
    assert!(done.remains.len() == 1 && done.remains[0].contains("web.service"), "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_active_unit_is_left_over_and_stopped() {
    let bench = Bench::new();
    let it = bench.service(Kind::Unit(unit(&bench))).await;
    for (word, found) in [("inactive", 0), ("failed", 0), ("active", 1), ("activating", 1)] {
        put(&bench, "state", word);
        let done = it.left_over().await;
        well(&done);
        assert_eq!(done.found.len(), found, "{done:?}");
        assert_ne!(state(&bench), "active");
    }
    put(&bench, "state", "active");
    put(&bench, "refuse-stop", "");
    let done = it.left_over().await;
    well(&done);
    assert!(done.found == ["unit web.service was active"] && state(&bench) != "active");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_systemctl_is_not_alive() {
    let bench = Bench::new();
    let settings = bench.settings("it", Kind::Unit(unit(&bench)));
    let limits = Limits { looks_alive: Some(Duration::from_secs(1)), ..Limits::default() };
    let it = bench.start(Settings { limits, ..settings }).await;
    put(&bench, "hang", "");
    not_alive(&it.looks_alive().await, "did not end within 1s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_that_cannot_be_resources_are_told() {
    let bench = Bench::new();
    let table = [
        ("LoadState=not-found", "systemd says that unit web.service is not there"),
        ("LoadState=masked", "systemctl unmask web.service"),
        ("LoadState=bad-setting\nCanStart=yes", "loaded as bad-setting"),
        ("LoadState=loaded\nCanStart=no", "RefuseManualStart="),
    ];
    for (show, expected) in table {
        put(&bench, "show", show);
        let error = refused(&bench, unit(&bench)).await;
        assert!(error.contains(expected), "{error}");
    }
    put(&bench, "mute", "");
    let error = refused(&bench, unit(&bench)).await;
    assert!(error.contains("Failed to connect to bus"), "{error}");
    for name in ["web", "", "a/b.service", "-x.service", "*.service", "web.", ".service"] {
        let error = refused(&bench, Unit { unit: name.to_owned(), ..unit(&bench) }).await;
        assert!(error.contains("not a unit's name"), "{error}");
    }
    // Found in PATH, which is a setting; the host is not run by systemd.
    let bare = Unit { systemctl: "systemctl".into(), booted: bench.path("none"), ..unit(&bench) };
    let mut settings = bench.settings("it", Kind::Unit(bare));
    settings.path = format!("{}:{}", bench.directory.path().display(), settings.path);
    let error = settings.check().await.expect_err("it is wrong");
    assert!(matches!(error, ServiceError::NoSystemd { .. }), "{error:?}");
    assert!(error.to_string().contains("systemd as process 1"), "{error}");
}
