//! Namespaces that end with this process, even if it is killed: each is held by a process that
//! ends when its input does.

use crate::ground::{feed, said};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A network, the mounts and the name of a host, whether it has power or not.
pub(crate) struct Space {
    holder: Child,
}

impl Space {
    pub(crate) fn new(name: &str) -> Space {
        let script = format!("hostname {name} && ip link set lo up && echo up && exec cat");
        let mut command = Command::new("unshare");
        command.args([
            "--net",
            "--mount",
            "--uts",
            "--propagation",
            "private",
            "sh",
            "-c",
            &script,
        ]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().expect("unshare");
        await_line(&mut holder);
        Space { holder }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.holder.id()
    }

    /// A command that runs in it.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.pid().to_string();
        command.args(["--target", &target, "--net", "--mount", "--uts", "--", program]);
        command
    }

    /// Runs a command in it that has to succeed.
    pub(crate) fn run(&self, line: &str) -> String {
        let mut words = line.split(' ');
        said(self.command(words.next().unwrap_or_default()).args(words))
    }

    /// Lines for `ip`, done at once.
    pub(crate) fn ip(&self, lines: &str) {
        feed(self.command("ip").args(["-batch", "-"]), lines);
    }

    /// Rules for nftables, taken as a whole.
    pub(crate) fn nft(&self, rules: &str) {
        feed(self.command("nft").args(["-f", "-"]), rules);
    }

    /// A file as those in it see it.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix("/").unwrap_or(path);
        PathBuf::from(format!("/proc/{}/root", self.pid())).join(inside)
    }

    /// Moves the calling thread to its network. What it opens from then on is there.
    pub(crate) fn enter(&self) {
        enter(self.pid());
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Moves the calling thread to the network of a process.
pub(crate) fn enter(process: u32) {
    let file = File::open(format!("/proc/{process}/ns/net")).expect("it is there");
    let network = Some(LinkNameSpaceType::Network);
    move_into_link_name_space(file.as_fd(), network).expect("root may");
}

/// Waits until a process has said a first line.
pub(crate) fn await_line(child: &mut Child) {
    let mut line = String::new();
    let out = child.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut line).expect("it says something");
    assert!(!line.is_empty(), "it ended at once");
}
