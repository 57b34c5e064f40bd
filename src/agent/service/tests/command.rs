//! Commands, and what holds for every kind: order, calling off, output, environment.

use super::super::{Command, Limits, Stream};
use super::*;

/// A resource whose state is a file.
fn filed(bench: &Bench) -> Command {
    Command {
        start: bench.argv("filed-start", "touch $D/state"),
        stop: bench.argv("filed-stop", "rm -f $D/state"),
        looks_alive: Some(
            bench.argv("filed-looks", "test -e $D/state || { echo gone >&2; exit 3; }"),
        ),
        is_alive: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_goes_online_and_offline_and_tells_its_health() {
    let bench = Bench::new();
    let it = bench.service(Kind::Command(filed(&bench))).await;
    let done = it.looks_alive().await;
    not_alive(&done, "exit status 3");
    assert_eq!(done.last_lines, ["gone"]);
    well(&it.online().await);
    well(&it.looks_alive().await);
    well(&it.is_alive().await);
    well(&it.offline().await);
    not_alive(&it.is_alive().await, "exit status 3");
    well(&it.offline().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_tells_the_last_lines() {
    let bench = Bench::new();
    let text = "for i in $(seq 30); do echo error $i >&2; done; echo out; exit 9";
    let command = Command { start: bench.argv("fail", text), ..filed(&bench) };
    let done = bench.service(Kind::Command(command)).await.online().await;
    failed(&done, "exit status 9");
    let expected: Vec<String> = (11..=30).map(|line| format!("error {line}")).collect();
    assert_eq!(done.last_lines, expected);
    assert_eq!(bench.lines().len(), 31);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_start_is_ended_with_its_children() {
    let bench = Bench::new();
    let text = "trap '' TERM\nsleep 1000 & echo $! >$D/grandchild\necho waiting >&2\nwait";
    let command = Command { start: bench.argv("hang", text), ..filed(&bench) };
    let settings = bench.settings("it", Kind::Command(command));
    let limits = Limits { online: Some(Duration::from_secs(2)), ..Limits::default() };
    let it = bench.start(Settings { limits, ..settings }).await;
    let done = it.online().await;
    assert!(matches!(done.result, Err(ServiceError::TimedOut { .. })), "{done:?}");
    assert!(done.took >= Duration::from_secs(2));
    assert_eq!(done.last_lines, ["waiting"]);
    let grandchild = bench.pid("grandchild").await;
    until("the grandchild has ended", || !runs(grandchild)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_order_calls_an_older_one_off() {
    let bench = Bench::new();
    let text = "echo $$ >$D/pid; touch $D/state; sleep 1000";
    let command = Command { start: bench.argv("hang", text), ..filed(&bench) };
    let it = bench.service(Kind::Command(command)).await;
    let online = it.online();
    let pid = bench.pid("pid").await;
    let (second, offline) = (it.online(), it.offline());
    called_off(&online.await, Action::Online);
    called_off(&second.await, Action::Offline);
    well(&offline.await);
    assert!(!runs(pid) && !bench.path("state").exists());
    assert_eq!(bench.members("it"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminate_is_not_called_off() {
    let bench = Bench::new();
    let stop = bench.argv("slow", "touch $D/stopping; sleep 1; rm -f $D/state; echo x >>$D/stops");
    let it = bench.service(Kind::Command(Command { stop, ..filed(&bench) })).await;
    well(&it.online().await);
    let terminate = it.terminate();
    until("it stops", || bench.path("stopping").exists()).await;
    let (offline, online) = (it.offline(), it.online());
    well(&terminate.await);
    called_off(&offline.await, Action::Online);
    well(&online.await);
    assert_eq!(fs::read_to_string(bench.path("stops")).expect("it stopped"), "x\n");
    // And not while it waits in line.
    let (first, second, third) = (it.terminate(), it.terminate(), it.online());
    well(&first.await);
    well(&second.await);
    well(&third.await);
    assert_eq!(fs::read_to_string(bench.path("stops")).expect("it stopped"), "x\nx\nx\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminate_during_start_leaves_nothing_running() {
    let bench = Bench::new();
    let text = "trap '' TERM\n(setsid sh -c 'trap \"\" TERM; echo $$ >'$D/daemon'; \
                while :; do sleep 1000; done' &)\nsleep 1000 & echo $! >$D/grandchild\nwait";
    let command = Command { start: bench.argv("hang", text), ..filed(&bench) };
    let it = bench.service(Kind::Command(command)).await;
    let online = it.online();
    let (daemon, grandchild) = (bench.pid("daemon").await, bench.pid("grandchild").await);
    assert!(runs(daemon) && runs(grandchild));
    let done = it.terminate().await;
    well(&done);
    assert_eq!(done.remains, [""; 0]);
    called_off(&online.await, Action::Terminate);
    assert!(!runs(daemon) && !runs(grandchild));
    assert_eq!(bench.members("it"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminate_never_fails_and_tells_what_remains() {
    let bench = Bench::new();
    let start = bench.argv("start", "setsid sleep 1000 & echo $! >$D/daemon");
    let stop = bench.argv("stop", "echo x >>$D/stops; echo I will not >&2; exit 1");
    let it = bench.service(Kind::Command(Command { start, stop, ..filed(&bench) })).await;
    well(&it.online().await);
    let daemon = bench.pid("daemon").await;
    failed(&it.offline().await, "exit status 1");
    assert!(runs(daemon));
    let done = it.terminate().await;
    well(&done);
    assert!(!runs(daemon));
    assert_eq!(done.last_lines, ["I will not"]);
    assert!(done.remains.len() == 1 && done.remains[0].contains("exit status 1"), "{done:?}");
    // Offline once, and twice by terminate.
    assert_eq!(fs::read_to_string(bench.path("stops")).expect("it was asked"), "x\nx\nx\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_probe_is_not_alive_and_others_join_it() {
    let bench = Bench::new();
    let text = "echo x >>$D/looks.count; trap '' TERM; sleep 1000 & echo $! >$D/g; wait";
    let command = Command {
        looks_alive: Some(bench.argv("looks", text)),
        is_alive: Some(bench.argv("is", "exit 0")),
        ..filed(&bench)
    };
    let settings = bench.settings("it", Kind::Command(command));
    let limits = Limits { looks_alive: Some(Duration::from_secs(2)), ..Limits::default() };
    let it = bench.start(Settings { limits, ..settings }).await;
    let asked = [it.looks_alive(), it.looks_alive(), it.looks_alive()];
    // The other kind is not held up.
    well(&it.is_alive().await);
    for each in asked {
        not_alive(&each.await, "did not end within 2s");
    }
    assert_eq!(fs::read_to_string(bench.path("looks.count")).expect("it ran"), "x\n");
    let grandchild = bench.pid("g").await;
    until("what it started has ended", || !runs(grandchild)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_probe_leaves_is_killed() {
    let bench = Bench::new();
    let looks_alive = Some(bench.argv("looks", "sleep 1000 & echo $! >$D/left; exit 0"));
    let it = bench.service(Kind::Command(Command { looks_alive, ..filed(&bench) })).await;
    well(&it.looks_alive().await);
    let left = bench.pid("left").await;
    until("it has ended", || !runs(left)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_give_way_to_changes() {
    let bench = Bench::new();
    let command = Command {
        start: bench.argv("start", "until test -e $D/go; do sleep 0.05; done"),
        looks_alive: Some(bench.argv("looks", "echo $$ >$D/looks.pid; sleep 1000")),
        ..filed(&bench)
    };
    let it = bench.service(Kind::Command(command)).await;
    let probe = it.looks_alive();
    let pid = bench.pid("looks.pid").await;
    let online = it.online();
    called_off(&probe.await, Action::Online);
    assert!(!runs(pid));
    called_off(&it.is_alive().await, Action::Online);
    fs::write(bench.path("go"), "").expect("it is writable");
    well(&online.await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_bounded_and_counted() {
    let bench = Bench::new();
    let text = "seq 50000 >&2\nhead -c 3000 /dev/zero | tr '\\0' x >&2; echo >&2; exit 1";
    let command = Command { start: bench.argv("flood", text), ..filed(&bench) };
    let done = bench.service(Kind::Command(command)).await.online().await;
    failed(&done, "exit status 1");
    assert_eq!(done.last_lines.len(), 20);
    assert_eq!(done.last_lines[18], "50000");
    assert_eq!(done.last_lines[19], format!("{} [...]", "x".repeat(1000)));
    let count = || {
        let mut left_out = 0;
        for notice in bench.notices.lock().expect("no panic").iter() {
            if let Notice::LinesLeftOut { lines, .. } = notice {
                left_out += lines;
            }
        }
        (bench.lines().len(), usize::try_from(left_out).expect("small"))
    };
    until("every line is told or counted", || count().0 + count().1 == 50_001).await;
    let (told, _) = count();
    // 100 a second, in the seconds that it took and the one that had begun.
    let seconds = usize::try_from(done.took.as_secs()).expect("short") + 2;
    assert!(told >= 100 && told <= 100 * seconds, "{told} in {:?}", done.took);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_resource_that_writes_is_at_work() {
    let bench = Bench::new();
    let start = bench.argv("start", "for i in 1 2 3 4 5 6; do printf .; sleep 0.5; done");
    let looks_alive = Some(bench.argv("looks", "echo fine"));
    let stop = bench.argv("quiet", "sleep 1");
    let it =
        bench.service(Kind::Command(Command { start, stop, looks_alive, ..filed(&bench) })).await;
    well(&it.online().await);
    let told = bench.count(|each| *each == Notice::AtWork);
    assert!((2..=6).contains(&told), "{told}");
    well(&it.looks_alive().await);
    well(&it.offline().await);
    assert_eq!(bench.count(|each| *each == Notice::AtWork), told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_may_go_on_writing_and_its_pipe_is_read() {
    let bench = Bench::new();
    let text = "(setsid sh -c 'until test -e '$D/go'; do sleep 0.05; done; echo hello; \
                echo $$ >'$D/pid'; exec sleep 1000' &)";
    let start = bench.argv("start", text);
    let it = bench.service(Kind::Command(Command { start, ..filed(&bench) })).await;
    well(&it.online().await);
    fs::write(bench.path("go"), "").expect("it is writable");
    let daemon = bench.pid("pid").await;
    until("its line is told", || bench.lines() == ["hello"]).await;
    assert!(runs(daemon));
    well(&it.terminate().await);
    assert!(!runs(daemon));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_have_a_clean_environment_and_no_input() {
    let bench = Bench::new();
    let start = vec!["env".to_owned()];
    let stop = bench.argv("stop", "read x && echo got $x; pwd; echo \"[$1]\"");
    let stop = vec![stop[0].clone(), "a b; $HOME *".to_owned()];
    let mut settings =
        bench.settings("it", Kind::Command(Command { start, stop, ..filed(&bench) }));
    settings.environment.insert("COLOUR".to_owned(), "blue sky".to_owned());
    let (path, mark) = (settings.path.clone(), settings.realm().mark);
    let it = bench.start(settings).await;
    well(&it.online().await);
    let mut lines = bench.lines();
    lines.sort();
    let mark = format!("DAGTWIN_RESOURCE={mark}");
    let expected = ["COLOUR=blue sky", &mark, "HOME=/", "LC_ALL=C", &format!("PATH={path}")];
    assert_eq!(lines, expected);
    bench.notices.lock().expect("no panic").clear();
    well(&it.offline().await);
    assert_eq!(bench.lines(), ["/", "[a b; $HOME *]"]);
    let streams = bench.count(|each| {
        matches!(each, Notice::Line(line)
            if line.stream == Stream::Output && line.action == Action::Offline)
    });
    assert_eq!(streams, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_life_left_is_stopped_and_not_adopted() {
    let bench = Bench::new();
    let it = bench.service(Kind::Command(filed(&bench))).await;
    let done = it.left_over().await;
    well(&done);
    assert_eq!(done.found, [""; 0]);
    fs::write(bench.path("state"), "").expect("it is writable");
    let done = it.left_over().await;
    well(&done);
    assert_eq!(done.found.len(), 1, "{done:?}");
    assert!(!bench.path("state").exists());
    // A process that only its mark gives away.
    let mark = bench.settings("it", Kind::Command(filed(&bench))).realm().mark;
    let mut stray = std::process::Command::new("setsid")
        .args(["sh", "-c", "trap '' TERM; while :; do sleep 1000; done"])
        .env("DAGTWIN_RESOURCE", mark)
        .spawn()
        .expect("setsid");
    until("it carries the mark", || !bench.members("it").is_empty()).await;
    let done = it.left_over().await;
    well(&done);
    assert!(!done.found.is_empty() && done.remains.is_empty(), "{done:?}");
    assert_eq!(bench.members("it"), []);
    stray.wait().expect("it has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_resources_processes_are_left_alone() {
    let bench = Bench::new();
    let start = |name: &str| bench.argv(&format!("start-{name}"), "sleep 1000 & exit 0");
    let of = |name: &str| {
        let command = Command { start: start(name), ..filed(&bench) };
        bench.settings(name, Kind::Command(command))
    };
    let (one, other) = (bench.start(of("one")).await, bench.start(of("one-more")).await);
    well(&one.online().await);
    well(&other.online().await);
    well(&one.terminate().await);
    assert_eq!((bench.members("one").len(), bench.members("one-more").len()), (0, 1));
    well(&other.terminate().await);
    assert_eq!(bench.members("one-more"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_vanished_is_the_machines_fault() {
    let bench = Bench::new();
    let it = bench.service(Kind::Command(filed(&bench))).await;
    fs::remove_file(bench.path("filed-start")).expect("it was there");
    let done = it.online().await;
    let Err(ServiceError::CannotRun { program, .. }) = &done.result else { panic!("{done:?}") };
    assert!(program.ends_with("/filed-start"), "{program}");
}
