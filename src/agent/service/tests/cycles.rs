//! A long life leaks nothing. Counted in a process of its own, for the other tests have open files
//! and children too.

use super::super::Run;
use super::*;

/// Online and offline so often.
const CYCLES: usize = 1000;
/// Open files and threads may differ by so much: pools fill.
const SLACK: usize = 4;

/// Runs a test of this module in a process of its own.
fn alone(test: &str) {
    let program = std::env::current_exe().expect("it runs");
    let name = format!("{}::{test}", module_path!().split_once("::").expect("a path").1);
    let ran = std::process::Command::new(program)
        .args(["--ignored", "--exact", &name, "--nocapture"])
        .output()
        .expect("it can be run");
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    let error = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && told.contains("1 passed"), "{told}{error}");
    told.lines().filter(|line| line.contains("cycles")).for_each(|line| println!("{line}"));
}

#[test]
fn an_agent_leaks_nothing() {
    alone("agent_cycles");
}

#[test]
fn a_child_leaks_nothing() {
    alone("child_cycles");
}

#[test]
fn calling_off_leaks_nothing() {
    alone("called_off_cycles");
}

fn count(directory: &str) -> usize {
    fs::read_dir(directory).expect("it is there").count()
}

/// Children of this process, ended ones too.
fn children() -> Vec<String> {
    let mut found = Vec::new();
    for task in fs::read_dir("/proc/self/task").expect("it is there").flatten() {
        let list = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(list.split_ascii_whitespace().map(str::to_owned));
    }
    found
}

/// Counts before and after.
async fn leaks_nothing(bench: &Bench, name: &str, cycle: impl AsyncFn(usize)) {
    // The first ones fill pools.
    for number in 0..10 {
        cycle(number).await;
    }
    let files = count("/proc/self/fd");
    let begun = std::time::Instant::now();
    for number in 0..CYCLES {
        cycle(number).await;
    }
    println!("{CYCLES} cycles of {name}: {:?} each", begun.elapsed() / 1000);
    until("every child is reaped", || children().is_empty()).await;
    until("files are closed", || count("/proc/self/fd") <= files + SLACK).await;
    until("nothing runs", || bench.members("it").is_empty()).await;
    let threads = count("/proc/self/task");
    assert!(threads < 20, "{threads}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by an_agent_leaks_nothing in a process of its own"]
async fn agent_cycles() {
    let bench = Bench::new();
    let it = bench.service(Kind::Ocf(super::ocf::agent(&bench).with("mode", "daemon"))).await;
    leaks_nothing(&bench, "an agent with a daemon", async |_| {
        well(&it.online().await);
        well(&it.offline().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by a_child_leaks_nothing in a process of its own"]
async fn child_cycles() {
    let bench = Bench::new();
    let run =
        Run { settle: Duration::ZERO, ..Run::new(vec!["sleep".to_owned(), "1000".to_owned()]) };
    let it = bench.service(Kind::Run(run)).await;
    leaks_nothing(&bench, "a supervised child", async |_| {
        well(&it.online().await);
        well(&it.looks_alive().await);
        well(&it.offline().await);
    })
    .await;
}

/// Orders that come at any moment of one another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by calling_off_leaks_nothing in a process of its own"]
async fn called_off_cycles() {
    let bench = Bench::new();
    let it = bench.service(Kind::Ocf(super::ocf::agent(&bench).with("mode", "daemon"))).await;
    leaks_nothing(&bench, "orders called off", async |number| {
        let online = it.online();
        // 0 to 9.9 ms: before, while and after the agent starts its daemon.
        let wait = u64::try_from(number % 100).expect("small") * 100;
        tokio::time::sleep(Duration::from_micros(wait)).await;
        let probe = it.is_alive();
        let done = if number % 4 == 0 { it.terminate().await } else { it.offline().await };
        let online = online.await;
        assert!(
            online.result.is_ok() || matches!(online.result, Err(ServiceError::CalledOff { .. }))
        );
        drop(probe.await);
        well(&done);
        if number % 4 != 0 {
            // A start that was killed may have left a daemon that its stop does not know of.
            well(&it.terminate().await);
        }
    })
    .await;
    assert_eq!(bench.members("it"), []);
}
