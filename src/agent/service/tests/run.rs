//! Supervised children.

use super::super::process::MARK;
use super::super::supervise::PidFile;
use super::super::{Ended, Limits, Run};
use super::*;
use std::os::unix::process::CommandExt;

/// A child that writes its pid, and a line when it is asked to end.
const POLITE: &str = "trap 'echo bye; kill $!; exit 0' TERM; echo started >&2; sleep 1000 & \
                      echo $$ >$D/pid; wait";

fn ended(bench: &Bench) -> Option<Ended> {
    bench.notices.lock().expect("no panic").iter().find_map(|notice| match notice {
        Notice::Ended(ended) => Some(ended.clone()),
        Notice::Line(_) | Notice::LinesLeftOut { .. } | Notice::AtWork => None,
    })
}

async fn polite(bench: &Bench) -> Service {
    bench.service(Kind::Run(Run::new(bench.argv("child", POLITE)))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_is_started_watched_and_ended() {
    let bench = Bench::new();
    let it = polite(&bench).await;
    not_alive(&it.looks_alive().await, "does not run");
    well(&it.offline().await);
    well(&it.online().await);
    let pid = bench.pid("pid").await;
    let file = PidFile::new(&bench.path("run"), "it");
    assert_eq!(file.named().map(|stat| stat.pid), Some(pid));
    well(&it.looks_alive().await);
    well(&it.is_alive().await);
    // Online again changes nothing.
    well(&it.online().await);
    assert!(runs(pid));
    well(&it.offline().await);
    assert!(!runs(pid) && !bench.path("run/it.pid").exists());
    // The first word goes to standard error, the last to standard output: two pipes have no order.
    let told = || {
        let mut lines = bench.lines();
        lines.sort();
        lines == ["bye", "started"]
    };
    until("its last word is told", told).await;
    not_alive(&it.is_alive().await, "does not run");
    assert_eq!(ended(&bench), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ignores_sigterm_gets_sigkill_after_its_grace() {
    let bench = Bench::new();
    let text = "trap '' TERM; sleep 1000 & echo $! >$D/grandchild\necho $$ >$D/pid\n\
                while :; do sleep 1000; done";
    let grace = Duration::from_secs(1);
    let run = Run { grace, ..Run::new(bench.argv("child", text)) };
    let it = bench.service(Kind::Run(run)).await;
    well(&it.online().await);
    let (pid, grandchild) = (bench.pid("pid").await, bench.pid("grandchild").await);
    let done = it.offline().await;
    well(&done);
    assert!(done.took >= grace);
    assert!(!runs(pid) && !runs(grandchild));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_nobody_asked_for_is_told_at_once() {
    let bench = Bench::new();
    let it = polite(&bench).await;
    well(&it.online().await);
    let pid = bench.pid("pid").await;
    until("it has a child", || bench.members("it").len() >= 2).await;
    let others: Vec<_> = bench.members("it").iter().map(|each| each.pid).collect();
    kill(pid, Signal::KILL);
    until("its end is told", || ended(&bench).is_some()).await;
    let told = ended(&bench).expect("it was told");
    assert!(told.how.contains("signal 9"), "{}", told.how);
    assert_eq!(told.last_lines, ["started"]);
    until("its group has gone", || others.iter().all(|each| !runs(*each))).await;
    assert!(!bench.path("run/it.pid").exists());
    not_alive(&it.looks_alive().await, "does not run");
    well(&it.offline().await);
    fs::remove_file(bench.path("pid")).expect("it was there");
    well(&it.online().await);
    assert_ne!(bench.pid("pid").await, pid);
    well(&it.terminate().await);
    assert_eq!(bench.count(|each| matches!(each, Notice::Ended(_))), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_with_a_status_is_told_with_it() {
    let bench = Bench::new();
    let text = "until test -e $D/go; do sleep 0.05; done; echo no more >&2; exit 42";
    let it = bench.service(Kind::Run(Run::new(bench.argv("child", text)))).await;
    well(&it.online().await);
    fs::write(bench.path("go"), "").expect("it is writable");
    until("its end is told", || ended(&bench).is_some()).await;
    let told = ended(&bench).expect("it was told");
    assert_eq!(
        (told.how.as_str(), told.last_lines),
        ("failed with exit status 42", vec!["no more".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_ends_at_once_never_was_online() {
    let bench = Bench::new();
    let mut run = Run::new(bench.argv("child", "echo cannot bind >&2; exit 98"));
    run.settle = Duration::from_secs(30);
    let it = bench.service(Kind::Run(run)).await;
    let done = it.online().await;
    failed(&done, "exit status 98");
    assert_eq!(done.last_lines, ["cannot bind"]);
    assert_eq!(ended(&bench), None);
    // Also while it is the exit status 0.
    let run = Run { settle: Duration::from_secs(30), ..Run::new(vec!["true".to_owned()]) };
    let other = bench.start(bench.settings("other", Kind::Run(run))).await;
    failed(&other.online().await, "exit status 0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_online_once_its_check_says_so() {
    let bench = Bench::new();
    let mut run = Run::new(bench.argv("child", POLITE));
    run.settle = Duration::from_millis(10);
    run.is_alive = Some(bench.argv("is", "echo asked >>$D/asked; test -e $D/ready"));
    let settings = bench.settings("it", Kind::Run(run));
    let limits = Limits { online: Some(Duration::from_secs(3)), ..Limits::default() };
    let it = bench.start(Settings { limits, ..settings }).await;
    let online = it.online();
    until("it is asked twice", || {
        fs::read_to_string(bench.path("asked")).is_ok_and(|text| text.lines().count() >= 2)
    })
    .await;
    fs::write(bench.path("ready"), "").expect("it is writable");
    well(&online.await);
    let pid = bench.pid("pid").await;
    fs::remove_file(bench.path("ready")).expect("it was there");
    not_alive(&it.is_alive().await, "exit status 1");
    well(&it.looks_alive().await);
    // It runs, and does not come up within its limit.
    let done = it.online().await;
    assert!(matches!(done.result, Err(ServiceError::TimedOut { .. })), "{done:?}");
    assert!(runs(pid));
    well(&it.terminate().await);
    assert!(!runs(pid));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminate_while_it_comes_up_leaves_nothing() {
    let bench = Bench::new();
    let text = "trap '' TERM; (setsid sh -c 'echo $$ >'$D/daemon'; exec sleep 1000' &)\n\
                echo $$ >$D/pid; while :; do sleep 1000; done";
    let mut run = Run::new(bench.argv("child", text));
    run.is_alive = Some(vec!["false".to_owned()]);
    let it = bench.service(Kind::Run(run)).await;
    let online = it.online();
    let (pid, daemon) = (bench.pid("pid").await, bench.pid("daemon").await);
    let done = it.terminate().await;
    called_off(&online.await, Action::Terminate);
    well(&done);
    assert!(!runs(pid) && !runs(daemon) && done.remains.is_empty());
    assert_eq!(bench.members("it"), []);
    assert!(!bench.path("run/it.pid").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_online_that_calls_an_offline_off_gets_a_new_child() {
    let bench = Bench::new();
    let text = "trap 'touch $D/asked' TERM; echo $$ >$D/pid; while :; do sleep 0.1; done";
    let run = Run { grace: PATIENCE, ..Run::new(bench.argv("child", text)) };
    let it = bench.service(Kind::Run(run)).await;
    well(&it.online().await);
    let first = bench.pid("pid").await;
    let offline = it.offline();
    until("it is asked to end", || bench.path("asked").exists()).await;
    fs::remove_file(bench.path("pid")).expect("it was there");
    let online = it.online();
    called_off(&offline.await, Action::Online);
    well(&online.await);
    let second = bench.pid("pid").await;
    assert!(!runs(first) && runs(second) && first != second);
    well(&it.terminate().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_watches_it_so_it_does_not_run_on() {
    let bench = Bench::new();
    let it = polite(&bench).await;
    well(&it.online().await);
    until("it has a child", || bench.members("it").len() >= 2).await;
    let all = bench.members("it");
    drop(it);
    until("all of it has ended", || all.iter().all(|each| !runs(each.pid))).await;
}

/// A child of an earlier life, without mark or with.
fn earlier(bench: &Bench, mark: Option<&str>) -> std::process::Child {
    let mut command = std::process::Command::new(bench.script("earlier", "sleep 1000 & wait"));
    command.process_group(0);
    if let Some(mark) = mark {
        command.env(MARK, mark);
    }
    command.spawn().expect("a child")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_lifes_child_is_found_by_its_pid_file() {
    let bench = Bench::new();
    let it = polite(&bench).await;
    let mut child = earlier(&bench, None);
    let pid = i32::try_from(child.id()).expect("a pid");
    let started = Stat::of(pid).expect("it runs").started;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot");
    let file = bench.path("run/it.pid");
    // Another process has got its number.
    fs::write(&file, format!("{pid} {} {boot}", started + 1)).expect("it is writable");
    let done = it.left_over().await;
    well(&done);
    assert!(done.found.is_empty() && runs(pid) && !file.exists(), "{done:?}");
    // That very process, with what is in its group.
    fs::write(&file, format!("{pid} {started} {boot}")).expect("it is writable");
    let done = it.left_over().await;
    well(&done);
    assert!(!done.found.is_empty() && done.remains.is_empty(), "{done:?}");
    assert!(!runs(pid) && !file.exists());
    child.wait().expect("it has ended");
    let done = it.left_over().await;
    assert!(done.result.is_ok() && done.found.is_empty(), "{done:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_lifes_child_is_found_by_its_mark() {
    let bench = Bench::new();
    let it = polite(&bench).await;
    let mark = bench.path("run/it").to_string_lossy().into_owned();
    let mut child = earlier(&bench, Some(&mark));
    until("it runs", || bench.members("it").len() == 2).await;
    let done = it.left_over().await;
    well(&done);
    assert_eq!((done.found.len(), done.remains.len()), (2, 0), "{done:?}");
    assert_eq!(bench.members("it"), []);
    child.wait().expect("it has ended");
}

/// A cgroup to make cgroups in, if this machine lets us.
struct Delegated(PathBuf);

impl Delegated {
    fn new() -> Result<Self, String> {
        let mounts = fs::read_to_string("/proc/mounts").map_err(|error| error.to_string())?;
        let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let mount = mounts.find(|fields| fields.get(2) == Some(&"cgroup2"));
        let mount = mount.ok_or("there is no cgroup file system of version 2")?[1].to_owned();
        let own = Path::new(&mount).join(format!("dagtwin-test-{}", std::process::id()));
        fs::create_dir(&own).map_err(|error| format!("no cgroup can be made: {error}"))?;
        Ok(Delegated(own))
    }
}

impl Drop for Delegated {
    fn drop(&mut self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let _ = fs::write(entry.path().join("cgroup.kill"), "1");
            for _ in 0..200 {
                if !entry.path().is_dir() || fs::remove_dir(entry.path()).is_ok() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = fs::remove_dir(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaves_a_cgroup() {
    let delegated = match Delegated::new() {
        Ok(delegated) => delegated,
        Err(why) => return skip("nothing_leaves_a_cgroup", &why),
    };
    let bench = Bench::new();
    // No mark, a session of its own, and no parent.
    let text = "env -i /usr/bin/setsid /bin/sh -c 'echo $$ >'$D/daemon'; \
                exec /bin/sleep 1000' & sleep 0.2; echo \"$1\" >$D/argument\necho $$ >$D/pid; wait";
    let mut command = bench.argv("child", text);
    command.push("a $b 'c".to_owned());
    let settings = bench.settings("it", Kind::Run(Run::new(command)));
    let settings = Settings { cgroup: Some(delegated.0.clone()), ..settings };
    let it = bench.start(settings).await;
    well(&it.online().await);
    let (pid, daemon) = (bench.pid("pid").await, bench.pid("daemon").await);
    assert_eq!(fs::read_to_string(bench.path("argument")).expect("it is written"), "a $b 'c\n");
    // Without the leader nothing but the cgroup says whose the daemon is.
    kill(pid, Signal::KILL);
    until("its end is told", || ended(&bench).is_some()).await;
    assert!(runs(daemon));
    let done = it.terminate().await;
    well(&done);
    assert!(!runs(daemon) && done.remains.is_empty(), "{done:?}");
    assert!(!delegated.0.join("it").exists(), "the cgroup is removed");
    well(&it.online().await);
    let daemon = bench.pid("daemon").await;
    well(&it.offline().await);
    assert!(!runs(daemon));
}
