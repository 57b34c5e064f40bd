//! Settings that cannot be right are told with their remedy.

use super::super::{Command, Limits, Ocf, Run};
use super::*;

fn command(bench: &Bench) -> Command {
    let (start, stop) = (bench.argv("start", "exit 0"), bench.argv("stop", "exit 0"));
    Command { start, stop, ..Command::default() }
}

/// Settings made wrong are refused, and the message says what it should.
async fn wrong(bench: &Bench, make: impl FnOnce(&mut Settings), expected: &[&str]) {
    let mut settings = bench.settings("it", Kind::Command(command(bench)));
    make(&mut settings);
    let error = settings.check().await.expect_err(expected[0]).to_string();
    for each in expected {
        assert!(error.contains(each), "{each}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn general_settings_are_checked() {
    let bench = Bench::new();
    for name in ["", ".x", "-x", "a b", "a/b", "ä", &"x".repeat(65)] {
        wrong(&bench, |settings| settings.name = name.to_owned(), &["name is", "A-Z"]).await;
    }
    for (name, value) in [("PATH", "x"), ("DAGTWIN_RESOURCE", "x"), ("OCF_ROOT", "x")] {
        let put = |settings: &mut Settings| {
            settings.environment.insert(name.to_owned(), value.to_owned());
        };
        wrong(&bench, put, &["environment", name, "leave it out"]).await;
    }
    for (name, value) in [("", "x"), ("A=B", "x"), ("A", "\0")] {
        let put = |settings: &mut Settings| {
            settings.environment.insert(name.to_owned(), value.to_owned());
        };
        wrong(&bench, put, &["environment", "zero byte"]).await;
    }
    let zero = Limits { is_alive: Some(Duration::ZERO), ..Limits::default() };
    wrong(&bench, |settings| settings.limits = zero, &["limits is 0"]).await;
    let relative = |settings: &mut Settings| settings.run_directory = "run".into();
    wrong(&bench, relative, &["run_directory", "absolute"]).await;
    let unwritable = |settings: &mut Settings| settings.run_directory = "/proc/x".into();
    wrong(&bench, unwritable, &["run_directory", "a directory of its own"]).await;
    let none = bench.path("none");
    wrong(&bench, |settings| settings.cgroup = Some(none), &["cgroup", "version 2"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_are_checked() {
    let bench = Bench::new();
    fs::write(bench.path("plain"), "").expect("it is writable");
    let plain = bench.path("plain").to_string_lossy().into_owned();
    let directory = bench.directory.path().to_string_lossy().into_owned();
    let table = [
        ("/nowhere/x", "is not there; install it, or correct the path".to_owned()),
        ("no-such-program", "is not there; install it, or give its path (searched: /".to_owned()),
        ("./x", "relative path".to_owned()),
        ("", "is not there".to_owned()),
        (&plain, format!("is not executable; chmod +x {plain}")),
        (&directory, "is no file".to_owned()),
    ];
    for (program, expected) in table {
        let argv = vec![program.to_owned()];
        let start = Command { start: argv.clone(), ..command(&bench) };
        let kind = Kind::Command(start);
        wrong(&bench, |settings| settings.kind = kind, &["of start", &expected]).await;
        let probe = Command { is_alive: Some(argv.clone()), ..command(&bench) };
        let kind = Kind::Command(probe);
        wrong(&bench, |settings| settings.kind = kind, &["of is_alive", &expected]).await;
        let kind = Kind::Run(Run::new(argv));
        wrong(&bench, |settings| settings.kind = kind, &["of command", &expected]).await;
        let kind = Kind::Ocf(Ocf::new(program));
        wrong(&bench, |settings| settings.kind = kind, &["of agent", &expected]).await;
    }
    let empty = Kind::Command(Command { stop: Vec::new(), ..command(&bench) });
    wrong(&bench, |settings| settings.kind = empty, &["stop is empty"]).await;
    let zero = Kind::Run(Run::new(vec!["true".to_owned(), "a\0b".to_owned()]));
    wrong(&bench, |settings| settings.kind = zero, &["zero byte"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_order_is_resolved() {
    let bench = Bench::new();
    let kind = Kind::Run(Run::new(vec!["sleep".to_owned(), "1".to_owned()]));
    let checked = bench.settings("it", kind).check().await.expect("it is in order");
    let Kind::Run(run) = &checked.settings().kind else { panic!("{checked:?}") };
    assert!(run.command[0].starts_with('/') && run.command[0].ends_with("/sleep"));
    assert_eq!(checked.bounds.online, Duration::from_secs(180));
    assert_eq!(checked.bounds.looks_alive, Duration::from_secs(5));
    let kind = Kind::Command(command(&bench));
    let checked = bench.settings("it", kind).check().await.expect("it is in order");
    assert!(checked.remarks()[0].contains("no health check"));
    assert!(checked.meta_data().is_none());
}
