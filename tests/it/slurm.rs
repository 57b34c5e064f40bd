//! The example of docs/slurm, end to end: a Slurm of this machine alone, a sweep in four shares of
//! which one is killed at first, and the merge, which is the sweep in one piece byte for byte.

use crate::program::{Folder, told};
use crate::source::root;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The sweep: 4 values, so that each share has something to do.
const SWEEP: &[&str] = &[
    "two-node-2010",
    "--scenario",
    "nic-loss",
    "--vary",
    "cluster.same_subnet_threshold=3..6",
    "--runs",
    "2",
];

/// Kills the second task's program in its first attempt.
const KILLS_ONE: &str = r#"#!/usr/bin/env bash
if [ "${SLURM_ARRAY_TASK_ID:-}" = 2 ] && mkdir "$(dirname "$0")/killed" 2>/dev/null; then
    timeout --signal=KILL 0.2 "$PROGRAM" "$@"
    exit 137
fi
exec "$PROGRAM" "$@"
"#;

/// Why this machine cannot run a Slurm of its own, if it cannot.
fn hindrance() -> Option<String> {
    let quiet = |command: &mut Command| command.output().is_ok_and(|out| out.status.success());
    let there = |name: &&str| quiet(Command::new("sh").args(["-c", &format!("command -v {name}")]));
    let missing = ["slurmctld", "slurmd", "munged", "sbatch"].into_iter().find(|name| !there(name));
    if let Some(name) = missing {
        return Some(format!("{name} is not installed (slurm-wlm, munge)"));
    }
    let user = Command::new("id").arg("-u").output().expect("id");
    (user.stdout != b"0\n").then(|| "Slurm's daemons need root".to_owned())
}

/// A port that is free, and the next one too.
fn port() -> u16 {
    loop {
        let one = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = one.local_addr().expect("its number").port();
        let next = port.checked_add(1).map(|next| TcpListener::bind(("127.0.0.1", next)));
        if next.is_some_and(|next| next.is_ok()) {
            return port;
        }
    }
}

/// A cluster that runs; its folder is short, for the name of a socket has at most 107 bytes.
struct Cluster(PathBuf);

impl Cluster {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("dagtwin-{}", std::process::id()));
        let cluster = Cluster(folder);
        let output = cluster.script(&["start"], &[&port().to_string()]);
        assert!(output.status.success(), "{}", all(&output));
        cluster
    }

    fn script(&self, before: &[&str], after: &[&str]) -> Output {
        let mut command = Command::new(root().join("docs/slurm/cluster.sh"));
        command.args(before).arg(&self.0).args(after).output().expect("cluster.sh starts")
    }

    /// The sweep with the example's script; `program` is in place of dagtwin.
    fn submit(&self, folder: &str, program: &Path) -> Output {
        let mut command = Command::new("timeout");
        command.arg("300").arg(root().join("docs/slurm/submit.sh")).args([folder, "4"]);
        command.args(SWEEP).args(["--", "--format", "json"]);
        command.env("SLURM_CONF", self.0.join("slurm.conf"));
        command.env("DAGTWIN", program).env("PROGRAM", env!("CARGO_BIN_EXE_dagtwin"));
        command.output().expect("submit.sh starts")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.script(&["stop"], &[]);
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a call wrote, for messages.
fn all(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whether a test may be skipped is told by the caller"
)]
fn the_merge_of_an_array_job_is_the_sweep_and_a_killed_task_is_made_up_for() {
    if let Some(why) = hindrance() {
        assert!(std::env::var_os("DAGTWIN_NO_SKIP").is_none(), "must not be skipped: {why}");
        eprintln!("skipped: {why}");
        return;
    }
    let folder = Folder::new("slurm");
    let program = PathBuf::from(folder.path("kills-one"));
    std::fs::write(&program, KILLS_ONE).expect("the script is written");
    let allow = Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, allow).expect("the script can be run");
    let cluster = Cluster::start();
    let runs = folder.path("runs");

    let first = cluster.submit(&runs, &program);
    let said = all(&first);
    assert_eq!(first.status.code(), Some(1), "{said}");
    assert!(first.stdout.is_empty(), "{said}");
    assert!(said.contains("share 2 of 4 failed") && !said.contains("share 3"), "{said}");
    assert!(said.contains("repeat: ") && said.contains("--vary"), "{said}");

    let kept = |share: &str| std::fs::read(Path::new(&runs).join(share)).expect("a share's runs");
    let before = kept("part.1");
    let second = cluster.submit(&runs, &program);
    let said = all(&second);
    assert!(second.status.success(), "{said}");
    assert_eq!(before, kept("part.1"), "a share that was complete is left alone");
    let note = String::from_utf8(kept("part.1.log")).expect("a note in UTF-8");
    assert!(note.contains(": 0 runs made"), "its runs are not made again: {note}");

    let whole = told(&[&["sweep"], SWEEP, &["--format", "json"]].concat());
    assert_eq!(whole.status, 0, "{}", whole.err);
    assert_eq!(String::from_utf8_lossy(&second.stdout), whole.out);
}
